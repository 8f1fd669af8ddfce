/* tegrastats.c: the analyzer of logs of NVIDIA's tegrastats, of every board and release.
 *
 * Times: whole seconds, local to the board, without a zone: taken as UTC, so that only differences
 * mean something. A last line without its newline was cut off and is not used: its last digits may
 * be missing.
 */
#include <math.h>
#include <string.h>

#include "analyze/files/tegrastats_internal.h"
#include "base/util.h"

static void source_cleanup(struct source **source)
{
    source_close(*source);
}

static bool is_blank_line(const struct line *line)
{
    for (size_t i = 0; i < line->size; i++) {
        if (line->text[i] != ' ' && line->text[i] != '\t')
            return false;
    }
    return true;
}

static void take_line(struct tegra_log *log, const struct line *line)
{
    struct tegrastats_line parsed;
    if (is_blank_line(line))
        skips_add(&log->skips, SKIP_BLANK, line->number);
    else if (line->is_cut)
        skips_add(&log->skips, SKIP_TOO_LONG, line->number);
    else if (memchr(line->text, '\0', line->size))
        skips_add(&log->skips, SKIP_BINARY, line->number);
    else if (!tegrastats_line_parse(line->text, line->size, &parsed))
        skips_add(&log->skips, SKIP_OTHER_LINE, line->number);
    else if (parsed.is_cut || !line->has_end)
        skips_add(&log->skips, SKIP_CUT_OFF, line->number);
    else if (parsed.is_spoilt)
        skips_add(&log->skips, SKIP_NOT_A_NUMBER, line->number);
    else
        tegra_log_add(log, &parsed, line->number);
}

static int read_log(struct source *source, struct tegra_log *log, struct analysis_input *input,
                    struct error *err)
{
    struct line line;
    int rc;
    while ((rc = source_next_line(source, &line, err)) > 0) {
        input->lines = line.number;
        take_line(log, &line);
        if (log->is_out_of_memory)
            return error_set(err, ERROR_NOMEM, "out of memory reading %s", source_name(source));
    }
    input->bytes = source_bytes_read(source);
    input->skips = log->skips;
    return rc;
}

static int nothing_in_it(const char *name, const struct analysis_input *input, struct error *err)
{
    if (input->lines == 0)
        error_set(err, ERROR_NOTHING, "it is empty");
    else if (input->skips.of[SKIP_BINARY].count > 0)
        error_set(err, ERROR_INPUT, "it is a binary file, and not a log of tegrastats");
    else
        error_set(err, ERROR_NOTHING, "none of its %llu lines is a whole one of tegrastats",
                  (unsigned long long)input->lines);
    error_at(err, name, 0, 0);
    return error_hint(err, "expected lines like RAM 2448/7620MB (lfb 2x4MB) CPU [3%%@729,off] … "
                           "VDD_IN 4067mW/4067mW");
}

static void tell_facts(const struct tegra_log *log, const char *name, struct analysis *analysis)
{
    struct facts *facts = &analysis->facts;
    const struct tegra_part *part = log->parts[0];
    facts_number(facts, "throttle_threshold_c", log->options->throttle_threshold_c, NULL);
    facts_integer(facts, "lines_used", (int64_t)log->skips.rows, name);
    facts_integer(facts, "parts", (int64_t)log->part_count, name);
    /* Of several parts each has its own. */
    if (log->part_count == 1) {
        double duration_s = tegra_duration_s(part);
        facts_text(facts, "time_source",
                   part->signature.has_time ? "stamps of whole seconds" : "none", name);
        if (duration_s > 0) {
            facts_number(facts, "duration_s", duration_s, name);
            facts_number(facts, "interval_mean_s", duration_s / (double)(part->lines - 1), name);
        } else {
            facts_null(facts, "interval_mean_s", REASON_ABSENT, name);
        }
    }
    if (log->groups_unknown > 0)
        facts_integer(facts, "groups_unknown", (int64_t)log->groups_unknown, name);
    if (log->names_left_out > 0)
        facts_integer(facts, "values_left_out", (int64_t)log->names_left_out, name);
    if (log->busy_left_out > 0)
        facts_integer(facts, "throttling_judged_to_line", (int64_t)log->busy_last_line, name);
}

static void set_span(const struct tegra_log *log, struct analysis_input *input)
{
    for (size_t i = 0; i < log->part_count; i++) {
        const struct tegra_part *part = log->parts[i];
        input->begin_s = fmin(input->begin_s, part->least_s); /* passes over NaN */
        input->end_s = fmax(input->end_s, part->most_s);
    }
}

static int tegrastats_files(const struct analyze_options *options, struct analysis *analysis,
                            struct error *err)
{
    CLEANUP(source_cleanup) struct source *source = NULL;
    CLEANUP(tegra_log_deinit) struct tegra_log log = {.options = options};
    int rc = source_open(options->paths[0], &source, err);
    if (rc < 0)
        return rc;
    const char *name = source_name(source);
    struct analysis_input *input = analysis_add_input(analysis, name, "tegrastats");
    rc = read_log(source, &log, input, err);
    if (rc < 0)
        return rc;
    if (log.part_count == 0)
        return nothing_in_it(name, input, err);
    /* What is still open is the last second of each part. */
    for (size_t i = 0; i < log.part_count; i++)
        tegra_energy_step(log.parts[i], NAN);
    set_span(&log, input);
    tell_facts(&log, name, analysis);
    tegra_tables(&log, analysis);
    rc = tegra_findings(&log, name, analysis, err);
    if (rc == 0 && (analysis->failed || analysis->facts.failed || log.is_out_of_memory))
        rc = error_set(err, ERROR_NOMEM, "out of memory for the analysis of %s", name);
    return rc;
}

const struct file_analyzer file_analyzer_tegrastats = {
    .name = "tegrastats",
    .summary = "heat, throttling, power, energy and memory of a Jetson or DRIVE board",
    .files = tegrastats_files,
};
