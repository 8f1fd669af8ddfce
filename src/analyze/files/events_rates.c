/* events_rates.c: how many parcels and rows come in a second, a minute, a quarter of an hour and an
 * hour. */
#include <math.h>
#include <stdlib.h>

#include "analyze/files/events_internal.h"
#include "base/util.h"

static const struct analysis_column rate_columns[] = {
    {.key = "quantity", .title = "what", .kind = ANALYSIS_TEXT},
    {.key = "per", .title = "per", .kind = ANALYSIS_TEXT},
    {.key = "mean", .title = "mean", .kind = ANALYSIS_INTERVAL},
    {.key = "p50", .title = "p50", .kind = ANALYSIS_NUMBER},
    {.key = "p95", .title = "p95", .kind = ANALYSIS_NUMBER},
    {.key = "peak", .title = "peak", .kind = ANALYSIS_NUMBER},
    {.key = "peak_time", .title = "when", .kind = ANALYSIS_TIME},
    {.key = "bins", .title = "bins", .kind = ANALYSIS_COUNT, .is_detail = true},
    {.key = "dispersion", .title = "var/mean", .kind = ANALYSIS_NUMBER, .digits = 3},
};
static const struct analysis_column period_columns[] = {
    {.key = "begin", .title = "from", .kind = ANALYSIS_TIME},
    {.key = "covered_s", .title = "covered", .unit = "s", .kind = ANALYSIS_NUMBER},
    {.key = "parcels", .title = "parcels", .kind = ANALYSIS_COUNT},
    {.key = "parcels_per_hour", .title = "parcels/h", .kind = ANALYSIS_INTERVAL},
    {.key = "rows", .title = "rows", .kind = ANALYSIS_COUNT},
    {.key = "rows_per_hour", .title = "rows/h", .kind = ANALYSIS_INTERVAL, .is_detail = true},
};

static const struct {
    int64_t minutes; /* 0: seconds */
    double s;
    const char *name;
} sizes[] = {{0, 1, "1 s"}, {1, 60, "1 min"}, {15, 900, "15 min"}, {60, 3600, "1 h"}};

/* count in covered_s, as a rate per `size_s`. */
static struct analysis_cell rate_cell(uint64_t count, double covered_s, double size_s)
{
    if (!(covered_s > 0))
        return cell_number(NAN);
    struct interval interval = poisson_interval(count, 0.95);
    double factor = size_s / covered_s;
    return cell_interval((double)count * factor, interval.lo * factor, interval.hi * factor);
}

static void set_dispersion(struct event_peak *peak, const struct moments *full)
{
    double std = moments_std(full);
    peak->full = full->n;
    peak->dispersion = full->mean > 0 ? std * std / full->mean : NAN;
    peak->dispersion_p = poisson_dispersion_p(peak->dispersion, full->n);
}

/* By its influence function: the variance of a mean of what each count adds to s^2/m, with as many
 * counts as are independent; on the logarithm, because a ratio of variances is skew. counts: n in
 * the order of time; each becomes its influence. */
static struct interval dispersion_interval(double dispersion, double mean, double *counts, size_t n)
{
    struct moments moments = {0};
    struct interval around, none = {NAN, NAN};
    if (n < 2 || !(dispersion > 0))
        return none;
    for (size_t i = 0; i < n; i++) {
        double off = counts[i] - mean;
        counts[i] = off * off / mean - dispersion - dispersion / mean * off;
        moments_add(&moments, counts[i]);
    }
    if (!mean_interval(0, moments_std(&moments) / dispersion, effective_n(counts, n), 0.95,
                       &around))
        return none;
    return (struct interval){dispersion * exp(around.lo), dispersion * exp(around.hi)};
}

static int peak_of_seconds(const struct events *events, bool of_rows, struct event_peak *ret)
{
    const struct event_rate *rate = of_rows ? &events->second_rows : &events->second_parcels;
    struct event_spread spread;
    if (event_spread_of(&rate->values, false, &spread) < 0)
        return -ERROR_NOMEM;
    ret->bins = spread.n;
    ret->p50 = spread.p50;
    ret->p95 = spread.p95;
    ret->peak = spread.n > 0 ? rate->peak : NAN;
    ret->peak_s = spread.n > 0 ? rate->peak_s : NAN;
    set_dispersion(ret, &rate->full);
    return 0;
}

static int peak_of_minutes(const struct events *events, int64_t minutes, bool of_rows,
                           struct event_peak *ret)
{
    CLEANUP_FREE struct event_period *periods = NULL;
    size_t count = 0, used = 0;
    double size_s = (double)minutes * 60;
    struct moments full = {0};
    size_t full_count = 0;
    int rc = events_periods(events, minutes, &periods, &count);
    if (rc < 0)
        return rc;
    CLEANUP_FREE double *values = calloc(2 * (count + 1), sizeof(*values));
    if (!values)
        return -ERROR_NOMEM;
    double *counts = values + count + 1;
    for (size_t i = 0; i < count; i++) {
        double covered = periods[i].covered_s / size_s;
        double n = (double)(of_rows ? periods[i].rows : periods[i].parcels);
        if (covered < EVENTS_COVERED_MIN)
            continue;
        if (covered > 1 - 1e-9) {
            moments_add(&full, n);
            counts[full_count++] = n;
        }
        values[used++] = n / covered;
        if (used == 1 || n / covered > ret->peak) {
            ret->peak = n / covered;
            ret->peak_s = periods[i].begin_s;
        }
    }
    stats_sort(values, used);
    ret->bins = used;
    ret->p50 = quantile_sorted(values, used, 0.5);
    ret->p95 = quantile_sorted(values, used, 0.95);
    set_dispersion(ret, &full);
    ret->dispersion_ci = dispersion_interval(ret->dispersion, full.mean, counts, full_count);
    return 0;
}

int events_peak_of(const struct events *events, int64_t minutes, bool of_rows,
                   struct event_peak *ret)
{
    double size_s = minutes > 0 ? (double)minutes * 60 : 1;
    uint64_t count = of_rows ? events->rows : events->parcel_count;
    struct analysis_cell mean = rate_cell(count, events_covered_s(events), size_s);
    *ret = (struct event_peak){.mean = mean.value,
                               .lo = mean.lo,
                               .hi = mean.hi,
                               .peak = NAN,
                               .peak_s = NAN,
                               .dispersion_ci = {NAN, NAN}};
    return minutes > 0 ? peak_of_minutes(events, minutes, of_rows, ret)
                       : peak_of_seconds(events, of_rows, ret);
}

static int tell_peaks(struct events *events)
{
    struct analysis_table *table = analysis_add_table(events->analysis, "rates", "Parcels and rows",
                                                      rate_columns, ARRAY_LEN(rate_columns));
    for (int of_rows = 0; of_rows < 2; of_rows++) {
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            struct event_peak peak;
            int rc = events_peak_of(events, sizes[i].minutes, of_rows, &peak);
            if (rc < 0)
                return rc;
            struct analysis_cell *cell = analysis_add_row(table);
            *cell++ = cell_text(table, of_rows ? "rows" : "parcels");
            *cell++ = cell_text(table, sizes[i].name);
            *cell++ = cell_interval(peak.mean, peak.lo, peak.hi);
            *cell++ = cell_number(peak.p50);
            *cell++ = cell_number(peak.p95);
            *cell++ = cell_number(peak.peak);
            *cell++ = cell_number(peak.peak_s);
            *cell++ = cell_number((double)peak.bins);
            *cell = cell_number(peak.dispersion);
        }
    }
    analysis_note(table, "Bins stand on the clock; those that the log covers in part are scaled to "
                         "their whole, and left out of p50, p95 and peak when less than half is "
                         "covered. Intervals: Poisson, exact; where var/mean is above 1 they are "
                         "too narrow by about its square root (rows of one parcel come together).");
    return 0;
}

static int tell_periods(struct events *events, int64_t minutes, const char *key, const char *title,
                        size_t shown)
{
    CLEANUP_FREE struct event_period *periods = NULL;
    size_t count = 0;
    int rc = events_periods(events, minutes, &periods, &count);
    if (rc < 0)
        return rc;
    struct analysis_table *table =
        analysis_add_table(events->analysis, key, title, period_columns, ARRAY_LEN(period_columns));
    table->shown = shown;
    for (size_t i = 0; i < count; i++) {
        const struct event_period *period = &periods[i];
        struct analysis_cell *cell = analysis_add_row(table);
        *cell++ = cell_number(period->begin_s);
        *cell++ = cell_number(period->covered_s);
        *cell++ = cell_number((double)period->parcels);
        *cell++ = rate_cell(period->parcels, period->covered_s, 3600);
        *cell++ = cell_number((double)period->rows);
        *cell = rate_cell(period->rows, period->covered_s, 3600);
    }
    return 0;
}

int events_tell_rates(struct events *events)
{
    int rc = tell_peaks(events);
    if (rc == 0)
        rc = tell_periods(events, 60, "hours", "Hour by hour", 24);
    if (rc == 0)
        rc = tell_periods(events, 15, "quarters", "By quarters of an hour", 8);
    return rc;
}
