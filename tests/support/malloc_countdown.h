/* malloc_countdown.h: for tests that link malloc_countdown.c in; what it does stands there. */
#ifndef TACHO_TESTS_MALLOC_COUNTDOWN_H
#define TACHO_TESTS_MALLOC_COUNTDOWN_H

#include <stdbool.h>

/* From now on the nth allocation (from 1) of this process fails, once. */
void malloc_countdown_start(long n);
/* Ends that; whether it happened. */
bool malloc_countdown_stop(void);
/* Blocks that were taken since the start and not freed. */
long malloc_countdown_live(void);

#endif
