/* cgroup.c: the collector `cgroup`: what the control group that tacho and what it measures run in
 * uses, and how often its CPU quota held it back. Version 2 and version 1; cgroup_find.c says which
 * directory.
 *
 * Sources, version 2 then version 1: memory.current, memory.usage_in_bytes; memory.stat anon, else
 * total_rss; memory.events oom_kill, memory.oom_control oom_kill (Linux 4.13); cpu.stat usage_usec,
 * cpuacct.usage (ns); cpu.stat nr_periods, nr_throttled and throttled_usec, else throttled_time
 * (ns); pids.current.
 *
 * The kernel counts periods only while the group runs, and one lasts 100 ms unless set otherwise:
 * in a tick in which none has ended, their shares have no value and go on counting. Throttled time
 * is a sum over the run queues of all CPUs, so it may exceed the time that passed.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "collect/collector.h"
#include "collect/sensor.h"
#include "model/cgroup.h"

#define TEXT_SIZE 16384 /* memory.stat of version 2 has some 60 lines */
#define FILE_NAME_MAX 64
#define BYTES_PER_MB 1048576.0
/* Reading memory.stat makes the kernel add up its counters of all CPUs and groups below: 7 us on
 * two cores with a few groups, 100 us and more with many. */
#define MEMORY_STAT_INTERVAL_NS NS_PER_S

struct counter {
    uint64_t value, read_ns;
    bool begun;
};

struct cgroup_state {
    bool cpu_unified, memory_unified;
    int memory_fd, memory_stat_fd, events_fd, cpu_stat_fd, cpuacct_fd, pids_fd;
    /* -1: not declared with values */
    int memory_channel, anon_channel, oom_channel, pids_channel, cpu_channel;
    int periods_channel, throttled_channel, throttled_time_channel;
    struct counter usage, throttled_time, periods, throttled, oom_kills;
    uint64_t memory_stat_ns; /* the tick it was read in last */
    bool memory_stat_read;
    char text[TEXT_SIZE];
};

/* ---- sampling ---- */

static void put(double *values, int channel, double value)
{
    if (channel >= 0)
        values[channel] = value;
}

/* The number behind a key at the beginning of a line: "nr_periods 12". */
static bool keyed_value(const char *text, const char *key, uint64_t *ret_value)
{
    size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) != 0 || line[length] != ' ')
            continue;
        char number[24];
        int64_t value;
        snprintf(number, sizeof(number), "%.*s", (int)strcspn(line + length + 1, "\n"),
                 line + length + 1);
        if (sensor_parse_i64(number, &value) < 0 || value < 0)
            return false;
        *ret_value = (uint64_t)value;
        return true;
    }
    return false;
}

/* What a counter gained, and over which time. False: this was its first reading, or it went
 * backwards (a group that was made anew): the next one counts from here. */
static bool counter_gain(struct counter *counter, uint64_t value, uint64_t now_ns, double *ret_gain,
                         double *ret_elapsed_ns)
{
    struct counter before = *counter;
    *counter = (struct counter){value, now_ns, true};
    if (!before.begun || value < before.value || now_ns <= before.read_ns)
        return false;
    *ret_gain = (double)(value - before.value);
    *ret_elapsed_ns = (double)(now_ns - before.read_ns);
    return true;
}

static void put_share(double *values, int channel, struct counter *counter, uint64_t value,
                      uint64_t now_ns, double ns_per_unit)
{
    double gain, elapsed_ns;
    if (counter_gain(counter, value, now_ns, &gain, &elapsed_ns))
        put(values, channel, 100.0 * gain * ns_per_unit / elapsed_ns);
}

static void put_periods(struct cgroup_state *cgroup, uint64_t periods, uint64_t throttled,
                        uint64_t now_ns, double *values)
{
    double gain, held_back, elapsed_ns;
    /* None has ended: leave both counters where they are. */
    if (cgroup->periods.begun && periods == cgroup->periods.value)
        return;
    bool has_gain = counter_gain(&cgroup->periods, periods, now_ns, &gain, &elapsed_ns);
    if (!counter_gain(&cgroup->throttled, throttled, now_ns, &held_back, &elapsed_ns) || !has_gain)
        return;
    put(values, cgroup->periods_channel, gain);
    put(values, cgroup->throttled_channel, 100.0 * fmin(held_back / gain, 1));
}

/* Held back itself, this thread may rest for long between the tick and the reading: the time is
 * taken when the counters are there. */
static bool sample_cpu_stat(struct cgroup_state *cgroup, double *values)
{
    uint64_t usage, periods, throttled, throttled_time;
    if (file_pread(cgroup->cpu_stat_fd, cgroup->text, sizeof(cgroup->text)) < 0)
        return false;
    uint64_t now_ns = clock_mono_ns();
    const char *text = cgroup->text;
    if (cgroup->cpu_unified && keyed_value(text, "usage_usec", &usage))
        put_share(values, cgroup->cpu_channel, &cgroup->usage, usage, now_ns, NS_PER_US);
    if (keyed_value(text, "nr_periods", &periods) && keyed_value(text, "nr_throttled", &throttled))
        put_periods(cgroup, periods, throttled, now_ns, values);
    if (keyed_value(text, cgroup->cpu_unified ? "throttled_usec" : "throttled_time",
                    &throttled_time))
        put_share(values, cgroup->throttled_time_channel, &cgroup->throttled_time, throttled_time,
                  now_ns, cgroup->cpu_unified ? NS_PER_US : 1);
    return true;
}

static bool sample_cpuacct(struct cgroup_state *cgroup, double *values)
{
    int64_t usage_ns;
    if (sensor_read_i64(cgroup->cpuacct_fd, &usage_ns) < 0 || usage_ns < 0)
        return false;
    put_share(values, cgroup->cpu_channel, &cgroup->usage, (uint64_t)usage_ns, clock_mono_ns(), 1);
    return true;
}

static bool sample_number(int fd, int channel, double scale, double *values)
{
    int64_t value;
    if (sensor_read_i64(fd, &value) < 0 || value < 0)
        return false;
    put(values, channel, (double)value * scale);
    return true;
}

/* Not due counts as read. */
static bool sample_memory_stat(struct cgroup_state *cgroup, uint64_t grid_ns, double *values)
{
    uint64_t bytes;
    if (cgroup->memory_stat_read && grid_ns - cgroup->memory_stat_ns < MEMORY_STAT_INTERVAL_NS)
        return true;
    cgroup->memory_stat_read = true;
    cgroup->memory_stat_ns = grid_ns;
    if (file_pread(cgroup->memory_stat_fd, cgroup->text, sizeof(cgroup->text)) < 0)
        return false;
    /* rss alone leaves the groups below out; total_rss stands behind it. */
    if (keyed_value(cgroup->text, cgroup->memory_unified ? "anon" : "total_rss", &bytes) ||
        (!cgroup->memory_unified && keyed_value(cgroup->text, "rss", &bytes)))
        put(values, cgroup->anon_channel, (double)bytes / BYTES_PER_MB);
    return true;
}

static bool sample_oom_kills(struct cgroup_state *cgroup, double *values)
{
    uint64_t kills;
    double gain, elapsed_ns;
    if (file_pread(cgroup->events_fd, cgroup->text, sizeof(cgroup->text)) < 0)
        return false;
    if (keyed_value(cgroup->text, "oom_kill", &kills) &&
        counter_gain(&cgroup->oom_kills, kills, clock_mono_ns(), &gain, &elapsed_ns))
        put(values, cgroup->oom_channel, gain);
    return true;
}

static int cgroup_sample(void *state, const struct collect_tick *tick, double *values)
{
    struct cgroup_state *cgroup = state;
    bool any = false;
    if (cgroup->cpu_stat_fd >= 0)
        any |= sample_cpu_stat(cgroup, values);
    if (cgroup->cpuacct_fd >= 0)
        any |= sample_cpuacct(cgroup, values);
    if (cgroup->memory_fd >= 0)
        any |= sample_number(cgroup->memory_fd, cgroup->memory_channel, 1 / BYTES_PER_MB, values);
    if (cgroup->memory_stat_fd >= 0)
        any |= sample_memory_stat(cgroup, tick->grid_ns, values);
    if (cgroup->events_fd >= 0)
        any |= sample_oom_kills(cgroup, values);
    if (cgroup->pids_fd >= 0)
        any |= sample_number(cgroup->pids_fd, cgroup->pids_channel, 1, values);
    return any ? 0 : -ERROR_IO;
}

/* ---- opening ---- */

static void cgroup_close(void *state)
{
    struct cgroup_state *cgroup = state;
    if (!cgroup)
        return;
    const int fds[] = {cgroup->memory_fd,   cgroup->memory_stat_fd, cgroup->events_fd,
                       cgroup->cpu_stat_fd, cgroup->cpuacct_fd,     cgroup->pids_fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    free(cgroup);
}

/* One column to be: of which group, from which of its files, and what it must hold. */
struct column {
    const struct cgroup_group *group;
    const char *metric, *file;
    const char *key; /* of a line that must be there; NULL: the file is one number */
    const char *why; /* it has no values where the file or its key is missing */
};

static int declare_missing(struct channel_set *channels, const struct column *column,
                           const char *source, enum reason reason, const char *why)
{
    int index = channel_declare_missing(channels, column->metric, "", source, reason, why);
    return index < 0 ? index : 0;
}

/* Opens the file of a column, unless *fd is open on it already, and declares the column; without
 * values and with the reason where there are none. */
static int open_column(struct cgroup_state *cgroup, const struct collect_env *env,
                       struct channel_set *channels, const struct column *column, int *fd,
                       int *ret_channel)
{
    char source[PATH_MAX + FILE_NAME_MAX];
    struct error err = {0};
    uint64_t ignored;
    if (column->group->reason != REASON_NONE)
        return declare_missing(channels, column, column->file, column->group->reason,
                               column->group->why);
    snprintf(source, sizeof(source), "/%s/%s", column->group->path, column->file);
    int opened = *fd >= 0 ? *fd : root_open_file(env->root, source + 1, &err);
    str_make_printable(source);
    if (opened < 0)
        return declare_missing(channels, column, source, reason_from_error(err.code),
                               err.code == ERROR_ABSENT ? column->why : err.message);
    if (column->key && (file_pread(opened, cgroup->text, sizeof(cgroup->text)) < 0 ||
                        !keyed_value(cgroup->text, column->key, &ignored))) {
        if (*fd < 0)
            close(opened);
        return declare_missing(channels, column, source, REASON_UNSUPPORTED, column->why);
    }
    *fd = opened;
    int index = channel_declare(channels, column->metric, "", source);
    if (index < 0)
        return index;
    *ret_channel = index;
    return 0;
}

static int open_memory(struct cgroup_state *cgroup, const struct collect_env *env,
                       struct channel_set *channels, const struct cgroup_group *group)
{
    static const char disabled[] = "the memory controller is off for this cgroup; where the kernel "
                                   "was booted so: cgroup_enable=memory";
    bool v2 = cgroup->memory_unified = group->unified;
    const struct column current = {group, "cgroup_mem_mb",
                                   v2 ? "memory.current" : "memory.usage_in_bytes", NULL, disabled};
    const struct column anon = {group, "cgroup_mem_anon_mb", "memory.stat", v2 ? "anon" : "rss",
                                disabled};
    const struct column events = {group, "cgroup_oom_kills",
                                  v2 ? "memory.events" : "memory.oom_control", "oom_kill",
                                  v2 ? disabled : "counted since Linux 4.13"};
    int rc =
        open_column(cgroup, env, channels, &current, &cgroup->memory_fd, &cgroup->memory_channel);
    if (rc == 0)
        rc = open_column(cgroup, env, channels, &anon, &cgroup->memory_stat_fd,
                         &cgroup->anon_channel);
    if (rc == 0 && cgroup->anon_channel >= 0)
        channels->items[cgroup->anon_channel].min_interval_ns = MEMORY_STAT_INTERVAL_NS;
    if (rc == 0)
        rc = open_column(cgroup, env, channels, &events, &cgroup->events_fd, &cgroup->oom_channel);
    return rc;
}

static int open_cpu(struct cgroup_state *cgroup, const struct collect_env *env,
                    struct channel_set *channels, const struct cgroup_groups *groups)
{
    static const char no_usage[] = "this kernel does not account CPU time to cgroups";
    static const char no_counts[] = "this kernel does not count the periods of a CPU quota";
    const struct cgroup_group *cpu = &groups->part[CGROUP_CPU];
    bool v2 = cgroup->cpu_unified = cpu->unified;
    const struct column usage =
        v2 ? (struct column){cpu, "cgroup_cpu_pct", "cpu.stat", "usage_usec", no_usage}
           : (struct column){&groups->part[CGROUP_CPUACCT], "cgroup_cpu_pct", "cpuacct.usage", NULL,
                             no_usage};
    const struct column quota[] = {
        {cpu, "cgroup_periods", "cpu.stat", "nr_periods", no_counts},
        {cpu, "cgroup_throttled_pct", "cpu.stat", "nr_throttled", no_counts},
        {cpu, "cgroup_throttled_time_pct", "cpu.stat", v2 ? "throttled_usec" : "throttled_time",
         no_counts}};
    int *const ret_channels[] = {&cgroup->periods_channel, &cgroup->throttled_channel,
                                 &cgroup->throttled_time_channel};
    int rc = open_column(cgroup, env, channels, &usage,
                         v2 ? &cgroup->cpu_stat_fd : &cgroup->cpuacct_fd, &cgroup->cpu_channel);
    for (size_t i = 0; rc == 0 && i < sizeof(quota) / sizeof(quota[0]); i++) {
        if (cpu->reason == REASON_NONE && isinf(groups->quota_cores))
            rc = declare_missing(channels, &quota[i], quota[i].file, REASON_ABSENT,
                                 "no CPU quota is set");
        else
            rc = open_column(cgroup, env, channels, &quota[i], &cgroup->cpu_stat_fd,
                             ret_channels[i]);
    }
    return rc;
}

static int open_pids(struct cgroup_state *cgroup, const struct collect_env *env,
                     struct channel_set *channels, const struct cgroup_group *group)
{
    const struct column pids = {group, "cgroup_pids", "pids.current", NULL,
                                "the pids controller is off for this cgroup"};
    return open_column(cgroup, env, channels, &pids, &cgroup->pids_fd, &cgroup->pids_channel);
}

static struct cgroup_state *state_new(void)
{
    struct cgroup_state *cgroup = calloc(1, sizeof(*cgroup));
    if (!cgroup)
        return NULL;
    cgroup->memory_fd = cgroup->memory_stat_fd = cgroup->events_fd = -1;
    cgroup->cpu_stat_fd = cgroup->cpuacct_fd = cgroup->pids_fd = -1;
    cgroup->memory_channel = cgroup->anon_channel = cgroup->oom_channel = -1;
    cgroup->pids_channel = cgroup->cpu_channel = cgroup->periods_channel = -1;
    cgroup->throttled_channel = cgroup->throttled_time_channel = -1;
    return cgroup;
}

/* The first controller's word for all, or NULL when at least one has a group. */
static const struct cgroup_group *all_missing(const struct cgroup_groups *groups)
{
    for (size_t i = 0; i < CGROUP_PARTS; i++) {
        if (groups->part[i].reason == REASON_NONE)
            return NULL;
    }
    return &groups->part[CGROUP_CPU];
}

static int cgroup_open(const struct collect_env *env, struct channel_set *channels,
                       void **ret_state, struct error *err)
{
    struct cgroup_groups groups;
    int rc = cgroup_find(env->root, &groups, err);
    if (rc < 0)
        return rc;
    const struct cgroup_group *missing = all_missing(&groups);
    if (missing)
        return error_set(err, ERROR_ABSENT, "no cgroup to read: %s", missing->why);
    struct cgroup_state *cgroup = state_new();
    rc = cgroup ? open_memory(cgroup, env, channels, &groups.part[CGROUP_MEMORY]) : -ERROR_NOMEM;
    if (rc == 0)
        rc = open_cpu(cgroup, env, channels, &groups);
    if (rc == 0)
        rc = open_pids(cgroup, env, channels, &groups.part[CGROUP_PIDS]);
    if (rc < 0) {
        cgroup_close(cgroup);
        return error_set(err, -rc, "cannot declare the columns of the collector 'cgroup'");
    }
    *ret_state = cgroup;
    return 0;
}

static void cgroup_probe(const struct collect_env *env, struct probe_result *ret)
{
    struct cgroup_groups groups;
    struct error err = {0};
    *ret = (struct probe_result){.reason = REASON_NONE};
    if (cgroup_find(env->root, &groups, &err) < 0) {
        ret->reason = reason_from_error(err.code);
        snprintf(ret->detail, sizeof(ret->detail), "/proc/self/cgroup: %.150s", err.message);
        return;
    }
    const struct cgroup_group *missing = all_missing(&groups);
    if (missing) {
        ret->reason = missing->reason;
        snprintf(ret->detail, sizeof(ret->detail), "%s", missing->why);
        return;
    }
    char quota[64] = "no CPU quota", limit[64] = "no memory limit";
    if (isfinite(groups.quota_cores))
        snprintf(quota, sizeof(quota), "CPU quota of %.3g cores", groups.quota_cores);
    if (isfinite(groups.memory_limit_bytes))
        snprintf(limit, sizeof(limit), "memory limit of %.0f MB",
                 groups.memory_limit_bytes / BYTES_PER_MB);
    snprintf(ret->detail, sizeof(ret->detail), "%s, %s", quota, limit);
}

const struct collector collector_cgroup = {
    .name = "cgroup",
    .summary = "memory, CPU, throttling by quota and OOM kills of the own control group",
    .cost_ns = 10000,                   /* 3 us without memory.stat; more below many groups */
    .min_interval_ns = 100 * NS_PER_MS, /* a quota's period */
    .probe = cgroup_probe,
    .open = cgroup_open,
    .sample = cgroup_sample,
    .close = cgroup_close,
};
