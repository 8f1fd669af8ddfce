/* hwmon.c: see hwmon.h. */
#include "collect/hwmon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define HWMON_DIRECTORY "sys/class/hwmon"

struct hwmon_walk {
    const struct root *root;
    const char *kind, *suffix;
    int (*fn)(const struct hwmon_file *file, void *context);
    void *context;
    char device[300];
    char driver[64];
};

/* The number in "temp12_input" for "temp" and "_input", -1: it is another file. */
static int file_number(const struct hwmon_walk *walk, const char *name)
{
    size_t prefix = strlen(walk->kind);
    if (strncmp(name, walk->kind, prefix) != 0 || name[prefix] < '0' || name[prefix] > '9')
        return -1;
    char *end;
    long number = strtol(name + prefix, &end, 10);
    return strcmp(end, walk->suffix) == 0 && number < 1000 ? (int)number : -1;
}

static int visit_file(const char *name, void *context)
{
    struct hwmon_walk *walk = context;
    int number = file_number(walk, name);
    if (number < 0)
        return 0;
    char path[600], label[64] = "";
    snprintf(path, sizeof(path), "%s/%s%d_label", walk->device, walk->kind, number);
    if (root_read_line(walk->root, path, label, sizeof(label), NULL) < 0)
        label[0] = '\0';
    snprintf(path, sizeof(path), "%s/%s", walk->device, name);
    struct hwmon_file file = {path, walk->driver, label, walk->kind, number};
    return walk->fn(&file, walk->context);
}

static int visit_device(const char *name, void *context)
{
    struct hwmon_walk *walk = context;
    char path[400];
    if (!str_starts_with(name, "hwmon"))
        return 0;
    snprintf(walk->device, sizeof(walk->device), HWMON_DIRECTORY "/%s", name);
    snprintf(path, sizeof(path), "%s/name", walk->device);
    if (root_read_line(walk->root, path, walk->driver, sizeof(walk->driver), NULL) <= 0)
        return 0;
    int rc = root_list(walk->root, walk->device, visit_file, walk, NULL);
    /* A device that was unplugged meanwhile, or is hidden, is no reason to stop. */
    return rc == -ERROR_ABSENT || rc == -ERROR_DENIED ? 0 : rc;
}

int hwmon_each(const struct root *root, const char *kind, const char *suffix,
               int (*fn)(const struct hwmon_file *file, void *context), void *context,
               struct error *err)
{
    struct hwmon_walk walk = {
        .root = root, .kind = kind, .suffix = suffix, .fn = fn, .context = context};
    return root_list(root, HWMON_DIRECTORY, visit_device, &walk, err);
}

const char *hwmon_instance(const struct hwmon_file *file, char *buf, size_t size)
{
    if (file->label[0] != '\0')
        snprintf(buf, size, "%s/%s", file->driver, file->label);
    else
        snprintf(buf, size, "%s/%s%d", file->driver, file->kind, file->number);
    return buf;
}
