/* perf_stat.c: `perf stat`: its text, -x, (any separator) and -j. Counters that the kernel
 * multiplexed are estimates: the share of the time that each was counted stands beside it as a fact
 * of the run. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/peers/peer_json.h"

extern const struct peer peer_perf_stat;

static bool is_json(const struct peer_input *input)
{
    return peer_holds(input, "\"counter-value\"", 8192) && peer_holds(input, "\"event\"", 8192);
}

/* VALUE,UNIT,EVENT,…: every line that is not empty or a comment has the same separator. */
static char separator_of(const struct peer_input *input)
{
    char line[1024];
    size_t at = 0;
    while (peer_line(input, &at, line, sizeof(line))) {
        if (line[0] == '\0' || line[0] == '#')
            continue;
        size_t number = strspn(line, "0123456789.");
        if (number == 0 && str_starts_with(line, "<not "))
            number = strcspn(line, ">") + 1;
        char separator = line[number];
        const char *event = number ? strchr(line + number + 1, separator) : NULL;
        return separator && strchr(",;:|\t", separator) && event && isalpha((unsigned char)event[1])
                   ? separator
                   : '\0';
    }
    return '\0';
}

static const char title[] = "Performance counter stats for ";

static bool is_text(const struct peer_input *input)
{
    return peer_holds(input, title, input->size);
}

static bool perf_stat_accepts(const struct peer_input *input)
{
    if (is_text(input) || is_json(input))
        return true;
    return separator_of(input) && (peer_holds(input, "task-clock", input->size) ||
                                   peer_holds(input, "cycles", input->size) ||
                                   peer_holds(input, "instructions", input->size));
}

/* ---- a number ---- */

/* A number as perf writes it: "1,234,567", "0.42". 0: what stands there is none ("<not counted>").
 * perf follows the locale: elsewhere "1,23" is a fraction and "1.234" a thousand, and nothing tells
 * "1,234" from the one here. Such a file shows itself by its other numbers, and is refused whole.
 */
static int read_number(struct peer_run *run, const char *text, double *ret_value)
{
    char plain[64];
    size_t length = 0, digits = strspn(text, "0123456789.,");
    if (!isdigit((unsigned char)*text) || text[digits] != '\0' || digits >= sizeof(plain))
        return 0;
    const char *point = strchr(text, '.');
    for (const char *c = text; *c; c++) {
        size_t next = strspn(c + 1, "0123456789");
        bool is_foreign = *c == ','   ? next != 3 || (point && point < c)
                          : *c == '.' ? c != point
                                      : false;
        if (is_foreign && run->rc == 0) {
            run->rc = error_set(run->err, ERROR_INPUT,
                                "'%.60s' is a number in another locale's form", text);
            error_at(run->err, run->input->file, 0, 0);
            error_hint(run->err, "let it write with LC_ALL=C perf stat");
        }
        if (is_foreign)
            return 0;
        if (*c != ',')
            plain[length++] = *c;
    }
    plain[length] = '\0';
    *ret_value = strtod(plain, NULL);
    return 1;
}

/* ---- one event ---- */

/* In the words of perf, and what the metric is called by it. */
static const struct event_unit {
    const char *word, *unit, *suffix;
    enum direction direction;
} event_units[] = {{"msec", "ms", "_ms", DIRECTION_LOWER},
                   {"ns", "ns", "_ns", DIRECTION_LOWER},
                   {"Joules", "J", "_j", DIRECTION_LOWER},
                   {"MiB", "MiB", "_mib", DIRECTION_NEITHER}};

static const struct event_unit *unit_of(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(event_units); i++) {
        if (strcmp(event_units[i].word, word) == 0)
            return &event_units[i];
    }
    return NULL;
}

static void add_event(struct peer_run *run, const char *event, const char *word, double value,
                      double running_pct)
{
    char name[80], definition[160];
    size_t length = 0;
    const struct event_unit *unit = unit_of(word);
    for (; *event && length + 1 < 64; event++)
        name[length++] =
            isalnum((unsigned char)*event) ? (char)tolower((unsigned char)*event) : '_';
    while (length > 0 && name[length - 1] == '_') /* "power/energy-pkg/" */
        length--;
    name[length] = '\0';
    snprintf(definition, sizeof(definition), "perf's event %.64s, mean of the repetitions%s", name,
             running_pct < 100 ? "; scaled, because it was counted only part of the time" : "");
    if (unit)
        str_copy(name + length, sizeof(name) - length, unit->suffix);
    peer_run_value(run, name, unit ? unit->unit : "", unit ? unit->direction : DIRECTION_NEITHER,
                   definition, value);
}

/* ---- -x ---- */

static int read_separated(const struct peer_input *input, char separator, struct error *err)
{
    struct peer_run run;
    char line[1024];
    size_t at = 0;
    peer_run_init(&run, &peer_perf_stat, input, 0, "perf stat", err);
    while (peer_line(input, &at, line, sizeof(line))) {
        char *cells[8] = {NULL};
        size_t count = 0;
        for (char *cell = line; cell && count < ARRAY_LEN(cells);) {
            cells[count++] = cell;
            cell = strchr(cell, separator);
            if (cell)
                *cell++ = '\0';
        }
        double value;
        /* "<not supported>" and "<not counted>": no value, and none is made up. */
        if (line[0] == '#' || count < 3 || !read_number(&run, cells[0], &value))
            continue;
        /* With -r a column of the spread stands before the time that it ran. */
        const char *running = count > 5 && strchr(cells[3], '%') ? cells[5]
                              : count > 4                        ? cells[4]
                                                                 : NULL;
        add_event(&run, cells[2], cells[1], value, running ? strtod(running, NULL) : 100);
    }
    return peer_run_end(&run);
}

/* ---- text ---- */

/* "  1,234,567      cycles:u   #  2.1 GHz  ( +- 0.1% )  (75.01%)"; of two words before the comment
 * the first is the unit: "  12.34 Joules power/energy-pkg/". */
static void read_text_line(struct peer_run *run, const char *line)
{
    char number[64], word[2][80] = {"", ""};
    double value;
    int words = sscanf(line, " %63s %79s %79s", number, word[0], word[1]);
    if (words < 2 || !read_number(run, number, &value))
        return;
    if (strstr(line, "seconds time elapsed")) {
        peer_run_value(run, "elapsed_ms", "ms", DIRECTION_LOWER,
                       "wall time, mean of the repetitions", value * 1e3);
        return;
    }
    bool has_unit = words == 3 && *word[1] != '#' && *word[1] != '(';
    const char *event = has_unit ? word[1] : word[0];
    if (!isalpha((unsigned char)*event) || strcmp(word[0], "seconds") == 0)
        return;
    const char *percent = strrchr(line, '(');
    double running = 100;
    if (percent && !strstr(percent, "+-"))
        peer_number_after(percent, "(", &running);
    add_event(run, event, has_unit ? word[0] : "", value, running);
}

static int read_text(const struct peer_input *input, struct error *err)
{
    struct peer_run run;
    char line[1024], command[200] = "";
    size_t at = 0;
    bool has_title = false; /* before it stands the program's own output */
    peer_run_init(&run, &peer_perf_stat, input, 0, "perf stat", err);
    while (peer_line(input, &at, line, sizeof(line))) {
        const char *found = strstr(line, title);
        if (!found) {
            if (has_title)
                read_text_line(&run, line);
            continue;
        }
        has_title = true;
        found += strlen(title);
        if (*found != '\'') /* "process id '7'" is no command */
            continue;
        str_copy(command, sizeof(command), found + 1);
        char *end = strrchr(command, '\'');
        if (end)
            *end = '\0';
        facts_text(&run.workload, "command", command, input->file);
        str_copy(run.label, sizeof(run.label), command);
        str_make_printable(run.label);
        double runs;
        if (peer_number_after(line, "' (", &runs))
            facts_integer(&run.workload, "repetitions", (int64_t)runs, input->file);
    }
    return peer_run_end(&run);
}

/* ---- -j ---- */

/* One object per line; the numbers are strings, in the words of the text. */
static int read_json(const struct peer_input *input, struct error *err)
{
    struct peer_run run;
    char line[4096];
    size_t at = 0;
    peer_run_init(&run, &peer_perf_stat, input, 0, "perf stat", err);
    while (run.rc == 0 && peer_line(input, &at, line, sizeof(line))) {
        const char *object = strchr(line, '{');
        const char *close = strrchr(line, '}');
        if (!object || !close || close < object)
            continue;
        CLEANUP(json_reader_close) struct json_reader reader = {.file = input->file, .err = err};
        json_t *root = NULL;
        if (json_reader_parse(&reader, object, (size_t)(close - object) + 1, &root) < 0) {
            run.rc = reader.rc;
            break;
        }
        const char *value = json_string_value(json_object_get(root, "counter-value"));
        const char *event = json_string_value(json_object_get(root, "event"));
        const char *unit = json_string_value(json_object_get(root, "unit"));
        const json_t *running = json_object_get(root, "pcnt-running");
        double number;
        if (value && event && read_number(&run, value, &number))
            add_event(&run, event, unit ? unit : "", number,
                      json_is_number(running) ? json_number_value(running) : 100);
    }
    return peer_run_end(&run);
}

static int perf_stat_read(const struct peer_input *input, struct error *err)
{
    if (is_text(input))
        return read_text(input, err);
    if (is_json(input))
        return read_json(input, err);
    return read_separated(input, separator_of(input), err);
}

const struct peer peer_perf_stat = {.name = "perf_stat",
                                    .files = "perf stat: text, -x, -j",
                                    .is_text = true,
                                    .accepts = perf_stat_accepts,
                                    .read = perf_stat_read};
