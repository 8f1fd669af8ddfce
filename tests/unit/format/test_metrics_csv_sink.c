/* test_metrics_csv_sink.c: the monitor's rows from the blocks of a run, as measure/ hands them
 * over: column by column, many ticks at once, slower tiers in between. */
#include "metrics_csv_support.h"

#define EPOCH 1700000000.0
#define TICK_MS 100

enum { S_CPU, S_GPU, S_SLOW, S_MISSING, S_UNIT, S_COUNT };

struct player {
    struct run_sink *sink;
    struct series series[S_COUNT];
    int64_t t_ns[64];
    double value[64];
};

static void play_begin(struct player *player, struct fixture *f, const char *columns,
                       uint64_t row_ms)
{
    static const char *const metrics[S_COUNT] = {"cpu_total_pct", "gpu_util_pct", "mem_used_mb",
                                                 "power_w", "wall_ms"};
    struct error err = {0};
    struct run_info info = {.begin_epoch_s = EPOCH};
    *player = (struct player){0};
    if (metrics_csv_sink_open(f->path, columns, row_ms * MS, &player->sink, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(sink_begin(player->sink, &info, &err), 0);
    for (uint32_t i = 0; i < S_COUNT; i++) {
        player->series[i] = (struct series){.id = i,
                                            .kind = i == S_UNIT ? SERIES_UNIT : SERIES_TIME,
                                            .metric = metric_find(metrics[i]),
                                            .instance = i == S_GPU ? "nvidia_0" : ""};
        if (i == S_MISSING)
            player->series[i].reason = REASON_ABSENT;
        struct sample_block block = {.series = &player->series[i]};
        assert_int_equal(sink_samples(player->sink, &block, &err), 0);
    }
}

/* Values of ticks first, first+step … below end: 1000 * series + tick. */
static void play_block(struct player *player, int series, int first, int end, int step)
{
    struct sample_block block = {
        .series = &player->series[series], .t_ns = player->t_ns, .value = player->value};
    for (int tick = first; tick < end; tick += step) {
        player->t_ns[block.n] = (int64_t)tick * TICK_MS * MS + 1234567; /* ticks come a bit late */
        player->value[block.n++] = 1000.0 * series + tick;
    }
    assert_int_equal(sink_samples(player->sink, &block, NULL), 0);
}

static void play_end(struct player *player, int64_t end_ms)
{
    struct error err = {0};
    struct run_end end = {.end_ns = end_ms * MS};
    assert_int_equal(sink_end(player->sink, &end, &err), 0);
    if (metrics_csv_sink_close(player->sink, &err) < 0)
        fail_msg("%s", err.message);
}

static void rows_come_from_columns(void **state)
{
    struct fixture *f = *state;
    struct player player;
    play_begin(&player, f, NULL, 100);
    for (int first = 0; first < 20; first += 5) {
        play_block(&player, S_CPU, first, first + 5, 1);
        play_block(&player, S_GPU, first, first + 5, 1);
        play_block(&player, S_SLOW, first, first + 5, 5);
    }
    play_end(&player, 2000);
    const char *text = text_of(f);
    /* tick 0 is 1.2 ms after the beginning: in the row that ends at 0.1 s */
    assert_contains(text, FIXED_HEADER "\n1700000000.100,0.0,,,2000.0,,1000.0,\n"
                                       "1700000000.200,1.0,,,2000.0,,1001.0,\n");
    assert_contains(text, "\n1700000000.500,4.0,,,2000.0,,1004.0,\n"
                          "1700000000.600,5.0,,,2005.0,,1005.0,\n");
    assert_contains(text, "\n1700000002.000,19.0,,,2015.0,,1019.0,\n");
    size_t lines = 0;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    assert_int_equal(lines, 21);
}

static void a_cell_is_the_last_value_within_its_row(void **state)
{
    struct fixture *f = *state;
    struct player player;
    play_begin(&player, f, NULL, 500);
    play_block(&player, S_CPU, 0, 12, 1);
    play_block(&player, S_SLOW, 0, 12, 10);
    play_end(&player, 1200); /* the third row's interval is not over */
    assert_text(f, FIXED_HEADER "\n1700000000.500,4.0,,,2000.0,,,\n"
                                "1700000001.000,9.0,,,2000.0,,,\n");
}

static void what_stops_is_held_for_its_own_pace_only(void **state)
{
    struct fixture *f = *state;
    struct player player;
    play_begin(&player, f, NULL, 100);
    play_block(&player, S_CPU, 0, 30, 1);
    play_block(&player, S_SLOW, 0, 6, 5); /* 0 and 5, and never again */
    play_end(&player, 3000);
    const char *text = text_of(f);
    assert_contains(text, "\n1700000001.000,9.0,,,2005.0,,,\n");
    assert_contains(text, "\n1700000001.100,10.0,,,,,,\n");
}

static void a_gap_makes_no_rows(void **state)
{
    struct fixture *f = *state;
    struct player player;
    play_begin(&player, f, NULL, 100);
    play_block(&player, S_CPU, 0, 3, 1);
    play_block(&player, S_CPU, 400000, 400002, 1); /* eleven hours of suspend later */
    play_end(&player, 400002 * 100);
    assert_text(f, FIXED_HEADER "\n1700000000.100,0.0,,,,,,\n1700000000.200,1.0,,,,,,\n"
                                "1700000000.300,2.0,,,,,,\n1700040000.100,400000.0,,,,,,\n"
                                "1700040000.200,400001.0,,,,,,\n");
}

static void columns_may_be_asked_for(void **state)
{
    struct fixture *f = *state;
    struct player player;
    struct error err = {0};
    play_begin(&player, f, "gpu_util_pct_nvidia_0", 100);
    play_block(&player, S_CPU, 0, 1, 1);
    play_block(&player, S_GPU, 0, 1, 1);
    play_end(&player, 100);
    assert_text(f, FIXED_HEADER ",gpu_util_pct_nvidia_0\n1700000000.100,0.0,,,,,1000.0,,1000.0\n");
    /* what nothing delivers is said with the first value, when everything is declared */
    play_begin(&player, f, "fan_pct", 100);
    struct sample_block block = {
        .series = &player.series[S_CPU], .n = 1, .t_ns = player.t_ns, .value = player.value};
    assert_int_equal(sink_samples(player.sink, &block, &err), -ERROR_ABSENT);
    assert_int_equal(metrics_csv_sink_close(player.sink, NULL), 0);
}

static void a_file_that_cannot_be_used_is_found_before_the_run(void **state)
{
    struct fixture *f = *state;
    struct run_sink *sink = NULL;
    struct error err = {0};
    write_text(f, "a,b\n", 4);
    assert_int_equal(metrics_csv_sink_open(f->path, NULL, 100 * MS, &sink, &err), -ERROR_INPUT);
    assert_null(sink);
    assert_text(f, "a,b\n");
    assert_int_equal(metrics_csv_sink_close(NULL, NULL), 0);
}

static void nothing_measured_is_a_header(void **state)
{
    struct fixture *f = *state;
    struct player player;
    play_begin(&player, f, NULL, 100);
    assert_int_equal(metrics_csv_sink_stats(player.sink)->rows, 0);
    play_end(&player, 1000);
    assert_text(f, FIXED_HEADER "\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(rows_come_from_columns),
        TEST(a_cell_is_the_last_value_within_its_row),
        TEST(what_stops_is_held_for_its_own_pace_only),
        TEST(a_gap_makes_no_rows),
        TEST(columns_may_be_asked_for),
        TEST(a_file_that_cannot_be_used_is_found_before_the_run),
        TEST(nothing_measured_is_a_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
