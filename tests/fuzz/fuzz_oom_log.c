/* fuzz_oom_log.c: any bytes as a log with kills: texts end, lines are in order, and the quick look
 * leaves out nothing that belongs to an event. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/oom_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void take_all(struct oom_log *log, uint64_t line)
{
    struct kill_event event;
    while (oom_log_take(log, &event)) {
        require(event.first_line >= 1 && event.first_line <= event.last_line);
        require(event.last_line <= line && event.victims >= 1);
        require(strlen(event.victim) < sizeof(event.victim));
        require(strlen(event.requester) < sizeof(event.requester));
        require(strlen(event.cgroup) < sizeof(event.cgroup));
        require(strlen(event.unit) < sizeof(event.unit));
        require(strlen(event.detail) < sizeof(event.detail));
        require(strlen(kill_kind_name(event.kind)) > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oom_log log = {.ready_count = 0};
    uint64_t line = 0;
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t length = end ? (size_t)(end - data) - at : size - at;
        /* A block of its own, so that reading behind the end is seen. */
        char *text = malloc(length > 0 ? length : 1);
        require(text != NULL);
        memcpy(text, data + at, length);
        line++;
        bool is_part = oom_log_line(&log, text, length, line, (double)line);
        require(!is_part || oom_log_is_about(text, length));
        take_all(&log, line);
        free(text);
        at += length + 1;
    }
    oom_log_end(&log);
    take_all(&log, line);
    return 0;
}
