/* model_lines.c: what a report says of a model besides its latency: what it is and runs on, how
 * much it got done, how it started, what its memory came to, how an open loop fared, which of its
 * nodes take the time. All of it from facts and series; a run that has none of them gets no line.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/unit.h"
#include "base/util.h"
#include "report/content.h"

/* ---- what it is ---- */

static void append_detail(struct content *content, const char *before, const char *text,
                          const char *after)
{
    size_t used = strlen(content->detail);
    snprintf(content->detail + used, sizeof(content->detail) - used, "%s%s%s%s", used ? " · " : "",
             before, text, after);
}

/* A whole number of the facts; 0: there is none. */
static int64_t integer_of(const struct facts *facts, const char *key)
{
    const struct fact *fact = facts_get(facts, key);
    return fact && fact->kind == FACT_INTEGER ? fact->integer : 0;
}

static void detail_count(struct content *content, const char *key, int64_t from, const char *before,
                         const char *after)
{
    char number[24];
    int64_t count = integer_of(&content->run->workload, key);
    if (count < from)
        return;
    snprintf(number, sizeof(number), "%lld", (long long)count);
    append_detail(content, before, number, after);
}

static void detail_precision(struct content *content)
{
    const struct facts *facts = &content->run->workload;
    const char *precision = facts_get_text(facts, "precision", NULL);
    const char *computed = facts_get_text(facts, "compute_precision", NULL);
    char cast[64];
    if (!precision)
        return;
    snprintf(cast, sizeof(cast), " computed as %s", computed ? computed : "");
    append_detail(content, "", precision, computed && strcmp(computed, precision) != 0 ? cast : "");
}

/* Who ran the nodes, as the engine's own profile tells; else who was asked. */
static void detail_provider(struct content *content)
{
    const struct facts *facts = &content->run->workload;
    const struct fact *shares = facts_get(facts, "provider_shares");
    char text[160] = "";
    for (size_t i = 0; shares && shares->kind == FACT_LIST && i < shares->list_count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "", shares->list[i]);
    }
    const char *asked = facts_get_text(facts, "provider_asked", NULL);
    if (text[0])
        append_detail(content, "node time: ", text, "");
    else if (asked)
        append_detail(content, "provider ", asked, " (not confirmed)");
}

static void detail_loop(struct content *content)
{
    const struct facts *facts = &content->run->workload;
    const struct fact *rate = facts_get(facts, "rate_per_s");
    char text[96], number[32];
    if (!rate || rate->kind != FACT_NUMBER)
        return;
    snprintf(text, sizeof(text), "%s/s, %s arrivals",
             unit_format_number(rate->number, 6, number, sizeof(number)),
             facts_get_text(facts, "arrival", "constant"));
    append_detail(content, "open loop ", text, "");
}

void content_make_detail(struct content *content)
{
    const struct facts *facts = &content->run->workload;
    const char *device = facts_get_text(facts, "device", NULL);
    const char *engine = facts_get_text(facts, "engine", NULL);
    const char *version = facts_get_text(facts, "engine_version", NULL);
    if (!facts_get_text(facts, "model", NULL))
        return;
    detail_precision(content);
    detail_count(content, "batch_size", 1, "batch ", "");
    detail_count(content, "streams", 2, "", " streams");
    detail_count(content, "threads", 1, "threads ", "");
    if (device)
        append_detail(content, "on ", device, "");
    detail_provider(content);
    if (engine && version)
        append_detail(content, engine, " ", version);
    else if (engine)
        append_detail(content, engine, "", "");
    detail_loop(content);
    str_make_printable(content->detail);
}

/* ---- lines ---- */

/* One item of a line. `format` holds one %s for the value. */
struct figure {
    const char *metric, *instance; /* instance NULL: the first */
    const char *stat;
    const char *format;
};

/* Adds the item if the metric has values; begins the line with the first one. */
static int add_figure(struct content *content, const char *label, struct content_line **line,
                      const struct figure *figure, struct error *err)
{
    const struct run_series *series =
        run_find_series(content->run, figure->metric, figure->instance);
    struct summary summary;
    double value = NAN;
    char text[48];
    if (!series)
        return 0;
    int rc = summary_of(content->run, series, PHASE_STEADY, &summary, err);
    if (rc == 0 && summary.n > 0)
        rc = summary_statistic(&summary, figure->stat, &value, err);
    if (rc < 0 || summary.n == 0)
        return rc;
    if (!*line)
        *line = content_add_line(content, label);
    content_value(series->series.metric, value, text, sizeof(text));
    const char *hole = strstr(figure->format, "%s");
    content_add_item(*line, "%.*s%s%s", (int)(hole - figure->format), figure->format, text,
                     hole + 2);
    return 0;
}

static int add_figures(struct content *content, const char *label, const struct figure *figures,
                       size_t count, struct error *err)
{
    struct content_line *line = NULL;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_figure(content, label, &line, &figures[i], err);
    return rc;
}

/* Mean with its interval, as the limit on it sees it. */
static int add_throughput(struct content *content, struct error *err)
{
    static const struct figure energy = {"energy_per_inference_j", NULL, "mean",
                                         "energy %s per inference"};
    const struct run_series *series = run_find_series(content->run, "throughput_per_s", NULL);
    struct content_line *line = NULL;
    struct summary summary;
    char mean[48], half[48];
    if (series) {
        int rc = summary_of(content->run, series, PHASE_STEADY, &summary, err);
        if (rc < 0)
            return rc;
        line = content_add_line(content, "throughput");
        const struct metric *metric = series->series.metric;
        content_value(metric, summary.mean, mean, sizeof(mean));
        content_value(metric, (summary.mean_hi - summary.mean_lo) / 2, half, sizeof(half));
        if (summary.n == 0)
            content_add_item(line, "- (%s)", content_why(summary.reason, summary.why));
        else if (summary.has_mean_ci)
            content_add_item(line, "mean %s ± %s (95 %%)", mean, half);
        else
            content_add_item(line, "mean %s", mean);
    }
    return add_figure(content, "throughput", &line, &energy, err);
}

/* What was never served has no latency, but is part of the truth. */
static void add_unserved(struct content *content)
{
    const struct run_series *series = run_find_series(content->run, "unserved_wait_ms", NULL);
    char text[48];
    double longest = 0;
    for (size_t i = 0; series && i < series->count; i++)
        longest = fmax(longest, series->samples[i].value);
    if (!series || series->count == 0)
        return;
    content_add_item(content_add_line(content, "unserved"), "%zu, waiting for up to %s",
                     series->count,
                     content_value(series->series.metric, longest, text, sizeof(text)));
}

int content_make_model_lines(struct content *content, struct error *err)
{
    static const struct figure service[] = {{"service_ms", NULL, "median", "median %s"},
                                            {"service_ms", NULL, "p99", "p99 %s"}};
    static const struct figure lag[] = {{"send_lag_ms", NULL, "median", "median %s"},
                                        {"send_lag_ms", NULL, "p99", "p99 %s"},
                                        {"send_lag_ms", NULL, "max", "longest %s"}};
    static const struct figure start[] = {{"load_ms", NULL, "median", "engine %s"},
                                          {"session_ms", NULL, "median", "session %s"},
                                          {"first_ms", NULL, "median", "first inference %s"}};
    static const struct figure memory[] = {{"stage_rss_mb", "load", "max", "engine %s"},
                                           {"stage_rss_mb", "session", "max", "session %s"},
                                           {"stage_rss_mb", "first", "max", "first %s"},
                                           {"stage_rss_mb", "steady", "max", "steady %s"},
                                           {"stage_anon_mb", "steady", "max", "anonymous %s"}};
    if (!content->has_many_units)
        return 0;
    int rc = add_throughput(content, err);
    if (rc == 0)
        rc = add_figures(content, "service", service, ARRAY_LEN(service), err);
    if (rc == 0)
        rc = add_figures(content, "send lag", lag, ARRAY_LEN(lag), err);
    if (rc < 0)
        return rc;
    add_unserved(content);
    rc = add_figures(content, "start", start, ARRAY_LEN(start), err);
    return rc < 0 ? rc : add_figures(content, "resident", memory, ARRAY_LEN(memory), err);
}

/* ---- nodes ---- */

struct node {
    const struct run_series *series;
    double mean;
};

static int compare_nodes(const void *a, const void *b)
{
    const struct node *x = a, *y = b;
    return (x->mean < y->mean) - (x->mean > y->mean);
}

/* Nodes with values, slowest first; *ret_sum is the time of all of them. */
static int collect_nodes(const struct run *run, struct node *nodes, size_t *ret_count,
                         double *ret_sum, struct error *err)
{
    size_t count = 0;
    double sum = 0;
    for (size_t i = 0; i < run->series_count; i++) {
        struct summary summary;
        if (strcmp(run->series[i].series.metric->name, "node_ms") != 0)
            continue;
        int rc = summary_of(run, &run->series[i], PHASE_STEADY, &summary, err);
        if (rc < 0)
            return rc;
        if (summary.n == 0)
            continue;
        nodes[count++] = (struct node){&run->series[i], summary.mean};
        sum += summary.mean;
    }
    if (count > 0)
        qsort(nodes, count, sizeof(*nodes), compare_nodes);
    *ret_count = count;
    *ret_sum = sum;
    return 0;
}

int content_make_node_lines(struct content *content, struct error *err)
{
    const struct run *run = content->run;
    size_t count = 0;
    double sum = 0, rest = 0;
    if (!run_find_series(run, "node_ms", NULL))
        return 0;
    CLEANUP_FREE struct node *nodes = calloc(run->series_count, sizeof(*nodes));
    if (!nodes)
        return error_set(err, ERROR_NOMEM, "out of memory for %zu nodes", run->series_count);
    int rc = collect_nodes(run, nodes, &count, &sum, err);
    if (rc < 0 || count == 0)
        return rc;
    snprintf(content->node_heading, sizeof(content->node_heading),
             "where the time goes: the slowest of %zu nodes", count);
    for (size_t i = 0; i < count; i++) {
        char share[24], mean[32];
        if (i >= CONTENT_NODES_MAX) {
            rest += nodes[i].mean;
            continue;
        }
        snprintf(share, sizeof(share), "%.1f %%", sum > 0 ? 100 * nodes[i].mean / sum : 0);
        content_value(nodes[i].series->series.metric, nodes[i].mean, mean, sizeof(mean));
        struct content_line *line = content_add_line(content, share);
        content_add_item(line, "%s", mean);
        content_add_item(line, "%s", nodes[i].series->series.instance);
    }
    if (count > CONTENT_NODES_MAX) {
        char share[24];
        snprintf(share, sizeof(share), "%.1f %%", sum > 0 ? 100 * rest / sum : 0);
        content_add_item(content_add_line(content, share), "… %zu more", count - CONTENT_NODES_MAX);
    }
    return 0;
}
