/* sampler.c: see sampler.h.
 *
 * The ring: rows of equal size in one block, each {t_ns, target, values[], due[]}. `head` counts
 * rows written, `tail` rows taken; the writer publishes a row by storing head (release), the reader
 * frees it by storing tail (release). Both only grow, so head - tail is what is waiting.
 *
 * The thread sleeps in pthread_cond_timedwait on CLOCK_MONOTONIC, which waits for an absolute time
 * as clock_nanosleep(TIMER_ABSTIME) does and can be woken: stopping does not take an interval of
 * minutes.
 */
#include "collect/sampler.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/util.h"

#define COLLECTORS_MAX 32
#define RING_SECONDS 10
#define RING_ROWS_MIN 64
#define RING_ROWS_MAX 4096
#define INTERVAL_MIN_NS (100 * NS_PER_US)

struct opened {
    const struct collector *collector;
    void *state;
    struct channel_set channels;
    size_t first;          /* column of its first channel */
    uint64_t period_ticks; /* its tier */
    uint64_t next_tick;
};

/* Paces one column, which may be slower than its collector. */
struct column {
    uint64_t period_ticks;
    uint64_t due_tick; /* when it was due last, or began */
    uint32_t begun;    /* generation of the target it is about */
};

struct ring_row {
    uint64_t t_ns;
    pid_t target;
    double values[]; /* channel_count, then as many bytes of due */
};

struct sampler {
    uint64_t interval_ns;
    struct opened opened[COLLECTORS_MAX];
    size_t opened_count;
    struct channel *channels; /* of all collectors, in order */
    struct column *columns;
    size_t channel_count;
    char *ring;
    size_t row_size, row_count;
    struct ring_row *spare; /* where a row is made while the ring is full */
    _Atomic uint64_t head, tail;
    /* Target and generation in one word, so that the loop never sees half a change. */
    _Atomic uint64_t target;
    struct collect_targets targets_wanted; /* under lock; written before target is */
    struct collect_targets targets;        /* the loop's copy */
    uint32_t targets_generation;           /* for which it was made */
    _Atomic uint64_t ticks, missed_ticks, dropped_rows, failed_samples, cpu_ns, late_ns_max;
    pthread_t thread;
    bool running;
    bool resumed; /* it ran before: the first row only begins differences */
    bool wake_ready;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping; /* under lock */
};

static uint64_t pack_target(pid_t pid, uint32_t generation)
{
    return (uint64_t)generation << 32 | (uint32_t)pid;
}

static uint8_t *row_due(const struct sampler *sampler, struct ring_row *row)
{
    return (uint8_t *)(row->values + sampler->channel_count);
}

static struct ring_row *ring_at(const struct sampler *sampler, uint64_t index)
{
    return (struct ring_row *)(sampler->ring + index % sampler->row_count * sampler->row_size);
}

/* Only the sampling thread writes these, so no read-modify-write is needed. */
static void add(_Atomic uint64_t *counter, uint64_t amount)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + amount, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit((_Atomic uint64_t *)counter, memory_order_relaxed);
}

/* ---- the loop ---- */

/* A column is due when it has a value, or when it has had none for as long as its pace allows:
 * what is slower than the tick is not missing in between, and a counter's first reading is no gap
 * but a beginning. Nothing is due about a process while none is followed. */
static void mark_due(struct sampler *sampler, const struct opened *opened, uint64_t tick,
                     const struct collect_tick *now, const double *values, uint8_t *due)
{
    for (size_t i = 0; i < opened->channels.count; i++) {
        struct column *column = &sampler->columns[opened->first + i];
        if (opened->channels.items[i].reason != REASON_NONE)
            continue;
        if (opened->channels.items[i].per_target) {
            if (now->target == 0)
                continue;
            if (column->begun != now->target_generation)
                column->due_tick = tick;
            column->begun = now->target_generation;
        }
        if (isnan(values[i]) && tick - column->due_tick < column->period_ticks)
            continue;
        column->due_tick = tick;
        due[i] = 1;
    }
}

/* A copy made for this generation may already be of the next one: then the next tick, which sees
 * that generation, makes it again. */
static void take_targets(struct sampler *sampler, uint32_t generation)
{
    if (generation == sampler->targets_generation)
        return;
    pthread_mutex_lock(&sampler->lock);
    sampler->targets = sampler->targets_wanted;
    pthread_mutex_unlock(&sampler->lock);
    sampler->targets_generation = generation;
}

static void sample_all(struct sampler *sampler, struct ring_row *row, uint64_t tick,
                       uint64_t now_ns, uint64_t grid_ns)
{
    uint64_t target = atomic_load_explicit(&sampler->target, memory_order_acquire);
    struct collect_tick now = {.now_ns = now_ns,
                               .grid_ns = grid_ns,
                               .target = (pid_t)(uint32_t)target,
                               .target_generation = (uint32_t)(target >> 32),
                               .targets = &sampler->targets};
    take_targets(sampler, now.target_generation);
    uint8_t *due = row_due(sampler, row);
    row->t_ns = now_ns;
    row->target = now.target;
    memset(due, 0, sampler->channel_count);
    for (size_t i = 0; i < sampler->channel_count; i++)
        row->values[i] = NAN;
    for (size_t i = 0; i < sampler->opened_count; i++) {
        struct opened *opened = &sampler->opened[i];
        if (tick < opened->next_tick)
            continue;
        /* The tier's own grid, also after missed ticks. */
        opened->next_tick = (tick / opened->period_ticks + 1) * opened->period_ticks;
        double *values = row->values + opened->first;
        if (opened->collector->sample(opened->state, &now, values) < 0)
            add(&sampler->failed_samples, 1);
        mark_due(sampler, opened, tick, &now, values, due + opened->first);
    }
}

static void take_sample(struct sampler *sampler, uint64_t tick, uint64_t now_ns, uint64_t grid_ns)
{
    uint64_t head = atomic_load_explicit(&sampler->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&sampler->tail, memory_order_acquire);
    /* What changed while it stood still is nobody's. */
    if (sampler->resumed) {
        sampler->resumed = false;
        sample_all(sampler, sampler->spare, tick, now_ns, grid_ns);
        return;
    }
    if (head - tail >= sampler->row_count) {
        /* The collectors go on, so that their next differences are over one interval. */
        sample_all(sampler, sampler->spare, tick, now_ns, grid_ns);
        add(&sampler->dropped_rows, 1);
        return;
    }
    sample_all(sampler, ring_at(sampler, head), tick, now_ns, grid_ns);
    atomic_store_explicit(&sampler->head, head + 1, memory_order_release);
}

/* Returns false when it is time to stop. */
static bool wait_until(struct sampler *sampler, uint64_t deadline_ns)
{
    struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / NS_PER_S),
                                .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    pthread_mutex_lock(&sampler->lock);
    int rc = 0;
    while (!sampler->stopping && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&sampler->wake, &sampler->lock, &deadline);
    bool go_on = !sampler->stopping;
    pthread_mutex_unlock(&sampler->lock);
    return go_on;
}

static void *sampler_loop(void *context)
{
    struct sampler *sampler = context;
    uint64_t begin_ns = clock_mono_ns();
    for (uint64_t tick = 0;; tick++) {
        uint64_t deadline_ns = begin_ns + tick * sampler->interval_ns;
        if (!wait_until(sampler, deadline_ns))
            break;
        uint64_t now_ns = clock_mono_ns();
        uint64_t late_ns = now_ns - deadline_ns;
        uint64_t missed = late_ns / sampler->interval_ns;
        if (late_ns > get(&sampler->late_ns_max))
            atomic_store_explicit(&sampler->late_ns_max, late_ns, memory_order_relaxed);
        add(&sampler->missed_ticks, missed);
        tick += missed;
        take_sample(sampler, tick, now_ns, deadline_ns + missed * sampler->interval_ns);
        add(&sampler->ticks, 1);
        atomic_store_explicit(&sampler->cpu_ns, clock_thread_ns(), memory_order_relaxed);
    }
    return NULL;
}

/* ---- opening ---- */

static bool is_opened(const struct sampler *sampler, const struct collector *collector)
{
    for (size_t i = 0; i < sampler->opened_count; i++) {
        if (sampler->opened[i].collector == collector)
            return true;
    }
    return false;
}

static int open_collector(struct sampler *sampler, const struct collect_env *env,
                          const struct collector *collector, struct error *err)
{
    if (sampler->opened_count == COLLECTORS_MAX)
        return error_set(err, ERROR_INTERNAL, "more than %d collectors", COLLECTORS_MAX);
    struct opened *opened = &sampler->opened[sampler->opened_count];
    *opened = (struct opened){.collector = collector, .first = sampler->channel_count};
    if (channel_set_init(&opened->channels) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory for the collector '%s'", collector->name);
    int rc = collector->open(env, &opened->channels, &opened->state, err);
    if (rc < 0) {
        channel_set_deinit(&opened->channels);
        return rc;
    }
    uint64_t pace_ns = u64_max(collector->min_interval_ns, sampler->interval_ns);
    opened->period_ticks = (pace_ns + sampler->interval_ns - 1) / sampler->interval_ns;
    sampler->channel_count += opened->channels.count;
    sampler->opened_count++;
    return 0;
}

static int not_known(const char *name, struct error *err)
{
    const char *names[COLLECTORS_MAX];
    size_t count = 0;
    for (; collectors[count] && count < COLLECTORS_MAX; count++)
        names[count] = collectors[count]->name;
    int nearest = str_nearest(name, names, count);
    int rc = error_set(err, ERROR_USAGE, "no collector is named '%s'", name);
    if (nearest >= 0)
        return error_hint(err, "did you mean '%s'?", names[nearest]);
    error_hint(err, "`tacho doctor` lists the collectors");
    return rc;
}

static int not_here(const struct collector *collector, const struct probe_result *probe,
                    struct error *err)
{
    int code = probe->reason == REASON_ABSENT   ? ERROR_ABSENT
               : probe->reason == REASON_DENIED ? ERROR_DENIED
                                                : ERROR_UNSUPPORTED;
    return error_set(err, code, "the collector '%s' cannot work here: %s", collector->name,
                     probe->detail);
}

/* What was asked for is used, or it is an error. */
static int open_named(struct sampler *sampler, const struct collect_env *env,
                      const char *const *names, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct probe_result probe = {.reason = REASON_NONE};
        const struct collector *collector = collector_find(names[i]);
        if (!collector)
            return not_known(names[i], err);
        if (is_opened(sampler, collector))
            continue;
        collector->probe(env, &probe);
        /* A probe that failed found nothing out: let open say it. */
        if (probe.reason != REASON_NONE && probe.reason != REASON_FAILED)
            return not_here(collector, &probe, err);
        int rc = open_collector(sampler, env, collector, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* One that is here but denied is opened all the same: its columns then say why they are empty. */
static int open_present(struct sampler *sampler, const struct collect_env *env, struct error *err)
{
    for (size_t i = 0; collectors[i]; i++) {
        struct probe_result probe = {.reason = REASON_NONE};
        struct error ignored = {0};
        if (collectors[i]->synthetic)
            continue;
        collectors[i]->probe(env, &probe);
        if (probe.reason == REASON_ABSENT || probe.reason == REASON_UNSUPPORTED)
            continue;
        int rc = open_collector(sampler, env, collectors[i], &ignored);
        if (rc == -ERROR_NOMEM || rc == -ERROR_INTERNAL) {
            if (err)
                *err = ignored;
            return rc;
        }
    }
    return 0;
}

static int open_columns(struct sampler *sampler, struct error *err)
{
    size_t count = sampler->channel_count;
    sampler->channels = calloc(count + 1, sizeof(*sampler->channels));
    sampler->columns = calloc(count + 1, sizeof(*sampler->columns));
    if (!sampler->channels || !sampler->columns)
        return error_set(err, ERROR_NOMEM, "out of memory for %zu columns", count);
    for (size_t i = 0; i < sampler->opened_count; i++) {
        const struct opened *opened = &sampler->opened[i];
        for (size_t j = 0; j < opened->channels.count; j++) {
            const struct channel *channel = &opened->channels.items[j];
            uint64_t pace_ns = u64_max(channel->min_interval_ns, sampler->interval_ns);
            uint64_t ticks = (pace_ns + sampler->interval_ns - 1) / sampler->interval_ns;
            sampler->channels[opened->first + j] = *channel;
            sampler->channels[opened->first + j].min_interval_ns =
                u64_max(channel->min_interval_ns, opened->collector->min_interval_ns);
            sampler->columns[opened->first + j].period_ticks = u64_max(ticks, opened->period_ticks);
        }
    }
    return 0;
}

static int open_ring(struct sampler *sampler, struct error *err)
{
    uint64_t rows = RING_SECONDS * NS_PER_S / sampler->interval_ns + 1;
    sampler->row_count = u64_min(u64_max(rows, RING_ROWS_MIN), RING_ROWS_MAX);
    size_t size = sizeof(struct ring_row) + sampler->channel_count * (sizeof(double) + 1);
    size_t alignment = _Alignof(struct ring_row);
    sampler->row_size = (size + alignment - 1) / alignment * alignment;
    sampler->ring = calloc(sampler->row_count, sampler->row_size);
    sampler->spare = calloc(1, sampler->row_size);
    if (!sampler->ring || !sampler->spare)
        return error_set(err, ERROR_NOMEM, "out of memory for %zu rows of samples",
                         sampler->row_count);
    return 0;
}

static int open_wake(struct sampler *sampler, struct error *err)
{
    pthread_condattr_t attributes;
    int rc = pthread_condattr_init(&attributes);
    if (rc == 0) {
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        rc = pthread_cond_init(&sampler->wake, &attributes);
        pthread_condattr_destroy(&attributes);
    }
    if (rc != 0)
        return error_set_errno(err, ERROR_SYSTEM, rc, "cannot make a condition variable");
    rc = pthread_mutex_init(&sampler->lock, NULL);
    if (rc != 0) {
        pthread_cond_destroy(&sampler->wake);
        return error_set_errno(err, ERROR_SYSTEM, rc, "cannot make a lock");
    }
    sampler->wake_ready = true;
    return 0;
}

int sampler_open(const struct collect_env *env, const char *const *names, size_t count,
                 struct sampler **ret_sampler, struct error *err)
{
    if (env->interval_ns < INTERVAL_MIN_NS)
        return error_set(err, ERROR_INPUT, "a sampling interval below 0.1 ms is not possible");
    struct sampler *sampler = calloc(1, sizeof(*sampler));
    if (!sampler)
        return error_set(err, ERROR_NOMEM, "out of memory for the sampler");
    sampler->interval_ns = env->interval_ns;
    int rc =
        count > 0 ? open_named(sampler, env, names, count, err) : open_present(sampler, env, err);
    if (rc == 0)
        rc = open_columns(sampler, err);
    if (rc == 0)
        rc = open_ring(sampler, err);
    if (rc == 0)
        rc = open_wake(sampler, err);
    if (rc < 0) {
        sampler_close(sampler);
        return rc;
    }
    *ret_sampler = sampler;
    return 0;
}

void sampler_close(struct sampler *sampler)
{
    if (!sampler)
        return;
    sampler_stop(sampler);
    for (size_t i = 0; i < sampler->opened_count; i++) {
        sampler->opened[i].collector->close(sampler->opened[i].state);
        channel_set_deinit(&sampler->opened[i].channels);
    }
    if (sampler->wake_ready) {
        pthread_cond_destroy(&sampler->wake);
        pthread_mutex_destroy(&sampler->lock);
    }
    free(sampler->channels);
    free(sampler->columns);
    free(sampler->ring);
    free(sampler->spare);
    free(sampler);
}

/* ---- the caller's side ---- */

const struct channel *sampler_channels(const struct sampler *sampler, size_t *ret_count)
{
    *ret_count = sampler->channel_count;
    return sampler->channels;
}

bool sampler_is_synthetic(const struct sampler *sampler)
{
    for (size_t i = 0; i < sampler->opened_count; i++) {
        if (sampler->opened[i].collector->synthetic)
            return true;
    }
    return false;
}

int sampler_start(struct sampler *sampler, struct error *err)
{
    sigset_t all, before;
    if (sampler->running)
        return error_set(err, ERROR_INTERNAL, "the sampler runs already");
    sampler->stopping = false; /* no thread that could see it yet */
    sampler->resumed = get(&sampler->ticks) > 0;
    for (size_t i = 0; i < sampler->opened_count; i++)
        sampler->opened[i].next_tick = 0;
    for (size_t i = 0; i < sampler->channel_count; i++)
        sampler->columns[i].due_tick = 0;
    /* The thread inherits the mask, so it never takes a signal meant for the program. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&sampler->thread, NULL, sampler_loop, sampler);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return error_set_errno(err, ERROR_SYSTEM, rc, "cannot start the sampling thread");
    sampler->running = true;
    return 0;
}

void sampler_set_targets(struct sampler *sampler, const struct collect_targets *targets)
{
    uint64_t before = atomic_load_explicit(&sampler->target, memory_order_relaxed);
    pid_t first = targets->count > 0 ? targets->pids[0] : 0;
    pthread_mutex_lock(&sampler->lock);
    sampler->targets_wanted = *targets;
    pthread_mutex_unlock(&sampler->lock);
    atomic_store_explicit(&sampler->target, pack_target(first, (uint32_t)(before >> 32) + 1),
                          memory_order_release);
}

void sampler_set_target(struct sampler *sampler, pid_t pid)
{
    struct collect_targets targets = {.count = pid > 0, .pids = {pid}};
    sampler_set_targets(sampler, &targets);
}

size_t sampler_drain(struct sampler *sampler,
                     void (*fn)(const struct sample_row *row, void *context), void *context)
{
    uint64_t head = atomic_load_explicit(&sampler->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&sampler->tail, memory_order_relaxed);
    size_t count = 0;
    for (; tail < head; tail++, count++) {
        struct ring_row *row = ring_at(sampler, tail);
        struct sample_row out = {.t_ns = row->t_ns,
                                 .target = row->target,
                                 .values = row->values,
                                 .due = row_due(sampler, row)};
        fn(&out, context);
        atomic_store_explicit(&sampler->tail, tail + 1, memory_order_release);
    }
    return count;
}

void sampler_stop(struct sampler *sampler)
{
    if (!sampler->running)
        return;
    pthread_mutex_lock(&sampler->lock);
    sampler->stopping = true;
    pthread_cond_signal(&sampler->wake);
    pthread_mutex_unlock(&sampler->lock);
    pthread_join(sampler->thread, NULL);
    sampler->running = false;
}

void sampler_get_stats(const struct sampler *sampler, struct sampler_stats *ret)
{
    *ret = (struct sampler_stats){
        .ticks = get(&sampler->ticks),
        .missed_ticks = get(&sampler->missed_ticks),
        .rows = get(&sampler->head),
        .dropped_rows = get(&sampler->dropped_rows),
        .failed_samples = get(&sampler->failed_samples),
        .cpu_ns = get(&sampler->cpu_ns),
        .late_ns_max = get(&sampler->late_ns_max),
    };
}
