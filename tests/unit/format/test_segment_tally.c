/* test_segment_tally.c: what one launch recorded, told as a run. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "format/segment_tally.h"
#include "model/run.h"
#include "near.h"
#include "segment_image.h"

#define MS 1000000ull
#define S (1000 * MS)

struct fixture {
    struct run run;
    struct segment_image *image;
    struct segment_tally *tally;
};

static int to_run(void *context, const struct sample_block *block, struct error *err)
{
    return sink_samples(context, block, err);
}

static int event_to_run(void *context, const struct event *event, struct error *err)
{
    return sink_event(context, event, err);
}

static struct segment_tally_out out_of(struct fixture *fixture, uint32_t invocation)
{
    return (struct segment_tally_out){.context = run_sink_of(&fixture->run),
                                      .begin_ns = S / 2,
                                      .invocation = invocation,
                                      .samples = to_run,
                                      .event = event_to_run};
}

static void add(struct fixture *fixture, uint64_t end_ns)
{
    struct segment *segment = NULL;
    assert_int_equal(
        segment_open_fd(image_file(fixture->image, sizeof(*fixture->image)), &segment, NULL), 0);
    assert_int_equal(segment_tally_add(fixture->tally, segment, end_ns, NULL), 0);
    segment_close(segment);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    run_init(&fixture->run);
    struct run_info info = {.id = "a-1", .label = ""};
    assert_int_equal(sink_begin(run_sink_of(&fixture->run), &info, NULL), 0);
    fixture->image = image_new();
    image_hist(fixture->image, 0, 0, 0);
    image_hist(fixture->image, 1, 0, 1);
    for (uint64_t i = 1; i <= 10; i++)
        image_value(fixture->image, 0, i * MS);
    fixture->image->counters[0][0] = 25;
    fixture->image->counters[0][1] = 4;
    fixture->image->counters[0][2] = 100;
    fixture->image->gauges[0] = (struct tacho_segment_gauge){
        .count = 2, .value = image_bits(1), .smallest = image_bits(0), .largest = image_bits(12)};
    fixture->image->header.created_ns = 1 * S;
    fixture->tally = segment_tally_new(100, 50);
    assert_non_null(fixture->tally);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    segment_tally_free(fixture->tally);
    run_deinit(&fixture->run);
    free(fixture->image);
    free(fixture);
    return 0;
}

static const struct run_series *series_of(const struct fixture *fixture, const char *metric,
                                          const char *instance)
{
    const struct run_series *series = run_find_series(&fixture->run, metric, instance);
    if (!series)
        fail_msg("no %s of '%s'", metric, instance);
    return series;
}

static double only_value(const struct fixture *fixture, const char *metric, const char *instance)
{
    const struct run_series *series = series_of(fixture, metric, instance);
    assert_int_equal(series->count, 1);
    return series->samples[0].value;
}

static void tells_every_channel(void **state)
{
    struct fixture *fixture = *state;
    struct segment_tally_out out = out_of(fixture, 0);
    fixture->image->header.state = TACHO_SEGMENT_CLOSED;
    add(fixture, 9 * S);
    add(fixture, 9 * S); /* a second process that did the same */
    assert_int_equal(segment_tally_tell(fixture->tally, &out, NULL), 0);
    const struct run_series *spans = series_of(fixture, "span_ms", "inference");
    assert_int_equal(spans->hist->count, 20);
    assert_true(spans->hist->max == 10 * MS && spans->hist->min == MS);
    assert_true(spans->series.id >= 100);
    assert_true(only_value(fixture, "frames_total", "camera0") == 50);
    assert_true(only_value(fixture, "pipeline_drops", "") == 8);
    assert_true(only_value(fixture, "work_done", "") == 200);
    assert_true(only_value(fixture, "pipeline_queue_depth", "") == 12);
    assert_true(only_value(fixture, "gauge_max", "queue") == 12);
    assert_true(only_value(fixture, "span_first_ms", "inference") == 1);
    assert_null(run_find_series(&fixture->run, "span_open_s", NULL));
    assert_int_equal(segment_tally_left_out(fixture->tally), 0);
}

/* The next launch begins at nothing, under the same ids. */
static void keeps_launches_apart(void **state)
{
    struct fixture *fixture = *state;
    struct segment_tally_out first = out_of(fixture, 0), second = out_of(fixture, 1);
    add(fixture, 9 * S);
    assert_int_equal(segment_tally_tell(fixture->tally, &first, NULL), 0);
    size_t before = fixture->run.series_count;
    add(fixture, 9 * S);
    assert_int_equal(segment_tally_tell(fixture->tally, &second, NULL), 0);
    assert_int_equal(fixture->run.series_count, before);
    const struct run_series *frames = series_of(fixture, "frames_total", "camera0");
    assert_int_equal(frames->count, 2);
    assert_true(frames->samples[1].value == 25 && frames->samples[1].invocation == 1);
    assert_int_equal(segment_tally_tell(fixture->tally, &second, NULL), 0); /* nothing was added */
    assert_int_equal(frames->count, 2);
}

static void tells_marks_and_what_was_open(void **state)
{
    struct fixture *fixture = *state;
    struct segment_tally_out out = out_of(fixture, 0);
    image_name(fixture->image, 6, "after model", TACHO_NAME_MARK, 0, 0);
    fixture->image->marks[0] =
        (struct tacho_segment_mark){.ready = 1, .name = 4, .t_ns = 3 * S, .rss_bytes = 10 << 20};
    fixture->image->marks[1] =
        (struct tacho_segment_mark){.ready = 1, .name = 6, .t_ns = 5 * S, .rss_bytes = 34 << 20};
    fixture->image->header.marks_used = 2;
    add(fixture, 8100 * MS); /* "inference" is open since 5 s */
    assert_int_equal(segment_tally_tell(fixture->tally, &out, NULL), 0);
    ASSERT_NEAR(only_value(fixture, "mark_s", "after load"), 2, 1e-9);
    ASSERT_NEAR(only_value(fixture, "mark_s", "after model"), 2, 1e-9);
    ASSERT_NEAR(only_value(fixture, "mark_growth_mb", "after model"), 24, 1e-9);
    assert_null(run_find_series(&fixture->run, "mark_growth_mb", "after load"));
    assert_int_equal(series_of(fixture, "mark_rss_mb", "after model")->samples[0].t_ns, 4500 * MS);
    ASSERT_NEAR(only_value(fixture, "span_open_s", "inference"), 3.1, 1e-9);
    assert_int_equal(fixture->run.event_count, 3);
    assert_string_equal(fixture->run.events[0].text, "inference was open for 3.100 s at the end");
    assert_string_equal(fixture->run.events[2].text,
                        "after model: 2.000 s and +24.0 MB after after load");
}

/* A launch that failed does not count, but what its program said is told all the same. */
static void a_failed_launch_still_tells(void **state)
{
    struct fixture *fixture = *state;
    struct segment_tally_out out = out_of(fixture, 0);
    out.is_failed = true;
    add(fixture, 9 * S);
    assert_int_equal(segment_tally_tell(fixture->tally, &out, NULL), 0);
    const struct run_series *frames = series_of(fixture, "frames_total", "camera0");
    assert_int_equal(frames->count, 0);
    assert_int_equal(frames->hist->count, 1);
    assert_true(run_hist_to_shown(frames->series.metric, (double)frames->hist->max) == 25);
    out.is_ignored = true;
    add(fixture, 9 * S);
    assert_int_equal(segment_tally_tell(fixture->tally, &out, NULL), 0);
    assert_int_equal(frames->hist->count, 1);
}

/* Rates are seen while a launch runs and told when it is known whether it counts. */
static void tells_rates_with_their_launch(void **state)
{
    struct fixture *fixture = *state;
    struct segment_tally_out out = out_of(fixture, 0);
    add(fixture, 9 * S);
    assert_int_equal(segment_tally_add_rate(fixture->tally, "camera0", 25.5, NULL), 0);
    assert_int_equal(segment_tally_add_rate(fixture->tally, "camera0", 24.5, NULL), 0);
    assert_int_equal(segment_tally_tell(fixture->tally, &out, NULL), 0);
    const struct run_series *rates = series_of(fixture, "frame_fps", "camera0");
    assert_int_equal(rates->hist->count, 2);
    assert_true(run_hist_to_shown(rates->series.metric, (double)rates->hist->min) == 24.5);
    assert_true(run_hist_to_shown(rates->series.metric, (double)rates->hist->max) == 25.5);
    out.is_ignored = true; /* it failed, and is only counted */
    add(fixture, 9 * S);
    assert_int_equal(segment_tally_add_rate(fixture->tally, "camera0", 1, NULL), 0);
    assert_int_equal(segment_tally_tell(fixture->tally, &out, NULL), 0);
    out.is_ignored = false;
    add(fixture, 9 * S);
    assert_int_equal(segment_tally_tell(fixture->tally, &out, NULL), 0);
    assert_int_equal(rates->hist->count, 2);
}

static void counts_what_found_no_room(void **state)
{
    struct fixture *fixture = *state;
    struct segment_tally_out out = out_of(fixture, 0);
    segment_tally_free(fixture->tally);
    fixture->tally = segment_tally_new(0, 2);
    fixture->image->header.dropped_hists = 5;
    add(fixture, 9 * S);
    assert_int_equal(segment_tally_tell(fixture->tally, &out, NULL), 0);
    assert_int_equal(fixture->run.series_count, 2);
    assert_true(segment_tally_left_out(fixture->tally) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells_every_channel, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_launches_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_marks_and_what_was_open, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_launch_still_tells, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_rates_with_their_launch, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_what_found_no_room, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
