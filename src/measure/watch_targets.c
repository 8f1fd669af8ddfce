/* watch_targets.c: the processes that are watched: started or held, and why they ended. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/str.h"
#include "base/util.h"
#include "measure/watch_internal.h"

#define STOP_WAIT_MS 200
#define LOOK_WAIT_MS 1000

static const struct target *target_at(const struct watch *watch, size_t i)
{
    return watch->launched ? &watch->launched_target : &watch->plan.targets[i];
}

/* ---- beginning ---- */

static int launch(struct watch *watch, struct error *err)
{
    int output = watch->plan.show_output ? STDERR_FILENO : -1;
    struct launch_request request = {.argv = watch->plan.command,
                                     .setenv = watch->plan.setenv,
                                     .stdout_fd = output,
                                     .stderr_fd = output};
    pid_t pid = 0;
    int rc = launcher_launch(watch->plan.launcher, &request, &pid, err);
    if (rc < 0)
        return rc;
    watch->launched = true;
    struct target *target = &watch->launched_target;
    /* What has ended already is told by the report. */
    if (target_hold(watch->plan.root, pid, target, NULL) < 0)
        *target = (struct target){.pid = pid, .pidfd = -1};
    /* /proc may still tell the name of what is about to become the program. */
    const char *slash = strrchr(watch->plan.command[0], '/');
    str_copy(target->name, sizeof(target->name),
             slash && slash[1] ? slash + 1 : watch->plan.command[0]);
    str_make_printable(target->name);
    return 0;
}

int watch_targets_open(struct watch *watch, struct error *err)
{
    struct collect_targets targets = {.without_children = watch->plan.without_children};
    if (watch->plan.command) {
        int rc = launch(watch, err);
        if (rc < 0)
            return rc;
    }
    watch->end_count = watch->launched ? 1 : watch->plan.target_count;
    for (size_t i = 0; i < watch->end_count; i++) {
        const struct target *target = target_at(watch, i);
        watch->ends[i] = (struct watch_end){.pid = target->pid};
        str_copy(watch->ends[i].name, sizeof(watch->ends[i].name), target->name);
        watch_oom_begin(&watch->ooms[i], watch->plan.root, target->pid);
        targets.pids[targets.count] = target->pid;
        /* One that was launched is the helper's, which keeps its pid until the report is there; its
         * start is as it was before exec. */
        targets.start_ticks[targets.count++] = target->start_ticks;
    }
    watch->alive = watch->end_count;
    sampler_set_targets(watch->sampler, &targets);
    return 0;
}

/* ---- how one ended ---- */

static void say_signal(struct watch *watch, size_t i, struct watch_end *end)
{
    char why[192] = "";
    const char *name = end->value == SIGKILL ? "SIGKILL" : strsignal(end->value);
    if (end->value == SIGKILL)
        watch_oom_explain(&watch->ooms[i], end->pid, why, sizeof(why));
    snprintf(end->text, sizeof(end->text), "killed by signal %d (%s)%s%s", end->value,
             name ? name : "?", why[0] ? ": " : "", why);
}

/* A shell that lost its program to SIGKILL ends so. */
static void say_status(struct watch *watch, size_t i, struct watch_end *end)
{
    char why[192] = "";
    bool is_of_kill = end->value == 128 + SIGKILL;
    if (is_of_kill && !watch_oom_hint(&watch->ooms[i], why, sizeof(why)))
        str_copy(why, sizeof(why), "as a shell tells SIGKILL of what it ran");
    snprintf(end->text, sizeof(end->text), "exit status %d%s%s", end->value, why[0] ? ": " : "",
             why);
}

static void note_end(struct watch *watch, size_t i, const struct target_end *how)
{
    struct watch_end *end = &watch->ends[i];
    uint64_t now_ns = clock_mono_ns();
    end->has_ended = true;
    end->t_ns = (int64_t)(now_ns - watch->begin_ns);
    end->kind = how->kind;
    end->value = how->value;
    if (how->kind == TARGET_END_SIGNAL)
        say_signal(watch, i, end);
    else if (how->kind == TARGET_END_EXIT)
        say_status(watch, i, end);
    else
        snprintf(end->text, sizeof(end->text), "ended, why is not known: %s", how->evidence);
    watch->alive--;
    watch_tell(watch, now_ns, "target_ended", "%s (pid %d): %s", end->name, (int)end->pid,
               end->text);
    /* What is left has another level: no growth, and no fall, over this border. */
    if (watch->has_growth && watch->alive > 0)
        growth_tracker_reset(&watch->growth);
}

static int note_exec_failure(struct watch *watch, struct error *err)
{
    const struct launch_report *report = &watch->report;
    const char *name = watch->plan.command[0];
    struct target_end how = {.kind = TARGET_END_UNKNOWN, .evidence = "it could not be started"};
    note_end(watch, 0, &how);
    error_set_errno(err, ERROR_PROGRAM, report->exec_errno, "cannot start '%s'", name);
    return report->exec_errno == ENOENT
               ? error_hint(err, "is it installed, and in PATH? A path needs a '/'")
               : -ERROR_PROGRAM;
}

static int take_report(struct watch *watch, struct error *err)
{
    int rc = launcher_report(watch->plan.launcher, &watch->report, err);
    watch->reported = true;
    if (rc < 0)
        return rc;
    const struct launch_report *report = &watch->report;
    struct target_end how = {.kind = TARGET_END_SIGNAL, .value = report->signal};
    if (report->outcome == LAUNCH_EXEC_FAILED)
        return note_exec_failure(watch, err);
    if (report->outcome == LAUNCH_EXITED)
        how = (struct target_end){.kind = TARGET_END_EXIT, .value = report->exit_status};
    note_end(watch, 0, &how);
    if (report->outcome == LAUNCH_KILLED)
        str_copy(watch->ends[0].text, sizeof(watch->ends[0].text), "ended by tacho");
    if (report->survivors > 0)
        watch_tell(watch, clock_mono_ns(), "survivors_killed", "%s", report->survivor_names);
    return 0;
}

static void look_at_held(struct watch *watch)
{
    for (size_t i = 0; i < watch->end_count; i++) {
        struct target_end how;
        const struct target *target = target_at(watch, i);
        if (watch->ends[i].has_ended || !target_has_ended(watch->plan.root, target))
            continue;
        target_read_end(watch->plan.root, target, &how);
        note_end(watch, i, &how);
    }
}

/* ---- waiting ---- */

static int64_t clock_ns(clockid_t id)
{
    struct timespec now = {0};
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * (int64_t)NS_PER_S + now.tv_nsec;
}

static void look_at_clocks(struct watch *watch)
{
    int64_t mono_ns = clock_ns(CLOCK_MONOTONIC), real_ns = clock_ns(CLOCK_REALTIME);
    int64_t boot_ns = clock_ns(CLOCK_BOOTTIME), set_ns, suspended_ns;
    /* Taken off the CPU in between, they do not belong together: next time. */
    if (clock_ns(CLOCK_MONOTONIC) - mono_ns > 50 * (int64_t)NS_PER_MS ||
        !watch_clock_check(&watch->clock, mono_ns, real_ns, boot_ns, &set_ns, &suspended_ns))
        return;
    if (suspended_ns != 0)
        watch_tell(watch, (uint64_t)mono_ns, "suspended",
                   "the machine was suspended for %.1f s; times of the run do not count it",
                   (double)suspended_ns / (double)NS_PER_S);
    if (set_ns != 0)
        watch_tell(watch, (uint64_t)mono_ns, "clock_set",
                   "the wall clock was set %s by %.1f s; the rows go on at their pace",
                   set_ns < 0 ? "back" : "forward",
                   (double)(set_ns < 0 ? -set_ns : set_ns) / (double)NS_PER_S);
}

/* One that has no descriptor is looked at now and then. */
static uint32_t shorten(const struct watch *watch, uint32_t timeout_ms)
{
    for (size_t i = 0; !watch->launched && i < watch->end_count; i++) {
        if (!watch->ends[i].has_ended && target_at(watch, i)->pidfd < 0)
            return (uint32_t)u64_min(timeout_ms, LOOK_WAIT_MS);
    }
    return timeout_ms;
}

int watch_targets_wait(struct watch *watch, uint32_t timeout_ms, struct error *err)
{
    struct pollfd polled[WATCH_TARGETS_MAX + 3];
    nfds_t count = 0;
    polled[count++] = (struct pollfd){.fd = interrupt_fd(), .events = POLLIN};
    bool waits_for_report = watch->launched && !watch->reported;
    if (waits_for_report)
        polled[count++] =
            (struct pollfd){.fd = launcher_fd(watch->plan.launcher), .events = POLLIN};
    polled[count++] = (struct pollfd){.fd = watch->sampler_fd, .events = POLLIN};
    nfds_t first_held = count;
    for (size_t i = 0; !watch->launched && i < watch->end_count; i++) {
        if (!watch->ends[i].has_ended && target_at(watch, i)->pidfd >= 0)
            polled[count++] = (struct pollfd){.fd = target_at(watch, i)->pidfd, .events = POLLIN};
    }
    poll(polled, count, (int)shorten(watch, timeout_ms));
    look_at_clocks(watch);
    if (waits_for_report && polled[1].revents != 0)
        return take_report(watch, err);
    if (watch->launched || watch->alive == 0)
        return 0;
    bool may_have_ended = count - first_held < watch->alive; /* some have no descriptor */
    for (nfds_t i = first_held; i < count; i++)
        may_have_ended |= polled[i].revents != 0;
    if (may_have_ended)
        look_at_held(watch);
    return 0;
}

/* ---- end ---- */

int watch_targets_stop(struct watch *watch, struct error *err)
{
    if (!watch->launched || watch->reported)
        return 0;
    int stops = interrupt_count() > 1 ? 2 : 1;
    int rc = launcher_kill(watch->plan.launcher, stops == 2, err);
    while (rc == 0 && !watch->reported) {
        struct pollfd polled = {.fd = launcher_fd(watch->plan.launcher), .events = POLLIN};
        poll(&polled, 1, STOP_WAIT_MS);
        watch_rows_drain(watch);
        if (polled.revents != 0)
            rc = take_report(watch, err);
        else if (stops == 1 && interrupt_count() > 1)
            rc = launcher_kill(watch->plan.launcher, ++stops == 2, err);
    }
    return rc;
}

void watch_targets_close(struct watch *watch)
{
    for (size_t i = 0; i < watch->end_count; i++)
        watch_oom_end(&watch->ooms[i]);
    if (watch->launched)
        target_release(&watch->launched_target);
    watch->end_count = 0;
}
