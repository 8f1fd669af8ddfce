/* command_support.h: what the tests of the command workload share: settings, an io that fills a run
 * in memory, and a launcher, started first thing in main. */
#ifndef TACHO_TESTS_COMMAND_SUPPORT_H
#define TACHO_TESTS_COMMAND_SUPPORT_H

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/util.h"
#include "model/run.h"
#include "workload/workload.h"

#define PROG(name) (PROG_DIR "/prog_" name)
#define PROG_TEXT(name) PROG_DIR "/prog_" name /* to be a part of a longer literal */
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct launcher launcher = {.socket = -1};
static const struct workload *workload; /* the one under test */

struct bench {
    struct settings settings;
    struct workload_args args;
    struct workload_io io;
    struct run run;
    void *state;
    struct error err;
    struct invocation invocation;
    pid_t target;   /* the last one that was not 0 */
    int targets;    /* calls of target */
    int stop_after; /* calls of stop_requested until it says yes; 0: never */
    int stop_calls;
    bool stop_at_once;
};

static inline int bench_samples(struct workload_io *io, const struct sample_block *block,
                                struct error *err)
{
    struct bench *bench = io->context;
    return sink_samples(run_sink_of(&bench->run), block, err);
}

static inline int bench_event(struct workload_io *io, const struct event *event, struct error *err)
{
    struct bench *bench = io->context;
    return sink_event(run_sink_of(&bench->run), event, err);
}

static inline void bench_target(struct workload_io *io, pid_t pid)
{
    struct bench *bench = io->context;
    bench->targets++;
    if (pid != 0)
        bench->target = pid;
}

static inline bool bench_stop(struct workload_io *io, bool *ret_at_once)
{
    struct bench *bench = io->context;
    bench->stop_calls++;
    bool stop = bench->stop_after != 0 && bench->stop_calls >= bench->stop_after;
    *ret_at_once = stop && bench->stop_at_once;
    return stop;
}

static inline void bench_begin(struct bench *bench, const char *const *argv)
{
    memset(bench, 0, sizeof(*bench));
    assert_int_equal(settings_init(&bench->settings, &bench->err), 0);
    bench->args = (struct workload_args){
        .settings = &bench->settings, .launcher = &launcher, .command = argv};
    bench->io = (struct workload_io){.context = bench,
                                     .run_begin_ns = clock_mono_ns(),
                                     .samples = bench_samples,
                                     .event = bench_event,
                                     .target = bench_target,
                                     .stop_requested = bench_stop,
                                     .wake_fd = -1};
    struct facts none = {0};
    struct run_info info = {.id = "test",
                            .begin_mono_ns = bench->io.run_begin_ns,
                            .environment = &none,
                            .workload = &none};
    run_init(&bench->run);
    assert_int_equal(sink_begin(run_sink_of(&bench->run), &info, &bench->err), 0);
}

static inline void bench_set(struct bench *bench, enum setting_id id, const char *text)
{
    if (settings_set(&bench->settings, id, text, SOURCE_FLAG, "test", &bench->err) != 0)
        fail_msg("%s", bench->err.message);
}

static inline int bench_open(struct bench *bench)
{
    assert_true(workload->accepts(&bench->args));
    return workload->open(&bench->args, &bench->state, &bench->err);
}

/* One launch. err is cleared before, so that it holds what this launch said. */
static inline void bench_invoke(struct bench *bench)
{
    memset(&bench->err, 0, sizeof(bench->err));
    if (workload->invoke(bench->state, &bench->io, &bench->invocation, &bench->err) != 0)
        fail_msg("%s", bench->err.message);
    struct error err;
    assert_int_equal(sink_invocation(run_sink_of(&bench->run), &bench->invocation, &err), 0);
    bench->io.invocation++;
}

static inline void bench_findings(struct bench *bench)
{
    assert_int_equal(workload->findings(bench->state, run_sink_of(&bench->run), &bench->err), 0);
}

static inline void bench_end(struct bench *bench)
{
    if (bench->state != NULL)
        workload->close(bench->state);
    run_deinit(&bench->run);
    settings_deinit(&bench->settings);
}

/* begin, open, one launch. */
static inline void bench_launch(struct bench *bench, const char *const *argv)
{
    bench_begin(bench, argv);
    if (bench_open(bench) != 0)
        fail_msg("%s", bench->err.message);
    bench_invoke(bench);
}

static inline double bench_value(const struct bench *bench, const char *metric)
{
    const struct run_series *series = run_find_series(&bench->run, metric, NULL);
    if (series != NULL && series->count > 0)
        return series->samples[series->count - 1].value;
    fail_msg("%s has no value", metric);
    return NAN;
}

static inline const struct finding *bench_finding(const struct bench *bench, const char *rule)
{
    for (size_t i = 0; i < bench->run.finding_count; i++)
        if (strcmp(bench->run.findings[i].rule, rule) == 0)
            return &bench->run.findings[i];
    return NULL;
}

static inline int bench_setup(void)
{
    struct error err = {0};
    if (launcher_start(&launcher, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    workload = workloads[0];
    return strcmp(workload->name, "command") != 0;
}

#endif
