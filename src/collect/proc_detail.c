/* proc_detail.c: what of the followed tree costs too much for every tick: anonymous memory and swap
 * (/proc/PID/status), descriptors, storage I/O, page faults, and context switches of all threads.
 *
 * Memory is read once a second, through a descriptor that is open where there is one. Descriptors
 * and I/O (some 15 us a process, opened, read and closed) are as well where they are wanted in
 * rows, else seldom; switches, which take a file for each thread, every five seconds. Nothing is
 * allocated. Rates are differences by process, so one that appears or ends makes no jump; what a
 * process did after its last reading is lost, which makes them lower bounds.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/procfs.h"
#include "collect/proc_internal.h"

#define MB 1048576.0
#define SWITCHES_INTERVAL_NS (5 * NS_PER_S)

enum {
    ANON,
    SWAP,
    FDS,
    PROCESSES,
    MINOR_FAULTS,
    MAJOR_FAULTS,
    READ,
    WRITTEN,
    VOLUNTARY,
    INVOLUNTARY,
    QUANTITIES
};

/* Everything from here on is a rate, by differences. */
#define FIRST_RATE MINOR_FAULTS

/* What is read together. */
enum group { ALWAYS, SWAPS, FILES, SWITCHES, GROUPS };

static const struct {
    const char *metric, *source;
    enum group group;
} quantities[QUANTITIES] = {
    [ANON] = {"mem_track_anon_mb", "/proc/PID/statm (resident less shared), /proc/PID/status",
              ALWAYS},
    [SWAP] = {"mem_track_swap_mb", "/proc/PID/status", SWAPS},
    [FDS] = {"track_fds", "/proc/PID/fd", FILES},
    [PROCESSES] = {"track_processes", "/proc/PID/stat", ALWAYS},
    [MINOR_FAULTS] = {"track_minor_faults_per_s", "/proc/PID/stat", ALWAYS},
    [MAJOR_FAULTS] = {"track_major_faults_per_s", "/proc/PID/stat", ALWAYS},
    [READ] = {"track_read_mb_per_s", "/proc/PID/io", FILES},
    [WRITTEN] = {"track_written_mb_per_s", "/proc/PID/io", FILES},
    [VOLUNTARY] = {"track_voluntary_switches_per_s", "/proc/PID/task/TID/status", SWITCHES},
    [INVOLUNTARY] = {"track_involuntary_switches_per_s", "/proc/PID/task/TID/status", SWITCHES},
};

/* Of one round over the processes. */
struct sum {
    double value;
    bool seen, failed; /* a process that is there, and would not tell: then the sum is unknown */
};

struct proc_detail {
    struct root root;
    int channel[QUANTITIES]; /* -1: without values */
    struct pace pace, switches_pace;
    struct seldom files, swaps; /* swaps: wanted as well where there is swap space */
    uint64_t last_ns[GROUPS];   /* when rates were read last; 0: never for this target */
};

/* ---- one process ---- */

static void add_level(struct sum *sum, bool is_known, double value)
{
    sum->seen |= is_known;
    sum->failed |= !is_known;
    sum->value += is_known ? value : 0;
}

/* The growth of a counter; of a process that is younger than the last round, all of it. */
static void add_counter(struct sum *sum, struct proc_counter *counter, uint64_t now, bool is_young)
{
    sum->seen = true;
    if (counter->is_known && now > counter->value)
        sum->value += (double)(now - counter->value);
    else if (!counter->is_known && is_young)
        sum->value += (double)now;
    *counter = (struct proc_counter){now, true};
}

/* Whether a failure means something: a process that has just ended is no unknown. */
static bool is_denied(int rc)
{
    return rc < 0 && rc != -ERROR_ABSENT;
}

static void add_memory(struct proc_detail *detail, const struct proc_detail_of *process,
                       bool is_swap_due, struct sum *sums)
{
    struct proc_memory memory;
    if (process->has_anon && !is_swap_due) {
        add_level(&sums[ANON], true, (double)process->anon_bytes / MB);
        return;
    }
    int rc = process->status_fd >= 0
                 ? procfs_pread_memory(process->status_fd, &memory)
                 : procfs_read_memory(&detail->root, process->pid, &memory, NULL);
    if (rc == -ERROR_ABSENT)
        return;
    add_level(&sums[ANON], rc == 0 && memory.anon_bytes != UINT64_MAX,
              (double)memory.anon_bytes / MB);
    add_level(&sums[SWAP], rc == 0 && memory.swap_bytes != UINT64_MAX,
              (double)memory.swap_bytes / MB);
}

static void add_io(struct proc_detail *detail, struct proc_detail_of *process, struct sum *sums)
{
    struct proc_io io;
    int rc = procfs_read_io(&detail->root, process->pid, &io, NULL);
    if (is_denied(rc) || (rc == 0 && (io.read_bytes | io.written_bytes) == UINT64_MAX))
        sums[READ].failed = sums[WRITTEN].failed = true;
    if (rc < 0)
        return;
    add_counter(&sums[READ], &process->counters->read, io.read_bytes, process->is_young);
    add_counter(&sums[WRITTEN], &process->counters->written, io.written_bytes, process->is_young);
}

static void add_fds(struct proc_detail *detail, pid_t pid, struct sum *sum)
{
    uint64_t count = 0;
    int rc = procfs_count_fds(&detail->root, pid, &count, NULL);
    if (rc != -ERROR_ABSENT)
        add_level(sum, rc == 0, (double)count);
}

static void add_switches(struct proc_detail *detail, struct proc_detail_of *process,
                         struct sum *sums)
{
    uint64_t voluntary, involuntary;
    int rc = procfs_read_switches(&detail->root, process->pid, &voluntary, &involuntary, NULL);
    if (is_denied(rc))
        sums[VOLUNTARY].failed = sums[INVOLUNTARY].failed = true;
    if (rc < 0)
        return;
    add_counter(&sums[VOLUNTARY], &process->counters->voluntary, voluntary, process->is_young);
    add_counter(&sums[INVOLUNTARY], &process->counters->involuntary, involuntary,
                process->is_young);
}

static void add_process(struct proc_detail *detail, struct proc_detail_of *process,
                        const bool *is_due, struct sum *sums)
{
    add_level(&sums[PROCESSES], true, 1);
    add_counter(&sums[MINOR_FAULTS], &process->counters->minor, process->minor_faults,
                process->is_young);
    add_counter(&sums[MAJOR_FAULTS], &process->counters->major, process->major_faults,
                process->is_young);
    if (detail->channel[ANON] >= 0 || detail->channel[SWAP] >= 0)
        add_memory(detail, process, is_due[SWAPS], sums);
    if (is_due[FILES])
        add_fds(detail, process->pid, &sums[FDS]);
    if (is_due[FILES] && detail->channel[READ] >= 0)
        add_io(detail, process, sums);
    if (is_due[SWITCHES])
        add_switches(detail, process, sums);
}

/* ---- a round ---- */

static void put(const struct proc_detail *detail, int quantity, const struct sum *sum,
                double elapsed_s, double *values)
{
    double value = sum->value;
    if (detail->channel[quantity] < 0 || !sum->seen || sum->failed)
        return;
    if (quantity >= FIRST_RATE)
        value = elapsed_s > 0 ? value / elapsed_s : NAN;
    if (quantity == READ || quantity == WRITTEN)
        value /= MB;
    values[detail->channel[quantity]] = value;
}

static double seconds_since(uint64_t *last_ns, uint64_t now_ns)
{
    double elapsed_s =
        *last_ns > 0 && now_ns > *last_ns ? (double)(now_ns - *last_ns) / (double)NS_PER_S : 0;
    *last_ns = now_ns;
    return elapsed_s;
}

bool proc_detail_is_due(struct proc_detail *detail, uint64_t grid_ns)
{
    return pace_is_due(&detail->pace, grid_ns, PROC_DETAIL_INTERVAL_NS);
}

void proc_detail_sample(struct proc_detail *detail, uint64_t grid_ns, uint64_t now_ns,
                        bool (*next)(void *context, struct proc_detail_of *ret), void *context,
                        double *values)
{
    struct sum sums[QUANTITIES] = {{0}};
    struct proc_detail_of process;
    const bool is_due[GROUPS] = {
        [ALWAYS] = true,
        [SWAPS] = seldom_is_due(&detail->swaps, grid_ns, PROC_DETAIL_INTERVAL_NS),
        [FILES] = seldom_is_due(&detail->files, grid_ns, PROC_DETAIL_INTERVAL_NS),
        [SWITCHES] = pace_is_due(&detail->switches_pace, grid_ns, SWITCHES_INTERVAL_NS),
    };
    while (next(context, &process))
        add_process(detail, &process, is_due, sums);
    /* Space that came later. Memory that goes out would look like memory that is given back. */
    detail->swaps.is_wanted |= sums[SWAP].value > 0;
    double elapsed_s[GROUPS];
    for (int i = 0; i < GROUPS; i++)
        elapsed_s[i] = is_due[i] ? seconds_since(&detail->last_ns[i], now_ns) : 0;
    for (int i = 0; i < QUANTITIES; i++) {
        if (is_due[quantities[i].group])
            put(detail, i, &sums[i], elapsed_s[quantities[i].group], values);
    }
}

void proc_detail_forget(struct proc_detail *detail)
{
    detail->pace = detail->switches_pace = (struct pace){0};
    detail->files.pace = detail->swaps.pace = (struct pace){0};
    memset(detail->last_ns, 0, sizeof(detail->last_ns));
}

/* ---- opening ---- */

/* What this kernel does not tell of any process: asked of our own. A recorded tree need not have
 * one, and then it is found out with the first process. */
static const char *why_missing(const struct root *root, int quantity)
{
    struct proc_memory memory;
    if (!root->is_machine)
        return NULL;
    bool has_memory = procfs_read_memory(root, getpid(), &memory, NULL) == 0;
    if (quantity == ANON && has_memory && memory.anon_bytes == UINT64_MAX)
        return "no RssAnon in /proc/PID/status (kernel older than 4.5)";
    if (quantity == SWAP && has_memory && memory.swap_bytes == UINT64_MAX)
        return "no VmSwap in /proc/PID/status (kernel without swap)";
    if ((quantity == READ || quantity == WRITTEN) && !root_exists(root, "proc/self/io"))
        return "no /proc/PID/io (kernel without CONFIG_TASK_IO_ACCOUNTING)";
    return NULL;
}

static bool has_swap_space(const struct root *root)
{
    char text[8192];
    uint64_t kb;
    return root_read(root, "proc/meminfo", text, sizeof(text), NULL) < 0 ||
           !procfs_find_u64(text, "SwapTotal:", &kb) || kb > 0;
}

static int declare(struct proc_detail *detail, struct channel_set *channels, int quantity)
{
    const char *why = why_missing(&detail->root, quantity);
    enum reason reason = why ? REASON_UNSUPPORTED : REASON_NONE;
    int index = channel_declare_missing(channels, quantities[quantity].metric, "",
                                        quantities[quantity].source, reason, why);
    if (index < 0)
        return index;
    channels->items[index].per_target = true;
    channels->items[index].min_interval_ns =
        quantities[quantity].group == SWITCHES ? SWITCHES_INTERVAL_NS : PROC_DETAIL_INTERVAL_NS;
    detail->channel[quantity] = why ? -1 : index;
    return 0;
}

int proc_detail_open(const struct collect_env *env, struct channel_set *channels,
                     struct proc_detail **ret_detail, struct error *err)
{
    struct proc_detail *detail = calloc(1, sizeof(*detail));
    if (!detail)
        return error_set(err, ERROR_NOMEM, "out of memory for the collector 'proc'");
    detail->root = *env->root;
    detail->swaps.is_wanted =
        collect_is_wanted(env, "mem_track_swap_mb") || has_swap_space(env->root);
    for (int i = 0; i < QUANTITIES; i++) {
        if (quantities[i].group == FILES)
            detail->files.is_wanted |= collect_is_wanted(env, quantities[i].metric);
        int rc = declare(detail, channels, i);
        if (rc < 0) {
            free(detail);
            return error_set(err, rc, "cannot declare the columns of the collector 'proc'");
        }
    }
    *ret_detail = detail;
    return 0;
}

void proc_detail_close(struct proc_detail *detail)
{
    free(detail);
}
