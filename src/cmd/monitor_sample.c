/* monitor_sample.c: one row as JSON (tacho.sample/1), or as lines of text. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text_table.h"
#include "base/unit.h"
#include "base/util.h"
#include "cmd/monitor.h"
#include "format/json_writer.h"

static void write_targets(struct json_writer *writer, const struct monitor *monitor,
                          const struct watch_status *status)
{
    json_write_array(writer, "targets");
    for (size_t i = 0; i < status->end_count; i++) {
        json_write_object_line(writer, NULL);
        json_write_i64(writer, "pid", status->ends[i].pid);
        json_write_text(writer, "name", status->ends[i].name);
        json_write_bool(writer, "is_alive", !status->ends[i].has_ended);
        json_write_end(writer);
    }
    json_write_end(writer);
}

static void write_value(struct json_writer *writer, const struct channel *channel, double value)
{
    enum reason reason = channel->reason;
    json_write_object_line(writer, NULL);
    json_write_text(writer, "metric", channel->metric->name);
    json_write_text(writer, "instance", channel->instance);
    json_write_text(writer, "unit", channel->metric->unit);
    json_write_number(writer, "value", value);
    if (isnan(value)) {
        json_write_text(writer, "reason",
                        reason_name(reason == REASON_NONE ? REASON_TOO_FEW : reason));
        json_write_text(writer, "why", channel->why);
    }
    json_write_text(writer, "source", channel->source);
    json_write_end(writer);
}

void monitor_sample_json(const struct monitor *monitor, bool is_line, struct strbuf *out)
{
    struct json_writer writer = {.out = out, .compact = is_line};
    struct watch_status status;
    watch_get_status(monitor->watch, &status);
    json_write_object(&writer, NULL);
    json_write_text(&writer, "schema", "tacho.sample/1");
    json_write_number(&writer, "epoch_s", monitor->epoch_s);
    json_write_number(&writer, "interval_s", (double)monitor->plan.interval_ns / 1e9);
    json_write_bool(&writer, "synthetic", watch_run_get(monitor->watch)->synthetic);
    write_targets(&writer, monitor, &status);
    json_write_array(&writer, "values");
    for (size_t i = 0; i < monitor->channel_count; i++) {
        if (!monitor->channels[i].is_late || !isnan(monitor->held[i]))
            write_value(&writer, &monitor->channels[i], monitor->held[i]);
    }
    json_write_end(&writer);
    json_write_end(&writer);
    if (out->len > 0 && out->data[out->len - 1] != '\n')
        strbuf_putc(out, '\n');
}

void monitor_sample_text(const struct monitor *monitor, struct strbuf *out)
{
    CLEANUP(text_table_deinit) struct text_table table;
    text_table_init(&table, 4);
    table.align[1] = TEXT_RIGHT;
    for (size_t i = 0; i < monitor->channel_count; i++) {
        const struct channel *channel = &monitor->channels[i];
        char name[128], number[48];
        if (channel->is_late && isnan(monitor->held[i]))
            continue; /* its program records nothing of this kind (yet) */
        snprintf(name, sizeof(name), "%s%s%s", channel->metric->name,
                 channel->instance[0] ? "@" : "", channel->instance);
        if (isnan(monitor->held[i]))
            snprintf(number, sizeof(number), "-");
        else
            unit_format_number(monitor->held[i], 4, number, sizeof(number));
        const char *why = channel->why ? channel->why : reason_name(channel->reason);
        text_table_row(&table, name, number, channel->metric->unit,
                       channel->reason != REASON_NONE ? why : "");
    }
    if (table.failed)
        out->failed = true;
    text_table_render(&table, 0, out);
}
