/* launcher_child.c: from fork to exec.
 *
 * Everything here runs in the measured process before it becomes the program. It uses as little as
 * possible, and what it used is written down (shared->before), to be taken off the program's bill.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "control/launcher_internal.h"

static int set_outputs(const struct launch_child *child)
{
    /* The helper's own 0, 1 and 2 are /dev/null. */
    if (child->stdout_fd >= 0 && dup2(child->stdout_fd, STDOUT_FILENO) < 0)
        return errno;
    if (child->stderr_fd >= 0 && dup2(child->stderr_fd, STDERR_FILENO) < 0)
        return errno;
    return 0;
}

static void set_affinity(const struct launch_child *child)
{
    /* A refusal is no reason not to run: the report says what was applied, and who asked for
     * something else is told. */
    if (child->message->has_affinity)
        sched_setaffinity(0, sizeof(child->message->affinity), &child->message->affinity);
    CPU_ZERO(&child->shared->affinity);
    sched_getaffinity(0, sizeof(child->shared->affinity), &child->shared->affinity);
}

/* Cuts the payload into argv, and puts the additions into the environment. */
static int take_arguments(const struct launch_child *child, char ***ret_argv)
{
    const struct launcher_launch_message *message = child->message;
    char *text = mmap(NULL, message->payload_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE,
                      child->payload_fd, 0);
    if (text == MAP_FAILED)
        return errno;
    char **argv = malloc((message->argc + 1) * sizeof(*argv));
    if (argv == NULL)
        return ENOMEM;
    for (uint64_t i = 0; i < message->argc; i++) {
        argv[i] = text;
        text += strlen(text) + 1;
    }
    argv[message->argc] = NULL;
    for (uint64_t i = 0; i < message->envc; i++) {
        if (putenv(text) != 0)
            return ENOMEM;
        text += strlen(text) + 1;
    }
    *ret_argv = argv;
    return 0;
}

static int execute_file(const char *path, char **argv, struct launch_shared *shared)
{
    getrusage(RUSAGE_SELF, &shared->before);
    shared->begin_ns = clock_mono_ns();
    execve(path, argv, environ);
    return errno;
}

/* As execvp(3), but a file that the kernel refuses to execute (ENOEXEC) is not handed to /bin/sh: a
 * program for another machine would come out as a shell's syntax error. Returns errno. */
static int execute(char **argv, struct launch_shared *shared)
{
    const char *name = argv[0];
    if (strchr(name, '/') != NULL)
        return execute_file(name, argv, shared);
    const char *path = getenv("PATH");
    if (path == NULL)
        path = "/bin:/usr/bin";
    int result = ENOENT;
    size_t name_length = strlen(name);
    if (name_length == 0)
        return ENOENT;
    for (const char *at = path;; at++) {
        size_t length = strcspn(at, ":");
        char file[PATH_MAX];
        if (length + 1 + name_length < sizeof(file)) {
            memcpy(file, at, length);
            if (length > 0) /* an empty element is the working directory */
                file[length++] = '/';
            memcpy(file + length, name, name_length + 1);
            int failed = execute_file(file, argv, shared);
            /* Said only if no later directory has it. A directory that may not be searched has not.
             */
            if (failed == EACCES)
                result = access(file, F_OK) == 0 ? EACCES : result;
            else if (failed != ENOENT && failed != ENOTDIR && failed != ESTALE &&
                     failed != ENODEV && failed != ETIMEDOUT)
                return failed;
        }
        at += strcspn(at, ":");
        if (*at == '\0')
            return result;
    }
}

static int settle_in(const struct launch_child *child, char ***ret_argv)
{
    /* If the helper is killed, nobody is left to end the program. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    /* Nothing is ignored (helper_settle_in), and exec itself puts handlers back to the default. */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    set_affinity(child);
    int failed = set_outputs(child);
    return failed != 0 ? failed : take_arguments(child, ret_argv);
}

void launch_child_run(const struct launch_child *child)
{
    char **argv = NULL;
    int failed = settle_in(child, &argv);
    char go;
    ssize_t n;
    do {
        n = read(child->go_fd, &go, 1);
    } while (n < 0 && errno == EINTR);
    if (n != 1)
        _exit(127);
    if (failed == 0 && argv != NULL && argv[0] != NULL)
        failed = execute(argv, child->shared);
    if (write(child->error_fd, &failed, sizeof(failed)) != (ssize_t)sizeof(failed))
        _exit(126);
    _exit(127);
}
