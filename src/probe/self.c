/* self.c: what /proc says about this process. Opened anew each time: a library must not leave
 * descriptors lying in its host, which may close or reuse them. */
#include "probe/probe.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

size_t probe_file_read(const char *path, char *buffer, size_t size)
{
    ssize_t count = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0) {
        count = read(fd, buffer, size - 1);
        close(fd);
    }
    buffer[count > 0 ? count : 0] = 0;
    return count > 0 ? (size_t)count : 0;
}

/* Field 22 of /proc/PID/stat (proc(5)). The name in field 2 may hold blanks and brackets: count
 * from the last one. */
uint64_t probe_start_ticks(void)
{
    char text[1024];
    probe_file_read("/proc/self/stat", text, sizeof(text));
    const char *field = strrchr(text, ')');
    for (int i = 2; field && i < 22; i++)
        field = strchr(field + 1, ' ');
    return field ? strtoull(field, NULL, 10) : 0;
}

/* Second field of /proc/PID/statm: resident pages. */
uint64_t probe_rss_bytes(void)
{
    char text[128];
    probe_file_read("/proc/self/statm", text, sizeof(text));
    const char *resident = strchr(text, ' ');
    return resident ? strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* VmHWM of /proc/PID/status. Not getrusage's ru_maxrss: that begins at the size of the process that
 * forked this one, and exec does not reset it. */
uint64_t probe_peak_bytes(void)
{
    char text[4096];
    probe_file_read("/proc/self/status", text, sizeof(text));
    const char *peak = strstr(text, "\nVmHWM:");
    return peak ? strtoull(peak + strlen("\nVmHWM:"), NULL, 10) * 1024 : 0;
}

uint64_t probe_cpu_ns(void)
{
    struct timespec cpu;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) != 0)
        return 0;
    return (uint64_t)cpu.tv_sec * 1000000000u + (uint64_t)cpu.tv_nsec;
}
