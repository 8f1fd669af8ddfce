/* cores.c: see cores.h. */
#include "workload/cores.h"

#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "base/unit.h"
#include "base/util.h"

const char *cores_format(const cpu_set_t *cores, char *buf, size_t size)
{
    uint64_t numbers[CPU_SETSIZE];
    size_t count = 0;
    for (uint64_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, cores))
            numbers[count++] = cpu;
    return unit_format_list(numbers, count, buf, size);
}

static bool core_exists(uint64_t cpu)
{
    char path[64];
    struct root root;
    if (root_open(&root, "/", NULL) != 0)
        return true; /* then the other message is the true one */
    snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%u", (unsigned)cpu);
    bool exists = !root_exists(&root, "sys/devices/system/cpu") || root_exists(&root, path);
    root_close(&root);
    return exists;
}

int cores_load(const struct settings *settings, cpu_set_t *ret_cores, bool *ret_asked,
               struct error *err)
{
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return error_set_errno(err, ERROR_SYSTEM, errno, "cannot read tacho's own cores");
    const char *text = settings_get_text(settings, SETTING_CORES);
    *ret_asked = text != NULL;
    *ret_cores = allowed;
    if (text == NULL)
        return 0;
    cpu_set_t wanted;
    uint64_t cores[CPU_SETSIZE];
    size_t count = 0;
    struct error detail = {0};
    int rc = unit_parse_list(text, CPU_SETSIZE - 1, cores, ARRAY_LEN(cores), &count, &detail);
    if (rc != 0) {
        error_set(err, ERROR_USAGE, "--cores: %s", detail.message);
        error_hint(err, "%s", detail.hint);
        return -ERROR_USAGE;
    }
    CPU_ZERO(&wanted);
    for (size_t i = 0; i < count; i++) {
        if (!CPU_ISSET(cores[i], &allowed)) {
            char list[256];
            error_set(err, ERROR_ABSENT, "--cores %s: core %u %s", text, (unsigned)cores[i],
                      core_exists(cores[i]) ? "is offline, or not allowed to this process"
                                            : "does not exist here");
            error_hint(err, "these can be used: %s", cores_format(&allowed, list, sizeof(list)));
            return -ERROR_ABSENT;
        }
        CPU_SET(cores[i], &wanted);
    }
    *ret_cores = wanted;
    return 0;
}
