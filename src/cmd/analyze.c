/* analyze.c: `tacho analyze NAME [FILE...]`: what is in a log, and what it means. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "analyze/file_analyzer.h"
#include "base/term.h"
#include "base/unit.h"
#include "base/util.h"
#include "cmd/analyze_measure.h"
#include "cmd/command.h"
#include "cmd/run_command.h"
#include "report/analysis.h"

#define PATHS_MAX 256
#define LIST_MAX 64

static const struct command_verb verbs[] = {
    {"latency", "[FILE]", "percentiles by group, trend, warm-up, worst windows of a table"},
    {"variability", "[FILE [FILE]]", "jitter, outliers and consistency; two files are compared"},
    {"efficiency", "[FILE]", "performance per watt, energy and cost, by group"},
    {"dnn-pipeline", "FILE [FILE]", "layers and transfers of a network; engine A against B"},
    {"tegrastats", "FILE", "temperatures, clocks, rails and memory of a Jetson"},
    {"logs", "FILE...", "latencies, spikes, errors and kills in any log"},
    {"events", "FILE", "parcels, cameras and routes of a tracking log"},
    {"memory", "FILE...", "does memory grow, how fast, and when does it end"},
    {NULL, NULL, NULL},
};

/* ---- options ---- */

struct request {
    struct analyze_options options;
    struct arena arena; /* names split at commas */
    const char *paths[PATHS_MAX];
    const char *groups[LIST_MAX];
    const char *patterns[LIST_MAX];
};

static int add_path(struct request *request, const char *path, struct error *err)
{
    if (request->options.path_count == PATHS_MAX)
        return error_set(err, ERROR_USAGE, "more than %d files", PATHS_MAX);
    request->paths[request->options.path_count++] = path;
    return 0;
}

static int add_paths(struct request *request, const struct settings *settings, enum setting_id id,
                     struct error *err)
{
    const struct setting_value *value = &settings->values[id];
    int rc = 0;
    for (size_t i = 0; i < value->list_count && rc == 0; i++)
        rc = add_path(request, value->list[i], err);
    return rc;
}

static int too_many(enum setting_id id, struct error *err)
{
    return error_set(err, ERROR_USAGE, "more than %d values of --%s", LIST_MAX,
                     settings_table[id].flag);
}

/* "stage,device" are two names. */
static int read_groups(struct request *request, const struct settings *settings, struct error *err)
{
    const struct setting_value *value = &settings->values[SETTING_ANALYZE_GROUP_BY];
    size_t count = 0, length;
    for (size_t i = 0; i < value->list_count; i++) {
        const char *rest = value->list[i], *name;
        while (run_next_name(&rest, &name, &length)) {
            if (count == LIST_MAX)
                return too_many(SETTING_ANALYZE_GROUP_BY, err);
            request->groups[count] = arena_strndup(&request->arena, name, length);
            if (!request->groups[count++])
                return error_set(err, ERROR_NOMEM, "out of memory");
        }
    }
    request->options.group_count = count;
    return 0;
}

/* Patterns may hold commas. */
static int read_patterns(struct request *request, const struct settings *settings,
                         struct error *err)
{
    const struct setting_value *value = &settings->values[SETTING_ANALYZE_PATTERN];
    if (value->list_count > LIST_MAX)
        return too_many(SETTING_ANALYZE_PATTERN, err);
    for (size_t i = 0; i < value->list_count; i++)
        request->patterns[i] = value->list[i];
    request->options.pattern_count = value->list_count;
    return 0;
}

/* Prices of a kWh in USD, and what devices may draw in W: those of the old toolkit. */
struct named {
    const char *name;
    double value;
};

static const struct named rates[] = {
    {"cloud_estimate", 0.15}, {"us_average", 0.12}, {"us_california", 0.22}, {"us_texas", 0.11},
    {"eu_average", 0.25},     {"eu_germany", 0.35}, {"asia_average", 0.10},
};

static const struct named powers[] = {
    {"a100", 400}, {"h100_sxm", 700}, {"h100_pcie", 350}, {"l40s", 350}, {"rtx_4090", 450},
    {"4090", 450}, {"rtx_3090", 350}, {"3090", 350},      {"t4", 70},    {"v100", 300},
};

static int number_or_name(const char *text, const char *flag, const struct named *names,
                          size_t count, double *ret, const char **ret_name, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(names[i].name, text) == 0) {
            *ret = names[i].value;
            *ret_name = names[i].name;
            return 0;
        }
    }
    *ret_name = NULL;
    if (unit_parse_double(text, ret, NULL) == 0 && *ret >= 0)
        return 0;
    struct strbuf known = {0};
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&known, "%s%s", i ? ", " : "", names[i].name);
    error_set(err, ERROR_USAGE, "%s %s is neither a number nor a name", flag, text);
    int rc = error_hint(err, "names: %s", strbuf_get(&known));
    strbuf_deinit(&known);
    return rc;
}

static int read_numbers(struct request *request, const struct settings *settings, struct error *err)
{
    struct analyze_options *options = &request->options;
    const char *power_name, *tdp = settings_get_text(settings, SETTING_TDP);
    options->tdp_w = NAN;
    int rc = number_or_name(settings_get_text(settings, SETTING_COST_RATE), "--rate", rates,
                            ARRAY_LEN(rates), &options->cost_per_kwh, &options->cost_name, err);
    if (rc == 0 && tdp)
        rc = number_or_name(tdp, "--tdp", powers, ARRAY_LEN(powers), &options->tdp_w, &power_name,
                            err);
    if (rc == 0 && options->tdp_w <= 0) {
        error_set(err, ERROR_USAGE, "--tdp %s: no device draws 0 W", tdp);
        rc = error_hint(err, "leave it out, and shares of it are not told");
    }
    bool has_deadline = settings->values[SETTING_DEADLINE].source != SOURCE_DEFAULT;
    bool has_limit = settings->values[SETTING_MEMORY_LIMIT].source != SOURCE_DEFAULT;
    options->deadline_ms =
        has_deadline ? (double)settings_get_u64(settings, SETTING_DEADLINE) * 1e-6 : NAN;
    options->memory_limit_mb =
        has_limit ? (double)settings_get_u64(settings, SETTING_MEMORY_LIMIT) / (1 << 20) : NAN;
    options->threshold_ms = settings->values[SETTING_LATENCY_THRESHOLD].number;
    options->throttle_threshold_c = settings->values[SETTING_THROTTLE_THRESHOLD].number;
    options->batch_size = settings->values[SETTING_BATCH_SIZE].source == SOURCE_FLAG
                              ? settings_get_u64(settings, SETTING_BATCH_SIZE)
                              : 0;
    options->top_layers = settings_get_u64(settings, SETTING_TOP_LAYERS);
    options->threads = settings->values[SETTING_THREADS].source == SOURCE_FLAG
                           ? (unsigned)settings_get_u64(settings, SETTING_THREADS)
                           : 0;
    return rc;
}

static enum percentile_method method_of(const char *name)
{
    static const char *const names[] = {
        [PERCENTILE_LINEAR] = "linear",   [PERCENTILE_HAZEN] = "hazen",
        [PERCENTILE_WEIBULL] = "weibull", [PERCENTILE_MEDIAN_UNBIASED] = "median_unbiased",
        [PERCENTILE_LOWER] = "lower",     [PERCENTILE_HIGHER] = "higher",
        [PERCENTILE_NEAREST] = "nearest",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], name) == 0)
            return (enum percentile_method)i;
    }
    return PERCENTILE_LINEAR;
}

static int read_request(const struct command_context *context, struct request *request,
                        struct error *err)
{
    const struct settings *settings = &context->settings;
    struct analyze_options *options = &request->options;
    int rc = 0;
    for (int i = 1; i < context->argument_count && rc == 0; i++)
        rc = add_path(request, context->arguments[i], err);
    if (rc == 0)
        rc = add_paths(request, settings, SETTING_ANALYZE_CSV, err);
    if (rc == 0)
        rc = add_paths(request, settings, SETTING_ANALYZE_LOG, err);
    if (rc == 0)
        rc = add_paths(request, settings, SETTING_ANALYZE_PROFILER, err);
    if (rc == 0)
        rc = read_groups(request, settings, err);
    if (rc == 0)
        rc = read_patterns(request, settings, err);
    if (rc == 0)
        rc = read_numbers(request, settings, err);
    options->paths = request->paths;
    options->groups = request->groups;
    options->patterns = request->patterns;
    options->metrics_path = settings_get_text(settings, SETTING_ANALYZE_METRICS);
    options->column = settings_get_text(settings, SETTING_ANALYZE_COLUMN);
    options->percentile_method = method_of(settings_get_text(settings, SETTING_PERCENTILE_METHOD));
    options->is_exact = settings_get_bool(settings, SETTING_EXACT);
    return rc;
}

/* ---- whose option is whose ---- */

/* An option of other analyzers would be taken and do nothing. */
static const struct {
    enum setting_id id;
    const char *analyzers;
} owners[] = {
    {SETTING_ANALYZE_COLUMN, "latency variability memory"},
    {SETTING_ANALYZE_GROUP_BY, "latency variability efficiency"},
    {SETTING_DEADLINE, "latency"},
    {SETTING_PERCENTILE_METHOD, "latency variability logs"},
    {SETTING_EXACT, "latency variability tegrastats logs"},
    {SETTING_ANALYZE_PROFILER, "dnn-pipeline"},
    {SETTING_ANALYZE_PATTERN, "logs"},
    {SETTING_LATENCY_THRESHOLD, "logs"},
    {SETTING_THROTTLE_THRESHOLD, "tegrastats"},
    {SETTING_COST_RATE, "efficiency"},
    {SETTING_TDP, "efficiency"},
    {SETTING_BATCH_SIZE, "latency variability efficiency dnn-pipeline"},
    {SETTING_TOP_LAYERS, "dnn-pipeline"},
    {SETTING_ANALYZE_METRICS, "events"},
    {SETTING_MEMORY_LIMIT, "memory"},
    {SETTING_DEVICE, "latency variability efficiency"},
    {SETTING_DURATION, "latency variability efficiency"},
};

static bool is_among(const char *name, const char *names)
{
    size_t length = strlen(name);
    for (const char *at = strstr(names, name); at; at = strstr(at + 1, name)) {
        bool begins = at == names || at[-1] == ' ';
        if (begins && (at[length] == ' ' || at[length] == '\0'))
            return true;
    }
    return false;
}

static int check_options(const struct settings *settings, const char *analyzer, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
        if (settings->values[owners[i].id].source != SOURCE_FLAG ||
            is_among(analyzer, owners[i].analyzers))
            continue;
        error_set(err, ERROR_USAGE, "--%s is no option of analyze %s",
                  settings_table[owners[i].id].flag, analyzer);
        return error_hint(err, "it belongs to: %s", owners[i].analyzers);
    }
    return 0;
}

/* What is measured is told by these, and a file was measured already. */
static int check_measuring(const struct settings *settings, const char *analyzer, size_t paths,
                           struct error *err)
{
    static const enum setting_id ids[] = {SETTING_DEVICE, SETTING_DURATION, SETTING_BATCH_SIZE};
    bool reads_batch = is_among(analyzer, "efficiency dnn-pipeline");
    for (size_t i = 0; i < ARRAY_LEN(ids) && paths > 0; i++) {
        if (settings->values[ids[i]].source != SOURCE_FLAG ||
            (ids[i] == SETTING_BATCH_SIZE && reads_batch))
            continue;
        error_set(err, ERROR_USAGE, "--%s is for what is measured, and a file was given",
                  settings_table[ids[i]].flag);
        return error_hint(err, "leave one of them out");
    }
    return 0;
}

/* ---- the command ---- */

static int unknown_analyzer(const char *name, struct error *err)
{
    const char *names[ARRAY_LEN(verbs)];
    struct strbuf known = {0};
    size_t count = 0;
    for (; verbs[count].name; count++) {
        names[count] = verbs[count].name;
        strbuf_printf(&known, "%s%s", count ? ", " : "", names[count]);
    }
    int near = name ? str_nearest(name, names, count) : -1;
    if (!name)
        error_set(err, ERROR_USAGE, "analyze needs to know what for");
    else if (near >= 0)
        error_set(err, ERROR_USAGE, "no analyzer '%s': did you mean %s?", name, names[near]);
    else
        error_set(err, ERROR_USAGE, "no analyzer '%s'", name);
    int rc = error_hint(err, "there are: %s", strbuf_get(&known));
    strbuf_deinit(&known);
    return rc;
}

static int check_files(const struct file_analyzer *analyzer, size_t count, struct error *err)
{
    if (count == 0 && !(analyzer->flags & FILE_ANALYZER_MEASURES)) {
        error_set(err, ERROR_USAGE, "analyze %s needs a file", analyzer->name);
        return error_hint(err, "tacho analyze %s FILE; - is stdin", analyzer->name);
    }
    size_t most = analyzer->flags & FILE_ANALYZER_MANY   ? PATHS_MAX
                  : analyzer->flags & FILE_ANALYZER_PAIR ? 2
                                                         : 1;
    if (count <= most)
        return 0;
    error_set(err, ERROR_USAGE, "analyze %s reads %s, not %zu files", analyzer->name,
              most == 1 ? "one file" : "one file, or two to compare", count);
    return error_hint(err, "one at a time");
}

static int render(struct command_context *context, const struct analysis *analysis,
                  struct error *err)
{
    const struct settings *settings = &context->settings;
    const char *format = output_format(settings);
    if (strcmp(format, "json") == 0)
        return report_analysis_json(analysis, &context->out, err);
    if (strcmp(format, "markdown") == 0)
        return report_analysis_markdown(analysis, &context->out, err);
    bool is_file = settings_get_text(settings, SETTING_OUTPUT) != NULL;
    struct report_options options = {
        .colour = !is_file && term_has_colour(STDOUT_FILENO),
        .width = term_width(STDOUT_FILENO),
        .verbose = settings_get_bool(settings, SETTING_VERBOSE),
        .quiet = settings_get_bool(settings, SETTING_QUIET),
    };
    return report_analysis_text(analysis, &options, &context->out, err);
}

static int analyze_run(struct command_context *context, struct error *err)
{
    const char *name = context->argument_count > 0 ? context->arguments[0] : NULL;
    const struct file_analyzer *analyzer = name ? file_analyzer_find(name) : NULL;
    if (!analyzer)
        return unknown_analyzer(name, err);
    if (strcmp(output_format(&context->settings), "csv") == 0) {
        error_set(err, ERROR_USAGE, "an analysis has several tables, and no CSV");
        return error_hint(err, "--format json or markdown");
    }
    CLEANUP_FREE struct request *request = calloc(1, sizeof(*request));
    if (!request)
        return error_set(err, ERROR_NOMEM, "out of memory");
    int rc = read_request(context, request, err);
    if (rc == 0)
        rc = check_options(&context->settings, analyzer->name, err);
    if (rc == 0)
        rc = check_measuring(&context->settings, analyzer->name, request->options.path_count, err);
    if (rc == 0)
        rc = check_files(analyzer, request->options.path_count, err);
    struct analysis analysis;
    analysis_init(&analysis, analyzer->name);
    if (rc == 0)
        rc = request->options.path_count > 0
                 ? analyzer->files(&request->options, &analysis, err)
                 : analyze_measure(context, analyzer, &request->options, &analysis, err);
    if (rc == 0)
        rc = render(context, &analysis, err);
    analysis_deinit(&analysis);
    arena_deinit(&request->arena);
    return rc;
}

extern const struct command command_analyze;
const struct command command_analyze = {
    .name = "analyze",
    .summary = "read a log, a table or a profile, and say what it means",
    .usage = "[OPTIONS]",
    .verbs = verbs,
    .examples = "  tacho analyze latency bench.csv            percentiles by workload and batch\n"
                "  tacho analyze latency --deadline 33ms -    the same of stdin\n"
                "  tacho analyze variability old.csv new.csv  is the new one steadier?\n"
                "  tacho analyze tegrastats tegrastats.log    what limited the Jetson\n"
                "  tacho analyze logs --threshold 100 app.log spikes, and what preceded them\n"
                "  tacho analyze memory system_metrics.csv    is it a leak, and when does it end\n"
                "  tacho analyze latency                      measure the built-in model first\n",
    .bit = COMMAND_COMMON | COMMAND_ANALYZE,
    .flags = COMMAND_NEEDS_LAUNCHER,
    .run = analyze_run,
};
