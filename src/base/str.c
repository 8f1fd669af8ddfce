/* str.c: see str.h. */
#include "base/str.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* Makes room for `extra` more bytes and the terminator. */
static bool strbuf_reserve(struct strbuf *buf, size_t extra)
{
    if (buf->failed)
        return false;
    size_t need;
    if (__builtin_add_overflow(buf->len, extra, &need) || need == SIZE_MAX ||
        array_reserve(&buf->data, &buf->cap, need + 1, 1) < 0) {
        buf->failed = true;
        return false;
    }
    return true;
}

void strbuf_append_n(struct strbuf *buf, const char *text, size_t length)
{
    if (!strbuf_reserve(buf, length))
        return;
    memcpy(buf->data + buf->len, text, length);
    buf->len += length;
    buf->data[buf->len] = '\0';
}

void strbuf_append(struct strbuf *buf, const char *text)
{
    strbuf_append_n(buf, text, strlen(text));
}

void strbuf_putc(struct strbuf *buf, char c)
{
    strbuf_append_n(buf, &c, 1);
}

void strbuf_repeat(struct strbuf *buf, char c, size_t count)
{
    if (!strbuf_reserve(buf, count))
        return;
    memset(buf->data + buf->len, c, count);
    buf->len += count;
    buf->data[buf->len] = '\0';
}

void strbuf_printf(struct strbuf *buf, const char *fmt, ...)
{
    if (!strbuf_reserve(buf, 127))
        return;
    for (int attempt = 0; attempt < 2; attempt++) {
        size_t room = buf->cap - buf->len;
        va_list args;
        va_start(args, fmt);
        int length = vsnprintf(buf->data + buf->len, room, fmt, args);
        va_end(args);
        if (length >= 0 && (size_t)length < room) {
            buf->len += (size_t)length;
            return;
        }
        buf->data[buf->len] = '\0';
        if (length < 0)
            break;
        if (!strbuf_reserve(buf, (size_t)length))
            return;
    }
    buf->failed = true;
}

const char *strbuf_get(const struct strbuf *buf)
{
    return buf->data ? buf->data : "";
}

void strbuf_clear(struct strbuf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

void strbuf_deinit(struct strbuf *buf)
{
    free(buf->data);
    *buf = (struct strbuf){0};
}

/* Length in bytes of the UTF-8 character at text, 0 if it is not one (RFC 3629: no overlong forms,
 * no surrogates, at most U+10FFFF). */
static size_t utf8_decode(const char *text, uint32_t *ret_code)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80) {
        *ret_code = s[0];
        return 1;
    }
    size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    static const unsigned char lead_mask[] = {0, 0, 0x1f, 0x0f, 0x07};
    uint32_t code = s[0] & lead_mask[length];
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *ret_code = code;
    return length;
}

bool str_copy(char *dst, size_t size, const char *src)
{
    if (size == 0)
        return false;
    size_t length = strlen(src);
    bool fits = length < size;
    if (!fits) {
        length = size - 1;
        while (length > 0 && ((unsigned char)src[length] & 0xc0) == 0x80)
            length--;
    }
    memcpy(dst, src, length);
    dst[length] = '\0';
    return fits;
}

bool str_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text), tail = strlen(suffix);
    return length >= tail && memcmp(text + length - tail, suffix, tail) == 0;
}

#define NEAREST_LENGTH_MAX 63

/* Optimal string alignment distance (Damerau-Levenshtein without editing a part twice), blind to
 * case. Both lengths are at most NEAREST_LENGTH_MAX. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][NEAREST_LENGTH_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = i;
        int x = tolower((unsigned char)a[i - 1]);
        for (size_t j = 1; j <= b_length; j++) {
            int y = tolower((unsigned char)b[j - 1]);
            size_t best = last[j - 1] + (x != y);
            best = u64_min(best, last[j] + 1);
            best = u64_min(best, row[j - 1] + 1);
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                tolower((unsigned char)a[i - 2]) == y)
                best = u64_min(best, before[j - 2] + 1);
            row[j] = best;
        }
        size_t *unused = before;
        before = last;
        last = row;
        row = unused;
    }
    return last[b_length];
}

int str_nearest(const char *name, const char *const *candidates, size_t count)
{
    size_t length = strlen(name);
    if (length == 0 || length > NEAREST_LENGTH_MAX)
        return -1;
    size_t allowed = u64_max(1, length / 3);
    int nearest = -1;
    for (size_t i = 0; i < count; i++) {
        size_t other = candidates[i] ? strlen(candidates[i]) : 0;
        if (other == 0 || other > NEAREST_LENGTH_MAX)
            continue;
        size_t distance = edit_distance(name, length, candidates[i], other);
        /* Replacing every character is no typing error. */
        if (distance <= allowed && distance < length) {
            nearest = (int)i;
            if (distance == 0)
                break;
            allowed = distance - 1;
        }
    }
    return nearest;
}

struct code_range {
    uint32_t first, last;
};

/* Combining marks, joiners and other characters without a column of their own. Source: Unicode 15,
 * general categories Mn, Me and Cf; the scripts that tacho's users meet. */
static const struct code_range narrow_zero[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f},
    {0x093a, 0x093a}, {0x0941, 0x0948}, {0x094d, 0x094d}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a},
    {0x0e47, 0x0e4e}, {0x1160, 0x11ff}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f},
    {0x202a, 0x202e}, {0x2060, 0x2064}, {0x20d0, 0x20f0}, {0x302a, 0x302d}, {0x3099, 0x309a},
    {0xd7b0, 0xd7ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef},
};

/* Two columns. Source: Unicode 15, EastAsianWidth W and F. */
static const struct code_range wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},
    {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26aa, 0x26ab},
    {0x26bd, 0x26be},   {0x26c4, 0x26c5},   {0x2705, 0x2705},   {0x270a, 0x270b},
    {0x2728, 0x2728},   {0x274c, 0x274c},   {0x2753, 0x2755},   {0x2757, 0x2757},
    {0x2795, 0x2797},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2e80, 0x303e},
    {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4c6},
    {0xa960, 0xa97c},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},
    {0xfe30, 0xfe6b},   {0xff01, 0xff60},   {0xffe0, 0xffe6},   {0x1b000, 0x1b2ff},
    {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f200, 0x1f265}, {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6fc}, {0x1f7e0, 0x1f7eb}, {0x1f90c, 0x1f9ff}, {0x1fa70, 0x1faff},
    {0x20000, 0x3fffd},
};

static bool in_ranges(uint32_t code, const struct code_range *ranges, size_t count)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > ranges[middle].last)
            low = middle + 1;
        else if (code < ranges[middle].first)
            high = middle;
        else
            return true;
    }
    return false;
}

/* Length of a colour sequence (ESC [ digits and ';' m) at text, 0: there is none. */
static size_t colour_length(const char *text)
{
    if (text[0] != '\x1b' || text[1] != '[')
        return 0;
    size_t length = 2 + strspn(text + 2, "0123456789;");
    return text[length] == 'm' ? length + 1 : 0;
}

size_t str_width(const char *text)
{
    size_t columns = 0;
    while (*text) {
        size_t colour = colour_length(text);
        if (colour) {
            text += colour;
            continue;
        }
        uint32_t code;
        size_t length = utf8_decode(text, &code);
        text += length ? length : 1;
        if (length <= 1)
            columns++;
        else if (in_ranges(code, wide, ARRAY_LEN(wide)))
            columns += 2;
        else if (!in_ranges(code, narrow_zero, ARRAY_LEN(narrow_zero)))
            columns++;
    }
    return columns;
}

/* Also the characters that turn the direction of text around, which can make a line read as
 * something else than it is. */
static bool steers_terminal(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

void str_make_printable(char *text)
{
    char *out = text;
    while (*text) {
        uint32_t code;
        size_t length = utf8_decode(text, &code);
        if (length == 0) {
            *out++ = '?';
            text++;
        } else if (steers_terminal(code)) {
            *out++ = code == '\n' || code == '\t' || code == '\r' ? ' ' : '?';
            text += length;
        } else {
            memmove(out, text, length);
            out += length;
            text += length;
        }
    }
    *out = '\0';
}
