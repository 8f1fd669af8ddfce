/* growth.c: from floors to the verdict (growth.h).
 *
 * 1. Windows. The floors are put together to 40 windows, of a minute each once there are more, of
 *    at most 240. If the floors still rise and fall with the collections of garbage, longer windows
 *    (2, 4, 8 or 16 of them) scatter far less around their line: then those are judged.
 * 2. Start-up. A line through the last two thirds (through the last half, if that is not enough)
 *    tells where memory has arrived; the leading windows that lie below it by more than five
 *    deviations were still on their way. So does a peak in front that is given back at once.
 * 3. Steps. Up to three differences between neighbours that stand out from all others (eight
 *    deviations) are taken out. What does not rise without them has grown in steps.
 * 4. growth_fit.c says whether the rest rises, and whether its pace changes: it slows down or
 * speeds up when the trend of the segments' differences is sure (t of 3) and the last half's pace
 * is less than 0.7 of the first one's, or more than 1/0.7.
 */
#include "stats/growth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "stats/growth_internal.h"
#include "stats/order.h"

#define MIN_DURATION_S 180.0
#define WINDOW_S 60.0
#define WINDOWS_USUAL 40
#define WINDOWS_MAX 240
#define COARSEST 16
#define QUIETER 0.4 /* so much less scatter makes longer windows the right ones */
#define BELOW_NOISES 5.0
#define STEPS_MAX 3
#define STEP_NOISES 8.0
#define STEP_KEPT 0.5
#define STEP_SHARE 0.6 /* of the growth that are the steps */
#define STEP_SIDE 6
#define STEP_DOUBT 3.0
#define BEND_T 2.5
#define STARTUP_SHARE 0.12
#define LATE_RANGES 4.0

struct judge {
    const struct growth_floor *floors;
    size_t floor_count;
    const struct growth_options *options;
    struct growth_floor *windows;
    size_t count;  /* windows */
    double *t, *y; /* their floors: GROWTH_FLOORS_MAX each */
    double *plain; /* y without its steps */
    size_t steep;  /* windows that are start-up for sure */
    size_t first;  /* behind the start-up */
    struct growth_fit fit;
    struct growth_verdict *verdict;
};

static void judge_deinit(struct judge *judge)
{
    free(judge->windows);
    free(judge->t);
}

static struct growth_line line_from(const struct judge *judge, size_t first)
{
    return (struct growth_line){judge->count - first, judge->t + first, judge->y + first};
}

static struct growth_line last_half(const struct judge *judge)
{
    return line_from(judge, judge->first + (judge->count - judge->first) / 2);
}

/* ---- windows ---- */

static void add_to_window(struct growth_floor *window, const struct growth_floor *floor)
{
    if (floor->floor_mb < window->floor_mb) {
        window->floor_mb = floor->floor_mb;
        window->floor_s = floor->floor_s;
        memcpy(window->work, floor->work, sizeof(window->work));
    }
    window->top_mb = fmax(window->top_mb, floor->top_mb);
    window->last_s = floor->last_s;
    window->n += floor->n;
}

/* Floors put together to windows of this width. A rest of less than half a window joins the one
 * before: a saw-tooth's floor may not have come yet. */
static void make_windows(struct judge *judge, double window_s)
{
    double begin_s = judge->floors[0].first_s;
    uint64_t current = UINT64_MAX;
    size_t count = 0;
    for (size_t i = 0; i < judge->floor_count; i++) {
        const struct growth_floor *floor = &judge->floors[i];
        uint64_t index = (uint64_t)((floor->first_s - begin_s) / window_s + 1e-9);
        if (index != current)
            judge->windows[count++] = *floor;
        else
            add_to_window(&judge->windows[count - 1], floor);
        current = index;
    }
    if (count > 1) {
        struct growth_floor *last = &judge->windows[count - 1];
        double grid_s = begin_s + (double)current * window_s;
        if (last->last_s - grid_s < window_s / 2) {
            add_to_window(last - 1, last);
            count--;
        }
    }
    judge->count = count;
    judge->verdict->window_s = window_s;
    for (size_t i = 0; i < count; i++) {
        judge->t[i] = judge->windows[i].floor_s;
        judge->y[i] = judge->windows[i].floor_mb;
    }
}

static double window_width(const struct judge *judge)
{
    double duration_s = judge->verdict->duration_s;
    if (judge->options->window_s > 0)
        return judge->options->window_s;
    double count = fmin(fmax(duration_s / WINDOW_S, WINDOWS_USUAL), WINDOWS_MAX);
    count = fmin(count, floor((double)judge->verdict->samples / 2));
    return duration_s / fmax(count, 1);
}

static int noise_of_windows(struct judge *judge, double window_s, double *ret_noise)
{
    struct growth_fit fit;
    make_windows(judge, window_s);
    if (growth_fit_line(line_from(judge, 0), &fit) < 0)
        return -1;
    *ret_noise = fit.noise;
    return 0;
}

static int choose_windows(struct judge *judge)
{
    double width_s = window_width(judge), single, longer;
    if (noise_of_windows(judge, width_s, &single) < 0)
        return -1;
    size_t count = judge->count;
    for (int factor = 2; judge->options->window_s <= 0 && factor <= COARSEST &&
                         count / (size_t)factor >= GROWTH_WINDOWS_MIN;
         factor *= 2) {
        if (noise_of_windows(judge, width_s * factor, &longer) < 0)
            return -1;
        if (longer < QUIETER * single)
            return 0;
    }
    make_windows(judge, width_s);
    return 0;
}

/* ---- the start-up ---- */

/* How many leading windows lie below the line of those from `from` on, or above it and fall. */
static int leading_windows(const struct judge *judge, size_t from, size_t *ret_count)
{
    struct growth_fit fit;
    size_t below = 0, above = 0;
    if (growth_fit_line(line_from(judge, from), &fit) < 0)
        return -1;
    double far = BELOW_NOISES * fit.noise;
    while (below < from && judge->y[below] - fit.intercept - fit.slope * judge->t[below] < -far)
        below++;
    while (above < from && judge->y[above] - fit.intercept - fit.slope * judge->t[above] > far)
        above++;
    /* Convex growth lies above the line as well, but it does not fall back to it. */
    if (above > 0 && !(judge->y[0] > judge->y[above]))
        above = 0;
    *ret_count = below > 0 ? below : above;
    return 0;
}

static int skip_startup(struct judge *judge)
{
    size_t room = judge->count - GROWTH_WINDOWS_MIN, from = judge->count / 3;
    for (int attempt = 0; attempt < 2; attempt++, from = judge->count / 2) {
        if (leading_windows(judge, from, &judge->first) < 0)
            return -1;
        if (judge->first < from)
            break;
    }
    /* What is left of it by then is still several deviations. */
    judge->steep = judge->first;
    if (judge->first > 0)
        judge->first += judge->first / 2 + 1;
    judge->first = judge->first < room ? judge->first : room;
    judge->verdict->warmup_s = judge->windows[judge->first].first_s - judge->windows[0].first_s;
    if (judge->first == 0)
        judge->verdict->warmup_s = 0;
    return 0;
}

/* ---- steps ---- */

/* How far apart neighbours usually are; -1: out of memory. */
static int usual_difference(const double *y, size_t n, double *ret_median, double *ret_deviation)
{
    CLEANUP_FREE double *d = calloc(n, sizeof(*d));
    double mad;
    if (!d)
        return -1;
    for (size_t i = 0; i + 1 < n; i++)
        d[i] = y[i + 1] - y[i];
    if (stats_mad(d, n - 1, ret_median, &mad) < 0)
        return -1;
    *ret_deviation = fmax(1.4826 * mad, GROWTH_RESOLUTION_MB);
    return 0;
}

/* By how much y is higher just behind window i than just in front of it, less the usual drift. */
static double height_of_step(const double *y, size_t n, size_t i, double drift)
{
    double before[STEP_SIDE], after[STEP_SIDE];
    size_t side = i < STEP_SIDE ? i : STEP_SIDE;
    side = n - i < side ? n - i : side;
    memcpy(before, y + i - side, side * sizeof(*y));
    memcpy(after, y + i, side * sizeof(*y));
    return order_median(after, side) - order_median(before, side) - (double)side * drift;
}

/* Takes the steps out of the judged windows: into judge->plain. *ret_sum is what they made. A climb
 * over more than two windows is none. */
static int take_out_steps(struct judge *judge, double *ret_sum)
{
    const double *y = judge->y + judge->first;
    size_t n = judge->count - judge->first, run = 0;
    double median, deviation, taken = 0;
    struct growth_verdict *verdict = judge->verdict;
    if (usual_difference(y, n, &median, &deviation) < 0)
        return -1;
    double far = fmax(STEP_NOISES * deviation, GROWTH_MATERIAL_MB);
    verdict->step_count = 0;
    verdict->step_mb = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_step = i > 0 && y[i] - y[i - 1] - median > far &&
                       (run > 0 || height_of_step(y, n, i, median) > far / 2);
        run = is_step ? run + 1 : 0;
        verdict->step_count += run == 1 ? 1 : run > 2 ? STEPS_MAX + 1 : 0;
        if (run == 1) { /* the whole of it, also where it takes a second window */
            bool is_double = i + 1 < n && y[i + 1] - y[i] - median > far;
            double height = height_of_step(y, n, i + is_double, median);
            taken += height;
            if (height > verdict->step_mb) {
                verdict->step_mb = height;
                verdict->step_at_s = judge->t[judge->first + i];
            }
            judge->plain[i] = is_double ? y[i - 1] + median - (taken - height) : y[i] - taken;
        } else {
            judge->plain[i] = y[i] - taken;
        }
    }
    *ret_sum = taken;
    return 0;
}

/* Whether the growth is a few steps. Where more than those grows, judge->fit is of the rest. */
static int judge_steps(struct judge *judge, bool *ret_steps)
{
    struct growth_line line = line_from(judge, judge->first);
    struct growth_fit rest;
    double sum;
    *ret_steps = false;
    if (take_out_steps(judge, &sum) < 0)
        return -1;
    size_t count = judge->verdict->step_count;
    if (count > 0 && count <= STEPS_MAX) {
        line.y = judge->plain;
        if (growth_fit_line(line, &rest) < 0)
            return -1;
        /* A step's height is only known up to the scatter, which then looks like growth. */
        rest.grows =
            rest.grows && rest.slope * rest.span > STEP_DOUBT * (double)(1 + count) * rest.noise;
        size_t eighth = line.n / 8;
        double kept = judge->y[judge->count - 1 - eighth / 2] - judge->y[judge->first + eighth / 2];
        double risen = judge->y[judge->count - 1] - judge->y[judge->first];
        *ret_steps = !rest.grows && kept >= STEP_KEPT * sum && sum >= STEP_SHARE * risen;
        if (rest.grows)
            judge->fit = rest;
    }
    if (!*ret_steps) {
        judge->verdict->step_count = 0;
        judge->verdict->step_mb = judge->verdict->step_at_s = NAN;
    }
    return 0;
}

/* ---- the verdict ---- */

static struct growth_rate per_minute(const struct growth_fit *fit)
{
    return (struct growth_rate){60 * fit->slope, 60 * fit->lo, 60 * fit->hi};
}

/* Not sure enough to be called growth, but nothing that may be called level either. */
static bool is_above_zero(const struct growth_fit *fit)
{
    return fit->lo > 0 && fit->slope * fit->span >= GROWTH_MATERIAL_MB;
}

/* A start-up that took a good part of the time, and rose faster than what came behind it: as well a
 * growth that slows down all the time, of which the steep part was cut off. Its slope is the median
 * one, which a single jump (a model that is loaded) does not change. */
static int slowed_before(const struct judge *judge, bool *ret)
{
    struct trend before;
    *ret = false;
    if ((double)judge->steep <= STARTUP_SHARE * (double)judge->count)
        return 0;
    if (trend_theil_sen(judge->t, judge->y, judge->first, 0.95, &before) < 0)
        return -1;
    *ret = isnan(before.slope) || judge->fit.slope < GROWTH_BEND_RATIO * before.slope;
    return 0;
}

static int classify(struct judge *judge, const struct growth_fit *late, enum growth_class *ret)
{
    const struct growth_fit *fit = &judge->fit;
    struct growth_verdict *verdict = judge->verdict;
    bool slowed;
    if (slowed_before(judge, &slowed) < 0)
        return -1;
    *ret = GROWTH_LINEAR_LEAK;
    if ((fit->bend_t < -BEND_T && fit->bend_ratio < GROWTH_BEND_RATIO) || slowed)
        *ret = late->grows || is_above_zero(late) ? GROWTH_DECELERATING : GROWTH_WARMING;
    else if (fit->bend_t > BEND_T &&
             (fit->bend_ratio < 0 || fit->bend_ratio > 1 / GROWTH_BEND_RATIO))
        *ret = GROWTH_ACCELERATING;
    if (*ret != GROWTH_LINEAR_LEAK)
        verdict->pace = per_minute(late);
    return 0;
}

static void set_numbers(struct judge *judge)
{
    struct growth_verdict *verdict = judge->verdict;
    const struct growth_fit *fit = &judge->fit;
    verdict->windows = judge->count - judge->first;
    verdict->per_min = verdict->pace = per_minute(fit);
    verdict->growth_mb = fit->slope * fit->span;
    verdict->noise_mb = fit->noise;
    verdict->n_eff = fit->n_eff;
    verdict->agree_share = fit->agree_share;
    verdict->smallest_per_min = 60 * fit->smallest;
}

/* Growth that doubles again and again is flat for most of the time, and no line at all. Then what
 * the last half rises by goes beyond all that the first half saw. */
static bool grows_lately(const struct judge *judge, const struct growth_fit *late)
{
    size_t half = judge->first + (judge->count - judge->first) / 2;
    double least = INFINITY, most = -INFINITY;
    /* A start-up hides in the scatter around a line that does not fit. */
    for (size_t i = judge->first + (half - judge->first) / 4; i < half; i++) {
        least = fmin(least, judge->y[i]);
        most = fmax(most, judge->y[i]);
    }
    double rise = judge->y[judge->count - 1] - judge->y[half];
    return late->agree_share >= 1 && late->steps > 0 && rise > LATE_RANGES * (most - least) &&
           rise > GROWTH_MATERIAL_MB;
}

static int judge_windows(struct judge *judge)
{
    struct growth_verdict *verdict = judge->verdict;
    struct growth_fit late;
    bool is_steps = false;
    if (skip_startup(judge) < 0 ||
        growth_fit_line(line_from(judge, judge->first), &judge->fit) < 0 ||
        growth_fit_line(last_half(judge), &late) < 0 || judge_steps(judge, &is_steps) < 0)
        return -1;
    set_numbers(judge);
    if (is_steps)
        verdict->class = GROWTH_STEPS;
    else if (judge->fit.grows)
        return classify(judge, &late, &verdict->class);
    else if (grows_lately(judge, &late)) {
        verdict->class = GROWTH_ACCELERATING;
        verdict->pace = per_minute(&late);
    } else if (is_above_zero(&judge->fit))
        verdict->class = GROWTH_UNEVEN;
    else
        verdict->class = 3 * verdict->warmup_s > verdict->duration_s ? GROWTH_WARMING : GROWTH_NONE;
    return 0;
}

static void forecast(struct judge *judge)
{
    struct growth_verdict *verdict = judge->verdict;
    double limit_mb = judge->options->limit_mb;
    if (!(limit_mb > 0))
        return;
    double room_mb = fmax(limit_mb - verdict->top_mb, 0);
    struct growth_rate pace = verdict->pace;
    bool grows = growth_is_leak(verdict->class) || verdict->class == GROWTH_DECELERATING;
    if (room_mb <= 0)
        verdict->to_limit_s = (struct growth_rate){0, 0, 0};
    else if (!grows || !(pace.hi > 0))
        verdict->to_limit_s = (struct growth_rate){INFINITY, INFINITY, INFINITY};
    else
        verdict->to_limit_s = (struct growth_rate){
            pace.value > 0 ? 60 * room_mb / pace.value : INFINITY, 60 * room_mb / pace.hi,
            pace.lo > 0 ? 60 * room_mb / pace.lo : INFINITY};
}

/* How much longer it takes to have enough; 0: it is enough. */
static double time_needed(const struct judge *judge)
{
    const struct growth_verdict *verdict = judge->verdict;
    double least_s =
        judge->options->min_duration_s > 0 ? judge->options->min_duration_s : MIN_DURATION_S;
    double needed_s = fmax(least_s - verdict->duration_s, 0);
    double samples = (double)verdict->samples;
    double spacing_s = samples > 1 ? verdict->duration_s / (samples - 1) : 0;
    /* Two samples a window, and a fifth of the windows for a start-up. */
    double samples_needed = 2.4 * GROWTH_WINDOWS_MIN;
    if (judge->options->window_s > 0)
        needed_s = fmax(needed_s,
                        1.2 * GROWTH_WINDOWS_MIN * judge->options->window_s - verdict->duration_s);
    return fmax(needed_s, (samples_needed - samples) * spacing_s);
}

static void clear(struct growth_verdict *verdict)
{
    const struct growth_rate unknown = {NAN, NAN, NAN};
    memset(verdict, 0, sizeof(*verdict));
    verdict->growth_mb = verdict->noise_mb = verdict->n_eff = verdict->agree_share = NAN;
    verdict->smallest_per_min = verdict->step_mb = verdict->step_at_s = NAN;
    verdict->level_mb = verdict->top_mb = verdict->time_delta_aic = NAN;
    verdict->per_min = verdict->pace = verdict->to_limit_s = unknown;
    verdict->best_work = -1;
}

int growth_judge(const struct growth_floor *floors, size_t count, size_t work_count,
                 const struct growth_options *options, struct growth_verdict *ret)
{
    CLEANUP(judge_deinit)
    struct judge judge = {
        .floors = floors, .floor_count = count, .options = options, .verdict = ret};
    clear(ret);
    ret->work_count = work_count;
    for (size_t i = 0; i < count; i++)
        ret->samples += floors[i].n;
    ret->duration_s = count > 0 ? floors[count - 1].last_s - floors[0].first_s : 0;
    ret->needed_s = time_needed(&judge);
    if (count == 0 || ret->needed_s > 0)
        return 0;
    judge.windows = calloc(count, sizeof(*judge.windows));
    judge.t = calloc(3 * count, sizeof(*judge.t));
    if (!judge.windows || !judge.t)
        return -1;
    judge.y = judge.t + count;
    judge.plain = judge.y + count;
    if (choose_windows(&judge) < 0)
        return -1;
    if (judge.count < GROWTH_WINDOWS_MIN) { /* holes: a suspended machine */
        ret->needed_s = (double)(GROWTH_WINDOWS_MIN - judge.count) * ret->window_s;
        return 0;
    }
    ret->level_mb = judge.windows[judge.count - 1].floor_mb;
    ret->top_mb = judge.windows[judge.count - 1].top_mb;
    if (judge_windows(&judge) < 0)
        return -1;
    if (growth_judge_work(judge.windows + judge.first, judge.count - judge.first, judge.first,
                          ret) < 0)
        return -1;
    forecast(&judge);
    return 0;
}
