/* growth.h: from the memory verdict (stats/growth.h) to a sentence that a person can act on.
 *
 * What: the finding "memory_growth": MB per minute and per unit of work, with intervals, when the
 *       limit is reached, what it may be, and which profiler tells more. A warning only for a leak;
 *       everything else is a note. For monitor, analyze and guard alike.
 * Pure: no I/O. Threads: any.
 */
#ifndef TACHO_ANALYZE_GROWTH_H
#define TACHO_ANALYZE_GROWTH_H

#include <stdint.h>

#include "model/finding.h"
#include "stats/growth.h"

/* What the caller knows beside the trace; NULL, 0: not known. */
struct growth_hints {
    const char *metric;           /* what was judged: "mem_track_anon_mb"; NULL: that one */
    const char *subject;          /* whose memory: "python main.py"; NULL: "the program" */
    const char *const *work_name; /* of each counter: "frames"; NULL: unnamed */
    const char *limit_name;       /* "--memory-limit", "the cgroup's limit", "free memory" */
    bool with_children;           /* a tree of processes */
    bool is_python;               /* its interpreter is Python */
    bool is_rss;                  /* RSS was judged: files and shared memory are in it */
    double file_mb, shmem_mb;     /* of the last reading: RssFile, RssShmem */
    uint64_t arena_count;         /* anonymous maps of about 64 MB: glibc's arenas */
    double begin_s;               /* of the trace, since the run began */
    bool is_untimed;              /* its seconds are counts of samples: no time is known */
};

/* TOO_SHORT is a note as well: how much longer it takes. hints may be NULL. */
void growth_finding(const struct growth_verdict *verdict, const struct growth_hints *hints,
                    struct finding *ret);

#endif
