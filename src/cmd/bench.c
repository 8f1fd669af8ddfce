/* bench.c: `tacho bench`: measure one thing in several configurations, interleaved. */
#include "cmd/bench.h"

#include <string.h>

#include "base/clock.h"
#include "base/util.h"

/* Of each configuration, where nothing else is asked for. */
#define LAUNCHES_MIN 10
#define INFERENCES_MIN 10 /* of each process */

static const struct bench_kind *const kinds[] = {&bench_batching, &bench_cores};

int bench_neutralise(struct sweep_item *item, struct error *err)
{
    static const enum setting_id not_ours[] = {SETTING_LIMIT, SETTING_PROFILE, SETTING_WAIVE,
                                               SETTING_ITERATIONS, SETTING_INVOCATIONS};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(not_ours); i++)
        rc = settings_unset(&item->settings, not_ours[i], err);
    return rc;
}

/* Of -n; a number of tacho.yaml is meant for `run`. 0: not asked for. */
static uint64_t asked_units(const struct settings *settings)
{
    bool is_asked = settings->values[SETTING_ITERATIONS].source == SOURCE_FLAG;
    return is_asked ? settings_get_u64(settings, SETTING_ITERATIONS) : 0;
}

int bench_check_units(const struct settings *settings, enum setting_id other, struct error *err)
{
    const struct setting_value *iterations = &settings->values[SETTING_ITERATIONS];
    const struct setting_value *value = &settings->values[other];
    if (iterations->source != SOURCE_FLAG || value->source != SOURCE_FLAG)
        return 0;
    error_set(err, ERROR_USAGE, "%s and %s contradict each other", iterations->origin,
              value->origin);
    return error_hint(err, "each says how much to measure: give one of them");
}

void bench_plan(struct sweep_command *command, uint64_t images)
{
    const struct settings *settings = &command->context->settings;
    struct sweep_config *config = &command->configs[command->count - 1];
    const struct sweep_row *row = &command->rows[command->count - 1];
    struct measure_plan *plan = &config->plan;
    uint64_t rounds = settings_get_u64(settings, SETTING_ROUNDS);
    uint64_t units = asked_units(settings);
    if (config->error.code)
        return;
    if (!plan->workload->one_unit_per_invocation) {
        uint64_t calls = images ? (images + (uint64_t)row->x - 1) / (uint64_t)row->x : units;
        plan->invocations = rounds;
        plan->units_explicit = calls > 0;
        plan->units = calls ? (calls + rounds - 1) / rounds : INFERENCES_MIN;
        return;
    }
    /* The sweep counts launches and time itself: in the plan's time the others have their turns. */
    config->turns_wanted = settings_is_set(settings, SETTING_ROUNDS) ? rounds : 0;
    config->launches_min = units ? units : LAUNCHES_MIN;
    config->launches_max = units;
    config->time_min_ns = units                     ? 0
                          : plan->duration_explicit ? plan->duration_ns
                                                    : MEASURE_DEFAULT_DURATION_NS;
    if (!units || settings_is_set(settings, SETTING_MAX_DURATION))
        config->time_max_ns = settings_get_u64(settings, SETTING_MAX_DURATION);
    plan->units_explicit = true;
    plan->units = UINT32_MAX;
    plan->duration_explicit = false;
    plan->max_duration_ns = 0;
}

static int bench_run(struct command_context *context, struct error *err)
{
    const char *names[ARRAY_LEN(kinds)];
    const char *asked = context->argument_count > 0 ? context->arguments[0] : NULL;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        names[i] = kinds[i]->name;
        if (!asked || strcmp(asked, kinds[i]->name) != 0)
            continue;
        context->arguments++;
        context->argument_count--;
        return kinds[i]->run(context, err);
    }
    if (!asked) {
        error_set(err, ERROR_USAGE, "which bench? There are batching and cores");
        return error_hint(err, "for example: tacho bench batching; tacho bench cores -- CMD");
    }
    int nearest = str_nearest(asked, names, ARRAY_LEN(names));
    error_set(err, ERROR_USAGE, "there is no bench '%s'", asked);
    return nearest >= 0 ? error_hint(err, "did you mean %s?", names[nearest])
                        : error_hint(err, "there are batching and cores");
}

static const struct command_verb verbs[] = {
    {"batching", "[MODEL]", "batch sizes of a model: latency, throughput, knee, Pareto front"},
    {"cores", "[MODEL | -- CMD [ARG...]]",
     "numbers of cores: speed-up, efficiency, Amdahl's law, jitter"},
    {NULL, NULL, NULL},
};

extern const struct command command_bench;
const struct command command_bench = {
    .name = "bench",
    .summary = "measure a model or program in several configurations and compare them",
    .usage = "[OPTIONS]",
    .verbs = verbs,
    .examples = "  tacho bench batching detector.onnx --batch-sizes 1,4,8,16\n"
                "      latency per call and per image, throughput, where it stops growing\n"
                "  tacho bench batching --images 1000 --json\n"
                "      the reference model, 1000 images for each batch size\n"
                "  tacho bench cores -- ./detect frame.png\n"
                "      1, 2, 4, ... cores, each with as many threads\n"
                "  tacho bench cores --cores 1,2 --rounds 20 detector.onnx\n",
    .bit = COMMAND_BENCH,
    .flags = COMMAND_NEEDS_LAUNCHER | COMMAND_TAKES_PROGRAM,
    .run = bench_run,
};
