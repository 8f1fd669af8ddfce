/* clock.c: see clock.h. */
#include "base/clock.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct timespec clock_now(clockid_t id)
{
    struct timespec now = {0};
    clock_gettime(id, &now); /* these four clocks exist on every kernel tacho runs on */
    return now;
}

static uint64_t clock_ns(clockid_t id)
{
    struct timespec now = clock_now(id);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_mono_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t clock_thread_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t clock_process_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

double clock_epoch_s(void)
{
    const char *fixed = getenv("TACHO_TEST_EPOCH");
    if (fixed && *fixed) {
        char *end;
        double epoch_s = strtod(fixed, &end);
        if (*end == '\0' && isfinite(epoch_s))
            return epoch_s;
    }
    struct timespec now = clock_now(CLOCK_REALTIME);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

const char *clock_format_iso(double epoch_s, char *buf, size_t size)
{
    struct tm parts;
    /* Four digits of year: 0000 to 9999. */
    bool in_range = epoch_s >= -62167219200.0 && epoch_s < 253402300800.0;
    time_t seconds = in_range ? (time_t)floor(epoch_s) : 0;
    if (!in_range || !gmtime_r(&seconds, &parts) ||
        strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        snprintf(buf, size, "unknown");
    return buf;
}
