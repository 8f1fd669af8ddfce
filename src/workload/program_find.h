/* program_find.h: which file a program's name stands for (workload/ only).
 *
 * Memory: the caller's buffers. Threads: any. Errors: errno values, as exec would give them.
 */
#ifndef TACHO_WORKLOAD_PROGRAM_FIND_H
#define TACHO_WORKLOAD_PROGRAM_FIND_H

#include <stdbool.h>
#include <stddef.h>

/* Finds name as exec will, in PATH. Returns 0, or the errno that exec will give. `path` is set to
 * the file found, also to one that may not be executed (EACCES). */
int program_find(const char *name, char *path, size_t size);
/* trtexec: in PATH, else where JetPack and NVIDIA's packages put it, to which no PATH leads.
 * Returns as program_find. PROGRAM_TRTEXEC_PLACES: where was looked, for messages. */
#define PROGRAM_TRTEXEC_PLACES "PATH, /usr/src/tensorrt/bin or /opt/tensorrt/bin"
int program_find_trtexec(char *path, size_t size);
/* The directory of this executable; false: not known. */
bool program_own_directory(char *directory, size_t size);
/* The program in PATH whose name is closest to a misspelt one. */
bool program_nearest(const char *name, char *nearest, size_t size);

#endif
