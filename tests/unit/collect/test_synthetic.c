/* test_synthetic.c: the same seed gives the same values, and they have the shape that is declared.
 */
#include "collect_test.h"

static const struct collector *synthetic;

static void *open_seed(struct channel_set *channels, uint64_t seed)
{
    struct collect_env env = {.interval_ns = NS_PER_S, .seed = seed};
    void *state = NULL;
    synthetic = collector_find("synthetic");
    assert_int_equal(channel_set_init(channels), 0);
    assert_int_equal(synthetic->open(&env, channels, &state, NULL), 0);
    return state;
}

static void the_seed_decides(void **unused)
{
    struct channel_set channels[3];
    void *states[3];
    double values[3][COLLECT_CHANNELS_MAX] = {{0}};
    bool differs = false;
    for (int i = 0; i < 3; i++)
        states[i] = open_seed(&channels[i], i < 2 ? 42 : 43);
    for (uint64_t round = 0; round < 100; round++) {
        /* other times, same values */
        for (int i = 0; i < 3; i++) {
            struct collect_tick tick = {.now_ns = round * (uint64_t)(i + 1) * NS_PER_MS};
            assert_int_equal(synthetic->sample(states[i], &tick, values[i]), 0);
        }
        assert_memory_equal(values[0], values[1], channels[0].count * sizeof(double));
        differs |= memcmp(values[0], values[2], channels[0].count * sizeof(double)) != 0;
    }
    assert_true(differs);
    for (int i = 0; i < 3; i++) {
        synthetic->close(states[i]);
        channel_set_deinit(&channels[i]);
    }
}

/* Mean and spread of 20,000 samples against those that stand in the source; the bounds are six
 * standard errors and more, for a series of that correlation. */
static void loads_have_the_stated_mean_and_spread(void **unused)
{
    static const struct {
        const char *metric;
        double mean, deviation;
    } expected[] = {{"cpu_total_pct", 45, 8}, {"gpu_util_pct", 75, 5}};
    for (size_t e = 0; e < 2; e++) {
        struct channel_set channels;
        void *state = open_seed(&channels, 7);
        double values[COLLECT_CHANNELS_MAX], sum = 0, squares = 0;
        const int rounds = 20000;
        size_t column = 0;
        while (strcmp(channels.items[column].metric->name, expected[e].metric) != 0)
            column++;
        for (int i = 0; i < rounds; i++) {
            struct collect_tick tick = {0};
            synthetic->sample(state, &tick, values);
            sum += values[column];
            squares += values[column] * values[column];
        }
        double mean = sum / rounds, variance = squares / rounds - mean * mean;
        ASSERT_NEAR(mean, expected[e].mean, 1.0);
        ASSERT_NEAR(sqrt(variance), expected[e].deviation, 0.5);
        synthetic->close(state);
        channel_set_deinit(&channels);
    }
}

static void every_column_is_named_synthetic_and_in_range(void **unused)
{
    struct channel_set channels;
    void *state = open_seed(&channels, 1);
    double values[COLLECT_CHANNELS_MAX];
    for (int round = 0; round < 1000; round++) {
        struct collect_tick tick = {0};
        synthetic->sample(state, &tick, values);
        for (size_t i = 0; i < channels.count; i++) {
            const char *metric = channels.items[i].metric->name;
            assert_string_equal(channels.items[i].instance, "synthetic");
            assert_non_null(strstr(channels.items[i].source, "synthetic"));
            assert_true(values[i] >= 0);
            if (strcmp(metric, "power_w") == 0)
                assert_true(values[i] >= 15 && values[i] <= 150);
            else if (strcmp(metric, "temp_c") == 0)
                assert_true(values[i] >= 45 && values[i] <= 85);
            else if (strstr(metric, "_pct"))
                assert_true(values[i] <= 100);
        }
    }
    synthetic->close(state);
    channel_set_deinit(&channels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(loads_have_the_stated_mean_and_spread),
        cmocka_unit_test(every_column_is_named_synthetic_and_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
