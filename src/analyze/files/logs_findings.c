/* logs_findings.c: what the logs mean: kills, spikes and what preceded them, errors, gaps. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analyze/files/logs_internal.h"
#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"
#include "format/timestamp.h"

#define KILLS_TOLD 10
#define ERRORS_TOLD 5
#define PAUSES 3 /* so many longer ones may be odd where to pause is usual */
#define PAUSED_SHARE 0.5
#define PAUSE_FACTOR 3
#define GAPS_TOLD 3
#define GAP_FACTOR 10.0
#define GAP_MIN_S 1.0
#define GAP_N 20
#define PRECURSOR_P 0.01 /* of all kinds together */
#define TREND_Z 3.0

void logs_finding_value(struct finding *finding, double value, const char *unit)
{
    finding->has_value = isfinite(value);
    finding->value = value;
    str_copy(finding->unit, sizeof(finding->unit), unit);
}

void logs_finding_interval(struct finding *finding, double lo, double hi)
{
    finding->has_interval = isfinite(lo) && isfinite(hi);
    finding->lo = lo;
    finding->hi = hi;
}

static const char *file_name(const struct logs *logs, uint32_t file)
{
    return logs->analysis->inputs[file]->name;
}

/* ---- kills ---- */

static const char *memory_text(double kb, char *buf, size_t size)
{
    if (isnan(kb))
        return "an unknown amount";
    if (kb >= 1024.0 * 1024)
        snprintf(buf, size, "%.4g GB", kb / (1024 * 1024));
    else
        snprintf(buf, size, "%.4g MB", kb / 1024);
    return buf;
}

static void kernel_sentence(const struct kill_event *event, const char *victim,
                            struct finding *finding)
{
    char memory[32], limit[32], requester[96] = "", why[320] = "";
    if (event->requester[0])
        snprintf(requester, sizeof(requester), "; %s asked for the memory that was not there",
                 event->requester);
    if (event->kind == KILL_OOM_MEMCG)
        snprintf(why, sizeof(why), ": the cgroup %.100s reached its limit%s%s",
                 event->cgroup[0] ? event->cgroup : "(not said)",
                 isnan(event->limit_kb) ? "" : " of ",
                 isnan(event->limit_kb) ? "" : memory_text(event->limit_kb, limit, sizeof(limit)));
    else if (event->kind == KILL_OOM_GLOBAL)
        snprintf(why, sizeof(why), ": the machine had no memory left");
    finding_sentence(
        finding, "the kernel's OOM killer killed %s, which held %s of anonymous memory%s%s", victim,
        memory_text(event->anon_rss_kb, memory, sizeof(memory)), why, requester);
    finding_advice(finding, "%s",
                   event->kind == KILL_OOM_MEMCG
                       ? "watch the victim with tacho monitor --memory-limit: it leaks, or the "
                         "limit (memory.max, docker -m) is below what it needs"
                       : "watch the victim with tacho monitor: it leaks, or the machine is too "
                         "small for all that runs; a limit for it (memory.max) saves the others");
}

static void crash_sentence(const struct kill_event *event, const char *victim,
                           struct finding *finding)
{
    finding_sentence(finding, "%s crashed: %s", victim, event->detail);
    finding_advice(finding,
                   "a core dump tells where: coredumpctl debug, or ulimit -c unlimited and "
                   "gdb; the library named is where it ended, not always the cause");
}

static void other_sentence(const struct kill_event *event, const char *victim,
                           struct finding *finding)
{
    char memory[32];
    switch (event->kind) {
    case KILL_OOMD:
        finding_sentence(finding, "systemd-oomd killed %llu process%s of %s%s%s",
                         (unsigned long long)event->victims, event->victims == 1 ? "" : "es",
                         event->unit, event->detail[0] ? ", due to " : "", event->detail);
        finding_advice(finding, "less memory for the unit, or ManagedOOMPreference=avoid for it; "
                                "tacho monitor tells whether it grows");
        return;
    case KILL_EARLYOOM:
        finding_sentence(finding, "earlyoom sent %s to %s, which held %s", event->detail, victim,
                         memory_text(event->anon_rss_kb, memory, sizeof(memory)));
        finding_advice(finding, "watch it with tacho monitor: earlyoom acts while little memory is "
                                "left, before the kernel does");
        return;
    case KILL_OOM_UNIT:
        finding_sentence(finding,
                         "the unit %s ended with 'oom-kill'; who was killed is not in "
                         "this log",
                         event->unit);
        finding_advice(finding, "look at the kernel's log of the same time: journalctl -k, dmesg");
        return;
    default:
        finding_sentence(finding,
                         "a process of %s was killed by a signal (%s); the log does not "
                         "say by whom",
                         event->unit, event->detail);
        finding_advice(finding, "SIGKILL alone is no proof of a lack of memory: look at "
                                "journalctl -k of the same time, and at timeouts of the unit");
    }
}

static void tell_kill(struct logs *logs, size_t index)
{
    const struct kill_event *event = &logs->kills[index];
    struct finding finding;
    char victim[128], time[48] = "", last[32];
    bool is_kernel = event->kind <= KILL_OOM_KERNEL;
    finding_init(&finding,
                 event->kind == KILL_CRASH    ? "crash"
                 : event->kind == KILL_SIGNAL ? "killed_by_signal"
                                              : "oom_kill",
                 SEVERITY_WARNING, "");
    if (event->pid >= 0)
        snprintf(victim, sizeof(victim), "%s (pid %lld)",
                 event->victim[0] ? event->victim : "a process", (long long)event->pid);
    else
        snprintf(victim, sizeof(victim), "%s", event->victim[0] ? event->victim : "a process");
    if (event->victims > 1 && is_kernel) {
        size_t size = strlen(victim);
        snprintf(victim + size, sizeof(victim) - size, " and %llu more of its group",
                 (unsigned long long)event->victims - 1);
    }
    if (is_kernel)
        kernel_sentence(event, victim, &finding);
    else if (event->kind == KILL_CRASH)
        crash_sentence(event, victim, &finding);
    else
        other_sentence(event, victim, &finding);
    if (is_kernel || event->kind == KILL_EARLYOOM)
        logs_finding_value(&finding, event->anon_rss_kb / 1024, "MB");
    finding.n = event->victims;
    if (!isnan(event->time_s))
        timestamp_format(event->time_s, time, sizeof(time));
    snprintf(last, sizeof(last), " to %llu", (unsigned long long)event->last_line);
    finding_evidence(&finding, "%.160s:%llu%s%s%s", file_name(logs, logs->kill_files[index]),
                     (unsigned long long)event->first_line,
                     event->last_line > event->first_line ? last : "", time[0] ? ", " : "", time);
    analysis_add_finding(logs->analysis, &finding);
}

static void tell_kills(struct logs *logs)
{
    for (size_t i = 0; i < logs->kill_count && i < KILLS_TOLD; i++)
        tell_kill(logs, i);
    if (logs->kill_count <= KILLS_TOLD)
        return;
    struct finding finding;
    finding_init(&finding, "more_kills", SEVERITY_WARNING, "");
    finding_sentence(&finding, "%llu more kills and crashes: see the table of kills",
                     (unsigned long long)logs->kill_count - KILLS_TOLD);
    finding.n = logs->kill_count;
    finding_evidence(&finding, "the table \"kills\"");
    finding_advice(&finding, "so many have one cause: begin with the first");
    analysis_add_finding(logs->analysis, &finding);
}

/* ---- latencies ---- */

static void tell_above(struct logs *logs, const struct logs_series *series)
{
    double n = (double)series->n, k = (double)series->above;
    double threshold = logs->options->threshold_ms;
    char place[256];
    struct finding finding;
    if (series->above == 0)
        return;
    finding_init(&finding, "latency_above_threshold",
                 series->threshold_is_spike ? SEVERITY_WARNING : SEVERITY_INFO, series->label);
    finding_sentence(&finding,
                     series->threshold_is_spike
                         ? "%s: %llu of %llu values (%.3g %%) are above %g ms, the largest %.4g ms"
                         : "%s: %llu of %llu values (%.3g %%) are above %g ms: that is its level, "
                           "not a spike; the largest is %.4g ms",
                     series->label, (unsigned long long)series->above,
                     (unsigned long long)series->n, 100 * k / n, threshold, series->max);
    logs_finding_value(&finding, 100 * k / n, "%");
    logs_finding_interval(&finding, 100 * proportion_lower(k, n, 0.975),
                          100 * proportion_upper(k, n, 0.975));
    finding.n = series->n;
    finding_evidence(&finding, "%s is the largest",
                     logs_place_text(logs, &series->max_at, place, sizeof(place)));
    if (series->threshold_is_spike)
        finding_advice(&finding, "look at the table of spikes and at what came before them");
    else
        finding_advice(&finding, "give --threshold what is too late for you; its median is %.4g ms",
                       series->p50);
    analysis_add_finding(logs->analysis, &finding);
}

static void tell_robust(struct logs *logs, const struct logs_series *series)
{
    struct finding finding;
    char place[256];
    if (series->spikes == 0 || !(series->max > series->spike_limit))
        return;
    finding_init(&finding, "latency_spikes", SEVERITY_INFO, series->label);
    finding_sentence(&finding,
                     "%s: %llu of %llu values are spikes; the largest is %.4g ms, %.3g times its "
                     "median of %.4g ms (beyond %.4g ms a value is no part of the usual spread)",
                     series->label, (unsigned long long)series->spikes,
                     (unsigned long long)series->n, series->max, series->max / series->median,
                     series->median, series->spike_limit);
    logs_finding_value(&finding, (double)series->spikes, "");
    finding.n = series->n;
    finding_evidence(&finding, "%s is the largest",
                     logs_place_text(logs, &series->max_at, place, sizeof(place)));
    finding_advice(&finding, "--verbose or --json show the lines around the first ones");
    analysis_add_finding(logs->analysis, &finding);
}

static void tell_precursors(struct logs *logs)
{
    uint64_t tests = 0;
    for (size_t i = 0; i < logs->message_count; i++)
        tests += logs->messages[i]->before_spikes > 0;
    for (size_t i = 0; i < logs->message_count; i++) {
        const struct logs_message *message = logs->messages[i];
        uint64_t with = message->before_spikes, others = message->before_others;
        double p = with >= 2 ? fisher_greater(with, logs->spike_lines - with, others,
                                              logs->other_lines - others)
                             : NAN;
        if (!(p * (double)tests < PRECURSOR_P))
            continue;
        struct finding finding;
        char place[256], chance[32];
        double share = 100 * (double)with / (double)logs->spike_lines;
        finding_init(&finding, "spike_precursor", SEVERITY_WARNING, "");
        finding_sentence(&finding,
                         "\"%.100s\" comes before %.3g %% of the %llu lines with a spike, and "
                         "before %.3g %% of the %llu others (%s)",
                         message->text, share, (unsigned long long)logs->spike_lines,
                         100 * (double)others / (double)logs->other_lines,
                         (unsigned long long)logs->other_lines,
                         unit_format_p(p, chance, sizeof(chance)));
        logs_finding_value(&finding, share, "%");
        logs_finding_interval(
            &finding, 100 * proportion_lower((double)with, (double)logs->spike_lines, 0.975),
            100 * proportion_upper((double)with, (double)logs->spike_lines, 0.975));
        finding.n = logs->spike_lines + logs->other_lines;
        finding_evidence(&finding, "first at %s",
                         logs_place_text(logs, &message->first_at, place, sizeof(place)));
        finding_advice(&finding,
                       "it came before, which is not yet that it was the cause: remove it "
                       "and measure again");
        analysis_add_finding(logs->analysis, &finding);
    }
}

/* ---- messages: sorted, the worst first ---- */

static void tell_errors(struct logs *logs)
{
    uint64_t bad = logs->levels[LOG_LEVEL_ERROR] + logs->levels[LOG_LEVEL_FATAL];
    size_t told = 0;
    for (size_t i = 0; i < logs->message_count && told < ERRORS_TOLD; i++) {
        const struct logs_message *message = logs->messages[i];
        struct finding finding;
        char place[256];
        double z = logs_message_trend(logs, message);
        bool is_rising = z > TREND_Z;
        if (message->level < LOG_LEVEL_ERROR && !is_rising)
            continue;
        told++;
        finding_init(&finding, message->level >= LOG_LEVEL_ERROR ? "errors" : "warnings_rising",
                     SEVERITY_WARNING, "");
        finding_sentence(&finding, "%llu times %s%s \"%.200s\"%s",
                         (unsigned long long)message->count,
                         message->level == LOG_LEVEL_NONE ? "" : log_level_name(message->level),
                         message->level == LOG_LEVEL_NONE ? "" : ":", message->text,
                         is_rising      ? ", more often towards the end"
                         : z < -TREND_Z ? ", less often towards the end"
                                        : "");
        logs_finding_value(&finding, (double)message->count, "");
        struct interval bounds = poisson_interval(message->count, 0.95);
        logs_finding_interval(&finding, bounds.lo, bounds.hi);
        finding.n = message->level >= LOG_LEVEL_ERROR ? bad : message->count;
        finding_evidence(&finding, "first at %s, last at line %llu",
                         logs_place_text(logs, &message->first_at, place, sizeof(place)),
                         (unsigned long long)message->last_at.line);
        finding_advice(&finding, "look at the first one and at the lines before it: %s",
                       "what follows is often a consequence");
        analysis_add_finding(logs->analysis, &finding);
    }
}

/* ---- time ---- */

/* p99.9 of the gaps but the longest ones, which are what is judged. */
static double usual_gap(const struct logs *logs, size_t *ret_judged)
{
    size_t judged = 1 + (size_t)u64_min(logs->gap_n / 20, LOGS_GAPS - 2);
    struct hist *rest = hist_new();
    double usual = NAN;
    *ret_judged = judged < logs->gap_count ? judged : logs->gap_count;
    if (!rest)
        return NAN;
    hist_merge(rest, logs->gap_us);
    for (size_t i = 0; i < *ret_judged; i++) {
        rest->buckets[hist_bucket_of((uint64_t)(logs->gaps[i].s * 1e6 + 0.5))]--;
        rest->count--;
    }
    if (*ret_judged < logs->gap_count)
        rest->max = (uint64_t)(logs->gaps[*ret_judged].s * 1e6 + 0.5);
    usual = hist_quantile(rest, 0.999) / 1e6;
    hist_free(rest);
    return usual;
}

static const char *span_text(double s, char *buf, size_t size)
{
    bool is_days = s >= 2 * 86400.0, is_hours = s >= 2 * 3600.0, is_minutes = s >= 120;
    double unit = is_days ? 86400 : is_hours ? 3600 : is_minutes ? 60 : 1;
    const char *name = is_days ? "days" : is_hours ? "hours" : is_minutes ? "min" : "s";
    snprintf(buf, size, "%.3g %s", s / unit, name);
    return buf;
}

/* How many of the longest gaps say something. Where they make most of the time, the log of a
 * nightly job or of a kernel, to pause is its rhythm: then only those that are much longer than
 * other pauses. */
static size_t odd_gaps(const struct logs *logs, size_t judged, double usual)
{
    double paused_s = 0;
    size_t count = 0;
    while (count < judged && logs->gaps[count].s >= GAP_MIN_S &&
           logs->gaps[count].s > GAP_FACTOR * usual)
        paused_s += logs->gaps[count++].s;
    if (count <= PAUSES || paused_s < PAUSED_SHARE * logs->gap_us->sum / 1e6)
        return count;
    double pause_s = logs->gaps[PAUSES].s;
    for (count = 0; count < PAUSES && logs->gaps[count].s > PAUSE_FACTOR * pause_s;)
        count++;
    return count;
}

static void tell_gaps(struct logs *logs)
{
    size_t judged;
    double usual = usual_gap(logs, &judged);
    char place[256], time[48], span[32];
    if (logs->gap_n < GAP_N || !(usual >= 0))
        return;
    size_t count = odd_gaps(logs, judged, usual);
    for (size_t i = 0; i < count && i < GAPS_TOLD; i++) {
        const struct logs_gap *gap = &logs->gaps[i];
        struct finding finding;
        finding_init(&finding, "log_gap", SEVERITY_WARNING, "");
        finding_sentence(&finding,
                         "nothing was logged for %s; the usual gap between lines is at most "
                         "%.3g s (p99.9)%s",
                         span_text(gap->s, span, sizeof(span)), usual,
                         count > GAPS_TOLD && i == GAPS_TOLD - 1 ? "; and there are more" : "");
        logs_finding_value(&finding, gap->s, "s");
        finding.n = logs->gap_n;
        timestamp_format(gap->before.time_s, time, sizeof(time));
        finding_evidence(&finding, "%s to line %llu, from %s",
                         logs_place_text(logs, &gap->before, place, sizeof(place)),
                         (unsigned long long)gap->after.line, time);
        finding_advice(&finding, "a program that hung, a machine that slept, or a log that lost "
                                 "lines: look at the last line before it");
        analysis_add_finding(logs->analysis, &finding);
    }
}

/* ---- --pattern ---- */

static bool has_pattern(const struct logs *logs, const char *label)
{
    for (size_t i = 0; i < logs->series_count; i++) {
        if (logs->series[i]->is_pattern && strcmp(logs->series[i]->label, label) == 0)
            return true;
    }
    return false;
}

static void tell_patterns(struct logs *logs)
{
    for (size_t i = 0; i < logs->patterns.count; i++) {
        struct finding finding;
        if (has_pattern(logs, logs->patterns.items[i].label))
            continue;
        finding_init(&finding, "pattern_not_found", SEVERITY_WARNING, "");
        finding_sentence(&finding, "--pattern '%.200s' finds no number in any of the %llu lines",
                         logs->options->patterns[i], (unsigned long long)logs->lines);
        finding.n = logs->lines;
        finding_advice(&finding, "it is an extended regular expression, whose group must hold the "
                                 "number alone: try it with grep -E on one of the lines");
        analysis_add_finding(logs->analysis, &finding);
    }
}

void logs_findings(struct logs *logs)
{
    tell_patterns(logs);
    tell_kills(logs);
    for (size_t i = 0; i < logs->series_count; i++) {
        if (!logs->series[i]->is_latency)
            continue;
        tell_above(logs, logs->series[i]);
        tell_robust(logs, logs->series[i]);
    }
    tell_precursors(logs);
    tell_errors(logs);
    tell_gaps(logs);
    logs_findings_numbers(logs);
}
