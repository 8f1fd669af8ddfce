/* tegrastats_energy.c: rails of a tegrastats log: which of them is the board's power, and how much
 * energy they made of it.
 *
 * Energy: stamps have whole seconds, so the lines of a second become one mean; between two seconds
 * that follow each other the trapezoid of their means. From the first stamp to the last, without
 * the gaps: a step of more than three times the usual one and a second is one.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/tegrastats_internal.h"
#include "base/util.h"

/* ---- values ---- */

static uint64_t in_histogram(double mw)
{
    return mw > 0 ? (uint64_t)mw : 0;
}

/* There is no room for more values: they go into a histogram. */
static void go_over_to_histogram(struct tegra_log *log, struct tegra_rail *rail)
{
    rail->hist = hist_new();
    log->is_out_of_memory |= !rail->hist;
    for (size_t i = 0; rail->hist && i < rail->count; i++)
        hist_record(rail->hist, in_histogram(rail->values[i]));
    free(rail->values);
    rail->values = NULL;
    rail->count = rail->capacity = 0;
}

void tegra_rail_add(struct tegra_log *log, struct tegra_rail *rail, double mw)
{
    moments_add(&rail->mw, mw);
    rail->second_sum += mw;
    rail->second_n++;
    bool is_full = log->rail_values >= TEGRA_VALUES_MAX && !log->options->is_exact;
    if (is_full && !rail->hist)
        go_over_to_histogram(log, rail);
    if (rail->hist) {
        hist_record(rail->hist, in_histogram(mw));
        return;
    }
    if (array_reserve(&rail->values, &rail->capacity, rail->count + 1, sizeof(double)) < 0) {
        log->is_out_of_memory = true;
        return;
    }
    rail->values[rail->count++] = mw;
    log->rail_values++;
}

double tegra_rail_quantile(const struct tegra_rail *rail, double p, bool *ret_failed)
{
    if (rail->hist)
        return hist_quantile(rail->hist, p);
    if (rail->count == 0)
        return NAN;
    CLEANUP_FREE double *copy = malloc(rail->count * sizeof(*copy));
    if (!copy) {
        *ret_failed = true;
        return NAN;
    }
    memcpy(copy, rail->values, rail->count * sizeof(*copy));
    stats_sort(copy, rail->count);
    return quantile_sorted(copy, rail->count, p);
}

struct interval tegra_rail_mean_interval(const struct tegra_rail *rail)
{
    struct interval interval = {NAN, NAN};
    if (rail->count >= 2)
        mean_interval(rail->mw.mean, moments_std(&rail->mw), effective_n(rail->values, rail->count),
                      0.95, &interval);
    return interval;
}

/* ---- energy ---- */

static void rail_step(struct tegra_rail *rail, double step_s)
{
    double now = rail->second_n > 0 ? rail->second_sum / (double)rail->second_n : NAN;
    if (!isnan(now) && !isnan(rail->second_before) && rail->step_s <= TEGRA_STEPS) {
        size_t bucket = (size_t)rail->step_s - 1;
        rail->step_mj[bucket] += (rail->second_before + now) / 2 * rail->step_s;
        rail->step_n[bucket]++;
    }
    rail->second_before = isnan(step_s) ? NAN : now;
    rail->step_s = step_s;
    rail->second_sum = 0;
    rail->second_n = 0;
}

void tegra_energy_step(struct tegra_part *part, double step_s)
{
    for (size_t i = 0; i < part->rail_count; i++)
        rail_step(&part->rails[i], step_s);
    rail_step(&part->total, step_s);
}

double tegra_duration_s(const struct tegra_part *part)
{
    double sum_s = part->step_over_s;
    for (size_t i = 0; i < TEGRA_STEPS; i++)
        sum_s += (double)part->step_n[i] * (double)(i + 1);
    return part->signature.has_time ? sum_s : NAN;
}

double tegra_usual_step_s(const struct tegra_part *part)
{
    uint64_t all = 0, seen = 0;
    for (size_t i = 0; i <= TEGRA_STEPS; i++)
        all += part->step_n[i];
    for (size_t i = 0; i < TEGRA_STEPS; i++) {
        seen += part->step_n[i];
        if (2 * seen >= all && all > 0)
            return (double)(i + 1);
    }
    return all > 0 ? part->step_over_s / (double)part->step_n[TEGRA_STEPS] : NAN;
}

double tegra_gap_limit_s(const struct tegra_part *part)
{
    return 3 * tegra_usual_step_s(part) + 1;
}

double tegra_energy_j(const struct tegra_part *part, const struct tegra_rail *rail,
                      double *ret_covered_s)
{
    double limit_s = tegra_gap_limit_s(part), mj = 0, covered_s = 0;
    for (size_t i = 0; i < TEGRA_STEPS && (double)(i + 1) <= limit_s; i++) {
        mj += rail->step_mj[i];
        covered_s += (double)rail->step_n[i] * (double)(i + 1);
    }
    *ret_covered_s = covered_s;
    return covered_s > 0 ? mj / 1e3 : NAN;
}
