/* events_values.c: values whose percentiles are wanted, and the longest gaps. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/events_internal.h"
#include "base/util.h"

#define MILLIONTHS 1e6

static void record(struct hist *hist, double value)
{
    double scaled = value * MILLIONTHS;
    hist_record(hist, scaled <= 0 ? 0 : scaled < 1.8e19 ? (uint64_t)(scaled + 0.5) : UINT64_MAX);
}

static int to_hist(struct event_values *values)
{
    values->hist = hist_new();
    if (!values->hist)
        return -ERROR_NOMEM;
    for (uint64_t i = 0; i < values->n; i++)
        record(values->hist, values->raw[i]);
    free(values->raw);
    values->raw = NULL;
    values->capacity = 0;
    return 0;
}

int event_values_add(struct event_values *values, struct event_budget *budget, double value)
{
    if (!values->hist && budget->is_spent && to_hist(values) < 0)
        return -ERROR_NOMEM;
    if (values->hist) {
        record(values->hist, value);
    } else {
        if (array_reserve(&values->raw, &values->capacity, values->n + 1, sizeof(double)) < 0)
            return -ERROR_NOMEM;
        values->raw[values->n] = value;
        budget->is_spent = ++budget->kept >= budget->max;
    }
    values->min = values->n ? fmin(values->min, value) : value;
    values->max = values->n ? fmax(values->max, value) : value;
    values->sum += value;
    values->sum_sq += value * value;
    values->n++;
    return 0;
}

void event_values_deinit(struct event_values *values)
{
    free(values->raw);
    hist_free(values->hist);
    *values = (struct event_values){.raw = NULL};
}

static double *sorted_of(const struct event_values *values)
{
    double *sorted = malloc((values->n + 1) * sizeof(*sorted));
    if (!sorted)
        return NULL;
    if (values->n > 0)
        memcpy(sorted, values->raw, values->n * sizeof(*sorted));
    stats_sort(sorted, values->n);
    return sorted;
}

static double clipped(const struct event_values *values, double quantile)
{
    return fmin(values->max, fmax(values->min, quantile / MILLIONTHS));
}

int event_spread_of(const struct event_values *values, bool with_interval, struct event_spread *ret)
{
    static const double p[] = {0.5, 0.9, 0.95, 0.99, 0.999};
    double q[ARRAY_LEN(p)] = {NAN, NAN, NAN, NAN, NAN};
    *ret = (struct event_spread){.n = values->n, .p50_ci = {NAN, NAN}, .is_exact = !values->hist};
    ret->mean = ret->min = ret->max = NAN;
    if (values->n > 0) {
        ret->mean = values->sum / (double)values->n;
        ret->min = values->min;
        ret->max = values->max;
    }
    if (values->hist) {
        for (size_t i = 0; i < ARRAY_LEN(p); i++)
            q[i] = clipped(values, hist_quantile(values->hist, p[i]));
    } else if (values->n > 0) {
        CLEANUP_FREE double *sorted = sorted_of(values);
        bool has_both = false;
        if (!sorted)
            return -ERROR_NOMEM;
        for (size_t i = 0; i < ARRAY_LEN(p); i++)
            q[i] = quantile_sorted(sorted, values->n, p[i]);
        if (with_interval && quantile_interval_ordered(values->raw, sorted, values->n, 0.5, 0.95,
                                                       &ret->p50_ci, &has_both) < 0)
            return -ERROR_NOMEM;
        if (!has_both)
            ret->p50_ci = (struct interval){NAN, NAN};
    }
    ret->p50 = q[0];
    ret->p90 = q[1];
    ret->p95 = q[2];
    ret->p99 = q[3];
    ret->p99_9 = q[4];
    return 0;
}

void event_values_below(const struct event_values *values, double limit, uint64_t *ret_count,
                        double *ret_sum)
{
    uint64_t count = 0;
    double sum = 0;
    for (uint64_t i = 0; !values->hist && i < values->n; i++) {
        if (values->raw[i] > limit)
            continue;
        count++;
        sum += values->raw[i];
    }
    for (size_t i = 0; values->hist && i < HIST_BUCKETS; i++) {
        uint64_t n = values->hist->buckets[i];
        double middle = ((double)hist_bucket_low(i) + (double)hist_bucket_high(i)) / 2 / MILLIONTHS;
        if (n == 0 || middle > limit)
            continue;
        count += n;
        sum += (double)n * middle;
    }
    *ret_count = count;
    *ret_sum = sum;
}

int event_quantile_without(const struct event_values *values, double p, const double *without,
                           size_t without_count, double *ret)
{
    *ret = NAN;
    if (values->hist) { /* of millions: a few more or less change nothing */
        *ret = clipped(values, hist_quantile(values->hist, p));
        return 0;
    }
    CLEANUP_FREE double *sorted = sorted_of(values);
    if (!sorted)
        return -ERROR_NOMEM;
    size_t n = values->n;
    for (size_t i = 0; i < without_count; i++) {
        size_t at = n;
        while (at > 0 && sorted[at - 1] != without[i])
            at--;
        if (at == 0)
            continue;
        memmove(sorted + at - 1, sorted + at, (n - at) * sizeof(*sorted));
        n--;
    }
    *ret = quantile_sorted(sorted, n, p);
    return 0;
}

static double length_of(const struct event_gap *gap)
{
    return gap->end_s - gap->begin_s;
}

void event_gaps_offer(struct event_gaps *gaps, const struct event_gap *gap)
{
    if (gaps->count < EVENTS_GAPS_MAX) {
        gaps->longest[gaps->count++] = *gap;
    } else if (length_of(gap) > length_of(&gaps->longest[gaps->least])) {
        gaps->longest[gaps->least] = *gap;
    } else {
        return;
    }
    gaps->least = 0;
    for (size_t i = 1; i < gaps->count; i++) {
        if (length_of(&gaps->longest[i]) < length_of(&gaps->longest[gaps->least]))
            gaps->least = i;
    }
}
