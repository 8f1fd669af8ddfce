/* run_csv.c: see run_csv.h. */
#include "format/run_csv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "format/json_writer.h"

/* Power over time, without missing values, ascending. */
struct power {
    struct reading {
        int64_t t_ns;
        double power_w;
    } * readings;
    size_t count;
};

static void power_free(struct power *power)
{
    free(power->readings);
}

/* What one run's rows have in common. */
struct source {
    const struct run *run;
    const struct run_series *latency;
    bool with_label, with_warmup;
    struct power power;
};

static void append_field(struct strbuf *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        strbuf_append(out, text);
        return;
    }
    strbuf_putc(out, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            strbuf_putc(out, '"');
        strbuf_putc(out, *p);
    }
    strbuf_putc(out, '"');
}

static void append_number(struct strbuf *out, double value)
{
    char text[32];
    if (isfinite(value))
        strbuf_append(out, json_format_number(value, text));
}

/* ---- power ---- */

static int compare_readings(const void *a, const void *b)
{
    const struct reading *x = a, *y = b;
    return (x->t_ns > y->t_ns) - (x->t_ns < y->t_ns);
}

/* The series of the whole machine if there is one (no instance, or "total"), else the first. */
static const struct run_series *find_power(const struct run *run)
{
    const struct run_series *first = NULL;
    for (size_t i = 0; i < run->series_count; i++) {
        const struct run_series *series = &run->series[i];
        if (strcmp(series->series.metric->name, "power_w") != 0 || series->count == 0)
            continue;
        const char *instance = series->series.instance;
        if (!instance || !instance[0] || strcmp(instance, "total") == 0)
            return series;
        first = first ? first : series;
    }
    return first;
}

static int power_load(const struct run *run, struct power *power, struct error *err)
{
    const struct run_series *series = find_power(run);
    if (!series)
        return 0;
    power->readings = calloc(series->count, sizeof(*power->readings));
    if (!power->readings)
        return error_set(err, ERROR_NOMEM, "out of memory writing CSV");
    for (size_t i = 0; i < series->count; i++) {
        const struct run_sample *sample = &series->samples[i];
        if (sample->t_ns != INT64_MIN && isfinite(sample->value))
            power->readings[power->count++] = (struct reading){sample->t_ns, sample->value};
    }
    qsort(power->readings, power->count, sizeof(*power->readings), compare_readings);
    return 0;
}

/* Mean of the readings from begin to end; else the nearest earlier one; else NaN. */
static double power_between(const struct power *power, int64_t begin_ns, int64_t end_ns)
{
    size_t lo = 0, hi = power->count;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (power->readings[middle].t_ns < begin_ns)
            lo = middle + 1;
        else
            hi = middle;
    }
    double sum = 0;
    size_t n = 0;
    for (size_t i = lo; i < power->count && power->readings[i].t_ns <= end_ns; i++, n++)
        sum += power->readings[i].power_w;
    if (n > 0)
        return sum / (double)n;
    return lo > 0 ? power->readings[lo - 1].power_w : NAN;
}

/* ---- rows ---- */

/* The series that times one unit: the one the workload names, else the usual ones. */
static const struct run_series *find_latency(const struct run *run)
{
    const char *names[] = {facts_get_text(&run->workload, "latency_metric", ""), "latency_ms",
                           "wall_ms"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct run_series *series = names[i][0] ? run_find_series(run, names[i], NULL) : NULL;
        if (series && series->series.kind == SERIES_UNIT)
            return series;
    }
    return NULL;
}

/* Items per unit: 1 where the workload knows no batches; NaN where it says that it is unknown. */
static double batch_size_of(const struct run *run)
{
    const struct fact *fact = facts_get(&run->workload, "batch_size");
    if (!fact)
        return 1;
    if (fact->kind == FACT_INTEGER)
        return (double)fact->integer;
    return fact->kind == FACT_NUMBER ? fact->number : NAN;
}

static const char *workload_name(const struct run *run)
{
    const char *name = facts_get_text(&run->workload, "name", NULL);
    return name ? name : facts_get_text(&run->workload, "kind", "");
}

/* A latency in ms whatever unit its metric is shown in; NaN for one that is no time. */
static double to_ms(const struct metric *metric, double value)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1e3}, {"us", 1e-3}, {"ns", 1e-6}};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(metric->unit, units[i].unit) == 0)
            return value * units[i].ms;
    }
    return NAN;
}

static void append_row(const struct source *source, const struct run_sample *sample,
                       struct strbuf *out)
{
    const struct run *run = source->run;
    double latency_ms = to_ms(source->latency->series.metric, sample->value);
    double batch_size = batch_size_of(run);
    double power_w = NAN;
    if (sample->t_ns != INT64_MIN) {
        strbuf_printf(out, "%.3f", run->begin_epoch_s + (double)sample->t_ns / 1e9);
        double end_ns = (double)sample->t_ns + (isfinite(latency_ms) ? latency_ms * 1e6 : 0);
        power_w = power_between(&source->power, sample->t_ns,
                                end_ns < 9.2e18 ? (int64_t)end_ns : INT64_MAX);
    }
    strbuf_putc(out, ',');
    if (source->with_label) {
        append_field(out, run->label ? run->label : "");
        strbuf_putc(out, ',');
    }
    append_field(out, workload_name(run));
    strbuf_putc(out, ',');
    append_number(out, batch_size);
    strbuf_putc(out, ',');
    append_number(out, latency_ms);
    strbuf_putc(out, ',');
    append_number(out, power_w);
    strbuf_putc(out, ',');
    if (latency_ms > 0)
        append_number(out, batch_size / (latency_ms / 1e3));
    strbuf_putc(out, '\n');
}

/* When the unit began: its t_ns is when it ended, so its duration before that. */
static int64_t begin_of(const struct run_series *latency, const struct run_sample *sample)
{
    double duration_ns = to_ms(latency->series.metric, sample->value) * 1e6;
    if (sample->t_ns == INT64_MIN || !(fabs(duration_ns) < 9e18))
        return INT64_MIN;
    int64_t begin_ns = 0;
    return __builtin_sub_overflow(sample->t_ns, llround(duration_ns), &begin_ns) ? INT64_MIN
                                                                                 : begin_ns;
}

static void append_rows(const struct source *source, struct strbuf *out)
{
    const struct run *run = source->run;
    for (size_t i = 0; i < source->latency->count; i++) {
        struct run_sample sample = source->latency->samples[i];
        enum phase_kind phase = run_phase_of_unit(run, sample.invocation, sample.unit);
        bool is_apart = phase == PHASE_WARMUP || phase == PHASE_FIRST || phase == PHASE_PROFILED;
        bool wanted = phase == PHASE_STEADY || (source->with_warmup && is_apart);
        if (!wanted || isnan(sample.value) || !run_invocation_counts(run, sample.invocation))
            continue;
        sample.t_ns = begin_of(source->latency, &sample);
        append_row(source, &sample, out);
    }
}

int run_csv_write(const struct run *const *runs, size_t count, bool with_warmup, struct strbuf *out,
                  struct error *err)
{
    strbuf_append(out, count > 1 ? "timestamp,run_label,workload,batch_size,latency_ms,power_w,"
                                   "throughput\n"
                                 : "timestamp,workload,batch_size,latency_ms,power_w,throughput\n");
    for (size_t i = 0; i < count; i++) {
        struct source source = {.run = runs[i],
                                .latency = find_latency(runs[i]),
                                .with_label = count > 1,
                                .with_warmup = with_warmup};
        if (!source.latency)
            continue;
        CLEANUP(power_free) struct power power = {0};
        int rc = power_load(runs[i], &power, err);
        if (rc < 0)
            return rc;
        source.power = power;
        append_rows(&source, out);
    }
    return out->failed ? error_set(err, ERROR_NOMEM, "out of memory writing CSV") : 0;
}

uint64_t run_csv_left_out(const struct run *run)
{
    const struct run_series *latency = find_latency(run);
    return latency ? latency->raw_dropped : 0;
}
