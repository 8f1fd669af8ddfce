/* dl.h: libraries that are looked for at run time (NVML; later ONNX Runtime and tacho's modules).
 *
 * What: dl_open tries names in order; dl_bind fills a table of function pointers by name, each row
 *       with its fallbacks in order of preference.
 * Errors: -ERROR_ABSENT with what was tried; a missing required symbol is -ERROR_UNSUPPORTED.
 */
#ifndef TACHO_BASE_DL_H
#define TACHO_BASE_DL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct dl_symbol {
    void **slot;          /* &table.function; set to NULL if absent */
    const char *names[4]; /* newest first; unused ones NULL */
    bool required;
};

/* names: NULL-terminated. *ret_path (may be NULL) is set to the name that opened. */
int dl_open(const char *const *names, void **ret_handle, const char **ret_name, struct error *err);
int dl_bind(void *handle, const struct dl_symbol *symbols, size_t count, struct error *err);
void dl_close(void *handle); /* accepts NULL */

#endif
