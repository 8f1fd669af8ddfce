/* environment_limits.c: what stands between a process and the whole machine: containers, virtual
 * machines, cgroup limits.
 *
 * A cgroup's limit is the smallest among itself and its ancestors. Version 2 has all controllers in
 * one tree; version 1 one tree per controller. Inside a container the path in /proc/self/cgroup may
 * be one of the host's that is not mounted here, so levels that do not exist are stepped over.
 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "model/environment_parts.h"

/* ---- cgroups ---- */

struct cgroup_paths {
    char unified[1024]; /* version 2; "": not in one */
    char cpu[1024], memory[1024];
    bool has_unified, has_cpu, has_memory;
};

/* A path that leads out of the cgroup namespace says nothing about what is mounted here. */
static void keep_path(char *dst, size_t size, const char *path)
{
    bool outside = strstr(path, "/..") != NULL;
    if (outside || !str_copy(dst, size, path) || strcmp(dst, "/") == 0)
        dst[0] = '\0';
}

static bool has_controller(char *controllers, const char *wanted)
{
    char *rest = NULL;
    for (char *name = strtok_r(controllers, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        if (strcmp(name, wanted) == 0)
            return true;
    }
    return false;
}

/* "4:cpu,cpuacct:/user.slice", "0::/user.slice" */
static int cgroup_line(char *line, void *context)
{
    struct cgroup_paths *paths = context;
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return 0;
    controllers++;
    *path++ = '\0';
    char copy[256];
    str_copy(copy, sizeof(copy), controllers);
    if (!*controllers) {
        paths->has_unified = true;
        keep_path(paths->unified, sizeof(paths->unified), path);
    } else if (has_controller(copy, "cpu")) {
        paths->has_cpu = true;
        keep_path(paths->cpu, sizeof(paths->cpu), path);
    } else if (str_copy(copy, sizeof(copy), controllers) && has_controller(copy, "memory")) {
        paths->has_memory = true;
        keep_path(paths->memory, sizeof(paths->memory), path);
    }
    return 0;
}

/* One level's limit, INFINITY where it sets none. */
typedef double level_fn(const struct root *root, const char *directory);

/* The smallest limit from the group up to the root of its tree. */
static double smallest_limit(const struct root *root, const char *mount, const char *group,
                             level_fn *limit_of)
{
    char directory[PATH_MAX];
    snprintf(directory, sizeof(directory), "%s%s", mount, group);
    size_t mount_length = strlen(mount);
    double smallest = INFINITY;
    for (;;) {
        smallest = fmin(smallest, limit_of(root, directory));
        char *slash = strrchr(directory, '/');
        if (!slash || (size_t)(slash - directory) < mount_length)
            return smallest;
        *slash = '\0';
    }
}

static double cpu_max_v2(const struct root *root, const char *directory)
{
    char path[PATH_MAX + 32], text[128];
    double quota, period;
    snprintf(path, sizeof(path), "%s/cpu.max", directory);
    if (root_read_line(root, path, text, sizeof(text), NULL) < 0 ||
        sscanf(text, "%lf %lf", &quota, &period) != 2 || !(period > 0))
        return INFINITY; /* "max 100000" is none, too */
    return quota / period;
}

static double cpu_quota_v1(const struct root *root, const char *directory)
{
    char path[PATH_MAX + 32];
    int64_t quota, period;
    snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", directory);
    if (root_read_i64(root, path, &quota, NULL) < 0 || quota <= 0)
        return INFINITY; /* -1 is none */
    snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", directory);
    if (root_read_i64(root, path, &period, NULL) < 0 || period <= 0)
        return INFINITY;
    return (double)quota / (double)period;
}

static double memory_bytes(const struct root *root, const char *directory, const char *file)
{
    char path[PATH_MAX + 32];
    int64_t bytes;
    snprintf(path, sizeof(path), "%s/%s", directory, file);
    /* "max", or what version 1 writes for none: the largest page-aligned number. */
    if (root_read_i64(root, path, &bytes, NULL) < 0 || bytes >= INT64_MAX / 2)
        return INFINITY;
    return (double)bytes;
}

static double memory_max_v2(const struct root *root, const char *directory)
{
    return memory_bytes(root, directory, "memory.max");
}

static double memory_limit_v1(const struct root *root, const char *directory)
{
    return memory_bytes(root, directory, "memory.limit_in_bytes");
}

static double first_mount_limit(const struct root *root, const char *const *mounts, size_t count,
                                const char *group, level_fn *limit_of)
{
    for (size_t i = 0; i < count; i++) {
        if (root_exists(root, mounts[i]))
            return smallest_limit(root, mounts[i], group, limit_of);
    }
    return INFINITY;
}

static void limit_fact(struct facts *facts, const char *key, double value, const char *source)
{
    if (isinf(value))
        facts_null(facts, key, REASON_ABSENT, source);
    else
        facts_number(facts, key, value, source);
}

static void read_cgroup_limits(const struct root *root, struct facts *facts)
{
    static const char *const cpu_mounts[] = {"sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"};
    static const char *const memory_mounts[] = {"sys/fs/cgroup/memory"};
    struct cgroup_paths paths = {0};
    int rc = environment_lines(root, "proc/self/cgroup", cgroup_line, &paths);
    if (rc < 0) {
        environment_null(facts, "cpu_quota_cores", rc, "/proc/self/cgroup");
        environment_null(facts, "mem_limit_mb", rc, "/proc/self/cgroup");
        return;
    }
    double cores = INFINITY, bytes = INFINITY;
    const char *cpu_source = "cpu.max", *memory_source = "memory.max";
    if (paths.has_unified) {
        cores = smallest_limit(root, "sys/fs/cgroup", paths.unified, cpu_max_v2);
        bytes = smallest_limit(root, "sys/fs/cgroup", paths.unified, memory_max_v2);
    }
    if (paths.has_cpu) {
        cores = first_mount_limit(root, cpu_mounts, ARRAY_LEN(cpu_mounts), paths.cpu, cpu_quota_v1);
        cpu_source = "cpu.cfs_quota_us";
    }
    if (paths.has_memory) {
        bytes = first_mount_limit(root, memory_mounts, ARRAY_LEN(memory_mounts), paths.memory,
                                  memory_limit_v1);
        memory_source = "memory.limit_in_bytes";
    }
    limit_fact(facts, "cpu_quota_cores", cores, cpu_source);
    limit_fact(facts, "mem_limit_mb", bytes / 1048576, memory_source);
}

/* ---- containers ---- */

struct container_hint {
    const char *kind;
};

/* The cgroup of process 1 names the engine on version 1; on version 2 it is mostly "/". */
static int container_line(char *line, void *context)
{
    static const struct {
        const char *text, *kind;
    } hints[] = {
        {"kubepods", "kubernetes"},   {"docker", "docker"}, {"libpod", "podman"},
        {"containerd", "containerd"}, {"/lxc", "lxc"},
    };
    struct container_hint *hint = context;
    for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
        if (strstr(line, hints[i].text)) {
            hint->kind = hints[i].kind;
            return 1;
        }
    }
    return 0;
}

static void read_container(const struct root *root, struct facts *facts)
{
    char text[64];
    struct container_hint hint = {NULL};
    if (root_exists(root, "run/.containerenv")) {
        facts_text(facts, "container", "podman", "/run/.containerenv");
    } else if (root_exists(root, ".dockerenv")) {
        facts_text(facts, "container", "docker", "/.dockerenv");
    } else if (root_read_line(root, "run/systemd/container", text, sizeof(text), NULL) > 0) {
        str_make_printable(text); /* "lxc", "systemd-nspawn", … as systemd found */
        facts_text(facts, "container", text, "/run/systemd/container");
    } else {
        environment_lines(root, "proc/1/cgroup", container_line, &hint);
        facts_text(facts, "container", hint.kind ? hint.kind : "none", "/proc/1/cgroup");
    }
}

/* ---- virtual machines ---- */

struct flags {
    bool has_flags; /* only x86 lists them under this name */
    bool hypervisor;
};

static int flags_line(char *line, void *context)
{
    struct flags *flags = context;
    if (!str_starts_with(line, "flags"))
        return 0;
    flags->has_flags = true;
    const char *found = strstr(line, " hypervisor");
    flags->hypervisor = found && (found[11] == ' ' || found[11] == '\0');
    return 1;
}

/* Which kind of machine the firmware says it is; NULL: a real one, or it does not say. */
static const char *vendor_of_vm(const struct root *root)
{
    static const struct {
        const char *text, *kind;
    } vendors[] = {
        {"QEMU", "qemu"},
        {"KVM", "kvm"},
        {"VMware", "vmware"},
        {"innotek", "virtualbox"},
        {"Xen", "xen"},
        {"Google Compute", "google"},
        {"Amazon EC2", "amazon"},
        {"Bochs", "bochs"},
        {"Parallels", "parallels"},
        {"Virtual Machine", "hyper-v"},
    };
    static const char *const paths[] = {"sys/class/dmi/id/product_name",
                                        "sys/class/dmi/id/sys_vendor"};
    char text[128];
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (root_read_line(root, paths[i], text, sizeof(text), NULL) <= 0)
            continue;
        for (size_t j = 0; j < ARRAY_LEN(vendors); j++) {
            if (strstr(text, vendors[j].text))
                return vendors[j].kind;
        }
    }
    return NULL;
}

static void read_virtualization(const struct root *root, struct facts *facts)
{
    char release[256];
    if (root_read_line(root, "proc/sys/kernel/osrelease", release, sizeof(release), NULL) > 0 &&
        strcasestr(release, "microsoft")) {
        facts_text(facts, "virtualization", strcasestr(release, "wsl2") ? "wsl2" : "wsl",
                   "/proc/sys/kernel/osrelease");
        return;
    }
    const char *vendor = vendor_of_vm(root);
    struct flags flags = {0};
    int rc = environment_lines(root, "proc/cpuinfo", flags_line, &flags);
    if (vendor)
        facts_text(facts, "virtualization", vendor, "/sys/class/dmi/id");
    else if (flags.has_flags)
        facts_text(facts, "virtualization", flags.hypervisor ? "vm" : "none", "/proc/cpuinfo");
    else if (rc < 0)
        environment_null(facts, "virtualization", rc, "/proc/cpuinfo");
    else
        facts_null(facts, "virtualization", REASON_UNSUPPORTED, "/proc/cpuinfo");
}

void environment_limits(const struct root *root, struct facts *facts)
{
    read_container(root, facts);
    read_virtualization(root, facts);
    read_cgroup_limits(root, facts);
}
