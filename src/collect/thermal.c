/* thermal.c: the collector `thermal`: temp_c of every thermal zone and hwmon temperature.
 *
 * Zones are named by their type. A zone of a unit that is powered off answers EAGAIN or -256 °C;
 * both, and everything else that no board can have, are missing values. PMIC zones that say 50 or
 * 100 °C for ever (Jetson) are dummies and left out. A hwmon device that the kernel made from a
 * zone (its name is the zone's type) is the same sensor and is left out.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "collect/collector.h"
#include "collect/hwmon.h"
#include "collect/sensor.h"

#define THERMAL_DIRECTORY "sys/class/thermal"
#define SENSORS_MAX 128
/* Outside of this no electronics works: -256 is "off", -45 and -51 are seen on TX2. */
#define TEMP_MIN_MILLI_C (-40000)
#define TEMP_MAX_MILLI_C 200000

struct thermal_sensor {
    int fd, channel;
};

struct thermal_state {
    struct thermal_sensor sensors[SENSORS_MAX];
    size_t count;
};

/* ---- finding ---- */

struct found_sensor {
    char path[600];
    char instance[160];
    bool is_zone;
    char type[64]; /* of a zone, as the kernel would name its hwmon device */
};

struct search {
    const struct root *root;
    struct found_sensor *found; /* SENSORS_MAX */
    size_t count;
};

static bool is_dummy(const char *type, int64_t milli_c)
{
    return strcasestr(type, "pmic") && (milli_c == 100000 || milli_c == 50000);
}

static int add_zone(const char *name, void *context)
{
    struct search *search = context;
    if (!str_starts_with(name, "thermal_zone") || search->count == SENSORS_MAX)
        return 0;
    struct found_sensor *sensor = &search->found[search->count];
    *sensor = (struct found_sensor){.is_zone = true};
    snprintf(sensor->path, sizeof(sensor->path), THERMAL_DIRECTORY "/%s/type", name);
    if (root_read_line(search->root, sensor->path, sensor->type, sizeof(sensor->type), NULL) <= 0)
        snprintf(sensor->type, sizeof(sensor->type), "%.63s", name + strlen("thermal_"));
    snprintf(sensor->instance, sizeof(sensor->instance), "%s", sensor->type);
    /* The kernel's thermal_hwmon makes the name of the hwmon device so. */
    for (char *at = sensor->type; (at = strchr(at, '-')) != NULL;)
        *at = '_';
    snprintf(sensor->path, sizeof(sensor->path), THERMAL_DIRECTORY "/%s/temp", name);
    int64_t milli_c;
    if (!root_exists(search->root, sensor->path) ||
        (root_read_i64(search->root, sensor->path, &milli_c, NULL) == 0 &&
         is_dummy(sensor->instance, milli_c)))
        return 0;
    search->count++;
    return 0;
}

static int add_hwmon(const struct hwmon_file *file, void *context)
{
    struct search *search = context;
    if (search->count == SENSORS_MAX)
        return 0;
    for (size_t i = 0; i < search->count; i++) {
        if (search->found[i].is_zone && strcmp(search->found[i].type, file->driver) == 0)
            return 0;
    }
    struct found_sensor *sensor = &search->found[search->count++];
    *sensor = (struct found_sensor){.is_zone = false};
    str_copy(sensor->path, sizeof(sensor->path), file->path);
    hwmon_instance(file, sensor->instance, sizeof(sensor->instance));
    return 0;
}

/* Returns 0 or -ERROR_NOMEM; found is the caller's to free. */
static int find_sensors(const struct root *root, struct found_sensor **ret_found, size_t *ret_count)
{
    struct search search = {.root = root, .found = calloc(SENSORS_MAX, sizeof(*search.found))};
    if (!search.found)
        return -ERROR_NOMEM;
    /* A directory that is not there, or hidden, only means that there is nothing in it. */
    int rc = root_list(root, THERMAL_DIRECTORY, add_zone, &search, NULL);
    if (rc != -ERROR_NOMEM)
        rc = hwmon_each(root, "temp", "_input", add_hwmon, &search, NULL);
    if (rc == -ERROR_NOMEM) {
        free(search.found);
        return rc;
    }
    *ret_found = search.found;
    *ret_count = search.count;
    return 0;
}

static void thermal_probe(const struct collect_env *env, struct probe_result *ret)
{
    struct found_sensor *found = NULL;
    size_t count = 0, zones = 0;
    *ret = (struct probe_result){.reason = REASON_NONE};
    if (find_sensors(env->root, &found, &count) < 0) {
        *ret = (struct probe_result){REASON_FAILED, "out of memory"};
        return;
    }
    for (size_t i = 0; i < count; i++)
        zones += found[i].is_zone;
    free(found);
    if (count > 0) {
        snprintf(ret->detail, sizeof(ret->detail), "%zu thermal zones, %zu hwmon temperatures",
                 zones, count - zones);
        return;
    }
    *ret = (struct probe_result){
        REASON_ABSENT, "no temperature in /sys/class/thermal or /sys/class/hwmon (virtual machines "
                       "and containers often have none)"};
}

/* ---- opening and sampling ---- */

static void thermal_close(void *state)
{
    struct thermal_state *thermal = state;
    if (!thermal)
        return;
    for (size_t i = 0; i < thermal->count; i++)
        close(thermal->sensors[i].fd);
    free(thermal);
}

static int open_sensor(const struct collect_env *env, struct channel_set *channels,
                       struct thermal_state *thermal, const struct found_sensor *found)
{
    char source[640];
    struct error err = {0};
    snprintf(source, sizeof(source), "/%s", found->path);
    int fd = sensor_open(env->root, found->path, NULL, NULL, &err);
    if (fd < 0) {
        int rc = channel_declare_missing(channels, "temp_c", found->instance, source,
                                         reason_from_error(err.code), err.message);
        return rc < 0 ? rc : 0;
    }
    int channel = channel_declare(channels, "temp_c", found->instance, source);
    if (channel < 0) {
        close(fd);
        return channel;
    }
    thermal->sensors[thermal->count++] = (struct thermal_sensor){fd, channel};
    return 0;
}

static int thermal_open(const struct collect_env *env, struct channel_set *channels,
                        void **ret_state, struct error *err)
{
    struct found_sensor *found = NULL;
    size_t count = 0;
    struct thermal_state *thermal = calloc(1, sizeof(*thermal));
    int rc = thermal ? find_sensors(env->root, &found, &count) : -ERROR_NOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = open_sensor(env, channels, thermal, &found[i]);
    free(found);
    if (rc == 0 && count == 0)
        rc = error_set(err, ERROR_ABSENT, "no temperature sensor");
    else if (rc < 0)
        error_set(err, rc, "cannot declare the columns of the collector 'thermal'");
    if (rc < 0) {
        thermal_close(thermal);
        return rc;
    }
    *ret_state = thermal;
    return 0;
}

static int thermal_sample(void *state, const struct collect_tick *tick, double *values)
{
    struct thermal_state *thermal = state;
    size_t failed = 0;
    for (size_t i = 0; i < thermal->count; i++) {
        int64_t milli_c;
        int rc = sensor_read_i64(thermal->sensors[i].fd, &milli_c);
        failed += rc < 0;
        if (rc == 0 && milli_c >= TEMP_MIN_MILLI_C && milli_c <= TEMP_MAX_MILLI_C)
            values[thermal->sensors[i].channel] = (double)milli_c / 1000.0;
    }
    return thermal->count > 0 && failed == thermal->count ? -ERROR_IO : 0;
}

const struct collector collector_thermal = {
    .name = "thermal",
    .summary = "temperatures of thermal zones and hwmon sensors",
    .cost_ns = 20000, /* 2.5 us for 7 plain files; a sensor behind firmware or a bus adds its own */
    .min_interval_ns = 100 * NS_PER_MS,
    .probe = thermal_probe,
    .open = thermal_open,
    .sample = thermal_sample,
    .close = thermal_close,
};
