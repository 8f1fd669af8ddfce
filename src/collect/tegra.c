/* tegra.c: the collector `tegra`: what sysfs and debugfs of a Jetson tell of its GPU, memory
 * controller, engines and fan, as tegrastats does, without its 10 to 30 ms per line.
 *
 * Rails are the collector `power`'s, temperatures `thermal`'s. The GPU's load is what the driver
 * counted in a short window of its own. A value out of its range (a stuck or scaled register) is a
 * missing one. The GPU's node may come late at boot: what is not there at open has no values.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "collect/sensor.h"
#include "collect/tegra_board.h"
#include "collect/tegra_internal.h"

#define LINES_SIZE 65536

struct tegra_reader {
    const char *key; /* LINE */
    enum tegra_kind kind;
    enum tegra_gate gate;
    double scale, min, max;
    int fd, fd2; /* -1: none */
    int channel;
};

struct tegra_state {
    struct tegra_reader readers[TEGRA_SOURCES_MAX];
    size_t count;
    char *lines; /* LINES_SIZE: a file of many lines */
};

static void tegra_probe(const struct collect_env *env, struct probe_result *ret)
{
    struct tegra_board board;
    if (!tegra_is_board(env->root)) {
        *ret = (struct probe_result){REASON_ABSENT,
                                     "not an NVIDIA Tegra board: no /etc/nv_tegra_release, no "
                                     "nvidia,tegra in the device tree"};
        return;
    }
    *ret = (struct probe_result){.reason = REASON_NONE};
    tegra_read_board(env->root, &board);
    const char *name = board.model[0] ? board.model : board.board;
    snprintf(ret->detail, sizeof(ret->detail), "%s%s%s", name[0] ? name : "Tegra",
             board.release[0] ? ", L4T " : "", board.release);
}

/* ---- opening ---- */

static void tegra_close(void *state)
{
    struct tegra_state *tegra = state;
    if (!tegra)
        return;
    for (size_t i = 0; i < tegra->count; i++) {
        close(tegra->readers[i].fd);
        if (tegra->readers[i].fd2 >= 0)
            close(tegra->readers[i].fd2);
    }
    free(tegra->lines);
    free(tegra);
}

static int declare_missing(struct channel_set *channels, const struct tegra_source *source,
                           enum reason reason, const char *why)
{
    char path[404];
    snprintf(path, sizeof(path), "/%s", source->path);
    int rc = channel_declare_missing(channels, source->metric, source->instance, path, reason, why);
    return rc < 0 ? rc : 0;
}

static int open_source(const struct collect_env *env, struct channel_set *channels,
                       struct tegra_state *tegra, const struct tegra_source *source)
{
    char path[404];
    struct error err = {0};
    if (source->reason != REASON_NONE)
        return declare_missing(channels, source, source->reason, source->why);
    int fd = source->kind == TEGRA_LINE ? root_open_file(env->root, source->path, &err)
                                        : sensor_open(env->root, source->path, NULL, NULL, &err);
    if (fd < 0)
        return declare_missing(channels, source, reason_from_error(err.code),
                               err.code == ERROR_DENIED ? "for root only: run as root"
                                                        : err.message);
    int fd2 = source->path2[0] ? root_open_file(env->root, source->path2, &err) : -1;
    if (source->kind == TEGRA_SHARE && fd2 < 0) {
        close(fd);
        return declare_missing(channels, source, reason_from_error(err.code), err.message);
    }
    struct tegra_reader *reader = &tegra->readers[tegra->count++];
    *reader = (struct tegra_reader){
        .key = source->key,
        .kind = source->kind,
        .gate = fd2 >= 0 ? source->gate : TEGRA_GATE_NONE,
        .scale = source->scale,
        .min = source->min,
        .max = source->max,
        .fd = fd,
        .fd2 = fd2,
    };
    snprintf(path, sizeof(path), "/%s", source->path);
    reader->channel = channel_declare(channels, source->metric, source->instance, path);
    return reader->channel < 0 ? reader->channel : 0;
}

static int open_all(const struct collect_env *env, struct channel_set *channels,
                    struct tegra_state *tegra, struct tegra_source *sources)
{
    size_t count = 0;
    int rc = tegra_find(env->root, sources, &count);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = open_source(env, channels, tegra, &sources[i]);
    return rc;
}

static int tegra_open(const struct collect_env *env, struct channel_set *channels, void **ret_state,
                      struct error *err)
{
    if (!tegra_is_board(env->root))
        return error_set(err, ERROR_ABSENT, "not an NVIDIA Tegra board");
    struct tegra_state *tegra = calloc(1, sizeof(*tegra));
    struct tegra_source *sources = calloc(TEGRA_SOURCES_MAX, sizeof(*sources));
    int rc = -ERROR_NOMEM;
    if (tegra)
        tegra->lines = malloc(LINES_SIZE);
    if (tegra && tegra->lines && sources)
        rc = open_all(env, channels, tegra, sources);
    free(sources);
    if (rc < 0) {
        tegra_close(tegra);
        return error_set(err, rc, "cannot declare the columns of the collector 'tegra'");
    }
    *ret_state = tegra;
    return 0;
}

/* ---- sampling ---- */

/* The number, perhaps with K or M behind it, of the line that begins with the key; in kB. */
static double find_line(const char *text, const char *key)
{
    size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += strspn(line, "\n");
        if (strncmp(line, key, length) != 0)
            continue;
        char *end;
        const char *number = line + length + strspn(line + length, " \t");
        if (*number < '0' || *number > '9')
            return NAN;
        double value = strtod(number, &end);
        return *end == 'M' ? value * 1024 : *end == 'G' ? value * 1048576 : value;
    }
    return NAN;
}

static double read_line(const struct tegra_state *tegra, const struct tegra_reader *reader)
{
    if (file_pread(reader->fd, tegra->lines, LINES_SIZE) < 0)
        return NAN;
    return find_line(tegra->lines, reader->key) * reader->scale;
}

/* True: the engine has no clock now. What cannot be read is taken for on: then the rate stands. */
static bool is_off(const struct tegra_reader *reader)
{
    char text[32];
    int64_t count;
    if (reader->gate == TEGRA_GATE_COUNT)
        return sensor_read_i64(reader->fd2, &count) == 0 && count == 0;
    if (reader->gate != TEGRA_GATE_STATUS)
        return false;
    ssize_t length = pread(reader->fd2, text, sizeof(text) - 1, 0);
    return length >= 9 && strncmp(text, "suspended", 9) == 0;
}

static double read_value(const struct tegra_state *tegra, const struct tegra_reader *reader)
{
    int64_t number, clock_hz;
    if (reader->kind == TEGRA_LINE)
        return read_line(tegra, reader);
    if (reader->kind == TEGRA_CLOCK && is_off(reader))
        return 0;
    if (sensor_read_i64(reader->fd, &number) < 0)
        return NAN;
    if (reader->kind != TEGRA_SHARE)
        return (double)number * reader->scale;
    if (sensor_read_i64(reader->fd2, &clock_hz) < 0 || clock_hz <= 0)
        return NAN;
    return (double)number * reader->scale / (double)clock_hz; /* scale: kHz to % of Hz */
}

static int tegra_sample(void *state, const struct collect_tick *tick, double *values)
{
    struct tegra_state *tegra = state;
    size_t failed = 0;
    for (size_t i = 0; i < tegra->count; i++) {
        const struct tegra_reader *reader = &tegra->readers[i];
        double value = read_value(tegra, reader);
        if (!(value >= reader->min && value <= reader->max))
            value = NAN;
        values[reader->channel] = value;
        failed += isnan(value);
    }
    return tegra->count > 0 && failed == tegra->count ? -ERROR_IO : 0;
}

const struct collector collector_tegra = {
    .name = "tegra",
    .alias = "tegrastats",
    .summary = "NVIDIA Jetson: GPU load and clock, memory controller, engines, fan",
    .cost_ns = 200000, /* an estimate: 10 to 20 small files; debugfs asks the firmware for each */
    .min_interval_ns = 50 * NS_PER_MS,
    .probe = tegra_probe,
    .open = tegra_open,
    .sample = tegra_sample,
    .close = tegra_close,
};
