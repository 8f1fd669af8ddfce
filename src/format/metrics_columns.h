/* metrics_columns.h: THE table of the monitor's columns, and which of them a file has.
 *
 * What: a column takes its values from one metric of the registry; where that has several instances
 *       (two GPUs, eight cores), its rule says what becomes of them. `--columns +NAME,…` adds
 * columns to the fixed ones; `NAME_INSTANCE` is one instance alone. Memory: metrics_plan owns its
 * rows; strings of the sources must outlive it. Threads: const.
 */
#ifndef TACHO_FORMAT_METRICS_COLUMNS_H
#define TACHO_FORMAT_METRICS_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "model/metric.h"

enum column_rule {
    COLUMN_SUM, /* over the instances that have a value */
    COLUMN_MAX,
    COLUMN_BITS, /* all bits of all instances: reasons */
    COLUMN_EACH, /* a column for each instance */
    /* A column for the one name that was asked for: the instances are what a program calls things,
     * and come when it first uses them. */
    COLUMN_CHANNEL,
};

enum column_set {
    COLUMNS_FIXED,        /* always, in this order */
    COLUMNS_INSTRUMENTED, /* then these, when the program is instrumented */
    COLUMNS_MORE,         /* what --columns may add */
};

struct metrics_column {
    const char *name;   /* in the header, and for --columns */
    const char *metric; /* of the registry; unit and definition stand there */
    enum column_set set;
    enum column_rule rule;
    /* EACH, CHANNEL: the header's name, '*' is the instance: "*_pct" is cpu0_pct */
    const char *each;
    int decimals;
};

extern const struct metrics_column metrics_columns[];
extern const size_t metrics_columns_count;

/* Something that delivers values: a collector's channel or a run's series. */
struct metrics_source {
    const struct metric *metric;
    const char *instance;
    uint64_t interval_ns; /* its pace where that is slower than the rows; 0: every row */
};

/* One column of a file. */
struct metrics_output {
    const struct metrics_column *column;
    char name[96];
    const char *instance; /* only this one; NULL: all of them */
    size_t channel_at;    /* CHANNEL: where its instance begins in name; else 0 */
};

struct metrics_plan {
    struct metrics_output *items;
    size_t count, capacity;
};

/* The columns of a file over these sources. spec: "+NAME,NAME", NULL: none. A column that exists in
 * the table but that nothing here delivers is -ERROR_ABSENT, an unknown name -ERROR_USAGE with the
 * nearest one; -ERROR_NOMEM. */
int metrics_plan_make(const char *spec, bool instrumented, const struct metrics_source *sources,
                      size_t source_count, struct metrics_plan *ret_plan, struct error *err);
void metrics_plan_deinit(struct metrics_plan *plan); /* accepts a zeroed one */
/* Whether this output takes values of that source; of a CHANNEL's, as far as is known yet. */
bool metrics_output_takes(const struct metrics_output *output, const struct metric *metric,
                          const char *instance);
/* Whether a CHANNEL's output means this instance, as it is or as it stands in a header. Any other
 * output: true. */
bool metrics_output_is_channel(const struct metrics_output *output, const char *instance);
/* What `--columns help` prints; a plain table, one column a line. */
void metrics_csv_columns_help(struct strbuf *out);
/* docs/monitor-columns.md's table, in Markdown. */
void metrics_csv_columns_markdown(struct strbuf *out);

#endif
