/* tegra_internal.h: the two halves of the collector `tegra`: finding sources, and reading them. */
#ifndef TACHO_COLLECT_TEGRA_INTERNAL_H
#define TACHO_COLLECT_TEGRA_INTERNAL_H

#include "collect/collector.h"

#define TEGRA_SOURCES_MAX 64

enum tegra_kind {
    TEGRA_NUMBER, /* the number in the file, times scale */
    TEGRA_CLOCK,  /* the same, but 0 while path2 says that it is off */
    TEGRA_SHARE,  /* kHz in the file over the Hz of the clock in path2, in percent */
    TEGRA_LINE,   /* kB behind a key in a file of many lines */
};

/* How a file says that an engine is off. */
enum tegra_gate {
    TEGRA_GATE_NONE,
    TEGRA_GATE_COUNT,  /* clk_enable_count: 0 is off, any other number on */
    TEGRA_GATE_STATUS, /* power/runtime_status: "suspended" is off */
};

struct tegra_source {
    enum tegra_kind kind;
    enum tegra_gate gate;
    const char *metric;
    char instance[64];
    double scale;    /* from the file's number to the metric's unit */
    double min, max; /* outside of them is no value */
    char path[400], path2[400];
    const char *key;    /* LINE: "NvMapMemUsed:", or "total" */
    enum reason reason; /* not NONE: a column without values */
    const char *why;    /* static */
};

/* Fills sources (TEGRA_SOURCES_MAX). Returns 0 or -ERROR_NOMEM; what is not there is no error. */
int tegra_find(const struct root *root, struct tegra_source *sources, size_t *ret_count);

#endif
