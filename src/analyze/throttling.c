/* throttling.c: did heat or power slow the machine down?
 *
 * Evidence, not temperature alone: the CPU clock fell by a tenth or more while the CPU stayed as
 * busy as it was (a governor lowers the clock of cores that have less to do) AND it was hot; or the
 * GPU's driver says so itself (event reasons, nvml.h: 0x8 HW slowdown, 0x20 SW thermal, 0x40 HW
 * thermal, 0x4 SW power cap, 0x80 power brake; idle and application clocks are none).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analyze/analyzer.h"
#include "analyze/gpu_watch.h"
#include "analyze/series.h"
#include "base/util.h"

#define CLOCK_DROP_SHARE 0.10
#define HOT_C 80.0
#define BUSY_PCT 10.0
#define BUSY_FALL_SHARE 0.10
#define SAMPLES_MIN 12
/* Of less than this share of the samples it is worth a note, no warning. */
#define GPU_SHARE_WARNING 0.05

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
    struct values load;
    rc = values_of(run, "cpu_total_pct", &load, err);
    if (rc < 0)
        return rc;
    double busy_first = mean_between(&load, 0, load.count / 3);
    double busy = mean_between(&load, load.count - load.count / 3, load.count);
    values_free(&load);
    double hottest = overall_max(run, "temp_c");
    if (n < SAMPLES_MIN || !(last < first * (1 - CLOCK_DROP_SHARE)) || !(hottest >= HOT_C) ||
        !(busy >= BUSY_PCT) || !(busy >= busy_first * (1 - BUSY_FALL_SHARE)))
        return 0;
    struct finding finding;
    finding_init(&finding, "throttling", SEVERITY_WARNING, "cpu_mhz");
    finding_sentence(
        &finding,
        "the CPU clock fell from %.0f to %.0f MHz under load at up to %.0f degrees C: it "
        "throttled",
        first, last, hottest);
    finding_value(&finding, 100 * (last - first) / first, "%");
    finding.n = n;
    finding_evidence(&finding,
                     "cpu_mhz, first against last third of %zu samples; temp_c; "
                     "cpu_total_pct %.0f in the last",
                     n, busy);
    finding_advice(&finding,
                   "cool it better or lower the sustained clock, then measure again; what "
                   "holds now is the slow end of the run");
    return sink_finding(sink, &finding, err);
}

/* One GPU, and the bits of its reasons that hold it back. */
static int find_gpu_throttling(const struct run *run, const struct run_series *series,
                               struct run_sink *sink, struct error *err)
{
    CLEANUP_FREE double *mask = NULL;
    uint64_t seen = 0;
    size_t affected = 0, n = 0;
    int rc = run_collect(run, series, PHASE_STEADY, &mask, NULL, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        uint64_t bits = (uint64_t)mask[i] & GPU_REASONS_HELD;
        seen |= bits;
        affected += bits != 0;
    }
    if (rc < 0 || seen == 0)
        return rc;
    char names[96];
    gpu_reasons_text(seen, names, sizeof(names));
    double share = (double)affected / (double)n;
    struct finding finding;
    finding_init(&finding, "throttling",
                 share < GPU_SHARE_WARNING ? SEVERITY_INFO : SEVERITY_WARNING,
                 "gpu_throttle_reasons");
    const char *instance = series->series.instance;
    finding_sentence(&finding, "the GPU%s%s was held back in %zu of %zu samples: %s",
                     instance[0] ? " " : "", instance, affected, n, names);
    finding_value(&finding, 100.0 * share, "%");
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
    for (size_t i = 0; rc == 0 && i < run->series_count; i++) {
        const struct run_series *series = &run->series[i];
        if (strcmp(series->series.metric->name, "gpu_throttle_reasons") == 0)
            rc = find_gpu_throttling(run, series, sink, err);
    }
    return rc;
}

const struct analyzer analyzer_throttling = {
    .name = "throttling",
    .summary = "clocks that fell under load and heat, and the GPU driver's own reasons",
    .run = throttling_run,
};
