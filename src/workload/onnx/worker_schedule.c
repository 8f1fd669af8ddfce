/* worker_schedule.c: when the units of an open loop arrive.
 *
 * One schedule for all streams. Arrivals do not wait for anybody: how late a unit begins after its
 * arrival is part of what is measured. Poisson: gaps are exponential, -ln(1 - u) / rate.
 */
#include <math.h>

#include "base/clock.h"
#include "stats/stats.h"
#include "workload/onnx/worker_internal.h"

static double draw_gap_ns(struct onnx_schedule *schedule)
{
    return -log1p(-random_uniform(&schedule->random)) / schedule->rate_per_s * (double)NS_PER_S;
}

static void advance(struct onnx_schedule *schedule)
{
    if (!schedule->is_poisson) {
        double since = (double)schedule->index / schedule->rate_per_s * (double)NS_PER_S;
        schedule->next_ns = schedule->begin_ns + (uint64_t)since;
        return;
    }
    double gap = draw_gap_ns(schedule) + schedule->next_frac;
    double whole = floor(gap);
    schedule->next_ns += (uint64_t)whole;
    schedule->next_frac = gap - whole;
}

void onnx_schedule_init(struct onnx_schedule *schedule, double rate_per_s, bool is_poisson,
                        uint64_t seed, uint64_t begin_ns)
{
    *schedule = (struct onnx_schedule){.rate_per_s = rate_per_s,
                                       .is_poisson = is_poisson,
                                       .begin_ns = begin_ns,
                                       .next_ns = begin_ns,
                                       .random = seed};
    pthread_mutex_init(&schedule->mutex, NULL);
    advance(schedule);
}

void onnx_schedule_deinit(struct onnx_schedule *schedule)
{
    pthread_mutex_destroy(&schedule->mutex);
}

bool onnx_schedule_draw(struct onnx_schedule *schedule, uint64_t limit_ns, uint64_t *ret_ns)
{
    pthread_mutex_lock(&schedule->mutex);
    bool is_drawn = schedule->next_ns <= limit_ns;
    if (is_drawn) {
        *ret_ns = schedule->next_ns;
        schedule->index++;
        advance(schedule);
    }
    pthread_mutex_unlock(&schedule->mutex);
    return is_drawn;
}
