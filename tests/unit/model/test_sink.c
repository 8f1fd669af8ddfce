/* The sink's calls, the tee with failing branches, the names, the ids. */
#include "model_support.h"

#include "model/sink.h"

/* Counts its calls; fails at the fail_at-th, with or without filling the error. */
struct counting_sink {
    struct run_sink sink;
    int calls, begins, ends;
    int fail_at; /* 0: never */
    bool silent;
};

static int counted(struct counting_sink *sink, struct error *err)
{
    sink->calls++;
    if (sink->calls != sink->fail_at)
        return 0;
    return sink->silent ? -ERROR_IO : error_set(err, ERROR_IO, "disk full");
}

static int counting_begin(struct run_sink *sink, const struct run_info *info, struct error *err)
{
    ((struct counting_sink *)sink)->begins++;
    return counted((struct counting_sink *)sink, err);
}

static int counting_phase(struct run_sink *sink, const struct phase *phase, struct error *err)
{
    return counted((struct counting_sink *)sink, err);
}

static int counting_samples(struct run_sink *sink, const struct sample_block *block,
                            struct error *err)
{
    return counted((struct counting_sink *)sink, err);
}

static int counting_end(struct run_sink *sink, const struct run_end *end, struct error *err)
{
    ((struct counting_sink *)sink)->ends++;
    return counted((struct counting_sink *)sink, err);
}

static const struct run_sink_ops counting_ops = {
    .name = "counting",
    .begin = counting_begin,
    .phase = counting_phase,
    .samples = counting_samples,
    .end = counting_end,
};

static const struct run_info info = {.id = "x"};
static const struct run_end the_end = {.state = RUN_COMPLETE};
static const struct phase steady = {.kind = PHASE_STEADY};
static const struct finding a_finding = {.rule = "limit"};

static void ops_that_are_null_do_nothing(void **state)
{
    struct counting_sink sink = {.sink.ops = &counting_ops};
    assert_int_equal(sink_finding(&sink.sink, &a_finding, NULL), 0);
    assert_int_equal(sink_event(&sink.sink, &(struct event){0}, NULL), 0);
    assert_int_equal(sink_invocation(&sink.sink, &(struct invocation){0}, NULL), 0);
    assert_int_equal(sink.calls, 0);
    assert_int_equal(sink_begin(NULL, &info, NULL), 0);
}

static void a_failing_branch_gets_no_more_calls(void **state)
{
    struct counting_sink good = {.sink.ops = &counting_ops};
    struct counting_sink bad = {.sink.ops = &counting_ops, .fail_at = 2};
    struct sink_tee tee;
    struct error err = {0};
    sink_tee_init(&tee);
    sink_tee_add(&tee, &bad.sink);
    sink_tee_add(&tee, NULL); /* "no store" is no branch */
    sink_tee_add(&tee, &good.sink);
    assert_int_equal(tee.count, 2);
    assert_int_equal(sink_begin(&tee.sink, &info, &err), 0);
    assert_int_equal(sink_phase(&tee.sink, &steady, &err), 0);
    assert_int_equal(sink_phase(&tee.sink, &steady, &err), 0);
    assert_int_equal(sink_end(&tee.sink, &the_end, &err), 0);
    assert_int_equal(bad.calls, 2);
    assert_int_equal(bad.ends, 0);
    assert_int_equal(good.calls, 4);
    assert_int_equal(good.ends, 1);
    assert_int_equal(tee.errors[0].code, ERROR_IO);
    assert_string_equal(tee.errors[0].message, "disk full");
    assert_int_equal(tee.errors[1].code, 0);
    assert_int_equal(err.code, 0);
}

static void the_tee_fails_when_no_branch_is_left(void **state)
{
    struct counting_sink a = {.sink.ops = &counting_ops, .fail_at = 1, .silent = true};
    struct counting_sink b = {.sink.ops = &counting_ops, .fail_at = 2};
    struct sink_tee tee;
    struct error err = {0};
    sink_tee_init(&tee);
    sink_tee_add(&tee, &a.sink);
    sink_tee_add(&tee, &b.sink);
    assert_int_equal(sink_begin(&tee.sink, &info, &err), 0);
    assert_int_equal(tee.errors[0].code, ERROR_IO); /* also when the branch said no word */
    assert_true(strlen(tee.errors[0].message) > 0);
    assert_int_equal(sink_phase(&tee.sink, &steady, &err), -ERROR_IO);
    assert_string_equal(err.message, "disk full");
    assert_int_equal(sink_end(&tee.sink, &the_end, NULL), -ERROR_IO);
    assert_int_equal(b.ends, 0);
}

static void a_tee_without_branches_is_well(void **state)
{
    struct sink_tee tee;
    sink_tee_init(&tee);
    assert_int_equal(sink_begin(&tee.sink, &info, NULL), 0);
    assert_int_equal(sink_end(&tee.sink, &the_end, NULL), 0);
}

#define CHECK_NAMES(function, last)                                                                \
    do {                                                                                           \
        for (int i = 0; i <= (last); i++)                                                          \
            assert_int_equal(function##_parse(function##_name(i)), i);                             \
        assert_int_equal(function##_parse("nonsense"), -1);                                        \
        assert_string_equal(function##_name(99), "unknown");                                       \
    } while (0)

static void names_round_trip(void **state)
{
    CHECK_NAMES(run_state, RUN_CRASHED);
    CHECK_NAMES(phase_kind, PHASE_COOLDOWN);
    CHECK_NAMES(invocation_outcome, INVOCATION_INTERRUPTED);
    CHECK_NAMES(series_kind, SERIES_VALUE);
    assert_string_equal(run_state_name(RUN_INTERRUPTED), "interrupted");
    assert_string_equal(phase_kind_name(PHASE_STEADY), "steady");
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void ids_have_their_form_and_never_meet(void **state)
{
    enum { COUNT = 5000 };
    char(*ids)[40] = calloc(COUNT, sizeof(*ids));
    assert_non_null(ids);
    for (int i = 0; i < COUNT; i++)
        run_make_id(ids[i]);
    int date, time, matched = 0;
    unsigned suffix;
    assert_int_equal(sscanf(ids[0], "%8d-%6d-%4x%n", &date, &time, &suffix, &matched), 3);
    assert_int_equal(matched, 20);
    assert_int_equal(ids[0][matched], '\0');
    qsort(ids, COUNT, sizeof(*ids), compare_ids);
    for (int i = 1; i < COUNT; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
    free(ids);
}

static void an_id_starts_with_the_time_in_utc(void **state)
{
    char id[40];
    setenv("TACHO_TEST_EPOCH", "1795209753", 1); /* 2026-11-20T21:22:33Z by date -u -d @… */
    setenv("TZ", "Asia/Seoul", 1);
    run_make_id(id);
    unsetenv("TACHO_TEST_EPOCH");
    id[16] = '\0';
    assert_string_equal(id, "20261120-212233-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_that_are_null_do_nothing),
        cmocka_unit_test(a_failing_branch_gets_no_more_calls),
        cmocka_unit_test(the_tee_fails_when_no_branch_is_left),
        cmocka_unit_test(a_tee_without_branches_is_well),
        cmocka_unit_test(names_round_trip),
        cmocka_unit_test(ids_have_their_form_and_never_meet),
        cmocka_unit_test(an_id_starts_with_the_time_in_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
