/* test_store_chunk.c: samples as bytes: known bytes, there and back, and damaged ones. */
#include "store_support.h"

#include "stats/hist.h"

static const struct series unit_series = {.kind = SERIES_UNIT, .metric = NULL};

static struct series ns_series(void)
{
    struct series series = unit_series;
    series.metric = metric_find("wall_ms");
    return series;
}

/* The layout that docs/store.md promises, byte for byte. */
static void known_bytes(void **state)
{
    struct series series = ns_series();
    struct chunk chunk = {0};
    struct strbuf out = {0};
    const int64_t t_ns[] = {100, 99};
    const uint64_t values[] = {1, 0x0102030405060708};
    struct sample_block block = {.series = &series,
                                 .invocation = 200,
                                 .first_unit = 7,
                                 .n = 2,
                                 .t_ns = t_ns,
                                 .value_ns = values};
    assert_int_equal(chunk_append(&chunk, &block), 0);
    chunk_encode(&chunk, &out);
    static const unsigned char expected[] = {
        1,                         /* one span */
        0xc8, 1, 7, 2, 1,          /* invocation 200, unit 7, 2 values, with times */
        0xc8, 1,                   /* 100 as zigzag: 200 */
        1,                         /* -1 as zigzag: 1 */
        1,    0, 0, 0, 0, 0, 0, 0, /* little-endian */
        8,    7, 6, 5, 4, 3, 2, 1};
    assert_int_equal(out.len, sizeof(expected));
    assert_memory_equal(out.data, expected, sizeof(expected));
    strbuf_deinit(&out);
    chunk_deinit(&chunk);
}

/* Distributions, of two invocations; and every damage is refused, not believed. */
static void distributions_come_back(void **state)
{
    struct series series = ns_series();
    struct strbuf out = {0};
    struct error err = {0};
    struct hist *hist = hist_new();
    struct run run;
    series.kind = SERIES_VALUE;
    for (uint64_t i = 1; i <= 1000; i++)
        hist_record(hist, i * 12345);
    hist_record(hist, UINT64_MAX);
    struct sample_block block = {.series = &series, .invocation = 300, .hist = hist};
    chunk_append_hist(&block, &out);
    size_t first = out.len;
    chunk_append_hist(&block, &out);
    const unsigned char *bytes = (const unsigned char *)out.data;
    run_init(&run);
    assert_int_equal(chunk_replay_hist(bytes, first, &series, run_sink_of(&run), &err), 0);
    assert_memory_equal(run.series[0].hist, hist, sizeof(*hist));
    assert_int_equal(chunk_replay_hist(bytes, out.len, &series, run_sink_of(&run), &err), 0);
    assert_int_equal(run.series[0].hist->count, 3003);
    run_deinit(&run);
    for (size_t size = 1; size < first; size++) {
        run_init(&run);
        assert_int_equal(chunk_replay_hist(bytes, size, &series, run_sink_of(&run), &err),
                         -ERROR_INPUT);
        run_deinit(&run);
    }
    for (size_t i = 0; i < first; i++) {
        char kept = out.data[i];
        run_init(&run);
        out.data[i] = (char)~kept;
        chunk_replay_hist(bytes, first, &series, run_sink_of(&run), &err);
        out.data[i] = kept;
        run_deinit(&run);
    }
    hist_free(hist);
    strbuf_deinit(&out);
}

static void spans_join_and_split(void **state)
{
    struct series series = ns_series();
    struct chunk chunk = {0};
    const int64_t t_ns[] = {INT64_MAX, INT64_MIN, 0, INT64_MIN + 1};
    const uint64_t values[] = {0, UINT64_MAX, 5, 6};
    struct sample_block block = {.series = &series, .n = 4, .t_ns = t_ns, .value_ns = values};
    assert_int_equal(chunk_append(&chunk, &block), 0);
    block.first_unit = 4;
    assert_int_equal(chunk_append(&chunk, &block), 0); /* goes on */
    block.first_unit = 9;
    assert_int_equal(chunk_append(&chunk, &block), 0); /* a gap */
    block.t_ns = NULL;
    block.first_unit = 13;
    assert_int_equal(chunk_append(&chunk, &block), 0); /* no times */
    block.invocation = 1;
    assert_int_equal(chunk_append(&chunk, &block), 0);
    assert_int_equal(chunk.span_count, 4);

    struct strbuf out = {0};
    struct run run;
    struct error err = {0};
    chunk_encode(&chunk, &out);
    run_init(&run);
    assert_int_equal(chunk_replay((const unsigned char *)out.data, out.len, 20, &series,
                                  run_sink_of(&run), &err),
                     0);
    const struct run_sample *samples = run.series[0].samples;
    assert_int_equal(run.series[0].count, 20);
    for (size_t i = 0; i < 12; i++)
        assert_true(samples[i].t_ns == t_ns[i % 4]);
    assert_true(samples[12].t_ns == INT64_MIN);
    assert_int_equal(samples[7].unit, 7);
    assert_int_equal(samples[8].unit, 9);
    assert_int_equal(samples[16].invocation, 1);
    assert_true(samples[18].value == 5e-6);
    run_deinit(&run);
    strbuf_deinit(&out);
    chunk_deinit(&chunk);
}

static int replay(const char *bytes, size_t size, uint64_t n)
{
    struct series series = ns_series();
    struct run run;
    struct error err = {0};
    run_init(&run);
    int rc = chunk_replay((const unsigned char *)bytes, size, n, &series, run_sink_of(&run), &err);
    run_deinit(&run);
    return rc;
}

static void damaged_bytes(void **state)
{
    struct series series = ns_series();
    struct chunk chunk = {0};
    struct strbuf out = {0};
    const int64_t t_ns[] = {100, 300};
    const uint64_t values[] = {1, 2};
    struct sample_block block = {.series = &series, .n = 2, .t_ns = t_ns, .value_ns = values};
    assert_int_equal(chunk_append(&chunk, &block), 0);
    chunk_encode(&chunk, &out);
    assert_int_equal(replay(out.data, out.len, 2), 0);
    assert_int_equal(replay(out.data, out.len, 1), -ERROR_INPUT);
    assert_int_equal(replay(out.data, out.len, 3), -ERROR_INPUT);
    assert_int_equal(replay(out.data, out.len, UINT64_MAX), -ERROR_INPUT);
    for (size_t size = 0; size < out.len; size++)
        assert_int_equal(replay(out.data, size, 2), -ERROR_INPUT);
    for (size_t i = 0; i < out.len; i++) { /* any byte: an error or other values, never a crash */
        for (int byte = 0; byte < 256; byte++) {
            char before = out.data[i];
            out.data[i] = (char)byte;
            int rc = replay(out.data, out.len, 2);
            assert_true(rc == 0 || rc == -ERROR_INPUT);
            out.data[i] = before;
        }
    }
    static const char endless[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    assert_int_equal(replay(endless, sizeof(endless) - 1, 0), -ERROR_INPUT);
    strbuf_deinit(&out);
    chunk_deinit(&chunk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes),
        cmocka_unit_test(distributions_come_back),
        cmocka_unit_test(spans_join_and_split),
        cmocka_unit_test(damaged_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
