/* logs_internal.h: what the parts of the analyzer of logs share.
 *
 * How: chunks of the logs are scanned on several cores (logs_scan.c): times, levels, numbers with
 *      labels, messages. What a line holds, and where, is found once for each shape of a line
 *      (logs_shapes.c). Their results are merged in the order of the files (logs_merge.c) into
 *      series (logs_series.c) and messages. Once the limits of what a spike is are known, the files
 *      are read again for what came before the spikes (logs_spikes.c), and once more for the lines
 *      around the first of them (logs_context.c). What comes from a pipe is kept in an unlinked
 *      file for that. logs_tables.c and logs_findings.c tell it.
 */
#ifndef TACHO_ANALYZE_FILES_LOGS_INTERNAL_H
#define TACHO_ANALYZE_FILES_LOGS_INTERNAL_H

#include <regex.h>

#include "analyze/file_analyzer.h"
#include "format/log_line.h"
#include "format/oom_log.h"
#include "format/source.h"
#include "stats/hist.h"
#include "stats/stats.h"

#define LOGS_LABELS_MAX 256     /* series; further labels are counted */
#define LOGS_MESSAGES_MAX 256   /* kinds of message; further ones are counted */
#define LOGS_KINDS_MAX 64       /* of them, what may precede a spike */
#define LOGS_VALUES_MAX 4000000 /* of durations in all; beyond, histograms */
#define LOGS_POINTS 2048        /* of each series, evenly thinned, for median and trend */
#define LOGS_KILLS_MAX 200      /* that are shown one by one */
#define LOGS_SPIKES_EACH 10     /* of a series, that are shown with their lines */
#define LOGS_SPIKES_MAX 100
#define LOGS_BEFORE_LINES 5
#define LOGS_BEFORE_S 1.0
#define LOGS_AROUND 2    /* lines before and after a spike that are shown */
#define LOGS_SPIKE_Z 6.0 /* robust: (value - median) / (1.4826 MAD) */
#define LOGS_MAD_SIGMA 1.4826
#define LOGS_SPIKE_N 20 /* values that a robust limit needs */
#define LOGS_GAPS 17    /* the longest that are judged, and the next one */
#define LOGS_PATTERNS_MAX 8

/* ---- what a chunk holds: logs_scan.c ---- */

struct logs_record {
    uint64_t line; /* in the chunk, 0-based */
    struct timestamp time;
    uint32_t first_number, numbers;
    uint32_t message;         /* + 1; 0: none that is counted */
    uint32_t kill, kill_size; /* in the pool */
    uint8_t level;
};

struct logs_number {
    uint32_t label;
    double value; /* of durations: ms */
};

/* A label or a template, once for each thread. */
struct logs_name {
    uint64_t hash;
    uint32_t at, size; /* in the pool of its names */
    uint32_t unit;     /* how many of the bytes, at the end, are the unit */
    uint8_t level;     /* of a message */
    bool is_duration, is_pattern;
    uint32_t global; /* merge: + 1; 0: not looked up yet */
};

struct logs_names {
    struct logs_name *items;
    size_t count, capacity;
    uint32_t *slots; /* + 1; a power of two of them */
    size_t slot_count;
    char *pool;
    size_t pool_size, pool_capacity;
};

/* ---- what lines of one shape hold: logs_shapes.c ---- */

struct logs_span { /* in the line */
    uint32_t at, size;
};

struct logs_site {
    struct logs_span number, outer, label, unit;
    double unit_ms; /* NaN: no duration */
    uint32_t name;  /* of the labels, + 1; 0: digits stand in it, so that each line has its own */
    bool if_whole;
};

struct logs_shape {
    uint64_t hash;
    uint32_t at, size; /* in the pool of shapes */
    uint32_t first_site, sites;
    struct logs_span message; /* that is counted */
    uint32_t message_name;    /* + 1; 0: each line has its own */
    uint8_t level;
    bool has_message, is_kill;
    struct log_decisions head;
};

struct logs_shapes {
    struct logs_shape *items; /* one more than `count`: of a line that is not kept */
    size_t count, capacity;
    struct logs_site *sites;
    size_t site_count, site_capacity;
    char *pool;
    size_t pool_size, pool_capacity;
    uint32_t *slots; /* + 1 */
    uint32_t *seen;  /* hashes of shapes that came once */
};

struct logs_chunk {
    struct logs_record *records;
    size_t record_count, record_capacity;
    struct logs_number *numbers;
    size_t number_count, number_capacity;
    char *pool; /* lines that may tell of a kill */
    size_t pool_size, pool_capacity;
    char *scratch; /* a line without colours */
    size_t scratch_capacity;
    struct skips skips; /* lines 0-based */
    uint64_t lines;
    bool failed;
    /* These outlive the chunk: what comes next has the same ones. */
    struct logs_names labels, messages;
    struct logs_shapes shapes;
};

struct logs_pattern {
    regex_t regex;
    bool is_compiled;
    unsigned group; /* whose text is the number */
    char label[LOG_LABEL_MAX];
    double unit_ms; /* where the text has no unit: that of the name, or 1 */
};

struct logs_patterns {
    struct logs_pattern items[LOGS_PATTERNS_MAX];
    size_t count;
};

struct logs_chunk *logs_chunk_new(void);
void logs_chunk_free(struct logs_chunk *chunk);
void logs_chunk_clear(struct logs_chunk *chunk);
int logs_scan(struct logs_chunk *result, const struct logs_patterns *patterns,
              const struct chunk *chunk, struct error *err);
/* logs_names.c. The name with this key, new where it is not known yet, + 1; 0: out of memory (the
 * chunk has failed). Keys with another salt are others. */
uint32_t logs_name_of(struct logs_chunk *chunk, struct logs_names *names, const char *key,
                      size_t size, uint64_t salt);
void logs_names_deinit(struct logs_names *names);
void logs_names_clear(struct logs_names *names);
/* The label of a number. unit: how many bytes of the key, at its end, are the unit. */
uint32_t logs_label_of(struct logs_chunk *chunk, const char *key, size_t size, size_t unit,
                       bool is_duration, bool is_pattern);
/* logs_shapes.c. What a line holds, by its shape; NULL: out of memory (the chunk has failed). Valid
 * until the next call. */
const struct logs_shape *logs_shape_of(struct logs_chunk *chunk, const char *text, size_t size,
                                       struct timestamp *ret_time);
uint32_t logs_site_name(struct logs_chunk *chunk, const struct logs_site *site, const char *text);
uint32_t logs_message_name(struct logs_chunk *chunk, const struct logs_shape *shape,
                           const char *text, bool *ret_varies);
/* Whether a line without a level says that something is wrong. */
bool logs_is_notable(const char *text, size_t size);
void logs_shapes_deinit(struct logs_shapes *shapes);
void logs_shapes_clear(struct logs_shapes *shapes);

/* logs_pattern.c; -ERROR_USAGE: what is wrong with it */
int logs_patterns_init(struct logs_patterns *patterns, const char *const *texts, size_t count,
                       struct error *err);
void logs_patterns_deinit(struct logs_patterns *patterns);
/* The number that a pattern finds in the line; false: none. */
bool logs_pattern_find(const struct logs_pattern *pattern, const char *text, size_t size,
                       double *ret_ms);

/* ---- what the logs hold ---- */

/* Where something stands. */
struct logs_place {
    uint32_t file;
    uint64_t line;
    double time_s; /* NaN: not known */
};

struct logs_series {
    const char *label, *unit; /* unit "ms" of durations, "" where none is written */
    uint64_t hash;
    bool is_duration, is_pattern;
    uint64_t n;
    double first, last, min, max;
    struct logs_place first_at, last_at, max_at;
    uint64_t first_seq, last_seq, longest_absence; /* in lines */
    uint64_t ups, downs;                           /* steps */
    uint64_t run, longest_run;                     /* equal values in a row: now, and before that */
    struct logs_place run_at;
    uint64_t at_max; /* values that equal the largest */
    uint64_t above;  /* options->threshold_ms */
    /* Evenly thinned: every stride-th value. */
    double *point_time, *point_line, *point_value;
    size_t points, time_capacity, line_capacity, value_capacity;
    uint64_t stride;
    /* Durations: all of them, or a histogram of ns. */
    double *values;
    size_t count, capacity;
    struct hist *hist;
    /* Once all is read (logs_series_finish): */
    bool is_latency; /* a duration that is no clock and no setting */
    bool is_sampled; /* median from the thinned points */
    double p50, p95, p99, median, mad, spike_limit;
    struct interval p50_ci, p95_ci, p99_ci; /* NaN ends: too few */
    struct trend trend;                     /* per minute, or per 1000 lines */
    bool trend_is_per_min;
    uint64_t spikes;
    bool threshold_is_spike; /* at most half of the values are above it */
};

struct logs_message {
    const char *text;
    uint64_t hash;
    enum log_level level;
    uint64_t count, timed;
    struct logs_place first_at, last_at;
    double sum_s, sum_line; /* since the log began: for the trend of its rate */
    /* The second reading: where it was last, and what came after it. */
    uint64_t last_seq;
    double last_s;
    uint64_t before_spikes, before_others;
};

struct logs_spike {
    uint32_t series;
    struct logs_place at;
    double value;
    uint64_t kind_count;
    char kinds[512];                  /* what came before it; the first ones */
    char *lines[2 * LOGS_AROUND + 1]; /* NULL: there is none */
};

struct logs_gap {
    double s;
    struct logs_place before, after;
};

struct logs {
    const struct analyze_options *options;
    struct analysis *analysis;
    struct logs_patterns patterns;
    const char **paths; /* to read: of stdin, its copy */
    int spool;          /* its file, or -1 */
    uint32_t file;      /* that is read now */
    struct arena arena;
    struct logs_series *series[LOGS_LABELS_MAX];
    size_t series_count;
    uint64_t labels_left_out; /* numbers of further labels */
    struct logs_message *messages[LOGS_MESSAGES_MAX];
    size_t message_count;
    uint64_t messages_left_out;
    uint64_t levels[LOG_LEVEL_FATAL + 1];
    struct oom_log oom;
    struct kill_event kills[LOGS_KILLS_MAX];
    uint32_t kill_files[LOGS_KILLS_MAX];
    uint64_t kill_count;
    size_t values; /* durations that are kept, of all series */
    bool is_histogram;
    /* Time: of the kind that came first. */
    int time_class;
    double *changed_s; /* when each file was */
    int year;          /* that dates without one were taken to be of; 0: none */
    double origin_s;   /* the first time that was seen */
    double first_s, last_s, now_s;
    struct logs_place last_timed;
    struct hist *gap_us;
    struct logs_gap gaps[LOGS_GAPS]; /* the longest, descending */
    size_t gap_count;
    uint64_t gap_n, backwards;
    uint64_t base_line, lines; /* before this file; in all */
    /* The second reading: */
    struct logs_spike spikes[LOGS_SPIKES_MAX];
    size_t spike_count;
    uint64_t spike_lines, other_lines;
};

/* ---- logs_merge.c ---- */
int logs_merge(struct logs *logs, struct logs_chunk *chunk, uint64_t first_line, struct error *err);
void logs_take_kills(struct logs *logs);
/* NaN where the line has none, or one of another kind than the log's first. */
double logs_time(struct logs *logs, const struct timestamp *time);
struct logs_series *logs_series_of(struct logs *logs, struct logs_chunk *chunk, uint32_t label,
                                   bool may_add, uint32_t *ret_index);
struct logs_message *logs_message_of(struct logs *logs, struct logs_chunk *chunk, uint32_t message,
                                     bool may_add);
/* ---- logs_series.c ---- */
int logs_series_add(struct logs *logs, struct logs_series *series, double value, uint64_t seq,
                    const struct logs_place *at);
int logs_series_finish(struct logs *logs, struct logs_series *series);
void logs_series_deinit(struct logs_series *series);
bool logs_series_is_counter(const struct logs_series *series);
bool logs_is_spike(const struct logs *logs, const struct logs_series *series, double value);
/* ---- logs_spikes.c, logs_context.c ---- */
int logs_find_spikes(struct logs *logs, struct error *err);
int logs_find_context(struct logs *logs, struct error *err);
/* Reads file `file`, chunk by chunk, and merges with `merge`. */
typedef int logs_merge_fn(struct logs *logs, struct logs_chunk *chunk, uint64_t first_line,
                          struct error *err);
int logs_read(struct logs *logs, uint32_t file, logs_merge_fn *merge, uint64_t *ret_lines,
              uint64_t *ret_bytes, struct error *err);
/* ---- logs_tables.c, logs_findings.c, logs_findings_numbers.c ---- */
void logs_tables(struct logs *logs);
void logs_findings(struct logs *logs);
void logs_findings_numbers(struct logs *logs);
/* "app.log:12"; buf of 256 bytes. */
const char *logs_place_text(const struct logs *logs, const struct logs_place *at, char *buf,
                            size_t size);
/* Laplace's test whether events come more often (positive) or less often towards the end of the log
 * (Cox & Lewis 1966): standard normal where they come evenly. NaN: too few. */
double logs_message_trend(const struct logs *logs, const struct logs_message *message);
void logs_finding_value(struct finding *finding, double value, const char *unit);
void logs_finding_interval(struct finding *finding, double lo, double hi);

#endif
