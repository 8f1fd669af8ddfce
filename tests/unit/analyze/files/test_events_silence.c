/* test_events_silence.c: outages that are, and quiet times that look like them and are none. */
#include "events_fixture.h"

#include "analyze/files/events_internal.h"

#define DURATION_S 1800.0
#define FRAMES 8
#define SIGHTS_MAX 40000

struct sight {
    double s;
    int cam, id, frame;
};

struct belt {
    double mean_s;     /* between parcels, which come at random */
    double out_s[2];   /* camera B sees nothing */
    double gone_s[2];  /* nobody does */
    double quiet_s[2]; /* no parcel comes onto the belt */
    double lag_s;      /* from A to B, and from B to C */
    struct sight *sights;
    size_t count;
};

static int by_time(const void *a, const void *b)
{
    const struct sight *x = a, *y = b;
    if (x->s != y->s)
        return x->s < y->s ? -1 : 1;
    return x->id != y->id ? x->id - y->id : x->cam - y->cam;
}

static bool is_in(const double range_s[2], double s)
{
    return s > range_s[0] && s < range_s[1];
}

static void see(struct belt *belt, double s, int cam, int id)
{
    for (int frame = 0; frame < FRAMES && belt->count < SIGHTS_MAX; frame++) {
        double at = s + 0.1 * frame;
        if (at < DURATION_S && !is_in(belt->gone_s, at) && !(cam == 1 && is_in(belt->out_s, at)))
            belt->sights[belt->count++] = (struct sight){at, cam, id, frame};
    }
}

/* Half an hour before the cameras A, B and C. */
static void run(struct fixture *fixture, struct belt belt)
{
    static const char *const cams[] = {"A", "B", "C"};
    uint64_t random = 7;
    belt.sights = calloc(SIGHTS_MAX, sizeof(*belt.sights));
    double s = 0;
    for (int id = 1; s < DURATION_S; s += 0.3 - belt.mean_s * log(1 - random_uniform(&random))) {
        if (is_in(belt.quiet_s, s))
            continue;
        for (int cam = 0; cam < 3; cam++)
            see(&belt, s + belt.lag_s * cam, cam, id);
        id++;
    }
    qsort(belt.sights, belt.count, sizeof(*belt.sights), by_time);
    for (size_t i = 0; i < belt.count; i++) {
        const struct sight *sight = &belt.sights[i];
        char local[16], master[16];
        snprintf(local, sizeof(local), "%s_%03d", cams[sight->cam], sight->id);
        snprintf(master, sizeof(master), "%d", sight->id);
        row(fixture, sight->s, cams[sight->cam], local, master,
            sight->frame ? "TRACKING" : "MATCHED");
    }
    free(belt.sights);
    assert_int_equal(analyze(fixture), 0);
}

/* Every 5 s, but for the hole; in the quiet time gpu and fps as given. */
static void metrics(struct fixture *fixture, const double hole_s[2], const double quiet_s[2],
                    const char *quiet_row, const char *header)
{
    strbuf_printf(&fixture->metrics, "timestamp,%s\n", header);
    for (double s = -20; s < DURATION_S + 20; s += 5) {
        if (!is_in(hole_s, s))
            strbuf_printf(&fixture->metrics, "%.2f,%s\n", EVENTS_BEGIN + s,
                          is_in(quiet_s, s) ? quiet_row : "10,50");
    }
}

static const double never[2] = {1e9, 1e9};
#define NEVER                                                                                      \
    {                                                                                              \
        1e9, 1e9                                                                                   \
    }

static void an_outage(void **state)
{
    struct fixture fixture = {0};
    run(&fixture, (struct belt){6, {900, 1200}, NEVER, NEVER, 5, NULL, 0});
    const struct finding *finding = found(&fixture, "camera_outage");
    assert_non_null(finding);
    assert_string_equal(finding->metric, "B");
    assert_true(finding->severity == SEVERITY_WARNING);
    assert_true(finding->value > 290 && finding->value < 340);
    assert_int_equal(table(&fixture, "silences")->row_count, 1);
    double begin_s = value_at(&fixture, "silences", 0, "begin") - EVENTS_BEGIN;
    assert_true(begin_s > 870 && begin_s < 901);
    assert_true(value_at(&fixture, "silences", 0, "expected_parcels") > 30);
    done(&fixture);
}

static void an_outage_until_the_end(void **state)
{
    struct fixture fixture = {0};
    run(&fixture, (struct belt){6, {1400, 1e9}, NEVER, NEVER, 5, NULL, 0});
    assert_non_null(found(&fixture, "camera_outage"));
    assert_int_equal(table(&fixture, "silences")->row_count, 1);
    done(&fixture);
}

/* What is on its way at the beginning and the end is seen by the first and last camera alone. */
static void a_long_belt_is_no_outage(void **state)
{
    struct fixture fixture = {0};
    run(&fixture, (struct belt){4, NEVER, NEVER, NEVER, 150, NULL, 0});
    assert_null(found(&fixture, "camera_outage"));
    done(&fixture);
}

/* Random arrivals have long gaps; with a few hundred of them none is called an outage. */
static void chance_is_no_outage(void **state)
{
    for (double mean_s = 2; mean_s < 200; mean_s *= 2) {
        struct fixture fixture = {0};
        run(&fixture, (struct belt){mean_s, NEVER, NEVER, NEVER, 5, NULL, 0});
        if (table(&fixture, "silences"))
            fail_msg("mean %g s: a silence of %g s", mean_s,
                     value_at(&fixture, "silences", 0, "length_s"));
        done(&fixture);
    }
}

/* All of them are silent: no camera's fault, and without metrics not known whose. */
static void a_quiet_time(void **state)
{
    struct fixture fixture = {0};
    run(&fixture, (struct belt){6, NEVER, NEVER, {800, 1000}, 5, NULL, 0});
    assert_null(found(&fixture, "camera_outage"));
    assert_true(found(&fixture, "all_silent")->severity == SEVERITY_INFO);
    done(&fixture);
}

static void metrics_tell_why(void **state)
{
    static const double quiet[2] = {800, 1000};
    static const struct {
        const double *hole_s;
        const char *quiet_row, *header, *rule;
    } cases[] = {
        {never, "10,50", "pipeline_fps,cpu_total_pct", "idle"},
        {never, "0.1,50", "pipeline_fps,cpu_total_pct", "pipeline_stalled"},
        {never, "9,1", "cpu_total_pct,gpu_util_pct", "pipeline_stalled"},
        {never, "9,49", "cpu_total_pct,gpu_util_pct", "idle"},
        {never, "9,1", "cpu_total_pct,mem_used_mb", "all_silent"},
        {quiet, "10,50", "pipeline_fps,cpu_total_pct", "host_gap"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture fixture = {0};
        metrics(&fixture, cases[i].hole_s, quiet, cases[i].quiet_row, cases[i].header);
        run(&fixture, (struct belt){6, NEVER, NEVER, {790, 1000}, 5, NULL, 0});
        if (!found(&fixture, cases[i].rule))
            fail_msg("case %zu: it is %s", i, text_at(&fixture, "silences", 0, "kind"));
        done(&fixture);
    }
}

static void metrics_of_another_day(void **state)
{
    struct fixture fixture = {0};
    strbuf_append(&fixture.metrics, "timestamp,pipeline_fps\n1700000000,10\n1700000005,10\n");
    run(&fixture, (struct belt){6, NEVER, NEVER, {800, 1000}, 5, NULL, 0});
    assert_non_null(found(&fixture, "metrics_do_not_match"));
    assert_non_null(found(&fixture, "all_silent"));
    assert_null(table(&fixture, "load"));
    done(&fixture);
}

/* Beyond the budget percentiles come from a histogram: within 2^-8. */
static void values_become_a_histogram(void **state)
{
    struct event_values exact = {0}, rough = {0};
    struct event_budget all = {.max = 100000}, few = {.max = 1000};
    uint64_t random = 3;
    for (int i = 0; i < 20000; i++) {
        double value = -3 * log(1 - random_uniform(&random));
        assert_int_equal(event_values_add(&exact, &all, value), 0);
        assert_int_equal(event_values_add(&rough, &few, value), 0);
    }
    struct event_spread a, b;
    assert_int_equal(event_spread_of(&exact, true, &a), 0);
    assert_int_equal(event_spread_of(&rough, true, &b), 0);
    assert_true(a.is_exact && !b.is_exact);
    assert_true(a.n == b.n && a.max == b.max && a.min == b.min && a.mean == b.mean);
    assert_true(fabs(a.p50 / b.p50 - 1) <= HIST_RELATIVE_ERROR * 1.01);
    assert_true(fabs(a.p99_9 / b.p99_9 - 1) <= HIST_RELATIVE_ERROR * 1.01);
    assert_false(isnan(a.p50_ci.lo));
    assert_true(isnan(b.p50_ci.lo));
    uint64_t counts[2];
    double sums[2];
    event_values_below(&exact, 3, &counts[0], &sums[0]);
    event_values_below(&rough, 3, &counts[1], &sums[1]);
    assert_true(fabs((double)counts[0] / (double)counts[1] - 1) < 0.01);
    assert_true(fabs(sums[0] / sums[1] - 1) < 0.01);
    event_values_deinit(&exact);
    event_values_deinit(&rough);
}

static void the_longest_gaps_are_kept(void **state)
{
    struct event_gaps gaps = {.count = 0};
    uint64_t random = 5;
    for (int i = 0; i < 5000; i++) {
        struct event_gap gap = {.begin_s = 0, .end_s = random_uniform(&random)};
        event_gaps_offer(&gaps, &gap);
    }
    for (int i = 0; i < EVENTS_GAPS_MAX; i++) {
        struct event_gap gap = {.begin_s = 0, .end_s = 2 + i};
        event_gaps_offer(&gaps, &gap);
    }
    assert_int_equal(gaps.count, EVENTS_GAPS_MAX);
    for (size_t i = 0; i < gaps.count; i++)
        assert_true(gaps.longest[i].end_s >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_outage),
        cmocka_unit_test(an_outage_until_the_end),
        cmocka_unit_test(a_long_belt_is_no_outage),
        cmocka_unit_test(chance_is_no_outage),
        cmocka_unit_test(a_quiet_time),
        cmocka_unit_test(metrics_tell_why),
        cmocka_unit_test(metrics_of_another_day),
        cmocka_unit_test(values_become_a_histogram),
        cmocka_unit_test(the_longest_gaps_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
