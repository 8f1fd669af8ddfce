/* prometheus_text.h: the text in which servers tell their metrics to Prometheus.
 *
 * What: the exposition format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats) and of
 *       OpenMetrics 1.0 what differs: "# EOF", exemplars (skipped), units; and the quoted names of
 *       Prometheus 3. Lines may end with CR LF, the last one without.
 * Whose: anybody's: every byte is checked; names and label values may hold any UTF-8 and must be
 *        made printable before they are shown.
 * Memory: the arena owns everything. Threads: any.
 * Errors: -ERROR_INPUT with line and column at the first thing that is none of this; -ERROR_NOMEM.
 */
#ifndef TACHO_FORMAT_PROMETHEUS_TEXT_H
#define TACHO_FORMAT_PROMETHEUS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

struct prometheus_label {
    const char *name;
    const char *value; /* escapes undone */
};

struct prometheus_sample {
    const char *name; /* "vllm:kv_cache_usage_perc" */
    struct prometheus_label *labels;
    size_t label_count;
    double value; /* NaN and infinities are values of this format */
    bool has_time;
    double time; /* as it stands there: ms since 1970, in OpenMetrics s */
};

/* What # TYPE and # HELP tell. */
struct prometheus_family {
    const char *name;
    const char *type; /* "gauge"; NULL: not said */
    const char *help; /* escapes undone; NULL: not said */
};

struct prometheus_text {
    struct arena arena;
    struct prometheus_sample *samples;
    size_t count, capacity;
    struct prometheus_family *families;
    size_t family_count, family_capacity;
};

/* file: what messages call it. */
int prometheus_text_read(const char *text, size_t size, const char *file,
                         struct prometheus_text *ret_text, struct error *err);
void prometheus_text_deinit(struct prometheus_text *text);

/* The first sample of that name at or behind `from` (NULL: from the start), or NULL. */
const struct prometheus_sample *prometheus_find(const struct prometheus_text *text,
                                                const char *name,
                                                const struct prometheus_sample *from);
/* The value of a label, or NULL. */
const char *prometheus_label_get(const struct prometheus_sample *sample, const char *name);

#endif
