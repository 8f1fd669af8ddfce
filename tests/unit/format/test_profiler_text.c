/* test_profiler_text.c: lines of the profiler's text, against what the old toolkit's expressions
 * found, and the log of trtexec. */
#include "test_tree.h"

#include "base/util.h"
#include "format/profiler_text.h"
#include "format/trtexec_log.h"
#include "near.h"

static enum profiler_line line_of(const char *text, struct profiler_item *item)
{
    return profiler_text_line(text, strlen(text), item);
}

static void layers_anywhere_in_a_line(void **state)
{
    static const char *const lines[] = {
        "conv1 Convolution 2.500 ms GPU",       "[12:00] # 3: conv1 Convolution 2.5ms GPU end",
        "  conv1\tConvolution   2.5 ms   DLA0", "conv1 Convolution 2.500 ms DLA12, ok",
        "conv1 Convolution 2.500 ms CPU",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct profiler_item item;
        assert_int_equal(line_of(lines[i], &item), PROFILER_LAYER);
        assert_memory_equal(item.name, "conv1", item.name_size);
        assert_memory_equal(item.type, "Convolution", item.type_size);
        assert_int_equal(item.name_size, 5);
        assert_int_equal(item.type_size, 11);
        ASSERT_NEAR(item.time_ms, 2.5, 0);
    }
    struct profiler_item item;
    assert_int_equal(line_of("conv1 Convolution 2.500 ms DLA12, ok", &item), PROFILER_LAYER);
    assert_int_equal(item.device_size, 5); /* without the comma */
}

static void other_lines(void **state)
{
    static const char *const lines[] = {
        "",
        "GPU",
        "conv1 2.5 ms GPU", /* no type */
        "conv1 Conv -2.5 ms GPU",
        "conv1 Conv nan ms GPU",
        "conv1 Conv 2.5 s GPU",
        "conv1 Conv 2.5 ms GPUs",
        "conv1 Conv 2.5 ms",
        "H2D bytes 2 ms",
        "H2D 12 bytes",
        "Total: many ms",
        "batches 4",
        "batch size: none",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct profiler_item item;
        if (line_of(lines[i], &item) != PROFILER_OTHER)
            fail_msg("taken: %s", lines[i]);
    }
}

static void transfers_totals_and_batches(void **state)
{
    struct profiler_item item;
    assert_int_equal(line_of("H2D 602112 bytes 0.8 ms", &item), PROFILER_TRANSFER);
    assert_true(item.to_device);
    ASSERT_NEAR(item.bytes, 602112, 0);
    ASSERT_NEAR(item.time_ms, 0.8, 0);
    assert_int_equal(line_of("copy D2H: 1 byte 0.1ms", &item), PROFILER_TRANSFER);
    assert_false(item.to_device);
    assert_int_equal(line_of("Total:12.5 ms", &item), PROFILER_TOTAL);
    ASSERT_NEAR(item.time_ms, 12.5, 0);
    assert_int_equal(line_of("== Total: 3ms ==", &item), PROFILER_TOTAL);
    assert_int_equal(line_of("Batch Size: 16", &item), PROFILER_BATCH);
    assert_int_equal(item.batch, 16);
    assert_int_equal(line_of("with batchsize 8 on orin", &item), PROFILER_BATCH);
    assert_int_equal(item.batch, 8);
}

static const char trtexec_8[] =
    "&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec --shapes=in:0:8x3x224x224,b:1x2\n"
    "[11/20/2026-10:47:59] [I] Timing trace has 12 queries over 3 s\n"
    "[11/20/2026-10:47:59] [I] [TRT] [DlaLayer] {ForeignNode[a...b]}\n"
    "[11/20/2026-10:47:59] [I] [TRT] [GpuLayer] CONVOLUTION: c + d\n"
    "[11/20/2026-10:47:59] [I] [TRT] [GpuLayer] plain: name\n"
    "[11/20/2026-10:47:59] [W] [TRT] Layer 'e' (SOFTMAX): Unsupported on DLA. Switching this\n"
    "[11/20/2026-10:47:59] [I] === Profile (12 iterations ) ===\n"
    "[11/20/2026-10:47:59] [I]    Time(ms)     Avg.(ms)   Median(ms)   Time(%)   Layer\n"
    "[11/20/2026-10:47:59] [I]       24.00       2.0000       1.9000      66.7   c + d\n"
    "[11/20/2026-10:47:59] [I]       12.00       1.0000       0.9000      33.3   [e] 7 8\n"
    "[11/20/2026-10:47:59] [I]       36.00       3.0000       2.8000     100.0   Total\n"
    "[11/20/2026-10:47:59] [I]        1.00       1.0000       1.0000     100.0   behind it\n";

/* Rows of data that are lost, told apart from lines of something else. */
static void times_that_are_none(void **state)
{
    static const struct {
        const char *text;
        enum skip why;
    } cases[] = {
        {"conv1 Convolution nan ms GPU", SKIP_NOT_FINITE},
        {"conv1 Convolution infms DLA0", SKIP_NOT_FINITE},
        {"conv1 Convolution -3 ms GPU", SKIP_NEGATIVE},
        {"conv1 Convolution 1,5 ms GPU", SKIP_NOT_A_NUMBER},
        {"conv1 Convolution 1.5.2ms CPU", SKIP_NOT_A_NUMBER},
        {"H2D 602112 bytes -0.8 ms", SKIP_NEGATIVE},
        {"Total: nan ms", SKIP_NOT_FINITE},
        {"layer type time ms GPU", SKIP_OTHER_LINE},
        {"conv1 Convolution -3 s GPU", SKIP_OTHER_LINE},
        {"it took 1,5 ms altogether", SKIP_OTHER_LINE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct profiler_item item;
        assert_int_equal(line_of(cases[i].text, &item), PROFILER_OTHER);
        if (item.why != cases[i].why)
            fail_msg("%s: %s", cases[i].text, skip_name(item.why));
    }
}

static void log_of_trtexec(void **state)
{
    struct trtexec_log log;
    assert_int_equal(trtexec_log_read_text(trtexec_8, strlen(trtexec_8), &log, NULL), 0);
    assert_int_equal(log.iterations, 12);
    assert_int_equal(log.queries, 12);
    assert_int_equal(log.batch_size, 8);
    assert_int_equal(log.lines, 12);
    assert_int_equal(log.layer_count, 2);
    assert_string_equal(log.layers[0].name, "c + d");
    assert_int_equal(log.layers[0].average_ns, 2000000);
    assert_int_equal(log.layers[0].median_ns, 1900000);
    assert_int_equal(log.layers[0].line, 9);
    assert_string_equal(log.layers[1].name, "[e] 7 8");
    assert_int_equal(log.placed_count, 3);
    assert_true(log.placed[0].on_dla);
    assert_string_equal(log.placed[1].type, "CONVOLUTION");
    assert_string_equal(log.placed[1].name, "c + d");
    assert_string_equal(log.placed[2].name, "plain: name");
    assert_int_equal(log.fallback_count, 1);
    assert_string_equal(log.fallbacks[0].name, "e");
    assert_int_equal(log.fallbacks[0].line, 6);
    trtexec_log_deinit(&log);
}

/* TensorRT 7: the name first, no median. */
static void log_of_tensorrt_7(void **state)
{
    static const char text[] = "[07/06/2023-17:19:08] [I] === Profile (400 iterations ) ===\n"
                               "[07/06/2023-17:19:08] [I]                               Layer   "
                               "Time (ms)   Avg. Time (ms) "
                               "  Time %\n"
                               "[07/06/2023-17:19:08] [I]                       images to nvm      "
                               " 33.99           0.0852 "
                               "     1.1\n"
                               "[07/06/2023-17:19:08] [I]                               Total     "
                               "3119.55           7.7989 "
                               "   100.0\n";
    struct trtexec_log log;
    assert_int_equal(trtexec_log_read_text(text, strlen(text), &log, NULL), 0);
    assert_int_equal(log.layer_count, 1);
    assert_string_equal(log.layers[0].name, "images to nvm");
    assert_int_equal(log.layers[0].average_ns, 85200);
    assert_int_equal(log.layers[0].median_ns, 0);
    trtexec_log_deinit(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_anywhere_in_a_line),
        cmocka_unit_test(other_lines),
        cmocka_unit_test(transfers_totals_and_batches),
        cmocka_unit_test(times_that_are_none),
        cmocka_unit_test(log_of_trtexec),
        cmocka_unit_test(log_of_tensorrt_7),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
