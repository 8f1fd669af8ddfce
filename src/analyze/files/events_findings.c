/* events_findings.c: what the parcels' account says. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "analyze/files/events_internal.h"
#include "base/unit.h"
#include "base/util.h"
#include "format/timestamp.h"

#define BURSTY 1.5 /* variance over mean of parcels a minute */
#define BURSTY_P 0.01

static const char *figure(double value, char *buf, size_t size)
{
    return unit_format_number(value, 4, buf, size);
}

static void set_share(struct finding *finding, uint64_t k, uint64_t n)
{
    double count = (double)k, all = (double)n;
    finding->n = n;
    finding_value(finding, 100 * count / all, "%");
    finding_interval(finding, 100 * proportion_lower(count, all, 0.975),
                     100 * proportion_upper(count, all, 0.975));
}

/* The whole log. */
static void evidence_all(const struct events *events, struct finding *finding)
{
    char begin[40], end[40];
    const struct event_segment *last = &events->segments[events->segment_count - 1];
    finding_evidence(finding, "%s to %s",
                     timestamp_format(events->segments[0].begin_s, begin, sizeof(begin)),
                     timestamp_format(last->end_s, end, sizeof(end)));
}

static void evidence_first(const struct events *events, struct finding *finding, uint64_t seq)
{
    char where[200];
    finding_evidence(finding, "first at %s", event_where(events, seq, where, sizeof(where)));
}

/* ---- how many ---- */

static int tell_throughput(struct events *events)
{
    struct finding finding;
    struct event_peak hour, minute;
    char mean[32], lo[32], hi[32], peak[32], p95[32], when[40];
    int rc = events_peak_of(events, 60, false, &hour);
    if (rc == 0)
        rc = events_peak_of(events, 1, false, &minute);
    if (rc < 0)
        return rc;
    finding_init(&finding, "throughput", SEVERITY_INFO, "parcels_per_hour");
    char busiest[128] = "";
    if (!isnan(minute.peak))
        snprintf(busiest, sizeof(busiest), "; busiest minute %s (%s), p95 of minutes %s",
                 figure(minute.peak, peak, sizeof(peak)),
                 timestamp_format(minute.peak_s, when, sizeof(when)),
                 figure(minute.p95, p95, sizeof(p95)));
    finding_sentence(&finding, "%" PRIu64 " parcel%s in %s s: %s an hour (%s to %s)%s",
                     (uint64_t)events->parcel_count, events->parcel_count == 1 ? "" : "s",
                     unit_format_number(events_covered_s(events), 5, when, sizeof(when)),
                     figure(hour.mean, mean, sizeof(mean)), figure(hour.lo, lo, sizeof(lo)),
                     figure(hour.hi, hi, sizeof(hi)), busiest);
    finding.n = events->parcel_count;
    finding_value(&finding, hour.mean, "1/h");
    finding_interval(&finding, hour.lo, hour.hi);
    evidence_all(events, &finding);
    finding_advice(&finding, "size the machine for the busiest minute and not for the mean");
    analysis_add_finding(events->analysis, &finding);
    if (!(minute.dispersion > BURSTY && minute.dispersion_p < BURSTY_P))
        return 0;
    finding_init(&finding, "arrivals_in_bursts", SEVERITY_INFO, "parcels_per_minute");
    finding_sentence(&finding,
                     "parcels come in bursts: the counts of %" PRIu64 " minutes vary %s times as "
                     "much as at random, so that intervals of rates are %s times too narrow",
                     minute.full, figure(minute.dispersion, mean, sizeof(mean)),
                     unit_format_number(sqrt(minute.dispersion), 2, lo, sizeof(lo)));
    finding.n = minute.full;
    finding_value(&finding, minute.dispersion, "");
    finding_interval(&finding, minute.dispersion_ci.lo, minute.dispersion_ci.hi);
    evidence_all(events, &finding);
    finding_advice(&finding, "compare rates of whole shifts, or hours of the same kind");
    analysis_add_finding(events->analysis, &finding);
    return 0;
}

static void tell_rows(struct events *events)
{
    struct finding finding;
    char each[32];
    bool has_parcels = events->parcel_count > 0;
    finding_init(&finding, has_parcels ? "rows_are_not_parcels" : "no_parcels",
                 has_parcels ? SEVERITY_INFO : SEVERITY_WARNING, "rows");
    finding.n = events->rows;
    evidence_all(events, &finding);
    if (has_parcels) {
        double ratio = (double)events->rows / (double)events->parcel_count;
        finding_sentence(&finding,
                         "%" PRIu64 " rows are %zu parcel%s (master_ids: %zu): %s rows for each, "
                         "because a camera writes one for every frame",
                         events->rows, events->parcel_count, events->parcel_count == 1 ? "" : "s",
                         events->ids.count, figure(ratio, each, sizeof(each)));
        finding_value(&finding, ratio, "");
        finding_advice(&finding, "count parcels, not rows, when you tell a throughput");
    } else {
        finding_sentence(&finding, "none of %" PRIu64 " rows has a master_id: nothing was matched",
                         events->rows);
        finding_advice(&finding, "see whether the matching of cameras and the scanner runs, and "
                                 "whether their clocks agree");
    }
    analysis_add_finding(events->analysis, &finding);
}

/* ---- the account ---- */

static void tell_conservation(struct events *events, const struct event_flow *flow)
{
    const struct event_seen *twice = &events->anomalies[ANOMALY_ENDED_TWICE];
    const struct event_seen *after = &events->anomalies[ANOMALY_SEEN_AFTER_END];
    const struct event_seen *only = &events->anomalies[ANOMALY_BEGAN_WITH_END];
    struct finding finding;
    uint64_t wrong = twice->count + after->count + only->count;
    finding_init(&finding, "conservation", wrong ? SEVERITY_WARNING : SEVERITY_INFO, "parcels");
    finding.n = flow->in;
    if (wrong == 0) {
        /* Open is what remains, so the sum proves nothing: what may be told is who is overdue. */
        finding_sentence(&finding,
                         "nothing contradicts the account: of %" PRIu64 " parcels %" PRIu64
                         " were picked, %" PRIu64 " disappeared, %" PRIu64 " are open (%" PRIu64
                         " of them overdue); none ended twice, was seen after its end or began "
                         "with it",
                         flow->in, flow->picked, flow->disappeared, flow->open, flow->overdue);
        evidence_all(events, &finding);
        finding_advice(&finding, "%s",
                       flow->overdue > 0 ? "find out where the overdue ones went"
                                         : "nothing to do");
    } else {
        const struct event_seen *first = twice->count ? twice : after->count ? after : only;
        finding_sentence(&finding,
                         "the account of %" PRIu64 " parcels contradicts itself: %" PRIu64
                         " ended twice, %" PRIu64 " seen again after the end, %" PRIu64
                         " with an end and no beginning",
                         flow->in, twice->count, after->count, only->count);
        finding_value(&finding, (double)wrong, "");
        evidence_first(events, &finding, first->first_seq);
        finding_advice(&finding,
                       "look at these ids: two processes may end the same parcel, ids may "
                       "be given again too soon, or DISAPPEAR comes before the parcel "
                       "has passed the last camera");
    }
    analysis_add_finding(events->analysis, &finding);
}

static const struct event_parcel *first_overdue(const struct events *events,
                                                const struct event_flow *flow)
{
    for (size_t i = 0; i < events->parcel_count; i++) {
        const struct event_parcel *parcel = &events->parcels[i];
        if (parcel->end == EVENT_OPEN && (parcel->segment + 1 != events->segment_count ||
                                          events->now_s - parcel->first_s > flow->usual_s))
            return parcel;
    }
    return NULL;
}

static void tell_open(struct events *events, const struct event_flow *flow)
{
    struct finding finding;
    char usual[32], where[200];
    const struct event_parcel *parcel = first_overdue(events, flow);
    if (!flow->has_overdue || flow->overdue == 0 || !parcel)
        return;
    finding_init(&finding, "never_ended", SEVERITY_WARNING, "parcels");
    finding_sentence(&finding,
                     "%" PRIu64 " of %" PRIu64 " parcels have no PICKUP or DISAPPEAR and began "
                     "longer ago than 99%% of the others stayed (%s s)",
                     flow->overdue, flow->in, figure(flow->usual_s, usual, sizeof(usual)));
    set_share(&finding, flow->overdue, flow->in);
    finding_evidence(&finding, "first: %.40s at %s",
                     events->ids.text + events->ids.items[parcel->id].text,
                     event_where(events, parcel->first_seq, where, sizeof(where)));
    finding_advice(&finding, "they were lost on the way, or whoever writes their end missed them; "
                             "what keeps a list of open parcels grows by them");
    analysis_add_finding(events->analysis, &finding);
}

static void tell_little(struct events *events, const struct event_flow *flow)
{
    struct finding finding;
    char open[32], product[32], lo[32], hi[32];
    if (isnan(flow->product))
        return;
    bool is_more = flow->mean_open > flow->product_hi, is_less = flow->mean_open < flow->product_lo;
    finding_init(&finding, "littles_law",
                 is_more && flow->overdue > 0 ? SEVERITY_WARNING : SEVERITY_INFO, "lambda_x_w");
    finding_sentence(&finding,
                     "on average %s parcels were there; Little's law makes it %s "
                     "(%s to %s): %s",
                     figure(flow->mean_open, open, sizeof(open)),
                     figure(flow->product, product, sizeof(product)),
                     figure(flow->product_lo, lo, sizeof(lo)),
                     figure(flow->product_hi, hi, sizeof(hi)),
                     is_more   ? "more are open than the stay of those that ended explains"
                     : is_less ? "fewer are open than the stay of those that ended explains"
                               : "it holds");
    finding.n = events->steps[STEP_PRESENT].n;
    /* The interval is that of the product; L is counted, not estimated. */
    finding_value(&finding, flow->product, "");
    finding_interval(&finding, flow->product_lo, flow->product_hi);
    evidence_all(events, &finding);
    finding_advice(&finding, "%s",
                   is_more   ? "look for parcels that never end"
                   : is_less ? "the log may begin or end in the middle of the work, or ends are "
                               "written late"
                             : "nothing to do");
    analysis_add_finding(events->analysis, &finding);
}

static void tell_missing(struct events *events, const struct event_flow *flow)
{
    struct finding finding;
    if (events->kind_rows[EVENT_MISSING] == 0 || flow->in == 0)
        return;
    finding_init(&finding, "missing_rate", SEVERITY_INFO, "missing_pct");
    set_share(&finding, flow->missing, flow->in);
    finding_sentence(&finding,
                     "%" PRIu64 " of %" PRIu64 " parcels were missing at a camera at least once "
                     "(%.3g%%, %.3g to %.3g)",
                     flow->missing, flow->in, finding.value, finding.lo, finding.hi);
    evidence_all(events, &finding);
    finding_advice(&finding, "compare the travel times in the table of transitions with the times "
                             "and margins that the matching expects");
    analysis_add_finding(events->analysis, &finding);
}

/* ---- identities ---- */

static void tell_duplicates(struct events *events)
{
    const struct event_seen *changes = &events->anomalies[ANOMALY_DUPLICATE];
    const struct event_seen *repeated = &events->anomalies[ANOMALY_REPEATED];
    struct finding finding;
    if (changes->count > 0) {
        uint64_t all = 0;
        for (int i = EVENT_MATCHED; i < EVENT_KIND_COUNT; i++)
            all += events->kind_rows[i];
        finding_init(&finding, "duplicates", SEVERITY_WARNING, "rows");
        finding_sentence(&finding,
                         "%" PRIu64 " of %" PRIu64 " changes of state (MATCHED, MISSING, PICKUP, "
                         "DISAPPEAR) were written again for the same parcel within %g s",
                         changes->count, all, EVENTS_DUPLICATE_S);
        set_share(&finding, changes->count, all);
        evidence_first(events, &finding, changes->first_seq);
        finding_advice(&finding, "see whether two processes write the same log, or a message is "
                                 "sent again after a time-out; sums over these rows are too high");
        analysis_add_finding(events->analysis, &finding);
    }
    if (repeated->count > 0) {
        finding_init(&finding, "repeated_rows", SEVERITY_WARNING, "rows");
        finding_sentence(
            &finding, "%" PRIu64 " rows have camera, local_uid, event and time of an earlier one",
            repeated->count);
        set_share(&finding, repeated->count, events->rows);
        evidence_first(events, &finding, repeated->first_seq);
        finding_advice(&finding, "two processes may write the same log, or it was put together "
                                 "from files that overlap");
        analysis_add_finding(events->analysis, &finding);
    }
}

static void tell_switches(struct events *events)
{
    const struct event_seen *switched = &events->anomalies[ANOMALY_SWITCHED];
    struct finding finding;
    if (switched->count == 0)
        return;
    finding_init(&finding, "identity_switched", SEVERITY_WARNING, "local_uids");
    finding_sentence(&finding,
                     "%" PRIu64 " of %" PRIu64 " local_uids stand for more than one master_id",
                     switched->count, events->tracks_with_parcel);
    set_share(&finding, switched->count, events->tracks_with_parcel);
    evidence_first(events, &finding, switched->first_seq);
    finding_advice(&finding,
                   "the tracker takes one parcel for another, or the matching changes its "
                   "mind: parcels that lie close together are the first to look at");
    analysis_add_finding(events->analysis, &finding);
}

static void tell_ids_again(struct events *events)
{
    const struct event_seen *again = &events->anomalies[ANOMALY_ID_AGAIN];
    struct finding finding;
    if (again->count == 0)
        return;
    finding_init(&finding, "ids_used_again", SEVERITY_INFO, "parcels");
    finding_sentence(&finding,
                     "%" PRIu64 " parcels have the master_id of an earlier one that ended %g min "
                     "before (or before a jump of the time), or was last seen %g min before: they "
                     "are counted as parcels of their own",
                     again->count, EVENTS_ENDED_AGAIN_S / 60, EVENTS_SEEN_AGAIN_S / 60);
    set_share(&finding, again->count, events->parcel_count);
    evidence_first(events, &finding, again->first_seq);
    finding_advice(&finding,
                   "let ids go on counting over a restart, then no two parcels share one");
    analysis_add_finding(events->analysis, &finding);
}

int events_tell_findings(struct events *events, const struct event_flow *flow)
{
    tell_rows(events);
    if (events->parcel_count > 0 && events_covered_s(events) > 0) {
        int rc = tell_throughput(events);
        if (rc < 0)
            return rc;
    }
    events_tell_time_findings(events);
    tell_duplicates(events);
    if (events->parcel_count > 0) {
        tell_conservation(events, flow);
        tell_open(events, flow);
        tell_little(events, flow);
    }
    tell_missing(events, flow);
    tell_switches(events);
    tell_ids_again(events);
    events_tell_load_findings(events);
    return 0;
}
