/* metrics.c: `tacho metrics` (hidden): THE registry of metrics as Markdown, which is
 * docs/metrics.md, or as JSON.
 */
#include <string.h>

#include "base/text_table.h"
#include "cmd/command.h"
#include "format/json_writer.h"
#include "model/metric.h"

static void metrics_json(struct strbuf *out)
{
    struct json_writer writer = {.out = out};
    json_write_object(&writer, NULL);
    json_write_text(&writer, "schema", "tacho.metrics/1");
    json_write_array(&writer, "metrics");
    for (size_t i = 0; i < metrics_table_count; i++) {
        const struct metric *metric = &metrics_table[i];
        json_write_object_line(&writer, NULL);
        json_write_text(&writer, "name", metric->name);
        json_write_text(&writer, "unit", metric->unit);
        json_write_text(&writer, "direction", direction_name(metric->direction));
        json_write_text(&writer, "limit_stat", metric->limit_stat);
        json_write_text(&writer, "definition", metric->definition);
        json_write_end(&writer);
    }
    json_write_end(&writer);
    json_write_end(&writer);
    strbuf_putc(out, '\n');
}

static const char metrics_intro[] =
    "# Metrics\n\n"
    "Made by `tacho metrics > docs/metrics.md` from the registry in `src/model/metric.c`.\n\n"
    "*Better* says which direction is an improvement; *limit* is the statistic that\n"
    "`--limit 'NAME<=X'` judges when it names none. M and MB are 2^20.\n\n";

static int metrics_run(struct command_context *context, struct error *err)
{
    if (settings_get_bool(&context->settings, SETTING_JSON)) {
        metrics_json(&context->out);
        return 0;
    }
    strbuf_append(&context->out, metrics_intro);
    struct text_table table;
    text_table_init(&table, 5);
    text_table_row(&table, "metric", "unit", "better", "limit", "definition");
    for (size_t i = 0; i < metrics_table_count; i++) {
        const struct metric *metric = &metrics_table[i];
        text_table_row(&table, metric->name, metric->unit, direction_name(metric->direction),
                       metric->limit_stat ? metric->limit_stat : "", metric->definition);
    }
    text_table_render_markdown(&table, &context->out);
    bool failed = table.failed;
    text_table_deinit(&table);
    return failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

extern const struct command command_metrics;
const struct command command_metrics = {
    .name = "metrics",
    .summary = "print the registry of metrics as Markdown",
    .usage = "[OPTIONS]",
    .examples = NULL,
    .bit = COMMAND_COMMON,
    .flags = COMMAND_HIDDEN | COMMAND_NO_CONFIG,
    .run = metrics_run,
};
