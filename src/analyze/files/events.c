/* events.c: the analyzer `events`: parcels in the log of a tracker with several cameras.
 *
 * Reads timestamp,cam,local_uid,master_id,route,x1,y1,x2,y2,event: a row for every detection of
 * every frame, so that rows are no parcels. docs/analyze.md has the definitions.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/events_internal.h"
#include "base/util.h"

#define SEQ_LINE (((uint64_t)1 << 40) - 1)

const char *event_where(const struct events *events, uint64_t seq, char *buf, size_t size)
{
    snprintf(buf, size, "%s:%llu", events->analysis->inputs[seq >> 40]->name,
             (unsigned long long)(seq & SEQ_LINE));
    return buf;
}

static int prepare(struct events *events)
{
    static const char *const known[EVENT_KIND_COUNT] = {"UNMATCHED", "TRACKING", "MATCHED",
                                                        "MISSING",   "PICKUP",   "DISAPPEAR"};
    events->budget.max = EVENTS_VALUES_MAX;
    events->gap_budget.max = EVENTS_GAP_VALUES_MAX;
    events->cam = calloc(EVENTS_CAMS_MAX + 1, sizeof(*events->cam));
    if (!events->cam || event_names_init(&events->cams, EVENTS_CAMS_MAX) < 0 ||
        event_names_init(&events->kinds, EVENTS_KINDS_MAX) < 0 ||
        event_names_init(&events->routes, EVENTS_ROUTES_MAX) < 0)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        event_names_add(&events->kinds, known[i], strlen(known[i]));
    event_names_add(&events->routes, "", 0); /* none */
    return 0;
}

static void forget(struct events *events)
{
    for (size_t i = 0; events->cam && i <= EVENTS_CAMS_MAX; i++)
        event_values_deinit(&events->cam[i].gaps);
    for (size_t i = 0; i < ARRAY_LEN(events->edges); i++) {
        if (events->edges[i])
            event_values_deinit(events->edges[i]);
        free(events->edges[i]);
    }
    for (size_t i = 0; i < STEP_COUNT; i++)
        event_values_deinit(&events->steps[i]);
    event_values_deinit(&events->lags);
    event_values_deinit(&events->second_parcels.values);
    event_values_deinit(&events->second_rows.values);
    event_names_deinit(&events->cams);
    event_names_deinit(&events->kinds);
    event_names_deinit(&events->routes);
    event_ids_deinit(&events->ids);
    free(events->tracks.slots);
    free(events->pairs.slots);
    free(events->window);
    free(events->segments);
    free(events->bins);
    free(events->cam);
    free(events->parcels);
    free(events->silences);
    free(events->metrics);
    free(events);
}

static void tell_facts(struct events *events)
{
    struct facts *facts = &events->analysis->facts;
    const struct event_seen *seen = events->anomalies;
    bool is_exact = !events->budget.is_spent && !events->gap_budget.is_spent;
    facts_integer(facts, "rows", (int64_t)events->rows, NULL);
    facts_integer(facts, "parcels", (int64_t)events->parcel_count, NULL);
    facts_integer(facts, "master_ids", (int64_t)events->ids.count, NULL);
    facts_number(facts, "covered_s", events_covered_s(events), NULL);
    facts_integer(facts, "segments", (int64_t)events->segment_count, NULL);
    facts_integer(facts, "out_of_order_rows", (int64_t)seen[ANOMALY_OUT_OF_ORDER].count, NULL);
    facts_integer(facts, "late_rows", (int64_t)seen[ANOMALY_LATE].count, NULL);
    facts_integer(facts, "repeated_rows", (int64_t)seen[ANOMALY_REPEATED].count, NULL);
    facts_integer(facts, "rows_without_box", (int64_t)seen[ANOMALY_NO_BOX].count, NULL);
    facts_integer(facts, "rows_with_bad_box", (int64_t)seen[ANOMALY_BAD_BOX].count, NULL);
    facts_integer(facts, "ids_used_again", (int64_t)seen[ANOMALY_ID_AGAIN].count, NULL);
    facts_text(facts, "percentiles",
               is_exact ? "exact" : "of more than 4 million values: within 0.4%", NULL);
    if (!events->metrics)
        return;
    facts_integer(facts, "metrics_minutes", (int64_t)events->metrics->minutes, NULL);
    facts_integer(facts, "metrics_holes", (int64_t)events->metrics->hole_count, NULL);
    if (isnan(events->metrics->interval_s))
        facts_null(facts, "metrics_interval_s", REASON_TOO_FEW, NULL);
    else
        facts_number(facts, "metrics_interval_s", events->metrics->interval_s, NULL);
}

static int tell(struct events *events)
{
    struct event_flow flow;
    events->analysis->title = "Parcels in the log of a tracker";
    tell_facts(events);
    int rc = events_flow_of(events, &flow);
    if (rc == 0)
        rc = events_tell_rates(events);
    if (rc == 0)
        rc = events_tell_cameras(events);
    if (rc == 0)
        events_tell_silences(events);
    if (rc == 0)
        rc = events_tell_flow(events, &flow);
    if (rc == 0)
        events_tell_load(events);
    if (rc == 0)
        rc = events_tell_findings(events, &flow);
    return rc;
}

static int nothing(const struct events *events, struct error *err)
{
    uint64_t lost = skips_data(&events->analysis->inputs[0]->skips);
    if (lost > 0)
        error_set(err, ERROR_NOTHING, "none of its %llu rows can be used",
                  (unsigned long long)lost);
    else
        error_set(err, ERROR_NOTHING, "it holds a header and no rows");
    error_at(err, events->analysis->inputs[0]->name, 0, 0);
    return error_hint(err, "a tracking log is expected: timestamp,cam,local_uid,master_id,route,"
                           "x1,y1,x2,y2,event");
}

static int analyze(struct events *events, struct error *err)
{
    int rc = events_read(events, err);
    if (rc < 0)
        return rc;
    if (events->rows == 0)
        return nothing(events, err);
    if (events_find_silences(events) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    if (events->options->metrics_path)
        rc = events_join_metrics(events, err);
    if (rc == 0 && (tell(events) < 0 || events->analysis->failed))
        rc = error_set(err, ERROR_NOMEM, "out of memory");
    return rc;
}

static int events_files(const struct analyze_options *options, struct analysis *analysis,
                        struct error *err)
{
    struct events *events = calloc(1, sizeof(*events));
    if (!events)
        return error_set(err, ERROR_NOMEM, "out of memory");
    events->options = options;
    events->analysis = analysis;
    int rc =
        prepare(events) < 0 ? error_set(err, ERROR_NOMEM, "out of memory") : analyze(events, err);
    forget(events);
    return rc;
}

const struct file_analyzer file_analyzer_events = {
    .name = "events",
    .summary = "parcels, cameras and ways in the log of a tracker",
    .flags = FILE_ANALYZER_MANY,
    .files = events_files,
};
