/* metrics_csv.c: from values to rows; see metrics_csv.h. */
#include "format/metrics_csv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "format/json_writer.h"
#include "format/metrics_csv_internal.h"

#define CELL_MAX 40 /* with its comma */

/* What a source said last, for as long as that holds. */
struct held {
    double value;
    int64_t t_ns;
    uint64_t for_ns; /* 0: only in its own row */
};

/* Which sources each column takes, looked up once. */
struct binding {
    struct held *held;      /* by source */
    const char **instances; /* by source; a late one's is set with its first value */
    size_t source_count;
    struct taken {
        const size_t *sources; /* into `indices` */
        size_t count;
    } * outputs; /* by column */
    size_t *indices;
};

struct metrics_csv {
    struct metrics_plan plan;
    struct binding binding;
    char *line; /* one byte in front: for a newline that the file lacks */
    size_t line_size;
    struct line_file file;
};

/* ---- numbers ---- */

size_t metrics_format_fixed(double value, int decimals, char *buf, size_t size)
{
    static const double powers[] = {1, 10, 100, 1000};
    char number[32];
    if (!isfinite(value)) {
        buf[0] = '\0';
        return 0;
    }
    double scaled = fabs(value) * powers[decimals];
    if (scaled >= 9e15) { /* beyond what a double tells apart */
        int length = snprintf(buf, size, "%s", json_format_number(value, number));
        return u64_min((size_t)length, size - 1);
    }
    uint64_t whole = (uint64_t)llround(scaled), unit = (uint64_t)powers[decimals];
    const char *sign = value < 0 && whole > 0 ? "-" : "";
    int length = decimals > 0 ? snprintf(buf, size, "%s%llu.%0*llu", sign,
                                         (unsigned long long)(whole / unit), decimals,
                                         (unsigned long long)(whole % unit))
                              : snprintf(buf, size, "%s%llu", sign, (unsigned long long)whole);
    return u64_min((size_t)length, size - 1);
}

/* ---- opening ---- */

static void binding_deinit(struct binding *binding)
{
    free(binding->held);
    free(binding->instances);
    free(binding->outputs);
    free(binding->indices);
    *binding = (struct binding){0};
}

/* Up to one row before the next value is due: with half a row to spare for the ticks' jitter. */
static uint64_t holds_for_ns(uint64_t own_ns, uint64_t row_ns)
{
    return own_ns > row_ns ? own_ns - row_ns / 2 : 0;
}

int metrics_csv_bind(struct metrics_csv *csv, const struct metrics_source *sources, size_t count,
                     uint64_t interval_ns)
{
    size_t columns = csv->plan.count, used = 0;
    struct binding binding = {.source_count = count};
    binding.outputs = calloc(columns + 1, sizeof(*binding.outputs));
    binding.indices = calloc(columns * count + 1, sizeof(*binding.indices));
    binding.held = calloc(count + 1, sizeof(*binding.held));
    binding.instances = calloc(count + 1, sizeof(*binding.instances));
    if (!binding.outputs || !binding.indices || !binding.held || !binding.instances) {
        binding_deinit(&binding);
        return -ERROR_NOMEM;
    }
    for (size_t i = 0; i < columns; i++) {
        binding.outputs[i].sources = binding.indices + used;
        for (size_t j = 0; j < count; j++) {
            if (metrics_output_takes(&csv->plan.items[i], sources[j].metric, sources[j].instance))
                binding.indices[used + binding.outputs[i].count++] = j;
        }
        used += binding.outputs[i].count;
    }
    for (size_t i = 0; i < count; i++) {
        binding.held[i] = (struct held){NAN, 0, holds_for_ns(sources[i].interval_ns, interval_ns)};
        binding.instances[i] = sources[i].instance;
    }
    binding_deinit(&csv->binding);
    csv->binding = binding;
    return 0;
}

static int make_header(const struct metrics_plan *plan, struct strbuf *out)
{
    strbuf_append(out, "timestamp");
    for (size_t i = 0; i < plan->count; i++)
        strbuf_printf(out, ",%s", plan->items[i].name);
    return out->failed ? -ERROR_NOMEM : 0;
}

static void free_csv(struct metrics_csv *csv)
{
    metrics_plan_deinit(&csv->plan);
    binding_deinit(&csv->binding);
    free(csv->line);
    free(csv);
}

static int open_csv(struct metrics_csv *csv, const struct metrics_csv_options *options,
                    struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf header = {0};
    int rc = metrics_plan_make(options->columns, options->instrumented, options->sources,
                               options->source_count, &csv->plan, err);
    if (rc < 0)
        return rc;
    csv->line_size = (csv->plan.count + 1) * CELL_MAX + 2;
    csv->line = malloc(csv->line_size);
    if (!csv->line ||
        metrics_csv_bind(csv, options->sources, options->source_count, options->interval_ns) < 0 ||
        make_header(&csv->plan, &header) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory for a CSV of %zu columns",
                         csv->plan.count);
    return line_file_open(&csv->file, options->path, strbuf_get(&header), csv->line_size, err);
}

int metrics_csv_open(const struct metrics_csv_options *options, struct metrics_csv **ret_csv,
                     struct error *err)
{
    struct metrics_csv *csv = calloc(1, sizeof(*csv));
    if (!csv)
        return error_set(err, ERROR_NOMEM, "out of memory for a CSV");
    int rc = open_csv(csv, options, err);
    if (rc < 0) {
        free_csv(csv);
        return rc;
    }
    *ret_csv = csv;
    return 0;
}

/* ---- rows ---- */

static void take_values(struct metrics_csv *csv, int64_t t_ns, const double *values)
{
    for (size_t i = 0; i < csv->binding.source_count; i++) {
        struct held *held = &csv->binding.held[i];
        if (!isnan(values[i])) {
            held->value = values[i];
            held->t_ns = t_ns;
        } else if (held->for_ns == 0 || t_ns < held->t_ns ||
                   (uint64_t)(t_ns - held->t_ns) >= held->for_ns) {
            held->value = NAN;
        }
    }
}

static double combine(const struct metrics_csv *csv, size_t output)
{
    const struct taken *taken = &csv->binding.outputs[output];
    double result = NAN;
    for (size_t i = 0; i < taken->count; i++) {
        double value = csv->binding.held[taken->sources[i]].value;
        if (isnan(value) || !metrics_output_is_channel(&csv->plan.items[output],
                                                       csv->binding.instances[taken->sources[i]]))
            continue;
        if (isnan(result))
            result = value;
        else if (csv->plan.items[output].column->rule == COLUMN_SUM)
            result += value;
        else if (csv->plan.items[output].column->rule == COLUMN_BITS && value >= 0 &&
                 value < 0x1p53)
            result = (double)((uint64_t)result | (uint64_t)value);
        else
            result = fmax(result, value);
    }
    return result;
}

void metrics_csv_row(struct metrics_csv *csv, double epoch_s, int64_t t_ns, const double *values)
{
    char *line = csv->line + 1;
    size_t used = metrics_format_fixed(epoch_s, 3, line, CELL_MAX);
    take_values(csv, t_ns, values);
    for (size_t i = 0; i < csv->plan.count; i++) {
        line[used++] = ',';
        used += metrics_format_fixed(combine(csv, i), csv->plan.items[i].column->decimals,
                                     line + used, CELL_MAX - 1);
    }
    line[used++] = '\n';
    line_file_write(&csv->file, line, used);
}

int metrics_csv_reopen(struct metrics_csv *csv, struct error *err)
{
    return line_file_reopen(&csv->file, err);
}

void metrics_csv_get_stats(const struct metrics_csv *csv, struct metrics_csv_stats *ret)
{
    *ret = csv->file.stats;
}

int metrics_csv_close(struct metrics_csv *csv, struct error *err)
{
    if (!csv)
        return 0;
    int rc = line_file_close(&csv->file, err);
    free_csv(csv);
    return rc;
}
