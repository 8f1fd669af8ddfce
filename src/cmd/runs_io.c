/* runs_io.c: the store that is meant, runs in memory, and importing them. */
#include "cmd/runs_io.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/util.h"
#include "format/json_writer.h"
#include "format/peers/peer.h"

#define IMPORT_SIZE_MAX ((size_t)2 << 30)

int run_list_add(struct run_list *list, struct run **ret_run, struct error *err)
{
    struct run *run = malloc(sizeof(*run));
    if (!run ||
        array_reserve(&list->items, &list->capacity, list->count + 1, sizeof(*list->items)) < 0) {
        free(run);
        return error_set(err, ERROR_NOMEM, "out of memory");
    }
    run_init(run);
    list->items[list->count++] = run;
    *ret_run = run;
    return 0;
}

void run_list_deinit(struct run_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        run_deinit(list->items[i]);
        free(list->items[i]);
    }
    free(list->items);
}

void runs_store_cleanup(struct store **store)
{
    store_close(*store);
}

int runs_store_open_if_any(struct command_context *context, struct store **ret_store,
                           char *ret_path, size_t size, struct error *err)
{
    bool exists = false;
    int rc = store_locate(settings_get_text(&context->settings, SETTING_STORE), ret_path, size,
                          &exists, err);
    if (rc < 0 || !exists)
        return rc;
    return store_open(ret_path, ret_store, err);
}

static int fail_no_store(const char *path, struct error *err)
{
    error_set(err, ERROR_INPUT, "no runs yet: there is no store");
    error_at(err, path, 0, 0);
    return error_hint(err, "the first `tacho run -- CMD` makes it; --store DIR names another");
}

int runs_store_open(struct command_context *context, struct store **ret_store, char *ret_path,
                    size_t size, struct error *err)
{
    int rc = runs_store_open_if_any(context, ret_store, ret_path, size, err);
    if (rc == 0 && !*ret_store)
        return fail_no_store(ret_path, err);
    return rc;
}

int runs_store_open_writable(struct command_context *context, bool may_create,
                             struct store **ret_store, struct error *err)
{
    char path[PATH_MAX];
    bool exists = false;
    int rc = store_locate(settings_get_text(&context->settings, SETTING_STORE), path, sizeof(path),
                          &exists, err);
    if (rc < 0)
        return rc;
    if (!exists && !may_create)
        return fail_no_store(path, err);
    return store_open_writable(path, ret_store, err);
}

/* ---- import ---- */

/* A file is read twice: first into memory, so that one with a mistake in its last line leaves
 * nothing behind in the store; then into the store, but for the runs that are there already. */
struct import {
    struct store *store;
    struct run_list list; /* first reading: every run of the file */
    size_t next;          /* second reading: the run whose turn it is */
    struct run_sink ignored;
    struct error error; /* of fresh(), which can only answer NULL */
    size_t imported, known;
    size_t warned;     /* imported, and their tool itself says something against their figures */
    struct strbuf ids; /* of what was imported, one per line */
};

static const struct run_sink_ops ignore_ops = {.name = "ignore"};

static struct run_sink *fresh_in_memory(void *context)
{
    struct import *import = context;
    struct run *run = NULL;
    return run_list_add(&import->list, &run, &import->error) == 0 ? run_sink_of(run) : NULL;
}

static bool has_warning_of_tool(const struct run *run)
{
    if (strcmp(facts_get_text(&run->workload, "kind", ""), "imported") != 0)
        return false;
    for (size_t i = 0; i < run->finding_count; i++) {
        if (run->findings[i].severity == SEVERITY_WARNING)
            return true;
    }
    return false;
}

static struct run_sink *fresh_in_store(void *context)
{
    struct import *import = context;
    struct run_sink *sink = NULL;
    char id[40];
    const struct run *run = import->list.items[import->next++];
    if (store_resolve(import->store, run->id, id, NULL) == 0 && strcmp(id, run->id) == 0) {
        import->known++;
        return &import->ignored;
    }
    if (store_sink(import->store, &sink, &import->error) < 0)
        return NULL;
    import->imported++;
    import->warned += has_warning_of_tool(run);
    strbuf_printf(&import->ids, "%s\n", run->id);
    return sink;
}

static int read_peer(struct import *import, const char *text, size_t size, const char *path,
                     struct run_sink *(*fresh)(void *context), struct error *err)
{
    struct peer_input input = {
        .text = text, .size = size, .file = path, .fresh = fresh, .context = import};
    return peer_read(&input, err);
}

static int import_file(struct import *import, const char *path, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t size = 0;
    if (strcmp(path, "-") == 0)
        path = "/dev/stdin";
    int rc = file_read_all(path, IMPORT_SIZE_MAX, &text, &size, err);
    if (rc == -ERROR_ABSENT) {
        /* What the user named is an argument, not a missing device. */
        error_set(err, ERROR_INPUT, "no such file");
        return error_at(err, path, 0, 0);
    }
    if (rc == 0)
        rc = read_peer(import, text, size, path, fresh_in_memory, err);
    if (rc == 0)
        rc = read_peer(import, text, size, path, fresh_in_store, err);
    if (rc < 0 && import->error.code && err)
        *err = import->error;
    run_list_deinit(&import->list);
    import->list = (struct run_list){0};
    import->next = 0;
    return rc < 0 && import->error.code ? -import->error.code : rc;
}

static void import_report(struct command_context *context, const struct import *import)
{
    struct strbuf *out = &context->out;
    if (strcmp(output_format(&context->settings), "json") == 0) {
        struct json_writer writer = {.out = out};
        json_write_object(&writer, NULL);
        json_write_text(&writer, "schema", "tacho.imported/1");
        json_write_array(&writer, "imported");
        for (const char *id = strbuf_get(&import->ids); *id; id += strcspn(id, "\n") + 1) {
            char name[40] = "";
            memcpy(name, id, u64_min(strcspn(id, "\n"), sizeof(name) - 1));
            json_write_text(&writer, NULL, name);
        }
        json_write_end(&writer);
        json_write_u64(&writer, "already_stored", import->known);
        json_write_end(&writer);
        strbuf_putc(out, '\n');
    } else if (!settings_get_bool(&context->settings, SETTING_QUIET)) {
        strbuf_printf(out, "imported %zu run%s into %s", import->imported,
                      import->imported == 1 ? "" : "s", store_path(import->store));
        if (import->known > 0)
            strbuf_printf(out, " (%zu already there)", import->known);
        if (import->warned > 0)
            strbuf_printf(out, "; %zu with a warning (tacho runs show ID)", import->warned);
        strbuf_putc(out, '\n');
    }
}

int runs_import(struct command_context *context, struct error *err)
{
    if (context->argument_count < 2)
        return error_set(err, ERROR_USAGE, "which file is to be imported?");
    CLEANUP(runs_store_cleanup) struct store *store = NULL;
    int rc = runs_store_open_writable(context, true, &store, err);
    if (rc < 0)
        return rc;
    struct import import = {.store = store, .ignored = {.ops = &ignore_ops}};
    for (int i = 1; rc == 0 && i < context->argument_count; i++)
        rc = import_file(&import, context->arguments[i], err);
    if (rc == 0 || import.imported > 0)
        import_report(context, &import);
    if (import.ids.failed && rc == 0)
        rc = error_set(err, ERROR_NOMEM, "out of memory");
    strbuf_deinit(&import.ids);
    return rc;
}
