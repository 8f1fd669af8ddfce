/* sample_run.h: a small run that holds one of everything a run can hold, streamed into any sink;
 * for the tests of format/ and store/. */
#ifndef TACHO_TESTS_SAMPLE_RUN_H
#define TACHO_TESTS_SAMPLE_RUN_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "format/run_json.h"
#include "model/run.h"

#define SAMPLE_ID "20261120-212233-4f1c"
#define SAMPLE_EPOCH 1795382553.25
#define MS INT64_C(1000000)

struct sample_options {
    const char *id;
    const char *label;
    double begin_epoch_s;
    bool without_end;
};

static const struct metric sample_own_metric = {.name = "fps",
                                                .unit = "1/s",
                                                .direction = DIRECTION_HIGHER,
                                                .kind = METRIC_VALUE,
                                                .scale = 1,
                                                .limit_stat = "mean",
                                                .definition = "what the program printed"};

static void sample_facts(struct facts *environment, struct facts *workload)
{
    static const char *const command[] = {"./prog", "--size=3", "caf\xc3\xa9 \"x\""};
    facts_text(environment, "cpu_model", "Test CPU", "/proc/cpuinfo");
    facts_integer(environment, "cpus_online", 4, NULL);
    facts_number(environment, "mem_total_mb", 2048, "/proc/meminfo");
    facts_number(environment, "load_1", 0.1, NULL);
    facts_bool(environment, "wsl", false, NULL);
    facts_null(environment, "governor", REASON_ABSENT, "cpufreq");
    facts_text(workload, "kind", "command", NULL);
    facts_text(workload, "name", "prog", NULL);
    facts_list(workload, "command", command, ARRAY_LEN(command), NULL);
}

/* Sends blocks; the first failure stays. */
struct sample_player {
    struct run_sink *sink;
    struct error *err;
    int rc;
};

static void sample_block(struct sample_player *player, const struct series *series,
                         uint32_t invocation, size_t n, const int64_t *t_ns,
                         const uint64_t *value_ns, const double *value)
{
    struct sample_block block = {.series = series,
                                 .invocation = invocation,
                                 .n = n,
                                 .t_ns = t_ns,
                                 .value_ns = value_ns,
                                 .value = value};
    if (player->rc == 0)
        player->rc = sink_samples(player->sink, &block, player->err);
}

/* Launch i takes 10 (i + 1) ms and begins 100 i ms after the run; the first is warm-up. */
static void sample_launch(struct sample_player *player, const struct series *series, uint32_t i)
{
    int64_t begin_ns = 100 * MS * i, wall_ns = 10 * MS * (i + 1) + (i == 3 ? 1 : 0);
    uint64_t wall = (uint64_t)wall_ns;
    double temperature[3] = {50.5 + i, i == 2 ? NAN : 51, -0.5};
    int64_t times[3] = {begin_ns + 1 * MS, begin_ns + 2 * MS, begin_ns + 3 * MS};
    double fps[2] = {30.1 + i, 1e300};
    int64_t end_ns = begin_ns + wall_ns;
    sample_block(player, &series[0], i, 1, &end_ns, &wall, NULL);
    sample_block(player, &series[1], i, 3, times, NULL, temperature);
    sample_block(player, &series[2], i, 2, NULL, NULL, fps);
    struct invocation invocation = {.index = i, .begin_ns = begin_ns, .end_ns = end_ns};
    if (i == 4) {
        invocation.outcome = INVOCATION_TIMEOUT;
        invocation.signal = 15;
    }
    struct phase phase = {.kind = PHASE_STEADY,
                          .invocation = i,
                          .unit_count = 1,
                          .begin_ns = begin_ns,
                          .end_ns = invocation.end_ns};
    if (player->rc == 0)
        player->rc = sink_invocation(player->sink, &invocation, player->err);
    if (player->rc == 0)
        player->rc = sink_phase(player->sink, &phase, player->err);
}

static void sample_findings(struct sample_player *player)
{
    struct finding drift, limit;
    finding_init(&drift, "drift", SEVERITY_WARNING, "wall_ms");
    finding_sentence(&drift, "grows by 10 ms a launch");
    drift.has_value = drift.has_interval = true;
    drift.value = 10;
    drift.lo = 9.5;
    drift.hi = INFINITY;
    str_copy(drift.unit, sizeof(drift.unit), "ms");
    drift.n = 3;
    finding_evidence(&drift, "launches 2 to 4");
    finding_advice(&drift, "look for what it leaves behind");
    finding_init(&limit, "limit", SEVERITY_INFO, "wall_ms");
    finding_sentence(&limit, "p99 is not decided");
    limit.outcome = OUTCOME_UNDECIDED;
    str_copy(limit.limit_name, sizeof(limit.limit_name), "latency");
    str_copy(limit.limit_bound, sizeof(limit.limit_bound), "p99(wall_ms) <= 250 ms");
    limit.n_needed = 455;
    struct event event = {.t_ns = 440 * MS, .invocation = 4, .name = "timeout", .text = "line\n2"};
    if (player->rc == 0)
        player->rc = sink_event(player->sink, &event, player->err);
    if (player->rc == 0)
        player->rc = sink_finding(player->sink, &drift, player->err);
    if (player->rc == 0)
        player->rc = sink_finding(player->sink, &limit, player->err);
}

static void sample_end(struct sample_player *player)
{
    struct facts after = {0};
    facts_number(&after, "cpu_mhz", 1800.5, "cpufreq");
    struct run_end end = {.state = RUN_COMPLETE,
                          .end_ns = 460 * MS + 7,
                          .own_cpu_ns = 1234567,
                          .verdict = {.outcome = OUTCOME_UNDECIDED, .undecided = 1},
                          .environment_after = &after};
    if (player->rc == 0)
        player->rc = after.failed ? -ERROR_NOMEM : sink_end(player->sink, &end, player->err);
    facts_deinit(&after);
}

static int sample_run_play(struct run_sink *sink, const struct sample_options *options,
                           struct error *err)
{
    struct sample_player player = {.sink = sink, .err = err};
    struct facts environment = {0}, workload = {0};
    sample_facts(&environment, &workload);
    struct run_info info = {.label = options->label ? options->label : "sample, the first",
                            .begin_epoch_s =
                                options->begin_epoch_s ? options->begin_epoch_s : SAMPLE_EPOCH,
                            .environment = &environment,
                            .workload = &workload};
    str_copy(info.id, sizeof(info.id), options->id ? options->id : SAMPLE_ID);
    const struct series series[] = {
        {.id = 0, .kind = SERIES_UNIT, .metric = metric_find("wall_ms"), .source = "wait4"},
        {.id = 1,
         .kind = SERIES_TIME,
         .metric = metric_find("temp_c"),
         .instance = "cpu0",
         .source = "thermal"},
        {.id = 2, .kind = SERIES_VALUE, .metric = &sample_own_metric, .source = "--metric"},
        {.id = 3,
         .kind = SERIES_TIME,
         .metric = metric_find("power_w"),
         .source = "hwmon",
         .reason = REASON_ABSENT,
         .why = "no power sensor"},
    };
    player.rc = environment.failed || workload.failed ? -ERROR_NOMEM : sink_begin(sink, &info, err);
    for (size_t i = 0; i < ARRAY_LEN(series); i++)
        sample_block(&player, &series[i], 0, 0, NULL, NULL, NULL);
    for (uint32_t i = 0; i < 5; i++)
        sample_launch(&player, series, i);
    struct phase warmup = {.kind = PHASE_WARMUP, .unit_count = 1, .end_ns = 10 * MS, .found = true};
    if (player.rc == 0)
        player.rc = sink_phase(sink, &warmup, err);
    sample_findings(&player);
    if (!options->without_end)
        sample_end(&player);
    facts_deinit(&environment);
    facts_deinit(&workload);
    return player.rc;
}

/* The sample run in memory; run_deinit it. */
static inline void sample_run_make(struct run *run)
{
    struct error err = {0};
    run_init(run);
    if (sample_run_play(run_sink_of(run), &(struct sample_options){0}, &err) < 0)
        fail_msg("%s", err.message);
}

/* A run as JSON; free it. */
static inline char *run_text(const struct run *run, bool with_samples)
{
    struct error err = {0};
    struct strbuf out = {0};
    if (run_json_write(run, with_samples, &out, &err) < 0)
        fail_msg("%s", err.message);
    return out.data;
}

static inline char *sample_run_text(void)
{
    struct run run;
    sample_run_make(&run);
    char *text = run_text(&run, true);
    run_deinit(&run);
    return text;
}

#endif
