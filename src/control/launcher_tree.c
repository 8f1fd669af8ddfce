/* launcher_tree.c: everything that runs below the helper: its memory, its names, its end.
 *
 * The helper is a subreaper, so whatever the command started stands below it in the process tree,
 * also after a double fork, in another session or another process group.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/procfs.h"
#include "base/str.h"
#include "base/util.h"
#include "control/launcher_internal.h"

#define TREE_PIDS_MAX 65536u
#define TREE_NAMES_MAX 16u
#define KILL_ROUND_NS (20 * NS_PER_MS)

static pid_t tree_pids[TREE_PIDS_MAX]; /* static: untouched pages cost nothing */

static size_t tree_read(const struct root *root)
{
    size_t count = 0;
    if (procfs_tree(root, getpid(), false, tree_pids, TREE_PIDS_MAX, &count, NULL, NULL) != 0)
        return 0;
    return count;
}

bool launch_tree_sample(const struct root *root, struct tree_sample *ret)
{
    struct tree_sample sum = {0};
    uint64_t pages, total = 0;
    size_t count = tree_read(root);
    for (size_t i = 0; i < count; i++) {
        /* Gone since, or a zombie (no pages): neither is a process that runs. */
        if (procfs_read_rss_pages(root, tree_pids[i], &pages, NULL) != 0 || pages == 0)
            continue;
        total += pages;
        sum.processes++;
    }
    sum.rss_bytes = total * (uint64_t)sysconf(_SC_PAGESIZE);
    *ret = sum;
    return sum.processes > 0;
}

static bool name_seen(char seen[][64], size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(seen[i], name) == 0)
            return true;
    return false;
}

uint32_t launch_tree_names(const struct root *root, char *names, size_t size)
{
    char seen[TREE_NAMES_MAX][64];
    size_t seen_count = 0, used = 0;
    uint32_t living = 0;
    bool cut = false;
    size_t count = tree_read(root);
    names[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        struct proc_stat stat;
        if (procfs_read_stat(root, tree_pids[i], &stat, NULL) != 0 || stat.state == 'Z' ||
            stat.state == 'X')
            continue;
        living++;
        str_make_printable(stat.comm);
        if (cut || name_seen(seen, seen_count, stat.comm))
            continue;
        size_t need = strlen(stat.comm) + (used > 0 ? 2 : 0);
        if (seen_count == TREE_NAMES_MAX || used + need + sizeof(", …") > size) {
            snprintf(names + used, size - used, ", …");
            cut = true;
            continue;
        }
        snprintf(seen[seen_count++], sizeof(seen[0]), "%s", stat.comm);
        used +=
            (size_t)snprintf(names + used, size - used, "%s%s", used > 0 ? ", " : "", stat.comm);
    }
    return living;
}

size_t launch_tree_kill(const struct root *root)
{
    pid_t own_group = getpgrp(), last_group = 0;
    size_t count = tree_read(root);
    for (size_t i = 0; i < count; i++) {
        /* A group dies at one stroke: a fork within it cannot slip through between two pids. Only
         * descendants can be in such a group: it lies in our session, or in one they made. */
        pid_t group = getpgid(tree_pids[i]);
        if (group > 0 && group != own_group && group != last_group) {
            kill(-group, SIGKILL);
            last_group = group;
        }
        kill(tree_pids[i], SIGKILL);
    }
    return count;
}

void launch_wait_child(uint64_t deadline_ns)
{
    uint64_t now = clock_mono_ns();
    uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    struct timespec wait = {.tv_sec = (time_t)(left / NS_PER_S),
                            .tv_nsec = (long)(left % NS_PER_S)};
    sigset_t all_but_child;
    sigfillset(&all_but_child);
    sigdelset(&all_but_child, SIGCHLD);
    ppoll(NULL, 0, &wait, &all_but_child);
}

uint32_t launch_tree_end(const struct root *root, uint64_t limit_ns)
{
    uint64_t deadline = clock_mono_ns() + limit_ns;
    for (;;) {
        size_t found = launch_tree_kill(root);
        uint64_t round_end = clock_mono_ns() + KILL_ROUND_NS;
        while (clock_mono_ns() < round_end) {
            pid_t pid = waitpid(-1, NULL, WNOHANG);
            if (pid > 0)
                continue;
            if (pid < 0 && errno == ECHILD)
                return 0; /* orphans become our children: none left means none at all */
            launch_wait_child(round_end);
        }
        if (clock_mono_ns() >= deadline)
            return found > 0 ? (uint32_t)found : 1;
    }
}
