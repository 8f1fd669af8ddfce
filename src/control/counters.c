/* counters.c: see counters.h. Source: perf_event_open(2). */
#include "control/counters.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "model/reason.h"

const char *const counter_metric[COUNTER_COUNT] = {
#define COUNTER_METRIC(name, metric) [COUNTER_##name] = metric,
    COUNTER_MAP(COUNTER_METRIC)
#undef COUNTER_METRIC
};

/* What an unprivileged user may count when the kernel keeps its own part to itself. */
enum user_part {
    USER_PART_MEANS_LESS, /* the events of the program's own instructions: true, but fewer */
    USER_PART_IS_ALL,     /* a clock runs through both and cannot be split */
    USER_PART_IS_NOTHING, /* happens in the kernel only: the filter would make it 0, a lie */
};

static const struct counter_row {
    uint32_t type;
    uint64_t config;
    enum counter_id leader; /* of its group; itself: none */
    enum user_part user_part;
} counter_rows[COUNTER_COUNT] = {
    [COUNTER_CYCLES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, COUNTER_CYCLES,
                        USER_PART_MEANS_LESS},
    [COUNTER_INSTRUCTIONS] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, COUNTER_CYCLES,
                              USER_PART_MEANS_LESS},
    [COUNTER_CACHE_REFERENCES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES,
                                  COUNTER_CACHE_REFERENCES, USER_PART_MEANS_LESS},
    [COUNTER_CACHE_MISSES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES,
                              COUNTER_CACHE_REFERENCES, USER_PART_MEANS_LESS},
    [COUNTER_BRANCHES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS, COUNTER_BRANCHES,
                          USER_PART_MEANS_LESS},
    [COUNTER_BRANCH_MISSES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES, COUNTER_BRANCHES,
                               USER_PART_MEANS_LESS},
    [COUNTER_TASK_CLOCK] = {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, COUNTER_TASK_CLOCK,
                            USER_PART_IS_ALL},
    [COUNTER_CONTEXT_SWITCHES] = {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES,
                                  COUNTER_CONTEXT_SWITCHES, USER_PART_IS_NOTHING},
    [COUNTER_MIGRATIONS] = {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS, COUNTER_MIGRATIONS,
                            USER_PART_IS_NOTHING},
    [COUNTER_PAGE_FAULTS] = {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, COUNTER_PAGE_FAULTS,
                             USER_PART_MEANS_LESS},
};

/* inherit: children count too. Many kernels refuse PERF_FORMAT_GROUP beside it, so every member of
 * a group is read by itself. A follower is not disabled: it goes with its leader. */
static int open_event(const struct counter_row *row, pid_t pid, int group_fd, bool user_only)
{
    struct perf_event_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.size = sizeof(attr);
    attr.type = row->type;
    attr.config = row->config;
    attr.inherit = 1;
    attr.disabled = group_fd < 0;
    attr.enable_on_exec = group_fd < 0;
    attr.exclude_kernel = user_only;
    attr.exclude_hv = user_only;
    attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    return (int)syscall(SYS_perf_event_open, &attr, pid, -1, group_fd, PERF_FLAG_FD_CLOEXEC);
}

static enum reason reason_of(int sys_errno)
{
    switch (sys_errno) {
    case EACCES:
    case EPERM:
        return REASON_DENIED;
    case ENOENT:
    case ENODEV:
    case EOPNOTSUPP:
    case EINVAL:
    case ENOSYS:
        return REASON_UNSUPPORTED;
    default:
        return REASON_FAILED;
    }
}

static void open_counter(struct counters *counters, enum counter_id id, pid_t pid)
{
    const struct counter_row *row = &counter_rows[id];
    struct counter_value *value = &counters->values[id];
    /* Leaders come first in COUNTER_MAP. A follower whose leader is missing is counted alone. */
    int group_fd = row->leader != id ? counters->fd[row->leader] : -1;
    bool user_only = group_fd >= 0 && counters->values[row->leader].user_only;
    int fd = open_event(row, pid, group_fd, user_only);
    if (fd < 0 && (errno == EACCES || errno == EPERM) && !user_only && group_fd < 0 &&
        row->user_part != USER_PART_IS_NOTHING) {
        fd = open_event(row, pid, group_fd, true);
        user_only = row->user_part == USER_PART_MEANS_LESS;
    }
    if (fd < 0) {
        value->sys_errno = errno;
        value->reason = (int)reason_of(errno);
        return;
    }
    counters->fd[id] = fd;
    value->user_only = user_only;
    value->reason = REASON_NONE;
}

void counters_open(struct counters *counters, pid_t pid)
{
    memset(counters, 0, sizeof(*counters));
    for (int id = 0; id < COUNTER_COUNT; id++)
        counters->fd[id] = -1;
    for (int id = 0; id < COUNTER_COUNT; id++)
        open_counter(counters, (enum counter_id)id, pid);
}

static void read_counter(int fd, struct counter_value *value)
{
    struct {
        uint64_t value, time_enabled, time_running;
    } raw = {0};
    ssize_t n = read(fd, &raw, sizeof(raw));
    if (n != (ssize_t)sizeof(raw)) {
        value->reason = REASON_FAILED;
        value->sys_errno = n < 0 ? errno : 0;
        return;
    }
    if (raw.time_running == 0) {
        value->reason = REASON_NOT_SCHEDULED;
        return;
    }
    value->running_share = (double)raw.time_running / (double)raw.time_enabled;
    /* Exact where the counter always ran; doubles hold whole numbers only up to 2^53. */
    value->value = raw.time_running == raw.time_enabled
                       ? raw.value
                       : (uint64_t)((double)raw.value / value->running_share);
    value->reason = REASON_NONE;
}

void counters_read(struct counters *counters)
{
    for (int id = 0; id < COUNTER_COUNT; id++)
        if (counters->fd[id] >= 0)
            read_counter(counters->fd[id], &counters->values[id]);
}

void counters_close(struct counters *counters)
{
    for (int id = 0; id < COUNTER_COUNT; id++) {
        if (counters->fd[id] >= 0)
            close(counters->fd[id]);
        counters->fd[id] = -1;
    }
}
