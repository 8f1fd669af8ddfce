/* monitor_target.c: --pid, --track-pattern, --all, --wait: from flags to processes that are held.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/procfs.h"
#include "base/term.h"
#include "base/unit.h"
#include "base/util.h"
#include "cmd/monitor.h"

#define LOOK_EVERY_NS (300 * NS_PER_MS)
#define LISTED_MAX 20
#define PID_MAX 4194304

static int too_many(struct error *err)
{
    return error_set(err, ERROR_USAGE, "more than %d processes to watch", WATCH_TARGETS_MAX);
}

static int hold(struct monitor *monitor, pid_t pid, struct error *err)
{
    for (size_t i = 0; i < monitor->target_count; i++) {
        if (monitor->targets[i].pid == pid)
            return 0;
    }
    if (monitor->target_count == WATCH_TARGETS_MAX)
        return too_many(err);
    int rc = target_hold(&monitor->run.root, pid, &monitor->targets[monitor->target_count], err);
    monitor->target_count += rc == 0;
    return rc;
}

static int hold_pids(struct monitor *monitor, struct error *err)
{
    const struct setting_value *given = &monitor->settings->values[SETTING_PID];
    for (size_t i = 0; i < given->list_count; i++) {
        const char *rest = given->list[i], *name;
        size_t length;
        while (run_next_name(&rest, &name, &length)) {
            char text[32];
            uint64_t pid;
            snprintf(text, sizeof(text), "%.*s", (int)u64_min(length, sizeof(text) - 1), name);
            if (unit_parse_u64(text, 1, PID_MAX, &pid, NULL) < 0)
                return error_set(err, ERROR_USAGE, "--pid: '%s' is no process id", text);
            int rc = hold(monitor, (pid_t)pid, err);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

/* ---- patterns ---- */

static int fail_several(const struct target_matches *matches, const char *pattern,
                        struct error *err)
{
    for (size_t i = 0; i < matches->count && i < LISTED_MAX; i++)
        fprintf(stderr, "%8d  %.120s\n", (int)matches->items[i].pid, matches->items[i].command);
    if (matches->count > LISTED_MAX)
        fprintf(stderr, "          and %zu more\n", matches->count - LISTED_MAX);
    error_set(err, ERROR_USAGE, "%zu processes match '%s'", matches->count, pattern);
    return error_hint(err, "--all watches all of them together, --pid N one of them");
}

static int wait_for_match(struct monitor *monitor, const char *pattern,
                          struct target_matches *matches, struct error *err)
{
    struct progress progress;
    int rc = 0;
    progress_begin(&progress, "waiting", settings_get_bool(monitor->settings, SETTING_QUIET));
    while (rc == 0 && matches->count == 0) {
        struct timespec pause = {.tv_nsec = (long)LOOK_EVERY_NS};
        progress_update(&progress, -1, pattern);
        nanosleep(&pause, NULL); /* a signal ends it */
        if (interrupt_count() > 0) {
            rc = error_set(err, ERROR_INTERRUPTED, "interrupted while waiting for '%s'", pattern);
            break;
        }
        target_matches_deinit(matches);
        rc = target_find(&monitor->run.root, pattern, matches, err);
    }
    progress_end(&progress);
    return rc;
}

static int hold_matches(struct monitor *monitor, const struct target_matches *matches,
                        const char *pattern, struct error *err)
{
    if (matches->count > 1 && !settings_get_bool(monitor->settings, SETTING_ALL))
        return fail_several(matches, pattern, err);
    size_t before = monitor->target_count;
    struct error last = {0};
    for (size_t i = 0; i < matches->count; i++) {
        int rc = hold(monitor, matches->items[i].pid, &last);
        /* One that has ended in between does not match any more. */
        if (rc < 0 && rc != -ERROR_NOTHING) {
            if (err)
                *err = last;
            return rc;
        }
    }
    if (monitor->target_count > before || matches->count == 0)
        return 0;
    if (err)
        *err = last;
    return -ERROR_NOTHING;
}

static int hold_pattern(struct monitor *monitor, const char *pattern, struct error *err)
{
    struct target_matches matches = {0};
    if (!pattern[0])
        return error_set(err, ERROR_USAGE, "--track-pattern: the pattern is empty");
    int rc = target_find(&monitor->run.root, pattern, &matches, err);
    if (rc == 0 && matches.count == 0 && settings_get_bool(monitor->settings, SETTING_WAIT))
        rc = wait_for_match(monitor, pattern, &matches, err);
    else if (rc == 0 && matches.count == 0)
        rc = target_fail_unmatched(&monitor->run.root, pattern, err);
    if (rc == 0)
        rc = hold_matches(monitor, &matches, pattern, err);
    target_matches_deinit(&matches);
    return rc;
}

int monitor_find_targets(struct monitor *monitor, struct error *err)
{
    const char *pattern = settings_get_text(monitor->settings, SETTING_TRACK_PATTERN);
    bool has_pids = settings_is_set(monitor->settings, SETTING_PID);
    if (monitor->context->program && (pattern || has_pids))
        return error_set(err, ERROR_USAGE, "a program behind '--' and %s contradict each other",
                         pattern ? "--track-pattern" : "--pid");
    if (!pattern && settings_get_bool(monitor->settings, SETTING_WAIT))
        return error_set(err, ERROR_USAGE, "--wait needs --track-pattern REGEX");
    if (!pattern && settings_get_bool(monitor->settings, SETTING_ALL))
        return error_set(err, ERROR_USAGE, "--all needs --track-pattern REGEX");
    int rc = hold_pids(monitor, err);
    return rc == 0 && pattern ? hold_pattern(monitor, pattern, err) : rc;
}

/* ---- permission ---- */

static bool is_denied(const struct root *root, pid_t pid, const char *name)
{
    char path[64], text[4096];
    struct error err = {0};
    snprintf(path, sizeof(path), "proc/%d/%s", (int)pid, name);
    return root_read(root, path, text, sizeof(text), &err) < 0 && err.code == ERROR_DENIED;
}

void monitor_note_denied(const struct monitor *monitor)
{
    if (settings_get_bool(monitor->settings, SETTING_QUIET))
        return;
    for (size_t i = 0; i < monitor->target_count; i++) {
        const struct target *target = &monitor->targets[i];
        uint64_t fds;
        if (!is_denied(&monitor->run.root, target->pid, "io"))
            continue;
        /* Since Linux 6.2 everybody may know how many descriptors there are. */
        bool has_fds = procfs_count_fds(&monitor->run.root, target->pid, &fds, NULL) == 0;
        fprintf(stderr,
                "tacho monitor: %s (pid %d) is another user's: track_read_mb_per_s%s "
                "track_written_mb_per_s%s stay empty (they need that user, sudo, or "
                "CAP_SYS_PTRACE)\n",
                target->name, (int)target->pid, has_fds ? " and" : ",",
                has_fds ? "" : " and track_fds");
    }
    for (size_t i = 0; i < monitor->channel_count; i++) {
        const struct channel *channel = &monitor->channels[i];
        bool is_first = true;
        for (size_t j = 0; j < i && is_first; j++)
            is_first = !(monitor->channels[j].reason == REASON_DENIED &&
                         monitor->channels[j].metric == channel->metric);
        if (channel->reason == REASON_DENIED && is_first)
            fprintf(stderr, "tacho monitor: %s stays empty: %s\n", channel->metric->name,
                    channel->why ? channel->why : "permission denied");
    }
}
