/* events_tables.c: kinds of events, cameras, silences, and load against the metrics, as tables. */
#include <math.h>
#include <stdlib.h>

#include "analyze/files/events_internal.h"
#include "base/util.h"

static const struct analysis_column kind_columns[] = {
    {.key = "event", .title = "event", .kind = ANALYSIS_TEXT},
    {.key = "rows", .title = "rows", .kind = ANALYSIS_COUNT},
    {.key = "share_pct", .title = "share", .unit = "%", .kind = ANALYSIS_NUMBER},
    {.key = "parcels", .title = "parcels", .kind = ANALYSIS_COUNT},
};
static const struct analysis_column camera_columns[] = {
    {.key = "cam", .title = "camera", .kind = ANALYSIS_TEXT},
    {.key = "rows", .title = "rows", .kind = ANALYSIS_COUNT},
    {.key = "parcels", .title = "parcels", .kind = ANALYSIS_COUNT},
    {.key = "tracks", .title = "local_uids", .kind = ANALYSIS_COUNT, .is_detail = true},
    {.key = "active_s", .title = "active", .unit = "s", .kind = ANALYSIS_NUMBER, .is_detail = true},
    {.key = "cadence_hz", .title = "cadence", .unit = "1/s", .kind = ANALYSIS_NUMBER},
    {.key = "gap_p50_s", .title = "gap p50", .unit = "s", .kind = ANALYSIS_NUMBER},
    {.key = "gap_p99_s", .title = "p99", .unit = "s", .kind = ANALYSIS_NUMBER},
    {.key = "gap_max_s", .title = "max", .unit = "s", .kind = ANALYSIS_NUMBER},
    {.key = "silences", .title = "outages", .kind = ANALYSIS_COUNT},
    {.key = "silent_s", .title = "silent", .unit = "s", .kind = ANALYSIS_NUMBER, .is_detail = true},
};
static const struct analysis_column silence_columns[] = {
    {.key = "cam", .title = "camera", .kind = ANALYSIS_TEXT},
    {.key = "kind", .title = "what", .kind = ANALYSIS_TEXT},
    {.key = "begin", .title = "from", .kind = ANALYSIS_TIME},
    {.key = "end", .title = "to", .kind = ANALYSIS_TIME, .is_detail = true},
    {.key = "length_s", .title = "length", .unit = "s", .kind = ANALYSIS_NUMBER},
    {.key = "usual_s", .title = "usual", .unit = "s", .kind = ANALYSIS_NUMBER},
    {.key = "expected_parcels", .title = "expected", .kind = ANALYSIS_NUMBER, .digits = 3},
    {.key = "chance", .title = "chance", .kind = ANALYSIS_NUMBER, .digits = 2, .is_detail = true},
    {.key = "others_rows", .title = "rows elsewhere", .kind = ANALYSIS_COUNT, .is_detail = true},
    {.key = "metrics_missing_s",
     .title = "no metrics",
     .unit = "s",
     .kind = ANALYSIS_NUMBER,
     .is_detail = true},
};
static const struct analysis_column load_columns[] = {
    {.key = "metric", .title = "metric", .kind = ANALYSIS_TEXT},
    {.key = "unit", .title = "unit", .kind = ANALYSIS_TEXT},
    {.key = "load", .title = "over", .kind = ANALYSIS_TEXT},
    {.key = "n", .title = "minutes", .kind = ANALYSIS_COUNT},
    {.key = "slope", .title = "slope", .kind = ANALYSIS_INTERVAL},
    {.key = "low", .title = "low", .kind = ANALYSIS_NUMBER},
    {.key = "high", .title = "high", .kind = ANALYSIS_NUMBER},
    {.key = "load_p5", .title = "load p5", .kind = ANALYSIS_NUMBER, .is_detail = true},
    {.key = "load_p95", .title = "load p95", .kind = ANALYSIS_NUMBER, .is_detail = true},
    {.key = "inflation", .title = "inflation", .kind = ANALYSIS_NUMBER, .is_detail = true},
};

static void tell_kinds(struct events *events)
{
    struct analysis_table *table = analysis_add_table(events->analysis, "events", "Rows by event",
                                                      kind_columns, ARRAY_LEN(kind_columns));
    for (size_t i = 0; i < events->kinds.count; i++) {
        if (events->kind_rows[i] == 0)
            continue;
        struct analysis_cell *cell = analysis_add_row(table);
        *cell++ = cell_text(table, events->kinds.name[i]);
        *cell++ = cell_number((double)events->kind_rows[i]);
        *cell++ = cell_number(100.0 * (double)events->kind_rows[i] / (double)events->rows);
        *cell = cell_number(i < EVENT_KIND_COUNT ? (double)events->kind_parcels[i] : NAN);
    }
}

static int tell_camera(const struct events *events, struct analysis_table *table, size_t cam)
{
    const struct event_camera *camera = &events->cam[cam];
    struct event_spread gaps;
    uint64_t frames = 0, silences = 0;
    double active_s = NAN, silent_s = 0;
    if (event_spread_of(&camera->gaps, false, &gaps) < 0)
        return -ERROR_NOMEM;
    if (gaps.n > 0)
        event_values_below(&camera->gaps, EVENTS_ACTIVE_FACTOR * gaps.p50, &frames, &active_s);
    for (size_t i = 0; i < events->silence_count; i++) {
        const struct event_silence *silence = &events->silences[i];
        silences += silence->cam == cam;
        silent_s += silence->cam == cam ? silence->end_s - silence->begin_s : 0;
    }
    struct analysis_cell *cell = analysis_add_row(table);
    *cell++ = cell_text(table, events->cams.name[cam]);
    *cell++ = cell_number((double)camera->rows);
    *cell++ = cell_number((double)camera->visits);
    *cell++ = cell_number((double)camera->tracks);
    *cell++ = cell_number(active_s);
    *cell++ = cell_number(active_s > 0 ? (double)frames / active_s : NAN);
    *cell++ = cell_number(gaps.p50);
    *cell++ = cell_number(gaps.p99);
    *cell++ = cell_number(gaps.max);
    *cell++ = cell_number((double)silences);
    *cell = cell_number(silent_s);
    return 0;
}

int events_tell_cameras(struct events *events)
{
    tell_kinds(events);
    struct analysis_table *table = analysis_add_table(events->analysis, "cameras", "Cameras",
                                                      camera_columns, ARRAY_LEN(camera_columns));
    int rc = 0;
    for (size_t i = 0; i < events->cams.count && rc == 0; i++)
        rc = tell_camera(events, table, i);
    analysis_note(table,
                  "Gaps: between different times of rows in which the camera saw something "
                  "(UNMATCHED, TRACKING, MATCHED). Active: gaps of up to %g medians; "
                  "cadence: their number over it, a lower bound of the frames per second.",
                  EVENTS_ACTIVE_FACTOR);
    return rc;
}

static const char *silence_name(enum silence_kind kind)
{
    static const char *const names[] = {"camera_outage", "all_silent", "idle", "pipeline_stalled",
                                        "host_gap"};
    return names[kind];
}

void events_tell_silences(struct events *events)
{
    if (events->silence_count == 0)
        return;
    struct analysis_table *table = analysis_add_table(events->analysis, "silences", "Silences",
                                                      silence_columns, ARRAY_LEN(silence_columns));
    for (size_t i = 0; i < events->silence_count; i++) {
        const struct event_silence *silence = &events->silences[i];
        struct analysis_cell *cell = analysis_add_row(table);
        *cell++ =
            cell_text(table, silence->cam == EVENTS_ALL ? "all" : events->cams.name[silence->cam]);
        *cell++ = cell_text(table, silence_name(silence->kind));
        *cell++ = cell_number(silence->begin_s);
        *cell++ = cell_number(silence->end_s);
        *cell++ = cell_number(silence->end_s - silence->begin_s);
        *cell++ = cell_number(silence->usual_s);
        *cell++ = cell_number(silence->expected);
        *cell++ = cell_number(silence->chance);
        *cell++ = cell_number((double)silence->others_rows);
        *cell = cell_number(silence->missing_s);
    }
    analysis_note(table,
                  "Longer than %g times the usual gap (p99.9 of the others), and less likely "
                  "than %g%% by the parcels that were expected meanwhile.",
                  EVENTS_SILENCE_FACTOR, 100 * EVENTS_CHANCE);
}

void events_tell_load(struct events *events)
{
    const struct event_metrics *metrics = events->metrics;
    if (!metrics || metrics->load_count == 0)
        return;
    struct analysis_table *table =
        analysis_add_table(events->analysis, "load", "Metrics against load, minute by minute",
                           load_columns, ARRAY_LEN(load_columns));
    for (size_t i = 0; i < metrics->load_count; i++) {
        const struct event_load *load = &metrics->loads[i];
        bool known = load->is_known;
        struct analysis_cell *cell = analysis_add_row(table);
        *cell++ = cell_text(table, load->metric);
        *cell++ = cell_text(table, load->unit);
        *cell++ = cell_text(table, load->load);
        *cell++ = cell_number((double)load->n);
        *cell++ = known ? cell_interval(load->trend.slope, load->trend.lo, load->trend.hi)
                        : cell_number(NAN);
        *cell++ = cell_number(known ? load->low : NAN);
        *cell++ = cell_number(known ? load->high : NAN);
        *cell++ = cell_number(known ? load->load_low : NAN);
        *cell++ = cell_number(known ? load->load_high : NAN);
        *cell = cell_number(known ? load->inflation : NAN);
    }
    analysis_note(table, "Slope: Theil-Sen, per parcel or row a minute, its interval widened for "
                         "the dependence of neighbouring minutes. Low and high load: medians of "
                         "the quarters of the minutes with the least and the most.");
}
