/* config.c: where settings come from besides the command line: the environment, and tacho.yaml
 * found upwards from the working directory as git finds .git, or named by --config or TACHO_CONFIG.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cmd/command.h"

#define CONFIG_NAME "tacho.yaml"

/* Sets path to the nearest tacho.yaml, or to "" if there is none. */
static int config_find(char *path, size_t size, struct error *err)
{
    char directory[PATH_MAX];
    path[0] = '\0';
    if (!getcwd(directory, sizeof(directory))) {
        /* The working directory was removed, or may not be read: then nothing is found upwards
         * from it, which is no reason to stop. */
        if (errno == ENOENT || errno == EACCES)
            return 0;
        return error_set_errno(err, ERROR_SYSTEM, errno, "cannot tell the working directory");
    }
    for (;;) {
        size_t length = strlen(directory);
        const char *slash = length > 0 && directory[length - 1] == '/' ? "" : "/";
        if (snprintf(path, size, "%s%s" CONFIG_NAME, directory, slash) < (int)size &&
            access(path, F_OK) == 0)
            return 0;
        char *last = strrchr(directory, '/');
        if (!last || length <= 1)
            break;
        last[last == directory ? 1 : 0] = '\0';
    }
    path[0] = '\0';
    return 0;
}

/* A relative path in tacho.yaml starts at that file, wherever below it tacho is called. */
static int anchor_paths(struct settings *settings, const char *config_path, struct error *err)
{
    static const enum setting_id ids[] = {SETTING_STORE, SETTING_PROFILE, SETTING_OUTPUT_DIRECTORY};
    const char *slash = strrchr(config_path, '/');
    char here[PATH_MAX];
    if (slash && getcwd(here, sizeof(here)) && strlen(here) == (size_t)(slash - config_path) &&
        str_starts_with(config_path, here))
        return 0; /* it starts here anyway */
    for (size_t i = 0; slash && i < ARRAY_LEN(ids); i++) {
        struct setting_value *value = &settings->values[ids[i]];
        if (value->source != SOURCE_FILE || !value->text || !value->text[0] ||
            value->text[0] == '/')
            continue;
        /* A profile without a slash or ending is a name, not a path. */
        if (ids[i] == SETTING_PROFILE && !strchr(value->text, '/') &&
            !str_ends_with(value->text, ".yaml"))
            continue;
        const char *rest = value->text + (str_starts_with(value->text, "./") ? 2 : 0);
        value->text = arena_printf(&settings->arena, "%.*s/%s", (int)(slash - config_path),
                                   config_path, rest);
        if (!value->text)
            return error_set(err, ERROR_NOMEM, "out of memory");
    }
    return 0;
}

static int config_load_file(struct command_context *context, struct error *err)
{
    const char *named = settings_get_text(&context->settings, SETTING_CONFIG);
    if (named && named[0]) {
        if (!str_copy(context->config_path, sizeof(context->config_path), named))
            return error_set(err, ERROR_USAGE, "the path of --config is too long");
    } else {
        int rc = config_find(context->config_path, sizeof(context->config_path), err);
        if (rc < 0)
            return rc;
    }
    if (!context->config_path[0])
        return 0;
    int rc = settings_load_file(&context->settings, context->config_path, err);
    if (rc == -ERROR_ABSENT) {
        /* A file that the user names is input: its absence is no missing device (exit status 4). */
        error_set(err, ERROR_INPUT, "no such settings file");
        error_at(err, context->config_path, 0, 0);
        return error_hint(err, "named by %s",
                          context->settings.values[SETTING_CONFIG].origin[0]
                              ? context->settings.values[SETTING_CONFIG].origin
                              : "--config");
    }
    return rc < 0 ? rc : anchor_paths(&context->settings, context->config_path, err);
}

int config_load(struct command_context *context, struct error *err)
{
    if (context->command->flags & COMMAND_NO_CONFIG)
        return 0;
    struct error first = {0};
    int rc = settings_load_env(&context->settings, &first);
    if (rc == 0 || context->command->flags & COMMAND_TOLERATES_CONFIG) {
        struct error second = {0};
        int rc_file = config_load_file(context, &second);
        if (rc == 0 && rc_file < 0) {
            rc = rc_file;
            first = second;
        }
    }
    if (rc == 0)
        return 0;
    if (context->command->flags & COMMAND_TOLERATES_CONFIG) {
        context->config_error = first;
        return 0;
    }
    if (err)
        *err = first;
    return rc;
}
