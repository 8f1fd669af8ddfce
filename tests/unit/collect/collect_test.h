/* collect_test.h: what the tests of the collectors share: recorded trees, and an opened collector
 * whose values are asked for by name. */
#ifndef TACHO_TESTS_COLLECT_TEST_H
#define TACHO_TESTS_COLLECT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "collect/collector.h"
#include "near.h"
#include "test_tree.h"

static inline void test_root_open(struct root *root, const char *tree)
{
    char path[4096];
    const char *trees = getenv("TACHO_TEST_TREES");
    assert_non_null(trees);
    snprintf(path, sizeof(path), "%s/%s", trees, tree);
    assert_int_equal(root_open(root, path, NULL), 0);
}

/* ---- an opened collector ---- */

struct test_collector {
    const struct collector *collector;
    struct channel_set channels;
    void *state;
    double values[COLLECT_CHANNELS_MAX];
    uint64_t now_ns;
};

static inline int test_try_open(struct test_collector *test, const char *name,
                                const struct root *root, struct error *err)
{
    struct collect_env env = {.root = root, .interval_ns = 100 * NS_PER_MS, .seed = 1};
    memset(test, 0, sizeof(*test));
    test->collector = collector_find(name);
    assert_non_null(test->collector);
    assert_int_equal(channel_set_init(&test->channels), 0);
    test->now_ns = 1000 * NS_PER_S;
    return test->collector->open(&env, &test->channels, &test->state, err);
}

static inline void test_open(struct test_collector *test, const char *name, const struct root *root)
{
    struct error err = {0};
    int rc = test_try_open(test, name, root, &err);
    if (rc != 0)
        print_message("open: %s\n", err.message);
    assert_int_equal(rc, 0);
}

static inline void test_close(struct test_collector *test)
{
    if (test->state)
        test->collector->close(test->state);
    channel_set_deinit(&test->channels);
}

/* Attends and samples one second later than before; values are read by value_of. */
static inline int test_sample_target(struct test_collector *test, pid_t target, uint32_t generation)
{
    uint64_t now_ns = test->now_ns += NS_PER_S;
    struct collect_tick tick = {now_ns, now_ns, target, generation};
    for (size_t i = 0; i < COLLECT_CHANNELS_MAX; i++)
        test->values[i] = NAN;
    if (test->collector->attend)
        test->collector->attend(test->state, &tick);
    return test->collector->sample(test->state, &tick, test->values);
}

static inline int test_sample(struct test_collector *test)
{
    return test_sample_target(test, 0, 0);
}

static inline const struct channel *test_channel(const struct test_collector *test,
                                                 const char *metric, const char *instance)
{
    for (size_t i = 0; i < test->channels.count; i++) {
        const struct channel *channel = &test->channels.items[i];
        if (strcmp(channel->metric->name, metric) == 0 && strcmp(channel->instance, instance) == 0)
            return channel;
    }
    return NULL;
}

static inline double value_of(const struct test_collector *test, const char *metric,
                              const char *instance)
{
    const struct channel *channel = test_channel(test, metric, instance);
    if (!channel)
        print_message("no channel %s of '%s'\n", metric, instance);
    assert_non_null(channel);
    return test->values[channel - test->channels.items];
}

#define ASSERT_NAN(value) assert_true(isnan(value))

#endif
