/* environment.h: on what a run was executed, as facts; read through a root, so tests use trees.
 *
 * DESIGN places it in model/ as data; reading it is a handful of small files through base/file.
 * Facts (kind): hostname, os, kernel, arch, boot_id, board, cpu_model (text) · cpus_online,
 *   cpus_allowed (how many: integer) and cpus_online_list, cpus_allowed_list ("0-3": text) ·
 *   mem_total_mb (number) · governor (text; a list where the clusters differ) · cpu_mhz,
 * cpu_mhz_max (number; a list "0-3: 1800" where clusters of cores differ) · temperatures_c (list
 *   "cpu-thermal: 45.5") · load1 (number) · power_mode, container ("none" or its kind),
 *   virtualization ("none", "wsl2", "vm" …) (text) · cpu_quota_cores, mem_limit_mb (number; null
 *   "absent" where the cgroups set none) · git_commit of the working directory, tacho_version
 *   (text). What cannot be had is null with its reason.
 * Errors: none are returned; out of memory sets facts->failed.
 */
#ifndef TACHO_MODEL_ENVIRONMENT_H
#define TACHO_MODEL_ENVIRONMENT_H

#include "base/file.h"
#include "model/facts.h"

void environment_read(const struct root *root, struct facts *facts);
/* Only what may change during a run: clocks, governor, temperatures, load. */
void environment_read_changing(const struct root *root, struct facts *facts);

/* Calls fn with each line of a file of any length, without its newline, until fn returns non-zero.
 * A negative one is returned, as are errors of reading. */
int environment_lines(const struct root *root, const char *path,
                      int (*fn)(char *line, void *context), void *context);

/* The commit that HEAD of the repository around `directory` names, as hex (40 or 64 digits), found
 * without git(1): .git may be a directory or a file (worktree, submodule), refs loose or packed.
 * -ERROR_ABSENT: no repository, or no commit yet. -ERROR_UNSUPPORTED: refs kept in reftables. */
int environment_git_commit(const char *directory, char *ret_hex, size_t size, struct error *err);

#endif
