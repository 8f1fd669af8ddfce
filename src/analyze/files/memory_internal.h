/* memory_internal.h: what the files of the analyzer `memory` share.
 *
 * A file gives series (a column, or a process each); a series goes through trackers of
 * stats/growth, so that its memory is constant. A tracker follows GROWTH_WORK_MAX counters; where a
 * table has more columns that may be counters, further trackers with the same samples follow those,
 * and judging takes the counters that turned out to be ones from all of them. Units: seconds, MB.
 * Without times, seconds are samples (is_untimed). Threads: one.
 */
#ifndef TACHO_ANALYZE_FILES_MEMORY_INTERNAL_H
#define TACHO_ANALYZE_FILES_MEMORY_INTERNAL_H

#include "analyze/file_analyzer.h"
#include "format/csv.h"
#include "format/memory_log.h"
#include "format/source.h"
#include "stats/growth.h"
#include "stats/stats.h"

#define MEMORY_NAME 64
#define MEMORY_COUNTERS_MAX (CSV_WANTS_MAX - 3)
#define MEMORY_TRACKERS ((MEMORY_COUNTERS_MAX + GROWTH_WORK_MAX - 1) / GROWTH_WORK_MAX)
#define MEMORY_SERIES_MAX 64
#define MEMORY_PHASES_MAX 12

/* A column that may count work. */
struct memory_counter {
    char name[MEMORY_NAME];
    bool is_summed; /* its values are what was done in the interval */
    bool went_back;
    double first, last; /* NaN: no value yet */
};

/* Samples without a long hole between them: what follows a monitor that was started again, or a
 * clock that was set back, is another stretch. */
struct memory_stretch {
    struct growth_tracker trackers[MEMORY_TRACKERS];
    struct moments mb;
    double begin_s, end_s, first_mb, last_mb;
};

struct memory_series {
    char name[MEMORY_NAME];
    int64_t pid; /* -1: a column */
    struct memory_stretch stretches[2];
    struct memory_stretch *now, *longest;
    uint64_t samples, stretch_count;
    double longest_hole_s;
    uint64_t set_back_count; /* stretches that began because the clock was set back */
    uint64_t behind;         /* samples in a row that lie before the stretch's last one */
    double step_mean_s;      /* of those within stretches */
    uint64_t steps;

    /* Once the file is read: */
    struct growth_verdict verdict;
    int work_counter[GROWTH_WORK_MAX]; /* of verdict.work: index into the file's counters */
    const char *work_name[GROWTH_WORK_MAX];
};

struct memory_file {
    const char *name; /* its path, or "stdin" */
    const char *format;
    char column[MEMORY_NAME]; /* of a table; empty: it is a log */
    char unit_source[128];
    bool is_untimed, is_rss;
    bool is_machine; /* all of the machine's: free */
    double mb_scale;
    struct memory_counter counters[MEMORY_COUNTERS_MAX];
    size_t counter_count;
    struct memory_series *series[MEMORY_SERIES_MAX];
    size_t series_count;
    uint64_t series_left_out; /* samples of processes beyond MEMORY_SERIES_MAX */
    uint64_t counters_left_out;
    struct skips skips;
    double begin_s, end_s;
};

/* ---- memory_series.c ---- */

/* The series of a process, or of the column (pid -1); NULL: out of memory or, with *ret_full, room.
 */
struct memory_series *memory_series_of(struct memory_file *file, int64_t pid, const char *name,
                                       size_t name_length, bool *ret_full);
/* t_s NaN: the next sample. False: it goes backwards in time, and is not used; where many in a row
 * do, the next begins a stretch. */
bool memory_series_add(struct memory_file *file, struct memory_series *series, double t_s,
                       double mb, const double *counters);
int memory_series_judge(const struct memory_file *file, struct memory_series *series,
                        double limit_mb);
void memory_file_deinit(struct memory_file *file);

/* ---- memory_read.c ---- */

int memory_file_read(const char *path, const struct analyze_options *options,
                     struct memory_file *ret_file, struct analysis *analysis, struct error *err);

/* ---- memory_phases.c ---- */

struct memory_phase {
    const char *name; /* "start-up", "level", "decline", "growth", "step" and the like */
    double begin_s, end_s, from_mb, to_mb;
};

/* At most MEMORY_PHASES_MAX; times since the stretch began. */
size_t memory_phases_of(const struct memory_series *series, struct memory_phase *ret);

/* ---- memory_tables.c, memory_compare.c ---- */

void memory_tables(const struct memory_file *files, size_t count, struct analysis *analysis);
void memory_compare(const struct memory_file *files, size_t count, struct analysis *analysis);
/* "main.py.csv", and with several series which: "main.log: python3 (1234)". */
const char *memory_subject(const struct memory_file *file, const struct memory_series *series,
                           char *buf, size_t size);

#endif
