/* fuzz_memory_log.c: any bytes as a log of memory, line by line. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/memory_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory_log log;
    struct memory_sample sample;
    uint64_t samples = 0, number = 0;
    const char *at = (const char *)data, *end = at + size;
    memory_log_init(&log);
    memory_log_accepts(at, size);
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        struct line line = {.text = at,
                            .size = (size_t)(stop - at),
                            .number = ++number,
                            .has_end = newline != NULL};
        if (memory_log_line(&log, &line, &sample)) {
            samples++;
            require(isfinite(sample.mb) && sample.pid >= -1);
            require(isnan(sample.t_s) || isfinite(sample.t_s));
            require(!sample.name ||
                    (sample.name >= at && sample.name + sample.name_length <= stop));
        }
        at = newline ? newline + 1 : end;
    }
    require(log.skips.rows == samples);
    return 0;
}
