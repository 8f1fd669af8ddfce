/* target.c: see target.h. */
#include "control/target.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/procfs.h"
#include "base/str.h"
#include "base/util.h"

#define PIDS_MAX 65536
#define NEAREST_MAX 3

/* ---- what /proc says of a process ---- */

/* The command line with blanks between the arguments. False: none (a kernel thread, a zombie). */
static bool read_command(const struct root *root, pid_t pid, char *command, size_t size)
{
    char path[64], text[TARGET_COMMAND_MAX * 8];
    snprintf(path, sizeof(path), "proc/%d/cmdline", (int)pid);
    int fd = root_open_file(root, path, NULL);
    if (fd < 0)
        return false;
    /* Longer than the buffer is fine: the pattern is looked for in the beginning. */
    ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
    close(fd);
    while (length > 0 && text[length - 1] == '\0')
        length--;
    if (length <= 0)
        return false;
    for (ssize_t i = 0; i < length; i++)
        text[i] = text[i] ? text[i] : ' ';
    text[length] = '\0';
    str_copy(command, size, text);
    str_make_printable(command);
    return true;
}

/* ---- holding one ---- */

static int open_pidfd(const struct root *root, pid_t pid)
{
#ifdef SYS_pidfd_open
    return root->is_machine ? (int)syscall(SYS_pidfd_open, pid, 0u) : -1;
#else
    (void)root, (void)pid;
    return -1;
#endif
}

int target_hold(const struct root *root, pid_t pid, struct target *ret_target, struct error *err)
{
    struct target target = {.pid = pid, .pidfd = open_pidfd(root, pid)};
    struct proc_stat stat;
    /* Read after the pidfd was opened: if the pid still has this start time, both mean the same. */
    int rc = procfs_read_stat(root, pid, &stat, err);
    if (rc < 0 || stat.state == 'Z') {
        target_release(&target);
        if (rc < 0 && rc != -ERROR_ABSENT)
            return rc;
        error_set(err, ERROR_NOTHING,
                  rc < 0 ? "no process has the pid %d" : "the process %d has ended: it is a zombie",
                  (int)pid);
        return error_hint(err, "ps -e lists those that run");
    }
    target.start_ticks = stat.start_ticks;
    str_copy(target.name, sizeof(target.name), stat.comm);
    str_make_printable(target.name);
    if (!read_command(root, pid, target.command, sizeof(target.command)))
        snprintf(target.command, sizeof(target.command), "[%s]", target.name);
    *ret_target = target;
    return 0;
}

void target_release(struct target *target)
{
    if (target->pid && target->pidfd >= 0)
        close(target->pidfd);
    target->pidfd = -1;
}

bool target_has_ended(const struct root *root, const struct target *target)
{
    if (target->pidfd >= 0) {
        struct pollfd polled = {.fd = target->pidfd, .events = POLLIN};
        return poll(&polled, 1, 0) > 0 && polled.revents != 0;
    }
    struct proc_stat stat;
    return procfs_read_stat(root, target->pid, &stat, NULL) < 0 || stat.state == 'Z' ||
           stat.start_ticks != target->start_ticks;
}

/* ---- why it ended ---- */

/* The first version of the kernel's struct pidfd_info (linux/pidfd.h, 6.13; the exit status since
 * 6.15), declared here because the headers of a board are older than its kernel. */
struct pidfd_info_v0 {
    uint64_t mask;
    uint64_t cgroupid;
    uint32_t pid, tgid, ppid;
    uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t exit_code;
};
_Static_assert(sizeof(struct pidfd_info_v0) == 64, "as the kernel has it");
#define PIDFD_GET_INFO_V0 _IOWR(0xFF, 11, struct pidfd_info_v0)
#define PIDFD_EXIT_CODE (1u << 3)

#define REAP_WAIT_MS 50 /* a parent that waits for its children takes microseconds */

/* From 6.13 on (-1: not) the kernel answers; true: and tells how it ended, which it does as soon as
 * somebody has waited for it. */
static int ask_kernel(const struct target *target, int *ret_status)
{
    struct pidfd_info_v0 info = {.mask = PIDFD_EXIT_CODE};
    if (target->pidfd < 0 || ioctl(target->pidfd, PIDFD_GET_INFO_V0, &info) != 0)
        return -1;
    *ret_status = info.exit_code;
    return (info.mask & PIDFD_EXIT_CODE) != 0;
}

/* Field 52 of /proc/PID/stat (proc(5), exit_code); fields after the name are those from 3 on. */
static bool parse_status(const char *stat, int *ret_status)
{
    const char *at = strrchr(stat, ')');
    char *end = NULL;
    for (int field = 3; at && field <= 52; field++)
        at = strchr(at + 1, ' ');
    long status = at ? strtol(at + 1, &end, 10) : 0;
    *ret_status = (int)status;
    return at && end != at + 1;
}

/* While it is a zombie /proc/PID/stat tells how it ended, to those who may trace it; to others it
 * says 0, as of an exit in good order. Who may, is told by /proc/PID/exe: of a zombie that is no
 * link any more (ENOENT), which others may not even ask (EACCES). */
static bool read_zombie(const struct root *root, const struct target *target, int *ret_status)
{
    char path[64], text[4096], link[16];
    struct proc_stat stat;
    int status;
    snprintf(path, sizeof(path), "proc/%d/stat", (int)target->pid);
    if (root_read(root, path, text, sizeof(text), NULL) < 0 ||
        procfs_parse_stat(text, &stat, NULL) < 0 || stat.state != 'Z' ||
        stat.start_ticks != target->start_ticks || !parse_status(text, &status))
        return false;
    snprintf(path, sizeof(path), "proc/%d/exe", (int)target->pid);
    if (status == 0 && (readlinkat(root->fd, path, link, sizeof(link)) >= 0 || errno != ENOENT))
        return false;
    *ret_status = status;
    return true;
}

/* Between the kernel's two answers lies the moment in which its parent waits for it. */
static const char *find_status(const struct root *root, const struct target *target,
                               int *ret_status)
{
    static const char by_kernel[] = "PIDFD_GET_INFO";
    int answer = ask_kernel(target, ret_status);
    if (answer > 0)
        return by_kernel;
    if (read_zombie(root, target, ret_status))
        return "/proc/PID/stat";
    if (answer == 0) {
        struct pollfd polled = {.fd = target->pidfd}; /* POLLHUP: somebody has waited for it */
        poll(&polled, 1, REAP_WAIT_MS);
        answer = ask_kernel(target, ret_status);
    }
    return answer > 0 ? by_kernel : NULL;
}

void target_read_end(const struct root *root, const struct target *target,
                     struct target_end *ret_end)
{
    int status = 0;
    *ret_end = (struct target_end){.kind = TARGET_END_UNKNOWN};
    const char *source = find_status(root, target, &status);
    str_copy(ret_end->evidence, sizeof(ret_end->evidence),
             source ? source
                    : "the kernel tells the exit status only to the parent (to others since 6.15)");
    if (!source)
        return;
    ret_end->kind = WIFSIGNALED(status) ? TARGET_END_SIGNAL : TARGET_END_EXIT;
    ret_end->value = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- finding by pattern ---- */

struct found {
    pid_t pid, parent;
    char name[64];
    bool is_match;
    bool is_ours; /* tacho, its ancestors, what it started */
    char *command;
};

struct search {
    const struct root *root;
    const regex_t *regex;
    struct found *items;
    size_t count, capacity;
};

static void search_deinit(struct search *search)
{
    for (size_t i = 0; i < search->count; i++)
        free(search->items[i].command);
    free(search->items);
}

static int look_at(const char *name, void *context)
{
    struct search *search = context;
    if (!isdigit((unsigned char)name[0]) || search->count == PIDS_MAX)
        return 0;
    struct proc_stat stat;
    char command[TARGET_COMMAND_MAX * 4];
    pid_t pid = (pid_t)strtol(name, NULL, 10);
    if (procfs_read_stat(search->root, pid, &stat, NULL) < 0 || stat.state == 'Z' ||
        !read_command(search->root, pid, command, sizeof(command)))
        return 0;
    if (search->count == search->capacity) {
        size_t capacity = search->capacity ? search->capacity * 2 : 256;
        struct found *items = realloc(search->items, capacity * sizeof(*items));
        if (!items)
            return -ERROR_NOMEM;
        search->items = items;
        search->capacity = capacity;
    }
    struct found *found = &search->items[search->count];
    *found = (struct found){.pid = pid, .parent = stat.ppid, .command = strdup(command)};
    if (!found->command)
        return -ERROR_NOMEM;
    str_copy(found->name, sizeof(found->name), stat.comm);
    str_make_printable(found->name);
    found->is_match = search->regex && regexec(search->regex, command, 0, NULL, 0) == 0;
    search->count++;
    return 0;
}

static int by_pid(const void *a, const void *b)
{
    const struct found *left = a, *right = b;
    return (left->pid > right->pid) - (left->pid < right->pid);
}

/* root_list goes in ascending order, so the items are sorted. */
static struct found *find_pid(struct search *search, pid_t pid)
{
    struct found wanted = {.pid = pid};
    return search->count ? bsearch(&wanted, search->items, search->count, sizeof(wanted), by_pid)
                         : NULL;
}

/* Calls it for every ancestor until it says stop; a chain that loops (a racing /proc) ends. */
static struct found *find_ancestor(struct search *search, pid_t parent,
                                   bool (*is_it)(const struct found *))
{
    struct found *found = find_pid(search, parent);
    for (size_t steps = 0; found && steps < search->count; steps++) {
        if (is_it(found))
            return found;
        found = find_pid(search, found->parent);
    }
    return NULL;
}

static bool is_match(const struct found *found)
{
    return found->is_match && !found->is_ours;
}

static bool is_self(const struct found *found)
{
    return found->pid == getpid();
}

static int search_all(const struct root *root, const regex_t *regex, struct search *search,
                      struct error *err)
{
    *search = (struct search){.root = root, .regex = regex};
    int rc = root_list(root, "proc", look_at, search, err);
    if (rc == -ERROR_NOMEM)
        return error_set(err, ERROR_NOMEM, "out of memory looking at the processes");
    if (rc < 0 || !root->is_machine)
        return rc;
    struct found *own = find_pid(search, getpid());
    for (size_t steps = 0; own && steps < search->count; steps++) {
        own->is_ours = true;
        own = find_pid(search, own->parent);
    }
    for (size_t i = 0; i < search->count; i++) {
        if (find_ancestor(search, search->items[i].parent, is_self))
            search->items[i].is_ours = true;
    }
    return 0;
}

static int keep_matches(struct search *search, struct target_matches *ret, struct error *err)
{
    struct target_match *items = calloc(search->count + 1, sizeof(*items));
    if (!items)
        return error_set(err, ERROR_NOMEM, "out of memory for the processes that match");
    size_t count = 0;
    for (size_t i = 0; i < search->count; i++) {
        const struct found *found = &search->items[i];
        if (!is_match(found) || find_ancestor(search, found->parent, is_match))
            continue;
        items[count].pid = found->pid;
        str_copy(items[count].name, sizeof(items[count].name), found->name);
        str_copy(items[count].command, sizeof(items[count].command), found->command);
        count++;
    }
    *ret = (struct target_matches){.items = items, .count = count};
    return 0;
}

int target_find(const struct root *root, const char *pattern, struct target_matches *ret_matches,
                struct error *err)
{
    regex_t regex;
    int code = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
        char why[128];
        regerror(code, &regex, why, sizeof(why));
        return error_set(err, ERROR_USAGE, "'%s' is no regular expression: %s", pattern, why);
    }
    struct search search;
    int rc = search_all(root, &regex, &search, err);
    if (rc == 0)
        rc = keep_matches(&search, ret_matches, err);
    search_deinit(&search);
    regfree(&regex);
    return rc;
}

void target_matches_deinit(struct target_matches *matches)
{
    free(matches->items);
    *matches = (struct target_matches){0};
}

/* ---- none matches ---- */

/* The longest word of letters in the pattern: "python.*main.py" -> "python". What a user gets wrong
 * is mostly the rest. */
static void longest_word(const char *pattern, char *word, size_t size)
{
    const char *best = "";
    size_t best_length = 0;
    for (const char *at = pattern; *at;) {
        size_t length = 0;
        while (isalnum((unsigned char)at[length]) || at[length] == '_')
            length++;
        if (length > best_length) {
            best = at;
            best_length = length;
        }
        at += length + (length == 0);
    }
    snprintf(word, size, "%.*s", (int)best_length, best);
}

static bool contains(const char *text, const char *word)
{
    return word[0] && strcasestr(text, word) != NULL;
}

int target_fail_unmatched(const struct root *root, const char *pattern, struct error *err)
{
    char word[64], shown[80];
    struct search search;
    longest_word(pattern, word, sizeof(word));
    if (search_all(root, NULL, &search, err) < 0) {
        search_deinit(&search);
        return err ? -err->code : -ERROR_IO;
    }
    CLEANUP(strbuf_deinit) struct strbuf near = {0};
    size_t count = 0;
    for (size_t i = 0; i < search.count && count < NEAREST_MAX; i++) {
        const struct found *found = &search.items[i];
        const char *name = found->name;
        if (found->is_ours || (!contains(found->command, word) && str_nearest(word, &name, 1) < 0))
            continue;
        str_copy(shown, sizeof(shown), found->command);
        strbuf_printf(&near, "%s%d %s", count++ ? ", " : "", (int)found->pid, shown);
    }
    search_deinit(&search);
    error_set(err, ERROR_NOTHING, "no process matches '%s'", pattern);
    if (count > 0)
        return error_hint(err, "these come near: %s", strbuf_get(&near));
    return error_hint(err, "--wait waits for one; ps -ef lists those that run");
}
