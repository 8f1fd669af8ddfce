/* genai_perf.c: what GenAI-Perf and AIPerf export, as JSON (metric → statistics) or CSV (a block of
 * statistics, then one of single values). The statistics cannot be computed anew: each is a metric.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/peers/peer_json.h"

extern const struct peer peer_genai_perf;

#define COLUMNS_MAX 24

static bool is_json(const struct peer_input *input)
{
    return input->text[strspn(input->text, " \t\r\n")] == '{';
}

static bool genai_perf_accepts(const struct peer_input *input)
{
    if (is_json(input))
        return peer_holds(input, "\"request_latency\"", input->size) &&
               peer_holds(input, "\"unit\"", input->size) &&
               peer_holds(input, "\"avg\"", input->size);
    return strncmp(input->text, "Metric,avg,", 11) == 0 ||
           (strncmp(input->text, "Metric,", 7) == 0 && peer_holds(input, "Request Latency", 8192));
}

/* Which way is better, by what a metric of this family measures. */
static enum direction direction_of(const char *name)
{
    if (strstr(name, "throughput") || strstr(name, "goodput"))
        return DIRECTION_HIGHER;
    if (strstr(name, "latency") || strstr(name, "time_to") || strstr(name, "error"))
        return DIRECTION_LOWER;
    return DIRECTION_NEITHER;
}

/* "Time To First Token (ms)": "time_to_first_token" and "ms". */
static void split_name(const char *text, char *name, size_t name_size, char *unit, size_t unit_size)
{
    size_t length = 0;
    const char *bracket = strrchr(text, '(');
    for (const char *c = text; *c && c != bracket && length + 1 < name_size; c++) {
        if (isalnum((unsigned char)*c))
            name[length++] = (char)tolower((unsigned char)*c);
        else if (length > 0 && name[length - 1] != '_')
            name[length++] = '_';
    }
    while (length > 0 && name[length - 1] == '_')
        length--;
    name[length] = '\0';
    str_copy(unit, unit_size, bracket ? bracket + 1 : "");
    unit[strcspn(unit, ")")] = '\0';
    if (strcmp(unit, "per sec") == 0 || strcmp(unit, "requests/sec") == 0 ||
        strcmp(unit, "tokens/sec") == 0)
        str_copy(unit, unit_size, "1/s");
    else if (strcmp(unit, "tokens") == 0 || strcmp(unit, "count") == 0 ||
             strcmp(unit, "requests") == 0)
        unit[0] = '\0';
}

/* Name, unit and statistic, as one metric: "request_latency_p99_ms". */
static void add(struct peer_run *run, const char *name, const char *unit, const char *statistic,
                double value)
{
    char metric[100], definition[160];
    bool is_time = strcmp(unit, "ms") == 0 || strcmp(unit, "us") == 0 || strcmp(unit, "ns") == 0;
    snprintf(metric, sizeof(metric), "%.60s%s%.16s%s%s", name, *statistic ? "_" : "", statistic,
             is_time ? "_" : "", is_time ? unit : "");
    snprintf(definition, sizeof(definition), "%s%s%.60s as GenAI-Perf tells it",
             *statistic ? statistic : "", *statistic ? " of " : "", name);
    peer_run_value(run, metric, unit, direction_of(name), definition, value);
}

/* ---- JSON ---- */

static int read_json(const struct peer_input *input, const json_t *root, size_t index,
                     struct error *err)
{
    static const char *const statistics[] = {"avg", "p1",  "p5",  "p10", "p25", "p50", "p75",
                                             "p90", "p95", "p99", "min", "max", "std"};
    struct peer_run run;
    peer_run_init(&run, &peer_genai_perf, input, index, NULL, err);
    run.begin_epoch_s = peer_epoch_s(json_string_value(json_object_get(root, "start_time")));
    run.is_cut_short = json_is_true(json_object_get(root, "was_cancelled"));
    const char *key;
    json_t *metric;
    json_object_foreach((json_t *)root, key, metric)
    {
        const char *told = json_string_value(json_object_get(metric, "unit"));
        if (!told)
            continue;
        char bracketed[64], name[64], unit[32];
        snprintf(bracketed, sizeof(bracketed), "x (%.32s)", told);
        split_name(bracketed, name, sizeof(name), unit, sizeof(unit));
        for (size_t i = 0; i < ARRAY_LEN(statistics); i++) {
            const json_t *value = json_object_get(metric, statistics[i]);
            if (json_is_number(value))
                add(&run, key, unit, statistics[i], json_number_value(value));
        }
    }
    return peer_run_end(&run);
}

/* ---- CSV ---- */

/* Splits a line in place at its commas, outside quotes; quotes go. */
static size_t split_cells(char *line, char *cells[COLUMNS_MAX])
{
    size_t count = 0;
    char *to = line;
    bool quoted = false;
    cells[count++] = to;
    for (const char *c = line; *c; c++) {
        if (*c == '"') {
            quoted = !quoted;
        } else if (*c == ',' && !quoted) {
            *to++ = '\0';
            if (count < COLUMNS_MAX)
                cells[count++] = to;
        } else {
            *to++ = *c;
        }
    }
    *to = '\0';
    return count;
}

/* "1,146.31" in quotes is a number of theirs. */
static double number_of(const char *cell)
{
    char plain[64];
    size_t length = 0;
    for (; *cell && length + 1 < sizeof(plain); cell++) {
        if (*cell != ',')
            plain[length++] = *cell;
    }
    plain[length] = '\0';
    char *end;
    double value = strtod(plain, &end);
    return end == plain || *end || !isfinite(value) ? NAN : value;
}

static int read_csv(const struct peer_input *input, struct error *err)
{
    struct peer_run run;
    peer_run_init(&run, &peer_genai_perf, input, 0, NULL, err);
    char line[4096], header_line[4096] = "", *cells[COLUMNS_MAX], *header[COLUMNS_MAX] = {NULL};
    size_t at = 0, columns = 0;
    while (peer_line(input, &at, line, sizeof(line))) {
        if (strncmp(line, "Metric,", 7) == 0) {
            str_copy(header_line, sizeof(header_line), line);
            columns = split_cells(header_line, header);
            continue;
        }
        char name[64], unit[32];
        size_t count = split_cells(line, cells);
        split_name(cells[0], name, sizeof(name), unit, sizeof(unit));
        for (size_t i = 1; i < count && i < columns; i++)
            add(&run, name, unit, strcmp(header[i], "Value") == 0 ? "" : header[i],
                number_of(cells[i]));
    }
    return peer_run_end(&run);
}

static int genai_perf_read(const struct peer_input *input, struct error *err)
{
    return is_json(input) ? peer_json_documents(input, read_json, err) : read_csv(input, err);
}

const struct peer peer_genai_perf = {.name = "genai_perf",
                                     .files = "JSON or CSV export (also AIPerf's)",
                                     .accepts = genai_perf_accepts,
                                     .read = genai_perf_read};
