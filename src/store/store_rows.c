/* store_rows.c: see store_rows.h. */
#include "store/store_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "format/run_json.h"

/* Binds one value after the other; rc keeps the first failure. */
struct binder {
    sqlite3_stmt *stmt;
    int next;
    int rc;
};

static void bind_i64(struct binder *binder, int64_t value)
{
    int rc = sqlite3_bind_int64(binder->stmt, ++binder->next, value);
    binder->rc = binder->rc == SQLITE_OK ? rc : binder->rc;
}

static void bind_u64(struct binder *binder, uint64_t value)
{
    bind_i64(binder, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

/* NaN becomes NULL. */
static void bind_double(struct binder *binder, double value)
{
    int rc = sqlite3_bind_double(binder->stmt, ++binder->next, value);
    binder->rc = binder->rc == SQLITE_OK ? rc : binder->rc;
}

/* The text must live until the statement has run. */
static void bind_text(struct binder *binder, const char *text)
{
    int rc = sqlite3_bind_text(binder->stmt, ++binder->next, text, -1, SQLITE_STATIC);
    binder->rc = binder->rc == SQLITE_OK ? rc : binder->rc;
}

void store_row_deinit(struct store_row *row)
{
    if (row->kind == ROW_EVENT) {
        free((char *)row->event.name);
        free((char *)row->event.text);
    } else if (row->kind == ROW_FINDING) {
        free(row->finding);
    }
}

static int write_facts(const struct facts *facts, struct strbuf *out, struct error *err)
{
    static const struct facts none = {0};
    return facts_json_write(facts ? facts : &none, out, err);
}

/* ---- begin and end ---- */

static int insert_run(struct store *store, const struct run_info *info, const char *environment,
                      const char *workload, int64_t *ret_run, struct error *err)
{
    static const char sql[] =
        "INSERT INTO runs(id,label,kind,synthetic,state,begin_epoch_s,environment,workload,"
        "writer_pid,writer_start_ticks,writer_boot_id) "
        "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)";
    struct store_writer writer;
    store_writer_self(&writer);
    struct binder binder = {0};
    int rc = store_prepare(store, sql, &binder.stmt, err);
    if (rc < 0)
        return rc;
    bind_text(&binder, info->id);
    bind_text(&binder, info->label ? info->label : "");
    bind_text(&binder, info->workload ? facts_get_text(info->workload, "kind", "") : "");
    bind_i64(&binder, info->synthetic);
    bind_text(&binder, run_state_name(RUN_RECORDING));
    bind_double(&binder, isfinite(info->begin_epoch_s) ? info->begin_epoch_s : 0);
    bind_text(&binder, environment);
    bind_text(&binder, workload);
    bind_i64(&binder, writer.pid);
    bind_i64(&binder, writer.start_ticks);
    bind_text(&binder, writer.boot_id);
    rc = store_run(store, binder.stmt, binder.rc, err);
    if (rc < 0 && sqlite3_extended_errcode(store->db) == SQLITE_CONSTRAINT_UNIQUE) {
        rc = error_set(err, ERROR_INPUT, "a run with the id %s is stored already", info->id);
        error_at(err, store->path, 0, 0);
    }
    sqlite3_finalize(binder.stmt);
    *ret_run = sqlite3_last_insert_rowid(store->db);
    return rc;
}

int store_write_begin(struct store *store, const struct run_info *info, int64_t *ret_run,
                      struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf environment = {0};
    CLEANUP(strbuf_deinit) struct strbuf workload = {0};
    int rc = write_facts(info->environment, &environment, err);
    if (rc == 0)
        rc = write_facts(info->workload, &workload, err);
    if (rc == 0)
        rc = store_begin(store, err);
    if (rc < 0)
        return rc;
    rc = insert_run(store, info, strbuf_get(&environment), strbuf_get(&workload), ret_run, err);
    if (rc == 0)
        return store_commit(store, err);
    store_rollback(store);
    return rc;
}

/* The facts of the workload in the run's row, with those that became known only while it ran. */
static int merge_workload(struct store *store, int64_t run, const struct facts *after,
                          struct error *err)
{
    CLEANUP(facts_deinit) struct facts workload = {0};
    CLEANUP(strbuf_deinit) struct strbuf text = {0};
    struct binder binder = {0};
    sqlite3_stmt *select = NULL;
    bool failed = false;
    int rc = store_prepare(store, "SELECT workload FROM runs WHERE run=?1", &select, err);
    if (rc < 0)
        return rc;
    int step = sqlite3_bind_int64(select, 1, run);
    step = step == SQLITE_OK ? sqlite3_step(select) : step;
    const char *before = step == SQLITE_ROW ? store_column_text(select, 0, &failed) : NULL;
    if (failed)
        rc = store_no_memory(err);
    else if (before)
        rc = facts_json_read(before, &workload, err);
    else if (step != SQLITE_DONE) /* DONE: the row was removed, which the end will tell */
        rc = store_db_error(store, step, err, "the store cannot be read");
    sqlite3_finalize(select);
    if (rc == 0 && facts_copy(&workload, after) < 0)
        rc = store_no_memory(err);
    if (rc == 0)
        rc = write_facts(&workload, &text, err);
    if (rc == 0)
        rc = store_prepare(store, "UPDATE runs SET workload=?2 WHERE run=?1", &binder.stmt, err);
    if (rc < 0)
        return rc;
    bind_i64(&binder, run);
    bind_text(&binder, strbuf_get(&text));
    rc = store_run(store, binder.stmt, binder.rc, err);
    sqlite3_finalize(binder.stmt);
    return rc;
}

int store_write_end(struct store *store, int64_t run, const struct run_end *end, struct error *err)
{
    static const char sql[] = "UPDATE runs SET state=?2,end_ns=?3,own_cpu_ns=?4,verdict=?5,"
                              "passed=?6,failed=?7,undecided=?8,waived=?9,environment_after=?10 "
                              "WHERE run=?1";
    CLEANUP(strbuf_deinit) struct strbuf after = {0};
    int rc = write_facts(end->environment_after, &after, err);
    struct binder binder = {0};
    if (rc == 0 && end->workload_after && end->workload_after->count > 0)
        rc = merge_workload(store, run, end->workload_after, err);
    if (rc == 0)
        rc = store_prepare(store, sql, &binder.stmt, err);
    if (rc < 0)
        return rc;
    bind_i64(&binder, run);
    bind_text(&binder, run_state_name(end->state));
    bind_i64(&binder, end->end_ns);
    bind_u64(&binder, end->own_cpu_ns);
    bind_text(&binder, outcome_name(end->verdict.outcome));
    bind_u64(&binder, end->verdict.passed);
    bind_u64(&binder, end->verdict.failed);
    bind_u64(&binder, end->verdict.undecided);
    bind_u64(&binder, end->verdict.waived);
    bind_text(&binder, strbuf_get(&after));
    rc = store_run(store, binder.stmt, binder.rc, err);
    /* `tacho runs rm` of another process must not make the end vanish without a word. */
    if (rc == 0 && sqlite3_changes(store->db) != 1)
        rc = error_set(err, ERROR_IO, "the run was removed from the store while it was recorded");
    sqlite3_finalize(binder.stmt);
    return rc;
}

/* ---- rows ---- */

static void bind_phase(struct binder *binder, const struct phase *phase)
{
    bind_text(binder, phase_kind_name(phase->kind));
    bind_i64(binder, phase->invocation);
    bind_u64(binder, phase->first_unit);
    bind_u64(binder, phase->unit_count);
    bind_i64(binder, phase->begin_ns);
    bind_i64(binder, phase->end_ns);
    bind_i64(binder, phase->found);
}

static void bind_invocation(struct binder *binder, const struct invocation *invocation)
{
    bind_i64(binder, invocation->index);
    bind_text(binder, invocation_outcome_name(invocation->outcome));
    bind_i64(binder, invocation->exit_status);
    bind_i64(binder, invocation->signal);
    bind_i64(binder, invocation->begin_ns);
    bind_i64(binder, invocation->end_ns);
}

static void bind_event(struct binder *binder, const struct event *event)
{
    bind_i64(binder, event->t_ns);
    bind_i64(binder, event->invocation);
    bind_text(binder, event->name);
    bind_text(binder, event->text);
}

static void bind_finding(struct binder *binder, const struct finding *finding)
{
    bind_text(binder, finding->rule);
    bind_text(binder, severity_name(finding->severity));
    bind_text(binder, finding->metric);
    bind_text(binder, finding->sentence);
    bind_double(binder, finding->has_value ? finding->value : NAN);
    bind_text(binder, finding->unit);
    bind_i64(binder, finding->has_interval);
    bind_double(binder, finding->lo);
    bind_double(binder, finding->hi);
    bind_u64(binder, finding->n);
    bind_text(binder, finding->evidence);
    bind_text(binder, finding->advice);
    bind_text(binder, outcome_name(finding->outcome));
    bind_text(binder, finding->limit_name);
    bind_text(binder, finding->limit_bound);
    bind_u64(binder, finding->n_needed);
}

int store_write_row(struct store *store, int64_t run, int64_t seq, const struct store_row *row,
                    struct error *err)
{
    static const char *const sql[] = {
        [ROW_PHASE] = "INSERT INTO phases(run,seq,kind,invocation,first_unit,unit_count,begin_ns,"
                      "end_ns,found) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)",
        [ROW_INVOCATION] = "INSERT INTO invocations(run,seq,number,outcome,exit_status,signal,"
                           "begin_ns,end_ns) VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
        [ROW_EVENT] = "INSERT INTO events(run,seq,t_ns,invocation,name,text) "
                      "VALUES(?1,?2,?3,?4,?5,?6)",
        [ROW_FINDING] = "INSERT INTO findings(run,seq,rule,severity,metric,sentence,value,unit,"
                        "has_interval,lo,hi,n,evidence,advice,outcome,limit_name,limit_bound,"
                        "n_needed) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,"
                        "?17,?18)"};
    struct binder binder = {0};
    int rc = store_prepare(store, sql[row->kind], &binder.stmt, err);
    if (rc < 0)
        return rc;
    bind_i64(&binder, run);
    bind_i64(&binder, seq);
    switch (row->kind) {
    case ROW_PHASE:
        bind_phase(&binder, &row->phase);
        break;
    case ROW_INVOCATION:
        bind_invocation(&binder, &row->invocation);
        break;
    case ROW_EVENT:
        bind_event(&binder, &row->event);
        break;
    case ROW_FINDING:
        bind_finding(&binder, row->finding);
        break;
    }
    rc = store_run(store, binder.stmt, binder.rc, err);
    sqlite3_finalize(binder.stmt);
    return rc;
}

int store_write_series(struct store *store, int64_t run, const struct series *series,
                       struct error *err)
{
    static const char sql[] =
        "INSERT INTO series(run,id,kind,instance,source,reason,why,metric,unit,direction,"
        "value_kind,scale,limit_stat,definition) "
        "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14) "
        "ON CONFLICT(run,id) DO UPDATE SET reason=?6, why=?7";
    const struct metric *metric = series->metric;
    struct binder binder = {0};
    int rc = store_prepare(store, sql, &binder.stmt, err);
    if (rc < 0)
        return rc;
    bind_i64(&binder, run);
    bind_i64(&binder, series->id);
    bind_text(&binder, series_kind_name(series->kind));
    bind_text(&binder, series->instance);
    bind_text(&binder, series->source);
    bind_text(&binder, reason_name(series->reason));
    bind_text(&binder, series->why);
    bind_text(&binder, metric->name);
    bind_text(&binder, metric->unit);
    bind_text(&binder, direction_name(metric->direction));
    bind_text(&binder, metric->kind == METRIC_NS ? "ns" : "double");
    bind_double(&binder, metric->scale);
    bind_text(&binder, metric->limit_stat);
    bind_text(&binder, metric->definition);
    rc = store_run(store, binder.stmt, binder.rc, err);
    sqlite3_finalize(binder.stmt);
    return rc;
}
