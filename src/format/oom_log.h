/* oom_log.h: who was killed, by whom and why, as the lines of a log tell it.
 *
 * What: a parser that is given lines one by one (kernel ring buffer, journal, syslog, application
 *       logs; any prefix) and puts the lines of one event together: the OOM killer of the kernel
 *       (global, of a cgroup, of whole groups; kernels 3 to 6, also where lines are missing or
 *       cut), systemd-oomd, earlyoom, units that ended with 'oom-kill', programs that a signal
 *       ended, segmentation faults and the like.
 *       Who asked for the memory that was not there ("invoked oom-killer") is the requester and not
 *       the victim. A death by SIGKILL alone is never called an OOM kill.
 * Units: memory in kB (1024 bytes) as the kernel writes it; NaN: the log does not say. pid -1: the
 *        same.
 * Memory: two events; no allocation. Threads: one at a time. No reading behind the end.
 */
#ifndef TACHO_FORMAT_OOM_LOG_H
#define TACHO_FORMAT_OOM_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kill_kind {
    KILL_OOM_GLOBAL, /* the machine ran out of memory */
    KILL_OOM_MEMCG,  /* a cgroup reached its limit */
    KILL_OOM_KERNEL, /* the kernel's OOM killer; the log does not say which of the two */
    KILL_OOMD,       /* systemd-oomd */
    KILL_EARLYOOM,
    KILL_OOM_UNIT, /* systemd: result 'oom-kill', and nothing else about it */
    KILL_SIGNAL,   /* systemd: killed by a signal, the reason is not said */
    KILL_CRASH,    /* segmentation fault, general protection fault, … */
};
#define KILL_KINDS 8

struct kill_event {
    enum kill_kind kind;
    char victim[64];    /* comm, at most 15 bytes from the kernel; empty: not said */
    int64_t pid;        /* of the (first) victim */
    uint64_t victims;   /* processes, at least 1 */
    char requester[64]; /* whose allocation failed */
    char cgroup[256];   /* whose limit was reached (oom_memcg), or what oomd killed */
    char unit[128];     /* of systemd */
    char detail[128];   /* "SIGTERM", "memory pressure 63.42% > 50.00%", "in libfoo.so" */
    double total_vm_kb, anon_rss_kb, file_rss_kb, shmem_rss_kb;
    double usage_kb, limit_kb;
    uint64_t first_line, last_line;
    double time_s; /* of its first line; NaN */
    bool is_reaped;
};

struct oom_log {
    struct kill_event open; /* lines that belong together so far */
    bool is_open;
    bool has_summary; /* its pid is from the line "oom-kill:…", which is final */
    bool is_killed;   /* it has its victim: what comes now may only add to it */
    struct kill_event ready[2];
    size_t ready_count;
};

/* A zeroed one is empty. Gives the next line; true: it was part of an event. What it completes is
 * fetched with oom_log_take. */
bool oom_log_line(struct oom_log *log, const char *text, size_t size, uint64_t line, double time_s);
void oom_log_end(struct oom_log *log); /* no more lines come */
bool oom_log_take(struct oom_log *log, struct kill_event *ret);
/* Whether a line may tell of a kill; false is certain. Whoever leaves the others out loses nothing.
 */
bool oom_log_is_about(const char *text, size_t size);

const char *kill_kind_name(enum kill_kind kind); /* "oom_global", … */

#endif
