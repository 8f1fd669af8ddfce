/* store_db.c: SQLite's result codes as tacho's errors, and statements with fewer words. */
#include <errno.h>
#include <string.h>

#include "store/store_internal.h"

static int code_of(int sqlite_rc)
{
    switch (sqlite_rc & 0xff) {
    case SQLITE_NOMEM:
        return ERROR_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERROR_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
        return ERROR_INPUT;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return ERROR_DENIED;
    case SQLITE_CANTOPEN:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_TOOBIG:
        return ERROR_IO;
    default:
        return ERROR_INTERNAL;
    }
}

static const char *hint_of(int sqlite_rc)
{
    switch (sqlite_rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another process holds the store; try again when it is done";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "move the file away and a new store begins; `sqlite3 FILE .recover` may save its "
               "runs";
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return "make the store writable, or name another with --store";
    case SQLITE_FULL:
        return "free some space: the disk is full; `tacho runs rm` drops old runs";
    case SQLITE_CANTOPEN:
        return "the directory must be writable too, or name another with --store";
    default:
        return NULL;
    }
}

int store_no_memory(struct error *err)
{
    return error_set(err, ERROR_NOMEM, "out of memory in the store");
}

int store_db_error(struct store *store, int sqlite_rc, struct error *err, const char *doing)
{
    int code = code_of(sqlite_rc);
    if (code == ERROR_NOMEM)
        return store_no_memory(err);
    /* The handle's own text says more than the code, unless it belongs to a later call. */
    const char *text = store->db && (sqlite3_errcode(store->db) & 0xff) == (sqlite_rc & 0xff)
                           ? sqlite3_errmsg(store->db)
                           : sqlite3_errstr(sqlite_rc);
    int sys_errno = store->db ? sqlite3_system_errno(store->db) : 0;
    bool system_says = sys_errno != 0 && code == ERROR_IO && (sqlite_rc & 0xff) != SQLITE_FULL;
    if (system_says && error_code_from_errno(sys_errno) == ERROR_DENIED)
        code = ERROR_DENIED;
    int rc = system_says ? error_set_errno(err, code, sys_errno, "%s: %s", doing, text)
                         : error_set(err, code, "%s: %s", doing, text);
    error_at(err, store->path, 0, 0);
    if (hint_of(sqlite_rc))
        error_hint(err, "%s", hint_of(sqlite_rc));
    return rc;
}

int store_exec(struct store *store, const char *sql, struct error *err)
{
    int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : store_db_error(store, rc, err, "the store cannot be used");
}

int store_prepare(struct store *store, const char *sql, sqlite3_stmt **ret_stmt, struct error *err)
{
    int rc = sqlite3_prepare_v2(store->db, sql, -1, ret_stmt, NULL);
    return rc == SQLITE_OK ? 0 : store_db_error(store, rc, err, "the store cannot be read");
}

int store_run(struct store *store, sqlite3_stmt *stmt, int bind_rc, struct error *err)
{
    int rc = bind_rc;
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(stmt);
        rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    int result =
        rc == SQLITE_OK ? 0 : store_db_error(store, rc, err, "writing to the store failed");
    sqlite3_reset(stmt);
    return result;
}

int store_begin(struct store *store, struct error *err)
{
    int rc = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : store_db_error(store, rc, err, "the store cannot be written");
}

int store_commit(struct store *store, struct error *err)
{
    int rc = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        return 0;
    int result = store_db_error(store, rc, err, "writing to the store failed");
    store_rollback(store);
    return result;
}

void store_rollback(struct store *store)
{
    /* Some errors (disk full, out of memory) have rolled back already. */
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

const char *store_column_text(sqlite3_stmt *stmt, int column, bool *failed)
{
    if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
        return NULL;
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    if (!text)
        *failed = true;
    return text;
}
