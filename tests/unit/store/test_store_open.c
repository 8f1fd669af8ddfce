/* test_store_open.c: where the store is, and what may stand in its place. */
#include "store_support.h"

#include "base/file.h"

/* Runs fn in a child, as a user without special rights; returns its exit status. */
static int in_child(int (*fn)(const struct place *place), const struct place *place)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (getuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
            _exit(99);
        _exit(fn(place));
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The code with which opening fails, as an exit status. */
static int child_open_writable(const struct place *place)
{
    struct store *store = NULL;
    struct error err = {0};
    int rc = store_open_writable(place->store, &store, &err);
    store_close(store);
    return -rc;
}

/* Reads a run; the code with which it fails. */
static int child_read(const struct place *place)
{
    struct store *store = NULL;
    struct error err = {0};
    char id[40];
    int rc = store_open(place->store, &store, &err);
    if (rc == 0)
        rc = store_resolve(store, "last", id, &err);
    store_close(store);
    return -rc;
}

static void check_refused(const struct place *place, int code, const char *says)
{
    struct store *store = NULL;
    struct error err = {0};
    assert_int_equal(store_open(place->store, &store, &err), -code);
    assert_null(store);
    assert_string_equal(err.file, place->file);
    if (!strstr(err.message, says))
        fail_msg("\"%s\" does not say \"%s\"", err.message, says);
}

static void check_refused_both(const struct place *place, int code, const char *says)
{
    struct store *store = NULL;
    struct error err = {0};
    check_refused(place, code, says);
    assert_int_equal(store_open_writable(place->store, &store, &err), -code);
    assert_null(store);
    assert_non_null(strstr(err.message, says));
}

static void locates_upwards(void **state)
{
    struct place *place = *state;
    char here[PATH_MAX], found[PATH_MAX], deep[160];
    bool exists = true;
    struct error err = {0};
    assert_non_null(getcwd(here, sizeof(here)));
    snprintf(deep, sizeof(deep), "%s/a/b", place->root);
    assert_int_equal(file_make_directories(deep, &err), 0);
    assert_int_equal(chdir(deep), 0);
    assert_int_equal(store_locate(NULL, found, sizeof(found), &exists, &err), 0);
    assert_string_equal(found, ".tacho");
    assert_false(exists);
    write_file(".tacho", "", 0); /* a file of that name is no store */
    assert_int_equal(mkdir(place->store, 0755), 0);
    assert_int_equal(store_locate(NULL, found, sizeof(found), &exists, &err), 0);
    assert_string_equal(found, place->store);
    assert_true(exists);
    assert_true(store_locate(NULL, found, 8, &exists, &err) < 0);
    assert_int_equal(store_locate("elsewhere", found, sizeof(found), &exists, &err), 0);
    assert_string_equal(found, "elsewhere");
    assert_false(exists);
    assert_int_equal(store_locate("", found, sizeof(found), &exists, &err), -ERROR_USAGE);
    assert_int_equal(chdir(here), 0);
}

static void reading_creates_nothing(void **state)
{
    struct place *place = *state;
    check_refused(place, ERROR_ABSENT, "no store");
    assert_int_equal(access(place->store, F_OK), -1);
    assert_int_equal(mkdir(place->store, 0755), 0);
    check_refused(place, ERROR_ABSENT, "no store");
    assert_int_equal(access(place->file, F_OK), -1);
    write_file(place->file, "", 0); /* left by a writer that was killed while creating it */
    check_refused(place, ERROR_ABSENT, "empty");
}

static void creates_with_gitignore(void **state)
{
    struct place *place = *state;
    struct error err = {0};
    char path[128], *text = NULL;
    size_t size = 0;
    store_close(open_writable(place));
    snprintf(path, sizeof(path), "%s/.gitignore", place->store);
    assert_int_equal(file_read_all(path, 4096, &text, &size, &err), 0);
    assert_non_null(strstr(text, "\n/runs.db*\n"));
    assert_null(strstr(text, "\n*"));
    free(text);
    write_file(path, "mine\n", 5); /* what the user made of it stays */
    store_close(open_writable(place));
    assert_int_equal(file_read_all(path, 4096, &text, &size, &err), 0);
    assert_string_equal(text, "mine\n");
    free(text);
}

/* --store DIR may name a directory that is used for other things too. */
static void no_gitignore_in_a_foreign_directory(void **state)
{
    struct place *place = *state;
    struct store *store = NULL;
    char path[128];
    assert_int_equal(store_open_writable(place->root, &store, NULL), 0);
    store_close(store);
    snprintf(path, sizeof(path), "%s/.gitignore", place->root);
    assert_int_equal(access(path, F_OK), -1);
}

static void not_a_database(void **state)
{
    struct place *place = *state;
    char text[4096];
    memset(text, 'x', sizeof(text));
    assert_int_equal(mkdir(place->store, 0755), 0);
    write_file(place->file, text, sizeof(text));
    check_refused_both(place, ERROR_INPUT, "not a database");
    assert_int_equal(unlink(place->file), 0);
    assert_int_equal(mkdir(place->file, 0755), 0);
    check_refused_both(place, ERROR_INPUT, "must be a file");
}

static void somebody_elses_database(void **state)
{
    struct place *place = *state;
    assert_int_equal(mkdir(place->store, 0755), 0);
    sql(place->file, "CREATE TABLE t(a); INSERT INTO t VALUES(1)");
    check_refused_both(place, ERROR_INPUT, "not a store");
    sql(place->file, "PRAGMA user_version=1");
    check_refused_both(place, ERROR_INPUT, "not a store");
    sql(place->file, "INSERT INTO t SELECT count(*) FROM sqlite_master"); /* still as it was */
}

static void a_newer_store(void **state)
{
    struct place *place = *state;
    struct store *store = open_writable(place);
    record_well(store, "run-a", "a", 1000);
    store_close(store);
    sql(place->file, "PRAGMA user_version=1000");
    check_refused_both(place, ERROR_VERSION, "schema 1000");
    sql(place->file, "PRAGMA user_version=1");
    store = open_reading(place);
    assert_int_equal(count_runs(store), 1);
    store_close(store);
}

/* What a later version will do: the mechanism with a second step, on a store of this version. */
static void migrates_older_stores(void **state)
{
    struct place *place = *state;
    struct error err = {0};
    size_t count = store_migration_count;
    const char *steps[8] = {0}, *broken[8] = {0};
    assert_true(count < ARRAY_LEN(steps));
    memcpy(steps, store_migrations, count * sizeof(steps[0]));
    memcpy(broken, steps, sizeof(steps));
    steps[count] = "ALTER TABLE runs ADD COLUMN note TEXT NOT NULL DEFAULT 'none'";
    broken[count] = "ALTER TABLE runs ADD COLUMN half TEXT; CREATE NONSENSE";

    struct store *store = open_writable(place);
    record_well(store, "run-a", "a", 1000);
    char *before = load_text(store, "run-a");
    assert_true(store_schema_check(store, broken, count + 1, true, &err) < 0);
    assert_int_equal(store_exec(store, "SELECT half FROM runs", NULL) < 0, true);
    assert_int_equal(store_schema_check(store, steps, count + 1, true, &err), 0);
    assert_int_equal(store_schema_check(store, steps, count + 1, true, &err), 0); /* once */
    char *after = load_text(store, "run-a");
    assert_string_equal(before, after);
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    assert_int_equal(store_prepare(store, "SELECT note FROM runs", &stmt, &err), 0);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "none");
    sqlite3_finalize(stmt);
    stmt = NULL;
    free(before);
    free(after);
    store_close(store);
    check_refused_both(place, ERROR_VERSION, "schema"); /* now it is newer than this program */
}

static void read_only_directory(void **state)
{
    struct place *place = *state;
    struct store *store = open_writable(place);
    record_well(store, "run-a", "a", 1000);
    store_close(store);
    assert_int_equal(chmod(place->root, 0755), 0);
    assert_int_equal(chmod(place->file, 0444), 0);
    assert_int_equal(chmod(place->store, 0555), 0);
    assert_int_equal(in_child(child_open_writable, place), ERROR_DENIED);
    assert_int_equal(in_child(child_read, place), 0);
    char path[160];
    snprintf(path, sizeof(path), "%s-wal", place->file);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(chmod(place->file, 0000), 0);
    assert_int_equal(in_child(child_read, place), ERROR_DENIED);
    assert_int_equal(chmod(place->store, 0755), 0);
    if (getuid() == 0)
        assert_int_equal(chown(place->store, 65534, 65534), 0);
    assert_int_equal(in_child(child_open_writable, place), ERROR_DENIED);
    assert_int_equal(chmod(place->file, 0444), 0);
    assert_int_equal(in_child(child_open_writable, place), ERROR_DENIED);
    assert_int_equal(in_child(child_read, place), 0);
    if (getuid() == 0)
        assert_int_equal(chown(place->root, 65534, 65534), 0);
}

static void unwritable_parent(void **state)
{
    struct place *place = *state;
    assert_int_equal(chmod(place->root, 0555), 0);
    assert_int_equal(in_child(child_open_writable, place), ERROR_DENIED);
}

static void locked_by_somebody_else(void **state)
{
    struct place *place = *state;
    struct store *store = open_writable(place), *second = NULL;
    struct error err = {0};
    struct run_sink *sink = NULL;
    record_well(store, "run-a", "a", 1000);
    assert_int_equal(store_sink(store, &sink, &err), 0);
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(place->file, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_busy_timeout(store->db, 10);
    assert_int_equal(record(store, &(struct sample_options){.id = "run-b"}, &err), -ERROR_BUSY);
    assert_true(err.hint[0] != '\0');
    second = open_reading(place); /* readers never wait for writers */
    assert_int_equal(count_runs(second), 1);
    store_close(second);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    record_well(store, "run-b", "b", 2000);
    store_close(store);

    /* Nobody else may even look: that waits its 5 s, then says so. */
    sql(place->file, "PRAGMA journal_mode=DELETE");
    assert_int_equal(sqlite3_open(place->file, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(store_open(place->store, &second, &err), -ERROR_BUSY);
    sqlite3_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(locates_upwards),         PLACE_TEST(reading_creates_nothing),
        PLACE_TEST(creates_with_gitignore),  PLACE_TEST(no_gitignore_in_a_foreign_directory),
        PLACE_TEST(not_a_database),          PLACE_TEST(somebody_elses_database),
        PLACE_TEST(a_newer_store),           PLACE_TEST(migrates_older_stores),
        PLACE_TEST(read_only_directory),     PLACE_TEST(unwritable_parent),
        PLACE_TEST(locked_by_somebody_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
