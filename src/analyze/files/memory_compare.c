/* memory_compare.c: several traces side by side: a minute, and by the work that was done in it.
 *
 * MB a minute of two runs only compare if both did as much. So the counter that all of them have
 * stands beside it; where the two disagree, the work is what changed, and not the program.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "analyze/files/memory_internal.h"
#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"

static const struct analysis_column compare_columns[] = {
    {.key = "file", .title = "file", .kind = ANALYSIS_TEXT},
    {.key = "growth_mb", .title = "grew", .unit = "MB", .kind = ANALYSIS_NUMBER},
    {.key = "per_min_mb", .title = "a minute", .unit = "MB", .kind = ANALYSIS_INTERVAL},
    {.key = "per_min_change_pct", .title = "change", .unit = "%", .kind = ANALYSIS_INTERVAL},
    {.key = "counter", .title = "work", .kind = ANALYSIS_TEXT},
    {.key = "units", .title = "done", .kind = ANALYSIS_NUMBER, .digits = 6},
    {.key = "per_unit_mb", .title = "for each", .unit = "MB", .kind = ANALYSIS_INTERVAL},
    {.key = "per_unit_change_pct", .title = "change", .unit = "%", .kind = ANALYSIS_INTERVAL},
};

/* The series of a file that stands for it: the one that grew most. */
static const struct memory_series *main_series(const struct memory_file *file)
{
    const struct memory_series *most = file->series[0];
    for (size_t i = 1; i < file->series_count; i++) {
        if (file->series[i]->verdict.growth_mb > most->verdict.growth_mb)
            most = file->series[i];
    }
    return most;
}

static const struct growth_work *work_named(const struct memory_series *series, const char *name)
{
    for (size_t i = 0; name && i < series->verdict.work_count; i++) {
        if (series->verdict.work[i].usable && strcasecmp(series->work_name[i], name) == 0)
            return &series->verdict.work[i];
    }
    return NULL;
}

/* The counter of all files that explains their growth best, all in all; NULL: they share none. */
static const char *shared_counter(const struct memory_file *files, size_t count)
{
    const struct memory_series *first = main_series(&files[0]);
    const char *best = NULL;
    double least = INFINITY;
    for (size_t i = 0; i < first->verdict.work_count; i++) {
        double sum = 0;
        for (size_t k = 0; k < count; k++) {
            const struct growth_work *work =
                work_named(main_series(&files[k]), first->work_name[i]);
            sum += work && !isnan(work->delta_aic) ? fmin(work->delta_aic, 1e6) : NAN;
        }
        if (sum < least) {
            least = sum;
            best = first->work_name[i];
        }
    }
    return best;
}

/* By how many percent b is more than a; its interval takes the ends of both: never too narrow. */
static struct growth_rate change_pct(struct growth_rate a, struct growth_rate b)
{
    struct growth_rate change = {100 * (b.value / a.value - 1), NAN, NAN};
    if (!(a.lo > 0) || !(b.lo > 0)) {
        change.value = a.value > 0 ? change.value : NAN;
        return change;
    }
    change.lo = 100 * (b.lo / a.hi - 1);
    change.hi = 100 * (b.hi / a.lo - 1);
    return change;
}

static struct analysis_cell cell_rate(struct growth_rate rate)
{
    return cell_interval(rate.value, rate.lo, rate.hi);
}

struct pair {
    const struct memory_file *file, *base;
    const struct memory_series *series, *base_series;
    const char *counter;
    struct growth_rate per_min, per_unit; /* changes */
};

static bool grows(const struct memory_series *series)
{
    return growth_is_leak(series->verdict.class) || series->verdict.class == GROWTH_DECELERATING;
}

static const char *more_or_less(double pct)
{
    return pct < 0 ? "less" : "more";
}

/* What the two changes mean together. */
static const char *meaning_of(const struct pair *pair)
{
    if (!pair->counter || isnan(pair->per_unit.lo))
        return "without a counter of work in both files nobody can say whether that is the program "
               "or how busy it was";
    if (pair->per_unit.lo <= 0 && pair->per_unit.hi >= 0)
        return "for the same work they take as much: what changed is how much was done";
    if ((pair->per_unit.value < 0) != (pair->per_min.value < 0))
        return "for the same work it is the other way round: the minutes compare unequal work";
    return "the change is the program's";
}

/* The end of a path is what tells files apart. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void tell_pair(const struct pair *pair, struct analysis *analysis)
{
    struct finding finding;
    char work[160] = "", a[32], b[32];
    const struct growth_verdict *base = &pair->base_series->verdict, *own = &pair->series->verdict;
    if (!grows(pair->series) || !grows(pair->base_series) || isnan(pair->per_min.value))
        return;
    finding_init(&finding, "growth_compared", SEVERITY_INFO, "mem_growth_mb_per_min");
    if (pair->counter && !isnan(pair->per_unit.value))
        snprintf(work, sizeof(work), ", and %.3g %% %s for each of %.40s (%s against %s MB)",
                 fabs(pair->per_unit.value), more_or_less(pair->per_unit.value), pair->counter,
                 unit_format_number(work_named(pair->series, pair->counter)->rate.value, 3, a,
                                    sizeof(a)),
                 unit_format_number(work_named(pair->base_series, pair->counter)->rate.value, 3, b,
                                    sizeof(b)));
    finding_sentence(
        &finding, "%.48s grows %.3g %% %s a minute than %.48s (%.4g against %.4g MB)%s: %s",
        base_name(pair->file->name), fabs(pair->per_min.value), more_or_less(pair->per_min.value),
        pair->base->name, own->per_min.value, base->per_min.value, work, meaning_of(pair));
    struct growth_rate told = pair->counter ? pair->per_unit : pair->per_min;
    finding.has_value = !isnan(told.value);
    finding.value = told.value;
    finding.has_interval = !isnan(told.lo);
    finding.lo = told.lo;
    finding.hi = told.hi;
    str_copy(finding.unit, sizeof(finding.unit), "%");
    finding.n = own->windows + base->windows;
    finding_evidence(&finding, "%.80s and %.80s: %zu and %zu windows behind the start-ups",
                     base_name(pair->file->name), base_name(pair->base->name), own->windows,
                     base->windows);
    finding_advice(&finding, "compare what is leaked for each unit of work; log a counter of it "
                             "beside the memory (tacho monitor --work-file)");
    analysis_add_finding(analysis, &finding);
}

static void add_file(struct analysis_table *table, struct pair *pair, bool is_first)
{
    const struct growth_verdict *own = &pair->series->verdict;
    const struct growth_work *work = work_named(pair->series, pair->counter);
    const struct growth_work *base_work = work_named(pair->base_series, pair->counter);
    const struct growth_rate unknown = {NAN, NAN, NAN};
    bool has_times = !pair->file->is_untimed && !pair->base->is_untimed;
    pair->per_min = pair->per_unit = unknown;
    if (!is_first && has_times)
        pair->per_min = change_pct(pair->base_series->verdict.per_min, own->per_min);
    if (!is_first && work && base_work)
        pair->per_unit = change_pct(base_work->rate, work->rate);
    struct analysis_cell *row = analysis_add_row(table);
    row[0] = cell_text(table, pair->file->name);
    row[1] = cell_number(own->growth_mb);
    row[2] = pair->file->is_untimed ? cell_number(NAN) : cell_rate(own->per_min);
    row[3] = cell_rate(pair->per_min);
    row[4] = cell_text(table, pair->counter);
    row[5] = cell_number(work ? work->units : NAN);
    row[6] = work ? cell_rate(work->rate) : cell_number(NAN);
    row[7] = cell_rate(pair->per_unit);
}

void memory_compare(const struct memory_file *files, size_t count, struct analysis *analysis)
{
    if (count < 2)
        return;
    const char *counter = shared_counter(files, count);
    struct analysis_table *table =
        analysis_add_table(analysis, "compared", "Growth, a minute and by the work done",
                           compare_columns, ARRAY_LEN(compare_columns));
    for (size_t i = 0; i < count; i++) {
        struct pair pair = {.file = &files[i],
                            .base = &files[0],
                            .series = main_series(&files[i]),
                            .base_series = main_series(&files[0]),
                            .counter = counter};
        add_file(table, &pair, i == 0);
        if (i > 0)
            tell_pair(&pair, analysis);
    }
    analysis_note(table, "%s",
                  counter ? "change: against the first file"
                          : "the files share no counter of work: only minutes, which "
                            "say nothing where one was busier");
}
