/* prog_hog MB [PROCESSES]: touches so much memory in each of PROCESSES processes (default 1), all
 * at once, and prints what getrusage(2) says about itself: "touched_bytes N maxrss_kb N". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int hog(size_t bytes)
{
    unsigned char *memory = malloc(bytes);
    if (memory == NULL)
        return 1;
    for (size_t at = 0; at < bytes; at += 1024)
        memory[at] = (unsigned char)(at >> 10 | 1);
    usleep(200 * 1000); /* long enough to be seen together with its siblings */
    unsigned sum = 0;
    for (size_t at = 0; at < bytes; at += 4096)
        sum += memory[at];
    free(memory);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("touched_bytes %zu maxrss_kb %ld\n", bytes, usage.ru_maxrss);
    fflush(stdout);
    return sum == 0;
}

int main(int argc, char **argv)
{
    size_t bytes = (size_t)(argc > 1 ? atoi(argv[1]) : 64) << 20;
    int processes = argc > 2 ? atoi(argv[2]) : 1;
    for (int i = 1; i < processes; i++)
        if (fork() == 0)
            return hog(bytes);
    int failed = hog(bytes);
    while (wait(NULL) > 0)
        ;
    return failed;
}
