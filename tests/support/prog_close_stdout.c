/* prog_close_stdout [STATUS]: says one line, closes stdout and stderr, goes on for a while, and
 * ends with STATUS (default 0). */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    printf("before 1\n");
    fclose(stdout);
    fclose(stderr);
    usleep(50 * 1000);
    return argc > 1 ? atoi(argv[1]) : 0;
}
