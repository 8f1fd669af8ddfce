/* file.h: reading small kernel files under an exchangeable root, and writing files that are never
 * half-written.
 *
 * What: every collector reads /proc and /sys through a `struct root`, so that TACHO_ROOT can point
 *       it at a recorded tree. Paths given to root_… are relative ("proc/stat"), never absolute.
 * Memory: caller's buffers; root_list, file_read_all and file_write_atomic allocate.
 * Threads: any, root is read-only.
 * Errors: -ERROR_ABSENT (ENOENT, ENODEV, ENXIO), -ERROR_DENIED (EACCES, EPERM), -ERROR_IO else;
 *         err->file names the path, err->sys_errno keeps errno.
 */
#ifndef TACHO_BASE_FILE_H
#define TACHO_BASE_FILE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct root {
    int fd;          /* O_PATH directory fd of the root */
    bool is_machine; /* true: "/", the running machine; false: a recorded tree */
};

/* Opens path (NULL or "": TACHO_ROOT if set, else "/"). */
int root_open(struct root *root, const char *path, struct error *err);
void root_close(struct root *root);
/* Opens a file for reading (O_RDONLY|O_CLOEXEC); returns the fd or a negative code. */
int root_open_file(const struct root *root, const char *path, struct error *err);
/* Reads at most size-1 bytes from offset 0 and NUL-terminates; returns the length or a code. A file
 * that fills the buffer to the brim is -ERROR_IO ("longer than expected"), never silently cut. */
ssize_t root_read(const struct root *root, const char *path, char *buf, size_t size,
                  struct error *err);
/* As root_read, with trailing white space removed. */
ssize_t root_read_line(const struct root *root, const char *path, char *buf, size_t size,
                       struct error *err);
/* Reads one decimal integer. */
int root_read_i64(const struct root *root, const char *path, int64_t *ret_value, struct error *err);
bool root_exists(const struct root *root, const char *path);
/* Calls fn for every entry of a directory but "." and "..", in ascending version order (cpu2 before
 * cpu10). A non-zero return of fn ends the walk and is returned. */
int root_list(const struct root *root, const char *path, int (*fn)(const char *name, void *context),
              void *context, struct error *err);
/* pread(2) of a whole small /proc file from an fd that stays open; NUL-terminates. */
ssize_t file_pread(int fd, char *buf, size_t size);

/* Reads a whole file into memory (NUL-terminated; caller frees). Refuses more than limit bytes. */
int file_read_all(const char *path, size_t limit, char **ret_data, size_t *ret_size,
                  struct error *err);
/* Writes a temporary file beside path, fsyncs and renames: path holds the old or the new content,
 * never a part. path "-" is stdout. */
int file_write_atomic(const char *path, const char *data, size_t size, struct error *err);
int file_make_directories(const char *path, struct error *err); /* mkdir -p */

#endif
