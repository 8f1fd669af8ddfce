/* test_onnx_worker.c: the worker measures: stages, closed and open loop, the end, inputs, outputs.
 */
#include "onnx_worker_support.h"

#include <math.h>

#include "format/npy.h"

/* ---- closed loop ---- */

static void assert_stages(enum onnx_stage last)
{
    const struct onnx_stage_report *stages = test.shared->info.stages;
    for (int i = 1; i <= (int)last; i++) {
        assert_true(stages[i].begin_ns >= stages[i - 1].end_ns);
        assert_true(stages[i].end_ns >= stages[i].begin_ns);
        assert_true(stages[i - 1].rss_bytes > 0);
        assert_true(stages[i - 1].rss_bytes >= stages[i - 1].anon_bytes);
    }
}

static void closed_loop_runs_what_is_allowed(void **state)
{
    test.shared->config.profiled_units = 3;
    test_start(20);
    TEST_WAIT_UNTIL(test.count == 20);
    assert_int_equal(atomic_load(&test.shared->stage), ONNX_STAGE_LOOP);
    assert_int_equal(atomic_load(&test.shared->begun), 20);
    /* More leave, more units. */
    atomic_store(&test.shared->allowed, 50);
    onnx_bell_ring(test.shared);
    TEST_WAIT_UNTIL(test.count == 50);
    test_stop(1);
    assert_int_equal(test_end(), 0);
    assert_int_equal(test.count, 50);
    assert_int_equal(atomic_load(&test.shared->begun), 50);
    assert_int_equal(atomic_load(&test.shared->has_failed), 0);
    for (size_t i = 0; i < test.count; i++) {
        const struct onnx_record *record = &test.records[i];
        assert_int_equal(record->kind, ONNX_RECORD_UNIT);
        assert_int_equal(record->intended_ns, record->begin_ns);
        assert_true(record->end_ns > record->begin_ns);
        if (i > 0)
            assert_true(record->begin_ns >= test.records[i - 1].end_ns);
    }
    assert_stages(ONNX_STAGE_END);
    /* The first record is the first inference, in its stage. */
    const struct onnx_stage_report *first = &test.shared->info.stages[ONNX_STAGE_FIRST];
    assert_in_range(test.records[0].begin_ns, first->begin_ns, first->end_ns);
    assert_in_range(test.records[0].end_ns, first->begin_ns, first->end_ns);
    assert_true(test.records[3].begin_ns >= test.shared->info.stages[ONNX_STAGE_LOOP].begin_ns);
}

static void library_and_its_providers_are_told(void **state)
{
    const struct onnx_info *info = &test.shared->info;
    test_start(1);
    TEST_WAIT_UNTIL(test.count == 1);
    test_stop(1);
    assert_int_equal(test_end(), 0);
    assert_string_equal(info->library, test_engine);
    assert_true(str_starts_with(info->version, "1."));
    assert_int_equal(info->output_count, 1);
    assert_true(info->provider_count >= 1);
    bool has_cpu = false;
    for (uint32_t i = 0; i < info->provider_count; i++)
        has_cpu = has_cpu || strcmp(info->providers[i].name, "CPUExecutionProvider") == 0;
    assert_true(has_cpu);
}

static void streams_share_the_work(void **state)
{
    test.shared->config.streams = 2;
    test_start(5000);
    TEST_WAIT_UNTIL(test.count == 5000);
    test_stop(1);
    assert_int_equal(test_end(), 0);
    assert_int_equal(test.count, 5000);
    assert_true(test_count(ONNX_RECORD_UNIT, 0) > 0);
    assert_true(test_count(ONNX_RECORD_UNIT, 1) > 0);
}

static void full_rings_lose_nothing(void **state)
{
    test.shared->config.streams = ONNX_STREAMS_MAX; /* rings of 256 */
    test_start(200000);
    uint64_t limit_ns = clock_mono_ns() + TEST_LIMIT_NS;
    while (atomic_load(&test.shared->ring_waits) == 0 && clock_mono_ns() < limit_ns)
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    TEST_WAIT_UNTIL(test.count == 200000);
    test_stop(1);
    assert_int_equal(test_end(), 0);
    assert_int_equal(test.count, 200000);
}

static void stop_comes_through_without_leave(void **state)
{
    test_start(0);
    TEST_WAIT_UNTIL(atomic_load(&test.shared->stage) == ONNX_STAGE_FIRST);
    test_stop(1);
    assert_int_equal(test_end(), 0);
    assert_int_equal(test.count, 0);
    assert_int_equal(atomic_load(&test.shared->stage), ONNX_STAGE_END);
}

/* 24 products of 1024x1024 matrices: far more than a millisecond on any machine. */
static void use_slow_model(int64_t side, int repeats)
{
    struct onnx_spec spec = {.op = "MatMul", .has_second = 1, .repeats = repeats, .rank = 2};
    struct onnx_config *config = &test.shared->config;
    spec.dims[0] = spec.dims[1] = side;
    test_write_model("slow.onnx", &spec);
    str_copy(config->model, sizeof(config->model), test_path("slow.onnx"));
    config->inputs[0].dims[0] = config->inputs[0].dims[1] = side;
}

static void second_stop_does_not_wait_for_the_unit(void **state)
{
    use_slow_model(1024, 24);
    test_start(UINT64_MAX);
    TEST_WAIT_UNTIL(atomic_load(&test.shared->stage) == ONNX_STAGE_LOOP &&
                    atomic_load(&test.shared->begun) > test.count);
    test_stop(2);
    assert_int_equal(test_end(), 0);
    assert_int_equal(atomic_load(&test.shared->stage), ONNX_STAGE_LOOP);
}

/* ---- open loop ---- */

static void assert_on_schedule(double rate_per_s)
{
    uint64_t first_ns = 0;
    size_t arrived = 0;
    for (size_t i = 0; i < test.count; i++) {
        const struct onnx_record *record = &test.records[i];
        assert_true(record->begin_ns >= record->intended_ns);
        assert_true(record->end_ns >= record->begin_ns);
        if (i < test.shared->config.profiled_units)
            continue;
        if (first_ns == 0)
            first_ns = record->intended_ns;
        uint64_t since_ns = (uint64_t)((double)arrived++ / rate_per_s * 1e9);
        assert_true(llabs((long long)(record->intended_ns - first_ns - since_ns)) <= 1);
    }
}

static void constant_arrivals_keep_their_times(void **state)
{
    test.shared->config.rate_per_s = 500;
    test_start(UINT64_MAX);
    TEST_WAIT_UNTIL(test.count >= 301);
    test_stop(1);
    assert_int_equal(test_end(), 0);
    assert_on_schedule(500);
    assert_true(test.count > 301 || test.records[300].end_ns > 0);
}

/* Every arrival up to the stop is there, served or not, whatever the worker went through. */
static void stopped_worker_forgets_no_arrival(void **state)
{
    const double rate = 200;
    test.shared->config.rate_per_s = rate;
    test_start(UINT64_MAX);
    TEST_WAIT_UNTIL(test.count >= 11);
    kill(test.pid, SIGSTOP);
    nanosleep(&(struct timespec){.tv_nsec = 500 * NS_PER_MS}, NULL);
    test_stop(1); /* it cannot hear it yet */
    kill(test.pid, SIGCONT);
    assert_int_equal(test_end(), 0);
    assert_on_schedule(rate);
    size_t unserved = test_count(ONNX_RECORD_UNSERVED, -1);
    uint64_t stop_ns = test.records[test.count - 1].end_ns;
    uint64_t begin_ns = test.records[1].intended_ns;
    assert_true(unserved >= 90); /* 500 ms of them */
    for (size_t i = 0; i < test.count; i++)
        if (test.records[i].kind == ONNX_RECORD_UNSERVED) {
            assert_int_equal(test.records[i].begin_ns, stop_ns);
            assert_int_equal(test.records[i].end_ns, stop_ns);
        }
    double expected = rate * (double)(stop_ns - begin_ns) / 1e9;
    assert_true(fabs((double)(test.count - 1) - expected) <= 1);
}

static void too_slow_model_leaves_a_queue(void **state)
{
    const double rate = 2000;
    use_slow_model(512, 8);
    test.shared->config.rate_per_s = rate;
    test.shared->config.streams = 2;
    test_start(UINT64_MAX);
    TEST_WAIT_UNTIL(test.count >= 8);
    test_stop(1);
    assert_int_equal(test_end(), 0);
    size_t unserved = test_count(ONNX_RECORD_UNSERVED, -1);
    assert_true(unserved > 0);
    uint64_t stop_ns = 0, begin_ns = UINT64_MAX;
    for (size_t i = 1; i < test.count; i++) {
        const struct onnx_record *record = &test.records[i];
        if (record->kind == ONNX_RECORD_UNSERVED)
            stop_ns = record->end_ns;
        begin_ns = record->intended_ns < begin_ns ? record->intended_ns : begin_ns;
    }
    double expected = rate * (double)(stop_ns - begin_ns) / 1e9;
    assert_true(fabs((double)(test.count - 1) - expected) <= 1);
    /* The lag of those that were served grows as the queue does. */
    const struct onnx_record *last = NULL;
    for (size_t i = 1; i < test.count; i++)
        if (test.records[i].kind == ONNX_RECORD_UNIT && test.records[i].stream == 0)
            last = &test.records[i];
    assert_non_null(last);
    assert_true(last->begin_ns - last->intended_ns > NS_PER_MS);
}

static void arrivals_without_leave_queue(void **state)
{
    test.shared->config.rate_per_s = 1000;
    test_start(6);
    TEST_WAIT_UNTIL(test.count == 6);
    uint64_t from_ns = clock_mono_ns();
    TEST_WAIT_UNTIL(clock_mono_ns() > from_ns + 100 * NS_PER_MS);
    assert_int_equal(test.count, 6);
    atomic_store(&test.shared->allowed, 8);
    onnx_bell_ring(test.shared);
    TEST_WAIT_UNTIL(test.count == 8);
    assert_on_schedule(1000);
    /* The seventh arrived long before there was leave for it. */
    assert_true(test.records[6].begin_ns - test.records[6].intended_ns >= 50 * NS_PER_MS);
    test_stop(1);
    assert_int_equal(test_end(), 0);
    assert_on_schedule(1000);
    assert_true(test_count(ONNX_RECORD_UNSERVED, -1) >= 50);
    assert_int_equal(test_count(ONNX_RECORD_UNIT, -1), 8);
}

static void poisson_arrivals_are_repeatable(void **state)
{
    enum { ARRIVALS = 50 };
    uint64_t gaps[ARRIVALS];
    for (int round = 0; round < 2; round++) {
        if (round > 0) {
            test_tear_down(state);
            assert_int_equal(test_set_up(state), 0);
        }
        test.shared->config.rate_per_s = 1000;
        test.shared->config.is_poisson = true;
        test.shared->config.seed = 77;
        test_start(UINT64_MAX);
        TEST_WAIT_UNTIL(test.count > ARRIVALS + 1);
        test_stop(1);
        assert_int_equal(test_end(), 0);
        for (int i = 0; i < ARRIVALS; i++) {
            uint64_t gap = test.records[i + 2].intended_ns - test.records[i + 1].intended_ns;
            if (round == 0)
                gaps[i] = gap;
            else
                assert_int_equal(gap, gaps[i]);
        }
    }
}

/* ---- profile, outputs, inputs ---- */

static void profile_covers_the_first_units_only(void **state)
{
    char text[65536] = "";
    struct onnx_config *config = &test.shared->config;
    config->profiled_units = 3;
    str_copy(config->profile_prefix, sizeof(config->profile_prefix), test_path("profile"));
    test_start(30);
    TEST_WAIT_UNTIL(test.count == 30);
    test_stop(1);
    assert_int_equal(test_end(), 0);
    const char *path = test.shared->info.profile_path;
    assert_true(str_starts_with(path, config->profile_prefix));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    int runs = 0;
    for (const char *at = text; (at = strstr(at, "\"model_run\"")) != NULL; at++)
        runs++;
    assert_int_equal(runs, 3);
    assert_non_null(strstr(text, "CPUExecutionProvider"));
}

static void write_npy(const char *name, const char *dtype, size_t element_bytes, uint32_t rank,
                      const int64_t *dims, const void *data)
{
    struct npy npy = {.rank = rank, .element_bytes = element_bytes, .data = (void *)data};
    struct error err = {0};
    str_copy(npy.dtype, sizeof(npy.dtype), dtype);
    npy.data_bytes = element_bytes;
    for (uint32_t i = 0; i < rank; i++) {
        npy.dims[i] = dims[i];
        npy.data_bytes *= (size_t)dims[i];
    }
    assert_int_equal(npy_write(test_path(name), &npy, &err), 0);
}

static void use_file(const char *name)
{
    struct onnx_input *input = &test.shared->config.inputs[0];
    input->fill = ONNX_FILL_FILE;
    str_copy(input->file, sizeof(input->file), test_path(name));
}

/* One inference; its only output. */
static void run_for_output(struct npy *output)
{
    struct onnx_config *config = &test.shared->config;
    struct error err = {0};
    config->mode = ONNX_MODE_OUTPUTS;
    str_copy(config->output_path, sizeof(config->output_path), test_path("out"));
    test_start(0);
    assert_int_equal(test_end(), 0);
    assert_int_equal(test.count, 1);
    assert_int_equal(npy_read(test_path("out.0.npy"), output, &err), 0);
}

static void outputs_are_those_of_the_file_given(void **state)
{
    static const float values[4] = {-1, 2, -3, 4}, wanted[4] = {0, 2, 0, 4};
    struct npy output;
    write_npy("in.npy", "f4", 4, 2, (const int64_t[]){1, 4}, values);
    use_file("in.npy");
    run_for_output(&output);
    assert_string_equal(output.dtype, "f4");
    assert_int_equal(output.rank, 2);
    assert_int_equal(output.dims[0], 1);
    assert_int_equal(output.dims[1], 4);
    assert_memory_equal(output.data, wanted, sizeof(wanted));
    npy_deinit(&output);
}

static void one_item_is_repeated_over_the_batch(void **state)
{
    static const float values[4] = {5, -6, 7, 8}, wanted[4] = {5, 0, 7, 8};
    for (uint32_t rank = 1; rank <= 2; rank++) {
        struct npy output;
        if (rank > 1) {
            test_tear_down(state);
            assert_int_equal(test_set_up(state), 0);
        }
        write_npy("in.npy", "f4", 4, rank, rank == 1 ? (const int64_t[]){4} : (int64_t[]){1, 4},
                  values);
        use_file("in.npy");
        test.shared->config.inputs[0].dims[0] = 3;
        run_for_output(&output);
        assert_int_equal(output.dims[0], 3);
        for (int i = 0; i < 3; i++)
            assert_memory_equal((float *)output.data + (size_t)i * 4, wanted, sizeof(wanted));
        npy_deinit(&output);
    }
}

static void random_inputs_are_seeded_and_below_one(void **state)
{
    float first[4000];
    for (uint64_t seed = 5; seed <= 6; seed++) {
        struct npy output;
        if (seed > 5) {
            test_tear_down(state);
            assert_int_equal(test_set_up(state), 0);
        }
        test.shared->config.seed = seed;
        test.shared->config.inputs[0].dims[0] = 1000;
        run_for_output(&output);
        const float *values = output.data;
        double sum = 0;
        for (int i = 0; i < 4000; i++) {
            assert_true(values[i] >= 0 && values[i] < 1);
            sum += values[i];
        }
        /* Uniform: mean 1/2, variance 1/12; five standard deviations of the mean. */
        assert_true(fabs(sum / 4000 - 0.5) < 5 * sqrt(1.0 / 12 / 4000));
        if (seed == 5)
            memcpy(first, values, sizeof(first));
        else
            assert_memory_not_equal(first, values, sizeof(first));
        npy_deinit(&output);
    }
}

/* Drawing gigabytes would take longer than measuring: long inputs repeat themselves, but no item of
 * a batch is like the next. */
static void long_random_inputs_repeat_themselves(void **state)
{
    enum { PERIOD = 1048573, ITEMS = 600000, ELEMENTS = ITEMS * 4 };
    struct npy output;
    test.shared->config.inputs[0].dims[0] = ITEMS;
    run_for_output(&output);
    const float *values = output.data;
    size_t outside = 0, others = 0, alike = 0;
    for (size_t i = 0; i < ELEMENTS; i++)
        outside += !(values[i] >= 0 && values[i] < 1);
    for (size_t i = PERIOD; i < ELEMENTS; i++)
        others += values[i] != values[i - PERIOD];
    for (size_t i = 1; i < ITEMS; i++) {
        size_t same = 0;
        for (size_t j = i * 4; j < i * 4 + 4; j++)
            same += values[j] == values[j - 4];
        alike += same == 4;
    }
    assert_int_equal(outside, 0);
    assert_int_equal(others, 0);
    assert_int_equal(alike, 0);
    npy_deinit(&output);
}

static void zeros_are_zeros(void **state)
{
    static const float zeros[4];
    struct npy output;
    test.shared->config.inputs[0].fill = ONNX_FILL_ZEROS;
    run_for_output(&output);
    assert_memory_equal(output.data, zeros, sizeof(zeros));
    npy_deinit(&output);
}

/* Types other than float32, through a model that hands them on. */
static void other_types_are_filled(void **state)
{
    static const struct {
        int type;
        const char *dtype;
        unsigned max_byte; /* of the lowest byte of each element */
    } rows[] = {
        {ONNX_UINT8, "u1", 255},   {ONNX_INT64, "i8", 1}, {ONNX_BOOL, "b1", 1},
        {ONNX_FLOAT16, "f2", 255}, {ONNX_INT32, "i4", 1},
    };
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        struct onnx_spec spec = {
            .op = "Identity", .type = rows[row].type, .rank = 2, .dims = {-1, 4}};
        struct npy output;
        if (row > 0) {
            test_tear_down(state);
            assert_int_equal(test_set_up(state), 0);
        }
        test_write_model("identity.onnx", &spec);
        str_copy(test.shared->config.model, PATH_MAX, test_path("identity.onnx"));
        test.shared->config.inputs[0].type = rows[row].type;
        test.shared->config.inputs[0].dims[0] = 1000;
        run_for_output(&output);
        assert_string_equal(output.dtype, rows[row].dtype);
        const unsigned char *bytes = output.data;
        unsigned max = 0;
        for (size_t i = 0; i < 4000; i++) {
            unsigned low = bytes[i * output.element_bytes];
            max = low > max ? low : max;
        }
        assert_int_equal(max, rows[row].max_byte);
        npy_deinit(&output);
    }
}

/* ---- which providers work ---- */

static void inspection_tells_what_the_cpu_can(void **state)
{
    const struct onnx_info *info = &test.shared->info;
    test.shared->config.mode = ONNX_MODE_INSPECT;
    test_start(0);
    assert_int_equal(test_end(), 0);
    assert_true(info->provider_count >= 1);
    bool has_cpu = false;
    for (uint32_t i = 0; i < info->provider_count; i++) {
        const struct onnx_provider_report *report = &info->providers[i];
        print_message("  %s%s%s%s%s %s\n", report->name, report->is_usable ? " usable" : "",
                      report->fp32 ? " fp32" : "", report->fp16 ? " fp16" : "",
                      report->int8 ? " int8" : "", report->why);
        assert_true(report->is_usable || report->why[0] != '\0');
        assert_true(report->is_usable || !(report->fp32 || report->fp16 || report->int8));
        if (strcmp(report->name, "CPUExecutionProvider") != 0)
            continue;
        has_cpu = true;
        /* On x86-64 it casts float16 to float32 around its nodes, which is not fp16. */
        assert_true(report->is_usable && report->fp32 && report->int8);
#ifdef __x86_64__
        assert_false(report->fp16);
#endif
    }
    assert_true(has_cpu);
}

static int run(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(closed_loop_runs_what_is_allowed),
        TEST(library_and_its_providers_are_told),
        TEST(streams_share_the_work),
        TEST(full_rings_lose_nothing),
        TEST(stop_comes_through_without_leave),
        TEST(second_stop_does_not_wait_for_the_unit),
        TEST(constant_arrivals_keep_their_times),
        TEST(stopped_worker_forgets_no_arrival),
        TEST(too_slow_model_leaves_a_queue),
        TEST(arrivals_without_leave_queue),
        TEST(poisson_arrivals_are_repeatable),
        TEST(profile_covers_the_first_units_only),
        TEST(outputs_are_those_of_the_file_given),
        TEST(one_item_is_repeated_over_the_batch),
        TEST(random_inputs_are_seeded_and_below_one),
        TEST(long_random_inputs_repeat_themselves),
        TEST(zeros_are_zeros),
        TEST(other_types_are_filled),
        TEST(inspection_tells_what_the_cpu_can),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    return test_with_engines(run);
}
