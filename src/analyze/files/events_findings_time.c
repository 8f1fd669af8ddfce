/* events_findings_time.c: silences, clocks, boxes, and whether latency rises with load. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "analyze/files/events_internal.h"
#include "base/unit.h"
#include "base/util.h"
#include "format/timestamp.h"

#define EFFECT_MIN 0.05 /* of the metric's median at low load: less is not worth a word */

static const char *figure(double value, char *buf, size_t size)
{
    return unit_format_number(value, 4, buf, size);
}

static void evidence_range(struct finding *finding, double begin_s, double end_s)
{
    char begin[40], end[40];
    finding_evidence(finding, "%s to %s", timestamp_format(begin_s, begin, sizeof(begin)),
                     timestamp_format(end_s, end, sizeof(end)));
}

/* ---- silences ---- */

/* "for 150.6 s", "3 times, 290 s in all, 150.6 s the longest" */
static const char *times_text(uint64_t count, double sum_s, double longest_s, char *buf,
                              size_t size)
{
    char all[32], longest[32];
    figure(longest_s, longest, sizeof(longest));
    if (count == 1)
        snprintf(buf, size, "for %s s", longest);
    else
        snprintf(buf, size, "%" PRIu64 " times, %s s in all, %s s the longest", count,
                 figure(sum_s, all, sizeof(all)), longest);
    return buf;
}

/* All silences of one kind (and camera) are one finding. */
struct silent {
    uint64_t count;
    double sum_s;
    const struct event_silence *longest;
};

static struct silent sum_of(const struct events *events, enum silence_kind kind, size_t cam)
{
    struct silent sum = {0};
    double longest_s = -1;
    for (size_t i = 0; i < events->silence_count; i++) {
        const struct event_silence *silence = &events->silences[i];
        double length_s = silence->end_s - silence->begin_s;
        if (silence->kind != kind || silence->cam != cam)
            continue;
        sum.count++;
        sum.sum_s += length_s;
        if (length_s > longest_s)
            sum.longest = silence;
        longest_s = fmax(longest_s, length_s);
    }
    return sum;
}

static void tell_camera(struct events *events, size_t cam)
{
    struct silent sum = sum_of(events, SILENCE_CAMERA, cam);
    struct finding finding;
    char times[128], usual[32], expected[64] = "", number[32];
    if (sum.count == 0)
        return;
    if (!isnan(sum.longest->expected))
        snprintf(expected, sizeof(expected), ", when about %s parcels should have passed it",
                 unit_format_number(sum.longest->expected, 2, number, sizeof(number)));
    finding_init(&finding, "camera_outage", SEVERITY_WARNING, events->cams.name[cam]);
    finding_sentence(
        &finding, "camera %.60s was silent %s, while others went on%s; its other gaps: p99.9 %s s",
        events->cams.name[cam],
        times_text(sum.count, sum.sum_s, sum.longest->end_s - sum.longest->begin_s, times,
                   sizeof(times)),
        expected, figure(sum.longest->usual_s, usual, sizeof(usual)));
    finding_value(&finding, sum.sum_s, "s");
    finding.n = events->cam[cam].gaps.n;
    evidence_range(&finding, sum.longest->begin_s, sum.longest->end_s);
    finding_advice(&finding, "look at that camera's link and process at this time (dmesg, its own "
                             "log); parcels that passed it are counted too low");
    analysis_add_finding(events->analysis, &finding);
}

static void tell_all(struct events *events, enum silence_kind kind)
{
    static const struct {
        const char *rule, *what, *advice;
        enum severity severity;
    } texts[] = {
        [SILENCE_ALL] = {"all_silent", "no parcels came, or the pipeline stood still",
                         "give the system_metrics.csv of that time with --metrics: it tells a lack "
                         "of parcels from a stalled pipeline and from a host that was away",
                         SEVERITY_INFO},
        [SILENCE_IDLE] = {"idle", "no parcels came: by the metrics the pipeline went on",
                          "nothing to do", SEVERITY_INFO},
        [SILENCE_STALLED] = {"pipeline_stalled",
                             "the pipeline stood still: by the metrics the machine was up, and it "
                             "did less than half of its usual work",
                             "look at the pipeline's log at this time: a camera that blocks, a "
                             "queue that is full, a lock",
                             SEVERITY_WARNING},
        [SILENCE_HOST] = {"host_gap", "the metrics have a hole, too: the host was away",
                          "look for a reboot, a suspend or an out-of-memory kill at this time "
                          "(journalctl --list-boots, dmesg)",
                          SEVERITY_WARNING},
    };
    struct silent sum = sum_of(events, kind, EVENTS_ALL);
    struct finding finding;
    char times[128];
    if (sum.count == 0)
        return;
    finding_init(&finding, texts[kind].rule, texts[kind].severity, "silence");
    finding_sentence(&finding, "all cameras were silent %s: %s",
                     times_text(sum.count, sum.sum_s, sum.longest->end_s - sum.longest->begin_s,
                                times, sizeof(times)),
                     texts[kind].what);
    finding_value(&finding, sum.sum_s, "s");
    finding.n = events->cam[EVENTS_ALL].gaps.n;
    evidence_range(&finding, sum.longest->begin_s, sum.longest->end_s);
    finding_advice(&finding, "%s", texts[kind].advice);
    analysis_add_finding(events->analysis, &finding);
}

/* ---- clocks ---- */

static void tell_jump(struct events *events, size_t i)
{
    const struct event_segment *segment = &events->segments[i];
    double from_s = events->segments[i - 1].end_s;
    bool is_back = segment->why == EVENT_STARTS_BACK;
    struct finding finding;
    char by[32], before[40], after[40], where[160];
    finding_init(&finding, is_back ? "clock_jump" : "pause",
                 is_back ? SEVERITY_WARNING : SEVERITY_INFO, "timestamp");
    finding_sentence(&finding, "%s by %s s, from %s to %s; durations over it are not used",
                     is_back ? "time goes back" : "the log pauses",
                     unit_format_number(fabs(segment->begin_s - from_s), 6, by, sizeof(by)),
                     timestamp_format(from_s, before, sizeof(before)),
                     timestamp_format(segment->begin_s, after, sizeof(after)));
    finding_value(&finding, segment->begin_s - from_s, "s");
    finding.n = 1;
    finding_evidence(&finding, "%s", event_where(events, segment->first_seq, where, sizeof(where)));
    finding_advice(&finding, "%s",
                   is_back ? "the clock was set, summer time ended (write UTC or epoch seconds), "
                             "or files were joined in the wrong order"
                           : "two shifts in one file: their rates are those of the time that is "
                             "covered");
    analysis_add_finding(events->analysis, &finding);
}

static void tell_order(struct events *events)
{
    const struct event_seen *within = &events->anomalies[ANOMALY_OUT_OF_ORDER];
    const struct event_seen *late = &events->anomalies[ANOMALY_LATE];
    struct finding finding;
    char where[160], sorted[96] = "", kept[96] = "";
    if (within->count + late->count == 0)
        return;
    if (within->count > 0)
        snprintf(sorted, sizeof(sorted), "%" PRIu64 " by up to %g s: put in order", within->count,
                 EVENTS_TOLERANCE_S);
    if (late->count > 0)
        snprintf(kept, sizeof(kept), "%" PRIu64 " by more than %g s: counted, but %s not used",
                 late->count, EVENTS_TOLERANCE_S,
                 late->count == 1 ? "its time is" : "their times are");
    finding_init(&finding, "out_of_order", late->count ? SEVERITY_WARNING : SEVERITY_INFO,
                 "timestamp");
    finding_sentence(&finding, "rows came out of order: %s%s%s", sorted,
                     *sorted && *kept ? "; " : "", kept);
    finding_value(&finding, (double)(within->count + late->count), "");
    finding.n = events->rows;
    finding_evidence(&finding, "first at %s",
                     event_where(events, late->count ? late->first_seq : within->first_seq, where,
                                 sizeof(where)));
    finding_advice(&finding, "stamp rows with the time of their frame, by one clock");
    analysis_add_finding(events->analysis, &finding);
}

static void tell_boxes(struct events *events)
{
    const struct event_seen *none = &events->anomalies[ANOMALY_NO_BOX];
    const struct event_seen *bad = &events->anomalies[ANOMALY_BAD_BOX];
    struct finding finding;
    char where[160];
    if (none->count + bad->count == 0)
        return;
    finding_init(&finding, "boxes", SEVERITY_WARNING, "rows");
    finding_sentence(&finding,
                     "a camera saw something in rows with no possible box: %" PRIu64
                     " empty or NaN, %" PRIu64 " without area",
                     none->count, bad->count);
    finding_value(&finding, (double)(none->count + bad->count), "");
    finding.n = events->rows;
    finding_evidence(
        &finding, "first at %s",
        event_where(events, none->count ? none->first_seq : bad->first_seq, where, sizeof(where)));
    finding_advice(&finding, "a tracker whose state diverged writes NaN: see which parcels these "
                             "are; their rows are counted all the same");
    analysis_add_finding(events->analysis, &finding);
}

static void tell_names(struct events *events)
{
    struct finding finding;
    const char *column = events->cams.has_other     ? "cam"
                         : events->routes.has_other ? "route"
                         : events->kinds.has_other  ? "event"
                                                    : NULL;
    if (!column)
        return;
    finding_init(&finding, "too_many_names", SEVERITY_WARNING, column);
    finding_sentence(&finding,
                     "column %s holds more names than can be told apart; the later ones "
                     "are put together as (others)",
                     column);
    finding_evidence(&finding, "column %s", column);
    finding_advice(&finding, "see whether the columns are in the right order");
    finding.n = events->rows;
    analysis_add_finding(events->analysis, &finding);
}

void events_tell_time_findings(struct events *events)
{
    for (size_t i = 0; i < events->cams.count; i++)
        tell_camera(events, i);
    tell_all(events, SILENCE_HOST);
    tell_all(events, SILENCE_STALLED);
    tell_all(events, SILENCE_ALL);
    tell_all(events, SILENCE_IDLE);
    for (size_t i = 1; i < events->segment_count; i++)
        tell_jump(events, i);
    tell_order(events);
    tell_boxes(events);
    tell_names(events);
}

/* ---- load ---- */

static void finish_load(struct events *events, const struct event_load *load,
                        struct finding *finding)
{
    finding->n = load->n;
    finding->has_value = finding->has_interval = true;
    finding->value = load->trend.slope;
    finding->lo = load->trend.lo;
    finding->hi = load->trend.hi;
    /* The metric's unit over parcels a minute. */
    snprintf(finding->unit, sizeof(finding->unit), "%s min/parcel", load->unit);
    evidence_range(finding, events->metrics->begin_s, events->metrics->end_s);
    analysis_add_finding(events->analysis, finding);
}

/* "0.12 ms (0.08 to 0.15) for each parcel a minute" */
static const char *slope_text(const struct event_load *load, char *buf, size_t size)
{
    char slope[32], lo[32], hi[32];
    snprintf(buf, size, "%s %s (%s to %s) for each parcel a minute",
             figure(load->trend.slope, slope, sizeof(slope)), load->unit,
             figure(load->trend.lo, lo, sizeof(lo)), figure(load->trend.hi, hi, sizeof(hi)));
    return buf;
}

static void tell_latency(struct events *events, const struct event_load *load)
{
    struct finding finding;
    char slope[160], low[32], high[32];
    double span = load->load_high - load->load_low, least = EFFECT_MIN * load->low;
    bool rises = load->trend.lo > 0 && load->trend.slope * span > least;
    bool may_rise = load->trend.hi * span > least;
    finding_init(&finding,
                 rises      ? "latency_rises_with_load"
                 : may_rise ? "latency_with_load_open"
                            : "latency_level_with_load",
                 SEVERITY_INFO, load->metric);
    if (rises) {
        finding_sentence(&finding,
                         "%s rises with load: %s, from %s ms in the quietest quarter of "
                         "the minutes to %s ms in the busiest",
                         load->metric, slope_text(load, slope, sizeof(slope)),
                         figure(load->low, low, sizeof(low)),
                         figure(load->high, high, sizeof(high)));
        finding_advice(&finding, "judge the latency in the busiest minutes, and what it would be "
                                 "at the planned load, before a smaller device is chosen");
    } else if (may_rise) {
        finding_sentence(&finding,
                         "undecided whether %s rises with load: %s; a rise of up to %s ms between "
                         "the 5th and 95th percentile of load is not excluded (%s ms in the "
                         "quietest quarter of the minutes)",
                         load->metric, slope_text(load, slope, sizeof(slope)),
                         figure(load->trend.hi * span, high, sizeof(high)),
                         figure(load->low, low, sizeof(low)));
        finding_advice(&finding, "give a longer log, or one with quieter and busier hours, before "
                                 "a smaller device is chosen");
    } else {
        finding_sentence(&finding,
                         "no rise of %s with load is seen: %s, at most %s ms between the "
                         "5th and 95th percentile of load",
                         load->metric, slope_text(load, slope, sizeof(slope)),
                         figure(fmax(0, load->trend.hi * span), high, sizeof(high)));
        finding_advice(&finding, "nothing to do; it says nothing about more load than was there");
    }
    finish_load(events, load, &finding);
}

static void tell_fps(struct events *events, const struct event_load *load)
{
    struct finding finding;
    char slope[160], low[32], high[32];
    double span = load->load_high - load->load_low;
    if (!(load->trend.hi < 0 && -load->trend.slope * span > EFFECT_MIN * load->low))
        return;
    finding_init(&finding, "fps_falls_with_load", SEVERITY_WARNING, load->metric);
    finding_sentence(&finding,
                     "%s falls with load: %s, from %s/s in the quietest quarter of the "
                     "minutes to %s/s in the busiest: the pipeline does not keep up",
                     load->metric, slope_text(load, slope, sizeof(slope)),
                     figure(load->low, low, sizeof(low)), figure(load->high, high, sizeof(high)));
    finding_advice(&finding, "find the stage that takes longer with more objects (tacho profile), "
                             "or let it see fewer frames");
    finish_load(events, load, &finding);
}

void events_tell_load_findings(struct events *events)
{
    const struct event_metrics *metrics = events->metrics;
    struct finding finding;
    if (!metrics)
        return;
    if (metrics->minutes == 0) {
        finding_init(&finding, "metrics_do_not_match", SEVERITY_WARNING, "");
        finding_sentence(&finding,
                         "no minute of the events has values in %.200s: nothing can be "
                         "compared",
                         events->options->metrics_path);
        evidence_range(&finding, metrics->begin_s, metrics->end_s);
        finding_advice(&finding, "give the metrics of the same time, by the same clock (a time "
                                 "without a zone is taken as UTC), with inference_ms_p99, "
                                 "pipeline_fps or cpu_total_pct");
        finding.n = metrics->rows;
        analysis_add_finding(events->analysis, &finding);
    }
    for (size_t i = 0; i < metrics->load_count; i += 2) { /* over parcels, then over rows */
        const struct event_load *load = &metrics->loads[i];
        if (!load->is_known || isnan(load->trend.slope))
            continue;
        bool is_first_latency =
            load->metric[0] == 'i' && (i == 0 || metrics->loads[0].unit[0] != 'm');
        if (is_first_latency)
            tell_latency(events, load);
        if (load->metric[0] == 'p')
            tell_fps(events, load);
    }
}
