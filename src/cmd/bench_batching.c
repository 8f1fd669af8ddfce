/* bench_batching.c: `tacho bench batching`: what a batch costs and what it brings. */
#include <stdio.h>

#include "cmd/bench.h"

#define DEFAULT_SIZES "1,4,8,16,32"
#define SIZE_MAX_ALLOWED 65536

static int check(const struct command_context *context, struct error *err)
{
    const struct settings *settings = &context->settings;
    if (context->program) {
        error_set(err, ERROR_USAGE, "bench batching takes a model, not a program");
        return error_hint(err,
                          "a program has no batches that tacho knows of; to measure it over "
                          "cores: tacho bench cores -- %s",
                          context->program[0] ? context->program[0] : "CMD");
    }
    if (settings->values[SETTING_BATCH_SIZE].source == SOURCE_FLAG) {
        error_set(err, ERROR_USAGE, "%s is one batch size, and this measures several",
                  settings->values[SETTING_BATCH_SIZE].origin);
        return error_hint(err, "--batch-sizes 1,4,8");
    }
    if (settings_is_set(settings, SETTING_IMAGES) &&
        settings->values[SETTING_DURATION].source == SOURCE_FLAG) {
        error_set(err, ERROR_USAGE, "--images and --duration contradict each other");
        return error_hint(err, "give the number of images or the time, not both");
    }
    int rc = bench_check_units(settings, SETTING_IMAGES, err);
    return rc < 0 ? rc : bench_check_units(settings, SETTING_DURATION, err);
}

static int add_size(struct sweep_command *command, uint64_t size, uint64_t images,
                    struct error *err)
{
    char name[32];
    struct sweep_item *item;
    snprintf(name, sizeof(name), "batch %llu", (unsigned long long)size);
    int rc = sweep_command_add(command, name, (double)size, &item, err);
    if (rc == 0)
        rc = bench_neutralise(item, err);
    if (rc == 0)
        rc = sweep_item_set_number(item, SETTING_BATCH_SIZE, size, "--batch-sizes", err);
    if (rc == 0)
        rc = sweep_command_prepare(command, err);
    if (rc == 0)
        bench_plan(command, images);
    return rc;
}

static int run(struct command_context *context, struct error *err)
{
    const struct settings *settings = &context->settings;
    uint64_t sizes[BENCH_CONFIGURATIONS_MAX];
    size_t count = 0;
    int rc = check(context, err);
    if (rc == 0)
        rc = sweep_numbers(settings, SETTING_BATCH_SIZES, DEFAULT_SIZES, SIZE_MAX_ALLOWED, sizes,
                           BENCH_CONFIGURATIONS_MAX, &count, err);
    if (rc < 0)
        return rc;
    uint64_t images =
        settings_is_set(settings, SETTING_IMAGES) ? settings_get_u64(settings, SETTING_IMAGES) : 0;
    struct sweep_command command = {0};
    rc = sweep_command_init(&command, context, SWEEP_BATCHING, count, err);
    command.title = "batch sizes";
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_size(&command, sizes[i], images, err);
    if (rc == 0)
        rc = sweep_command_run(&command, err);
    sweep_command_deinit(&command);
    return rc;
}

const struct bench_kind bench_batching = {.name = "batching", .run = run};
