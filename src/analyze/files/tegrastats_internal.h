/* tegrastats_internal.h: what the files of the analyzer `tegrastats` share.
 *
 * A log is read once. Lines of one board and release are a part (a file may hold several: appended
 * logs); a part keeps moments of everything, the values of its rails, the work of its clocks under
 * load (tegrastats_throttle.c) and the energy (tegrastats_energy.c).
 * Units: MB, %, MHz, degrees C, mW, seconds. Memory: TEGRA_VALUES_MAX values of all rails together
 * (beyond that a histogram each), TEGRA_BUSY_MAX samples of busy clocks. Threads: one.
 */
#ifndef TACHO_ANALYZE_FILES_TEGRASTATS_INTERNAL_H
#define TACHO_ANALYZE_FILES_TEGRASTATS_INTERNAL_H

#include "analyze/file_analyzer.h"
#include "format/source.h"
#include "format/tegrastats.h"
#include "stats/growth.h"
#include "stats/hist.h"
#include "stats/stats.h"

#define TEGRA_PARTS_MAX 8
#define TEGRA_ZONES_MAX 48
#define TEGRA_RAILS_MAX 24
#define TEGRA_UNITS_MAX 128 /* cores among them */
#define TEGRA_NAME 32
#define TEGRA_PART_WORDS 32
#define TEGRA_STEPS 128 /* seconds between two stamps up to which energy is told */
#define TEGRA_GAPS_MAX 20
#define TEGRA_VALUES_MAX 4000000
#define TEGRA_BUSY_MAX (1u << 20)
#define TEGRA_PRESSURE_SHARE 0.90

struct tegra_zone {
    char name[TEGRA_NAME];
    struct moments c;
    uint64_t max_line, hot_lines;
    double max_s;
};

/* mW. Energy is summed over pairs of neighbouring seconds, by how far they are apart, as what a
 * usual distance is, is only known at the end. */
struct tegra_rail {
    char name[TEGRA_NAME];
    struct moments mw;
    double *values;
    size_t count, capacity;
    struct hist *hist; /* once there is no room for more values; then `values` is none */
    uint64_t seen_line;
    double second_sum; /* of this second's values */
    uint64_t second_n;
    double second_before, step_s; /* mean of the second before, and how long ago that was */
    double step_mj[TEGRA_STEPS + 1];
    uint64_t step_n[TEGRA_STEPS + 1];
};

struct tegra_unit {
    char name[TEGRA_NAME];
    bool is_core;
    struct moments load_pct, mhz;
    uint64_t off_lines, lines;
};

struct tegra_memory {
    struct moments mb;
    double total_mb, first_mb, last_mb;
    double max_share; /* of the total; NaN: there is none */
    uint64_t max_line, pressed_lines, pressed_first, pressed_last;
    struct growth_tracker growth;
};

struct tegra_gap {
    uint64_t line; /* the last one before it */
    double begin_s, step_s;
};

/* What tells boards, releases and ways of logging apart. */
struct tegra_signature {
    double ram_mb;
    size_t cores, rails;
    uint64_t rail_hash;
    bool has_time, has_capitals;
};

struct tegra_part {
    struct tegra_signature signature;
    uint64_t lines, first_line, last_line;
    double begin_s, end_s; /* first and last stamp; NaN: none */
    double least_s, most_s;
    struct tegra_zone zones[TEGRA_ZONES_MAX];
    struct tegra_rail rails[TEGRA_RAILS_MAX];
    struct tegra_rail total;
    char total_rule[TEGRASTATS_RULE]; /* what it is made of; empty: it cannot be told */
    struct tegra_unit units[TEGRA_UNITS_MAX];
    size_t zone_count, rail_count, unit_count;
    struct moments cores_pct; /* mean of those that are on, of each line */
    struct tegra_memory ram, swap;
    uint64_t hot_lines, hot_first, hot_last; /* any zone */
    struct tegra_gap gaps[TEGRA_GAPS_MAX];   /* the longest steps, longest first */
    size_t gap_count;
    uint64_t step_n[TEGRA_STEPS + 1]; /* stamps so many seconds after the one before; last: more */
    double step_over_s;               /* sum of those of the last */
    uint64_t last_of_second;          /* line */
};

/* A unit's clock while it was busy. */
struct tegra_busy {
    uint32_t line;
    float t_s; /* since the part's first stamp; NaN: none */
    float load_pct, mhz;
    int32_t hottest_mc; /* thousandths: tegrastats prints no more */
    uint8_t part, unit;
};

struct tegra_log {
    const struct analyze_options *options;
    struct tegra_part *parts[TEGRA_PARTS_MAX];
    size_t part_count, current;
    uint64_t part_changes;
    size_t rail_values; /* of all rails of all parts */
    struct tegra_busy *busy;
    size_t busy_count, busy_capacity;
    uint64_t busy_left_out, busy_last_line;
    uint64_t names_left_out, groups_unknown, parts_left_out;
    bool has_fixed_pmic, is_out_of_memory;
    struct skips skips;
};

/* ---- tegrastats_tally.c: a line into its part ---- */

void tegra_log_add(struct tegra_log *log, const struct tegrastats_line *line, uint64_t number);
void tegra_log_deinit(struct tegra_log *log);

/* ---- tegrastats_energy.c ---- */

void tegra_rail_add(struct tegra_log *log, struct tegra_rail *rail, double mw);
/* A second of a part is over; the next begins step_s after it began. NaN: it does not follow it, or
 * there is none. */
void tegra_energy_step(struct tegra_part *part, double step_s);
/* Of all seconds that followed each other; a clock that was set back takes nothing away. */
double tegra_duration_s(const struct tegra_part *part);
double tegra_usual_step_s(const struct tegra_part *part); /* median; NaN: no stamps */
/* A step that is longer is a gap; NaN as above. */
double tegra_gap_limit_s(const struct tegra_part *part);
/* J over the *ret_covered_s that are not gaps; NaN: it cannot be told. */
double tegra_energy_j(const struct tegra_part *part, const struct tegra_rail *rail,
                      double *ret_covered_s);
/* p in [0,1]; sorts a copy. */
double tegra_rail_quantile(const struct tegra_rail *rail, double p, bool *ret_failed);
struct interval tegra_rail_mean_interval(const struct tegra_rail *rail);

/* ---- tegrastats_throttle.c ---- */

struct tegra_episode {
    uint64_t first_line, last_line;
    double begin_s, end_s; /* since the part's first stamp */
    uint64_t n;
    double load_pct, mhz, cool_mhz; /* means */
    double hottest_c;
};

/* One unit of a part: its clock in the heat against its clock at the same load when cool. */
struct tegra_throttle {
    uint64_t cool_n, cool_slow_n, hot_n, hot_slow_n;
    uint64_t hot_judged_n; /* of hot_n: whose load was seen when cool, and not set down before */
    uint64_t set_down_n;   /* of hot_n: slow since it was cool */
    bool is_judged;        /* enough of both */
    bool is_throttled;
    double drop_pct, lo, hi; /* of the slow hot samples, with its 95 % interval */
    double cool_mhz, slow_mhz;
    struct tegra_episode *episodes;
    size_t episode_count, episode_capacity;
};

void tegra_busy_add(struct tegra_log *log, size_t unit, uint64_t line, double load_pct, double mhz,
                    double hottest_c, double t_s);
int tegra_throttle_of(const struct tegra_log *log, size_t part, size_t unit,
                      struct tegra_throttle *ret);
void tegra_throttle_deinit(struct tegra_throttle *throttle); /* accepts a zeroed one */

/* ---- tegrastats_tables.c, tegrastats_findings.c ---- */

void tegra_tables(const struct tegra_log *log, struct analysis *analysis);
int tegra_findings(const struct tegra_log *log, const char *file, struct analysis *analysis,
                   struct error *err);
/* "" with one part, else "part 2: ". */
const char *tegra_part_words(const struct tegra_log *log, size_t part, char buf[TEGRA_PART_WORDS]);

#endif
