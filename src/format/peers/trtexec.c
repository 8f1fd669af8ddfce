/* trtexec.c: what NVIDIA's trtexec leaves behind: --exportTimes, --exportProfile, or its log. From
 * TensorRT 11 on CUDA graphs and spinning are the default and transfers are not, so that its
 * latency is another thing than before: the version, where it is told, is part of the workload. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/peers/peer.h"
#include "format/trtexec.h"

extern const struct peer peer_trtexec;

static bool holds_times(const struct peer_input *input)
{
    return peer_holds(input, "\"latencyMs\"", 4096) && peer_holds(input, "\"computeMs\"", 4096);
}

static bool holds_layers(const struct peer_input *input)
{
    return peer_holds(input, "\"averageMs\"", 8192) && peer_holds(input, "\"timeMs\"", 8192);
}

static bool trtexec_accepts(const struct peer_input *input)
{
    return holds_times(input) || holds_layers(input) ||
           peer_holds(input, "TensorRT.trtexec", input->size) ||
           peer_holds(input, "=== Performance summary ===", input->size);
}

/* ---- --exportTimes ---- */

static const struct peer_field parts[] = {
    {"latency", "latency_ms", "ms", DIRECTION_LOWER, 0,
     "of one query: copying in, computing, copying out (from TensorRT 11 on computing alone, "
     "unless "
     "transfers were asked for)"},
    {"compute", "compute_ms", "ms", DIRECTION_LOWER, 0, "GPU compute time of one query"},
    {"h2d", "h2d_ms", "ms", DIRECTION_LOWER, 0, "copying the inputs of one query"},
    {"d2h", "d2h_ms", "ms", DIRECTION_LOWER, 0, "copying the outputs of one query"},
};

static uint64_t part_ns(const struct trtexec_time *time, size_t part)
{
    const uint64_t all[] = {time->latency_ns, time->compute_ns, time->h2d_ns, time->d2h_ns};
    return all[part];
}

static int read_times(const struct peer_input *input, struct error *err)
{
    CLEANUP(trtexec_times_deinit) struct trtexec_times times = {0};
    int rc = trtexec_times_read_text(input->text, input->size, input->file, &times, err);
    if (rc < 0)
        return rc;
    struct peer_run run;
    peer_run_init(&run, &peer_trtexec, input, 0, NULL, err);
    facts_integer(&run.workload, "rows_left_out", (int64_t)times.bad, input->file);
    CLEANUP_FREE double *values = calloc(times.count ? times.count : 1, sizeof(*values));
    if (!values)
        run.rc = error_set(err, ERROR_NOMEM, "out of memory");
    for (size_t part = 0; values && times.count > 0 && part < ARRAY_LEN(parts); part++) {
        for (size_t i = 0; i < times.count; i++)
            values[i] = (double)part_ns(&times.items[i], part) / 1e6;
        peer_run_samples(&run, parts[part].name, parts[part].unit, parts[part].direction,
                         parts[part].definition, values, times.count);
    }
    return peer_run_end(&run);
}

/* ---- --exportProfile ---- */

static int read_layers(const struct peer_input *input, struct error *err)
{
    CLEANUP(trtexec_layers_deinit) struct trtexec_layers layers = {0};
    int rc = trtexec_layers_read_text(input->text, input->size, input->file, &layers, err);
    if (rc < 0)
        return rc;
    struct peer_run run;
    peer_run_init(&run, &peer_trtexec, input, 0, "trtexec profile", err);
    facts_integer(&run.workload, "iterations", (int64_t)layers.count, input->file);
    facts_integer(&run.workload, "layers", (int64_t)layers.item_count, input->file);
    uint64_t total_ns = 0;
    for (size_t i = 0; i < layers.item_count; i++)
        total_ns += layers.items[i].average_ns;
    peer_run_value(&run, "layers_mean_ms", "ms", DIRECTION_LOWER,
                   "sum over the layers of their mean time; profiling makes each of them slower",
                   layers.item_count > 0 ? (double)total_ns / 1e6 : NAN);
    return peer_run_end(&run);
}

/* ---- the log ---- */

static const struct {
    const char *title, *name, *definition;
} quantities[] = {
    {"] Latency: ", "latency", "of one query: copying in, computing, copying out"},
    {"Enqueue Time: ", "enqueue", "of the host, to queue one query"},
    {"H2D Latency: ", "h2d", "copying the inputs of one query"},
    {"GPU Compute Time: ", "compute", "GPU compute time of one query"},
    {"D2H Latency: ", "d2h", "copying the outputs of one query"},
};
static const struct {
    const char *before, *name;
} statistics[] = {
    {"min = ", "min"},
    {"max = ", "max"},
    {"mean = ", "mean"},
    {"median = ", "median"},
    {"percentile(90%) = ", "p90"},
    {"percentile(95%) = ", "p95"},
    {"percentile(99%) = ", "p99"},
};

static void read_summary_line(struct peer_run *run, const char *line)
{
    for (size_t i = 0; i < ARRAY_LEN(quantities); i++) {
        const char *rest = strstr(line, quantities[i].title);
        for (size_t j = 0; rest && j < ARRAY_LEN(statistics); j++) {
            char name[64], definition[160];
            double value;
            if (!peer_number_after(rest, statistics[j].before, &value))
                continue;
            snprintf(name, sizeof(name), "%s_%s_ms", quantities[i].name, statistics[j].name);
            snprintf(definition, sizeof(definition), "%s of: %s", statistics[j].name,
                     quantities[i].definition);
            peer_run_value(run, name, "ms", DIRECTION_LOWER, definition, value);
        }
    }
    double value;
    if (peer_number_after(line, "Throughput: ", &value))
        peer_run_value(run, "queries_per_s", "1/s", DIRECTION_HIGHER,
                       "queries over the host's wall time; of a batch, one query", value);
    if (peer_number_after(line, "Total Host Walltime: ", &value) && value > 0 && value < 1e9)
        run->duration_ns = (uint64_t)(value * 1e9);
}

static int read_log(const struct peer_input *input, struct error *err)
{
    struct peer_run run;
    char line[4096], version[32];
    size_t at = 0;
    peer_run_init(&run, &peer_trtexec, input, 0, NULL, err);
    if (trtexec_version(input->text, input->size, version, sizeof(version)))
        facts_text(&run.environment, "tensorrt_version", version, input->file);
    else
        facts_null(&run.environment, "tensorrt_version", REASON_ABSENT, input->file);
    if (peer_holds(input, "&&&& FAILED", input->size))
        run.is_cut_short = true;
    while (peer_line(input, &at, line, sizeof(line))) {
        const char *command = strstr(line, "] # ");
        if (command && strstr(line, "&&&& RUNNING"))
            facts_text(&run.workload, "command", command + 4, input->file);
        read_summary_line(&run, line);
    }
    return peer_run_end(&run);
}

static int trtexec_read(const struct peer_input *input, struct error *err)
{
    if (holds_times(input))
        return read_times(input, err);
    return holds_layers(input) ? read_layers(input, err) : read_log(input, err);
}

const struct peer peer_trtexec = {.name = "trtexec",
                                  .files = "--exportTimes, --exportProfile, its log",
                                  .is_text = true,
                                  .accepts = trtexec_accepts,
                                  .read = trtexec_read};
