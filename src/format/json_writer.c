/* json_writer.c: see json_writer.h. */
#include "format/json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64

static bool on_one_line(const struct json_writer *writer)
{
    return writer->compact || (writer->line != 0 && writer->depth >= writer->line);
}

static void new_line(struct json_writer *writer)
{
    strbuf_putc(writer->out, '\n');
    strbuf_repeat(writer->out, ' ', 2 * (size_t)writer->depth);
}

/* Length of the valid UTF-8 character at p (RFC 3629: no overlong forms, no surrogates), or 0. */
static size_t utf8_length(const unsigned char *p)
{
    if (p[0] < 0x80)
        return 1;
    size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool beyond = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
    return overlong || beyond ? 0 : length;
}

static void append_escaped(struct strbuf *out, unsigned char c)
{
    static const char letters[] = "btn\0fr"; /* \b is 8, \t 9, \n 10, \f 12, \r 13 */
    if (c == '"' || c == '\\') {
        strbuf_putc(out, '\\');
        strbuf_putc(out, (char)c);
    } else if (c >= 8 && c <= 13 && letters[c - 8]) {
        strbuf_putc(out, '\\');
        strbuf_putc(out, letters[c - 8]);
    } else {
        strbuf_printf(out, "\\u%04x", c);
    }
}

static void append_quoted(struct strbuf *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    strbuf_putc(out, '"');
    while (*p) {
        size_t plain = 0;
        while (p[plain] >= 0x20 && p[plain] < 0x7f && p[plain] != '"' && p[plain] != '\\')
            plain++;
        strbuf_append_n(out, (const char *)p, plain);
        p += plain;
        if (!*p)
            break;
        size_t length = utf8_length(p);
        if (length > 1) {
            strbuf_append_n(out, (const char *)p, length);
        } else if (length == 1) {
            append_escaped(out, *p);
        } else {
            strbuf_append(out, "\xef\xbf\xbd");
            length = 1;
        }
        p += length;
    }
    strbuf_putc(out, '"');
}

/* What stands before every value: the comma, the place, the key. */
static void begin_value(struct json_writer *writer, const char *key)
{
    uint64_t bit = UINT64_C(1) << (writer->depth % DEPTH_MAX);
    if (writer->depth > 0) {
        if (writer->filled & bit)
            strbuf_putc(writer->out, ',');
        if (!on_one_line(writer))
            new_line(writer);
        else if ((writer->filled & bit) && !writer->compact)
            strbuf_putc(writer->out, ' ');
    }
    writer->filled |= bit;
    if (key) {
        append_quoted(writer->out, key);
        strbuf_append(writer->out, writer->compact ? ":" : ": ");
    }
}

static void begin_container(struct json_writer *writer, const char *key, bool array, bool line)
{
    begin_value(writer, key);
    strbuf_putc(writer->out, array ? '[' : '{');
    writer->depth++;
    uint64_t bit = UINT64_C(1) << (writer->depth % DEPTH_MAX);
    writer->filled &= ~bit;
    writer->bracket = array ? writer->bracket | bit : writer->bracket & ~bit;
    if (line && writer->line == 0)
        writer->line = writer->depth;
}

void json_write_object(struct json_writer *writer, const char *key)
{
    begin_container(writer, key, false, false);
}

void json_write_array(struct json_writer *writer, const char *key)
{
    begin_container(writer, key, true, false);
}

void json_write_object_line(struct json_writer *writer, const char *key)
{
    begin_container(writer, key, false, true);
}

void json_write_array_line(struct json_writer *writer, const char *key)
{
    begin_container(writer, key, true, true);
}

void json_write_end(struct json_writer *writer)
{
    uint64_t bit = UINT64_C(1) << (writer->depth % DEPTH_MAX);
    bool was_line = on_one_line(writer);
    bool filled = writer->filled & bit;
    bool array = writer->bracket & bit;
    if (writer->line == writer->depth)
        writer->line = 0;
    writer->depth--;
    if (filled && !was_line)
        new_line(writer);
    strbuf_putc(writer->out, array ? ']' : '}');
}

void json_write_text(struct json_writer *writer, const char *key, const char *text)
{
    begin_value(writer, key);
    if (text)
        append_quoted(writer->out, text);
    else
        strbuf_append(writer->out, "null");
}

void json_write_null(struct json_writer *writer, const char *key)
{
    json_write_text(writer, key, NULL);
}

void json_write_bool(struct json_writer *writer, const char *key, bool value)
{
    begin_value(writer, key);
    strbuf_append(writer->out, value ? "true" : "false");
}

void json_write_i64(struct json_writer *writer, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    begin_value(writer, key);
    strbuf_append(writer->out, text);
}

void json_write_u64(struct json_writer *writer, const char *key, uint64_t value)
{
    json_write_i64(writer, key, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

const char *json_format_number(double value, char buf[32])
{
    if (value == 0) {
        /* "-0" would be read as the integer 0 and lose its sign. */
        snprintf(buf, 32, "%s", signbit(value) ? "-0.0" : "0");
        return buf;
    }
    if (fabs(value) < 1e15 && value == trunc(value)) {
        snprintf(buf, 32, "%" PRId64, (int64_t)value);
        return buf;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, 32, "%.*g", digits, value);
        if (strtod(buf, NULL) == value)
            break;
    }
    char *comma = strchr(buf, ',');
    if (comma)
        *comma = '.';
    return buf;
}

void json_write_number(struct json_writer *writer, const char *key, double value)
{
    char text[32];
    begin_value(writer, key);
    strbuf_append(writer->out, isfinite(value) ? json_format_number(value, text) : "null");
}

void json_write_real(struct json_writer *writer, const char *key, double value)
{
    char text[32];
    json_write_number(writer, key, value);
    if (isfinite(value) && !strpbrk(json_format_number(value, text), ".e"))
        strbuf_append(writer->out, ".0");
}

void json_write_seconds(struct json_writer *writer, const char *key, int64_t ns)
{
    uint64_t magnitude = ns < 0 ? (uint64_t)0 - (uint64_t)ns : (uint64_t)ns;
    char text[40];
    int length = snprintf(text, sizeof(text), "%s%" PRIu64 ".%09" PRIu64, ns < 0 ? "-" : "",
                          magnitude / 1000000000U, magnitude % 1000000000U);
    while (text[length - 1] == '0')
        text[--length] = '\0';
    if (text[length - 1] == '.')
        text[--length] = '\0';
    begin_value(writer, key);
    strbuf_append(writer->out, text);
}
