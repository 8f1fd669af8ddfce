/* csv_marks.h: where the separators and newlines of a text stand, as two rising lists of positions
 * of which a window is kept: rows are then found by counting, without looking at their bytes.
 *
 * What: 64 bytes at a time, with what the processor has for it (SSE2, AVX2, AVX-512 with VBMI2,
 *       NEON, or plain C), which is asked when the program runs. A text that does not end with a
 *       newline has one at its end, for whoever counts rows.
 * Memory: two lists of CSV_MARKS positions.
 * Threads: any, one per csv_marks.
 */
#ifndef TACHO_FORMAT_CSV_MARKS_H
#define TACHO_FORMAT_CSV_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSV_MARKS 4096

struct csv_marks;
typedef void csv_marks_fill(struct csv_marks *marks, size_t end);

struct csv_marks {
    const char *text;
    size_t size; /* below 4 GB */
    char delimiter;
    size_t at; /* how far it was looked at; size + 1: all of it, and its end, too */
    csv_marks_fill *fill;
    /* Positions of separators and newlines, and of newlines alone. Those in [*_at, *_count) are
     * still to be used; any[any_at - 1] is the one before, UINT32_MAX where the text begins. */
    size_t any_at, any_count, newline_at, newline_count;
    uint32_t any[1 + CSV_MARKS + 68], newline[CSV_MARKS + 68];
};

void csv_marks_begin(struct csv_marks *marks, const char *text, size_t size, char delimiter);
/* Adds to the lists as many as there is room for, behind those that are still to be used. False:
 * the text has no more, or there is no room. */
bool csv_marks_more(struct csv_marks *marks);

/* The ways to look at 64 bytes, the fastest first; NULL: not on this processor. The last one always
 * is there. */
#define CSV_MARKS_WAYS 3
csv_marks_fill *csv_marks_way(size_t index, const char **ret_name);

#endif
