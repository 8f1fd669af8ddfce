/* logs_series.c: the values of one label: as they come, and what they were once all have come. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/groups.h"
#include "analyze/files/logs_internal.h"
#include "base/str.h"
#include "base/util.h"

#define NS_PER_MS 1e6

/* ---- as they come ---- */

static int add_point(struct logs_series *series, double value, uint64_t seq, double time_s)
{
    size_t need = series->points + 1;
    if (array_reserve(&series->point_time, &series->time_capacity, need, sizeof(double)) < 0 ||
        array_reserve(&series->point_line, &series->line_capacity, need, sizeof(double)) < 0 ||
        array_reserve(&series->point_value, &series->value_capacity, need, sizeof(double)) < 0)
        return -ERROR_NOMEM;
    series->point_time[series->points] = time_s;
    series->point_line[series->points] = (double)seq;
    series->point_value[series->points++] = value;
    return 0;
}

/* Every second point goes, and only every second value comes in from now on. */
static void thin(struct logs_series *series)
{
    for (size_t i = 0; 2 * i < series->points; i++) {
        series->point_time[i] = series->point_time[2 * i];
        series->point_line[i] = series->point_line[2 * i];
        series->point_value[i] = series->point_value[2 * i];
    }
    series->points = (series->points + 1) / 2;
    series->stride *= 2;
}

static int to_histogram(struct logs_series *series)
{
    series->hist = hist_new();
    if (!series->hist)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < series->count; i++)
        hist_record(series->hist, (uint64_t)(series->values[i] * NS_PER_MS + 0.5));
    free(series->values);
    series->values = NULL;
    series->count = series->capacity = 0;
    return 0;
}

static int add_duration(struct logs *logs, struct logs_series *series, double ms)
{
    if (logs->values >= LOGS_VALUES_MAX && !logs->options->is_exact && !logs->is_histogram) {
        logs->is_histogram = true;
        for (size_t i = 0; i < logs->series_count; i++) {
            struct logs_series *other = logs->series[i];
            if (other->is_duration && !other->hist && to_histogram(other) < 0)
                return -ERROR_NOMEM;
        }
    }
    series->above += ms > logs->options->threshold_ms;
    if (logs->is_histogram) {
        if (!series->hist && !(series->hist = hist_new()))
            return -ERROR_NOMEM;
        double ns = ms * NS_PER_MS;
        hist_record(series->hist, ns < 1.8e19 ? (uint64_t)(ns + 0.5) : UINT64_MAX);
        return 0;
    }
    if (array_reserve(&series->values, &series->capacity, series->count + 1, sizeof(double)) < 0)
        return -ERROR_NOMEM;
    series->values[series->count++] = ms;
    logs->values++;
    return 0;
}

static void take_step(struct logs_series *series, double value, const struct logs_place *at)
{
    if (series->n > 0 && value == series->last) {
        series->run++;
        return;
    }
    if (series->n > 0) {
        series->ups += value > series->last;
        series->downs += value < series->last;
        if (series->run > series->longest_run)
            series->longest_run = series->run;
    }
    series->run = 1;
    series->run_at = *at;
}

int logs_series_add(struct logs *logs, struct logs_series *series, double value, uint64_t seq,
                    const struct logs_place *at)
{
    take_step(series, value, at);
    if (series->n == 0) {
        series->first = series->min = series->max = value;
        series->first_at = series->max_at = *at;
        series->first_seq = seq;
    } else if (seq - series->last_seq > series->longest_absence) {
        series->longest_absence = seq - series->last_seq;
    }
    if (value > series->max) {
        series->max = value;
        series->max_at = *at;
        series->at_max = 0;
    }
    series->at_max += value == series->max;
    if (value < series->min)
        series->min = value;
    if (series->n % series->stride == 0) {
        if (series->points == LOGS_POINTS)
            thin(series);
        if (series->n % series->stride == 0 && add_point(series, value, seq, at->time_s) < 0)
            return -ERROR_NOMEM;
    }
    series->n++;
    series->last = value;
    series->last_at = *at;
    series->last_seq = seq;
    return series->is_duration ? add_duration(logs, series, value) : 0;
}

void logs_series_deinit(struct logs_series *series)
{
    free(series->point_time);
    free(series->point_line);
    free(series->point_value);
    free(series->values);
    hist_free(series->hist);
}

/* ---- once all have come ---- */

bool logs_series_is_counter(const struct logs_series *series)
{
    uint64_t tail = series->run - 1, steps = series->n - 1 - tail;
    return series->n >= 10 && series->downs == 0 && steps >= 8 &&
           (double)series->ups >= 0.8 * (double)steps;
}

static bool names_latency(const char *label)
{
    static const char *const words[] = {"latency", "took",      "elapsed", "duration", "e2e",
                                        "delay",   "inference", "rtt",     "ttft",     "response"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcasestr(label, words[i]))
            return true;
    }
    return false;
}

/* "timeout=30s" again and again is a setting, and "uptime: 35.9 s" that only grows a clock. */
static bool is_latency(const struct logs *logs, const struct logs_series *series)
{
    if (!series->is_duration)
        return false;
    if (logs->patterns.count > 0)
        return series->is_pattern;
    if (names_latency(series->label))
        return true;
    bool is_setting = series->n >= 3 && series->min == series->max;
    bool is_clock = series->n >= 5 && series->downs == 0 && series->ups > 0;
    return !is_setting && !is_clock;
}

static int median_of_points(struct logs_series *series)
{
    double mad;
    series->is_sampled = series->points < series->n;
    return stats_mad(series->point_value, series->points, &series->median, &mad);
}

/* Of the middles of the histogram's buckets. */
static void robust_of_histogram(struct logs_series *series)
{
    const struct hist *hist = series->hist;
    double median = hist_quantile(hist, 0.5);
    double low = 0, high = (double)hist->max;
    /* The MAD: the half width around the median that holds half of the values. */
    for (int i = 0; i < 100; i++) {
        double width = (low + high) / 2;
        uint64_t inside = 0;
        size_t first = hist_bucket_of(median > width ? (uint64_t)(median - width) : 0);
        size_t last = hist_bucket_of((uint64_t)(median + width));
        for (size_t bucket = first; bucket <= last && bucket < HIST_BUCKETS; bucket++) {
            double middle =
                ((double)hist_bucket_low(bucket) + (double)hist_bucket_high(bucket)) / 2;
            inside += fabs(middle - median) <= width ? hist->buckets[bucket] : 0;
        }
        if (2 * inside >= hist->count)
            high = width;
        else
            low = width;
    }
    series->median = median / NS_PER_MS;
    series->mad = high < 1 ? 0 : high / NS_PER_MS;
}

static int quantiles_of_values(struct logs_series *series, enum percentile_method method)
{
    static const double shares[] = {0.5, 0.95, 0.99};
    const struct group group = {.n = series->count, .values = series->values};
    double values[ARRAY_LEN(shares)];
    struct interval intervals[ARRAY_LEN(shares)];
    if (group_quantiles(&group, shares, ARRAY_LEN(shares), method, values, intervals) < 0)
        return -ERROR_NOMEM;
    /* What is usual does not depend on how percentiles are counted. */
    series->median = values[0];
    if ((method != PERCENTILE_LINEAR &&
         group_quantiles(&group, shares, 1, PERCENTILE_LINEAR, &series->median, NULL) < 0) ||
        group_mad(&group, series->median, &series->mad) < 0)
        return -ERROR_NOMEM;
    series->p50 = values[0];
    series->p95 = values[1];
    series->p99 = values[2];
    series->p50_ci = intervals[0];
    series->p95_ci = intervals[1];
    series->p99_ci = intervals[2];
    return 0;
}

static void quantiles_of_histogram(struct logs_series *series)
{
    series->p50 = hist_quantile(series->hist, 0.50) / NS_PER_MS;
    series->p95 = hist_quantile(series->hist, 0.95) / NS_PER_MS;
    series->p99 = hist_quantile(series->hist, 0.99) / NS_PER_MS;
    robust_of_histogram(series);
}

static int find_trend(struct logs_series *series)
{
    CLEANUP_FREE double *t = malloc((series->points + 1) * sizeof(*t));
    if (!t)
        return -ERROR_NOMEM;
    series->trend_is_per_min = series->points > 0;
    for (size_t i = 0; i < series->points; i++) {
        double time = series->point_time[i];
        bool goes_on = !isnan(time) && (i == 0 || time >= series->point_time[i - 1]);
        series->trend_is_per_min = series->trend_is_per_min && goes_on;
    }
    if (series->points > 0 && series->point_time[0] == series->point_time[series->points - 1])
        series->trend_is_per_min = false;
    for (size_t i = 0; i < series->points; i++)
        t[i] = series->trend_is_per_min ? (series->point_time[i] - series->point_time[0]) / 60
                                        : (series->point_line[i] - series->point_line[0]) / 1000;
    return trend_theil_sen(t, series->point_value, series->points, 0.95, &series->trend) < 0
               ? -ERROR_NOMEM
               : 0;
}

int logs_series_finish(struct logs *logs, struct logs_series *series)
{
    static const struct interval none = {NAN, NAN};
    series->p50_ci = series->p95_ci = series->p99_ci = none;
    series->p50 = series->p95 = series->p99 = series->mad = series->spike_limit = NAN;
    series->is_latency = is_latency(logs, series);
    if (find_trend(series) < 0)
        return -ERROR_NOMEM;
    if (!series->is_latency)
        return median_of_points(series) < 0 ? -ERROR_NOMEM : 0;
    if (series->hist)
        quantiles_of_histogram(series);
    else if (quantiles_of_values(series, logs->options->percentile_method) < 0)
        return -ERROR_NOMEM;
    series->threshold_is_spike = 2 * series->above <= series->n;
    if (series->n >= LOGS_SPIKE_N && series->mad > 0)
        series->spike_limit = series->median + LOGS_SPIKE_Z * LOGS_MAD_SIGMA * series->mad;
    return 0;
}

bool logs_is_spike(const struct logs *logs, const struct logs_series *series, double value)
{
    return series->is_latency &&
           (value > series->spike_limit ||
            (series->threshold_is_spike && value > logs->options->threshold_ms));
}
