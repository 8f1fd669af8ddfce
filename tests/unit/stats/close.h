/* close.h: comparison by relative error; what the tests of stats/ mostly need. */
#ifndef TESTS_STATS_CLOSE_H
#define TESTS_STATS_CLOSE_H

#include <math.h>
#include <stdbool.h>

static inline bool close_to(double got, double want, double relative)
{
    return fabs(got - want) <= relative * fabs(want);
}

#endif
