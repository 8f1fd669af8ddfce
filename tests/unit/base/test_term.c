/* The terminal: colour rules and progress, on a real pseudo terminal. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/term.h"

static int master = -1, slave = -1;

static int set_up(void **state)
{
    master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
        return -1;
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    return slave < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    close(slave);
    close(master);
    return 0;
}

static void colour_needs_a_capable_terminal_and_consent(void **state)
{
    int not_terminal = open("/dev/null", O_RDWR | O_CLOEXEC);
    setenv("TERM", "xterm-256color", 1);
    unsetenv("NO_COLOR");
    assert_true(term_is_terminal(slave));
    assert_true(term_has_colour(slave));
    assert_false(term_is_terminal(not_terminal));
    assert_false(term_has_colour(not_terminal));
    setenv("NO_COLOR", "0", 1); /* anything but empty */
    assert_false(term_has_colour(slave));
    setenv("NO_COLOR", "", 1);
    assert_true(term_has_colour(slave));
    setenv("TERM", "dumb", 1);
    assert_false(term_has_colour(slave));
    unsetenv("TERM");
    assert_false(term_has_colour(slave));
    close(not_terminal);
}

static void width_is_the_terminals_or_80(void **state)
{
    const struct winsize size = {.ws_row = 24, .ws_col = 132};
    ioctl(slave, TIOCSWINSZ, &size);
    setenv("COLUMNS", "200", 1);
    assert_int_equal(term_width(slave), 200);
    assert_int_equal(term_width(-1), 200);
    setenv("COLUMNS", "wide", 1);
    assert_int_equal(term_width(slave), 132);
    unsetenv("COLUMNS");
    assert_int_equal(term_width(slave), 132);
    const struct winsize unknown = {0};
    ioctl(slave, TIOCSWINSZ, &unknown);
    assert_int_equal(term_width(slave), 80);
    assert_int_equal(term_width(-1), 80);
}

static void styles_only_with_colour(void **state)
{
    struct strbuf out = {0};
    term_styled(&out, true, TERM_RED, "FAIL");
    term_styled(&out, true, TERM_PLAIN, " and ");
    term_styled(&out, false, TERM_GREEN, "PASS");
    assert_string_equal(strbuf_get(&out), "\x1b[31mFAIL\x1b[0m and PASS");
    strbuf_deinit(&out);
}

/* What came out of the terminal since last time. It comes when the kernel gets round to it, so a
 * mark is sent after it and waited for. */
static const char *terminal_output(void)
{
    static char text[8192];
    size_t length = 0;
    assert_int_equal(write(slave, "\x06", 1), 1);
    while (length == 0 || text[length - 1] != '\x06') {
        ssize_t got = read(master, text + length, sizeof(text) - length);
        assert_true(got > 0);
        length += (size_t)got;
    }
    text[length - 1] = '\0';
    return text;
}

/* Runs the progress with the pseudo terminal (or something else) as stderr; returns what came. */
static const char *progress_output(int fd, bool quiet, const char *label, const char *note)
{
    int saved = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    struct progress progress;
    progress_begin(&progress, label, quiet);
    progress.start_ns -= 30 * NS_PER_S; /* as if it had begun half a minute ago */
    for (int i = 0; i < 1000; i++)
        progress_update(&progress, 0.25, note);
    progress_end(&progress);
    progress_update(&progress, 0.5, "after the end");
    dup2(saved, STDERR_FILENO);
    close(saved);
    return terminal_output();
}

static void progress_shows_the_rest_on_one_erased_line(void **state)
{
    setenv("TERM", "xterm", 1);
    const char *text = progress_output(slave, false, "measuring", "5 of 20");
    /* A quarter in 30 s: 90 s are left. Ten draws a second at most, so 1000 calls draw few times.
     */
    const char *drawn = "\r\x1b[Kmeasuring  25 %, 90.0 s left  5 of 20";
    assert_memory_equal(text, drawn, strlen(drawn));
    const char *end = "\r\x1b[K";
    assert_string_equal(text + strlen(text) - strlen(end), end);
    assert_null(strchr(text, '\n'));
    assert_true(strlen(text) < 20 * strlen(drawn));
}

static void progress_fits_the_width_and_does_not_steer(void **state)
{
    const struct winsize size = {.ws_row = 24, .ws_col = 20};
    ioctl(slave, TIOCSWINSZ, &size);
    const char *text = progress_output(slave, false, "한국어 이름입니다", "\x1b[2J\n");
    const char *drawn = "\r\x1b[K한국어 이름입니다  \r\x1b[K"; /* 17 columns and 2 of 19 */
    assert_string_equal(text, drawn);
    const struct winsize unknown = {0};
    ioctl(slave, TIOCSWINSZ, &unknown);
}

static void progress_is_silent_where_nobody_looks(void **state)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_string_equal(progress_output(null, false, "x", NULL), "");
    assert_string_equal(progress_output(slave, true, "x", NULL), "");
    setenv("TERM", "dumb", 1);
    assert_string_equal(progress_output(slave, false, "x", NULL), "");
    close(null);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colour_needs_a_capable_terminal_and_consent),
        cmocka_unit_test(width_is_the_terminals_or_80),
        cmocka_unit_test(styles_only_with_colour),
        cmocka_unit_test(progress_shows_the_rest_on_one_erased_line),
        cmocka_unit_test(progress_fits_the_width_and_does_not_steer),
        cmocka_unit_test(progress_is_silent_where_nobody_looks),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
