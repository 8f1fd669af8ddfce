/* test_events.c: what `analyze events` makes of small logs with known answers. Large ones, and
 * every number of them again in Python, are in tests/cli/analyze_events.bats. */
#include "events_fixture.h"

/* Parcel `id` for two seconds before `cam` from `s` on, five rows a second. */
static void pass(struct fixture *fixture, double s, const char *cam, int id)
{
    char local[64], master[16];
    snprintf(local, sizeof(local), "%s_%03d", cam, id);
    snprintf(master, sizeof(master), "%d", id);
    for (int i = 0; i < 10; i++)
        row(fixture, s + 0.2 * i, cam, local, i < 2 ? "" : master,
            i < 2    ? "UNMATCHED"
            : i == 2 ? "MATCHED"
                     : "TRACKING");
}

static void ends(struct fixture *fixture, double s, int id)
{
    char master[16];
    snprintf(master, sizeof(master), "%d", id);
    row(fixture, s, "", "", master, "DISAPPEAR");
}

static void rows_are_not_parcels(void **state)
{
    struct fixture fixture = {0};
    for (int i = 0; i < 6; i++) {
        pass(&fixture, 10 * i, "A", i);
        pass(&fixture, 10 * i + 4, "B", i);
        ends(&fixture, 10 * i + 7, i);
    }
    assert_int_equal(analyze(&fixture), 0);
    assert_int_equal(fact_of(&fixture, "rows"), 126);
    assert_int_equal(fact_of(&fixture, "parcels"), 6);
    const struct finding *finding = found(&fixture, "rows_are_not_parcels");
    assert_non_null(finding);
    assert_true(fabs(finding->value - 21) < 1e-12);
    /* Seen by no camera, DISAPPEAR is none: two cameras, not three. */
    assert_int_equal(table(&fixture, "cameras")->row_count, 2);
    /* From first sight to first sight, although the first rows have no id yet. */
    assert_string_equal(text_at(&fixture, "transitions", 0, "to"), "B");
    assert_true(value_at(&fixture, "transitions", 0, "n") == 6);
    assert_true(fabs(value_at(&fixture, "transitions", 0, "p50_s") - 4) < 1e-6);
    /* Unmatched for two frames; then 6.6 s to the end. */
    assert_true(fabs(value_at(&fixture, "life_cycle", 0, "p50_s") - 0.4) < 1e-6);
    assert_true(fabs(value_at(&fixture, "life_cycle", 2, "p50_s") - 6.6) < 1e-6);
    assert_true(value_at(&fixture, "conservation", 0, "disappeared") == 6);
    assert_true(found(&fixture, "conservation")->severity == SEVERITY_INFO);
    /* Each is there for 6.6 s of 57. */
    assert_true(fabs(value_at(&fixture, "little", 0, "mean_open") - 6 * 6.6 / 57) < 1e-6);
    assert_true(fabs(value_at(&fixture, "little", 0, "product") - 6 * 6.6 / 57) < 1e-6);
    /* The interval is that of the value. */
    const struct finding *little = found(&fixture, "littles_law");
    assert_true(little->lo <= little->value && little->value <= little->hi);
    done(&fixture);
}

/* Open is what remains: the sum always comes out, and is no comfort for those that never end. */
static void an_even_account_with_overdue_parcels(void **state)
{
    struct fixture fixture = {0};
    for (int i = 0; i < 40; i++) {
        pass(&fixture, 10 * i, "A", i);
        if (i > 4) /* the first five never end */
            ends(&fixture, 10 * i + 4, i);
    }
    assert_int_equal(analyze(&fixture), 0);
    const struct finding *account = found(&fixture, "conservation");
    assert_non_null(strstr(account->sentence, "5 are open (5 of them overdue)"));
    assert_non_null(strstr(account->advice, "overdue"));
    const struct finding *little = found(&fixture, "littles_law");
    assert_true(little->lo <= little->value && little->value <= little->hi);
    done(&fixture);
}

static void the_account_does_not_come_out(void **state)
{
    struct fixture fixture = {0};
    for (int i = 0; i < 8; i++) {
        pass(&fixture, 10 * i, "A", i);
        if (i != 2) /* never ends */
            ends(&fixture, 10 * i + 4, i);
        if (i == 1) { /* again, within a second: a duplicate, and no second end */
            ends(&fixture, 10 * i + 4.5, i);
        } else if (i == 3) { /* and a second end */
            ends(&fixture, 10 * i + 6, i);
        } else if (i == 5) { /* comes back */
            row(&fixture, 10 * i + 7, "A", "A_900", "5", "TRACKING");
        }
    }
    row(&fixture, 80, "A", "", "77", "PICKUP"); /* was never seen */
    assert_int_equal(analyze(&fixture), 0);
    const struct {
        const char *column;
        double value;
    } expected[] = {{"in", 9},         {"picked", 1},         {"disappeared", 7},
                    {"open", 1},       {"overdue", 1},        {"ended_twice", 1},
                    {"duplicates", 1}, {"seen_after_end", 1}, {"began_with_end", 1}};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_true(value_at(&fixture, "conservation", 0, expected[i].column) == expected[i].value);
    assert_true(found(&fixture, "conservation")->severity == SEVERITY_WARNING);
    assert_int_equal(found(&fixture, "duplicates")->n, 18);
    assert_non_null(strstr(found(&fixture, "never_ended")->evidence, "first: 2 at"));
    done(&fixture);
}

static void rows_out_of_order(void **state)
{
    struct fixture fixture = {0};
    static const double times[] = {0, 0.2, 0.7, 0.4, 0.6, 1, 5, 2, 5.2, 5.4};
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        row(&fixture, times[i], "A", "A_001", "1", "TRACKING");
    assert_int_equal(analyze(&fixture), 0);
    assert_int_equal(fact_of(&fixture, "out_of_order_rows"), 2); /* 0.4 and 0.6 */
    assert_int_equal(fact_of(&fixture, "late_rows"), 1);         /* 2 */
    assert_int_equal(fact_of(&fixture, "segments"), 1);
    assert_int_equal(fact_of(&fixture, "rows"), 10);
    /* In order there is no gap but those of 0.1 to 0.4 s, and 1 to 5. */
    assert_true(fabs(value_at(&fixture, "cameras", 0, "gap_max_s") - 4) < 1e-6);
    assert_true(fabs(value_at(&fixture, "cameras", 0, "gap_p50_s") - 0.2) < 1e-6);
    assert_non_null(strstr(found(&fixture, "out_of_order")->evidence, ":9"));
    done(&fixture);
}

/* Its time is not used, and so does not make the log longer. */
static void a_wrong_stamp_makes_the_file_no_longer(void **state)
{
    struct fixture fixture = {0};
    for (int i = 0; i < 40; i++)
        row(&fixture, i == 20 ? -86400 : i, "A", "A_001", "1", "TRACKING");
    assert_int_equal(analyze(&fixture), 0);
    const struct analysis_input *input = fixture.analysis.inputs[0];
    assert_true(input->begin_s == EVENTS_BEGIN && input->end_s == EVENTS_BEGIN + 39);
    assert_string_equal(
        found(&fixture, "out_of_order")->sentence,
        "rows came out of order: 1 by more than 1 s: counted, but its time is not used");
    done(&fixture);
}

/* Minutes with 1 and with 21 parcels, in turns: variance 103 over mean 11. */
static void bursts_have_an_interval(void **state)
{
    struct fixture fixture = {0};
    int id = 0;
    for (int minute = 0; minute < 40; minute++) {
        int count = minute % 2 ? 21 : 1;
        for (int i = 0; i < count; i++) {
            char master[16];
            snprintf(master, sizeof(master), "%d", id++);
            row(&fixture, 60.0 * minute + 2.5 * i, "A", "A_001", master, "MATCHED");
        }
    }
    row(&fixture, 2400, "A", "A_001", "0", "TRACKING");
    assert_int_equal(analyze(&fixture), 0);
    const struct finding *finding = found(&fixture, "arrivals_in_bursts");
    assert_non_null(finding);
    assert_true(finding->n == 40 && finding->has_interval);
    assert_true(fabs(finding->value - 100.0 * 40 / 39 / 11) < 1e-9);
    assert_true(finding->lo > 1 && finding->lo < finding->value && finding->hi > finding->value);
    done(&fixture);
}

/* The latency of a minute is 40 ms and `slope` for each parcel, with some noise. */
static const struct finding *with_load(struct fixture *fixture, double slope, double noise)
{
    uint64_t state = 7;
    int id = 0;
    strbuf_append(&fixture->metrics, "timestamp,inference_ms_p99\n");
    for (int minute = 0; minute < 60; minute++) {
        int count = 5 + minute * 7 % 11;
        for (int i = 0; i < count; i++) {
            char master[16];
            snprintf(master, sizeof(master), "%d", id++);
            row(fixture, 60.0 * minute + 3.5 * i, "A", "A_001", master, "MATCHED");
        }
        state = state * 6364136223846793005u + 1442695040888963407u;
        double off = (double)(state >> 40) / (double)(1 << 24) - 0.5;
        strbuf_printf(&fixture->metrics, "%.1f,%.4f\n", EVENTS_BEGIN + 60.0 * minute + 30,
                      40 + slope * count + noise * off);
    }
    assert_int_equal(analyze(fixture), 0);
    for (size_t i = 0; i < fixture->analysis.finding_count; i++) {
        if (strstr(fixture->analysis.findings[i].rule, "with_load"))
            return &fixture->analysis.findings[i];
    }
    fail_msg("nothing is told about load");
    return NULL;
}

static void latency_and_load(void **state)
{
    static const struct {
        double slope, noise;
        const char *rule, *advice;
    } cases[] = {
        {0.8, 1, "latency_rises_with_load", "before a smaller device"},
        {0, 1, "latency_level_with_load", "nothing to do"},
        /* 5 % of 40 ms over 10 parcels is within its interval. */
        {0, 20, "latency_with_load_open", "give a longer log"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture fixture = {0};
        const struct finding *finding = with_load(&fixture, cases[i].slope, cases[i].noise);
        assert_string_equal(finding->rule, cases[i].rule);
        assert_non_null(strstr(finding->advice, cases[i].advice));
        assert_string_equal(finding->unit, "ms min/parcel");
        done(&fixture);
    }
}

static void the_first_rows_may_be_out_of_order(void **state)
{
    struct fixture fixture = {0};
    static const double times[] = {0.5, 0.1, 0.3, 0.7, 3};
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        row(&fixture, times[i], "A", "A_001", "1", "TRACKING");
    assert_int_equal(analyze(&fixture), 0);
    assert_true(fabs(covered_s(&fixture) - 2.9) < 1e-6);
    done(&fixture);
}

static void the_clock_goes_back(void **state)
{
    struct fixture fixture = {0};
    for (int part = 0; part < 2; part++) {
        for (int i = 0; i < 20; i++) {
            pass(&fixture, 10 * i - 3600 * part, "A", i);
            ends(&fixture, 10 * i + 3 - 3600 * part, i);
        }
    }
    assert_int_equal(analyze(&fixture), 0);
    assert_int_equal(fact_of(&fixture, "segments"), 2);
    assert_int_equal(fact_of(&fixture, "late_rows"), 0);
    /* Ids that had ended before the jump stand for other parcels. */
    assert_int_equal(fact_of(&fixture, "master_ids"), 20);
    assert_int_equal(fact_of(&fixture, "parcels"), 40);
    const struct finding *jump = found(&fixture, "clock_jump");
    assert_non_null(jump);
    assert_true(jump->severity == SEVERITY_WARNING);
    assert_true(fabs(jump->value - (-3600 - 193)) < 1e-6);
    assert_true(fabs(covered_s(&fixture) - 386) < 1e-6);
    assert_true(value_at(&fixture, "cameras", 0, "gap_max_s") < 10);
    done(&fixture);
}

static void a_night_is_not_covered(void **state)
{
    struct fixture fixture = {0};
    for (int i = 0; i < 20; i++) {
        double night = i < 10 ? 0 : 12 * 3600;
        pass(&fixture, night + 10 * i, "A", 1 + i % 10);
        ends(&fixture, night + 10 * i + 3, 1 + i % 10);
    }
    assert_int_equal(analyze(&fixture), 0);
    assert_int_equal(fact_of(&fixture, "parcels"), 20);
    assert_int_equal(fact_of(&fixture, "ids_used_again"), 10);
    assert_true(found(&fixture, "pause")->severity == SEVERITY_INFO);
    assert_null(found(&fixture, "all_silent"));
    assert_true(fabs(covered_s(&fixture) - 186) < 1e-6);
    done(&fixture);
}

static void a_broken_file(void **state)
{
    struct fixture fixture = {0};
    strbuf_append(&fixture.text, "\xef\xbb\xbf"
                                 "timestamp,cam,local_uid,master_id,route,x1,y1,x2,y2,event\r\n");
    strbuf_append(&fixture.text,
                  "2026-11-20T08:00:00.000+09:00,캠1,L1,7.0,서울-A동,1,2,3,4,matched\r\n"
                  "2026-11-20T08:00:00.500+09:00,캠1,L1,7,\"서울-A동\",NaN,,3,4,TRACKING\r\n"
                  "timestamp,cam,local_uid,master_id,route,x1,y1,x2,y2,event\r\n"
                  "yesterday,캠1,L1,7,서울-A동,1,2,3,4,TRACKING\r\n"
                  "2026-11-20T08:00:01+09:00,캠1,L1,-1,UNKNOWN,3,4,1,2,TRACKING\r\n"
                  "2026-11-20T08:00:01.5+09:00,캠1,L1,7\r\n"
                  "2026-11-20T08:00:02+09:00,,,7,,,,,,DISAPP");
    assert_int_equal(analyze(&fixture), 0);
    assert_int_equal(fact_of(&fixture, "rows"), 3);
    assert_int_equal(fact_of(&fixture, "parcels"), 1); /* 7.0 is 7, and -1 is none */
    assert_int_equal(fact_of(&fixture, "rows_without_box"), 1);
    assert_int_equal(fact_of(&fixture, "rows_with_bad_box"), 1);
    assert_string_equal(text_at(&fixture, "routes", 0, "route"), "서울-A동");
    assert_string_equal(text_at(&fixture, "cameras", 0, "cam"), "캠1");
    const struct analysis_input *input = fixture.analysis.inputs[0];
    assert_int_equal(input->skips.of[SKIP_REPEATED_HEADER].count, 1);
    assert_int_equal(input->skips.of[SKIP_BAD_TIME].count, 1);
    assert_int_equal(input->skips.of[SKIP_TOO_FEW_FIELDS].count, 1);
    assert_int_equal(input->skips.of[SKIP_CUT_OFF].count, 1);
    assert_int_equal(input->skips.of[SKIP_CUT_OFF].first_line, 8);
    assert_int_equal(input->skips.rows, 3);
    assert_true(input->begin_s == 1795129200.0); /* 2026-11-19T23:00:00Z */
    /* MATCHED in the first row, written small. */
    assert_string_equal(text_at(&fixture, "events", 1, "event"), "MATCHED");
    done(&fixture);
}

static void an_event_of_its_own_is_no_cut(void **state)
{
    struct fixture fixture = {0};
    row(&fixture, 0, "A", "A_001", "1", "MATCHED");
    row(&fixture, 1, "A", "A_001", "1", "TRACK"); /* twice: it is meant */
    row(&fixture, 2, "A", "A_001", "1", "TRACK");
    assert_int_equal(analyze(&fixture), 0);
    assert_int_equal(fact_of(&fixture, "rows"), 3);
    assert_string_equal(text_at(&fixture, "events", 1, "event"), "TRACK");
    assert_true(value_at(&fixture, "events", 1, "rows") == 2);
    done(&fixture);
}

static void identities(void **state)
{
    struct fixture fixture = {0};
    for (int i = 0; i < 10; i++)
        pass(&fixture, 5 * i, "A", i);
    row(&fixture, 50, "A", "A_950", "9", "TRACKING");   /* a second local_uid of parcel 9 */
    row(&fixture, 50.2, "A", "A_950", "8", "TRACKING"); /* which becomes parcel 8, and 9 again */
    row(&fixture, 50.4, "A", "A_950", "9", "TRACKING");
    row(&fixture, 50.4, "A", "A_950", "9", "TRACKING"); /* the same row twice */
    assert_int_equal(analyze(&fixture), 0);
    assert_true(value_at(&fixture, "identities", 0, "n") == 10);
    assert_true(value_at(&fixture, "identities", 0, "too_many") == 2); /* 8 and 9 */
    assert_true(fabs(value_at(&fixture, "identities", 0, "mean") - 1.2) < 1e-12);
    assert_true(value_at(&fixture, "identities", 1, "n") == 11);
    assert_true(value_at(&fixture, "identities", 1, "max") == 2);
    assert_true(value_at(&fixture, "identities", 1, "too_many") == 1);
    assert_true(found(&fixture, "identity_switched")->value > 9);
    assert_int_equal(fact_of(&fixture, "repeated_rows"), 1);
    done(&fixture);
}

static void nothing_was_matched(void **state)
{
    struct fixture fixture = {0};
    for (int i = 0; i < 30; i++)
        row(&fixture, i, "A", "A_001", "", "UNMATCHED");
    assert_int_equal(analyze(&fixture), 0);
    assert_int_equal(fact_of(&fixture, "parcels"), 0);
    assert_true(found(&fixture, "no_parcels")->severity == SEVERITY_WARNING);
    assert_null(found(&fixture, "throughput"));
    assert_null(table(&fixture, "routes"));
    done(&fixture);
}

static void more_cameras_than_can_be_told_apart(void **state)
{
    struct fixture fixture = {0};
    for (int i = 0; i < 200; i++) {
        char cam[16];
        snprintf(cam, sizeof(cam), "C%d", i % 100);
        row(&fixture, i, cam, "L", "1", "TRACKING");
    }
    assert_int_equal(analyze(&fixture), 0);
    assert_int_equal(table(&fixture, "cameras")->row_count, 64);
    assert_string_equal(text_at(&fixture, "cameras", 63, "cam"), "(others)");
    assert_true(value_at(&fixture, "cameras", 63, "rows") == 74);
    assert_non_null(found(&fixture, "too_many_names"));
    done(&fixture);
}

/* Chunks of a file are read by several threads; what comes out is the same. */
static void threads_change_nothing(void **state)
{
    struct fixture one = {.threads = 1}, three = {.threads = 3};
    for (int i = 0; i < 1500; i++) {
        pass(&one, 2.5 * i, "A", i);
        ends(&one, 2.5 * i + 2, i);
    }
    strbuf_append_n(&three.text, one.text.data, one.text.len);
    assert_int_equal(analyze(&one), 0);
    assert_int_equal(analyze(&three), 0);
    assert_int_equal(one.analysis.table_count, three.analysis.table_count);
    for (size_t i = 0; i < one.analysis.table_count; i++) {
        const struct analysis_table *a = one.analysis.tables[i], *b = three.analysis.tables[i];
        assert_int_equal(a->row_count, b->row_count);
        for (size_t k = 0; k < a->row_count * a->column_count; k++)
            assert_memory_equal(&a->cells[k].value, &b->cells[k].value, 3 * sizeof(double));
    }
    done(&one);
    done(&three);
}

static void bad_input(void **state)
{
    static const struct {
        const char *text;
        int code;
        const char *message;
    } cases[] = {
        {"", ERROR_INPUT, "empty"},
        {EVENTS_HEADER, ERROR_NOTHING, "no rows"},
        {"timestamp,cam,event\n1795136400,A,TRACKING\n", ERROR_INPUT, "no column master_id"},
        {"timestamp,master_id,event\n1795136400,1,TRACKING\n", ERROR_INPUT, "no column cam"},
        {"time,cam,master_id\n1795136400,A,1\n", ERROR_INPUT, "no column event"},
        {EVENTS_HEADER "x,A,L,1,R,1,2,3,4,TRACKING\n", ERROR_NOTHING, "none of its 1 rows"},
        {EVENTS_HEADER "1e300,A,L,1,R,1,2,3,4,TRACKING\n", ERROR_NOTHING, "none of its 1 rows"},
        {EVENTS_HEADER "nan,A,L,1,R,1,2,3,4,TRACKING\n", ERROR_NOTHING, "none of its 1 rows"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture fixture = {0};
        strbuf_append(&fixture.text, cases[i].text);
        assert_int_equal(analyze(&fixture), -cases[i].code);
        if (!strstr(fixture.err.message, cases[i].message))
            fail_msg("case %zu: \"%s\"", i, fixture.err.message);
        assert_true(fixture.err.file[0] && fixture.err.hint[0]);
        done(&fixture);
    }
    struct fixture fixture = {0};
    assert_int_equal(analyze_paths(&fixture, "/nowhere/at/all.csv", NULL), -ERROR_ABSENT);
    done(&fixture);
    static const char binary[] = "\x7f\x45LF\0\0\0,cam,event\n1,2,3\n";
    strbuf_append_n(&fixture.text, binary, sizeof(binary) - 1);
    assert_int_equal(analyze(&fixture), -ERROR_INPUT);
    done(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_not_parcels),
        cmocka_unit_test(the_account_does_not_come_out),
        cmocka_unit_test(an_even_account_with_overdue_parcels),
        cmocka_unit_test(rows_out_of_order),
        cmocka_unit_test(a_wrong_stamp_makes_the_file_no_longer),
        cmocka_unit_test(bursts_have_an_interval),
        cmocka_unit_test(latency_and_load),
        cmocka_unit_test(the_first_rows_may_be_out_of_order),
        cmocka_unit_test(the_clock_goes_back),
        cmocka_unit_test(a_night_is_not_covered),
        cmocka_unit_test(a_broken_file),
        cmocka_unit_test(an_event_of_its_own_is_no_cut),
        cmocka_unit_test(identities),
        cmocka_unit_test(nothing_was_matched),
        cmocka_unit_test(more_cameras_than_can_be_told_apart),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
