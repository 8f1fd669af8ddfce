/* memory.c: the analyzer of memory over time: does it grow, with what, and when does it end?
 *
 * The verdict is that of tacho monitor (stats/growth.h), and so are its sentence and its advice
 * (analyze/growth.h). Several files are compared by the work they did (memory_compare.c).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/memory_internal.h"
#include "analyze/growth.h"
#include "base/str.h"
#include "base/util.h"

/* Of more series only those that leak are told one by one. */
#define TOLD_MAX 4
/* A shell's words among the lines are nothing to tell. */
#define OTHER_LINES_SHARE 0.02

struct memory_files {
    struct memory_file *items;
    size_t count;
};

static void files_deinit(struct memory_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        memory_file_deinit(&files->items[i]);
    free(files->items);
}

const char *memory_subject(const struct memory_file *file, const struct memory_series *series,
                           char *buf, size_t size)
{
    if (file->column[0] || series->name[0] == '\0')
        str_copy(buf, size, file->name);
    else
        snprintf(buf, size, "%s of %.120s", series->name, file->name);
    return buf;
}

/* Where the file is, before what the verdict rests on. */
static void prepend_file(const struct memory_file *file, struct finding *finding)
{
    char evidence[sizeof(finding->evidence)];
    memcpy(evidence, finding->evidence, sizeof(evidence));
    finding_evidence(finding, "%.100s, %.140s", file->name, evidence);
}

static void tell_series(const struct memory_file *file, const struct memory_series *series,
                        struct analysis *analysis)
{
    char subject[256];
    struct finding finding;
    const char *metric = file->column[0] ? file->column
                         : file->is_rss  ? "mem_track_rss_mb"
                                         : "mem_used_mb";
    struct growth_hints hints = {.metric = metric,
                                 .subject = memory_subject(file, series, subject, sizeof(subject)),
                                 .work_name = series->work_name,
                                 .limit_name = "--memory-limit",
                                 .is_python = strstr(series->name, "python") != NULL,
                                 .is_rss = file->is_rss,
                                 .is_untimed = file->is_untimed};
    growth_finding(&series->verdict, &hints, &finding);
    if (file->is_machine && growth_is_leak(series->verdict.class))
        finding_advice(&finding, "free cannot say whose memory it is: watch the processes with "
                                 "tacho monitor");
    prepend_file(file, &finding);
    analysis_add_finding(analysis, &finding);
}

/* A log of many processes: those that leak, and a word for the rest. */
static void tell_file(const struct memory_file *file, struct analysis *analysis)
{
    size_t leaks = 0;
    uint64_t samples = 0;
    for (size_t i = 0; i < file->series_count; i++) {
        bool is_leak = growth_is_leak(file->series[i]->verdict.class);
        leaks += is_leak;
        samples += file->series[i]->samples;
        if (is_leak || file->series_count <= TOLD_MAX)
            tell_series(file, file->series[i], analysis);
    }
    if (file->series_count <= TOLD_MAX)
        return;
    struct finding finding;
    finding_init(&finding, "processes", SEVERITY_INFO, "mem_track_rss_mb");
    finding_sentence(&finding,
                     "%zu processes: memory of %zu grows, that of the others does not, "
                     "or was seen too shortly to tell",
                     file->series_count, leaks);
    finding.n = samples;
    finding_evidence(&finding, "%.200s", file->name);
    if (file->series_left_out > 0)
        finding_advice(&finding,
                       "%llu samples of further processes were left out: filter the log "
                       "(grep) for those that you mean",
                       (unsigned long long)file->series_left_out);
    else
        finding_advice(&finding, "the table has each of them; ps -p PID logs one alone");
    analysis_add_finding(analysis, &finding);
}

static void tell_holes(const struct memory_file *file, const struct memory_series *series,
                       struct analysis *analysis)
{
    struct finding finding;
    char subject[256];
    if (series->stretch_count < 2)
        return;
    finding_init(&finding, "sampling_gaps", SEVERITY_INFO, "");
    char between[96] = "";
    if (series->longest_hole_s > 0)
        snprintf(between, sizeof(between), ", with holes of up to %.0f s", series->longest_hole_s);
    size_t used = strlen(between);
    if (series->set_back_count > 0)
        snprintf(between + used, sizeof(between) - used, "%s the clock set back %llu time%s",
                 used > 0 ? " and" : ", with", (unsigned long long)series->set_back_count,
                 series->set_back_count == 1 ? "" : "s");
    finding_sentence(&finding,
                     "%s has %llu stretches%s between them; the one with most samples (%llu of "
                     "%llu) is judged",
                     memory_subject(file, series, subject, sizeof(subject)),
                     (unsigned long long)series->stretch_count, between,
                     (unsigned long long)series->longest->mb.n,
                     (unsigned long long)series->samples);
    if (series->longest_hole_s > 0)
        finding_value(&finding, series->longest_hole_s, "s");
    finding.n = series->samples;
    finding_evidence(&finding, "%.200s, steps of %.3g s are usual", file->name,
                     series->step_mean_s);
    finding_advice(&finding, "a program that was started again is another trace: one file for each "
                             "run tells them apart");
    analysis_add_finding(analysis, &finding);
}

static void tell_untimed(const struct memory_file *file, struct analysis *analysis)
{
    struct finding finding;
    if (!file->is_untimed)
        return;
    finding_init(&finding, "no_times", SEVERITY_INFO, "");
    finding_sentence(
        &finding,
        "%.150s has no times that can be read: growth is told by the sample, and how much a minute "
        "that is cannot be said",
        file->name);
    finding.n = file->series_count > 0 ? file->series[0]->samples : 0;
    finding_evidence(&finding, "%.200s", file->name);
    finding_advice(&finding, "while sleep 5; do date +%%s; ps -o pid,rss,comm -p PID; done >log");
    analysis_add_finding(analysis, &finding);
}

static void tell_other_lines(const struct memory_file *file, struct analysis *analysis)
{
    struct finding finding;
    uint64_t other = file->skips.of[SKIP_OTHER_LINE].count;
    if ((double)other <= OTHER_LINES_SHARE * (double)file->skips.rows)
        return;
    finding_init(&finding, "other_lines", SEVERITY_INFO, "");
    finding_sentence(&finding, "%llu lines of %.120s are of another form than its %llu of %s",
                     (unsigned long long)other, file->name, (unsigned long long)file->skips.rows,
                     file->format);
    finding_value(&finding, (double)other, NULL);
    finding.n = other + file->skips.rows;
    finding_evidence(&finding, "%.160s:%llu is the first of them", file->name,
                     (unsigned long long)file->skips.of[SKIP_OTHER_LINE].first_line);
    finding_advice(&finding, "nothing of them is in this analysis; write one log into one file");
    analysis_add_finding(analysis, &finding);
}

static void tell_facts(const struct memory_files *files, const struct analyze_options *options,
                       struct analysis *analysis)
{
    struct facts *facts = &analysis->facts;
    for (size_t i = 0; i < files->count; i++) {
        const struct memory_file *file = &files->items[i];
        if (file->column[0])
            facts_text(facts, "column", file->column, file->name);
        facts_text(facts, "memory_unit", file->unit_source, file->name);
        if (file->counters_left_out > 0)
            facts_integer(facts, "columns_left_out", (int64_t)file->counters_left_out, file->name);
    }
    if (!isnan(options->memory_limit_mb))
        facts_number(facts, "memory_limit_mb", options->memory_limit_mb, NULL);
}

static int read_all(const struct analyze_options *options, struct memory_files *files,
                    struct analysis *analysis, struct error *err)
{
    for (size_t i = 0; i < options->path_count; i++) {
        struct memory_file *file = &files->items[files->count++];
        int rc = memory_file_read(options->paths[i], options, file, analysis, err);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < file->series_count; k++) {
            if (memory_series_judge(file, file->series[k], options->memory_limit_mb) < 0)
                return error_set(err, ERROR_NOMEM, "out of memory for the memory verdict");
        }
    }
    return 0;
}

static int memory_files(const struct analyze_options *options, struct analysis *analysis,
                        struct error *err)
{
    CLEANUP(files_deinit) struct memory_files files = {.items = NULL};
    files.items = calloc(options->path_count, sizeof(*files.items));
    if (!files.items)
        return error_set(err, ERROR_NOMEM, "out of memory");
    int rc = read_all(options, &files, analysis, err);
    if (rc < 0)
        return rc;
    tell_facts(&files, options, analysis);
    memory_tables(files.items, files.count, analysis);
    for (size_t i = 0; i < files.count; i++) {
        const struct memory_file *file = &files.items[i];
        tell_file(file, analysis);
        for (size_t k = 0; k < file->series_count; k++)
            tell_holes(file, file->series[k], analysis);
        tell_untimed(file, analysis);
        tell_other_lines(file, analysis);
    }
    memory_compare(files.items, files.count, analysis);
    if (analysis->failed || analysis->facts.failed)
        return error_set(err, ERROR_NOMEM, "out of memory for the analysis");
    return 0;
}

const struct file_analyzer file_analyzer_memory = {
    .name = "memory",
    .summary = "does memory grow, with time or with work, and when is the limit reached",
    .flags = FILE_ANALYZER_MANY,
    .files = memory_files,
};
