/* measure.c: what a block of the program cost in time, memory and CPU. */
#include "probe/probe.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/sysinfo.h>

#define BYTES_PER_MB (1024.0 * 1024.0)

void tacho_measure_begin(struct tacho_measure *ret_measure)
{
    int errno_before = errno;
    ret_measure->rss_begin_bytes = probe_rss_bytes();
    ret_measure->hwm_begin_bytes = probe_peak_bytes();
    ret_measure->cpu_asked_ns = probe_now_ns();
    ret_measure->cpu_begin_ns = probe_cpu_ns();
    ret_measure->begin_ns = probe_now_ns(); /* last: reading the others is not the block's time */
    errno = errno_before;
}

static double machine_mb(void)
{
    struct sysinfo info; /* totalram is MemTotal of /proc/meminfo */
    return sysinfo(&info) == 0 ? (double)info.totalram * info.mem_unit / BYTES_PER_MB : NAN;
}

/* The kernel keeps one peak per process and never lowers it. If it rose within the block, it is the
 * block's peak. If not, the block stayed below an earlier one, and only its two ends are known.
 * (Resetting it through clear_refs would take it from whoever else measures this process.) */
static void measure_memory(const struct tacho_measure *begin, struct tacho_measured *measured)
{
    uint64_t rss = probe_rss_bytes(), peak = probe_peak_bytes();
    if (begin->rss_begin_bytes == 0 || rss == 0)
        return;
    uint64_t larger_end = rss > begin->rss_begin_bytes ? rss : begin->rss_begin_bytes;
    measured->is_peak_exact = begin->hwm_begin_bytes > 0 && peak > begin->hwm_begin_bytes;
    measured->peak_memory_mb = (double)(measured->is_peak_exact ? peak : larger_end) / BYTES_PER_MB;
    measured->memory_growth_mb = ((double)rss - (double)begin->rss_begin_bytes) / BYTES_PER_MB;
    measured->memory_percent = 100 * measured->peak_memory_mb / machine_mb();
}

void tacho_measure_end(const struct tacho_measure *measure, struct tacho_measured *ret_measured)
{
    int errno_before = errno;
    uint64_t end_ns = probe_now_ns(); /* first, for the same reason */
    uint64_t cpu_ns = probe_cpu_ns(), cpu_answered_ns = probe_now_ns();
    *ret_measured = (struct tacho_measured){.inference_time_s = NAN,
                                            .peak_memory_mb = NAN,
                                            .memory_growth_mb = NAN,
                                            .cpu_percent = NAN,
                                            .memory_percent = NAN};
    if (measure->begin_ns > 0 && end_ns >= measure->begin_ns) {
        ret_measured->inference_time_s = (double)(end_ns - measure->begin_ns) / 1e9;
        /* Asking for CPU time takes longer than a short block, and is in both. */
        double wall_ns = (double)(cpu_answered_ns - measure->cpu_asked_ns);
        if (wall_ns > 0 && cpu_ns >= measure->cpu_begin_ns && measure->cpu_begin_ns > 0)
            ret_measured->cpu_percent = 100 * (double)(cpu_ns - measure->cpu_begin_ns) / wall_ns;
    }
    measure_memory(measure, ret_measured);
    errno = errno_before;
}
