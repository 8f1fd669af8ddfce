/* watch_oom.c: where a SIGKILL came from, as far as the kernel tells.
 *
 * The kernel writes "… Killed process PID (comm) …" to its log when it ends a process for lack of
 * memory, counts it in memory.events of the group (oom_kill) and in /proc/vmstat (oom_kill). The
 * log is proof; a counter that rose meanwhile is a hint, since it does not say whom. An exit by
 * signal 9 alone proves nothing: anybody may send that.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/util.h"
#include "measure/watch_internal.h"

#define RECORDS_MAX 100000 /* of the log, looked through after a kill */

/* "oom_kill 3" in a file of such lines. */
static bool read_counter(const struct root *root, const char *path, const char *name,
                         uint64_t *ret_value)
{
    char text[16384];
    size_t length = strlen(name);
    if (root_read(root, path, text, sizeof(text), NULL) < 0)
        return false;
    for (const char *line = text; line && *line;) {
        if (strncmp(line, name, length) == 0 && line[length] == ' ') {
            *ret_value = strtoull(line + length + 1, NULL, 10);
            return true;
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return false;
}

/* The group of version 2 that a process is in: the line "0::/path" of /proc/PID/cgroup. */
static bool find_group(const struct root *root, pid_t pid, char *buf, size_t size)
{
    char path[64], text[8192];
    snprintf(path, sizeof(path), "proc/%d/cgroup", (int)pid);
    if (pid <= 0 || root_read(root, path, text, sizeof(text), NULL) < 0)
        return false;
    char *at = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (!at)
        return false;
    at = strchr(at, '/');
    if (!at)
        return false;
    at[strcspn(at, "\n")] = '\0';
    int length = snprintf(buf, size, "sys/fs/cgroup%s", at[1] ? at : "");
    return length > 0 && (size_t)length < size;
}

void watch_oom_begin(struct watch_oom *oom, const struct root *root, pid_t pid)
{
    char group[400];
    *oom = (struct watch_oom){.root = root, .kmsg_fd = -1};
    oom->has_vmstat = read_counter(root, "proc/vmstat", "oom_kill", &oom->vmstat_kills);
    if (find_group(root, pid, group, sizeof(group))) {
        snprintf(oom->events_path, sizeof(oom->events_path), "%s/memory.events", group);
        if (!read_counter(root, oom->events_path, "oom_kill", &oom->group_kills))
            oom->events_path[0] = '\0';
    }
    if (root->is_machine)
        oom->kmsg_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (oom->kmsg_fd >= 0)
        lseek(oom->kmsg_fd, 0, SEEK_END);
}

bool watch_oom_is_kill_of(const char *record, pid_t pid)
{
    static const char *const forms[] = {"Killed process ", "Kill process "};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        const char *at = strstr(record, forms[i]);
        if (!at)
            continue;
        char *end;
        long found = strtol(at + strlen(forms[i]), &end, 10);
        if (end != at + strlen(forms[i]) && found == (long)pid && (*end == ' ' || *end == ','))
            return true;
    }
    return false;
}

static bool log_says_so(const struct watch_oom *oom, pid_t pid)
{
    char record[8192];
    for (int i = 0; i < RECORDS_MAX && oom->kmsg_fd >= 0; i++) {
        ssize_t n = read(oom->kmsg_fd, record, sizeof(record) - 1);
        if (n < 0 && (errno == EPIPE || errno == EINTR)) /* overwritten meanwhile: the next one */
            continue;
        if (n <= 0)
            return false;
        record[n] = '\0';
        if (watch_oom_is_kill_of(record, pid))
            return true;
    }
    return false;
}

void watch_oom_explain(struct watch_oom *oom, pid_t pid, char *buf, size_t size)
{
    uint64_t now = 0;
    if (log_says_so(oom, pid)) {
        str_copy(buf, size, "memory ran out: the kernel killed it (kernel log)");
        return;
    }
    if (oom->events_path[0] && read_counter(oom->root, oom->events_path, "oom_kill", &now) &&
        now > oom->group_kills) {
        snprintf(buf, size,
                 "memory of its control group ran out, it seems: the kernel killed %llu there "
                 "meanwhile (memory.events)",
                 (unsigned long long)(now - oom->group_kills));
        return;
    }
    if (oom->has_vmstat && read_counter(oom->root, "proc/vmstat", "oom_kill", &now) &&
        now > oom->vmstat_kills) {
        snprintf(buf, size,
                 "memory ran out, it seems: the kernel killed %llu for that meanwhile "
                 "(/proc/vmstat)",
                 (unsigned long long)(now - oom->vmstat_kills));
        return;
    }
    snprintf(buf, size, "origin unknown%s",
             oom->kmsg_fd < 0 ? " (the kernel's log may not be read here)" : "");
}

double watch_oom_group_limit_mb(const struct watch_oom *oom)
{
    char path[512], text[64];
    double limit_bytes = INFINITY;
    str_copy(path, sizeof(path), oom->events_path);
    for (char *slash; (slash = strrchr(path, '/')) && strlen(path) > strlen("sys/fs/cgroup");) {
        char *end;
        size_t room = sizeof(path) - (size_t)(slash - path);
        str_copy(slash, room, "/memory.max");
        if (root_read_line(oom->root, path, text, sizeof(text), NULL) > 0) {
            double bytes = strtod(text, &end);
            if (end != text && bytes < limit_bytes) /* "max" is no number */
                limit_bytes = bytes;
        }
        *slash = '\0';
        /* Now at the group itself; its parent's file is asked next. */
        char *parent = strrchr(path, '/');
        if (!parent || (size_t)(parent - path) < strlen("sys/fs/cgroup"))
            break;
        str_copy(parent, sizeof(path) - (size_t)(parent - path), "/x");
    }
    return isinf(limit_bytes) ? NAN : limit_bytes / 1048576.0;
}

void watch_oom_end(struct watch_oom *oom)
{
    if (oom->root && oom->kmsg_fd >= 0)
        close(oom->kmsg_fd);
    oom->kmsg_fd = -1;
}
