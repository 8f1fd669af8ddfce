/* doctor_checks.h: what `tacho doctor` looks at, one check per line of its output.
 *
 * States: OK; NOTE: works, but worth knowing; MISSING: some values will be null, and what would
 * help; BLOCKED: `tacho run` cannot work.
 * Memory: fixed sizes.
 * Threads: one.
 * Errors: a check that fails says so in its own line; only being out of memory is an error.
 */
#ifndef TACHO_CMD_DOCTOR_CHECKS_H
#define TACHO_CMD_DOCTOR_CHECKS_H

#include "base/file.h"
#include "cmd/command.h"
#include "model/facts.h"

enum check_state { CHECK_OK, CHECK_NOTE, CHECK_MISSING, CHECK_BLOCKED };

struct check {
    const char *group; /* literal */
    enum check_state state;
    char name[32];
    char detail[320];
    char advice[320]; /* empty: nothing to do */
};

#define CHECKS_MAX 96

struct checks {
    struct command_context *context;
    const struct root *root;
    const struct facts *environment;
    size_t count;
    struct check items[CHECKS_MAX];
};

/* The calls append; beyond CHECKS_MAX the last line is replaced. */
__attribute__((format(printf, 5, 6))) struct check *check_add(struct checks *checks,
                                                              const char *group, const char *name,
                                                              enum check_state state,
                                                              const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void check_advise(struct check *check, const char *fmt, ...);

void check_built_in(struct checks *checks);
void check_machine(struct checks *checks);
void check_limits(struct checks *checks); /* container, virtual machine, WSL2 */
void check_settings(struct checks *checks);
void check_store(struct checks *checks);
void check_modules(struct checks *checks);
void check_python(struct checks *checks); /* what a Python program would be hooked with */
void check_launcher(struct checks *checks);
void check_counters(struct checks *checks);
void check_collectors(struct checks *checks);
void check_instances(struct checks *checks);

#endif
