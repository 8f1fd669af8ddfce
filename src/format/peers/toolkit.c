/* toolkit.c: the canonical result and the baseline of the Python toolkit that tacho replaces. Its
 * standard deviations are of a population and its throughput ignores the batch size: none of its
 * figures is taken for one of tacho's. */
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "format/peers/peer_json.h"

extern const struct peer peer_toolkit;

static bool is_baseline(const struct peer_input *input)
{
    return peer_holds(input, "\"name\"", 4096) && peer_holds(input, "\"timestamp\"", 4096) &&
           peer_holds(input, "\"metrics\"", 4096) && input->size < 1 << 20;
}

static bool toolkit_accepts(const struct peer_input *input)
{
    return (peer_holds(input, "\"tool_name\"", 65536) &&
            peer_holds(input, "\"throughput_samples_per_sec\"", input->size)) ||
           (is_baseline(input) && input->text[strspn(input->text, " \t\r\n")] == '{');
}

static const struct peer_field fields[] = {
    {"throughput_samples_per_sec", "throughput_per_s", "1/s", DIRECTION_HIGHER, 0,
     "1000 / latency in ms, whatever the batch size"},
    {"latency_p50_ms", NULL, "ms", DIRECTION_LOWER, 0, "median latency"},
    {"latency_p95_ms", NULL, "ms", DIRECTION_LOWER, 0, "95th percentile of the latency (type 7)"},
    {"latency_p99_ms", NULL, "ms", DIRECTION_LOWER, 0, "99th percentile of the latency (type 7)"},
    {"memory_utilization_percent", "memory_pct", "%", DIRECTION_LOWER, 0, "mean memory in use"},
    {"communication_overhead_percent", "communication_pct", "%", DIRECTION_LOWER, 0,
     "time spent in communication"},
    {"power_consumption_watts", "power_w", "W", DIRECTION_LOWER, 0, "mean power"},
    {"energy_per_step_joules", "energy_per_step_j", "J", DIRECTION_LOWER, 0,
     "energy per step, whatever the batch size"},
    {"performance_per_watt", "per_watt", "1/s/W", DIRECTION_HIGHER, 0, "throughput / power"},
    {"temperature_celsius", "temp_c", "°C", DIRECTION_LOWER, 0, "largest temperature"},
    {"scaling_efficiency_pct", NULL, "%", DIRECTION_HIGHER, 0, "scaling efficiency"},
    {"ttft_ms", NULL, "ms", DIRECTION_LOWER, 0, "time to first token"},
    {"tokens_per_sec", "tokens_per_s", "1/s", DIRECTION_HIGHER, 0, "tokens per second"},
    {"decode_tpt_ms", NULL, "ms", DIRECTION_LOWER, 0, "time per token while decoding"},
};

static const struct peer_field *field_of(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (strcmp(fields[i].key, key) == 0)
            return &fields[i];
    }
    return NULL;
}

/* A baseline's metrics have names of the user's: what they mean, and which way is better, is not
 * said there. */
static void add_metrics(struct peer_run *run, const json_t *metrics)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)metrics, key, value)
    {
        if (!json_is_number(value) || strlen(key) > 80)
            continue;
        if (field_of(key))
            peer_json_values(run, metrics, field_of(key), 1);
        else
            peer_run_value(run, key, "", DIRECTION_NEITHER, "as the baseline names it",
                           json_number_value(value));
    }
}

static int read_result(const struct peer_input *input, const json_t *root, size_t index,
                       struct error *err)
{
    static const char *const platform[] = {"hardware_name", "os", "framework", "framework_version"};
    static const char *const workload[] = {"name", "workload_type", "batch_size", "steps"};
    static const char *const tool[] = {"tool_name", "tool_version", "schema_version"};
    struct peer_run run;
    const json_t *described = json_object_get(root, "workload");
    const char *label = json_string_value(json_object_get(described, "name"));
    if (!label)
        label = json_string_value(json_object_get(root, "name"));
    peer_run_init(&run, &peer_toolkit, input, index, label, err);
    run.begin_epoch_s = peer_epoch_s(json_string_value(json_object_get(root, "timestamp")));
    peer_json_facts(&run.environment, json_object_get(root, "platform"), platform,
                    ARRAY_LEN(platform), input->file);
    peer_json_facts(&run.workload, described, workload, ARRAY_LEN(workload), input->file);
    peer_json_facts(&run.workload, root, tool, ARRAY_LEN(tool), input->file);
    add_metrics(&run, json_object_get(root, "metrics"));
    return peer_run_end(&run);
}

static int read_document(const struct peer_input *input, const json_t *root, size_t index,
                         struct error *err)
{
    if (!json_is_array(root))
        return read_result(input, root, index, err);
    int rc = 0;
    json_t *result;
    json_array_foreach(root, index, result)
    {
        if (rc == 0)
            rc = read_result(input, result, index, err);
    }
    return rc;
}

static int toolkit_read(const struct peer_input *input, struct error *err)
{
    return peer_json_documents(input, read_document, err);
}

const struct peer peer_toolkit = {.name = "toolkit",
                                  .files = "canonical result or baseline, JSON",
                                  .accepts = toolkit_accepts,
                                  .read = toolkit_read};
