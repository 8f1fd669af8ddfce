/* collectors.c: THE table of collectors. To add one: one declaration and one row. */
#include "collect/collector.h"

#include <string.h>

extern const struct collector collector_proc;
extern const struct collector collector_cgroup;
extern const struct collector collector_thermal;
extern const struct collector collector_power;
extern const struct collector collector_nvml;
extern const struct collector collector_tegra;
extern const struct collector collector_probe;
extern const struct collector collector_synthetic;

const struct collector *const collectors[] = {
    &collector_proc,  &collector_cgroup,    &collector_thermal,
    &collector_power, &collector_nvml,      &collector_tegra,
    &collector_probe, &collector_synthetic, NULL,
};

const struct collector *collector_find(const char *name)
{
    for (size_t i = 0; collectors[i]; i++) {
        if (strcmp(collectors[i]->name, name) == 0 ||
            (collectors[i]->alias && strcmp(collectors[i]->alias, name) == 0))
            return collectors[i];
    }
    return NULL;
}
