/* store_internal.h: what the files of store/ share; nobody else includes it but store's own tests.
 *
 * Schema and chunk encoding are described in docs/store.md.
 */
#ifndef TACHO_STORE_STORE_INTERNAL_H
#define TACHO_STORE_STORE_INTERNAL_H

#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/util.h"
#include "store/store.h"

#define STORE_APPLICATION_ID 0x74616368 /* "tach" */
#define STORE_BUSY_TIMEOUT_MS 5000
#define STORE_FLUSH_BYTES ((size_t)64 * 1024)
#define STORE_FLUSH_NS (5 * NS_PER_S)

struct recorder;

struct store {
    sqlite3 *db;
    bool writable;
    struct recorder *recorder; /* NULL until store_sink */
    char directory[PATH_MAX - 16];
    char path[PATH_MAX]; /* directory/runs.db */
};

/* ---- store_db.c: SQLite with tacho's errors ---- */

/* Turns a result code of SQLite into an error: what could not be done, which file, what helps. */
int store_db_error(struct store *store, int sqlite_rc, struct error *err, const char *doing);
int store_exec(struct store *store, const char *sql, struct error *err);
int store_prepare(struct store *store, const char *sql, sqlite3_stmt **ret_stmt, struct error *err);
/* Runs a statement that returns no rows and resets it. bind_rc: what binding came to. */
int store_run(struct store *store, sqlite3_stmt *stmt, int bind_rc, struct error *err);
int store_begin(struct store *store, struct error *err);  /* BEGIN IMMEDIATE */
int store_commit(struct store *store, struct error *err); /* rolls back when it fails */
void store_rollback(struct store *store);                 /* keeps quiet */
int store_no_memory(struct error *err);
/* Text of a column; NULL where the column is NULL. *failed is set when memory ran out. */
const char *store_column_text(sqlite3_stmt *stmt, int column, bool *failed);

static inline void store_stmt_cleanup(sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt);
}
#define CLEANUP_STMT CLEANUP(store_stmt_cleanup)

/* ---- store_schema.c ---- */

/* The SQL of step i turns version i into version i+1. */
extern const char *const store_migrations[];
extern const size_t store_migration_count; /* the version of this program */

/* Brings an empty or older database to version `count`; refuses foreign and newer ones. Each step
 * is one transaction with its version number. create: an empty database may be filled. */
int store_schema_check(struct store *store, const char *const *steps, size_t count, bool create,
                       struct error *err);

/* ---- store_writer.c: who records a run ---- */

/* Pid and start time name a process for good within one boot. */
struct store_writer {
    int64_t pid;
    int64_t start_ticks;
    char boot_id[40];
};
void store_writer_self(struct store_writer *ret_writer);
bool store_writer_gone(const struct store_writer *writer);

/* ---- store_chunk.c: samples of one series as bytes ---- */

struct chunk_span {
    uint32_t invocation;
    uint64_t first_unit;
    uint64_t count;
    bool has_t;
};

struct chunk {
    struct chunk_span *spans;
    size_t span_count, span_capacity;
    int64_t *t_ns; /* of the spans that have times, one after the other */
    size_t t_count, t_capacity;
    uint64_t *values; /* nanoseconds, or the bits of doubles */
    size_t n, value_capacity;
};

int chunk_append(struct chunk *chunk, const struct sample_block *block); /* -1: out of memory */
/* A block that is a distribution, as bytes behind those of others (encoding 2). */
void chunk_append_hist(const struct sample_block *block, struct strbuf *out);
int chunk_replay_hist(const unsigned char *bytes, size_t size, const struct series *series,
                      struct run_sink *sink, struct error *err);
void chunk_clear(struct chunk *chunk);
void chunk_deinit(struct chunk *chunk);
/* Bytes, appended to out (out->failed). */
void chunk_encode(const struct chunk *chunk, struct strbuf *out);
/* Hands a chunk's blocks to a sink; -ERROR_INPUT: the bytes are damaged. */
int chunk_replay(const unsigned char *bytes, size_t size, uint64_t n, const struct series *series,
                 struct run_sink *sink, struct error *err);

/* ---- store_sink.c ---- */

void store_recorder_free(struct recorder *recorder); /* accepts NULL */

/* ---- store_list.c ---- */

/* Rows in state recording whose writer is gone become crashed. */
int store_mark_crashed(struct store *store, struct error *err);

/* Whether a row says recording while nobody writes it. Columns from `first`: state, writer_pid,
 * writer_start_ticks, writer_boot_id. */
enum run_state store_row_state(sqlite3_stmt *stmt, int first);

#endif
