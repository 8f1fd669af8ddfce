/* launcher.h: starts programs from a tiny process, so that the kernel's accounting of them is true.
 *
 * What: launcher_start forks a helper as the very first thing main() does, before libraries and
 *       heap are touched: a child's ru_maxrss starts at the size of the process that forked it, so
 *       a big parent falsifies it. The helper is a child subreaper; it forks each command into its
 *       own process group, holds it before exec until counters are attached, waits, reads
 *       /proc/PID/io of the zombie, reaps, finds survivors and kills them, and sends one report.
 * Protocol: one SOCK_SEQPACKET pair, one request, then STARTED and REPORT; descriptors for the
 *          program's output travel by SCM_RIGHTS. The helper dies, and kills what it started, when
 *          the socket closes: kill -9 of tacho leaves nothing behind.
 * Threads: one at a time.
 * Times: CLOCK_MONOTONIC ns.
 */
#ifndef TACHO_CONTROL_LAUNCHER_H
#define TACHO_CONTROL_LAUNCHER_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "control/counters.h"

#define LAUNCH_PASS_FD 3

struct launcher {
    int socket; /* -1: not started */
    pid_t pid;
};

struct launch_request {
    const char *const *argv;   /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *setenv; /* "NAME=value", NULL-terminated; or NULL: environment unchanged */
    int stdout_fd, stderr_fd;  /* borrowed; -1: /dev/null */
    bool has_pass_fd;
    int pass_fd;         /* borrowed; the program finds it as descriptor LAUNCH_PASS_FD */
    bool is_oom_first;   /* if memory runs out, let the kernel kill this program (oom_score_adj) */
    uint64_t timeout_ns; /* 0: none */
    bool has_affinity;
    cpu_set_t affinity;
    uint64_t tree_interval_ns; /* pace of the tree's memory sampling, 0: 20 ms */
};

enum launch_outcome {
    LAUNCH_EXITED,
    LAUNCH_SIGNALED,
    LAUNCH_TIMED_OUT,
    LAUNCH_KILLED,     /* launcher_kill ended it */
    LAUNCH_EXEC_FAILED /* exec_errno says why */
};

/* Plain data, as sent by the helper. */
struct launch_report {
    enum launch_outcome outcome;
    int exit_status; /* EXITED */
    int signal;      /* SIGNALED, TIMED_OUT, KILLED */
    int exec_errno;  /* EXEC_FAILED */
    pid_t pid;
    uint64_t begin_ns; /* taken by the child right before exec */
    uint64_t end_ns;   /* when the helper learned that the main process ended */
    /* wait4(2) of the main process: itself and the descendants that were waited for. */
    uint64_t user_ns, system_ns;
    uint64_t max_rss_bytes; /* largest single process */
    uint64_t minor_faults, major_faults;
    uint64_t voluntary_switches, involuntary_switches;
    uint64_t block_in_bytes, block_out_bytes; /* ru_inblock, ru_oublock * 512 */
    /* /proc/PID/io of the zombie: itself and descendants that were waited for. */
    int io_reason; /* enum reason: NONE when the next two hold */
    uint64_t char_read_bytes, char_written_bytes;
    /* The whole tree's memory: sampled, so a lower bound; never below max_rss_bytes. */
    uint64_t peak_tree_rss_bytes;
    uint32_t tree_samples;
    uint32_t processes_max; /* most processes seen at once */
    /* Descendants that their parents did not wait for: */
    uint32_t orphans;         /* ended before the main process did, reaped by the helper */
    uint64_t orphan_cpu_ns;   /* their user + system time, not in user_ns/system_ns */
    uint32_t survivors;       /* still alive when the main process ended; killed */
    char survivor_names[128]; /* "sleep, python3" */
    cpu_set_t affinity;       /* what the kernel really applied */
    struct counter_value counters[COUNTER_COUNT];
    /* What the process had resident before it became the program: max_rss_bytes cannot be less, so
     * where it is about this much it is only an upper bound. */
    uint64_t rss_floor_bytes;
    bool core_dumped;    /* SIGNALED */
    uint32_t unkillable; /* survivors that SIGKILL did not end within 5 s (state D) */
};

/* Call first in main(). Sets ->socket; the helper never returns from this call. */
int launcher_start(struct launcher *launcher, struct error *err);
/* Begins a launch. On return 0 the program runs (*ret_pid) or failed to exec (the report says so).
 * -ERROR_SYSTEM: the helper is gone. */
int launcher_launch(struct launcher *launcher, const struct launch_request *request, pid_t *ret_pid,
                    struct error *err);
/* Becomes readable when the report is there. */
int launcher_fd(const struct launcher *launcher);
/* Blocks for the report. */
int launcher_report(struct launcher *launcher, struct launch_report *ret_report, struct error *err);
/* Asks the helper to end the running launch: TERM to the group and KILL 2 s later, or KILL at once
 * with everything below it. The report still comes. */
int launcher_kill(struct launcher *launcher, bool at_once, struct error *err);
/* Ends the helper (and what it still runs). Accepts a zeroed or stopped launcher. */
void launcher_stop(struct launcher *launcher);

#endif
