/* near.h: a number against the one that is expected; a failure shows both. */
#ifndef TACHO_TESTS_NEAR_H
#define TACHO_TESTS_NEAR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#define ASSERT_NEAR(actual, expected, tolerance)                                                   \
    do {                                                                                           \
        double near_actual = (actual), near_expected = (expected);                                 \
        if (!(fabs(near_actual - near_expected) <= (tolerance)))                                   \
            fail_msg("%s is %.12g, not %.12g", #actual, near_actual, near_expected);               \
    } while (0)

#endif
