/* tegrastats_tally.c: what a line of tegrastats adds to what is known of its board. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyze/files/tegrastats_internal.h"

/* A zone that cannot be read shows this or less; PMIC shows 100 whatever its temperature. */
#define ZONE_OFF_C (-40.0)
#define ZONE_MAX_C 1000.0 /* digits that ran together */
#define PMIC_FIXED_C 100.0

static bool is_named(const struct tegrastats_item *item, const char *name)
{
    return item->name_length == strlen(name) && memcmp(item->name, name, item->name_length) == 0;
}

static void copy_name(char name[TEGRA_NAME], const char *text, size_t length)
{
    length = length < TEGRA_NAME - 1 ? length : TEGRA_NAME - 1;
    memcpy(name, text, length);
    name[length] = '\0';
}

/* ---- parts ---- */

static struct tegra_signature signature_of(const struct tegrastats_line *line)
{
    struct tegra_signature signature = {.has_time = line->has_time};
    for (size_t i = 0; i < line->count; i++) {
        const struct tegrastats_item *item = &line->items[i];
        if (item->kind == TEGRASTATS_MEMORY && is_named(item, "RAM"))
            signature.ram_mb = item->second;
        else if (item->kind == TEGRASTATS_CORE)
            signature.cores++;
        else if (item->kind == TEGRASTATS_TEMP && is_named(item, "CPU"))
            signature.has_capitals = true; /* releases before R36 */
        else if (item->kind == TEGRASTATS_RAIL) {
            uint64_t hash = 14695981039346656037u; /* FNV-1a; summed, as the order is no matter */
            for (size_t k = 0; k < item->name_length; k++)
                hash = (hash ^ (unsigned char)item->name[k]) * 1099511628211u;
            signature.rail_hash += hash;
            signature.rails++;
        }
    }
    return signature;
}

static bool same_signature(const struct tegra_signature *a, const struct tegra_signature *b)
{
    return a->ram_mb == b->ram_mb && a->cores == b->cores && a->rails == b->rails &&
           a->rail_hash == b->rail_hash && a->has_time == b->has_time &&
           a->has_capitals == b->has_capitals;
}

static struct tegra_part *part_new(const struct tegra_signature *signature, uint64_t line)
{
    struct tegra_part *part = calloc(1, sizeof(*part));
    if (!part)
        return NULL;
    part->signature = *signature;
    part->first_line = line;
    part->begin_s = part->end_s = part->least_s = part->most_s = NAN;
    part->ram.max_share = part->swap.max_share = NAN;
    part->total.second_before = NAN;
    if (growth_tracker_init(&part->ram.growth, 1, 0) < 0 ||
        growth_tracker_init(&part->swap.growth, 1, 0) < 0) {
        growth_tracker_deinit(&part->ram.growth);
        free(part);
        return NULL;
    }
    return part;
}

/* The part that a line belongs to; NULL: out of memory, or there are too many. */
static struct tegra_part *part_of(struct tegra_log *log, const struct tegrastats_line *line,
                                  uint64_t number)
{
    struct tegra_signature signature = signature_of(line);
    size_t found = log->part_count;
    for (size_t i = 0; i < log->part_count; i++) {
        /* The last one first: that is the usual case. */
        size_t at = (log->current + i) % log->part_count;
        if (same_signature(&log->parts[at]->signature, &signature)) {
            found = at;
            break;
        }
    }
    if (found == TEGRA_PARTS_MAX) {
        log->parts_left_out++;
        return NULL;
    }
    if (found == log->part_count) {
        struct tegra_part *part = part_new(&signature, number);
        if (!part) {
            log->is_out_of_memory = true;
            return NULL;
        }
        log->parts[log->part_count++] = part;
    }
    log->part_changes += log->part_count > 1 && found != log->current;
    log->current = found;
    return log->parts[found];
}

static void rail_deinit(struct tegra_rail *rail)
{
    free(rail->values);
    hist_free(rail->hist);
}

void tegra_log_deinit(struct tegra_log *log)
{
    for (size_t i = 0; i < log->part_count; i++) {
        struct tegra_part *part = log->parts[i];
        for (size_t k = 0; k < part->rail_count; k++)
            rail_deinit(&part->rails[k]);
        rail_deinit(&part->total);
        growth_tracker_deinit(&part->ram.growth);
        growth_tracker_deinit(&part->swap.growth);
        free(part);
    }
    free(log->busy);
    *log = (struct tegra_log){.part_count = 0};
}

/* ---- time ---- */

static double stamp_of(const struct tegrastats_line *line)
{
    struct tm tm = {.tm_year = line->year - 1900,
                    .tm_mon = line->month - 1,
                    .tm_mday = line->day,
                    .tm_hour = line->hour,
                    .tm_min = line->minute,
                    .tm_sec = line->second};
    return line->has_time ? (double)timegm(&tm) : NAN;
}

static void keep_gap(struct tegra_part *part, double step_s)
{
    size_t at = part->gap_count < TEGRA_GAPS_MAX ? part->gap_count++ : TEGRA_GAPS_MAX;
    struct tegra_gap gap = {part->last_of_second, part->end_s, step_s};
    if (at == TEGRA_GAPS_MAX && part->gaps[--at].step_s >= step_s)
        return;
    for (; at > 0 && part->gaps[at - 1].step_s < step_s; at--)
        part->gaps[at] = part->gaps[at - 1];
    part->gaps[at] = gap;
}

/* A stamp has whole seconds, so several lines may share one: they are one second's. */
static void put_time(struct tegra_log *log, struct tegra_part *part, double stamp, uint64_t number)
{
    if (isnan(stamp))
        return;
    if (isnan(part->begin_s)) {
        part->begin_s = part->end_s = stamp;
    } else if (stamp != part->end_s) {
        double step_s = stamp - part->end_s;
        if (step_s < 0) {
            skips_add(&log->skips, SKIP_TIME_BACKWARDS, number);
            tegra_energy_step(part, NAN);
        } else {
            tegra_energy_step(part, step_s);
            size_t bucket = step_s <= TEGRA_STEPS ? (size_t)step_s - 1 : TEGRA_STEPS;
            part->step_n[bucket]++;
            part->step_over_s += bucket == TEGRA_STEPS ? step_s : 0;
            keep_gap(part, step_s);
        }
        part->end_s = stamp;
    }
    part->least_s = fmin(part->least_s, stamp); /* passes over NaN */
    part->most_s = fmax(part->most_s, stamp);
    part->last_of_second = number;
}

/* ---- groups ---- */

static void put_memory(struct tegra_memory *memory, const struct tegrastats_item *item,
                       uint64_t number, double t_s)
{
    double share = item->second > 0 ? item->value / item->second : NAN;
    if (memory->mb.n == 0)
        memory->first_mb = item->value;
    if (memory->mb.n == 0 || item->value > memory->mb.max)
        memory->max_line = number;
    moments_add(&memory->mb, item->value);
    memory->total_mb = item->second;
    memory->last_mb = item->value;
    if (isnan(memory->max_share) || share > memory->max_share)
        memory->max_share = share;
    if (share >= TEGRA_PRESSURE_SHARE) {
        memory->pressed_first = memory->pressed_lines == 0 ? number : memory->pressed_first;
        memory->pressed_last = number;
        memory->pressed_lines++;
    }
    growth_tracker_add(&memory->growth, t_s, item->value, NULL);
}

/* Degrees C, NaN: no temperature. */
static double put_zone(struct tegra_log *log, struct tegra_part *part,
                       const struct tegrastats_item *item, uint64_t number, double stamp)
{
    char name[TEGRA_NAME];
    size_t i = 0;
    copy_name(name, item->name, item->name_length);
    if (strncmp(name, "PMIC", 4) == 0 && item->value == PMIC_FIXED_C) {
        log->has_fixed_pmic = true;
        return NAN;
    }
    while (i < part->zone_count && strcmp(part->zones[i].name, name) != 0)
        i++;
    if (i == TEGRA_ZONES_MAX) {
        log->names_left_out++;
        return NAN;
    }
    struct tegra_zone *zone = &part->zones[i];
    if (i == part->zone_count) {
        part->zone_count++;
        memcpy(zone->name, name, sizeof(name));
    }
    if (item->value < ZONE_OFF_C || item->value > ZONE_MAX_C)
        return NAN;
    if (zone->c.n == 0 || item->value > zone->c.max) {
        zone->max_line = number;
        zone->max_s = stamp;
    }
    moments_add(&zone->c, item->value);
    zone->hot_lines += item->value >= log->options->throttle_threshold_c;
    return item->value;
}

/* GR3D_FREQ and NVENC0_FREQ are GR3D and NVENC0: releases differ, and one prints both. */
static struct tegra_unit *find_unit(struct tegra_log *log, struct tegra_part *part,
                                    const struct tegrastats_item *item)
{
    static const char suffix[] = "_FREQ";
    char name[TEGRA_NAME];
    size_t length = item->name_length, tail = strlen(suffix), i = 0;
    bool is_core = item->kind == TEGRASTATS_CORE;
    if (is_core) {
        snprintf(name, sizeof(name), "cpu%u", item->index);
    } else {
        if (length > tail && memcmp(item->name + length - tail, suffix, tail) == 0)
            length -= tail;
        copy_name(name, item->name, length);
    }
    while (i < part->unit_count && strcmp(part->units[i].name, name) != 0)
        i++;
    if (i == TEGRA_UNITS_MAX) {
        log->names_left_out++;
        return NULL;
    }
    if (i == part->unit_count) {
        part->unit_count++;
        memcpy(part->units[i].name, name, sizeof(name));
        part->units[i].is_core = is_core;
    }
    return &part->units[i];
}

static void put_unit(struct tegra_log *log, struct tegra_part *part,
                     const struct tegrastats_item *item, uint64_t number, double hottest_c)
{
    struct tegra_unit *unit = find_unit(log, part, item);
    if (!unit)
        return;
    unit->lines++;
    unit->off_lines += item->is_off;
    if (!isnan(item->value))
        moments_add(&unit->load_pct, item->value);
    if (!isnan(item->second))
        moments_add(&unit->mhz, item->second);
    if (!isnan(item->value) && !isnan(item->second) && !isnan(hottest_c))
        tegra_busy_add(log, (size_t)(unit - part->units), number, item->value, item->second,
                       hottest_c, part->end_s - part->begin_s);
}

/* A name that stands twice in a line (NC) is two rails. */
static void put_rail(struct tegra_log *log, struct tegra_part *part,
                     const struct tegrastats_item *item, uint64_t number)
{
    char name[TEGRA_NAME], first[TEGRA_NAME - 4];
    snprintf(first, sizeof(first), "%.*s", (int)item->name_length, item->name);
    memcpy(name, first, sizeof(first));
    for (unsigned twin = 2;; twin++) {
        size_t i = 0;
        while (i < part->rail_count && strcmp(part->rails[i].name, name) != 0)
            i++;
        if (i == TEGRA_RAILS_MAX) {
            log->names_left_out++;
            return;
        }
        struct tegra_rail *rail = &part->rails[i];
        if (i == part->rail_count) {
            part->rail_count++;
            memcpy(rail->name, name, sizeof(name));
            rail->second_before = NAN;
        }
        if (rail->seen_line != number) {
            rail->seen_line = number;
            tegra_rail_add(log, rail, item->value);
            return;
        }
        snprintf(name, sizeof(name), "%s#%u", first, twin % 100);
    }
}

/* ---- the line ---- */

/* The temperatures come first, as clocks are seen in their light. */
static double put_zones(struct tegra_log *log, struct tegra_part *part,
                        const struct tegrastats_line *line, uint64_t number, double stamp)
{
    double hottest_c = NAN;
    for (size_t i = 0; i < line->count; i++) {
        if (line->items[i].kind != TEGRASTATS_TEMP)
            continue;
        double c = put_zone(log, part, &line->items[i], number, stamp);
        hottest_c = isnan(hottest_c) ? c : fmax(hottest_c, c);
    }
    if (hottest_c >= log->options->throttle_threshold_c) {
        part->hot_first = part->hot_lines == 0 ? number : part->hot_first;
        part->hot_last = number;
        part->hot_lines++;
    }
    return hottest_c;
}

static void put_power(struct tegra_log *log, struct tegra_part *part,
                      const struct tegrastats_line *line, uint64_t number)
{
    for (size_t i = 0; i < line->count; i++) {
        if (line->items[i].kind == TEGRASTATS_RAIL)
            put_rail(log, part, &line->items[i], number);
    }
    double total_mw = tegrastats_total_mw(line, part->total_rule);
    if (!isnan(total_mw))
        tegra_rail_add(log, &part->total, total_mw);
}

void tegra_log_add(struct tegra_log *log, const struct tegrastats_line *line, uint64_t number)
{
    struct tegra_part *part = part_of(log, line, number);
    if (!part) {
        skips_add(&log->skips, SKIP_OTHER_LINE, number);
        return;
    }
    double stamp = stamp_of(line);
    put_time(log, part, stamp, number);
    /* Where there is no time, lines are counted. */
    double t_s = isnan(stamp) ? (double)part->lines : stamp;
    part->lines++;
    part->last_line = number;
    log->skips.rows++;
    log->groups_unknown += line->unknown;
    double hottest_c = put_zones(log, part, line, number, stamp);
    for (size_t i = 0; i < line->count; i++) {
        const struct tegrastats_item *item = &line->items[i];
        if (item->kind == TEGRASTATS_MEMORY && is_named(item, "RAM"))
            put_memory(&part->ram, item, number, t_s);
        else if (item->kind == TEGRASTATS_MEMORY && is_named(item, "SWAP"))
            put_memory(&part->swap, item, number, t_s);
        else if (item->kind == TEGRASTATS_UNIT || item->kind == TEGRASTATS_CORE)
            put_unit(log, part, item, number, hottest_c);
    }
    double cores_pct = tegrastats_cores_pct(line);
    if (!isnan(cores_pct))
        moments_add(&part->cores_pct, cores_pct);
    put_power(log, part, line, number);
}
