/* test_sweep_run.c: several configurations in turn, with real programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "measure/sweep.h"

#define CONFIGS 3

static struct launcher launcher = {.socket = -1};

struct fixture {
    struct settings settings;
    struct root root;
    struct workload_args args[CONFIGS];
    struct sweep_config configs[CONFIGS];
    struct sweep sweep;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    assert_int_equal(settings_init(&fixture->settings, NULL), 0);
    assert_int_equal(root_open(&fixture->root, "/", NULL), 0);
    fixture->sweep =
        (struct sweep){.configs = fixture->configs, .seed = 1, .label = "test", .quiet = true};
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    sweep_deinit(&fixture->sweep);
    for (size_t i = 0; i < CONFIGS; i++)
        if (fixture->configs[i].plan.workload_state)
            fixture->configs[i].plan.workload->close(fixture->configs[i].plan.workload_state);
    root_close(&fixture->root);
    settings_deinit(&fixture->settings);
    free(fixture);
    return 0;
}

static const struct workload *command_workload(void)
{
    for (size_t i = 0; workloads[i]; i++)
        if (!strcmp(workloads[i]->name, "command"))
            return workloads[i];
    fail_msg("no workload of that name");
    return NULL;
}

static struct sweep_config *add(struct fixture *fixture, const char *const *command)
{
    static const char *const collectors_used[] = {"proc"};
    size_t at = fixture->sweep.count++;
    struct sweep_config *config = &fixture->configs[at];
    fixture->args[at] = (struct workload_args){
        .settings = &fixture->settings, .launcher = &launcher, .command = command};
    config->name = command[0];
    config->plan = (struct measure_plan){.workload = command_workload(),
                                         .root = &fixture->root,
                                         .collector_names = collectors_used,
                                         .collector_count = 1,
                                         .interval_ns = 20 * NS_PER_MS,
                                         .units_explicit = true,
                                         .units = UINT32_MAX};
    struct error err = {0};
    if (config->plan.workload->open(&fixture->args[at], &config->plan.workload_state, &err) < 0)
        fail_msg("%s", err.message);
    config->turns_wanted = 3;
    return config;
}

static const struct run *run_of(const struct sweep_config *config)
{
    return measure_run_get(config->measure);
}

static double begin_of(const struct run *run, size_t launch)
{
    return run->begin_epoch_s + (double)run->invocations[launch].begin_ns / 1e9;
}

static const char *const nap[] = {"sleep", "0.4", NULL};
static const char *const failing[] = {"false", NULL};

static void they_take_turns(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, nap);
    add(fixture, nap);
    assert_int_equal(sweep_run(&fixture->sweep, NULL), 0);
    assert_int_equal(fixture->sweep.rounds, 3);
    const struct run *a = run_of(&fixture->configs[0]), *b = run_of(&fixture->configs[1]);
    /* Longer than a turn, so one launch in each. */
    assert_int_equal(a->invocation_count, 3);
    assert_int_equal(b->invocation_count, 3);
    assert_int_equal(a->state, RUN_COMPLETE);
    assert_string_not_equal(a->id, b->id);
    for (size_t round = 0; round + 1 < 3; round++) {
        assert_true(begin_of(a, round) < begin_of(b, round + 1));
        assert_true(begin_of(b, round) < begin_of(a, round + 1));
    }
}

/* The sensors of a run are those of its own turns. */
static void sensors_stand_still_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, nap);
    add(fixture, nap);
    assert_int_equal(sweep_run(&fixture->sweep, NULL), 0);
    for (size_t i = 0; i < 2; i++) {
        const struct run *run = run_of(&fixture->configs[i]);
        const struct run_series *series = run_find_series(run, "cpu_total_pct", NULL);
        assert_non_null(series);
        assert_true(series->count > 0);
        for (size_t j = 0; j < series->count; j++) {
            bool is_within = false;
            for (size_t k = 0; k < run->invocation_count; k++)
                /* the sampler begins before the program and ends after it */
                is_within = is_within ||
                            (series->samples[j].t_ns > run->invocations[k].begin_ns - 300000000 &&
                             series->samples[j].t_ns < run->invocations[k].end_ns + 300000000);
            assert_true(is_within);
        }
    }
}

static void a_failing_one_leaves_the_others(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, nap);
    add(fixture, failing);
    error_set(&fixture->configs[2].error, ERROR_ABSENT, "no such device");
    fixture->sweep.count++;
    assert_int_equal(sweep_run(&fixture->sweep, NULL), 0);
    assert_int_equal(fixture->configs[0].error.code, 0);
    assert_int_equal(run_of(&fixture->configs[0])->invocation_count, 3);
    assert_int_equal(fixture->configs[1].error.code, ERROR_PROGRAM);
    assert_int_equal(run_of(&fixture->configs[1])->invocation_count, 1);
    assert_int_equal(run_of(&fixture->configs[1])->state, RUN_INTERRUPTED);
    assert_null(fixture->configs[2].measure);
    assert_int_equal(fixture->configs[2].error.code, ERROR_ABSENT);
}

static void until_launches_and_time_are_enough(void **state)
{
    struct fixture *fixture = *state;
    static const char *const quick[] = {"true", NULL};
    struct sweep_config *config = add(fixture, quick);
    config->turns_wanted = 0;
    config->launches_min = 5;
    config->time_min_ns = 700 * NS_PER_MS;
    struct sweep_config *slow = add(fixture, nap);
    slow->turns_wanted = 0;
    slow->launches_min = 1000;
    slow->time_max_ns = 500 * NS_PER_MS;
    assert_int_equal(sweep_run(&fixture->sweep, NULL), 0);
    assert_true(config->launches >= 5 && config->active_ns >= 700 * NS_PER_MS);
    assert_int_equal(config->turns, 3); /* short launches fill a turn of 300 ms */
    assert_int_equal(slow->launches, 2);
}

static void one_by_one(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, nap)->turns_wanted = 2;
    add(fixture, nap)->turns_wanted = 2;
    fixture->sweep.is_one_by_one = true;
    assert_int_equal(sweep_run(&fixture->sweep, NULL), 0);
    const struct run *a = run_of(&fixture->configs[0]), *b = run_of(&fixture->configs[1]);
    assert_int_equal(a->invocation_count, 2);
    assert_true(begin_of(a, 1) < begin_of(b, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    struct error err = {0};
    if (launcher_start(&launcher, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        TEST(they_take_turns),
        TEST(sensors_stand_still_meanwhile),
        TEST(a_failing_one_leaves_the_others),
        TEST(until_launches_and_time_are_enough),
        TEST(one_by_one),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    launcher_stop(&launcher);
    return failed;
}
