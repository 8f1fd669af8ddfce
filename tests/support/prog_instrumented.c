/* prog_instrumented SECONDS [still] [fork] [kill] [leak]: a pipeline that says what it does
 * (libtacho): every 10 ms a frame of camera0, a span "inference" of 2 ms with a "decode" in it, and
 * two items of work; every fifth item is dropped. A gauge "queue" that goes up to 7. The marks
 * "loaded" and, with 8 MB more, "after model".
 *   still: camera0 stops after two seconds, the rest goes on
 *   fork:  a child does the same and ends first
 *   kill:  it ends by SIGKILL, within the span "inference"
 *   leak:  8 KB for each item of work
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tacho/tacho.h>

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void rest(uint64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000u),
                            .tv_nsec = (long)(ns % 1000000000u)};
    nanosleep(&time, NULL);
}

static void take_memory(size_t size)
{
    volatile char *memory = malloc(size);
    for (size_t i = 0; memory && i < size; i += 4096)
        memory[i] = 1;
}

static void one_frame(unsigned number, bool is_still, bool does_leak)
{
    if (!is_still)
        tacho_frame("camera0");
    tacho_gauge("queue", number % 8);
    TACHO_SPAN("inference")
    {
        TACHO_SPAN("decode")
        {
            rest(1000000);
        }
        rest(1000000);
    }
    tacho_work("items", 2);
    if (number % 5 == 0)
        tacho_dropped("lost", 1);
    if (does_leak)
        take_memory(2 * 8192);
    rest(8000000);
}

static bool has(int argc, char **argv, const char *word)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], word) == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 1;
    uint64_t begin_ns = now_ns(), length_ns = (uint64_t)(seconds * 1e9);
    pid_t child = -1;
    tacho_mark("loaded");
    take_memory(8 << 20);
    tacho_mark("after model");
    if (has(argc, argv, "fork")) {
        child = fork();
        length_ns -= child == 0 ? length_ns / 4 : 0;
    }
    for (unsigned i = 0; now_ns() - begin_ns < length_ns; i++) {
        bool is_still = has(argc, argv, "still") && now_ns() - begin_ns > 2000000000;
        one_frame(i, is_still, has(argc, argv, "leak"));
    }
    if (child > 0)
        waitpid(child, NULL, 0);
    if (has(argc, argv, "kill")) {
        tacho_begin("inference");
        raise(SIGKILL);
    }
    return 0;
}
