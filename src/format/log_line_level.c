/* log_line_level.c: how bad a line says that it is. */
#include "format/log_line_internal.h"

#include "base/util.h"

#define HEAD_MAX 96 /* a level stands in the head of a line */

#define WORD(text) (text), sizeof(text) - 1

static const struct {
    const char *word;
    size_t size;
    enum log_level level;
} words[] = {
    {WORD("info"), LOG_LEVEL_INFO},        {WORD("error"), LOG_LEVEL_ERROR},
    {WORD("warning"), LOG_LEVEL_WARNING},  {WORD("warn"), LOG_LEVEL_WARNING},
    {WORD("debug"), LOG_LEVEL_DEBUG},      {WORD("fatal"), LOG_LEVEL_FATAL},
    {WORD("critical"), LOG_LEVEL_FATAL},   {WORD("notice"), LOG_LEVEL_INFO},
    {WORD("trace"), LOG_LEVEL_DEBUG},      {WORD("err"), LOG_LEVEL_ERROR},
    {WORD("crit"), LOG_LEVEL_FATAL},       {WORD("emerg"), LOG_LEVEL_FATAL},
    {WORD("alert"), LOG_LEVEL_FATAL},      {WORD("panic"), LOG_LEVEL_FATAL},
    {WORD("severe"), LOG_LEVEL_ERROR},     {WORD("verbose"), LOG_LEVEL_DEBUG},
    {WORD("information"), LOG_LEVEL_INFO}, {WORD("dbg"), LOG_LEVEL_DEBUG},
    {WORD("wrn"), LOG_LEVEL_WARNING},      {WORD("inf"), LOG_LEVEL_INFO},
};

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"-", "debug", "info", "warning", "error", "fatal"};
    return names[level];
}

#define LETTER(c) (1u << ((c) - 'a'))

/* Whether the first two letters are those of one of them: of few other words they are. */
static bool may_be_level(const char *word, size_t size)
{
    const uint32_t first = LETTER('i') | LETTER('e') | LETTER('w') | LETTER('d') | LETTER('f') |
                           LETTER('c') | LETTER('n') | LETTER('t') | LETTER('a') | LETTER('p') |
                           LETTER('s') | LETTER('v');
    const uint32_t second = LETTER('n') | LETTER('r') | LETTER('a') | LETTER('e') | LETTER('o') |
                            LETTER('m') | LETTER('l') | LETTER('b');
    if (size < 3)
        return false;
    unsigned a = (unsigned)((word[0] | 0x20) - 'a'), b = (unsigned)((word[1] | 0x20) - 'a');
    return a < 26 && b < 26 && (first >> a & 1) && (second >> b & 1);
}

enum log_level log_level_of_word(const char *word, size_t size)
{
    if (!may_be_level(word, size))
        return LOG_LEVEL_NONE;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (words[i].size == size && words[i].word[0] == (*word | 0x20) &&
            strncasecmp(word, words[i].word, size) == 0)
            return words[i].level;
    }
    return LOG_LEVEL_NONE;
}

enum log_level log_level_of_priority(long priority)
{
    static const enum log_level levels[] = {
        LOG_LEVEL_FATAL,   LOG_LEVEL_FATAL, LOG_LEVEL_FATAL, LOG_LEVEL_ERROR,
        LOG_LEVEL_WARNING, LOG_LEVEL_INFO,  LOG_LEVEL_INFO,  LOG_LEVEL_DEBUG,
    };
    return priority < 0 ? LOG_LEVEL_NONE : levels[priority & 7];
}

static bool is_upper(const char *word, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (word[i] < 'A' || word[i] > 'Z')
            return false;
    }
    return true;
}

/* "[warn ]", "<error>": brackets around a word make it a level in any case. */
static bool is_bracketed(const char *at, const char *end, const char *word, size_t size)
{
    const char *behind = word + size;
    if (word == at || (word[-1] != '[' && word[-1] != '<' && word[-1] != '('))
        return false;
    while (behind < end && *behind == ' ')
        behind++;
    return behind < end && (*behind == ']' || *behind == '>' || *behind == ')');
}

/* "level=error", "lvl=warn", "severity: error" */
static bool is_value_of_level(const char *at, const char *word)
{
    static const char *const keys[] = {"level", "lvl", "severity", "loglevel"};
    if (word == at)
        return false;
    while (word > at && (word[-1] == '"' || word[-1] == ' '))
        word--;
    if (word == at || (word[-1] != '=' && word[-1] != ':'))
        return false;
    const char *stop = word - 1, *key = stop;
    while (key > at && is_word(key[-1]))
        key--;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if ((size_t)(stop - key) == strlen(keys[i]) &&
            strncasecmp(key, keys[i], (size_t)(stop - key)) == 0)
            return true;
    }
    return false;
}

/* Whether what stands before the level is a head (names, brackets, separators) and no sentence. */
static bool is_head(const char *at, const char *level)
{
    size_t words_before = 0;
    bool is_inside = false;
    for (const char *c = at; c < level; c++) {
        words_before += is_word(*c) && !is_inside;
        is_inside = is_word(*c) || *c == '.' || *c == '/';
    }
    if (is_value_of_level(at, level)) {
        while (level > at && !is_blank(level[-1]) && level[-1] != '|' && level[-1] != ',')
            level--;
    }
    while (level > at && (level[-1] == '[' || level[-1] == '<' || level[-1] == '('))
        level--;
    while (level > at && is_blank(level[-1]))
        level--;
    return level == at || level[-1] == ']' || level[-1] == ')' ||
           (words_before <= 3 && (level[-1] == '-' || level[-1] == '|' || level[-1] == ':'));
}

static const char *behind_level(const char *at, const char *end)
{
    while (at < end && (*at == ']' || *at == '>' || *at == ')' || *at == ':' || *at == '-' ||
                        *at == '|' || *at == '"' || is_blank(*at)))
        at++;
    return at;
}

/* The level that this word is, where it stands; NONE: it is an ordinary word. */
static enum log_level level_here(const char *at, const char *end, const char *word, size_t size)
{
    enum log_level level = log_level_of_word(word, size);
    if (level == LOG_LEVEL_NONE)
        return LOG_LEVEL_NONE;
    /* "error: no such file" at the beginning. */
    bool opens = word == at && word + size < end && word[size] == ':';
    bool is_level = (is_upper(word, size) && size > 2) || opens ||
                    is_bracketed(at, end, word, size) || is_value_of_level(at, word);
    return is_level ? level : LOG_LEVEL_NONE;
}

enum log_level log_level_find(const char *at, const char *end, const char **ret_message)
{
    const char *stop = end - at > HEAD_MAX ? at + HEAD_MAX : end;
    *ret_message = at;
    if (begins_with(at, end, "Traceback (most recent call last)"))
        return LOG_LEVEL_ERROR;
    for (const char *c = at; c < stop;) {
        if (!is_word(*c)) {
            c++;
            continue;
        }
        const char *word = c;
        while (c < end && is_word(*c))
            c++;
        size_t size = (size_t)(c - word);
        enum log_level level =
            size >= 3 && size <= 11 ? level_here(at, end, word, size) : LOG_LEVEL_NONE;
        if (level == LOG_LEVEL_NONE)
            continue;
        if (is_head(at, word))
            *ret_message = behind_level(c, end);
        return level;
    }
    return LOG_LEVEL_NONE;
}
