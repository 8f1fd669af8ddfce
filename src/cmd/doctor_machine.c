/* doctor_machine.c: processor, clocks, memory, and what limits them here. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/unit.h"
#include "base/util.h"
#include "cmd/doctor_checks.h"

/* A fact as people read it; buf of at least 64 bytes. NULL: it is null or not there. */
static const char *fact_text(const struct checks *checks, const char *key, char *buf, size_t size)
{
    const struct fact *fact = facts_get(checks->environment, key);
    if (!fact)
        return NULL;
    switch (fact->kind) {
    case FACT_TEXT:
        str_copy(buf, size, fact->text);
        return buf;
    case FACT_NUMBER:
        return unit_format_number(fact->number, 4, buf, size);
    case FACT_INTEGER:
        snprintf(buf, size, "%lld", (long long)fact->integer);
        return buf;
    case FACT_BOOL:
        str_copy(buf, size, fact->integer ? "yes" : "no");
        return buf;
    case FACT_LIST: {
        size_t used = 0;
        buf[0] = '\0';
        for (size_t i = 0; i < fact->list_count && used < size; i++) {
            int length = snprintf(buf + used, size - used, "%s%s", i ? ", " : "", fact->list[i]);
            used += length > 0 ? (size_t)length : 0;
        }
        return buf;
    }
    default:
        return NULL;
    }
}

static void check_cpu(struct checks *checks)
{
    char model[160], online[160], allowed[160], mhz[160];
    const char *cpu = fact_text(checks, "cpu_model", model, sizeof(model));
    const char *clock = fact_text(checks, "cpu_mhz", mhz, sizeof(mhz));
    check_add(checks, "machine", "cpu", CHECK_OK, "%s%s%s%s", cpu ? cpu : "model unknown",
              clock ? ", " : "", clock ? clock : "", clock ? " MHz" : "");
    const char *on = fact_text(checks, "cpus_online", online, sizeof(online));
    const char *may = fact_text(checks, "cpus_allowed", allowed, sizeof(allowed));
    bool is_less = on && may && strcmp(on, may) != 0;
    struct check *check =
        check_add(checks, "machine", "cores", is_less ? CHECK_NOTE : CHECK_OK,
                  "online %s, allowed for tacho %s", on ? on : "unknown", may ? may : "unknown");
    if (is_less)
        check_advise(check, "an affinity mask or cpuset keeps programs off the other cores");
}

static void check_clocks(struct checks *checks)
{
    char governor[160], source[64];
    const char *text = fact_text(checks, "governor", governor, sizeof(governor));
    if (!text) {
        check_add(checks, "machine", "governor", CHECK_OK,
                  "none visible: the clock is not for this system to set");
    } else if (strstr(text, "performance")) {
        check_add(checks, "machine", "governor", CHECK_OK, "%s", text);
    } else {
        struct check *check = check_add(checks, "machine", "governor", CHECK_NOTE,
                                        "%s: the clock follows the load, so times vary", text);
        check_advise(check, "for steadier times: sudo cpupower frequency-set -g performance");
    }
    static const char path[] = "sys/devices/system/clocksource/clocksource0/current_clocksource";
    struct error err = {0};
    if (root_read_line(checks->root, path, source, sizeof(source), &err) < 0) {
        check_add(checks, "machine", "clock source", CHECK_NOTE, "cannot be read: %s", err.message);
        return;
    }
    bool is_fast = str_starts_with(source, "tsc") || strstr(source, "arch_sys") ||
                   str_starts_with(source, "kvm-clock") || strstr(source, "riscv") ||
                   strstr(source, "hyperv");
    struct check *check =
        check_add(checks, "machine", "clock source", is_fast ? CHECK_OK : CHECK_NOTE, "%s", source);
    if (!is_fast)
        check_advise(check, "reading this clock is a system call: very short times carry more of "
                            "tacho's own cost");
}

/* One "Name:   123 kB" line of /proc/meminfo in bytes; NaN: not there. */
static double meminfo_bytes(const char *text, const char *name)
{
    const char *line = strstr(text, name);
    unsigned long long kib;
    if (!line || sscanf(line + strlen(name), ": %llu kB", &kib) != 1)
        return NAN;
    return (double)kib * 1024;
}

static void check_memory(struct checks *checks)
{
    char text[8192], available[32], total[32];
    struct error err = {0};
    if (root_read(checks->root, "proc/meminfo", text, sizeof(text), &err) < 0) {
        check_add(checks, "machine", "memory", CHECK_BLOCKED, "/proc/meminfo: %s", err.message);
        return;
    }
    double free_bytes = meminfo_bytes(text, "MemAvailable");
    double total_bytes = meminfo_bytes(text, "MemTotal");
    if (isnan(free_bytes) || isnan(total_bytes)) {
        check_add(checks, "machine", "memory", CHECK_NOTE, "/proc/meminfo does not say");
        return;
    }
    unit_format_bytes(free_bytes, available, sizeof(available));
    unit_format_bytes(total_bytes, total, sizeof(total));
    bool is_low = free_bytes < 0.1 * total_bytes;
    struct check *check = check_add(checks, "machine", "memory", is_low ? CHECK_NOTE : CHECK_OK,
                                    "%s of %s available", available, total);
    if (is_low)
        check_advise(check, "a program that has to wait for memory is measured waiting");
}

void check_machine(struct checks *checks)
{
    char system[160], kernel[160], mode[160];
    const char *os = fact_text(checks, "os", system, sizeof(system));
    const char *version = fact_text(checks, "kernel", kernel, sizeof(kernel));
    check_add(checks, "machine", "system", CHECK_OK, "%s, kernel %s", os ? os : "unknown",
              version ? version : "unknown");
    check_cpu(checks);
    check_clocks(checks);
    const char *power = fact_text(checks, "power_mode", mode, sizeof(mode));
    if (power)
        check_add(checks, "machine", "power mode", CHECK_OK, "%s", power);
    check_memory(checks);
}

void check_limits(struct checks *checks)
{
    char kind[160], quota[160], memory[160];
    const char *container = fact_text(checks, "container", kind, sizeof(kind));
    if (container && strcmp(container, "no") != 0 && strcmp(container, "none") != 0)
        check_add(checks, "limits", "container", CHECK_NOTE, "%s", container);
    else
        check_add(checks, "limits", "container", CHECK_OK, "none recognised");
    const char *cores = fact_text(checks, "cpu_quota_cores", quota, sizeof(quota));
    if (cores)
        check_advise(check_add(checks, "limits", "cpu quota", CHECK_NOTE, "%s cores", cores),
                     "the cgroup stops programs that use more, in steps of its period");
    const char *limit = fact_text(checks, "mem_limit_mb", memory, sizeof(memory));
    if (limit)
        check_add(checks, "limits", "memory limit", CHECK_NOTE, "%s MB", limit);
    const char *hypervisor = fact_text(checks, "virtualization", kind, sizeof(kind));
    bool is_virtual =
        hypervisor && strcmp(hypervisor, "none") != 0 && strcmp(hypervisor, "no") != 0;
    if (is_virtual)
        check_add(checks, "limits", "virtual machine", CHECK_NOTE,
                  "%s: other guests share the hardware, and counters and sensors may be hidden",
                  hypervisor);
    const struct fact *wsl = facts_get(checks->environment, "wsl");
    if (wsl && wsl->kind != FACT_NULL && !(wsl->kind == FACT_BOOL && !wsl->integer))
        check_add(checks, "limits", "WSL2", CHECK_NOTE,
                  "Windows Subsystem for Linux: no sensors, and times include Windows' own work");
}
