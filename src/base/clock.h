/* clock.h: the clocks tacho uses. Durations and schedules: CLOCK_MONOTONIC in ns. Stamps: epoch s.
 */
#ifndef TACHO_BASE_CLOCK_H
#define TACHO_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_S 1000000000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_US 1000ULL

uint64_t clock_mono_ns(void);    /* CLOCK_MONOTONIC */
double clock_epoch_s(void);      /* CLOCK_REALTIME; TACHO_TEST_EPOCH replaces it for golden tests */
uint64_t clock_thread_ns(void);  /* CPU time of the calling thread */
uint64_t clock_process_ns(void); /* CPU time of this process: tacho's own cost */
/* "2026-11-20T21:22:33Z"; buf of at least 21 bytes. */
const char *clock_format_iso(double epoch_s, char *buf, size_t size);

#endif
