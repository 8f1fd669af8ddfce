/* efficiency_findings.c: what the figures mean, and where the rows cannot carry them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analyze/files/efficiency_internal.h"
#include "base/unit.h"
#include "base/util.h"

/* So many rows with the very same power are no measurement. */
#define CONSTANT_ROWS_MIN 10
/* Calls that take up less of the time leave idle power worth a sentence; more cannot be one after
 * the other. */
#define BUSY_LOW 0.5
#define BUSY_HIGH 1.1
/* Of the rows with a throughput. */
#define COLUMN_SHARE 0.9

static void evidence_of(struct finding *finding, const struct efficiency_group *group)
{
    if (group->first_line > 0)
        finding_evidence(finding, "%s:%llu-%llu", group->file,
                         (unsigned long long)group->first_line,
                         (unsigned long long)group->last_line);
    else
        finding_evidence(finding, "%s", group->file);
    finding->n = group->figures.n;
}

static const char *number(double value, char *buf, size_t size)
{
    return unit_format_number(value, 4, buf, size);
}

/* ---- the best ---- */

static void tell_best(const struct efficiency *efficiency, const struct efficiency_best *best)
{
    const struct efficiency_group *winner = &efficiency->groups[best->best];
    struct finding finding;
    char rule[32], value[32], ratio[32], lo[32], hi[32], interval[96] = "";
    snprintf(rule, sizeof(rule), "best_%s", best->criterion);
    finding_init(&finding, rule, SEVERITY_INFO, best->criterion);
    if (isfinite(best->ratio.lo))
        snprintf(interval, sizeof(interval), " (%s to %s)", number(best->ratio.lo, lo, sizeof(lo)),
                 number(best->ratio.hi, hi, sizeof(hi)));
    finding_sentence(
        &finding, "best for %s: %.80s with %s %s; next is %.80s with %s times that%s: %s",
        best->criterion, winner->label, number(best->value.value, value, sizeof(value)), best->unit,
        efficiency->groups[best->next].label, number(best->ratio.value, ratio, sizeof(ratio)),
        interval, best->is_decided ? "decided" : "not decided");
    finding_value(&finding, best->value.value, best->unit);
    finding_interval(&finding, best->value.lo, best->value.hi);
    evidence_of(&finding, winner);
    if (best->is_decided)
        finding_advice(&finding,
                       "take it where %s is what counts; other runs differ from this "
                       "one: repeat both before it matters",
                       best->criterion);
    else
        finding_advice(&finding, "measure longer, or several times: these rows cannot tell them "
                                 "apart; choose by another figure until then");
    analysis_add_finding(efficiency->analysis, &finding);
}

static void tell_front(const struct efficiency *efficiency, size_t first)
{
    struct finding finding;
    char names[200] = "";
    size_t on_front = 0, all = 0, length = 0;
    for (size_t i = first; i < efficiency->index.count; i++) {
        const struct efficiency_group *group = &efficiency->groups[i];
        if (!efficiency_are_alternatives(efficiency, first, i))
            continue;
        all++;
        if (!group->is_front)
            continue;
        int more = snprintf(names + length, sizeof(names) - length, "%s%.60s",
                            on_front++ > 0 ? ", " : "", group->label);
        bool fits = more > 0 && length + (size_t)more < sizeof(names);
        length = fits ? length + (size_t)more : length;
        names[length] = '\0';
    }
    finding_init(&finding, "pareto_front", SEVERITY_INFO, "energy_per_inference_j");
    finding_sentence(&finding,
                     "%zu of %zu groups %s on the Pareto front of throughput and energy "
                     "per item: %s",
                     on_front, all, on_front == 1 ? "is" : "are", names);
    finding_value(&finding, (double)on_front, "");
    finding_evidence(&finding, "%s", efficiency->groups[first].file);
    finding.n = all;
    finding_advice(&finding, on_front == 1 ? "nothing is gained by any of the others"
                                           : "choose among these: each of the others is beaten in "
                                             "both by one of them");
    analysis_add_finding(efficiency->analysis, &finding);
}

void efficiency_find_best(struct efficiency *efficiency, size_t first,
                          const struct efficiency_best *best)
{
    for (size_t k = 0; k < EFFICIENCY_CRITERIA; k++)
        tell_best(efficiency, &best[k]);
    tell_front(efficiency, first);
}

/* ---- what the rows cannot carry ---- */

enum column { COLUMN_RIGHT, COLUMN_FORGETS_BATCH, COLUMN_OTHER };

static enum column column_of(const struct efficiency_group *group)
{
    uint64_t all = group->column_items + group->column_calls + group->column_other;
    if (all == 0 || (double)group->column_items >= COLUMN_SHARE * (double)all)
        return COLUMN_RIGHT;
    return (double)group->column_calls >= COLUMN_SHARE * (double)all ? COLUMN_FORGETS_BATCH
                                                                     : COLUMN_OTHER;
}

static void say_column(struct finding *finding, const struct efficiency_group *group, size_t count)
{
    char told[32], items[32], batch[32], joules[32], groups[48] = "";
    double column = means_of(&group->column, 0);
    number(column, told, sizeof(told));
    number(group->figures.throughput_per_s.value, items, sizeof(items));
    number(group->figures.batch, batch, sizeof(batch));
    number(group->figures.power_w.value / column, joules, sizeof(joules));
    if (count > 1)
        snprintf(groups, sizeof(groups), " (so it is in %zu groups)", count);
    if (column_of(group) == COLUMN_FORGETS_BATCH) {
        finding_sentence(finding,
                         "%.80s: the throughput column (mean %s) is 1000 / latency_ms and forgets "
                         "the batch of %s; with it, it is %s items per second%s",
                         group->label, told, batch, items, groups);
        finding_advice(finding, "use the figures shown here, which count every item of the batch");
        return;
    }
    finding_sentence(finding,
                     "%.80s: the throughput column (mean %s/s) is not batch / latency (%s items "
                     "per second); by the column an item takes %s J%s",
                     group->label, told, items, joules, groups);
    finding_advice(finding,
                   "more than batch / latency means several calls at once, less means idle "
                   "time in between: then the column's figure is the true one");
}

/* Told once, of the group with the largest batch. */
static void tell_column(const struct efficiency *efficiency, enum column kind)
{
    const struct efficiency_group *most = NULL;
    size_t count = 0;
    for (size_t i = 0; i < efficiency->index.count; i++) {
        const struct efficiency_group *group = &efficiency->groups[i];
        if (column_of(group) != kind)
            continue;
        count++;
        most = !most || group->figures.batch > most->figures.batch ? group : most;
    }
    if (!most)
        return;
    struct finding finding;
    finding_init(&finding,
                 kind == COLUMN_FORGETS_BATCH ? "throughput_ignores_batch" : "throughput_disagrees",
                 SEVERITY_WARNING, "throughput_per_s");
    say_column(&finding, most, count);
    finding_value(&finding, means_of(&most->column, 0), "1/s");
    evidence_of(&finding, most);
    analysis_add_finding(efficiency->analysis, &finding);
}

static void tell_constant(const struct efficiency *efficiency, const struct efficiency_group *group)
{
    bool is_zero = !(group->power_max > 0);
    if (group->power_max > group->power_min || (group->figures.n < CONSTANT_ROWS_MIN && !is_zero))
        return;
    struct finding finding;
    char watts[32];
    finding_init(&finding, is_zero ? "power_zero" : "power_constant", SEVERITY_WARNING, "power_w");
    finding_sentence(&finding, "%.100s: power_w is %s in all %llu rows: %s", group->label,
                     number(group->power_max, watts, sizeof(watts)),
                     (unsigned long long)group->figures.n,
                     is_zero ? "nothing was measured, and energy is not known"
                             : "that is a constant, not a measurement");
    finding_value(&finding, group->power_max, "W");
    evidence_of(&finding, group);
    finding_advice(&finding, "measure with a sensor: `tacho doctor` says which there are, and what "
                             "a reading needs; do not compare these figures");
    analysis_add_finding(efficiency->analysis, &finding);
}

static void tell_busy(const struct efficiency *efficiency, const struct efficiency_group *group)
{
    double busy = group->figures.busy;
    if (!(busy < BUSY_LOW || busy > BUSY_HIGH))
        return;
    struct finding finding;
    char call[32], row[32];
    bool overlaps = busy > BUSY_HIGH;
    finding_init(&finding, overlaps ? "calls_overlap" : "idle_between_calls",
                 overlaps ? SEVERITY_WARNING : SEVERITY_INFO, "energy_per_inference_j");
    finding_sentence(&finding,
                     "%.80s: the latencies add up to %.0f %% of the time they "
                     "cover; a call takes %s J by mean power x latency, and %s J by power "
                     "over time%s",
                     group->label, 100 * busy,
                     number(group->figures.call_j.value, call, sizeof(call)),
                     number(group->figures.timed_call_j, row, sizeof(row)),
                     group->is_run ? "" : ", if each row is one call");
    finding_value(&finding, 100 * busy, "%");
    evidence_of(&finding, group);
    finding_advice(&finding, overlaps
                                 ? "calls run at once and share the power: take the figure over "
                                   "time, divided by the batch"
                                 : "where the device idles between calls in service, too, the "
                                   "figure over time is what is paid; where a row is a sample of "
                                   "many calls, it is not");
    analysis_add_finding(efficiency->analysis, &finding);
}

static void tell_gaps(const struct efficiency *efficiency, const struct efficiency_group *group)
{
    const struct energy_sum *energy = &group->energy;
    if (energy->gaps == 0)
        return;
    struct finding finding;
    char limit[32], seconds[32];
    finding_init(&finding, "time_gaps", SEVERITY_INFO, "energy_j");
    finding_sentence(&finding,
                     "%.100s: %llu gap%s of more than %s s between rows, %s s in all, are "
                     "left out of the energy over time",
                     group->label, (unsigned long long)energy->gaps, energy->gaps == 1 ? "" : "s",
                     number(energy->gap_s, limit, sizeof(limit)),
                     number(energy->gaps_s, seconds, sizeof(seconds)));
    finding_value(&finding, energy->gaps_s, "s");
    evidence_of(&finding, group);
    finding.n = energy->intervals + energy->gaps;
    finding_advice(&finding, "nothing is known of the power in them: add it yourself if the device "
                             "was on");
    analysis_add_finding(efficiency->analysis, &finding);
}

static void tell_tdp(const struct efficiency *efficiency, const struct efficiency_group *group)
{
    double tdp = efficiency->options->tdp_w;
    const struct estimate *power = &group->figures.power_w;
    if (!(power->value > tdp))
        return;
    struct finding finding;
    char watts[32], limit[32];
    finding_init(&finding, "over_tdp", SEVERITY_WARNING, "power_w");
    finding_sentence(&finding, "%.100s: mean power %s W is more than the TDP of %s W", group->label,
                     number(power->value, watts, sizeof(watts)), number(tdp, limit, sizeof(limit)));
    finding_value(&finding, power->value, "W");
    finding_interval(&finding, power->lo, power->hi);
    evidence_of(&finding, group);
    finding_advice(&finding, "the power column is of more than the chip (board, wall), or the TDP "
                             "is that of another device or power mode");
    analysis_add_finding(efficiency->analysis, &finding);
}

static void tell_mixed(const struct efficiency *efficiency, const struct efficiency_group *group)
{
    if (!(group->batch_max > group->batch_min))
        return;
    struct finding finding;
    char least[32], most[32];
    finding_init(&finding, "mixed_batches", SEVERITY_WARNING, "energy_per_inference_j");
    finding_sentence(&finding,
                     "%.100s holds batches of %s to %s items: its latency and energy per "
                     "call are those of no batch size",
                     group->label, number(group->batch_min, least, sizeof(least)),
                     number(group->batch_max, most, sizeof(most)));
    finding_value(&finding, group->figures.batch, "");
    evidence_of(&finding, group);
    finding_advice(&finding, "add batch_size to --group-by");
    analysis_add_finding(efficiency->analysis, &finding);
}

static void tell_backwards(const struct efficiency *efficiency)
{
    for (size_t i = 0; i < efficiency->analysis->input_count; i++) {
        const struct analysis_input *input = efficiency->analysis->inputs[i];
        uint64_t count = input->skips.of[SKIP_TIME_BACKWARDS].count;
        if (count == 0)
            continue;
        struct finding finding;
        finding_init(&finding, "time_backwards", SEVERITY_WARNING, "timestamp");
        finding_sentence(&finding,
                         "the time goes backwards %llu times: those steps are not part of "
                         "the energy over time",
                         (unsigned long long)count);
        finding_value(&finding, (double)count, "");
        finding.n = input->skips.rows;
        finding_evidence(&finding, "%s:%llu", input->name,
                         (unsigned long long)input->skips.of[SKIP_TIME_BACKWARDS].first_line);
        finding_advice(&finding, "sort the rows by time, or analyze what was put together here one "
                                 "by one");
        analysis_add_finding(efficiency->analysis, &finding);
    }
}

void efficiency_find(struct efficiency *efficiency)
{
    for (size_t i = 0; i < efficiency->index.count; i++) {
        const struct efficiency_group *group = &efficiency->groups[i];
        tell_constant(efficiency, group);
        tell_mixed(efficiency, group);
        tell_busy(efficiency, group);
        tell_gaps(efficiency, group);
        tell_tdp(efficiency, group);
    }
    tell_backwards(efficiency);
    tell_column(efficiency, COLUMN_FORGETS_BATCH);
    tell_column(efficiency, COLUMN_OTHER);
}
