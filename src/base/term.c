/* term.c: see term.h. */
#include "base/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/unit.h"
#include "base/util.h"

#define DRAW_EVERY_NS (100 * NS_PER_MS)
#define COLUMNS_MAX 10000
#define ERASE_LINE "\r\x1b[K"

bool term_is_terminal(int fd)
{
    return isatty(fd) == 1;
}

/* Understands escape sequences. */
static bool term_is_capable(int fd)
{
    const char *term = getenv("TERM");
    return term_is_terminal(fd) && term && *term && strcmp(term, "dumb") != 0;
}

bool term_has_colour(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    return term_is_capable(fd) && !(no_color && *no_color);
}

/* 0: not known. */
static int terminal_columns(int fd)
{
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int term_width(int fd)
{
    const char *asked = getenv("COLUMNS");
    uint64_t columns = 0;
    if (asked && unit_parse_u64(asked, 1, COLUMNS_MAX, &columns, NULL) == 0)
        return (int)columns;
    int known = terminal_columns(fd);
    return known > 0 ? known : 80;
}

void term_styled(struct strbuf *out, bool colour, enum term_style style, const char *text)
{
    static const char *const codes[] = {[TERM_BOLD] = "1",
                                        [TERM_DIM] = "2",
                                        [TERM_GREEN] = "32",
                                        [TERM_YELLOW] = "33",
                                        [TERM_RED] = "31"};
    const char *code = (size_t)style < ARRAY_LEN(codes) ? codes[style] : NULL;
    if (colour && code)
        strbuf_printf(out, "\x1b[%sm%s\x1b[0m", code, text);
    else
        strbuf_append(out, text);
}

void progress_begin(struct progress *progress, const char *label, bool quiet)
{
    *progress = (struct progress){
        .enabled = !quiet && term_is_capable(STDERR_FILENO),
        .start_ns = clock_mono_ns(),
    };
    str_copy(progress->label, sizeof(progress->label), label);
    str_make_printable(progress->label);
}

/* Cuts text to `columns` columns of the terminal, never within a character. */
static void cut_to_width(char *text, size_t columns)
{
    size_t length = strlen(text);
    while (length > 0 && str_width(text) > columns) {
        do
            length--;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80);
        text[length] = '\0';
    }
}

static void write_stderr(const char *text)
{
    /* Progress that cannot be shown is no reason to stop measuring. */
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

void progress_update(struct progress *progress, double share, const char *note)
{
    if (!progress->enabled)
        return;
    uint64_t now_ns = clock_mono_ns();
    if (progress->last_draw_ns && now_ns - progress->last_draw_ns < DRAW_EVERY_NS)
        return;
    progress->last_draw_ns = now_ns;

    double elapsed_ns = (double)(now_ns - progress->start_ns);
    char left[32], part[64] = "", line[320], drawn[340];
    if (share > 0 && share <= 1)
        snprintf(part, sizeof(part), "  %.0f %%, %s left", share * 100,
                 unit_format_ns(elapsed_ns * (1 - share) / share, left, sizeof(left)));
    else if (share == 0)
        snprintf(part, sizeof(part), "  0 %%");
    else
        snprintf(part, sizeof(part), "  %s", unit_format_ns(elapsed_ns, left, sizeof(left)));
    snprintf(line, sizeof(line), "%s%s%s%.160s", progress->label, part, note && *note ? "  " : "",
             note ? note : "");
    str_make_printable(line);
    /* What is erased again must fit the terminal itself, whatever COLUMNS says. The last column
     * stays free: some terminals wrap as soon as it is filled. */
    int columns = terminal_columns(STDERR_FILENO);
    cut_to_width(line, columns > 0 ? (size_t)u64_max((uint64_t)columns, 2) - 1 : 79);
    snprintf(drawn, sizeof(drawn), ERASE_LINE "%s", line);
    write_stderr(drawn);
}

void progress_end(struct progress *progress)
{
    if (progress->enabled && progress->last_draw_ns)
        write_stderr(ERASE_LINE);
    progress->enabled = false;
}
