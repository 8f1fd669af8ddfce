/* run_json_phases.c: how much of a run each phase took, after later phases overrode earlier ones.
 */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "format/run_json_internal.h"

#define PHASE_KINDS (PHASE_COOLDOWN + 1)

struct phase_total {
    bool present, found, has_time;
    uint64_t units;
    int64_t time_ns;
};

/* The phases of one invocation, in the order they became known. */
struct phase_ref {
    uint32_t invocation;
    size_t order;
    const struct phase *phase;
};

static int compare_refs(const void *a, const void *b)
{
    const struct phase_ref *x = a, *y = b;
    if (x->invocation != y->invocation)
        return x->invocation < y->invocation ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int compare_edges(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t edge_saturated(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* Either axis of a phase: its units, or its time. */
static void phase_range(const struct phase *phase, bool time, int64_t *ret_lo, int64_t *ret_hi)
{
    uint64_t last = phase->first_unit + phase->unit_count;
    if (last < phase->first_unit)
        last = UINT64_MAX;
    *ret_lo = time ? phase->begin_ns : edge_saturated(phase->first_unit);
    *ret_hi = time ? phase->end_ns : edge_saturated(last);
}

/* Cuts the axis at every begin and end; each piece belongs to the last phase that covers it. */
static void add_axis(const struct phase_ref *refs, size_t count, bool time, int64_t *edges,
                     struct phase_total *totals)
{
    for (size_t i = 0; i < count; i++)
        phase_range(refs[i].phase, time, &edges[2 * i], &edges[2 * i + 1]);
    qsort(edges, 2 * count, sizeof(*edges), compare_edges);
    for (size_t e = 0; e + 1 < 2 * count; e++) {
        if (edges[e] == edges[e + 1])
            continue;
        for (size_t i = count; i-- > 0;) {
            int64_t lo = 0, hi = 0;
            phase_range(refs[i].phase, time, &lo, &hi);
            if (lo > edges[e] || hi < edges[e + 1])
                continue;
            struct phase_total *total = &totals[refs[i].phase->kind];
            uint64_t piece = (uint64_t)edges[e + 1] - (uint64_t)edges[e];
            int64_t piece_ns = edge_saturated(piece);
            total->present = true;
            total->found = total->found || refs[i].phase->found;
            if (time) {
                total->has_time = true;
                if (__builtin_add_overflow(total->time_ns, piece_ns, &total->time_ns))
                    total->time_ns = INT64_MAX;
            } else if (__builtin_add_overflow(total->units, piece, &total->units)) {
                total->units = UINT64_MAX;
            }
            break;
        }
    }
}

static void write_totals(struct json_writer *writer, const struct phase_total *totals)
{
    json_write_object(writer, "phases");
    for (int kind = 0; kind < PHASE_KINDS; kind++) {
        const struct phase_total *total = &totals[kind];
        if (!total->present)
            continue;
        json_write_object_line(writer, phase_kind_name((enum phase_kind)kind));
        json_write_u64(writer, "n", total->units);
        json_write_bool(writer, "found", total->found);
        if (total->has_time)
            json_write_seconds(writer, "time_s", total->time_ns);
        else
            json_write_null(writer, "time_s");
        json_write_end(writer);
    }
    json_write_end(writer);
}

int run_json_write_phases(struct json_writer *writer, const struct run *run, struct error *err)
{
    struct phase_total totals[PHASE_KINDS] = {0};
    size_t count = run->phase_count;
    CLEANUP_FREE struct phase_ref *refs = calloc(count + 1, sizeof(*refs));
    CLEANUP_FREE int64_t *edges = calloc(2 * count + 1, sizeof(*edges));
    if (!refs || !edges)
        return error_set(err, ERROR_NOMEM, "out of memory writing the run's phases");
    for (size_t i = 0; i < count; i++)
        refs[i] = (struct phase_ref){run->phases[i].invocation, i, &run->phases[i]};
    qsort(refs, count, sizeof(*refs), compare_refs);
    for (size_t first = 0, next = 0; first < count; first = next) {
        while (next < count && refs[next].invocation == refs[first].invocation)
            next++;
        add_axis(refs + first, next - first, false, edges, totals);
        add_axis(refs + first, next - first, true, edges, totals);
    }
    write_totals(writer, totals);
    return 0;
}
