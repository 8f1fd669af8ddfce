/* growth_traces.h: seeded traces of memory for the tests of the verdict: what programs that do not
 * leak look like, and ones that do. A sample each STEP_S seconds, MB. */
#ifndef TESTS_STATS_GROWTH_TRACES_H
#define TESTS_STATS_GROWTH_TRACES_H

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "noise.h"

#define TRACE_STEP_S 5.0
#define TRACE_MAX 8192

struct trace {
    size_t n;
    double t[TRACE_MAX], y[TRACE_MAX];
    uint64_t random;
};

static inline void trace_init(struct trace *trace, double minutes, uint64_t seed)
{
    memset(trace, 0, sizeof(*trace));
    trace->n = (size_t)(60 * minutes / TRACE_STEP_S);
    trace->random = seed * 0x9e3779b97f4a7c15u + 1;
    for (size_t i = 0; i < trace->n; i++) {
        trace->t[i] = TRACE_STEP_S * (double)i;
        trace->y[i] = 500;
    }
}

static inline double trace_end_s(const struct trace *trace)
{
    return TRACE_STEP_S * (double)trace->n;
}

static inline void trace_noise(struct trace *trace, double phi, double deviation)
{
    double noise[TRACE_MAX];
    noise_autoregressive(&trace->random, phi, noise, trace->n);
    for (size_t i = 0; i < trace->n; i++)
        trace->y[i] += deviation * noise[i];
}

/* Rises by `height` and falls back, again and again; no two periods are equal. */
static inline void trace_saw(struct trace *trace, double height, double period_s)
{
    double from_s = -period_s * random_uniform(&trace->random), length_s = period_s;
    for (size_t i = 0; i < trace->n; i++) {
        while (trace->t[i] >= from_s + length_s) {
            from_s += length_s;
            length_s = period_s * (0.7 + 0.6 * random_uniform(&trace->random));
        }
        trace->y[i] += height * (trace->t[i] - from_s) / period_s;
    }
}

static inline void trace_warmup(struct trace *trace, double height, double tau_s)
{
    for (size_t i = 0; i < trace->n; i++)
        trace->y[i] -= height * exp(-trace->t[i] / tau_s);
}

static inline void trace_step(struct trace *trace, double height, double at_s)
{
    for (size_t i = 0; i < trace->n; i++)
        trace->y[i] += trace->t[i] >= at_s ? height : 0;
}

/* An arena: wanders between two bounds, each sample by `deviation`. */
static inline void trace_walk(struct trace *trace, double deviation, double width)
{
    double at = width * random_uniform(&trace->random);
    for (size_t i = 0; i < trace->n; i++) {
        at += deviation * noise_normal(&trace->random);
        at = at < 0 ? -at : at;
        at = at > width ? 2 * width - at : at;
        trace->y[i] += at;
    }
}

static inline void trace_leak(struct trace *trace, double mb_per_min)
{
    for (size_t i = 0; i < trace->n; i++)
        trace->y[i] += mb_per_min * trace->t[i] / 60;
}

/* A service: measurement noise, load that comes and goes, collections of garbage, a start-up. */
static inline void trace_service(struct trace *trace)
{
    trace_noise(trace, 0, 0.5);
    trace_noise(trace, 0.9, 1.5);
    trace_saw(trace, 8, 40);
    trace_warmup(trace, 200, 15);
}

#define TRACE_FLATS 9
static const char *const trace_flat_names[TRACE_FLATS] = {
    "white noise", "AR(1) 0.9", "AR(1) 0.99",          "saw-tooth", "slow saw-tooth",
    "warm-up",     "one step",  "walk between bounds", "service"};

/* One that does not leak. */
static inline void trace_flat(struct trace *trace, size_t kind)
{
    double end_s = trace_end_s(trace);
    switch (kind) {
    case 0:
        trace_noise(trace, 0, 2);
        break;
    case 1:
        trace_noise(trace, 0.9, 3);
        break;
    case 2:
        trace_noise(trace, 0.99, 5);
        break;
    case 3:
        trace_saw(trace, 50, 20 + 70 * random_uniform(&trace->random));
        trace_noise(trace, 0, 0.5);
        break;
    case 4:
        trace_saw(trace, 50, end_s * (0.1 + 0.15 * random_uniform(&trace->random)));
        trace_noise(trace, 0, 0.5);
        break;
    case 5:
        trace_warmup(trace, 300, end_s * (0.02 + 0.2 * random_uniform(&trace->random)));
        trace_noise(trace, 0.5, 1);
        break;
    case 6:
        trace_step(trace, 30, end_s * (0.1 + 0.8 * random_uniform(&trace->random)));
        trace_noise(trace, 0.5, 1);
        break;
    case 7:
        trace_walk(trace, 1, 40);
        break;
    default:
        trace_service(trace);
        break;
    }
}

#endif
