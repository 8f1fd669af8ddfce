/* memory.c: stops a worker before the machine runs out of memory, and tells whether the kernel
 * did.
 *
 * Sources: MemAvailable of /proc/meminfo (proc(5)); the cgroup's limit less what is charged to it
 * without the file pages that the kernel would drop first (memory.current and memory.stat
 * inactive_file; version 1: memory.usage_in_bytes and total_inactive_file); oom_kill of
 * memory.events (version 1: memory.oom_control), else of /proc/vmstat, which is the whole
 * machine's.
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/procfs.h"
#include "base/util.h"
#include "model/cgroup.h"
#include "workload/onnx/internal.h"

#define RESERVE_SHARE 0.05
#define RESERVE_BYTES (128.0 * 1048576)
#define TEXT_BYTES 16384

/* The number behind a word at the beginning of a line. */
static bool keyed_value(const char *text, const char *key, double *ret_value)
{
    size_t length = strlen(key);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, key, length) == 0 && strchr(": \t", line[length]) != NULL) {
            const char *at = line + length + strspn(line + length, ": \t");
            char *end;
            double value = strtod(at, &end);
            *ret_value = value;
            return end != at;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return false;
}

static double read_keyed(int fd, const char *key)
{
    char text[TEXT_BYTES];
    double value;
    if (fd < 0 || file_pread(fd, text, sizeof(text)) <= 0 || !keyed_value(text, key, &value))
        return NAN;
    return value;
}

static double read_number(int fd)
{
    char text[64], *end;
    if (fd < 0 || file_pread(fd, text, sizeof(text)) <= 0)
        return NAN;
    double value = strtod(text, &end);
    return end != text ? value : NAN;
}

/* ---- the control group ---- */

static int open_in_group(const struct root *root, const struct cgroup_group *group, const char *v2,
                         const char *v1)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", group->path, group->unified ? v2 : v1);
    int fd = root_open_file(root, path, NULL);
    return fd < 0 ? -1 : fd;
}

static bool count_oom_kills(uint64_t *ret_count)
{
    struct root root;
    struct cgroup_groups *groups = malloc(sizeof(*groups));
    double count = NAN;
    if (groups == NULL || root_open(&root, "/", NULL) < 0) {
        free(groups);
        return false;
    }
    if (cgroup_find(&root, groups, NULL) == 0 &&
        groups->part[CGROUP_MEMORY].reason == REASON_NONE) {
        CLEANUP_CLOSE int fd = open_in_group(&root, &groups->part[CGROUP_MEMORY], "memory.events",
                                             "memory.oom_control");
        count = read_keyed(fd, "oom_kill");
    }
    if (isnan(count)) {
        CLEANUP_CLOSE int fd = root_open_file(&root, "proc/vmstat", NULL);
        count = read_keyed(fd, "oom_kill");
    }
    root_close(&root);
    free(groups);
    *ret_count = isnan(count) ? 0 : (uint64_t)count;
    return !isnan(count);
}

/* ---- what is left ---- */

static double cgroup_room(const struct onnx_memory *memory)
{
    double used = read_number(memory->current_fd);
    double file = read_keyed(memory->stat_fd, "inactive_file");
    if (isnan(file))
        file = read_keyed(memory->stat_fd, "total_inactive_file");
    return isnan(used) ? INFINITY
                       : memory->cgroup_limit_bytes - used + (isnan(file) ? 0 : fmin(file, used));
}

static double available(const struct onnx_memory *memory)
{
    double bytes = 1024 * read_keyed(memory->meminfo_fd, "MemAvailable");
    if (isfinite(memory->cgroup_limit_bytes))
        bytes = fmin(isnan(bytes) ? INFINITY : bytes, cgroup_room(memory));
    return isfinite(bytes) ? bytes : NAN;
}

void onnx_memory_open(struct onnx_memory *memory)
{
    struct root root;
    *memory = (struct onnx_memory){.meminfo_fd = -1,
                                   .current_fd = -1,
                                   .stat_fd = -1,
                                   .cgroup_limit_bytes = INFINITY,
                                   .begin_bytes = NAN,
                                   .available_bytes = NAN};
    memory->has_oom_kills = count_oom_kills(&memory->oom_kills);
    struct cgroup_groups *groups = malloc(sizeof(*groups));
    if (groups == NULL || root_open(&root, "/", NULL) < 0) {
        free(groups);
        return;
    }
    memory->meminfo_fd = root_open_file(&root, "proc/meminfo", NULL);
    double total = 1024 * read_keyed(memory->meminfo_fd, "MemTotal");
    if (cgroup_find(&root, groups, NULL) == 0 &&
        groups->part[CGROUP_MEMORY].reason == REASON_NONE && isfinite(groups->memory_limit_bytes)) {
        const struct cgroup_group *group = &groups->part[CGROUP_MEMORY];
        memory->cgroup_limit_bytes = groups->memory_limit_bytes;
        memory->current_fd = open_in_group(&root, group, "memory.current", "memory.usage_in_bytes");
        memory->stat_fd = open_in_group(&root, group, "memory.stat", "memory.stat");
        total = isnan(total) ? groups->memory_limit_bytes : fmin(total, groups->memory_limit_bytes);
    }
    memory->begin_bytes = memory->available_bytes = available(memory);
    /* On a board that has little left to begin with, half of that is for the worker to use. */
    memory->reserve_bytes =
        fmin(fmax(RESERVE_SHARE * total, RESERVE_BYTES), memory->begin_bytes / 2);
    root_close(&root);
    free(groups);
}

static double resident_bytes(pid_t pid)
{
    struct root root;
    uint64_t pages;
    if (root_open(&root, "/", NULL) < 0)
        return 0;
    int rc = procfs_read_rss_pages(&root, pid, &pages, NULL);
    root_close(&root);
    return rc < 0 ? 0 : (double)pages * (double)sysconf(_SC_PAGESIZE);
}

bool onnx_memory_is_short(struct onnx_memory *memory, pid_t pid)
{
    memory->available_bytes = available(memory);
    /* Not known compares false. */
    if (!(memory->available_bytes < memory->reserve_bytes))
        return false;
    /* Who else took it must not cost the worker its life. */
    double gone = memory->begin_bytes - memory->available_bytes;
    return 2 * resident_bytes(pid) >= gone;
}

bool onnx_memory_had_oom_kill(const struct onnx_memory *memory)
{
    uint64_t now = 0;
    return memory->has_oom_kills && count_oom_kills(&now) && now > memory->oom_kills;
}

void onnx_memory_close(struct onnx_memory *memory)
{
    close_cleanup(&memory->meminfo_fd);
    close_cleanup(&memory->current_fd);
    close_cleanup(&memory->stat_fd);
    memory->meminfo_fd = memory->current_fd = memory->stat_fd = -1;
}
