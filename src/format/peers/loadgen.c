/* loadgen.c: the summary of MLPerf's LoadGen (mlperf_log_summary.txt): "name : value" lines, times
 * in nanoseconds. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "base/util.h"
#include "format/peers/peer.h"

extern const struct peer peer_loadgen;

static bool loadgen_accepts(const struct peer_input *input)
{
    return peer_holds(input, "MLPerf Results Summary", input->size);
}

/* "99.00 percentile latency (ns)": "p99_00_latency"; whatever else: lower case, '_' between. */
static void make_name(const char *key, char *name, size_t size)
{
    size_t length = 0;
    if (isdigit((unsigned char)*key))
        name[length++] = 'p';
    for (; *key && *key != '(' && length + 1 < size; key++) {
        if (isalnum((unsigned char)*key))
            name[length++] = (char)tolower((unsigned char)*key);
        else if (length > 0 && name[length - 1] != '_')
            name[length++] = '_';
    }
    while (length > 0 && name[length - 1] == '_')
        length--;
    name[length] = '\0';
}

static void read_pair(struct peer_run *run, char *key, const char *text)
{
    char *end, name[80], full[96];
    double value = strtod(text, &end);
    bool is_ns = strstr(key, "(ns)") != NULL;
    if (end == text || end[strspn(end, " \t")] != '\0') {
        make_name(key, name, sizeof(name));
        facts_text(&run->workload, name, text, run->input->file);
        return;
    }
    make_name(key, name, sizeof(name));
    snprintf(full, sizeof(full), "%s%s", name, is_ns ? "_ms" : "");
    bool is_rate = strstr(key, "per second") != NULL;
    enum direction direction = strstr(key, "latency") ? DIRECTION_LOWER
                               : is_rate              ? DIRECTION_HIGHER
                                                      : DIRECTION_NEITHER;
    peer_run_value(run, full,
                   is_ns     ? "ms"
                   : is_rate ? "1/s"
                             : "",
                   direction, "as LoadGen defines it for this scenario",
                   is_ns ? value / 1e6 : value);
}

/* Behind the name. Most of them have a blank before the colon; what has none in LoadGen's source is
 * told by its end, because other programs' lines may stand in the file, too. */
static char *find_colon(char *line)
{
    static const char *const without[] = {"per second: ", "satisfied: "};
    char *colon = strstr(line, " : ");
    for (size_t i = 0; i < ARRAY_LEN(without) && !colon; i++) {
        char *found = strstr(line, without[i]);
        colon = found ? found + strlen(without[i]) - 2 : NULL;
    }
    return colon;
}

/* The names and scenario first: facts have to be known before the first value. */
static void read_lines(struct peer_run *run, bool wants_texts)
{
    char line[512];
    size_t at = 0;
    while (peer_line(run->input, &at, line, sizeof(line))) {
        char *colon = find_colon(line);
        if (strstr(line, "Test Parameters Used"))
            return; /* what was asked for is no result */
        if (!colon)
            continue;
        *colon = '\0';
        const char *text = colon + 1 + strspn(colon + 1, ": ");
        if (wants_texts == !(isdigit((unsigned char)*text) || *text == '-'))
            read_pair(run, line + strspn(line, " "), text);
    }
}

/* LoadGen's own verdict: its figures stand there all the same, and are not to be taken for valid.
 */
static void tell_invalid(struct peer_run *run)
{
    if (strcasecmp(facts_get_text(&run->workload, "result_is", ""), "INVALID") != 0)
        return;
    char reasons[200] = "";
    size_t length = 0;
    facts_foreach (&run->workload, fact) {
        if (fact->kind != FACT_TEXT || strcasecmp(fact->text, "NO") != 0)
            continue;
        int more = snprintf(reasons + length, sizeof(reasons) - length, "%s%.60s",
                            length ? ", " : ": not so: ", fact->key);
        length += more > 0 && length + (size_t)more < sizeof(reasons) ? (size_t)more : 0;
        reasons[length] = '\0';
    }
    for (char *c = reasons; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    struct finding finding;
    finding_init(&finding, "result_invalid", SEVERITY_WARNING, "");
    finding_sentence(&finding, "LoadGen calls this result INVALID%s", reasons);
    finding_advice(&finding, "do not report or compare these figures; the file's Recommendations "
                             "say what to change");
    peer_run_finding(run, &finding);
}

static int loadgen_read(const struct peer_input *input, struct error *err)
{
    struct peer_run run;
    peer_run_init(&run, &peer_loadgen, input, 0, "MLPerf LoadGen", err);
    read_lines(&run, true);
    read_lines(&run, false);
    tell_invalid(&run);
    return peer_run_end(&run);
}

const struct peer peer_loadgen = {.name = "loadgen",
                                  .files = "mlperf_log_summary.txt",
                                  .is_text = true,
                                  .accepts = loadgen_accepts,
                                  .read = loadgen_read};
