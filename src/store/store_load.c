/* store_load.c: a stored run, replayed into a sink: from one snapshot, also while it is recorded.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "format/run_json.h"
#include "store/store_internal.h"

#define SERIES_MAX 65536

struct loader {
    struct store *store;
    struct run_sink *sink;
    struct error *err;
    int64_t run;
    struct arena arena; /* series, their strings and metrics, until the sink's end */
    struct series *series;
    size_t series_count;
    bool failed; /* out of memory in a column */
};

static int damaged(struct loader *loader, const char *what)
{
    int rc = error_set(loader->err, ERROR_INPUT, "the run is damaged: %s", what);
    error_at(loader->err, loader->store->path, 0, 0);
    return rc;
}

static const char *column(struct loader *loader, sqlite3_stmt *stmt, int index)
{
    const char *text = store_column_text(stmt, index, &loader->failed);
    return text ? text : "";
}

/* Calls row for every row of a query over the run (?1). */
static int each_row(struct loader *loader, const char *sql,
                    int (*row)(struct loader *loader, sqlite3_stmt *stmt))
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    int rc = store_prepare(loader->store, sql, &stmt, loader->err);
    if (rc < 0)
        return rc;
    int step = sqlite3_bind_int64(stmt, 1, loader->run);
    while (step == SQLITE_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        rc = row(loader, stmt);
        if (rc == 0 && loader->failed)
            rc = store_no_memory(loader->err);
        if (rc < 0)
            return rc;
        step = SQLITE_OK;
    }
    return step == SQLITE_DONE
               ? 0
               : store_db_error(loader->store, step, loader->err, "the store cannot be read");
}

/* ---- rows ---- */

static int load_invocation(struct loader *loader, sqlite3_stmt *stmt)
{
    int outcome = invocation_outcome_parse(column(loader, stmt, 1));
    if (outcome < 0)
        return loader->failed ? 0 : damaged(loader, "an invocation's outcome");
    struct invocation invocation = {.index = (uint32_t)sqlite3_column_int64(stmt, 0),
                                    .outcome = (enum invocation_outcome)outcome,
                                    .exit_status = sqlite3_column_int(stmt, 2),
                                    .signal = sqlite3_column_int(stmt, 3),
                                    .begin_ns = sqlite3_column_int64(stmt, 4),
                                    .end_ns = sqlite3_column_int64(stmt, 5)};
    return sink_invocation(loader->sink, &invocation, loader->err);
}

static int load_phase(struct loader *loader, sqlite3_stmt *stmt)
{
    int kind = phase_kind_parse(column(loader, stmt, 0));
    if (kind < 0)
        return loader->failed ? 0 : damaged(loader, "a phase's kind");
    struct phase phase = {.kind = (enum phase_kind)kind,
                          .invocation = (uint32_t)sqlite3_column_int64(stmt, 1),
                          .first_unit = (uint64_t)sqlite3_column_int64(stmt, 2),
                          .unit_count = (uint64_t)sqlite3_column_int64(stmt, 3),
                          .begin_ns = sqlite3_column_int64(stmt, 4),
                          .end_ns = sqlite3_column_int64(stmt, 5),
                          .found = sqlite3_column_int(stmt, 6) != 0};
    return sink_phase(loader->sink, &phase, loader->err);
}

static int load_event(struct loader *loader, sqlite3_stmt *stmt)
{
    struct event event = {.t_ns = sqlite3_column_int64(stmt, 0),
                          .invocation = (uint32_t)sqlite3_column_int64(stmt, 1),
                          .name = column(loader, stmt, 2),
                          .text = column(loader, stmt, 3)};
    return loader->failed ? 0 : sink_event(loader->sink, &event, loader->err);
}

static int load_finding(struct loader *loader, sqlite3_stmt *stmt)
{
    struct finding finding = {0};
    bool warning = strcmp(column(loader, stmt, 1), severity_name(SEVERITY_WARNING)) == 0;
    finding.severity = warning ? SEVERITY_WARNING : SEVERITY_INFO;
    str_copy(finding.rule, sizeof(finding.rule), column(loader, stmt, 0));
    str_copy(finding.metric, sizeof(finding.metric), column(loader, stmt, 2));
    str_copy(finding.sentence, sizeof(finding.sentence), column(loader, stmt, 3));
    finding.has_value = sqlite3_column_type(stmt, 4) != SQLITE_NULL;
    finding.value = sqlite3_column_double(stmt, 4);
    str_copy(finding.unit, sizeof(finding.unit), column(loader, stmt, 5));
    finding.has_interval = sqlite3_column_int(stmt, 6) != 0;
    finding.lo = sqlite3_column_double(stmt, 7);
    finding.hi = sqlite3_column_double(stmt, 8);
    finding.n = (uint64_t)sqlite3_column_int64(stmt, 9);
    str_copy(finding.evidence, sizeof(finding.evidence), column(loader, stmt, 10));
    str_copy(finding.advice, sizeof(finding.advice), column(loader, stmt, 11));
    int outcome = outcome_parse(column(loader, stmt, 12));
    str_copy(finding.limit_name, sizeof(finding.limit_name), column(loader, stmt, 13));
    str_copy(finding.limit_bound, sizeof(finding.limit_bound), column(loader, stmt, 14));
    finding.n_needed = (uint64_t)sqlite3_column_int64(stmt, 15);
    if (loader->failed)
        return 0;
    if (outcome < 0)
        return damaged(loader, "a finding's outcome");
    finding.outcome = (enum outcome)outcome;
    return sink_finding(loader->sink, &finding, loader->err);
}

/* ---- series ---- */

/* A column's text for as long as the load lasts; NULL for NULL. */
static const char *keep(struct loader *loader, sqlite3_stmt *stmt, int index)
{
    const char *text = store_column_text(stmt, index, &loader->failed);
    if (!text)
        return NULL;
    const char *copy = arena_strdup(&loader->arena, text);
    loader->failed = loader->failed || !copy;
    return copy;
}

/* The registry's metric if it means what was stored, else one made of the row. NULL: no memory. */
static const struct metric *load_metric(struct loader *loader, sqlite3_stmt *stmt)
{
    const char *name = keep(loader, stmt, 6), *unit = keep(loader, stmt, 7);
    if (!name || !unit)
        return NULL;
    enum metric_kind kind = strcmp(column(loader, stmt, 9), "ns") == 0 ? METRIC_NS : METRIC_VALUE;
    const struct metric *known = metric_find(name);
    if (known && strcmp(known->name, name) == 0 && strcmp(known->unit, unit) == 0 &&
        known->kind == kind)
        return known;
    struct metric *own = arena_alloc(&loader->arena, sizeof(*own));
    if (!own)
        return NULL;
    *own = (struct metric){.name = name,
                           .unit = unit,
                           .kind = kind,
                           .scale = sqlite3_column_double(stmt, 10),
                           .limit_stat = keep(loader, stmt, 11),
                           .definition = keep(loader, stmt, 12)};
    const char *direction = column(loader, stmt, 8);
    while (own->direction < DIRECTION_HIGHER &&
           strcmp(direction_name(own->direction), direction) != 0)
        own->direction++;
    if (strcmp(direction_name(own->direction), direction) != 0)
        own->direction = DIRECTION_NEITHER;
    return own;
}

static int load_series(struct loader *loader, sqlite3_stmt *stmt)
{
    int64_t id = sqlite3_column_int64(stmt, 0);
    int kind = series_kind_parse(column(loader, stmt, 1));
    int reason = reason_parse(column(loader, stmt, 4));
    if (loader->failed)
        return 0;
    if (id < (int64_t)loader->series_count || id >= SERIES_MAX || kind < 0 || reason < 0)
        return damaged(loader, "a series");
    struct series series = {.id = (uint32_t)id,
                            .kind = (enum series_kind)kind,
                            .instance = keep(loader, stmt, 2),
                            .source = keep(loader, stmt, 3),
                            .reason = (enum reason)reason,
                            .why = keep(loader, stmt, 5),
                            .metric = load_metric(loader, stmt)};
    size_t capacity = loader->series_count;
    if (!series.metric || loader->failed ||
        array_reserve(&loader->series, &capacity, (size_t)id + 1, sizeof(*loader->series)) < 0)
        return store_no_memory(loader->err);
    while (loader->series_count < (size_t)id)
        loader->series[loader->series_count++] = (struct series){0};
    loader->series[loader->series_count++] = series;
    struct sample_block declaration = {.series = &series};
    return sink_samples(loader->sink, &declaration, loader->err);
}

static int load_chunk(struct loader *loader, sqlite3_stmt *stmt)
{
    int64_t id = sqlite3_column_int64(stmt, 0), n = sqlite3_column_int64(stmt, 1);
    if (id < 0 || id >= (int64_t)loader->series_count || !loader->series[id].metric || n < 0)
        return damaged(loader, "samples of an unknown series");
    int encoding = sqlite3_column_int(stmt, 2);
    if (encoding != 1 && encoding != 2)
        return damaged(loader, "samples in an unknown encoding");
    const void *bytes = sqlite3_column_blob(stmt, 3);
    size_t size = (size_t)sqlite3_column_bytes(stmt, 3);
    if (!bytes)
        return size > 0 || sqlite3_errcode(loader->store->db) == SQLITE_NOMEM
                   ? store_no_memory(loader->err)
                   : damaged(loader, "samples are empty");
    if (encoding == 2)
        return chunk_replay_hist(bytes, size, &loader->series[id], loader->sink, loader->err);
    return chunk_replay(bytes, size, (uint64_t)n, &loader->series[id], loader->sink, loader->err);
}

/* ---- the run ---- */

static int load_facts(struct loader *loader, sqlite3_stmt *stmt, int index, struct facts *facts)
{
    const char *text = store_column_text(stmt, index, &loader->failed);
    if (loader->failed)
        return store_no_memory(loader->err);
    return text ? facts_json_read(text, facts, loader->err) : 0;
}

static int load_begin(struct loader *loader, sqlite3_stmt *stmt, const char *id)
{
    CLEANUP(facts_deinit) struct facts environment = {0};
    CLEANUP(facts_deinit) struct facts workload = {0};
    struct run_info info = {.label = column(loader, stmt, 1),
                            .synthetic = sqlite3_column_int(stmt, 2) != 0,
                            .begin_epoch_s = sqlite3_column_double(stmt, 3),
                            .environment = &environment,
                            .workload = &workload};
    str_copy(info.id, sizeof(info.id), id);
    int rc = load_facts(loader, stmt, 4, &environment);
    if (rc == 0)
        rc = load_facts(loader, stmt, 5, &workload);
    if (rc == 0 && loader->failed)
        rc = store_no_memory(loader->err);
    return rc < 0 ? rc : sink_begin(loader->sink, &info, loader->err);
}

static int load_end(struct loader *loader, sqlite3_stmt *stmt)
{
    CLEANUP(facts_deinit) struct facts after = {0};
    int outcome = outcome_parse(column(loader, stmt, 9));
    struct run_end end = {.state = store_row_state(stmt, 14),
                          .end_ns = sqlite3_column_int64(stmt, 6),
                          .own_cpu_ns = (uint64_t)sqlite3_column_int64(stmt, 7),
                          .environment_after = &after};
    end.verdict.outcome = outcome < 0 ? OUTCOME_NOT_JUDGED : (enum outcome)outcome;
    end.verdict.passed = (size_t)sqlite3_column_int64(stmt, 10);
    end.verdict.failed = (size_t)sqlite3_column_int64(stmt, 11);
    end.verdict.undecided = (size_t)sqlite3_column_int64(stmt, 12);
    end.verdict.waived = (size_t)sqlite3_column_int64(stmt, 13);
    int rc = load_facts(loader, stmt, 8, &after);
    if (rc == 0 && loader->failed)
        rc = store_no_memory(loader->err);
    return rc < 0 ? rc : sink_end(loader->sink, &end, loader->err);
}

static int load_tables(struct loader *loader)
{
    static const struct {
        const char *sql;
        int (*row)(struct loader *loader, sqlite3_stmt *stmt);
    } tables[] = {
        {"SELECT number,outcome,exit_status,signal,begin_ns,end_ns FROM invocations "
         "WHERE run=?1 ORDER BY seq",
         load_invocation},
        {"SELECT kind,invocation,first_unit,unit_count,begin_ns,end_ns,found FROM phases "
         "WHERE run=?1 ORDER BY seq",
         load_phase},
        {"SELECT id,kind,instance,source,reason,why,metric,unit,direction,value_kind,scale,"
         "limit_stat,definition FROM series WHERE run=?1 ORDER BY id",
         load_series},
        {"SELECT series,n,encoding,bytes FROM chunks WHERE run=?1 ORDER BY seq", load_chunk},
        {"SELECT t_ns,invocation,name,text FROM events WHERE run=?1 ORDER BY seq", load_event},
        {"SELECT rule,severity,metric,sentence,value,unit,has_interval,lo,hi,n,evidence,advice,"
         "outcome,limit_name,limit_bound,n_needed FROM findings WHERE run=?1 ORDER BY seq",
         load_finding},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(tables); i++)
        rc = each_row(loader, tables[i].sql, tables[i].row);
    return rc;
}

static int load_run(struct loader *loader, const char *id)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    int rc = store_prepare(loader->store,
                           "SELECT run,label,synthetic,begin_epoch_s,environment,workload,end_ns,"
                           "own_cpu_ns,environment_after,verdict,passed,failed,undecided,waived,"
                           "state,writer_pid,writer_start_ticks,writer_boot_id "
                           "FROM runs WHERE id=?1",
                           &stmt, loader->err);
    if (rc < 0)
        return rc;
    int step = sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
    if (step == SQLITE_OK)
        step = sqlite3_step(stmt);
    if (step == SQLITE_DONE) {
        rc = error_set(loader->err, ERROR_INPUT, "no run \"%s\" in the store", id);
        error_at(loader->err, loader->store->path, 0, 0);
        return rc;
    }
    if (step != SQLITE_ROW)
        return store_db_error(loader->store, step, loader->err, "the store cannot be read");
    loader->run = sqlite3_column_int64(stmt, 0);
    rc = load_begin(loader, stmt, id);
    if (rc == 0)
        rc = load_tables(loader);
    return rc == 0 ? load_end(loader, stmt) : rc;
}

int store_load(struct store *store, const char *id, struct run_sink *sink, struct error *err)
{
    struct loader loader = {.store = store, .sink = sink, .err = err};
    int rc = store_exec(store, "BEGIN", err);
    if (rc < 0)
        return rc;
    rc = load_run(&loader, id);
    store_rollback(store);
    free(loader.series);
    arena_deinit(&loader.arena);
    return rc;
}
