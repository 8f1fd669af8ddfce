/* prog_spin MS [THREADS]: burns MS milliseconds of CPU time in each thread, then prints what
 * getrusage(2) says: "user_us N system_us N". */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static void *spin(void *argument)
{
    long ms = *(long *)argument;
    struct timespec used;
    volatile uint64_t sink = 0;
    do {
        for (int i = 0; i < 20000; i++)
            sink += (uint64_t)i * sink + 1;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    } while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < ms);
    return NULL;
}

int main(int argc, char **argv)
{
    long ms = argc > 1 ? atol(argv[1]) : 100;
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    pthread_t ids[64];
    if (threads < 1 || threads > 64)
        return 2;
    for (int i = 1; i < threads; i++)
        if (pthread_create(&ids[i], NULL, spin, &ms) != 0)
            return 1;
    spin(&ms);
    for (int i = 1; i < threads; i++)
        pthread_join(ids[i], NULL);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("user_us %ld system_us %ld\n", usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec,
           usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec);
    return 0;
}
