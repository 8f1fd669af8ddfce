/* store_schema.c: the tables, and how a store of an older version becomes one of this version.
 *
 * To change the schema: add a step at the end, never touch one that was released. docs/store.md
 * describes the tables.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "store/store_internal.h"

/* clang-format off */
static const char schema_1[] =
    "CREATE TABLE runs("
    " run INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " label TEXT NOT NULL,"
    " kind TEXT NOT NULL,"
    " synthetic INTEGER NOT NULL,"
    " state TEXT NOT NULL,"
    " begin_epoch_s REAL NOT NULL,"
    " end_ns INTEGER,"
    " own_cpu_ns INTEGER,"
    " environment TEXT NOT NULL,"
    " environment_after TEXT,"
    " workload TEXT NOT NULL,"
    " verdict TEXT NOT NULL DEFAULT 'none',"
    " passed INTEGER NOT NULL DEFAULT 0,"
    " failed INTEGER NOT NULL DEFAULT 0,"
    " undecided INTEGER NOT NULL DEFAULT 0,"
    " waived INTEGER NOT NULL DEFAULT 0,"
    " writer_pid INTEGER,"
    " writer_start_ticks INTEGER,"
    " writer_boot_id TEXT);"
    "CREATE INDEX runs_begin ON runs(begin_epoch_s, run);"
    "CREATE TABLE phases("
    " run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,"
    " seq INTEGER NOT NULL,"
    " kind TEXT NOT NULL,"
    " invocation INTEGER NOT NULL,"
    " first_unit INTEGER NOT NULL,"
    " unit_count INTEGER NOT NULL,"
    " begin_ns INTEGER NOT NULL,"
    " end_ns INTEGER NOT NULL,"
    " found INTEGER NOT NULL,"
    " PRIMARY KEY(run, seq)) WITHOUT ROWID;"
    "CREATE TABLE invocations("
    " run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,"
    " seq INTEGER NOT NULL,"
    " number INTEGER NOT NULL,"
    " outcome TEXT NOT NULL,"
    " exit_status INTEGER NOT NULL,"
    " signal INTEGER NOT NULL,"
    " begin_ns INTEGER NOT NULL,"
    " end_ns INTEGER NOT NULL,"
    " PRIMARY KEY(run, seq)) WITHOUT ROWID;"
    "CREATE TABLE series("
    " run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,"
    " id INTEGER NOT NULL,"
    " kind TEXT NOT NULL,"
    " instance TEXT NOT NULL,"
    " source TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " why TEXT,"
    " metric TEXT NOT NULL,"
    " unit TEXT NOT NULL,"
    " direction TEXT NOT NULL,"
    " value_kind TEXT NOT NULL,"
    " scale REAL NOT NULL,"
    " limit_stat TEXT,"
    " definition TEXT,"
    " PRIMARY KEY(run, id)) WITHOUT ROWID;"
    "CREATE TABLE chunks("
    " run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,"
    " seq INTEGER NOT NULL,"
    " series INTEGER NOT NULL,"
    " n INTEGER NOT NULL,"
    " encoding INTEGER NOT NULL,"
    " bytes BLOB NOT NULL);"
    "CREATE UNIQUE INDEX chunks_order ON chunks(run, seq);"
    "CREATE TABLE events("
    " run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,"
    " seq INTEGER NOT NULL,"
    " t_ns INTEGER NOT NULL,"
    " invocation INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " text TEXT NOT NULL,"
    " PRIMARY KEY(run, seq)) WITHOUT ROWID;"
    "CREATE TABLE findings("
    " run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,"
    " seq INTEGER NOT NULL,"
    " rule TEXT NOT NULL,"
    " severity TEXT NOT NULL,"
    " metric TEXT NOT NULL,"
    " sentence TEXT NOT NULL,"
    " value REAL,"
    " unit TEXT NOT NULL,"
    " has_interval INTEGER NOT NULL,"
    " lo REAL,"
    " hi REAL,"
    " n INTEGER NOT NULL,"
    " evidence TEXT NOT NULL,"
    " advice TEXT NOT NULL,"
    " outcome TEXT NOT NULL,"
    " limit_name TEXT NOT NULL,"
    " limit_bound TEXT NOT NULL,"
    " n_needed INTEGER NOT NULL,"
    " PRIMARY KEY(run, seq)) WITHOUT ROWID;";
/* clang-format on */

const char *const store_migrations[] = {schema_1};
const size_t store_migration_count = ARRAY_LEN(store_migrations);

static int query_i64(struct store *store, const char *sql, int64_t *ret_value, struct error *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    int rc = store_prepare(store, sql, &stmt, err);
    if (rc < 0)
        return rc;
    int step = sqlite3_step(stmt);
    if (step != SQLITE_ROW)
        return store_db_error(store, step, err, "the store cannot be read");
    *ret_value = sqlite3_column_int64(stmt, 0);
    return 0;
}

/* What the file is: *ret_version, 0 for an empty one. Within a transaction: somebody else may be
 * creating the store between two of these questions. */
static int read_version(struct store *store, int64_t *ret_version, struct error *err)
{
    int64_t application_id = 0, version = 0, objects = 0;
    int rc = query_i64(store, "PRAGMA application_id", &application_id, err);
    if (rc == 0)
        rc = query_i64(store, "PRAGMA user_version", &version, err);
    if (rc == 0)
        rc = query_i64(store, "SELECT count(*) FROM sqlite_master", &objects, err);
    if (rc < 0)
        return rc;
    bool empty = application_id == 0 && version == 0 && objects == 0;
    if (!empty && (application_id != STORE_APPLICATION_ID || version < 1)) {
        rc = error_set(err, ERROR_INPUT, "an SQLite database, but not a store of tacho");
        error_at(err, store->path, 0, 0);
        error_hint(err, "name another directory with --store");
        return rc;
    }
    *ret_version = version;
    return 0;
}

/* One step in one transaction. Somebody else may have done it since the version was read. */
static int apply_step(struct store *store, const char *step, int64_t from, struct error *err)
{
    int rc = store_begin(store, err);
    if (rc < 0)
        return rc;
    int64_t version = 0;
    rc = read_version(store, &version, err);
    if (rc == 0 && version == from) {
        char pragmas[96];
        snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id=%d; PRAGMA user_version=%" PRId64,
                 STORE_APPLICATION_ID, from + 1);
        rc = store_exec(store, step, err);
        if (rc == 0)
            rc = store_exec(store, pragmas, err);
    }
    if (rc == 0)
        return store_commit(store, err);
    store_rollback(store);
    return rc;
}

static int read_version_at_once(struct store *store, int64_t *ret_version, struct error *err)
{
    int rc = store_exec(store, "BEGIN", err);
    if (rc < 0)
        return rc;
    rc = read_version(store, ret_version, err);
    /* After an error the handle is closed by whoever opened it, who first wants to know SQLite's
     * code of that error. */
    return rc < 0 ? rc : store_exec(store, "COMMIT", err);
}

int store_schema_check(struct store *store, const char *const *steps, size_t count, bool create,
                       struct error *err)
{
    int64_t version = 0;
    int rc = read_version_at_once(store, &version, err);
    if (rc < 0)
        return rc;
    if (version > (int64_t)count) {
        rc = error_set(err, ERROR_VERSION,
                       "the store has schema %" PRId64 "; this tacho knows up to %zu", version,
                       count);
        error_at(err, store->path, 0, 0);
        error_hint(err, "use the newer tacho that wrote it, or another directory with --store");
        return rc;
    }
    if (version == 0 && !create) {
        rc = error_set(err, ERROR_ABSENT, "the store is empty: no run was recorded yet");
        error_at(err, store->path, 0, 0);
        return rc;
    }
    /* Removed runs give their pages back; only an empty file can still be told so. */
    if (version == 0)
        rc = store_exec(store, "PRAGMA auto_vacuum=INCREMENTAL", err);
    for (; rc == 0 && version < (int64_t)count; version++)
        rc = apply_step(store, steps[version], version, err);
    return rc;
}
