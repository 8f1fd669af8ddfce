/* sweep.c: see sweep.h. */
#include "measure/sweep.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/interrupt.h"
#include "base/util.h"
#include "measure/measure_internal.h"
#include "stats/stats.h"

/* While others have their turn, a sampler would only disturb them, and fill its ring with values
 * that are not about its own run. */
static void pause_sampling(struct measure *measure)
{
    sampler_stop(measure->sampler);
    sampling_drain(measure);
}

/* What ends one configuration ends not the others, but for these. */
static bool ends_all(int rc)
{
    return rc == -ERROR_INTERRUPTED || rc == -ERROR_NOMEM || rc == -ERROR_INTERNAL;
}

static int note(int rc, const struct error *detail, struct error *err)
{
    if (err)
        *err = *detail;
    return rc;
}

static int fail_config(struct sweep_config *config, int rc, const struct error *detail,
                       struct error *err)
{
    config->is_done = true;
    config->error = *detail;
    if (config->error.code == 0)
        error_set(&config->error, -rc, "it failed");
    return ends_all(rc) ? note(rc, &config->error, err) : 0;
}

static int begin_config(struct sweep_config *config, struct error *err)
{
    struct error detail = {0};
    config->plan.quiet = true; /* one line of progress is enough */
    config->is_done = config->error.code != 0;
    if (config->is_done)
        return 0;
    int rc = measure_open(&config->plan, &config->measure, &detail);
    if (rc < 0)
        return fail_config(config, rc, &detail, err);
    pause_sampling(config->measure);
    return 0;
}

/* The sensors' files are not kept open for the table that comes at the end. */
static int end_config(struct sweep_config *config, struct error *err)
{
    if (!config->measure)
        return 0;
    int rc = measure_close(config->measure, err);
    sampling_close(config->measure);
    return rc;
}

static bool has_all_launches(const struct sweep_config *config)
{
    return config->launches_max > 0 && config->launches >= config->launches_max;
}

static bool wants_more(const struct sweep_config *config)
{
    if (!config->plan.workload->one_unit_per_invocation)
        return true; /* its stop rule knows */
    if (config->turns_wanted > 0)
        return config->turns < config->turns_wanted;
    if (has_all_launches(config))
        return false;
    if (config->time_max_ns > 0 && config->active_ns >= config->time_max_ns)
        return false;
    return config->launches < config->launches_min || config->active_ns < config->time_min_ns;
}

/* One turn: a process, or short launches until the turn is worth its sampler. */
static int take_turn(struct sweep_config *config, struct error *err)
{
    struct error detail = {0};
    uint64_t begin_ns = clock_mono_ns(), spent_ns = 0;
    int rc = sampler_start(config->measure->sampler, &detail);
    bool more = true, is_short = config->plan.workload->one_unit_per_invocation;
    while (rc == 0 && more &&
           (spent_ns == 0 || (is_short && spent_ns < SWEEP_TURN_NS && !has_all_launches(config)))) {
        rc = measure_step(config->measure, &more, &detail);
        config->launches++;
        spent_ns = u64_max(1, clock_mono_ns() - begin_ns);
    }
    pause_sampling(config->measure);
    config->turns++;
    config->active_ns += spent_ns;
    if (rc < 0)
        rc = fail_config(config, rc, &detail, err);
    else if (!more || !wants_more(config))
        config->is_done = true;
    return rc;
}

/* Fisher and Yates. */
static void shuffle(size_t *order, size_t count, uint64_t *state)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)(random_uniform(state) * (double)i), held = order[i - 1];
        order[i - 1] = order[other];
        order[other] = held;
    }
}

static size_t unfinished(const struct sweep *sweep)
{
    size_t count = 0;
    for (size_t i = 0; i < sweep->count; i++)
        count += !sweep->configs[i].is_done;
    return count;
}

static double share_of(const struct sweep_config *config)
{
    if (config->is_done)
        return 1;
    if (!config->plan.workload->one_unit_per_invocation)
        return (double)config->turns / (double)u64_max(1, config->plan.invocations);
    if (config->turns_wanted > 0)
        return (double)config->turns / (double)config->turns_wanted;
    double units = (double)config->launches / (double)u64_max(1, config->launches_min);
    double time = (double)config->active_ns / (double)u64_max(1, config->time_min_ns);
    double share = units < time ? units : time;
    return share < 1 ? share : 1;
}

static void draw_progress(const struct sweep *sweep, struct progress *progress, const char *name)
{
    char text[96];
    double share = 0;
    for (size_t i = 0; i < sweep->count; i++)
        share += share_of(&sweep->configs[i]) / (double)sweep->count;
    snprintf(text, sizeof(text), "round %llu, %s", (unsigned long long)sweep->rounds, name);
    progress_update(progress, share, text);
}

static int run_turn(struct sweep *sweep, struct sweep_config *config, struct progress *progress,
                    struct error *err)
{
    draw_progress(sweep, progress, config->name);
    return take_turn(config, err);
}

static int run_interleaved(struct sweep *sweep, struct progress *progress, struct error *err)
{
    CLEANUP_FREE size_t *order = calloc(sweep->count + 1, sizeof(*order));
    if (!order)
        return error_set(err, ERROR_NOMEM, "out of memory for %zu configurations", sweep->count);
    int rc = 0;
    for (size_t i = 0; i < sweep->count && rc == 0; i++) {
        order[i] = i;
        rc = begin_config(&sweep->configs[i], err);
    }
    uint64_t state = sweep->seed;
    while (rc == 0 && unfinished(sweep) > 0) {
        shuffle(order, sweep->count, &state);
        sweep->rounds++;
        for (size_t i = 0; i < sweep->count && rc == 0; i++)
            if (!sweep->configs[order[i]].is_done)
                rc = run_turn(sweep, &sweep->configs[order[i]], progress, err);
    }
    return rc;
}

static int run_one_by_one(struct sweep *sweep, struct progress *progress, struct error *err)
{
    int rc = 0;
    sweep->rounds = 1;
    for (size_t i = 0; i < sweep->count && rc == 0; i++) {
        struct sweep_config *config = &sweep->configs[i];
        rc = begin_config(config, err);
        while (rc == 0 && !config->is_done)
            rc = run_turn(sweep, config, progress, err);
        if (rc == 0)
            rc = end_config(config, err);
    }
    return rc;
}

/* One that was not stepping when the signal came does not know of it yet. */
static void interrupt_unfinished(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->count; i++) {
        struct sweep_config *config = &sweep->configs[i];
        bool more;
        if (config->is_done || !config->measure)
            continue;
        config->is_done = true;
        measure_step(config->measure, &more, &config->error);
    }
}

static int end_all(struct sweep *sweep, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < sweep->count; i++) {
        struct error detail = {0};
        int end_rc = end_config(&sweep->configs[i], &detail);
        if (end_rc < 0 && rc == 0)
            rc = note(end_rc, &detail, err);
    }
    return rc;
}

int sweep_run(struct sweep *sweep, struct error *err)
{
    struct progress progress;
    progress_begin(&progress, sweep->label, sweep->quiet);
    int rc = sweep->is_one_by_one ? run_one_by_one(sweep, &progress, err)
                                  : run_interleaved(sweep, &progress, err);
    progress_end(&progress);
    if (interrupt_count() > 0)
        interrupt_unfinished(sweep);
    int end_rc = end_all(sweep, rc == 0 ? err : NULL);
    return rc < 0 ? rc : end_rc;
}

void sweep_deinit(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->count; i++) {
        measure_free(sweep->configs[i].measure);
        sweep->configs[i].measure = NULL;
    }
}
