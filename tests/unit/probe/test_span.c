/* test_span.c: durations: nesting, wrong ends, tokens, errors, histograms, rings. */
#include "probe_support.h"

#include <float.h>

#include "stats/hist.h"

static void pass_us(unsigned us)
{
    uint64_t end_ns = mono_ns() + us * 1000u;
    while (mono_ns() < end_ns)
        ;
}

/* ---- nesting ---- */

static int record_nested(void *argument)
{
    (void)argument;
    TACHO_SPAN("outer")
    {
        for (int i = 0; i < 3; i++) {
            TACHO_SPAN("inner")
            {
                pass_us(200);
            }
        }
    }
    return 0;
}

static void spans_nest(void **state)
{
    struct image image;
    (void)state;
    run_in_child(record_nested, NULL);
    image_read(&image);
    const struct tacho_segment_hist *outer = image_hist_of(&image, "outer", 0);
    const struct tacho_segment_hist *inner = image_hist_of(&image, "inner", 0);
    assert_non_null(outer);
    assert_non_null(inner);
    assert_int_equal(hist_count(outer), 1);
    assert_int_equal(hist_count(inner), 3);
    assert_true(inner->min_ns >= 200000);
    assert_true(outer->sum_ns >= inner->sum_ns);
    assert_int_equal(outer->min_ns, outer->max_ns);
    assert_int_equal(outer->first_ns, outer->max_ns);
    assert_in_range(inner->first_ns, inner->min_ns, inner->max_ns);
    assert_int_equal(image_thread(&image, 0)->depth, 0);
    assert_int_equal(image_thread(&image, 0)->dropped_spans, 0);
    /* The ring has them in the order of their ends. */
    const struct tacho_segment_ring *ring = image_ring(&image, 0);
    assert_int_equal(ring->head, 4);
    for (uint64_t i = 0; i < 4; i++) {
        const struct tacho_segment_event *event = image_event(ring, i);
        assert_int_equal(event->seq, 2 * i + 2);
        assert_int_equal(event->name, image_find(&image, i < 3 ? "inner" : "outer"));
        assert_int_equal(event->depth, i < 3 ? 1 : 0);
        assert_int_equal(event->flags, i < 3 ? 0 : TACHO_EVENT_OUTER);
        assert_true(event->begin_ns >= image_event(ring, 3)->begin_ns);
    }
    assert_int_equal(image_event(ring, 3)->duration_ns, outer->sum_ns);
    image_free(&image);
}

/* ---- wrong ends ---- */

static int record_wrong_ends(void *argument)
{
    (void)argument;
    tacho_end("never begun"); /* 1 dropped */
    tacho_begin("a");
    tacho_begin("forgotten");
    tacho_begin("forgotten, too");
    tacho_end("a"); /* 2 dropped */
    tacho_end("a"); /* 1 dropped */
    tacho_begin("b");
    tacho_end("a"); /* 1 dropped; b goes on */
    tacho_end("b");
    tacho_begin("still open");
    return 0;
}

static void wrong_ends_are_counted_and_harmless(void **state)
{
    struct image image;
    (void)state;
    run_in_child(record_wrong_ends, NULL);
    image_read(&image);
    const struct tacho_segment_thread *thread = image_thread(&image, 0);
    assert_int_equal(thread->dropped_spans, 5);
    assert_int_equal(image_count(&image, "a"), 1);
    assert_int_equal(image_count(&image, "b"), 1);
    assert_int_equal(image_count(&image, "forgotten"), 0);
    assert_int_equal(thread->depth, 1);
    assert_int_equal(thread->open[0].name, image_find(&image, "still open"));
    assert_true(thread->open[0].begin_ns > image.header->created_ns);
    image_free(&image);
}

static int record_too_deep(void *argument)
{
    uint32_t span = tacho_id("deep", TACHO_NAME_SPAN, 0);
    unsigned depth = *(unsigned *)argument;
    for (unsigned i = 0; i < depth; i++)
        tacho_begin_id(span);
    for (unsigned i = 0; i < depth; i++)
        tacho_end_id(span);
    tacho_begin("after");
    tacho_end("after");
    return 0;
}

static void too_deep_is_dropped_and_comes_back(void **state)
{
    unsigned depth = TACHO_SEGMENT_OPEN_MAX + 5;
    struct image image;
    (void)state;
    run_in_child(record_too_deep, &depth);
    image_read(&image);
    assert_int_equal(image_count(&image, "deep"), TACHO_SEGMENT_OPEN_MAX);
    assert_int_equal(image_count(&image, "after"), 1);
    assert_int_equal(image_thread(&image, 0)->dropped_spans, 5);
    assert_int_equal(image_thread(&image, 0)->depth, 0);
    image_free(&image);
}

static int open_too_deep(void *argument)
{
    (void)argument;
    for (int i = 0; i < 20; i++)
        tacho_begin("deep");
    return 0;
}

static void depth_counts_what_is_too_deep(void **state)
{
    struct image image;
    (void)state;
    run_in_child(open_too_deep, NULL);
    image_read(&image);
    assert_int_equal(image_thread(&image, 0)->depth, 20);
    image_free(&image);
}

/* ---- next, errors, tokens ---- */

static int record_next(void *argument)
{
    (void)argument;
    tacho_begin("read");
    pass_us(100);
    tacho_next("read", "infer");
    pass_us(100);
    tacho_next("infer", "write");
    tacho_end_error("write");
    tacho_next("read", "orphan"); /* read is not open: dropped, orphan begins all the same */
    tacho_end("orphan");
    return 0;
}

static void next_leaves_no_gap(void **state)
{
    struct image image;
    (void)state;
    run_in_child(record_next, NULL);
    image_read(&image);
    const struct tacho_segment_ring *ring = image_ring(&image, 0);
    assert_int_equal(ring->head, 4);
    for (uint64_t i = 0; i < 2; i++) {
        const struct tacho_segment_event *event = image_event(ring, i);
        assert_true(event->begin_ns + event->duration_ns == image_event(ring, i + 1)->begin_ns);
    }
    assert_int_equal(image_event(ring, 2)->flags, TACHO_EVENT_ERROR | TACHO_EVENT_OUTER);
    assert_int_equal(image_hist_of(&image, "write", 0)->errors, 1);
    assert_int_equal(hist_count(image_hist_of(&image, "write", 0)), 1);
    assert_int_equal(image_hist_of(&image, "read", 0)->errors, 0);
    assert_int_equal(image_thread(&image, 0)->dropped_spans, 1);
    image_free(&image);
}

static void *end_elsewhere(void *argument)
{
    uint64_t *tokens = argument;
    tacho_end_token("answer", tokens[0]);
    tacho_end_token_id(TACHO_ID("answer", TACHO_NAME_SPAN, 0), tokens[1], true);
    tacho_end_token("answer", 0);              /* begun while nothing was recorded */
    tacho_end_token("answer", UINT64_MAX - 1); /* from the future: no token of ours */
    return NULL;
}

static int record_tokens(void *argument)
{
    pthread_t thread;
    uint64_t tokens[2] = {tacho_begin_token(), tacho_begin_token()};
    (void)argument;
    TACHO_SPAN("around")
    {
        pass_us(300);
        CHECK(pthread_create(&thread, NULL, end_elsewhere, tokens) == 0);
        pthread_join(thread, NULL);
    }
    return 0;
}

static void tokens_end_in_other_threads(void **state)
{
    struct image image;
    (void)state;
    run_in_child(record_tokens, NULL);
    image_read(&image);
    const struct tacho_segment_hist *hist = image_hist_of(&image, "answer", 1);
    assert_non_null(hist);
    assert_int_equal(hist_count(hist), 2);
    assert_int_equal(hist->errors, 1);
    assert_true(hist->min_ns >= 300000);
    const struct tacho_segment_ring *ring = image_ring(&image, image_thread(&image, 1)->ring - 1);
    assert_int_equal(image_event(ring, 0)->flags, TACHO_EVENT_ASYNC);
    assert_int_equal(image_event(ring, 1)->flags, TACHO_EVENT_ASYNC | TACHO_EVENT_ERROR);
    image_free(&image);
}

/* ---- histograms ---- */

#define VALUES 20000

/* From 1 ns to about 4 minutes, evenly in powers of two. */
static uint64_t value_of(uint64_t i)
{
    uint64_t mixed = i * 0x9e3779b97f4a7c15u;
    mixed ^= mixed >> 29;
    mixed *= 0xbf58476d1ce4e5b9u;
    return mixed >> (26 + i % 38);
}

static int record_values(void *argument)
{
    uint32_t span = tacho_id("values", TACHO_NAME_SPAN, 0);
    (void)argument;
    for (uint64_t i = 1; i <= VALUES; i++)
        tacho_record_id(span, UINT64_MAX / 2, value_of(i));
    return 0;
}

static void buckets_are_those_of_tacho(void **state)
{
    static uint64_t want[TACHO_SEGMENT_HIST_BUCKETS];
    uint64_t over = 0, sum = 0, smallest = UINT64_MAX, largest = 0;
    struct image image;
    (void)state;
    for (uint64_t i = 1; i <= VALUES; i++) {
        uint64_t value = value_of(i);
        if (value < (uint64_t)1 << 37)
            want[hist_bucket_of(value)]++;
        else
            over++;
        sum += value;
        smallest = value < smallest ? value : smallest;
        largest = value > largest ? value : largest;
    }
    assert_true(over > 0);
    run_in_child(record_values, NULL);
    image_read(&image);
    const struct tacho_segment_hist *hist = image_hist_of(&image, "values", 0);
    assert_memory_equal(hist->buckets, want, sizeof(want));
    assert_true(hist->over == over);
    assert_true(hist->sum_ns == sum);
    assert_true(hist->min_ns == smallest);
    assert_true(hist->max_ns == largest);
    assert_true(hist->first_ns == value_of(1));
    /* The largest value that has a bucket stands in the last one. */
    assert_int_equal(hist_bucket_of(((uint64_t)1 << 37) - 1), TACHO_SEGMENT_HIST_BUCKETS - 1);
    image_free(&image);
}

/* The bound that tacho/segment.h states, by its own formula: the middle of a bucket against every
 * value that falls into it. */
static void buckets_keep_their_error(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= VALUES; i++) {
        uint64_t value = value_of(i) & (((uint64_t)1 << 37) - 1);
        if (value == 0)
            continue;
        unsigned top = 63u - (unsigned)__builtin_clzll(value), e = top < 7 ? 7 : top;
        uint64_t index = (uint64_t)(e - 7) * 128 + (value >> (e - 7));
        assert_int_equal(index, hist_bucket_of(value));
        double low = (double)(value >> (e - 7) << (e - 7));
        double middle = low + ((double)((uint64_t)1 << (e - 7)) - 1) / 2;
        double error = middle > (double)value ? middle - (double)value : (double)value - middle;
        assert_true(error / (double)value <= 1.0 / 256);
    }
}

static int record_many_names(void *argument)
{
    char name[32];
    (void)argument;
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof(name), "span %d", i);
        uint32_t span = tacho_id(name, TACHO_NAME_SPAN, 0);
        for (int k = 0; k < 2; k++) {
            tacho_begin_id(span);
            tacho_end_id(span);
        }
    }
    return 0;
}

static void histograms_run_out(void **state)
{
    struct image image;
    (void)state;
    run_in_child(record_many_names, NULL);
    image_read(&image);
    assert_int_equal(image.header->hists_used, 48);
    assert_int_equal(image.header->dropped_hists, 12); /* names, not values */
    assert_int_equal(image_count(&image, "span 47"), 2);
    assert_int_equal(image_count(&image, "span 48"), 0);
    assert_int_equal(image_ring(&image, 0)->head, 120); /* events go on */
    image_free(&image);
}

/* ---- rings ---- */

static int record_laps(void *argument)
{
    uint32_t span = tacho_id("lap", TACHO_NAME_SPAN, 0);
    (void)argument;
    for (uint64_t i = 0; i < 10000; i++)
        tacho_record_id(span, 1000000 + i, 7);
    return 0;
}

static void rings_wrap_around(void **state)
{
    struct image image;
    (void)state;
    run_in_child(record_laps, NULL);
    image_read(&image);
    const struct tacho_segment_ring *ring = image_ring(&image, 0);
    assert_int_equal(ring->head, 10000);
    for (uint64_t i = 10000 - 4096; i < 10000; i++) {
        const struct tacho_segment_event *event = image_event(ring, i);
        assert_int_equal(event->seq, 2 * i + 2);
        assert_int_equal(event->begin_ns, 1000000 + i - 7);
        assert_int_equal(event->duration_ns, 7);
    }
    assert_int_equal(image_count(&image, "lap"), 10000);
    image_free(&image);
}

/* ---- leaving a block ---- */

static int leave_by_return(void)
{
    TACHO_SPAN("return")
    {
        return 1;
    }
    return 0;
}

static int record_leaving(void *argument)
{
    (void)argument;
    CHECK(leave_by_return() == 1);
    TACHO_SPAN("break")
    {
        if (argument == NULL)
            break;
        return 1;
    }
    TACHO_SPAN("continue")
    {
        if (argument == NULL)
            continue;
        return 1;
    }
    TACHO_SPAN("goto")
    {
        goto out;
    }
out:
    for (int i = 0; i < 5; i++) {
        TACHO_SCOPE("scope");
        if (i == 2)
            continue;
        if (i == 3)
            break; /* leaves the loop */
    }
    return 0;
}

static void blocks_end_however_they_are_left(void **state)
{
    static const char *const names[] = {"return", "break", "continue", "goto"};
    struct image image;
    (void)state;
    run_in_child(record_leaving, NULL);
    image_read(&image);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(image_count(&image, names[i]), 1);
    assert_int_equal(image_count(&image, "scope"), 4);
    assert_int_equal(image_thread(&image, 0)->depth, 0);
    assert_int_equal(image_thread(&image, 0)->dropped_spans, 0);
    image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(spans_nest),
        PROBE_TEST(wrong_ends_are_counted_and_harmless),
        PROBE_TEST(too_deep_is_dropped_and_comes_back),
        PROBE_TEST(depth_counts_what_is_too_deep),
        PROBE_TEST(next_leaves_no_gap),
        PROBE_TEST(tokens_end_in_other_threads),
        PROBE_TEST(buckets_are_those_of_tacho),
        cmocka_unit_test(buckets_keep_their_error),
        PROBE_TEST(histograms_run_out),
        PROBE_TEST(rings_wrap_around),
        PROBE_TEST(blocks_end_however_they_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
