/* screen.h: the module `screen`: brings a grid of cells to a terminal, and reads its keys.
 *
 * What: the interface of tacho_screen.so, which links ncurses so that the program does not.
 *       module_open (base/module.h) with SCREEN_MODULE, SCREEN_SYMBOL and SCREEN_HEAD finds it.
 * Terminal: put back as it was by close, and on every other way out that a process notices: exit,
 *           Ctrl-Z (and set up again by fg), signals that kill (also a crash). A signal that the
 *           program has caught before open (base/interrupt.h) stays the program's, who then closes.
 *           SIGKILL leaves the terminal as it is; `reset` puts it right.
 * Text: in a locale that is not UTF-8, and on terminals whose fonts lack them, characters are
 *       replaced by similar ones of ASCII.
 * Threads: one. Only one terminal at a time.
 */
#ifndef TACHO_SCREEN_SCREEN_H
#define TACHO_SCREEN_SCREEN_H

#include <stdbool.h>

#include "base/grid.h"
#include "base/module.h"

#define SCREEN_MODULE "screen"
#define SCREEN_SYMBOL "tacho_screen"
#define SCREEN_PACKAGE "libncursesw6" /* Debian's and Ubuntu's name for what it needs */

/* What key returns besides characters. */
enum screen_key {
    SCREEN_KEY_NONE = -1,   /* none within the time */
    SCREEN_KEY_CLOSED = -2, /* the terminal is gone */
    SCREEN_KEY_OTHER = -3,  /* arrows, function keys, ... */
};

struct screen_api {
    struct module_head head;
    /* Takes over the terminal at out_fd, with the keys of in_fd (of /dev/tty where that is no
     * terminal). -ERROR_UNSUPPORTED: a terminal (TERM) that cannot place text. */
    int (*open)(int in_fd, int out_fd, bool colour, struct error *err);
    /* Columns and rows as they are now. */
    void (*get_size)(size_t *ret_width, size_t *ret_height);
    /* Brings what has changed since the last draw to the terminal. */
    void (*draw)(const struct grid *grid);
    /* Everything again, after something else wrote to the terminal. */
    void (*redraw)(const struct grid *grid);
    /* A character of ASCII that was typed, or enum screen_key. Waits at most timeout_ms. */
    int (*key)(int timeout_ms);
    void (*close)(void); /* also without open */
};

#define SCREEN_HEAD ((struct module_head){.version = 1, .size = sizeof(struct screen_api)})

#endif
