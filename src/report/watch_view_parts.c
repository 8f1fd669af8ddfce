/* watch_view_parts.c: the lines of the live screen about the machine, its devices and the verdict.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text_table.h"
#include "base/unit.h"
#include "base/util.h"
#include "report/content.h"
#include "report/watch_view_internal.h"

#define CORES_MAX 128
#define GPUS_MAX 8

static void append(char *text, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *fmt, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, fmt);
    vsnprintf(text + used, size - used, fmt, args);
    va_end(args);
}

/* ---- head ---- */

/* Of a synthetic run every rendering says so. */
static void say_what(const struct pen *pen, char *text, size_t size)
{
    const struct watch_status *status = pen->now->status;
    snprintf(text, size, "%s", pen->view->is_synthetic ? "SYNTHETIC " : "");
    bool is_named = pen->view->label && pen->view->label[0];
    if (is_named)
        append(text, size, "%s", pen->view->label);
    else if (status->end_count == 0)
        append(text, size, "this machine");
    else
        append(text, size, "%s (pid %d)", status->ends[0].name, (int)status->ends[0].pid);
    if (!is_named && status->end_count > 1)
        append(text, size, " +%zu", status->end_count - 1);
}

void watch_view_head(struct pen *pen)
{
    const struct watch_view *view = pen->view;
    const struct watch_status *status = pen->now->status;
    unsigned long long s = status->elapsed_ns / 1000000000;
    char every[24], own[24] = "", text[160], label[200];
    snprintf(text, sizeof(text), "%llu:%02llu:%02llu  ", s / 3600, s / 60 % 60, s % 60);
    if (pen->grid->width >= WATCH_VIEW_WIDTH) {
        if (!isnan(pen->now->own_cpu_pct))
            snprintf(own, sizeof(own), "  own CPU %.1f %%", pen->now->own_cpu_pct);
        append(text, sizeof(text), "every %s  ",
               unit_format_ns((double)view->interval_ns, every, sizeof(every)));
    }
    append(text, sizeof(text), "rows %llu  missed %llu%s", (unsigned long long)status->rows,
           (unsigned long long)status->missed_ticks, own);
    say_what(pen, label, sizeof(label));
    size_t width = pen->grid->width, right = str_width(text);
    size_t room = width > right + 2 ? width - right - 2 : 0;
    grid_put(pen->grid, pen->row, 0, u64_max(room, 8), GRID_BOLD, label);
    if (room > 8)
        grid_put(pen->grid, pen->row, width - right, right, GRID_NORMAL, text);
    else
        grid_put(pen->grid, pen->row, 10, width, GRID_NORMAL, text);
    if (status->missed_ticks > 0 && room > 8) {
        const char *missed = strstr(text, "missed");
        size_t at = str_width(text) - str_width(missed);
        grid_paint(pen->grid, pen->row, width - right + at, str_width(missed) - str_width(own),
                   GRID_WARN);
    }
    pen->row++;
}

/* ---- CPU and memory of the machine ---- */

static size_t bar_columns(const struct pen *pen)
{
    return u64_min(pen->grid->width * 9 / 40, 40);
}

/* "2.00 of 8.00 GB": the unit once, if it is the same. */
static void append_used(char *text, size_t size, double used_mb, double total_mb)
{
    char used[32], total[32];
    if (isnan(used_mb))
        return;
    watch_view_mb(used_mb, used, sizeof(used));
    if (isnan(total_mb)) {
        append(text, size, "  %s", used);
        return;
    }
    watch_view_mb(total_mb, total, sizeof(total));
    char *used_unit = strchr(used, ' '), *total_unit = strchr(total, ' ');
    if (used_unit && total_unit && strcmp(used_unit, total_unit) == 0)
        *used_unit = '\0';
    append(text, size, "  %s of %s", used, total);
}

void watch_view_cpu(struct pen *pen)
{
    static const char *const waits[][2] = {
        {"psi_cpu_some_pct", "cpu"}, {"psi_memory_some_pct", "mem"}, {"psi_io_some_pct", "io"}};
    const struct watch_view *view = pen->view;
    double busy = watch_view_value(view, "cpu_total_pct", NULL);
    double load = watch_view_value(view, "load1", NULL);
    size_t columns = bar_columns(pen);
    char text[200], value[24];
    snprintf(text, sizeof(text), "%s", watch_view_pct(busy, value, sizeof(value)));
    if (!isnan(load))
        append(text, sizeof(text), "  load %.2f", load);
    bool is_first = true;
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        double share = watch_view_value(view, waits[i][0], NULL);
        if (isnan(share))
            continue;
        append(text, sizeof(text), "%s%s %.1f", is_first ? "  psi " : " ", waits[i][1], share);
        is_first = false;
    }
    append(text, sizeof(text), "%s", is_first ? "" : " %");
    pen_label(pen, "CPU");
    watch_view_bar(pen, WATCH_VIEW_LABEL, columns, busy / 100, GRID_GOOD);
    grid_put(pen->grid, pen->row++, WATCH_VIEW_LABEL + columns + 1, pen->grid->width, GRID_NORMAL,
             text);
}

/* One block for each core, of a height from 0 to 100 %. */
void watch_view_cores(struct pen *pen)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const struct watch_view *view = pen->view;
    struct strbuf text = {0};
    double most = NAN;
    const char *most_name = "";
    size_t cores = 0, room = pen->grid->width > 40 ? pen->grid->width - 40 : 1;
    for (size_t i = 0; i < view->channel_count; i++) {
        if (strcmp(view->channels[i].metric->name, "core_pct") != 0)
            continue;
        double busy = view->values[i];
        if (!isnan(busy) && !(busy <= most)) {
            most = busy;
            most_name = view->channels[i].instance;
        }
        if (cores++ < u64_min(room, CORES_MAX))
            strbuf_append(&text, isnan(busy) ? "-" : blocks[(size_t)fmin(fmax(busy, 0) / 12.5, 7)]);
    }
    if (cores > 1) {
        char busiest[64] = "";
        if (!isnan(most))
            snprintf(busiest, sizeof(busiest), "%zu, busiest %s %.0f %%", cores, most_name, most);
        pen_label(pen, "cores");
        size_t used =
            grid_put(pen->grid, pen->row, WATCH_VIEW_LABEL, room, GRID_GOOD, strbuf_get(&text));
        grid_put(pen->grid, pen->row++, WATCH_VIEW_LABEL + used + 2, pen->grid->width, GRID_NORMAL,
                 busiest);
    }
    strbuf_deinit(&text);
}

void watch_view_memory(struct pen *pen)
{
    double used = watch_view_value(pen->view, "mem_used_mb", NULL);
    double total = watch_view_value(pen->view, "mem_total_mb", NULL);
    size_t columns = bar_columns(pen);
    double share = used / total;
    char text[160] = "", value[24];
    append(text, sizeof(text), "%s", watch_view_pct(share * 100, value, sizeof(value)));
    append_used(text, sizeof(text), used, total);
    pen_label(pen, "memory");
    watch_view_bar(pen, WATCH_VIEW_LABEL, columns, share,
                   share >= 0.95   ? GRID_BAD
                   : share >= 0.85 ? GRID_WARN
                                   : GRID_GOOD);
    grid_put(pen->grid, pen->row++, WATCH_VIEW_LABEL + columns + 1, pen->grid->width, GRID_NORMAL,
             text);
}

/* ---- GPUs ---- */

/* The driver's words for its bits (NVML, clocks throttle reasons). */
static void append_throttling(char *text, size_t size, double mask)
{
    static const struct {
        unsigned bit;
        const char *name;
    } bits[] = {{0x4, "power cap"},
                {0x8, "slowed by hardware"},
                {0x20, "too warm"},
                {0x40, "much too warm"},
                {0x80, "power brake"}};
    for (size_t i = 0; !isnan(mask) && i < ARRAY_LEN(bits); i++) {
        if ((unsigned)mask & bits[i].bit)
            append(text, size, "  %s", bits[i].name);
    }
}

void watch_view_gpu(struct pen *pen, const char *instance, size_t count)
{
    static const struct {
        const char *metric, *unit;
    } more[] = {{"gpu_temp_c", "\u00b0C"}, {"gpu_power_w", "W"}, {"gpu_mhz", "MHz"}};
    const struct watch_view *view = pen->view;
    double busy = watch_view_value(view, "gpu_util_pct", instance);
    double used = watch_view_value(view, "gpu_mem_used_mb", instance);
    double total = watch_view_value(view, "gpu_mem_total_mb", instance);
    size_t columns = bar_columns(pen), taken = WATCH_VIEW_LABEL + columns + 1;
    size_t room = pen->grid->width > taken ? pen->grid->width - taken : 0;
    char text[256], value[48];
    snprintf(text, sizeof(text), "%s", watch_view_pct(busy, value, sizeof(value)));
    append_used(text, sizeof(text), used, total);
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        double reading = watch_view_value(view, more[i].metric, instance);
        if (i + 1 == ARRAY_LEN(more)) /* before the clock that they hold back */
            append_throttling(text, sizeof(text),
                              watch_view_value(view, "gpu_throttle_reasons", instance));
        snprintf(value, sizeof(value), "  %.0f %s", reading, more[i].unit);
        if (!isnan(reading) && str_width(text) + str_width(value) <= room)
            append(text, sizeof(text), "%s", value);
    }
    snprintf(value, sizeof(value), "GPU%s%.4s", count > 1 ? " " : "",
             watch_view_gpu_number(instance, count));
    pen_label(pen, value);
    watch_view_bar(pen, WATCH_VIEW_LABEL, columns, busy / 100, GRID_GOOD);
    grid_put(pen->grid, pen->row++, WATCH_VIEW_LABEL + columns + 1, pen->grid->width, GRID_NORMAL,
             text);
}

static void put_reason(struct pen *pen, const char *label, const struct channel *channel)
{
    char text[320];
    snprintf(text, sizeof(text), "-  (%s)", content_why(channel->reason, channel->why));
    pen_label(pen, label);
    grid_put(pen->grid, pen->row++, WATCH_VIEW_LABEL, pen->grid->width, GRID_DIM, text);
}

void watch_view_gpus(struct pen *pen)
{
    const char *names[GPUS_MAX];
    const struct channel *missing = NULL;
    size_t count = watch_view_gpu_names(pen->view, names, GPUS_MAX, &missing);
    for (size_t i = 0; i < count; i++)
        watch_view_gpu(pen, names[i], count);
    if (count == 0 && missing)
        put_reason(pen, "GPU", missing);
}

/* ---- groups of other channels, as items one behind the other ---- */

struct group_row {
    const char *label;
    bool says_why; /* a line with the reason where no channel of it has values */
    bool is_named; /* items are called by their instances */
    struct {
        const char *metric, *name;
    } items[9];
};

static const struct group_row groups[] = {
    {"temp", true, true, {{"temp_c", ""}}},
    {"power", true, true, {{"power_w", ""}}},
    {"board",
     false,
     false,
     {{"emc_util_pct", "emc"},
      {"emc_mhz", "emc"},
      {"engine_mhz", ""},
      {"fan_pct", "fan"},
      {"under_voltage", "under-voltage"},
      {"soc_throttle_flags", "throttle flags"}}},
    {"cgroup",
     false,
     false,
     {{"cgroup_mem_mb", "mem"},
      {"cgroup_cpu_pct", "CPU"},
      {"cgroup_throttled_pct", "throttled"},
      {"cgroup_oom_kills", "OOM kills"}}},
    {"program",
     false,
     false,
     {{"inference_avg_ms", "mean"},
      {"inference_p99_ms", "p99"},
      {"inference_max_ms", "max"},
      {"pipeline_fps", "fps"},
      {"inference_count", "n"},
      {"pipeline_queue_depth", "queue"},
      {"pipeline_drops", "drops"},
      {"pipeline_write_ms", "write"},
      {"work_done", "work"}}},
    {"spans", false, true, {{"span_avg_ms", ""}}},
    {"open", false, true, {{"span_open_s", ""}}},
    {"frames", false, true, {{"frame_fps", ""}}},
    {"counters", false, true, {{"counter_total", ""}, {"gauge_value", ""}}},
};

static const char *item_name(const struct group_row *group, const struct channel *channel)
{
    for (size_t i = 0; i < ARRAY_LEN(group->items) && group->items[i].metric; i++) {
        if (strcmp(group->items[i].metric, channel->metric->name) == 0)
            return group->is_named || !group->items[i].name[0] ? channel->instance
                                                               : group->items[i].name;
    }
    return NULL;
}

/* A flag that is not set needs no room; one that is deserves to be seen. */
static bool is_flag(const struct metric *metric)
{
    return strcmp(metric->name, "under_voltage") == 0 ||
           strcmp(metric->name, "soc_throttle_flags") == 0 ||
           strcmp(metric->name, "cgroup_oom_kills") == 0 ||
           strcmp(metric->name, "cgroup_throttled_pct") == 0;
}

static void item_text(const char *name, const struct channel *channel, double value, char *buf,
                      size_t size)
{
    char number[48];
    if (strcmp(channel->metric->name, "soc_throttle_flags") == 0)
        snprintf(number, sizeof(number), "0x%x", isnan(value) ? 0 : (unsigned)value);
    else
        watch_view_text(channel->metric, value, number, sizeof(number));
    if (strcmp(channel->metric->name, "under_voltage") == 0) /* only shown where it is 1 */
        snprintf(buf, size, "%s", name);
    else
        snprintf(buf, size, "%.24s%s%s", name, name[0] ? " " : "", number);
}

/* Items one behind the other, on as many lines as there are for them. */
struct items {
    struct pen *pen;
    const char *label;
    size_t lines;
    size_t column, used, hidden; /* used: lines so far; hidden: items without room */
};

static void put_item(struct items *items, enum grid_style style, const char *text)
{
    struct pen *pen = items->pen;
    size_t columns = str_width(text), width = pen->grid->width;
    /* At the end of the last line there is room for " +12". */
    size_t end = items->used >= items->lines ? width - 4 : width;
    if (items->used == 0) {
        pen_label(pen, items->label);
        items->column = WATCH_VIEW_LABEL;
        items->used = 1;
    } else if (items->column + columns > end && items->used < items->lines) {
        pen->row++;
        items->column = WATCH_VIEW_LABEL;
        items->used++;
    }
    end = items->used >= items->lines ? width - 4 : width;
    if (items->hidden > 0 || (items->column + columns > end && items->column > WATCH_VIEW_LABEL)) {
        items->hidden++;
        return;
    }
    grid_put(pen->grid, pen->row, items->column, width, style, text);
    items->column += columns + 2;
}

static void end_items(struct items *items)
{
    struct pen *pen = items->pen;
    char more[16];
    if (items->hidden > 0) {
        snprintf(more, sizeof(more), "+%zu", u64_min(items->hidden, 99));
        grid_put_right(pen->grid, pen->row, pen->grid->width - 3, 3, GRID_DIM, more);
    }
    pen->row += items->used > 0 ? 1 : 0;
}

/* Those that have a value, or those that miss theirs now. */
static void put_items(struct items *items, const struct group_row *group, bool missing)
{
    const struct watch_view *view = items->pen->view;
    char text[96];
    for (size_t i = 0; i < view->channel_count; i++) {
        const struct channel *channel = &view->channels[i];
        const char *name = item_name(group, channel);
        bool flag = is_flag(channel->metric);
        if (!name || channel->reason != REASON_NONE || isnan(view->values[i]) != missing ||
            (missing && channel->is_late) || (flag && !(view->values[i] > 0)))
            continue;
        item_text(name, channel, view->values[i], text, sizeof(text));
        put_item(items, flag ? GRID_WARN : GRID_NORMAL, text);
    }
}

static void put_group(struct pen *pen, const struct group_row *group, size_t lines)
{
    const struct watch_view *view = pen->view;
    struct items items = {.pen = pen, .label = group->label, .lines = lines};
    put_items(&items, group, false);
    put_items(&items, group, true);
    end_items(&items);
    for (size_t i = 0; items.used == 0 && group->says_why && i < view->channel_count; i++) {
        const struct channel *channel = &view->channels[i];
        if (channel->reason != REASON_NONE && item_name(group, channel)) {
            put_reason(pen, group->label, channel);
            return;
        }
    }
}

void watch_view_groups(struct pen *pen, size_t lines)
{
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        put_group(pen, &groups[i], lines);
}

/* ---- does memory grow? ---- */

static void say_growth(const struct growth_verdict *verdict, char *text, size_t size)
{
    char first[32], second[32], third[32];
    const struct growth_rate *pace = &verdict->pace;
    if (verdict->class == GROWTH_TOO_SHORT) {
        snprintf(text, size, "cannot be told yet: %s more",
                 watch_view_duration(verdict->needed_s, first, sizeof(first)));
        return;
    }
    if (verdict->class == GROWTH_NONE) {
        snprintf(text, size, "none: level at %s",
                 watch_view_mb(verdict->level_mb, first, sizeof(first)));
        if (isfinite(verdict->smallest_per_min))
            append(text, size, "  (%s MB/min would have been seen)",
                   unit_format_number(verdict->smallest_per_min, 2, first, sizeof(first)));
        return;
    }
    if (verdict->class == GROWTH_WARMING) {
        snprintf(text, size, "warmed up and rests at %s, not yet for long enough",
                 watch_view_mb(verdict->level_mb, first, sizeof(first)));
        return;
    }
    snprintf(text, size, "%s %s MB/min (%s to %s)", growth_class_name(verdict->class),
             unit_format_number(pace->value, 3, first, sizeof(first)),
             unit_format_number(pace->lo, 3, second, sizeof(second)),
             unit_format_number(pace->hi, 3, third, sizeof(third)));
}

static void say_limit(const struct pen *pen, const struct growth_verdict *verdict, char *text,
                      size_t size)
{
    const struct growth_rate *left = &verdict->to_limit_s;
    char first[32], second[32];
    if (!growth_is_leak(verdict->class) || isnan(left->value))
        return;
    double limit_mb = pen->now->memory_limit_mb;
    append(text, size, ", %s in %s",
           isnan(limit_mb) ? "limit" : watch_view_mb(limit_mb, first, sizeof(first)),
           watch_view_duration(left->value, second, sizeof(second)));
    append(text, size, " (%s to %s)", watch_view_duration(left->lo, first, sizeof(first)),
           watch_view_duration(left->hi, second, sizeof(second)));
}

void watch_view_growth(struct pen *pen)
{
    const struct growth_verdict *verdict = pen->now->status->growth;
    char text[320];
    if (!verdict)
        return;
    say_growth(verdict, text, sizeof(text));
    say_limit(pen, verdict, text, sizeof(text));
    enum grid_style style = growth_is_leak(verdict->class)  ? GRID_BAD
                            : verdict->class == GROWTH_NONE ? GRID_GOOD
                            : verdict->class == GROWTH_TOO_SHORT || verdict->class == GROWTH_WARMING
                                ? GRID_NORMAL
                                : GRID_WARN;
    pen_label(pen, "growth");
    grid_put(pen->grid, pen->row++, WATCH_VIEW_LABEL, pen->grid->width, style, text);
}

/* ---- sparklines ---- */

static void put_history(struct pen *pen, const struct watch_view_history *history)
{
    const struct metric *metric = pen->view->channels[history->channel].metric;
    double values[WATCH_VIEW_STEPS], low = NAN, high = NAN;
    char range[96], first[48], second[48];
    struct strbuf line = {0};
    size_t room = pen->grid->width - WATCH_VIEW_LABEL - 26;
    size_t count = watch_view_history_get(history, u64_min(room, WATCH_VIEW_STEPS), values);
    for (size_t i = 0; i < count; i++) {
        low = fmin(low, values[i]);
        high = fmax(high, values[i]);
    }
    if (low == high || isnan(low))
        watch_view_text(metric, low, range, sizeof(range));
    else
        snprintf(range, sizeof(range), "%s to %s",
                 watch_view_text(metric, low, first, sizeof(first)),
                 watch_view_text(metric, high, second, sizeof(second)));
    text_sparkline(values, count, count, &line);
    pen_label(pen, history->label);
    grid_put(pen->grid, pen->row, WATCH_VIEW_LABEL + room - count, count, GRID_GOOD,
             strbuf_get(&line));
    grid_put(pen->grid, pen->row++, WATCH_VIEW_LABEL + room + 1, 25, GRID_NORMAL, range);
    strbuf_deinit(&line);
}

void watch_view_histories(struct pen *pen, size_t lines)
{
    const struct watch_view *view = pen->view;
    for (size_t i = 0; i < view->history_count && i < lines; i++)
        put_history(pen, &view->histories[i]);
}

/* ---- keys ---- */

void watch_view_keys(struct pen *pen)
{
    static const char *const sorts[] = {"tree", "CPU", "memory", "pid"};
    const struct watch_view *view = pen->view;
    char text[120];
    if (view->kind == WATCH_VIEW_GPUS)
        snprintf(text, sizeof(text), "q quit  p %s  h help", view->is_paused ? "go on" : "pause");
    else
        snprintf(text, sizeof(text), "q quit  p %s  s sort: %s  h help",
                 view->is_paused ? "go on" : "pause", sorts[view->sort]);
    size_t used = grid_put(pen->grid, pen->row, 0, pen->grid->width, GRID_DIM, text);
    if (view->is_paused)
        grid_put(pen->grid, pen->row, used + 3, pen->grid->width, GRID_WARN,
                 "PAUSED: the picture stands, watching goes on");
    pen->row++;
}
