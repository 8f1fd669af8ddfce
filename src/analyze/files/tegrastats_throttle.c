/* tegrastats_throttle.c: was a clock held back by heat? By evidence, not by temperature.
 *
 * Only samples under load count (half or more): a governor lowers the clock of a unit that has
 * little to do, and raises it with the load. What the clock is at a load when the board is cool (5
 * degrees below the threshold, and less) is the median of at least 5 samples in steps of 10 % load;
 * for a load that was not seen when cool, that of the next lower one, which is less. A sample is
 * slow if its clock is at least a tenth below it. A unit throttled if three lines or more in a row
 * were slow in the heat, and slow samples are a larger share of the hot ones than of the cool ones,
 * by the bounds of both (97.5 % each, Clopper & Pearson 1934). A clock that was slow already when
 * the board was cool, and from then on, was set down (a power mode, a limit): heat did not begin
 * that, and its samples tell nothing of heat.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/tegrastats_internal.h"
#include "base/util.h"

#define BUSY_PCT 50.0
#define BINS 5
#define BIN_PCT 10.0
#define COOL_BELOW_C 5.0
#define COOL_MIN 5
#define SLOW_SHARE 0.90
#define ROW_MIN 3
#define ROW_GAP 3 /* lines between two slow samples of one episode */
#define CONFIDENCE 0.975

void tegra_busy_add(struct tegra_log *log, size_t unit, uint64_t line, double load_pct, double mhz,
                    double hottest_c, double t_s)
{
    if (!(load_pct >= BUSY_PCT) || !(mhz > 0))
        return;
    if (log->busy_count == TEGRA_BUSY_MAX) {
        log->busy_left_out++;
        return;
    }
    if (array_reserve(&log->busy, &log->busy_capacity, log->busy_count + 1, sizeof(*log->busy)) <
        0) {
        log->is_out_of_memory = true;
        return;
    }
    log->busy_last_line = line;
    log->busy[log->busy_count++] = (struct tegra_busy){
        .line = line < UINT32_MAX ? (uint32_t)line : UINT32_MAX,
        .t_s = (float)t_s,
        .load_pct = (float)load_pct,
        .mhz = (float)mhz,
        .hottest_mc = (int32_t)lround(1000 * hottest_c),
        .part = (uint8_t)log->current,
        .unit = (uint8_t)unit,
    };
}

static size_t bin_of(const struct tegra_busy *busy)
{
    size_t bin = (size_t)(((double)busy->load_pct - BUSY_PCT) / BIN_PCT);
    return bin < BINS ? bin : BINS - 1;
}

/* One unit's samples, and its clock at each load when cool. */
struct history {
    const struct tegra_busy **samples;
    size_t count;
    double cool_mhz[BINS]; /* NaN: not seen */
    double threshold_c;
};

static void history_deinit(struct history *history)
{
    free(history->samples);
}

static bool is_cool(const struct history *history, const struct tegra_busy *busy)
{
    return busy->hottest_mc / 1e3 <= history->threshold_c - COOL_BELOW_C;
}

static bool is_hot(const struct history *history, const struct tegra_busy *busy)
{
    return busy->hottest_mc / 1e3 >= history->threshold_c;
}

static int history_collect(const struct tegra_log *log, size_t part, size_t unit,
                           struct history *history)
{
    size_t count = 0;
    for (size_t i = 0; i < log->busy_count; i++)
        count += log->busy[i].part == part && log->busy[i].unit == unit;
    history->threshold_c = log->options->throttle_threshold_c;
    history->samples = calloc(count ? count : 1, sizeof(*history->samples));
    if (!history->samples)
        return -1;
    for (size_t i = 0; i < log->busy_count; i++) {
        if (log->busy[i].part == part && log->busy[i].unit == unit)
            history->samples[history->count++] = &log->busy[i];
    }
    return 0;
}

/* A load that was not seen when cool takes the clock of the next lower one. */
static int find_cool_clocks(struct history *history)
{
    CLEANUP_FREE double *mhz = calloc(history->count ? history->count : 1, sizeof(*mhz));
    double lower = NAN;
    if (!mhz)
        return -1;
    for (size_t bin = 0; bin < BINS; bin++) {
        size_t n = 0;
        for (size_t i = 0; i < history->count; i++) {
            const struct tegra_busy *busy = history->samples[i];
            if (bin_of(busy) == bin && is_cool(history, busy))
                mhz[n++] = (double)busy->mhz;
        }
        stats_sort(mhz, n);
        if (n >= COOL_MIN)
            lower = quantile_sorted(mhz, n, 0.5);
        history->cool_mhz[bin] = lower;
    }
    return 0;
}

static double ratio_of(const struct history *history, const struct tegra_busy *busy)
{
    return (double)busy->mhz / history->cool_mhz[bin_of(busy)];
}

/* ---- episodes ---- */

static int add_episode(struct tegra_throttle *throttle, const struct history *history,
                       const struct tegra_busy *busy)
{
    size_t count = throttle->episode_count;
    struct tegra_episode *last = count > 0 ? &throttle->episodes[count - 1] : NULL;
    if (!last || busy->line > last->last_line + ROW_GAP) {
        if (array_reserve(&throttle->episodes, &throttle->episode_capacity, count + 1,
                          sizeof(*throttle->episodes)) < 0)
            return -1;
        last = &throttle->episodes[throttle->episode_count++];
        *last = (struct tegra_episode){.first_line = busy->line, .begin_s = (double)busy->t_s};
    }
    double n = (double)++last->n;
    last->last_line = busy->line;
    last->end_s = (double)busy->t_s;
    last->load_pct += ((double)busy->load_pct - last->load_pct) / n;
    last->mhz += ((double)busy->mhz - last->mhz) / n;
    last->cool_mhz += (history->cool_mhz[bin_of(busy)] - last->cool_mhz) / n;
    last->hottest_c = fmax(last->hottest_c, busy->hottest_mc / 1e3);
    return 0;
}

/* Those of fewer samples are the governor's. */
static void drop_short_episodes(struct tegra_throttle *throttle)
{
    size_t kept = 0;
    for (size_t i = 0; i < throttle->episode_count; i++) {
        if (throttle->episodes[i].n >= ROW_MIN)
            throttle->episodes[kept++] = throttle->episodes[i];
    }
    throttle->episode_count = kept;
}

/* ---- the judgement ---- */

static int count_samples(const struct history *history, struct tegra_throttle *throttle)
{
    CLEANUP_FREE double *drops = calloc(history->count ? history->count : 1, sizeof(*drops));
    struct moments drop = {0}, cool = {0}, slow = {0};
    bool was_slow = false, was_set_down = false;
    if (!drops)
        return -1;
    for (size_t i = 0; i < history->count; i++) {
        const struct tegra_busy *busy = history->samples[i];
        double ratio = ratio_of(history, busy);
        bool is_slow = ratio <= SLOW_SHARE;
        throttle->cool_n += is_cool(history, busy);
        throttle->cool_slow_n += is_cool(history, busy) && is_slow;
        throttle->hot_n += is_hot(history, busy);
        if (isnan(ratio))
            continue;
        was_set_down = is_slow && (was_slow ? was_set_down : is_cool(history, busy));
        was_slow = is_slow;
        throttle->set_down_n += is_hot(history, busy) && was_set_down;
        throttle->hot_judged_n += is_hot(history, busy) && !was_set_down;
        if (!is_hot(history, busy) || !is_slow || was_set_down)
            continue;
        drops[throttle->hot_slow_n++] = 100 * (1 - ratio);
        moments_add(&drop, 100 * (1 - ratio));
        moments_add(&slow, (double)busy->mhz);
        moments_add(&cool, history->cool_mhz[bin_of(busy)]);
        if (add_episode(throttle, history, busy) < 0)
            return -1;
    }
    struct interval interval = {NAN, NAN};
    if (drop.n >= 2)
        mean_interval(drop.mean, moments_std(&drop), effective_n(drops, drop.n), 0.95, &interval);
    throttle->drop_pct = drop.n > 0 ? drop.mean : NAN;
    throttle->lo = interval.lo;
    throttle->hi = interval.hi;
    throttle->cool_mhz = cool.n > 0 ? cool.mean : NAN;
    throttle->slow_mhz = slow.n > 0 ? slow.mean : NAN;
    return 0;
}

int tegra_throttle_of(const struct tegra_log *log, size_t part, size_t unit,
                      struct tegra_throttle *ret)
{
    CLEANUP(history_deinit) struct history history = {.samples = NULL};
    *ret = (struct tegra_throttle){.drop_pct = NAN};
    if (history_collect(log, part, unit, &history) < 0 || find_cool_clocks(&history) < 0 ||
        count_samples(&history, ret) < 0) {
        tegra_throttle_deinit(ret);
        return -1;
    }
    drop_short_episodes(ret);
    ret->is_judged = ret->hot_judged_n >= ROW_MIN;
    ret->is_throttled =
        ret->is_judged && ret->episode_count > 0 &&
        proportion_lower((double)ret->hot_slow_n, (double)ret->hot_judged_n, CONFIDENCE) >
            proportion_upper((double)ret->cool_slow_n, (double)ret->cool_n, CONFIDENCE);
    return 0;
}

void tegra_throttle_deinit(struct tegra_throttle *throttle)
{
    free(throttle->episodes);
    throttle->episodes = NULL;
    throttle->episode_count = throttle->episode_capacity = 0;
}
