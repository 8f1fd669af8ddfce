/* screen.c: see screen.h. */
#define NCURSES_WIDECHAR 1
#include "screen/screen.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "base/util.h"

/* Signals whose default kills, for which neither the program nor ncurses has a handler that puts
 * the terminal back. */
static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGFPE,  SIGILL, SIGABRT,
                                    SIGQUIT, SIGHUP, SIGXCPU, SIGSYS};

/* Those that ncurses takes for itself and does not give back. */
static const int borrowed_signals[] = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH};

static struct {
    bool is_open;
    SCREEN *curses;
    FILE *in, *out;
    int in_fd, out_fd;
    locale_t locale, old_locale;
    bool is_plain; /* only ASCII is certain to be seen */
    bool has_colour;
    /* For a handler of a signal, which may call neither ncurses nor the C library's stdio. */
    struct termios before;
    bool has_before;
    char leave[256];
    size_t leave_length;
    struct sigaction old_actions[ARRAY_LEN(fatal_signals)];
    bool is_caught[ARRAY_LEN(fatal_signals)];
    struct sigaction borrowed_actions[ARRAY_LEN(borrowed_signals)];
} screen;

/* ---- every way out ---- */

static void put_back(void)
{
    if (screen.leave_length > 0 && write(screen.out_fd, screen.leave, screen.leave_length) < 0)
        screen.leave_length = 0; /* the terminal is gone */
    if (screen.has_before)
        tcsetattr(screen.in_fd, TCSANOW, &screen.before);
}

static void on_fatal(int signal)
{
    put_back();
    for (size_t i = 0; i < ARRAY_LEN(fatal_signals); i++) {
        if (fatal_signals[i] == signal)
            sigaction(signal, &screen.old_actions[i], NULL);
    }
    raise(signal); /* delivered when this handler returns */
}

static void catch_fatal(void)
{
    struct sigaction action = {.sa_handler = on_fatal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ARRAY_LEN(fatal_signals); i++) {
        struct sigaction *old = &screen.old_actions[i];
        bool is_default = sigaction(fatal_signals[i], NULL, old) == 0 && old->sa_handler == SIG_DFL;
        screen.is_caught[i] = is_default && sigaction(fatal_signals[i], &action, NULL) == 0;
    }
}

static void release_fatal(void)
{
    for (size_t i = 0; i < ARRAY_LEN(fatal_signals); i++) {
        if (screen.is_caught[i])
            sigaction(fatal_signals[i], &screen.old_actions[i], NULL);
        screen.is_caught[i] = false;
    }
}

static void remember_borrowed(void)
{
    for (size_t i = 0; i < ARRAY_LEN(borrowed_signals); i++)
        sigaction(borrowed_signals[i], NULL, &screen.borrowed_actions[i]);
}

static void return_borrowed(void)
{
    for (size_t i = 0; i < ARRAY_LEN(borrowed_signals); i++)
        sigaction(borrowed_signals[i], &screen.borrowed_actions[i], NULL);
}

static int append_leave(int c)
{
    if (screen.leave_length < sizeof(screen.leave))
        screen.leave[screen.leave_length++] = (char)c;
    return c;
}

/* What turns attributes off, shows the cursor and brings the old screen back. */
static void prepare_leave(void)
{
    const char *const parts[] = {exit_attribute_mode, orig_pair, cursor_normal, exit_ca_mode};
    screen.leave_length = 0;
    if (!exit_ca_mode)
        append_leave('\n');
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i] && parts[i] != (const char *)-1)
            tputs(parts[i], 1, append_leave);
    }
}

/* ---- opening and closing ---- */

static void restore_locale(void)
{
    if (screen.locale) {
        uselocale(screen.old_locale);
        freelocale(screen.locale);
    }
    screen.locale = (locale_t)0;
}

/* Only this thread's: the program itself runs in "C", where the decimal sign is a point. */
static void take_locale(void)
{
    screen.locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (screen.locale)
        screen.old_locale = uselocale(screen.locale);
    const char *name = getenv("TERM");
    screen.is_plain = !screen.locale || strcmp(nl_langinfo(CODESET), "UTF-8") != 0 || !name ||
                      strncmp(name, "linux", 5) == 0 || strncmp(name, "vt", 2) == 0;
}

static void screen_close(void)
{
    if (screen.curses) {
        endwin();
        delscreen(screen.curses);
    }
    if (screen.is_open) {
        release_fatal();
        return_borrowed();
    }
    if (screen.has_before)
        tcsetattr(screen.in_fd, TCSADRAIN, &screen.before);
    if (screen.in)
        fclose(screen.in);
    if (screen.out)
        fclose(screen.out);
    restore_locale();
    memset(&screen, 0, sizeof(screen));
}

/* The program may end without asking; then too the terminal is put back. */
__attribute__((destructor)) static void close_at_exit(void)
{
    screen_close();
}

static int open_files(int in_fd, int out_fd, struct error *err)
{
    /* Own descriptors: stdio's buffers and close are not the program's business. */
    int in =
        isatty(in_fd) ? fcntl(in_fd, F_DUPFD_CLOEXEC, 3) : open("/dev/tty", O_RDWR | O_CLOEXEC);
    int out = fcntl(out_fd, F_DUPFD_CLOEXEC, 3);
    screen.in = in >= 0 ? fdopen(in, "r") : NULL;
    screen.out = out >= 0 ? fdopen(out, "w") : NULL;
    if (screen.in && screen.out) {
        screen.in_fd = in;
        screen.out_fd = out;
        screen.has_before = tcgetattr(in, &screen.before) == 0;
        return 0;
    }
    int saved_errno = errno;
    if (in >= 0 && !screen.in)
        close(in);
    if (out >= 0 && !screen.out)
        close(out);
    return error_set_errno(err, ERROR_SYSTEM, saved_errno, "cannot open the terminal");
}

static int start_curses(struct error *err)
{
    const char *name = getenv("TERM");
    int state = 0;
    name = name && *name ? name : "unknown";
    /* newterm would accept terminals that can only go on writing. */
    if (setupterm(name, screen.out_fd, &state) != OK)
        return error_set(err, ERROR_UNSUPPORTED, "no description of a terminal '%.40s' (TERM)",
                         name);
    bool can_place = cursor_address != NULL && clear_screen != NULL;
    del_curterm(cur_term);
    if (!can_place)
        return error_set(err, ERROR_UNSUPPORTED, "the terminal '%.40s' (TERM) cannot place text",
                         name);
    remember_borrowed();
    screen.curses = newterm(name, screen.out, screen.in);
    return screen.curses ? 0
                         : error_set(err, ERROR_UNSUPPORTED, "ncurses cannot open '%.40s'", name);
}

static void configure(bool colour)
{
    cbreak(); /* Ctrl-C and Ctrl-Z stay signals */
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    intrflush(stdscr, FALSE);
    leaveok(stdscr, TRUE);
    typeahead(-1);
    set_escdelay(25);
    curs_set(0);
    screen.has_colour = colour && has_colors();
    if (!screen.has_colour)
        return;
    start_color();
    use_default_colors();
    init_pair(GRID_GOOD, COLOR_GREEN, -1);
    init_pair(GRID_WARN, COLOR_YELLOW, -1);
    init_pair(GRID_BAD, COLOR_RED, -1);
}

static int screen_open(int in_fd, int out_fd, bool colour, struct error *err)
{
    if (screen.is_open)
        return error_set(err, ERROR_INTERNAL, "the screen is open already");
    take_locale();
    int rc = open_files(in_fd, out_fd, err);
    if (rc == 0)
        rc = start_curses(err);
    if (rc < 0) {
        screen_close();
        return rc;
    }
    screen.is_open = true;
    configure(colour);
    prepare_leave();
    catch_fatal();
    return 0;
}

/* ---- drawing ---- */

static void screen_get_size(size_t *ret_width, size_t *ret_height)
{
    struct winsize size;
    if (ioctl(screen.out_fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0 &&
        (size.ws_col != COLS || size.ws_row != LINES))
        resizeterm(size.ws_row, size.ws_col);
    *ret_width = (size_t)COLS;
    *ret_height = (size_t)LINES;
}

/* The character at text, which is valid UTF-8. */
static wchar_t decode(const char *text, size_t *ret_length)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    uint32_t code = length == 1 ? s[0] : s[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length && s[i]; i++)
        code = code << 6 | (s[i] & 0x3fu);
    *ret_length = length;
    return (wchar_t)code;
}

static wchar_t ascii_for(wchar_t character)
{
    static const struct {
        wchar_t character;
        char ascii;
    } rows[] = {{L'▁', '_'}, {L'▂', '.'}, {L'▃', '-'}, {L'▄', '~'}, {L'▅', '+'},
                {L'▆', '*'}, {L'▇', '%'}, {L'█', '#'}, {L'…', '~'}, {L'└', '`'},
                {L'µ', 'u'}, {L'°', ' '}, {L'·', '-'}, {L'∞', '?'}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].character == character)
            return (wchar_t)rows[i].ascii;
    }
    return L'?';
}

static attr_t attributes_of(enum grid_style style)
{
    static const attr_t plain[GRID_STYLE_COUNT] = {[GRID_DIM] = A_DIM,
                                                   [GRID_BOLD] = A_BOLD,
                                                   [GRID_WARN] = A_BOLD,
                                                   [GRID_BAD] = A_BOLD | A_REVERSE,
                                                   [GRID_HEADER] = A_REVERSE};
    static const attr_t coloured[GRID_STYLE_COUNT] = {
        [GRID_DIM] = A_DIM, [GRID_BOLD] = A_BOLD, [GRID_BAD] = A_BOLD, [GRID_HEADER] = A_REVERSE};
    return screen.has_colour ? coloured[style] : plain[style];
}

static void put_cell(int row, int column, const struct grid_cell *cell)
{
    wchar_t text[CCHARW_MAX + 1] = {0};
    size_t count = 0, length;
    for (const char *at = cell->text; *at && count < CCHARW_MAX; at += length)
        text[count++] = decode(at, &length);
    /* The terminal, as the C library knows it, and the grid must agree about the columns. */
    bool is_other = screen.is_plain && text[0] >= 0x80;
    if (is_other || wcwidth(text[0]) != cell->width) {
        text[0] = ascii_for(text[0]);
        text[1] = L'\0';
    }
    bool is_coloured = screen.has_colour && cell->style >= GRID_GOOD && cell->style <= GRID_BAD;
    cchar_t character;
    setcchar(&character, text, attributes_of((enum grid_style)cell->style),
             (short)(is_coloured ? cell->style : 0), NULL);
    /* The last cell of the last row returns ERR because the cursor cannot go on; it is drawn. */
    mvadd_wch(row, column, &character);
    if (cell->width == 2 && wcwidth(text[0]) == 1) {
        text[0] = L' ';
        setcchar(&character, text, A_NORMAL, 0, NULL);
        mvadd_wch(row, column + 1, &character);
    }
}

static void screen_draw(const struct grid *grid)
{
    erase(); /* in memory; the terminal gets the differences */
    for (size_t row = 0; row < grid->height && row < (size_t)LINES; row++) {
        for (size_t column = 0; column < grid->width && column < (size_t)COLS; column++) {
            const struct grid_cell *cell = &grid->cells[row * grid->width + column];
            if (cell->width > 0 && column + cell->width <= (size_t)COLS)
                put_cell((int)row, (int)column, cell);
        }
    }
    refresh();
}

static void screen_redraw(const struct grid *grid)
{
    clearok(stdscr, TRUE);
    screen_draw(grid);
}

/* ---- keys ---- */

static int screen_key(int timeout_ms)
{
    timeout(timeout_ms);
    int key = getch();
    if (key == ERR) {
        struct pollfd gone = {.fd = screen.in_fd};
        bool is_gone = poll(&gone, 1, 0) == 1 && gone.revents & (POLLHUP | POLLERR | POLLNVAL);
        return is_gone ? SCREEN_KEY_CLOSED : SCREEN_KEY_NONE;
    }
    return key > 0 && key < 0x80 ? key : SCREEN_KEY_OTHER;
}

extern const struct screen_api tacho_screen; /* found by its name, SCREEN_SYMBOL */
const struct screen_api tacho_screen = {
    .head = {.version = 1, .size = sizeof(struct screen_api)},
    .open = screen_open,
    .get_size = screen_get_size,
    .draw = screen_draw,
    .redraw = screen_redraw,
    .key = screen_key,
    .close = screen_close,
};
