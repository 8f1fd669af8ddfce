/* test_store.c: runs go in and come out the same; list, resolve, remove. */
#include "store_support.h"

#include "base/file.h"

static void a_run_comes_back_whole(void **state)
{
    struct place *place = *state;
    struct store *store = open_writable(place);
    assert_string_equal(store_path(store), place->file);
    record_well(store, SAMPLE_ID, NULL, 0);
    store_close(store);
    store = open_reading(place);
    char *expected = sample_run_text(), *text = load_text(store, SAMPLE_ID);
    assert_string_equal(text, expected);
    free(expected);
    free(text);
    store_close(store);
}

static void flushes_between_change_nothing(void **state)
{
    struct place *place = *state;
    struct store *store = open_writable(place);
    struct run run, again;
    struct run_sink *sink = NULL;
    struct error err = {0};
    assert_int_equal(store_sink(store, &sink, &err), 0);
    struct sink_tee tee;
    run_init(&run);
    sink_tee_init(&tee);
    sink_tee_add(&tee, run_sink_of(&run));
    sink_tee_add(&tee, sink);
    struct run_info info = {.id = "big-run", .label = "big"};
    assert_int_equal(sink_begin(&tee.sink, &info, &err), 0);
    struct series series[2] = {
        {.id = 0, .kind = SERIES_UNIT, .metric = metric_find("latency_ms")},
        {.id = 1, .kind = SERIES_TIME, .metric = metric_find("temp_c"), .instance = "cpu0"}};
    for (uint32_t i = 0; i < 50; i++) { /* 50 * (1000 * 16 + 100 * 16) bytes: a dozen flushes */
        uint64_t ns[1000];
        int64_t t_ns[1000];
        double value[100];
        for (int64_t k = 0; k < 1000; k++) {
            ns[k] = (uint64_t)(1000 * i + k * k);
            t_ns[k] = (i * 1000 + k) * 12345 - (k % 7); /* not always ascending */
        }
        for (size_t k = 0; k < 100; k++)
            value[k] = k == 5 ? NAN : 0.1 * (double)k - i;
        struct sample_block units = {.series = &series[0],
                                     .invocation = i / 10,
                                     .first_unit = 1000 * (i % 10),
                                     .n = 1000,
                                     .t_ns = t_ns,
                                     .value_ns = ns};
        struct sample_block times = {.series = &series[1], .n = 100, .t_ns = t_ns, .value = value};
        assert_int_equal(sink_samples(&tee.sink, &units, &err), 0);
        assert_int_equal(sink_samples(&tee.sink, &times, &err), 0);
    }
    struct run_end end = {.state = RUN_INTERRUPTED, .end_ns = 999};
    assert_int_equal(sink_end(&tee.sink, &end, &err), 0);
    assert_int_equal(tee.errors[1].code, 0);

    run_init(&again);
    assert_int_equal(store_load(store, "big-run", run_sink_of(&again), &err), 0);
    assert_int_equal(again.series_count, 2);
    assert_int_equal(again.state, RUN_INTERRUPTED);
    for (size_t s = 0; s < 2; s++) {
        assert_int_equal(again.series[s].count, run.series[s].count);
        for (size_t i = 0; i < run.series[s].count; i++) {
            const struct run_sample *a = &run.series[s].samples[i],
                                    *b = &again.series[s].samples[i];
            assert_int_equal(a->t_ns, b->t_ns);
            assert_int_equal(a->invocation, b->invocation);
            assert_int_equal(a->unit, b->unit);
            assert_true(a->value == b->value || (isnan(a->value) && isnan(b->value)));
        }
    }
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    assert_int_equal(store_prepare(store, "SELECT count(*) FROM chunks", &stmt, NULL), 0);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_true(sqlite3_column_int(stmt, 0) > 10);
    sqlite3_reset(stmt);
    sqlite3_finalize(stmt);
    stmt = NULL;
    run_deinit(&run);
    run_deinit(&again);
    store_close(store);
}

/* A model's run: phases that a command has not, and facts that only the run could tell. */
static void a_models_run_comes_back_whole(void **state)
{
    struct place *place = *state;
    struct store *store = open_writable(place);
    struct run_sink *sink = NULL;
    struct error err = {0};
    assert_int_equal(store_sink(store, &sink, &err), 0);
    struct facts before = {0}, after = {0};
    facts_text(&before, "kind", "onnx", NULL);
    facts_text(&before, "device", "cpu", "--device");
    facts_null(&before, "provider", REASON_NOT_ASKED, NULL);
    facts_text(&after, "provider", "CPUExecutionProvider", "profile");
    facts_number(&after, "provider_share_pct", 99.5, "profile");
    struct run_info info = {.id = "model-run", .label = "detector", .workload = &before};
    struct run_end end = {.state = RUN_COMPLETE, .end_ns = 99, .workload_after = &after};
    assert_int_equal(sink_begin(sink, &info, &err), 0);
    for (int kind = PHASE_LOAD; kind <= PHASE_COOLDOWN; kind++) {
        struct phase phase = {.kind = (enum phase_kind)kind,
                              .first_unit = (uint64_t)kind,
                              .unit_count = kind < PHASE_FIRST ? 0 : 1,
                              .begin_ns = 10 * kind,
                              .end_ns = 10 * kind + 10};
        assert_int_equal(sink_phase(sink, &phase, &err), 0);
    }
    if (sink_end(sink, &end, &err) < 0)
        fail_msg("%s", err.message);
    struct run run;
    run_init(&run);
    assert_int_equal(store_load(store, "model-run", run_sink_of(&run), &err), 0);
    assert_int_equal(run.phase_count, PHASE_COOLDOWN + 1);
    for (int kind = PHASE_LOAD; kind <= PHASE_COOLDOWN; kind++)
        assert_int_equal(run.phases[kind].kind, kind);
    assert_int_equal(run.workload.count, 4);
    assert_string_equal(facts_get_text(&run.workload, "device", ""), "cpu");
    assert_string_equal(facts_get_text(&run.workload, "provider", ""), "CPUExecutionProvider");
    assert_int_equal(facts_get(&run.workload, "provider")->reason, REASON_NONE);
    assert_true(facts_get(&run.workload, "provider_share_pct")->number == 99.5);
    run_deinit(&run);
    facts_deinit(&before);
    facts_deinit(&after);
    store_close(store);
}

struct listing {
    struct store_entry entries[8];
    size_t count;
};

static int take_entry(const struct store_entry *entry, void *context)
{
    struct listing *listing = context;
    assert_true(listing->count < ARRAY_LEN(listing->entries));
    listing->entries[listing->count++] = *entry;
    return 0;
}

static int stop_at_once(const struct store_entry *entry, void *context)
{
    return 42;
}

static void lists_newest_first(void **state)
{
    struct place *place = *state;
    struct store *store = open_writable(place);
    struct error err = {0};
    struct listing listing = {0};
    record_well(store, "20260101-000000-aaaa", "one", 1000);
    record_well(store, "20260301-000000-cccc", "three", 3000);
    record_well(store, "20260201-000000-bbbb", "two", 2000);
    assert_int_equal(store_list(store, 0, take_entry, &listing, &err), 0);
    assert_int_equal(listing.count, 3);
    assert_string_equal(listing.entries[0].label, "three");
    assert_string_equal(listing.entries[1].label, "two");
    assert_string_equal(listing.entries[2].label, "one");
    const struct store_entry *entry = &listing.entries[0];
    assert_string_equal(entry->id, "20260301-000000-cccc");
    assert_string_equal(entry->kind, "command");
    assert_int_equal(entry->state, RUN_COMPLETE);
    assert_false(entry->synthetic);
    assert_true(entry->begin_epoch_s == 3000);
    assert_true(fabs(entry->duration_s - 0.460000007) < 1e-12);
    assert_int_equal(entry->invocations, 5);
    assert_int_equal(entry->outcome, OUTCOME_UNDECIDED);
    listing.count = 0;
    assert_int_equal(store_list(store, 2, take_entry, &listing, &err), 0);
    assert_int_equal(listing.count, 2);
    assert_int_equal(store_list(store, 0, stop_at_once, NULL, &err), 42);
    store_close(store);
}

static void check_resolves(struct store *store, const char *name, const char *expected)
{
    char id[40] = "";
    struct error err = {0};
    if (store_resolve(store, name, id, &err) < 0)
        fail_msg("%s: %s", name, err.message);
    assert_string_equal(id, expected);
}

static void check_unresolved(struct store *store, const char *name, const char *hint)
{
    char id[40] = "untouched";
    struct error err = {0};
    assert_int_equal(store_resolve(store, name, id, &err), -ERROR_INPUT);
    assert_non_null(strstr(err.hint, hint));
    assert_string_equal(id, "untouched");
}

static void resolves_names(void **state)
{
    struct place *place = *state;
    struct store *store = open_writable(place);
    check_unresolved(store, "last", "no runs yet");
    record_well(store, "20260101-000000-aaaa", "same", 1000);
    record_well(store, "20260201-000000-bbbb", "same", 2000);
    record_well(store, "20260202-000000-c_%a", "aaaa", 3000);
    check_resolves(store, "20260101-000000-aaaa", "20260101-000000-aaaa");
    check_resolves(store, "last", "20260202-000000-c_%a");
    check_resolves(store, "last-2", "20260101-000000-aaaa");
    check_resolves(store, "same", "20260201-000000-bbbb");
    check_resolves(store, "aaaa", "20260202-000000-c_%a"); /* a label goes before a part */
    check_resolves(store, "bbbb", "20260201-000000-bbbb");
    check_resolves(store, "20260101", "20260101-000000-aaaa");
    check_resolves(store, "c_%a", "20260202-000000-c_%a");
    check_unresolved(store, "202602", "20260201-000000-bbbb");
    check_unresolved(store, "bbb", "tacho runs list");
    check_unresolved(store, "%%%%", "tacho runs list");
    check_unresolved(store, "last-3", "tacho runs list");
    check_unresolved(store, "last-x", "tacho runs list");
    check_unresolved(store, "", "tacho runs list");
    store_close(store);
}

static void removes_everything_of_a_run(void **state)
{
    struct place *place = *state;
    struct store *store = open_writable(place);
    struct error err = {0};
    record_well(store, "run-a", "a", 1000);
    record_well(store, "run-b", "b", 2000);
    assert_int_equal(store_remove(store, "run-a", &err), 0);
    assert_int_equal(store_remove(store, "run-a", &err), -ERROR_INPUT);
    assert_int_equal(count_runs(store), 1);
    static const char *const tables[] = {"phases", "invocations", "series",
                                         "chunks", "events",      "findings"};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        char text[96];
        snprintf(text, sizeof(text),
                 "SELECT count(*) FROM %s WHERE run NOT IN (SELECT run FROM runs)", tables[i]);
        CLEANUP_STMT sqlite3_stmt *stmt = NULL;
        assert_int_equal(store_prepare(store, text, &stmt, NULL), 0);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int(stmt, 0), 0);
    }
    free(load_text(store, "run-b"));
    store_close(store);
}

static void the_same_id_twice_is_refused(void **state)
{
    struct place *place = *state;
    struct store *store = open_writable(place);
    struct error err = {0};
    record_well(store, "run-a", "a", 1000);
    assert_int_equal(record(store, &(struct sample_options){.id = "run-a"}, &err), -ERROR_INPUT);
    assert_non_null(strstr(err.message, "run-a"));
    assert_int_equal(count_runs(store), 1);
    record_well(store, "run-b", "b", 2000); /* and the store goes on */
    store_close(store);
}

static void a_run_without_end_is_no_whole_run(void **state)
{
    struct place *place = *state;
    struct store *store = open_writable(place);
    struct error err = {0};
    struct run run;
    assert_int_equal(record(store, &(struct sample_options){.without_end = true}, &err), 0);
    assert_int_equal(newest_state(store), RUN_RECORDING);
    struct run_sink *second = NULL;
    assert_true(store_sink(store, &second, &err) < 0); /* one at a time */
    struct store *other = open_writable(place);
    assert_int_equal(newest_state(other), RUN_RECORDING); /* this process lives */
    assert_int_equal(store_remove(other, SAMPLE_ID, &err), -ERROR_BUSY);
    store_close(store);
    assert_int_equal(newest_state(other), RUN_CRASHED);
    run_init(&run);
    assert_int_equal(store_load(other, SAMPLE_ID, run_sink_of(&run), &err), 0);
    assert_int_equal(run.state, RUN_CRASHED);
    assert_int_equal(run.invocation_count, 5); /* what was told is kept all the same */
    assert_int_equal(run.end_ns, 450 * MS);
    run_deinit(&run);
    store_close(other);
}

static void reading_changes_nothing(void **state)
{
    struct place *place = *state;
    struct error err = {0};
    struct run_sink *sink = NULL;
    struct store *store = open_writable(place);
    record_well(store, "run-a", "a", 1000);
    store_close(store);
    store = open_reading(place);
    assert_true(store_sink(store, &sink, &err) < 0);
    assert_true(store_remove(store, "run-a", &err) < 0);
    assert_int_equal(store_exec(store, "DELETE FROM runs", &err), -ERROR_DENIED);
    struct run run;
    run_init(&run);
    assert_int_equal(store_load(store, "nope", run_sink_of(&run), &err), -ERROR_INPUT);
    run_deinit(&run);
    store_close(store);
    char *left = NULL;
    size_t size = 0;
    char path[160];
    snprintf(path, sizeof(path), "%s-wal", place->file);
    assert_int_equal(file_read_all(path, 1024, &left, &size, &err), -ERROR_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(a_run_comes_back_whole),
        PLACE_TEST(a_models_run_comes_back_whole),
        PLACE_TEST(flushes_between_change_nothing),
        PLACE_TEST(lists_newest_first),
        PLACE_TEST(resolves_names),
        PLACE_TEST(removes_everything_of_a_run),
        PLACE_TEST(the_same_id_twice_is_refused),
        PLACE_TEST(a_run_without_end_is_no_whole_run),
        PLACE_TEST(reading_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
