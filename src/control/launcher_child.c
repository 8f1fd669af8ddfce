/* launcher_child.c: from fork to exec.
 *
 * Everything here runs in the measured process before it becomes the program. It uses as little as
 * possible, and what it used is written down (shared->before), to be taken off the program's bill.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
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

/* Moves a descriptor that is still needed out of LAUNCH_PASS_FD's place. */
static int make_way(int *fd)
{
    if (*fd != LAUNCH_PASS_FD)
        return 0;
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, LAUNCH_PASS_FD + 1);
    if (moved < 0)
        return errno;
    *fd = moved;
    return 0;
}

/* The one descriptor that stays open across exec. What else stands at its number is the helper's
 * and not needed any more, except the two pipes. */
static int set_pass_fd(struct launch_child *child)
{
    if (child->pass_fd < 0)
        return 0;
    int failed = make_way(&child->go_fd);
    if (failed == 0)
        failed = make_way(&child->error_fd);
    if (failed != 0)
        return failed;
    if (child->pass_fd == LAUNCH_PASS_FD) /* dup2 onto itself would leave close-on-exec set */
        return fcntl(LAUNCH_PASS_FD, F_SETFD, 0) == 0 ? 0 : errno;
    return dup2(child->pass_fd, LAUNCH_PASS_FD) >= 0 ? 0 : errno;
}

/* Lets the kernel end this program, before anything else of the user's, when memory runs out. A
 * process may always raise its own value; where /proc is read-only it stays as it was, and the
 * kernel's own choice (the largest process) is most likely the same. */
static void set_oom_first(const struct launch_child *child)
{
    static const char most[] = "1000"; /* OOM_SCORE_ADJ_MAX, proc(5) */
    if (!child->message->is_oom_first)
        return;
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = write(fd, most, sizeof(most) - 1);
    if (n > 0)
        child->shared->written_bytes += (uint64_t)n;
    close(fd);
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

/* The files to try for a name, in order: itself if it has a slash, else one per directory of PATH,
 * as execvp(3) does. Made before `shed_memory`, ends with NULL. Returns 0 or an errno. */
static int list_files(const char *name, char ***ret_files)
{
    const char *path = getenv("PATH");
    if (path == NULL)
        path = "/bin:/usr/bin";
    if (strchr(name, '/') != NULL || name[0] == '\0')
        path = "";
    size_t count = 1, name_size = strlen(name) + 1;
    for (const char *at = path; *at != '\0'; at++)
        count += *at == ':';
    char **files = calloc(count + 1, sizeof(*files));
    for (size_t i = 0; files != NULL && i < count; i++) {
        size_t length = strcspn(path, ":");
        files[i] = malloc(length + 1 + name_size);
        if (files[i] == NULL)
            return ENOMEM;
        memcpy(files[i], path, length);
        if (length > 0) /* an empty element is the working directory */
            files[i][length++] = '/';
        memcpy(files[i] + length, name, name_size);
        path += strcspn(path, ":");
        path += *path == ':';
    }
    *ret_files = files;
    return files != NULL ? 0 : ENOMEM;
}

static int drop_clean_pages(struct dl_phdr_info *info, size_t size, void *context)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (size_t i = info->dlpi_phnum; i-- > 0;) { /* the first part holds these headers: last */
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || (part->p_flags & PF_W) != 0)
            continue;
        uintptr_t begin = (info->dlpi_addr + part->p_vaddr) & ~(page - 1);
        uintptr_t end = info->dlpi_addr + part->p_vaddr + part->p_memsz;
        madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

/* Makes this process small before it becomes the program, because ru_maxrss keeps the peak of what
 * was there before exec: pages of tacho and its libraries that nobody changed are dropped (they
 * come back from the page cache when touched), and the peak is set back (proc(5), clear_refs: 5).
 * Where that cannot be done the floor of peak RSS is higher; the report says how high. */
static void shed_memory(struct launch_shared *shared)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    dl_iterate_phdr(drop_clean_pages, NULL);
    if (syscall(SYS_write, fd, "5", 1) == 1)
        shared->written_bytes++;
    /* Closed by exec. */
}

/* From here on as few different pages as possible are touched, hence syscall(). A file that the
 * kernel refuses to execute (ENOEXEC) is not handed to /bin/sh: a program for another machine would
 * come out as a shell's syntax error. Returns errno. */
static int execute(char **files, char **argv, struct launch_shared *shared)
{
    int result = ENOENT;
    for (size_t i = 0; files[i] != NULL; i++) {
        syscall(SYS_getrusage, RUSAGE_SELF, &shared->before);
        shared->begin_ns = clock_mono_ns();
        syscall(SYS_execve, files[i], argv, environ);
        int failed = errno;
        /* Said only if no later directory has it. A directory that may not be searched has not. */
        if (failed == EACCES)
            result = access(files[i], F_OK) == 0 ? EACCES : result;
        else if (failed != ENOENT && failed != ENOTDIR && failed != ESTALE && failed != ENODEV &&
                 failed != ETIMEDOUT && failed != ENAMETOOLONG)
            return failed;
    }
    return result;
}

static int settle_in(struct launch_child *child, char ***ret_argv)
{
    /* If the helper is killed, nobody is left to end the program. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    /* Nothing is ignored (helper_settle_in), and exec itself puts handlers back to the default. */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    set_affinity(child);
    set_oom_first(child);
    int failed = set_outputs(child);
    if (failed == 0)
        failed = take_arguments(child, ret_argv);
    return failed != 0 ? failed : set_pass_fd(child);
}

void launch_child_run(struct launch_child *child)
{
    char **argv = NULL, **files = NULL;
    int failed = settle_in(child, &argv);
    if (failed == 0 && argv != NULL && argv[0] != NULL)
        failed = list_files(argv[0], &files);
    /* What is called after shed_memory is called once before it: the loader looks a function up at
     * its first call, and to do so touches every library. (syscall: in shed_memory.) */
    child->shared->begin_ns = clock_mono_ns();
    errno = 0;
    shed_memory(child->shared);
    char go;
    long n;
    do {
        n = syscall(SYS_read, child->go_fd, &go, 1);
    } while (n < 0 && errno == EINTR);
    if (n != 1)
        _exit(127);
    if (failed == 0 && files != NULL)
        failed = execute(files, argv, child->shared);
    if (write(child->error_fd, &failed, sizeof(failed)) != (ssize_t)sizeof(failed))
        _exit(126);
    _exit(127);
}
