/* interrupt.h: Ctrl-C and SIGTERM as data.
 *
 * What: interrupt_install catches SIGINT, SIGTERM and SIGHUP; interrupt_count() says how many came
 *       (1: stop in order, 2: leave at once); interrupt_fd() becomes readable so that poll(2)
 *       wakes. Process-wide by nature: the one mutable global of base/.
 */
#ifndef TACHO_BASE_INTERRUPT_H
#define TACHO_BASE_INTERRUPT_H

#include <stdbool.h>

#include "base/error.h"

int interrupt_install(struct error *err);
int interrupt_count(void);
/* From now on SIGHUP does not count but asks to open files again (a log was rotated); poll(2) ends
 * with EINTR. Also where it was ignored from the start (nohup). */
int interrupt_use_hangup(struct error *err);
bool interrupt_take_hangup(void); /* whether it came since the last call */
int interrupt_fd(void);           /* stays readable from the first signal on; -1 before install */

#endif
