/* reference.h: the models that come with tacho, by name (workload/ only).
 *
 * Where: below TACHO_DATA, beside the executable (build/models), or in ../share/tacho/models of it.
 * Memory: the caller's buffers. Threads: any. Errors: -ERROR_ABSENT with how to get them.
 */
#ifndef TACHO_WORKLOAD_REFERENCE_H
#define TACHO_WORKLOAD_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define REFERENCE_DEFAULT "detector"
#define REFERENCE_NAMES "detector or classifier" /* for messages */

bool reference_is(const char *name);
/* The file of this model: its variant of that precision where there is one. precision (any),
 * data_directory (TACHO_DATA) and exe_directory may be NULL. */
int reference_find(const char *name, const char *precision, const char *data_directory,
                   const char *exe_directory, char *path, size_t size, struct error *err);

#endif
