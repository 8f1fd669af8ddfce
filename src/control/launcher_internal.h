/* launcher_internal.h: what the helper's own files share (control/ only).
 *
 * The helper is one process with one thread; everything it keeps is static, so that it stays small:
 * what it has resident at fork is the floor of every measured ru_maxrss.
 */
#ifndef TACHO_CONTROL_LAUNCHER_INTERNAL_H
#define TACHO_CONTROL_LAUNCHER_INTERNAL_H

#include <sys/resource.h>

#include "base/clock.h"
#include "base/file.h"
#include "control/launcher_protocol.h"

/* Written by the child between fork and exec, read by the helper: one shared page. */
struct launch_shared {
    uint64_t begin_ns;      /* right before exec */
    struct rusage before;   /* what the child had used by then: not the program's doing */
    uint64_t written_bytes; /* by write(2), before exec */
    cpu_set_t affinity;     /* what the kernel applied */
};

struct launch_child {
    const struct launcher_launch_message *message;
    int payload_fd, stdout_fd, stderr_fd, pass_fd; /* -1: none */
    int go_fd;    /* read end: one byte says go, EOF says give up */
    int error_fd; /* write end, close-on-exec: errno of a failed exec */
    struct launch_shared *shared;
};

/* The child's side of a launch: settles in, waits for the go byte, executes. */
_Noreturn void launch_child_run(struct launch_child *child);

struct tree_sample {
    uint64_t rss_bytes; /* sum over all processes */
    uint32_t processes;
};

/* Adds up the memory of everything below the helper. Returns false when /proc cannot be read. */
bool launch_tree_sample(const struct root *root, struct tree_sample *ret);
/* Counts the living processes below the helper and writes the names of the first few. */
uint32_t launch_tree_names(const struct root *root, char *names, size_t size);
/* SIGKILLs everything below the helper. Returns the number of processes found. */
size_t launch_tree_kill(const struct root *root);
/* Kills and reaps until nothing is left or `limit_ns` is over. Returns how many are left. */
uint32_t launch_tree_end(const struct root *root, uint64_t limit_ns);
/* Waits for a child to change state, at most until deadline_ns. SIGCHLD must be blocked. */
void launch_wait_child(uint64_t deadline_ns);

#endif
