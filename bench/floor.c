/* floor.c: the least that measuring a launch can cost: fork, exec, wait4 in a loop, and nothing
 * else.
 *
 * usage: floor N PROGRAM [ARG...]
 *
 * Launches PROGRAM N times, one after the other, stdin and stdout on /dev/null, and prints one JSON
 * object. N = 1 makes it a stopwatch for other tools. Times are of the whole launch, from before
 * vfork to after wait4; user and system are those of the program and of what it waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct launch {
    uint64_t wall_ns;
    uint64_t cpu_ns;
    long maxrss_kb;
    int status;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t ns_of(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
}

static int launch(char **argv, int null_fd, struct launch *ret)
{
    uint64_t begin = now_ns();
    pid_t pid = vfork();
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        dup2(null_fd, STDIN_FILENO);
        dup2(null_fd, STDOUT_FILENO);
        execvp(argv[0], argv);
        _exit(127);
    }
    struct rusage usage;
    while (wait4(pid, &ret->status, 0, &usage) < 0)
        if (errno != EINTR)
            return -errno;
    ret->wall_ns = now_ns() - begin;
    ret->cpu_ns = ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
    ret->maxrss_kb = usage.ru_maxrss;
    return 0;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void print_result(uint64_t *wall_ns, size_t n, uint64_t cpu_ns, long maxrss_kb, int failed)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)wall_ns[i];
    qsort(wall_ns, n, sizeof(*wall_ns), by_value);
    double median =
        n % 2 ? (double)wall_ns[n / 2] : ((double)wall_ns[n / 2 - 1] + (double)wall_ns[n / 2]) / 2;
    printf("{\"n\": %zu, \"mean_us\": %.3f, \"median_us\": %.3f, \"min_us\": %.3f, "
           "\"cpu_us\": %.3f, \"maxrss_kb\": %ld, \"failed\": %d}\n",
           n, sum / (double)n / 1e3, median / 1e3, (double)wall_ns[0] / 1e3,
           (double)cpu_ns / (double)n / 1e3, maxrss_kb, failed);
}

int main(int argc, char **argv)
{
    char *end = NULL;
    unsigned long n = argc > 2 ? strtoul(argv[1], &end, 10) : 0;
    char **command = argv + 2;
    if (n == 0 || *end != '\0' || n > 10000000) {
        fprintf(stderr, "usage: floor N PROGRAM [ARG...]\n");
        return 2;
    }
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    uint64_t *wall_ns = calloc(n, sizeof(*wall_ns));
    if (null_fd < 0 || wall_ns == NULL) {
        fprintf(stderr, "floor: %s\n", strerror(errno));
        free(wall_ns);
        return 70;
    }
    uint64_t cpu_ns = 0;
    long maxrss_kb = 0;
    int failed = 0;
    for (unsigned long i = 0; i < n; i++) {
        struct launch one = {0};
        int code = launch(command, null_fd, &one);
        if (code < 0) {
            fprintf(stderr, "floor: %s\n", strerror(-code));
            free(wall_ns);
            return 70;
        }
        wall_ns[i] = one.wall_ns;
        cpu_ns += one.cpu_ns;
        maxrss_kb = one.maxrss_kb > maxrss_kb ? one.maxrss_kb : maxrss_kb;
        failed += one.status != 0;
    }
    print_result(wall_ns, n, cpu_ns, maxrss_kb, failed);
    free(wall_ns);
    return 0;
}
