/* events_internal.h: what the parts of the analyzer `events` share.
 *
 * Way of a row: events_read.c takes it from the file (on several cores) and gives names and ids
 *       numbers; events_order.c puts rows into the order of their times and finds jumps of the
 *       clock; events_take.c counts it (bins, cameras: events_camera.c, parcels: events_parcel.c).
 *       Then events_silence.c judges gaps, events_metrics.c joins a system_metrics.csv, and
 *       events_tables.c, events_flow.c and events_findings.c tell.
 * Time: seconds since 1970 (or since the log began) as the log writes them. A segment is a stretch
 *       without a jump; durations never span two of them.
 * Memory: about 200 bytes for each parcel, 100 for each track (a local_uid), 32 for each minute,
 * and at most 32 MB of values whose percentiles are exact; what comes after goes into histograms.
 * Errors: -ERROR_NOMEM from everything that adds.
 */
#ifndef TACHO_ANALYZE_FILES_EVENTS_INTERNAL_H
#define TACHO_ANALYZE_FILES_EVENTS_INTERNAL_H

#include "analyze/file_analyzer.h"
#include "stats/hist.h"
#include "stats/stats.h"

#define EVENTS_CAMS_MAX 64  /* the last one stands for all that come after */
#define EVENTS_KINDS_MAX 32 /* the same */
#define EVENTS_ROUTES_MAX 256
#define EVENTS_NAME_MAX 96            /* bytes of a name that count */
#define EVENTS_GAP_VALUES_MAX 3000000 /* exact gaps of cameras, before histograms */
#define EVENTS_VALUES_MAX 1000000     /* and of all other values: 4 million in all */
#define EVENTS_GAPS_MAX 64            /* longest ones that are remembered of each camera */

#define EVENTS_TOLERANCE_S 1.0  /* rows that late are put in order, and counted */
#define EVENTS_LATE_MAX 16      /* so many rows later than that in a row: the clock jumped back */
#define EVENTS_WINDOW_MAX 65536 /* rows that are held for putting them in order */
#define EVENTS_PAUSE_S 21600.0  /* a longer pause is not covered by the log */
#define EVENTS_DUPLICATE_S 1.0  /* the same id and change of state again */
#define EVENTS_ENDED_AGAIN_S 600.0 /* an id seen again so long after its end: another parcel */
#define EVENTS_SEEN_AGAIN_S 3600.0 /* or so long after its last row */
#define EVENTS_SILENCE_FACTOR 5.0  /* times the usual p99.9 gap */
#define EVENTS_CHANCE 0.05         /* of a silence as long among all of a camera's gaps */
#define EVENTS_ACTIVE_FACTOR 5.0   /* gaps up to that many medians: the camera sees something */
#define EVENTS_COVERED_MIN 0.5     /* of a bin, before its normalised count may be a peak */

#define EVENTS_NONE 0xffu /* no camera */
#define EVENTS_NO_PARCEL 0xffffffffu

/* Those of the log; whatever else stands in the column is counted under its own name. */
enum event_kind {
    EVENT_UNMATCHED,
    EVENT_TRACKING,
    EVENT_MATCHED,
    EVENT_MISSING,
    EVENT_PICKUP,
    EVENT_DISAPPEAR,
    EVENT_KIND_COUNT
};
#define EVENT_CHANGES 4 /* MATCHED to DISAPPEAR: a change of state; the others come every frame */

/* ---- events_names.c ---- */

/* A few names: cameras, kinds of events, routes. */
struct event_names {
    char (*name)[EVENTS_NAME_MAX];
    size_t count, capacity, max;
    size_t last;    /* the one found last: mostly the next one, too */
    bool has_other; /* the last stands for several */
};

int event_names_init(struct event_names *names, size_t max);
void event_names_deinit(struct event_names *names);
/* Its number; a new one where it is not known yet. */
size_t event_names_add(struct event_names *names, const char *text, size_t size);

struct event_id {
    uint64_t hash;
    size_t text;     /* where in event_ids.text */
    uint32_t parcel; /* EVENTS_NO_PARCEL: none yet */
};

struct event_ids {
    uint32_t *slots; /* of items, 1-based; 0: free; a power of two */
    size_t slot_count;
    struct event_id *items;
    size_t count, capacity;
    char *text; /* NUL-terminated, one after the other */
    size_t text_size, text_capacity;
};

uint64_t event_hash(const char *text, size_t size, uint64_t seed); /* never 0 */
/* Number of the id, 0-based, or -1: out of memory. */
int64_t event_ids_add(struct event_ids *ids, const char *text, size_t size, uint64_t hash);
void event_ids_deinit(struct event_ids *ids);

/* What a camera's tracker calls one thing that it follows: known by 64 bits of its hash. */
struct event_track {
    uint64_t key; /* 0: free */
    double first_s, last_s;
    uint32_t parcel, segment;
    uint16_t parcels; /* different ones */
    uint8_t last_kind;
};

struct event_tracks {
    struct event_track *slots;
    size_t slot_count, count;
};

/* The track of that key (its key is 0 when it is new: fill it in), or NULL: out of memory. Valid
 * until the next call. */
struct event_track *event_tracks_get(struct event_tracks *tracks, uint64_t key);

/* ---- events_values.c ---- */

struct event_budget {
    uint64_t kept, max;
    bool is_spent;
};

/* Values whose percentiles are wanted. */
struct event_values {
    double *raw; /* in the order in which they came; NULL once in hist */
    size_t capacity;
    struct hist *hist; /* in millionths */
    uint64_t n;
    double sum, sum_sq, min, max;
};

struct event_spread {
    uint64_t n;
    double mean, min, max, p50, p90, p95, p99, p99_9;
    struct interval p50_ci; /* NaN: cannot be had */
    bool is_exact;
};

int event_values_add(struct event_values *values, struct event_budget *budget, double value);
void event_values_deinit(struct event_values *values);
/* Without values all is NaN. */
int event_spread_of(const struct event_values *values, bool with_interval,
                    struct event_spread *ret);
/* How many values are at most `limit`, and their sum. */
void event_values_below(const struct event_values *values, double limit, uint64_t *ret_count,
                        double *ret_sum);
/* p of the values without those `without` (each taken out once). NaN: none is left. */
int event_quantile_without(const struct event_values *values, double p, const double *without,
                           size_t without_count, double *ret);

struct event_gap {
    double begin_s, end_s;
    uint64_t visits; /* parcels that came to other cameras meanwhile */
    uint64_t rows;   /* of other cameras */
    uint32_t segment;
    bool is_edge; /* at the beginning or end of a segment */
};

struct event_gaps {
    struct event_gap longest[EVENTS_GAPS_MAX];
    size_t count, least; /* least: index of the shortest, once full */
};

void event_gaps_offer(struct event_gaps *gaps, const struct event_gap *gap);

/* ---- what is known ---- */

struct event_row {
    double s;
    uint64_t seq;   /* file << 40 | line */
    uint64_t track; /* hash of camera and local_uid; 0: none */
    uint32_t id;    /* 1-based; 0: none */
    uint16_t route; /* 0: none */
    uint8_t cam;    /* EVENTS_NONE */
    uint8_t kind;
    bool is_late; /* more than EVENTS_TOLERANCE_S: its time is not used */
    bool is_seen; /* a camera saw something: not an event that was concluded */
};

/* Why a segment begins. */
enum event_starts { EVENT_STARTS_NOT, EVENT_STARTS_FIRST, EVENT_STARTS_BACK, EVENT_STARTS_PAUSE };

struct event_segment {
    double begin_s, end_s;
    uint64_t first_seq;
    enum event_starts why;
};

struct event_bin {
    int64_t minute; /* its beginning, in minutes */
    uint32_t segment;
    uint32_t parcels;
    uint64_t rows;
};

struct event_second {
    int64_t second;
    double begin_s; /* where the log covers it from */
    uint64_t parcels, rows;
};

struct event_rate { /* of the seconds: parcels or rows */
    struct event_values values;
    struct moments full; /* counts of fully covered seconds */
    double peak, peak_s;
};

struct event_camera {
    uint64_t rows;   /* all that name it */
    uint64_t visits; /* parcels */
    uint64_t tracks;
    double last_s;
    uint64_t visits_then, seen_then; /* of all, at last_s */
    bool is_in_segment;              /* it has seen something in this one */
    struct event_values gaps;        /* between different times */
    struct event_gaps longest;
};

enum event_end { EVENT_OPEN, EVENT_PICKED, EVENT_DISAPPEARED };

#define PARCEL_ENDED_TWICE (1u << 0)
#define PARCEL_SEEN_AFTER_END (1u << 1)
#define PARCEL_ROUTE_CHANGED (1u << 2)
#define PARCEL_BEGAN_WITH_END (1u << 3)

struct event_parcel {
    double first_s, tracking_s, matched_s, end_s, last_s, cam_s;
    double change_s[EVENT_CHANGES];
    uint64_t first_seq;
    uint64_t cams; /* bits */
    uint32_t id;   /* 0-based */
    uint32_t segment, last_segment;
    uint16_t route, tracks;
    uint8_t cam, end, flags, kinds; /* kinds: bits, the last for all others */
};

enum event_step { STEP_MATCHED, STEP_PICKUP, STEP_DISAPPEAR, STEP_PRESENT, STEP_COUNT };

enum event_anomaly {
    ANOMALY_DUPLICATE,
    ANOMALY_REPEATED,
    ANOMALY_ENDED_TWICE,
    ANOMALY_SEEN_AFTER_END,
    ANOMALY_SWITCHED,
    ANOMALY_NO_BOX,
    ANOMALY_BAD_BOX,
    ANOMALY_LATE,
    ANOMALY_OUT_OF_ORDER,
    ANOMALY_ID_AGAIN,
    ANOMALY_BEGAN_WITH_END,
    ANOMALY_COUNT
};

struct event_seen {
    uint64_t count, first_seq;
};

struct events {
    const struct analyze_options *options;
    struct analysis *analysis;
    struct event_names cams, kinds, routes;
    struct event_ids ids;
    struct event_tracks tracks;
    struct event_tracks pairs; /* keys only: parcels of tracks that had several */
    struct event_budget budget, gap_budget;

    /* events_order.c */
    struct event_row *window; /* a heap by time */
    size_t window_count, window_capacity;
    struct event_row late[EVENTS_LATE_MAX];
    size_t late_count;
    double newest_s;
    enum event_starts starts; /* the next row that is released begins a segment */
    uint64_t starts_seq;
    struct event_row held; /* the last row that was read, is_held */
    bool is_held;
    uint64_t kind_read[EVENTS_KINDS_MAX]; /* rows, also those that wait in the window */

    struct event_segment *segments;
    size_t segment_count, segment_capacity;
    double now_s; /* all rows up to it are counted */

    uint64_t rows;
    uint64_t kind_rows[EVENTS_KINDS_MAX], kind_parcels[EVENT_KIND_COUNT + 1];
    uint64_t route_rows[EVENTS_ROUTES_MAX];
    struct event_bin *bins;
    size_t bin_count, bin_capacity;
    struct event_second second;
    struct event_rate second_parcels, second_rows;
    struct event_camera *cam; /* EVENTS_CAMS_MAX, and one for all together */
    uint64_t visits, seen;
    struct event_parcel *parcels;
    size_t parcel_count, parcel_capacity;
    uint64_t open, open_peak;
    double open_peak_s, open_area_s; /* parcels x seconds */
    struct event_values steps[STEP_COUNT];
    struct event_values lags; /* from a parcel's first row to its coming to a camera */
    double lag_s;             /* their p99.9; 0: none */
    struct event_values *edges[EVENTS_CAMS_MAX * EVENTS_CAMS_MAX]; /* from, to; NULL: never */
    uint64_t track_parcels_max, tracks_with_parcel, tracks_switched, track_pairs;
    struct event_seen anomalies[ANOMALY_COUNT];

    struct event_silence *silences;
    size_t silence_count, silence_capacity;
    struct event_metrics *metrics; /* NULL: none given */
};

#define EVENTS_ALL EVENTS_CAMS_MAX /* index in cam: all of them together */

void event_note(struct events *events, enum event_anomaly what, uint64_t seq);
/* "track.csv:17" */
const char *event_where(const struct events *events, uint64_t seq, char *buf, size_t size);
double events_covered_s(const struct events *events);

/* ---- events_order.c, events_take.c, events_camera.c, events_parcel.c ---- */

int events_push(struct events *events, const struct event_row *row);
int events_flush(struct events *events); /* at the end of the last file */
int events_take(struct events *events, const struct event_row *row);
int events_begin_segment(struct events *events, double s); /* why: events->starts */
int events_end_segment(struct events *events);
int event_camera_seen(struct events *events, const struct event_row *row);
void event_camera_begin_segment(struct events *events, double s);
void event_camera_end_segment(struct events *events, double s);
int event_parcel_seen(struct events *events, const struct event_row *row, uint64_t *ret_new);

/* Covered seconds of bins[i] as if bins were `size` minutes long is asked of events_bins. */
struct event_period {
    double begin_s, covered_s;
    uint64_t parcels, rows;
    uint32_t segment;
};
/* Periods of `minutes` on the clock, those of each segment apart; *ret is for free(). */
int events_periods(const struct events *events, int64_t minutes, struct event_period **ret,
                   size_t *ret_count);

/* ---- events_silence.c ---- */

enum silence_kind {
    SILENCE_CAMERA,  /* the others went on */
    SILENCE_ALL,     /* nobody saw anything, and why is not known */
    SILENCE_IDLE,    /* as the metrics say: frames went on */
    SILENCE_STALLED, /* the pipeline stood still */
    SILENCE_HOST,    /* the metrics have a hole, too */
};

struct event_silence {
    enum silence_kind kind;
    size_t cam; /* EVENTS_ALL */
    double begin_s, end_s;
    double usual_s;  /* p99.9 of the other gaps */
    double expected; /* parcels; NaN: not known */
    double chance;   /* of none, over all gaps of the camera; NaN */
    uint64_t others_rows;
    /* From the metrics: */
    double missing_s; /* without rows; NaN: not asked */
    double fps_sum, gpu_sum;
    uint64_t fps_n, gpu_n;
};

int events_find_silences(struct events *events);

/* ---- events_metrics.c ---- */

enum event_metric {
    METRIC_LATENCY_P99,
    METRIC_LATENCY_AVG,
    METRIC_FPS,
    METRIC_CPU_TOTAL,
    METRIC_CPU_TRACK,
    METRIC_GPU,
    EVENT_METRIC_COUNT
};

struct event_load { /* one metric over one measure of load */
    const char *metric, *unit;
    const char *load;
    bool is_known;
    size_t n;
    struct trend trend;
    double inflation;           /* of the interval's variance, for the dependence of minutes */
    double low, high;           /* medians in the quarters with least and most load */
    double load_low, load_high; /* p5 and p95 of the load */
};

struct event_metrics {
    uint64_t rows;
    double begin_s, end_s, interval_s; /* median */
    uint64_t minutes;                  /* that both files have */
    size_t hole_count;
    struct event_load loads[EVENT_METRIC_COUNT * 2];
    size_t load_count;
};

/* Reads options->metrics_path, explains the silences, and compares minutes. */
int events_join_metrics(struct events *events, struct error *err);

/* ---- what is told ---- */

struct event_flow { /* parcels */
    uint64_t in, picked, disappeared, open;
    uint64_t overdue; /* open for longer than 99 % of those that ended were there */
    bool has_overdue; /* false: none ended */
    uint64_t missing, rerouted, tracked; /* with a MISSING; with a local_uid */
    double usual_s;                      /* that p99 */
    double mean_open, per_s, present_s;  /* L, lambda and W of Little's law; NaN: not known */
    double product, product_lo, product_hi;
};

/* The greatest and the usual among the bins of one size. */
struct event_peak {
    uint64_t bins;
    double mean, lo, hi; /* Poisson */
    double p50, p95, peak, peak_s;
    double dispersion, dispersion_p; /* variance over mean, of bins that are covered fully */
    struct interval dispersion_ci;   /* NaN for seconds */
    uint64_t full;
};

int events_read(struct events *events, struct error *err);
/* minutes 0: seconds. */
int events_peak_of(const struct events *events, int64_t minutes, bool of_rows,
                   struct event_peak *ret);                                 /* events_rates.c */
int events_tell_rates(struct events *events);                               /* events_rates.c */
int events_tell_cameras(struct events *events);                             /* events_tables.c */
void events_tell_silences(struct events *events);                           /* events_tables.c */
void events_tell_load(struct events *events);                               /* events_tables.c */
int events_flow_of(const struct events *events, struct event_flow *ret);    /* events_flow.c */
int events_tell_flow(struct events *events, const struct event_flow *flow); /* events_flow.c */
int events_tell_findings(struct events *events, const struct event_flow *flow);
void events_tell_load_findings(struct events *events); /* events_findings_time.c */
void events_tell_time_findings(struct events *events);

#endif
