/* profiler_text.h: the text that the profilers of vision pipelines print, one layer a line:
 *
 *   Batch Size: 4
 *   conv1   Convolution   2.500 ms   GPU
 *   H2D     602112 bytes  0.800 ms
 *   Total: 3.300 ms
 *
 * What: the lines of the old toolkit's parser, anywhere in a line, among anything else: NAME TYPE
 *       N ms (GPU|DLA…|CPU); (H2D|D2H) N bytes N ms; Total: N ms; Batch size N. A total ends a
 *       pass; so does a batch size behind layers.
 * Memory: one line. Errors: those of source.h; -ERROR_NOTHING: no line of a layer in it.
 */
#ifndef TACHO_FORMAT_PROFILER_TEXT_H
#define TACHO_FORMAT_PROFILER_TEXT_H

#include <stddef.h>

#include "format/layer_profile.h"
#include "format/skips.h"
#include "format/source.h"

enum profiler_line {
    PROFILER_OTHER,
    PROFILER_LAYER,
    PROFILER_TRANSFER,
    PROFILER_TOTAL,
    PROFILER_BATCH,
};

/* What is meant by a line, which lies in the line. */
struct profiler_item {
    const char *name, *type, *device; /* LAYER; not terminated */
    size_t name_size, type_size, device_size;
    bool to_device; /* TRANSFER */
    double bytes, time_ms;
    uint64_t batch;
    enum skip why; /* OTHER: what it is skipped for */
};

enum profiler_line profiler_text_line(const char *text, size_t size, struct profiler_item *ret);
/* Whether the beginning of a text holds such a line. */
bool profiler_text_accepts(const char *text, size_t size);
int profiler_text_read(struct source *source, const struct layer_sink *sink,
                       struct skips *ret_skips, uint64_t *ret_lines, struct error *err);

#endif
