/* test_measure_units.c: a workload with many units per invocation: what is counted, which of them
 * are kept apart, when it is enough. The workload is a fake that hands over units as a model's
 * worker does: in blocks, of several streams, out of order in time, samples of another series
 * between them. Its time is its own (a unit lasts what it says), but for the sensors it sleeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/util.h"
#include "measure/measure.h"
#include "near.h"

#define BLOCK 7

/* How the fake behaves, and what it saw. */
struct fake {
    uint64_t unit_ns;       /* of a steady unit */
    uint64_t slow, slow_ns; /* so many units behind those apart are slow */
    uint64_t profiled;      /* units apart, the first included; told as phases */
    bool is_first_told;     /* phase first told by the workload */
    unsigned sleep_us;      /* real time per block */
    uint64_t ends_at;       /* ends by itself after so many units; 0: when told to */
    uint32_t fails_in;      /* invocation number (from 1) that fails; 0: none */
    const char *finding;    /* rule of a finding it tells at the end; NULL: none */
    size_t invocations;     /* seen */
    uint64_t given[16];     /* units handed over, per invocation */
    uint64_t largest;       /* largest finite number of units allowed */
    uint64_t last_allowed;  /* the last time that it asked */
    size_t pauses;          /* leave was used up, and then there was more */
    bool is_fast;           /* uses up all its leave before it asks again */
    bool was_unbounded;
};

static struct fake fake;

static struct series series_of(uint32_t id, enum series_kind kind, const char *metric)
{
    return (struct series){
        .id = id, .kind = kind, .metric = metric_find(metric), .instance = "", .source = "fake"};
}

static const struct series *fake_series(void *state, size_t *ret_count)
{
    static struct series series[3];
    series[0] = series_of(0, SERIES_UNIT, "latency_ms");
    series[1] = series_of(1, SERIES_VALUE, "session_ms");
    series[2] = series_of(2, SERIES_TIME, "throughput_per_s");
    *ret_count = 3;
    return series;
}

static void fake_describe(void *state, struct facts *facts)
{
    facts_text(facts, "device", "fake_0", NULL);
    facts_integer(facts, "batch_size", 4, NULL);
    facts_null(facts, "provider", REASON_NOT_ASKED, NULL);
}

static void fake_describe_after(void *state, struct facts *facts)
{
    facts_text(facts, "provider", "FakeExecutionProvider", "profile");
    facts_text(facts, "engine_version", "1.2.3", NULL);
}

/* Duration of a unit: the noise repeats every 5 units, so that no unit depends on the one before.
 */
static uint64_t duration_of(uint64_t unit)
{
    uint64_t apart = fake.profiled ? fake.profiled : 1;
    if (unit < apart)
        return 50 * fake.unit_ns;
    if (unit < apart + fake.slow)
        return fake.slow_ns;
    return fake.unit_ns + unit * 7919 % 5 * fake.unit_ns / 100;
}

struct player {
    struct workload_io *io;
    uint64_t unit;    /* next */
    int64_t clock_ns; /* since the run began */
};

static int tell_phase(struct player *player, enum phase_kind kind, uint64_t first, uint64_t count,
                      int64_t begin_ns)
{
    struct phase phase = {.kind = kind,
                          .invocation = player->io->invocation,
                          .first_unit = first,
                          .unit_count = count,
                          .begin_ns = begin_ns,
                          .end_ns = player->clock_ns};
    return player->io->phase(player->io, &phase, NULL);
}

/* A block of units, in which each two neighbours are swapped in time: two streams. */
static int hand_over(struct player *player, uint64_t count, struct error *err)
{
    size_t n = 0;
    const struct series *series = fake_series(NULL, &n);
    uint64_t value_ns[BLOCK];
    int64_t t_ns[BLOCK];
    for (uint64_t i = 0; i < count; i++) {
        value_ns[i] = duration_of(player->unit + i);
        player->clock_ns += (int64_t)value_ns[i];
        t_ns[i] = player->clock_ns;
    }
    for (uint64_t i = 0; i + 1 < count; i += 2) {
        int64_t swapped = t_ns[i];
        t_ns[i] = t_ns[i + 1];
        t_ns[i + 1] = swapped;
    }
    struct sample_block block = {.series = &series[0],
                                 .invocation = player->io->invocation,
                                 .first_unit = player->unit,
                                 .n = count,
                                 .t_ns = t_ns,
                                 .value_ns = value_ns};
    player->unit += count;
    int rc = player->io->samples(player->io, &block, err);
    double per_s = 4e9 / (double)fake.unit_ns;
    struct sample_block window = {.series = &series[2],
                                  .invocation = player->io->invocation,
                                  .n = 1,
                                  .t_ns = &player->clock_ns,
                                  .value = &per_s};
    player->clock_ns -= 1; /* a window lies within the time of its units */
    if (rc == 0)
        rc = player->io->samples(player->io, &window, err);
    player->clock_ns += 1;
    return rc;
}

static int load(struct player *player, struct error *err)
{
    size_t n = 0;
    const struct series *series = fake_series(NULL, &n);
    uint64_t session_ns = 3 * NS_PER_MS;
    struct sample_block block = {.series = &series[1],
                                 .invocation = player->io->invocation,
                                 .n = 1,
                                 .value_ns = &session_ns};
    int64_t begin_ns = player->clock_ns;
    player->clock_ns += (int64_t)NS_PER_MS;
    int rc = tell_phase(player, PHASE_LOAD, 0, 0, begin_ns);
    begin_ns = player->clock_ns;
    player->clock_ns += (int64_t)session_ns;
    if (rc == 0)
        rc = tell_phase(player, PHASE_SESSION, 0, 0, begin_ns);
    if (rc == 0)
        rc = player->io->samples(player->io, &block, err);
    begin_ns = player->clock_ns;
    if (rc == 0 && fake.profiled > 0) {
        rc = hand_over(player, 1, err);
        if (rc == 0 && fake.is_first_told)
            rc = tell_phase(player, PHASE_FIRST, 0, 1, begin_ns);
        begin_ns = player->clock_ns;
    }
    if (rc == 0 && fake.profiled > 1) {
        rc = hand_over(player, fake.profiled - 1, err);
        if (rc == 0)
            rc = tell_phase(player, PHASE_PROFILED, 1, fake.profiled - 1, begin_ns);
    }
    return rc;
}

static int play(struct player *player, struct error *err)
{
    int rc = load(player, err);
    while (rc == 0) {
        bool at_once = false;
        uint64_t allowed = player->io->units_allowed(player->io);
        if (allowed == UINT64_MAX)
            fake.was_unbounded = true;
        else
            fake.largest = u64_max(fake.largest, allowed);
        fake.pauses += player->unit == fake.last_allowed && allowed > player->unit;
        fake.last_allowed = allowed;
        if (player->io->stop_requested(player->io, &at_once) || allowed == 0 ||
            (fake.ends_at && player->unit >= fake.ends_at))
            break;
        if (fake.sleep_us)
            usleep(fake.sleep_us);
        uint64_t room = allowed > player->unit ? allowed - player->unit : 0;
        do {
            rc = room > 0 ? hand_over(player, u64_min(room, BLOCK), err) : 0;
            room -= u64_min(room, BLOCK);
        } while (fake.is_fast && room > 0 && rc == 0);
    }
    return rc;
}

static int fake_invoke(void *state, struct workload_io *io, struct invocation *ret_invocation,
                       struct error *err)
{
    struct player player = {.io = io, .clock_ns = (int64_t)(clock_mono_ns() - io->run_begin_ns)};
    ret_invocation->begin_ns = player.clock_ns;
    int rc = play(&player, err);
    fake.given[fake.invocations++] = player.unit;
    ret_invocation->end_ns = player.clock_ns + (int64_t)NS_PER_MS;
    bool fails = fake.fails_in && io->invocation + 1 == fake.fails_in;
    ret_invocation->outcome = fails ? INVOCATION_SIGNAL : INVOCATION_OK;
    if (fails)
        error_set(err, ERROR_PROGRAM, "the worker crashed");
    return rc;
}

static int fake_findings(void *state, struct run_sink *sink, struct error *err)
{
    if (!fake.finding)
        return 0;
    struct finding finding;
    finding_init(&finding, fake.finding, SEVERITY_WARNING, "latency_ms");
    finding_sentence(&finding, "told by the fake");
    return sink_finding(sink, &finding, err);
}

static bool fake_accepts(const struct workload_args *args)
{
    return true;
}

static const struct workload workload_fake = {.name = "fake",
                                              .unit = "inference",
                                              .units = "inferences",
                                              .latency_metric = "latency_ms",
                                              .first_unit_apart = true,
                                              .accepts = fake_accepts,
                                              .describe = fake_describe,
                                              .describe_after = fake_describe_after,
                                              .series = fake_series,
                                              .invoke = fake_invoke,
                                              .findings = fake_findings};

/* ---- the tests ---------------------------------------------------------------------------- */

struct fixture {
    struct root root;
    struct measure *measure;
    struct measure_plan plan;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    assert_int_equal(root_open(&fixture->root, "/", NULL), 0);
    static const char *const collectors_used[] = {"proc"};
    fake = (struct fake){.unit_ns = 100 * NS_PER_US, .profiled = 3, .is_first_told = true};
    fixture->plan = (struct measure_plan){.workload = &workload_fake,
                                          .workload_state = &fake,
                                          .root = &fixture->root,
                                          .collector_names = collectors_used,
                                          .collector_count = 1,
                                          .interval_ns = 20 * NS_PER_MS,
                                          .quiet = true};
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    measure_free(fixture->measure);
    root_close(&fixture->root);
    free(fixture);
    return 0;
}

static const struct run *measured(struct fixture *fixture, int expected)
{
    struct error err = {0};
    int rc = measure_run(&fixture->plan, &fixture->measure, &err);
    if (rc != expected)
        fail_msg("%d: %s", rc, err.message);
    return measure_run_get(fixture->measure);
}

static size_t count_of(const struct run *run, const char *metric, enum phase_kind phase)
{
    double *values = NULL;
    size_t count = 0;
    const struct run_series *series = run_find_series(run, metric, NULL);
    assert_non_null(series);
    assert_int_equal(run_collect(run, series, phase, &values, NULL, &count, NULL), 0);
    free(values);
    return count;
}

static const struct finding *find(const struct run *run, const char *rule)
{
    for (size_t i = 0; i < run->finding_count; i++) {
        if (!strcmp(run->findings[i].rule, rule))
            return &run->findings[i];
    }
    return NULL;
}

static const struct phase *last_phase(const struct run *run, enum phase_kind kind,
                                      uint32_t invocation)
{
    for (size_t i = run->phase_count; i-- > 0;) {
        if (run->phases[i].kind == kind && run->phases[i].invocation == invocation)
            return &run->phases[i];
    }
    return NULL;
}

static void ask_for(struct fixture *fixture, uint64_t units)
{
    fixture->plan.units = units;
    fixture->plan.units_explicit = true;
}

static void an_explicit_count_is_met_exactly(void **state)
{
    struct fixture *fixture = *state;
    ask_for(fixture, 50);
    const struct run *run = measured(fixture, 0);
    assert_int_equal(run->state, RUN_COMPLETE);
    assert_int_equal(run->invocation_count, 1);
    assert_int_equal(fake.given[0], 53); /* with those that are kept apart */
    assert_int_equal(fake.largest, 53);
    assert_false(fake.was_unbounded);
    assert_int_equal(count_of(run, "latency_ms", PHASE_FIRST), 1);
    assert_int_equal(count_of(run, "latency_ms", PHASE_PROFILED), 2);
    assert_int_equal(count_of(run, "latency_ms", PHASE_WARMUP), 0);
    assert_int_equal(count_of(run, "latency_ms", PHASE_STEADY), 50);
    /* A value of an invocation is steady where one of its units is. */
    assert_int_equal(count_of(run, "session_ms", PHASE_STEADY), 1);
}

static void the_first_unit_is_kept_apart_by_itself(void **state)
{
    struct fixture *fixture = *state;
    fake.profiled = 0;
    ask_for(fixture, 20);
    const struct run *run = measured(fixture, 0);
    assert_int_equal(fake.given[0], 21);
    assert_int_equal(count_of(run, "latency_ms", PHASE_FIRST), 1);
    assert_int_equal(count_of(run, "latency_ms", PHASE_STEADY), 20);
}

static void warmup_asked_for_is_of_each_invocation(void **state)
{
    struct fixture *fixture = *state;
    ask_for(fixture, 30);
    fixture->plan.warmup_units = 10;
    fixture->plan.invocations = 3;
    const struct run *run = measured(fixture, 0);
    assert_int_equal(run->invocation_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(fake.given[i], 43);
    assert_int_equal(count_of(run, "latency_ms", PHASE_STEADY), 90);
    assert_int_equal(count_of(run, "latency_ms", PHASE_WARMUP), 30);
    assert_int_equal(count_of(run, "latency_ms", PHASE_PROFILED), 6);
    assert_int_equal(count_of(run, "session_ms", PHASE_STEADY), 3);
}

/* Phases follow each other in time; a window of throughput falls into the phase of its units. */
static void phases_have_their_times(void **state)
{
    struct fixture *fixture = *state;
    ask_for(fixture, 70);
    fixture->plan.warmup_units = 14;
    const struct run *run = measured(fixture, 0);
    static const enum phase_kind order[] = {PHASE_LOAD,     PHASE_SESSION, PHASE_FIRST,
                                            PHASE_PROFILED, PHASE_WARMUP,  PHASE_STEADY};
    int64_t end_ns = run->invocations[0].begin_ns;
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        const struct phase *phase = last_phase(run, order[i], 0);
        assert_non_null(phase);
        assert_int_equal(phase->begin_ns, end_ns);
        end_ns = phase->end_ns;
    }
    const struct phase *steady = last_phase(run, PHASE_STEADY, 0);
    assert_int_equal(steady->first_unit, 17);
    assert_int_equal(steady->unit_count, 70);
    uint64_t sum_ns = 0;
    for (uint64_t unit = 17; unit < 87; unit++)
        sum_ns += duration_of(unit);
    assert_int_equal(steady->end_ns - steady->begin_ns, sum_ns);
    assert_int_equal(count_of(run, "throughput_per_s", PHASE_STEADY), 10);
    assert_int_equal(count_of(run, "throughput_per_s", PHASE_WARMUP), 2);
}

static void warmup_is_found_and_as_many_more_are_measured(void **state)
{
    struct fixture *fixture = *state;
    fake.slow = 20;
    fake.slow_ns = 400 * NS_PER_US;
    ask_for(fixture, 100);
    fixture->plan.warmup_auto = true;
    fixture->plan.invocations = 2;
    const struct run *run = measured(fixture, 0);
    assert_int_equal(count_of(run, "latency_ms", PHASE_WARMUP), 40);
    assert_int_equal(count_of(run, "latency_ms", PHASE_STEADY), 200);
    assert_int_equal(fake.given[0], 123);
    assert_int_equal(fake.given[1], 123);
    assert_int_equal(fake.pauses, 0);
    assert_true(last_phase(run, PHASE_WARMUP, 1)->found);
    assert_int_equal(last_phase(run, PHASE_WARMUP, 1)->first_unit, 3);
    assert_false(last_phase(run, PHASE_STEADY, 1)->found);
}

/* Over before anybody looks: it does not pause either, and what was too many is kept apart. */
static void fast_units_need_no_more_leave_for_warmup(void **state)
{
    struct fixture *fixture = *state;
    fake.slow = 20;
    fake.slow_ns = 400 * NS_PER_US;
    fake.is_fast = true;
    ask_for(fixture, 100);
    fixture->plan.warmup_auto = true;
    const struct run *run = measured(fixture, 0);
    assert_int_equal(fake.pauses, 0);
    assert_int_equal(count_of(run, "latency_ms", PHASE_WARMUP), 20);
    assert_int_equal(count_of(run, "latency_ms", PHASE_STEADY), 100);
    assert_int_equal(count_of(run, "latency_ms", PHASE_COOLDOWN), fake.given[0] - 123);
    const struct phase *steady = last_phase(run, PHASE_STEADY, 0);
    const struct phase *cooldown = last_phase(run, PHASE_COOLDOWN, 0);
    assert_int_equal(cooldown->first_unit, 123);
    assert_true(cooldown->begin_ns == steady->end_ns);
    assert_true(cooldown->end_ns > cooldown->begin_ns);
}

static void a_duration_counts_from_the_end_of_what_is_apart(void **state)
{
    struct fixture *fixture = *state;
    fake.sleep_us = 2000;
    fake.unit_ns = 2 * NS_PER_MS / BLOCK; /* as long as it sleeps */
    fixture->plan.duration_ns = 300 * NS_PER_MS;
    fixture->plan.duration_explicit = true;
    fixture->plan.invocations = 2;
    const struct run *run = measured(fixture, 0);
    assert_true(fake.was_unbounded);
    assert_int_equal(fake.largest, 0);
    assert_int_equal(run->invocation_count, 2);
    for (uint32_t i = 0; i < 2; i++) { /* half of it each */
        const struct phase *steady = last_phase(run, PHASE_STEADY, i);
        assert_true(steady->end_ns - steady->begin_ns >= 100 * (int64_t)NS_PER_MS);
    }
}

/* Neither count nor duration is explicit: the default count, and the limit's need. */
static void a_limit_keeps_the_last_invocation_going(void **state)
{
    struct fixture *fixture = *state;
    struct limit limit;
    assert_int_equal(limit_parse("p99(latency_ms)<=60000", "", NULL, 0, &limit, NULL), 0);
    fixture->plan.limits = &limit;
    fixture->plan.limit_count = 1;
    fixture->plan.duration_ns = 1;
    fixture->plan.max_duration_ns = 60 * NS_PER_S;
    const struct run *run = measured(fixture, 0);
    assert_int_equal(run->invocation_count, 1);
    assert_true(count_of(run, "latency_ms", PHASE_STEADY) >= 459); /* MLPerf's minimum for p99 */
    assert_int_equal(run->verdict.outcome, OUTCOME_PASS);
}

static void the_default_count_is_the_workloads(void **state)
{
    struct fixture *fixture = *state;
    fixture->plan.duration_ns = 1;
    fake.unit_ns = NS_PER_US; /* its time must not run ahead of the clock */
    fake.sleep_us = 500;
    const struct run *run = measured(fixture, 0);
    size_t count = count_of(run, "latency_ms", PHASE_STEADY);
    assert_true(count >= MEASURE_DEFAULT_UNITS_MANY && count < MEASURE_DEFAULT_UNITS_MANY + BLOCK);
}

/* Sensors are judged by time: while it runs the steady phase must have one. */
static void a_limit_on_windows_is_decided_while_it_runs(void **state)
{
    struct fixture *fixture = *state;
    struct limit limit;
    assert_int_equal(limit_parse("mean(throughput_per_s)>=1", "", NULL, 0, &limit, NULL), 0);
    fixture->plan.limits = &limit;
    fixture->plan.limit_count = 1;
    fixture->plan.duration_ns = 1;
    fixture->plan.max_duration_ns = 60 * NS_PER_S;
    const struct run *run = measured(fixture, 0);
    assert_int_equal(run->verdict.outcome, OUTCOME_PASS);
    ASSERT_NEAR(find(run, "limit")->value, 40000, 1e-9);
}

static void max_duration_cuts_it_off(void **state)
{
    struct fixture *fixture = *state;
    fake.sleep_us = 10000;
    fixture->plan.max_duration_ns = 200 * NS_PER_MS;
    ask_for(fixture, 100000);
    const struct run *run = measured(fixture, 0);
    assert_non_null(find(run, "max_duration"));
    assert_int_equal(run->state, RUN_COMPLETE);
    assert_true(count_of(run, "latency_ms", PHASE_STEADY) < 100000);
}

static void a_crash_ends_the_run(void **state)
{
    struct fixture *fixture = *state;
    fake.fails_in = 1;
    fake.ends_at = 30;
    ask_for(fixture, 100);
    const struct run *run = measured(fixture, -ERROR_PROGRAM);
    assert_int_equal(run->state, RUN_INTERRUPTED);
    assert_int_equal(count_of(run, "latency_ms", PHASE_STEADY), 0);
    assert_non_null(strstr(find(run, "program_failed")->sentence, "1 of 1 process failed"));
}

static void an_ignored_crash_is_one_of_the_invocations(void **state)
{
    struct fixture *fixture = *state;
    fake.fails_in = 2;
    ask_for(fixture, 40);
    fixture->plan.invocations = 3;
    fixture->plan.ignore_failure = true;
    const struct run *run = measured(fixture, 0);
    assert_int_equal(run->state, RUN_COMPLETE);
    assert_int_equal(run->invocation_count, 3);
    assert_int_equal(count_of(run, "latency_ms", PHASE_STEADY), 80);
}

static void what_only_the_run_could_tell_is_merged(void **state)
{
    struct fixture *fixture = *state;
    ask_for(fixture, 10);
    const struct run *run = measured(fixture, 0);
    assert_string_equal(facts_get_text(&run->workload, "provider", ""), "FakeExecutionProvider");
    assert_string_equal(facts_get_text(&run->workload, "engine_version", ""), "1.2.3");
    assert_string_equal(facts_get_text(&run->workload, "device", ""), "fake_0");
}

static const struct run *judged(struct fixture *fixture, const char *text, uint64_t units)
{
    static struct limit limit;
    assert_int_equal(limit_parse(text, "", NULL, 0, &limit, NULL), 0);
    fixture->plan.limits = &limit;
    fixture->plan.limit_count = 1;
    ask_for(fixture, units);
    return measured(fixture, 0);
}

static void a_saturated_queue_passes_no_limit_on_latency(void **state)
{
    struct fixture *fixture = *state;
    fake.finding = "saturated";
    const struct run *run = judged(fixture, "p99(latency_ms)<=60000", 500);
    assert_int_equal(run->verdict.outcome, OUTCOME_UNDECIDED);
    assert_non_null(strstr(find(run, "limit")->sentence, "saturated"));
}

/* Power readings come from the synthetic collector: the same figure again, from what is in the run.
 */
static void energy_is_power_times_time_over_items(void **state)
{
    struct fixture *fixture = *state;
    static const char *const synthetic[] = {"synthetic"};
    fixture->plan.collector_names = synthetic;
    fixture->plan.interval_ns = NS_PER_MS;
    fake.sleep_us = 2000;
    fake.unit_ns = 2 * NS_PER_MS / BLOCK;
    fake.profiled = 0;
    ask_for(fixture, 700);
    const struct run *run = measured(fixture, 0);
    const struct run_series *energy = run_find_series(run, "energy_per_inference_j", NULL);
    assert_non_null(energy);
    const struct run_series *power = run_find_series(run, "power_w", energy->series.instance);
    assert_non_null(power);
    const struct phase *steady = last_phase(run, PHASE_STEADY, 0);
    double *watts = NULL, sum = 0;
    size_t count = 0;
    assert_int_equal(run_collect(run, power, PHASE_STEADY, &watts, NULL, &count, NULL), 0);
    assert_true(count > 10);
    for (size_t i = 0; i < count; i++)
        sum += watts[i];
    free(watts);
    double seconds = (double)(steady->end_ns - steady->begin_ns) / 1e9;
    assert_int_equal(energy->count, 1);
    ASSERT_NEAR(energy->samples[0].value, sum / (double)count * seconds / (700 * 4), 1e-9);
}

static void energy_without_power_is_absent(void **state)
{
    struct fixture *fixture = *state;
    ask_for(fixture, 10);
    const struct run *run = measured(fixture, 0);
    const struct run_series *energy = run_find_series(run, "energy_per_inference_j", NULL);
    assert_non_null(energy);
    assert_int_equal(energy->count, 0);
    assert_int_equal(energy->series.reason, REASON_ABSENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_explicit_count_is_met_exactly),
        TEST(the_first_unit_is_kept_apart_by_itself),
        TEST(warmup_asked_for_is_of_each_invocation),
        TEST(phases_have_their_times),
        TEST(warmup_is_found_and_as_many_more_are_measured),
        TEST(fast_units_need_no_more_leave_for_warmup),
        TEST(a_duration_counts_from_the_end_of_what_is_apart),
        TEST(a_limit_keeps_the_last_invocation_going),
        TEST(the_default_count_is_the_workloads),
        TEST(a_limit_on_windows_is_decided_while_it_runs),
        TEST(max_duration_cuts_it_off),
        TEST(a_crash_ends_the_run),
        TEST(an_ignored_crash_is_one_of_the_invocations),
        TEST(what_only_the_run_could_tell_is_merged),
        TEST(a_saturated_queue_passes_no_limit_on_latency),
        TEST(energy_is_power_times_time_over_items),
        TEST(energy_without_power_is_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
