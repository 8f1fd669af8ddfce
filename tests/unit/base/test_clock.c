/* Clocks: each against another clock of the system, and stamps against known dates. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/util.h"

static double cpu_s(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void cpu_clocks_agree_with_rusage(void **state)
{
    uint64_t start_ns = clock_thread_ns();
    while (clock_thread_ns() - start_ns < 20 * NS_PER_MS)
        ;
    double before_s = cpu_s(RUSAGE_SELF);
    double process_s = (double)clock_process_ns() / 1e9;
    double after_s = cpu_s(RUSAGE_SELF);
    /* getrusage scales by ticks on some kernels: one tick of freedom. */
    assert_true(process_s >= before_s - 0.011 && process_s <= after_s + 0.011);
    assert_true(process_s >= 0.020);
}

static void the_epoch_is_real_unless_replaced(void **state)
{
    unsetenv("TACHO_TEST_EPOCH");
    time_t before = time(NULL);
    double now_s = clock_epoch_s();
    /* time(2) reads a clock that is up to a tick behind. */
    assert_true(now_s >= (double)before && now_s <= (double)time(NULL) + 2);
    setenv("TACHO_TEST_EPOCH", "1700000000.25", 1);
    assert_true(clock_epoch_s() == 1700000000.25);
    setenv("TACHO_TEST_EPOCH", "", 1);
    assert_true(clock_epoch_s() >= (double)before);
    setenv("TACHO_TEST_EPOCH", "yesterday", 1);
    assert_true(clock_epoch_s() >= (double)before);
    unsetenv("TACHO_TEST_EPOCH");
}

static void formats_stamps(void **state)
{
    static const struct {
        double epoch_s;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},
        {1700000000.9, "2023-11-14T22:13:20Z"},
        {951782400, "2000-02-29T00:00:00Z"},
        {-0.5, "1969-12-31T23:59:59Z"},
        {253402300799.0, "9999-12-31T23:59:59Z"},
        {253402300800.0, "unknown"},
        {1e300, "unknown"},
        {NAN, "unknown"},
    };
    setenv("TZ", "Asia/Seoul", 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char buf[21];
        assert_string_equal(clock_format_iso(rows[i].epoch_s, buf, sizeof(buf)), rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_clocks_agree_with_rusage),
        cmocka_unit_test(the_epoch_is_real_unless_replaced),
        cmocka_unit_test(formats_stamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
