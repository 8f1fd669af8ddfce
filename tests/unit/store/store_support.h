/* store_support.h: a directory per test, and children that use a store; for the tests of store/. */
#ifndef TACHO_TESTS_STORE_SUPPORT_H
#define TACHO_TESTS_STORE_SUPPORT_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sample_run.h"
#include "store/store_internal.h"

struct place {
    char root[64];  /* a fresh directory */
    char store[96]; /* root/.tacho, not made yet */
    char file[128]; /* root/.tacho/runs.db */
};

static inline int place_setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    assert_non_null(place);
    /* In memory where that is possible: nothing here depends on a disk. */
    strcpy(place->root, "/dev/shm/tacho-store-XXXXXX");
    if (!mkdtemp(place->root)) {
        strcpy(place->root, "/tmp/tacho-store-XXXXXX");
        assert_non_null(mkdtemp(place->root));
    }
    snprintf(place->store, sizeof(place->store), "%s/.tacho", place->root);
    snprintf(place->file, sizeof(place->file), "%s/runs.db", place->store);
    *state = place;
    return 0;
}

static inline int open_up(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    return type == FTW_D || type == FTW_DNR ? chmod(path, 0755) : 0;
}

static inline int remove_one(const char *path, const struct stat *status, int type,
                             struct FTW *walk)
{
    return remove(path);
}

static inline int place_teardown(void **state)
{
    struct place *place = *state;
    nftw(place->root, open_up, 8, FTW_PHYS);
    int rc = nftw(place->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(place);
    return rc;
}

#define PLACE_TEST(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

static inline struct store *open_writable(const struct place *place)
{
    struct store *store = NULL;
    struct error err = {0};
    if (store_open_writable(place->store, &store, &err) < 0)
        fail_msg("%s", err.message);
    return store;
}

static inline struct store *open_reading(const struct place *place)
{
    struct store *store = NULL;
    struct error err = {0};
    if (store_open(place->store, &store, &err) < 0)
        fail_msg("%s", err.message);
    return store;
}

/* Records the sample run. Returns the first failure. */
static inline int record(struct store *store, const struct sample_options *options,
                         struct error *err)
{
    struct run_sink *sink = NULL;
    int rc = store_sink(store, &sink, err);
    return rc < 0 ? rc : sample_run_play(sink, options, err);
}

static inline void record_well(struct store *store, const char *id, const char *label,
                               double begin_epoch_s)
{
    struct error err = {0};
    struct sample_options options = {.id = id, .label = label, .begin_epoch_s = begin_epoch_s};
    if (record(store, &options, &err) < 0)
        fail_msg("%s", err.message);
}

static inline int take_state(const struct store_entry *entry, void *context)
{
    *(int *)context = (int)entry->state;
    return 0;
}

/* The state of the newest run; -1: there is none. */
static inline int newest_state(struct store *store)
{
    int state = -1;
    struct error err = {0};
    if (store_list(store, 1, take_state, &state, &err) < 0)
        fail_msg("%s", err.message);
    return state;
}

static inline size_t count_runs(struct store *store)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    assert_int_equal(store_prepare(store, "SELECT count(*) FROM runs", &stmt, NULL), 0);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    return (size_t)sqlite3_column_int64(stmt, 0);
}

/* Loads a run and returns it as JSON text with all samples. */
static inline char *load_text(struct store *store, const char *id)
{
    struct run run;
    struct error err = {0};
    run_init(&run);
    if (store_load(store, id, run_sink_of(&run), &err) < 0)
        fail_msg("%s", err.message);
    char *text = run_text(&run, true);
    run_deinit(&run);
    return text;
}

static inline void sql(const char *file, const char *text)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static inline void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

#endif
