/* throttling.c: did heat or power slow the machine down?
 *
 * Evidence, not temperature alone: the CPU clock fell by a tenth or more while the CPU was busy AND
 * it was hot; or the GPU's driver says so itself (event reasons, nvml.h: 0x8 HW slowdown, 0x20 SW
 * thermal, 0x40 HW thermal, 0x4 SW power cap, 0x80 power brake; idle and application clocks are
 * none).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analyze/analyzer.h"
#include "analyze/series.h"

#define CLOCK_DROP_SHARE 0.10
#define HOT_C 80.0
#define BUSY_PCT 10.0
#define SAMPLES_MIN 12

static double mean_between(const struct values *values, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++)
        sum += values->value[i];
    return to > from ? sum / (double)(to - from) : NAN;
}

static int find_cpu_throttling(const struct run *run, struct run_sink *sink, struct error *err)
{
    struct values clock;
    int rc = values_of(run, "cpu_mhz", &clock, err);
    if (rc < 0)
        return rc;
    size_t n = clock.count;
    double first = mean_between(&clock, 0, n / 3), last = mean_between(&clock, n - n / 3, n);
    values_free(&clock);
    double hottest = overall_max(run, "temp_c");
    double busy = steady_mean(run, "cpu_total_pct");
    if (n < SAMPLES_MIN || !(last < first * (1 - CLOCK_DROP_SHARE)) || !(hottest >= HOT_C) ||
        !(busy >= BUSY_PCT))
        return 0;
    struct finding finding;
    finding_init(&finding, "throttling", SEVERITY_WARNING, "cpu_mhz");
    finding_sentence(
        &finding,
        "the CPU clock fell from %.0f to %.0f MHz under load at up to %.0f degrees C: it "
        "throttled",
        first, last, hottest);
    finding.has_value = true;
    finding.value = 100 * (last - first) / first;
    snprintf(finding.unit, sizeof(finding.unit), "%%");
    finding.n = n;
    finding_evidence(&finding,
                     "cpu_mhz, first against last third of %zu samples; temp_c; "
                     "cpu_total_pct %.0f",
                     n, busy);
    finding_advice(&finding,
                   "cool it better or lower the sustained clock, then measure again; what "
                   "holds now is the slow end of the run");
    return sink_finding(sink, &finding, err);
}

static int find_gpu_throttling(const struct run *run, struct run_sink *sink, struct error *err)
{
    static const struct {
        uint64_t bit;
        const char *name;
    } reasons[] = {{0x4, "power cap"},
                   {0x8, "hardware slowdown"},
                   {0x20, "software thermal"},
                   {0x40, "hardware thermal"},
                   {0x80, "power brake"}};
    struct values mask;
    int rc = values_of(run, "gpu_throttle_reasons", &mask, err);
    uint64_t seen = 0;
    size_t affected = 0, n = mask.count;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        uint64_t bits = (uint64_t)mask.value[i] & (0x4 | 0x8 | 0x20 | 0x40 | 0x80);
        seen |= bits;
        affected += bits != 0;
    }
    values_free(&mask);
    if (rc < 0 || seen == 0)
        return rc;
    char names[96] = "";
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        size_t used = strlen(names);
        if (seen & reasons[i].bit)
            snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", reasons[i].name);
    }
    struct finding finding;
    finding_init(&finding, "throttling", SEVERITY_WARNING, "gpu_throttle_reasons");
    finding_sentence(&finding, "the GPU was held back in %zu of %zu samples: %s", affected, n,
                     names);
    finding.has_value = true;
    finding.value = 100.0 * (double)affected / (double)n;
    snprintf(finding.unit, sizeof(finding.unit), "%%");
    finding.n = n;
    finding_evidence(&finding, "the driver's clock event reasons, 0x%llx",
                     (unsigned long long)seen);
    finding_advice(&finding, "raise the power limit or cool it better; compare only runs that were "
                             "held back alike");
    return sink_finding(sink, &finding, err);
}

static int throttling_run(const struct run *run, struct run_sink *sink, struct error *err)
{
    int rc = find_cpu_throttling(run, sink, err);
    return rc < 0 ? rc : find_gpu_throttling(run, sink, err);
}

const struct analyzer analyzer_throttling = {
    .name = "throttling",
    .summary = "clocks that fell under load and heat, and the GPU driver's own reasons",
    .run = throttling_run,
};
