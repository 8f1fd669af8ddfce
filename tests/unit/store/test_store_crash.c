/* test_store_crash.c: kill -9, a full disk, broken pages, two writers at once. */
#include "store_support.h"

#include <sys/mount.h>

#include "base/file.h"

/* ---- kill -9 ---- */

/* Streams `flushes` chunks that reach the disk and one that does not, then waits to be killed. */
static void stream_until_killed(const struct place *place, int flushes, int ready_fd)
{
    struct store *store = NULL;
    struct run_sink *sink = NULL;
    struct series series = {.kind = SERIES_UNIT, .metric = metric_find("latency_ms")};
    struct run_info info = {.id = "killed-run", .label = "killed", .begin_epoch_s = 1000};
    static uint64_t values[STORE_FLUSH_BYTES / 8];
    int rc = store_open_writable(place->store, &store, NULL);
    if (rc == 0)
        rc = store_sink(store, &sink, NULL);
    if (rc == 0)
        rc = sink_begin(sink, &info, NULL);
    struct sample_block block = {.series = &series, .n = ARRAY_LEN(values), .value_ns = values};
    for (int i = 0; rc == 0 && i < flushes; i++) {
        rc = sink_samples(sink, &block, NULL);
        block.first_unit += block.n;
    }
    block.n = 10; /* waits in memory */
    if (rc == 0)
        rc = sink_samples(sink, &block, NULL);
    char byte = (char)-rc;
    if (write(ready_fd, &byte, 1) == 1)
        pause();
    _exit(1);
}

static pid_t start_writer(const struct place *place, int flushes)
{
    int pipe_fds[2];
    char byte = 1;
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        stream_until_killed(place, flushes, pipe_fds[1]);
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    assert_int_equal(byte, 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return pid;
}

static void killed_writer(void **state)
{
    struct place *place = *state;
    struct error err = {0};
    pid_t pid = start_writer(place, 3);
    struct store *store = open_reading(place);
    assert_int_equal(newest_state(store), RUN_RECORDING);
    assert_int_equal(kill(pid, SIGKILL), 0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(newest_state(store), RUN_CRASHED); /* also while it is a zombie */
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(newest_state(store), RUN_CRASHED);

    struct run run;
    run_init(&run);
    assert_int_equal(store_load(store, "killed-run", run_sink_of(&run), &err), 0);
    assert_int_equal(run.state, RUN_CRASHED);
    assert_int_equal(run.series[0].count, 3 * STORE_FLUSH_BYTES / 8); /* all but what waited */
    run_deinit(&run);
    store_close(store);

    store = open_writable(place); /* writes it down, and can remove it */
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    assert_int_equal(store_prepare(store, "SELECT state FROM runs", &stmt, NULL), 0);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "crashed");
    sqlite3_finalize(stmt);
    stmt = NULL;
    record_well(store, "next-run", "next", 2000);
    assert_int_equal(store_remove(store, "killed-run", &err), 0);
    store_close(store);
}

/* The same pid may live again, or the machine may have been started again. */
static void another_process_or_boot(void **state)
{
    struct store_writer writer, other;
    store_writer_self(&writer);
    assert_true(writer.pid == getpid() && writer.start_ticks > 0 && writer.boot_id[0]);
    assert_false(store_writer_gone(&writer));
    other = writer;
    other.start_ticks++;
    assert_true(store_writer_gone(&other));
    other = writer;
    other.boot_id[0] ^= 1;
    assert_true(store_writer_gone(&other));
    other = writer;
    other.pid = 0;
    assert_true(store_writer_gone(&other));
}

/* ---- disk full ---- */

/* Streams into a store that gets full; the run in memory beside it must be whole. */
static void stream_until_full(struct store *store)
{
    struct run run;
    struct sink_tee tee;
    struct run_sink *sink = NULL;
    struct error err = {0};
    struct series series = {.kind = SERIES_UNIT, .metric = metric_find("latency_ms")};
    struct run_info info = {.id = "full-run", .label = "full", .begin_epoch_s = 5000};
    static uint64_t values[4096];
    run_init(&run);
    sink_tee_init(&tee);
    sink_tee_add(&tee, run_sink_of(&run));
    assert_int_equal(store_sink(store, &sink, &err), 0);
    sink_tee_add(&tee, sink);
    assert_int_equal(sink_begin(&tee.sink, &info, &err), 0);
    struct sample_block block = {.series = &series, .n = ARRAY_LEN(values), .value_ns = values};
    for (int i = 0; i < 64; i++) {
        assert_int_equal(sink_samples(&tee.sink, &block, &err), 0);
        block.first_unit += block.n;
    }
    struct run_end end = {.state = RUN_COMPLETE, .end_ns = 1};
    assert_int_equal(sink_end(&tee.sink, &end, &err), 0);
    assert_int_equal(tee.errors[1].code, ERROR_IO);
    assert_non_null(strstr(tee.errors[1].message, "full"));
    assert_non_null(strstr(tee.errors[1].hint, "space"));
    assert_int_equal(run.series[0].count, 64 * ARRAY_LEN(values));
    run_deinit(&run);
}

static void a_full_database(void **state)
{
    struct place *place = *state;
    struct store *store = open_writable(place);
    record_well(store, "run-a", "a", 1000);
    assert_int_equal(store_exec(store, "PRAGMA max_page_count=150", NULL), 0);
    stream_until_full(store);
    assert_int_equal(newest_state(store), RUN_CRASHED);
    store_close(store);
    store = open_reading(place);
    assert_int_equal(count_runs(store), 2);
    assert_int_equal(newest_state(store), RUN_CRASHED);
    free(load_text(store, "run-a"));
    free(load_text(store, "full-run"));
    store_close(store);
}

static void a_full_disk(void **state)
{
    struct place *place = *state;
    assert_int_equal(mkdir(place->store, 0755), 0);
    if (mount("tmpfs", place->store, "tmpfs", 0, "size=600k") < 0) {
        print_message("a tmpfs cannot be mounted here: not tested\n");
        skip();
    }
    struct store *store = open_writable(place);
    record_well(store, "run-a", "a", 1000);
    stream_until_full(store);
    store_close(store);
    store = open_reading(place);
    char *text = load_text(store, "run-a");
    int last = newest_state(store);
    store_close(store);
    assert_int_equal(umount(place->store), 0);
    assert_non_null(strstr(text, "\"state\": \"complete\""));
    assert_int_equal(last, RUN_CRASHED);
    free(text);
}

/* ---- broken pages ---- */

static int count_entry(const struct store_entry *entry, void *context)
{
    ++*(int *)context;
    return 0;
}

static void broken_pages(void **state)
{
    struct place *place = *state;
    struct store *store = open_writable(place);
    struct error err = {0};
    char *good = NULL;
    size_t size = 0;
    record_well(store, "run-a", "a", 1000);
    store_close(store);
    assert_int_equal(file_read_all(place->file, 1 << 24, &good, &size, &err), 0);
    for (size_t page = 0; page < size / 4096; page++) {
        char *bad = malloc(size);
        assert_non_null(bad);
        memcpy(bad, good, size);
        memset(bad + page * 4096 + (page == 0 ? 100 : 0), 0xa5, page == 0 ? 3996 : 4096);
        write_file(place->file, bad, size);
        free(bad);
        struct run run;
        int entries = 0;
        store = NULL;
        run_init(&run);
        err = (struct error){0};
        int rc = store_open(place->store, &store, &err);
        if (rc == 0)
            rc = store_list(store, 0, count_entry, &entries, &err);
        if (rc == 0)
            rc = store_load(store, "run-a", run_sink_of(&run), &err);
        if (rc < 0) {
            assert_true(rc == -ERROR_INPUT);
            assert_true(err.message[0] != '\0');
        }
        if (page == 0)
            assert_int_equal(rc, -ERROR_INPUT);
        run_deinit(&run);
        store_close(store);
    }
    free(good);
}

static void rows_that_make_no_sense(void **state)
{
    static const char *const changes[] = {
        "UPDATE series SET kind='odd'",
        "UPDATE series SET reason='odd'",
        "UPDATE series SET id=id+70000",
        "UPDATE chunks SET series=77",
        "UPDATE chunks SET encoding=2",
        "UPDATE chunks SET n=n+1",
        "UPDATE chunks SET n=-1",
        "UPDATE chunks SET bytes=x''",
        "UPDATE invocations SET outcome='odd'",
        "UPDATE phases SET kind='odd'",
        "UPDATE findings SET outcome='odd'",
        "UPDATE runs SET environment='{'",
        "UPDATE runs SET workload='[]'",
    };
    struct place *place = *state;
    struct store *store = open_writable(place);
    record_well(store, "run-a", "a", 1000);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct run run;
        struct error err = {0};
        assert_int_equal(store_exec(store, "SAVEPOINT s", NULL), 0);
        assert_int_equal(store_exec(store, changes[i], NULL), 0);
        assert_int_equal(store_exec(store, "RELEASE s", NULL), 0);
        run_init(&run);
        int rc = store_load(store, "run-a", run_sink_of(&run), &err);
        if (rc != -ERROR_INPUT)
            fail_msg("%s: %d %s", changes[i], rc, err.message);
        assert_true(run.state != RUN_COMPLETE);
        run_deinit(&run);
        assert_int_equal(store_remove(store, "run-a", &err), 0);
        record_well(store, "run-a", "a", 1000);
    }
    assert_int_equal(store_exec(store, "UPDATE runs SET state='odd'", NULL), 0);
    assert_int_equal(newest_state(store), RUN_CRASHED);
    store_close(store);
}

/* ---- two at once ---- */

static void child_records(const struct place *place, int child)
{
    int failed = 0;
    for (int i = 0; i < 20; i++) {
        struct store *store = NULL;
        struct error err = {0};
        char id[40];
        snprintf(id, sizeof(id), "child-%d-%02d", child, i);
        int rc = store_open_writable(place->store, &store, &err);
        if (rc == 0)
            rc = record(store, &(struct sample_options){.id = id}, &err);
        store_close(store);
        failed += rc < 0;
    }
    _exit(failed);
}

static void two_writers(void **state)
{
    struct place *place = *state;
    pid_t pids[2];
    for (int child = 0; child < 2; child++) {
        pids[child] = fork();
        assert_true(pids[child] >= 0);
        if (pids[child] == 0)
            child_records(place, child);
    }
    for (int child = 0; child < 2; child++) {
        int status = 0;
        assert_int_equal(waitpid(pids[child], &status, 0), pids[child]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    struct store *store = open_reading(place);
    assert_int_equal(count_runs(store), 40);
    char *text = load_text(store, "child-1-19");
    assert_non_null(strstr(text, "\"state\": \"complete\""));
    free(text);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(killed_writer),   cmocka_unit_test(another_process_or_boot),
        PLACE_TEST(a_full_database), PLACE_TEST(a_full_disk),
        PLACE_TEST(broken_pages),    PLACE_TEST(rows_that_make_no_sense),
        PLACE_TEST(two_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
