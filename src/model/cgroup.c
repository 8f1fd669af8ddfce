/* cgroup.c: from /proc/self/cgroup to the directories of the groups, and their limits.
 *
 * A path there is relative to the cgroup namespace, and what is mounted below /sys/fs/cgroup may
 * begin further down: a version 1 container without a namespace of its own reads
 * "/docker/4f1c/sub", and its mount begins at 4f1c. So the longest end of the path that exists is
 * the group: "/docker/4f1c/sub", "/4f1c/sub", "/sub", or the mount itself.
 *
 * The root group has no limits, and its figures, where it has any, are the machine's, which `proc`
 * reads better. Version 2 shows it by the files that it lacks. In version 1 it has them; a group
 * "/" without a limit is taken for it.
 */
#include "model/cgroup.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"

#define CGROUP_MOUNT "sys/fs/cgroup"
#define FILE_NAME_MAX 64 /* "/memory.limit_in_bytes" and the like */

static const char root_has_no_limits[] = "the root cgroup has no limits";
static const char *const part_names[CGROUP_PARTS] = {"cpu", "cpuacct", "memory", "pids"};

/* A line of /proc/self/cgroup: "4:cpu,cpuacct:/user.slice", "0::/user.slice". */
struct membership {
    char controllers[256];
    char path[PATH_MAX];
};

/* ---- /proc/self/cgroup ---- */

/* Whether a list "cpu,cpuacct" of this length names the controller; only an empty one names "". */
static bool names_controller(const char *list, size_t length, const char *controller)
{
    size_t wanted = strlen(controller);
    for (size_t at = 0; at <= length;) {
        const char *comma = memchr(list + at, ',', length - at);
        size_t end = comma ? (size_t)(comma - list) : length;
        if (end - at == wanted && memcmp(list + at, controller, wanted) == 0)
            return wanted > 0 || length == 0;
        at = end + 1;
    }
    return false;
}

/* The group of this controller ("": of version 2). False: there is no such line. */
static bool find_membership(const char *text, const char *controller, struct membership *ret)
{
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        const char *end = line + length;
        const char *list = memchr(line, ':', length);
        const char *path = list ? memchr(list + 1, ':', (size_t)(end - list - 1)) : NULL;
        if (path && names_controller(list + 1, (size_t)(path - list - 1), controller)) {
            int list_length = snprintf(ret->controllers, sizeof(ret->controllers), "%.*s",
                                       (int)(path - list - 1), list + 1);
            int path_length =
                snprintf(ret->path, sizeof(ret->path), "%.*s", (int)(end - path - 1), path + 1);
            return list_length < (int)sizeof(ret->controllers) &&
                   path_length < (int)sizeof(ret->path);
        }
        line = *end ? end + 1 : end;
    }
    return false;
}

/* ---- the directory ---- */

static void set_missing(struct cgroup_group *group, enum reason reason, const char *why)
{
    group->reason = reason;
    group->why = why;
}

static bool leads_outside(const char *path)
{
    for (const char *at = path; (at = strstr(at, "/..")) != NULL; at += strlen("/..")) {
        if (at[3] == '/' || at[3] == '\0')
            return true;
    }
    return false;
}

/* Where a controller of version 1 is mounted: under its own name (often a link), or under all that
 * share the hierarchy. */
static bool find_mount(const struct root *root, const struct membership *member, const char *name,
                       struct cgroup_group *group)
{
    if (group->unified) {
        bool hybrid = root_exists(root, CGROUP_MOUNT "/unified");
        str_copy(group->mount, sizeof(group->mount),
                 hybrid ? CGROUP_MOUNT "/unified" : CGROUP_MOUNT);
        return root_exists(root, group->mount);
    }
    snprintf(group->mount, sizeof(group->mount), CGROUP_MOUNT "/%s", name);
    if (root_exists(root, group->mount))
        return true;
    int length =
        snprintf(group->mount, sizeof(group->mount), CGROUP_MOUNT "/%s", member->controllers);
    return length < (int)sizeof(group->mount) && root_exists(root, group->mount);
}

static void find_directory(const struct root *root, const char *path, struct cgroup_group *group)
{
    for (const char *end = path; end && strcmp(end, "/") != 0; end = strchr(end + 1, '/')) {
        int length = snprintf(group->path, sizeof(group->path), "%s%s", group->mount, end);
        if (length < (int)sizeof(group->path) && root_exists(root, group->path))
            return;
    }
    str_copy(group->path, sizeof(group->path), group->mount);
}

static bool group_has(const struct root *root, const struct cgroup_group *group, const char *file)
{
    char path[PATH_MAX + FILE_NAME_MAX];
    snprintf(path, sizeof(path), "%s/%s", group->path, file);
    return root_exists(root, path);
}

/* member: the line of /proc/self/cgroup that it was found by. */
static void find_group(const struct root *root, const char *text, const char *name,
                       struct cgroup_group *group, struct membership *member)
{
    *group = (struct cgroup_group){.reason = REASON_NONE};
    group->unified = !find_membership(text, name, member);
    if (group->unified && !find_membership(text, "", member)) {
        set_missing(group, REASON_ABSENT, "this kernel has no cgroup with that controller");
    } else if (member->path[0] != '/') {
        set_missing(group, REASON_FAILED, "/proc/self/cgroup cannot be understood");
    } else if (leads_outside(member->path)) {
        set_missing(group, REASON_ABSENT, "the cgroup lies outside of this namespace");
    } else if (str_ends_with(member->path, " (deleted)")) {
        set_missing(group, REASON_ABSENT, "the cgroup was removed");
    } else if (!find_mount(root, member, name, group)) {
        set_missing(group, REASON_ABSENT, "no cgroup file system in /sys/fs/cgroup");
    } else {
        find_directory(root, member->path, group);
        if (group->unified && strcmp(group->path, group->mount) == 0 &&
            !group_has(root, group, "cgroup.events") && !group_has(root, group, "memory.current"))
            set_missing(group, REASON_ABSENT, root_has_no_limits);
    }
}

/* ---- limits: the smallest of the group and its ancestors ---- */

/* One level's limit, INFINITY where it sets none. */
typedef double level_fn(const struct root *root, const char *directory, bool unified);

static double level_quota(const struct root *root, const char *directory, bool unified)
{
    char path[PATH_MAX + FILE_NAME_MAX], text[128];
    double quota = 0, period = 0;
    int64_t quota_us, period_us;
    if (unified) { /* "200000 100000", or "max 100000" for none */
        snprintf(path, sizeof(path), "%s/cpu.max", directory);
        if (root_read_line(root, path, text, sizeof(text), NULL) < 0 ||
            sscanf(text, "%lf %lf", &quota, &period) != 2)
            return INFINITY;
    } else { /* -1 for none */
        snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", directory);
        if (root_read_i64(root, path, &quota_us, NULL) < 0)
            return INFINITY;
        snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", directory);
        if (root_read_i64(root, path, &period_us, NULL) < 0)
            return INFINITY;
        quota = (double)quota_us;
        period = (double)period_us;
    }
    return quota > 0 && period > 0 ? quota / period : INFINITY;
}

static double level_memory(const struct root *root, const char *directory, bool unified)
{
    char path[PATH_MAX + FILE_NAME_MAX];
    int64_t bytes;
    snprintf(path, sizeof(path), "%s/%s", directory,
             unified ? "memory.max" : "memory.limit_in_bytes");
    /* "max", or what version 1 writes for none: the largest page-aligned number */
    if (root_read_i64(root, path, &bytes, NULL) < 0 || bytes >= INT64_MAX / 2)
        return INFINITY;
    return (double)bytes;
}

/* Cuts the last name off; false: this is where the file system is mounted. */
static bool go_up(struct cgroup_group *group)
{
    char *slash = strrchr(group->path, '/');
    if (!slash || (size_t)(slash - group->path) < strlen(group->mount))
        return false;
    *slash = '\0';
    return true;
}

/* ret_up: how many levels above the group the limit stands. */
static double smallest_limit(const struct root *root, const struct cgroup_group *group,
                             level_fn *limit_of, size_t *ret_up)
{
    struct cgroup_group level = *group;
    double smallest = INFINITY;
    size_t up = 0;
    *ret_up = 0;
    if (group->reason != REASON_NONE)
        return INFINITY;
    do {
        double limit = limit_of(root, level.path, level.unified);
        if (limit < smallest) {
            smallest = limit;
            *ret_up = up;
        }
        up++;
    } while (go_up(&level));
    return smallest;
}

static void climb(struct cgroup_group *group, size_t levels)
{
    while (levels > 0 && group->reason == REASON_NONE && go_up(group))
        levels--;
}

static void rule_out_root_v1(struct cgroup_group *group, const char *path, bool limited)
{
    if (group->reason == REASON_NONE && !group->unified && strcmp(path, "/") == 0 && !limited)
        set_missing(group, REASON_ABSENT, root_has_no_limits);
}

/* file: "proc/self/cgroup" */
static int find_groups(const struct root *root, const char *file, struct cgroup_groups *ret_groups,
                       struct error *err)
{
    char text[16384];
    struct membership member;
    char paths[CGROUP_PARTS][PATH_MAX];
    size_t up;
    ssize_t length = root_read(root, file, text, sizeof(text), err);
    if (length < 0)
        return (int)length;
    struct cgroup_group *part = ret_groups->part;
    for (size_t i = 0; i < CGROUP_PARTS; i++) {
        member = (struct membership){.path = ""};
        find_group(root, text, part_names[i], &part[i], &member);
        str_copy(paths[i], sizeof(paths[i]), member.path);
    }
    ret_groups->memory_limit_bytes = smallest_limit(root, &part[CGROUP_MEMORY], level_memory, &up);
    ret_groups->quota_cores = smallest_limit(root, &part[CGROUP_CPU], level_quota, &up);
    bool same = part[CGROUP_CPU].unified == part[CGROUP_CPUACCT].unified &&
                strcmp(paths[CGROUP_CPU], paths[CGROUP_CPUACCT]) == 0;
    climb(&part[CGROUP_CPU], up);
    if (same)
        climb(&part[CGROUP_CPUACCT], up);
    bool has_quota = isfinite(ret_groups->quota_cores);
    rule_out_root_v1(&part[CGROUP_CPU], paths[CGROUP_CPU], has_quota);
    rule_out_root_v1(&part[CGROUP_CPUACCT], paths[CGROUP_CPUACCT], same && has_quota);
    rule_out_root_v1(&part[CGROUP_MEMORY], paths[CGROUP_MEMORY],
                     isfinite(ret_groups->memory_limit_bytes));
    /* The kernel gives the root group no such file. */
    rule_out_root_v1(&part[CGROUP_PIDS], paths[CGROUP_PIDS],
                     group_has(root, &part[CGROUP_PIDS], "pids.current"));
    return 0;
}

int cgroup_find(const struct root *root, struct cgroup_groups *ret_groups, struct error *err)
{
    return find_groups(root, "proc/self/cgroup", ret_groups, err);
}

int cgroup_find_of(const struct root *root, pid_t pid, struct cgroup_groups *ret_groups,
                   struct error *err)
{
    char file[64];
    snprintf(file, sizeof(file), "proc/%d/cgroup", (int)pid);
    return find_groups(root, file, ret_groups, err);
}
