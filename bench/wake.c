/* wake.c: what it costs to wake up at a pace and do nothing: the least that any sampler can cost.
 *
 * usage: wake INTERVAL_US SECONDS
 * Prints one JSON object: how often it woke, its CPU time per wake-up, and how late it woke.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s INTERVAL_US SECONDS\n", argv[0]);
        return 2;
    }
    int64_t interval_ns = atoll(argv[1]) * 1000,
            n = (int64_t)(strtod(argv[2], NULL) * 1e9) / interval_ns;
    int64_t *late_ns = n > 0 ? malloc((size_t)n * sizeof(*late_ns)) : NULL;
    if (!late_ns)
        return 2;
    prctl(PR_SET_TIMERSLACK, interval_ns < 50000000 ? interval_ns / 1000 : 50000);
    int64_t begin_ns = now_ns(CLOCK_MONOTONIC), cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (int64_t i = 0; i < n; i++) {
        int64_t at_ns = begin_ns + (i + 1) * interval_ns;
        struct timespec at = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
            ;
        late_ns[i] = now_ns(CLOCK_MONOTONIC) - at_ns;
    }
    cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
    qsort(late_ns, (size_t)n, sizeof(*late_ns), ascending);
    const int64_t middle = n / 2, high = n - 1 - n / 100;
    printf("{\"n\": %lld, \"cpu_us\": %.3f, \"late_p50_ms\": %.4f, \"late_p99_ms\": %.4f, "
           "\"late_max_ms\": %.4f}\n",
           (long long)n, (double)cpu_ns / 1e3 / (double)n, (double)late_ns[middle] / 1e6,
           (double)late_ns[high] / 1e6, (double)late_ns[n - 1] / 1e6);
    free(late_ns);
    return 0;
}
