/* sweep_runs.h: invented runs of a model or a command, for the tests of what is put beside each
 * other. */
#ifndef TACHO_TESTS_SWEEP_RUNS_H
#define TACHO_TESTS_SWEEP_RUNS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/run.h"

struct invented {
    const char *id;
    bool is_model;        /* many units in each invocation */
    int64_t batch_size;   /* model */
    uint32_t invocations; /* model: processes; command: launches */
    uint32_t units;       /* model: of each */
    double ms;            /* of one unit, the first of each four; the others take up to 3 % more */
    double drift;         /* each further invocation takes so much more, as a share */
    double memory_mb;     /* 0: none */
    double energy_j;      /* 0: none */
};

static inline void invented_block(struct run *run, const struct series *series, uint32_t invocation,
                                  uint64_t unit, double value)
{
    uint64_t ns = (uint64_t)(value * 1e6);
    int64_t t_ns = (int64_t)invocation * 1000000000 + (int64_t)unit * 1000;
    struct sample_block block = {
        .series = series, .invocation = invocation, .first_unit = unit, .n = 1, .t_ns = &t_ns};
    if (series->metric->kind == METRIC_NS)
        block.value_ns = &ns;
    else
        block.value = &value;
    assert_int_equal(sink_samples(run_sink_of(run), &block, NULL), 0);
}

static inline void invented_begin(struct run *run, const struct invented *invented)
{
    struct facts environment = {0}, workload = {0};
    facts_text(&workload, "kind", invented->is_model ? "onnx" : "command", NULL);
    facts_text(&workload, "unit", invented->is_model ? "inference" : "launch", NULL);
    facts_text(&workload, "units", invented->is_model ? "inferences" : "launches", NULL);
    facts_text(&workload, "latency_metric", invented->is_model ? "latency_ms" : "wall_ms", NULL);
    if (invented->is_model)
        facts_integer(&workload, "batch_size", invented->batch_size, NULL);
    struct run_info info = {
        .label = "invented", .environment = &environment, .workload = &workload};
    snprintf(info.id, sizeof(info.id), "%s", invented->id);
    run_init(run);
    assert_int_equal(sink_begin(run_sink_of(run), &info, NULL), 0);
    facts_deinit(&environment);
    facts_deinit(&workload);
}

static inline void invented_run(struct run *run, const struct invented *invented)
{
    struct series time = {.kind = SERIES_UNIT,
                          .metric = metric_find(invented->is_model ? "latency_ms" : "wall_ms"),
                          .instance = "",
                          .source = "test"};
    struct series memory = {.id = 1,
                            .kind = SERIES_UNIT,
                            .metric = metric_find("peak_rss_mb"),
                            .instance = "",
                            .source = "test"};
    struct series energy = memory;
    energy.id = 2;
    energy.metric = metric_find("energy_per_inference_j");
    energy.kind = SERIES_VALUE;
    uint32_t units = invented->is_model ? invented->units : 1;
    invented_begin(run, invented);
    for (uint32_t i = 0; i < invented->invocations; i++) {
        struct invocation invocation = {.index = i,
                                        .begin_ns = (int64_t)i * 1000000000,
                                        .end_ns = (int64_t)i * 1000000000 + 900000000};
        for (uint32_t j = 0; j < units; j++) {
            double more = 0.01 * ((i + j) % 4) + invented->drift * i;
            invented_block(run, &time, i, j, invented->ms * (1 + more));
        }
        if (invented->memory_mb > 0)
            invented_block(run, &memory, i, 0, invented->memory_mb);
        if (invented->energy_j > 0)
            invented_block(run, &energy, i, 0, invented->energy_j * (1 + 0.001 * (i % 3)));
        assert_int_equal(sink_invocation(run_sink_of(run), &invocation, NULL), 0);
    }
}

static inline void invented_end(struct run *run)
{
    struct run_end end = {.state = RUN_COMPLETE,
                          .end_ns = 1,
                          .verdict = verdict_of(run->findings, run->finding_count)};
    assert_int_equal(sink_end(run_sink_of(run), &end, NULL), 0);
}

#endif
