/* metrics_csv_support.h: sources, and a file of one's own, for the tests of the monitor's CSV. */
#ifndef TACHO_TESTS_METRICS_CSV_SUPPORT_H
#define TACHO_TESTS_METRICS_CSV_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "format/metrics_csv_internal.h"
#include "test_tree.h"

#define MS INT64_C(1000000)
#define FIXED_HEADER                                                                               \
    "timestamp,cpu_total_pct,cpu_track_pct,mem_total_mb,mem_used_mb,mem_track_rss_mb,"             \
    "gpu_util_pct,gpu_mem_used_mb"

enum source {
    CPU,
    CPU_TRACK,
    MEM_TOTAL,
    MEM_USED,
    RSS,
    GPU0,
    GPU1,
    GPU_MEM0,
    GPU_MEM1,
    LOAD,
    TEMP_CPU,
    TEMP_ODD,
    CORE0,
    REASONS0,
    REASONS1,
    SOURCES
};

struct fixture {
    struct test_tree tree;
    char path[128], text[65536];
    struct metrics_source sources[SOURCES];
    struct metrics_csv *csv;
};

static int setup(void **state)
{
    static const struct {
        const char *metric, *instance;
    } rows[SOURCES] = {
        [CPU] = {"cpu_total_pct", ""},
        [CPU_TRACK] = {"cpu_track_pct", ""},
        [MEM_TOTAL] = {"mem_total_mb", ""},
        [MEM_USED] = {"mem_used_mb", ""},
        [RSS] = {"mem_track_rss_mb", ""},
        [GPU0] = {"gpu_util_pct", "nvidia_0"},
        [GPU1] = {"gpu_util_pct", "nvidia_1"},
        [GPU_MEM0] = {"gpu_mem_used_mb", "nvidia_0"},
        [GPU_MEM1] = {"gpu_mem_used_mb", "nvidia_1"},
        [LOAD] = {"load1", ""},
        [TEMP_CPU] = {"temp_c", "CPU"},
        [TEMP_ODD] = {"temp_c", "a b,\"c\n"},
        [CORE0] = {"core_pct", "cpu0"},
        [REASONS0] = {"gpu_throttle_reasons", "nvidia_0"},
        [REASONS1] = {"gpu_throttle_reasons", "nvidia_1"},
    };
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    test_tree_init(&f->tree);
    snprintf(f->path, sizeof(f->path), "%s/m.csv", f->tree.path);
    for (size_t i = 0; i < SOURCES; i++) {
        f->sources[i] = (struct metrics_source){metric_find(rows[i].metric), rows[i].instance, 0};
        assert_non_null(f->sources[i].metric);
    }
    f->sources[LOAD].interval_ns = 500 * MS;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    test_tree_deinit(&f->tree);
    free(f);
    return 0;
}

static inline void clear(double values[SOURCES])
{
    for (size_t i = 0; i < SOURCES; i++)
        values[i] = NAN;
}

static inline struct metrics_csv_options options_of(struct fixture *f)
{
    return (struct metrics_csv_options){
        .path = f->path, .sources = f->sources, .source_count = SOURCES, .interval_ns = 100 * MS};
}

static inline int try_open_csv(struct fixture *f, const char *columns, bool instrumented,
                               struct error *err)
{
    struct metrics_csv_options options = options_of(f);
    options.columns = columns;
    options.instrumented = instrumented;
    return metrics_csv_open(&options, &f->csv, err);
}

static inline int open_at(struct fixture *f, const char *path, struct error *err)
{
    struct metrics_csv_options options = options_of(f);
    options.path = path;
    return metrics_csv_open(&options, &f->csv, err);
}

static inline void open_csv(struct fixture *f, const char *columns, bool instrumented)
{
    struct error err = {0};
    if (try_open_csv(f, columns, instrumented, &err) < 0)
        fail_msg("%s (%s)", err.message, err.hint);
}

static inline const char *text_of(struct fixture *f)
{
    FILE *file = fopen(f->path, "r");
    assert_non_null(file);
    size_t length = fread(f->text, 1, sizeof(f->text) - 1, file);
    f->text[length] = '\0';
    fclose(file);
    return f->text;
}

static inline void assert_text(struct fixture *f, const char *expected)
{
    assert_string_equal(text_of(f), expected);
}

static inline void write_text(struct fixture *f, const char *text, size_t length)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    fclose(file);
}

static inline void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

#endif
