/* google_benchmark.c: Google Benchmark's --benchmark_out (JSON): one run per benchmark, one sample
 * per repetition. Its aggregates are left out: they can be computed from the repetitions, and stand
 * alone only where --benchmark_report_aggregates_only left nothing else. */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "format/peers/peer_json.h"

extern const struct peer peer_google_benchmark;

static bool google_benchmark_accepts(const struct peer_input *input)
{
    return peer_holds(input, "\"benchmarks\"", input->size) &&
           peer_holds(input, "\"real_time\"", input->size) &&
           peer_holds(input, "\"cpu_time\"", input->size);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* What repetitions of one benchmark have in common: the aggregates add _mean and so on to "name".
 */
static const char *name_of(const json_t *row)
{
    const char *name = text_of(row, "run_name");
    return *name ? name : text_of(row, "name");
}

static double unit_ns(const char *unit)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(unit, units[i].name) == 0)
            return units[i].ns;
    }
    return 0;
}

static bool is_aggregate(const json_t *row)
{
    return strcmp(text_of(row, "run_type"), "aggregate") == 0;
}

static bool has_failed(const json_t *row)
{
    return json_is_true(json_object_get(row, "error_occurred"));
}

static void add_times(struct peer_run *run, const json_t *rows, const char *name, const char *key,
                      const char *metric, const char *definition)
{
    CLEANUP_FREE double *values = calloc(json_array_size(rows), sizeof(*values));
    size_t count = 0, index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        double ns = unit_ns(text_of(row, "time_unit"));
        const json_t *value = json_object_get(row, key);
        if (values && !is_aggregate(row) && strcmp(name_of(row), name) == 0 && ns > 0 &&
            json_is_number(value) && !has_failed(row))
            values[count++] = json_number_value(value) * ns;
    }
    if (!values && run->rc == 0)
        run->rc = error_set(run->err, ERROR_NOMEM, "out of memory");
    if (count > 0)
        peer_run_samples(run, metric, "ns", DIRECTION_LOWER, definition, values, count);
}

/* Aggregates of a benchmark whose repetitions were not written. */
static void add_aggregates(struct peer_run *run, const json_t *rows, const char *name)
{
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        char metric[64];
        double ns = unit_ns(text_of(row, "time_unit"));
        const char *aggregate = text_of(row, "aggregate_name");
        const json_t *value = json_object_get(row, "real_time");
        if (!is_aggregate(row) || strcmp(name_of(row), name) != 0 || !json_is_number(value) ||
            strcmp(text_of(row, "aggregate_unit"), "percentage") == 0 || ns == 0)
            continue;
        snprintf(metric, sizeof(metric), "real_time_%.40s_ns", aggregate);
        peer_run_value(run, metric, "ns", DIRECTION_LOWER,
                       "aggregate over the repetitions of the time per iteration",
                       json_number_value(value) * ns);
    }
}

/* Repetitions that failed have no times. They are told beside the others, and alone where there is
 * no other: a benchmark that failed takes nothing from the rest of the file. */
static void add_failures(struct peer_run *run, const json_t *rows, const char *name)
{
    size_t index, failed = 0, all = 0;
    const char *message = "";
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        if (is_aggregate(row) || strcmp(name_of(row), name) != 0)
            continue;
        all++;
        if (has_failed(row) && failed++ == 0)
            message = text_of(row, "error_message");
    }
    if (failed == 0)
        return;
    run->is_cut_short = failed == all;
    peer_run_value(run, "failed_repetitions", "", DIRECTION_LOWER,
                   "repetitions in which the benchmark reported an error", (double)failed);
    struct finding finding;
    finding_init(&finding, "benchmark_failed", SEVERITY_WARNING, "");
    finding_sentence(&finding, "%zu of %zu repetition%s failed%s%.200s", failed, all,
                     all == 1 ? "" : "s", *message ? ": " : "", message);
    finding_value(&finding, (double)failed, "");
    finding_advice(&finding, "the times are those of the repetitions that did not fail");
    finding.n = all;
    peer_run_finding(run, &finding);
}

static bool is_first_of_its_name(const json_t *rows, size_t index)
{
    const char *name = name_of(json_array_get(rows, index));
    for (size_t i = 0; i < index; i++) {
        if (strcmp(name_of(json_array_get(rows, i)), name) == 0)
            return false;
    }
    return true;
}

static int read_benchmark(const struct peer_input *input, const json_t *root, const json_t *rows,
                          size_t index, size_t run_index, struct error *err)
{
    struct peer_run run;
    const char *name = name_of(json_array_get(rows, index));
    peer_run_init(&run, &peer_google_benchmark, input, run_index, name, err);
    const json_t *context = json_object_get(root, "context");
    static const char *const keys[] = {"host_name", "num_cpus", "mhz_per_cpu",
                                       "cpu_scaling_enabled", "library_build_type"};
    peer_json_facts(&run.environment, context, keys, ARRAY_LEN(keys), input->file);
    facts_text(&run.workload, "benchmark", name, input->file);
    run.begin_epoch_s = peer_epoch_s(json_string_value(json_object_get(context, "date")));
    add_times(&run, rows, name, "real_time", "real_time_ns",
              "wall time per iteration, of one repetition");
    add_times(&run, rows, name, "cpu_time", "cpu_time_ns",
              "CPU time per iteration of the main thread (or as the benchmark says), of one "
              "repetition");
    if (!run.sink)
        add_aggregates(&run, rows, name);
    add_failures(&run, rows, name);
    return peer_run_end(&run);
}

static int read_document(const struct peer_input *input, const json_t *root, size_t index,
                         struct error *err)
{
    int rc = 0;
    size_t runs = 0;
    json_t *row;
    const json_t *rows = json_object_get(root, "benchmarks");
    json_array_foreach(rows, index, row)
    {
        if (rc == 0 && is_first_of_its_name(rows, index))
            rc = read_benchmark(input, root, rows, index, runs++, err);
    }
    return rc;
}

static int google_benchmark_read(const struct peer_input *input, struct error *err)
{
    return peer_json_documents(input, read_document, err);
}

const struct peer peer_google_benchmark = {.name = "google_benchmark",
                                           .files = "--benchmark_out, JSON",
                                           .accepts = google_benchmark_accepts,
                                           .read = google_benchmark_read};
