/* model_support.h: building small runs for the tests of model/. */
#ifndef TACHO_TEST_MODEL_SUPPORT_H
#define TACHO_TEST_MODEL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "model/run.h"
#include "near.h"
#include "test_tree.h"

static inline void begin_run(struct run *run, const char *kind)
{
    struct facts workload = {0};
    facts_text(&workload, "kind", kind, NULL);
    struct run_info info = {.id = "20261120-212233-4f1c", .label = "test", .workload = &workload};
    run_init(run);
    assert_int_equal(sink_begin(run_sink_of(run), &info, NULL), 0);
    facts_deinit(&workload);
}

static inline void end_run(struct run *run, enum run_state state)
{
    struct run_end end = {.state = state, .end_ns = 1000};
    assert_int_equal(sink_end(run_sink_of(run), &end, NULL), 0);
}

static inline void add_phase(struct run *run, enum phase_kind kind, uint32_t invocation,
                             uint64_t first, uint64_t count, int64_t begin_ns, int64_t end_ns)
{
    struct phase phase = {kind, invocation, first, count, begin_ns, end_ns, false};
    assert_int_equal(sink_phase(run_sink_of(run), &phase, NULL), 0);
}

static inline void add_invocation(struct run *run, uint32_t index, enum invocation_outcome outcome)
{
    struct invocation invocation = {.index = index, .outcome = outcome};
    assert_int_equal(sink_invocation(run_sink_of(run), &invocation, NULL), 0);
}

static inline struct series make_series(uint32_t id, enum series_kind kind, const char *metric,
                                        const char *instance)
{
    const struct metric *row = metric_find(metric);
    assert_non_null(row);
    return (struct series){
        .id = id, .kind = kind, .metric = row, .instance = instance, .source = "test"};
}

/* n values in the shown unit, all of one invocation. */
static inline void add_values(struct run *run, const struct series *series, uint32_t invocation,
                              uint64_t first_unit, const double *values, size_t n,
                              const int64_t *t_ns)
{
    CLEANUP_FREE uint64_t *ns = malloc((n + 1) * sizeof(*ns));
    assert_non_null(ns);
    struct sample_block block = {
        .series = series, .invocation = invocation, .first_unit = first_unit, .n = n, .t_ns = t_ns};
    if (series->metric->kind == METRIC_NS) {
        for (size_t i = 0; i < n; i++)
            ns[i] = (uint64_t)llround(values[i] * 1e6);
        block.value_ns = ns;
    } else {
        block.value = values;
    }
    assert_int_equal(sink_samples(run_sink_of(run), &block, NULL), 0);
}

#endif
