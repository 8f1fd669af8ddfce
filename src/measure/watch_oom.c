/* watch_oom.c: where a SIGKILL came from, as far as the kernel tells.
 *
 * The kernel writes "… Killed process PID (comm) …" to its log when it ends a process for lack of
 * memory (before it, of a group, "memory: usage 65536kB, limit 65536kB, …"), counts it in the group
 * (oom_kill in memory.events, of version 1 in memory.oom_control since Linux 4.13) and in
 * /proc/vmstat (oom_kill). The log is proof; a counter that rose meanwhile is a hint, since it does
 * not say whom. An exit by signal 9 alone proves nothing: anybody may send that.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"
#include "measure/watch_internal.h"
#include "model/cgroup.h"

#define RECORDS_MAX 100000 /* of the log, looked through after a kill */

/* "oom_kill 3" in a file of such lines. */
static bool read_counter(const struct root *root, const char *path, const char *name,
                         uint64_t *ret_value)
{
    char text[16384];
    size_t length = strlen(name);
    if (root_read(root, path, text, sizeof(text), NULL) < 0)
        return false;
    for (const char *line = text; line && *line;) {
        if (strncmp(line, name, length) == 0 && line[length] == ' ') {
            *ret_value = strtoull(line + length + 1, NULL, 10);
            return true;
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return false;
}

static void find_group(struct watch_oom *oom, pid_t pid)
{
    struct cgroup_groups groups;
    const struct cgroup_group *memory = &groups.part[CGROUP_MEMORY];
    oom->events_path[0] = '\0';
    oom->limit_mb = NAN;
    if (pid <= 0 || cgroup_find_of(oom->root, pid, &groups, NULL) < 0)
        return;
    if (isfinite(groups.memory_limit_bytes))
        oom->limit_mb = groups.memory_limit_bytes / 1048576.0;
    int length = memory->reason != REASON_NONE
                     ? 0
                     : snprintf(oom->events_path, sizeof(oom->events_path), "%s/%s", memory->path,
                                memory->unified ? "memory.events" : "memory.oom_control");
    if (length < 0 || (size_t)length >= sizeof(oom->events_path))
        oom->events_path[0] = '\0';
}

static void count_group(struct watch_oom *oom)
{
    if (oom->events_path[0] &&
        !read_counter(oom->root, oom->events_path, "oom_kill", &oom->group_kills))
        oom->events_path[0] = '\0';
}

void watch_oom_begin(struct watch_oom *oom, const struct root *root, pid_t pid)
{
    *oom = (struct watch_oom){.root = root, .kmsg_fd = -1};
    oom->has_vmstat = read_counter(root, "proc/vmstat", "oom_kill", &oom->vmstat_kills);
    find_group(oom, pid);
    count_group(oom);
    if (root->is_machine)
        oom->kmsg_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (oom->kmsg_fd >= 0)
        lseek(oom->kmsg_fd, 0, SEEK_END);
}

void watch_oom_look_again(struct watch_oom *oom, pid_t pid)
{
    char before[sizeof(oom->events_path)];
    str_copy(before, sizeof(before), oom->events_path);
    find_group(oom, pid);
    if (strcmp(before, oom->events_path) != 0)
        count_group(oom);
}

/* ---- the kernel's log ---- */

static bool is_kill_of(const char *record, pid_t pid)
{
    static const char *const forms[] = {"Killed process ", "Kill process "};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        const char *at = strstr(record, forms[i]);
        if (!at)
            continue;
        char *end;
        long found = strtol(at + strlen(forms[i]), &end, 10);
        if (end != at + strlen(forms[i]) && found == (long)pid && (*end == ' ' || *end == ','))
            return true;
    }
    return false;
}

bool watch_oom_take_record(struct watch_oom_log *log, const char *record, pid_t pid)
{
    static const char usage[] = ";memory: usage ", limit[] = ", limit ";
    if (strstr(record, " invoked oom-killer: ")) /* the report of another one begins */
        *log = (struct watch_oom_log){.limit_mb = NAN};
    const char *at = strstr(record, usage);
    if (at && (at = strstr(at, limit)) != NULL) {
        char *end;
        uint64_t kb = strtoull(at + strlen(limit), &end, 10);
        log->limit_mb = end != at + strlen(limit) && strncmp(end, "kB", 2) == 0 && kb < 1ull << 50
                            ? (double)kb / 1024
                            : NAN;
    }
    log->is_group = strstr(record, "Memory cgroup out of memory") != NULL;
    return is_kill_of(record, pid);
}

static bool log_says_so(const struct watch_oom *oom, pid_t pid, struct watch_oom_log *log)
{
    char record[8192];
    *log = (struct watch_oom_log){.limit_mb = NAN};
    for (int i = 0; i < RECORDS_MAX && oom->kmsg_fd >= 0; i++) {
        ssize_t n = read(oom->kmsg_fd, record, sizeof(record) - 1);
        if (n < 0 && (errno == EPIPE || errno == EINTR)) /* overwritten meanwhile: the next one */
            continue;
        if (n <= 0)
            return false;
        record[n] = '\0';
        if (watch_oom_take_record(log, record, pid))
            return true;
    }
    return false;
}

/* ---- what to say ---- */

/* ", limited to 64 MB," */
static const char *limit_text(double limit_mb, char *buf, size_t size)
{
    char bytes[32];
    buf[0] = '\0';
    if (!isnan(limit_mb))
        snprintf(buf, size, ", limited to %s,",
                 unit_format_bytes(limit_mb * 0x1p20, bytes, sizeof(bytes)));
    return buf;
}

bool watch_oom_hint(const struct watch_oom *oom, char *buf, size_t size)
{
    uint64_t now = 0;
    char limit[64];
    if (oom->events_path[0] && read_counter(oom->root, oom->events_path, "oom_kill", &now) &&
        now > oom->group_kills) {
        snprintf(buf, size,
                 "memory of its control group%s ran out, it seems: the kernel killed %llu there "
                 "meanwhile (%s)",
                 limit_text(oom->limit_mb, limit, sizeof(limit)),
                 (unsigned long long)(now - oom->group_kills), strrchr(oom->events_path, '/') + 1);
        return true;
    }
    if (oom->has_vmstat && read_counter(oom->root, "proc/vmstat", "oom_kill", &now) &&
        now > oom->vmstat_kills) {
        snprintf(buf, size,
                 "memory ran out, it seems: the kernel killed %llu for that meanwhile "
                 "(/proc/vmstat)",
                 (unsigned long long)(now - oom->vmstat_kills));
        return true;
    }
    return false;
}

void watch_oom_explain(struct watch_oom *oom, pid_t pid, char *buf, size_t size)
{
    struct watch_oom_log log;
    char limit[64];
    if (log_says_so(oom, pid, &log))
        snprintf(buf, size, "memory of %s%s ran out: the kernel killed it (kernel log)",
                 log.is_group ? "its control group" : "the machine",
                 limit_text(log.is_group ? log.limit_mb : NAN, limit, sizeof(limit)));
    else if (!watch_oom_hint(oom, buf, size))
        snprintf(buf, size, "origin unknown%s",
                 oom->kmsg_fd < 0 ? " (the kernel's log may not be read here)" : "");
}

void watch_oom_end(struct watch_oom *oom)
{
    if (oom->root && oom->kmsg_fd >= 0)
        close(oom->kmsg_fd);
    oom->kmsg_fd = -1;
}
