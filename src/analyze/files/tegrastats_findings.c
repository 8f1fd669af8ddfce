/* tegrastats_findings.c: what a tegrastats log means. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analyze/files/tegrastats_internal.h"
#include "analyze/growth.h"
#include "base/unit.h"
#include "base/util.h"

/* Less swap than this comes and goes by itself. */
#define SWAP_RISE_MB 1.0
#define GAPS_WARNING_SHARE 0.05
/* A shell's words among the lines are nothing to tell. */
#define OTHER_LINES_SHARE 0.02

/* One part of the log, and where its findings go. */
struct teller {
    const struct tegra_log *log;
    const struct tegra_part *part;
    size_t index;
    const char *file;
    char words[TEGRA_PART_WORDS]; /* "part 2: " */
    struct analysis *analysis;
};

const char *tegra_part_words(const struct tegra_log *log, size_t part, char buf[TEGRA_PART_WORDS])
{
    buf[0] = '\0';
    if (log->part_count > 1)
        snprintf(buf, TEGRA_PART_WORDS, "part %zu: ", part + 1);
    return buf;
}

static void set_lines(const struct teller *teller, struct finding *finding, uint64_t first,
                      uint64_t last)
{
    finding_evidence(finding, "%.160s:%llu to %llu", teller->file, (unsigned long long)first,
                     (unsigned long long)last);
}

/* ---- the file ---- */

static void tell_parts(const struct tegra_log *log, const char *file, struct analysis *analysis)
{
    if (log->part_count < 2)
        return;
    struct finding finding;
    const struct tegra_part *second = log->parts[1];
    finding_init(&finding, "mixed_boards", SEVERITY_WARNING, "");
    finding_sentence(&finding,
                     "the file holds %s%zu logs of different boards or formats: each is told "
                     "apart below, nothing is mixed",
                     log->parts_left_out > 0 ? "more than " : "", log->part_count);
    finding_value(&finding, (double)log->part_count, "");
    finding.n = log->skips.rows;
    finding_evidence(&finding, "%.160s:%llu is the first line of part 2; %llu changes", file,
                     (unsigned long long)second->first_line, (unsigned long long)log->part_changes);
    finding_advice(&finding, "write one log for each board and run: tegrastats --logfile appends");
    analysis_add_finding(analysis, &finding);
}

static void tell_other_lines(const struct tegra_log *log, const char *file,
                             struct analysis *analysis)
{
    struct finding finding;
    uint64_t other = log->skips.of[SKIP_OTHER_LINE].count;
    if ((double)other <= OTHER_LINES_SHARE * (double)log->skips.rows)
        return;
    finding_init(&finding, "other_lines", SEVERITY_INFO, "");
    finding_sentence(&finding, "%llu lines are none of tegrastats, beside %llu that are",
                     (unsigned long long)other, (unsigned long long)log->skips.rows);
    finding_value(&finding, (double)other, "");
    finding.n = other + log->skips.rows;
    finding_evidence(&finding, "%.160s:%llu is the first of them", file,
                     (unsigned long long)log->skips.of[SKIP_OTHER_LINE].first_line);
    finding_advice(&finding, "nothing of them is in this analysis; another log among them is told "
                             "by its own analyzer");
    analysis_add_finding(analysis, &finding);
}

/* ---- heat ---- */

static void advise_throttling(struct finding *finding)
{
    finding_advice(finding,
                   "cool it better (fan, heat sink, case), or choose a power mode (nvpmodel) whose "
                   "clocks it can hold; what it delivers in the heat is what counts");
}

/* As the metrics of a run are called. */
static const char *clock_metric(const char *name)
{
    if (str_starts_with(name, "GR3D"))
        return "gpu_mhz";
    if (str_starts_with(name, "cpu"))
        return "cpu_mhz";
    return strcmp(name, "EMC") == 0 ? "emc_mhz" : "engine_mhz";
}

static void tell_throttled(const struct teller *teller, const struct tegra_throttle *throttle,
                           const char *name, size_t same, size_t of)
{
    struct finding finding;
    char others[64] = "";
    const struct tegra_episode *first = &throttle->episodes[0];
    const struct tegra_episode *last = &throttle->episodes[throttle->episode_count - 1];
    if (of > 1)
        snprintf(others, sizeof(others), " (as %zu of %zu cores)", same, of);
    finding_init(&finding, "throttling", SEVERITY_WARNING, clock_metric(name));
    finding_sentence(
        &finding,
        "%s%s%s throttled: at the same load its clock was %.0f %% lower in the heat than when "
        "cool (%.0f instead of %.0f MHz) in %llu of %llu hot samples, against %llu of %llu cool "
        "ones",
        teller->words, name, others, throttle->drop_pct, throttle->slow_mhz, throttle->cool_mhz,
        (unsigned long long)throttle->hot_slow_n, (unsigned long long)throttle->hot_judged_n,
        (unsigned long long)throttle->cool_slow_n, (unsigned long long)throttle->cool_n);
    finding_value(&finding, throttle->drop_pct, "%");
    finding_interval(&finding, throttle->lo, throttle->hi);
    finding.n = throttle->hot_judged_n;
    finding_evidence(&finding,
                     "%.120s:%llu to %llu, %zu stretch%s; load of 50 %% and more, from "
                     "%g C on",
                     teller->file, (unsigned long long)first->first_line,
                     (unsigned long long)last->last_line, throttle->episode_count,
                     throttle->episode_count == 1 ? "" : "es",
                     teller->log->options->throttle_threshold_c);
    advise_throttling(&finding);
    analysis_add_finding(teller->analysis, &finding);
}

struct heat {
    size_t throttled, judged; /* units */
    bool has_busy_hot;        /* a unit was busy while it was hot */
    bool was_set_down;        /* and its clock had been low since it was cool */
};

/* Units but cores, one finding each. */
static int tell_units(const struct teller *teller, struct heat *heat)
{
    for (size_t i = 0; i < teller->part->unit_count; i++) {
        CLEANUP(tegra_throttle_deinit) struct tegra_throttle throttle = {.episodes = NULL};
        if (teller->part->units[i].is_core)
            continue;
        if (tegra_throttle_of(teller->log, teller->index, i, &throttle) < 0)
            return -1;
        heat->has_busy_hot |= throttle.hot_n > 0;
        heat->was_set_down |= throttle.set_down_n > 0;
        heat->judged += throttle.is_judged;
        heat->throttled += throttle.is_throttled;
        if (throttle.is_throttled)
            tell_throttled(teller, &throttle, teller->part->units[i].name, 1, 1);
    }
    return 0;
}

/* Cores throttle together: one finding, of the one that was slow most often. */
static int tell_cores(const struct teller *teller, struct heat *heat)
{
    size_t worst = 0, throttled = 0, cores = 0;
    uint64_t most = 0;
    CLEANUP(tegra_throttle_deinit) struct tegra_throttle worst_throttle = {.episodes = NULL};
    for (size_t i = 0; i < teller->part->unit_count; i++) {
        CLEANUP(tegra_throttle_deinit) struct tegra_throttle throttle = {.episodes = NULL};
        if (!teller->part->units[i].is_core)
            continue;
        if (tegra_throttle_of(teller->log, teller->index, i, &throttle) < 0)
            return -1;
        cores++;
        heat->has_busy_hot |= throttle.hot_n > 0;
        heat->was_set_down |= throttle.set_down_n > 0;
        heat->judged += throttle.is_judged;
        throttled += throttle.is_throttled;
        if (throttle.is_throttled && throttle.hot_slow_n > most) {
            most = throttle.hot_slow_n;
            worst = i;
        }
    }
    heat->throttled += throttled;
    if (throttled == 0)
        return 0;
    if (tegra_throttle_of(teller->log, teller->index, worst, &worst_throttle) < 0)
        return -1;
    tell_throttled(teller, &worst_throttle, teller->part->units[worst].name, throttled, cores);
    return 0;
}

static const struct tegra_zone *hottest_zone(const struct tegra_part *part)
{
    const struct tegra_zone *hottest = NULL;
    for (size_t i = 0; i < part->zone_count; i++) {
        if (part->zones[i].c.n > 0 && (!hottest || part->zones[i].c.max > hottest->c.max))
            hottest = &part->zones[i];
    }
    return hottest;
}

/* Hot is a temperature; whether a clock suffered is another question, and may have no answer. */
static int tell_heat(const struct teller *teller)
{
    struct heat heat = {.throttled = 0};
    struct finding finding;
    const struct tegra_part *part = teller->part;
    const struct tegra_zone *zone = hottest_zone(part);
    if (!zone || part->hot_lines == 0)
        return 0;
    if (tell_units(teller, &heat) < 0 || tell_cores(teller, &heat) < 0)
        return -1;
    double threshold_c = teller->log->options->throttle_threshold_c;
    const char *meaning =
        heat.throttled > 0 ? "clocks fell with it"
        : heat.judged > 0  ? "no clock fell under load with it: hot, not throttling"
        : heat.was_set_down
            ? "whether it throttled cannot be told: the clock was low already when it was cool (a "
              "power mode, a limit)"
        : heat.has_busy_hot
            ? "whether it throttled cannot be told: the same load was not seen when it was cool"
            : "whether it throttled cannot be told: no clock with its load was logged under load";
    finding_init(&finding, "hot", SEVERITY_INFO, "temp_c");
    finding_sentence(&finding,
                     "%s%s was the hottest zone with up to %g C; %llu of %llu lines were "
                     "at %g C or above; %s",
                     teller->words, zone->name, zone->c.max, (unsigned long long)part->hot_lines,
                     (unsigned long long)part->lines, threshold_c, meaning);
    finding_value(&finding, zone->c.max, "degrees C");
    finding.n = part->lines;
    set_lines(teller, &finding, part->hot_first, part->hot_last);
    if (heat.throttled > 0 || heat.judged > 0)
        finding_advice(&finding, "keep it below its trip point (cat "
                                 "/sys/class/thermal/thermal_zone*/trip_point_*_temp)");
    else
        finding_advice(&finding, "log from a cold start on, as root, under the same load: then the "
                                 "clocks can be compared");
    analysis_add_finding(teller->analysis, &finding);
    return 0;
}

/* ---- memory ---- */

static void tell_pressure(const struct teller *teller)
{
    const struct tegra_memory *ram = &teller->part->ram;
    struct finding finding;
    if (ram->pressed_lines == 0)
        return;
    finding_init(&finding, "memory_pressure", SEVERITY_WARNING, "mem_used_mb");
    finding_sentence(&finding,
                     "%sRAM was 90 %% full or more in %llu of %llu lines, at most %.1f %% (%.0f of "
                     "%.0f MB)",
                     teller->words, (unsigned long long)ram->pressed_lines,
                     (unsigned long long)ram->mb.n, 100 * ram->max_share, ram->mb.max,
                     ram->total_mb);
    finding_value(&finding, 100 * ram->max_share, "%");
    finding.n = ram->mb.n;
    set_lines(teller, &finding, ram->pressed_first, ram->pressed_last);
    finding_advice(&finding, "GPU and CPU share this memory: smaller batches or models, fewer "
                             "processes; without swap the kernel kills the largest of them next");
    analysis_add_finding(teller->analysis, &finding);
}

static int judge(const struct tegra_memory *memory, double limit_mb, struct growth_verdict *ret)
{
    struct growth_options options = {.limit_mb = limit_mb};
    return growth_tracker_judge(&memory->growth, &options, ret);
}

static void tell_swap(const struct teller *teller, const struct growth_verdict *verdict)
{
    const struct tegra_memory *swap = &teller->part->swap;
    struct finding finding;
    bool is_leak = growth_is_leak(verdict->class);
    if (!is_leak && !(swap->last_mb - swap->first_mb > SWAP_RISE_MB))
        return;
    finding_init(&finding, "swap_growing", is_leak ? SEVERITY_WARNING : SEVERITY_INFO,
                 "swap_used_mb");
    bool has_time = teller->part->signature.has_time;
    double scale = has_time ? 1 : 1.0 / 60; /* without times its seconds are lines */
    if (is_leak)
        finding_sentence(&finding,
                         "%sswap in use grows: from %.0f to %.0f MB, %.3g MB a %s (95 %%: %.3g to "
                         "%.3g)",
                         teller->words, swap->first_mb, swap->last_mb, scale * verdict->pace.value,
                         has_time ? "minute" : "line", scale * verdict->pace.lo,
                         scale * verdict->pace.hi);
    else
        finding_sentence(&finding, "%sswap in use rose from %.0f to %.0f MB, but not evenly (%s)",
                         teller->words, swap->first_mb, swap->last_mb,
                         growth_class_name(verdict->class));
    if (is_leak) {
        finding_value(&finding, scale * verdict->pace.value, has_time ? "MB/min" : "MB/line");
        finding_interval(&finding, scale * verdict->pace.lo, scale * verdict->pace.hi);
    } else {
        finding_value(&finding, swap->last_mb - swap->first_mb, "MB");
    }
    finding.n = swap->mb.n;
    set_lines(teller, &finding, teller->part->first_line, teller->part->last_line);
    finding_advice(&finding, "what is swapped out is slow when it is needed again: find what grows "
                             "(tacho monitor), and keep the working set within RAM");
    analysis_add_finding(teller->analysis, &finding);
}

static int tell_memory(const struct teller *teller)
{
    struct growth_verdict verdict;
    const struct tegra_part *part = teller->part;
    tell_pressure(teller);
    if (judge(&part->ram, part->ram.total_mb, &verdict) < 0)
        return -1;
    if (growth_is_leak(verdict.class)) {
        struct finding finding;
        struct growth_hints hints = {.metric = "mem_used_mb",
                                     .subject = "the whole board",
                                     .limit_name = "all of its RAM",
                                     .is_untimed = !part->signature.has_time};
        growth_finding(&verdict, &hints, &finding);
        set_lines(teller, &finding, part->first_line, part->last_line);
        finding_advice(&finding, "tegrastats cannot say whose it is: watch the processes with "
                                 "tacho monitor");
        analysis_add_finding(teller->analysis, &finding);
    }
    if (part->swap.mb.n == 0)
        return 0;
    if (judge(&part->swap, 0, &verdict) < 0)
        return -1;
    tell_swap(teller, &verdict);
    return 0;
}

/* ---- energy and gaps ---- */

static void tell_energy(const struct teller *teller)
{
    const struct tegra_part *part = teller->part;
    const struct tegra_rail *total = &part->total;
    struct finding finding;
    double covered_s = 0, energy_j = tegra_energy_j(part, total, &covered_s);
    if (total->mw.n == 0)
        return;
    struct interval interval = tegra_rail_mean_interval(total);
    finding_init(&finding, "energy", SEVERITY_INFO, "power_w");
    if (!isnan(energy_j)) {
        char joule[32], watt_hours[32];
        finding_sentence(&finding,
                         "%sthe board used %s J (%s Wh) in %.0f s, %.3g W on average (%s)",
                         teller->words, unit_format_number(energy_j, 4, joule, sizeof(joule)),
                         unit_format_number(energy_j / 3600, 3, watt_hours, sizeof(watt_hours)),
                         covered_s, total->mw.mean / 1e3, part->total_rule);
        finding_advice(&finding, "divided by the items of this time it is the energy of one; the "
                                 "carrier board's own use is not in it");
    } else if (!part->signature.has_time) {
        finding_sentence(&finding,
                         "%sthe board took %.3g W on average (%s); energy cannot be told, as its "
                         "lines have no times and their interval is not known",
                         teller->words, total->mw.mean / 1e3, part->total_rule);
        finding_advice(&finding, "tegrastats | while read -r l; do echo \"$(date '+%%m-%%d-%%Y "
                                 "%%H:%%M:%%S') $l\"; done >log");
    } else {
        finding_sentence(&finding,
                         "%sthe board took %.3g W on average (%s); energy cannot be told from "
                         "lines that are so few or so far apart",
                         teller->words, total->mw.mean / 1e3, part->total_rule);
        finding_advice(&finding, "log for longer, once a second (tegrastats --interval 1000)");
    }
    finding_value(&finding, total->mw.mean / 1e3, "W");
    finding_interval(&finding, interval.lo / 1e3, interval.hi / 1e3);
    finding.n = total->mw.n;
    set_lines(teller, &finding, part->first_line, part->last_line);
    analysis_add_finding(teller->analysis, &finding);
}

static void tell_gaps(const struct teller *teller)
{
    const struct tegra_part *part = teller->part;
    struct finding finding;
    double limit_s = tegra_gap_limit_s(part), missing_s = 0, duration_s = 0;
    uint64_t count = 0, steps = 0;
    for (size_t i = 0; i <= TEGRA_STEPS; i++) {
        double sum_s =
            i < TEGRA_STEPS ? (double)part->step_n[i] * (double)(i + 1) : part->step_over_s;
        bool is_gap = part->step_n[i] > 0 && sum_s / (double)part->step_n[i] > limit_s;
        steps += part->step_n[i];
        duration_s += sum_s;
        count += is_gap ? part->step_n[i] : 0;
        missing_s += is_gap ? sum_s : 0;
    }
    if (count == 0)
        return;
    finding_init(&finding, "sampling_gaps",
                 missing_s > GAPS_WARNING_SHARE * duration_s ? SEVERITY_WARNING : SEVERITY_INFO,
                 "");
    finding_sentence(&finding,
                     "%s%llu gap%s of %.0f s together in %.0f s: the longest lasts %.0f s, where "
                     "%.0f s are usual; energy leaves them out",
                     teller->words, (unsigned long long)count, count == 1 ? "" : "s", missing_s,
                     duration_s, part->gaps[0].step_s, tegra_usual_step_s(part));
    finding_value(&finding, missing_s, "s");
    finding.n = steps;
    finding_evidence(&finding, "%.160s:%llu is the last line before the longest", teller->file,
                     (unsigned long long)part->gaps[0].line);
    finding_advice(&finding, "the board was suspended, stood still, or tegrastats was started "
                             "again; the kernel's log of that time may say which");
    analysis_add_finding(teller->analysis, &finding);
}

int tegra_findings(const struct tegra_log *log, const char *file, struct analysis *analysis,
                   struct error *err)
{
    tell_parts(log, file, analysis);
    tell_other_lines(log, file, analysis);
    for (size_t i = 0; i < log->part_count; i++) {
        struct teller teller = {
            .log = log, .part = log->parts[i], .index = i, .file = file, .analysis = analysis};
        tegra_part_words(log, i, teller.words);
        if (tell_heat(&teller) < 0 || tell_memory(&teller) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory for the findings of %s", file);
        tell_energy(&teller);
        tell_gaps(&teller);
    }
    return 0;
}
