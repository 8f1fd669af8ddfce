/* bench_cores.c: `tacho bench cores`: how a program or model scales over cores.
 *
 * A number of cores means the first so many that tacho itself may use. Which ones they are matters
 * on a board with unlike cores; the run's facts name them.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>

#include "base/unit.h"
#include "cmd/bench.h"

#define CORES_MAX CPU_SETSIZE

static int allowed_cores(uint64_t *ret_cores, size_t *ret_count, struct error *err)
{
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return error_set_errno(err, ERROR_SYSTEM, errno, "cannot read tacho's own cores");
    *ret_count = 0;
    for (uint64_t core = 0; core < CORES_MAX; core++)
        if (CPU_ISSET(core, &allowed))
            ret_cores[(*ret_count)++] = core;
    return 0;
}

/* 1, 2, 4 … and all of them. */
static void default_counts(size_t available, char *buf, size_t size)
{
    size_t length = (size_t)snprintf(buf, size, "1");
    for (size_t count = 2; count < available; count *= 2)
        length += (size_t)snprintf(buf + length, size - length, ",%zu", count);
    if (available > 1)
        snprintf(buf + length, size - length, ",%zu", available);
}

/* benchmark.cores of tacho.yaml names cores to pin `run` to; here counts are asked for. */
static int choose_counts(const struct settings *settings, size_t available, uint64_t *counts,
                         size_t *ret_count, struct error *err)
{
    char otherwise[128];
    default_counts(available, otherwise, sizeof(otherwise));
    struct settings copy;
    int rc = settings_copy(&copy, settings, err);
    if (rc == 0 && copy.values[SETTING_CORES].source != SOURCE_FLAG)
        rc = settings_unset(&copy, SETTING_CORES, err);
    if (rc == 0)
        rc = sweep_numbers(&copy, SETTING_CORES, otherwise, 1000000, counts,
                           BENCH_CONFIGURATIONS_MAX, ret_count, err);
    settings_deinit(&copy);
    if (rc == 0 && counts[*ret_count - 1] > available) {
        error_set(err, ERROR_USAGE, "--cores: %llu cores were asked for, and there %s %zu",
                  (unsigned long long)counts[*ret_count - 1], available == 1 ? "is" : "are",
                  available);
        return error_hint(err,
                          "--cores takes numbers of cores, each at most %zu; what taskset or "
                          "a container withholds does not count",
                          available);
    }
    return rc;
}

static int add_count(struct sweep_command *command, uint64_t count, const uint64_t *cores,
                     struct error *err)
{
    char name[32], list[512];
    struct sweep_item *item;
    const struct settings *settings = &command->context->settings;
    bool is_fixed = settings->values[SETTING_THREADS].source == SOURCE_FLAG;
    uint64_t threads = is_fixed ? settings_get_u64(settings, SETTING_THREADS) : count;
    snprintf(name, sizeof(name), "%llu core%s", (unsigned long long)count, count == 1 ? "" : "s");
    unit_format_list(cores, count, list, sizeof(list));
    int rc = sweep_command_add(command, name, (double)count, &item, err);
    if (rc == 0)
        rc = bench_neutralise(item, err);
    if (rc == 0)
        rc = sweep_item_set(item, SETTING_CORES, list, "--cores", err);
    if (rc == 0)
        rc = sweep_item_set_number(item, SETTING_THREADS, threads, "--threads", err);
    if (rc == 0)
        rc = sweep_command_prepare(command, err);
    if (rc == 0) {
        command->rows[command->count - 1].threads = threads;
        bench_plan(command, 0);
    }
    return rc;
}

static int check(const struct command_context *context, struct error *err)
{
    if (context->settings.values[SETTING_IMAGES].source != SOURCE_FLAG &&
        context->settings.values[SETTING_BATCH_SIZES].source != SOURCE_FLAG) {
        bool is_program = context->program != NULL;
        int rc = bench_check_units(&context->settings, SETTING_DURATION, err);
        if (rc < 0 || !is_program)
            return rc;
        return bench_check_units(&context->settings, SETTING_ROUNDS, err);
    }
    error_set(err, ERROR_USAGE, "--images and --batch-sizes belong to bench batching");
    return error_hint(err, "one batch size: --batch-size N");
}

static int run(struct command_context *context, struct error *err)
{
    uint64_t cores[CORES_MAX], counts[BENCH_CONFIGURATIONS_MAX];
    size_t available = 0, count = 0;
    int rc = check(context, err);
    if (rc == 0)
        rc = allowed_cores(cores, &available, err);
    if (rc == 0)
        rc = choose_counts(&context->settings, available, counts, &count, err);
    if (rc < 0)
        return rc;
    struct sweep_command command = {0};
    rc = sweep_command_init(&command, context, SWEEP_CORES, count, err);
    command.title = "numbers of cores";
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_count(&command, counts[i], cores, err);
    if (rc == 0)
        rc = sweep_command_run(&command, err);
    sweep_command_deinit(&command);
    return rc;
}

const struct bench_kind bench_cores = {.name = "cores", .run = run};
