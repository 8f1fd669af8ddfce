/* module.h: tacho's own shared modules: heavy parts that are loaded on first use.
 *
 * What: a module NAME is the file tacho_NAME.so in <folder of the program>/modules (a build folder)
 *       or in <folder of the program>/../lib/tacho (installed), in this order. It exports one
 *       symbol, a struct of function pointers that begins with struct module_head.
 * Errors: -ERROR_ABSENT: not there, or a library that it needs is not; -ERROR_UNSUPPORTED: of
 *         another version of tacho.
 */
#ifndef TACHO_BASE_MODULE_H
#define TACHO_BASE_MODULE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct module_head {
    uint32_t version; /* of the struct that begins with this */
    uint32_t size;
};

/* Loads the module and finds its symbol, which must have this version and size. ret_path (NULL: not
 * asked) takes where it was found. *ret_handle is for dl_close (base/dl.h). */
int module_open(const char *name, const char *symbol, struct module_head expected,
                void **ret_handle, const struct module_head **ret_api, char *ret_path, size_t size,
                struct error *err);

#endif
