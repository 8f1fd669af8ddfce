/* rows.c: a table of N rows for script/bench: ts,stage,device,latency_us,temp_c.
 *
 *   rows N > FILE
 *
 * The same bytes on every machine: xorshift64*, sums of uniform numbers, no libm.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 88172645463325252u;

static double uniform(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (double)(state * 0x2545F4914F6CDD1Du >> 11) / 9007199254740992.0;
}

int main(int argc, char **argv)
{
    static const char *const stages[] = {"decode", "resize", "infer0", "infer1",
                                         "nms",    "track",  "encode", "publish"};
    static const char *const devices[] = {"gpu0", "dla0", "cpu"};
    long rows = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    double time_s = 1706123456;
    puts("ts,stage,device,latency_us,temp_c");
    for (long i = 0; i < rows; i++) {
        unsigned stage = (unsigned)(uniform() * 8);
        double tail = uniform();
        double latency = 400 + 150 * stage + 500 * uniform() * uniform() + 30 / (1.001 - tail);
        time_s += 0.0005;
        printf("%.6f,%s,%s,%.1f,%.1f\n", time_s, stages[stage], devices[i % 3], latency,
               45 + 20 * uniform());
    }
    return fflush(stdout) != 0 || ferror(stdout);
}
