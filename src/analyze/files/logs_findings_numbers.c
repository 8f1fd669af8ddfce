/* logs_findings_numbers.c: what the series of numbers mean: growth, limits, drops, stalls. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analyze/files/logs_internal.h"
#include "base/util.h"

#define GROWTH_N 20
#define GROWTH_P 0.001
#define GROWTH_SHARE 0.5 /* of the median, over the whole log */
#define RISE_SHARE 0.2   /* the same of latencies */
#define GROWTH_PARTS 10
#define GROWTH_UPS 5 /* of the steps between these; one may lead down */
#define LIMIT_N 20
#define LIMIT_SHARE 0.2
#define LIMIT_PILE 2     /* times as many values as just below it */
#define LIMIT_BELOW 0.25 /* of the range: what is just below */
#define STALL_RUN 5      /* values that stand still */
#define STALL_FACTOR 3   /* times longer than ever before */
#define ENDED_N 20
#define ENDED_FACTOR 10
#define ENDED_LINES 100

static bool names(const char *label, const char *const *words)
{
    for (; *words; words++) {
        if (strcasestr(label, *words))
            return true;
    }
    return false;
}

/* What should stay bounded. The last ones: queue, waiting, memory, buffer, thread in Korean. */
static bool is_stock(const char *label)
{
    static const char *const words[] = {"queue",
                                        "backlog",
                                        "pending",
                                        "buffer",
                                        "in_flight",
                                        "inflight",
                                        "outstanding",
                                        "memory",
                                        "mem_used",
                                        "rss",
                                        "heap",
                                        "fds",
                                        "threads",
                                        "\xed\x81\x90",
                                        "\xeb\x8c\x80\xea\xb8\xb0",
                                        "\xeb\xa9\x94\xeb\xaa\xa8\xeb\xa6\xac",
                                        "\xeb\xb2\x84\xed\x8d\xbc",
                                        "\xec\x8a\xa4\xeb\xa0\x88\xeb\x93\x9c",
                                        NULL};
    return names(label, words);
}

/* Work that was lost; the last ones: drop, loss, missing in Korean. */
static bool is_loss(const char *label)
{
    static const char *const words[] = {"drop",
                                        "lost",
                                        "overrun",
                                        "discard",
                                        "overflow",
                                        "\xeb\x93\x9c\xeb\xa1\xad",
                                        "\xec\x9c\xa0\xec\x8b\xa4",
                                        "\xeb\x88\x84\xeb\x9d\xbd",
                                        NULL};
    return names(label, words);
}

static void set_range(const struct logs *logs, const struct logs_series *series,
                      struct finding *finding)
{
    char place[256];
    finding->n = series->n;
    finding_evidence(finding, "%s to line %llu",
                     logs_place_text(logs, &series->first_at, place, sizeof(place)),
                     (unsigned long long)series->last_at.line);
}

/* How much the trend makes over the whole series, in its unit. */
static double rise_of(const struct logs_series *series)
{
    double span = series->trend_is_per_min ? (series->last_at.time_s - series->first_at.time_s) / 60
                                           : (double)(series->last_seq - series->first_seq) / 1000;
    return series->trend.slope * span;
}

/* From tenth to tenth of the log: a walk that goes anywhere has a trend as significant as growth
 * has, but it does not go up again and again. */
static bool goes_up(const struct logs_series *series)
{
    double before = 0;
    size_t ups = 0, downs = 0;
    for (size_t part = 0; part < GROWTH_PARTS; part++) {
        size_t from = part * series->points / GROWTH_PARTS;
        size_t to = (part + 1) * series->points / GROWTH_PARTS;
        double mean = stats_mean(series->point_value + from, to - from);
        ups += part > 0 && mean > before;
        downs += part > 0 && mean < before;
        before = mean;
    }
    return ups >= GROWTH_UPS && downs <= 1;
}

static bool rises(const struct logs_series *series, double share)
{
    double base = fabs(series->median);
    return series->n >= GROWTH_N && series->trend.p_value < GROWTH_P && series->trend.lo > 0 &&
           series->max > series->min && rise_of(series) > share * base &&
           series->points >= GROWTH_PARTS && goes_up(series);
}

/* What is bounded piles up at the bound: there are more values than on the way to it. */
static bool piles_up(const struct logs_series *series)
{
    double below = series->max - LIMIT_BELOW * (series->max - series->min);
    size_t at = 0, near = 0;
    for (size_t i = 0; i < series->points; i++) {
        at += series->point_value[i] == series->max;
        near += series->point_value[i] >= below && series->point_value[i] < series->max;
    }
    return at >= LIMIT_PILE * near;
}

static void tell_growth(struct logs *logs, const struct logs_series *series)
{
    bool is_bad = is_stock(series->label) || series->is_latency;
    struct finding finding;
    char unit[40];
    if (!rises(series, series->is_latency ? RISE_SHARE : GROWTH_SHARE) ||
        (!is_bad &&
         (logs_series_is_counter(series) || series->is_duration || is_loss(series->label))))
        return;
    const char *per = series->trend_is_per_min ? "minute" : "1000 lines";
    finding_init(&finding, series->is_latency ? "latency_rises" : "number_grows",
                 is_bad ? SEVERITY_WARNING : SEVERITY_INFO, series->label);
    finding_sentence(&finding,
                     "%s grows by %.4g%s%s per %s (95 %%: %.4g to %.4g), from %.4g to %.4g",
                     series->label, series->trend.slope, series->unit[0] ? " " : "", series->unit,
                     per, series->trend.lo, series->trend.hi, series->first, series->last);
    snprintf(unit, sizeof(unit), "%.8s/%s", series->unit,
             series->trend_is_per_min ? "min" : "1000");
    logs_finding_value(&finding, series->trend.slope, unit);
    logs_finding_interval(&finding, series->trend.lo, series->trend.hi);
    set_range(logs, series, &finding);
    finding_advice(&finding, "%s",
                   series->is_latency ? "something fills up while it runs: compare with the other "
                                        "numbers that grow, and with temperature and clocks"
                   : is_bad ? "what is put in is not taken out as fast: bound it, and find who "
                              "should have taken it; it becomes memory and latency"
                            : "if it is no count of work, find out what holds on to it");
    analysis_add_finding(logs->analysis, &finding);
}

static void tell_limit(struct logs *logs, const struct logs_series *series)
{
    double n = (double)series->n, k = (double)series->at_max;
    struct finding finding;
    if (series->n < LIMIT_N || series->max == series->min || k < LIMIT_SHARE * n ||
        !is_stock(series->label) || series->max <= series->median * 1.001)
        return;
    /* A queue that is empty most of the time has two values, and stands at neither. */
    if (series->max - series->min < 3 || !piles_up(series))
        return;
    finding_init(&finding, "number_at_limit", SEVERITY_WARNING, series->label);
    finding_sentence(&finding, "%s is %.6g, its largest value, in %.3g %% of its lines: a limit",
                     series->label, series->max, 100 * k / n);
    logs_finding_value(&finding, 100 * k / n, "%");
    logs_finding_interval(&finding, 100 * proportion_lower(k, n, 0.975),
                          100 * proportion_upper(k, n, 0.975));
    set_range(logs, series, &finding);
    finding_advice(&finding, "at its limit it blocks or drops: what takes from it is too slow");
    analysis_add_finding(logs->analysis, &finding);
}

static void tell_loss(struct logs *logs, const struct logs_series *series)
{
    struct finding finding;
    char place[256];
    if (!is_loss(series->label) || !(series->max > 0) || series->is_duration)
        return;
    finding_init(&finding, "losses", SEVERITY_WARNING, series->label);
    finding_sentence(&finding, "%s: up to %.6g, the last value is %.6g", series->label, series->max,
                     series->last);
    logs_finding_value(&finding, series->max, series->unit);
    finding.n = series->n;
    finding_evidence(&finding, "%s is the largest",
                     logs_place_text(logs, &series->max_at, place, sizeof(place)));
    finding_advice(&finding, "work was lost: look at queues and at latencies of the same time");
    analysis_add_finding(logs->analysis, &finding);
}

static void tell_stall(struct logs *logs, const struct logs_series *series)
{
    struct finding finding;
    char place[256];
    if (!logs_series_is_counter(series) || series->run < STALL_RUN ||
        series->run < STALL_FACTOR * series->longest_run)
        return;
    finding_init(&finding, "counter_stalled", SEVERITY_WARNING, series->label);
    finding_sentence(&finding,
                     "%s stands still at %.6g in its last %llu values, after it had grown %llu "
                     "times",
                     series->label, series->last, (unsigned long long)series->run,
                     (unsigned long long)series->ups);
    logs_finding_value(&finding, series->last, series->unit);
    finding.n = series->n;
    finding_evidence(&finding, "%s to line %llu",
                     logs_place_text(logs, &series->run_at, place, sizeof(place)),
                     (unsigned long long)series->last_at.line);
    finding_advice(&finding, "what it counts has stopped while the log goes on: look at the lines "
                             "where it stopped");
    analysis_add_finding(logs->analysis, &finding);
}

/* One that came regularly and comes no more. */
static void tell_end(struct logs *logs, const struct logs_series *series)
{
    uint64_t silent = logs->lines - series->last_seq;
    bool counts = series->is_latency || logs_series_is_counter(series);
    struct finding finding;
    char place[256];
    if (!counts || series->n < ENDED_N || silent < ENDED_LINES ||
        silent < ENDED_FACTOR * series->longest_absence)
        return;
    finding_init(&finding, "number_ended", SEVERITY_WARNING, series->label);
    finding_sentence(
        &finding,
        "%s is logged no more in the last %llu lines; before, it came every %llu lines "
        "at least",
        series->label, (unsigned long long)silent, (unsigned long long)series->longest_absence);
    finding.n = series->n;
    finding_evidence(&finding, "%s is the last",
                     logs_place_text(logs, &series->last_at, place, sizeof(place)));
    finding_advice(&finding, "what wrote it has stopped, or the program is in another phase");
    analysis_add_finding(logs->analysis, &finding);
}

void logs_findings_numbers(struct logs *logs)
{
    for (size_t i = 0; i < logs->series_count; i++) {
        const struct logs_series *series = logs->series[i];
        if (series->n < 3)
            continue;
        tell_growth(logs, series);
        if (!series->is_latency) {
            tell_limit(logs, series);
            tell_loss(logs, series);
            tell_stall(logs, series);
        }
        tell_end(logs, series);
    }
}
