/* prog_daemon FILE: forks twice into a session of its own, as daemons do, writes the daemon's pid
 * to FILE and ends; the daemon ignores SIGHUP and SIGTERM and sleeps for ever. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    int ready[2];
    if (pipe(ready) != 0)
        return 1;
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        if (fork() != 0)
            _exit(0);
        signal(SIGHUP, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        FILE *file = fopen(argv[1], "w");
        if (file == NULL)
            _exit(1);
        fprintf(file, "%d\n", (int)getpid());
        fclose(file);
        close(ready[0]);
        close(ready[1]);
        for (;;)
            pause();
    }
    close(ready[1]);
    char byte;
    if (read(ready[0], &byte, 1) != 0) /* ends when the daemon is ready */
        return 1;
    waitpid(pid, NULL, 0);
    return 0;
}
