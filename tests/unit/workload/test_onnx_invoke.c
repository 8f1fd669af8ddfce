/* test_onnx_invoke.c: tacho's own side of a model's run against workers that play a part: no engine
 * is needed, and they fail in every way that a real one may. The model's name says which part.
 */
#include "command_support.h"

#include "base/str.h"
#include "onnx_build.h"
#include "workload/onnx/shared.h"

#define STEP_NS 200000 /* an inference of the part-player */

/* ---- the worker's side ---- */

static struct onnx_shared *shared;

static void stage(enum onnx_stage next)
{
    static enum onnx_stage now;
    struct onnx_stage_report *reports = shared->info.stages;
    reports[now].end_ns = clock_mono_ns();
    reports[now].rss_bytes = (uint64_t)(now + 1) << 20;
    now = next;
    reports[next].begin_ns = clock_mono_ns();
    atomic_store(&shared->stage, next);
}

static void put(uint32_t stream, uint64_t intended_ns, uint64_t begin_ns, uint64_t end_ns,
                enum onnx_record_kind kind)
{
    struct onnx_record record = {.intended_ns = intended_ns,
                                 .begin_ns = begin_ns,
                                 .end_ns = end_ns,
                                 .kind = kind,
                                 .stream = stream};
    onnx_ring_put(shared, stream, &record);
}

static void fail_with(int code, const char *message)
{
    error_set(&shared->info.error, code, "%s", message);
    error_hint(&shared->info.error, "a hint of the worker");
    atomic_store(&shared->has_failed, 1);
    exit(1);
}

/* Waits for leave as a worker does; false: stop. */
static bool take_unit(void)
{
    for (;;) {
        uint32_t seen = atomic_load(&shared->bell);
        if (atomic_load(&shared->stop) != 0)
            return false;
        if (atomic_load(&shared->begun) < atomic_load(&shared->allowed)) {
            atomic_fetch_add(&shared->begun, 1);
            return true;
        }
        onnx_bell_wait(shared, seen, 100);
    }
}

static void infer(uint32_t stream)
{
    uint64_t begin_ns = clock_mono_ns();
    while (clock_mono_ns() < begin_ns + STEP_NS)
        ;
    put(stream, begin_ns, begin_ns, clock_mono_ns(), ONNX_RECORD_UNIT);
}

static bool plays(const char *part)
{
    const char *slash = strrchr(shared->config.model, '/');
    return str_starts_with(slash != NULL ? slash + 1 : shared->config.model, part);
}

static void write_profile(const char *provider)
{
    snprintf(shared->info.profile_path, sizeof(shared->info.profile_path), "%.4000s_1.json",
             shared->config.profile_prefix);
    FILE *file = fopen(shared->info.profile_path, "w");
    if (file == NULL)
        return;
    fprintf(file, "[\n");
    for (int i = 0; i < 3; i++) {
        fprintf(file,
                "{\"cat\" : \"Node\",\"pid\" :1,\"tid\" :1,\"dur\" :%d,\"ts\" :%d,\"ph\" : \"X\","
                "\"name\" :\"conv_kernel_time\",\"args\" : {\"op_name\" : \"Conv\","
                "\"provider\" : \"%s\",\"node_index\" : \"0\","
                "\"input_type_shape\" : [{\"float\":[1,4]}]}},\n",
                100 + i, 1000 * i, provider);
        for (int node = 0; plays("mixed") && node < 6; node++)
            fprintf(file,
                    "{\"cat\" : \"Node\",\"tid\" :1,\"dur\" :2,\"ts\" :%d,"
                    "\"name\" :\"resize%d_kernel_time\",\"args\" : {\"op_name\" : \"Resize\","
                    "\"provider\" : \"CPUExecutionProvider\",\"node_index\" : \"%d\"}},\n",
                    1000 * i + 110 + 5 * node, node, node + 1);
        fprintf(file,
                "{\"cat\" : \"Session\",\"pid\" :1,\"tid\" :1,\"dur\" :%d,\"ts\" :%d,"
                "\"ph\" : \"X\",\"name\" :\"model_run\",\"args\" : {}}%s\n",
                150 + i, 1000 * i, i < 2 ? "," : "");
    }
    fprintf(file, "]\n");
    fclose(file);
}

static void play_open_loop(void)
{
    uint64_t at_ns = clock_mono_ns();
    uint64_t gap_ns = (uint64_t)(1e9 / shared->config.rate_per_s), next_ns = at_ns;
    while (take_unit()) {
        uint64_t begin_ns = clock_mono_ns();
        begin_ns = begin_ns > next_ns ? begin_ns : next_ns;
        while (clock_mono_ns() < begin_ns + STEP_NS)
            ;
        put(0, next_ns, begin_ns, clock_mono_ns(), ONNX_RECORD_UNIT);
        next_ns += gap_ns;
    }
    uint64_t end_ns = clock_mono_ns();
    for (; next_ns < end_ns; next_ns += gap_ns)
        put(0, next_ns, end_ns, end_ns, ONNX_RECORD_UNSERVED);
}

/* All that can be written over is. */
static void go_mad(void)
{
    memset(&shared->info, 0xff, sizeof(shared->info));
    if (plays("scrawl"))
        exit(0);
    memset(&shared->config, 0xff, sizeof(shared->config));
    for (uint32_t i = 0; i < ONNX_STREAMS_MAX; i++)
        atomic_store(&shared->rings[i].head, atomic_load(&shared->rings[i].tail) + 3);
    atomic_store(&shared->stage, UINT32_MAX);
    exit(0);
}

static void play_loop(void)
{
    if (shared->config.rate_per_s > 0) {
        play_open_loop();
        return;
    }
    for (uint32_t i = 0; take_unit(); i++) {
        infer(i % shared->config.streams);
        if (plays("crash") && i == 5) {
            signal(SIGSEGV, SIG_DFL); /* sanitizers catch it */
            raise(SIGSEGV);
        }
        if (plays("fault") && i == 5)
            fail_with(ERROR_PROGRAM, "the inference failed: no such luck");
        if (plays("stuck") && i == 5)
            pause();
        if (plays("late") && i == 5) /* windows up to then would fill the memory */
            put(0, clock_mono_ns(), clock_mono_ns(), UINT64_MAX / 2, ONNX_RECORD_UNIT);
        if ((plays("mad") || plays("scrawl")) && i == 5)
            go_mad();
    }
}

static int worker_main(void)
{
    struct error err = {0};
    if (onnx_shared_attach(LAUNCH_PASS_FD, &shared, &err) != 0)
        return 70;
    if (plays("mute"))
        return 3;
    stage(ONNX_STAGE_LOAD);
    str_copy(shared->info.version, sizeof(shared->info.version), "1.2.3");
    str_copy(shared->info.library, sizeof(shared->info.library), "/lib/played.so");
    if (plays("noengine"))
        fail_with(ERROR_ABSENT, "there is no engine");
    fprintf(stderr, "\033[1;31mlast words\033[0m of the worker\n");
    stage(ONNX_STAGE_SESSION);
    if (plays("killed"))
        raise(SIGKILL);
    if (plays("slow"))
        pause();
    stage(ONNX_STAGE_INPUTS);
    stage(ONNX_STAGE_FIRST);
    take_unit();
    infer(0);
    stage(ONNX_STAGE_PROFILED);
    for (uint32_t i = 1; i < shared->config.profiled_units && take_unit(); i++)
        infer(0);
    if (!plays("noprofile"))
        write_profile(plays("wrong") ? "OtherExecutionProvider" : shared->config.provider);
    stage(ONNX_STAGE_LOOP);
    play_loop();
    stage(ONNX_STAGE_END);
    return 0;
}

/* ---- tacho's side ---- */

static char folder[] = "/tmp/tacho-test-XXXXXX";

struct fixture {
    struct bench bench;
    char file[256];
    uint64_t limit; /* units that are allowed in all, 0 when that many came */
    uint64_t units, apart;
    uint64_t unit_order_errors;
    int64_t last_t_ns;
    size_t phases;
    struct phase phase[32];
    size_t phases_at_first_question; /* how many phases were told when it first asked for units */
    bool was_asked;
};

static int take_samples(struct workload_io *io, const struct sample_block *block, struct error *err)
{
    struct fixture *fixture = io->context;
    if (strcmp(block->series->metric->name, "latency_ms") == 0) {
        fixture->unit_order_errors += block->first_unit != fixture->units;
        fixture->units += block->n;
        for (size_t i = 0; i < block->n; i++) {
            fixture->unit_order_errors += block->t_ns[i] < fixture->last_t_ns;
            fixture->last_t_ns = block->t_ns[i];
        }
    }
    return sink_samples(run_sink_of(&fixture->bench.run), block, err);
}

static int take_phase(struct workload_io *io, const struct phase *phase, struct error *err)
{
    struct fixture *fixture = io->context;
    if (fixture->phases < ARRAY_LEN(fixture->phase))
        fixture->phase[fixture->phases++] = *phase;
    if (phase->kind == PHASE_PROFILED)
        fixture->apart = phase->first_unit + phase->unit_count;
    return sink_phase(run_sink_of(&fixture->bench.run), phase, err);
}

static uint64_t units_allowed(struct workload_io *io)
{
    struct fixture *fixture = io->context;
    uint64_t all = fixture->limit + fixture->apart;
    if (!fixture->was_asked)
        fixture->phases_at_first_question = fixture->phases;
    fixture->was_asked = true;
    return fixture->units >= all ? 0 : all;
}

static int take_event(struct workload_io *io, const struct event *event, struct error *err)
{
    struct fixture *fixture = io->context;
    return sink_event(run_sink_of(&fixture->bench.run), event, err);
}

static void take_target(struct workload_io *io, pid_t pid)
{
    struct fixture *fixture = io->context;
    if (pid != 0)
        fixture->bench.target = pid;
}

static bool stop_wanted(struct workload_io *io, bool *ret_at_once)
{
    struct fixture *fixture = io->context;
    struct bench *bench = &fixture->bench;
    bench->stop_calls++;
    *ret_at_once = bench->stop_at_once;
    return bench->stop_after != 0 && bench->stop_calls >= bench->stop_after;
}

static void begin(struct fixture *fixture, const char *part, uint64_t limit)
{
    struct onnx_spec spec = {.op = "Relu", .rank = 2, .dims = {-1, 4}};
    struct onnx_bytes model = onnx_build(&spec);
    memset(fixture, 0, sizeof(*fixture));
    bench_begin(&fixture->bench, NULL);
    snprintf(fixture->file, sizeof(fixture->file), "%s/%s.onnx", folder, part);
    FILE *file = fopen(fixture->file, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(model.data, 1, model.size, file), model.size);
    assert_int_equal(fclose(file), 0);
    fixture->limit = limit;
    fixture->bench.args.file = fixture->file;
    fixture->bench.io.context = fixture;
    fixture->bench.io.samples = take_samples;
    fixture->bench.io.event = take_event;
    fixture->bench.io.phase = take_phase;
    fixture->bench.io.units_allowed = units_allowed;
    fixture->bench.io.target = take_target;
    fixture->bench.io.stop_requested = stop_wanted;
}

static int invoke(struct fixture *fixture)
{
    struct bench *bench = &fixture->bench;
    if (bench->state == NULL && bench_open(bench) != 0)
        fail_msg("%s", bench->err.message);
    memset(&bench->err, 0, sizeof(bench->err));
    return workload->invoke(bench->state, &bench->io, &bench->invocation, &bench->err);
}

static void end(struct fixture *fixture)
{
    unlink(fixture->file);
    bench_end(&fixture->bench);
}

static bool has_phase(const struct fixture *fixture, enum phase_kind kind, uint64_t first,
                      uint64_t count)
{
    for (size_t i = 0; i < fixture->phases; i++)
        if (fixture->phase[i].kind == kind && fixture->phase[i].first_unit == first &&
            fixture->phase[i].unit_count == count &&
            fixture->phase[i].end_ns > fixture->phase[i].begin_ns)
            return true;
    return false;
}

static double sum_of(const struct fixture *fixture, const char *metric, size_t *ret_count)
{
    const struct run_series *series = run_find_series(&fixture->bench.run, metric, NULL);
    double sum = 0;
    *ret_count = series != NULL ? series->count : 0;
    for (size_t i = 0; i < *ret_count; i++)
        sum += series->samples[i].value;
    return sum;
}

static void units_phases_and_values(void **state)
{
    struct fixture fixture;
    begin(&fixture, "steady", 50);
    if (invoke(&fixture) != 0)
        fail_msg("%s", fixture.bench.err.message);
    assert_int_equal(fixture.bench.invocation.outcome, INVOCATION_OK);
    assert_int_equal(fixture.units, 50 + ONNX_PROFILED_UNITS); /* exactly those that were allowed */
    assert_int_equal(fixture.unit_order_errors, 0);
    assert_true(has_phase(&fixture, PHASE_LOAD, 0, 0));
    assert_true(has_phase(&fixture, PHASE_SESSION, 0, 0));
    assert_true(has_phase(&fixture, PHASE_FIRST, 0, 1));
    assert_true(has_phase(&fixture, PHASE_PROFILED, 1, ONNX_PROFILED_UNITS - 1));
    /* What is announced takes no time from the measured units, and comes before leave is asked. */
    assert_int_equal(fixture.phase[0].kind, PHASE_PROFILED);
    assert_true(fixture.phase[0].begin_ns == fixture.phase[0].end_ns);
    assert_int_equal(fixture.phases_at_first_question, 1);
    for (size_t i = 1; i < fixture.phases; i++)
        assert_true(fixture.phase[0].end_ns <= fixture.phase[i].begin_ns);
    assert_true(bench_value(&fixture.bench, "first_ms") >= STEP_NS * 1e-6);
    assert_true(bench_value(&fixture.bench, "load_ms") >= 0);
    assert_true(bench_value(&fixture.bench, "session_ms") >= 0);
    assert_true(bench_value(&fixture.bench, "peak_rss_mb") > 0);
    const struct run_series *rss = run_find_series(&fixture.bench.run, "stage_rss_mb", "session");
    assert_non_null(rss);
    assert_true(rss->samples[0].value == ONNX_STAGE_SESSION + 1);
    size_t windows;
    sum_of(&fixture, "throughput_per_s", &windows);
    assert_true(windows > 0);
    struct facts after = {0};
    workload->describe_after(fixture.bench.state, &after);
    assert_string_equal(facts_get_text(&after, "engine_version", ""), "1.2.3");
    assert_string_equal(facts_get_text(&after, "provider", ""), "cpu");
    assert_string_equal(facts_get_text(&after, "compute_precision", ""), "fp32");
    facts_deinit(&after);
    end(&fixture);
}

static void streams_come_in_order(void **state)
{
    struct fixture fixture;
    begin(&fixture, "steady", 400);
    bench_set(&fixture.bench, SETTING_STREAMS, "7");
    assert_int_equal(invoke(&fixture), 0);
    assert_int_equal(fixture.units, 400 + ONNX_PROFILED_UNITS);
    assert_int_equal(fixture.unit_order_errors, 0);
    end(&fixture);
}

static void the_profile_leaves_nothing_behind(void **state)
{
    struct fixture fixture;
    char temporary[300];
    snprintf(temporary, sizeof(temporary), "%s/tmp", folder);
    assert_int_equal(mkdir(temporary, 0755), 0);
    setenv("TMPDIR", temporary, 1);
    begin(&fixture, "steady", 5);
    bench_set(&fixture.bench, SETTING_PROFILE_OPS, "true");
    assert_int_equal(invoke(&fixture), 0);
    const struct run_series *node =
        run_find_series(&fixture.bench.run, "node_ms", "conv (Conv, cpu)");
    assert_non_null(node);
    assert_int_equal(node->count, 2); /* without the first */
    assert_true(fabs(node->samples[0].value - 0.101) < 1e-12);
    end(&fixture);
    begin(&fixture, "crash", 50);
    invoke(&fixture);
    end(&fixture);
    unsetenv("TMPDIR");
    assert_int_equal(rmdir(temporary), 0); /* empty */
}

static void the_wrong_provider_is_no_measurement(void **state)
{
    struct fixture fixture;
    begin(&fixture, "wrong", 1000000);
    assert_int_equal(invoke(&fixture), -ERROR_UNSUPPORTED);
    assert_non_null(strstr(fixture.bench.err.message, "not one node"));
    end(&fixture);
    begin(&fixture, "noprofile", 10);
    assert_int_equal(invoke(&fixture), 0);
    bench_findings(&fixture.bench);
    assert_non_null(bench_finding(&fixture.bench, "provider_unconfirmed"));
    end(&fixture);
}

/* Part of the model on the provider that was asked for, the rest on the CPU. */
static void a_part_on_the_cpu(void **state)
{
    struct fixture fixture;
    begin(&fixture, "mixed", 10);
    bench_set(&fixture.bench, SETTING_PROVIDER, "cuda");
    assert_int_equal(invoke(&fixture), 0);
    bench_findings(&fixture.bench);
    const struct finding *partial = bench_finding(&fixture.bench, "partial_provider");
    assert_non_null(partial);
    assert_int_equal(partial->n, 6);
    end(&fixture);
    begin(&fixture, "mixed", 1000000);
    bench_set(&fixture.bench, SETTING_PROVIDER, "cuda");
    bench_set(&fixture.bench, SETTING_STRICT_PROVIDER, "true");
    assert_int_equal(invoke(&fixture), -ERROR_UNSUPPORTED);
    assert_non_null(strstr(fixture.bench.err.message, "6 of the 7 nodes"));
    assert_non_null(strstr(fixture.bench.err.message, "resize0 (Resize), resize1 (Resize)"));
    end(&fixture);
    /* All of it where it was asked for. */
    begin(&fixture, "steady", 10);
    bench_set(&fixture.bench, SETTING_PROVIDER, "cuda");
    bench_set(&fixture.bench, SETTING_STRICT_PROVIDER, "true");
    assert_int_equal(invoke(&fixture), 0);
    end(&fixture);
    begin(&fixture, "steady", 10);
    bench_set(&fixture.bench, SETTING_STRICT_PROVIDER, "true"); /* the CPU itself */
    assert_int_equal(invoke(&fixture), 0);
    end(&fixture);
}

static void an_error_of_the_worker_is_the_run_s(void **state)
{
    struct fixture fixture;
    begin(&fixture, "noengine", 10);
    assert_int_equal(invoke(&fixture), -ERROR_ABSENT);
    assert_string_equal(fixture.bench.err.message, "there is no engine");
    assert_string_equal(fixture.bench.err.hint, "a hint of the worker");
    end(&fixture);
    begin(&fixture, "fault", 1000000);
    assert_int_equal(invoke(&fixture), -ERROR_PROGRAM);
    assert_non_null(strstr(fixture.bench.err.message, "no such luck"));
    assert_int_equal(fixture.units, ONNX_PROFILED_UNITS + 6); /* nothing is lost */
    end(&fixture);
}

static void a_death_is_told_with_evidence(void **state)
{
    static const struct {
        const char *part;
        enum invocation_outcome outcome;
        int signal;
        const char *message, *hint;
    } rows[] = {
        {"crash", INVOCATION_SIGNAL, SIGSEGV, "in the measured inferences", "last words of"},
        {"killed", INVOCATION_SIGNAL, SIGKILL, "while it created the session", "last words of"},
        {"mute", INVOCATION_EXIT, 0, "exit status 3", "it said nothing"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        begin(&fixture, rows[i].part, 1000000);
        assert_int_equal(invoke(&fixture), 0);
        assert_int_equal(fixture.bench.invocation.outcome, rows[i].outcome);
        assert_int_equal(fixture.bench.invocation.signal, rows[i].signal);
        assert_int_equal(fixture.bench.err.code, ERROR_PROGRAM);
        if (strstr(fixture.bench.err.message, rows[i].message) == NULL ||
            strstr(fixture.bench.err.hint, rows[i].hint) == NULL)
            fail_msg("%s (%s)", fixture.bench.err.message, fixture.bench.err.hint);
        assert_int_equal(fixture.bench.run.event_count, 1);
        end(&fixture);
    }
}

/* The engine is foreign code: whatever it does to the memory, tacho does not go down with it. */
static void memory_that_was_written_over(void **state)
{
    struct fixture fixture;
    begin(&fixture, "late", 50);
    assert_int_equal(invoke(&fixture), -ERROR_PROGRAM);
    assert_non_null(strstr(fixture.bench.err.message, "a time that cannot be"));
    end(&fixture);
    begin(&fixture, "mad", 50);
    bench_set(&fixture.bench, SETTING_STREAMS, "4");
    assert_int_equal(invoke(&fixture), -ERROR_PROGRAM);
    end(&fixture);
    begin(&fixture, "scrawl", 50);
    assert_int_equal(invoke(&fixture), 0);
    struct facts facts = {0};
    workload->describe_after(fixture.bench.state, &facts);
    assert_non_null(facts_get(&facts, "engine_version"));
    facts_deinit(&facts);
    end(&fixture);
}

static void time_out(void **state)
{
    struct fixture fixture;
    begin(&fixture, "stuck", 1000000);
    bench_set(&fixture.bench, SETTING_TIMEOUT, "300ms");
    assert_int_equal(invoke(&fixture), 0);
    assert_int_equal(fixture.bench.invocation.outcome, INVOCATION_TIMEOUT);
    assert_non_null(strstr(fixture.bench.err.message, "300 ms"));
    end(&fixture);
}

static void stopped_by_the_user(void **state)
{
    struct fixture fixture;
    begin(&fixture, "steady", 100000000);
    fixture.bench.stop_after = 10;
    assert_int_equal(invoke(&fixture), 0);
    assert_int_equal(fixture.bench.invocation.outcome, INVOCATION_OK); /* whole as far as it goes */
    assert_true(fixture.units > ONNX_PROFILED_UNITS);
    end(&fixture);
    /* Nobody waits for a session to be created; nor, the second time, for anything. */
    begin(&fixture, "slow", 10);
    fixture.bench.stop_after = 5;
    assert_int_equal(invoke(&fixture), 0);
    assert_int_equal(fixture.bench.invocation.outcome, INVOCATION_INTERRUPTED);
    end(&fixture);
    begin(&fixture, "stuck", 1000000);
    fixture.bench.stop_after = 10;
    fixture.bench.stop_at_once = true;
    assert_int_equal(invoke(&fixture), 0);
    assert_int_equal(fixture.bench.invocation.outcome, INVOCATION_OK);
    assert_int_equal(kill(fixture.bench.target, 0), -1);
    end(&fixture);
}

/* One Ctrl-C is enough: a worker that does not stop by itself is ended. */
static void stopped_while_it_hangs(void **state)
{
    struct fixture fixture;
    begin(&fixture, "stuck", 1000000);
    fixture.bench.stop_after = 10;
    assert_int_equal(invoke(&fixture), 0);
    assert_int_equal(fixture.bench.invocation.outcome, INVOCATION_OK);
    assert_int_equal(fixture.bench.invocation.signal, SIGTERM);
    assert_int_equal(fixture.units, ONNX_PROFILED_UNITS + 6); /* nothing is lost */
    assert_int_equal(kill(fixture.bench.target, 0), -1);
    end(&fixture);
}

static void saturated(void **state)
{
    struct fixture fixture;
    size_t count;
    begin(&fixture, "steady", 1000);
    fixture.limit = 100000000;
    fixture.bench.stop_after = 25;
    bench_set(&fixture.bench, SETTING_RATE, "20000"); /* four times of what it can do */
    assert_int_equal(invoke(&fixture), 0);
    bench_findings(&fixture.bench);
    assert_non_null(bench_finding(&fixture.bench, "saturated"));
    sum_of(&fixture, "unserved_wait_ms", &count);
    assert_true(count > 0);
    sum_of(&fixture, "send_lag_ms", &count);
    assert_int_equal(count, fixture.units);
    end(&fixture);
    /* With -n, arrivals behind the last that was asked for are nobody's; the queue grew as well. */
    begin(&fixture, "steady", 200);
    bench_set(&fixture.bench, SETTING_RATE, "20000");
    assert_int_equal(invoke(&fixture), 0);
    sum_of(&fixture, "unserved_wait_ms", &count);
    assert_int_equal(count, 0);
    bench_findings(&fixture.bench);
    assert_non_null(bench_finding(&fixture.bench, "saturated"));
    end(&fixture);
    /* One that is kept up with. */
    begin(&fixture, "steady", 200);
    bench_set(&fixture.bench, SETTING_RATE, "100");
    fixture.limit = 40;
    assert_int_equal(invoke(&fixture), 0);
    bench_findings(&fixture.bench);
    assert_null(bench_finding(&fixture.bench, "saturated"));
    end(&fixture);
}

static void accepts_models_only(void **state)
{
    struct settings settings;
    struct error err = {0};
    assert_int_equal(settings_init(&settings, &err), 0);
    struct workload_args args = {.settings = &settings};
    assert_true(workload->accepts(&args));
    args.file = "x/y.onnx";
    assert_true(workload->accepts(&args));
    args.file = "classifier";
    assert_true(workload->accepts(&args));
    args.file = "ls";
    assert_false(workload->accepts(&args));
    args.file = NULL;
    args.command = ARGV("true");
    assert_false(workload->accepts(&args));
    settings_deinit(&settings);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "worker") == 0)
        return worker_main();
    if (bench_setup() != 0 || mkdtemp(folder) == NULL)
        return 1;
    for (size_t i = 0; workloads[i] != NULL; i++)
        if (strcmp(workloads[i]->name, "onnx") == 0)
            workload = workloads[i];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_phases_and_values),
        cmocka_unit_test(streams_come_in_order),
        cmocka_unit_test(the_profile_leaves_nothing_behind),
        cmocka_unit_test(the_wrong_provider_is_no_measurement),
        cmocka_unit_test(a_part_on_the_cpu),
        cmocka_unit_test(an_error_of_the_worker_is_the_run_s),
        cmocka_unit_test(a_death_is_told_with_evidence),
        cmocka_unit_test(memory_that_was_written_over),
        cmocka_unit_test(time_out),
        cmocka_unit_test(stopped_by_the_user),
        cmocka_unit_test(stopped_while_it_hangs),
        cmocka_unit_test(saturated),
        cmocka_unit_test(accepts_models_only),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    launcher_stop(&launcher);
    return failed;
}
