/* module.c: see module.h. */
#include "base/module.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/dl.h"
#include "base/str.h"

static const char *const folders[] = {"modules", "../lib/tacho"};

static int find_program_folder(char *path, size_t size, struct error *err)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    if (length < 0)
        return error_set_errno(err, ERROR_SYSTEM, errno,
                               "cannot tell where this program lies (/proc/self/exe)");
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return 0;
}

/* The first place where there is a file; so that a module that lacks a library says so, and not
 * that it is not in the next place. False: none. */
static bool find_file(const char *name, const char *program_folder, char *path, size_t size)
{
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        int length = snprintf(path, size, "%s/%s/tacho_%s.so", program_folder, folders[i], name);
        if (length > 0 && (size_t)length < size && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

int module_open(const char *name, const char *symbol, struct module_head expected,
                void **ret_handle, const struct module_head **ret_api, char *ret_path, size_t size,
                struct error *err)
{
    char program_folder[PATH_MAX], path[PATH_MAX + 64];
    int rc = find_program_folder(program_folder, sizeof(program_folder), err);
    if (rc < 0)
        return rc;
    if (!find_file(name, program_folder, path, sizeof(path)))
        return error_set(err, ERROR_ABSENT, "tacho's module '%s' is neither in %s/%s nor in %s/%s",
                         name, program_folder, folders[0], program_folder, folders[1]);
    const char *const names[] = {path, NULL};
    void *handle = NULL, *address = NULL;
    const struct dl_symbol symbols[] = {{&address, {symbol}, true}};
    rc = dl_open(names, &handle, NULL, err);
    if (rc == 0)
        rc = dl_bind(handle, symbols, 1, err);
    const struct module_head *api = address;
    if (rc == 0 && (api->version != expected.version || api->size != expected.size))
        rc = error_set(err, ERROR_UNSUPPORTED,
                       "%s is of another version of tacho (%u, and %u is needed)", path,
                       api->version, expected.version);
    if (rc < 0) {
        dl_close(handle);
        return rc;
    }
    *ret_handle = handle;
    *ret_api = api;
    if (ret_path)
        str_copy(ret_path, size, path);
    return 0;
}
