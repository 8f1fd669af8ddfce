/* peers.c: THE table of tools whose results can be imported, and what they share. */
#include "format/peers/peer.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/sha256.h"
#include "base/str.h"
#include "base/util.h"

extern const struct peer peer_tacho, peer_hyperfine, peer_google_benchmark, peer_llama_bench,
    peer_vllm, peer_genai_perf, peer_toolkit, peer_trtexec, peer_perf_test, peer_benchmark_model,
    peer_benchncnn, peer_benchmark_app, peer_loadgen, peer_perf_stat, peer_tegrastats, peer_time,
    peer_cprofile, peer_ort_profile, peer_openai_stream, peer_segment;

const struct peer *const peers[] = {&peer_tacho,
                                    &peer_segment,
                                    &peer_hyperfine,
                                    &peer_google_benchmark,
                                    &peer_llama_bench,
                                    &peer_vllm,
                                    &peer_genai_perf,
                                    &peer_toolkit,
                                    &peer_trtexec,
                                    &peer_perf_test,
                                    &peer_benchmark_model,
                                    &peer_benchncnn,
                                    &peer_benchmark_app,
                                    &peer_loadgen,
                                    &peer_perf_stat,
                                    &peer_time,
                                    &peer_cprofile,
                                    &peer_ort_profile,
                                    &peer_openai_stream,
                                    &peer_tegrastats,
                                    NULL};

const struct peer *peer_of(const struct peer_input *input)
{
    for (const struct peer *const *peer = peers; *peer; peer++) {
        if ((*peer)->accepts(input))
            return *peer;
    }
    return NULL;
}

struct counted {
    const struct peer_input *input;
    size_t runs;
};

static struct run_sink *count_fresh(void *context)
{
    struct counted *counted = context;
    counted->runs++;
    return counted->input->fresh(counted->input->context);
}

static int fail_unknown(const struct peer_input *input, struct error *err)
{
    error_set(err, ERROR_INPUT,
              input->size == 0 ? "the file is empty" : "no results of a tool that tacho knows");
    error_at(err, input->file, 0, 0);
    CLEANUP(strbuf_deinit) struct strbuf names = {0};
    for (const struct peer *const *row = peers; *row; row++)
        strbuf_printf(&names, "%s%s", row == peers ? "" : ", ", (*row)->name);
    return error_hint(err, "it reads results of %s", strbuf_get(&names));
}

static int fail_empty(const struct peer_input *input, const struct peer *peer, struct error *err)
{
    error_set(err, ERROR_INPUT, "no value in what looks like a result of %s", peer->name);
    return error_at(err, input->file, 0, 0);
}

static int read_one(const struct peer_input *input, const struct peer *peer, struct error *err)
{
    struct counted counted = {.input = input};
    struct peer_input counting = *input;
    counting.fresh = count_fresh;
    counting.context = &counted;
    int rc = peer->read(&counting, err);
    return rc == 0 && counted.runs == 0 ? fail_empty(input, peer, err) : rc;
}

int peer_read(const struct peer_input *input, struct error *err)
{
    const struct peer *first = peer_of(input);
    if (!first)
        return fail_unknown(input, err);
    int rc = read_one(input, first, err);
    /* `time -v trtexec >log 2>&1`: texts of several tools in one file. */
    for (const struct peer *const *peer = peers; rc == 0 && first->is_text && *peer; peer++) {
        if (*peer != first && (*peer)->is_text && (*peer)->accepts(input))
            rc = read_one(input, *peer, err);
    }
    return rc;
}

/* ---- a run ---- */

void peer_run_init(struct peer_run *run, const struct peer *peer, const struct peer_input *input,
                   size_t index, const char *label, struct error *err)
{
    *run = (struct peer_run){.input = input,
                             .peer = peer,
                             .begin_epoch_s = NAN,
                             .instance = "",
                             .index = index,
                             .err = err};
    str_copy(run->label, sizeof(run->label), label && *label ? label : peer->name);
    str_make_printable(run->label);
    facts_text(&run->workload, "kind", "imported", input->file);
    facts_text(&run->workload, "tool", peer->name, input->file);
}

/* From the content: the same file, imported again, is the same run. */
static void make_id(const struct peer_run *run, char id[40])
{
    struct sha256 sha;
    char digest[SHA256_HEX_SIZE];
    sha256_init(&sha);
    sha256_update(&sha, run->input->text, run->input->size);
    sha256_finish_hex(&sha, digest);
    snprintf(id, 40, "%s-%.12s-%zu", run->peer->name, digest, run->index);
}

static void begin(struct peer_run *run)
{
    struct run_info info = {.label = run->label,
                            .begin_epoch_s = run->begin_epoch_s,
                            .environment = &run->environment,
                            .workload = &run->workload};
    make_id(run, info.id);
    if (isnan(info.begin_epoch_s)) {
        facts_null(&run->workload, "measured_at", REASON_ABSENT, run->input->file);
        info.begin_epoch_s = clock_epoch_s();
    }
    if (run->workload.failed || run->environment.failed) {
        run->rc = error_set(run->err, ERROR_NOMEM, "out of memory");
        return;
    }
    run->sink = run->input->fresh(run->input->context);
    run->rc = run->sink ? sink_begin(run->sink, &info, run->err)
                        : error_set(run->err, ERROR_NOMEM, "out of memory");
}

/* A sink may keep what a series points to until the run ends. */
static struct metric *make_metric(struct peer_run *run, const char *name, const char *unit,
                                  enum direction direction, const char *definition)
{
    char full[128];
    snprintf(full, sizeof(full), "%s_%s", run->peer->name, name);
    struct metric *metric = arena_alloc(&run->arena, sizeof(*metric));
    if (!metric)
        return NULL;
    *metric = (struct metric){.name = arena_strdup(&run->arena, full),
                              .unit = arena_strdup(&run->arena, unit),
                              .direction = direction,
                              .kind = METRIC_VALUE,
                              .scale = 1,
                              .limit_stat = "mean",
                              .definition = arena_strdup(&run->arena, definition)};
    return metric->name && metric->unit && metric->definition ? metric : NULL;
}

void peer_run_samples(struct peer_run *run, const char *name, const char *unit,
                      enum direction direction, const char *definition, const double *values,
                      size_t count)
{
    if (run->rc == 0 && !run->sink)
        begin(run);
    if (run->rc < 0)
        return;
    struct metric *metric = make_metric(run, name, unit, direction, definition);
    if (!metric) {
        run->rc = error_set(run->err, ERROR_NOMEM, "out of memory");
        return;
    }
    struct series series = {.id = run->series_count++,
                            .kind = SERIES_VALUE,
                            .metric = metric,
                            .instance = arena_strdup(&run->arena, run->instance),
                            .source = run->peer->name};
    struct sample_block block = {.series = &series, .n = count, .value = values};
    run->rc = sink_samples(run->sink, &block, run->err);
}

void peer_run_series(struct peer_run *run, const char *metric, const char *instance,
                     const int64_t *t_ns, const double *values, size_t count)
{
    if (run->rc == 0 && !run->sink)
        begin(run);
    if (run->rc < 0)
        return;
    struct series series = {.id = run->series_count++,
                            .kind = SERIES_TIME,
                            .metric = metric_find(metric),
                            .instance = arena_strdup(&run->arena, instance),
                            .source = run->peer->name};
    struct sample_block block = {.series = &series, .n = count, .t_ns = t_ns, .value = values};
    if (!series.metric)
        run->rc = error_set(run->err, ERROR_INTERNAL, "no metric %s", metric);
    else if (!series.instance)
        run->rc = error_set(run->err, ERROR_NOMEM, "out of memory");
    else
        run->rc = sink_samples(run->sink, &block, run->err);
}

int peer_run_block(struct peer_run *run, const struct sample_block *block)
{
    if (run->rc == 0 && !run->sink)
        begin(run);
    if (run->rc == 0)
        run->rc = sink_samples(run->sink, block, run->err);
    return run->rc;
}

int peer_run_event(struct peer_run *run, const struct event *event)
{
    if (run->rc == 0 && run->sink)
        run->rc = sink_event(run->sink, event, run->err);
    return run->rc;
}

int peer_run_finding(struct peer_run *run, const struct finding *finding)
{
    if (run->rc < 0 || !run->sink)
        return run->rc;
    struct finding told = *finding;
    str_make_printable(told.sentence);
    finding_evidence(&told, "%s", run->input->file);
    return run->rc = sink_finding(run->sink, &told, run->err);
}

void peer_run_value(struct peer_run *run, const char *name, const char *unit,
                    enum direction direction, const char *definition, double value)
{
    if (!isnan(value))
        peer_run_samples(run, name, unit, direction, definition, &value, 1);
}

int peer_run_end(struct peer_run *run)
{
    if (run->rc == 0 && !run->sink)
        run->rc = fail_empty(run->input, run->peer, run->err);
    /* An end is not part of what it ends: the last sample over time stands just before it. */
    int64_t end_ns = (int64_t)run->duration_ns + 1;
    if (run->rc == 0) {
        struct invocation invocation = {.outcome = INVOCATION_OK, .end_ns = end_ns};
        run->rc = sink_invocation(run->sink, &invocation, run->err);
    }
    if (run->rc == 0) {
        struct phase phase = {.kind = PHASE_STEADY, .end_ns = end_ns};
        run->rc = sink_phase(run->sink, &phase, run->err);
    }
    if (run->rc == 0) {
        struct run_end end = {.state = run->is_cut_short ? RUN_INTERRUPTED : RUN_COMPLETE,
                              .end_ns = (int64_t)run->duration_ns};
        run->rc = sink_end(run->sink, &end, run->err);
    }
    facts_deinit(&run->workload);
    facts_deinit(&run->environment);
    arena_deinit(&run->arena);
    return run->rc;
}

/* ---- texts ---- */

bool peer_line(const struct peer_input *input, size_t *at, char *line, size_t size)
{
    if (*at >= input->size)
        return false;
    const char *begin = input->text + *at;
    const char *end = memchr(begin, '\n', input->size - *at);
    size_t length = end ? (size_t)(end - begin) : input->size - *at;
    *at += length + 1;
    while (length > 0 && begin[length - 1] == '\r')
        length--;
    length = length < size ? length : size - 1;
    memcpy(line, begin, length);
    line[length] = '\0';
    return true;
}

bool peer_number_after(const char *text, const char *before, double *ret_value)
{
    const char *found = strstr(text, before);
    if (!found)
        return false;
    found += strlen(before);
    while (*found == ' ' || *found == '\t')
        found++;
    /* strtod would take words like "infer" for infinity. */
    if (!isdigit((unsigned char)*found) && *found != '-' && *found != '.')
        return false;
    char *end;
    double value = strtod(found, &end);
    if (end == found || !isfinite(value))
        return false;
    *ret_value = value;
    return true;
}

bool peer_holds(const struct peer_input *input, const char *what, size_t size)
{
    size = size < input->size ? size : input->size;
    return memmem(input->text, size, what, strlen(what)) != NULL;
}

double peer_epoch_s(const char *text)
{
    struct tm tm = {0};
    const char *forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y%m%d-%H%M%S"};
    for (size_t i = 0; text && i < ARRAY_LEN(forms); i++) {
        tm = (struct tm){0};
        if (strptime(text, forms[i], &tm)) {
            time_t seconds = timegm(&tm);
            return (double)seconds;
        }
    }
    return NAN;
}
