/* hyperfine.c: `hyperfine --export-json`: one run per command, with every time (seconds). */
#include "base/util.h"
#include "format/peers/peer_json.h"

extern const struct peer peer_hyperfine;

static bool hyperfine_accepts(const struct peer_input *input)
{
    return peer_holds(input, "\"results\"", 256) && peer_holds(input, "\"command\"", 4096) &&
           peer_holds(input, "\"median\"", input->size) &&
           peer_holds(input, "\"system\"", input->size);
}

static int count_failed(const json_t *exit_codes)
{
    size_t index;
    json_t *code;
    int failed = 0;
    json_array_foreach(exit_codes, index, code)
    {
        failed += !json_is_integer(code) || json_integer_value(code) != 0;
    }
    return failed;
}

/* Without --export-json's "times" (an old version) the mean and its kin are all there is. */
static const struct peer_field times = {
    "times",
    "time_ms",
    "ms",
    DIRECTION_LOWER,
    1e3,
    "time of one launch; but for --shell=none, with a shell that starts it, whose own mean time is "
    "subtracted"};
static const struct peer_field memory = {
    "memory_usage_byte", "memory_mb", "MB",
    DIRECTION_LOWER,     0x1p-20,     "largest resident set of one launch (maxrss)"};
static const struct peer_field values[] = {
    {"user", "user_ms", "ms", DIRECTION_LOWER, 1e3, "mean CPU time of a launch in user mode"},
    {"system", "system_ms", "ms", DIRECTION_LOWER, 1e3, "mean CPU time of a launch in the kernel"},
};
static const struct peer_field summaries[] = {
    {"mean", "mean_ms", "ms", DIRECTION_LOWER, 1e3, "mean time of a launch"},
    {"median", "median_ms", "ms", DIRECTION_LOWER, 1e3, "median time of a launch"},
    {"stddev", "stddev_ms", "ms", DIRECTION_LOWER, 1e3, "standard deviation of the times (n-1)"},
    {"min", "min_ms", "ms", DIRECTION_LOWER, 1e3, "shortest time of a launch"},
    {"max", "max_ms", "ms", DIRECTION_LOWER, 1e3, "longest time of a launch"},
};

static int read_result(const struct peer_input *input, const json_t *result, size_t index,
                       struct error *err)
{
    struct peer_run run;
    const char *command = json_string_value(json_object_get(result, "command"));
    peer_run_init(&run, &peer_hyperfine, input, index, command, err);
    static const char *const keys[] = {"command"};
    peer_json_facts(&run.workload, result, keys, 1, input->file);
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(result, "parameters"), key, value)
    {
        peer_json_facts(&run.workload, json_object_get(result, "parameters"), &key, 1, input->file);
    }
    const json_t *exit_codes = json_object_get(result, "exit_codes");
    if (exit_codes)
        facts_integer(&run.workload, "failed_launches", count_failed(exit_codes), input->file);
    if (json_array_size(json_object_get(result, "times")) > 0)
        peer_json_samples(&run, result, &times);
    else
        peer_json_values(&run, result, summaries, ARRAY_LEN(summaries));
    peer_json_samples(&run, result, &memory);
    peer_json_values(&run, result, values, ARRAY_LEN(values));
    return peer_run_end(&run);
}

static int read_document(const struct peer_input *input, const json_t *root, size_t index,
                         struct error *err)
{
    int rc = 0;
    json_t *result;
    json_array_foreach(json_object_get(root, "results"), index, result)
    {
        if (rc == 0)
            rc = read_result(input, result, index, err);
    }
    return rc;
}

static int hyperfine_read(const struct peer_input *input, struct error *err)
{
    return peer_json_documents(input, read_document, err);
}

const struct peer peer_hyperfine = {.name = "hyperfine",
                                    .files = "--export-json",
                                    .accepts = hyperfine_accepts,
                                    .read = hyperfine_read};
