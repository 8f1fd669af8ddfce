/* output_metrics.c: see output_metrics.h. */
#include "workload/command/output_metrics.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"

#define NUMBER_MAX 64 /* longest text of a number */

/* ---- reading --metric ---- */

static bool name_is_valid(const char *name, size_t length)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz";
    static const char later[] = "abcdefghijklmnopqrstuvwxyz0123456789_.";
    if (length == 0 || strchr(first, name[0]) == NULL)
        return false;
    return strspn(name, later) == length;
}

static int parse_direction(const char *text, size_t length, enum direction *ret_direction)
{
    static const struct {
        const char *name;
        enum direction direction;
    } rows[] = {
        {"higher", DIRECTION_HIGHER}, {"lower", DIRECTION_LOWER}, {"neither", DIRECTION_NEITHER}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strlen(rows[i].name) == length && strncmp(rows[i].name, text, length) == 0) {
            *ret_direction = rows[i].direction;
            return 0;
        }
    }
    return -1;
}

static int refuse_syntax(const char *text, const char *what, struct error *err)
{
    error_set(err, ERROR_USAGE, "--metric %s: %s", text, what);
    error_hint(err, "write NAME=REGEX with the number in the first group: "
                    "--metric fps='FPS: ([0-9.]+)'");
    return -ERROR_USAGE;
}

static int parse_name(struct output_metrics *metrics, const char *text, const char **ret_name,
                      bool *ret_directed, enum direction *ret_direction, struct error *err)
{
    size_t length = strcspn(text, "=");
    if (text[length] != '=')
        return refuse_syntax(text, "'=' is missing", err);
    const char *colon = memchr(text, ':', length);
    size_t name_length = colon != NULL ? (size_t)(colon - text) : length;
    *ret_directed = colon != NULL;
    if (colon != NULL && parse_direction(colon + 1, length - name_length - 1, ret_direction) != 0)
        return refuse_syntax(text, "after ':' stands higher, lower or neither", err);
    char *name = arena_strndup(&metrics->arena, text, name_length);
    if (name == NULL) {
        error_set(err, ERROR_NOMEM, "out of memory for --metric");
        return -ERROR_NOMEM;
    }
    if (!name_is_valid(name, name_length))
        return refuse_syntax(text, "a name has small letters, digits, '_' and '.', a letter first",
                             err);
    *ret_name = name;
    return 0;
}

/* The registry's definition, or one of the user's own. */
static int define(struct output_metric *item, const char *text, const char *name, bool directed,
                  enum direction direction, bool (*is_taken)(const char *name), struct error *err)
{
    const struct metric *known = metric_find(name);
    if (known != NULL && is_taken(known->name)) {
        error_set(err, ERROR_USAGE, "--metric %s: tacho measures %s itself", text, known->name);
        error_hint(err, "choose another name, such as app_%s", known->name);
        return -ERROR_USAGE;
    }
    if (known != NULL && directed && known->direction != direction) {
        error_set(err, ERROR_USAGE, "--metric %s: of %s, %s is better", text, known->name,
                  direction_name(known->direction));
        error_hint(err, "leave the direction out, or choose another name");
        return -ERROR_USAGE;
    }
    item->own = (struct metric){.name = name,
                                .unit = "",
                                .direction = directed ? direction : DIRECTION_NEITHER,
                                .kind = METRIC_VALUE,
                                .scale = 1,
                                .limit_stat = "mean",
                                .definition = "taken from the program's output by --metric"};
    item->metric = known != NULL ? known : &item->own;
    return 0;
}

static int compile(struct output_metric *item, const char *text, struct error *err)
{
    const char *pattern = text + strcspn(text, "=") + 1; /* parse_name saw that it is there */
    int rc = regcomp(&item->regex, pattern, REG_EXTENDED);
    if (rc != 0) {
        char why[128];
        regerror(rc, &item->regex, why, sizeof(why));
        return refuse_syntax(text, why, err);
    }
    if (item->regex.re_nsub < 1) {
        regfree(&item->regex);
        return refuse_syntax(text, "no group ( ) says where the number is", err);
    }
    return 0;
}

static int add_metric(struct output_metrics *metrics, const char *text,
                      bool (*is_taken)(const char *name), uint32_t series_id, struct error *err)
{
    struct output_metric *item = &metrics->items[metrics->count];
    const char *name = NULL;
    bool directed = false;
    enum direction direction = DIRECTION_NEITHER;
    int rc = parse_name(metrics, text, &name, &directed, &direction, err);
    if (rc == 0)
        rc = define(item, text, name, directed, direction, is_taken, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < metrics->count; i++)
        if (strcmp(metrics->items[i].metric->name, item->metric->name) == 0)
            return refuse_syntax(text, "this metric was asked for twice", err);
    rc = compile(item, text, err);
    if (rc != 0)
        return rc;
    const char *source = arena_printf(&metrics->arena, "output, --metric %s", text);
    if (source == NULL) {
        regfree(&item->regex);
        return error_set(err, ERROR_NOMEM, "out of memory for --metric");
    }
    item->series = (struct series){.id = series_id,
                                   .kind = SERIES_VALUE,
                                   .metric = item->metric,
                                   .instance = "",
                                   .source = source};
    metrics->count++;
    return 0;
}

int output_metrics_open(struct output_metrics *metrics, const char *const *texts, size_t count,
                        bool (*is_taken)(const char *name), uint32_t first_series_id,
                        struct error *err)
{
    memset(metrics, 0, sizeof(*metrics));
    if (count == 0)
        return 0;
    metrics->items = calloc(count, sizeof(*metrics->items));
    metrics->lines = calloc(OUTPUT_STREAMS, sizeof(*metrics->lines));
    int rc = 0;
    if (metrics->items == NULL || metrics->lines == NULL)
        rc = error_set(err, ERROR_NOMEM, "out of memory for --metric");
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = add_metric(metrics, texts[i], is_taken, first_series_id + (uint32_t)i, err);
    if (rc != 0)
        output_metrics_close(metrics);
    return rc;
}

void output_metrics_close(struct output_metrics *metrics)
{
    for (size_t i = 0; i < metrics->count; i++)
        regfree(&metrics->items[i].regex);
    free(metrics->items);
    free(metrics->lines);
    arena_deinit(&metrics->arena);
    memset(metrics, 0, sizeof(*metrics));
}

/* ---- reading the output ---- */

static int hand_over(struct output_metric *item, struct workload_io *io, struct error *err)
{
    if (item->pending == 0)
        return 0;
    bool is_time = item->metric->kind == METRIC_NS;
    struct sample_block block = {.series = &item->series,
                                 .invocation = io->invocation,
                                 .n = item->pending,
                                 .t_ns = item->t_ns,
                                 .value_ns = is_time ? item->value_ns : NULL,
                                 .value = is_time ? NULL : item->value};
    item->pending = 0;
    return io->samples(io, &block, err);
}

/* Keeps one value. Returns false if the text is not a number that this metric can have. */
static bool keep_number(struct output_metric *item, const char *text, size_t length, int64_t t_ns)
{
    char number[NUMBER_MAX];
    double value;
    for (; length > 0 && *text == ' '; text++) /* "FPS:%6.1f" */
        length--;
    while (length > 0 && text[length - 1] == ' ')
        length--;
    if (length == 0 || length >= sizeof(number))
        return false;
    memcpy(number, text, length);
    number[length] = '\0';
    if (unit_parse_double(number, &value, NULL) != 0)
        return false;
    if (item->metric->kind == METRIC_NS) {
        double ns = metric_to_inside(item->metric, value);
        if (!(ns >= 0 && ns < 1.8e19))
            return false;
        item->value_ns[item->pending] = (uint64_t)llround(ns);
    }
    item->value[item->pending] = value;
    item->t_ns[item->pending] = t_ns;
    item->pending++;
    item->values++;
    return true;
}

static int search_line(struct output_metric *item, struct workload_io *io, const char *line,
                       int64_t t_ns, struct error *err)
{
    regmatch_t match[2];
    int flags = 0;
    while (regexec(&item->regex, line, 2, match, flags) == 0) {
        bool has_group = match[1].rm_so >= 0; /* "(a)|b" may match without it */
        if (!has_group || !keep_number(item, line + match[1].rm_so,
                                       (size_t)(match[1].rm_eo - match[1].rm_so), t_ns))
            item->not_a_number++;
        if (item->pending == OUTPUT_BATCH) {
            int rc = hand_over(item, io, err);
            if (rc != 0)
                return rc;
        }
        line += match[0].rm_eo;
        if (*line == '\0')
            break; /* or "(.*)" would match once more, the nothing behind the line */
        if (match[0].rm_eo == match[0].rm_so)
            line++; /* an empty match must not be found for ever */
        flags = REG_NOTBOL;
    }
    return 0;
}

static int search(struct output_metrics *metrics, struct workload_io *io, struct output_line *line,
                  uint64_t now_ns, struct error *err)
{
    if (line->used == 0)
        return 0;
    line->text[line->used] = '\0';
    for (char *nul = line->text;
         (nul = memchr(nul, '\0', line->used - (size_t)(nul - line->text)));)
        *nul = ' ';
    line->used = 0;
    int64_t t_ns = (int64_t)(now_ns - io->run_begin_ns);
    for (size_t i = 0; i < metrics->count; i++) {
        int rc = search_line(&metrics->items[i], io, line->text, t_ns, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

void output_metrics_begin(struct output_metrics *metrics)
{
    for (int stream = 0; stream < OUTPUT_STREAMS && metrics->lines != NULL; stream++) {
        metrics->lines[stream].used = 0;
        metrics->lines[stream].is_long = false;
    }
    for (size_t i = 0; i < metrics->count; i++)
        metrics->items[i].pending = 0;
}

static size_t line_end(const char *data, size_t size)
{
    size_t at = 0;
    while (at < size && data[at] != '\n' && data[at] != '\r')
        at++;
    return at;
}

int output_metrics_feed(struct output_metrics *metrics, struct workload_io *io, int stream,
                        const char *data, size_t size, uint64_t now_ns, struct error *err)
{
    struct output_line *line = &metrics->lines[stream];
    while (size > 0) {
        size_t length = line_end(data, size);
        bool ends = length < size;
        size_t room = OUTPUT_LINE_MAX - line->used;
        size_t part = length < room ? length : room;
        memcpy(line->text + line->used, data, part);
        line->used += part;
        bool full = part < length; /* before the line's end */
        ends = ends && !full;
        data += part + ends;
        size -= part + ends;
        metrics->long_lines += full && !line->is_long;
        line->is_long = full || (line->is_long && !ends);
        int rc = full || ends ? search(metrics, io, line, now_ns, err) : 0;
        if (rc != 0)
            return rc;
    }
    return 0;
}

int output_metrics_end(struct output_metrics *metrics, struct workload_io *io, uint64_t now_ns,
                       struct error *err)
{
    int first = 0;
    for (int stream = 0; stream < OUTPUT_STREAMS && metrics->lines != NULL; stream++) {
        int rc = search(metrics, io, &metrics->lines[stream], now_ns, err);
        first = first != 0 ? first : rc;
    }
    for (size_t i = 0; i < metrics->count; i++) {
        int rc = hand_over(&metrics->items[i], io, first != 0 ? NULL : err);
        first = first != 0 ? first : rc;
    }
    return first;
}

/* ---- findings ---- */

static int find_nothing(struct output_metric *item, uint32_t launches, struct run_sink *sink,
                        struct error *err)
{
    struct finding finding;
    bool matched = item->not_a_number > 0;
    item->series.reason = REASON_FAILED;
    item->series.why = matched ? "what the group matched was no number" : "no line matched";
    struct sample_block declaration = {.series = &item->series};
    int rc = sink_samples(sink, &declaration, err);
    if (rc != 0)
        return rc;
    finding_init(&finding, "metric_not_found", SEVERITY_WARNING, item->metric->name);
    if (matched)
        finding_sentence(
            &finding, "%s has no value: what the group matched was no number (%" PRIu64 " matches)",
            item->metric->name, item->not_a_number);
    else
        finding_sentence(&finding, "%s has no value: no line of the output matches",
                         item->metric->name);
    finding_evidence(&finding, "%s; %u launches", item->series.source, launches);
    finding_advice(&finding,
                   "look at what the program prints with --show-output; it may print less when its "
                   "output is no terminal");
    return sink_finding(sink, &finding, err);
}

static int find_bad_matches(const struct output_metric *item, struct run_sink *sink,
                            struct error *err)
{
    struct finding finding;
    finding_init(&finding, "metric_not_a_number", SEVERITY_WARNING, item->metric->name);
    finding_sentence(&finding,
                     "%" PRIu64 " of %" PRIu64 " matches for %s held no number and were left out",
                     item->not_a_number, item->not_a_number + item->values, item->metric->name);
    finding.n = item->values;
    finding_evidence(&finding, "%s", item->series.source);
    finding_advice(&finding, "make the first group match digits only: ([0-9.]+)");
    return sink_finding(sink, &finding, err);
}

static int find_long_lines(const struct output_metrics *metrics, struct run_sink *sink,
                           struct error *err)
{
    struct finding finding;
    finding_init(&finding, "output_line_too_long", SEVERITY_INFO, "");
    finding_sentence(&finding,
                     "%" PRIu64 " lines of the output were longer than 64 KiB and were searched in "
                     "pieces",
                     metrics->long_lines);
    finding_advice(&finding,
                   "a value that stands across two pieces is missed; print shorter lines");
    return sink_finding(sink, &finding, err);
}

int output_metrics_findings(struct output_metrics *metrics, uint32_t launches,
                            struct run_sink *sink, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < metrics->count && rc == 0; i++) {
        struct output_metric *item = &metrics->items[i];
        if (item->values == 0)
            rc = find_nothing(item, launches, sink, err);
        else if (item->not_a_number > 0)
            rc = find_bad_matches(item, sink, err);
    }
    if (rc == 0 && metrics->long_lines > 0)
        rc = find_long_lines(metrics, sink, err);
    return rc;
}
