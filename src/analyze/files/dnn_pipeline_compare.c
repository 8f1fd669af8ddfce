/* dnn_pipeline_compare.c: several pipelines: batch scaling, and engine A against engine B. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/dnn_pipeline_internal.h"
#include "base/unit.h"
#include "base/util.h"

static const char *number(double value, char *buf, size_t size)
{
    return unit_format_number(value, 4, buf, size);
}

/* The time that two are compared by: the total, or the sum of the layers where only that has an
 * interval. Its error is that of a mean. */
static const struct estimate *time_of(const struct pipeline *pipeline)
{
    return isfinite(pipeline->total_ms.lo) || !isfinite(pipeline->layers_ms.lo)
               ? &pipeline->total_ms
               : &pipeline->layers_ms;
}

/* ---- A against B ---- */

static const struct analysis_column versus_columns[] = {
    {"layer", "layer", NULL, ANALYSIS_TEXT, 0, false},
    {"type", "type", NULL, ANALYSIS_TEXT, 0, false},
    {"a_ms", "A", "ms", ANALYSIS_NUMBER, 4, false},
    {"b_ms", "B", "ms", ANALYSIS_NUMBER, 4, false},
    {"difference_ms", "B - A", "ms", ANALYSIS_INTERVAL, 4, false},
    {"difference_pct", "B - A", "%", ANALYSIS_NUMBER, 3, false},
    {"decided", "decided", NULL, ANALYSIS_FLAG, 0, false},
};

struct difference {
    const struct pipe_layer *a, *b; /* one may be NULL */
    double weight;                  /* what they are ordered by */
};

static int by_falling_weight(const void *x, const void *y)
{
    const struct difference *a = x, *b = y;
    if (a->weight < b->weight || a->weight > b->weight)
        return a->weight < b->weight ? 1 : -1;
    const struct pipe_layer *of_a = a->a ? a->a : a->b, *of_b = b->a ? b->a : b->b;
    return strcmp(of_a->name, of_b->name);
}

static double ms_of(const struct pipeline *pipeline, const struct pipe_layer *layer)
{
    return layer ? pipe_layer_ms(pipeline, layer) : NAN;
}

static void set_weight(struct difference *difference, const struct pipeline *a,
                       const struct pipeline *b)
{
    double before = difference->a ? ms_of(a, difference->a) : 0;
    double after = difference->b ? ms_of(b, difference->b) : 0;
    difference->weight = fabs(after - before);
}

/* Layers of both, matched by name, then those of one alone. Returns how many. */
static size_t match(const struct pipeline *a, const struct pipeline *b, struct difference *all,
                    size_t *ret_only_a, size_t *ret_only_b)
{
    size_t count = 0;
    for (size_t i = 0; i < a->layer_count; i++) {
        all[count].a = &a->layers[i];
        all[count].b = pipeline_find(b, &a->layers[i]);
        *ret_only_a += !all[count].b;
        set_weight(&all[count++], a, b);
    }
    for (size_t i = 0; i < b->layer_count; i++) {
        if (pipeline_find(a, &b->layers[i]))
            continue;
        all[count].b = &b->layers[i];
        (*ret_only_b)++;
        set_weight(&all[count++], a, b);
    }
    qsort(all, count, sizeof(*all), by_falling_weight);
    return count;
}

static bool is_decided(const struct estimate *difference)
{
    return difference->lo > 0 || difference->hi < 0;
}

static int versus_row(struct analysis_table *table, const struct pipeline *a,
                      const struct pipeline *b, const struct difference *difference,
                      struct error *err)
{
    const struct pipe_layer *either = difference->a ? difference->a : difference->b;
    struct estimate before = {.value = NAN}, after = {.value = NAN};
    struct estimate change = {.value = NAN, .lo = NAN, .hi = NAN};
    bool has_both = difference->a && difference->b;
    int rc = difference->a ? pipe_layer_time(a, difference->a, &before, err) : 0;
    if (rc == 0 && difference->b)
        rc = pipe_layer_time(b, difference->b, &after, err);
    if (rc < 0)
        return rc;
    if (has_both)
        change = estimate_difference(&before, &after);
    struct analysis_cell *row = analysis_add_row(table);
    *row++ = cell_text(table, either->name);
    *row++ = cell_text(table, *either->type ? either->type : NULL);
    *row++ = cell_number(before.value);
    *row++ = cell_number(after.value);
    *row++ = cell_interval(change.value, change.lo, change.hi);
    *row++ = cell_number(before.value > 0 ? 100 * change.value / before.value : NAN);
    *row++ = cell_number(isfinite(change.lo) ? is_decided(&change) : NAN);
    return 0;
}

/* Whether their totals are of the same things: one may be the sum of the layers, another the
 * latency with transfers and the host in it. */
static bool have_same_parts(const struct pipeline *a, const struct pipeline *b)
{
    return a->is_total_told == b->is_total_told &&
           pipeline_has_transfers(a) == pipeline_has_transfers(b);
}

static void tell_total(struct pipe_set *set, const struct pipeline *a, const struct pipeline *b)
{
    bool has_same = have_same_parts(a, b);
    bool by_layers = !has_same || time_of(a) == &a->layers_ms || time_of(b) == &b->layers_ms;
    const struct estimate *before = by_layers ? &a->layers_ms : &a->total_ms;
    const struct estimate *after = by_layers ? &b->layers_ms : &b->total_ms;
    struct estimate change = estimate_difference(before, after);
    struct finding finding;
    char one[32], other[32], ms[32], pct[32], lo[32], hi[32], decided[160];
    if (!isfinite(change.lo))
        snprintf(decided, sizeof(decided),
                 "UNDECIDED: one profile each has no interval, the difference may be chance");
    else
        snprintf(decided, sizeof(decided), "95 %%: %s to %s ms, %s",
                 number(change.lo, lo, sizeof(lo)), number(change.hi, hi, sizeof(hi)),
                 is_decided(&change) ? "decided" : "UNDECIDED");
    finding_init(&finding, "engine_difference", SEVERITY_INFO,
                 by_layers ? "layers_ms" : "total_ms");
    finding_sentence(&finding, "B (%.60s) takes %s ms%s, A (%.60s) %s ms%s: %s%s ms (%s %%); %s",
                     b->label, number(after->value, other, sizeof(other)),
                     by_layers ? " in layers" : "", a->label,
                     number(before->value, one, sizeof(one)),
                     has_same ? "" : " (the totals are of different parts, so they are no measure)",
                     change.value > 0 ? "+" : "", number(change.value, ms, sizeof(ms)),
                     number(100 * change.value / before->value, pct, sizeof(pct)), decided);
    finding_value(&finding, change.value, "ms");
    finding_interval(&finding, change.lo, change.hi);
    pipe_evidence(&finding, b, 0);
    finding.n = change.n;
    finding_advice(
        &finding, !is_decided(&change) ? "profile each engine several times (ten processes, taking "
                                         "turns) and give the passes in one file each"
                  : a->is_one_process || b->is_one_process
                      ? "it is decided for these two processes: others differ, so repeat it, "
                        "taking turns, before it matters"
                      : "take the faster one");
    analysis_add_finding(set->analysis, &finding);
}

static void tell_missing(struct pipe_set *set, const struct pipeline *a, const struct pipeline *b,
                         size_t only_a, size_t only_b)
{
    if (only_a + only_b == 0)
        return;
    struct finding finding;
    finding_init(&finding, "layers_differ", SEVERITY_INFO, "layers");
    finding_sentence(&finding,
                     "%zu layers are in A (%.80s) alone, %zu in B (%.80s) alone: they have "
                     "no counterpart of that name",
                     only_a, a->label, only_b, b->label);
    finding_value(&finding, (double)(only_a + only_b), NULL);
    pipe_evidence(&finding, b, 0);
    finding_advice(&finding, "engines fuse layers differently: compare the totals, and the layers "
                             "that both have");
    analysis_add_finding(set->analysis, &finding);
}

int pipe_versus(struct pipe_set *set, const struct pipeline *a, const struct pipeline *b,
                struct error *err)
{
    CLEANUP_FREE struct difference *all = calloc(a->layer_count + b->layer_count + 1, sizeof(*all));
    if (!all)
        return error_set(err, ERROR_NOMEM, "out of memory");
    size_t only_a = 0, only_b = 0, count = match(a, b, all, &only_a, &only_b);
    struct analysis_table *table = analysis_add_table(set->analysis, "differences",
                                                      "Engine A against engine B, layer by layer",
                                                      versus_columns, ARRAY_LEN(versus_columns));
    for (size_t i = 0; i < count; i++) {
        int rc = versus_row(table, a, b, &all[i], err);
        if (rc < 0)
            return rc;
    }
    table->shown = (size_t)u64_max(set->options->top_layers, 1);
    analysis_note(table, "A: %.200s; B: %.200s; decided: the 95 %% interval does not hold 0",
                  a->label, b->label);
    tell_total(set, a, b);
    tell_missing(set, a, b, only_a, only_b);
    return 0;
}

/* ---- batch sizes ---- */

static const struct analysis_column scaling_columns[] = {
    {"profile", "profile", NULL, ANALYSIS_TEXT, 0, true},
    {"batch_size", "batch", NULL, ANALYSIS_COUNT, 0, false},
    {"n", "passes", NULL, ANALYSIS_COUNT, 0, false},
    {"total_ms", "total", "ms", ANALYSIS_INTERVAL, 4, false},
    {"latency_per_item_ms", "per item", "ms", ANALYSIS_NUMBER, 4, false},
    {"throughput_per_s", "items", "1/s", ANALYSIS_NUMBER, 4, false},
    {"speedup", "speed-up", NULL, ANALYSIS_NUMBER, 3, false},
    {"scaling_pct", "of linear", "%", ANALYSIS_NUMBER, 3, false},
};

static int by_batch(const void *a, const void *b)
{
    const struct pipeline *x = *(const struct pipeline *const *)a;
    const struct pipeline *y = *(const struct pipeline *const *)b;
    return x->batch < y->batch ? -1 : x->batch > y->batch;
}

static double per_item(const struct pipeline *pipeline)
{
    return pipeline->total_ms.value / (double)pipeline->batch;
}

/* Whether the time per item of `best` is shorter than that of `other` for certain. */
static bool is_surely_faster(const struct pipeline *best, const struct pipeline *other)
{
    struct estimate a = *time_of(best), b = *time_of(other);
    a.error /= a.value;
    b.error /= b.value;
    struct estimate ratio = estimate_ratio(&a, &b, 0.95);
    return ratio.lo * (double)best->batch / (double)other->batch > 1;
}

static void tell_scaling(struct pipe_set *set, struct pipeline **items, size_t count)
{
    const struct pipeline *least = items[0], *best = items[0], *next = NULL;
    for (size_t i = 1; i < count; i++) {
        least = items[i]->total_ms.value < least->total_ms.value ? items[i] : least;
        best = per_item(items[i]) < per_item(best) ? items[i] : best;
    }
    for (size_t i = 0; i < count; i++) {
        if (items[i] != best && (!next || per_item(items[i]) < per_item(next)))
            next = items[i];
    }
    bool has_same = have_same_parts(best, next) && have_same_parts(best, least);
    bool surely = has_same && is_surely_faster(best, next);
    struct finding finding;
    char fast[32], slow[32], most[32], second[32];
    finding_init(&finding, best == least ? "batch_scaling" : "batch_trade_off", SEVERITY_INFO,
                 "batch_size");
    finding_sentence(
        &finding,
        "batch %llu answers first (%s ms); batch %llu does most items per "
        "second (%s, in %s ms each time), batch %llu %s: %s",
        (unsigned long long)least->batch, number(least->total_ms.value, fast, sizeof(fast)),
        (unsigned long long)best->batch, number(pipeline_throughput(best), most, sizeof(most)),
        number(best->total_ms.value, slow, sizeof(slow)), (unsigned long long)next->batch,
        number(pipeline_throughput(next), second, sizeof(second)),
        surely      ? "decided"
        : !has_same ? "UNDECIDED, the totals are of different parts"
        : isfinite(time_of(best)->lo) && isfinite(time_of(next)->lo)
            ? "UNDECIDED"
            : "UNDECIDED, one profile has no interval");
    finding_value(&finding, (double)best->batch, NULL);
    pipe_evidence(&finding, best, 0);
    finding.n = count;
    finding_advice(
        &finding, best == least ? "use that batch size: it is best in both"
                                : "the smallest batch where the deadline is what counts, the other "
                                  "where throughput does; `tacho bench batching` measures it on "
                                  "this machine");
    analysis_add_finding(set->analysis, &finding);
}

/* Profiles that belong together, by rising batch size. */
static void scaling_table(struct pipe_set *set, struct pipeline **items, size_t count)
{
    struct analysis_table *table = analysis_add_table(set->analysis, "batches", "Batch scaling",
                                                      scaling_columns, ARRAY_LEN(scaling_columns));
    for (size_t i = 0; i < count; i++) {
        double speedup = per_item(items[0]) / per_item(items[i]);
        struct analysis_cell *row = analysis_add_row(table);
        *row++ = cell_text(table, items[i]->label);
        *row++ = cell_number((double)items[i]->batch);
        *row++ = cell_number((double)items[i]->passes.n);
        *row++ =
            cell_interval(items[i]->total_ms.value, items[i]->total_ms.lo, items[i]->total_ms.hi);
        *row++ = cell_number(per_item(items[i]));
        *row++ = cell_number(pipeline_throughput(items[i]));
        *row++ = cell_number(speedup);
        *row++ = cell_number(100 * speedup * (double)items[0]->batch / (double)items[i]->batch);
    }
    analysis_note(table,
                  "speed-up: items per second against batch %llu; of linear: that, against "
                  "as many times the items in the same time",
                  (unsigned long long)items[0]->batch);
    tell_scaling(set, items, count);
}

static size_t take_known(struct pipe_set *set, const char *file, struct pipeline **items)
{
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i]->batch > 0 && set->items[i]->total_ms.value > 0 &&
            (!file || set->items[i]->file == file))
            items[count++] = set->items[i];
    }
    qsort(items, count, sizeof(struct pipeline *), by_batch);
    return count;
}

static bool is_done(const struct pipe_set *set, size_t before)
{
    for (size_t i = 0; i < before; i++) {
        if (set->items[i]->file == set->items[before]->file)
            return true;
    }
    return false;
}

int pipe_scaling(struct pipe_set *set, struct error *err)
{
    struct pipeline *items[PIPELINES_MAX];
    size_t count = take_known(set, NULL, items);
    bool repeats = false;
    for (size_t i = 1; i < count; i++)
        repeats = repeats || items[i]->batch == items[i - 1]->batch;
    if (count > 1 && !repeats) {
        scaling_table(set, items, count);
        return 0;
    }
    /* The same batch sizes in two files: two engines, each of which scales in its own way. */
    for (size_t i = 0; i < set->count && repeats; i++) {
        count = is_done(set, i) ? 0 : take_known(set, set->items[i]->file, items);
        if (count > 1)
            scaling_table(set, items, count);
    }
    return 0;
}
