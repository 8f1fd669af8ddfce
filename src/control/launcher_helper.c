/* launcher_helper.c: the helper process: starts one command at a time, watches it, reports.
 *
 * The moment the command ends is taken in the SIGCHLD handler, so that it is true also while the
 * helper is busy adding up the memory of a big tree. SIGCHLD is blocked except in ppoll and during
 * such a walk; every other signal is blocked for good: Ctrl-C is tacho's business, and what tacho
 * decides comes over the socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/procfs.h"
#include "base/util.h"
#include "control/launcher_internal.h"
#include "model/reason.h"

#define SAMPLE_FIRST_NS (1 * NS_PER_MS)
#define SAMPLE_DEFAULT_NS (20 * NS_PER_MS)
#define SAMPLE_SHARE 50                  /* a walk may cost one part in 50 of the time: 2 % */
#define SAMPLE_GUESS_NS (20 * NS_PER_US) /* cost of the first walk, before one was measured */
#define TERM_GRACE_NS (2 * NS_PER_S)
#define KILL_REPEAT_NS (100 * NS_PER_MS)
/* Processes that notice the end of their parent by themselves (a closed pipe) get this long; they
 * are orphans then, not survivors. */
#define SURVIVOR_GRACE_NS (20 * NS_PER_MS)
#define KILL_LIMIT_NS (5 * NS_PER_S) /* what is not gone by then hangs in the kernel (state D) */

enum ending { ENDING_BY_ITSELF, ENDING_TIMED_OUT, ENDING_KILLED };

struct helper {
    int socket;
    struct root root;
    struct launch_shared *shared;
    uint64_t walk_cost_ns; /* of the last walk */
};

struct launch {
    struct launcher_launch_message message;
    pid_t pid;
    int error_fd; /* read end; -1 once exec is settled */
    int io_fd;    /* /proc/PID/io, or a negative code */
    int exec_errno;
    enum ending ending;
    uint64_t begin_ns;    /* the go byte */
    uint64_t deadline_ns; /* of --timeout; 0: none */
    uint64_t kill_ns;     /* when to send SIGKILL (again); 0: not yet */
    uint64_t sample_ns, sample_step_ns, sample_spent_ns;
    struct counters counters;
    struct launch_report report;
};

/* Shared with the handler. */
static volatile pid_t watched_pid;
static volatile uint64_t watched_end_ns;

static void on_child(int number)
{
    int saved = errno;
    siginfo_t info = {0};
    pid_t pid = watched_pid;
    if (pid > 0 && watched_end_ns == 0 &&
        waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid)
        watched_end_ns = clock_mono_ns();
    errno = saved;
}

static void block_child_signal(bool block)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

_Noreturn static void helper_exit(struct helper *helper)
{
    launch_tree_end(&helper->root, KILL_LIMIT_NS);
    _exit(0);
}

static void helper_send(struct helper *helper, const void *message, size_t size)
{
    ssize_t n;
    do {
        n = send(helper->socket, message, size, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        helper_exit(helper);
}

static void send_started(struct helper *helper, pid_t pid, int sys_errno)
{
    struct launcher_started_message message;
    memset(&message, 0, sizeof(message));
    message.type = LAUNCHER_MESSAGE_STARTED;
    message.pid = pid;
    message.sys_errno = sys_errno;
    helper_send(helper, &message, sizeof(message));
}

/* ---- starting ---- */

static void close_pipe(int pipe_fds[2])
{
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

/* Forks, attaches the counters, says go. Returns 0 or an errno. */
static int launch_spawn(struct helper *helper, struct launch *launch, const int *fds)
{
    int go[2], failure[2];
    if (pipe2(go, O_CLOEXEC) != 0)
        return errno;
    if (pipe2(failure, O_CLOEXEC) != 0) {
        int sys_errno = errno;
        close_pipe(go);
        return sys_errno;
    }
    memset(helper->shared, 0, sizeof(*helper->shared));
    pid_t pid = fork();
    if (pid == 0) {
        close(go[1]); /* or the end of the helper would not be seen as the end of this pipe */
        struct launch_child child = {.message = &launch->message,
                                     .payload_fd = fds[0],
                                     .stdout_fd = fds[1],
                                     .stderr_fd = fds[2],
                                     .pass_fd = fds[3],
                                     .go_fd = go[0],
                                     .error_fd = failure[1],
                                     .shared = helper->shared};
        launch_child_run(&child);
    }
    int sys_errno = errno;
    close(go[0]);
    close(failure[1]);
    if (pid < 0) {
        close(go[1]);
        close(failure[0]);
        return sys_errno;
    }
    setpgid(pid, pid); /* the child does it too: whoever comes first */
    launch->pid = pid;
    launch->error_fd = failure[0];
    /* Now, because the files of a zombie belong to root. */
    char path[32];
    snprintf(path, sizeof(path), "proc/%d/io", (int)pid);
    launch->io_fd = root_open_file(&helper->root, path, NULL);
    counters_open(&launch->counters, pid);
    watched_end_ns = 0;
    watched_pid = pid;
    launch->begin_ns = clock_mono_ns();
    if (write(go[1], "g", 1) != 1)
        kill(pid, SIGKILL); /* it is gone already; the end is noticed as usual */
    close(go[1]);
    return 0;
}

/* The pipe says how exec went: closed by it, or an errno from the child. */
static void launch_settle_exec(struct helper *helper, struct launch *launch)
{
    int sys_errno = 0;
    ssize_t n = read(launch->error_fd, &sys_errno, sizeof(sys_errno));
    if (n < 0 && errno == EINTR)
        return;
    close(launch->error_fd);
    launch->error_fd = -1;
    if (n == (ssize_t)sizeof(sys_errno))
        launch->exec_errno = sys_errno;
    else if (launch->deadline_ns != 0) /* the time-out is the program's own time */
        launch->deadline_ns = helper->shared->begin_ns + launch->message.timeout_ns;
    send_started(helper, launch->exec_errno != 0 ? 0 : launch->pid, 0);
}

/* ---- while it runs ---- */

static void launch_end(struct helper *helper, struct launch *launch, enum ending ending,
                       bool at_once)
{
    if (launch->ending == ENDING_BY_ITSELF)
        launch->ending = ending;
    if (at_once) {
        launch->kill_ns = clock_mono_ns();
        return;
    }
    if (launch->kill_ns != 0)
        return;
    kill(-launch->pid, SIGTERM);
    kill(-launch->pid, SIGCONT); /* a stopped process cannot obey */
    launch->kill_ns = clock_mono_ns() + TERM_GRACE_NS;
}

static void launch_hear(struct helper *helper, struct launch *launch)
{
    union launcher_message message;
    ssize_t n = recv(helper->socket, &message, sizeof(message), MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0)
        helper_exit(helper);
    if (message.type == LAUNCHER_MESSAGE_KILL)
        launch_end(helper, launch, ENDING_KILLED, message.kill.at_once);
}

static void orphan_account(struct launch *launch, const struct rusage *usage)
{
    launch->report.orphans++;
    launch->report.orphan_cpu_ns +=
        ((uint64_t)usage->ru_utime.tv_sec + (uint64_t)usage->ru_stime.tv_sec) * NS_PER_S +
        ((uint64_t)usage->ru_utime.tv_usec + (uint64_t)usage->ru_stime.tv_usec) * NS_PER_US;
}

/* Reaps what ended below us, except the command itself. */
static void launch_reap_orphans(struct launch *launch)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0 ||
            info.si_pid == launch->pid)
            return;
        struct rusage usage;
        if (wait4(info.si_pid, NULL, WNOHANG, &usage) == info.si_pid)
            orphan_account(launch, &usage);
    }
}

static void launch_sample(struct helper *helper, struct launch *launch)
{
    struct launch_report *report = &launch->report;
    struct tree_sample sample;
    uint64_t before = clock_thread_ns();
    block_child_signal(false);
    bool valid = launch_tree_sample(&helper->root, &sample);
    block_child_signal(true);
    helper->walk_cost_ns = clock_thread_ns() - before;
    launch->sample_spent_ns += helper->walk_cost_ns;
    if (valid) {
        report->tree_samples++;
        report->peak_tree_rss_bytes = u64_max(report->peak_tree_rss_bytes, sample.rss_bytes);
        report->processes_max =
            sample.processes > report->processes_max ? sample.processes : report->processes_max;
    }
    uint64_t step_max =
        launch->message.tree_interval_ns ? launch->message.tree_interval_ns : SAMPLE_DEFAULT_NS;
    launch->sample_step_ns = u64_min(launch->sample_step_ns * 2, step_max);
    launch->sample_ns = clock_mono_ns() + launch->sample_step_ns;
}

/* The next walk must leave the cost of all walks below its share of the time. */
static uint64_t launch_sample_due_ns(const struct helper *helper, const struct launch *launch)
{
    uint64_t cost = launch->sample_spent_ns + helper->walk_cost_ns;
    return u64_max(launch->sample_ns, launch->begin_ns + cost * SAMPLE_SHARE);
}

/* Does what is due; returns when the next thing is. */
static uint64_t launch_tick(struct helper *helper, struct launch *launch)
{
    uint64_t now = clock_mono_ns();
    if (launch->deadline_ns != 0 && now >= launch->deadline_ns) {
        launch->deadline_ns = 0;
        on_child(SIGCHLD); /* blocked here: it may have ended just in time */
        if (watched_end_ns != 0)
            return now;
        launch_end(helper, launch, ENDING_TIMED_OUT, false);
    }
    if (launch->kill_ns != 0 && now >= launch->kill_ns) {
        launch_tree_kill(&helper->root);
        launch->kill_ns = now + KILL_REPEAT_NS;
    }
    if (launch->error_fd < 0 && now >= launch_sample_due_ns(helper, launch))
        launch_sample(helper, launch);
    uint64_t next = launch->error_fd < 0 ? launch_sample_due_ns(helper, launch) : UINT64_MAX;
    if (launch->deadline_ns != 0)
        next = u64_min(next, launch->deadline_ns);
    if (launch->kill_ns != 0)
        next = u64_min(next, launch->kill_ns);
    return next;
}

static void launch_supervise(struct helper *helper, struct launch *launch)
{
    sigset_t all_but_child;
    sigfillset(&all_but_child);
    sigdelset(&all_but_child, SIGCHLD);
    while (watched_end_ns == 0) {
        uint64_t next = launch_tick(helper, launch);
        launch_reap_orphans(launch);
        uint64_t now = clock_mono_ns();
        uint64_t left = next > now ? next - now : 0;
        struct timespec wait = {.tv_sec = (time_t)(left / NS_PER_S),
                                .tv_nsec = (long)(left % NS_PER_S)};
        struct pollfd polled[2] = {{.fd = helper->socket, .events = POLLIN},
                                   {.fd = launch->error_fd, .events = POLLIN}};
        if (watched_end_ns != 0)
            break;
        if (ppoll(polled, 2, next == UINT64_MAX ? NULL : &wait, &all_but_child) <= 0)
            continue;
        if (polled[1].revents != 0)
            launch_settle_exec(helper, launch);
        if (polled[0].revents != 0)
            launch_hear(helper, launch);
    }
    watched_pid = 0;
    /* A program of a millisecond can be over before the pipe was looked at. */
    while (launch->error_fd >= 0)
        launch_settle_exec(helper, launch);
}

/* ---- after its end ---- */

static uint64_t timeval_less_ns(const struct timeval *after, const struct timeval *before)
{
    int64_t us = (int64_t)(after->tv_sec - before->tv_sec) * 1000000 +
                 (int64_t)(after->tv_usec - before->tv_usec);
    return us > 0 ? (uint64_t)us * NS_PER_US : 0;
}

static uint64_t count_less(long after, long before)
{
    return after > before ? (uint64_t)(after - before) : 0;
}

static void report_usage(struct launch_report *report, const struct rusage *usage,
                         const struct rusage *before)
{
    report->user_ns = timeval_less_ns(&usage->ru_utime, &before->ru_utime);
    report->system_ns = timeval_less_ns(&usage->ru_stime, &before->ru_stime);
    report->max_rss_bytes = (uint64_t)usage->ru_maxrss * 1024; /* kB, getrusage(2) */
    report->rss_floor_bytes = (uint64_t)before->ru_maxrss * 1024;
    report->minor_faults = count_less(usage->ru_minflt, before->ru_minflt);
    report->major_faults = count_less(usage->ru_majflt, before->ru_majflt);
    report->voluntary_switches = count_less(usage->ru_nvcsw, before->ru_nvcsw);
    report->involuntary_switches = count_less(usage->ru_nivcsw, before->ru_nivcsw);
    report->block_in_bytes = count_less(usage->ru_inblock, before->ru_inblock) * 512;
    report->block_out_bytes = count_less(usage->ru_oublock, before->ru_oublock) * 512;
    report->peak_tree_rss_bytes = u64_max(report->peak_tree_rss_bytes, report->max_rss_bytes);
}

static void report_outcome(struct launch *launch, int status)
{
    struct launch_report *report = &launch->report;
    report->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    report->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    report->core_dumped = WIFSIGNALED(status) && WCOREDUMP(status);
    report->exec_errno = launch->exec_errno;
    if (launch->exec_errno != 0)
        report->outcome = LAUNCH_EXEC_FAILED;
    else if (launch->ending != ENDING_BY_ITSELF)
        report->outcome = launch->ending == ENDING_TIMED_OUT ? LAUNCH_TIMED_OUT : LAUNCH_KILLED;
    else
        report->outcome = WIFEXITED(status) ? LAUNCH_EXITED : LAUNCH_SIGNALED;
}

static void report_io(struct launch *launch, const struct launch_shared *shared)
{
    struct launch_report *report = &launch->report;
    struct proc_io io;
    char text[512];
    int rc = launch->io_fd;
    if (launch->io_fd >= 0) {
        ssize_t n = file_pread(launch->io_fd, text, sizeof(text));
        close(launch->io_fd);
        rc = n < 0 ? (int)n : procfs_parse_io(text, &io, NULL);
    }
    report->io_reason = (int)(rc == 0 ? REASON_NONE : reason_from_error(rc));
    if (rc != 0)
        return;
    /* What was there before exec is taken off: the go byte, and what the child wrote. */
    report->char_read_bytes = io.char_read_bytes - u64_min(io.char_read_bytes, 1);
    report->char_written_bytes =
        io.char_written_bytes - u64_min(io.char_written_bytes, shared->written_bytes);
}

/* What the zombie still knows, then its end. The counters are read here, before survivors are
 * killed: a read adds up the command, its finished descendants (waited for or not) and the living
 * ones, so the figure is what the whole tree did until the command ended. */
static void launch_collect(struct helper *helper, struct launch *launch)
{
    struct launch_report *report = &launch->report;
    struct rusage usage;
    int status = 0;
    counters_read(&launch->counters);
    counters_close(&launch->counters);
    memcpy(report->counters, launch->counters.values, sizeof(report->counters));
    report_io(launch, helper->shared);
    memset(&usage, 0, sizeof(usage));
    wait4(launch->pid, &status, 0, &usage);
    report_usage(report, &usage, &helper->shared->before);
    report_outcome(launch, status);
    report->pid = launch->pid;
    report->begin_ns = helper->shared->begin_ns != 0 ? helper->shared->begin_ns : launch->begin_ns;
    report->end_ns = u64_max(watched_end_ns, report->begin_ns);
    report->affinity = helper->shared->affinity;
    report->processes_max = report->processes_max > 0 ? report->processes_max : 1;
}

/* Returns false once no descendant is left. */
static bool launch_reap_rest(struct launch *launch)
{
    struct rusage usage;
    pid_t pid;
    while ((pid = wait4(-1, NULL, WNOHANG, &usage)) > 0)
        orphan_account(launch, &usage);
    return !(pid < 0 && errno == ECHILD);
}

static void launch_clear_survivors(struct helper *helper, struct launch *launch)
{
    struct launch_report *report = &launch->report;
    uint64_t deadline = clock_mono_ns() + SURVIVOR_GRACE_NS;
    while (launch_reap_rest(launch)) {
        if (clock_mono_ns() < deadline) {
            launch_wait_child(deadline);
            continue;
        }
        report->survivors = launch_tree_names(&helper->root, report->survivor_names,
                                              sizeof(report->survivor_names));
        report->unkillable = launch_tree_end(&helper->root, KILL_LIMIT_NS);
        return;
    }
}

/* ---- the helper itself ---- */

static void helper_launch(struct helper *helper, const struct launcher_launch_message *message,
                          const int *fds)
{
    struct launch launch;
    memset(&launch, 0, sizeof(launch));
    launch.message = *message;
    launch.error_fd = -1;
    int sys_errno = launch_spawn(helper, &launch, fds);
    for (size_t i = 0; i < LAUNCHER_FDS_MAX; i++)
        if (fds[i] >= 0)
            close(fds[i]); /* or a pipe of the program would never end */
    if (sys_errno != 0) {
        send_started(helper, 0, sys_errno);
        return;
    }
    if (message->timeout_ns != 0)
        launch.deadline_ns = launch.begin_ns + message->timeout_ns;
    launch.sample_step_ns = SAMPLE_FIRST_NS;
    launch.sample_ns = launch.begin_ns + SAMPLE_FIRST_NS;
    launch_supervise(helper, &launch);
    launch_collect(helper, &launch);
    launch_clear_survivors(helper, &launch);

    struct launcher_report_message answer;
    memset(&answer, 0, sizeof(answer));
    answer.type = LAUNCHER_MESSAGE_REPORT;
    answer.report = launch.report;
    helper_send(helper, &answer, sizeof(answer));
}

/* Receives one message and its descriptors: fds[] is payload, stdout, stderr and the one to
 * pass on, -1: none. Returns false when tacho is gone. */
static bool helper_receive(struct helper *helper, union launcher_message *message, int *fds)
{
    union {
        char bytes[CMSG_SPACE(LAUNCHER_FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = message, .iov_len = sizeof(*message)};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};
    ssize_t n;
    do {
        n = recvmsg(helper->socket, &header, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    int got[LAUNCHER_FDS_MAX] = {-1, -1, -1, -1};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    if (rights != NULL && rights->cmsg_type == SCM_RIGHTS)
        memcpy(got, CMSG_DATA(rights), rights->cmsg_len - CMSG_LEN(0));
    fds[0] = got[0];
    fds[1] = fds[2] = fds[3] = -1;
    if (message->type == LAUNCHER_MESSAGE_LAUNCH) {
        size_t next = 1;
        if (message->launch.has_stdout)
            fds[1] = got[next++];
        if (message->launch.has_stderr)
            fds[2] = got[next++];
        if (message->launch.has_pass)
            fds[3] = got[next++];
    }
    return true;
}

/* All signals blocked, SIGCHLD caught, and every other one back to the default, whatever tacho was
 * started with (nohup, a shell's background job): commands inherit this, and the same command must
 * run under the same conditions every time. */
static void helper_settle_signals(void)
{
    struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigaction(SIGCHLD, &action, NULL);
}

/* Its own session: Ctrl-C in the terminal does not reach it or the command, and a program that
 * opens /dev/tty fails instead of being stopped as a background job. */
static bool helper_settle_in(struct helper *helper)
{
    helper_settle_signals();
    setsid();
    int null_fd = open("/dev/null", O_RDWR); /* first: 0, 1 or 2 may be closed */
    if (null_fd < 0)
        return false;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (null_fd != fd)
            dup2(null_fd, fd);
    if (null_fd > STDERR_FILENO)
        close(null_fd);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || root_open(&helper->root, "/", NULL) != 0)
        return false;
    helper->shared = mmap(NULL, sizeof(*helper->shared), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return helper->shared != MAP_FAILED;
}

void launcher_helper_main(int socket)
{
    struct helper helper = {.socket = socket, .walk_cost_ns = SAMPLE_GUESS_NS};
    if (!helper_settle_in(&helper))
        _exit(1);
    for (;;) {
        union launcher_message message;
        int fds[LAUNCHER_FDS_MAX];
        if (!helper_receive(&helper, &message, fds))
            helper_exit(&helper);
        if (message.type == LAUNCHER_MESSAGE_LAUNCH)
            helper_launch(&helper, &message.launch, fds);
        /* A KILL that crossed the report on its way is late: there is nothing left to kill. */
    }
}
