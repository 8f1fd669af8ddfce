/* bench.h: the kinds of `tacho bench`: one file per kind, one row in the table of bench.c. */
#ifndef TACHO_CMD_BENCH_H
#define TACHO_CMD_BENCH_H

#include "cmd/sweep_command.h"

/* All of them are open at once, each with the files of its sensors. */
#define BENCH_CONFIGURATIONS_MAX 16

struct bench_kind {
    const char *name;
    int (*run)(struct command_context *context, struct error *err);
};

extern const struct bench_kind bench_batching, bench_cores;

/* A bench compares and judges nothing: limits and profiles of tacho.yaml or the environment, and
 * the counts of `run`, are not for it. */
int bench_neutralise(struct sweep_item *item, struct error *err);
/* -n and this other flag, both given, are a mistake. */
int bench_check_units(const struct settings *settings, enum setting_id other, struct error *err);
/* Rounds, units and time of the newest configuration, after it was prepared. images: items over
 * all rounds, 0: by time. */
void bench_plan(struct sweep_command *command, uint64_t images);

#endif
