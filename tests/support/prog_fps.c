/* prog_fps N: prints N lines as a vision pipeline does, "FPS: 30.5" counting up by 1, with a status
 * line on stderr, "dropped=I", beside each. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 10;
    for (int i = 0; i < count; i++) {
        printf("frame %d FPS: %d.5 (ok)\n", i, 30 + i);
        fprintf(stderr, "dropped=%d\n", i);
    }
    return 0;
}
