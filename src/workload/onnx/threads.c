/* threads.c: --threads against the CPUs that the engine may use.
 *
 * A pool of threads that all want to run at once costs more than it brings, from the creation of
 * the session on: each operator waits for the last of them.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/unit.h"
#include "base/util.h"
#include "model/cgroup.h"
#include "workload/onnx/internal.h"

#define PER_CPU_WARN 4
#define PER_CPU_MAX 64
#define ALWAYS_ALLOWED 256 /* a slow session at worst, and who asks for it may mean it */

/* INFINITY: none, or not known. */
static double quota_cores(void)
{
    struct root root;
    double cores = INFINITY;
    struct cgroup_groups *groups = malloc(sizeof(*groups));
    if (groups != NULL && root_open(&root, "/", NULL) == 0) {
        if (cgroup_find(&root, groups, NULL) == 0)
            cores = groups->quota_cores;
        root_close(&root);
    }
    free(groups);
    return cores;
}

int onnx_check_threads(struct onnx *onnx, const struct settings *settings, struct error *err)
{
    uint64_t threads = onnx->config.threads, cpus = (uint64_t)CPU_COUNT(&onnx->cores);
    if (threads == 0)
        return 0;
    onnx->cpus = (uint32_t)cpus;
    onnx->quota_cores = quota_cores();
    uint64_t most = u64_max(ALWAYS_ALLOWED, PER_CPU_MAX * cpus);
    if (threads <= most)
        return 0;
    error_set(err, ERROR_USAGE,
              "%s: %llu threads are too many for %llu CPU%s: loading alone would take minutes",
              settings->values[SETTING_THREADS].origin, (unsigned long long)threads,
              (unsigned long long)cpus, cpus == 1 ? "" : "s");
    return error_hint(err, "at most %llu here; a thread for each CPU is %llu",
                      (unsigned long long)most, (unsigned long long)cpus);
}

static bool describe_threads(const struct onnx *onnx, char *line, size_t size)
{
    uint32_t threads = onnx->config.threads;
    char quota[32];
    if (threads == 0)
        return false;
    if ((double)threads > ceil(onnx->quota_cores)) {
        snprintf(line, size,
                 "%u threads, but the cgroup allows the time of %s CPUs: the kernel will stop them "
                 "all again and again",
                 threads, unit_format_number(onnx->quota_cores, 2, quota, sizeof(quota)));
        return true;
    }
    if (threads <= PER_CPU_WARN * onnx->cpus)
        return false;
    snprintf(line, size,
             "%u threads on %u CPU%s: they wait for each other, so loading and every inference "
             "take long",
             threads, onnx->cpus, onnx->cpus == 1 ? "" : "s");
    return true;
}

bool onnx_threads_notice(void *state, char *line, size_t size)
{
    return describe_threads(state, line, size);
}

int onnx_find_threads(const struct onnx *onnx, struct run_sink *sink, struct error *err)
{
    char line[200];
    struct finding finding;
    if (!describe_threads(onnx, line, sizeof(line)))
        return 0;
    double usable = fmin(onnx->cpus, ceil(onnx->quota_cores));
    finding_init(&finding, "too_many_threads", SEVERITY_WARNING, "latency_ms");
    finding_sentence(&finding, "%s", line);
    finding_value(&finding, onnx->config.threads, NULL);
    finding_evidence(&finding, "--threads %u; the CPUs that the worker may use, the cgroup's quota",
                     onnx->config.threads);
    finding_advice(&finding, "try --threads %.0f", usable);
    return sink_finding(sink, &finding, err);
}
