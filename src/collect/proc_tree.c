/* proc_tree.c: the measured trees' half of `proc`: CPU, memory and threads of processes and their
 * descendants.
 *
 * CPU time of a live process is its CPU clock (clock_getcpuclockid(3): all threads, in ns, no
 * file). The tree is walked at most every 50 ms; in between, known processes are read through what
 * is already open. Most trees do not change from one walk to the next: while nothing was born on
 * the machine, or every process has one thread and the children it had, a walk reads what is open
 * and opens nothing. Every few seconds it is searched all the same.
 *
 * Processes come and go between two walks:
 *  - one that was born since the last walk is counted from its beginning; one that is older but was
 *    not known (it moved into the tree) only from now on, so no history is counted twice;
 *  - what a process did after its last reading, and processes that lived between two walks, show up
 *    in cutime/cstime of the parent that waits for them: what the live processes gained there,
 *    less what was already seen of those that vanished, is added (ticks of 10 ms, so the remainder
 *    is kept for the next walk).
 * Time of processes that nobody in the tree waits for is lost after their last reading, and so are
 * processes beyond TREE_MAX: cpu_track_pct is a lower bound. What a walk finds is handed out no
 * faster than the machine could have worked, so a late discovery makes no impossible value.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/procfs.h"
#include "base/util.h"
#include "collect/proc_internal.h"

#define TREE_MAX 1024
#define TREE_WALK_NS (50 * NS_PER_MS)
/* A walk may cost a hundredth of the time until the next one: with a thousand processes, or on a
 * kernel without task/TID/children where all of /proc is read, it takes milliseconds. */
#define TREE_WALK_SHARE 100
#define TREE_SMALL 8 /* so many are brought up to date in no time worth measuring */
/* Descriptors are kept for the first processes of a tree; the others' memory is read at walks.
 * Leaves room below the usual limit of 1024 descriptors. */
#define TREE_FDS_MAX 384
/* A process that was given a pid by name (CRIU) is born without a trace in /proc/loadavg. */
#define TREE_SEARCH_NS (5 * NS_PER_S)

struct tracked {
    pid_t pid;
    uint64_t start_ticks; /* with pid it names a process for good */
    uint64_t self_ns;     /* last reading of its own CPU time */
    uint64_t child_ns;    /* of the children that it waited for */
    uint64_t rss_pages;
    uint64_t anon_pages; /* with has_anon: as of the last rss_pages of statm */
    uint64_t threads;
    clockid_t clock;
    bool has_clock;
    bool has_anon;
    bool zombie;
    bool gone;  /* since the last walk */
    bool young; /* born since the tree is followed */
    uint64_t minor_faults, major_faults;
    struct proc_counters counters; /* of the slow tier */
    uint64_t children_hash;        /* of the list of its children at the last walk */
    bool knows_children;           /* it could be told, and all of them are in the tree */
    int statm_fd, stat_fd, children_fd, status_fd; /* -1: none */
};

struct proc_tree {
    struct root root;
    int cpu_channel, rss_channel, threads_channel;
    struct proc_detail *detail;
    uint64_t tick_ns;   /* of USER_HZ */
    uint64_t page_size; /* bytes */
    double cpus;        /* online, to bound what a walk hands out */
    uint64_t walk_interval_ns;
    /* What is followed now. */
    struct collect_targets targets;
    uint32_t generation;
    bool following;
    struct tracked *items; /* ascending pid */
    size_t count;
    struct tracked *spare; /* the next walk's items */
    pid_t *pids;
    size_t open_fds;
    uint64_t last_ns; /* when CPU time was read last, 0: not yet */
    struct pace walk_pace;
    struct pace search_pace;
    int last_pid_fd;   /* -1: none */
    uint64_t last_pid; /* before the last search; 0: unknown */
    bool has_walked;
    uint64_t last_walk_ticks; /* since boot, as start_ticks */
    double pending_ns;        /* CPU time found by walks and not handed out yet */
    double child_balance_ns;  /* what cutime gained less what was seen of the vanished */
};

/* ---- one process ---- */

static bool read_clock(const struct tracked *item, uint64_t *ret_ns)
{
    struct timespec now;
    if (!item->has_clock || clock_gettime(item->clock, &now) != 0)
        return false;
    *ret_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
    return true;
}

static void close_handle(struct proc_tree *tree, int *fd)
{
    if (*fd < 0)
        return;
    close(*fd);
    *fd = -1;
    tree->open_fds--;
}

static void close_handles(struct proc_tree *tree, struct tracked *item)
{
    close_handle(tree, &item->statm_fd);
    close_handle(tree, &item->stat_fd);
    close_handle(tree, &item->children_fd);
    close_handle(tree, &item->status_fd);
}

static void read_rss(struct tracked *item)
{
    char text[256];
    /* "size resident shared …", in pages. A process that is gone keeps its last value until the
     * walk. What is resident and not shared (not of files or shared memory) is RssAnon of status:
     * the kernel takes both from the same counters. */
    ssize_t length = item->statm_fd >= 0 ? pread(item->statm_fd, text, sizeof(text) - 1, 0) : -1;
    if (length <= 0)
        return;
    text[length] = '\0';
    char *resident, *shared, *end;
    errno = 0;
    (void)strtoull(text, &resident, 10);
    unsigned long long pages = strtoull(resident, &shared, 10);
    unsigned long long shared_pages = strtoull(shared, &end, 10);
    if (shared == resident || errno != 0)
        return;
    item->rss_pages = pages;
    item->has_anon = end != shared && shared_pages <= pages;
    item->anon_pages = item->has_anon ? pages - shared_pages : 0;
}

/* Fills in what a walk learns of a process. Returns false when it is gone. */
static bool refresh(struct proc_tree *tree, struct tracked *item)
{
    struct proc_stat stat;
    int rc = item->stat_fd >= 0 ? procfs_pread_stat(item->stat_fd, &stat)
                                : procfs_read_stat(&tree->root, item->pid, &stat, NULL);
    if (rc < 0)
        return false;
    item->start_ticks = stat.start_ticks;
    item->child_ns = (stat.child_user_ticks + stat.child_system_ticks) * tree->tick_ns;
    item->threads = stat.threads;
    item->zombie = stat.state == 'Z' || stat.state == 'X';
    item->rss_pages = stat.rss_pages;
    item->minor_faults = stat.minor_faults;
    item->major_faults = stat.major_faults;
    if (!item->has_clock)
        item->self_ns = (stat.user_ticks + stat.system_ticks) * tree->tick_ns;
    return true;
}

static int open_handle(struct proc_tree *tree, const char *path)
{
    int fd = tree->open_fds < TREE_FDS_MAX ? root_open_file(&tree->root, path, NULL) : -1;
    tree->open_fds += fd >= 0;
    return fd >= 0 ? fd : -1;
}

static void open_handles(struct proc_tree *tree, struct tracked *item)
{
    char path[80];
    uint64_t ns;
    snprintf(path, sizeof(path), "proc/%d/statm", item->pid);
    item->statm_fd = open_handle(tree, path);
    /* The files of a recorded tree are replaced, not rewritten. */
    if (!tree->root.is_machine)
        return;
    if (clock_getcpuclockid(item->pid, &item->clock) == 0) {
        item->has_clock = true;
        item->has_clock = read_clock(item, &ns);
        if (item->has_clock)
            item->self_ns = ns;
    }
    snprintf(path, sizeof(path), "proc/%d/stat", item->pid);
    item->stat_fd = open_handle(tree, path);
    snprintf(path, sizeof(path), "proc/%d/task/%d/children", item->pid, item->pid);
    item->children_fd = open_handle(tree, path);
    snprintf(path, sizeof(path), "proc/%d/status", item->pid);
    item->status_fd = open_handle(tree, path);
}

/* The list of children of its only thread, as text; false: it cannot be told (several threads, no
 * such file, a list that is longer than the buffer). */
static bool read_children(const struct tracked *item, char *text, size_t size)
{
    if (item->threads != 1 || item->children_fd < 0)
        return false;
    ssize_t length = pread(item->children_fd, text, size - 1, 0);
    if (length < 0 || (size_t)length == size - 1)
        return false;
    text[length] = '\0';
    return true;
}

/* FNV-1a. */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

/* ---- walking ---- */

/* Shell sort: qsort(3) may allocate, and this runs in the sampling loop. */
static void sort_pids(pid_t *pids, size_t count)
{
    for (size_t gap = count / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11) {
        for (size_t i = gap; i < count; i++) {
            pid_t pid = pids[i];
            size_t at = i;
            for (; at >= gap && pids[at - gap] > pid; at -= gap)
                pids[at] = pids[at - gap];
            pids[at] = pid;
        }
    }
}

struct walk {
    bool first;         /* nothing was known before: everything is history */
    double vanished_ns; /* last reading of processes that are gone: self and children */
    double gained_ns;   /* growth of cutime+cstime of the ones that stayed */
    double born_ns;     /* CPU time of the ones born since the last walk */
};

static void forget(struct proc_tree *tree, struct tracked *item, struct walk *walk)
{
    walk->vanished_ns += (double)item->self_ns + (double)item->child_ns;
    close_handles(tree, item);
}

/* Brings a known process up to date; false: it is gone. */
static bool update(struct proc_tree *tree, struct tracked *item, struct walk *walk)
{
    struct tracked now = *item;
    if (!refresh(tree, &now) || now.start_ticks != item->start_ticks)
        return false;
    if (now.child_ns > item->child_ns)
        walk->gained_ns += (double)(now.child_ns - item->child_ns);
    if (!now.has_clock && now.self_ns > item->self_ns)
        walk->born_ns += (double)(now.self_ns - item->self_ns);
    *item = now;
    return true;
}

static bool take_in(struct proc_tree *tree, pid_t pid, struct tracked *item, struct walk *walk)
{
    *item = (struct tracked){
        .pid = pid, .statm_fd = -1, .stat_fd = -1, .children_fd = -1, .status_fd = -1};
    if (!refresh(tree, item))
        return false;
    open_handles(tree, item);
    item->young = !walk->first && item->start_ticks >= tree->last_walk_ticks;
    if (item->young)
        walk->born_ns +=
            (double)item->self_ns + (tree->targets.without_children ? 0 : (double)item->child_ns);
    return true;
}

/* Both lists ascend, so one pass sorts out who stayed, came and went. */
static void merge(struct proc_tree *tree, size_t found, struct walk *walk)
{
    struct tracked *next = tree->spare;
    size_t count = 0, old = 0;
    for (size_t i = 0; i < found; i++) {
        pid_t pid = tree->pids[i];
        for (; old < tree->count && tree->items[old].pid < pid; old++)
            forget(tree, &tree->items[old], walk);
        if (old < tree->count && tree->items[old].pid == pid) {
            struct tracked *item = &tree->items[old++];
            if (update(tree, item, walk)) {
                next[count++] = *item;
                continue;
            }
            forget(tree, item, walk);
        }
        count += take_in(tree, pid, &next[count], walk);
    }
    for (; old < tree->count; old++)
        forget(tree, &tree->items[old], walk);
    tree->spare = tree->items;
    tree->items = next;
    tree->count = count;
}

static void settle(struct proc_tree *tree, const struct walk *walk)
{
    if (walk->first)
        return;
    if (tree->targets.without_children) { /* what they waited for is not theirs */
        tree->pending_ns += walk->born_ns;
        return;
    }
    tree->child_balance_ns += walk->gained_ns - walk->vanished_ns;
    double extra_ns = fmax(tree->child_balance_ns, 0);
    /* cutime and cstime are cut to whole ticks each, so that much may still come; more was seen of
     * processes that nobody in the tree waited for, and never will. */
    double floor_ns = -2.0 * (double)tree->tick_ns;
    tree->child_balance_ns = fmax(tree->child_balance_ns - extra_ns, floor_ns);
    tree->pending_ns += extra_ns + walk->born_ns;
}

/* The processes of all targets, ascending, each once: a target may be below another one. A pid that
 * belongs to somebody else by now is left out. */
static size_t find_processes(struct proc_tree *tree)
{
    const struct collect_targets *targets = &tree->targets;
    size_t found = 0;
    for (size_t i = 0; i < targets->count && found < TREE_MAX; i++) {
        struct proc_stat stat;
        size_t more = 0, capacity = targets->without_children ? 1 : TREE_MAX - found;
        if (targets->start_ticks[i] != 0 &&
            (procfs_read_stat(&tree->root, targets->pids[i], &stat, NULL) < 0 ||
             stat.start_ticks != targets->start_ticks[i]))
            continue;
        if (procfs_tree(&tree->root, targets->pids[i], true, tree->pids + found, capacity, &more,
                        NULL, NULL) == 0)
            found += more;
    }
    sort_pids(tree->pids, found);
    size_t unique = 0;
    for (size_t i = 0; i < found; i++) {
        if (unique == 0 || tree->pids[unique - 1] != tree->pids[i])
            tree->pids[unique++] = tree->pids[i];
    }
    return unique;
}

static bool has_its_children(const struct tracked *item)
{
    char children[4096];
    return item->knows_children && read_children(item, children, sizeof(children)) &&
           hash_text(children) == item->children_hash;
}

/* Whether the tree is what it was: then it is brought up to date and needs no search. A zombie goes
 * when its parent waits for it, which no list tells. */
static bool walk_in_place(struct proc_tree *tree, uint64_t last_pid, struct walk *walk)
{
    bool is_nothing_new = last_pid != 0 && last_pid == tree->last_pid;
    for (size_t i = 0; i < tree->count; i++) {
        struct tracked *item = &tree->items[i];
        if (item->stat_fd < 0 || !update(tree, item, walk) || item->zombie)
            return false;
        if (!tree->targets.without_children && !is_nothing_new && !has_its_children(item))
            return false;
    }
    return tree->has_walked && tree->count > 0;
}

static bool is_tracked(const struct proc_tree *tree, pid_t pid)
{
    size_t low = 0, high = tree->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (tree->items[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < tree->count && tree->items[low].pid == pid;
}

/* A child that was born since the search is in the list, but not in the tree yet. */
static bool are_tracked(const struct proc_tree *tree, const char *children)
{
    for (const char *at = children;;) {
        char *end;
        long pid = strtol(at, &end, 10);
        if (end == at)
            return true;
        if (!is_tracked(tree, (pid_t)pid))
            return false;
        at = end;
    }
}

static void remember_children(struct proc_tree *tree)
{
    char children[4096];
    for (size_t i = 0; i < tree->count; i++) {
        struct tracked *item = &tree->items[i];
        item->knows_children =
            read_children(item, children, sizeof(children)) && are_tracked(tree, children);
        if (item->knows_children)
            item->children_hash = hash_text(children);
    }
}

static void walk_tree(struct proc_tree *tree, uint64_t grid_ns)
{
    uint64_t begin_ns = tree->count > TREE_SMALL ? clock_thread_ns() : 0;
    /* Before the search: what is born during it changes the number for the next walk. */
    uint64_t last_pid = procfs_last_pid(tree->last_pid_fd);
    bool is_search_due = pace_is_due(&tree->search_pace, grid_ns, TREE_SEARCH_NS);
    struct timespec boot;
    struct walk walk = {.first = !tree->has_walked};
    clock_gettime(CLOCK_BOOTTIME, &boot);
    uint64_t boot_ticks =
        ((uint64_t)boot.tv_sec * NS_PER_S + (uint64_t)boot.tv_nsec) / tree->tick_ns;
    if (is_search_due || !walk_in_place(tree, last_pid, &walk)) {
        begin_ns = begin_ns > 0 ? begin_ns : clock_thread_ns();
        merge(tree, find_processes(tree), &walk);
        remember_children(tree);
        tree->last_pid = last_pid;
    }
    settle(tree, &walk);
    /* A recorded tree has no clock that fits ours: what appears in it counts from then on. */
    tree->last_walk_ticks = tree->root.is_machine ? boot_ticks : UINT64_MAX;
    tree->has_walked = true;
    if (tree->root.is_machine && begin_ns > 0)
        tree->walk_interval_ns =
            u64_max(TREE_WALK_NS, (clock_thread_ns() - begin_ns) * TREE_WALK_SHARE);
    else if (tree->root.is_machine)
        tree->walk_interval_ns = TREE_WALK_NS;
}

static void unfollow(struct proc_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        close_handles(tree, &tree->items[i]);
    tree->count = 0;
    tree->following = false;
    tree->has_walked = false;
    tree->walk_pace = tree->search_pace = (struct pace){0};
    tree->last_ns = 0;
    tree->pending_ns = tree->child_balance_ns = 0;
    if (tree->detail)
        proc_detail_forget(tree->detail);
}

/* ---- sampling ---- */

/* What the known processes used since the last reading. */
static double clocks_ns(struct proc_tree *tree)
{
    double used_ns = 0;
    for (size_t i = 0; i < tree->count; i++) {
        struct tracked *item = &tree->items[i];
        uint64_t ns = 0;
        item->gone = item->has_clock && !read_clock(item, &ns);
        if (!item->has_clock || item->gone || ns < item->self_ns)
            continue;
        used_ns += (double)(ns - item->self_ns);
        item->self_ns = ns;
    }
    return used_ns;
}

static bool all_gone(const struct proc_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (!tree->items[i].gone)
            return false;
    }
    return true;
}

static void put_cpu(struct proc_tree *tree, double *values)
{
    uint64_t now_ns = clock_mono_ns();
    double used_ns = clocks_ns(tree);
    if (tree->last_ns > 0 && now_ns > tree->last_ns && !all_gone(tree)) {
        double wall_ns = (double)(now_ns - tree->last_ns);
        double room_ns = fmax(wall_ns * tree->cpus - used_ns, 0);
        double found_ns =
            tree->root.is_machine ? fmin(tree->pending_ns, room_ns) : tree->pending_ns;
        tree->pending_ns -= found_ns;
        values[tree->cpu_channel] = 100.0 * (used_ns + found_ns) / wall_ns;
    }
    tree->last_ns = now_ns;
}

static void put_memory(struct proc_tree *tree, double *values)
{
    double pages = 0, threads = 0;
    bool alive = false;
    for (size_t i = 0; i < tree->count; i++) {
        struct tracked *item = &tree->items[i];
        if (item->zombie || item->gone)
            continue;
        read_rss(item);
        pages += (double)item->rss_pages;
        threads += (double)item->threads;
        alive = true;
    }
    if (!alive)
        return;
    values[tree->rss_channel] = pages * (double)tree->page_size / 1048576.0;
    values[tree->threads_channel] = threads;
}

struct live {
    struct proc_tree *tree;
    size_t next;
};

static bool next_live(void *context, struct proc_detail_of *ret)
{
    struct live *live = context;
    while (live->next < live->tree->count) {
        struct tracked *item = &live->tree->items[live->next++];
        if (item->zombie || item->gone)
            continue;
        *ret = (struct proc_detail_of){.pid = item->pid,
                                       .status_fd = item->status_fd,
                                       .has_anon = item->has_anon && live->tree->root.is_machine,
                                       .anon_bytes = item->anon_pages * live->tree->page_size,
                                       .is_young = item->young,
                                       .minor_faults = item->minor_faults,
                                       .major_faults = item->major_faults,
                                       .counters = &item->counters};
        return true;
    }
    return false;
}

void proc_tree_sample(struct proc_tree *tree, const struct collect_tick *tick, double *values)
{
    if (tree->following &&
        (tick->target != tree->targets.pids[0] || tick->target_generation != tree->generation))
        unfollow(tree);
    if (tick->target <= 0)
        return;
    if (!tree->following) {
        tree->targets = (struct collect_targets){.count = 1, .pids = {tick->target}};
        if (tick->targets && tick->targets->count > 0)
            tree->targets = *tick->targets;
        tree->generation = tick->target_generation;
        tree->following = true;
    }
    if (pace_is_due(&tree->walk_pace, tick->grid_ns, tree->walk_interval_ns))
        walk_tree(tree, tick->grid_ns);
    if (tree->count == 0) /* the target is gone */
        return;
    put_cpu(tree, values);
    put_memory(tree, values);
    if (proc_detail_is_due(tree->detail, tick->grid_ns)) {
        struct live live = {tree, 0};
        proc_detail_sample(tree->detail, tick->grid_ns, clock_mono_ns(), next_live, &live, values);
    }
}

/* ---- opening ---- */

static int declare(struct channel_set *channels, const char *metric, const char *source,
                   int *ret_channel)
{
    int index = channel_declare(channels, metric, "", source);
    if (index < 0)
        return index;
    channels->items[index].per_target = true;
    *ret_channel = index;
    return 0;
}

int proc_tree_open(const struct collect_env *env, struct channel_set *channels,
                   struct proc_tree **ret_tree, struct error *err)
{
    struct proc_tree *tree = calloc(1, sizeof(*tree));
    if (tree) {
        tree->last_pid_fd = -1;
        tree->items = calloc(TREE_MAX, sizeof(*tree->items));
        tree->spare = calloc(TREE_MAX, sizeof(*tree->spare));
        tree->pids = calloc(TREE_MAX, sizeof(*tree->pids));
    }
    if (!tree || !tree->items || !tree->spare || !tree->pids) {
        proc_tree_close(tree);
        return error_set(err, ERROR_NOMEM, "out of memory for the collector 'proc'");
    }
    tree->root = *env->root;
    tree->last_pid_fd = procfs_open_last_pid(env->root);
    tree->tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
    tree->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    tree->cpus = (double)sysconf(_SC_NPROCESSORS_ONLN);
    tree->walk_interval_ns = env->root->is_machine ? TREE_WALK_NS : 0;
    const char *cpu_source =
        env->root->is_machine ? "process CPU clocks, /proc/PID/stat (children)" : "/proc/PID/stat";
    int rc = declare(channels, "cpu_track_pct", cpu_source, &tree->cpu_channel);
    if (rc == 0)
        rc = declare(channels, "mem_track_rss_mb", "/proc/PID/statm", &tree->rss_channel);
    if (rc == 0)
        rc = declare(channels, "threads", "/proc/PID/stat", &tree->threads_channel);
    if (rc < 0)
        error_set(err, rc, "cannot declare the columns of the collector 'proc'");
    else
        rc = proc_detail_open(env, channels, &tree->detail, err);
    if (rc < 0) {
        proc_tree_close(tree);
        return rc;
    }
    *ret_tree = tree;
    return 0;
}

void proc_tree_close(struct proc_tree *tree)
{
    if (!tree)
        return;
    if (tree->items)
        unfollow(tree);
    proc_detail_close(tree->detail);
    if (tree->last_pid_fd >= 0)
        close(tree->last_pid_fd);
    free(tree->items);
    free(tree->spare);
    free(tree->pids);
    free(tree);
}
