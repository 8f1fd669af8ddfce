/* prog_stubborn [FILE]: ignores SIGTERM, SIGINT and SIGHUP and sleeps for ever; writes its pid to
 * FILE once it does. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (argc > 1) {
        FILE *file = fopen(argv[1], "w");
        if (file == NULL)
            return 1;
        fprintf(file, "%d\n", (int)getpid());
        fclose(file);
    }
    for (;;)
        pause();
}
