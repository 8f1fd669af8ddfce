/* embedded.h: data files that were built into the program (tools/embed.py).
 *
 * Memory: constant. Each table ends with a row whose name is NULL.
 */
#ifndef TACHO_FORMAT_EMBEDDED_H
#define TACHO_FORMAT_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    const char *name; /* without folder and extension: "ci_smoke", "probe.fp32" */
    const char *text; /* its bytes, with a terminator behind them */
    size_t size;      /* without the terminator */
};

extern const struct embedded_file embedded_profiles[]; /* data/profiles/, in the order of --list */
extern const struct embedded_file embedded_models[];   /* the probes of tools/make_models.py */

/* "models/probe.fp32.onnx", "profiles/ci_smoke.yaml"; NULL: there is none. */
const struct embedded_file *embedded_find(const char *path);

#endif
