/* store.c: where the store is, and opening it. */
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/util.h"
#include "store/store_internal.h"

#define DIRECTORY_NAME ".tacho"
#define DATABASE_NAME "runs.db"

static const char gitignore_text[] = "# Runs stay on the machine that measured them; baselines/ is "
                                     "made to be committed.\n"
                                     "/runs.db*\n/run-*.json\n";

/* ---- where ---- */

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int too_long(struct error *err)
{
    return error_set(err, ERROR_INPUT, "the path of the store is too long");
}

/* Cuts "/a/b" to "/a", "/a" to ""; false when nothing is left to cut. */
static bool cut_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

int store_locate(const char *setting, char *ret_path, size_t size, bool *ret_exists,
                 struct error *err)
{
    if (setting) {
        if (!setting[0])
            return error_set(err, ERROR_USAGE, "the store's directory must not be empty");
        if (strlen(setting) >= size)
            return too_long(err);
        str_copy(ret_path, size, setting);
        *ret_exists = is_directory(setting);
        return 0;
    }
    char here[PATH_MAX], candidate[PATH_MAX + sizeof(DIRECTORY_NAME) + 1];
    if (!getcwd(here, sizeof(here))) {
        error_set_errno(err, error_code_from_errno(errno), errno,
                        "the store is looked for upwards from the working directory, which cannot "
                        "be told");
        return error_hint(err, "was it removed? cd elsewhere, or name a store with --store DIR");
    }
    if (strcmp(here, "/") == 0)
        here[0] = '\0';
    do {
        snprintf(candidate, sizeof(candidate), "%s/%s", here, DIRECTORY_NAME);
        if (!is_directory(candidate))
            continue;
        if (strlen(candidate) >= size)
            return too_long(err);
        str_copy(ret_path, size, candidate);
        *ret_exists = true;
        return 0;
    } while (cut_last(here));
    if (size <= strlen(DIRECTORY_NAME))
        return too_long(err);
    str_copy(ret_path, size, DIRECTORY_NAME);
    *ret_exists = false;
    return 0;
}

/* ---- opening ---- */

static int new_store(const char *directory, struct store **ret_store, struct error *err)
{
    struct store *store = calloc(1, sizeof(*store));
    if (!store)
        return store_no_memory(err);
    if (!str_copy(store->directory, sizeof(store->directory), directory)) {
        free(store);
        return too_long(err);
    }
    snprintf(store->path, sizeof(store->path), "%s/%s", directory, DATABASE_NAME);
    *ret_store = store;
    return 0;
}

static int close_db(struct store *store)
{
    int rc = sqlite3_close(store->db);
    store->db = NULL;
    return rc;
}

static int open_db(struct store *store, const char *name, int flags, struct error *err)
{
    int rc = sqlite3_open_v2(name, &store->db, flags, NULL);
    if (rc != SQLITE_OK) {
        int result = store_db_error(store, rc, err, "the store cannot be opened");
        close_db(store);
        return result;
    }
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, STORE_BUSY_TIMEOUT_MS);
    /* The file may come from anywhere: nothing in its schema may call functions with effects. */
    return store_exec(store, "PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON", err);
}

static int absent(const struct store *store, struct error *err)
{
    int rc = error_set(err, ERROR_ABSENT, "no store here");
    error_at(err, store->path, 0, 0);
    error_hint(err, "`tacho run` creates one; --store or TACHO_STORE names another");
    return rc;
}

static int path_error(const char *path, int sys_errno, struct error *err, const char *doing)
{
    int rc = error_set_errno(err, error_code_from_errno(sys_errno), sys_errno, "%s", doing);
    error_at(err, path, 0, 0);
    return rc;
}

/* A clear word before SQLite's: is there a file, and is it ours to read? */
static int check_file(const struct store *store, struct error *err)
{
    struct stat status;
    if (stat(store->path, &status) < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? absent(store, err)
                   : path_error(store->path, errno, err, "the store cannot be opened");
    if (!S_ISREG(status.st_mode)) {
        int rc = error_set(err, ERROR_INPUT, "the store must be a file");
        error_at(err, store->path, 0, 0);
        return rc;
    }
    if (access(store->path, R_OK) < 0)
        return path_error(store->path, errno, err, "the store cannot be read");
    return 0;
}

/* "file:PATH?immutable=1"; '%', '?' and '#' of the path are escaped. */
static int immutable_uri(const struct store *store, struct strbuf *uri, struct error *err)
{
    strbuf_append(uri, "file:");
    for (const char *p = store->path; *p; p++) {
        if (strchr("%?#", *p))
            strbuf_printf(uri, "%%%02x", (unsigned char)*p);
        else
            strbuf_putc(uri, *p);
    }
    strbuf_append(uri, "?immutable=1");
    return uri->failed ? store_no_memory(err) : 0;
}

/* A directory that cannot be written holds no place for the WAL index that reading needs. Without a
 * log that waits the file alone is whole, and can be read as one that never changes. */
static int open_immutable(struct store *store, struct error *err)
{
    char log_path[PATH_MAX + 8];
    struct stat status;
    snprintf(log_path, sizeof(log_path), "%s-wal", store->path);
    if (stat(log_path, &status) == 0 && status.st_size > 0) {
        int rc = error_set(err, ERROR_DENIED,
                           "the store was not closed, and its directory cannot "
                           "be written");
        error_at(err, store->path, 0, 0);
        error_hint(err, "copy the directory to a place that can be written and read it there");
        return rc;
    }
    CLEANUP(strbuf_deinit) struct strbuf uri = {0};
    int rc = immutable_uri(store, &uri, err);
    if (rc == 0)
        rc = open_db(store, uri.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
    if (rc == 0)
        rc = store_schema_check(store, store_migrations, store_migration_count, false, err);
    return rc;
}

/* Opened for reading and writing where that is possible, because only then SQLite tidies its
 * auxiliary files up again; query_only keeps the promise that nothing is changed. */
static int open_for_reading(struct store *store, struct error *err)
{
    int rc = check_file(store, err);
    if (rc == 0)
        rc = open_db(store, store->path, SQLITE_OPEN_READWRITE, err);
    if (rc < 0)
        return rc;
    rc = store_schema_check(store, store_migrations, store_migration_count, false, err);
    int primary = sqlite3_errcode(store->db) & 0xff;
    if (rc < 0 && (primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY)) {
        close_db(store);
        rc = open_immutable(store, err);
    }
    return rc < 0 ? rc : store_exec(store, "PRAGMA query_only=ON", err);
}

int store_open(const char *directory, struct store **ret_store, struct error *err)
{
    struct store *store = NULL;
    int rc = new_store(directory, &store, err);
    if (rc < 0)
        return rc;
    rc = open_for_reading(store, err);
    if (rc < 0) {
        store_close(store);
        return rc;
    }
    *ret_store = store;
    return 0;
}

/* ---- opening for writing ---- */

/* Only beside a store that is being made, and only in a directory that is a store's by its name or
 * because it was made for it: never in somebody's own directory. */
static int write_gitignore(const struct store *store, bool created, struct error *err)
{
    const char *slash = strrchr(store->directory, '/');
    bool named = strcmp(slash ? slash + 1 : store->directory, DIRECTORY_NAME) == 0;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/.gitignore", store->directory);
    if ((!created && !named) || access(store->path, F_OK) == 0 || access(path, F_OK) == 0)
        return 0;
    return file_write_atomic(path, gitignore_text, sizeof(gitignore_text) - 1, err);
}

static int make_directory(struct store *store, struct error *err)
{
    bool created = !is_directory(store->directory);
    if (created) {
        int rc = file_make_directories(store->directory, err);
        if (rc < 0)
            return rc;
    }
    if (access(store->directory, W_OK | X_OK) < 0) {
        int rc =
            path_error(store->directory, errno, err, "the store's directory cannot be written");
        error_hint(err, "make it writable, or name another with --store");
        return rc;
    }
    return write_gitignore(store, created, err);
}

static int set_journal_mode(struct store *store, struct error *err)
{
    /* The change to WAL does not wait for others by itself, so this does. */
    const uint64_t deadline_ns = clock_mono_ns() + STORE_BUSY_TIMEOUT_MS * NS_PER_MS;
    int rc = 0;
    for (;;) {
        rc = sqlite3_exec(store->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
        if ((rc & 0xff) != SQLITE_BUSY || clock_mono_ns() >= deadline_ns)
            break;
        sqlite3_sleep(20);
    }
    /* A file system without shared memory leaves it at the rollback journal: slower, as safe. */
    if (rc != SQLITE_OK)
        return store_db_error(store, rc, err, "the store cannot be written");
    return store_exec(store, "PRAGMA synchronous=NORMAL", err);
}

static int open_for_writing(struct store *store, struct error *err)
{
    int rc = make_directory(store, err);
    if (rc < 0)
        return rc;
    rc = check_file(store, err);
    if (rc < 0 && rc != -ERROR_ABSENT)
        return rc;
    rc = open_db(store, store->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (rc < 0)
        return rc;
    if (sqlite3_db_readonly(store->db, "main") == 1)
        return store_db_error(store, SQLITE_READONLY, err, "the store cannot be written");
    rc = store_schema_check(store, store_migrations, store_migration_count, true, err);
    if (rc == 0)
        rc = set_journal_mode(store, err);
    if (rc == 0)
        rc = store_mark_crashed(store, err);
    return rc;
}

int store_open_writable(const char *directory, struct store **ret_store, struct error *err)
{
    struct store *store = NULL;
    int rc = new_store(directory, &store, err);
    if (rc < 0)
        return rc;
    store->writable = true;
    rc = open_for_writing(store, err);
    if (rc < 0) {
        store_close(store);
        return rc;
    }
    *ret_store = store;
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store_recorder_free(store->recorder);
    close_db(store);
    free(store);
}

const char *store_path(const struct store *store)
{
    return store->path;
}
