/* growth.c: see growth.h. */
#include "analyze/growth.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/unit.h"

/* MB a minute; a sixtieth of it where the trace's seconds are samples. */
static double rate_of(const struct growth_hints *hints, double mb_per_min)
{
    return hints->is_untimed ? mb_per_min / 60 : mb_per_min;
}

static const char *per_of(const struct growth_hints *hints)
{
    return hints->is_untimed ? "sample" : "minute";
}

static const char *rate_text(const struct growth_hints *hints, double mb_per_min, char *buf,
                             size_t size)
{
    return unit_format_number(rate_of(hints, mb_per_min), 3, buf, size);
}

/* "5.91 MB a minute (95 %: 1.55 to 10.3)". */
static const char *interval_text(const struct growth_hints *hints, const struct growth_rate *rate,
                                 char *buf, size_t size)
{
    char value[32], lo[32], hi[32];
    snprintf(buf, size, "%s MB a %s (95 %%: %s to %s)",
             rate_text(hints, rate->value, value, sizeof(value)), per_of(hints),
             rate_text(hints, rate->lo, lo, sizeof(lo)),
             rate_text(hints, rate->hi, hi, sizeof(hi)));
    return buf;
}

/* "25.1 min", "3.1 h", "420 samples". */
static const char *duration_text(const struct growth_hints *hints, double s, char *buf, size_t size)
{
    char number[32];
    if (isinf(s))
        snprintf(buf, size, "never");
    else if (hints->is_untimed)
        snprintf(buf, size, "%.0f samples", s);
    else if (s < 120)
        snprintf(buf, size, "%.0f s", s);
    else if (s < 7200)
        snprintf(buf, size, "%s min", unit_format_number(s / 60, 3, number, sizeof(number)));
    else if (s < 172800)
        snprintf(buf, size, "%s h", unit_format_number(s / 3600, 3, number, sizeof(number)));
    else
        snprintf(buf, size, "%s days", unit_format_number(s / 86400, 3, number, sizeof(number)));
    return buf;
}

static void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    str_copy(text + used, size - used, more);
}

/* ---- the sentence ---- */

static void say_leak(const struct growth_verdict *verdict, const struct growth_hints *hints,
                     const char *subject, struct finding *finding)
{
    char rate[128];
    finding_sentence(finding, "memory of %s grows %s: %s", subject,
                     verdict->class == GROWTH_ACCELERATING ? "faster and faster"
                     : verdict->class == GROWTH_WITH_WORK  ? "with its work"
                                                           : "steadily",
                     interval_text(hints, &verdict->pace, rate, sizeof(rate)));
}

static void say_other(const struct growth_verdict *verdict, const struct growth_hints *hints,
                      const char *subject, struct finding *finding)
{
    char text[128], more[64];
    switch (verdict->class) {
    case GROWTH_TOO_SHORT:
        finding_sentence(finding, "whether memory of %s grows cannot be told yet: %s more", subject,
                         duration_text(hints, verdict->needed_s, text, sizeof(text)));
        break;
    case GROWTH_UNEVEN:
        finding_sentence(finding,
                         "memory of %s may grow: %s, but too unevenly to be sure of a leak",
                         subject, interval_text(hints, &verdict->per_min, text, sizeof(text)));
        break;
    case GROWTH_WARMING:
        finding_sentence(finding,
                         "memory of %s grew while it warmed up (%s) and rests now; not for long "
                         "enough to call it level",
                         subject, duration_text(hints, verdict->warmup_s, text, sizeof(text)));
        break;
    case GROWTH_DECELERATING:
        finding_sentence(finding,
                         "memory of %s grows, but less and less: %s MB a %s over all, %s now",
                         subject, rate_text(hints, verdict->per_min.value, text, sizeof(text)),
                         per_of(hints), rate_text(hints, verdict->pace.value, more, sizeof(more)));
        break;
    case GROWTH_STEPS:
        finding_sentence(finding,
                         "memory of %s grew in %zu step%s, the largest of %s MB, and is "
                         "level in between",
                         subject, verdict->step_count, verdict->step_count == 1 ? "" : "s",
                         unit_format_number(verdict->step_mb, 3, text, sizeof(text)));
        break;
    default:
        finding_sentence(
            finding, "memory of %s %s; a leak of %s MB a %s would have been seen", subject,
            verdict->per_min.lo > 0 ? "grew by less than 1 MB" : "does not grow",
            rate_text(hints, verdict->smallest_per_min, text, sizeof(text)), per_of(hints));
    }
}

/* ", 13.5 MB for each of clouds": where a counter explains it better than time does. */
static void say_work(const struct growth_verdict *verdict, const struct growth_hints *hints,
                     struct finding *finding)
{
    char text[160], value[32];
    int best = verdict->best_work;
    if (best < 0 || !hints->work_name || !(verdict->work[best].rate.value > 0))
        return;
    unit_format_number(verdict->work[best].rate.value, 3, value, sizeof(value));
    bool is_clear = verdict->time_delta_aic >= GROWTH_DELTA_AIC_CLEAR;
    if (is_clear)
        snprintf(text, sizeof(text), "; it follows %.60s: %s MB for each", hints->work_name[best],
                 value);
    else
        snprintf(text, sizeof(text), "; %s MB for each of %.60s", value, hints->work_name[best]);
    append(finding->sentence, sizeof(finding->sentence), text);
}

static void say_end(const struct growth_verdict *verdict, const struct growth_hints *hints,
                    struct finding *finding)
{
    char text[192], lo[40], hi[40];
    const struct growth_rate *end = &verdict->to_limit_s;
    if (isnan(end->lo) || isinf(end->lo))
        return;
    const char *name = hints->limit_name ? hints->limit_name : "the limit";
    if (end->hi <= 0)
        snprintf(text, sizeof(text), "; %.80s is reached", name);
    else
        snprintf(text, sizeof(text), "; %.80s is reached in %s to %s", name,
                 duration_text(hints, end->lo, lo, sizeof(lo)),
                 duration_text(hints, end->hi, hi, sizeof(hi)));
    append(finding->sentence, sizeof(finding->sentence), text);
}

/* ---- evidence and advice ---- */

static void set_evidence(const struct growth_verdict *verdict, const struct growth_hints *hints,
                         struct finding *finding)
{
    char duration[40], warmup[40], window[40];
    if (verdict->class == GROWTH_TOO_SHORT) {
        finding_evidence(finding, "%zu samples over %s", verdict->samples,
                         duration_text(hints, verdict->duration_s, duration, sizeof(duration)));
        return;
    }
    finding_evidence(
        finding,
        "%s%.0f to %.0f%s: floors of %zu windows of %s, the first %s set aside; %.0f %% of the "
        "segments rise; scatter %.2g MB",
        hints->is_untimed ? "sample " : "", hints->begin_s + verdict->warmup_s,
        hints->begin_s + verdict->duration_s, hints->is_untimed ? "" : " s", verdict->windows,
        duration_text(hints, verdict->window_s, window, sizeof(window)),
        duration_text(hints, verdict->warmup_s, warmup, sizeof(warmup)), 100 * verdict->agree_share,
        verdict->noise_mb);
}

/* The hints that would explain growth without a lost pointer come first: they cost nothing to
 * try. */
static void advise_leak(const struct growth_verdict *verdict, const struct growth_hints *hints,
                        struct finding *finding)
{
    char arenas[80] = "", kinds[96] = "";
    if (hints->arena_count >= 4)
        snprintf(arenas, sizeof(arenas), "%llu arenas of glibc: try MALLOC_ARENA_MAX=2 first; ",
                 (unsigned long long)hints->arena_count);
    if (hints->shmem_mb > verdict->growth_mb / 2)
        snprintf(kinds, sizeof(kinds), "much of it is shared memory: look into /dev/shm; ");
    else if (hints->is_rss && hints->file_mb > verdict->growth_mb / 2)
        snprintf(kinds, sizeof(kinds),
                 "much of it is files (page cache, not lost): judge RssAnon; ");
    const char *profiler = hints->is_python
                               ? "memray run --native shows the lines (tracemalloc is blind to C)"
                               : "heaptrack shows the lines; where it cannot run, valgrind "
                                 "--tool=massif";
    finding_advice(finding, "%s%s%s%s", arenas, kinds, profiler,
                   hints->with_children ? " (measure each child alone first)" : "");
}

static void advise_other(const struct growth_verdict *verdict, const struct growth_hints *hints,
                         struct finding *finding)
{
    switch (verdict->class) {
    case GROWTH_TOO_SHORT:
        finding_advice(finding, "watch it for longer; start-up does not count");
        break;
    case GROWTH_UNEVEN:
        finding_advice(finding, "watch it for longer, with a counter of its work beside the memory "
                                "(tacho monitor --work-file): work that comes in bursts makes a "
                                "leak uneven");
        break;
    case GROWTH_WARMING:
    case GROWTH_DECELERATING:
        finding_advice(finding, "watch it for three times as long: a cache that fills comes to "
                                "rest, a leak does not");
        break;
    case GROWTH_STEPS:
        finding_advice(finding,
                       "look at what happened at %s%.0f%s; a step that comes back is a leak "
                       "in large pieces",
                       hints->is_untimed ? "sample " : "", verdict->step_at_s,
                       hints->is_untimed ? "" : " s");
        break;
    default:
        finding_advice(finding, "nothing to do; a slower leak needs a longer run");
    }
}

void growth_finding(const struct growth_verdict *verdict, const struct growth_hints *hints,
                    struct finding *ret)
{
    static const struct growth_hints none;
    bool is_leak = growth_is_leak(verdict->class);
    if (!hints)
        hints = &none;
    const char *subject = hints->subject ? hints->subject : "the program";
    char name[128];
    snprintf(name, sizeof(name), "%.120s", subject);
    finding_init(ret, "memory_growth", is_leak ? SEVERITY_WARNING : SEVERITY_INFO,
                 hints->metric ? hints->metric : "mem_track_anon_mb");
    if (is_leak)
        say_leak(verdict, hints, name, ret);
    else
        say_other(verdict, hints, name, ret);
    if (is_leak || verdict->class == GROWTH_DECELERATING) {
        say_work(verdict, hints, ret);
        say_end(verdict, hints, ret);
    }
    ret->has_value = !isnan(verdict->pace.value);
    if (ret->has_value) {
        ret->value = rate_of(hints, verdict->pace.value);
        ret->has_interval = !isnan(verdict->pace.lo) && !isnan(verdict->pace.hi);
        ret->lo = rate_of(hints, verdict->pace.lo);
        ret->hi = rate_of(hints, verdict->pace.hi);
        str_copy(ret->unit, sizeof(ret->unit), hints->is_untimed ? "MB/sample" : "MB/min");
    }
    ret->n = verdict->samples;
    set_evidence(verdict, hints, ret);
    if (is_leak)
        advise_leak(verdict, hints, ret);
    else
        advise_other(verdict, hints, ret);
}
