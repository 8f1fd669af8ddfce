/* prog_leak KB STEP_MS MS [FILE]: for MS milliseconds, every STEP_MS milliseconds takes KB
 * kilobytes more and touches them, and frees and takes again a block of 2 MB; with FILE, appends a
 * line to it in every step. KB 0: flat. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static unsigned char *take(size_t bytes)
{
    unsigned char *block =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        exit(1);
    memset(block, 1, bytes);
    return block;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    size_t bytes = (size_t)atol(argv[1]) << 10;
    long step = atol(argv[2]), begin = now_ms(), ms = atol(argv[3]), next = begin;
    FILE *file = argc > 4 ? fopen(argv[4], "a") : NULL;
    while (now_ms() - begin < ms) {
        unsigned char *churn = take(2 << 20);
        if (bytes > 0)
            take(bytes);
        if (file) {
            fprintf(file, "step\n");
            fflush(file);
        }
        munmap(churn, 2 << 20);
        next += step; /* on a grid, so that the slope is what was asked for */
        long rest = next - now_ms();
        if (rest > 0)
            usleep((useconds_t)rest * 1000);
    }
    return 0;
}
