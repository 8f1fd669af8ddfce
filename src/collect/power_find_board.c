/* power_find_board.c: batteries (power_supply class), and what a Raspberry Pi tells of its supply.
 *
 * A Pi measures no power, but knows when its supply drops below 4.63 V (hwmon rpi_volt) and why it
 * holds back its clock (get_throttled of the firmware's driver, in hexadecimal).
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "collect/hwmon.h"
#include "collect/power_internal.h"

struct board_search {
    const struct root *root;
    struct power_source *sources;
    size_t *count;
    bool has_flags;
};

static struct power_source *add_source(struct board_search *search, enum power_kind kind,
                                       const char *metric, const char *instance)
{
    if (*search->count == POWER_SOURCES_MAX)
        return NULL;
    struct power_source *source = &search->sources[(*search->count)++];
    memset(source, 0, sizeof(*source));
    source->kind = kind;
    source->metric = metric;
    str_copy(source->instance, sizeof(source->instance), instance);
    return source;
}

/* ---- batteries ---- */

static bool is_battery(const struct root *root, const char *folder)
{
    char path[400], text[64];
    snprintf(path, sizeof(path), "%s/type", folder);
    if (root_read_line(root, path, text, sizeof(text), NULL) <= 0 || strcmp(text, "Battery") != 0)
        return false;
    /* That of a mouse or a pen, not of the machine. */
    snprintf(path, sizeof(path), "%s/scope", folder);
    return root_read_line(root, path, text, sizeof(text), NULL) <= 0 || strcmp(text, "Device") != 0;
}

static int visit_supply(const char *name, void *context)
{
    struct board_search *search = context;
    char folder[320], power[400], volts[400], amperes[400];
    snprintf(folder, sizeof(folder), "sys/class/power_supply/%s", name);
    if (!is_battery(search->root, folder))
        return 0;
    snprintf(power, sizeof(power), "%s/power_now", folder);
    snprintf(volts, sizeof(volts), "%s/voltage_now", folder);
    snprintf(amperes, sizeof(amperes), "%s/current_now", folder);
    bool has_power = root_exists(search->root, power);
    if (!has_power && !(root_exists(search->root, volts) && root_exists(search->root, amperes)))
        return 0;
    struct power_source *source = add_source(search, POWER_BATTERY, NULL, name);
    if (!source)
        return 0;
    str_copy(source->path, sizeof(source->path), has_power ? power : volts);
    if (!has_power)
        str_copy(source->path2, sizeof(source->path2), amperes);
    snprintf(source->status_path, sizeof(source->status_path), "%s/status", folder);
    return 0;
}

/* ---- Raspberry Pi ---- */

static int add_under_voltage(const struct hwmon_file *file, void *context)
{
    struct board_search *search = context;
    if (strcmp(file->driver, "rpi_volt") != 0)
        return 0;
    struct power_source *source = add_source(search, POWER_FLAG, "under_voltage", "rpi_volt");
    if (source)
        str_copy(source->path, sizeof(source->path), file->path);
    return 0;
}

static int visit_firmware(const char *name, void *context)
{
    struct board_search *search = context;
    char path[400];
    /* soc/soc:firmware, on a Pi 5 soc@107c000000/soc@107c000000:firmware. */
    if (search->has_flags || !str_starts_with(name, "soc"))
        return 0;
    snprintf(path, sizeof(path), "sys/devices/platform/%.120s/%.120s:firmware/get_throttled", name,
             name);
    if (!root_exists(search->root, path))
        return 0;
    struct power_source *source =
        add_source(search, POWER_HEX_FLAGS, "soc_throttle_flags", "firmware");
    if (source)
        str_copy(source->path, sizeof(source->path), path);
    search->has_flags = true;
    return 0;
}

int power_find_board(const struct root *root, struct power_source *sources, size_t *count)
{
    struct board_search search = {.root = root, .sources = sources, .count = count};
    int rc = root_list(root, "sys/class/power_supply", visit_supply, &search, NULL);
    if (rc != -ERROR_NOMEM)
        rc = hwmon_each(root, "in", "_lcrit_alarm", add_under_voltage, &search, NULL);
    if (rc != -ERROR_NOMEM)
        rc = root_list(root, "sys/devices/platform", visit_firmware, &search, NULL);
    return rc == -ERROR_NOMEM ? rc : 0;
}
