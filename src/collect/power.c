/* power.c: the collector `power`: power_w of RAPL zones, hwmon sensors, board rails and batteries,
 * energy_j of the RAPL zones, power_w of "total" where something measures the whole machine, and
 * the flags with which a Raspberry Pi says that its supply is too weak.
 *
 * RAPL counts microjoules and wraps at max_energy_range_uj (262 kJ: 44 min at 100 W): power is what
 * was counted since the last sample over the time between, so its mean is exact. The INA3221 gives
 * volts and amperes of the same conversion: power is their product. Since kernel 5.10 RAPL's
 * counters are for root only. A battery's power is what it delivers, negative while it is charged;
 * it is the whole machine's only off the mains, so it makes no total.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "collect/power_internal.h"
#include "collect/sensor.h"

#define TOTAL_INSTANCE "total"
/* Above this a counter did not wrap but start anew (a machine that slept). */
#define RAPL_MAX_W 5000.0
#define RAPL_HINT                                                                                  \
    "energy_uj is for root only: run as root, or let a udev rule make it readable "                \
    "(chmod a+r /sys/class/powercap/*/energy_uj)"

struct power_reader {
    enum power_kind kind;
    int fd, fd2, status_fd;      /* -1: none */
    int channel, energy_channel; /* -1: none */
    bool in_total;
    int64_t last_uj, range_uj;
    uint64_t last_ns; /* 0: no reading yet */
    double energy_uj; /* since open */
};

struct power_state {
    struct power_reader readers[POWER_SOURCES_MAX];
    size_t count;
    int total_channel; /* -1: none */
};

static bool is_denied(const struct root *root, const struct power_source *source)
{
    struct error err = {0};
    int fd = root_open_file(root, source->path, &err);
    if (fd >= 0)
        close(fd);
    return fd == -ERROR_DENIED;
}

static void power_probe(const struct collect_env *env, struct probe_result *ret)
{
    struct power_source *sources = calloc(POWER_SOURCES_MAX, sizeof(*sources));
    *ret = (struct probe_result){.reason = REASON_NONE};
    size_t count = 0, denied = 0;
    if (!sources || power_find(env->root, sources, &count) < 0) {
        *ret = (struct probe_result){REASON_FAILED, "out of memory"};
        free(sources);
        return;
    }
    for (size_t i = 0; i < count; i++)
        denied += is_denied(env->root, &sources[i]);
    if (count == 0)
        *ret = (struct probe_result){
            REASON_ABSENT, "no power sensor: no RAPL, no hwmon power, no INA3221, no battery "
                           "(virtual machines have none; a Raspberry Pi measures none)"};
    else if (denied == count)
        *ret = (struct probe_result){REASON_DENIED, RAPL_HINT};
    else
        snprintf(ret->detail, sizeof(ret->detail), "%zu sensors, %zu of them denied", count,
                 denied);
    free(sources);
}

/* ---- opening ---- */

static void power_close(void *state)
{
    struct power_state *power = state;
    if (!power)
        return;
    for (size_t i = 0; i < power->count; i++) {
        close(power->readers[i].fd);
        if (power->readers[i].fd2 >= 0)
            close(power->readers[i].fd2);
        if (power->readers[i].status_fd >= 0)
            close(power->readers[i].status_fd);
    }
    free(power);
}

static const char *metric_of(const struct power_source *source)
{
    return source->metric ? source->metric : "power_w";
}

static const char *metric_source(const struct power_source *source, char *buf, size_t size)
{
    if (source->path2[0] && source->kind != POWER_RAPL)
        snprintf(buf, size, "/%s * %s", source->path, strrchr(source->path2, '/') + 1);
    else
        snprintf(buf, size, "/%s", source->path);
    return buf;
}

/* Opens what a source is read from. Returns 0, or a code with the reason in err. */
static int open_reader(const struct root *root, const struct power_source *source,
                       struct power_reader *reader, struct error *err)
{
    *reader = (struct power_reader){
        .kind = source->kind, .fd2 = -1, .status_fd = -1, .channel = -1, .energy_channel = -1};
    reader->fd = sensor_open(root, source->path, NULL, NULL, err);
    if (reader->fd < 0)
        return reader->fd;
    if (source->path2[0] && source->kind != POWER_RAPL) {
        reader->fd2 = sensor_open(root, source->path2, NULL, NULL, err);
        if (reader->fd2 < 0) {
            close(reader->fd);
            return reader->fd2;
        }
    }
    if (source->status_path[0])
        reader->status_fd = root_open_file(root, source->status_path, NULL);
    /* Without its range a wrapped counter loses one interval, nothing else. */
    if (source->kind == POWER_RAPL &&
        root_read_i64(root, source->path2, &reader->range_uj, NULL) < 0)
        reader->range_uj = 0;
    return 0;
}

static int declare_missing(struct channel_set *channels, const struct power_source *source,
                           const struct error *err)
{
    char text[640];
    bool denied_rapl = source->kind == POWER_RAPL && err->code == ERROR_DENIED;
    int rc = channel_declare_missing(
        channels, metric_of(source), source->instance, metric_source(source, text, sizeof(text)),
        reason_from_error(err->code), denied_rapl ? RAPL_HINT : err->message);
    return rc < 0 ? rc : 0;
}

static int open_source(const struct collect_env *env, struct channel_set *channels,
                       struct power_state *power, const struct power_source *source, bool in_total)
{
    char text[640];
    struct error err = {0};
    struct power_reader *reader = &power->readers[power->count];
    if (open_reader(env->root, source, reader, &err) < 0)
        return declare_missing(channels, source, &err);
    power->count++; /* from here on power_close closes it */
    reader->in_total = in_total;
    metric_source(source, text, sizeof(text));
    reader->channel = channel_declare(channels, metric_of(source), source->instance, text);
    if (reader->channel >= 0 && source->kind == POWER_RAPL) {
        reader->energy_channel = channel_declare(channels, "energy_j", source->instance, text);
        return reader->energy_channel < 0 ? reader->energy_channel : 0;
    }
    return reader->channel < 0 ? reader->channel : 0;
}

/* A total that lacks one of its parts would be too low, so it is then missing altogether. */
static int declare_total(struct channel_set *channels, struct power_state *power,
                         const struct power_total *total)
{
    size_t readable = 0;
    for (size_t i = 0; i < power->count; i++)
        readable += power->readers[i].in_total;
    int rc;
    if (total->count == 0)
        rc = channel_declare_missing(channels, "power_w", TOTAL_INSTANCE, "sum of sensors",
                                     REASON_ABSENT, "no sensor here measures the whole machine");
    else if (readable < total->count)
        rc = channel_declare_missing(channels, "power_w", TOTAL_INSTANCE, "sum of sensors",
                                     REASON_DENIED, "a sensor that belongs to it cannot be read");
    else
        rc = power->total_channel =
            channel_declare(channels, "power_w", TOTAL_INSTANCE,
                            total->count == 1 ? "the sensor of the input" : "sum of the rails");
    return rc < 0 ? rc : 0;
}

static int open_all(const struct collect_env *env, struct channel_set *channels,
                    struct power_state *power, struct power_source *sources, struct error *err)
{
    struct power_total total;
    size_t count = 0;
    if (power_find(env->root, sources, &count) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory for the collector 'power'");
    if (count == 0)
        return error_set(err, ERROR_ABSENT, "no power sensor");
    power_find_total(sources, count, &total);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = open_source(env, channels, power, &sources[i], total.counts[i]);
    if (rc == 0)
        rc = declare_total(channels, power, &total);
    return rc == 0 ? 0 : error_set(err, rc, "cannot declare the columns of the collector 'power'");
}

static int power_open(const struct collect_env *env, struct channel_set *channels, void **ret_state,
                      struct error *err)
{
    struct power_state *power = calloc(1, sizeof(*power));
    struct power_source *sources = calloc(POWER_SOURCES_MAX, sizeof(*sources));
    int rc;
    if (!power || !sources) {
        rc = error_set(err, ERROR_NOMEM, "out of memory for the collector 'power'");
    } else {
        power->total_channel = -1;
        rc = open_all(env, channels, power, sources, err);
    }
    free(sources);
    if (rc < 0) {
        power_close(power);
        return rc;
    }
    *ret_state = power;
    return 0;
}

/* ---- sampling ---- */

/* Watts since the last reading; NaN for the first one. */
static double read_rapl(struct power_reader *reader, int64_t uj, double *values)
{
    uint64_t now_ns = clock_mono_ns();
    double watts = NAN;
    double passed_uj = (double)uj - (double)reader->last_uj;
    if (uj < reader->last_uj)
        passed_uj += (double)reader->range_uj;
    if (reader->last_ns > 0 && passed_uj >= 0)
        watts = passed_uj * 1e3 / (double)(now_ns - reader->last_ns); /* uJ/ns * 1e3 = W */
    if (watts > RAPL_MAX_W)
        watts = NAN;
    if (!isnan(watts))
        reader->energy_uj += passed_uj;
    reader->last_uj = uj;
    reader->last_ns = now_ns;
    values[reader->energy_channel] = reader->energy_uj / 1e6;
    return watts;
}

/* What a battery delivers; negative while it is charged. Some drivers give the current a sign of
 * their own, so only the status decides. */
static double battery_watts(const struct power_reader *reader, int64_t value, int64_t microamperes)
{
    char status[32] = "";
    double watts =
        reader->fd2 >= 0 ? (double)value * (double)microamperes / 1e12 : (double)value / 1e6;
    ssize_t length =
        reader->status_fd >= 0 ? pread(reader->status_fd, status, sizeof(status) - 1, 0) : -1;
    status[length > 0 ? length : 0] = '\0';
    if (str_starts_with(status, "Discharging"))
        return fabs(watts);
    if (str_starts_with(status, "Charging"))
        return -fabs(watts);
    return watts == 0 ? 0
                      : NAN; /* full, not charging, or not told: which way it flows is unknown */
}

/* Flags of the firmware, or NaN. */
static double read_hex_flags(const struct power_reader *reader)
{
    char text[32], *end;
    ssize_t length = pread(reader->fd, text, sizeof(text) - 1, 0);
    if (length <= 0)
        return NAN;
    text[length] = '\0';
    unsigned long flags = strtoul(text, &end, 16);
    if (end == text || (*end != '\n' && *end != '\0') || flags > UINT32_MAX || text[0] == '-')
        return NAN;
    return (double)flags;
}

/* Watts (or the flags), or NaN. Rails may be negative (current flowing back); a wild value is no
 * value. */
static double read_watts(struct power_reader *reader, double *values)
{
    int64_t value, value2 = 0;
    if (reader->kind == POWER_HEX_FLAGS)
        return read_hex_flags(reader);
    if (sensor_read_i64(reader->fd, &value) < 0 ||
        (reader->fd2 >= 0 && sensor_read_i64(reader->fd2, &value2) < 0))
        return NAN;
    double watts = NAN;
    switch (reader->kind) {
    case POWER_RAPL:
        return value >= 0 ? read_rapl(reader, value, values) : NAN;
    case POWER_MICROWATT:
        watts = (double)value / 1e6;
        break;
    case POWER_MILLIWATT:
        watts = (double)value / 1e3;
        break;
    case POWER_VOLT_TIMES_AMPS:
        watts = (double)value * (double)value2 / 1e6;
        break;
    case POWER_BATTERY:
        watts = battery_watts(reader, value, value2);
        break;
    case POWER_FLAG:
        return value == 0 || value == 1 ? (double)value : NAN;
    case POWER_HEX_FLAGS:
        break;
    }
    return fabs(watts) < 1e5 ? watts : NAN;
}

static int power_sample(void *state, const struct collect_tick *tick, double *values)
{
    struct power_state *power = state;
    double total = 0;
    size_t readable = 0;
    for (size_t i = 0; i < power->count; i++) {
        struct power_reader *reader = &power->readers[i];
        double watts = read_watts(reader, values);
        values[reader->channel] = watts;
        if (reader->in_total)
            total += watts; /* NaN if one of them is */
        readable += !isnan(watts) || reader->last_ns > 0;
    }
    if (power->total_channel >= 0)
        values[power->total_channel] = total;
    return power->count > 0 && readable == 0 ? -ERROR_IO : 0;
}

const struct collector collector_power = {
    .name = "power",
    .summary = "power of packages, rails, batteries and the whole board (RAPL, hwmon, INA3221)",
    .cost_ns = 2000000, /* six I2C transfers of an INA3221; RAPL takes microseconds */
    .min_interval_ns = 100 * NS_PER_MS,
    .probe = power_probe,
    .open = power_open,
    .sample = power_sample,
    .close = power_close,
};
