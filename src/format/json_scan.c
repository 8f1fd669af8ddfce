/* json_scan.c: see json_scan.h. */
#include "format/json_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/util.h"

#define WINDOW_BYTES 65536
#define NONE (-1) /* no more bytes, or an error */

/* ---- bytes -------------------------------------------------------------------------------- */

void json_scan_open_text(struct json_scan *scan, const char *text, size_t size, const char *path,
                         struct error *err)
{
    *scan = (struct json_scan){.fd = -1,
                               .window = text,
                               .window_size = size,
                               .line = 1,
                               .column = 1,
                               .path = path,
                               .err = err};
}

static int open_failed(const char *path, int sys_errno, struct error *err)
{
    int code = error_code_from_errno(sys_errno);
    error_set_errno(err, code, sys_errno, "cannot open");
    error_at(err, path, 0, 0);
    return -code;
}

int json_scan_open(struct json_scan *scan, const char *path, struct error *err)
{
    json_scan_open_text(scan, NULL, 0, path, err);
    /* Not blocking: a pipe without a writer would hold us for ever. */
    scan->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat about;
    int rc = 0;
    if (scan->fd < 0 || fstat(scan->fd, &about) < 0) {
        rc = open_failed(path, errno, err);
    } else if (!S_ISREG(about.st_mode)) {
        rc = error_set(err, ERROR_INPUT, "not a regular file");
        error_at(err, path, 0, 0);
    } else {
        scan->buffer = malloc(WINDOW_BYTES);
        scan->window = scan->buffer;
        if (!scan->buffer)
            rc = error_set(err, ERROR_NOMEM, "out of memory");
    }
    if (rc < 0)
        json_scan_close(scan);
    return rc;
}

void json_scan_close(struct json_scan *scan)
{
    if (scan->fd >= 0)
        close(scan->fd);
    free(scan->buffer);
    strbuf_deinit(&scan->text);
    *scan = (struct json_scan){.fd = -1};
}

int json_scan_fail(struct json_scan *scan, const char *fmt, ...)
{
    if (scan->rc < 0)
        return scan->rc;
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    scan->rc = error_set(scan->err, ERROR_INPUT, "%s", text);
    error_at(scan->err, scan->path, scan->line, scan->column);
    return scan->rc;
}

static bool refill(struct json_scan *scan)
{
    if (scan->fd < 0 || scan->at_end || scan->rc < 0)
        return false;
    ssize_t got;
    do {
        got = read(scan->fd, scan->buffer, WINDOW_BYTES);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        int code = error_code_from_errno(errno);
        scan->rc = error_set_errno(scan->err, code, errno, "cannot read");
        error_at(scan->err, scan->path, 0, 0);
        return false;
    }
    scan->at = 0;
    scan->window_size = (size_t)got;
    scan->at_end = got == 0;
    return got > 0;
}

/* The next byte, which stays. */
static int peek(struct json_scan *scan)
{
    if (scan->at == scan->window_size && !refill(scan))
        return NONE;
    return (unsigned char)scan->window[scan->at];
}

static void step(struct json_scan *scan)
{
    if (scan->window[scan->at++] == '\n') {
        scan->line++;
        scan->column = 1;
    } else {
        scan->column++;
    }
}

/* ---- values ------------------------------------------------------------------------------- */

static void keep(struct json_scan *scan, char c)
{
    if (scan->text.len < JSON_SCAN_TEXT_MAX)
        strbuf_putc(&scan->text, c);
}

static int hex_digit(int c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static void keep_code_point(struct json_scan *scan, uint32_t c)
{
    if (c < 0x80) {
        keep(scan, (char)c);
    } else if (c < 0x800) {
        keep(scan, (char)(0xc0 | c >> 6));
        keep(scan, (char)(0x80 | (c & 0x3f)));
    } else {
        keep(scan, (char)(0xe0 | c >> 12));
        keep(scan, (char)(0x80 | (c >> 6 & 0x3f)));
        keep(scan, (char)(0x80 | (c & 0x3f)));
    }
}

/* Behind a backslash. A pair of surrogates becomes two question marks: names of nodes have none. */
static bool scan_escape(struct json_scan *scan)
{
    int c = peek(scan);
    if (c == NONE)
        return false;
    step(scan);
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found = c ? strchr(from, c) : NULL;
    if (found) {
        keep(scan, to[found - from]);
        return true;
    }
    if (c != 'u') { /* writers that escape nothing leave such a backslash */
        keep(scan, '\\');
        keep(scan, (char)c);
        return true;
    }
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(peek(scan));
        if (digit < 0)
            return peek(scan) != NONE && json_scan_fail(scan, "\\u needs four hex digits") == 0;
        code = code << 4 | (uint32_t)digit;
        step(scan);
    }
    keep_code_point(scan, code == 0 || (code >= 0xd800 && code < 0xe000) ? '?' : code);
    return true;
}

/* Behind the opening quote. */
static enum json_scan_token scan_string(struct json_scan *scan)
{
    for (int c; (c = peek(scan)) != NONE;) {
        step(scan);
        if (c == '"') {
            if (!scan->wants_key)
                return SCAN_STRING;
            scan->wants_key = false;
            scan->after_key = true;
            return SCAN_KEY;
        }
        if (c != '\\')
            keep(scan, (char)c);
        else if (!scan_escape(scan))
            break;
    }
    return scan->rc < 0 ? SCAN_ERROR : SCAN_CUT;
}

/* Numbers and words, to the next byte that cannot be part of one. At the source's end it may have
 * been longer: only within a whole value it counts. */
static enum json_scan_token scan_bare(struct json_scan *scan)
{
    int c;
    bool first = true, is_number = false;
    while ((c = peek(scan)) != NONE) {
        bool digit = (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.';
        if (!digit && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
            break;
        is_number = first ? digit : is_number;
        first = false;
        keep(scan, (char)c);
        step(scan);
    }
    if (scan->rc < 0)
        return SCAN_ERROR;
    if (first) {
        json_scan_fail(scan, "not JSON: a value should stand here");
        return SCAN_ERROR;
    }
    if (c == NONE && scan->depth > 0)
        return SCAN_CUT;
    return is_number ? SCAN_NUMBER : SCAN_WORD;
}

static enum json_scan_token open_level(struct json_scan *scan, bool is_object)
{
    if (scan->depth == JSON_SCAN_DEPTH_MAX) {
        json_scan_fail(scan, "nested deeper than %d levels", JSON_SCAN_DEPTH_MAX);
        return SCAN_ERROR;
    }
    step(scan);
    scan->is_object[scan->depth++] = is_object;
    scan->wants_key = is_object;
    return is_object ? SCAN_OBJECT : SCAN_ARRAY;
}

static enum json_scan_token close_level(struct json_scan *scan, bool is_object, bool after_key)
{
    if (scan->depth == 0 || scan->is_object[scan->depth - 1] != is_object || after_key) {
        json_scan_fail(scan, after_key ? "not JSON: a value should stand here"
                                       : "not JSON: a bracket that closes nothing");
        return SCAN_ERROR;
    }
    step(scan);
    scan->depth--;
    scan->wants_key = scan->depth > 0 && scan->is_object[scan->depth - 1];
    return is_object ? SCAN_OBJECT_END : SCAN_ARRAY_END;
}

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

enum json_scan_token json_scan_next(struct json_scan *scan)
{
    int c;
    bool expects_value = false, after_key = scan->after_key;
    scan->after_key = false;
    strbuf_clear(&scan->text);
    for (; (c = peek(scan)) != NONE; step(scan)) {
        if (c == ',') {
            scan->wants_key = scan->depth > 0 && scan->is_object[scan->depth - 1];
            expects_value = false;
        } else if (c == ':' && scan->depth > 0 && scan->is_object[scan->depth - 1]) {
            expects_value = true;
            scan->wants_key = false;
        } else if (!is_space(c) && !(scan->line == 1 && scan->column <= 3 && c >= 0x80)) {
            break;
        }
    }
    if (scan->rc < 0)
        return SCAN_ERROR;
    if (c == NONE)
        return scan->depth > 0 ? SCAN_CUT : SCAN_END;
    enum json_scan_token token;
    if (c == '{' || c == '[') {
        token = open_level(scan, c == '{');
    } else if (c == '}' || c == ']') {
        token = close_level(scan, c == '}', after_key);
    } else if (c == '"') {
        step(scan);
        token = scan_string(scan);
    } else if (scan->wants_key && !expects_value) {
        json_scan_fail(scan, "not JSON: a key in quotes should stand here");
        return SCAN_ERROR;
    } else {
        token = scan_bare(scan);
    }
    if (!scan->text.failed)
        return token;
    if (scan->rc == 0)
        scan->rc = error_set(scan->err, ERROR_NOMEM, "out of memory");
    return SCAN_ERROR;
}

enum json_scan_token json_scan_skip(struct json_scan *scan, enum json_scan_token token)
{
    if (token != SCAN_OBJECT && token != SCAN_ARRAY)
        return token;
    int depth = scan->depth;
    do {
        token = json_scan_next(scan);
    } while (token > SCAN_CUT && scan->depth >= depth);
    return token;
}
