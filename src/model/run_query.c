/* run_query.c: what belongs to which phase, and which values count. */
#include "model/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

const struct run_series *run_find_series(const struct run *run, const char *metric,
                                         const char *instance)
{
    for (size_t i = 0; i < run->series_count; i++) {
        const struct series *series = &run->series[i].series;
        if (strcmp(series->metric->name, metric) == 0 &&
            (!instance || strcmp(series->instance, instance) == 0))
            return &run->series[i];
    }
    return NULL;
}

/* ---- phases ---- */

size_t run_phase_order_end(const struct run *run, uint32_t invocation)
{
    size_t lo = 0, hi = run->phase_count;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (run->phases[run->phase_order[middle]].invocation <= invocation)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

/* Units of an invocation that belong to one phase. */
struct unit_range {
    uint64_t first, last; /* both in it */
    enum phase_kind kind;
};

/* The phase of a unit, and the units around it for which the answer is the same. */
static struct unit_range range_of_unit(const struct run *run, uint32_t invocation, uint64_t unit)
{
    struct unit_range range = {.last = UINT64_MAX, .kind = PHASE_STEADY};
    for (size_t i = run_phase_order_end(run, invocation); i-- > 0;) {
        const struct phase *phase = &run->phases[run->phase_order[i]];
        if (phase->invocation != invocation)
            break;
        if (phase->unit_count == 0)
            continue;
        uint64_t last = phase->first_unit + (phase->unit_count - 1);
        if (last < phase->first_unit)
            last = UINT64_MAX;
        if (unit < phase->first_unit) {
            range.last = u64_min(range.last, phase->first_unit - 1);
        } else if (unit > last) {
            range.first = u64_max(range.first, last + 1);
        } else {
            range.first = u64_max(range.first, phase->first_unit);
            range.last = u64_min(range.last, last);
            range.kind = phase->kind;
            break;
        }
    }
    return range;
}

enum phase_kind run_phase_of_unit(const struct run *run, uint32_t invocation, uint64_t unit)
{
    return range_of_unit(run, invocation, unit).kind;
}

/* The phase that the VALUE series of an invocation belong to. */
static enum phase_kind phase_of_invocation(const struct run *run, uint32_t invocation)
{
    enum phase_kind first = run_phase_of_unit(run, invocation, 0);
    if (first == PHASE_STEADY)
        return first;
    for (size_t i = run_phase_order_end(run, invocation); i-- > 0;) {
        const struct phase *phase = &run->phases[run->phase_order[i]];
        if (phase->invocation != invocation)
            break;
        if (phase->kind == PHASE_STEADY && phase->unit_count > 0 &&
            run_phase_of_unit(run, invocation, phase->first_unit + phase->unit_count - 1) ==
                PHASE_STEADY)
            return PHASE_STEADY;
    }
    return first;
}

bool run_time_in_phase(const struct run *run, int64_t t_ns, enum phase_kind kind)
{
    if (t_ns == INT64_MIN)
        return false;
    for (size_t i = run->phase_count; i-- > 0;) {
        const struct phase *phase = &run->phases[i];
        if (t_ns >= phase->begin_ns && t_ns < phase->end_ns)
            return phase->kind == kind;
    }
    return false;
}

bool run_invocation_counts(const struct run *run, uint32_t invocation)
{
    if (invocation < run->invocation_count && run->invocations[invocation].index == invocation)
        return run->invocations[invocation].outcome == INVOCATION_OK;
    for (size_t i = 0; i < run->invocation_count; i++) {
        if (run->invocations[i].index == invocation)
            return run->invocations[i].outcome == INVOCATION_OK;
    }
    return true;
}

/* ---- the run's time, cut into pieces that one phase owns ---- */

struct piece {
    int64_t begin_ns, end_ns;
    size_t phase; /* index into run->phases */
};

struct timeline {
    struct piece *pieces; /* ascending, not overlapping */
    size_t count;
};

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static size_t time_index(const int64_t *times, size_t count, int64_t t)
{
    size_t lo = 0, hi = count;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (times[middle] < t)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

/* The first slot at or after i that nobody owns; paths are halved on the way (union-find). */
static size_t next_free(size_t *next, size_t i)
{
    while (next[i] != i) {
        next[i] = next[next[i]];
        i = next[i];
    }
    return i;
}

/* All begins and ends cut the time into slots; phases take theirs from the last told to the first,
 * and a slot that was taken stays taken. O(P log P), since a run may have a phase per launch. */
static int timeline_make(const struct run *run, struct timeline *ret)
{
    size_t phases = run->phase_count, count = 0;
    CLEANUP_FREE int64_t *times = malloc((2 * phases + 1) * sizeof(*times));
    CLEANUP_FREE size_t *next = malloc((2 * phases + 2) * sizeof(*next));
    struct piece *pieces = malloc((2 * phases + 1) * sizeof(*pieces));
    if (!times || !next || !pieces) {
        free(pieces);
        return -1;
    }
    for (size_t i = 0; i < phases; i++) {
        times[2 * i] = run->phases[i].begin_ns;
        times[2 * i + 1] = run->phases[i].end_ns;
    }
    if (phases > 0)
        qsort(times, 2 * phases, sizeof(*times), compare_times);
    for (size_t i = 0; i < 2 * phases; i++) {
        if (count == 0 || times[count - 1] != times[i])
            times[count++] = times[i];
    }
    for (size_t i = 0; i <= count; i++) {
        next[i] = i;
        if (i < count)
            pieces[i] = (struct piece){.phase = SIZE_MAX};
    }
    for (size_t i = phases; i-- > 0;) {
        const struct phase *phase = &run->phases[i];
        size_t end = time_index(times, count, phase->end_ns);
        size_t slot = next_free(next, time_index(times, count, phase->begin_ns));
        for (; slot < end; slot = next_free(next, slot)) {
            pieces[slot] = (struct piece){times[slot], times[slot + 1], i};
            next[slot] = slot + 1;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].phase != SIZE_MAX)
            pieces[kept++] = pieces[i];
    }
    *ret = (struct timeline){pieces, kept};
    return 0;
}

/* The piece that holds t, or NULL. *hint is where the last one was found: samples come in order. */
static const struct piece *timeline_at(const struct timeline *timeline, int64_t t, size_t *hint)
{
    if (*hint >= timeline->count || t < timeline->pieces[*hint].begin_ns) {
        size_t lo = 0, hi = timeline->count;
        while (lo < hi) {
            size_t middle = lo + (hi - lo) / 2;
            if (timeline->pieces[middle].end_ns <= t)
                lo = middle + 1;
            else
                hi = middle;
        }
        *hint = lo;
    }
    while (*hint < timeline->count && timeline->pieces[*hint].end_ns <= t)
        ++*hint;
    if (*hint == timeline->count || t == INT64_MIN || t < timeline->pieces[*hint].begin_ns)
        return NULL;
    return &timeline->pieces[*hint];
}

/* ---- which samples count ---- */

/* Decides sample after sample; remembers what it found for the invocation before. */
struct judge {
    const struct run *run;
    const struct series *series;
    enum phase_kind phase;
    struct timeline timeline; /* TIME */
    size_t hint;
    bool known; /* the next three hold */
    uint32_t invocation;
    bool counts;
    enum phase_kind invocation_phase; /* VALUE */
    struct unit_range range;          /* UNIT: where the last one lay */
};

static int judge_init(struct judge *judge, const struct run *run, const struct series *series,
                      enum phase_kind phase)
{
    *judge = (struct judge){.run = run, .series = series, .phase = phase};
    return series->kind == SERIES_TIME ? timeline_make(run, &judge->timeline) : 0;
}

static void judge_deinit(struct judge *judge)
{
    free(judge->timeline.pieces);
}

static bool judge_counts(struct judge *judge, uint32_t invocation)
{
    if (!judge->known || judge->invocation != invocation) {
        judge->known = true;
        judge->invocation = invocation;
        judge->counts = run_invocation_counts(judge->run, invocation);
        judge->range = (struct unit_range){.first = 1, .last = 0}; /* holds no unit */
        if (judge->series->kind == SERIES_VALUE)
            judge->invocation_phase = phase_of_invocation(judge->run, invocation);
    }
    return judge->counts;
}

/* Whether the sample belongs to the phase and counts; its invocation in *ret_invocation. Says
 * nothing about the value being missing. */
static bool judge_sample(struct judge *judge, const struct run_sample *sample,
                         uint32_t *ret_invocation)
{
    *ret_invocation = sample->invocation;
    switch (judge->series->kind) {
    case SERIES_UNIT:
        if (!judge_counts(judge, sample->invocation))
            return false;
        if (sample->unit < judge->range.first || sample->unit > judge->range.last)
            judge->range = range_of_unit(judge->run, sample->invocation, sample->unit);
        return judge->range.kind == judge->phase;
    case SERIES_VALUE:
        return judge_counts(judge, sample->invocation) && judge->invocation_phase == judge->phase;
    case SERIES_TIME:
        break;
    }
    const struct piece *piece = timeline_at(&judge->timeline, sample->t_ns, &judge->hint);
    if (!piece)
        return false;
    const struct phase *phase = &judge->run->phases[piece->phase];
    *ret_invocation = phase->invocation;
    return phase->kind == judge->phase && judge_counts(judge, phase->invocation);
}

int run_collect_missing(const struct run *run, const struct run_series *series,
                        enum phase_kind phase, uint64_t *ret_missing, struct error *err)
{
    struct judge judge CLEANUP(judge_deinit);
    if (judge_init(&judge, run, &series->series, phase) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    uint64_t missing = series->lost;
    for (size_t i = 0; i < series->count; i++) {
        uint32_t invocation;
        if (isnan(series->samples[i].value) &&
            judge_sample(&judge, &series->samples[i], &invocation))
            missing++;
    }
    *ret_missing = missing;
    return 0;
}

int run_collect(const struct run *run, const struct run_series *series, enum phase_kind phase,
                double **ret_values, uint32_t **ret_invocations, size_t *ret_count,
                struct error *err)
{
    struct judge judge CLEANUP(judge_deinit);
    CLEANUP_FREE double *values = malloc((series->count + 1) * sizeof(*values));
    CLEANUP_FREE uint32_t *invocations =
        ret_invocations ? malloc((series->count + 1) * sizeof(*invocations)) : NULL;
    if (judge_init(&judge, run, &series->series, phase) < 0 || !values ||
        (ret_invocations && !invocations))
        return error_set(err, ERROR_NOMEM, "out of memory for %zu values of %s", series->count,
                         series->series.metric->name);
    size_t count = 0;
    for (size_t i = 0; i < series->count; i++) {
        uint32_t invocation;
        if (isnan(series->samples[i].value) ||
            !judge_sample(&judge, &series->samples[i], &invocation))
            continue;
        values[count] = series->samples[i].value;
        if (invocations)
            invocations[count] = invocation;
        count++;
    }
    *ret_values = values;
    values = NULL;
    if (ret_invocations) {
        *ret_invocations = invocations;
        invocations = NULL;
    }
    *ret_count = count;
    return 0;
}

/* ---- beyond the raw samples ---- */

static void hist_forget(struct hist *hist, uint64_t value)
{
    hist->buckets[hist_bucket_of(value)]--;
    hist->count--;
    hist->sum -= (double)value;
    hist->sum_sq -= (double)value * (double)value;
}

/* After values went, min and max are known to their bucket only. */
static void hist_narrow(struct hist *hist)
{
    size_t low = 0, high = HIST_BUCKETS;
    while (low < HIST_BUCKETS && hist->buckets[low] == 0)
        low++;
    while (high > 0 && hist->buckets[high - 1] == 0)
        high--;
    if (high == 0) {
        hist_reset(hist);
        return;
    }
    hist->min = u64_max(hist->min, hist_bucket_low(low));
    hist->max = u64_min(hist->max, hist_bucket_high(high - 1));
}

int run_collect_hist(const struct run *run, const struct run_series *series, enum phase_kind phase,
                     struct hist **ret_hist, struct error *err)
{
    *ret_hist = NULL;
    if (!series->hist || series->lost > 0)
        return 0;
    struct judge judge CLEANUP(judge_deinit);
    struct hist *hist = hist_new();
    if (judge_init(&judge, run, &series->series, phase) < 0 || !hist) {
        hist_free(hist);
        return error_set(err, ERROR_NOMEM, "out of memory for the histogram of %s",
                         series->series.metric->name);
    }
    *hist = *series->hist;
    if (phase != PHASE_STEADY)
        hist_reset(hist);
    bool complete = true;
    for (size_t i = 0; i < series->count && complete; i++) {
        uint32_t invocation;
        uint64_t value = 0;
        bool counts = judge_sample(&judge, &series->samples[i], &invocation);
        if (isnan(series->samples[i].value))
            continue;
        complete = run_shown_to_hist(series->series.metric, series->samples[i].value, &value);
        if (complete && !counts && phase == PHASE_STEADY)
            hist_forget(hist, value);
        else if (complete && counts && phase != PHASE_STEADY)
            hist_record(hist, value);
    }
    if (!complete) {
        hist_free(hist);
        return 0;
    }
    hist_narrow(hist);
    *ret_hist = hist;
    return 0;
}

int run_hist_beyond_raw(const struct run_series *series, struct hist **ret_hist, struct error *err)
{
    *ret_hist = NULL;
    if (!series->hist || series->raw_dropped == 0)
        return 0;
    struct hist *hist = hist_new();
    if (!hist)
        return error_set(err, ERROR_NOMEM, "out of memory for the histogram of %s",
                         series->series.metric->name);
    *hist = *series->hist;
    uint64_t value;
    for (size_t i = 0; i < series->count; i++) {
        if (run_shown_to_hist(series->series.metric, series->samples[i].value, &value))
            hist_forget(hist, value);
    }
    hist_narrow(hist);
    *ret_hist = hist;
    return 0;
}
