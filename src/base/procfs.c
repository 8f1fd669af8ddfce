/* procfs.c: see procfs.h; the tree below a process is procfs_tree.c. */
#include "base/procfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/util.h"

/* Reads one decimal number and the blanks before it. Returns where it ended, NULL: no number. */
static const char *scan_number(const char *text, int64_t *ret_value)
{
    while (*text == ' ' || *text == '\t')
        text++;
    bool negative = *text == '-';
    text += negative;
    if (*text < '0' || *text > '9')
        return NULL;
    uint64_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return NULL;
    }
    /* Some fields are all 64 bits (rsslim); they come through unchanged. */
    *ret_value = negative ? (int64_t)(0 - value) : (int64_t)value;
    return text;
}

/* Numbers of the fields of /proc/PID/stat, as proc(5) counts them. */
enum stat_field {
    STAT_STATE = 3,
    STAT_PPID = 4,
    STAT_MINFLT = 10,
    STAT_MAJFLT = 12,
    STAT_UTIME = 14,
    STAT_STIME = 15,
    STAT_CUTIME = 16,
    STAT_CSTIME = 17,
    STAT_NUM_THREADS = 20,
    STAT_STARTTIME = 22,
    STAT_RSS = 24,
};

static int not_stat(struct error *err)
{
    return error_set(err, ERROR_INPUT, "not the text of /proc/PID/stat");
}

int procfs_parse_stat(const char *text, struct proc_stat *ret_stat, struct error *err)
{
    const char *open = strchr(text, '(');
    const char *close = strrchr(text, ')');
    int64_t field[STAT_RSS + 1];
    if (!open || !close || close < open || close[1] != ' ' || !scan_number(text, &field[0]) ||
        close[2] == '\0')
        return not_stat(err);

    const char *at = close + 3;
    for (int i = STAT_PPID; i <= STAT_RSS; i++) {
        at = scan_number(at, &field[i]);
        if (!at)
            return not_stat(err);
    }

    struct proc_stat stat = {
        .pid = (pid_t)field[0],
        .ppid = (pid_t)field[STAT_PPID],
        .state = close[2],
        .minor_faults = (uint64_t)field[STAT_MINFLT],
        .major_faults = (uint64_t)field[STAT_MAJFLT],
        .user_ticks = (uint64_t)field[STAT_UTIME],
        .system_ticks = (uint64_t)field[STAT_STIME],
        .child_user_ticks = (uint64_t)field[STAT_CUTIME],
        .child_system_ticks = (uint64_t)field[STAT_CSTIME],
        .threads = (uint64_t)field[STAT_NUM_THREADS],
        .start_ticks = (uint64_t)field[STAT_STARTTIME],
        .rss_pages = (uint64_t)field[STAT_RSS],
    };
    size_t length = u64_min((size_t)(close - open - 1), sizeof(stat.comm) - 1);
    memcpy(stat.comm, open + 1, length);
    *ret_stat = stat;
    return 0;
}

int procfs_parse_io(const char *text, struct proc_io *ret_io, struct error *err)
{
    struct proc_io io = {0};
    struct {
        const char *name;
        uint64_t *value;
        bool is_needed, seen;
    } rows[] = {
        {"rchar:", &io.char_read_bytes, true, false},
        {"wchar:", &io.char_written_bytes, true, false},
        {"read_bytes:", &io.read_bytes, false, false},
        {"write_bytes:", &io.written_bytes, false, false},
    };
    size_t needed = 0;
    io.read_bytes = io.written_bytes = UINT64_MAX;
    for (const char *line = text; *line; line = strchrnul(line, '\n'), line += *line == '\n') {
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            int64_t value;
            if (!str_starts_with(line, rows[i].name) || rows[i].seen ||
                !scan_number(line + strlen(rows[i].name), &value))
                continue;
            *rows[i].value = (uint64_t)value;
            rows[i].seen = true;
            needed += rows[i].is_needed;
        }
    }
    if (needed != 2)
        return error_set(err, ERROR_INPUT, "not the text of /proc/PID/io");
    *ret_io = io;
    return 0;
}

int procfs_read_stat(const struct root *root, pid_t pid, struct proc_stat *ret_stat,
                     struct error *err)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "proc/%d/stat", pid);
    ssize_t length = root_read(root, path, text, sizeof(text), err);
    if (length < 0)
        return (int)length;
    int code = procfs_parse_stat(text, ret_stat, err);
    if (code < 0)
        error_at(err, path, 1, 0);
    return code;
}

int procfs_pread_stat(int fd, struct proc_stat *ret_stat)
{
    char text[1024];
    ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
    if (length <= 0) /* ESRCH once it was waited for */
        return -ERROR_ABSENT;
    text[length] = '\0';
    return procfs_parse_stat(text, ret_stat, NULL);
}

int procfs_read_rss_pages(const struct root *root, pid_t pid, uint64_t *ret_pages,
                          struct error *err)
{
    char path[64], text[256];
    snprintf(path, sizeof(path), "proc/%d/statm", pid);
    ssize_t length = root_read(root, path, text, sizeof(text), err);
    if (length < 0)
        return (int)length;
    int64_t size_pages, resident_pages;
    const char *at = scan_number(text, &size_pages);
    if (!at || !scan_number(at, &resident_pages)) {
        error_set(err, ERROR_INPUT, "not the text of /proc/PID/statm");
        error_at(err, path, 1, 0);
        return -ERROR_INPUT;
    }
    *ret_pages = (uint64_t)resident_pages;
    return 0;
}
