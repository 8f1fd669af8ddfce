/* scratch.c: a folder for what an engine writes: its profile, the outputs, and what some
 * builds leave in TMPDIR without being asked (logs of their telemetry). All of it goes with the
 * folder. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "workload/onnx/internal.h"

#define OPEN_MAX_FDS 16

int onnx_scratch_make(struct onnx_scratch *scratch, struct error *err)
{
    const char *base = getenv("TMPDIR");
    if (base == NULL || base[0] != '/')
        base = "/tmp";
    int length = snprintf(scratch->path, sizeof(scratch->path), "%s/tacho-worker-XXXXXX", base);
    if (length >= (int)sizeof(scratch->path) || mkdtemp(scratch->path) == NULL) {
        int sys_errno = length >= (int)sizeof(scratch->path) ? ENAMETOOLONG : errno;
        scratch->path[0] = '\0';
        error_set_errno(err, error_code_from_errno(sys_errno), sys_errno,
                        "cannot make a folder for the engine in %.200s", base);
        return error_hint(err, "TMPDIR names another place");
    }
    snprintf(scratch->tmpdir, sizeof(scratch->tmpdir), "TMPDIR=%s", scratch->path);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    remove(path); /* what cannot be removed stays, and so does its folder */
    return 0;
}

void onnx_scratch_remove(struct onnx_scratch *scratch)
{
    if (scratch->path[0] != '\0')
        nftw(scratch->path, remove_one, OPEN_MAX_FDS, FTW_DEPTH | FTW_PHYS);
    scratch->path[0] = '\0';
}
