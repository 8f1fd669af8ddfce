/* watch_clock.c: notices that the wall clock was set and that the machine slept.
 *
 * CLOCK_MONOTONIC stands still while the machine is suspended, CLOCK_BOOTTIME does not, and
 * CLOCK_REALTIME is whatever somebody sets it to. What REALTIME gained on MONOTONIC beyond what
 * BOOTTIME did is somebody's hand (date, NTP's first step). adjtime(3) slews at most 500 ppm, which
 * stays below the threshold from one look to the next.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "measure/watch_internal.h"

#define JUMP_NS (500 * (int64_t)NS_PER_MS)

bool watch_clock_check(struct watch_clock *clock, int64_t mono_ns, int64_t real_ns, int64_t boot_ns,
                       int64_t *ret_set_ns, int64_t *ret_suspended_ns)
{
    struct watch_clock now = {true, real_ns - mono_ns, boot_ns - mono_ns};
    struct watch_clock before = *clock;
    *ret_set_ns = *ret_suspended_ns = 0;
    *clock = now;
    if (!before.begun)
        return false;
    int64_t suspended_ns = now.boot_ns - before.boot_ns;
    int64_t set_ns = now.real_ns - before.real_ns - suspended_ns;
    if (suspended_ns >= JUMP_NS)
        *ret_suspended_ns = suspended_ns;
    if (llabs(set_ns) >= JUMP_NS)
        *ret_set_ns = set_ns;
    return *ret_set_ns != 0 || *ret_suspended_ns != 0;
}
