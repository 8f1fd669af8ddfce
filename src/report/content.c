/* content.c: the head of a report and the main distribution. */
#include "report/content.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/unit.h"
#include "base/util.h"

const char *content_value(const struct metric *metric, double value, char *buf, size_t size)
{
    static const struct {
        double from;
        const char *name;
    } scales[] = {{1e12, "trillion"}, {1e9, "billion"}, {1e6, "million"}};
    char number[48];
    if (isnan(value)) {
        str_copy(buf, size, "-");
        return buf;
    }
    if (metric->kind == METRIC_NS)
        return unit_format_ns(value / metric->scale, buf, size);
    if (strcmp(metric->unit, "MB") == 0)
        return unit_format_bytes(value * 0x1p20, buf, size);
    if (metric->unit[0]) {
        unit_format_number(value, 3, number, sizeof(number));
        snprintf(buf, size, "%s %s", number, metric->unit);
        return buf;
    }
    for (size_t i = 0; i < ARRAY_LEN(scales); i++)
        if (fabs(value) >= scales[i].from) {
            unit_format_number(value / scales[i].from, 3, number, sizeof(number));
            snprintf(buf, size, "%s %s", number, scales[i].name);
            return buf;
        }
    return unit_format_number(value, fabs(value) < 10 ? 3 : 4, buf, size);
}

const char *content_range(const struct metric *metric, double lo, double hi, char *buf, size_t size)
{
    char low[48], high[48];
    content_value(metric, lo, low, sizeof(low));
    content_value(metric, hi, high, sizeof(high));
    const char *low_unit = strchr(low, ' '), *high_unit = strchr(high, ' ');
    bool is_same = low_unit && high_unit && strcmp(low_unit, high_unit) == 0;
    snprintf(buf, size, "%.*s … %s", (int)(is_same ? low_unit - low : (long)strlen(low)), low,
             high);
    return buf;
}

bool content_is_limit(const struct finding *finding)
{
    return finding->outcome != OUTCOME_NOT_JUDGED;
}

const char *content_limit_bound(const struct finding *finding)
{
    return finding->limit_bound[0] ? finding->limit_bound : finding->limit_name;
}

const char *content_limit_value(const struct finding *finding, char *buf, size_t size)
{
    char number[48];
    if (!finding->has_value) {
        str_copy(buf, size, "-");
        return buf;
    }
    unit_format_number(finding->value, 4, number, sizeof(number));
    snprintf(buf, size, "%s%s%s", number, finding->unit[0] ? " " : "", finding->unit);
    return buf;
}

const char *content_why(enum reason reason, const char *why)
{
    return why && why[0] ? why : reason_meaning(reason);
}

/* ---- verdict ---- */

/* Names of the first limits with this outcome: "a, b and 3 more". */
static void list_limits(const struct run *run, enum outcome outcome, size_t count, char *buf,
                        size_t size)
{
    size_t named = 0, used = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < run->finding_count && named < 2; i++) {
        const struct finding *finding = &run->findings[i];
        if (finding->outcome != outcome)
            continue;
        int length = snprintf(buf + used, size - used, "%s%s", named++ ? ", " : "",
                              content_limit_bound(finding));
        used = u64_min(used + (size_t)length, size - 1);
    }
    if (count > named && used < size)
        snprintf(buf + used, size - used, " and %zu more", count - named);
}

static void make_verdict(struct content *content)
{
    const struct verdict *verdict = &content->run->verdict;
    size_t judged = verdict->passed + verdict->failed + verdict->undecided;
    char names[220];
    switch (verdict->outcome) {
    case OUTCOME_PASS:
        content->word = "PASS";
        content->style = TERM_GREEN;
        snprintf(content->why, sizeof(content->why), "%zu limit%s held", judged,
                 judged == 1 ? "" : "s");
        break;
    case OUTCOME_FAIL:
        content->word = "FAIL";
        content->style = TERM_RED;
        list_limits(content->run, OUTCOME_FAIL, verdict->failed, names, sizeof(names));
        snprintf(content->why, sizeof(content->why), "%zu of %zu broken: %s", verdict->failed,
                 judged, names);
        break;
    case OUTCOME_UNDECIDED:
        content->word = "UNDECIDED";
        content->style = TERM_YELLOW;
        list_limits(content->run, OUTCOME_UNDECIDED, verdict->undecided, names, sizeof(names));
        snprintf(content->why, sizeof(content->why), "%zu of %zu open: %s", verdict->undecided,
                 judged, names);
        break;
    default:
        content->word = "not judged";
        content->style = TERM_BOLD;
        snprintf(content->why, sizeof(content->why), "%s",
                 verdict->waived ? "every limit is waived" : "no limits");
        return;
    }
    if (verdict->waived) {
        size_t used = strlen(content->why);
        snprintf(content->why + used, sizeof(content->why) - used, " (%zu waived)",
                 verdict->waived);
    }
}

/* ---- what was measured ---- */

static void append_word(char *buf, size_t size, const char *word)
{
    size_t used = strlen(buf);
    bool quote = word[0] == '\0' || strpbrk(word, " \t\n'\"\\$*?;&|<>()") != NULL;
    /* For reading, not for a shell: a quote within the word stays as it is. */
    snprintf(buf + used, size - used, "%s%s%s%s", used ? " " : "", quote ? "'" : "", word,
             quote ? "'" : "");
}

/* A label that tacho made from the command repeats it, perhaps cut. */
static bool label_repeats(const char *label, const char *command)
{
    size_t length = strlen(label);
    if (str_ends_with(label, "…"))
        length -= strlen("…");
    else if (str_ends_with(label, "..."))
        length -= strlen("...");
    return strncmp(label, command, length) == 0;
}

static void make_subject(struct content *content)
{
    const struct run *run = content->run;
    const struct fact *command = facts_get(&run->workload, "command");
    const char *label = run->label ? run->label : "";
    char shown[2048] = "", plain[2048] = "";
    size_t used = 0;
    if (command && command->kind == FACT_TEXT) {
        str_copy(shown, sizeof(shown), command->text);
        str_copy(plain, sizeof(plain), command->text);
    }
    for (size_t i = 0; command && command->kind == FACT_LIST && i < command->list_count; i++) {
        append_word(shown, sizeof(shown), command->list[i]);
        if (used < sizeof(plain))
            used += (size_t)snprintf(plain + used, sizeof(plain) - used, "%s%s", i ? " " : "",
                                     command->list[i]);
    }
    const char *model = facts_get_text(&run->workload, "model", NULL);
    if (!shown[0] && model) {
        const char *slash = strrchr(model, '/');
        str_copy(shown, sizeof(shown), slash ? slash + 1 : model);
        str_copy(plain, sizeof(plain), facts_get_text(&run->workload, "label", label));
    }
    str_copy(content->subject, sizeof(content->subject), shown[0] ? shown : label);
    str_make_printable(content->subject);
    if (shown[0] && label[0] && !label_repeats(label, plain))
        str_copy(content->label, sizeof(content->label), label);
    str_make_printable(content->label);
}

static bool is_command(const struct run *run)
{
    return run_find_series(run, "wall_ms", NULL) ||
           strcmp(facts_get_text(&run->workload, "kind", ""), "command") == 0;
}

static const char *plural(const struct content *content, uint64_t n)
{
    const struct facts *facts = &content->run->workload;
    if (is_command(content->run))
        return n == 1 ? "launch" : "launches";
    return n == 1 ? facts_get_text(facts, "unit", "unit") : facts_get_text(facts, "units", "units");
}

static const char *plural_of_invocations(const struct content *content, uint64_t n)
{
    if (!content->has_many_units)
        return plural(content, n);
    return n == 1 ? "process" : "processes";
}

/* Units that were kept apart, by what they are. */
static void count_apart(const struct content *content, uint64_t *ret_warmup, uint64_t *ret_first)
{
    const struct run_series *series = content->main.series;
    *ret_warmup = *ret_first = 0;
    for (size_t i = 0; series && i < series->count; i++) {
        enum phase_kind kind =
            run_phase_of_unit(content->run, series->samples[i].invocation, series->samples[i].unit);
        *ret_warmup += kind == PHASE_WARMUP;
        *ret_first += kind == PHASE_FIRST || kind == PHASE_PROFILED;
    }
}

__attribute__((format(printf, 3, 4))) static void append_to(char *buf, size_t size, const char *fmt,
                                                            ...)
{
    size_t used = strlen(buf);
    va_list args;
    va_start(args, fmt);
    vsnprintf(buf + used, size - used, fmt, args);
    va_end(args);
}

static void make_counts(struct content *content)
{
    const struct run *run = content->run;
    uint64_t measured = content->main.series ? content->main.n : 0;
    uint64_t warmup, first, failed = 0;
    count_apart(content, &warmup, &first);
    for (size_t i = 0; i < run->invocation_count; i++)
        failed += run->invocations[i].outcome != INVOCATION_OK &&
                  run->invocations[i].outcome != INVOCATION_INTERRUPTED;
    char took[32] = "-", *counts = content->counts;
    if (run->end_ns > 0)
        unit_format_ns((double)run->end_ns, took, sizeof(took));
    size_t size = sizeof(content->counts);
    if (content->is_imported) {
        append_to(counts, size, "imported from %s", facts_get_text(&run->workload, "tool", "?"));
        if (run->end_ns > 0)
            append_to(counts, size, " · took %s", took);
        append_to(counts, size, " · run %s", run->id);
        return;
    }
    append_to(counts, size, "%llu %s", (unsigned long long)measured, plural(content, measured));
    if (warmup)
        append_to(counts, size, " + %llu warm-up", (unsigned long long)warmup);
    if (first)
        append_to(counts, size, " + %llu first", (unsigned long long)first);
    if (content->has_many_units && run->invocation_count > 1)
        append_to(counts, size, " in %zu processes", run->invocation_count);
    if (failed && content->has_many_units && run->invocation_count == 1)
        append_to(counts, size, ", the process failed");
    else if (failed)
        append_to(counts, size, ", %llu %sfailed", (unsigned long long)failed,
                  content->has_many_units ? "of them " : "");
    append_to(counts, size, " · took %s · run %s", took, run->id);
}

static void make_cost_heading(struct content *content)
{
    size_t count = content->run->invocation_count;
    if (content->has_many_units && count == 1)
        snprintf(content->cost_heading, sizeof(content->cost_heading), "the process");
    else
        snprintf(content->cost_heading, sizeof(content->cost_heading),
                 "one %s (median of %llu; memory: the largest)", plural_of_invocations(content, 1),
                 (unsigned long long)(content->has_many_units ? count : content->main.n));
}

/* ---- what went wrong ---- */

static void describe_failure(const struct invocation *invocation, char *buf, size_t size)
{
    switch (invocation->outcome) {
    case INVOCATION_EXIT:
        snprintf(buf, size, "exit status %d", invocation->exit_status);
        break;
    case INVOCATION_SIGNAL:
        snprintf(buf, size, "killed by signal %d (%s)", invocation->signal,
                 strsignal(invocation->signal));
        break;
    case INVOCATION_TIMEOUT:
        snprintf(buf, size, "ended after --timeout");
        break;
    default:
        snprintf(buf, size, "%s",
                 invocation->outcome == INVOCATION_NOT_STARTED ? "did not start" : "interrupted");
    }
}

/* The workload's own finding says it better; a run that crashed has none. */
static bool has_failure_finding(const struct run *run)
{
    for (size_t i = 0; i < run->finding_count; i++)
        if (strcmp(run->findings[i].rule, "program_failed") == 0)
            return true;
    return false;
}

static void make_trouble(struct content *content)
{
    const struct run *run = content->run;
    const struct invocation *first = NULL;
    size_t failed = 0, size = sizeof(content->trouble);
    for (size_t i = 0; i < run->invocation_count; i++)
        if (run->invocations[i].outcome != INVOCATION_OK &&
            run->invocations[i].outcome != INVOCATION_INTERRUPTED) {
            first = first ? first : &run->invocations[i];
            failed++;
        }
    if (run->state == RUN_CRASHED) {
        snprintf(content->trouble, size,
                 "crashed: tacho ended while recording; what was stored until then is shown");
    } else if (run->state == RUN_RECORDING) {
        snprintf(content->trouble, size, "recording: this run is not over yet");
    } else if (first && !has_failure_finding(run)) {
        char how[128];
        describe_failure(first, how, sizeof(how));
        snprintf(content->trouble, size, "failed: %zu of %zu %s, the first was number %u: %s",
                 failed, run->invocation_count,
                 plural_of_invocations(content, run->invocation_count), first->index + 1, how);
    } else if (run->state == RUN_INTERRUPTED) {
        snprintf(content->trouble, size, "%s",
                 first ? "ended at the failure, before it had all it wanted"
                       : "interrupted before it had all it wanted");
    }
}

/* ---- the main distribution ---- */

static const struct run_series *find_main(const struct run *run, const char **ret_label)
{
    static const struct {
        const char *metric, *label;
    } candidates[] = {
        {"wall_ms", "wall time"}, {"latency_ms", "latency"}, {"synthetic_latency_ms", "latency"}};
    for (size_t i = 0; i < ARRAY_LEN(candidates); i++) {
        const struct run_series *series = run_find_series(run, candidates[i].metric, NULL);
        if (series) {
            *ret_label = candidates[i].label;
            return series;
        }
    }
    const char *named = facts_get_text(&run->workload, "latency_metric", NULL);
    *ret_label = "time";
    return named ? run_find_series(run, named, NULL) : NULL;
}

__attribute__((format(printf, 2, 3))) static void item(struct content_line *line, const char *fmt,
                                                       ...)
{
    if (line->count == CONTENT_ITEMS_MAX)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(line->items[line->count++], sizeof(line->items[0]), fmt, args);
    va_end(args);
}

static void make_centre(struct content *content)
{
    const struct summary *main = &content->main;
    const struct metric *metric = main->series->series.metric;
    struct content_line *line = &content->distribution[0];
    char a[32], b[32];
    item(line, "median %s", content_value(metric, main->quantile[SUMMARY_P50], a, sizeof(a)));
    if (main->has_mean_ci)
        item(line, "mean %s ± %s (95 %%)", content_value(metric, main->mean, a, sizeof(a)),
             content_value(metric, (main->mean_hi - main->mean_lo) / 2, b, sizeof(b)));
    else
        item(line, "mean %s", content_value(metric, main->mean, a, sizeof(a)));
    item(line, "std %s", content_value(metric, main->std, a, sizeof(a)));
}

static void make_tail(struct content *content)
{
    static const struct {
        enum summary_quantile quantile;
        const char *name;
    } shown[] = {{SUMMARY_P90, "p90"}, {SUMMARY_P95, "p95"}, {SUMMARY_P99, "p99"}};
    const struct summary *main = &content->main;
    const struct metric *metric = main->series->series.metric;
    struct content_line *line = &content->distribution[1];
    char a[96];
    size_t used = 0;
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        uint64_t need = main->quantile_need[shown[i].quantile], wanted = main->n + need;
        item(line, "%s %s%s", shown[i].name, need ? "~" : "",
             content_value(metric, main->quantile[shown[i].quantile], a, sizeof(a)));
        if (need)
            used += (size_t)snprintf(content->few + used, sizeof(content->few) - used, "%s%s %llu",
                                     used ? ", " : "~ few samples, wanted: ", shown[i].name,
                                     (unsigned long long)wanted);
    }
    item(line, "range %s", content_range(metric, main->min, main->max, a, sizeof(a)));
}

int content_make(const struct run *run, struct content *content, struct error *err)
{
    memset(content, 0, sizeof(*content));
    content->run = run;
    const struct run_series *series = find_main(run, &content->main_label);
    if (series) {
        int rc = summary_of(run, series, PHASE_STEADY, &content->main, err);
        if (rc < 0)
            return rc;
        content->main.series = series;
    }
    content->is_imported = strcmp(facts_get_text(&run->workload, "kind", ""), "imported") == 0;
    /* A launch is its invocation; what has units with numbers has many in each. */
    content->has_many_units = !is_command(run) && strcmp(plural(content, 1), "unit") != 0;
    make_verdict(content);
    make_subject(content);
    content_make_detail(content);
    make_counts(content);
    make_trouble(content);
    make_cost_heading(content);
    content->unit_name = plural(content, 1);
    content->unit_names = plural(content, 2);
    str_copy(content->distribution[0].label, sizeof(content->distribution[0].label),
             content->main_label);
    if (series && content->main.n > 0) {
        make_centre(content);
        make_tail(content);
        /* Processes differ by more than the units of one tell. */
        if (content->has_many_units && content->main.has_mean_ci && !content->main.ci_by_invocation)
            content->alone = "± within one process; --invocations 5 tells how processes differ";
    } else if (!content->is_imported) {
        item(&content->distribution[0], "- (no %s was measured)", content->unit_name);
    }
    return content_make_lines(content, err);
}

/* ---- every metric ---- */

static int metric_row(struct text_table *table, const struct run *run,
                      const struct run_series *series, struct error *err)
{
    struct summary summary;
    int rc = summary_of(run, series, PHASE_STEADY, &summary, err);
    if (rc < 0)
        return rc;
    const struct metric *metric = series->series.metric;
    const char *instance = series->series.instance ? series->series.instance : "";
    char name[160], n[24], why[200], cells[5][40];
    snprintf(name, sizeof(name), "%s%s%s", metric->name, instance[0] ? " " : "", instance);
    str_make_printable(name);
    snprintf(n, sizeof(n), "%llu", (unsigned long long)summary.n);
    if (summary.n == 0) {
        snprintf(why, sizeof(why), "%s%s%s", reason_name(summary.reason),
                 summary.why && summary.why[0] ? ": " : "", summary.why ? summary.why : "");
        str_make_printable(why);
        text_table_row(table, name, "-", "-", "-", "-", "-", "0", why);
        return 0;
    }
    const double values[] = {summary.quantile[SUMMARY_P50], summary.mean, summary.std, summary.min,
                             summary.max};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        content_value(metric, values[i], cells[i], sizeof(cells[i]));
    text_table_row(table, name, cells[0], cells[1], cells[2], cells[3], cells[4], n,
                   series->series.source ? series->series.source : "");
    return 0;
}

int content_metrics_table(const struct run *run, struct text_table *table, struct error *err)
{
    int rc = 0;
    text_table_init(table, 8);
    for (size_t i = 1; i < 7; i++)
        table->align[i] = TEXT_RIGHT;
    text_table_row(table, "metric", "median", "mean", "std", "min", "max", "n",
                   "source, or why not");
    for (size_t i = 0; rc == 0 && i < run->series_count; i++)
        rc = metric_row(table, run, &run->series[i], err);
    if (rc == 0 && table->failed)
        rc = error_set(err, ERROR_NOMEM, "out of memory");
    return rc;
}
