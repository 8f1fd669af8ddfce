/* watch_findings.c: what a watch has to say at its end, and a counter that stands still at once. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/analyzer.h"
#include "analyze/growth.h"
#include "base/clock.h"
#include "base/util.h"
#include "measure/gaps.h"
#include "measure/watch_internal.h"

/* ---- the memory verdict ---- */

static double free_memory_mb(const struct root *root)
{
    char text[8192];
    if (root_read(root, "proc/meminfo", text, sizeof(text), NULL) < 0)
        return NAN;
    const char *at = strstr(text, "MemAvailable:");
    return at ? strtod(at + strlen("MemAvailable:"), NULL) / 1024 : NAN;
}

/* What the memory of the targets must not reach: the user's limit, their group's, or what they have
 * and what is free. */
static double limit_of(struct watch *watch, const char **ret_name)
{
    if (watch->end_count > 0 && !watch->ends[0].has_ended)
        watch_oom_look_again(&watch->ooms[0], watch->ends[0].pid);
    double group_mb = watch->end_count > 0 ? watch->ooms[0].limit_mb : NAN;
    if (!isnan(watch->plan.memory_limit_mb)) {
        *ret_name = "--memory-limit";
        return watch->plan.memory_limit_mb;
    }
    double level_mb =
        watch->growth.count > 0 ? watch->growth.floors[watch->growth.count - 1].floor_mb : NAN;
    double free_mb = free_memory_mb(watch->plan.root);
    if (!isnan(group_mb) && !(level_mb + free_mb < group_mb)) {
        *ret_name = "the limit of its control group";
        return group_mb;
    }
    *ret_name = "free memory";
    return level_mb + free_mb;
}

int watch_judge_growth(struct watch *watch, struct error *err)
{
    const char *limit_name;
    if (!watch->has_growth || watch->growth.samples == 0)
        return 0;
    double limit_mb = limit_of(watch, &limit_name);
    struct growth_options options = {.min_duration_s = watch->plan.growth_min_duration_s,
                                     .limit_mb = isnan(limit_mb) ? 0 : limit_mb};
    if (growth_tracker_judge(&watch->growth, &options, &watch->verdict) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory for the memory verdict");
    watch->is_judged = true;
    return 0;
}

static bool is_python(const struct watch *watch)
{
    for (size_t i = 0; i < watch->end_count; i++) {
        if (strstr(watch->ends[i].name, "python"))
            return true;
    }
    return false;
}

/* The slope as a value that a limit can judge, or why there is none. */
static int tell_growth_value(struct watch *watch, struct error *err)
{
    char why[96];
    bool is_known = watch->is_judged && watch->verdict.class != GROWTH_TOO_SHORT;
    struct series series = {.id = (uint32_t)watch->channel_count,
                            .kind = SERIES_VALUE,
                            .metric = metric_find("mem_growth_mb_per_min"),
                            .instance = "",
                            .source = watch->by_rss ? "/proc/PID/statm" : "/proc/PID/status"};
    double value = NAN;
    if (is_known)
        value = watch->verdict.class == GROWTH_ACCELERATING ? watch->verdict.pace.value
                                                            : watch->verdict.per_min.value;
    if (isnan(value)) {
        series.reason = REASON_TOO_FEW;
        series.why = "no memory of a target was seen";
        if (watch->is_judged) {
            snprintf(why, sizeof(why), "too short for the memory verdict: %.0f s more",
                     ceil(watch->verdict.needed_s));
            series.why = why;
        }
    }
    struct sample_block block = {.series = &series, .n = isnan(value) ? 0 : 1, .value = &value};
    return sink_samples(watch->sink, &block, err);
}

/* Of work_names there. */
static size_t work_kind(const struct watch *watch)
{
    if (!watch->plan.work_file)
        return 2;
    return watch->plan.work_lines ? 0 : 1;
}

static int find_growth(struct watch *watch, struct error *err)
{
    static const char *const work_names[] = {"lines", "bytes", "its units of work"};
    const char *limit_name = NULL;
    struct finding finding;
    int rc = watch_judge_growth(watch, err);
    if (rc == 0 && watch->has_growth)
        rc = tell_growth_value(watch, err);
    if (rc < 0 || !watch->is_judged)
        return rc;
    limit_of(watch, &limit_name);
    struct growth_hints hints = {
        .metric = watch->by_rss ? "mem_track_rss_mb" : "mem_track_anon_mb",
        .subject = watch->end_count == 1 ? watch->ends[0].name : "the watched processes",
        .work_name = watch->work_column >= 0 ? &work_names[work_kind(watch)] : NULL,
        .limit_name = limit_name,
        .with_children = !watch->plan.without_children,
        .is_python = is_python(watch),
        .is_rss = watch->by_rss,
        .begin_s = watch->growth_begin_s};
    growth_finding(&watch->verdict, &hints, &finding);
    return sink_finding(watch->sink, &finding, err);
}

/* ---- targets ---- */

static int find_end(struct watch *watch, const struct watch_end *end, struct error *err)
{
    struct finding finding;
    bool is_trouble =
        end->kind == TARGET_END_SIGNAL || (end->kind == TARGET_END_EXIT && end->value != 0);
    bool by_us = watch->launched && watch->report.outcome == LAUNCH_KILLED;
    if (!end->has_ended || by_us)
        return 0;
    finding_init(&finding, "target_ended", is_trouble ? SEVERITY_WARNING : SEVERITY_INFO, "");
    finding_sentence(&finding, "%s (pid %d) ended after %.1f s: %s", end->name, (int)end->pid,
                     (double)end->t_ns / (double)NS_PER_S, end->text);
    finding.n = 1;
    finding_evidence(&finding, "at %.1f s", (double)end->t_ns / (double)NS_PER_S);
    if (is_trouble)
        finding_advice(&finding, "its own log, and `journalctl -k` around that time, may say more");
    return sink_finding(watch->sink, &finding, err);
}

/* ---- silence ---- */

void watch_tell_silence(struct watch *watch, int column, const struct watch_pulse *pulse)
{
    struct finding finding;
    struct error err = {0};
    const struct channel *channel = &watch->columns[column];
    double moved_s = (double)pulse->moved_ns / (double)NS_PER_S;
    double still_s =
        (double)((int64_t)(watch->row.t_ns - watch->begin_ns) - pulse->moved_ns) / (double)NS_PER_S;
    bool is_file = watch->plan.work_file && column == watch->work_column;
    const char *unit = !is_file ? (channel->instance[0] ? "frames" : "units of work")
                       : watch->plan.work_lines ? "lines"
                                                : "bytes";
    finding_init(&finding, "silent_counter", SEVERITY_WARNING, channel->metric->name);
    finding_sentence(
        &finding, "%s stands still at %.0f %s since %.1f s into the run, while the program lives",
        is_file                ? watch->plan.work_file
        : channel->instance[0] ? channel->instance
                               : "its work counter",
        pulse->last, unit, moved_s);
    finding_value(&finding, still_s, "s");
    finding.n = pulse->still + 1;
    finding_evidence(&finding, "%" PRIu64 " intervals without a change, %.1f s to %.1f s",
                     pulse->still, moved_s, moved_s + still_s);
    finding_advice(&finding, "look what the program waits for: its threads' stacks (gdb -p, py-spy "
                             "dump), its inputs, the disk");
    if (sink_finding(watch->sink, &finding, &err) < 0 && !watch->late_error.code)
        watch->late_error = err;
}

/* ---- sampling ---- */

/* The first tick only begins the first row. */
static int find_gaps(struct watch *watch, struct error *err)
{
    static const struct gaps_words words = {
        .what = "rows",
        .advice = "sample less often (--interval), or leave tacho a core",
        .beginnings = 1};
    return gaps_tell(watch->sampler, &words, watch->sink, err);
}

static int judge_limits(struct watch *watch, struct error *err)
{
    for (size_t i = 0; i < watch->plan.limit_count; i++) {
        struct finding finding;
        int rc = limit_judge(&watch->run, &watch->plan.limits[i], &finding, err);
        if (rc == 0)
            rc = sink_finding(watch->sink, &finding, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int watch_findings_tell(struct watch *watch, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < watch->end_count && rc == 0; i++)
        rc = find_end(watch, &watch->ends[i], err);
    if (rc == 0)
        rc = find_growth(watch, err);
    if (rc == 0)
        rc = find_gaps(watch, err);
    if (rc == 0 && watch->plan.analyze)
        rc = watch->plan.analyze(watch->sink, watch->plan.context, err);
    else if (rc == 0)
        rc = analyzers_run(&watch->run, watch->sink, err);
    if (rc == 0)
        rc = judge_limits(watch, err);
    return rc;
}
