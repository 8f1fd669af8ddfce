/* command.c: the workload "command": any program, one launch per unit.
 *
 * Design: section 3, "A bounded measurement". The launcher does the launching and the accounting;
 * here its output is read, Ctrl-C passed on, and the report turned into values.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "workload/command/internal.h"
#include "workload/cores.h"

#define WAIT_MS 150 /* stop_requested wants to be called every 200 ms */
#define READ_BYTES 65536
#define PIPE_BYTES (1 << 20)
/* What a survivor that cannot be killed may still write is not read for ever. */
#define DRAIN_READS_MAX 256

static void program_close(void *state)
{
    struct program *program = state;
    program_channels_close(program);
    output_metrics_close(&program->metrics);
    arena_deinit(&program->arena);
    free(program);
}

static bool program_accepts(const struct workload_args *args)
{
    return args->command != NULL && args->command[0] != NULL;
}

static int program_open(const struct workload_args *args, void **ret_state, struct error *err)
{
    struct program *program = calloc(1, sizeof(*program));
    if (program == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for a command");
    program->args = args;
    int rc = program_load_settings(program, err);
    if (rc == 0)
        rc = program_declare_series(program, err);
    if (rc == 0)
        rc = program_channels_open(program, err);
    char path[PATH_MAX];
    if (rc == 0 && program_find(args->command[0], path, sizeof(path)) == 0) {
        program->executable = arena_strdup(&program->arena, path);
        if (program->executable == NULL)
            rc = error_set(err, ERROR_NOMEM, "out of memory for a command");
    }
    if (rc != 0) {
        program_close(program);
        return rc;
    }
    *ret_state = program;
    return 0;
}

static void program_describe(void *state, struct facts *facts)
{
    struct program *program = state;
    const char *const *argv = program->args->command;
    const char *cores_asked = settings_get_text(program->args->settings, SETTING_CORES);
    size_t argc = 0;
    char cores[512];
    while (argv[argc] != NULL)
        argc++;
    facts_text(facts, "kind", "command", NULL);
    facts_list(facts, "command", argv, argc, NULL);
    const char *slash = strrchr(argv[0], '/');
    facts_text(facts, "name", slash && slash[1] ? slash + 1 : argv[0], NULL);
    if (program->executable != NULL)
        facts_text(facts, "executable", program->executable, "PATH");
    else
        facts_null(facts, "executable", REASON_ABSENT, "PATH");
    if (cores_asked != NULL)
        facts_text(facts, "cores_asked", cores_asked, "--cores");
    else
        facts_null(facts, "cores_asked", REASON_NOT_ASKED, "--cores");
    facts_text(facts, "cores", cores_format(&program->cores, cores, sizeof(cores)),
               "sched_getaffinity");
    facts_integer(facts, "cores_count", CPU_COUNT(&program->cores), "sched_getaffinity");
    if (program->threads > 0)
        facts_integer(facts, "threads", (int64_t)program->threads, "--threads");
    else
        facts_null(facts, "threads", REASON_NOT_ASKED, "--threads");
    if (program->timeout_ns > 0)
        facts_number(facts, "timeout_s", (double)program->timeout_ns / (double)NS_PER_S,
                     "--timeout");
    else
        facts_null(facts, "timeout_s", REASON_NOT_ASKED, "--timeout");
}

static const struct series *program_series(void *state, size_t *ret_count)
{
    struct program *program = state;
    *ret_count = program->series_count;
    return program->series;
}

/* ---- the program's output ---- */

struct output {
    int read_fd[OUTPUT_STREAMS]; /* -1: not read, or ended */
    int write_fd[OUTPUT_STREAMS];
    bool echo;
};

static void output_close(struct output *output)
{
    for (int i = 0; i < OUTPUT_STREAMS; i++) {
        close_cleanup(&output->read_fd[i]);
        close_cleanup(&output->write_fd[i]);
        output->read_fd[i] = output->write_fd[i] = -1;
    }
}

/* A stderr that was closed is a placeholder that nothing can be written to (main.c). */
static bool is_writable(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

/* Pipes where metrics are taken from the output; else the program writes to our stderr itself, or
 * to nowhere. */
static int output_open(struct program *program, struct output *output, struct error *err)
{
    *output = (struct output){.read_fd = {-1, -1}, .write_fd = {-1, -1}};
    output->echo = program->show_output && is_writable(STDERR_FILENO);
    for (int i = 0; i < OUTPUT_STREAMS && program->metrics.count > 0; i++) {
        int pair[2];
        if (pipe2(pair, O_CLOEXEC) != 0) {
            int sys_errno = errno;
            output_close(output);
            return error_set_errno(err, ERROR_SYSTEM, sys_errno,
                                   "cannot make a pipe for the program's output");
        }
        output->read_fd[i] = pair[0];
        output->write_fd[i] = pair[1];
        fcntl(pair[0], F_SETFL, O_NONBLOCK);
        fcntl(pair[0], F_SETPIPE_SZ, PIPE_BYTES); /* so that the program seldom waits for us */
    }
    return 0;
}

static void echo(const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(STDERR_FILENO, data, size);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd polled = {.fd = STDERR_FILENO, .events = POLLOUT};
            poll(&polled, 1, WAIT_MS);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nobody listens; the measurement goes on */
        data += n;
        size -= (size_t)n;
    }
}

/* Reads one piece. Returns 1 if there was one, 0 if not (now or ever), or a negative code. */
static int output_read(struct program *program, struct output *output, struct workload_io *io,
                       int stream, struct error *err)
{
    char data[READ_BYTES];
    ssize_t n = read(output->read_fd[stream], data, sizeof(data));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        close(output->read_fd[stream]);
        output->read_fd[stream] = -1;
        return 0;
    }
    if (output->echo)
        echo(data, (size_t)n);
    int rc =
        output_metrics_feed(&program->metrics, io, stream, data, (size_t)n, clock_mono_ns(), err);
    return rc != 0 ? rc : 1;
}

/* The launch is over, and everything that held the pipes is dead: what they hold is the rest. A
 * pipe that still does not end is left alone. */
static int output_drain(struct program *program, struct output *output, struct workload_io *io,
                        struct error *err)
{
    int rc = 0;
    for (int i = 0; i < OUTPUT_STREAMS && rc >= 0; i++) {
        int reads = 0;
        do {
            rc = output->read_fd[i] >= 0 ? output_read(program, output, io, i, err) : 0;
        } while (rc > 0 && ++reads < DRAIN_READS_MAX);
    }
    if (rc < 0)
        return rc;
    return output_metrics_end(&program->metrics, io, clock_mono_ns(), err);
}

/* ---- one launch ---- */

static int start(struct program *program, struct output *output, pid_t *ret_pid, struct error *err)
{
    bool has_pipes = program->metrics.count > 0;
    int direct = output->echo ? STDERR_FILENO : -1;
    struct launch_request request = {.argv = program->args->command,
                                     .setenv =
                                         program->variables_count > 0 ? program->variables : NULL,
                                     .stdout_fd = has_pipes ? output->write_fd[0] : direct,
                                     .stderr_fd = has_pipes ? output->write_fd[1] : direct,
                                     .timeout_ns = program->timeout_ns,
                                     .has_affinity = program->has_cores,
                                     .affinity = program->cores};
    int rc = launcher_launch(program->args->launcher, &request, ret_pid, err);
    /* Ours closed, the pipes end with the program. */
    for (int i = 0; i < OUTPUT_STREAMS; i++) {
        close_cleanup(&output->write_fd[i]);
        output->write_fd[i] = -1;
    }
    return rc;
}

/* First Ctrl-C: TERM, and KILL 2 s later. Second: KILL. */
static void pass_on_stop(struct program *program, struct workload_io *io, int *stops)
{
    bool at_once = false;
    if (!io->stop_requested(io, &at_once))
        return;
    int wanted = at_once ? 2 : 1;
    if (*stops < wanted)
        launcher_kill(program->args->launcher, at_once, NULL);
    *stops = *stops < wanted ? wanted : *stops;
}

/* Waits for the report; a sink that fails meanwhile must not leave the program running. */
static int wait_for_report(struct program *program, struct output *output, struct workload_io *io,
                           struct launch_report *ret_report, struct error *err)
{
    int first = 0, stops = 0;
    for (;;) {
        /* Once the user has stopped us wake_fd stays readable: looking at it would spin. */
        struct pollfd polled[] = {
            {.fd = launcher_fd(program->args->launcher), .events = POLLIN},
            {.fd = output->read_fd[0], .events = POLLIN},
            {.fd = output->read_fd[1], .events = POLLIN},
            {.fd = stops == 0 ? io->wake_fd : -1, .events = POLLIN},
        };
        poll(polled, ARRAY_LEN(polled), WAIT_MS);
        pass_on_stop(program, io, &stops);
        if (first == 0 && (first = program_channels_poll(program, err)) < 0)
            launcher_kill(program->args->launcher, true, NULL);
        for (int i = 0; i < OUTPUT_STREAMS && first == 0; i++) {
            if (polled[1 + i].revents == 0)
                continue;
            int rc = output_read(program, output, io, i, err);
            if (rc < 0) {
                first = rc;
                launcher_kill(program->args->launcher, true, NULL);
            }
        }
        if (polled[0].revents != 0)
            break;
    }
    int rc = launcher_report(program->args->launcher, ret_report, first == 0 ? err : NULL);
    return first != 0 ? first : rc;
}

static int tell_events(const struct launch_report *report, struct workload_io *io,
                       struct error *err)
{
    struct event event = {.t_ns = (int64_t)(report->end_ns - io->run_begin_ns),
                          .invocation = io->invocation};
    int rc = 0;
    if (report->outcome == LAUNCH_TIMED_OUT) {
        event.name = "timeout";
        event.text = report->signal == SIGKILL ? "ended by SIGKILL" : "ended by SIGTERM";
        rc = io->event(io, &event, err);
    }
    if (rc == 0 && report->survivors > 0) {
        event.name = "survivors_killed";
        event.text = report->survivor_names;
        rc = io->event(io, &event, err);
    }
    return rc;
}

static int program_launch(struct program *program, struct output *output, struct workload_io *io,
                          struct launch_report *ret_report, struct error *err)
{
    pid_t pid = 0;
    int rc = start(program, output, &pid, err);
    if (rc != 0)
        return rc;
    io->target(io, pid);
    rc = wait_for_report(program, output, io, ret_report, err);
    io->target(io, 0);
    if (rc == 0)
        rc = output_drain(program, output, io, err);
    return rc;
}

static int program_invoke(void *state, struct workload_io *io, struct invocation *ret_invocation,
                          struct error *err)
{
    struct program *program = state;
    struct launch_report report;
    struct output output;
    output_metrics_begin(&program->metrics);
    int rc = output_open(program, &output, err);
    if (rc != 0)
        return rc;
    rc = program_launch(program, &output, io, &report, err);
    output_close(&output);
    if (rc != 0)
        return rc;
    program_count(program, &report);
    if (report.outcome != LAUNCH_EXEC_FAILED)
        rc = program_hand_over(program, io, &report, err);
    if (rc == 0)
        rc = program_channels_take(program, io, &report, err);
    if (rc == 0)
        rc = tell_events(&report, io, err);
    if (rc == 0)
        program_settle_outcome(program, io, &report, ret_invocation, err);
    return rc;
}

extern const struct workload workload_command;

const struct workload workload_command = {
    .name = "command",
    .summary = "any program: wall and CPU time, memory, faults, switches, I/O, counters",
    .unit = "launch",
    .units = "launches",
    .latency_metric = "wall_ms",
    .one_unit_per_invocation = true,
    .accepts = program_accepts,
    .open = program_open,
    .describe = program_describe,
    .series = program_series,
    .invoke = program_invoke,
    .findings = program_findings,
    .close = program_close,
};
