/* events_metrics.c: a system_metrics.csv beside the log: why everything was silent, and whether the
 * machine slows down when there is more to do. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/events_internal.h"
#include "base/util.h"
#include "format/csv.h"

#define HOLE_FACTOR 3.0    /* times the median interval of its rows */
#define HOLE_SHARE 0.5     /* of a silence without metrics: the host was away, too */
#define STALLED_FACTOR 0.5 /* of the usual frames per second, or GPU load */
#define PAIRS_MIN 10       /* minutes, before a slope is told */
#define LAGS_MAX 60

struct metric_minute {
    int64_t minute;
    double sum[EVENT_METRIC_COUNT];
    uint64_t n[EVENT_METRIC_COUNT];
};

/* While the file is read. */
struct joining {
    struct events *events;
    struct event_metrics *metrics;
    struct metric_minute *minutes; /* in the order of the file */
    size_t minute_count, minute_capacity;
    struct event_gaps holes;
    struct event_values intervals;
    struct event_budget budget;
    double last_s;
    double fps_sum, gpu_sum; /* of all rows */
    uint64_t fps_n, gpu_n;
};

/* ---- reading ---- */

#define WANT_METRIC 1 /* the first one; the time stands before it */

static const char *const time_names[] = {"time", "ts", "datetime", NULL};
static const char *const p99_names[] = {"inference_p99_ms", "latency_p99_ms", NULL};
static const char *const avg_names[] = {"inference_avg_ms", "inference_ms", "latency_ms", NULL};
static const char *const fps_names[] = {"fps", NULL};
static const char *const gpu_names[] = {"gpu_pct", "gpu_util", NULL};

static const struct csv_want wants[WANT_METRIC + EVENT_METRIC_COUNT] = {
    {"timestamp", time_names, CSV_TIME, true},
    [WANT_METRIC + METRIC_LATENCY_P99] = {"inference_ms_p99", p99_names, CSV_NUMBER, false},
    [WANT_METRIC + METRIC_LATENCY_AVG] = {"inference_ms_avg", avg_names, CSV_NUMBER, false},
    [WANT_METRIC + METRIC_FPS] = {"pipeline_fps", fps_names, CSV_NUMBER, false},
    [WANT_METRIC + METRIC_CPU_TOTAL] = {"cpu_total_pct", NULL, CSV_NUMBER, false},
    [WANT_METRIC + METRIC_CPU_TRACK] = {"cpu_track_pct", NULL, CSV_NUMBER, false},
    [WANT_METRIC + METRIC_GPU] = {"gpu_util_pct", gpu_names, CSV_NUMBER, false},
};
static const char *const units[EVENT_METRIC_COUNT] = {"ms", "ms", "1/s", "%", "%", "%"};

struct metric_row {
    double s, value[EVENT_METRIC_COUNT];
};

struct part {
    struct metric_row *rows;
    size_t count, capacity;
};

static void *part_new(void *context)
{
    (void)context;
    return calloc(1, sizeof(struct part));
}

static void part_free(void *context, void *result)
{
    (void)context;
    struct part *part = result;
    free(part->rows);
    free(part);
}

static int take_rows(void *context, void *result, const struct csv_rows *rows, struct error *err)
{
    (void)context;
    struct part *part = result;
    if (array_reserve(&part->rows, &part->capacity, part->count + rows->count,
                      sizeof(*part->rows)) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    for (size_t i = 0; i < rows->count; i++) {
        struct metric_row *row = &part->rows[part->count++];
        row->s = rows->number[0][i];
        for (size_t k = 0; k < EVENT_METRIC_COUNT; k++) {
            const double *column = rows->number[WANT_METRIC + k];
            row->value[k] = column ? column[i] : NAN;
        }
    }
    return 0;
}

/* Whether the metrics went on during a silence, and what they say of it. */
static void explain(struct joining *joining, const struct metric_row *row)
{
    double fps = row->value[METRIC_FPS], gpu = row->value[METRIC_GPU];
    joining->fps_n += !isnan(fps);
    joining->fps_sum += isnan(fps) ? 0 : fps;
    joining->gpu_n += !isnan(gpu);
    joining->gpu_sum += isnan(gpu) ? 0 : gpu;
    for (size_t i = 0; i < joining->events->silence_count; i++) {
        struct event_silence *silence = &joining->events->silences[i];
        if (silence->cam != EVENTS_ALL || row->s <= silence->begin_s || row->s >= silence->end_s)
            continue;
        silence->fps_n += !isnan(fps);
        silence->fps_sum += isnan(fps) ? 0 : fps;
        silence->gpu_n += !isnan(gpu);
        silence->gpu_sum += isnan(gpu) ? 0 : gpu;
    }
}

static int add_row(struct joining *joining, const struct metric_row *row)
{
    struct event_metrics *metrics = joining->metrics;
    if (metrics->rows++ == 0) {
        metrics->begin_s = metrics->end_s = joining->last_s = row->s;
    } else if (row->s > joining->last_s) {
        struct event_gap hole = {.begin_s = joining->last_s, .end_s = row->s};
        event_gaps_offer(&joining->holes, &hole);
        if (event_values_add(&joining->intervals, &joining->budget, row->s - joining->last_s) < 0)
            return -ERROR_NOMEM;
    }
    joining->last_s = fmax(joining->last_s, row->s);
    metrics->begin_s = fmin(metrics->begin_s, row->s);
    metrics->end_s = joining->last_s;
    explain(joining, row);
    int64_t minute = (int64_t)floor(row->s / 60);
    size_t count = joining->minute_count;
    if (count == 0 || joining->minutes[count - 1].minute != minute) {
        if (array_reserve(&joining->minutes, &joining->minute_capacity, count + 1,
                          sizeof(*joining->minutes)) < 0)
            return -ERROR_NOMEM;
        joining->minutes[joining->minute_count++] = (struct metric_minute){.minute = minute};
    }
    struct metric_minute *last = &joining->minutes[joining->minute_count - 1];
    for (size_t k = 0; k < EVENT_METRIC_COUNT; k++) {
        last->n[k] += !isnan(row->value[k]);
        last->sum[k] += isnan(row->value[k]) ? 0 : row->value[k];
    }
    return 0;
}

static int merge_part(void *context, void *result, uint64_t first_line, struct error *err)
{
    (void)first_line;
    struct joining *joining = context;
    struct part *part = result;
    int rc = 0;
    for (size_t i = 0; i < part->count && rc == 0; i++) {
        if (fabs(part->rows[i].s) <= 1e12)
            rc = add_row(joining, &part->rows[i]);
    }
    part->count = 0;
    return rc < 0 ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

static int read_metrics(struct joining *joining, struct error *err)
{
    const char *path = joining->events->options->metrics_path;
    struct analysis *analysis = joining->events->analysis;
    struct source *source = NULL;
    struct csv *csv = NULL;
    struct csv_job job = {.context = joining,
                          .result_new = part_new,
                          .result_free = part_free,
                          .rows = take_rows,
                          .merge = merge_part};
    int rc = source_open(path, &source, err);
    if (rc < 0)
        return rc;
    struct analysis_input *input =
        analysis_add_input(analysis, source_name(source), "system metrics CSV");
    rc = csv_open(source, wants, ARRAY_LEN(wants), &csv, err);
    if (rc == 0)
        rc = csv_each(csv, joining->events->options->threads, &job, err);
    if (rc == 0) {
        input->skips = *csv_skips(csv);
        input->lines = csv_lines(csv);
        input->bytes = source_bytes_read(source);
        input->begin_s = joining->metrics->rows ? joining->metrics->begin_s : NAN;
        input->end_s = joining->metrics->rows ? joining->metrics->end_s : NAN;
    }
    csv_close(csv);
    source_close(source);
    return rc;
}

/* ---- silences ---- */

static void judge_silence(const struct joining *joining, struct event_silence *silence)
{
    double length_s = silence->end_s - silence->begin_s;
    const struct event_metrics *metrics = joining->metrics;
    if (silence->cam != EVENTS_ALL || metrics->begin_s > silence->begin_s ||
        metrics->end_s < silence->end_s)
        return;
    silence->missing_s = 0;
    for (size_t i = 0; i < joining->holes.count; i++) {
        const struct event_gap *hole = &joining->holes.longest[i];
        double overlap_s =
            fmin(hole->end_s, silence->end_s) - fmax(hole->begin_s, silence->begin_s);
        if (hole->end_s - hole->begin_s > HOLE_FACTOR * metrics->interval_s && overlap_s > 0)
            silence->missing_s += overlap_s;
    }
    if (silence->missing_s >= HOLE_SHARE * length_s) {
        silence->kind = SILENCE_HOST;
    } else if (silence->fps_n > 0 && joining->fps_n > silence->fps_n) {
        double inside = silence->fps_sum / (double)silence->fps_n;
        double outside =
            (joining->fps_sum - silence->fps_sum) / (double)(joining->fps_n - silence->fps_n);
        silence->kind = inside < STALLED_FACTOR * outside ? SILENCE_STALLED : SILENCE_IDLE;
    } else if (silence->gpu_n > 0 && joining->gpu_n > silence->gpu_n) {
        double inside = silence->gpu_sum / (double)silence->gpu_n;
        double outside =
            (joining->gpu_sum - silence->gpu_sum) / (double)(joining->gpu_n - silence->gpu_n);
        silence->kind = inside < STALLED_FACTOR * outside ? SILENCE_STALLED : SILENCE_IDLE;
    }
}

/* ---- minutes of both ---- */

static int by_minute(const void *a, const void *b)
{
    const struct metric_minute *x = a, *y = b;
    return x->minute < y->minute ? -1 : x->minute > y->minute;
}

/* Where the metrics' clock went backwards, the same minute stands there twice. */
static void merge_minutes(struct joining *joining)
{
    size_t count = 0;
    if (joining->minute_count > 0)
        qsort(joining->minutes, joining->minute_count, sizeof(*joining->minutes), by_minute);
    for (size_t i = 0; i < joining->minute_count; i++) {
        struct metric_minute *from = &joining->minutes[i];
        if (count == 0 || joining->minutes[count - 1].minute != from->minute) {
            joining->minutes[count++] = *from;
            continue;
        }
        for (size_t k = 0; k < EVENT_METRIC_COUNT; k++) {
            joining->minutes[count - 1].sum[k] += from->sum[k];
            joining->minutes[count - 1].n[k] += from->n[k];
        }
    }
    joining->minute_count = count;
}

struct pair {
    double load, value;
    size_t at;
};

static int by_load(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->load != y->load)
        return x->load < y->load ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Neighbouring minutes are no independent ones: the variance of a slope over x grows by
 * 1 + 2 Σ rho_x(k) rho_e(k), e: what is left of y (Bartlett 1935, for a correlation). Summed up to
 * the first lag at which either is no more than noise. */
static int inflation_of(const double *x, const double *y, size_t n, double slope, double *ret)
{
    CLEANUP_FREE double *left = malloc((n + 1) * sizeof(*left));
    double sum = 0, noise = normal_quantile(0.975) / sqrt((double)n);
    if (!left)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < n; i++)
        left[i] = y[i] - slope * x[i];
    for (size_t lag = 1; lag < n / 4 && lag <= LAGS_MAX; lag++) {
        double rho_x = autocorrelation(x, n, lag), rho_e = autocorrelation(left, n, lag);
        if (!(fabs(rho_x) > noise && fabs(rho_e) > noise))
            break;
        sum += rho_x * rho_e;
    }
    *ret = fmax(1, 1 + 2 * sum);
    return 0;
}

/* load, value: n of them in the order of time; pairs, sorted: room for n and 2 n. */
static int fit(struct event_load *load, const double *x, const double *y, struct pair *pairs,
               double *sorted)
{
    size_t n = load->n, quarter = n / 4;
    for (size_t i = 0; i < n; i++)
        pairs[i] = (struct pair){x[i], y[i], i};
    qsort(pairs, n, sizeof(*pairs), by_load);
    double *by_x = sorted, *by_y = sorted + n;
    for (size_t i = 0; i < n; i++) {
        by_x[i] = pairs[i].load;
        by_y[i] = pairs[i].value;
    }
    load->load_low = quantile_sorted(by_x, n, 0.05);
    load->load_high = quantile_sorted(by_x, n, 0.95);
    if (trend_theil_sen(by_x, by_y, n, 0.95, &load->trend) < 0 ||
        inflation_of(x, y, n, load->trend.slope, &load->inflation) < 0)
        return -ERROR_NOMEM;
    double slope = load->trend.slope, factor = sqrt(load->inflation);
    load->trend.lo = slope - (slope - load->trend.lo) * factor;
    load->trend.hi = slope + (load->trend.hi - slope) * factor;
    stats_sort(by_y, quarter);
    load->low = quantile_sorted(by_y, quarter, 0.5);
    stats_sort(by_y + n - quarter, quarter);
    load->high = quantile_sorted(by_y + n - quarter, quarter, 0.5);
    load->is_known = true;
    return 0;
}

/* Minutes that the log covers by half at least, and for which the metrics have a value. */
static int compare(struct joining *joining, const struct event_period *periods, size_t count,
                   enum event_metric metric, bool of_rows)
{
    CLEANUP_FREE double *values = calloc(4 * (count + 1), sizeof(*values));
    CLEANUP_FREE struct pair *pairs = calloc(count + 1, sizeof(*pairs));
    struct event_metrics *metrics = joining->metrics;
    if (!values || !pairs)
        return -ERROR_NOMEM;
    double *x = values, *y = values + count;
    struct event_load *load = &metrics->loads[metrics->load_count];
    *load = (struct event_load){.metric = wants[WANT_METRIC + metric].name,
                                .unit = units[metric],
                                .load = of_rows ? "rows/min" : "parcels/min"};
    for (size_t i = 0; i < count; i++) {
        struct metric_minute key = {.minute = (int64_t)floor(periods[i].begin_s / 60)};
        double covered = periods[i].covered_s / 60;
        const struct metric_minute *found =
            joining->minute_count > 0
                ? bsearch(&key, joining->minutes, joining->minute_count, sizeof(key), by_minute)
                : NULL;
        if (covered < EVENTS_COVERED_MIN || !found || found->n[metric] == 0)
            continue;
        x[load->n] = (double)(of_rows ? periods[i].rows : periods[i].parcels) / covered;
        y[load->n++] = found->sum[metric] / (double)found->n[metric];
    }
    if (load->n == 0)
        return 0;
    metrics->load_count++;
    metrics->minutes = u64_max(metrics->minutes, load->n);
    return load->n >= PAIRS_MIN ? fit(load, x, y, pairs, values + 2 * count) : 0;
}

static int join_minutes(struct joining *joining)
{
    CLEANUP_FREE struct event_period *periods = NULL;
    size_t count = 0;
    merge_minutes(joining);
    int rc = events_periods(joining->events, 1, &periods, &count);
    for (int metric = 0; metric < EVENT_METRIC_COUNT && rc == 0; metric++) {
        rc = compare(joining, periods, count, (enum event_metric)metric, false);
        if (rc == 0)
            rc = compare(joining, periods, count, (enum event_metric)metric, true);
    }
    return rc;
}

static int join_all(struct joining *joining, struct error *err)
{
    struct event_spread spread;
    struct event_metrics *metrics = joining->metrics;
    int rc = read_metrics(joining, err);
    if (rc < 0)
        return rc;
    if (event_spread_of(&joining->intervals, false, &spread) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    metrics->interval_s = spread.p50;
    for (size_t i = 0; i < joining->holes.count; i++) {
        const struct event_gap *hole = &joining->holes.longest[i];
        metrics->hole_count += hole->end_s - hole->begin_s > HOLE_FACTOR * spread.p50;
    }
    for (size_t i = 0; i < joining->events->silence_count; i++)
        judge_silence(joining, &joining->events->silences[i]);
    return join_minutes(joining) < 0 ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

int events_join_metrics(struct events *events, struct error *err)
{
    struct joining joining = {.events = events, .budget.max = EVENTS_VALUES_MAX};
    events->metrics = joining.metrics = calloc(1, sizeof(*events->metrics));
    if (!events->metrics)
        return error_set(err, ERROR_NOMEM, "out of memory");
    int rc = join_all(&joining, err);
    event_values_deinit(&joining.intervals);
    free(joining.minutes);
    return rc;
}
