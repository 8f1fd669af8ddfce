/* disturb.c: does libtacho disturb the program that it stands in? A fixed amount of arithmetic,
 * about a millisecond, many times; each turn is timed by the program itself. Run with and without
 * TACHO_DISABLE=1. Around the arithmetic stands what an instrumented pipeline would record of a
 * frame: three spans, a frame, two gauges, a counter. Prints p50, p99 and mean of a turn in ns.
 *
 * usage: disturb TURNS
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <tacho/tacho.h>

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static volatile double sink;

static void work(unsigned steps)
{
    double sum = 0;
    for (unsigned i = 1; i <= steps; i++)
        sum += 1.0 / i;
    sink = sum;
}

static void turn(unsigned i)
{
    tacho_frame("camera");
    tacho_gauge("queue", i % 7);
    TACHO_SPAN("preprocess")
    {
        work(100000);
    }
    TACHO_SPAN("inference")
    {
        work(400000);
    }
    TACHO_SPAN("postprocess")
    {
        work(50000);
    }
    tacho_gauge("boxes", i % 5);
    tacho_work("frames", 1);
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

int main(int argc, char **argv)
{
    unsigned turns = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    uint64_t *taken_ns = turns ? calloc(turns, sizeof(*taken_ns)) : NULL;
    double sum = 0;
    if (!taken_ns)
        return 2;
    for (unsigned i = 0; i < 100; i++)
        turn(i);
    for (unsigned i = 0; i < turns; i++) {
        uint64_t begin_ns = now_ns();
        turn(i);
        taken_ns[i] = now_ns() - begin_ns;
        sum += (double)taken_ns[i];
    }
    qsort(taken_ns, turns, sizeof(*taken_ns), by_size);
    printf("%llu %llu %.0f\n", (unsigned long long)taken_ns[turns / 2],
           (unsigned long long)taken_ns[turns - turns / 100 - 1], sum / turns);
    free(taken_ns);
    return 0;
}
