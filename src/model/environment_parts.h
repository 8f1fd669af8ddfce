/* environment_parts.h: the parts that environment.c puts together. Nobody else includes it. */
#ifndef TACHO_MODEL_ENVIRONMENT_PARTS_H
#define TACHO_MODEL_ENVIRONMENT_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "model/facts.h"

/* environment_cpu.c */
void environment_cpu(const struct root *root, struct facts *facts);    /* model, online, allowed */
void environment_clocks(const struct root *root, struct facts *facts); /* governor, clocks */

/* environment_limits.c: container, virtualization, cgroup limits */
void environment_limits(const struct root *root, struct facts *facts);

/* Null with the reason that an error code stands for. */
void environment_null(struct facts *facts, const char *key, int code, const char *source);

#endif
