/* probe_load: many instrumented processes and threads, and one reader that reads all of them a
 * hundred times a second, by pread alone.
 *
 * usage: probe_load [PROCESSES [THREADS [SECONDS]]]      (50 8 60)
 *
 * Prints what was recorded and read, and exits 1 if anything that was recorded is missing, if a
 * value that only grows became smaller, or if an event was torn: each says by itself whether it is
 * whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tacho/tacho.h>

#define PROCESSES_MAX 200
#define THREADS_MAX 32
#define RATE_HZ 100
#define EVENTS 4096    /* of a ring, and 64 threads of 64 counters: the defaults of libtacho */
#define EVENTS_EACH 10 /* a pass of a writer, every 5 ms */

static int processes = 50, threads = 8, seconds = 60;

/* What the processes say they did, and where; outlives them. */
static struct shared {
    bool is_over;
    char paths[PROCESSES_MAX][256];
    uint64_t done[PROCESSES_MAX][THREADS_MAX];
} * shared;

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t mixed(uint64_t i)
{
    return ((i ^ i >> 7) * 0x9e3779b97f4a7c15u) >> 20;
}

/* ---- writers ---- */

static void *write_until_over(void *argument)
{
    uint64_t *done = argument;
    uint32_t check = tacho_id("check", TACHO_NAME_SPAN, 0);
    while (!__atomic_load_n(&shared->is_over, __ATOMIC_RELAXED)) {
        TACHO_SPAN("pass")
        {
            for (int i = 0; i < EVENTS_EACH; i++) {
                tacho_record_id(check, mixed(*done) + *done, *done);
                (*done)++;
                tacho_count("done", 1);
            }
            tacho_frame("camera");
            tacho_gauge("level", (double)(*done % 100));
        }
        usleep(5000);
    }
    return NULL;
}

static void write_as(int process)
{
    pthread_t ids[THREADS_MAX];
    tacho_mark("begin");
    snprintf(shared->paths[process], sizeof(shared->paths[process]), "%s", tacho_segment_path());
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, write_until_over, &shared->done[process][i]) != 0)
            exit(1);
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    tacho_mark("end");
    exit(tacho_status() != 0);
}

/* ---- the reader ---- */

struct segment {
    int fd;
    struct tacho_segment_header header;
    uint64_t read_to[64]; /* of each ring */
    uint64_t counter;
};
static struct segment segments[PROCESSES_MAX];
static struct {
    uint64_t passes, late, events, overtaken, torn, shrunk;
} reading;

static const struct tacho_segment_section *section_of(const struct segment *segment, uint32_t kind)
{
    for (uint32_t i = 0; i < segment->header.section_count; i++)
        if (segment->header.sections[i].kind == kind)
            return &segment->header.sections[i];
    fprintf(stderr, "probe_load: no section %u\n", kind);
    exit(1);
}

static void read_at(const struct segment *segment, void *buffer, size_t size, uint64_t offset)
{
    if (pread(segment->fd, buffer, size, (off_t)offset) != (ssize_t)size) {
        perror("probe_load: pread");
        exit(1);
    }
}

/* Events first to last - 1 of a ring whose events begin at `at`. */
static void copy_events(const struct segment *segment, uint64_t at, uint64_t first, uint64_t last,
                        struct tacho_segment_event *events)
{
    while (first < last) {
        uint64_t lap_end = (first / EVENTS + 1) * EVENTS, end = last < lap_end ? last : lap_end;
        read_at(segment, &events[first % EVENTS], (end - first) * sizeof(*events),
                at + first % EVENTS * sizeof(*events));
        first = end;
    }
}

/* Copies what is new, then looks how far the writer has come: what it may have begun to overwrite
 * meanwhile is not trusted. */
static void read_ring(struct segment *segment, uint32_t r)
{
    static struct tacho_segment_event events[EVENTS];
    const struct tacho_segment_section *section = section_of(segment, TACHO_SECTION_RINGS);
    struct tacho_segment_ring before, after;
    uint64_t at = section->offset + r * section->stride, from = segment->read_to[r];
    read_at(segment, &before, sizeof(before), at);
    if (before.head > from + EVENTS)
        from = before.head - EVENTS;
    copy_events(segment, at + sizeof(before), from, before.head, events);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    read_at(segment, &after, sizeof(after), at);
    uint64_t trusted = after.head >= EVENTS ? after.head - EVENTS + 1 : 0;
    if (trusted > before.head)
        trusted = before.head;
    if (trusted > from)
        from = trusted;
    reading.overtaken += from - segment->read_to[r];
    for (uint64_t i = from; i < before.head; i++) {
        const struct tacho_segment_event *event = &events[i % EVENTS];
        bool is_whole = event->seq == 2 * i + 2;
        if (event->flags & TACHO_EVENT_ASYNC)
            is_whole &= event->begin_ns == mixed(event->duration_ns);
        reading.torn += !is_whole;
        reading.events++;
    }
    segment->read_to[r] = before.head;
}

static uint64_t read_counter(struct segment *segment, const char *name)
{
    static struct tacho_segment_name names[512];
    static uint64_t rows[65 * 64];
    const struct tacho_segment_section *section = section_of(segment, TACHO_SECTION_NAMES);
    const struct tacho_segment_section *counters = section_of(segment, TACHO_SECTION_COUNTERS);
    uint64_t sum = 0, words = counters->stride / sizeof(uint64_t);
    read_at(segment, names, segment->header.names_used * sizeof(names[0]), section->offset);
    read_at(segment, rows, counters->count * counters->stride, counters->offset);
    for (uint32_t i = 0; i < segment->header.names_used; i++)
        for (uint32_t k = 0; strcmp(names[i].text, name) == 0 && k < counters->count; k++)
            sum += rows[k * words + names[i].slot];
    return sum;
}

static void read_segment(struct segment *segment)
{
    read_at(segment, &segment->header, sizeof(segment->header), 0);
    for (uint32_t r = 0; r < segment->header.rings_used; r++)
        read_ring(segment, r);
    uint64_t counter = read_counter(segment, "done");
    reading.shrunk += counter < segment->counter;
    segment->counter = counter;
}

static uint64_t count_hists(const struct segment *segment, uint64_t *ret_sum)
{
    static struct tacho_segment_hist hist;
    const struct tacho_segment_section *section = section_of(segment, TACHO_SECTION_HISTS);
    uint64_t count = 0;
    for (uint32_t i = 0; i < segment->header.hists_used; i++) {
        read_at(segment, &hist, sizeof(hist), section->offset + i * section->stride);
        count += hist.over;
        *ret_sum += hist.sum_ns;
        for (size_t k = 0; k < TACHO_SEGMENT_HIST_BUCKETS; k++)
            count += hist.buckets[k];
    }
    return count;
}

static void read_until(uint64_t end_ns)
{
    uint64_t next_ns = now_ns(CLOCK_MONOTONIC);
    while (next_ns < end_ns) {
        for (int i = 0; i < processes; i++)
            read_segment(&segments[i]);
        reading.passes++;
        next_ns += 1000000000 / RATE_HZ;
        if (now_ns(CLOCK_MONOTONIC) > next_ns) {
            reading.late++;
            next_ns = now_ns(CLOCK_MONOTONIC);
        }
        struct timespec next = {(time_t)(next_ns / 1000000000), (long)(next_ns % 1000000000)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
}

/* ---- the whole ---- */

static void open_segments(void)
{
    for (int i = 0; i < processes; i++) {
        while (!*(volatile char *)shared->paths[i])
            usleep(1000);
        segments[i].fd = -1;
        while ((segments[i].fd = open(shared->paths[i], O_RDONLY | O_CLOEXEC)) < 0)
            usleep(1000); /* the name was not complete yet */
    }
}

/* Returns how many events are missing or too many in what the processes left. */
static uint64_t compare(uint64_t *ret_done)
{
    uint64_t wrong = 0;
    for (int i = 0; i < processes; i++) {
        uint64_t done = 0, sum = 0;
        for (int k = 0; k < threads; k++)
            done += shared->done[i][k];
        read_segment(&segments[i]);
        uint64_t passes = done / EVENTS_EACH;
        uint64_t count = count_hists(&segments[i], &sum);
        uint64_t frames = read_counter(&segments[i], "camera");
        /* Spans: each event, each pass; and the times between frames. */
        wrong += segments[i].counter != done || frames != passes ||
                 (count != done + passes + frames - 1 && segments[i].header.dropped_hists == 0) ||
                 segments[i].header.state != TACHO_SEGMENT_CLOSED;
        *ret_done += done;
        unlink(shared->paths[i]);
    }
    return wrong;
}

int main(int argc, char **argv)
{
    processes = argc > 1 ? (int)strtol(argv[1], NULL, 10) : processes;
    threads = argc > 2 ? (int)strtol(argv[2], NULL, 10) : threads;
    seconds = argc > 3 ? (int)strtol(argv[3], NULL, 10) : seconds;
    if (processes < 1 || processes > PROCESSES_MAX || threads < 1 || threads > THREADS_MAX ||
        seconds < 1) {
        fprintf(stderr, "usage: probe_load [PROCESSES [THREADS [SECONDS]]]\n");
        return 2;
    }
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    for (int i = 0; i < processes; i++)
        if (fork() == 0)
            write_as(i);
    open_segments();
    uint64_t begin_ns = now_ns(CLOCK_MONOTONIC), cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    read_until(begin_ns + (uint64_t)seconds * 1000000000);
    double took_s = (double)(now_ns(CLOCK_MONOTONIC) - begin_ns) / 1e9;
    double cpu_s = (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns) / 1e9;
    __atomic_store_n(&shared->is_over, true, __ATOMIC_RELAXED);
    int status, failed = 0;
    while (wait(&status) > 0 || errno == EINTR)
        failed += status != 0;
    uint64_t done = 0, wrong = compare(&done);
    printf("%d processes x %d threads, %.1f s: %.2f million events (%.0f/s)\n"
           "reader: %llu passes, %llu of them late, %.1f%% of a core\n"
           "events read: %llu, overtaken before they were read: %llu, torn: %llu\n"
           "counters that shrank: %llu; segments that miss something: %llu; failed: %d\n",
           processes, threads, took_s, (double)done / 1e6, (double)done / took_s,
           (unsigned long long)reading.passes, (unsigned long long)reading.late,
           100 * cpu_s / took_s, (unsigned long long)reading.events,
           (unsigned long long)reading.overtaken, (unsigned long long)reading.torn,
           (unsigned long long)reading.shrunk, (unsigned long long)wrong, failed);
    return wrong || failed || reading.torn || reading.shrunk;
}
