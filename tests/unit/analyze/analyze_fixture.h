/* analyze_fixture.h: runs built through their sink, as measure/ builds them, for the tests of the
 * analyzers. */
#ifndef TACHO_TESTS_ANALYZE_FIXTURE_H
#define TACHO_TESTS_ANALYZE_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/analyzer.h"
#include "analyze/series.h"
#include "stats/stats.h"

struct fixture {
    struct run run;
    uint32_t next_id;
};

static inline int setup(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    run_init(&fixture.run);
    *state = &fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    run_deinit(&fixture->run);
    return 0;
}

static inline void begin(struct fixture *fixture, size_t launches)
{
    struct facts environment = {0}, workload = {0};
    facts_text(&workload, "kind", "command", NULL);
    facts_text(&workload, "unit", "launch", NULL);
    facts_text(&workload, "units", "launches", NULL);
    facts_text(&workload, "latency_metric", "wall_ms", NULL);
    facts_integer(&workload, "cores_count", 2, NULL);
    facts_integer(&environment, "cpus_online", 4, NULL);
    struct run_info info = {
        .id = "test", .label = "test", .environment = &environment, .workload = &workload};
    assert_int_equal(sink_begin(run_sink_of(&fixture->run), &info, NULL), 0);
    for (size_t i = 0; i < launches; i++) {
        struct invocation invocation = {.index = (uint32_t)i,
                                        .begin_ns = (int64_t)i * 1000000000,
                                        .end_ns = (int64_t)i * 1000000000 + 900000000};
        struct phase phase = {.kind = PHASE_STEADY,
                              .invocation = (uint32_t)i,
                              .unit_count = 1,
                              .begin_ns = invocation.begin_ns,
                              .end_ns = invocation.end_ns};
        assert_int_equal(sink_invocation(run_sink_of(&fixture->run), &invocation, NULL), 0);
        assert_int_equal(sink_phase(run_sink_of(&fixture->run), &phase, NULL), 0);
    }
    facts_deinit(&environment);
    facts_deinit(&workload);
}

/* One value per launch, in the metric's shown unit. */
static inline void add_units(struct fixture *fixture, const char *metric, const double *values,
                             size_t n)
{
    struct series series = {.id = fixture->next_id++,
                            .kind = SERIES_UNIT,
                            .metric = metric_find(metric),
                            .instance = "",
                            .source = "test"};
    assert_non_null(series.metric);
    for (size_t i = 0; i < n; i++) {
        uint64_t ns = (uint64_t)(values[i] * 1e6);
        int64_t t_ns = (int64_t)i * 1000000000;
        struct sample_block block = {
            .series = &series, .invocation = (uint32_t)i, .n = 1, .t_ns = &t_ns};
        if (series.metric->kind == METRIC_NS)
            block.value_ns = &ns;
        else
            block.value = &values[i];
        assert_int_equal(sink_samples(run_sink_of(&fixture->run), &block, NULL), 0);
    }
}

static inline void add_constant(struct fixture *fixture, const char *metric, double value, size_t n)
{
    double values[256];
    for (size_t i = 0; i < n; i++)
        values[i] = value;
    add_units(fixture, metric, values, n);
}

/* A value every half second, so that two fall into each launch. */
static inline void add_times(struct fixture *fixture, const char *metric, const double *values,
                             size_t n)
{
    struct series series = {.id = fixture->next_id++,
                            .kind = SERIES_TIME,
                            .metric = metric_find(metric),
                            .instance = "a",
                            .source = "test"};
    assert_non_null(series.metric);
    for (size_t i = 0; i < n; i++) {
        int64_t t_ns = (int64_t)i * 500000000 + 1;
        struct sample_block block = {.series = &series, .n = 1, .t_ns = &t_ns, .value = &values[i]};
        assert_int_equal(sink_samples(run_sink_of(&fixture->run), &block, NULL), 0);
    }
}

static inline void add_level(struct fixture *fixture, const char *metric, double value, size_t n)
{
    double values[256];
    for (size_t i = 0; i < n; i++)
        values[i] = value;
    add_times(fixture, metric, values, n);
}

__attribute__((noinline, unused)) static const struct finding *analyze(struct fixture *fixture,
                                                                       const char *rule)
{
    assert_int_equal(analyzers_run(&fixture->run, run_sink_of(&fixture->run), NULL), 0);
    for (size_t i = 0; i < fixture->run.finding_count; i++) {
        if (!strcmp(fixture->run.findings[i].rule, rule))
            return &fixture->run.findings[i];
    }
    return NULL;
}

/* 5 % uniform noise around the mean, the same every time. */
static inline void noise(double *values, size_t n, double mean, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        values[i] = mean * (0.975 + 0.05 * random_uniform(&seed));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
