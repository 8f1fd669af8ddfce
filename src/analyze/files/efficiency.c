/* efficiency.c: the analyzer `efficiency`: what inference costs in energy and money, by group of
 * rows, and which group is best. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/files/efficiency_internal.h"
#include "base/util.h"

extern const struct file_analyzer file_analyzer_efficiency;

void efficiency_free(struct efficiency **efficiency)
{
    if (!*efficiency)
        return;
    for (size_t i = 0; i < EFFICIENCY_GROUPS_MAX; i++)
        efficiency_group_deinit(&(*efficiency)->groups[i]);
    arena_deinit(&(*efficiency)->index.arena);
    free(*efficiency);
}

void efficiency_add_facts(const struct efficiency *efficiency)
{
    const struct analyze_options *options = efficiency->options;
    struct facts *facts = &efficiency->analysis->facts;
    if (isfinite(options->cost_per_kwh))
        facts_number(facts, "rate_per_kwh", options->cost_per_kwh,
                     options->cost_name ? options->cost_name : "--rate");
    else
        facts_null(facts, "rate_per_kwh", REASON_NOT_ASKED, "--rate");
    if (isfinite(options->tdp_w))
        facts_number(facts, "tdp_w", options->tdp_w, "--tdp");
    else
        facts_null(facts, "tdp_w", REASON_NOT_ASKED, "--tdp");
    if (options->batch_size > 0)
        facts_integer(facts, "batch_size", (int64_t)options->batch_size, "--batch-size");
    else if (!efficiency->has_batch)
        facts_integer(facts, "batch_size", 1, "assumed: no column batch_size");
    if (efficiency->warmup_rows > 0)
        facts_integer(facts, "warmup_rows_kept_apart", (int64_t)efficiency->warmup_rows,
                      "is_warmup");
    efficiency->analysis->failed = efficiency->analysis->failed || facts->failed;
}

/* Rows there were, but none that can be used: why, as the reader counted it. */
static int no_rows(const struct efficiency *efficiency, struct error *err)
{
    const struct analysis *analysis = efficiency->analysis;
    uint64_t lost = 0;
    const char *why = NULL;
    for (size_t i = 0; i < analysis->input_count; i++) {
        for (int k = 0; k < SKIP_COUNT; k++) {
            if (analysis->inputs[i]->skips.of[k].count > 0 && skip_is_data((enum skip)k) && !why)
                why = skip_meaning((enum skip)k);
        }
        lost += skips_data(&analysis->inputs[i]->skips);
    }
    error_set(err, ERROR_NOTHING, "no row with a latency and a power%s%s", why ? ": " : "",
              why ? why : "");
    if (analysis->input_count == 1)
        error_at(err, analysis->inputs[0]->name, 0, 0);
    if (lost > 0)
        return error_hint(err,
                          "%llu rows were left out; both columns need numbers, latencies "
                          "above 0",
                          (unsigned long long)lost);
    return error_hint(err, "the file holds a header and no rows");
}

static int efficiency_files(const struct analyze_options *options, struct analysis *analysis,
                            struct error *err)
{
    CLEANUP(efficiency_free) struct efficiency *efficiency = calloc(1, sizeof(*efficiency));
    if (!efficiency)
        return error_set(err, ERROR_NOMEM, "out of memory");
    efficiency->options = options;
    efficiency->analysis = analysis;
    efficiency->has_batch = true;
    for (size_t i = 0; i < options->path_count; i++) {
        int rc = efficiency_read(efficiency, options->paths[i], err);
        if (rc < 0)
            return rc;
    }
    if (efficiency->index.count == 0)
        return no_rows(efficiency, err);
    efficiency_add_facts(efficiency);
    return efficiency_tell(efficiency, err);
}

const struct file_analyzer file_analyzer_efficiency = {
    .name = "efficiency",
    .summary = "energy and cost per inference, performance per watt, the best batch",
    .flags = FILE_ANALYZER_MEASURES | FILE_ANALYZER_MANY,
    .files = efficiency_files,
    .run = efficiency_run};
