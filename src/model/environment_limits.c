/* environment_limits.c: what stands between a process and the whole machine: containers, virtual
 * machines, cgroup limits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "model/cgroup.h"
#include "model/environment.h"
#include "model/environment_parts.h"

/* ---- cgroups ---- */

static void limit_fact(struct facts *facts, const char *key, double value, const char *source)
{
    if (isinf(value))
        facts_null(facts, key, REASON_ABSENT, source);
    else
        facts_number(facts, key, value, source);
}

static void read_cgroup_limits(const struct root *root, struct facts *facts)
{
    struct cgroup_groups groups;
    int rc = cgroup_find(root, &groups, NULL);
    if (rc < 0) {
        environment_null(facts, "cpu_quota_cores", rc, "/proc/self/cgroup");
        environment_null(facts, "mem_limit_mb", rc, "/proc/self/cgroup");
        return;
    }
    limit_fact(facts, "cpu_quota_cores", groups.quota_cores,
               groups.part[CGROUP_CPU].unified ? "cpu.max" : "cpu.cfs_quota_us");
    limit_fact(facts, "mem_limit_mb", groups.memory_limit_bytes / 1048576,
               groups.part[CGROUP_MEMORY].unified ? "memory.max" : "memory.limit_in_bytes");
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
