/* logs_notable.c: lines without a level that say all the same that something is wrong. */
#include <ctype.h>
#include <strings.h>

#include "analyze/files/logs_internal.h"
#include "base/util.h"
#include "format/log_vector.h"

/* Whether the word that goes on at `at` is the label of a number: "dropped=0" tells of no drop. */
static bool is_label(const char *at, const char *end)
{
    while (at < end && (isalnum((unsigned char)*at) || *at == '_' || *at == '"'))
        at++;
    if (at >= end || (*at != ':' && *at != '='))
        return false;
    for (at++; at < end && *at == ' ';)
        at++;
    return at < end && isdigit((unsigned char)*at);
}

/* Words of lines without a level that say that something is wrong. */
static bool find(const char *text, size_t size)
{
#define WORD(text) (text), sizeof(text) - 1
    static const struct {
        const char *text;
        size_t size;
    } words[] = {
        {WORD("thermal")},   {WORD("throttl")},   {WORD("overheat")}, {WORD("overrun")},
        {WORD("drop")},      {WORD("saturat")},   {WORD("stall")},    {WORD("timeout")},
        {WORD("timed out")}, {WORD("reconnect")}, {WORD("retry")},    {WORD("context switch")},
    };
#undef WORD
    /* Which first two letters there are: looked up at each byte, so that few are compared. */
    static const uint32_t second['z' - 'a' + 1] = {
        ['t' - 'a'] = 1u << ('h' - 'a') | 1u << ('i' - 'a'),
        ['o' - 'a'] = 1u << ('v' - 'a'),
        ['d' - 'a'] = 1u << ('r' - 'a'),
        ['s' - 'a'] = 1u << ('a' - 'a') | 1u << ('t' - 'a'),
        ['r' - 'a'] = 1u << ('e' - 'a'),
        ['c' - 'a'] = 1u << ('o' - 'a'),
    };
    for (size_t i = 0; i + 4 <= size; i++) {
        unsigned a = (unsigned)((text[i] | 0x20) - 'a'), b = (unsigned)((text[i + 1] | 0x20) - 'a');
        if ((i > 0 && isalpha((unsigned char)text[i - 1])) || a >= ARRAY_LEN(second) ||
            b >= ARRAY_LEN(second) || !(second[a] >> b & 1))
            continue;
        for (size_t w = 0; w < ARRAY_LEN(words); w++) {
            size_t length = words[w].size;
            if (words[w].text[0] == (text[i] | 0x20) && words[w].text[2] == (text[i + 2] | 0x20) &&
                i + length <= size && strncasecmp(text + i, words[w].text, length) == 0 &&
                !is_label(text + i + length, text + size))
                return true;
        }
    }
    return false;
}

/* The letters of those words that other words have least: few other lines get further. */
LOG_VECTOR_INLINE void may_begin(const char *text, log_bytes *ret)
{
    log_bytes a, b, d, e, f;
    log_load(&a, text);
    log_load(&b, text + 1);
    log_load(&d, text + 3);
    log_load(&e, text + 4);
    log_load(&f, text + 5);
    a |= 0x20;
    b |= 0x20;
    d |= 0x20;
    e |= 0x20;
    f |= 0x20;
    *ret = (log_bytes)(((a == 't') & (b == 'h') & ((e == 'm') | (e == 't'))) |
                       ((a == 'o') & (b == 'v') & ((e == 'h') | (e == 'r'))) |
                       ((a == 'd') & (b == 'r') & (d == 'p')) |
                       ((a == 's') & (b == 'a') & (e == 'r')) |
                       ((a == 's') & (b == 't') & (d == 'l')) |
                       ((a == 't') & (b == 'i') & ((e == 'o') | (e == 'd'))) |
                       ((a == 'r') & (b == 'e') & ((d == 'o') & (e == 'n'))) |
                       ((a == 'r') & (b == 'e') & ((d == 'r') & (e == 'y'))) |
                       ((a == 'c') & (b == 'o') & (e == 'e') & (f == 'x')));
}

static bool may_be_notable(const char *text, size_t size)
{
    return log_may_hold(text, size, may_begin);
}

LOG_VECTOR_AVX2 static bool may_be_notable_avx2(const char *text, size_t size)
{
    return log_may_hold(text, size, may_begin);
}

bool logs_is_notable(const char *text, size_t size)
{
    return (LOG_VECTOR_HAS_AVX2() ? may_be_notable_avx2(text, size) : may_be_notable(text, size)) &&
           find(text, size);
}
