/* prog_children N MODE [MS]: starts N children that run at the same time, then, by MODE:
 *   wait    waits for all of them (each ends after MS milliseconds, default 0)
 *   leave   ends at once; the children go on sleeping for ever
 *   ignore  sets SIGCHLD to ignored, so that the kernel drops the children and what they used;
 *           each burns MS milliseconds of CPU time
 *   orphan  each child is made by a process in between that is waited for; the orphan burns MS
 *           milliseconds of CPU time and ends before the main process does
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void burn(long ms)
{
    struct timespec used;
    volatile uint64_t sink = 0;
    do {
        for (int i = 0; i < 20000; i++)
            sink += (uint64_t)i * sink + 1;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    } while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < ms);
}

/* The child's end of this pipe closes when it ends: so its end is seen without waiting for it. */
static int alive[2];

static void child(const char *mode, long ms)
{
    close(alive[0]);
    if (strcmp(mode, "leave") == 0)
        for (;;)
            pause();
    if (strcmp(mode, "wait") == 0)
        usleep((useconds_t)ms * 1000);
    else
        burn(ms);
    _exit(0);
}

static void start(const char *mode, long ms)
{
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(3);
    }
    if (pid > 0) {
        if (strcmp(mode, "orphan") == 0)
            waitpid(pid, NULL, 0);
        return;
    }
    if (strcmp(mode, "orphan") == 0 && fork() != 0)
        _exit(0);
    child(mode, ms);
}

int main(int argc, char **argv)
{
    if (argc < 3 || pipe(alive) != 0)
        return 2;
    int count = atoi(argv[1]);
    const char *mode = argv[2];
    long ms = argc > 3 ? atol(argv[3]) : 0;
    if (strcmp(mode, "ignore") == 0)
        signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < count; i++)
        start(mode, ms);
    printf("started %d\n", count);
    fflush(stdout);
    if (strcmp(mode, "leave") == 0)
        return 0;
    close(alive[1]);
    char byte;
    while (read(alive[0], &byte, 1) < 0 && errno == EINTR)
        ;
    if (strcmp(mode, "orphan") == 0)
        usleep(20 * 1000); /* the pipe closes a little before the kernel has buried them */
    while (wait(NULL) > 0)
        ;
    return 0;
}
