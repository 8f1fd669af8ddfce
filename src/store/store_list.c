/* store_list.c: which runs there are: list, resolve a name, remove, and rows that nobody writes. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "store/store_internal.h"

#define NEWEST_FIRST " ORDER BY begin_epoch_s DESC, run DESC"
#define PART_MIN 4 /* characters of an id that may name it */
#define CANDIDATES 4

/* ---- recording or crashed ---- */

enum run_state store_row_state(sqlite3_stmt *stmt, int first)
{
    bool failed = false;
    const char *name = store_column_text(stmt, first, &failed);
    int state = name ? run_state_parse(name) : -1;
    /* A state that cannot be read must not count as a whole run. */
    if (state < 0)
        return RUN_CRASHED;
    if (state != RUN_RECORDING)
        return (enum run_state)state;
    struct store_writer writer = {.pid = sqlite3_column_int64(stmt, first + 1),
                                  .start_ticks = sqlite3_column_int64(stmt, first + 2)};
    const char *boot_id = store_column_text(stmt, first + 3, &failed);
    str_copy(writer.boot_id, sizeof(writer.boot_id), boot_id ? boot_id : "");
    return store_writer_gone(&writer) ? RUN_CRASHED : RUN_RECORDING;
}

/* One row that is marked; false when there is none (left). */
static int mark_next(struct store *store, int64_t *after, bool *ret_found, struct error *err)
{
    CLEANUP_STMT sqlite3_stmt *select = NULL;
    CLEANUP_STMT sqlite3_stmt *update = NULL;
    int rc =
        store_prepare(store,
                      "SELECT state,writer_pid,writer_start_ticks,writer_boot_id,run FROM runs "
                      "WHERE state='recording' AND run>?1 ORDER BY run",
                      &select, err);
    if (rc < 0)
        return rc;
    int step = sqlite3_bind_int64(select, 1, *after);
    int64_t run = 0;
    *ret_found = false;
    while (step == SQLITE_OK && (step = sqlite3_step(select)) == SQLITE_ROW) {
        run = sqlite3_column_int64(select, 4);
        *ret_found = store_row_state(select, 0) == RUN_CRASHED;
        if (*ret_found)
            break;
        step = SQLITE_OK;
    }
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        return store_db_error(store, step, err, "the store cannot be read");
    if (!*ret_found)
        return 0;
    *after = run;
    sqlite3_reset(select);
    /* The state is asked again: its writer may have ended the run in the meantime. */
    rc = store_prepare(store, "UPDATE runs SET state='crashed' WHERE run=?1 AND state='recording'",
                       &update, err);
    return rc < 0 ? rc : store_run(store, update, sqlite3_bind_int64(update, 1, run), err);
}

int store_mark_crashed(struct store *store, struct error *err)
{
    int64_t after = 0;
    bool found = true;
    int rc = 0;
    while (rc == 0 && found)
        rc = mark_next(store, &after, &found, err);
    return rc;
}

/* ---- list ---- */

static int read_entry(sqlite3_stmt *stmt, struct store_entry *entry, struct error *err)
{
    bool failed = false;
    const char *id = store_column_text(stmt, 0, &failed);
    const char *label = store_column_text(stmt, 1, &failed);
    const char *kind = store_column_text(stmt, 2, &failed);
    const char *verdict = store_column_text(stmt, 6, &failed);
    if (failed)
        return store_no_memory(err);
    str_copy(entry->id, sizeof(entry->id), id ? id : "");
    str_copy(entry->label, sizeof(entry->label), label ? label : "");
    str_copy(entry->kind, sizeof(entry->kind), kind ? kind : "");
    entry->synthetic = sqlite3_column_int(stmt, 3) != 0;
    entry->begin_epoch_s = sqlite3_column_double(stmt, 4);
    /* NULL while it is recorded; 0: an imported one that does not say. */
    int64_t end_ns = sqlite3_column_int64(stmt, 5);
    entry->duration_s = end_ns > 0 ? (double)end_ns / 1e9 : NAN;
    int outcome = verdict ? outcome_parse(verdict) : -1;
    entry->outcome = outcome < 0 ? OUTCOME_NOT_JUDGED : (enum outcome)outcome;
    entry->invocations = (uint64_t)sqlite3_column_int64(stmt, 7);
    /* A launch that failed has no value, but was one. */
    entry->units = u64_max(entry->invocations, (uint64_t)sqlite3_column_int64(stmt, 8));
    entry->state = store_row_state(stmt, 9);
    return 0;
}

int store_list(struct store *store, size_t limit,
               int (*fn)(const struct store_entry *entry, void *context), void *context,
               struct error *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    int rc = store_prepare(
        store,
        "SELECT id,label,kind,synthetic,begin_epoch_s,end_ns,verdict,"
        "(SELECT count(DISTINCT number) FROM invocations WHERE invocations.run=runs.run),"
        "(SELECT sum(n) FROM chunks WHERE chunks.run=runs.run AND chunks.series="
        "(SELECT min(id) FROM series WHERE series.run=runs.run AND series.kind='unit')),"
        "state,writer_pid,writer_start_ticks,writer_boot_id FROM runs" NEWEST_FIRST " LIMIT ?1",
        &stmt, err);
    if (rc < 0)
        return rc;
    int64_t rows = limit == 0 || limit > INT64_MAX ? -1 : (int64_t)limit;
    int step = sqlite3_bind_int64(stmt, 1, rows);
    while (step == SQLITE_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct store_entry entry;
        rc = read_entry(stmt, &entry, err);
        if (rc == 0)
            rc = fn(&entry, context);
        if (rc != 0)
            return rc;
        step = SQLITE_OK;
    }
    return step == SQLITE_DONE ? 0 : store_db_error(store, step, err, "the store cannot be read");
}

/* ---- resolve ---- */

struct candidates {
    char ids[CANDIDATES][40];
    size_t count;
};

/* Ids that a query finds, at most CANDIDATES. text (may be NULL) is ?1, number is ?2. */
static int find_ids(struct store *store, const char *sql, const char *text, int64_t number,
                    struct candidates *found, struct error *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    int rc = store_prepare(store, sql, &stmt, err);
    if (rc < 0)
        return rc;
    int step = text ? sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC) : SQLITE_OK;
    if (step == SQLITE_OK && sqlite3_bind_parameter_count(stmt) > 1)
        step = sqlite3_bind_int64(stmt, 2, number);
    found->count = 0;
    while (step == SQLITE_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW &&
           found->count < CANDIDATES) {
        bool failed = false;
        const char *id = store_column_text(stmt, 0, &failed);
        if (failed)
            return store_no_memory(err);
        str_copy(found->ids[found->count++], sizeof(found->ids[0]), id ? id : "");
        step = SQLITE_OK;
    }
    return step == SQLITE_DONE || step == SQLITE_ROW
               ? 0
               : store_db_error(store, step, err, "the store cannot be read");
}

/* "last" is 0, "last-2" is 2; -1: neither. */
static int64_t parse_last(const char *name)
{
    if (!str_starts_with(name, "last"))
        return -1;
    if (!name[4])
        return 0;
    size_t digits = strspn(name + 5, "0123456789");
    if (name[4] != '-' || digits == 0 || digits > 9 || name[5 + digits])
        return -1;
    return strtol(name + 5, NULL, 10);
}

static int unknown_run(struct store *store, const char *name, struct error *err)
{
    struct candidates newest = {0};
    int rc = find_ids(store, "SELECT id FROM runs" NEWEST_FIRST " LIMIT 1", NULL, 0, &newest, err);
    if (rc < 0)
        return rc;
    rc = error_set(err, ERROR_INPUT, "no run \"%s\" in the store", name);
    error_at(err, store->path, 0, 0);
    if (newest.count > 0)
        error_hint(err, "the newest is %s; `tacho runs list` shows all", newest.ids[0]);
    else
        error_hint(err, "the store holds no runs yet");
    return rc;
}

static int ambiguous_run(struct store *store, const char *name, const struct candidates *found,
                         struct error *err)
{
    int rc = error_set(err, ERROR_INPUT, "\"%s\" names several runs", name);
    error_at(err, store->path, 0, 0);
    error_hint(err, "say more of one: %s, %s%s%s%s", found->ids[0], found->ids[1],
               found->count > 2 ? ", " : "", found->count > 2 ? found->ids[2] : "",
               found->count > 3 ? ", …" : "");
    return rc;
}

int store_resolve(struct store *store, const char *name, char ret_id[40], struct error *err)
{
    struct candidates found = {0};
    int64_t back = parse_last(name);
    if (!name[0]) {
        error_set(err, ERROR_INPUT, "the name of a run is empty");
        return error_hint(err, "is a shell variable unset? tacho runs list shows the names");
    }
    int rc = find_ids(store, "SELECT id FROM runs WHERE id=?1", name, 0, &found, err);
    if (rc == 0 && found.count == 0 && back >= 0)
        rc = find_ids(store, "SELECT id FROM runs WHERE ?1=?1" NEWEST_FIRST " LIMIT 1 OFFSET ?2",
                      name, back, &found, err);
    if (rc == 0 && found.count == 0)
        rc = find_ids(store, "SELECT id FROM runs WHERE label=?1" NEWEST_FIRST " LIMIT 1", name, 0,
                      &found, err);
    if (rc == 0 && found.count == 0 && strlen(name) >= PART_MIN)
        rc = find_ids(store,
                      "SELECT id FROM runs WHERE substr(id,1,length(?1))=?1 OR "
                      "substr(id,-length(?1))=?1" NEWEST_FIRST,
                      name, 0, &found, err);
    if (rc < 0)
        return rc;
    if (found.count == 0)
        return unknown_run(store, name, err);
    if (found.count > 1)
        return ambiguous_run(store, name, &found, err);
    str_copy(ret_id, 40, found.ids[0]);
    return 0;
}

/* ---- remove ---- */

static int find_removable(struct store *store, const char *id, int64_t *ret_run, struct error *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    int rc =
        store_prepare(store,
                      "SELECT state,writer_pid,writer_start_ticks,writer_boot_id,run FROM runs "
                      "WHERE id=?1",
                      &stmt, err);
    if (rc < 0)
        return rc;
    int step = sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
    if (step == SQLITE_OK)
        step = sqlite3_step(stmt);
    if (step == SQLITE_DONE)
        return unknown_run(store, id, err);
    if (step != SQLITE_ROW)
        return store_db_error(store, step, err, "the store cannot be read");
    if (store_row_state(stmt, 0) == RUN_RECORDING) {
        rc = error_set(err, ERROR_BUSY, "the run %s is being recorded by process %" PRId64, id,
                       (int64_t)sqlite3_column_int64(stmt, 1));
        error_at(err, store->path, 0, 0);
        error_hint(err, "wait for its end, or end that process");
        return rc;
    }
    *ret_run = sqlite3_column_int64(stmt, 4);
    return 0;
}

static int delete_run(struct store *store, int64_t run, struct error *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    int rc = store_prepare(store, "DELETE FROM runs WHERE run=?1", &stmt, err);
    return rc < 0 ? rc : store_run(store, stmt, sqlite3_bind_int64(stmt, 1, run), err);
}

int store_remove(struct store *store, const char *id, struct error *err)
{
    if (!store->writable)
        return error_set(err, ERROR_INTERNAL, "the store was opened for reading");
    int rc = store_begin(store, err);
    if (rc < 0)
        return rc;
    int64_t run = 0;
    rc = find_removable(store, id, &run, err);
    if (rc == 0)
        rc = delete_run(store, run, err);
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    rc = store_commit(store, err);
    /* Gives the pages back to the disk; that it could not is no reason to call the removal failed.
     */
    if (rc == 0)
        store_exec(store, "PRAGMA incremental_vacuum", NULL);
    return rc;
}
