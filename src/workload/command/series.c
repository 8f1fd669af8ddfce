/* series.c: from a launch report to values. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/util.h"
#include "workload/command/internal.h"

#define BYTES_PER_MB 1048576.0

struct program_value {
    enum reason reason;
    int sys_errno;
    const char *source; /* other than the table's */
    uint64_t ns;        /* METRIC_NS */
    double value;       /* METRIC_VALUE */
};

static const struct {
    const char *metric, *source;
} series_rows[PROGRAM_SERIES_COUNT] = {
#define PROGRAM_SERIES_ROW(id, metric, source) [PROGRAM_SERIES_##id] = {metric, source},
    PROGRAM_SERIES_MAP(PROGRAM_SERIES_ROW)
#undef PROGRAM_SERIES_ROW
};

static const enum program_series counter_series[COUNTER_COUNT] = {
    [COUNTER_CYCLES] = PROGRAM_SERIES_CYCLES,
    [COUNTER_INSTRUCTIONS] = PROGRAM_SERIES_INSTRUCTIONS,
    [COUNTER_CACHE_REFERENCES] = PROGRAM_SERIES_CACHE_REFERENCES,
    [COUNTER_CACHE_MISSES] = PROGRAM_SERIES_CACHE_MISSES,
    [COUNTER_BRANCHES] = PROGRAM_SERIES_BRANCHES,
    [COUNTER_BRANCH_MISSES] = PROGRAM_SERIES_BRANCH_MISSES,
    [COUNTER_TASK_CLOCK] = PROGRAM_SERIES_TASK_CLOCK,
    [COUNTER_CONTEXT_SWITCHES] = PROGRAM_SERIES_CONTEXT_SWITCHES,
    [COUNTER_MIGRATIONS] = PROGRAM_SERIES_MIGRATIONS,
    [COUNTER_PAGE_FAULTS] = PROGRAM_SERIES_PAGE_FAULTS,
};

static bool is_counter_series(enum program_series id)
{
    return id >= PROGRAM_SERIES_CYCLES;
}

bool program_measures(const char *metric)
{
    for (int id = 0; id < PROGRAM_SERIES_COUNT; id++)
        if (strcmp(series_rows[id].metric, metric) == 0)
            return true;
    return false;
}

int program_declare_series(struct program *program, struct error *err)
{
    program->series_count = PROGRAM_SERIES_COUNT + program->metrics.count;
    program->series =
        arena_alloc(&program->arena, program->series_count * sizeof(*program->series));
    if (program->series == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the series of a command");
    for (uint32_t id = 0; id < PROGRAM_SERIES_COUNT; id++) {
        program->series[id] = (struct series){.id = id,
                                              .kind = SERIES_UNIT,
                                              .metric = metric_find(series_rows[id].metric),
                                              .instance = "",
                                              .source = series_rows[id].source};
        if (program->series[id].metric == NULL)
            return error_set(err, ERROR_INTERNAL, "the registry has no metric %s",
                             series_rows[id].metric);
    }
    for (size_t i = 0; i < program->metrics.count; i++)
        program->series[PROGRAM_SERIES_COUNT + i] = program->metrics.items[i].series;
    return 0;
}

/* ---- values ---- */

static void set_ns(struct program_value *values, enum program_series id, uint64_t ns)
{
    values[id] = (struct program_value){.ns = ns};
}

static void set_value(struct program_value *values, enum program_series id, double value)
{
    values[id] = (struct program_value){.value = value};
}

static void set_reason(struct program_value *values, enum program_series id, enum reason reason,
                       int sys_errno)
{
    values[id] = (struct program_value){.reason = reason, .sys_errno = sys_errno};
}

static void values_of_rusage(const struct launch_report *report, struct program_value *values)
{
    uint64_t wall_ns = report->end_ns - report->begin_ns;
    uint64_t cpu_ns = report->user_ns + report->system_ns;
    set_ns(values, PROGRAM_SERIES_WALL, wall_ns);
    set_ns(values, PROGRAM_SERIES_USER, report->user_ns);
    set_ns(values, PROGRAM_SERIES_SYSTEM, report->system_ns);
    if (wall_ns > 0)
        set_value(values, PROGRAM_SERIES_CPU, 100.0 * (double)cpu_ns / (double)wall_ns);
    else
        set_reason(values, PROGRAM_SERIES_CPU, REASON_FAILED, 0);
    set_value(values, PROGRAM_SERIES_PEAK_RSS, (double)report->max_rss_bytes / BYTES_PER_MB);
    set_value(values, PROGRAM_SERIES_PEAK_TREE_RSS,
              (double)report->peak_tree_rss_bytes / BYTES_PER_MB);
    set_value(values, PROGRAM_SERIES_PROCESSES, report->processes_max);
    set_value(values, PROGRAM_SERIES_MINOR_FAULTS, (double)report->minor_faults);
    set_value(values, PROGRAM_SERIES_MAJOR_FAULTS, (double)report->major_faults);
    set_value(values, PROGRAM_SERIES_VOLUNTARY, (double)report->voluntary_switches);
    set_value(values, PROGRAM_SERIES_INVOLUNTARY, (double)report->involuntary_switches);
}

static void values_of_io(const struct launch_report *report, struct program_value *values)
{
    enum reason reason = (enum reason)report->io_reason;
    if (reason == REASON_NONE) {
        set_value(values, PROGRAM_SERIES_CHAR_READ, (double)report->char_read_bytes / BYTES_PER_MB);
        set_value(values, PROGRAM_SERIES_CHAR_WRITTEN,
                  (double)report->char_written_bytes / BYTES_PER_MB);
    } else {
        set_reason(values, PROGRAM_SERIES_CHAR_READ, reason, 0);
        set_reason(values, PROGRAM_SERIES_CHAR_WRITTEN, reason, 0);
    }
    /* ru_inblock and ru_oublock come from the same accounting: where the kernel was built without
     * it they are always 0, which means nothing. Not so where only reading the file is denied. */
    if (reason == REASON_NONE || reason == REASON_DENIED) {
        set_value(values, PROGRAM_SERIES_BLOCK_READ, (double)report->block_in_bytes / BYTES_PER_MB);
        set_value(values, PROGRAM_SERIES_BLOCK_WRITTEN,
                  (double)report->block_out_bytes / BYTES_PER_MB);
    } else {
        set_reason(values, PROGRAM_SERIES_BLOCK_READ, reason, 0);
        set_reason(values, PROGRAM_SERIES_BLOCK_WRITTEN, reason, 0);
    }
}

static void value_of_counter(const struct counter_value *counter, struct program_value *ret)
{
    *ret = (struct program_value){.reason = (enum reason)counter->reason,
                                  .sys_errno = counter->sys_errno,
                                  .source =
                                      counter->user_only ? "perf_event_open, user mode only" : NULL,
                                  .ns = counter->value,
                                  .value = (double)counter->value};
}

/* factor * above / below of two counters that ran at the same time, else the reason of the one that
 * has none. */
static void value_of_ratio(const struct launch_report *report, enum counter_id above,
                           enum counter_id below, double factor, struct program_value *ret)
{
    const struct counter_value *a = &report->counters[above], *b = &report->counters[below];
    const struct counter_value *missing = a->reason != REASON_NONE ? a : b;
    value_of_counter(missing, ret);
    if (missing->reason != REASON_NONE)
        return;
    if (b->value == 0 || a->running_share != b->running_share)
        ret->reason = REASON_NOT_SCHEDULED;
    else
        ret->value = factor * (double)a->value / (double)b->value;
}

static void values_of(const struct launch_report *report, struct program_value *values)
{
    values_of_rusage(report, values);
    values_of_io(report, values);
    for (int id = 0; id < COUNTER_COUNT; id++)
        value_of_counter(&report->counters[id], &values[counter_series[id]]);
    value_of_ratio(report, COUNTER_INSTRUCTIONS, COUNTER_CYCLES, 1, &values[PROGRAM_SERIES_IPC]);
    value_of_ratio(report, COUNTER_CACHE_MISSES, COUNTER_CACHE_REFERENCES, 100,
                   &values[PROGRAM_SERIES_CACHE_MISS]);
    value_of_ratio(report, COUNTER_BRANCH_MISSES, COUNTER_BRANCHES, 100,
                   &values[PROGRAM_SERIES_BRANCH_MISS]);
}

/* ---- why there is none ---- */

static const char *why_denied(struct program *program)
{
    struct root root;
    int64_t paranoid;
    const char *why = "the kernel refuses perf_event_open (a container's seccomp profile?)";
    if (root_open(&root, "/", NULL) != 0)
        return why;
    if (root_read_i64(&root, "proc/sys/kernel/perf_event_paranoid", &paranoid, NULL) == 0 &&
        paranoid > 1) {
        const char *text = arena_printf(&program->arena,
                                        "perf_event_paranoid is %d: "
                                        "sysctl kernel.perf_event_paranoid=1 would permit it",
                                        (int)paranoid);
        why = text != NULL ? text : why;
    }
    root_close(&root);
    return why;
}

static const char *why_missing(struct program *program, enum program_series id,
                               const struct program_value *value)
{
    if (!is_counter_series(id)) {
        switch (value->reason) {
        case REASON_DENIED:
            return "/proc/PID/io of this program may not be read";
        case REASON_ABSENT:
            return "this kernel keeps no I/O accounts (CONFIG_TASK_IO_ACCOUNTING)";
        default:
            return "it could not be read";
        }
    }
    switch (value->reason) {
    case REASON_DENIED:
        return why_denied(program);
    case REASON_UNSUPPORTED:
        return value->sys_errno == ENOSYS ? "this kernel has no perf events"
                                          : "the CPU's counters are not visible here (no PMU)";
    case REASON_NOT_SCHEDULED:
        return "the counter got no time on the CPU";
    default:
        return "the kernel could not open the counter";
    }
}

/* ---- handing over ---- */

static int declare(struct workload_io *io, const struct series *series, struct error *err)
{
    struct sample_block block = {.series = series, .invocation = io->invocation};
    return io->samples(io, &block, err);
}

static int hand_over_missing(struct program *program, struct workload_io *io,
                             enum program_series id, const struct program_value *value,
                             int64_t t_ns, struct error *err)
{
    struct series *series = &program->series[id];
    if (!program->has_values[id]) {
        if (series->reason == value->reason)
            return 0; /* said already */
        series->reason = value->reason;
        series->why = why_missing(program, id, value);
        return declare(io, series, err);
    }
    if (series->metric->kind == METRIC_NS)
        return 0; /* times cannot be missing within a series; the launch has no value */
    double missing = NAN;
    struct sample_block block = {
        .series = series, .invocation = io->invocation, .n = 1, .t_ns = &t_ns, .value = &missing};
    return io->samples(io, &block, err);
}

static int hand_over_one(struct program *program, struct workload_io *io, enum program_series id,
                         const struct program_value *value, int64_t t_ns, struct error *err)
{
    struct series *series = &program->series[id];
    if (value->reason != REASON_NONE)
        return hand_over_missing(program, io, id, value, t_ns, err);
    bool changed = series->reason != REASON_NONE;
    series->reason = REASON_NONE;
    series->why = NULL;
    if (value->source != NULL && !program->has_values[id])
        series->source = value->source;
    int rc = changed ? declare(io, series, err) : 0;
    if (rc != 0)
        return rc;
    program->has_values[id] = true;
    bool is_time = series->metric->kind == METRIC_NS;
    struct sample_block block = {.series = series,
                                 .invocation = io->invocation,
                                 .n = 1,
                                 .t_ns = &t_ns,
                                 .value_ns = is_time ? &value->ns : NULL,
                                 .value = is_time ? NULL : &value->value};
    return io->samples(io, &block, err);
}

int program_hand_over(struct program *program, struct workload_io *io,
                      const struct launch_report *report, struct error *err)
{
    struct program_value values[PROGRAM_SERIES_COUNT] = {0};
    values_of(report, values);
    int64_t t_ns = (int64_t)(report->end_ns - io->run_begin_ns);
    for (int id = 0; id < PROGRAM_SERIES_COUNT; id++) {
        int rc = hand_over_one(program, io, (enum program_series)id, &values[id], t_ns, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}
