/* findings.c: what was noticed over all launches of a command. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"
#include "workload/command/internal.h"
#include "workload/cores.h"

/* CPU time that is missing from user + system by less than this is rounding, and what happened
 * before exec. */
#define UNWAITED_SHARE 0.05
#define UNWAITED_NS (10 * NS_PER_MS)
#define NS_TO_MS 1e-6
/* The kernel adds up resident pages per CPU and looks at the sums only now and then. */
#define RSS_NOISE_BYTES (128u << 10)

static void count_unwaited(struct program_tally *tally, const struct launch_report *report)
{
    const struct counter_value *clock = &report->counters[COUNTER_TASK_CLOCK];
    uint64_t waited_ns = report->user_ns + report->system_ns;
    uint64_t missing_ns = report->orphan_cpu_ns;
    /* Only the task clock knows children that the kernel dropped (SIGCHLD ignored). */
    if (clock->reason == REASON_NONE && clock->value > waited_ns + UNWAITED_NS &&
        (double)clock->value > (double)waited_ns * (1 + UNWAITED_SHARE))
        missing_ns = u64_max(missing_ns, clock->value - waited_ns);
    if (report->orphans == 0 && missing_ns == 0)
        return;
    tally->had_orphans++;
    tally->orphans += report->orphans;
    tally->unwaited_ns += missing_ns;
    tally->cpu_ns += waited_ns + missing_ns;
}

void program_count(struct program *program, const struct launch_report *report)
{
    struct program_tally *tally = &program->tally;
    tally->launches++;
    tally->timed_out += report->outcome == LAUNCH_TIMED_OUT;
    tally->unkillable += report->unkillable;
    if (report->outcome == LAUNCH_EXEC_FAILED)
        return;
    if (report->max_rss_bytes <= report->rss_floor_bytes + RSS_NOISE_BYTES) {
        tally->at_rss_floor++;
        tally->rss_floor_bytes = u64_max(tally->rss_floor_bytes, report->max_rss_bytes);
    }
    if (program->has_cores && !CPU_EQUAL(&report->affinity, &program->cores)) {
        tally->other_affinity++;
        tally->applied = report->affinity;
    }
    /* What was ended from outside could not clear up after itself. */
    if (report->outcome == LAUNCH_TIMED_OUT || report->outcome == LAUNCH_KILLED)
        return;
    if (report->survivors > 0) {
        tally->left_survivors++;
        tally->survivors += report->survivors;
        str_copy(tally->survivor_names, sizeof(tally->survivor_names), report->survivor_names);
    }
    count_unwaited(tally, report);
}

static int find_survivors(const struct program_tally *tally, struct run_sink *sink,
                          struct error *err)
{
    struct finding finding;
    finding_init(&finding, "survivors", SEVERITY_WARNING, "");
    if (tally->left_survivors == 1)
        finding_sentence(&finding,
                         "left %" PRIu64 " %s behind when its main process ended: %s; %s killed",
                         tally->survivors, tally->survivors == 1 ? "process" : "processes",
                         tally->survivor_names, tally->survivors == 1 ? "it was" : "they were");
    else
        finding_sentence(&finding,
                         "%" PRIu32 " of %" PRIu32 " launches left processes behind when their "
                         "main process ended, %" PRIu64 " in all: %s; they were killed",
                         tally->left_survivors, tally->launches, tally->survivors,
                         tally->survivor_names);
    finding_evidence(&finding, "%" PRIu32 " of %" PRIu32 " launches", tally->left_survivors,
                     tally->launches);
    finding_value(&finding, (double)tally->survivors, NULL);
    finding.n = tally->launches;
    finding_advice(&finding, "let the program wait for its children: wall time ends with the main "
                             "process, and CPU time and memory after it are in no figure");
    return sink_finding(sink, &finding, err);
}

static int find_unwaited(const struct program_tally *tally, struct run_sink *sink,
                         struct error *err)
{
    struct finding finding;
    double ms = (double)tally->unwaited_ns * NS_TO_MS / tally->had_orphans;
    double share = tally->cpu_ns > 0 ? (double)tally->unwaited_ns / (double)tally->cpu_ns : 0;
    bool matters = share > UNWAITED_SHARE && tally->unwaited_ns > UNWAITED_NS;
    finding_init(&finding, "unwaited_children", matters ? SEVERITY_WARNING : SEVERITY_INFO,
                 "user_ms");
    finding_sentence(&finding,
                     "some of its processes were not waited for by their parents: %.3g ms of CPU "
                     "time per launch (%.0f %%) are missing from user_ms, system_ms and cpu_pct",
                     ms, 100 * share);
    finding_value(&finding, ms, "ms");
    finding.n = tally->had_orphans;
    finding_evidence(&finding, "%" PRIu32 " of %" PRIu32 " launches, %" PRIu64 " orphans seen",
                     tally->had_orphans, tally->launches, tally->orphans);
    finding_advice(&finding, "read task_clock_ms, which counts every process of the launch; peak "
                             "RSS and faults lack those processes too");
    return sink_finding(sink, &finding, err);
}

static int find_affinity(const struct program *program, struct run_sink *sink, struct error *err)
{
    const struct program_tally *tally = &program->tally;
    char asked[256], applied[256];
    struct finding finding;
    finding_init(&finding, "affinity_not_applied", SEVERITY_WARNING, "");
    finding_sentence(&finding, "asked for cores %s, but the kernel let it run on %s",
                     cores_format(&program->cores, asked, sizeof(asked)),
                     cores_format(&tally->applied, applied, sizeof(applied)));
    finding_evidence(&finding, "%" PRIu32 " of %" PRIu32 " launches", tally->other_affinity,
                     tally->launches);
    finding_advice(&finding, "the cores that may be used changed while measuring (cpuset, "
                             "hot-plugging): measure again");
    return sink_finding(sink, &finding, err);
}

static int find_timeouts(const struct program *program, struct run_sink *sink, struct error *err)
{
    const struct program_tally *tally = &program->tally;
    char limit[32];
    struct finding finding;
    finding_init(&finding, "timed_out", SEVERITY_WARNING, "wall_ms");
    finding_sentence(&finding,
                     "%" PRIu32 " of %" PRIu32 " launches ran longer than %s and were "
                     "ended",
                     tally->timed_out, tally->launches,
                     unit_format_ns((double)program->timeout_ns, limit, sizeof(limit)));
    finding.n = tally->launches;
    finding_advice(&finding, "they are not in the distributions; give more with --timeout");
    return sink_finding(sink, &finding, err);
}

static int find_unkillable(const struct program_tally *tally, struct run_sink *sink,
                           struct error *err)
{
    struct finding finding;
    finding_init(&finding, "unkillable", SEVERITY_WARNING, "");
    finding_sentence(&finding,
                     "%" PRIu64 " of its processes did not end within 5 s of SIGKILL and still "
                     "disturb what is measured after them",
                     tally->unkillable);
    finding_advice(&finding, "they hang in the kernel (ps: state D), usually on a device or a "
                             "network file system");
    return sink_finding(sink, &finding, err);
}

static int find_rss_floor(const struct program_tally *tally, struct run_sink *sink,
                          struct error *err)
{
    struct finding finding;
    char size[32];
    finding_init(&finding, "rss_floor", SEVERITY_INFO, "peak_rss_mb");
    finding_sentence(&finding,
                     "peak_rss_mb is only an upper bound: the program needs no more than the %s "
                     "that its process had before exec",
                     unit_format_bytes((double)tally->rss_floor_bytes, size, sizeof(size)));
    finding_evidence(&finding, "%" PRIu32 " of %" PRIu32 " launches", tally->at_rss_floor,
                     tally->launches);
    finding.n = tally->at_rss_floor;
    return sink_finding(sink, &finding, err);
}

static int find_python(const struct python_auto *python, struct run_sink *sink, struct error *err)
{
    struct finding finding;
    finding_init(&finding, "not_hooked", SEVERITY_INFO, "");
    finding_sentence(&finding, "%s", python->note);
    finding_advice(&finding, "%s%s--no-auto if it should not be", python->hint,
                   python->hint[0] ? "; " : "");
    return sink_finding(sink, &finding, err);
}

int program_findings(void *state, struct run_sink *sink, struct error *err)
{
    struct program *program = state;
    const struct program_tally *tally = &program->tally;
    int rc = 0;
    if (tally->timed_out > 0)
        rc = find_timeouts(program, sink, err);
    if (rc == 0 && tally->left_survivors > 0)
        rc = find_survivors(tally, sink, err);
    if (rc == 0 && tally->unkillable > 0)
        rc = find_unkillable(tally, sink, err);
    if (rc == 0 && tally->had_orphans > 0)
        rc = find_unwaited(tally, sink, err);
    if (rc == 0 && tally->at_rss_floor > 0)
        rc = find_rss_floor(tally, sink, err);
    if (rc == 0 && tally->other_affinity > 0)
        rc = find_affinity(program, sink, err);
    if (rc == 0 && program->python.note[0] != '\0')
        rc = find_python(&program->python, sink, err);
    if (rc == 0)
        rc = program_channels_findings(program, sink, err);
    if (rc == 0)
        rc = output_metrics_findings(&program->metrics, tally->launches, sink, err);
    return rc;
}
