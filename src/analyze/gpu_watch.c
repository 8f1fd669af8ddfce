/* gpu_watch.c: see gpu_watch.h. */
#include "analyze/gpu_watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"

/* ---- the driver's reasons ---- */

const char *gpu_reasons_text(uint64_t reasons, char *buf, size_t size)
{
    static const struct {
        uint64_t bit;
        const char *name;
    } names[] = {{0x4, "power cap"},
                 {0x8, "hardware slowdown"},
                 {0x20, "software thermal"},
                 {0x40, "hardware thermal"},
                 {0x80, "power brake"}};
    size_t used = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!(reasons & names[i].bit))
            continue;
        int length = snprintf(buf + used, size - used, "%s%s", used ? ", " : "", names[i].name);
        used = u64_min(used + (size_t)length, size - 1);
    }
    return buf;
}

/* ---- rows ---- */

int gpu_watch_init(struct gpu_watch *watch, const char *name, size_t window, double threshold_pct,
                   double hot_c, struct error *err)
{
    *watch = (struct gpu_watch){.threshold_pct = threshold_pct,
                                .hot_c = isnan(hot_c) ? GPU_WATCH_HOT_C : hot_c,
                                .hot_is_drivers = !isnan(hot_c)};
    str_copy(watch->name, sizeof(watch->name), name);
    watch->util = (struct gpu_window){calloc(window, sizeof(double)), window, 0, 0};
    watch->power = (struct gpu_window){calloc(window, sizeof(double)), window, 0, 0};
    if (watch->util.values && watch->power.values)
        return 0;
    gpu_watch_deinit(watch);
    return error_set(err, ERROR_NOMEM, "out of memory for a window of %zu rows", window);
}

void gpu_watch_deinit(struct gpu_watch *watch)
{
    free(watch->util.values);
    free(watch->power.values);
    *watch = (struct gpu_watch){0};
}

/* The mean of the values before this one, NaN until there are as many as the window holds; then the
 * value enters. */
static double window_pass(struct gpu_window *window, double value)
{
    double mean = NAN;
    if (window->count == window->capacity && window->capacity > 0) {
        double sum = 0;
        for (size_t i = 0; i < window->capacity; i++)
            sum += window->values[i];
        mean = sum / (double)window->capacity;
    }
    if (window->capacity == 0)
        return mean;
    window->values[window->next] = value;
    window->next = (window->next + 1) % window->capacity;
    window->count = u64_min(window->count + 1, window->capacity);
    return mean;
}

/* A row for one rule: whether it stands out, and by how much (larger is worse). */
static void note(struct gpu_episodes *seen, double t_s, bool stands_out, double value, double from,
                 bool is_worst)
{
    if (!stands_out) {
        seen->is_open = false;
        return;
    }
    if (!seen->is_open) {
        seen->is_open = true;
        if (seen->episodes < GPU_WATCH_RANGES_MAX)
            seen->ranges[seen->episodes].begin_s = t_s;
        seen->episodes++;
    }
    if (seen->episodes <= GPU_WATCH_RANGES_MAX)
        seen->ranges[seen->episodes - 1].end_s = t_s;
    if (seen->rows++ == 0 || is_worst) {
        seen->worst = value;
        seen->worst_from = from;
        seen->worst_s = t_s;
    }
}

static void note_drop(struct gpu_episodes *seen, struct gpu_window *window, double t_s,
                      double value, double least)
{
    if (isnan(value))
        return;
    double mean = window_pass(window, value);
    double drop = mean - value;
    note(seen, t_s, drop > least, value, mean, drop > seen->worst_from - seen->worst);
}

void gpu_watch_add(struct gpu_watch *watch, const struct gpu_row *row)
{
    watch->rows++;
    note_drop(&watch->util_drops, &watch->util, row->t_s, row->util_pct, watch->threshold_pct);
    note_drop(&watch->power_drops, &watch->power, row->t_s, row->power_w, GPU_WATCH_POWER_DROP_W);
    if (!isnan(row->temp_c))
        note(&watch->hot, row->t_s, row->temp_c > watch->hot_c, row->temp_c, NAN,
             row->temp_c > watch->hot.worst);
    if (!isnan(row->reasons) && row->reasons >= 0 && row->reasons < 0x1p63) {
        uint64_t held = (uint64_t)row->reasons & GPU_REASONS_HELD;
        watch->reasons_seen |= held;
        note(&watch->held, row->t_s, held != 0, (double)held, NAN, false);
    }
}

/* ---- findings ---- */

static void put_ranges(struct finding *finding, const struct gpu_episodes *seen, const char *what)
{
    char text[160] = "";
    size_t used = 0;
    for (size_t i = 0; i < u64_min(seen->episodes, GPU_WATCH_RANGES_MAX); i++) {
        const struct gpu_range *range = &seen->ranges[i];
        const char *comma = i ? ", " : "";
        int length =
            range->end_s > range->begin_s
                ? snprintf(text + used, sizeof(text) - used, "%s%.1f to %.1f s", comma,
                           range->begin_s, range->end_s)
                : snprintf(text + used, sizeof(text) - used, "%s%.1f s", comma, range->begin_s);
        used = u64_min(used + (size_t)length, sizeof(text) - 1);
    }
    finding_evidence(finding, "%s: %llu of the rows; at %s%s", what, (unsigned long long)seen->rows,
                     text, seen->episodes > GPU_WATCH_RANGES_MAX ? ", ..." : "");
}

static void begin_finding(struct finding *finding, const struct gpu_watch *watch, const char *rule,
                          const char *metric, double value, const char *unit)
{
    finding_init(finding, rule, SEVERITY_WARNING, metric);
    finding->n = watch->rows;
    finding_value(finding, value, NULL);
    snprintf(finding->unit, sizeof(finding->unit), "%s", unit);
}

static const char *times(uint64_t episodes, char *buf, size_t size)
{
    if (episodes == 1)
        snprintf(buf, size, "once");
    else
        snprintf(buf, size, "%llu times", (unsigned long long)episodes);
    return buf;
}

static int tell_util(const struct gpu_watch *watch, struct run_sink *sink, struct error *err)
{
    const struct gpu_episodes *seen = &watch->util_drops;
    struct finding finding;
    char count[32], what[96];
    if (seen->episodes == 0)
        return 0;
    begin_finding(&finding, watch, "gpu_util_drop", "gpu_util_pct", seen->worst - seen->worst_from,
                  "%");
    finding_sentence(&finding, "utilisation of %s fell %s, at worst from %.0f to %.0f %% at %.1f s",
                     watch->name, times(seen->episodes, count, sizeof(count)), seen->worst_from,
                     seen->worst, seen->worst_s);
    snprintf(what, sizeof(what), "more than %.4g points below the mean of the %zu rows before",
             watch->threshold_pct, watch->util.capacity);
    put_ranges(&finding, seen, what);
    finding_advice(&finding, "look at what feeds the GPU at these times: input, decoding, a queue "
                             "that ran empty, another stage of the pipeline");
    return sink_finding(sink, &finding, err);
}

static int tell_power(const struct gpu_watch *watch, struct run_sink *sink, struct error *err)
{
    const struct gpu_episodes *seen = &watch->power_drops;
    struct finding finding;
    char count[32], what[96];
    if (seen->episodes == 0)
        return 0;
    begin_finding(&finding, watch, "gpu_power_drop", "gpu_power_w", seen->worst - seen->worst_from,
                  "W");
    finding_sentence(&finding, "power of %s fell %s, at worst from %.0f to %.0f W at %.1f s",
                     watch->name, times(seen->episodes, count, sizeof(count)), seen->worst_from,
                     seen->worst, seen->worst_s);
    snprintf(what, sizeof(what), "more than %.0f W below the mean of the %zu rows before",
             GPU_WATCH_POWER_DROP_W, watch->power.capacity);
    put_ranges(&finding, seen, what);
    finding_advice(&finding, "with a fall of utilisation it ran out of work; without one its clock "
                             "was lowered: see the clocks of these rows");
    return sink_finding(sink, &finding, err);
}

static int tell_hot(const struct gpu_watch *watch, struct run_sink *sink, struct error *err)
{
    const struct gpu_episodes *seen = &watch->hot;
    struct finding finding;
    char what[96];
    if (seen->episodes == 0)
        return 0;
    begin_finding(&finding, watch, "gpu_hot", "gpu_temp_c", seen->worst, "\u00b0C");
    finding_sentence(&finding, "%s was hotter than %.0f degrees C%s, at most %.0f at %.1f s",
                     watch->name, watch->hot_c,
                     watch->hot_is_drivers ? ", where its driver slows it down" : "", seen->worst,
                     seen->worst_s);
    snprintf(what, sizeof(what), "above %.0f degrees C (%s)", watch->hot_c,
             watch->hot_is_drivers ? "the driver's slowdown threshold"
                                   : "the driver tells no threshold");
    put_ranges(&finding, seen, what);
    finding_advice(&finding, "cool it better or lower its power limit; what it did while it was "
                             "that hot is not what it can do");
    return sink_finding(sink, &finding, err);
}

static int tell_held(const struct gpu_watch *watch, struct run_sink *sink, struct error *err)
{
    const struct gpu_episodes *seen = &watch->held;
    struct finding finding;
    char names[96], what[96];
    if (seen->episodes == 0)
        return 0;
    double share_pct = 100.0 * (double)seen->rows / (double)watch->rows;
    begin_finding(&finding, watch, "gpu_throttling", "gpu_throttle_reasons", share_pct, "%");
    finding_sentence(&finding, "the driver held back %s in %llu of %llu rows: %s", watch->name,
                     (unsigned long long)seen->rows, (unsigned long long)watch->rows,
                     gpu_reasons_text(watch->reasons_seen, names, sizeof(names)));
    snprintf(what, sizeof(what), "the driver's clock event reasons, 0x%llx",
             (unsigned long long)watch->reasons_seen);
    put_ranges(&finding, seen, what);
    finding_advice(&finding, "%s",
                   watch->reasons_seen & ~(uint64_t)0x4
                       ? "cool it better, and look at its power supply"
                       : "raise its power limit (nvidia-smi -pl) if board and supply allow it");
    return sink_finding(sink, &finding, err);
}

int gpu_watch_tell(const struct gpu_watch *watch, struct run_sink *sink, struct error *err)
{
    static int (*const rules[])(const struct gpu_watch *, struct run_sink *,
                                struct error *) = {tell_util, tell_power, tell_hot, tell_held};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(rules); i++)
        rc = rules[i](watch, sink, err);
    return rc;
}
