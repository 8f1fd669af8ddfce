/* environment.h: on what a run was executed, as facts; read through a root, so tests use trees.
 *
 * DESIGN places it in model/ as data; reading it is a handful of small files through base/file.
 * Facts: hostname, os, kernel, arch, boot_id, cpu_model, cpus_online, cpus_allowed, mem_total_mb,
 *   governor, cpu_mhz (per distinct cluster), cpu_mhz_max, temperatures, power_mode, container,
 *   cpu_quota_cores, mem_limit_mb, virtualization/wsl, git_commit and git_dirty of the working
 *   directory, tacho_version. What cannot be had is null with its reason.
 */
#ifndef TACHO_MODEL_ENVIRONMENT_H
#define TACHO_MODEL_ENVIRONMENT_H

#include "base/file.h"
#include "model/facts.h"

void environment_read(const struct root *root, struct facts *facts);
/* Only what may change during a run: clocks, governor, temperatures, load. */
void environment_read_changing(const struct root *root, struct facts *facts);

#endif
