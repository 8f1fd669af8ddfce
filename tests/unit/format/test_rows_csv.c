#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "format/rows_csv.h"

static const struct rows_csv_column columns[] = {{"a", 0}, {"b_pct", 2}};
static char path[64];

static int make_path(void **state)
{
    (void)state;
    strcpy(path, "/tmp/tacho-rows-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static void assert_holds(const char *wanted)
{
    char *data;
    size_t size;
    assert_int_equal(file_read_all(path, 65536, &data, &size, NULL), 0);
    assert_string_equal(data, wanted);
    free(data);
}

static struct rows_csv *open_well(void)
{
    struct rows_csv *csv;
    struct error err = {0};
    if (rows_csv_open(path, "gpu", columns, 2, &csv, &err) < 0)
        fail_msg("%s", err.message);
    return csv;
}

static void writes_rows_of_instances_and_appends(void **state)
{
    (void)state;
    struct rows_csv *csv = open_well();
    rows_csv_row(csv, 1700000000.0625, "nvidia_0", (const double[]){40, 12.345});
    rows_csv_row(csv, 1700000001, "a \"b\", c", (const double[]){NAN, -0.001});
    assert_int_equal(rows_csv_close(csv, NULL), 0);
    csv = open_well();
    rows_csv_row(csv, 1700000002, "", (const double[]){1e300, INFINITY});
    struct metrics_csv_stats stats;
    rows_csv_get_stats(csv, &stats);
    assert_true(stats.appended && stats.rows == 1 && stats.lost == 0);
    assert_int_equal(rows_csv_close(csv, NULL), 0);
    assert_holds("timestamp,gpu,a,b_pct\n"
                 "1700000000.063,nvidia_0,40,12.35\n"
                 "1700000001.000,\"a \"\"b\"\", c\",,0.00\n"
                 "1700000002.000,,1e+300,\n");
}

static void refuses_another_header(void **state)
{
    struct rows_csv *csv = open_well();
    struct error err = {0};
    (void)state;
    assert_int_equal(rows_csv_close(csv, NULL), 0);
    assert_int_equal(rows_csv_open(path, "engine", columns, 2, &csv, &err), -ERROR_INPUT);
    assert_non_null(strstr(err.message, "'gpu', not 'engine'"));
    assert_holds("timestamp,gpu,a,b_pct\n");
}

/* Every byte a quote: the longest that a row can become. */
static void a_long_instance_is_cut(void **state)
{
    char instance[1000], *data;
    size_t size;
    struct rows_csv *csv = open_well();
    (void)state;
    memset(instance, '"', sizeof(instance) - 1);
    instance[sizeof(instance) - 1] = '\0';
    rows_csv_row(csv, 1, instance, (const double[]){1, 2});
    assert_int_equal(rows_csv_close(csv, NULL), 0);
    assert_int_equal(file_read_all(path, 65536, &data, &size, NULL), 0);
    assert_true(size < 600);
    assert_string_equal(data + size - 8, ",1,2.00\n");
    free(data);
}

static void a_full_disk_loses_rows_and_says_so(void **state)
{
    struct rows_csv *csv;
    struct error err = {0};
    (void)state;
    if (access("/dev/full", W_OK) < 0)
        skip();
    assert_int_equal(rows_csv_open("/dev/full", "gpu", columns, 2, &csv, &err), -ERROR_IO);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, make_path, remove_path)
    const struct CMUnitTest tests[] = {
        TEST(writes_rows_of_instances_and_appends),
        TEST(refuses_another_header),
        TEST(a_long_instance_is_cut),
        TEST(a_full_disk_loses_rows_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
