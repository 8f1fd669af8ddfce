/* test_watch.c: watching real programs: rows, ends, CPU time, memory verdict, limits. Nothing here
 * depends on how fast the machine is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/procfs.h"
#include "base/util.h"
#include "measure/watch_internal.h"
#include "model/summary.h"
#include "near.h"

#define PROG(name) PROG_DIR "/prog_" name

static struct launcher launcher = {.socket = -1};

struct fixture {
    struct root root;
    struct target targets[4];
    struct watch_plan plan;
    struct watch *watch;
    size_t rows, beginnings;
    bool beginning_came_first;
    uint64_t last_ns;
    double sum;     /* of the first column that has a value */
    size_t counted; /* values in it */
};

static const char *const only_proc[] = {"proc"};

static void on_row(const struct sample_row *row, double epoch_s, bool is_beginning, void *context)
{
    struct fixture *fixture = context;
    assert_true(row->t_ns > fixture->last_ns);
    assert_true(epoch_s > 1e9);
    fixture->last_ns = row->t_ns;
    fixture->beginning_came_first |= is_beginning && fixture->rows == 0;
    fixture->rows += !is_beginning;
    fixture->beginnings += is_beginning;
    if (row->due[0] && !isnan(row->values[0])) {
        fixture->sum += row->values[0];
        fixture->counted++;
    }
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    assert_int_equal(root_open(&fixture->root, "/", NULL), 0);
    fixture->plan = (struct watch_plan){.root = &fixture->root,
                                        .targets = fixture->targets,
                                        .launcher = &launcher,
                                        .interval_ns = 10 * NS_PER_MS,
                                        .collector_names = only_proc,
                                        .collector_count = 1,
                                        .memory_limit_mb = NAN,
                                        .on_row = on_row,
                                        .context = fixture};
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    watch_free(fixture->watch);
    for (size_t i = 0; i < fixture->plan.target_count; i++)
        target_release(&fixture->targets[i]);
    root_close(&fixture->root);
    free(fixture);
    return 0;
}

static void begin(struct fixture *fixture)
{
    struct error err = {0};
    if (watch_open(&fixture->plan, &fixture->watch, &err) < 0)
        fail_msg("%s", err.message);
}

static void step_to_the_end(struct fixture *fixture)
{
    struct error err = {0};
    bool more = true;
    while (more) {
        if (watch_step(fixture->watch, 100, &more, &err) < 0)
            fail_msg("%s", err.message);
    }
}

static const struct run *finish(struct fixture *fixture)
{
    struct error err = {0};
    if (watch_close(fixture->watch, &err) < 0)
        fail_msg("%s", err.message);
    return watch_run_get(fixture->watch);
}

static const struct run *watch_all(struct fixture *fixture)
{
    begin(fixture);
    step_to_the_end(fixture);
    return finish(fixture);
}

static const struct finding *find(const struct run *run, const char *rule)
{
    for (size_t i = 0; i < run->finding_count; i++) {
        if (strcmp(run->findings[i].rule, rule) == 0)
            return &run->findings[i];
    }
    return NULL;
}

static pid_t start_sleeper(size_t mb)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when a test fails in between */
        char *memory = malloc(mb << 20);
        for (size_t i = 0; memory && i < mb << 20; i += 1024)
            ((volatile char *)memory)[i] = 1;
        if (write(ready[1], "", 1) == 1)
            pause();
        _exit(0);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void hold(struct fixture *fixture, pid_t pid)
{
    assert_int_equal(
        target_hold(&fixture->root, pid, &fixture->targets[fixture->plan.target_count++], NULL), 0);
}

static void end_process(pid_t pid, int number)
{
    kill(pid, number);
    waitpid(pid, NULL, 0);
}

/* ---- rows ---- */

static void the_machine_alone(void **state)
{
    struct fixture *fixture = *state;
    struct watch_status status;
    fixture->plan.duration_ns = 300 * NS_PER_MS;
    const struct run *run = watch_all(fixture);
    watch_get_status(fixture->watch, &status);
    assert_int_equal(run->state, RUN_COMPLETE);
    assert_int_equal(run->verdict.outcome, OUTCOME_NOT_JUDGED);
    assert_int_equal(fixture->beginnings, 1);
    assert_int_equal(status.rows, fixture->rows);
    /* None is lost without being counted. */
    uint64_t all = status.rows + status.missed_ticks + status.dropped_rows;
    assert_true(all >= 29 && all <= (uint64_t)run->end_ns / fixture->plan.interval_ns + 1);
    assert_null(find(run, "memory_growth"));
    assert_null(find(run, "target_ended"));
    const struct run_series *series = run_find_series(run, "cpu_total_pct", NULL);
    assert_non_null(series);
    assert_true(series->count > 0);
}

/* Opening the store or a screen may take longer than many intervals; rows are those of the time in
 * which there is a run, the first of them only begins it, and a sink that was opened on the way has
 * heard of the run before. */
struct slow {
    struct run_sink sink;
    struct fixture *fixture;
    bool has_opened, has_begun;
    size_t rows_before; /* the run */
};

static struct slow slow;

static int begin_slowly(struct run_sink *sink, const struct run_info *info, struct error *err)
{
    assert_true(slow.has_opened);
    usleep(50000);
    slow.has_begun = true;
    slow.rows_before = slow.fixture->rows + slow.fixture->beginnings;
    return 0;
}

static int take_samples(struct run_sink *sink, const struct sample_block *block, struct error *err)
{
    assert_true(slow.has_begun);
    for (size_t i = 0; i < block->n; i++)
        assert_true(block->t_ns[i] >= 0);
    return 0;
}

static int open_slowly(const struct channel *channels, size_t count, void *context,
                       struct error *err)
{
    static const struct run_sink_ops ops = {
        .name = "slow", .begin = begin_slowly, .samples = take_samples};
    struct fixture *fixture = context;
    assert_true(count > 0);
    assert_int_equal(fixture->rows + fixture->beginnings, 0);
    usleep(50000);
    slow = (struct slow){.sink = {&ops}, .fixture = fixture, .has_opened = true};
    fixture->plan.sink[0] = &slow.sink;
    return 0;
}

static void rows_begin_when_all_is_open_however_long_that_takes(void **state)
{
    struct fixture *fixture = *state;
    struct watch_status status;
    fixture->plan.interval_ns = 2 * NS_PER_MS;
    fixture->plan.duration_ns = 100 * NS_PER_MS;
    fixture->plan.on_open = open_slowly;
    watch_all(fixture);
    watch_get_status(fixture->watch, &status);
    assert_true(slow.has_begun);
    assert_int_equal(slow.rows_before, 0);
    assert_int_equal(fixture->beginnings, 1);
    assert_true(fixture->beginning_came_first);
    assert_true(fixture->rows > 0);
    assert_int_equal(status.rows, fixture->rows);
}

/* However many rows there are, memory is what it was, and the mean is that of all of them. */
static void many_rows_are_thinned_and_their_mean_is_exact(void **state)
{
    static const char *const synthetic[] = {"synthetic"};
    struct fixture *fixture = *state;
    struct watch_status status;
    struct summary summary;
    fixture->plan.interval_ns = NS_PER_MS / 2;
    fixture->plan.collector_names = synthetic;
    begin(fixture);
    do {
        bool more;
        assert_int_equal(watch_step(fixture->watch, 100, &more, NULL), 0);
        watch_get_status(fixture->watch, &status);
    } while (fixture->counted < 3 * WATCH_SAMPLES_EACH);
    const struct run *run = finish(fixture);
    const struct run_series *series = &run->series[0];
    assert_true(run->synthetic);
    assert_true(series->count <= WATCH_SAMPLES_EACH);
    assert_int_equal(series->capacity, WATCH_SAMPLES_EACH);
    assert_int_equal(series->count + series->raw_dropped, fixture->counted);
    assert_int_equal(summary_of(run, series, PHASE_STEADY, &summary, NULL), 0);
    assert_int_equal(summary.n, fixture->counted);
    ASSERT_NEAR(summary.mean, fixture->sum / (double)fixture->counted, 1e-6);
}

/* ---- targets ---- */

static void a_program_and_its_exit_status(void **state)
{
    static const char *const command[] = {"sh", "-c", "sleep 0.2; exit 7", NULL};
    struct fixture *fixture = *state;
    struct watch_status status;
    fixture->plan.command = command;
    const struct run *run = watch_all(fixture);
    watch_get_status(fixture->watch, &status);
    assert_int_equal(status.end_count, 1);
    assert_int_equal(status.alive, 0);
    assert_true(status.ends[0].has_ended);
    assert_int_equal(status.ends[0].kind, TARGET_END_EXIT);
    assert_int_equal(status.ends[0].value, 7);
    const struct finding *finding = find(run, "target_ended");
    assert_true(finding && strstr(finding->sentence, "exit status 7"));
    assert_int_equal(finding->severity, SEVERITY_WARNING);
}

static void a_program_that_is_not_there(void **state)
{
    static const char *const command[] = {"/nowhere/at/all", NULL};
    struct fixture *fixture = *state;
    struct error err = {0};
    bool more = true;
    int rc = 0;
    fixture->plan.command = command;
    begin(fixture);
    while (more && rc == 0)
        rc = watch_step(fixture->watch, 100, &more, &err);
    assert_int_equal(rc, -ERROR_PROGRAM);
    assert_non_null(strstr(err.message, "/nowhere/at/all"));
    finish(fixture);
}

static void a_program_is_ended_when_the_time_is_over(void **state)
{
    static const char *const command[] = {"sleep", "1000", NULL};
    struct fixture *fixture = *state;
    fixture->plan.command = command;
    fixture->plan.duration_ns = 100 * NS_PER_MS;
    const struct run *run = watch_all(fixture);
    assert_int_equal(run->state, RUN_COMPLETE);
    assert_int_equal(fixture->watch->report.outcome, LAUNCH_KILLED);
    assert_null(find(run, "target_ended")); /* that was us */
    assert_int_equal(kill(fixture->watch->report.pid, 0), -1);
}

static void a_target_that_is_killed(void **state)
{
    struct fixture *fixture = *state;
    struct watch_status status;
    pid_t pid = start_sleeper(1);
    bool more = true;
    hold(fixture, pid);
    begin(fixture);
    while (fixture->rows < 3)
        assert_int_equal(watch_step(fixture->watch, 100, &more, NULL), 0);
    assert_true(more);
    end_process(pid, SIGKILL);
    step_to_the_end(fixture);
    const struct run *run = finish(fixture);
    watch_get_status(fixture->watch, &status);
    assert_true(status.ends[0].has_ended);
    assert_non_null(find(run, "target_ended"));
    /* Only newer kernels tell others than the parent. */
    if (status.ends[0].kind == TARGET_END_SIGNAL) {
        assert_int_equal(status.ends[0].value, SIGKILL);
        assert_non_null(strstr(status.ends[0].text, "signal 9"));
    } else {
        assert_int_equal(status.ends[0].kind, TARGET_END_UNKNOWN);
    }
}

static double resident_mb(pid_t pid)
{
    struct root root;
    uint64_t pages = 0;
    assert_int_equal(root_open(&root, "/", NULL), 0);
    assert_int_equal(procfs_read_rss_pages(&root, pid, &pages, NULL), 0);
    root_close(&root);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
}

static double last_of(const struct run *run, const char *metric)
{
    const struct run_series *series = run_find_series(run, metric, NULL);
    assert_non_null(series);
    assert_true(series->count > 0);
    return series->samples[series->count - 1].value;
}

static void several_are_summed_until_one_ends(void **state)
{
    struct fixture *fixture = *state;
    struct watch_status status;
    bool more = true;
    pid_t big = start_sleeper(64), small = start_sleeper(16);
    hold(fixture, big);
    hold(fixture, small);
    begin(fixture);
    while (fixture->rows < 20)
        assert_int_equal(watch_step(fixture->watch, 100, &more, NULL), 0);
    double both_mb = last_of(watch_run_get(fixture->watch), "mem_track_rss_mb");
    assert_true(both_mb >= 80);
    ASSERT_NEAR(both_mb, resident_mb(big) + resident_mb(small), 4);
#ifndef __SANITIZE_THREAD__ /* its runtime has a thread of its own in each process */
    ASSERT_NEAR(last_of(watch_run_get(fixture->watch), "threads"), 2, 0);
#endif
    end_process(big, SIGTERM);
    size_t rows = fixture->rows;
    while (fixture->rows < rows + 20)
        assert_int_equal(watch_step(fixture->watch, 100, &more, NULL), 0);
    assert_true(more);
    watch_get_status(fixture->watch, &status);
    assert_int_equal(status.alive, 1);
    double one_mb = last_of(watch_run_get(fixture->watch), "mem_track_rss_mb");
    ASSERT_NEAR(one_mb, resident_mb(small), 2);
    end_process(small, SIGTERM);
    step_to_the_end(fixture);
    finish(fixture);
}

/* Its parent is tacho's helper, so what the kernel charged is known exactly. The program rests at
 * both ends: rows need not fall on anything. */
static void expect_cpu_time(struct fixture *fixture, const char *const *command)
{
    struct watch_status status;
    fixture->plan.command = command;
    watch_all(fixture);
    watch_get_status(fixture->watch, &status);
    const struct launch_report *report = &fixture->watch->report;
    assert_int_equal(report->outcome, LAUNCH_EXITED);
    assert_int_equal(report->exit_status, 0);
    double charged_s = (double)(report->user_ns + report->system_ns) / 1e9;
    assert_true(charged_s > 2.9);
    ASSERT_NEAR(status.cpu_s, charged_s, 0.005 * charged_s);
}

static void cpu_time_of_threads_is_the_kernels(void **state)
{
    static const char *const command[] = {PROG("duty"), "1500", "2", "thread", "300", NULL};
    expect_cpu_time(*state, command);
}

static void cpu_time_of_forked_workers_is_the_kernels(void **state)
{
    static const char *const command[] = {PROG("duty"), "3000", "2", "fork", "300", NULL};
    expect_cpu_time(*state, command);
}

/* ---- memory ---- */

static const struct run *watch_leak(struct fixture *fixture, const char *kb, struct limit *limit)
{
    const char *const command[] = {PROG("leak"), kb, "20", "5000", NULL};
    assert_int_equal(limit_parse("mem_growth_mb_per_min<100", "--limit", NULL, 0, limit, NULL), 0);
    fixture->plan.command = command;
    fixture->plan.limits = limit;
    fixture->plan.limit_count = 1;
    fixture->plan.growth_min_duration_s = 4;
    fixture->plan.growth_by_rss = true;
    return watch_all(fixture);
}

static void a_leak_is_found_and_fails_its_limit(void **state)
{
    struct fixture *fixture = *state;
    struct watch_status status;
    struct limit limit;
    const struct run *run = watch_leak(fixture, "200", &limit);
    watch_get_status(fixture->watch, &status);
    assert_non_null(status.growth);
    assert_true(growth_is_leak(status.growth->class));
    double true_per_min = 200.0 / 1024 * 50 * 60;
    ASSERT_NEAR(status.growth->per_min.value, true_per_min, 0.1 * true_per_min);
    const struct finding *finding = find(run, "memory_growth");
    assert_non_null(finding);
    assert_int_equal(finding->severity, SEVERITY_WARNING);
    assert_int_equal(run->verdict.outcome, OUTCOME_FAIL);
}

static void what_is_flat_is_no_leak(void **state)
{
    struct fixture *fixture = *state;
    struct watch_status status;
    struct limit limit;
    const struct run *run = watch_leak(fixture, "0", &limit);
    watch_get_status(fixture->watch, &status);
    assert_non_null(status.growth);
    assert_false(growth_is_leak(status.growth->class));
    assert_int_equal(run->verdict.outcome, OUTCOME_PASS);
}

static void too_short_is_undecided(void **state)
{
    static const char *const command[] = {"sleep", "0.3", NULL};
    struct fixture *fixture = *state;
    struct limit limits[2];
    limit_parse("mem_growth_mb_per_min<100", "--limit", NULL, 0, &limits[0], NULL);
    limit_parse("pipeline_drops<=0", "--limit", NULL, 0, &limits[1], NULL);
    fixture->plan.command = command;
    fixture->plan.limits = limits;
    fixture->plan.limit_count = 2;
    const struct run *run = watch_all(fixture);
    assert_int_equal(run->verdict.outcome, OUTCOME_UNDECIDED);
    assert_int_equal(run->verdict.undecided, 2);
}

/* ---- work ---- */

static void a_file_that_stops_growing_while_the_program_lives(void **state)
{
    char path[] = "/tmp/tacho-work-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct fixture *fixture = *state;
    bool more = true;
    pid_t pid = start_sleeper(1);
    fixture->plan.work_file = path;
    fixture->plan.work_lines = true;
    fixture->plan.interval_ns = 20 * NS_PER_MS;
    hold(fixture, pid);
    begin(fixture);
    size_t lines = 0;
    for (; fixture->rows < 10; lines++) {
        assert_int_equal(write(fd, "line\n", 5), 5);
        assert_int_equal(watch_step(fixture->watch, 100, &more, NULL), 0);
    }
    while (!find(watch_run_get(fixture->watch), "silent_counter"))
        assert_int_equal(watch_step(fixture->watch, 100, &more, NULL), 0);
    end_process(pid, SIGTERM);
    step_to_the_end(fixture);
    const struct run *run = finish(fixture);
    const struct finding *finding = find(run, "silent_counter");
    assert_int_equal(finding->severity, SEVERITY_WARNING);
    assert_string_equal(finding->metric, "work_done");
    ASSERT_NEAR(last_of(run, "work_done"), (double)lines, 0);
    close(fd);
    unlink(path);
}

/* ---- a sink that fails ---- */

static int fail_samples(struct run_sink *sink, const struct sample_block *block, struct error *err)
{
    return block->n > 0 ? error_set(err, ERROR_IO, "disk full") : 0;
}

static void a_sink_that_fails_ends_nothing(void **state)
{
    static const struct run_sink_ops ops = {.name = "full", .samples = fail_samples};
    struct run_sink full = {&ops};
    struct fixture *fixture = *state;
    fixture->plan.sink[0] = &full;
    fixture->plan.duration_ns = 100 * NS_PER_MS;
    const struct run *run = watch_all(fixture);
    assert_int_equal(run->state, RUN_COMPLETE);
    assert_true(fixture->rows > 0);
    assert_non_null(watch_sink_error(fixture->watch, 0));
    assert_null(watch_sink_error(fixture->watch, 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    struct error err = {0};
    if (launcher_start(&launcher, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        TEST(the_machine_alone),
        TEST(rows_begin_when_all_is_open_however_long_that_takes),
        TEST(many_rows_are_thinned_and_their_mean_is_exact),
        TEST(a_program_and_its_exit_status),
        TEST(a_program_that_is_not_there),
        TEST(a_program_is_ended_when_the_time_is_over),
        TEST(a_target_that_is_killed),
        TEST(several_are_summed_until_one_ends),
        TEST(cpu_time_of_threads_is_the_kernels),
        TEST(cpu_time_of_forked_workers_is_the_kernels),
        TEST(a_leak_is_found_and_fails_its_limit),
        TEST(what_is_flat_is_no_leak),
        TEST(too_short_is_undecided),
        TEST(a_file_that_stops_growing_while_the_program_lives),
        TEST(a_sink_that_fails_ends_nothing),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    launcher_stop(&launcher);
    return failed;
}
