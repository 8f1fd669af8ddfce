/* hwmon.h: what is below /sys/class/hwmon, as a list of files
 * (Documentation/hwmon/sysfs-interface).
 *
 * What: devices are numbered anew at every boot, so everything is known by the driver's name and
 *       the channel's label, never by hwmonN. Memory: caller's. Threads: any. Errors: a missing
 *       directory is -ERROR_ABSENT; devices without a name are left out.
 */
#ifndef TACHO_COLLECT_HWMON_H
#define TACHO_COLLECT_HWMON_H

#include "base/file.h"

struct hwmon_file {
    const char *path;   /* "sys/class/hwmon/hwmon3/temp1_input", without leading '/' */
    const char *driver; /* "coretemp" */
    const char *label;  /* "Core 0"; "" if the channel has none */
    const char *kind;   /* "temp", "power", "in" */
    int number;         /* 1 */
};

/* Calls fn for every file KIND<number><suffix> ("temp", "_input") of every device. A non-zero
 * return ends the walk and is returned. */
int hwmon_each(const struct root *root, const char *kind, const char *suffix,
               int (*fn)(const struct hwmon_file *file, void *context), void *context,
               struct error *err);
/* "coretemp/Core 0", or "nvme/temp1" without a label. */
const char *hwmon_instance(const struct hwmon_file *file, char *buf, size_t size);

#endif
