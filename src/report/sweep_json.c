/* sweep_json.c: a sweep as JSON. */
#include "report/sweep.h"

#include <math.h>

#include "format/run_json.h"

static void write_figure(struct json_writer *writer, const char *key,
                         const struct sweep_figure *figure)
{
    json_write_object_line(writer, key);
    json_write_number(writer, "value", figure->value);
    json_write_text(writer, "unit", figure->unit);
    run_json_write_interval(writer, "interval", figure->has_interval, figure->lo, figure->hi);
    if (isnan(figure->value))
        json_write_text(writer, "why", figure->why);
    json_write_end(writer);
}

static void write_error(struct json_writer *writer, const struct error *error)
{
    if (error->code == 0) {
        json_write_null(writer, "error");
        return;
    }
    json_write_object(writer, "error");
    json_write_text(writer, "code", error_code_name(error->code));
    json_write_text(writer, "message", error->message);
    json_write_text(writer, "hint", error->hint[0] ? error->hint : NULL);
    json_write_end(writer);
}

static void write_row(struct json_writer *writer, const struct sweep_result *result,
                      const struct sweep_row *row)
{
    bool is_cores = result->kind == SWEEP_CORES;
    json_write_object(writer, NULL);
    json_write_text(writer, "name", row->name);
    json_write_text(writer, "run", row->run ? row->run->id : NULL);
    json_write_text(writer, "state", row->run ? run_state_name(row->run->state) : NULL);
    write_error(writer, &row->error);
    json_write_number(writer, "batch_size", is_cores ? NAN : row->x);
    json_write_number(writer, "cores", is_cores ? row->x : NAN);
    json_write_number(writer, "threads", row->threads ? (double)row->threads : NAN);
    json_write_u64(writer, "n", row->latency.n);
    json_write_u64(writer, "n_invocations", row->latency.n_invocations);
    json_write_text(writer, "latency_metric", row->latency_metric);
    json_write_object(writer, "metrics");
    write_figure(writer, "latency_p50", &row->latency_p50);
    write_figure(writer, "latency_p99", &row->latency_p99);
    write_figure(writer, "latency_per_item_p50", &row->per_item);
    write_figure(writer, "throughput", &row->throughput);
    write_figure(writer, "peak_memory", &row->memory);
    write_figure(writer, "energy_per_item", &row->energy);
    if (is_cores) {
        write_figure(writer, "speedup", &row->speedup);
        write_figure(writer, "efficiency", &row->efficiency);
    }
    json_write_number(writer, "cv", row->cv);
    json_write_number(writer, "p99_over_p50", row->tail);
    json_write_end(writer);
    json_write_bool(writer, "pareto", row->is_on_front);
    json_write_end(writer);
}

static void write_best(struct json_writer *writer, const char *key,
                       const struct sweep_result *result, const struct sweep_best *best)
{
    if (best->row == SWEEP_NONE) {
        json_write_null(writer, key);
        return;
    }
    json_write_object(writer, key);
    json_write_text(writer, "name", result->rows[best->row].name);
    json_write_text(writer, "run", result->rows[best->row].run->id);
    json_write_array_line(writer, "interval_overlaps_with");
    for (size_t i = 0; i < result->count; i++)
        if (best->is_equal[i])
            json_write_text(writer, NULL, result->rows[i].name);
    json_write_end(writer);
    json_write_end(writer);
}

static void write_fit(struct json_writer *writer, const struct sweep_result *result)
{
    const struct amdahl *fit = &result->fit;
    if (result->kind != SWEEP_CORES || !result->has_fit) {
        json_write_null(writer, "fit");
        return;
    }
    json_write_object(writer, "fit");
    json_write_text(writer, "law", "amdahl");
    json_write_number(writer, "serial", fit->serial);
    run_json_write_interval(writer, "serial_interval", fit->has_ci, fit->serial_ci.lo,
                            fit->serial_ci.hi);
    json_write_number(writer, "t1_ms", fit->t1);
    json_write_number(writer, "max_speedup", fit->max_speedup);
    json_write_number(writer, "rms_relative", fit->rms_relative);
    json_write_u64(writer, "n", fit->n);
    json_write_end(writer);
}

static const char *name_at(const struct sweep_result *result, size_t row)
{
    return row == SWEEP_NONE ? NULL : result->rows[row].name;
}

void report_sweep_json_members(const struct sweep_result *result, struct json_writer *writer)
{
    json_write_u64(writer, "rounds", result->rounds);
    json_write_bool(writer, "interrupted", result->is_interrupted);
    json_write_array(writer, "configurations");
    for (size_t i = 0; i < result->count; i++)
        write_row(writer, result, &result->rows[i]);
    json_write_end(writer);
    json_write_object(writer, "best");
    write_best(writer, "latency", result, &result->latency);
    write_best(writer, "throughput", result, &result->throughput);
    write_best(writer, "energy", result, &result->energy);
    json_write_end(writer);
    json_write_text(writer, "knee", name_at(result, result->knee));
    json_write_array_line(writer, "pareto");
    for (size_t i = 0; i < result->count; i++)
        if (result->rows[i].is_on_front)
            json_write_text(writer, NULL, result->rows[i].name);
    json_write_end(writer);
    json_write_text(writer, "speedup_base", name_at(result, result->base));
    write_fit(writer, result);
    json_write_array(writer, "findings");
    for (size_t i = 0; i < result->finding_count; i++)
        run_json_write_finding(writer, &result->findings[i]);
    json_write_end(writer);
    run_json_write_verdict(writer, &result->verdict);
}

int report_sweep_json(const struct sweep_result *result, const char *title, struct strbuf *out,
                      struct error *err)
{
    struct json_writer writer = {.out = out};
    json_write_object(&writer, NULL);
    json_write_text(&writer, "schema", "tacho.bench/1");
    json_write_text(&writer, "kind", result->kind == SWEEP_CORES ? "cores" : "batching");
    json_write_text(&writer, "title", title);
    report_sweep_json_members(result, &writer);
    json_write_end(&writer);
    strbuf_putc(out, '\n');
    return out->failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}
