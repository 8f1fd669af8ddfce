/* scratch.c: a folder for what an engine writes: its profile, the outputs, and what some
 * builds leave in TMPDIR without being asked (logs of their telemetry). All of it goes with the
 * folder.
 *
 * A tacho that was killed cannot remove its folder; the next one does. Whoever uses one holds a
 * lock on it, which ends with the process: unlike a pid, that also holds between containers that
 * share a TMPDIR. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "base/util.h"
#include "workload/onnx/internal.h"

#define OPEN_MAX_FDS 16
#define NAME "tacho-worker-"
#define STALE_S 60 /* a younger one may not have its lock yet */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    remove(path); /* what cannot be removed stays, and so does its folder */
    return 0;
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, OPEN_MAX_FDS, FTW_DEPTH | FTW_PHYS);
}

static void remove_if_stale(int base_fd, const char *base, const char *name)
{
    struct stat status;
    char path[ONNX_SCRATCH_PATH_MAX];
    CLEANUP_CLOSE int fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_uid != geteuid() ||
        status.st_mtime > time(NULL) - STALE_S || flock(fd, LOCK_EX | LOCK_NB) != 0)
        return;
    if (snprintf(path, sizeof(path), "%s/%s", base, name) < (int)sizeof(path))
        remove_tree(path);
}

static void remove_stale(const char *base)
{
    DIR *dir = opendir(base);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (str_starts_with(entry->d_name, NAME))
            remove_if_stale(dirfd(dir), base, entry->d_name);
    if (dir != NULL)
        closedir(dir);
}

int onnx_scratch_make(struct onnx_scratch *scratch, struct error *err)
{
    scratch->lock_fd = -1;
    const char *base = getenv("TMPDIR");
    if (base == NULL || base[0] != '/')
        base = "/tmp";
    int length = snprintf(scratch->path, sizeof(scratch->path), "%s/" NAME "XXXXXX", base);
    if (length >= (int)sizeof(scratch->path) || mkdtemp(scratch->path) == NULL) {
        int sys_errno = length >= (int)sizeof(scratch->path) ? ENAMETOOLONG : errno;
        scratch->path[0] = '\0';
        error_set_errno(err, error_code_from_errno(sys_errno), sys_errno,
                        "cannot make a folder for the engine in %.200s", base);
        return error_hint(err, "set TMPDIR to a folder that can be written");
    }
    scratch->lock_fd = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (scratch->lock_fd >= 0)
        flock(scratch->lock_fd, LOCK_EX | LOCK_NB); /* nobody else knows of it yet */
    remove_stale(base);
    snprintf(scratch->tmpdir, sizeof(scratch->tmpdir), "TMPDIR=%s", scratch->path);
    return 0;
}

void onnx_scratch_remove(struct onnx_scratch *scratch)
{
    if (scratch->path[0] == '\0')
        return;
    remove_tree(scratch->path);
    close_cleanup(&scratch->lock_fd);
    scratch->lock_fd = -1;
    scratch->path[0] = '\0';
}
