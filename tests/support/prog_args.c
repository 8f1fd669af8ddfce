/* prog_args: prints "count N bytes N" of its arguments after the program's name. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    size_t bytes = 0;
    for (int i = 1; i < argc; i++)
        bytes += strlen(argv[i]);
    printf("count %d bytes %zu\n", argc - 1, bytes);
    return 0;
}
