/* prog_write BYTES: writes exactly so many bytes to stdout with write(2), lines of 64. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long left = argc > 1 ? atol(argv[1]) : 0;
    char block[64 * 64];
    memset(block, 'x', sizeof(block));
    for (size_t i = 63; i < sizeof(block); i += 64)
        block[i] = '\n';
    while (left > 0) {
        size_t part = left < (long)sizeof(block) ? (size_t)left : sizeof(block);
        ssize_t n = write(STDOUT_FILENO, block, part);
        if (n < 0)
            return 1;
        left -= n;
    }
    return 0;
}
