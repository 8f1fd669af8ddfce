/* events_flow.c: what became of the parcels: routes, ways between cameras, life cycles, identities,
 * and whether the account of them comes out even. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/files/events_internal.h"
#include "base/util.h"

static const struct analysis_column route_columns[] = {
    {.key = "route", .title = "route", .kind = ANALYSIS_TEXT},
    {.key = "parcels", .title = "parcels", .kind = ANALYSIS_COUNT},
    {.key = "share_pct", .title = "share", .unit = "%", .kind = ANALYSIS_INTERVAL},
    {.key = "parcels_per_hour", .title = "parcels/h", .kind = ANALYSIS_INTERVAL},
    {.key = "picked", .title = "picked", .kind = ANALYSIS_COUNT},
    {.key = "disappeared", .title = "disappeared", .kind = ANALYSIS_COUNT},
    {.key = "open", .title = "open", .kind = ANALYSIS_COUNT},
    {.key = "rows", .title = "rows", .kind = ANALYSIS_COUNT, .is_detail = true},
};
static const struct analysis_column edge_columns[] = {
    {.key = "from", .title = "from", .kind = ANALYSIS_TEXT},
    {.key = "to", .title = "to", .kind = ANALYSIS_TEXT},
    {.key = "n", .title = "n", .kind = ANALYSIS_COUNT},
    {.key = "share_pct", .title = "share", .unit = "%", .kind = ANALYSIS_NUMBER, .digits = 3},
    {.key = "p50_s", .title = "p50", .unit = "s", .kind = ANALYSIS_INTERVAL},
    {.key = "p90_s", .title = "p90", .unit = "s", .kind = ANALYSIS_NUMBER},
    {.key = "p99_s", .title = "p99", .unit = "s", .kind = ANALYSIS_NUMBER},
    {.key = "min_s", .title = "min", .unit = "s", .kind = ANALYSIS_NUMBER, .is_detail = true},
    {.key = "max_s", .title = "max", .unit = "s", .kind = ANALYSIS_NUMBER},
};
static const struct analysis_column step_columns[] = {
    {.key = "step", .title = "step", .kind = ANALYSIS_TEXT},
    {.key = "n", .title = "n", .kind = ANALYSIS_COUNT},
    {.key = "p50_s", .title = "p50", .unit = "s", .kind = ANALYSIS_INTERVAL},
    {.key = "p90_s", .title = "p90", .unit = "s", .kind = ANALYSIS_NUMBER},
    {.key = "p99_s", .title = "p99", .unit = "s", .kind = ANALYSIS_NUMBER},
    {.key = "min_s", .title = "min", .unit = "s", .kind = ANALYSIS_NUMBER, .is_detail = true},
    {.key = "max_s", .title = "max", .unit = "s", .kind = ANALYSIS_NUMBER},
};
static const struct analysis_column identity_columns[] = {
    {.key = "relation", .title = "relation", .kind = ANALYSIS_TEXT},
    {.key = "n", .title = "n", .kind = ANALYSIS_COUNT},
    {.key = "mean", .title = "mean", .kind = ANALYSIS_NUMBER},
    {.key = "max", .title = "max", .kind = ANALYSIS_COUNT},
    {.key = "too_many", .title = "too many", .kind = ANALYSIS_COUNT},
    {.key = "too_many_pct", .title = "share", .unit = "%", .kind = ANALYSIS_INTERVAL, .digits = 3},
};
static const struct analysis_column flow_columns[] = {
    {.key = "in", .title = "in", .kind = ANALYSIS_COUNT},
    {.key = "picked", .title = "picked", .kind = ANALYSIS_COUNT},
    {.key = "disappeared", .title = "disappeared", .kind = ANALYSIS_COUNT},
    {.key = "open", .title = "open", .kind = ANALYSIS_COUNT},
    {.key = "overdue", .title = "overdue", .kind = ANALYSIS_COUNT},
    {.key = "ended_twice", .title = "twice", .kind = ANALYSIS_COUNT},
    {.key = "seen_after_end", .title = "seen after", .kind = ANALYSIS_COUNT},
    {.key = "began_with_end", .title = "no begin", .kind = ANALYSIS_COUNT},
    {.key = "duplicates", .title = "duplicates", .kind = ANALYSIS_COUNT, .is_detail = true},
    {.key = "missing_parcels", .title = "missing", .kind = ANALYSIS_COUNT, .is_detail = true},
    {.key = "missing_pct",
     .title = "missing",
     .unit = "%",
     .kind = ANALYSIS_INTERVAL,
     .is_detail = true},
    {.key = "rerouted", .title = "rerouted", .kind = ANALYSIS_COUNT, .is_detail = true},
};
static const struct analysis_column little_columns[] = {
    {.key = "mean_open", .title = "L: mean there", .kind = ANALYSIS_NUMBER},
    {.key = "parcels_per_s", .title = "lambda", .unit = "1/s", .kind = ANALYSIS_NUMBER},
    {.key = "present_mean_s", .title = "W: mean stay", .unit = "s", .kind = ANALYSIS_NUMBER},
    {.key = "product", .title = "lambda x W", .kind = ANALYSIS_INTERVAL},
    {.key = "most_open", .title = "most there", .kind = ANALYSIS_COUNT},
    {.key = "most_open_time", .title = "when", .kind = ANALYSIS_TIME, .is_detail = true},
};

static struct analysis_cell share_cell(uint64_t k, uint64_t n)
{
    if (n == 0)
        return cell_number(NAN);
    double count = (double)k, all = (double)n;
    return cell_interval(100 * count / all, 100 * proportion_lower(count, all, 0.975),
                         100 * proportion_upper(count, all, 0.975));
}

/* ---- routes ---- */

struct route_sum {
    size_t route;
    uint64_t parcels, ends[3];
};

static int by_parcels(const void *a, const void *b)
{
    const struct route_sum *x = a, *y = b;
    if (x->parcels != y->parcels)
        return x->parcels > y->parcels ? -1 : 1;
    return x->route < y->route ? -1 : x->route > y->route;
}

static int tell_routes(struct events *events)
{
    CLEANUP_FREE struct route_sum *sums = calloc(EVENTS_ROUTES_MAX, sizeof(*sums));
    double hours = events_covered_s(events) / 3600;
    if (!sums)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < EVENTS_ROUTES_MAX; i++)
        sums[i].route = i;
    for (size_t i = 0; i < events->parcel_count; i++) {
        struct route_sum *sum = &sums[events->parcels[i].route];
        sum->parcels++;
        sum->ends[events->parcels[i].end]++;
    }
    qsort(sums, EVENTS_ROUTES_MAX, sizeof(*sums), by_parcels);
    struct analysis_table *table = analysis_add_table(events->analysis, "routes", "Routes",
                                                      route_columns, ARRAY_LEN(route_columns));
    for (size_t i = 0; i < EVENTS_ROUTES_MAX; i++) {
        const struct route_sum *sum = &sums[i];
        if (sum->parcels == 0 && (sum->route == 0 || events->route_rows[sum->route] == 0))
            continue;
        struct interval rate = poisson_interval(sum->parcels, 0.95);
        struct analysis_cell *cell = analysis_add_row(table);
        *cell++ = cell_text(table, sum->route ? events->routes.name[sum->route] : "(none)");
        *cell++ = cell_number((double)sum->parcels);
        *cell++ = share_cell(sum->parcels, events->parcel_count);
        *cell++ = hours > 0 ? cell_interval((double)sum->parcels / hours, rate.lo / hours,
                                            rate.hi / hours)
                            : cell_number(NAN);
        *cell++ = cell_number((double)sum->ends[EVENT_PICKED]);
        *cell++ = cell_number((double)sum->ends[EVENT_DISAPPEARED]);
        *cell++ = cell_number((double)sum->ends[EVENT_OPEN]);
        *cell = cell_number((double)events->route_rows[sum->route]);
    }
    return 0;
}

/* ---- ways between cameras ---- */

static int tell_edge(struct events *events, struct analysis_table *table, size_t from, size_t to,
                     uint64_t left)
{
    const struct event_values *edge = events->edges[from * EVENTS_CAMS_MAX + to];
    struct event_spread spread;
    if (!edge)
        return 0;
    if (event_spread_of(edge, true, &spread) < 0)
        return -ERROR_NOMEM;
    struct analysis_cell *cell = analysis_add_row(table);
    *cell++ = cell_text(table, events->cams.name[from]);
    *cell++ = cell_text(table, events->cams.name[to]);
    *cell++ = cell_number((double)spread.n);
    *cell++ = cell_number(100 * (double)spread.n / (double)left);
    *cell++ = cell_interval(spread.p50, spread.p50_ci.lo, spread.p50_ci.hi);
    *cell++ = cell_number(spread.p90);
    *cell++ = cell_number(spread.p99);
    *cell++ = cell_number(spread.min);
    *cell = cell_number(spread.max);
    return 0;
}

static int tell_edges(struct events *events)
{
    struct analysis_table *table =
        analysis_add_table(events->analysis, "transitions", "From camera to camera", edge_columns,
                           ARRAY_LEN(edge_columns));
    int rc = 0;
    for (size_t from = 0; from < events->cams.count; from++) {
        uint64_t left = 0;
        for (size_t to = 0; to < events->cams.count; to++) {
            const struct event_values *edge = events->edges[from * EVENTS_CAMS_MAX + to];
            left += edge ? edge->n : 0;
        }
        for (size_t to = 0; to < events->cams.count && rc == 0; to++)
            rc = tell_edge(events, table, from, to, left);
    }
    analysis_note(table, "From the first sight of a parcel at one camera to its first sight at the "
                         "next camera that has not seen it before.");
    return rc;
}

/* ---- life cycles ---- */

static int tell_steps(struct events *events)
{
    static const char *const names[STEP_COUNT] = {"tracking to matched", "matched to pickup",
                                                  "matched to disappear", "first row to end"};
    struct analysis_table *table = analysis_add_table(events->analysis, "life_cycle", "Life cycle",
                                                      step_columns, ARRAY_LEN(step_columns));
    for (size_t i = 0; i < STEP_COUNT; i++) {
        struct event_spread spread;
        if (event_spread_of(&events->steps[i], true, &spread) < 0)
            return -ERROR_NOMEM;
        struct analysis_cell *cell = analysis_add_row(table);
        *cell++ = cell_text(table, names[i]);
        *cell++ = cell_number((double)spread.n);
        *cell++ = cell_interval(spread.p50, spread.p50_ci.lo, spread.p50_ci.hi);
        *cell++ = cell_number(spread.p90);
        *cell++ = cell_number(spread.p99);
        *cell++ = cell_number(spread.min);
        *cell = cell_number(spread.max);
    }
    return 0;
}

static void tell_identities(struct events *events)
{
    uint64_t tracked = 0, most = 0, fragmented = 0;
    for (size_t i = 0; i < events->parcel_count; i++) {
        const struct event_parcel *parcel = &events->parcels[i];
        uint64_t cams = 0;
        for (uint64_t bits = parcel->cams; bits; bits &= bits - 1)
            cams++;
        tracked += parcel->tracks > 0;
        most = u64_max(most, parcel->tracks);
        fragmented += parcel->tracks > cams;
    }
    struct analysis_table *table =
        analysis_add_table(events->analysis, "identities", "Identities", identity_columns,
                           ARRAY_LEN(identity_columns));
    double pairs = (double)events->track_pairs;
    struct analysis_cell *cell = analysis_add_row(table);
    *cell++ = cell_text(table, "local_uids of a master_id");
    *cell++ = cell_number((double)tracked);
    *cell++ = cell_number(tracked ? pairs / (double)tracked : NAN);
    *cell++ = cell_number(tracked ? (double)most : NAN);
    *cell++ = cell_number((double)fragmented);
    *cell = share_cell(fragmented, tracked);
    cell = analysis_add_row(table);
    *cell++ = cell_text(table, "master_ids of a local_uid");
    *cell++ = cell_number((double)events->tracks_with_parcel);
    *cell++ =
        cell_number(events->tracks_with_parcel ? pairs / (double)events->tracks_with_parcel : NAN);
    *cell++ = cell_number(events->tracks_with_parcel ? (double)events->track_parcels_max : NAN);
    *cell++ = cell_number((double)events->tracks_switched);
    *cell = share_cell(events->tracks_switched, events->tracks_with_parcel);
    analysis_note(table, "Too many: more local_uids than cameras that saw the parcel (the tracker "
                         "lost it and began anew); more than one master_id (it took one parcel for "
                         "another).");
}

/* ---- the account ---- */

/* L = lambda W (Little 1961) holds for parcels that come and go; L is counted with all of them, W
 * only with those that ended, so that those that never end make L larger. The interval is that of a
 * compound Poisson sum: its variance is the sum of the squares. */
static void set_little(const struct events *events, struct event_flow *flow)
{
    double covered_s = events_covered_s(events);
    const struct event_values *present = &events->steps[STEP_PRESENT];
    flow->mean_open = flow->per_s = flow->present_s = NAN;
    flow->product = flow->product_lo = flow->product_hi = NAN;
    if (!(covered_s > 0))
        return;
    flow->mean_open = events->open_area_s / covered_s;
    flow->per_s = (double)events->parcel_count / covered_s;
    if (present->n == 0)
        return;
    double n = (double)present->n, factor = (double)events->parcel_count / n / covered_s;
    double half = normal_quantile(0.975) * sqrt(present->sum_sq);
    flow->present_s = present->sum / n;
    flow->product = present->sum * factor;
    flow->product_lo = fmax(0, (present->sum - half) * factor);
    flow->product_hi = (present->sum + half) * factor;
}

int events_flow_of(const struct events *events, struct event_flow *ret)
{
    struct event_spread present;
    struct event_flow flow = {.in = events->parcel_count};
    if (event_spread_of(&events->steps[STEP_PRESENT], false, &present) < 0)
        return -ERROR_NOMEM;
    flow.usual_s = present.p99;
    flow.has_overdue = present.n > 0;
    for (size_t i = 0; i < events->parcel_count; i++) {
        const struct event_parcel *parcel = &events->parcels[i];
        flow.picked += parcel->end == EVENT_PICKED;
        flow.disappeared += parcel->end == EVENT_DISAPPEARED;
        flow.open += parcel->end == EVENT_OPEN;
        flow.missing += parcel->kinds >> EVENT_MISSING & 1;
        flow.rerouted += (parcel->flags & PARCEL_ROUTE_CHANGED) != 0;
        flow.tracked += parcel->tracks > 0;
        bool is_old = parcel->segment + 1 != events->segment_count ||
                      events->now_s - parcel->first_s > flow.usual_s;
        flow.overdue += flow.has_overdue && parcel->end == EVENT_OPEN && is_old;
    }
    set_little(events, &flow);
    *ret = flow;
    return 0;
}

static void tell_account(struct events *events, const struct event_flow *flow)
{
    const struct event_seen *seen = events->anomalies;
    struct analysis_table *table = analysis_add_table(
        events->analysis, "conservation", "Conservation: in = picked + disappeared + open",
        flow_columns, ARRAY_LEN(flow_columns));
    struct analysis_cell *cell = analysis_add_row(table);
    *cell++ = cell_number((double)flow->in);
    *cell++ = cell_number((double)flow->picked);
    *cell++ = cell_number((double)flow->disappeared);
    *cell++ = cell_number((double)flow->open);
    *cell++ = cell_number(flow->has_overdue ? (double)flow->overdue : NAN);
    *cell++ = cell_number((double)seen[ANOMALY_ENDED_TWICE].count);
    *cell++ = cell_number((double)seen[ANOMALY_SEEN_AFTER_END].count);
    *cell++ = cell_number((double)seen[ANOMALY_BEGAN_WITH_END].count);
    *cell++ = cell_number((double)seen[ANOMALY_DUPLICATE].count);
    *cell++ = cell_number((double)flow->missing);
    *cell++ = share_cell(flow->missing, flow->in);
    *cell = cell_number((double)flow->rerouted);
    analysis_note(table,
                  "Overdue: open, and there for longer than 99%% of those that ended. Twice: "
                  "a second end; seen after: by a camera, more than %g s after the end; no "
                  "begin: their first row is their end.",
                  EVENTS_DUPLICATE_S);
    table = analysis_add_table(events->analysis, "little", "Little's law: L = lambda x W",
                               little_columns, ARRAY_LEN(little_columns));
    cell = analysis_add_row(table);
    *cell++ = cell_number(flow->mean_open);
    *cell++ = cell_number(flow->per_s);
    *cell++ = cell_number(flow->present_s);
    *cell++ = cell_interval(flow->product, flow->product_lo, flow->product_hi);
    *cell++ = cell_number((double)events->open_peak);
    *cell = cell_number(events->open_peak > 0 ? events->open_peak_s : NAN);
    analysis_note(table, "L counts every parcel, W only those that ended: L above the interval "
                         "means parcels that never do.");
}

int events_tell_flow(struct events *events, const struct event_flow *flow)
{
    if (events->parcel_count == 0)
        return 0;
    int rc = tell_routes(events);
    if (rc == 0)
        rc = tell_edges(events);
    if (rc == 0)
        rc = tell_steps(events);
    if (rc < 0)
        return rc;
    tell_identities(events);
    tell_account(events, flow);
    return 0;
}
