/* logs_context.c: the lines around the spikes that are shown. */
#include <stdlib.h>
#include <string.h>

#include "analyze/files/logs_internal.h"
#include "base/str.h"
#include "base/util.h"

#define LINE_SHOWN_MAX 200 /* bytes of each */

/* What a terminal may show of a line. */
static char *shown(struct logs *logs, const struct line *line)
{
    size_t size = line->size < LINE_SHOWN_MAX ? line->size : LINE_SHOWN_MAX;
    while (size < line->size && size > 0 && ((unsigned char)line->text[size] & 0xc0) == 0x80)
        size--;
    char *copy = arena_strndup(&logs->arena, line->text, size);
    if (!copy)
        return NULL;
    size = log_line_strip_colours(copy, size, copy);
    copy[size] = '\0';
    str_make_printable(copy);
    return copy;
}

static uint64_t last_wanted(const struct logs *logs, uint32_t file)
{
    uint64_t last = 0;
    for (size_t i = 0; i < logs->spike_count; i++) {
        if (logs->spikes[i].at.file == file)
            last = u64_max(last, logs->spikes[i].at.line + LOGS_AROUND);
    }
    return last;
}

static int take_line(struct logs *logs, uint32_t file, const struct line *line)
{
    char *text = NULL;
    for (size_t i = 0; i < logs->spike_count; i++) {
        struct logs_spike *spike = &logs->spikes[i];
        if (spike->at.file != file || line->number + LOGS_AROUND < spike->at.line ||
            line->number > spike->at.line + LOGS_AROUND)
            continue;
        if (!text && !(text = shown(logs, line)))
            return -ERROR_NOMEM;
        spike->lines[line->number + LOGS_AROUND - spike->at.line] = text;
    }
    return 0;
}

int logs_find_context(struct logs *logs, struct error *err)
{
    for (uint32_t file = 0; file < logs->options->path_count; file++) {
        uint64_t last = last_wanted(logs, file);
        struct source *source;
        struct line line = {.number = 0};
        if (last == 0)
            continue;
        int rc = source_open(logs->paths[file], &source, err);
        if (rc < 0)
            return rc;
        while (line.number < last && (rc = source_next_line(source, &line, err)) > 0) {
            rc = take_line(logs, file, &line);
            if (rc < 0) {
                error_set(err, ERROR_NOMEM, "out of memory reading %s", source_name(source));
                break;
            }
        }
        source_close(source);
        if (rc < 0)
            return rc;
    }
    return 0;
}
