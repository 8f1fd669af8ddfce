/* profile_find.c: which profiles there are: the built-in ones, and those of the user's data
 * directory, which go first (see profile.h). */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "base/util.h"
#include "format/embedded.h"
#include "format/profile.h"

#define PROFILES_MAX 1000
#define ENDING ".yaml"
/* Names go into shells (the completion) and onto terminals. */
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

static int fail_nomem(struct error *err)
{
    return error_set(err, ERROR_NOMEM, "out of memory for the list of profiles");
}

/* ---- the list ----------------------------------------------------------------------------- */

struct lister {
    struct profile_list *list;
    const char *data_directory;
    struct error *err;
};

static struct profile_entry *find_entry(const struct profile_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->entries[i].name, name) == 0)
            return &list->entries[i];
    return NULL;
}

static int add_file(const char *file, void *context)
{
    struct lister *lister = context;
    struct profile_list *list = lister->list;
    struct arena *arena = &list->arena;
    if (file[0] == '.' || !str_ends_with(file, ENDING) || file[strspn(file, NAME_CHARACTERS)])
        return 0;
    const char *name = arena_strndup(arena, file, strlen(file) - strlen(ENDING));
    const char *path = arena_printf(arena, "%s/profiles/%s", lister->data_directory, file);
    if (!name || !path)
        return fail_nomem(lister->err);
    struct profile_entry *entry = find_entry(list, name);
    if (!entry && list->count == PROFILES_MAX)
        return error_set(lister->err, ERROR_INPUT, "%s/profiles: more than %d profiles",
                         lister->data_directory, PROFILES_MAX);
    if (!entry)
        entry = &list->entries[list->count++];
    *entry = (struct profile_entry){.name = name, .path = path};
    return 0;
}

/* A directory that the user names is input: that it is not there is no missing device. */
static int check_directory(const char *path, struct error *err)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return 0;
    error_set(err, ERROR_INPUT, "no such directory");
    error_at(err, path, 0, 0);
    return error_hint(err, "TACHO_DATA names the directory that holds profiles/");
}

static int add_files(struct profile_list *list, const char *data_directory, struct error *err)
{
    int rc = check_directory(data_directory, err);
    if (rc < 0)
        return rc;
    struct root root;
    rc = root_open(&root, data_directory, err);
    if (rc < 0)
        return rc;
    struct lister lister = {.list = list, .data_directory = data_directory, .err = err};
    /* Without profiles/ the directory holds other data. */
    if (root_exists(&root, "profiles"))
        rc = root_list(&root, "profiles", add_file, &lister, err);
    root_close(&root);
    return rc;
}

int profile_list_read(const char *data_directory, struct profile_list *ret_list, struct error *err)
{
    struct profile_list list = {0};
    list.entries = arena_alloc(&list.arena, PROFILES_MAX * sizeof(*list.entries));
    if (!list.entries)
        return fail_nomem(err);
    for (const struct embedded_file *file = embedded_profiles; file->name; file++)
        list.entries[list.count++] = (struct profile_entry){.name = file->name};
    int rc = data_directory && data_directory[0] ? add_files(&list, data_directory, err) : 0;
    if (rc < 0) {
        profile_list_deinit(&list);
        return rc;
    }
    *ret_list = list;
    return 0;
}

void profile_list_deinit(struct profile_list *list)
{
    arena_deinit(&list->arena);
    *list = (struct profile_list){0};
}

/* ---- one of them -------------------------------------------------------------------------- */

int profile_list_load(const struct profile_entry *entry, const struct metric *own, size_t own_count,
                      struct profile *ret_profile, struct error *err)
{
    if (entry->path)
        return profile_read(entry->path, own, own_count, ret_profile, err);
    for (const struct embedded_file *file = embedded_profiles; file->name; file++)
        if (strcmp(file->name, entry->name) == 0)
            return profile_read_text(file->text, file->size, file->name, own, own_count,
                                     ret_profile, err);
    return error_set(err, ERROR_INTERNAL, "no built-in profile '%s'", entry->name);
}

static int fail_unknown(const struct profile_list *list, const char *name, const char *asked_by,
                        struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf known = {0};
    const char *names[PROFILES_MAX];
    for (size_t i = 0; i < list->count; i++) {
        names[i] = list->entries[i].name;
        strbuf_printf(&known, "%s%s", i ? ", " : "", names[i]);
    }
    int nearest = str_nearest(name, names, list->count);
    if (nearest >= 0)
        error_set(err, ERROR_USAGE, "%s%sunknown profile '%s': did you mean %s?",
                  asked_by ? asked_by : "", asked_by ? ": " : "", name, names[nearest]);
    else
        error_set(err, ERROR_USAGE, "%s%sunknown profile '%s'", asked_by ? asked_by : "",
                  asked_by ? ": " : "", name);
    return error_hint(err, "there are %s; a file: ./%s" ENDING, strbuf_get(&known), name);
}

static int load_by_name(const char *name, const char *data_directory, const char *asked_by,
                        const struct metric *own, size_t own_count, struct profile *ret_profile,
                        struct error *err)
{
    struct profile_list list = {0};
    int rc = profile_list_read(data_directory, &list, err);
    if (rc < 0)
        return rc;
    const struct profile_entry *entry = find_entry(&list, name);
    rc = entry ? profile_list_load(entry, own, own_count, ret_profile, err)
               : fail_unknown(&list, name, asked_by, err);
    profile_list_deinit(&list);
    return rc;
}

int profile_load(const char *name, const char *data_directory, const char *asked_by,
                 const struct metric *own, size_t own_count, struct profile *ret_profile,
                 struct error *err)
{
    if (!name[0])
        return error_set(err, ERROR_USAGE, "%s%sthe name of the profile is empty",
                         asked_by ? asked_by : "", asked_by ? ": " : "");
    if (!strchr(name, '/') && !str_ends_with(name, ENDING))
        return load_by_name(name, data_directory, asked_by, own, own_count, ret_profile, err);
    int rc = profile_read(name, own, own_count, ret_profile, err);
    if (rc != -ERROR_ABSENT)
        return rc;
    /* What the user names is input: its absence is no missing device (exit status 4). */
    int rc_input = error_set(err, ERROR_INPUT, "no such profile");
    error_at(err, name, 0, 0);
    return asked_by ? error_hint(err, "named by %s", asked_by) : rc_input;
}
