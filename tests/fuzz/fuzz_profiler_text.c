/* fuzz_profiler_text.c: any bytes as lines of a profiler, and as the log of trtexec. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/profiler_text.h"
#include "format/trtexec_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static int lies_in(const char *text, size_t text_size, const char *part, size_t size)
{
    return part >= text && size <= text_size && part + size <= text + text_size;
}

static void as_line(const char *text, size_t size)
{
    struct profiler_item item;
    switch (profiler_text_line(text, size, &item)) {
    case PROFILER_LAYER:
        require(lies_in(text, size, item.name, item.name_size) && item.name_size > 0);
        require(lies_in(text, size, item.type, item.type_size) && item.type_size > 0);
        require(lies_in(text, size, item.device, item.device_size) && item.device_size >= 3);
        require(isfinite(item.time_ms) && item.time_ms >= 0);
        break;
    case PROFILER_TRANSFER:
        require(isfinite(item.time_ms) && item.time_ms >= 0 && item.bytes >= 0);
        break;
    case PROFILER_TOTAL:
        require(isfinite(item.time_ms) && item.time_ms >= 0);
        break;
    case PROFILER_BATCH:
        require(item.batch > 0);
        break;
    case PROFILER_OTHER:
        break;
    }
}

static void as_log(const char *text, size_t size)
{
    struct trtexec_log log;
    require(trtexec_log_read_text(text, size, &log, NULL) == 0);
    for (size_t i = 0; i < log.layer_count; i++)
        require(*log.layers[i].name && log.layers[i].line > 0 && log.layers[i].line <= log.lines);
    for (size_t i = 0; i < log.placed_count; i++)
        require(log.placed[i].name && log.placed[i].type);
    for (size_t i = 0; i < log.fallback_count; i++)
        require(*log.fallbacks[i].name && *log.fallbacks[i].reason);
    trtexec_log_deinit(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Its own block, so that reading past the end is seen. */
    char *text = malloc(size ? size : 1);
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    const char *at = text, *end = text + size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        as_line(at, (size_t)((newline ? newline : end) - at));
        at = newline ? newline + 1 : end;
    }
    profiler_text_accepts(text, size);
    as_log(text, size);
    free(text);
    return 0;
}
