/* power_internal.h: the parts of the power collector: finding sources, and reading them. */
#ifndef TACHO_COLLECT_POWER_INTERNAL_H
#define TACHO_COLLECT_POWER_INTERNAL_H

#include "collect/collector.h"

#define POWER_SOURCES_MAX 64

enum power_kind {
    POWER_RAPL,            /* path: microjoules, path2: where they wrap */
    POWER_MICROWATT,       /* path: hwmon powerN_input or powerN_average */
    POWER_MILLIWATT,       /* path: iio in_powerN_input of JetPack 4 */
    POWER_VOLT_TIMES_AMPS, /* path: hwmon inN_input, mV; path2: currN_input, mA */
    POWER_BATTERY,         /* path: power_now, uW; or voltage_now, uV, and path2: current_now, uA */
    POWER_FLAG,            /* path: a decimal flag, the value itself */
    POWER_HEX_FLAGS,       /* path: flags in hexadecimal, without 0x */
};

struct power_source {
    enum power_kind kind;
    bool on_board_rail; /* an INA3221 rail: labels are the board's own */
    const char *metric; /* NULL: power_w */
    char path[600], path2[600];
    char status_path[600]; /* BATTERY: "Discharging", "Charging", … */
    char instance[160];
};

/* What "total" is made of; count 0: nothing here measures the whole machine. */
struct power_total {
    bool counts[POWER_SOURCES_MAX]; /* source i is part of it */
    size_t count;
};

/* Fills sources (POWER_SOURCES_MAX). Returns 0 or -ERROR_NOMEM. */
int power_find(const struct root *root, struct power_source *sources, size_t *ret_count);
/* power_find_board.c: batteries, and the flags with which a Raspberry Pi says that its supply is
 * too weak. Appends to sources. Returns 0 or -ERROR_NOMEM. */
int power_find_board(const struct root *root, struct power_source *sources, size_t *count);
void power_find_total(const struct power_source *sources, size_t count, struct power_total *ret);

#endif
