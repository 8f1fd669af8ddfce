/* embedded.h: data files that were built into the program (tools/embed.py).
 *
 * Memory: constant. Each table ends with a row whose name is NULL.
 */
#ifndef TACHO_FORMAT_EMBEDDED_H
#define TACHO_FORMAT_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    const char *name; /* without folder and extension */
    const char *text;
    size_t size;
};

extern const struct embedded_file embedded_profiles[]; /* data/profiles/, in the order of --list */

#endif
