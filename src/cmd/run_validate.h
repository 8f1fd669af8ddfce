/* run_validate.h: `tacho run --validate-only`: what would be measured and judged, without
 * measuring.
 *
 * The plan is complete and checked when it comes here; the workload may be missing (no program was
 * given). Errors: -ERROR_PROGRAM: there is no such program.
 */
#ifndef TACHO_CMD_RUN_VALIDATE_H
#define TACHO_CMD_RUN_VALIDATE_H

#include "cmd/command.h"
#include "format/profile.h"
#include "measure/measure.h"

/* profile_name: as asked for; NULL: none was, and profile is empty. */
int run_validate(const struct measure_plan *plan, const char *profile_name,
                 const struct profile *profile, struct command_context *context, struct error *err);

#endif
