/* power_internal.h: the two halves of the power collector: finding sources, and reading them. */
#ifndef TACHO_COLLECT_POWER_INTERNAL_H
#define TACHO_COLLECT_POWER_INTERNAL_H

#include "collect/collector.h"

#define POWER_SOURCES_MAX 64

enum power_kind {
    POWER_RAPL,            /* path: microjoules, path2: where they wrap */
    POWER_MICROWATT,       /* path: hwmon powerN_input or powerN_average */
    POWER_MILLIWATT,       /* path: iio in_powerN_input of JetPack 4 */
    POWER_VOLT_TIMES_AMPS, /* path: hwmon inN_input, mV; path2: currN_input, mA */
};

struct power_source {
    enum power_kind kind;
    bool on_board_rail; /* an INA3221 rail: labels are the board's own */
    char path[600], path2[600];
    char instance[160];
};

/* What "total" is made of; count 0: nothing here measures the whole machine. */
struct power_total {
    bool counts[POWER_SOURCES_MAX]; /* source i is part of it */
    size_t count;
};

/* Fills sources (POWER_SOURCES_MAX). Returns 0 or -ERROR_NOMEM. */
int power_find(const struct root *root, struct power_source *sources, size_t *ret_count);
void power_find_total(const struct power_source *sources, size_t count, struct power_total *ret);

#endif
