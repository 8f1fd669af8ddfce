/* kv_watch.h: watches the KV cache of a server of language models through its metrics.
 *
 * What: asks the address once an interval, on absolute times, and makes a run of what it says: use,
 *       tokens and requests of each engine, findings, limits. The first answer decides: where that
 *       cannot be had, nothing begins. A later reading that fails is a gap and counted; the watch
 *       goes on, since a server may come back.
 * Memory: constant, as that of a watch (measure/watch.h). Units: s, percent, tokens.
 * Ends: the duration is over, or the user says so: a normal end.
 * Threads: one.
 */
#ifndef TACHO_MEASURE_KV_WATCH_H
#define TACHO_MEASURE_KV_WATCH_H

#include "base/file.h"
#include "format/kv_metrics.h"
#include "model/limit.h"
#include "model/run.h"

#define KV_WATCH_SAMPLES_EACH 1024   /* of a series, in memory */
#define KV_WATCH_ANSWER_MAX 16777216 /* bytes of one answer */

struct kv_watch_plan {
    const struct root *root;
    const char *url;             /* without a path: that of its /metrics */
    const char *label, *profile; /* NULL: made from the address; none */
    uint64_t interval_ns;
    uint64_t duration_ns; /* 0: until the user says so */
    bool is_once;         /* one reading */
    uint64_t timeout_ns;  /* of one reading */
    const struct limit *limits;
    size_t limit_count;
    struct run_sink *sink; /* store, or NULL */
    /* After the first answer, before anything begins: a failure is kv_watch_run's. It may still set
     * `sink`. */
    int (*on_open)(const struct kv_metrics *metrics, void *context, struct error *err);
    /* For every reading; *ret_quit: nobody wants more. */
    void (*on_reading)(const struct kv_metrics *metrics, double epoch_s, bool *ret_quit,
                       void *context);
    void *context;
};

struct kv_watch_result {
    struct run run; /* run_deinit it */
    bool has_begun; /* the run has; false: an error came first */
    uint64_t readings, failed;
    char server[16];
    char url[256];           /* as it may be shown */
    struct error sink_error; /* why the sink stopped taking the stream; code 0: it did not */
};

/* *ret_result must be freed by kv_watch_result_deinit in any case. */
int kv_watch_run(const struct kv_watch_plan *plan, struct kv_watch_result *ret_result,
                 struct error *err);
void kv_watch_result_deinit(struct kv_watch_result *result);

#endif
