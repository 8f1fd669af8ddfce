/* test_summary_coverage.c: how often the 95 % intervals of a summary hold the truth, where a run is
 * one process with many units that depend on each other: 1000 units of first-order autoregressive
 * noise (phi 0.5), around 10 ms. The seed is fixed and the bounds are wide: it guards against an
 * interval that forgot the dependence (which would hold the mean in about 74 % only), or where
 * processes differ, one that took their units for independent (p50 of 3 processes: 65 %). */
#include "model_support.h"

#include "model/summary.h"
#include "stats/stats.h"

#define RUNS 2000
#define UNITS 1000
#define PHI 0.5
#define MEAN_MS 10.0
#define DEVIATION_MS 1.0 /* of one unit */

struct covered {
    int mean, p50, p99, has_p50, has_p99;
    double n_eff;
};

static void fill(double *values, uint64_t *seed)
{
    double state = 0;
    for (int i = -100; i < UNITS; i++) { /* the first hundred make it forget its beginning */
        double uniform = fmin(fmax(random_uniform(seed), 1e-12), 1 - 1e-12);
        state = PHI * state + sqrt(1 - PHI * PHI) * normal_quantile(uniform);
        if (i >= 0)
            values[i] = MEAN_MS + DEVIATION_MS * state;
    }
}

static void add_run(uint64_t *seed, struct covered *covered)
{
    static double values[UNITS];
    struct run run;
    struct summary summary;
    begin_run(&run, "onnx");
    struct series series = make_series(0, SERIES_UNIT, "latency_ms", "");
    fill(values, seed);
    add_values(&run, &series, 0, 1, values, UNITS, NULL);
    add_phase(&run, PHASE_FIRST, 0, 0, 1, 0, 1);
    add_phase(&run, PHASE_STEADY, 0, 1, UNITS, 1, 1000);
    add_invocation(&run, 0, INVOCATION_OK);
    assert_int_equal(summary_of(&run, &run.series[0], PHASE_STEADY, &summary, NULL), 0);
    assert_int_equal(summary.n, UNITS);
    assert_false(summary.ci_by_invocation);
    double p99 = MEAN_MS + DEVIATION_MS * normal_quantile(0.99);
    covered->mean += summary.mean_lo <= MEAN_MS && MEAN_MS <= summary.mean_hi;
    covered->p50 += summary.has_quantile_ci[SUMMARY_P50] &&
                    summary.quantile_lo[SUMMARY_P50] <= MEAN_MS &&
                    MEAN_MS <= summary.quantile_hi[SUMMARY_P50];
    covered->p99 += summary.has_quantile_ci[SUMMARY_P99] &&
                    summary.quantile_lo[SUMMARY_P99] <= p99 &&
                    p99 <= summary.quantile_hi[SUMMARY_P99];
    covered->n_eff += summary.n_eff / RUNS;
    run_deinit(&run);
}

static void intervals_of_dependent_units_hold_the_truth(void **state)
{
    struct covered covered = {0};
    uint64_t seed = 20261120;
    for (int i = 0; i < RUNS; i++)
        add_run(&seed, &covered);
    double mean = 100.0 * covered.mean / RUNS, p50 = 100.0 * covered.p50 / RUNS,
           p99 = 100.0 * covered.p99 / RUNS;
    print_message("coverage of nominal 95 %%: mean %.1f %%, p50 %.1f %%, p99 %.1f %%; "
                  "n_eff %.0f of %d\n",
                  mean, p50, p99, covered.n_eff, UNITS);
    assert_true(mean > 92 && mean < 98);
    assert_true(p50 > 92 && p50 < 99);
    assert_true(p99 > 90 && p99 <= 100);
    /* (1 - phi) / (1 + phi) of them */
    assert_true(covered.n_eff > 280 && covered.n_eff < 400);
}

/* ---- several processes ---- */

#define PROCESS_RUNS 1000
#define PROCESS_UNITS 200
#define BETWEEN_MS 0.5 /* deviation of the processes' own means */

static double normal(uint64_t *seed)
{
    return normal_quantile(fmin(fmax(random_uniform(seed), 1e-12), 1 - 1e-12));
}

/* Independent units, of processes that differ. */
static void add_run_of(uint32_t processes, uint64_t *seed, struct covered *covered)
{
    static double values[PROCESS_UNITS];
    struct run run;
    struct summary summary;
    begin_run(&run, "onnx");
    struct series series = make_series(0, SERIES_UNIT, "latency_ms", "");
    for (uint32_t i = 0; i < processes; i++) {
        double own = MEAN_MS + BETWEEN_MS * normal(seed);
        for (int unit = 0; unit < PROCESS_UNITS; unit++)
            values[unit] = own + DEVIATION_MS * normal(seed);
        add_values(&run, &series, i, 0, values, PROCESS_UNITS, NULL);
        add_phase(&run, PHASE_STEADY, i, 0, PROCESS_UNITS, 1000 * i, 1000 * i + 999);
        add_invocation(&run, i, INVOCATION_OK);
    }
    assert_int_equal(summary_of(&run, &run.series[0], PHASE_STEADY, &summary, NULL), 0);
    assert_int_equal(summary.ci_by_invocation, processes > 1);
    double p99 = MEAN_MS + sqrt(DEVIATION_MS * DEVIATION_MS + BETWEEN_MS * BETWEEN_MS) *
                               normal_quantile(0.99);
    covered->mean += summary.mean_lo <= MEAN_MS && MEAN_MS <= summary.mean_hi;
    covered->p50 += summary.has_quantile_ci[SUMMARY_P50] &&
                    summary.quantile_lo[SUMMARY_P50] <= MEAN_MS &&
                    MEAN_MS <= summary.quantile_hi[SUMMARY_P50];
    covered->p99 += summary.has_quantile_ci[SUMMARY_P99] &&
                    summary.quantile_lo[SUMMARY_P99] <= p99 &&
                    p99 <= summary.quantile_hi[SUMMARY_P99];
    covered->has_p99 += summary.has_quantile_ci[SUMMARY_P99];
    covered->has_p50 += summary.has_quantile_ci[SUMMARY_P50];
    run_deinit(&run);
}

static void intervals_of_several_processes_hold_the_truth(void **state)
{
    static const uint32_t processes[] = {1, 3, 5, 10};
    for (size_t i = 0; i < sizeof(processes) / sizeof(processes[0]); i++) {
        struct covered covered = {0};
        uint64_t seed = 20261121;
        for (int run = 0; run < PROCESS_RUNS; run++)
            add_run_of(processes[i], &seed, &covered);
        print_message("%u processes: coverage of nominal 95 %%: mean %.1f %%, p50 %.1f %% of "
                      "%.1f %%, p99 %.1f %% of %.1f %%\n",
                      processes[i], 100.0 * covered.mean / PROCESS_RUNS,
                      100.0 * covered.p50 / PROCESS_RUNS, 100.0 * covered.has_p50 / PROCESS_RUNS,
                      100.0 * covered.p99 / PROCESS_RUNS, 100.0 * covered.has_p99 / PROCESS_RUNS);
        if (processes[i] == 1) { /* it knows nothing of the others, and does not claim to */
            assert_true(covered.mean < PROCESS_RUNS / 2);
            continue;
        }
        assert_true(covered.mean > 0.92 * PROCESS_RUNS && covered.mean < 0.98 * PROCESS_RUNS);
        assert_true(covered.p50 > 0.92 * covered.has_p50 && covered.p50 < 0.98 * covered.has_p50);
        if (processes[i] > 3) { /* of 3, most have none */
            assert_true(covered.has_p50 > 0.99 * PROCESS_RUNS);
            assert_true(covered.p99 >= 0.8 * covered.has_p99);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_of_dependent_units_hold_the_truth),
        cmocka_unit_test(intervals_of_several_processes_hold_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
