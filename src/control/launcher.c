/* launcher.c: tacho's side of the launcher; see launcher.h and launcher_protocol.h. */
#include "control/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "base/util.h"
#include "control/launcher_protocol.h"

/* Replaces *fd by a descriptor above 2: with stdout closed, a socket would become stdout. */
static int move_above_stdio(int *fd)
{
    if (*fd > STDERR_FILENO)
        return 0;
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved < 0)
        return -1;
    close(*fd);
    *fd = moved;
    return 0;
}

int launcher_start(struct launcher *launcher, struct error *err)
{
    int pair[2];
    launcher->socket = -1;
    launcher->pid = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return error_set_errno(err, ERROR_SYSTEM, errno, "cannot make a socket pair");
    pid_t pid = -1;
    if (move_above_stdio(&pair[0]) == 0 && move_above_stdio(&pair[1]) == 0)
        pid = fork();
    if (pid < 0) {
        int sys_errno = errno;
        close(pair[0]);
        close(pair[1]);
        return error_set_errno(err, ERROR_SYSTEM, sys_errno, "cannot start the launcher process");
    }
    if (pid == 0) {
        close(pair[0]);
        launcher_helper_main(pair[1]);
    }
    close(pair[1]);
    launcher->socket = pair[0];
    launcher->pid = pid;
    return 0;
}

static int helper_gone(struct error *err, int sys_errno)
{
    int code = sys_errno != 0
                   ? error_set_errno(err, ERROR_SYSTEM, sys_errno, "the launcher process is gone")
                   : error_set(err, ERROR_SYSTEM, "the launcher process is gone");
    error_hint(err, "somebody killed it, or memory ran out; start tacho again");
    return code;
}

static int receive(const struct launcher *launcher, union launcher_message *message,
                   enum launcher_message_type type, size_t size, struct error *err)
{
    ssize_t n;
    do {
        n = recv(launcher->socket, message, sizeof(*message), 0);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return helper_gone(err, n < 0 ? errno : 0);
    if ((size_t)n != size || message->type != type)
        return error_set(err, ERROR_INTERNAL, "the launcher process sent message %d of %zd bytes",
                         (int)message->type, n);
    return 0;
}

static size_t texts_append(struct strbuf *payload, const char *const *texts)
{
    size_t count = 0;
    for (; texts != NULL && texts[count] != NULL; count++)
        strbuf_append_n(payload, texts[count], strlen(texts[count]) + 1);
    return count;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int payload_open(const struct strbuf *payload, int *ret_fd, struct error *err)
{
    if (payload->failed)
        return error_set(err, ERROR_NOMEM, "out of memory for the command's arguments");
    int fd = memfd_create("tacho-arguments", MFD_CLOEXEC);
    if (fd < 0 || write_all(fd, payload->data, payload->len) != 0) {
        int sys_errno = errno;
        if (fd >= 0)
            close(fd);
        return error_set_errno(err, ERROR_SYSTEM, sys_errno, "cannot pass the command's arguments");
    }
    *ret_fd = fd;
    return 0;
}

static int send_launch(const struct launcher *launcher,
                       const struct launcher_launch_message *message, const int *fds, size_t count,
                       struct error *err)
{
    union {
        char bytes[CMSG_SPACE(LAUNCHER_FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec part = {.iov_base = (void *)message, .iov_len = sizeof(*message)};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
    ssize_t n;
    do {
        n = sendmsg(launcher->socket, &header, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? helper_gone(err, errno) : 0;
}

int launcher_launch(struct launcher *launcher, const struct launch_request *request, pid_t *ret_pid,
                    struct error *err)
{
    if (request->argv == NULL || request->argv[0] == NULL)
        return error_set(err, ERROR_INTERNAL, "a launch without a command");
    struct launcher_launch_message message;
    memset(&message, 0, sizeof(message));
    message.type = LAUNCHER_MESSAGE_LAUNCH;
    message.has_stdout = request->stdout_fd >= 0;
    message.has_stderr = request->stderr_fd >= 0;
    message.has_pass = request->has_pass_fd;
    message.is_oom_first = request->is_oom_first;
    message.has_affinity = request->has_affinity;
    message.affinity = request->affinity;
    message.timeout_ns = request->timeout_ns;
    message.tree_interval_ns = request->tree_interval_ns;

    CLEANUP(strbuf_deinit) struct strbuf payload = {0};
    message.argc = texts_append(&payload, request->argv);
    message.envc = texts_append(&payload, request->setenv);
    message.payload_bytes = payload.len;
    CLEANUP_CLOSE int payload_fd = -1;
    int rc = payload_open(&payload, &payload_fd, err);
    if (rc != 0)
        return rc;
    int fds[LAUNCHER_FDS_MAX] = {payload_fd};
    size_t count = 1;
    if (message.has_stdout)
        fds[count++] = request->stdout_fd;
    if (message.has_stderr)
        fds[count++] = request->stderr_fd;
    if (message.has_pass)
        fds[count++] = request->pass_fd;
    rc = send_launch(launcher, &message, fds, count, err);
    if (rc != 0)
        return rc;

    union launcher_message answer;
    rc = receive(launcher, &answer, LAUNCHER_MESSAGE_STARTED, sizeof(answer.started), err);
    if (rc != 0)
        return rc;
    if (answer.started.sys_errno != 0) {
        error_set_errno(err, ERROR_SYSTEM, answer.started.sys_errno, "cannot make a process");
        error_hint(err, "look at the limits on processes, open files and memory (ulimit -a)");
        return -ERROR_SYSTEM;
    }
    *ret_pid = answer.started.pid;
    return 0;
}

int launcher_fd(const struct launcher *launcher)
{
    return launcher->socket;
}

int launcher_report(struct launcher *launcher, struct launch_report *ret_report, struct error *err)
{
    union launcher_message message;
    int rc = receive(launcher, &message, LAUNCHER_MESSAGE_REPORT, sizeof(message.report), err);
    if (rc != 0)
        return rc;
    *ret_report = message.report.report;
    return 0;
}

int launcher_kill(struct launcher *launcher, bool at_once, struct error *err)
{
    struct launcher_kill_message message;
    memset(&message, 0, sizeof(message));
    message.type = LAUNCHER_MESSAGE_KILL;
    message.at_once = at_once;
    ssize_t n;
    do {
        n = send(launcher->socket, &message, sizeof(message), MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? helper_gone(err, errno) : 0;
}

void launcher_stop(struct launcher *launcher)
{
    if (launcher->pid <= 0)
        return;
    /* shutdown, not only close: a descriptor of ours that another fork inherited would otherwise
     * keep the helper waiting. */
    shutdown(launcher->socket, SHUT_RDWR);
    close(launcher->socket);
    while (waitpid(launcher->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    launcher->socket = -1;
    launcher->pid = 0;
}
