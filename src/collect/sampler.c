/* sampler.c: see sampler.h.
 *
 * The thread sleeps in a futex wait with an absolute deadline of CLOCK_MONOTONIC: one system call a
 * tick, as clock_nanosleep(TIMER_ABSTIME) is, but it can be woken, so that stopping does not take
 * an interval of minutes. (A condition variable takes three: its mutex is contended after every
 * wait.)
 */
#include "collect/sampler.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/util.h"
#include "collect/sampler_late.h"
#include "collect/sampler_ring.h"

#define COLLECTORS_MAX 32
#define WAKE_NS (200 * NS_PER_MS) /* rows that come faster are told of together */
#define SLACK_MAX_NS (50 * NS_PER_US)
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
    bool is_seldom; /* nothing of it is wanted at the interval */
};

/* Paces one column, which may be slower than its collector. */
struct column {
    uint64_t period_ticks;
    uint64_t due_tick; /* when it was due last, or began */
    uint32_t begun;    /* generation of the target it is about */
    bool has_come;     /* is_late: it had its first value */
};

struct sampler {
    uint64_t interval_ns;
    struct opened opened[COLLECTORS_MAX];
    size_t opened_count;
    struct channel *channels; /* of all collectors, in order */
    struct column *columns;
    size_t channel_count;
    /* The row that is being made. */
    double *values;
    uint8_t *due;
    struct sampler_ring ring;
    struct sampler_late late;
    /* Target and generation in one word, so that the loop never sees half a change. */
    _Atomic uint64_t target;
    struct collect_targets targets_wanted; /* under lock; written before target is */
    struct collect_targets targets;        /* the loop's copy */
    uint32_t targets_generation;           /* for which it was made */
    _Atomic uint64_t ticks, missed_ticks, rows, dropped_rows, failed_samples, cpu_ns;
    pthread_t thread;
    bool running;
    bool resumed; /* it ran before: the first row only begins differences */
    bool has_lock;
    pthread_mutex_t lock;      /* of targets_wanted */
    _Atomic uint32_t stopping; /* a futex */
    int fd;                    /* sampler_fd; -1: nobody waits for it */
    uint64_t woken_ns;         /* when it was written last */
};

static uint64_t pack_target(pid_t pid, uint32_t generation)
{
    return (uint64_t)generation << 32 | (uint32_t)pid;
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
        if (opened->channels.items[i].is_late && !column->has_come) {
            column->has_come = !isnan(values[i]);
            if (!column->has_come)
                continue;
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

/* The tier's own grid, also after missed ticks. */
static uint64_t next_tick_of(const struct sampler *sampler, const struct opened *opened,
                             uint64_t tick)
{
    uint64_t period = opened->period_ticks;
    if (opened->is_seldom) {
        uint64_t pace_ns = collect_seldom_ns(tick * sampler->interval_ns);
        period = u64_max(period, pace_ns / sampler->interval_ns);
    }
    return (tick / period + 1) * period;
}

/* Fills in values and due, of this tick and its target. */
static void sample_all(struct sampler *sampler, uint64_t tick, struct collect_tick *now)
{
    take_targets(sampler, now->target_generation);
    memset(sampler->due, 0, sampler->channel_count);
    for (size_t i = 0; i < sampler->opened_count; i++) {
        struct opened *opened = &sampler->opened[i];
        if (tick < opened->next_tick)
            continue;
        opened->next_tick = next_tick_of(sampler, opened, tick);
        double *values = sampler->values + opened->first;
        for (size_t j = 0; j < opened->channels.count; j++)
            values[j] = NAN;
        if (opened->collector->sample(opened->state, now, values) < 0)
            add(&sampler->failed_samples, 1);
        mark_due(sampler, opened, tick, now, values, sampler->due + opened->first);
    }
}

/* Who waits is woken by the thread that has just run, not by a timer of its own: that would be one
 * more wake-up a row, and those cost more than the row. */
static void wake_reader(struct sampler *sampler, uint64_t now_ns)
{
    const uint64_t one = 1;
    if (sampler->fd < 0 || (sampler->interval_ns < WAKE_NS && now_ns - sampler->woken_ns < WAKE_NS))
        return;
    sampler->woken_ns = now_ns;
    if (write(sampler->fd, &one, sizeof(one)) < 0)
        return; /* it is full: readable */
}

static void take_sample(struct sampler *sampler, uint64_t tick, uint64_t now_ns, uint64_t grid_ns)
{
    uint64_t target = atomic_load_explicit(&sampler->target, memory_order_acquire);
    struct collect_tick now = {.now_ns = now_ns,
                               .grid_ns = grid_ns,
                               .target = (pid_t)(uint32_t)target,
                               .target_generation = (uint32_t)(target >> 32),
                               .targets = &sampler->targets};
    /* Also when the ring is full: the next differences are then over one interval. */
    sample_all(sampler, tick, &now);
    /* What changed while it stood still is nobody's. */
    if (sampler->resumed)
        sampler->resumed = false;
    else if (sampler_ring_put(&sampler->ring, now_ns, now.target, sampler->values, sampler->due))
        add(&sampler->rows, 1);
    else
        add(&sampler->dropped_rows, 1);
    wake_reader(sampler, now_ns);
}

/* Until the deadline, or until *word is no longer `expected`; now and then for nothing. */
static void futex_wait(_Atomic uint32_t *word, uint32_t expected, const struct timespec *deadline)
{
    long number = SYS_futex;
#ifdef SYS_futex_time64 /* 32 bits: as wide as libc's struct timespec */
    if (sizeof(deadline->tv_sec) > sizeof(long))
        number = SYS_futex_time64;
#endif
    long rc = syscall(number, word, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline, NULL,
                      FUTEX_BITSET_MATCH_ANY);
    if (rc < 0 && errno != ETIMEDOUT && errno != EINTR && errno != EAGAIN)
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, deadline, NULL); /* a sandbox without it */
}

/* Returns false when it is time to stop. */
static bool wait_until(struct sampler *sampler, uint64_t deadline_ns)
{
    const struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / NS_PER_S),
                                      .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    while (!atomic_load_explicit(&sampler->stopping, memory_order_acquire)) {
        if (clock_mono_ns() >= deadline_ns)
            return true;
        futex_wait(&sampler->stopping, 0, &deadline);
    }
    return false;
}

static void *sampler_loop(void *context)
{
    struct sampler *sampler = context;
    uint64_t begin_ns = clock_mono_ns();
    /* The kernel may put wake-ups together that are this close: 50 us, but of a short interval
     * less. */
    prctl(PR_SET_TIMERSLACK, u64_max(u64_min(SLACK_MAX_NS, sampler->interval_ns / 1000), 1));
    for (uint64_t tick = 0;; tick++) {
        uint64_t deadline_ns = begin_ns + tick * sampler->interval_ns;
        if (!wait_until(sampler, deadline_ns))
            break;
        uint64_t now_ns = clock_mono_ns();
        uint64_t late_ns = now_ns - deadline_ns;
        uint64_t missed = late_ns / sampler->interval_ns;
        sampler_late_add(&sampler->late, late_ns);
        add(&sampler->missed_ticks, missed);
        tick += missed;
        take_sample(sampler, tick, now_ns, deadline_ns + missed * sampler->interval_ns);
        add(&sampler->ticks, 1);
    }
    add(&sampler->cpu_ns, clock_thread_ns());
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

/* What is late is what the program tells of itself: it costs a read of shared memory. */
static bool is_wanted(const struct collect_env *env, const struct channel *channel)
{
    return channel->is_late || collect_is_wanted(env, channel->metric->name);
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
    /* The set had room for many more; collectors know theirs by number. */
    struct channel *fit = realloc(opened->channels.items,
                                  (opened->channels.count + 1) * sizeof(*opened->channels.items));
    opened->channels.items = fit ? fit : opened->channels.items;
    uint64_t pace_ns = u64_max(collector->min_interval_ns, sampler->interval_ns);
    opened->period_ticks = (pace_ns + sampler->interval_ns - 1) / sampler->interval_ns;
    opened->is_seldom = env->is_wanted != NULL;
    for (size_t i = 0; i < opened->channels.count; i++) {
        if (is_wanted(env, &opened->channels.items[i]))
            opened->is_seldom = false;
        else
            opened->channels.items[i].min_interval_ns =
                u64_max(opened->channels.items[i].min_interval_ns, COLLECT_SELDOM_NS);
    }
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
    double columns = 0; /* of a row, on average */
    for (size_t i = 0; i < sampler->channel_count; i++)
        columns += 1.0 / (double)sampler->columns[i].period_ticks;
    rows = u64_min(u64_max(rows, RING_ROWS_MIN), RING_ROWS_MAX);
    sampler->values = calloc(sampler->channel_count + 1, sizeof(*sampler->values));
    sampler->due = calloc(sampler->channel_count + 1, 1);
    if (!sampler->values || !sampler->due ||
        sampler_ring_init(&sampler->ring, (size_t)rows, columns, sampler->channel_count) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory for %d rows of samples", (int)rows);
    return 0;
}

static int open_lock(struct sampler *sampler, struct error *err)
{
    int rc = pthread_mutex_init(&sampler->lock, NULL);
    if (rc != 0)
        return error_set_errno(err, ERROR_SYSTEM, rc, "cannot make a lock");
    sampler->has_lock = true;
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
    sampler->fd = -1;
    int rc =
        count > 0 ? open_named(sampler, env, names, count, err) : open_present(sampler, env, err);
    if (rc == 0)
        rc = open_columns(sampler, err);
    if (rc == 0)
        rc = open_ring(sampler, err);
    if (rc == 0)
        rc = open_lock(sampler, err);
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
    if (sampler->has_lock)
        pthread_mutex_destroy(&sampler->lock);
    if (sampler->fd >= 0)
        close(sampler->fd);
    sampler_ring_deinit(&sampler->ring);
    free(sampler->channels);
    free(sampler->columns);
    free(sampler->values);
    free(sampler->due);
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
    atomic_store(&sampler->stopping, 0); /* no thread that could see it yet */
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

/* The only writer of targets_wanted is this thread, so it reads them without the lock. */
static void attend(const struct sampler *sampler)
{
    uint64_t target = atomic_load_explicit(&sampler->target, memory_order_relaxed);
    struct collect_tick now = {.now_ns = clock_mono_ns(),
                               .target = (pid_t)(uint32_t)target,
                               .target_generation = (uint32_t)(target >> 32),
                               .targets = &sampler->targets_wanted};
    for (size_t i = 0; i < sampler->opened_count; i++) {
        if (sampler->opened[i].collector->attend)
            sampler->opened[i].collector->attend(sampler->opened[i].state, &now);
    }
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
    attend(sampler);
}

void sampler_set_target(struct sampler *sampler, pid_t pid)
{
    struct collect_targets targets = {.count = pid > 0, .pids = {pid}};
    sampler_set_targets(sampler, &targets);
}

int sampler_fd(struct sampler *sampler, struct error *err)
{
    if (sampler->fd < 0)
        sampler->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return sampler->fd >= 0
               ? sampler->fd
               : error_set_errno(err, ERROR_SYSTEM, errno, "cannot make an event descriptor");
}

bool sampler_has_rows(const struct sampler *sampler)
{
    return get(&sampler->ring.head) != get(&sampler->ring.tail);
}

size_t sampler_drain(struct sampler *sampler,
                     void (*fn)(const struct sample_row *row, void *context), void *context)
{
    uint64_t count;
    /* Before the ring: a row that comes in between makes it readable again. */
    if (sampler->fd >= 0 && read(sampler->fd, &count, sizeof(count)) < 0)
        count = 0; /* nothing was told yet; there may be rows all the same */
    size_t rows = sampler_ring_drain(&sampler->ring, fn, context);
    attend(sampler); /* after the rows: it takes its time */
    return rows;
}

void sampler_stop(struct sampler *sampler)
{
    if (!sampler->running)
        return;
    atomic_store_explicit(&sampler->stopping, 1, memory_order_release);
    syscall(SYS_futex, &sampler->stopping, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    pthread_join(sampler->thread, NULL);
    sampler->running = false;
}

/* Of a thread that runs, its clock; what it used is counted when it ends. */
static uint64_t thread_cpu_ns(const struct sampler *sampler)
{
    clockid_t clock;
    struct timespec now;
    uint64_t before_ns = get(&sampler->cpu_ns);
    if (!sampler->running || pthread_getcpuclockid(sampler->thread, &clock) != 0 ||
        clock_gettime(clock, &now) != 0)
        return get(&sampler->cpu_ns);
    return before_ns + (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void sampler_get_stats(const struct sampler *sampler, struct sampler_stats *ret)
{
    *ret = (struct sampler_stats){
        .ticks = get(&sampler->ticks),
        .missed_ticks = get(&sampler->missed_ticks),
        .rows = get(&sampler->rows),
        .dropped_rows = get(&sampler->dropped_rows),
        .failed_samples = get(&sampler->failed_samples),
        .cpu_ns = thread_cpu_ns(sampler),
        .late_ns_p50 = sampler_late_quantile_ns(&sampler->late, 0.5),
        .late_ns_p99 = sampler_late_quantile_ns(&sampler->late, 0.99),
        .late_ns_max = sampler_late_quantile_ns(&sampler->late, 1),
    };
}
