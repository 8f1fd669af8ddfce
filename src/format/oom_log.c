/* oom_log.c: see oom_log.h. One function for each form of line, from general to particular; the
 * texts are those of mm/oom_kill.c, mm/memcontrol.c and arch/.../mm/fault.c of Linux 3 to 6, of
 * systemd and of earlyoom. */
#include "format/oom_log.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/log_vector.h"
#include "format/number.h"

/* An event whose lines are further apart is two. */
#define EVENT_LINES_MAX 4000
#define EVENT_SECONDS_MAX 30.0

struct text {
    const char *at, *end;
};

const char *kill_kind_name(enum kill_kind kind)
{
    static const char *const names[KILL_KINDS] = {"oom_global", "oom_memcg", "oom_kernel", "oomd",
                                                  "earlyoom",   "oom_unit",  "signal",     "crash"};
    return names[kind];
}

/* ---- text ---- */

/* Behind the first `word` in it; NULL: there is none. */
static const char *find(struct text text, const char *word)
{
    size_t size = strlen(word);
    const char *at =
        text.end > text.at ? memmem(text.at, (size_t)(text.end - text.at), word, size) : NULL;
    return at ? at + size : NULL;
}

static void copy(char *dst, size_t size, const char *at, const char *end)
{
    size_t want = at < end ? (size_t)(end - at) : 0;
    if (want >= size)
        want = size - 1;
    memcpy(dst, at, want);
    dst[want] = '\0';
    str_make_printable(dst);
}

static const char *until(const char *at, const char *end, const char *stops)
{
    while (at < end && *at != '\0' && !strchr(stops, *at))
        at++;
    return at;
}

static int64_t whole(const char *at, const char *end)
{
    int64_t value = 0;
    const char *c = at;
    while (c < end && *c == ' ')
        c++;
    const char *first = c;
    for (; c < end && *c >= '0' && *c <= '9' && c - first < 18; c++)
        value = value * 10 + (*c - '0');
    return c > first ? value : -1;
}

/* "anon-rss:64640kB": the number behind the key; a key that is not there leaves *ret. */
static void kilobytes(struct text text, const char *key, double *ret)
{
    const char *at = find(text, key);
    int64_t value = at ? whole(at, text.end) : -1;
    if (value >= 0)
        *ret = (double)value;
}

/* The word that ends at `at`, back to a blank: the unit of "foo.service: Failed …". */
static const char *word_back(const char *begin, const char *at)
{
    while (at > begin && at[-1] != ' ')
        at--;
    return at;
}

/* ---- events ---- */

static void flush(struct oom_log *log)
{
    /* What asked and named no victim is no kill: dump of tasks, or the end of the file. */
    bool is_told = log->is_open && (log->is_killed || log->open.victim[0] || log->open.unit[0]);
    if (is_told && log->ready_count < ARRAY_LEN(log->ready))
        log->ready[log->ready_count++] = log->open;
    log->is_open = log->is_killed = log->has_summary = false;
}

static void begin(struct oom_log *log, enum kill_kind kind, uint64_t line, double time_s)
{
    flush(log);
    log->open = (struct kill_event){
        .kind = kind,
        .pid = -1,
        .victims = 1,
        .total_vm_kb = NAN,
        .anon_rss_kb = NAN,
        .file_rss_kb = NAN,
        .shmem_rss_kb = NAN,
        .usage_kb = NAN,
        .limit_kb = NAN,
        .first_line = line,
        .last_line = line,
        .time_s = time_s,
    };
    log->is_open = true;
}

static bool is_near(const struct oom_log *log, uint64_t line, double time_s, double seconds)
{
    double apart = fabs(time_s - log->open.time_s);
    return log->is_open && line - log->open.last_line <= EVENT_LINES_MAX &&
           (isnan(apart) || apart <= seconds);
}

static bool is_kernel(const struct oom_log *log)
{
    return log->is_open && log->open.kind <= KILL_OOM_KERNEL;
}

/* The kernel's event that goes on here, or a new one. */
static void kernel_event(struct oom_log *log, uint64_t line, double time_s)
{
    if (!is_kernel(log) || !is_near(log, line, time_s, EVENT_SECONDS_MAX))
        begin(log, KILL_OOM_KERNEL, line, time_s);
    log->open.last_line = line;
}

/* ---- the kernel ---- */

static bool invoked(struct oom_log *log, struct text text, uint64_t line, double time_s)
{
    const char *behind = find(text, " invoked oom-killer");
    if (!behind)
        return false;
    const char *stop = behind - strlen(" invoked oom-killer"), *at = stop;
    /* comm may hold blanks: back to the end of what stands before a message. */
    while (at > text.at && at[-1] != ']' && at[-1] != ';' &&
           !(at[-1] == ' ' && at - text.at >= 2 && at[-2] == ':') && stop - at < 63)
        at--;
    while (at < stop && *at == ' ')
        at++;
    begin(log, KILL_OOM_KERNEL, line, time_s);
    copy(log->open.requester, sizeof(log->open.requester), at, stop);
    return true;
}

/* "oom-kill:constraint=…,oom_memcg=/a,task_memcg=/a/b,task=NAME,pid=1,uid=0": NAME may hold commas,
 * so the fields behind it are found from the right. */
static bool summary(struct oom_log *log, struct text text, uint64_t line, double time_s)
{
    const char *at = find(text, "oom-kill:constraint=");
    if (!at)
        return false;
    if (log->is_killed)
        flush(log); /* of the event before: its "invoked" line is missing */
    kernel_event(log, line, time_s);
    struct text rest = {at, text.end};
    const char *memcg = find(rest, ",oom_memcg="), *task = find(rest, ",task=");
    const char *task_memcg = find(rest, ",task_memcg="), *pid = NULL;
    bool is_global = find(rest, ",global_oom") != NULL;
    log->open.kind = memcg ? KILL_OOM_MEMCG : is_global ? KILL_OOM_GLOBAL : log->open.kind;
    if (memcg && task_memcg)
        copy(log->open.cgroup, sizeof(log->open.cgroup), memcg,
             task_memcg - strlen(",task_memcg="));
    for (const char *next = task; next; next = find((struct text){next, text.end}, ",pid="))
        pid = next;
    if (task && pid != task) {
        copy(log->open.victim, sizeof(log->open.victim), task, pid - strlen(",pid="));
        log->open.pid = whole(pid, text.end);
        log->has_summary = true;
    }
    return true;
}

/* "Killed process 12 (na)me) total-vm:1kB, …", "Killed process 12, UID 5, (name) total-vm:…" */
static void victim(struct kill_event *event, const char *at, const char *end)
{
    static const char *const behind_name[] = {" total-vm:", ", UID ", " score "};
    struct text rest = {at, end};
    const char *open = memchr(at, '(', (size_t)(end - at)), *stop = end;
    event->pid = whole(at, end);
    for (size_t i = 0; i < ARRAY_LEN(behind_name) && open; i++) {
        const char *behind = find((struct text){open, end}, behind_name[i]);
        if (behind && behind - strlen(behind_name[i]) < stop)
            stop = behind - strlen(behind_name[i]);
    }
    const char *close = open ? memrchr(open, ')', (size_t)(stop - open)) : NULL;
    if (open)
        copy(event->victim, sizeof(event->victim), open + 1, close ? close : stop);
    kilobytes(rest, "total-vm:", &event->total_vm_kb);
    kilobytes(rest, "anon-rss:", &event->anon_rss_kb);
    kilobytes(rest, "file-rss:", &event->file_rss_kb);
    kilobytes(rest, "shmem-rss:", &event->shmem_rss_kb);
}

static bool killed(struct oom_log *log, struct text text, uint64_t line, double time_s)
{
    const char *at = find(text, "Killed process ");
    bool is_done = at != NULL;
    at = at ? at : find(text, "Kill process ");
    if (!at || whole(at, text.end) < 0)
        return false;
    bool is_group = strcmp(log->open.detail, "memory.oom.group") == 0;
    if (is_kernel(log) && log->is_killed && is_near(log, line, time_s, EVENT_SECONDS_MAX) &&
        is_group) {
        log->open.victims += is_done && whole(at, text.end) != log->open.pid;
        log->open.last_line = line;
        return true;
    }
    if (is_kernel(log) && (log->is_killed || log->has_summary) &&
        whole(at, text.end) != log->open.pid)
        flush(log);
    kernel_event(log, line, time_s);
    if (find(text, "emory cgroup out of memory"))
        log->open.kind = KILL_OOM_MEMCG;
    else if (find(text, "Out of memory") && log->open.kind == KILL_OOM_KERNEL)
        log->open.kind = KILL_OOM_GLOBAL;
    victim(&log->open, at, text.end);
    log->is_killed = is_done;
    return true;
}

/* What stands between the lines above. */
static bool kernel_more(struct oom_log *log, struct text text, uint64_t line, double time_s)
{
    const char *at;
    if ((at = find(text, " killed as a result of limit of "))) { /* 3.x, 4.x */
        kernel_event(log, line, time_s);
        log->open.kind = KILL_OOM_MEMCG;
        copy(log->open.cgroup, sizeof(log->open.cgroup), at, text.end);
        return true;
    }
    if (!is_kernel(log) || !is_near(log, line, time_s, EVENT_SECONDS_MAX))
        return false;
    if (find(text, "memory: usage ")) {
        kilobytes(text, "usage ", &log->open.usage_kb);
        kilobytes(text, "limit ", &log->open.limit_kb);
        log->open.kind = KILL_OOM_MEMCG;
    } else if ((at = find(text, "Tasks in ")) && find(text, " are going to be killed")) {
        str_copy(log->open.detail, sizeof(log->open.detail), "memory.oom.group");
        if (!log->open.cgroup[0])
            copy(log->open.cgroup, sizeof(log->open.cgroup), at, until(at, text.end, " "));
    } else if ((at = find(text, "oom_reaper: reaped process "))) {
        log->open.is_reaped = log->open.is_reaped || whole(at, text.end) == log->open.pid;
    } else {
        return false;
    }
    log->open.last_line = line;
    return true;
}

/* "python3[12]: segfault at 0 ip …", "traps: a.out[12] general protection fault ip:… in lib.so[…"
 */
static bool crash(struct oom_log *log, struct text text, uint64_t line, double time_s)
{
    static const char *const words[] = {": segfault at ",          " general protection fault ip:",
                                        " general protection ip:", " trap invalid opcode ip:",
                                        " trap divide error ip:",  " trap int3 ip:",
                                        " trap stack segment ip:", ": unhandled level "};
    const char *behind = NULL, *stop = NULL;
    for (size_t i = 0; i < ARRAY_LEN(words) && !behind; i++) {
        behind = find(text, words[i]);
        stop = behind ? behind - strlen(words[i]) : NULL;
    }
    if (!behind || stop == text.at || stop[-1] != ']' ||
        (!find(text, "trap") && !find(text, "fault")))
        return false;
    const char *open = memrchr(text.at, '[', (size_t)(stop - text.at));
    if (!open || whole(open + 1, stop) < 0)
        return false;
    const char *at = open;
    while (at > text.at && at[-1] != ']' && at[-1] != ';' &&
           !(at[-1] == ' ' && at - text.at >= 2 && at[-2] == ':') && open - at < 63)
        at--;
    while (at < open && *at == ' ')
        at++;
    if (text.end - at > 7 && memcmp(at, "traps: ", 7) == 0)
        at += 7;
    begin(log, KILL_CRASH, line, time_s);
    copy(log->open.victim, sizeof(log->open.victim), at, open);
    log->open.pid = whole(open + 1, stop);
    char object[96];
    const char *in = find((struct text){behind, text.end}, " in ");
    copy(object, sizeof(object), in ? in : text.end, in ? until(in, text.end, "[,") : text.end);
    bool is_segfault = strncmp(stop, ": s", 3) == 0;
    int kind_size = (int)(until(behind, text.end, "(") - behind) - 1;
    const char *fault = stop[0] == ':' ? behind : stop + 1;
    if (is_segfault)
        snprintf(log->open.detail, sizeof(log->open.detail), "segmentation fault");
    else if (stop[0] == ':')
        snprintf(log->open.detail, sizeof(log->open.detail), "unhandled level %.*s",
                 kind_size > 0 && kind_size < 60 ? kind_size : 0, fault);
    else
        copy(log->open.detail, 60, fault, behind - 4);
    size_t size = strlen(log->open.detail);
    if (object[0])
        snprintf(log->open.detail + size, sizeof(log->open.detail) - size, " in %s", object);
    log->is_killed = true;
    return true;
}

/* ---- user space ---- */

static bool oomd(struct oom_log *log, struct text text, uint64_t line, double time_s)
{
    const char *at = find(text, "Killed /"), *due;
    if (at && (due = find((struct text){at, text.end}, " due to "))) {
        begin(log, KILL_OOMD, line, time_s);
        copy(log->open.cgroup, sizeof(log->open.cgroup), at - 1, due - strlen(" due to "));
        copy(log->open.detail, sizeof(log->open.detail), due, text.end);
        const char *slash = strrchr(log->open.cgroup, '/');
        str_copy(log->open.unit, sizeof(log->open.unit), slash ? slash + 1 : log->open.cgroup);
        log->is_killed = true;
        return true;
    }
    at = find(text, ": systemd-oomd killed ");
    if (!at)
        return false;
    const char *stop = at - strlen(": systemd-oomd killed ");
    char unit[sizeof(log->open.unit)];
    copy(unit, sizeof(unit), word_back(text.at, stop), stop);
    if (!log->is_open || log->open.kind != KILL_OOMD || strcmp(log->open.unit, unit) != 0 ||
        !is_near(log, line, time_s, EVENT_SECONDS_MAX))
        begin(log, KILL_OOMD, line, time_s);
    str_copy(log->open.unit, sizeof(log->open.unit), unit);
    int64_t count = whole(at, text.end);
    log->open.victims = count > 0 ? (uint64_t)count : 1;
    log->open.last_line = line;
    log->is_killed = true;
    return true;
}

/* sending SIGTERM to process 12 uid 1000 "name": badness 852, VmRSS 123 MiB */
static bool earlyoom(struct oom_log *log, struct text text, uint64_t line, double time_s)
{
    const char *at = find(text, "sending SIG"), *pid, *name;
    if (!at || !(pid = find((struct text){at, text.end}, " to process ")) ||
        !(name = find((struct text){pid, text.end}, "\"")) || !find(text, "VmRSS"))
        return false;
    int64_t process = whole(pid, text.end);
    if (!log->is_open || log->open.kind != KILL_EARLYOOM || log->open.pid != process)
        begin(log, KILL_EARLYOOM, line, time_s);
    struct text rest = {name, text.end};
    const char *close = find(rest, "\": "), *rss = find(rest, "VmRSS ");
    copy(log->open.victim, sizeof(log->open.victim), name, close ? close - 3 : text.end);
    copy(log->open.detail, sizeof(log->open.detail), at - 3, until(at, text.end, " "));
    log->open.pid = process;
    int64_t mib = rss ? whole(rss, text.end) : -1;
    if (mib >= 0)
        log->open.anon_rss_kb = (double)mib * 1024;
    log->open.last_line = line;
    log->is_killed = true;
    return true;
}

/* Signals with which people and systemd stop what may go on. */
static bool is_asked_for(const char *status, const char *end)
{
    int64_t number = whole(status, end);
    return number == 15 || number == 2 || number == 1;
}

/* "foo.service: Failed with result 'oom-kill'.", "…: A process of this unit has been killed by the
 * OOM killer.", "…: Main process exited, code=killed, status=9/KILL" */
static bool unit_line(struct oom_log *log, struct text text, uint64_t line, double time_s)
{
    static const char *const oom_words[] = {": Failed with result 'oom-kill'",
                                            ": A process of this unit has been killed by the OOM",
                                            ": The kernel OOM killer killed some processes"};
    static const char *const exit_words[] = {" process exited, code=killed, status=",
                                             " process exited, code=dumped, status="};
    const char *behind = NULL, *stop = NULL, *status = NULL;
    for (size_t i = 0; i < ARRAY_LEN(oom_words) && !behind; i++) {
        behind = find(text, oom_words[i]);
        stop = behind ? behind - strlen(oom_words[i]) : NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(exit_words) && !behind && !status; i++) {
        status = find(text, exit_words[i]);
        const char *head = find(text, ".service: ");
        stop = status && head && head < status ? head - 2 : NULL;
    }
    if (!stop || stop <= text.at || (status && is_asked_for(status, text.end)))
        return false;
    char unit[sizeof(log->open.unit)];
    copy(unit, sizeof(unit), word_back(text.at, stop), stop);
    bool is_same = log->is_open && strcmp(log->open.unit, unit) == 0;
    bool may_join = log->is_open && (is_same || !log->open.unit[0]) &&
                    (log->open.kind <= KILL_OOM_KERNEL || is_same ||
                     (status && log->open.kind == KILL_CRASH && whole(status, text.end) != 9));
    if (!may_join || !is_near(log, line, time_s, EVENT_SECONDS_MAX))
        begin(log, status ? KILL_SIGNAL : KILL_OOM_UNIT, line, time_s);
    else if (!status && log->open.kind == KILL_SIGNAL)
        log->open.kind = KILL_OOM_UNIT;
    str_copy(log->open.unit, sizeof(log->open.unit), unit);
    if (status && !log->open.detail[0])
        copy(log->open.detail, sizeof(log->open.detail), status, until(status, text.end, " "));
    log->open.last_line = line;
    log->is_killed = true;
    return true;
}

/* ---- lines ---- */

/* Each form above holds one of these, and few other lines do: kill, Killed, oom-killer, SIGKILL;
 * fault; traps; code=dumped; usage, limit of a cgroup. */
LOG_VECTOR_INLINE void may_begin(const char *text, log_bytes *ret)
{
    log_bytes a, b, c, d, e;
    log_load(&a, text);
    log_load(&b, text + 1);
    log_load(&c, text + 2);
    log_load(&d, text + 3);
    log_load(&e, text + 4);
    *ret = (log_bytes)(((a == 'i') & (b == 'l') & (c == 'l')) |
                       ((a == 'f') & (b == 'a') & (c == 'u') & (d == 'l')) |
                       ((a == 't') & (b == 'r') & (c == 'a') & (d == 'p')) |
                       ((a == 'u') & (b == 's') & (c == 'a') & (d == 'g')) |
                       ((a == 'o') & (b == 'o') & (c == 'm')) |
                       ((a == 'S') & (b == 'I') & (c == 'G')) |
                       ((a == 'c') & (b == 'o') & (d == 'e') & (e == '=')));
}

static bool may_be_about(const char *text, size_t size)
{
    return log_may_hold(text, size, may_begin);
}

LOG_VECTOR_AVX2 static bool may_be_about_avx2(const char *text, size_t size)
{
    return log_may_hold(text, size, may_begin);
}

bool oom_log_is_about(const char *text, size_t size)
{
    if (!(LOG_VECTOR_HAS_AVX2() ? may_be_about_avx2(text, size) : may_be_about(text, size)))
        return false;
    for (size_t i = 2; i + 1 < size; i++) {
        const char *at = text + i;
        switch (*at) { /* the third letter of four */
        case 'l':
            if (at[-1] == 'i' && at[1] == 'l')
                return true;
            break;
        case 'u':
            if (at[-1] == 'a' && at[-2] == 'f' && at[1] == 'l')
                return true;
            break;
        case 'a':
            if ((at[-1] == 'r' && at[-2] == 't' && at[1] == 'p') ||
                (at[-1] == 's' && at[-2] == 'u' && at[1] == 'g'))
                return true;
            break;
        case 'm':
            if (at[-1] == 'o' && at[-2] == 'o')
                return true;
            break;
        case 'G':
            if (at[-1] == 'I' && at[-2] == 'S')
                return true;
            break;
        default:
            break;
        }
    }
    return memmem(text, size, "code=dumped", 11) != NULL;
}

bool oom_log_line(struct oom_log *log, const char *text, size_t size, uint64_t line, double time_s)
{
    static bool (*const forms[])(struct oom_log *, struct text, uint64_t, double) = {
        invoked, summary, killed, kernel_more, crash, oomd, earlyoom, unit_line,
    };
    struct text whole_line = {text, text + size};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (forms[i](log, whole_line, line, time_s))
            return true;
    }
    return false;
}

void oom_log_end(struct oom_log *log)
{
    flush(log);
}

bool oom_log_take(struct oom_log *log, struct kill_event *ret)
{
    if (log->ready_count == 0)
        return false;
    *ret = log->ready[0];
    log->ready[0] = log->ready[1];
    log->ready_count--;
    return true;
}
