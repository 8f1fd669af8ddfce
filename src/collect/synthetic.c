/* synthetic.c: the collector `synthetic`: invents its values, for demonstrations and for tests of
 * everything behind a collector. Used only when named; its runs say so everywhere.
 *
 * The same seed gives the same values: they depend on the seed and the number of the sample alone,
 * not on time. CPU and GPU load are first-order autoregressive around a mean, power follows the GPU
 * between 15 and 150 W, temperature follows its load with inertia between 45 and 85 °C, memory
 * drifts; the shapes are those of the synthetic collector of the toolkit that tacho replaces, in
 * its steady pattern.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "collect/collector.h"

enum synthetic_column { CPU, MEM_TOTAL, MEM_USED, GPU, TEMP, POWER, COLUMNS };

static const char *const column_names[COLUMNS] = {
    [CPU] = "cpu_total_pct",    [MEM_TOTAL] = "mem_total_mb",
    [MEM_USED] = "mem_used_mb", [GPU] = "gpu_util_pct",
    [TEMP] = "temp_c",          [POWER] = "power_w",
};

struct synthetic_state {
    int channels[COLUMNS];
    uint64_t random;
    double cpu_pct, gpu_pct, mem_used_mb, temp_c;
};

/* splitmix64 (Steele, Lea, Flood 2014): one multiplication chain, any seed is good. */
static uint64_t random_next(struct synthetic_state *state)
{
    uint64_t z = state->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double random_unit(struct synthetic_state *state) /* (0, 1] */
{
    return ((double)(random_next(state) >> 11) + 1.0) / 9007199254740992.0;
}

/* Box-Muller: mean 0, standard deviation 1. */
static double random_normal(struct synthetic_state *state)
{
    double radius = sqrt(-2.0 * log(random_unit(state)));
    return radius * cos(2.0 * M_PI * random_unit(state));
}

static double clamp(double value, double low, double high)
{
    return fmin(fmax(value, low), high);
}

/* One step of an AR(1) with this mean and standard deviation: the noise is scaled so that the
 * series, not the step, has it. */
static double step(struct synthetic_state *state, double last, double mean, double deviation,
                   double rho)
{
    double noise = deviation * sqrt(1 - rho * rho) * random_normal(state);
    return clamp(mean + rho * (last - mean) + noise, 0, 100);
}

static void synthetic_probe(const struct collect_env *env, struct probe_result *ret)
{
    *ret = (struct probe_result){REASON_NONE, "invents its values"};
}

static int synthetic_open(const struct collect_env *env, struct channel_set *channels,
                          void **ret_state, struct error *err)
{
    struct synthetic_state *state = calloc(1, sizeof(*state));
    if (!state)
        return error_set(err, ERROR_NOMEM, "out of memory for the collector 'synthetic'");
    *state = (struct synthetic_state){
        .random = env->seed, .cpu_pct = 45, .gpu_pct = 75, .mem_used_mb = 4096, .temp_c = 45};
    for (int i = 0; i < COLUMNS; i++) {
        state->channels[i] =
            channel_declare(channels, column_names[i], "synthetic", "invented (synthetic)");
        if (state->channels[i] < 0) {
            int rc = state->channels[i];
            free(state);
            return error_set(err, rc, "cannot declare the columns of the collector 'synthetic'");
        }
    }
    *ret_state = state;
    return 0;
}

static int synthetic_sample(void *data, const struct collect_tick *tick, double *values)
{
    struct synthetic_state *state = data;
    const double mem_total_mb = 16384;
    state->cpu_pct = step(state, state->cpu_pct, 45, 8, 0.7);
    state->gpu_pct = step(state, state->gpu_pct, 75, 5, 0.8);
    double target_c = 45 + 40 * state->gpu_pct / 100;
    state->temp_c = clamp(0.9 * state->temp_c + 0.1 * target_c, 45, 85);
    double drift_mb = 0.5 + 0.5 * random_normal(state);
    state->mem_used_mb = clamp(state->mem_used_mb + drift_mb, 512, mem_total_mb);
    double power_w = 15 + (150 - 15) * state->gpu_pct / 100 + 3 * random_normal(state);

    values[state->channels[CPU]] = state->cpu_pct;
    values[state->channels[MEM_TOTAL]] = mem_total_mb;
    values[state->channels[MEM_USED]] = state->mem_used_mb;
    values[state->channels[GPU]] = state->gpu_pct;
    values[state->channels[TEMP]] = state->temp_c;
    values[state->channels[POWER]] = clamp(power_w, 15, 150);
    return 0;
}

static void synthetic_close(void *state)
{
    free(state);
}

const struct collector collector_synthetic = {
    .name = "synthetic",
    .summary = "invented values, for demonstrations and tests; never used unless named",
    .cost_ns = 150,
    .min_interval_ns = 0,
    .synthetic = true,
    .probe = synthetic_probe,
    .open = synthetic_open,
    .sample = synthetic_sample,
    .close = synthetic_close,
};
