/* logs.c: the analyzer of logs: reads them, as often as it takes. See logs_internal.h. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "analyze/files/logs_internal.h"
#include "base/util.h"

/* ---- reading ---- */

struct reading {
    struct logs *logs;
    logs_merge_fn *merge;
};

static void *result_new(void *context)
{
    (void)context;
    return logs_chunk_new();
}

static void result_free(void *context, void *result)
{
    (void)context;
    logs_chunk_free(result);
}

static int work(void *context, void *result, const struct chunk *chunk, struct error *err)
{
    const struct reading *reading = context;
    return logs_scan(result, &reading->logs->patterns, chunk, err);
}

static int merge(void *context, void *result, uint64_t first_line, struct error *err)
{
    const struct reading *reading = context;
    int rc = reading->merge(reading->logs, result, first_line, err);
    logs_chunk_clear(result);
    return rc;
}

int logs_read(struct logs *logs, uint32_t file, logs_merge_fn *merge_fn, uint64_t *ret_lines,
              uint64_t *ret_bytes, struct error *err)
{
    static const struct source_job job_of_logs = {
        .result_new = result_new, .result_free = result_free, .work = work, .merge = merge};
    struct reading reading = {logs, merge_fn};
    struct source_job job = job_of_logs;
    struct source *source;
    job.context = &reading;
    logs->file = file;
    int rc = source_open(logs->paths[file], &source, err);
    if (rc < 0)
        return rc;
    rc = source_each(source, logs->options->threads, &job, ret_lines, err);
    *ret_bytes = source_size(source) > 0 ? source_size(source) : source_bytes_read(source);
    source_close(source);
    return rc;
}

/* ---- what can be read only once ---- */

static int cannot_keep(struct error *err, const char *folder)
{
    error_set_errno(err, ERROR_IO, errno, "what comes from the pipe cannot be kept in %s", folder);
    return error_hint(err, "set TMPDIR to a folder with room, or give tacho a file");
}

static int copy_all(int from, int to, const char *folder, struct error *err)
{
    CLEANUP_FREE char *buf = malloc(SOURCE_CHUNK);
    if (!buf)
        return error_set(err, ERROR_NOMEM, "out of memory");
    for (;;) {
        ssize_t n = read(from, buf, SOURCE_CHUNK);
        if (n < 0 && errno == EINTR)
            return error_set(err, ERROR_INTERRUPTED, "interrupted");
        if (n < 0)
            return error_set_errno(err, ERROR_IO, errno, "reading failed");
        if (n == 0)
            return 0;
        for (ssize_t done = 0; done < n;) {
            ssize_t wrote = write(to, buf + done, (size_t)(n - done));
            if (wrote < 0 && errno != EINTR)
                return cannot_keep(err, folder);
            done += wrote > 0 ? wrote : 0;
        }
    }
}

static bool is_pipe(const char *path, double *ret_changed_s)
{
    struct stat status;
    int rc = strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &status) : stat(path, &status);
    bool is_file = rc == 0 && S_ISREG(status.st_mode);
    *ret_changed_s = (double)(is_file ? status.st_mtime : time(NULL));
    return rc == 0 && !is_file && !S_ISDIR(status.st_mode);
}

/* A log is read up to three times: a pipe goes into a file that nobody else sees. */
static int keep_pipe(struct logs *logs, size_t index, struct error *err)
{
    const char *path = logs->options->paths[index];
    const char *folder = getenv("TMPDIR");
    folder = folder && folder[0] ? folder : "/var/tmp";
    if (logs->spool >= 0)
        return error_set(err, ERROR_USAGE, "only one of the logs can be a pipe");
    bool is_stdin = strcmp(path, "-") == 0;
    int from = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        error_set_errno(err, error_code_from_errno(errno), errno, "cannot be opened");
        return error_at(err, path, 0, 0);
    }
    logs->spool = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    int rc = logs->spool < 0 ? cannot_keep(err, folder) : copy_all(from, logs->spool, folder, err);
    if (!is_stdin)
        close(from);
    logs->paths[index] = arena_printf(&logs->arena, "/proc/self/fd/%d", logs->spool);
    if (rc == 0 && !logs->paths[index])
        rc = error_set(err, ERROR_NOMEM, "out of memory");
    return rc;
}

/* ---- all of it ---- */

static int first_reading(struct logs *logs, struct error *err)
{
    const struct analyze_options *options = logs->options;
    for (uint32_t i = 0; i < options->path_count; i++) {
        const char *path = options->paths[i];
        const char *name = strcmp(path, "-") == 0 ? "stdin" : path;
        struct analysis_input *input = analysis_add_input(logs->analysis, name, "log");
        if (logs->analysis->failed)
            return error_set(err, ERROR_NOMEM, "out of memory");
        logs->paths[i] = path;
        int rc = is_pipe(path, &logs->changed_s[i]) ? keep_pipe(logs, i, err) : 0;
        logs->now_s = NAN;
        if (rc == 0)
            rc = logs_read(logs, i, logs_merge, &input->lines, &input->bytes, err);
        if (rc < 0)
            return rc;
        logs->base_line += input->lines;
    }
    logs->lines = logs->base_line;
    oom_log_end(&logs->oom);
    logs_take_kills(logs);
    return 0;
}

#define EXPECTED                                                                                   \
    "expected lines like \"2026-11-20 08:15:24 [WARN] E2E latency: 78.3ms\"; "                     \
    "--pattern finds latencies in other forms"

static int nothing_in_it(const struct logs *logs, struct error *err)
{
    if (logs->lines == 0)
        error_set(err, ERROR_NOTHING, "it is empty");
    else
        error_set(err, ERROR_NOTHING,
                  "none of its %llu lines holds a time, a level or a number with a label",
                  (unsigned long long)logs->lines);
    error_at(err, logs->analysis->inputs[0]->name, 0, 0);
    return error_hint(err, EXPECTED);
}

/* What the other lines seem to say is chance. (Of random bytes every second line holds a zero.) */
static int refuse_binaries(const struct logs *logs, struct error *err)
{
    for (size_t i = 0; i < logs->analysis->input_count; i++) {
        const struct analysis_input *input = logs->analysis->inputs[i];
        uint64_t binary = input->skips.of[SKIP_BINARY].count;
        if (4 * binary <= input->lines)
            continue;
        error_set(err, ERROR_INPUT, "it is no text: %llu of its %llu lines hold zero bytes",
                  (unsigned long long)binary, (unsigned long long)input->lines);
        error_at(err, input->name, 0, 0);
        return error_hint(err, EXPECTED);
    }
    return 0;
}

static void tell_facts(const struct logs *logs)
{
    static const char *const methods[] = {"linear", "hazen",  "weibull", "median_unbiased",
                                          "lower",  "higher", "nearest"};
    struct facts *facts = &logs->analysis->facts;
    facts_number(facts, "threshold_ms", logs->options->threshold_ms, NULL);
    facts_number(facts, "spike_z", LOGS_SPIKE_Z, NULL);
    facts_text(facts, "percentile_method",
               logs->is_histogram ? "histogram, within 0.39 %"
                                  : methods[logs->options->percentile_method],
               NULL);
    facts_integer(facts, "lines", (int64_t)logs->lines, NULL);
    if (!isnan(logs->first_s))
        facts_number(facts, "duration_s", logs->last_s - logs->first_s, NULL);
    if (logs->year > 0)
        facts_integer(facts, "year_assumed", logs->year, "when the file was last changed");
    if (logs->labels_left_out > 0)
        facts_integer(facts, "numbers_of_further_labels", (int64_t)logs->labels_left_out, NULL);
    if (logs->messages_left_out > 0)
        facts_integer(facts, "messages_of_further_kinds", (int64_t)logs->messages_left_out, NULL);
    if (logs->spike_lines > 0) {
        facts_integer(facts, "lines_with_spikes", (int64_t)logs->spike_lines, NULL);
        facts_integer(facts, "other_lines_with_latencies", (int64_t)logs->other_lines, NULL);
    }
}

static int analyze(struct logs *logs, struct error *err)
{
    int rc = logs_patterns_init(&logs->patterns, logs->options->patterns,
                                logs->options->pattern_count, err);
    if (rc == 0)
        rc = first_reading(logs, err);
    if (rc == 0)
        rc = refuse_binaries(logs, err);
    for (size_t i = 0; i < logs->series_count && rc == 0; i++) {
        if (logs_series_finish(logs, logs->series[i]) < 0)
            rc = error_set(err, ERROR_NOMEM, "out of memory");
    }
    if (rc == 0 && logs->series_count == 0 && logs->message_count == 0 && logs->kill_count == 0 &&
        isnan(logs->first_s) && logs->levels[LOG_LEVEL_INFO] + logs->levels[LOG_LEVEL_DEBUG] == 0)
        rc = nothing_in_it(logs, err);
    if (rc == 0)
        rc = logs_find_spikes(logs, err);
    if (rc < 0)
        return rc;
    logs->analysis->title = "what the logs tell";
    tell_facts(logs);
    logs_tables(logs);
    logs_findings(logs);
    return logs->analysis->failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

static int files(const struct analyze_options *options, struct analysis *analysis,
                 struct error *err)
{
    CLEANUP_FREE struct logs *logs = calloc(1, sizeof(*logs));
    CLEANUP_FREE const char **paths = calloc(options->path_count + 1, sizeof(*paths));
    CLEANUP_FREE double *changed_s = calloc(options->path_count + 1, sizeof(*changed_s));
    struct hist *gaps = hist_new();
    int rc;
    if (!logs || !paths || !changed_s || !gaps) {
        hist_free(gaps);
        return error_set(err, ERROR_NOMEM, "out of memory");
    }
    logs->options = options;
    logs->analysis = analysis;
    logs->paths = paths;
    logs->changed_s = changed_s;
    logs->gap_us = gaps;
    logs->spool = -1;
    logs->origin_s = logs->first_s = logs->last_s = logs->now_s = NAN;
    rc = analyze(logs, err);
    for (size_t i = 0; i < logs->series_count; i++)
        logs_series_deinit(logs->series[i]);
    if (logs->spool >= 0)
        close(logs->spool);
    logs_patterns_deinit(&logs->patterns);
    arena_deinit(&logs->arena);
    hist_free(gaps);
    return rc;
}

const struct file_analyzer file_analyzer_logs = {
    .name = "logs",
    .summary = "latencies, spikes and what preceded them, errors, other numbers and kills",
    .flags = FILE_ANALYZER_MANY,
    .files = files,
};
