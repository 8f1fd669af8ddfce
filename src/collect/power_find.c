/* power_find.c: which power sensors there are, and which of them make the machine's total.
 *
 * Sources: powercap RAPL zones; hwmon powerN_input (powerN_average where there is no input); the
 * INA3221 of Jetson boards, as hwmon volts and amperes (JetPack 5 and later) or as iio milliwatts
 * (JetPack 4). Rails labelled NC are not connected; of the INA3221's channels only 1 to 3 are
 * rails, the ones above are shunt voltages and their sum.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "collect/hwmon.h"
#include "collect/power_internal.h"

#define INA3221_RAILS 3

struct search {
    const struct root *root;
    struct power_source *sources;
    size_t count;
    bool want_average; /* second pass over hwmon: only where the first found no input */
    char iio[320];
};

static struct power_source *add_source(struct search *search, enum power_kind kind)
{
    if (search->count == POWER_SOURCES_MAX)
        return NULL;
    struct power_source *source = &search->sources[search->count++];
    memset(source, 0, sizeof(*source));
    source->kind = kind;
    return source;
}

/* ---- RAPL ---- */

/* "package-0", "package-0/core": the name of a part is that of its parent zone and its own. */
static void rapl_instance(const struct root *root, const char *zone, char *buf, size_t size)
{
    char path[400], name[64], parent[300], parent_name[64];
    snprintf(path, sizeof(path), "sys/class/powercap/%s/name", zone);
    if (root_read_line(root, path, name, sizeof(name), NULL) <= 0)
        snprintf(name, sizeof(name), "%.63s", zone);
    str_copy(parent, sizeof(parent), zone);
    char *last = strrchr(parent, ':');
    if (last && strchr(parent, ':') != last) {
        *last = '\0';
        snprintf(path, sizeof(path), "sys/class/powercap/%s/name", parent);
        if (root_read_line(root, path, parent_name, sizeof(parent_name), NULL) > 0) {
            snprintf(buf, size, "%s/%s", parent_name, name);
            return;
        }
    }
    snprintf(buf, size, "%s", name);
}

/* Only "intel-rapl:0" and "intel-rapl:0:1" (AMD's zones have these names too). The zones of
 * intel-rapl-mmio are the same packages once more, through another door. */
static int add_rapl(const char *zone, void *context)
{
    struct search *search = context;
    char path[400];
    static const char prefix[] = "intel-rapl:";
    if (!str_starts_with(zone, prefix) || !isdigit((unsigned char)zone[strlen(prefix)]))
        return 0;
    snprintf(path, sizeof(path), "sys/class/powercap/%s/energy_uj", zone);
    if (!root_exists(search->root, path))
        return 0;
    struct power_source *source = add_source(search, POWER_RAPL);
    if (!source)
        return 0;
    str_copy(source->path, sizeof(source->path), path);
    snprintf(source->path2, sizeof(source->path2), "sys/class/powercap/%s/max_energy_range_uj",
             zone);
    rapl_instance(search->root, zone, source->instance, sizeof(source->instance));
    return 0;
}

/* ---- hwmon ---- */

static int add_hwmon_power(const struct hwmon_file *file, void *context)
{
    struct search *search = context;
    char path[600];
    str_copy(path, sizeof(path), file->path);
    char *suffix = strrchr(path, '_');
    if (search->want_average && suffix) {
        snprintf(suffix, sizeof(path) - (size_t)(suffix - path), "_input");
        if (root_exists(search->root, path))
            return 0;
    }
    struct power_source *source = add_source(search, POWER_MICROWATT);
    if (!source)
        return 0;
    str_copy(source->path, sizeof(source->path), file->path);
    hwmon_instance(file, source->instance, sizeof(source->instance));
    return 0;
}

static int add_ina3221_rail(const struct hwmon_file *file, void *context)
{
    struct search *search = context;
    if (strcmp(file->driver, "ina3221") != 0 || file->number < 1 || file->number > INA3221_RAILS ||
        strcmp(file->label, "NC") == 0)
        return 0;
    const char *name = strrchr(file->path, '/');
    char current[600];
    snprintf(current, sizeof(current), "%.*s/curr%d_input", (int)(name - file->path), file->path,
             file->number);
    if (!root_exists(search->root, current))
        return 0;
    struct power_source *source = add_source(search, POWER_VOLT_TIMES_AMPS);
    if (!source)
        return 0;
    str_copy(source->path, sizeof(source->path), file->path);
    str_copy(source->path2, sizeof(source->path2), current);
    source->on_board_rail = file->label[0] != '\0';
    if (source->on_board_rail)
        str_copy(source->instance, sizeof(source->instance), file->label);
    else
        hwmon_instance(file, source->instance, sizeof(source->instance));
    return 0;
}

/* ---- iio of JetPack 4 ---- */

static int add_iio_rail(const char *name, void *context)
{
    struct search *search = context;
    static const char prefix[] = "rail_name_";
    char path[600], label[64];
    if (!str_starts_with(name, prefix) || !isdigit((unsigned char)name[strlen(prefix)]))
        return 0;
    snprintf(path, sizeof(path), "%s/%s", search->iio, name);
    if (root_read_line(search->root, path, label, sizeof(label), NULL) <= 0 ||
        strcmp(label, "NC") == 0)
        return 0;
    snprintf(path, sizeof(path), "%s/in_power%.8s_input", search->iio, name + strlen(prefix));
    if (!root_exists(search->root, path))
        return 0;
    struct power_source *source = add_source(search, POWER_MILLIWATT);
    if (!source)
        return 0;
    source->on_board_rail = true;
    str_copy(source->path, sizeof(source->path), path);
    str_copy(source->instance, sizeof(source->instance), label);
    return 0;
}

static int visit_iio_device(const char *name, void *context)
{
    struct search *search = context;
    snprintf(search->iio, sizeof(search->iio), "sys/bus/iio/devices/%s", name);
    int rc = root_list(search->root, search->iio, add_iio_rail, search, NULL);
    return rc == -ERROR_NOMEM ? rc : 0;
}

int power_find(const struct root *root, struct power_source *sources, size_t *ret_count)
{
    struct search search = {.root = root, .sources = sources};
    /* A directory that is not there, or hidden, only means that there is nothing in it. */
    int rc = root_list(root, "sys/class/powercap", add_rapl, &search, NULL);
    if (rc != -ERROR_NOMEM)
        rc = hwmon_each(root, "power", "_input", add_hwmon_power, &search, NULL);
    search.want_average = true;
    if (rc != -ERROR_NOMEM)
        rc = hwmon_each(root, "power", "_average", add_hwmon_power, &search, NULL);
    if (rc != -ERROR_NOMEM)
        rc = hwmon_each(root, "in", "_input", add_ina3221_rail, &search, NULL);
    if (rc != -ERROR_NOMEM)
        rc = root_list(root, "sys/bus/iio/devices", visit_iio_device, &search, NULL);
    if (rc != -ERROR_NOMEM)
        rc = power_find_board(root, sources, &search.count);
    if (rc == -ERROR_NOMEM)
        return rc;
    *ret_count = search.count;
    return 0;
}

/* ---- the total ---- */

static bool is_any_of(const char *name, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

static void count_in(struct power_total *total, size_t source)
{
    total->counts[source] = true;
    total->count++;
}

/* Boards whose input is measured: that rail. AGX boards, known by their 5 V rail, measure no input:
 * the sum of their rails, but for VDDQ…, which the 5 V rail feeds. */
static void find_board_total(const struct power_source *sources, size_t count,
                             struct power_total *total)
{
    static const char *const input[] = {"VDD_IN", "POM_5V_IN", "VIN", NULL};
    static const char *const rail_5v[] = {"VIN_SYS_5V0", "SYS5V", NULL};
    bool is_agx = false;
    for (size_t i = 0; i < count; i++) {
        if (sources[i].on_board_rail && is_any_of(sources[i].instance, input)) {
            count_in(total, i);
            return;
        }
        is_agx |= sources[i].on_board_rail && is_any_of(sources[i].instance, rail_5v);
    }
    for (size_t i = 0; is_agx && i < count; i++) {
        if (sources[i].on_board_rail && !str_starts_with(sources[i].instance, "VDDQ"))
            count_in(total, i);
    }
}

void power_find_total(const struct power_source *sources, size_t count, struct power_total *ret)
{
    *ret = (struct power_total){.count = 0};
    find_board_total(sources, count, ret);
    /* x86: psys is the whole platform, ACPI's power meter the whole computer. Packages are not. */
    for (size_t i = 0; ret->count == 0 && i < count; i++) {
        if ((sources[i].kind == POWER_RAPL && strcmp(sources[i].instance, "psys") == 0) ||
            (sources[i].kind == POWER_MICROWATT &&
             str_starts_with(sources[i].instance, "power_meter/")))
            count_in(ret, i);
    }
}
