/* tegrastats_tables.c: what a tegrastats log holds, as tables. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analyze/files/tegrastats_internal.h"
#include "base/util.h"

/* The part stands in every row; where the file has only one, the text leaves it out. */
#define PART                                                                                       \
    {                                                                                              \
        .key = "part", .title = "part", .kind = ANALYSIS_COUNT, .is_detail = true                  \
    }

static const struct analysis_column part_columns[] = {
    {.key = "part", .title = "part", .kind = ANALYSIS_COUNT},
    {.key = "first_line", .title = "from line", .kind = ANALYSIS_COUNT},
    {.key = "last_line", .title = "to line", .kind = ANALYSIS_COUNT},
    {.key = "lines", .title = "lines", .kind = ANALYSIS_COUNT},
    {.key = "ram_total_mb", .title = "RAM", .unit = "MB", .kind = ANALYSIS_COUNT},
    {.key = "cores", .title = "cores", .kind = ANALYSIS_COUNT},
    {.key = "rails", .title = "rails", .kind = ANALYSIS_COUNT},
    {.key = "has_times", .title = "times", .kind = ANALYSIS_FLAG},
    {.key = "begin", .title = "begins", .kind = ANALYSIS_TIME},
    {.key = "duration_s", .title = "lasts", .unit = "s", .kind = ANALYSIS_NUMBER, .digits = 6},
};
static const struct analysis_column zone_columns[] = {
    PART,
    {.key = "zone", .title = "zone", .kind = ANALYSIS_TEXT},
    {.key = "mean_c", .title = "mean", .unit = "C", .kind = ANALYSIS_NUMBER},
    {.key = "max_c", .title = "max", .unit = "C", .kind = ANALYSIS_NUMBER, .digits = 6},
    {.key = "max_at", .title = "when", .kind = ANALYSIS_TIME},
    {.key = "max_line", .title = "line", .kind = ANALYSIS_COUNT},
    {.key = "hot_pct", .title = "hot", .unit = "%", .kind = ANALYSIS_NUMBER},
    {.key = "n", .title = "n", .kind = ANALYSIS_COUNT, .is_detail = true},
};
static const struct analysis_column rail_columns[] = {
    PART,
    {.key = "rail", .title = "rail", .kind = ANALYSIS_TEXT},
    {.key = "mean_w", .title = "mean", .unit = "W", .kind = ANALYSIS_INTERVAL},
    {.key = "p95_w", .title = "p95", .unit = "W", .kind = ANALYSIS_NUMBER},
    {.key = "max_w", .title = "max", .unit = "W", .kind = ANALYSIS_NUMBER},
    {.key = "min_w", .title = "min", .unit = "W", .kind = ANALYSIS_NUMBER, .is_detail = true},
    {.key = "energy_j", .title = "energy", .unit = "J", .kind = ANALYSIS_NUMBER},
    {.key = "n", .title = "n", .kind = ANALYSIS_COUNT, .is_detail = true},
};
static const struct analysis_column unit_columns[] = {
    PART,
    {.key = "unit", .title = "unit", .kind = ANALYSIS_TEXT},
    {.key = "load_mean_pct", .title = "load", .unit = "%", .kind = ANALYSIS_NUMBER},
    {.key = "load_max_pct", .title = "max", .unit = "%", .kind = ANALYSIS_NUMBER},
    {.key = "load_min_pct",
     .title = "min",
     .unit = "%",
     .kind = ANALYSIS_NUMBER,
     .is_detail = true},
    {.key = "clock_mean_mhz", .title = "clock", .unit = "MHz", .kind = ANALYSIS_NUMBER},
    {.key = "clock_min_mhz", .title = "min", .unit = "MHz", .kind = ANALYSIS_NUMBER},
    {.key = "clock_max_mhz", .title = "max", .unit = "MHz", .kind = ANALYSIS_NUMBER},
    {.key = "off_pct", .title = "off", .unit = "%", .kind = ANALYSIS_NUMBER},
    {.key = "lines", .title = "lines", .kind = ANALYSIS_COUNT, .is_detail = true},
};
static const struct analysis_column memory_columns[] = {
    PART,
    {.key = "memory", .title = "memory", .kind = ANALYSIS_TEXT},
    {.key = "total_mb", .title = "total", .unit = "MB", .kind = ANALYSIS_COUNT},
    {.key = "mean_mb", .title = "mean", .unit = "MB", .kind = ANALYSIS_NUMBER},
    {.key = "max_mb", .title = "max", .unit = "MB", .kind = ANALYSIS_COUNT},
    {.key = "max_pct", .title = "max", .unit = "%", .kind = ANALYSIS_NUMBER},
    {.key = "max_line", .title = "line", .kind = ANALYSIS_COUNT},
    {.key = "first_mb", .title = "first", .unit = "MB", .kind = ANALYSIS_COUNT},
    {.key = "last_mb", .title = "last", .unit = "MB", .kind = ANALYSIS_COUNT},
    {.key = "n", .title = "n", .kind = ANALYSIS_COUNT, .is_detail = true},
};
static const struct analysis_column throttle_columns[] = {
    PART,
    {.key = "unit", .title = "unit", .kind = ANALYSIS_TEXT},
    {.key = "first_line", .title = "from line", .kind = ANALYSIS_COUNT},
    {.key = "last_line", .title = "to line", .kind = ANALYSIS_COUNT},
    {.key = "begin", .title = "begins", .kind = ANALYSIS_TIME},
    {.key = "duration_s", .title = "lasts", .unit = "s", .kind = ANALYSIS_NUMBER},
    {.key = "load_pct", .title = "load", .unit = "%", .kind = ANALYSIS_NUMBER},
    {.key = "clock_mhz", .title = "clock", .unit = "MHz", .kind = ANALYSIS_NUMBER},
    {.key = "cool_clock_mhz", .title = "cool", .unit = "MHz", .kind = ANALYSIS_NUMBER},
    {.key = "drop_pct", .title = "drop", .unit = "%", .kind = ANALYSIS_NUMBER, .digits = 3},
    {.key = "max_c", .title = "hottest", .unit = "C", .kind = ANALYSIS_NUMBER},
};
static const struct analysis_column gap_columns[] = {
    PART,
    {.key = "line", .title = "after line", .kind = ANALYSIS_COUNT},
    {.key = "begin", .title = "begins", .kind = ANALYSIS_TIME},
    {.key = "duration_s", .title = "lasts", .unit = "s", .kind = ANALYSIS_NUMBER, .digits = 6},
};

/* ---- building ---- */

/* A table whose first column, the part, is shown where there are several. */
static struct analysis_table *add_table(const struct tegra_log *log, struct analysis *analysis,
                                        const char *key, const char *title,
                                        const struct analysis_column *columns, size_t count)
{
    if (log->part_count > 1) {
        struct analysis_column *shown = arena_alloc(&analysis->arena, count * sizeof(*shown));
        analysis->failed = analysis->failed || !shown;
        if (shown) {
            memcpy(shown, columns, count * sizeof(*shown));
            shown[0].is_detail = false;
            columns = shown;
        }
    }
    return analysis_add_table(analysis, key, title, columns, count);
}

static struct analysis_cell mean_of(const struct moments *moments)
{
    return cell_number(moments->n > 0 ? moments->mean : NAN);
}

static struct analysis_cell least_of(const struct moments *moments)
{
    return cell_number(moments->n > 0 ? moments->min : NAN);
}

static struct analysis_cell most_of(const struct moments *moments)
{
    return cell_number(moments->n > 0 ? moments->max : NAN);
}

static double share_pct(uint64_t part, uint64_t whole)
{
    return whole > 0 ? 100 * (double)part / (double)whole : NAN;
}

static void add_parts(const struct tegra_log *log, struct analysis *analysis)
{
    if (log->part_count < 2)
        return;
    struct analysis_table *table =
        analysis_add_table(analysis, "parts", "Boards and formats in this file", part_columns,
                           ARRAY_LEN(part_columns));
    for (size_t i = 0; i < log->part_count; i++) {
        const struct tegra_part *part = log->parts[i];
        struct analysis_cell *row = analysis_add_row(table);
        row[0] = cell_number((double)(i + 1));
        row[1] = cell_number((double)part->first_line);
        row[2] = cell_number((double)part->last_line);
        row[3] = cell_number((double)part->lines);
        row[4] = cell_number(part->signature.ram_mb);
        row[5] = cell_number((double)part->signature.cores);
        row[6] = cell_number((double)part->signature.rails);
        row[7] = cell_number(part->signature.has_time);
        row[8] = cell_number(part->begin_s);
        row[9] = cell_number(tegra_duration_s(part));
    }
}

static void add_zones(const struct tegra_log *log, struct analysis *analysis)
{
    struct analysis_table *table =
        add_table(log, analysis, "zones", "Thermal zones", zone_columns, ARRAY_LEN(zone_columns));
    for (size_t i = 0; i < log->part_count; i++) {
        const struct tegra_part *part = log->parts[i];
        for (size_t k = 0; k < part->zone_count; k++) {
            const struct tegra_zone *zone = &part->zones[k];
            struct analysis_cell *row = analysis_add_row(table);
            row[0] = cell_number((double)(i + 1));
            row[1] = cell_text(table, zone->name);
            row[2] = mean_of(&zone->c);
            row[3] = most_of(&zone->c);
            row[4] = cell_number(zone->c.n > 0 ? zone->max_s : NAN);
            row[5] = cell_number(zone->c.n > 0 ? (double)zone->max_line : NAN);
            row[6] = cell_number(share_pct(zone->hot_lines, zone->c.n));
            row[7] = cell_number((double)zone->c.n);
        }
    }
    analysis_note(table, "hot: at or above %g C%s", log->options->throttle_threshold_c,
                  log->has_fixed_pmic ? "; PMIC@100C is a fixed text, no temperature" : "");
}

static void add_rail(struct analysis_table *table, size_t part_number,
                     const struct tegra_part *part, const struct tegra_rail *rail, const char *name)
{
    struct interval interval = tegra_rail_mean_interval(rail);
    double covered_s;
    bool failed = false;
    struct analysis_cell *row = analysis_add_row(table);
    row[0] = cell_number((double)part_number);
    row[1] = cell_text(table, name);
    row[2] = cell_interval(rail->mw.mean / 1e3, interval.lo / 1e3, interval.hi / 1e3);
    row[3] = cell_number(tegra_rail_quantile(rail, 0.95, &failed) / 1e3);
    row[4] = cell_number(rail->mw.max / 1e3);
    row[5] = cell_number(rail->mw.min / 1e3);
    row[6] = cell_number(tegra_energy_j(part, rail, &covered_s));
    row[7] = cell_number((double)rail->mw.n);
    table->owner->failed = table->owner->failed || failed;
}

/* "part 1: VDD_IN, the board's input; part 2: …" */
static void say_total(const struct tegra_log *log, size_t part, char *text, size_t size)
{
    char words[TEGRA_PART_WORDS];
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s%s", used ? "; " : "",
             tegra_part_words(log, part, words), log->parts[part]->total_rule);
}

static void add_rails(const struct tegra_log *log, struct analysis *analysis)
{
    bool has_total = false, has_histogram = false;
    char notes[400] = "";
    struct analysis_table *table =
        add_table(log, analysis, "rails", "Power, the value of each line", rail_columns,
                  ARRAY_LEN(rail_columns));
    for (size_t i = 0; i < log->part_count; i++) {
        const struct tegra_part *part = log->parts[i];
        for (size_t k = 0; k < part->rail_count; k++) {
            add_rail(table, i + 1, part, &part->rails[k], part->rails[k].name);
            has_histogram |= part->rails[k].hist != NULL;
        }
        if (part->total.mw.n > 0) {
            add_rail(table, i + 1, part, &part->total, "total");
            say_total(log, i, notes, sizeof(notes));
            has_total = true;
        }
    }
    if (has_total)
        analysis_note(table, "total: %s", notes);
    else if (table->row_count > 0)
        analysis_note(table, "no total: no rail is the board's input, and what these leave out is "
                             "not known");
    if (has_histogram)
        facts_number(&analysis->facts, "p95_relative_error", HIST_RELATIVE_ERROR, "histogram");
}

static void add_unit(struct analysis_table *table, size_t part_number,
                     const struct tegra_unit *unit)
{
    struct analysis_cell *row = analysis_add_row(table);
    row[0] = cell_number((double)part_number);
    row[1] = cell_text(table, unit->name);
    row[2] = mean_of(&unit->load_pct);
    row[3] = most_of(&unit->load_pct);
    row[4] = least_of(&unit->load_pct);
    row[5] = mean_of(&unit->mhz);
    row[6] = least_of(&unit->mhz);
    row[7] = most_of(&unit->mhz);
    row[8] = cell_number(share_pct(unit->off_lines, unit->lines));
    row[9] = cell_number((double)unit->lines);
}

static void add_units(const struct tegra_log *log, struct analysis *analysis, bool cores)
{
    struct analysis_table *table =
        cores
            ? add_table(log, analysis, "cores", "CPU cores", unit_columns, ARRAY_LEN(unit_columns))
            : add_table(log, analysis, "units", "GPU, memory controller and engines", unit_columns,
                        ARRAY_LEN(unit_columns));
    for (size_t i = 0; i < log->part_count; i++) {
        const struct tegra_part *part = log->parts[i];
        for (size_t k = 0; k < part->unit_count; k++) {
            if (part->units[k].is_core == cores)
                add_unit(table, i + 1, &part->units[k]);
        }
        struct tegra_unit all = {.name = "all that are on", .load_pct = part->cores_pct};
        if (cores && part->cores_pct.n > 0) {
            all.lines = part->cores_pct.n;
            add_unit(table, i + 1, &all);
        }
    }
    if (!cores)
        analysis_note(table, "a load or clock that the log does not tell is none, not 0");
}

static void add_memory(const struct tegra_log *log, struct analysis *analysis)
{
    struct analysis_table *table =
        add_table(log, analysis, "memory", "Memory", memory_columns, ARRAY_LEN(memory_columns));
    for (size_t i = 0; i < log->part_count; i++) {
        const struct tegra_part *part = log->parts[i];
        const struct tegra_memory *memories[] = {&part->ram, &part->swap};
        for (size_t k = 0; k < ARRAY_LEN(memories); k++) {
            const struct tegra_memory *memory = memories[k];
            if (memory->mb.n == 0)
                continue;
            struct analysis_cell *row = analysis_add_row(table);
            row[0] = cell_number((double)(i + 1));
            row[1] = cell_text(table, k == 0 ? "RAM" : "swap");
            row[2] = cell_number(memory->total_mb);
            row[3] = mean_of(&memory->mb);
            row[4] = most_of(&memory->mb);
            row[5] = cell_number(100 * memory->max_share);
            row[6] = cell_number((double)memory->max_line);
            row[7] = cell_number(memory->first_mb);
            row[8] = cell_number(memory->last_mb);
            row[9] = cell_number((double)memory->mb.n);
        }
    }
}

static void add_episodes(struct analysis_table *table, size_t part_number,
                         const struct tegra_part *part, const struct tegra_unit *unit,
                         const struct tegra_throttle *throttle)
{
    for (size_t i = 0; i < throttle->episode_count; i++) {
        const struct tegra_episode *episode = &throttle->episodes[i];
        struct analysis_cell *row = analysis_add_row(table);
        row[0] = cell_number((double)part_number);
        row[1] = cell_text(table, unit->name);
        row[2] = cell_number((double)episode->first_line);
        row[3] = cell_number((double)episode->last_line);
        row[4] = cell_number(part->begin_s + episode->begin_s);
        row[5] = cell_number(episode->end_s - episode->begin_s);
        row[6] = cell_number(episode->load_pct);
        row[7] = cell_number(episode->mhz);
        row[8] = cell_number(episode->cool_mhz);
        row[9] = cell_number(100 * (1 - episode->mhz / episode->cool_mhz));
        row[10] = cell_number(episode->hottest_c);
    }
}

static void add_throttling(const struct tegra_log *log, struct analysis *analysis)
{
    struct analysis_table *table =
        add_table(log, analysis, "throttling", "Clocks that fell under load in the heat",
                  throttle_columns, ARRAY_LEN(throttle_columns));
    for (size_t i = 0; i < log->part_count; i++) {
        const struct tegra_part *part = log->parts[i];
        for (size_t k = 0; part->hot_lines > 0 && k < part->unit_count; k++) {
            CLEANUP(tegra_throttle_deinit) struct tegra_throttle throttle = {.episodes = NULL};
            if (tegra_throttle_of(log, i, k, &throttle) < 0)
                analysis->failed = true;
            else if (throttle.is_throttled)
                add_episodes(table, i + 1, part, &part->units[k], &throttle);
        }
    }
    analysis_note(table, "cool: the clock at the same load, 5 C and more below the threshold");
}

static void add_gaps(const struct tegra_log *log, struct analysis *analysis)
{
    struct analysis_table *table = add_table(log, analysis, "gaps", "Gaps, the longest first",
                                             gap_columns, ARRAY_LEN(gap_columns));
    for (size_t i = 0; i < log->part_count; i++) {
        const struct tegra_part *part = log->parts[i];
        for (size_t k = 0; k < part->gap_count; k++) {
            const struct tegra_gap *gap = &part->gaps[k];
            if (!(gap->step_s > tegra_gap_limit_s(part)))
                continue;
            struct analysis_cell *row = analysis_add_row(table);
            row[0] = cell_number((double)(i + 1));
            row[1] = cell_number((double)gap->line);
            row[2] = cell_number(gap->begin_s);
            row[3] = cell_number(gap->step_s);
        }
    }
}

void tegra_tables(const struct tegra_log *log, struct analysis *analysis)
{
    add_parts(log, analysis);
    add_zones(log, analysis);
    add_rails(log, analysis);
    add_units(log, analysis, false);
    add_units(log, analysis, true);
    add_memory(log, analysis);
    add_throttling(log, analysis);
    add_gaps(log, analysis);
}
