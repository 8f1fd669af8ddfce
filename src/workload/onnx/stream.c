/* stream.c: the records of an invocation on their way into series. */
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "workload/onnx/internal.h"

#define TAKE_MAX 512
#define BLOCK_MAX 512
#define WINDOWS_MAX 64
#define NS_TO_S 1e-9

/* ---- throughput ---- */

static int tell_windows(struct onnx_session *session, bool is_over, struct error *err)
{
    struct throughput_window window;
    int64_t t_ns[WINDOWS_MAX];
    double per_s[WINDOWS_MAX];
    for (;;) {
        size_t n = 0;
        while (n < WINDOWS_MAX && (is_over ? throughput_take_last(&session->throughput, &window)
                                           : throughput_take(&session->throughput, &window))) {
            t_ns[n] = (int64_t)(window.begin_ns - session->io->run_begin_ns);
            per_s[n++] = window.per_s;
        }
        if (n == 0)
            return 0;
        struct sample_block block = {.series = &session->onnx->series[ONNX_SERIES_THROUGHPUT],
                                     .invocation = session->io->invocation,
                                     .n = n,
                                     .t_ns = t_ns,
                                     .value = per_s};
        int rc = session->io->samples(session->io, &block, err);
        if (rc < 0)
            return rc;
    }
}

static int add_call(struct onnx_session *session, const struct onnx_record *record,
                    struct error *err)
{
    if (throughput_add(&session->throughput, record->stream, record->begin_ns, record->end_ns) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory for the throughput");
    return 0;
}

/* The first calls of the loop say how long a window should be. */
static int calibrate(struct onnx_session *session, struct error *err)
{
    double latencies_ns[ONNX_CALIBRATION];
    uint64_t origin_ns = UINT64_MAX;
    size_t count = session->calibration_count;
    for (size_t i = 0; i < count; i++) {
        const struct onnx_record *record = &session->calibration[i];
        latencies_ns[i] = (double)(record->end_ns - record->begin_ns);
        origin_ns = u64_min(origin_ns, record->begin_ns);
    }
    uint64_t window_ns = throughput_window_ns(latencies_ns, count);
    if (throughput_init(&session->throughput, origin_ns, window_ns, session->onnx->config.streams,
                        (double)session->onnx->shapes.batch_size) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory for the throughput");
    session->has_throughput = true;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_call(session, &session->calibration[i], err);
    return rc;
}

static int count_call(struct onnx_session *session, const struct onnx_record *record,
                      struct error *err)
{
    session->last_end_ns = u64_max(session->last_end_ns, record->end_ns);
    if (session->has_throughput)
        return add_call(session, record, err);
    session->calibration[session->calibration_count++] = *record;
    return session->calibration_count == ONNX_CALIBRATION ? calibrate(session, err) : 0;
}

/* ---- units ---- */

static int tell_column(struct onnx_session *session, enum onnx_series_id id, uint64_t first_unit,
                       size_t n, const int64_t *t_ns, const uint64_t *value_ns, struct error *err)
{
    struct sample_block block = {.series = &session->onnx->series[id],
                                 .invocation = session->io->invocation,
                                 .first_unit = first_unit,
                                 .n = n,
                                 .t_ns = t_ns,
                                 .value_ns = value_ns};
    return session->io->samples(session->io, &block, err);
}

static uint64_t duration(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? to_ns - from_ns : 0;
}

/* Units in order of time; at most BLOCK_MAX. */
static int tell_units(struct onnx_session *session, const struct onnx_record *records, size_t n,
                      struct error *err)
{
    int64_t t_ns[BLOCK_MAX];
    uint64_t latency_ns[BLOCK_MAX], service_ns[BLOCK_MAX], lag_ns[BLOCK_MAX];
    struct onnx *onnx = session->onnx;
    bool is_open = onnx->config.rate_per_s > 0;
    uint64_t first_unit = session->units;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct onnx_record *record = &records[i];
        t_ns[i] = (int64_t)(record->end_ns - session->io->run_begin_ns);
        latency_ns[i] = duration(record->intended_ns, record->end_ns);
        service_ns[i] = duration(record->begin_ns, record->end_ns);
        lag_ns[i] = duration(record->intended_ns, record->begin_ns);
        if (first_unit + i < onnx->config.profiled_units)
            continue; /* kept apart: no part of the loop */
        rc = count_call(session, record, err);
        if (is_open && rc == 0) {
            onnx->tally.served++;
            onnx_lag_add(&onnx->tally.lag, (double)t_ns[i] * NS_TO_S, (double)lag_ns[i] * NS_TO_S,
                         (double)service_ns[i] * NS_TO_S);
        }
    }
    session->units += n;
    if (rc == 0)
        rc = tell_column(session, ONNX_SERIES_LATENCY, first_unit, n, t_ns, latency_ns, err);
    if (rc == 0 && is_open)
        rc = tell_column(session, ONNX_SERIES_SERVICE, first_unit, n, t_ns, service_ns, err);
    if (rc == 0 && is_open)
        rc = tell_column(session, ONNX_SERIES_SEND_LAG, first_unit, n, t_ns, lag_ns, err);
    if (rc == 0 && first_unit == 0)
        rc = onnx_hand_over(session, ONNX_SERIES_FIRST, service_ns[0], 0, records[0].end_ns, err);
    return rc;
}

/* Arrivals that were never begun. With -n they lie behind the N that were asked for. */
static int tell_unserved(struct onnx_session *session, const struct onnx_record *record,
                         struct error *err)
{
    struct onnx_shared *shared = session->worker.shared;
    if (atomic_load(&shared->begun) >= atomic_load(&shared->allowed))
        return 0;
    session->onnx->tally.unserved++;
    return onnx_hand_over(session, ONNX_SERIES_UNSERVED,
                          duration(record->intended_ns, record->end_ns), 0, record->end_ns, err);
}

static int tell(struct onnx_session *session, size_t count, struct error *err)
{
    const struct onnx_record *records = session->merge.records;
    int rc = 0;
    for (size_t at = 0; at < count && rc == 0;) {
        size_t n = 0;
        while (n < BLOCK_MAX && at + n < count && records[at + n].kind == ONNX_RECORD_UNIT)
            n++;
        rc = n > 0 ? tell_units(session, records + at, n, err)
                   : tell_unserved(session, &records[at], err);
        at += n > 0 ? n : 1;
    }
    return rc;
}

/* The engine is foreign code: what it may have written over must not make windows without end. */
static bool can_be(const struct onnx_session *session, const struct onnx_record *record,
                   uint64_t now_ns)
{
    return record->intended_ns >= session->io->run_begin_ns &&
           record->begin_ns >= record->intended_ns && record->end_ns >= record->begin_ns &&
           record->end_ns <= now_ns;
}

static int take_ring(struct onnx_session *session, uint32_t stream, struct error *err)
{
    struct onnx_record records[TAKE_MAX];
    size_t n, taken = 0;
    while ((n = onnx_ring_take(session->worker.shared, stream, records, TAKE_MAX)) > 0) {
        uint64_t now_ns = clock_mono_ns();
        for (size_t i = 0; i < n; i++)
            if (!can_be(session, &records[i], now_ns))
                return error_set(err, ERROR_PROGRAM,
                                 "the worker's memory is damaged: it told of an inference at a "
                                 "time that cannot be");
        if (onnx_merge_add(&session->merge, records, n) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory for the inferences");
        taken += n;
    }
    session->ring_peak = taken > session->ring_peak ? taken : session->ring_peak;
    return 0;
}

int onnx_stream_drain(struct onnx_session *session, bool is_over, struct error *err)
{
    uint64_t now_ns = is_over ? UINT64_MAX : clock_mono_ns();
    session->ring_peak = 0;
    for (uint32_t i = 0; i < session->merge.streams; i++) {
        int taken = take_ring(session, i, err);
        if (taken < 0)
            return taken;
    }
    size_t ready = onnx_merge_ready(&session->merge, now_ns);
    int rc = tell(session, ready, err);
    onnx_merge_drop(&session->merge, ready);
    if (rc == 0 && is_over && !session->has_throughput && session->calibration_count > 0)
        rc = calibrate(session, err);
    if (rc == 0 && session->has_throughput)
        rc = tell_windows(session, false, err);
    if (rc == 0 && session->has_throughput && is_over)
        rc = tell_windows(session, true, err);
    return rc;
}
