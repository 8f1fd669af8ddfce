/* tegrastats.c: a log of NVIDIA's tegrastats (../tegrastats.h), as series over time.
 *
 * Time: stamps have whole seconds, and lines share them: those of one second are spread over it,
 * evenly. Without stamps a line counts 1 s, tegrastats' default; the run says that this was
 * assumed. tegrastats sleeps between its lines, so that its interval is longer than what was asked
 * for. Total power: tegrastats_total_mw.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/util.h"
#include "format/peers/peer.h"
#include "format/tegrastats.h"

extern const struct peer peer_tegrastats;

#define SERIES_MAX 320
#define NAME_SIZE 48
/* A zone that cannot be read shows this; PMIC shows 100 whatever its temperature. */
#define TEMP_OFF_C (-40.0)
#define PMIC_FIXED_C 100.0

struct column {
    const char *metric;
    char instance[NAME_SIZE];
    double *values; /* one per line */
    size_t capacity;
};

struct log {
    struct column columns[SERIES_MAX];
    size_t column_count;
    int64_t *t_ns;
    size_t t_capacity;
    double *stamps; /* epoch s, NaN: none */
    size_t stamp_capacity;
    size_t lines, left_out, first_left_out, unknown, dropped;
    bool has_times, is_out_of_memory;
};

static void log_free(struct log *log)
{
    for (size_t i = 0; i < log->column_count; i++)
        free(log->columns[i].values);
    free(log->t_ns);
    free(log->stamps);
    free(log);
}

static void log_cleanup(struct log **log)
{
    if (*log)
        log_free(*log);
}

/* A column that appears later has no values before. */
static void put(struct log *log, const char *metric, const char *instance, double value)
{
    struct column *column = NULL;
    for (size_t i = 0; i < log->column_count && !column; i++) {
        if (strcmp(log->columns[i].metric, metric) == 0 &&
            strcmp(log->columns[i].instance, instance) == 0)
            column = &log->columns[i];
    }
    if (!column) {
        if (log->column_count == SERIES_MAX) {
            log->dropped++;
            return;
        }
        column = &log->columns[log->column_count++];
        column->metric = metric;
        str_copy(column->instance, sizeof(column->instance), instance);
        str_make_printable(column->instance);
    }
    size_t known = column->capacity;
    if (array_reserve(&column->values, &column->capacity, log->lines + 1, sizeof(double)) < 0) {
        log->is_out_of_memory = true;
        return;
    }
    for (size_t i = known; i < column->capacity; i++)
        column->values[i] = NAN;
    column->values[log->lines] = value;
}

/* ---- one line ---- */

/* GR3D_FREQ and NVENC0_FREQ are GR3D and NVENC0; instances are lower case, as the files of the
 * board have them. */
static void unit_name(const struct tegrastats_item *item, char name[NAME_SIZE])
{
    size_t length = item->name_length;
    static const char suffix[] = "_FREQ";
    if (length > strlen(suffix) &&
        memcmp(item->name + length - strlen(suffix), suffix, strlen(suffix)) == 0)
        length -= strlen(suffix);
    length = u64_min(length, NAME_SIZE - 1);
    for (size_t i = 0; i < length; i++)
        name[i] = (char)tolower((unsigned char)item->name[i]);
    name[length] = '\0';
}

static void put_unit(struct log *log, const struct tegrastats_item *item)
{
    char name[NAME_SIZE];
    unit_name(item, name);
    bool is_gpu = strncmp(name, "gr3d", 4) == 0, is_emc = strcmp(name, "emc") == 0;
    const char *util = is_gpu ? "gpu_util_pct" : is_emc ? "emc_util_pct" : "engine_util_pct";
    const char *mhz = is_gpu ? "gpu_mhz" : is_emc ? "emc_mhz" : "engine_mhz";
    const char *instance = is_emc || strcmp(name, "gr3d") == 0 ? "" : name;
    /* Off is a clock of 0, as the collector tells it; a load of what is off is none. */
    if (!isnan(item->value))
        put(log, util, instance, item->value);
    if (item->is_off || !isnan(item->second))
        put(log, mhz, instance, item->is_off ? 0 : item->second);
}

static void put_temperature(struct log *log, const struct tegrastats_item *item)
{
    char name[NAME_SIZE] = "";
    memcpy(name, item->name, u64_min(item->name_length, NAME_SIZE - 1));
    bool is_fixed = strncmp(name, "PMIC", 4) == 0 && item->value == PMIC_FIXED_C;
    put(log, "temp_c", name, item->value < TEMP_OFF_C || is_fixed ? NAN : item->value);
}

static void put_item(struct log *log, const struct tegrastats_item *item)
{
    char name[NAME_SIZE] = "";
    switch (item->kind) {
    case TEGRASTATS_MEMORY:
        if (item->name_length == 3) {
            put(log, "mem_used_mb", "", item->value);
            put(log, "mem_total_mb", "", item->second);
        } else if (item->name[0] == 'S') {
            put(log, "swap_used_mb", "", item->value);
        }
        break;
    case TEGRASTATS_CORE:
        snprintf(name, sizeof(name), "cpu%u", item->index);
        put(log, "core_pct", name, item->value);
        put(log, "cpu_mhz", name, item->is_off ? NAN : item->second);
        break;
    case TEGRASTATS_UNIT:
        put_unit(log, item);
        break;
    case TEGRASTATS_TEMP:
        put_temperature(log, item);
        break;
    case TEGRASTATS_RAIL:
        memcpy(name, item->name, u64_min(item->name_length, NAME_SIZE - 1));
        put(log, "power_w", name, item->value / 1e3);
        break;
    }
}

static void put_total_power(struct log *log, const struct tegrastats_line *line)
{
    double total_mw = tegrastats_total_mw(line, NULL);
    if (!isnan(total_mw))
        put(log, "power_w", "total", total_mw / 1e3);
}

static double stamp_of(const struct tegrastats_line *line)
{
    struct tm tm = {.tm_year = line->year - 1900,
                    .tm_mon = line->month - 1,
                    .tm_mday = line->day,
                    .tm_hour = line->hour,
                    .tm_min = line->minute,
                    .tm_sec = line->second};
    return line->has_time ? (double)timegm(&tm) : NAN;
}

static void put_line(struct log *log, const struct tegrastats_line *line)
{
    if (array_reserve(&log->stamps, &log->stamp_capacity, log->lines + 1, sizeof(double)) < 0 ||
        array_reserve(&log->t_ns, &log->t_capacity, log->lines + 1, sizeof(int64_t)) < 0) {
        log->is_out_of_memory = true;
        return;
    }
    log->stamps[log->lines] = stamp_of(line);
    log->has_times |= line->has_time;
    log->unknown += line->unknown;
    for (size_t i = 0; i < line->count; i++)
        put_item(log, &line->items[i]);
    double cores_pct = tegrastats_cores_pct(line);
    if (!isnan(cores_pct))
        put(log, "cpu_total_pct", "", cores_pct);
    put_total_power(log, line);
    log->lines++;
}

/* ---- time ---- */

/* A clock that was set back goes on a second after the last line; a line without a stamp, too. */
static void set_times(struct log *log)
{
    double now_s = 0, offset_s = 0, last = NAN;
    for (size_t i = 0; i < log->lines;) {
        size_t same = i + 1;
        double stamp = log->stamps[i];
        while (same < log->lines && log->stamps[same] == stamp)
            same++;
        if (i > 0) {
            if (isnan(stamp) || isnan(last) || stamp < last)
                offset_s = now_s + 1 - (isnan(stamp) ? 0 : stamp);
            now_s = isnan(stamp) ? now_s + 1 : stamp + offset_s;
        } else if (!isnan(stamp)) {
            offset_s = -stamp;
        }
        for (size_t j = i; j < same; j++)
            log->t_ns[j] = (int64_t)((now_s + (double)(j - i) / (double)(same - i)) * 1e9);
        last = stamp;
        i = same;
    }
}

/* ---- the log ---- */

static bool tegrastats_accepts(const struct peer_input *input)
{
    char line[4096];
    struct tegrastats_line parsed;
    size_t at = 0;
    /* A shell's or sudo's words may stand in front. */
    for (int i = 0; i < 20 && peer_line(input, &at, line, sizeof(line)); i++) {
        if (tegrastats_line_parse(line, strlen(line), &parsed))
            return true;
    }
    return false;
}

static int read_lines(const struct peer_input *input, struct log *log, struct error *err)
{
    struct tegrastats_line line;
    size_t number = 0;
    for (size_t at = 0; at < input->size && !log->is_out_of_memory;) {
        const char *begin = input->text + at;
        const char *end = memchr(begin, '\n', input->size - at);
        size_t length = end ? (size_t)(end - begin) : input->size - at;
        at += length + 1;
        number++;
        /* A last line that was cut off would end a rail's or clock's digits early. */
        if (!tegrastats_line_parse(begin, length, &line) || line.is_cut || !end) {
            bool is_blank = strspn(begin, " \t\r") >= length;
            if (!is_blank && log->left_out++ == 0)
                log->first_left_out = number;
            continue;
        }
        put_line(log, &line);
    }
    return log->is_out_of_memory ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

static void describe(struct peer_run *run, const struct log *log)
{
    const char *file = run->input->file;
    facts_integer(&run->workload, "lines", (int64_t)log->lines, file);
    facts_integer(&run->workload, "lines_left_out", (int64_t)log->left_out, file);
    if (log->left_out > 0)
        facts_integer(&run->workload, "first_line_left_out", (int64_t)log->first_left_out, file);
    facts_integer(&run->workload, "groups_unknown", (int64_t)(log->unknown + log->dropped), file);
    facts_text(&run->workload, "time_source",
               log->has_times ? "stamps of whole seconds" : "none: 1 s a line assumed", file);
    if (log->has_times && !isnan(log->stamps[0]))
        run->begin_epoch_s = log->stamps[0];
    if (log->lines > 0 && log->t_ns[log->lines - 1] > 0)
        run->duration_ns = (uint64_t)log->t_ns[log->lines - 1];
}

static int tegrastats_read(const struct peer_input *input, struct error *err)
{
    CLEANUP(log_cleanup) struct log *log = calloc(1, sizeof(*log));
    if (!log)
        return error_set(err, ERROR_NOMEM, "out of memory");
    int rc = read_lines(input, log, err);
    if (rc < 0)
        return rc;
    set_times(log);
    struct peer_run run;
    peer_run_init(&run, &peer_tegrastats, input, 0, "tegrastats", err);
    describe(&run, log);
    for (size_t i = 0; i < log->column_count; i++) {
        const struct column *column = &log->columns[i];
        /* A column may have ended before the log did. */
        peer_run_series(&run, column->metric, column->instance, log->t_ns, column->values,
                        u64_min(log->lines, column->capacity));
    }
    return peer_run_end(&run);
}

const struct peer peer_tegrastats = {.name = "tegrastats",
                                     .files = "its log, of every board and release",
                                     .accepts = tegrastats_accepts,
                                     .read = tegrastats_read};
