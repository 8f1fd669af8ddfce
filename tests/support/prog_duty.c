/* prog_duty MS WORKERS thread|fork [REST_MS]: rests 300 ms; then burns MS milliseconds of CPU time
 * in each of so many threads or forked workers, 20 ms of work and 5 ms of sleep in turn; prints
 * what getrusage(2) says of itself and its children: "cpu_us N"; and rests REST_MS (default 1000).
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long cpu_ms(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

static void *work(void *argument)
{
    long ms = *(long *)argument, begin = cpu_ms();
    volatile uint64_t sink = 0;
    while (cpu_ms() - begin < ms) {
        long slice = cpu_ms();
        while (cpu_ms() - slice < 20)
            for (int i = 0; i < 20000; i++)
                sink += (uint64_t)i * sink + 1;
        usleep(5000);
    }
    return NULL;
}

static long used_us(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000L + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    long ms = atol(argv[1]);
    int workers = atoi(argv[2]);
    pthread_t ids[64];
    if (workers < 1 || workers > 64)
        return 2;
    usleep(300 * 1000);
    for (int i = 0; i < workers; i++) {
        if (strcmp(argv[3], "thread") == 0) {
            if (pthread_create(&ids[i], NULL, work, &ms) != 0)
                return 1;
        } else if (fork() == 0) {
            work(&ms);
            _exit(0);
        }
    }
    for (int i = 0; i < workers && strcmp(argv[3], "thread") == 0; i++)
        pthread_join(ids[i], NULL);
    while (wait(NULL) > 0)
        ;
    printf("cpu_us %ld\n", used_us(RUSAGE_SELF) + used_us(RUSAGE_CHILDREN));
    fflush(stdout);
    usleep((useconds_t)(argc > 4 ? atol(argv[4]) : 1000) * 1000);
    return 0;
}
