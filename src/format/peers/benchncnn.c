/* benchncnn.c: the table of ncnn's benchncnn: one run per network. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "format/peers/peer.h"

extern const struct peer peer_benchncnn;

static bool benchncnn_accepts(const struct peer_input *input)
{
    return peer_holds(input, "loop_count = ", 4096) && peer_holds(input, "  min = ", input->size);
}

static const struct peer_field fields[] = {
    {"min =", "min_ms", "ms", DIRECTION_LOWER, 0, "shortest of loop_count inferences"},
    {"max =", "max_ms", "ms", DIRECTION_LOWER, 0, "longest of loop_count inferences"},
    {"avg =", "mean_ms", "ms", DIRECTION_LOWER, 0, "mean of loop_count inferences"},
};

/* "num_threads = 4": what holds for every network behind it. */
static bool take_setting(const char *line, struct facts *settings, const char *source)
{
    char key[64];
    long long value;
    if (sscanf(line, " %63[a-z_] = %lld", key, &value) != 2)
        return false;
    facts_integer(settings, key, value, source);
    return true;
}

static int read_row(const struct peer_input *input, const char *line, const struct facts *settings,
                    size_t index, struct error *err)
{
    char network[128];
    if (sscanf(line, " %127s", network) != 1)
        return 0;
    struct peer_run run;
    peer_run_init(&run, &peer_benchncnn, input, index, network, err);
    if (facts_copy(&run.workload, settings) < 0)
        run.rc = error_set(err, ERROR_NOMEM, "out of memory");
    facts_text(&run.workload, "model", network, input->file);
    facts_text(&run.workload, "engine", "ncnn", input->file);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        double value;
        if (peer_number_after(line, fields[i].key, &value))
            peer_run_value(&run, fields[i].name, fields[i].unit, fields[i].direction,
                           fields[i].definition, value);
    }
    return peer_run_end(&run);
}

static int benchncnn_read(const struct peer_input *input, struct error *err)
{
    CLEANUP(facts_deinit) struct facts settings = {0};
    char line[512];
    size_t at = 0, runs = 0;
    int rc = 0;
    while (rc == 0 && peer_line(input, &at, line, sizeof(line))) {
        if (strstr(line, "min =") && strstr(line, "avg ="))
            rc = read_row(input, line, &settings, runs++, err);
        else
            take_setting(line, &settings, input->file);
    }
    return rc;
}

const struct peer peer_benchncnn = {.name = "benchncnn",
                                    .files = "its table (ncnn)",
                                    .is_text = true,
                                    .accepts = benchncnn_accepts,
                                    .read = benchncnn_read};
