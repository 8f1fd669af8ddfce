/* probe.c: what a call of libtacho costs, beside the floor that nothing can go below.
 *
 * usage: probe [--quick]
 *
 * Prints ns of CPU per call, as a table: one row per kind of call, columns for 1, 2 and 4 threads
 * that do the same at the same time, and the ratio to the floor: two readings of the clock. Each
 * figure is the median over rounds; in a round every row is measured once, each in a process of its
 * own, so that what the machine does meanwhile hits all of them. Beside libtacho stand two peers: a
 * histogram with one writer and nothing else, and one as HdrHistogram's recorder, whose four sums
 * are atomic and shared by all threads. The loop itself is not subtracted (first row).
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tacho/tacho.h>

#define THREADS_MAX 4
#define ROUNDS_MAX 15
#define BATCH_NS 5000000.0

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- the peers ---- */

static struct histogram {
    uint64_t sum, min, max, count, buckets[TACHO_SEGMENT_HIST_BUCKETS];
} shared_histogram;
static __thread struct histogram own_histogram;

static size_t bucket_of(uint64_t value)
{
    unsigned shift = 56u - (unsigned)__builtin_clzll(value | 128);
    size_t bucket = ((size_t)shift << 7) + (size_t)(value >> shift);
    return bucket < TACHO_SEGMENT_HIST_BUCKETS ? bucket : TACHO_SEGMENT_HIST_BUCKETS - 1;
}

static void record_plain(uint64_t value)
{
    struct histogram *histogram = &own_histogram;
    histogram->sum += value;
    if (value < histogram->min)
        histogram->min = value;
    if (value > histogram->max)
        histogram->max = value;
    histogram->buckets[bucket_of(value)]++;
    __asm__ volatile("" : : : "memory");
}

static void record_atomic(uint64_t value)
{
    struct histogram *histogram = &shared_histogram;
    __atomic_fetch_add(&histogram->buckets[bucket_of(value)], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&histogram->count, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&histogram->sum, value, __ATOMIC_RELAXED);
    uint64_t max = __atomic_load_n(&histogram->max, __ATOMIC_RELAXED);
    while (value > max && !__atomic_compare_exchange_n(&histogram->max, &max, value, true,
                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

/* ---- the rows ---- */

static void loop_empty(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        __asm__ volatile("" : : : "memory");
}

static void loop_floor(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t begin = now_ns(CLOCK_MONOTONIC);
        __asm__ volatile("" : : "r"(now_ns(CLOCK_MONOTONIC) - begin) : "memory");
    }
}

static void loop_plain(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t begin = now_ns(CLOCK_MONOTONIC);
        record_plain(now_ns(CLOCK_MONOTONIC) - begin);
    }
}

static void loop_atomic(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t begin = now_ns(CLOCK_MONOTONIC);
        record_atomic(now_ns(CLOCK_MONOTONIC) - begin);
    }
}

static void loop_span(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        tacho_begin("span");
        tacho_end("span");
    }
}

static void loop_block(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        TACHO_SPAN("block")
        {
            __asm__ volatile("" : : : "memory");
        }
}

static void loop_next(uint64_t n)
{
    tacho_begin("a");
    for (uint64_t i = 0; i < n; i += 2) {
        tacho_next("a", "b");
        tacho_next("b", "a");
    }
    tacho_end("a");
}

static void loop_token(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        tacho_end_token("token", tacho_begin_token());
}

static void loop_frame(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        tacho_frame("frame");
}

static void loop_count(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        tacho_count("count", 1);
}

static void loop_gauge(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        tacho_gauge("gauge", (double)(i & 7));
}

static void loop_mark(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        tacho_mark("mark");
}

static const struct row {
    const char *name;
    void (*loop)(uint64_t n);
    bool is_disabled;
    uint64_t largest_n; /* 0: as many as there is time for */
} rows[] = {
    {"loop alone", loop_empty, false, 0},
    {"two clock_gettime (the floor)", loop_floor, false, 0},
    {"floor + histogram, one writer", loop_plain, false, 0},
    {"floor + atomic shared histogram", loop_atomic, false, 0},
    {"tacho_begin, tacho_end", loop_span, false, 0},
    {"TACHO_SPAN", loop_block, false, 0},
    {"tacho_next, a span each", loop_next, false, 0},
    {"token, begin and end", loop_token, false, 0},
    {"tacho_frame", loop_frame, false, 0},
    {"tacho_count", loop_count, false, 0},
    {"tacho_gauge", loop_gauge, false, 0},
    {"tacho_mark (reads the memory)", loop_mark, false, 60},
    {"disabled: tacho_begin, tacho_end", loop_span, true, 0},
    {"disabled: TACHO_SPAN", loop_block, true, 0},
    {"disabled: tacho_frame", loop_frame, true, 0},
    {"disabled: tacho_count", loop_count, true, 0},
    {"disabled: tacho_gauge", loop_gauge, true, 0},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* ---- measuring ---- */

struct worker {
    const struct row *row;
    uint64_t n;
    double ns;
};

/* CPU time, so that more threads than cores cost no more. */
static void *run_loop(void *argument)
{
    struct worker *worker = argument;
    worker->row->loop(worker->row->largest_n ? 4 : 1000); /* names, slots, histograms */
    uint64_t begin = now_ns(CLOCK_THREAD_CPUTIME_ID);
    worker->row->loop(worker->n);
    worker->ns = (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - begin) / (double)worker->n;
    return NULL;
}

static double run_threads(const struct row *row, int threads, uint64_t n)
{
    struct worker workers[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    double sum = 0;
    for (int i = 0; i < threads; i++) {
        workers[i] = (struct worker){row, n, 0};
        if (pthread_create(&ids[i], NULL, run_loop, &workers[i]) != 0)
            exit(1);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        sum += workers[i].ns;
    }
    return sum / threads;
}

/* In a process of its own: whether libtacho is disabled is decided once. */
static double measure(const struct row *row, int threads)
{
    int fds[2];
    double ns = -1;
    fflush(NULL);
    if (pipe(fds) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        setenv("TACHO_DISABLE", row->is_disabled ? "1" : "0", 1);
        uint64_t n = row->largest_n;
        if (n == 0) {
            double once_ns = run_threads(row, 1, 10000);
            n = (uint64_t)(BATCH_NS / (once_ns > 0.1 ? once_ns : 0.1));
        }
        ns = run_threads(row, threads, n);
        const char *path = tacho_segment_path();
        if (*path)
            unlink(path);
        _exit(write(fds[1], &ns, sizeof(ns)) != (ssize_t)sizeof(ns));
    }
    close(fds[1]);
    if (read(fds[0], &ns, sizeof(ns)) != (ssize_t)sizeof(ns))
        ns = -1;
    close(fds[0]);
    waitpid(pid, NULL, 0);
    return ns;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static const int threads[] = {1, 2, 4};
    static double ns[ROWS][3][ROUNDS_MAX];
    int rounds = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 5 : ROUNDS_MAX;
    for (int round = 0; round < rounds; round++)
        for (size_t row = 0; row < ROWS; row++)
            for (size_t t = 0; t < 3; t++)
                ns[row][t][round] = measure(&rows[row], threads[t]);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t t = 0; t < 3; t++)
            qsort(ns[row][t], (size_t)rounds, sizeof(double), by_value);
    printf("ns of CPU per call, median of %d rounds\n\n", rounds);
    printf("%-34s %10s %10s %10s %10s\n", "", "1 thread", "2 threads", "4 threads", "x floor");
    for (size_t row = 0; row < ROWS; row++) {
        printf("%-34s", rows[row].name);
        for (size_t t = 0; t < 3; t++)
            printf(" %10.2f", ns[row][t][rounds / 2]);
        printf(" %10.2f\n", ns[row][0][rounds / 2] / ns[1][0][rounds / 2]);
    }
    return 0;
}
