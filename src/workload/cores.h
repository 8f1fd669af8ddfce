/* cores.h: --cores: which cores a measured process may use. */
#ifndef TACHO_WORKLOAD_CORES_H
#define TACHO_WORKLOAD_CORES_H

#include <sched.h>
#include <stdbool.h>

#include "base/settings.h"

/* Those of --cores, or all that tacho itself may use (*ret_asked false). A core that does not exist
 * or is not allowed: -ERROR_ABSENT. */
int cores_load(const struct settings *settings, cpu_set_t *ret_cores, bool *ret_asked,
               struct error *err);
/* "0-3,6" */
const char *cores_format(const cpu_set_t *cores, char *buf, size_t size);

#endif
