/* log_line_numbers.c: the numbers of a text that have a label, and their units. */
#include "format/log_line_internal.h"

#include <math.h>

#include "base/util.h"
#include "format/number.h"

#define LABEL_WORDS_MAX 4

/* ---- units ---- */

#define UNIT(text) (text), sizeof(text) - 1

static const struct {
    const char *name;
    size_t size;
    double ms;
} time_units[] = {
    {UNIT("ms"), 1},
    {UNIT("s"), 1e3},
    {UNIT("us"), 1e-3},
    {UNIT("\xc2\xb5s"), 1e-3},
    {UNIT("\xce\xbcs"), 1e-3},
    {UNIT("ns"), 1e-6},
    {UNIT("msec"), 1},
    {UNIT("msecs"), 1},
    {UNIT("sec"), 1e3},
    {UNIT("secs"), 1e3},
    {UNIT("second"), 1e3},
    {UNIT("seconds"), 1e3},
    {UNIT("usec"), 1e-3},
    {UNIT("usecs"), 1e-3},
    {UNIT("nsec"), 1e-6},
    {UNIT("nsecs"), 1e-6},
    {UNIT("min"), 6e4},
    {UNIT("mins"), 6e4},
    {UNIT("minute"), 6e4},
    {UNIT("minutes"), 6e4},
    {UNIT("millisecond"), 1},
    {UNIT("milliseconds"), 1},
    {UNIT("microsecond"), 1e-3},
    {UNIT("microseconds"), 1e-3},
    {UNIT("nanosecond"), 1e-6},
    {UNIT("nanoseconds"), 1e-6},
    {UNIT("millis"), 1},
    {UNIT("micros"), 1e-3},
    {UNIT("nanos"), 1e-6},
    {UNIT("h"), 3.6e6},
    {UNIT("hr"), 3.6e6},
    {UNIT("hour"), 3.6e6},
    {UNIT("hours"), 3.6e6},
    {UNIT("\xec\xb4\x88"), 1e3}, /* second, in Korean and Chinese; so on */
    {UNIT("\xeb\xb0\x80\xeb\xa6\xac\xec\xb4\x88"), 1},
    {UNIT("\xeb\xb6\x84"), 6e4},
    {UNIT("\xec\x8b\x9c\xea\xb0\x84"), 3.6e6},
    {UNIT("\xe7\xa7\x92"), 1e3},
    {UNIT("\xe6\xaf\xab\xe7\xa7\x92"), 1},
};

/* Units of other things that may stand behind a blank. */
static const struct {
    const char *name;
    size_t size;
} other_units[] = {{UNIT("%")},   {UNIT("B")},   {UNIT("kB")},  {UNIT("KB")},  {UNIT("MB")},
                   {UNIT("GB")},  {UNIT("TB")},  {UNIT("KiB")}, {UNIT("MiB")}, {UNIT("GiB")},
                   {UNIT("fps")}, {UNIT("FPS")}, {UNIT("Hz")},  {UNIT("kHz")}, {UNIT("KHz")},
                   {UNIT("MHz")}, {UNIT("GHz")}, {UNIT("W")},   {UNIT("mW")},  {UNIT("C")},
                   {UNIT("A")},   {UNIT("mA")},  {UNIT("V")},   {UNIT("mV")},  {UNIT("J")},
                   {UNIT("rpm")}};

static double unit_ms_of(const char *at, size_t size)
{
    if (size == 0)
        return NAN;
    bool may_begin = *at == 's' || *at == 'm' || *at == 'u' || *at == 'n' || *at == 'h' ||
                     (unsigned char)*at >= 0x80;
    if (size > 12 || !may_begin)
        return NAN;
    for (size_t i = 0; i < ARRAY_LEN(time_units); i++) {
        if (time_units[i].size == size && time_units[i].name[0] == *at &&
            memcmp(at, time_units[i].name, size) == 0)
            return time_units[i].ms;
    }
    return NAN;
}

double log_unit_ms(const char *text, const char *end, size_t *ret_size)
{
    const char *at = text;
    while (at < end && is_letter(*at))
        at++;
    *ret_size = (size_t)(at - text);
    if (at < end && is_word(*at)) /* "s3" */
        return NAN;
    /* "ms/frame" is a duration, "MB/s" has been none from its first letter on. */
    return unit_ms_of(text, *ret_size);
}

static bool label_has(struct log_text label, const char *word)
{
    size_t size = strlen(word);
    for (size_t i = 0; i + size <= label.size; i++) {
        if ((label.at[i] | 0x20) == *word && strncasecmp(label.at + i, word, size) == 0)
            return true;
    }
    return false;
}

double log_label_unit_ms(struct log_text label, struct log_text *ret_unit)
{
    static const struct {
        const char *text;
        size_t size;
    } suffixes[] = {{UNIT("ms")},     {UNIT("us")},     {UNIT("ns")},     {UNIT("s")},
                    {UNIT("sec")},    {UNIT("secs")},   {UNIT("msec")},   {UNIT("usec")},
                    {UNIT("nsec")},   {UNIT("millis")}, {UNIT("micros")}, {UNIT("nanos")},
                    {UNIT("seconds")}};
    const char *end = label.at + label.size;
    if (label.size < 3 || (end[-1] != 's' && end[-1] != 'c')) /* what they end with */
        return NAN;
    /* A point in time is no duration, and "tokens_per_s" is a rate. */
    if (label_has(label, "stamp") || label_has(label, "epoch") || label_has(label, "per_s") ||
        label_has(label, "per s"))
        return NAN;
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        size_t size = suffixes[i].size;
        if (label.size <= size + 1)
            continue;
        const char *at = end - size;
        bool is_snake = (at[-1] == '_' || at[-1] == ' ' || at[-1] == '.' || at[-1] == '-') &&
                        memcmp(at, suffixes[i].text, size) == 0;
        bool is_camel = size > 1 && (at[-1] | 0x20) >= 'a' && (at[-1] | 0x20) <= 'z' &&
                        *at == (char)(suffixes[i].text[0] - 0x20) &&
                        memcmp(at + 1, suffixes[i].text + 1, size - 1) == 0;
        if (is_snake || is_camel) {
            *ret_unit = (struct log_text){at, size};
            return unit_ms_of(suffixes[i].text, size);
        }
    }
    return NAN;
}

/* The unit behind a number. Returns where it ends; NULL: what stands there makes it no number (a
 * version, a date, part of a word). */
static const char *unit_behind(const char *at, const char *end, struct log_site *ret)
{
    const char *c = at;
    size_t size;
    ret->unit = (struct log_text){at, 0};
    if (c >= end)
        return at;
    bool digit_follows = end - c > 1 && is_digit(c[1]);
    if (digit_follows && (*c == ',' || *c == '.' || *c == ':' || *c == '-'))
        return NULL;
    if ((*c == '.' && end - c > 1 && is_word(c[1])) || *c == '_')
        return NULL;
    if (*c == '%') {
        ret->unit.size = 1;
        return at + 1;
    }
    if (is_letter(*c)) {
        double ms = log_unit_ms(c, end, &size);
        c += size;
        if ((c < end && is_word(*c)) || size > 24)
            return NULL;
        ret->unit.size = size;
        ret->unit_ms = ms;
        return c;
    }
    if (*c != ' ' || end - c < 2)
        return at;
    const char *unit = c + 1;
    double ms = log_unit_ms(unit, end, &size);
    bool is_known = !isnan(ms), may_be_known = *unit == '%' || (size > 0 && size <= 3);
    for (size_t i = 0; i < ARRAY_LEN(other_units) && !is_known && may_be_known; i++)
        is_known = other_units[i].size == (*unit == '%' ? 1 : size) &&
                   memcmp(unit, other_units[i].name, other_units[i].size) == 0;
    size = *unit == '%' ? 1 : size;
    /* "dropped=2 FPS: 9.8": that is the label of the next one. */
    const char *next = unit + size;
    if (!is_known || (end - next > 1 && (*next == ':' || *next == '=')))
        return at;
    ret->unit = (struct log_text){unit, size};
    ret->unit_ms = ms;
    return unit + size;
}

/* ---- labels, backwards from the number ---- */

static const char *trim_back(const char *begin, const char *at)
{
    while (at > begin && (is_blank(at[-1]) || at[-1] == '"' || at[-1] == '\''))
        at--;
    return at;
}

static bool ends_words(char c)
{
    switch (c) {
    case '\0':
    case ',':
    case ';':
    case '|':
    case '[':
    case ']':
    case '{':
    case '}':
    case '(':
    case ')':
    case '"':
    case '\'':
    case '=':
    case '\t':
    case '<':
    case '>':
    case ':':
        return true;
    default:
        return false;
    }
}

/* Up to `max` words that end at `stop`, as far as nothing ends them; one that begins with a digit
 * does: "Frame 12 latency" is about "latency". */
static struct log_text words_back(const char *begin, const char *stop, size_t max)
{
    const char *first = stop, *at = stop;
    for (size_t words = 0; words < max && at > begin; words++) {
        const char *word = at;
        while (word > begin && !is_blank(word[-1]) && !ends_words(word[-1]))
            word--;
        bool is_name = word < at && !is_digit(*word);
        bool has_letter = false;
        for (const char *c = word; c < at; c++)
            has_letter = has_letter || is_letter(*c);
        if (!is_name || !has_letter || stop - word > LOG_LABEL_MAX)
            break;
        first = at = word;
        if (word > begin && ends_words(word[-1]))
            break;
        while (at > begin && at[-1] == ' ')
            at--;
    }
    return (struct log_text){first, (size_t)(stop - first)};
}

/* "key=": one word, with what names are made of. */
static struct log_text key_back(const char *begin, const char *stop)
{
    const char *at = stop;
    bool has_letter = false;
    while (at > begin &&
           (is_word(at[-1]) || at[-1] == '.' || at[-1] == '-' || at[-1] == '/' || at[-1] == '%')) {
        at--;
        has_letter = has_letter || is_letter(*at);
    }
    while (at < stop && !is_word(*at))
        at++;
    size_t size = (size_t)(stop - at);
    return (struct log_text){at, has_letter && size <= LOG_LABEL_MAX ? size : 0};
}

/* "latency (ms):" the unit in brackets at the end of a label. Returns where the label ends. */
static const char *bracket_unit(const char *begin, const char *stop, struct log_site *site)
{
    if (stop == begin || (stop[-1] != ')' && stop[-1] != ']'))
        return stop;
    const char *open = stop - 1;
    while (open > begin && *open != '(' && *open != '[' && stop - open < 16)
        open--;
    if (*open != '(' && *open != '[')
        return stop;
    size_t size = (size_t)(stop - open - 2);
    double ms = unit_ms_of(open + 1, size);
    if (site->unit.size == 0) {
        site->unit = (struct log_text){open + 1, size};
        site->unit_ms = ms;
    }
    return trim_back(begin, open);
}

static bool is_preposition(struct log_text word)
{
    static const char *const words[] = {"in", "after", "for", "of", "is", "was", "about", "within"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (text_is(word, words[i]))
            return true;
    }
    return false;
}

/* "took 12 ms", "finished in 12 ms", "Frame 0001:": no sign between them. */
static struct log_text word_before(const char *begin, const char *at, const char *behind,
                                   const char *end, struct log_site *site)
{
    const char *stop = at;
    while (stop > begin && stop[-1] == ' ')
        stop--;
    struct log_text none = {at, 0};
    if (stop == at || stop == begin)
        return none;
    struct log_text word = words_back(begin, stop, 1);
    if (!isnan(site->unit_ms))
        return is_preposition(word) ? words_back(begin, stop, 2) : word;
    bool is_last = behind == end || (*behind != '\0' && strchr(":,;)]", *behind));
    site->if_whole = true;
    return is_last && site->unit.size == 0 ? word : none;
}

/* The label of the number at `at`; false: it has none. */
static bool find_label(const char *begin, const char *at, const char *behind, const char *end,
                       struct log_site *site)
{
    const char *stop = trim_back(begin, at);
    if (stop > begin && (stop[-1] == ':' || stop[-1] == '=')) {
        bool is_key = stop[-1] == '=';
        stop = trim_back(begin, stop - 1);
        const char *label_end = bracket_unit(begin, stop, site);
        site->label = is_key && label_end == stop ? key_back(begin, label_end)
                                                  : words_back(begin, label_end, LABEL_WORDS_MAX);
    } else {
        site->label = word_before(begin, at, behind, end, site);
    }
    if (site->label.size > 0 && site->unit.size == 0 && isnan(site->unit_ms))
        site->unit_ms = log_label_unit_ms(site->label, &site->unit);
    /* "[12.3ms] GET /", "GET / (12.3ms)": a duration that stands alone needs no label. */
    bool stands_alone = at == begin || at[-1] == '[' || at[-1] == '(';
    return site->label.size > 0 || (!isnan(site->unit_ms) && stands_alone);
}

/* Over what belongs to a token that is no number. */
static const char *skip_token(const char *at, const char *end)
{
    while (at < end && (is_word(*at) || *at == '.' || *at == ':' || *at == '-' ||
                        (*at == ',' && end - at > 1 && is_digit(at[1]))))
        at++;
    return at;
}

/* Behind "nan" or "inf", with a sign perhaps, behind the ':' or '=' at `at`; NULL: another word. */
static const char *not_finite(const char *at, const char *end, const char **ret_begin)
{
    const char *c = at + 1;
    double ignored;
    if (*at == ':' && (c == end || !is_blank(*c)))
        return NULL;
    while (c < end && is_blank(*c))
        c++;
    *ret_begin = c;
    if (end - c < 3 || !(is_letter(*c) || ((*c == '-' || *c == '+') && is_letter(c[1]))))
        return NULL;
    const char *behind = number_parse(c, end, &ignored);
    return behind && (behind == end || !is_word(*behind)) ? behind : NULL;
}

/* Where the token of a digit at `at` begins, with its sign; NULL: the digit is part of a word. */
static const char *number_begin(const char *begin, const char *at)
{
    if (at == begin)
        return at;
    if (is_word(at[-1]) || at[-1] == '.')
        return NULL;
    if (at[-1] != '-' && at[-1] != '+')
        return at;
    if (at - 1 > begin && (is_word(at[-2]) || at[-2] == '.' || at[-2] == '-'))
        return NULL;
    return at - 1;
}

/* Behind a number that begins at `at`, as number_parse takes it. */
static const char *number_end(const char *at, const char *end)
{
    const char *c = at + (*at == '-' || *at == '+');
    while (c < end && is_digit(*c))
        c++;
    if (c < end && *c == '.') {
        for (c++; c < end && is_digit(*c);)
            c++;
    }
    if (c == end || (*c | 0x20) != 'e')
        return c;
    const char *exponent = c + 1;
    exponent += exponent < end && (*exponent == '-' || *exponent == '+');
    if (exponent >= end || !is_digit(*exponent))
        return c;
    while (exponent < end && is_digit(*exponent))
        exponent++;
    return exponent;
}

/* Where eight bytes have one of "0123456789:;<=>?" first: 0 to 7, or 8. */
static inline size_t first_like_digit(const char *at)
{
    const uint64_t each = 0x0101010101010101u;
    uint64_t word;
    memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    word = (word & each * 0xf0) ^ each * 0x30;  /* 0 where one is */
    word = (word - each) & ~word & each * 0x80; /* exact up to the first */
    return word ? (size_t)__builtin_ctzll(word) / 8 : 8;
}

/* The next byte of which a number may begin: a digit, or what stands before "nan". */
static const char *next_begin(const char *at, const char *end)
{
    while (end - at >= 8) {
        size_t first = first_like_digit(at);
        at += first;
        if (first < 8) {
            if (is_digit(*at) || *at == ':' || *at == '=')
                return at;
            at++;
        }
    }
    while (at < end && !is_digit(*at) && *at != ':' && *at != '=')
        at++;
    return at;
}

/* The number at or around `at`; NULL: none. Its end. */
static const char *number_at(const char *text, const char *at, const char *end,
                             const char **ret_begin)
{
    if (!is_digit(*at))
        return not_finite(at, end, ret_begin);
    *ret_begin = number_begin(text, at);
    return *ret_begin ? number_end(*ret_begin, end) : NULL;
}

void log_text_sites(const char *text, const char *end, log_site_fn *fn, void *context)
{
    for (const char *at = next_begin(text, end); at < end; at = next_begin(at, end)) {
        const char *begin, *behind = number_at(text, at, end, &begin);
        if (!behind) {
            at = is_digit(*at) ? skip_token(at, end) : at + 1;
            continue;
        }
        struct log_site site = {.unit_ms = NAN};
        const char *stop = unit_behind(behind, end, &site);
        if (!stop) {
            at = skip_token(at + 1, end);
            continue;
        }
        site.number = (struct log_text){begin, (size_t)(behind - begin)};
        if (find_label(text, begin, behind, end, &site))
            fn(context, &site);
        at = stop > at ? stop : at + 1;
    }
}

bool log_site_of_text(const char *at, const char *end, struct log_site *ret)
{
    double ignored;
    const char *behind = number_parse(at, end, &ignored);
    ret->unit_ms = NAN;
    if (!behind || unit_behind(behind, end, ret) != end)
        return false;
    ret->number = (struct log_text){at, (size_t)(behind - at)};
    return true;
}
