/* test_metrics_channels.c: columns of the monitor's CSV for what a program calls its spans, cameras
 * and queues: asked for by name, before the program has used it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/metrics_csv.h"
#include "test_tree.h"

#define SECOND INT64_C(1000000000)

enum { FPS_A, FPS_B, AVG_A, CHANNELS };

struct channels {
    struct test_tree tree;
    char path[128];
    char names[CHANNELS][64]; /* empty until the program uses them, as the collector has them */
    struct metrics_source sources[CHANNELS];
    double values[CHANNELS];
    struct metrics_csv *csv;
};

static int setup_channels(void **state)
{
    static const char *const metrics[CHANNELS] = {"frame_fps", "frame_fps", "span_avg_ms"};
    struct channels *channels = calloc(1, sizeof(*channels));
    assert_non_null(channels);
    test_tree_init(&channels->tree);
    snprintf(channels->path, sizeof(channels->path), "%s/m.csv", channels->tree.path);
    for (size_t i = 0; i < CHANNELS; i++) {
        channels->sources[i] =
            (struct metrics_source){metric_find(metrics[i]), channels->names[i], 0};
        channels->values[i] = NAN;
    }
    *state = channels;
    return 0;
}

static int teardown_channels(void **state)
{
    struct channels *channels = *state;
    assert_int_equal(metrics_csv_close(channels->csv, NULL), 0);
    test_tree_deinit(&channels->tree);
    free(channels);
    return 0;
}

static int try_open(struct channels *channels, const char *columns, struct error *err)
{
    struct metrics_csv_options options = {.path = channels->path,
                                          .columns = columns,
                                          .sources = channels->sources,
                                          .source_count = CHANNELS,
                                          .interval_ns = SECOND};
    return metrics_csv_open(&options, &channels->csv, err);
}

static void assert_rows(const struct channels *channels, const char *wanted)
{
    char text[4096];
    FILE *file = fopen(channels->path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    const char *header_end = strstr(text, ",frame_fps");
    assert_non_null(header_end);
    assert_string_equal(header_end, wanted);
}

static void a_channel_comes_when_the_program_uses_it(void **state)
{
    struct channels *channels = *state;
    assert_int_equal(
        try_open(channels, "+frame_fps_camera_1,span_avg_ms_decode,frame_fps_camera_1", NULL), 0);
    metrics_csv_row(channels->csv, 1, 0, channels->values);
    strcpy(channels->names[FPS_A], "left");
    strcpy(channels->names[FPS_B], "camera 1"); /* as a header has it: camera_1 */
    channels->values[FPS_A] = 99;
    channels->values[FPS_B] = 25;
    metrics_csv_row(channels->csv, 2, SECOND, channels->values);
    strcpy(channels->names[AVG_A], "decode");
    channels->values[AVG_A] = 1.5;
    channels->values[FPS_B] = NAN;
    metrics_csv_row(channels->csv, 3, 2 * SECOND, channels->values);
    assert_rows(channels, ",frame_fps_camera_1,span_avg_ms_decode\n"
                          "1.000,,,,,,,,,\n"
                          "2.000,,,,,,,,25.00,\n"
                          "3.000,,,,,,,,,1.500\n");
}

static void what_cannot_be_meant_is_refused(void **state)
{
    struct channels *channels = *state;
    struct error err = {0};
    assert_int_equal(try_open(channels, "+span_avg_ms", &err), -ERROR_USAGE);
    assert_non_null(strstr(err.message, "needs a name of the program's"));
    assert_int_equal(try_open(channels, "+span_avg_ms_", &err), -ERROR_ABSENT);
    /* no collector of channels here */
    assert_int_equal(try_open(channels, "+gauge_max_queue", &err), -ERROR_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_channel_comes_when_the_program_uses_it, setup_channels,
                                        teardown_channels),
        cmocka_unit_test_setup_teardown(what_cannot_be_meant_is_refused, setup_channels,
                                        teardown_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
