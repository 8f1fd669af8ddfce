/* sweep_findings.c: what stands out when configurations are put beside each other. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analyze/series.h"
#include "analyze/sweep_result.h"

/* Of the time in which some thread waited for a CPU. */
#define PRESSURE_PCT_MIN 10.0
/* A program of which so little shrinks with cores uses no second one. */
#define SERIAL_MIN 0.9
/* A median further off the curve than this: the law does not describe the times. */
#define MISFIT_MAX 0.1
/* "At most 5 % faster" is said when the interval leaves room for no more than this. */
#define ENOUGH_HI 1.15
#define JITTER_FACTOR 2.0
#define JITTER_CV_MIN 0.05

static struct finding *add(struct sweep_result *result, const char *rule, enum severity severity,
                           const char *metric)
{
    if (result->finding_count == SWEEP_FINDINGS_MAX)
        return NULL;
    struct finding *finding = &result->findings[result->finding_count++];
    finding_init(finding, rule, severity, metric);
    finding->n = result->measured;
    return finding;
}

static void find_failures(struct sweep_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        const struct sweep_row *row = &result->rows[i];
        if (row->error.code == 0 || row->error.code == ERROR_INTERRUPTED)
            continue;
        struct finding *finding = add(result, "configuration_failed", SEVERITY_WARNING, "");
        if (!finding)
            return;
        finding_sentence(finding, "%s failed: %s", row->name, row->error.message);
        finding->n = row->latency.n;
        finding_evidence(finding, "error %s", error_code_name(row->error.code));
        finding_advice(finding, "%s",
                       row->error.hint[0] ? row->error.hint
                                          : "run this configuration alone to see more");
    }
}

static void find_left_out(struct sweep_result *result)
{
    for (size_t i = 0; i < result->note_count; i++) {
        struct finding *finding = add(result, "configuration_left_out", SEVERITY_INFO, "");
        if (!finding)
            return;
        finding_sentence(finding, "not measured: %s", result->notes[i]);
        finding->n = 0;
        finding_evidence(finding, "what the engine, its providers and the model's files offer");
    }
}

static const struct finding *found_in(const struct run *run, const char *rule)
{
    for (size_t i = 0; run && i < run->finding_count; i++)
        if (strcmp(run->findings[i].rule, rule) == 0)
            return &run->findings[i];
    return NULL;
}

static void pass_on_one(struct sweep_result *result, const struct sweep_row *row,
                        const struct finding *found, size_t others)
{
    struct finding *finding = add(result, found->rule, found->severity, found->metric);
    if (!finding)
        return;
    *finding = *found;
    if (others > 0)
        finding_sentence(finding, "%s, and %zu more alike: %s", row->name, others, found->sentence);
    else
        finding_sentence(finding, "%s: %s", row->name, found->sentence);
}

/* What runs found alone and what bears on comparing them. What is about the machine is said once.
 */
static void pass_on(struct sweep_result *result)
{
    static const struct {
        const char *rule;
        bool is_once;
    } rules[] = {{"output_difference", false},
                 {"saturated", false},
                 {"throttling", true},
                 {"contention", true},
                 {"cpu_quota", true}};
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        size_t count = 0;
        for (size_t j = 0; j < result->count; j++)
            count += found_in(result->rows[j].run, rules[i].rule) != NULL;
        for (size_t j = 0, told = 0; j < result->count; j++) {
            const struct finding *found = found_in(result->rows[j].run, rules[i].rule);
            if (!found || (rules[i].is_once && told > 0))
                continue;
            pass_on_one(result, &result->rows[j], found, rules[i].is_once ? count - 1 : 0);
            told++;
        }
    }
}

/* ---- batching ----------------------------------------------------------------------------- */

static void find_knee(struct sweep_result *result)
{
    if (result->knee == SWEEP_NONE)
        return;
    const struct sweep_row *knee = &result->rows[result->knee];
    const struct sweep_row *best = &result->rows[result->throughput.row];
    struct finding *finding = add(result, "knee", SEVERITY_INFO, "throughput_per_s");
    if (!finding)
        return;
    if (best->throughput.value > knee->throughput.value)
        finding_sentence(
            finding,
            "the throughput bends at %s: beyond it, up to %s, it gains %.0f %% while a "
            "call takes %.1f times as long",
            knee->name, best->name, 100 * (best->throughput.value / knee->throughput.value - 1),
            best->latency_p50.value / knee->latency_p50.value);
    else
        finding_sentence(finding, "the throughput bends at %s and gains nothing beyond it",
                         knee->name);
    finding_value(finding, knee->x, NULL);
    finding_evidence(finding, "the point furthest above the chord of throughput over batch size");
    finding_advice(finding, "use %s unless only the throughput counts", knee->name);
}

/* ---- cores -------------------------------------------------------------------------------- */

/* More threads asked for than cores given, or seen by the analyzer of the run: threads that sleep
 * share a core well. */
static void find_oversubscription(struct sweep_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        const struct sweep_row *row = &result->rows[i];
        const struct finding *seen = found_in(row->run, "oversubscription");
        bool is_asked = row->is_measured && (double)row->threads > row->x;
        if (!is_asked && !seen)
            continue;
        double pressure = steady_mean(row->run, "psi_cpu_some_pct");
        struct finding *finding = add(result, "oversubscription", SEVERITY_WARNING, "threads");
        if (!finding)
            return;
        finding_value(finding, is_asked ? (double)row->threads : seen->value, NULL);
        finding->n = row->latency.n;
        if (!is_asked)
            finding_sentence(finding, "%s: %s", row->name, seen->sentence);
        else if (pressure >= PRESSURE_PCT_MIN)
            finding_sentence(finding,
                             "%s: %llu threads share %.0f core%s, and in %.0f %% of the time some "
                             "thread of the machine waited for a CPU",
                             row->name, (unsigned long long)row->threads, row->x,
                             row->x > 1 ? "s" : "", pressure);
        else
            finding_sentence(finding, "%s: %llu threads share %.0f core%s", row->name,
                             (unsigned long long)row->threads, row->x, row->x > 1 ? "s" : "");
        finding_evidence(finding, "%s",
                         is_asked ? "--threads; /proc/pressure/cpu" : seen->evidence);
        finding_advice(finding, "%s",
                       is_asked ? "compare with as many threads as cores: leave --threads out"
                                : seen->advice);
    }
}

/* How far the medians lie off the fitted curve, as a share of it: the largest. */
static double misfit_of(const struct sweep_result *result)
{
    const struct amdahl *fit = &result->fit;
    double misfit = 0;
    for (size_t i = 0; i < result->count; i++) {
        const struct sweep_row *row = &result->rows[i];
        double fitted = fit->t1 * (fit->serial + (1 - fit->serial) / row->x);
        if (row->is_measured)
            misfit = fmax(misfit, fabs(row->latency_p50.value / fitted - 1));
    }
    return misfit;
}

static void find_no_amdahl(struct sweep_result *result, double misfit)
{
    struct finding *finding = add(result, "no_amdahl", SEVERITY_INFO, "");
    if (!finding)
        return;
    finding_sentence(finding,
                     "the times do not follow Amdahl's law: a median lies %.0f %% off the curve",
                     100 * misfit);
    finding_value(finding, misfit, NULL);
    finding->n = result->fit.n;
    finding_evidence(finding, "medians against the fit");
    finding_advice(finding, "read the speed-ups themselves; shared caches, memory bandwidth, other "
                            "load or unlike cores can be the reason");
}

static void find_no_speedup(struct sweep_result *result)
{
    const struct amdahl *fit = &result->fit;
    struct finding *finding = add(result, "no_speedup", SEVERITY_WARNING, "");
    if (!finding)
        return;
    finding_sentence(finding,
                     "more cores do not make it faster: %.0f %% of the time does not shrink",
                     100 * fit->serial);
    finding_value(finding, fit->serial, NULL);
    finding->has_interval = fit->has_ci;
    finding->lo = fit->serial_ci.lo;
    finding->hi = fit->serial_ci.hi;
    finding->n = fit->n;
    finding_evidence(finding, "Amdahl's law fitted over all times");
    finding_advice(finding, "does it start threads, and does it read OMP_NUM_THREADS or another "
                            "variable of --threads?");
}

static void find_scaling(struct sweep_result *result)
{
    if (!result->has_fit || result->measured < 2)
        return;
    double misfit = misfit_of(result);
    if (misfit > MISFIT_MAX)
        find_no_amdahl(result, misfit);
    else if (result->fit.serial >= SERIAL_MIN)
        find_no_speedup(result);
}

/* Said only where the speed-ups of the further ones are known well enough. */
static bool is_enough_certain(const struct sweep_result *result)
{
    const struct sweep_row *enough = &result->rows[result->enough];
    bool has_more = false;
    for (size_t i = result->enough + 1; i < result->count; i++) {
        const struct sweep_row *row = &result->rows[i];
        if (!row->is_measured)
            continue;
        has_more = true;
        if (!row->speedup.has_interval || row->speedup.hi > ENOUGH_HI * enough->speedup.value)
            return false;
    }
    return has_more;
}

static void find_enough(struct sweep_result *result)
{
    struct finding *finding;
    if (result->enough == SWEEP_NONE || !is_enough_certain(result) ||
        !(finding = add(result, "enough_cores", SEVERITY_INFO, "")))
        return;
    const struct sweep_row *row = &result->rows[result->enough];
    finding_sentence(finding, "%s %s enough: with more it is at most 5 %% faster", row->name,
                     row->x > 1 ? "are" : "is");
    finding_value(finding, row->x, NULL);
    finding_evidence(finding, "the fewest cores whose median is within 5 %% of the fastest");
    finding_advice(finding, "leave the other cores to others, or start more instances");
}

static void find_jitter(struct sweep_result *result)
{
    const struct sweep_row *base = result->base == SWEEP_NONE ? NULL : &result->rows[result->base];
    for (size_t i = 0; base && i < result->count; i++) {
        const struct sweep_row *row = &result->rows[i];
        if (row == base || !(row->cv > JITTER_FACTOR * base->cv) || !(row->cv >= JITTER_CV_MIN))
            continue;
        struct finding *finding = add(result, "jitter", SEVERITY_INFO, row->latency_metric);
        if (!finding)
            return;
        finding_sentence(finding,
                         "%s: the times vary more: standard deviation %.0f %% of the mean, with "
                         "%.0f core%s %.0f %%",
                         row->name, 100 * row->cv, base->x, base->x > 1 ? "s" : "", 100 * base->cv);
        finding_value(finding, row->cv, NULL);
        finding->n = row->latency.n;
        finding_evidence(finding, "all measured times of the steady phase");
        finding_advice(finding, "leave a core to the rest of the system, or bind the threads");
    }
}

void sweep_result_find(struct sweep_result *result)
{
    find_failures(result);
    find_left_out(result);
    if (result->kind == SWEEP_BATCHING)
        find_knee(result);
    if (result->kind == SWEEP_CORES) {
        find_oversubscription(result);
        find_scaling(result);
        find_enough(result);
        find_jitter(result);
    }
    pass_on(result);
}
