/* start.c: a worker: tacho's own executable, begun by the launcher with the shared memory as a
 * descriptor; what it writes is kept as evidence. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/util.h"
#include "workload/onnx/internal.h"

#define READ_BYTES 4096
/* What still holds the pipe after the worker's end is not read for ever. */
#define DRAIN_READS_MAX 256
#define FINISH_WAIT_MS 100
/* An engine starts no processes as a rule, and the largest one's memory the kernel keeps itself. */
#define TREE_INTERVAL_NS (200 * NS_PER_MS)
#define SELF "/proc/self/exe"

/* The executable by its own name, so that ps tells it; one that was replaced meanwhile has none,
 * but the kernel still finds it. */
static const char *own_executable(char *path, size_t size)
{
    ssize_t length = readlink(SELF, path, size - 1);
    if (length <= 0)
        return SELF;
    path[length] = '\0';
    return access(path, X_OK) == 0 ? path : SELF;
}

static int launch(struct onnx_worker *worker, const struct onnx_start *start, int write_fd,
                  struct error *err)
{
    char path[PATH_MAX];
    const char *const argv[] = {own_executable(path, sizeof(path)), "worker", NULL};
    const char *const setenv[] = {
        start->scratch->tmpdir,
        start->sets_gpu_order ? "CUDA_DEVICE_ORDER=PCI_BUS_ID" : NULL,
        NULL,
    };
    struct launch_request request = {.argv = argv,
                                     .setenv = setenv,
                                     .stdout_fd = write_fd,
                                     .stderr_fd = write_fd,
                                     .has_pass_fd = true,
                                     .pass_fd = worker->shared_fd,
                                     .is_oom_first = true,
                                     .timeout_ns = start->timeout_ns,
                                     .tree_interval_ns = TREE_INTERVAL_NS,
                                     .has_affinity = start->has_cores,
                                     .affinity = start->cores};
    return launcher_launch(worker->launcher, &request, &worker->pid, err);
}

int onnx_worker_start(struct onnx_worker *worker, struct launcher *launcher,
                      const struct onnx_config *config, uint64_t allowed,
                      const struct onnx_start *start, struct error *err)
{
    int pair[2];
    *worker = (struct onnx_worker){
        .launcher = launcher, .shared_fd = -1, .output_fd = -1, .echo = start->echo};
    int rc = onnx_shared_new(&worker->shared, &worker->shared_fd, err);
    if (rc < 0)
        return rc;
    worker->shared->config = *config;
    atomic_store(&worker->shared->allowed, allowed);
    if (pipe2(pair, O_CLOEXEC) != 0)
        return error_set_errno(err, ERROR_SYSTEM, errno, "cannot make a pipe for the worker");
    worker->output_fd = pair[0];
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    rc = launch(worker, start, pair[1], err);
    close(pair[1]); /* ours closed, the pipe ends with the worker */
    return rc;
}

void onnx_worker_end(struct onnx_worker *worker)
{
    close_cleanup(&worker->shared_fd);
    close_cleanup(&worker->output_fd);
    worker->shared_fd = worker->output_fd = -1;
    onnx_shared_free(worker->shared);
    worker->shared = NULL;
}

/* ---- what it writes ---- */

static void echo(const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(STDERR_FILENO, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nobody listens; the measurement goes on */
        data += n;
        size -= (size_t)n;
    }
}

/* Reads one piece; false: there is none now, or none any more. */
static bool read_output(struct onnx_worker *worker)
{
    char data[READ_BYTES];
    ssize_t n = worker->output_fd >= 0 ? read(worker->output_fd, data, sizeof(data)) : -1;
    if (n < 0 && worker->output_fd >= 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        close_cleanup(&worker->output_fd);
        worker->output_fd = -1;
        return false;
    }
    if (worker->echo)
        echo(data, (size_t)n);
    for (ssize_t i = 0; i < n; i++)
        worker->evidence[worker->evidence_bytes++ % ONNX_EVIDENCE_BYTES] = data[i];
    return true;
}

static void read_all(struct onnx_worker *worker)
{
    for (int reads = 0; reads < DRAIN_READS_MAX && read_output(worker); reads++)
        continue;
}

bool onnx_worker_wait(struct onnx_worker *worker, int wake_fd, int timeout_ms)
{
    struct pollfd polled[] = {
        {.fd = launcher_fd(worker->launcher), .events = POLLIN},
        {.fd = worker->output_fd, .events = POLLIN},
        {.fd = wake_fd, .events = POLLIN},
    };
    poll(polled, ARRAY_LEN(polled), timeout_ms);
    read_all(worker);
    return polled[0].revents != 0;
}

/* Colours and other controls go, lines are joined by " | "; the end is what counts. */
const char *onnx_worker_last_words(const struct onnx_worker *worker, char *buf, size_t size)
{
    char text[ONNX_EVIDENCE_BYTES + 1];
    size_t held = (size_t)u64_min(worker->evidence_bytes, ONNX_EVIDENCE_BYTES);
    size_t from = worker->evidence_bytes - held, length = 0;
    for (size_t i = 0; i < held; i++) {
        char c = worker->evidence[(from + i) % ONNX_EVIDENCE_BYTES];
        if (c == '\033') { /* ESC [ … letter */
            while (i + 1 < held &&
                   strchr("[;0123456789", worker->evidence[(from + i + 1) % ONNX_EVIDENCE_BYTES]))
                i++;
            i++;
            continue;
        }
        text[length++] = c == '\0' ? ' ' : c;
    }
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        length--;
    text[length] = '\0';
    str_make_printable(text);
    const char *start = length >= size ? text + length - size + 1 : text;
    while (((unsigned char)*start & 0xc0) == 0x80)
        start++;
    snprintf(buf, size, "%s", start);
    return buf;
}

/* ---- modes without a loop ---- */

int onnx_worker_finish(struct onnx_worker *worker, struct error *err)
{
    struct launch_report report;
    char words[200];
    int stops = 0;
    while (!onnx_worker_wait(worker, stops == 0 ? interrupt_fd() : -1, FINISH_WAIT_MS)) {
        if (interrupt_count() <= stops)
            continue;
        stops = interrupt_count();
        launcher_kill(worker->launcher, stops > 1, NULL);
    }
    int rc = launcher_report(worker->launcher, &report, err);
    if (rc < 0)
        return rc;
    read_all(worker);
    if (atomic_load(&worker->shared->has_failed) != 0)
        return onnx_shared_read_error(worker->shared, err);
    if (report.outcome == LAUNCH_EXITED && report.exit_status == 0)
        return 0;
    if (report.outcome == LAUNCH_EXEC_FAILED)
        return error_set_errno(err, ERROR_SYSTEM, report.exec_errno,
                               "cannot start a worker of tacho itself");
    if (report.outcome == LAUNCH_KILLED)
        return error_set(err, ERROR_INTERRUPTED, "interrupted");
    onnx_worker_last_words(worker, words, sizeof(words));
    if (report.outcome == LAUNCH_EXITED)
        error_set(err, ERROR_PROGRAM, "the engine's worker ended with exit status %d %s",
                  report.exit_status, onnx_stage_phrase(atomic_load(&worker->shared->stage)));
    else if (report.outcome == LAUNCH_TIMED_OUT)
        error_set(err, ERROR_PROGRAM, "the engine's worker took too long %s and was ended",
                  onnx_stage_phrase(atomic_load(&worker->shared->stage)));
    else
        error_set(err, ERROR_PROGRAM, "the engine's worker was ended by signal %d (%s) %s",
                  report.signal, strsignal(report.signal),
                  onnx_stage_phrase(atomic_load(&worker->shared->stage)));
    return words[0] != '\0' ? error_hint(err, "it said last: %s", words) : -ERROR_PROGRAM;
}
