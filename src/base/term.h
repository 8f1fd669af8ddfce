/* term.h: what kind of terminal stands at the other end, and progress on it.
 *
 * Colour only on a terminal, never with NO_COLOR set (to anything but empty) or TERM=dumb.
 * Progress goes to stderr, only when it is a terminal, at most 10 times a second, on one line that
 * is erased at the end.
 */
#ifndef TACHO_BASE_TERM_H
#define TACHO_BASE_TERM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

bool term_is_terminal(int fd);
bool term_has_colour(int fd);
int term_width(int fd); /* COLUMNS if it is set, else the terminal's, else 80 */

enum term_style { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_GREEN, TERM_YELLOW, TERM_RED };
/* Appends text in a style if colour is true, plain otherwise. */
void term_styled(struct strbuf *out, bool colour, enum term_style style, const char *text);

struct progress {
    bool enabled;
    uint64_t start_ns, last_draw_ns;
    char label[64];
};

void progress_begin(struct progress *progress, const char *label, bool quiet);
/* share: done so far, 0 to 1, negative: unknown. note: short text behind it ("12 of 20"). */
void progress_update(struct progress *progress, double share, const char *note);
void progress_end(struct progress *progress);

#endif
