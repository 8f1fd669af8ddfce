/* tegrastats.h: what NVIDIA's tegrastats prints, line by line, on every board and release.
 *
 * What: there is no table per board: a line is a list of groups, recognised by their form:
 *         RAM u/tMB (…)  SWAP u/tMB (…)  IRAM u/tkB(…)      memory
 *         CPU [12%@1497,off,…]  cpu [17%,13%]@408            cores
 *         NAME 3%@1300  NAME 0%@[305,0]  NAME off  NAME 716  a unit with load and clock
 *         NAME@45.5C  NAME@45C/47C                           a temperature (and its largest so far)
 *         NAME 4067/4067  NAME 2763mW/2846mW/2900mW          a rail: now, mean and peak since start
 *         MTS fg 0% bg 0%                                    Denver and Carmel cores
 *       An unknown name is kept like any other; a form that is none of these is counted.
 * Which value: the first of a rail. The second is the mean since tegrastats began, so that
 * averaging it weighs the past twice. Units: MB (2^20), percent, MHz, degrees C, mW. NaN: not said;
 * `is_off`: said to be off, not 0. Time: the stamp of newer releases has whole seconds and no zone,
 * and lines may share one; another before the groups (log_line.h's, "09:08:28") is cut to seconds.
 * Memory: the caller's line; names point into the text. Threads: any. Errors: see
 * tegrastats_line_parse.
 */
#ifndef TACHO_FORMAT_TEGRASTATS_H
#define TACHO_FORMAT_TEGRASTATS_H

#include <stdbool.h>
#include <stddef.h>

#define TEGRASTATS_ITEMS_MAX 160
#define TEGRASTATS_RULE 160

enum tegrastats_kind {
    TEGRASTATS_MEMORY, /* value: used MB, second: total MB */
    TEGRASTATS_CORE,   /* value: load %, second: MHz; index: which */
    TEGRASTATS_UNIT,   /* value: load %, second: MHz (the largest of several) */
    TEGRASTATS_TEMP,   /* value: degrees C, second: largest so far */
    TEGRASTATS_RAIL,   /* value: mW now, second: mean since start, third: peak */
};

struct tegrastats_item {
    enum tegrastats_kind kind;
    bool is_off;
    unsigned index;
    const char *name; /* not terminated */
    size_t name_length;
    double value, second, third;
};

struct tegrastats_line {
    bool has_time;
    int month, day, year, hour, minute, second; /* local time of the board */
    size_t count;
    struct tegrastats_item items[TEGRASTATS_ITEMS_MAX];
    size_t unknown; /* groups of no known form */
    bool is_cut;    /* the line ends within a group */
    bool is_spoilt; /* more memory in use than there is; that group is left out */
};

/* Whether it is a line of tegrastats at all: it has memory, and cores or a unit. The line ends
 * before its newline. */
bool tegrastats_line_parse(const char *text, size_t size, struct tegrastats_line *ret_line);
/* The power of the whole board, mW; NaN: the line cannot tell. What it is made of goes into `rule`
 * (TEGRASTATS_RULE bytes, or NULL) if that is still empty. */
double tegrastats_total_mw(const struct tegrastats_line *line, char *rule);
/* The mean load of the cores that are on, %, which tegrastats calls an approximation; NaN: none. */
double tegrastats_cores_pct(const struct tegrastats_line *line);

#endif
