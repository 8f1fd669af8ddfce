/* efficiency_tell.c: what the groups come to, as tables. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/efficiency_internal.h"
#include "base/util.h"
#include "stats/stats.h"

/* ---- groups ---- */

static const struct analysis_column group_columns[] = {
    {"group", "group", NULL, ANALYSIS_TEXT, 0, false},
    {"n", "n", NULL, ANALYSIS_COUNT, 0, false},
    {"batch_size", "batch", NULL, ANALYSIS_NUMBER, 6, true},
    {"latency_ms", "latency", "ms", ANALYSIS_INTERVAL, 4, true},
    {"throughput_per_s", "items", "1/s", ANALYSIS_INTERVAL, 4, false},
    {"perf_per_watt", "items/s per W", NULL, ANALYSIS_INTERVAL, 4, false},
    {"energy_per_batch_j", "per call", "J", ANALYSIS_INTERVAL, 4, true},
    {"energy_per_inference_j", "per item", "J", ANALYSIS_INTERVAL, 4, false},
    {"energy_per_inference_kwh", "per item", "kWh", ANALYSIS_NUMBER, 4, true},
    {"cost_per_inference", "cost per item", NULL, ANALYSIS_NUMBER, 4, true},
    {"cost_per_1k_inferences", "cost per 1k", NULL, ANALYSIS_NUMBER, 4, false},
    {"pareto", "Pareto", NULL, ANALYSIS_FLAG, 0, false},
};

static struct analysis_cell estimate_cell(const struct estimate *estimate)
{
    return cell_interval(estimate->value, estimate->lo, estimate->hi);
}

static void group_row(struct analysis_table *table, const struct efficiency *efficiency,
                      const struct efficiency_group *group)
{
    const struct efficiency_figures *figures = &group->figures;
    double kwh = figures->item_j.value / 3.6e6;
    double cost = kwh * efficiency->options->cost_per_kwh;
    struct analysis_cell *row = analysis_add_row(table);
    *row++ = cell_text(table, group->label);
    *row++ = cell_number((double)figures->n);
    *row++ = cell_number(figures->batch);
    *row++ = estimate_cell(&figures->latency_ms);
    *row++ = estimate_cell(&figures->throughput_per_s);
    *row++ = estimate_cell(&figures->per_watt);
    *row++ = estimate_cell(&figures->call_j);
    *row++ = estimate_cell(&figures->item_j);
    *row++ = cell_number(kwh);
    *row++ = cell_number(cost);
    *row++ = cell_number(cost * 1000);
    *row++ = cell_number(group->is_run ? NAN : group->is_front);
}

static void tell_groups(const struct efficiency *efficiency)
{
    struct analysis_table *table = analysis_add_table(efficiency->analysis, "groups", "Efficiency",
                                                      group_columns, ARRAY_LEN(group_columns));
    for (size_t i = 0; i < efficiency->index.count; i++)
        group_row(table, efficiency, &efficiency->groups[i]);
    analysis_note(table, "an item is one of a batch; J per call is mean power x mean latency");
}

/* ---- power ---- */

static const struct analysis_column power_columns[] = {
    {"group", "group", NULL, ANALYSIS_TEXT, 0, false},
    {"power_w", "mean", "W", ANALYSIS_INTERVAL, 4, false},
    {"peak_power_w", "peak", "W", ANALYSIS_NUMBER, 4, false},
    {"tdp_share_pct", "of TDP", "%", ANALYSIS_NUMBER, 3, false},
    {"energy_j", "over time", "J", ANALYSIS_NUMBER, 4, false},
    {"covered_s", "in", "s", ANALYSIS_NUMBER, 4, false},
    {"time_mean_power_w", "mean over time", "W", ANALYSIS_NUMBER, 4, true},
    {"time_energy_per_batch_j", "per call over time", "J", ANALYSIS_NUMBER, 4, true},
    {"busy_pct", "busy", "%", ANALYSIS_NUMBER, 3, false},
    {"gaps", "gaps", NULL, ANALYSIS_COUNT, 0, false},
    {"gaps_s", "gaps", "s", ANALYSIS_NUMBER, 4, true},
    {"wall_energy_per_inference_j", "per item, idle too", "J", ANALYSIS_NUMBER, 4, true},
};

static void power_row(struct analysis_table *table, const struct efficiency *efficiency,
                      const struct efficiency_group *group)
{
    const struct energy_sum *energy = &group->energy;
    bool has_time = energy->intervals > 0;
    double joules = has_time ? energy->joules : NAN;
    struct analysis_cell *row = analysis_add_row(table);
    *row++ = cell_text(table, group->label);
    *row++ = estimate_cell(&group->figures.power_w);
    *row++ = cell_number(group->power_max);
    *row++ = cell_number(100 * group->figures.power_w.value / efficiency->options->tdp_w);
    *row++ = cell_number(joules);
    *row++ = cell_number(has_time ? energy->seconds : NAN);
    *row++ = cell_number(joules / energy->seconds);
    *row++ = cell_number(group->figures.timed_call_j);
    *row++ = cell_number(100 * group->figures.busy);
    *row++ = cell_number(has_time ? (double)energy->gaps : NAN);
    *row++ = cell_number(has_time ? energy->gaps_s : NAN);
    *row++ = cell_number(group->wall_item_j);
}

static void tell_power(const struct efficiency *efficiency)
{
    struct analysis_table *table =
        analysis_add_table(efficiency->analysis, "power", "Power and energy over time",
                           power_columns, ARRAY_LEN(power_columns));
    for (size_t i = 0; i < efficiency->index.count; i++)
        power_row(table, efficiency, &efficiency->groups[i]);
    if (efficiency->has_time)
        analysis_note(table,
                      "over time: power integrated (trapezoids) between rows of the group that "
                      "follow each other in the file, without gaps; busy: the share of that "
                      "time that the calls of the rows take up");
    else
        analysis_note(table, "no energy over time: there is no column of times");
}

/* ---- the front, and the best ---- */

/* Networks that do another job are no alternatives, and the sensors of a run are none either. */
bool efficiency_are_alternatives(const struct efficiency *efficiency, size_t a, size_t b)
{
    return !efficiency->groups[a].is_run &&
           strcmp(efficiency->groups[a].workload, efficiency->groups[b].workload) == 0;
}

/* On the front: no alternative has more throughput for no more energy, or less energy for no less
 * throughput. By their values; whether differences are real is told by the findings. */
static void find_front(struct efficiency *efficiency)
{
    size_t count = efficiency->index.count;
    for (size_t i = 0; i < count; i++) {
        const struct efficiency_figures *mine = &efficiency->groups[i].figures;
        bool is_beaten = !isfinite(mine->item_j.value);
        for (size_t k = 0; k < count && !is_beaten; k++) {
            const struct efficiency_figures *other = &efficiency->groups[k].figures;
            double items = other->throughput_per_s.value - mine->throughput_per_s.value;
            double joules = other->item_j.value - mine->item_j.value;
            is_beaten = efficiency_are_alternatives(efficiency, i, k) && items >= 0 &&
                        joules <= 0 && (items > 0 || joules < 0);
        }
        efficiency->groups[i].is_front = !is_beaten;
    }
}

static const struct estimate *figure_of(const struct efficiency *efficiency, size_t group,
                                        size_t criterion)
{
    const struct efficiency_figures *figures = &efficiency->groups[group].figures;
    const struct estimate *all[EFFICIENCY_CRITERIA] = {
        &figures->latency_ms, &figures->throughput_per_s, &figures->item_j};
    return all[criterion];
}

static bool is_better(const struct efficiency_best *best, double a, double b)
{
    return best->is_higher_better ? a > b : a < b;
}

/* Means as products: the error of a mean is absolute, that of a product relative. */
static struct estimate relative(const struct estimate *estimate, size_t criterion)
{
    struct estimate copy = *estimate;
    if (criterion == 0)
        copy.error /= copy.value;
    return copy;
}

/* Decided: every alternative's interval of the ratio lies on the worse side of 1. There are as many
 * questions as other groups, so each is asked at the level 1 - 0.05 / others (Bonferroni). */
static void decide(const struct efficiency *efficiency, size_t criterion, size_t others,
                   struct efficiency_best *best)
{
    double level = 1 - 0.05 / (double)others;
    struct estimate winner = relative(figure_of(efficiency, best->best, criterion), criterion);
    best->next = SIZE_MAX;
    best->is_decided = true;
    for (size_t i = 0; i < efficiency->index.count; i++) {
        if (i == best->best || !efficiency_are_alternatives(efficiency, i, best->best))
            continue;
        struct estimate other = relative(figure_of(efficiency, i, criterion), criterion);
        struct estimate ratio = estimate_ratio(&winner, &other, level);
        bool is_worse = best->is_higher_better ? ratio.hi < 1 : ratio.lo > 1;
        best->is_decided = best->is_decided && is_worse;
        if (best->next == SIZE_MAX ||
            is_better(best, other.value, figure_of(efficiency, best->next, criterion)->value)) {
            best->next = i;
            best->ratio = ratio;
        }
    }
}

/* Those of `first`; 0: one before it is among them, and they were told. */
static size_t count_alternatives(const struct efficiency *efficiency, size_t first)
{
    size_t count = 0;
    for (size_t i = 0; i < efficiency->index.count; i++) {
        bool is_one = efficiency_are_alternatives(efficiency, i, first);
        if (is_one && i < first)
            return 0;
        count += is_one;
    }
    return count;
}

size_t efficiency_best(const struct efficiency *efficiency, size_t first,
                       struct efficiency_best best[EFFICIENCY_CRITERIA])
{
    static const struct efficiency_best kinds[EFFICIENCY_CRITERIA] = {
        {.criterion = "latency", .unit = "ms"},
        {.criterion = "throughput", .unit = "1/s", .is_higher_better = true},
        {.criterion = "energy", .unit = "J per item"},
    };
    size_t count = count_alternatives(efficiency, first);
    for (size_t k = 0; k < EFFICIENCY_CRITERIA && count > 1; k++) {
        best[k] = kinds[k];
        best[k].best = first;
        best[k].workload = efficiency->groups[first].workload;
        for (size_t i = first + 1; i < efficiency->index.count; i++) {
            if (efficiency_are_alternatives(efficiency, i, first) &&
                is_better(&best[k], figure_of(efficiency, i, k)->value,
                          figure_of(efficiency, best[k].best, k)->value))
                best[k].best = i;
        }
        best[k].value = *figure_of(efficiency, best[k].best, k);
        decide(efficiency, k, count - 1, &best[k]);
    }
    return count;
}

static const struct analysis_column best_columns[] = {
    {"workload", "workload", NULL, ANALYSIS_TEXT, 0, true},
    {"criterion", "best for", NULL, ANALYSIS_TEXT, 0, false},
    {"group", "group", NULL, ANALYSIS_TEXT, 0, false},
    {"value", "value", NULL, ANALYSIS_INTERVAL, 4, false},
    {"unit", "unit", NULL, ANALYSIS_TEXT, 0, false},
    {"next_group", "next", NULL, ANALYSIS_TEXT, 0, false},
    {"next_ratio", "next / best", NULL, ANALYSIS_INTERVAL, 4, false},
    {"decided", "decided", NULL, ANALYSIS_FLAG, 0, false},
};

static void best_rows(const struct efficiency *efficiency, struct analysis_table *table,
                      const struct efficiency_best *best)
{
    for (size_t k = 0; k < EFFICIENCY_CRITERIA; k++) {
        struct analysis_cell *row = analysis_add_row(table);
        *row++ = cell_text(table, *best[k].workload ? best[k].workload : NULL);
        *row++ = cell_text(table, best[k].criterion);
        *row++ = cell_text(table, efficiency->groups[best[k].best].label);
        *row++ = estimate_cell(&best[k].value);
        *row++ = cell_text(table, best[k].unit);
        *row++ = cell_text(table, efficiency->groups[best[k].next].label);
        *row++ = estimate_cell(&best[k].ratio);
        *row++ = cell_number(best[k].is_decided);
    }
}

/* For each workload with something to choose from. */
static void tell_best(struct efficiency *efficiency)
{
    struct analysis_table *table = NULL;
    for (size_t i = 0; i < efficiency->index.count; i++) {
        struct efficiency_best best[EFFICIENCY_CRITERIA];
        if (efficiency_best(efficiency, i, best) < 2)
            continue;
        if (!table)
            table = analysis_add_table(efficiency->analysis, "best", "Best", best_columns,
                                       ARRAY_LEN(best_columns));
        best_rows(efficiency, table, best);
        efficiency_find_best(efficiency, i, best);
    }
    if (table)
        analysis_note(table,
                      "of the same workload; decided: no other group's interval of the ratio "
                      "reaches 1 (95 %%, all groups together); it is about these rows, not "
                      "about another run");
}

int efficiency_tell(struct efficiency *efficiency, struct error *err)
{
    for (size_t i = 0; i < efficiency->index.count; i++) {
        if (!efficiency->groups[i].is_run && efficiency_group_finish(&efficiency->groups[i]) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory");
    }
    find_front(efficiency);
    tell_groups(efficiency);
    tell_power(efficiency);
    efficiency_find(efficiency);
    tell_best(efficiency);
    return efficiency->analysis->failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}
