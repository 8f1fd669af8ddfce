/* settings.h: THE table of settings, and their values.
 *
 * What: one row per setting drives the flag, the environment variable, the key in tacho.yaml, the
 *       default, --help, shell completion and `doctor --config-values`. Nothing else parses a
 *       setting.
 * Order: flag beats environment beats tacho.yaml beats default; every value knows its source.
 * Memory: struct settings owns its strings (an arena). Threads: read-only once loaded.
 * Errors: unknown keys and flags offer the nearest name; values are checked by type, with the line
 *         and column of the file or the name of the flag or variable.
 */
#ifndef TACHO_BASE_SETTINGS_H
#define TACHO_BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/settings_table.h"

enum setting_type {
    SETTING_TYPE_BOOL,     /* true/false, yes/no, on/off, 1/0; as a flag: --x, --no-x */
    SETTING_TYPE_U64,      /* whole number between min and max */
    SETTING_TYPE_DOUBLE,   /* finite number between min and max */
    SETTING_TYPE_DURATION, /* ns inside; bare numbers are seconds */
    SETTING_TYPE_SIZE,     /* bytes inside */
    SETTING_TYPE_STRING,
    SETTING_TYPE_CHOICE, /* one of `choices` (comma-separated) */
    SETTING_TYPE_LIST,   /* strings; the flag may be repeated, the file holds a sequence or a scalar
                          */
};

enum setting_id {
#define SETTING_ENUM(id, ...) SETTING_##id,
    SETTINGS_TABLE(SETTING_ENUM)
#undef SETTING_ENUM
        SETTING_COUNT
};

enum setting_source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENV, SOURCE_FLAG };

struct setting {
    const char *key;     /* dotted path in tacho.yaml; NULL: not in the file */
    const char *aliases; /* other accepted keys, blank-separated; "KEY:ms" reads bare numbers
                          * in ms; NULL: none */
    enum setting_type type;
    double min, max; /* for numbers and durations (seconds); both 0: any not negative */
    const char *choices;
    const char *default_text; /* NULL: unset */
    const char *env;          /* NULL: none */
    const char *flag;         /* without dashes; NULL: none */
    char short_flag;          /* 0: none */
    const char *arg;          /* what stands for the argument in --help */
    uint32_t commands;        /* COMMAND_… bits that accept the flag */
    const char *help;         /* one sentence, lower case, no full stop */
};

extern const struct setting settings_table[SETTING_COUNT];

struct setting_value {
    enum setting_source source;
    bool is_set;
    char origin[280]; /* "--interval", "TACHO_STORE", "tacho.yaml:3:12"; empty: default */
    const char *text; /* as given, NULL: unset; of a LIST the last one */
    union {
        bool boolean;
        uint64_t u64; /* U64, DURATION (ns), SIZE (bytes) */
        double number;
    };
    const char *const *list; /* LIST */
    size_t list_count;
};

struct settings {
    struct arena arena;
    struct setting_value values[SETTING_COUNT];
};

/* Fills in the defaults. */
int settings_init(struct settings *settings, struct error *err);
/* A copy that owns all it holds, to be changed for one measurement of several. */
int settings_copy(struct settings *copy, const struct settings *settings, struct error *err);
/* Back to the default, wherever the value came from. */
int settings_unset(struct settings *settings, enum setting_id id, struct error *err);
void settings_deinit(struct settings *settings);
/* Reads every variable of the table from the environment. */
int settings_load_env(struct settings *settings, struct error *err);
int settings_load_file(struct settings *settings, const char *path, struct error *err);
/* Sets one value; a source of lower rank never replaces one of higher rank. For LIST, values of one
 * source add up and a higher source replaces them all. text NULL is only for BOOL (true). */
int settings_set(struct settings *settings, enum setting_id id, const char *text,
                 enum setting_source source, const char *origin, struct error *err);

/* Whether text would be a value of this setting; nothing is changed. */
int settings_check(enum setting_id id, const char *text, struct error *err);

bool settings_is_set(const struct settings *settings, enum setting_id id); /* default counts not */
bool settings_get_bool(const struct settings *settings, enum setting_id id);
uint64_t settings_get_u64(const struct settings *settings, enum setting_id id);
const char *settings_get_text(const struct settings *settings, enum setting_id id); /* or NULL */
const char *settings_source_name(enum setting_source source);

#endif
