/* malloc_countdown.h: for tests that link malloc_countdown.c in; what it does stands there. */
#ifndef TACHO_TESTS_MALLOC_COUNTDOWN_H
#define TACHO_TESTS_MALLOC_COUNTDOWN_H

#include <stdbool.h>

/* Whether every block is counted and a fork is cheap: not under a sanitizer, whose own strdup takes
 * blocks past this; nor where the test may run in an emulator. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__x86_64__)
#define MALLOC_COUNTDOWN_EXACT 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MALLOC_COUNTDOWN_EXACT 0
#endif
#endif
#ifndef MALLOC_COUNTDOWN_EXACT
#define MALLOC_COUNTDOWN_EXACT 1
#endif

/* From now on the nth allocation (from 1) of this process fails, once. */
void malloc_countdown_start(long n);
/* Ends that; whether it happened. */
bool malloc_countdown_stop(void);
/* Blocks that were taken since the start and not freed. */
long malloc_countdown_live(void);

#endif
