/* target.h: the running processes that are watched: found, held, and why they ended.
 *
 * What: target_hold takes a process by pidfd and remembers when it started, so that a pid that was
 *       given to somebody else is never mistaken for it. target_find looks for a pattern among the
 *       command lines. target_ended says whether it is gone, and as much as the kernel tells of
 * why. Not matched: tacho itself, what it started, and its ancestors (the shell whose command line
 * holds the pattern); a process below another that matches (it is counted as its child). Threads:
 * one at a time. Memory: fixed, but for the list of target_find. Errors: -ERROR_NOTHING: no such
 * process, or none that matches, with the nearest ones as hint.
 */
#ifndef TACHO_CONTROL_TARGET_H
#define TACHO_CONTROL_TARGET_H

#include "base/file.h"

#define TARGET_COMMAND_MAX 512

struct target {
    pid_t pid;
    uint64_t start_ticks;             /* since boot */
    int pidfd;                        /* -1: the kernel has none (before 5.3), or a recorded tree */
    char name[64];                    /* comm */
    char command[TARGET_COMMAND_MAX]; /* its command line, printable, cut */
};

enum target_end_kind {
    TARGET_END_UNKNOWN, /* it is gone, and the kernel does not tell why */
    TARGET_END_EXIT,    /* value: exit status */
    TARGET_END_SIGNAL,  /* value: signal */
};

struct target_end {
    enum target_end_kind kind;
    int value;
    char evidence[128]; /* where that was read */
};

int target_hold(const struct root *root, pid_t pid, struct target *ret_target, struct error *err);
void target_release(struct target *target); /* accepts a zeroed one that was never held */

/* Whether it has ended (a zombie has). Cheap: one poll(2) where there is a pidfd. */
bool target_has_ended(const struct root *root, const struct target *target);
/* After it has ended: by PIDFD_GET_INFO (kernel 6.15) whoever its parent was; while it is a zombie
 * by /proc/PID/stat, of the same user's processes. May wait some 50 ms for its parent to notice. */
void target_read_end(const struct root *root, const struct target *target,
                     struct target_end *ret_end);

struct target_match {
    pid_t pid;
    char name[64];
    char command[TARGET_COMMAND_MAX];
};

struct target_matches {
    struct target_match *items; /* by pid */
    size_t count;
};

/* pattern: an extended regular expression (regex(7)), matched anywhere in the command line with its
 * arguments put together by blanks. No match is no error: count 0. -ERROR_USAGE: not a regular
 * expression. */
int target_find(const struct root *root, const char *pattern, struct target_matches *ret_matches,
                struct error *err);
/* The error for a pattern that nothing matches, with up to three processes that come near. */
int target_fail_unmatched(const struct root *root, const char *pattern, struct error *err);
void target_matches_deinit(struct target_matches *matches);

#endif
