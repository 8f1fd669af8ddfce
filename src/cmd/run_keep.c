/* run_keep.c: see run_keep.h. */
#include "cmd/run_keep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/util.h"
#include "cmd/command.h"

int run_keep_begin(struct run_keep *keep, const struct settings *settings, struct error *err)
{
    keep->wanted = settings_get_bool(settings, SETTING_STORE_RUN);
    if (!keep->wanted)
        return 0;
    bool exists;
    int rc = store_locate(settings_get_text(settings, SETTING_STORE), keep->directory,
                          sizeof(keep->directory), &exists, err);
    if (rc < 0)
        return rc;
    if (store_open_writable(keep->directory, &keep->store, &keep->store_error) == 0 &&
        store_sink(keep->store, &keep->sink, &keep->store_error) < 0)
        keep->sink = NULL;
    return 0;
}

int run_keep_begin_for(struct run_keep *keep, const struct settings *settings,
                       const struct workload *workload, struct error *err)
{
    char path[sizeof(keep->directory) + 16];
    bool exists;
    int rc = store_locate(settings_get_text(settings, SETTING_STORE), keep->directory,
                          sizeof(keep->directory), &exists, err);
    snprintf(path, sizeof(path), "%s/runs.db", keep->directory);
    if (rc < 0)
        return rc;
    if (workload->one_unit_per_invocation || access(path, F_OK) == 0 ||
        !settings_get_bool(settings, SETTING_STORE_RUN))
        return run_keep_begin(keep, settings, err);
    keep->wanted = true;
    run_keep_late_init(&keep->late, keep->directory, &keep->store);
    keep->sink = &keep->late.sink;
    return 0;
}

struct run_sink *run_keep_sink(struct run_keep *keep)
{
    return keep->sink;
}

/* Beside the store, else in the working directory, else where temporary files go. */
static int write_beside(struct run_keep *keep, const struct run *run, struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf json = {0};
    const char *temporary = getenv("TMPDIR");
    const char *const places[] = {keep->directory, ".", temporary ? temporary : "/tmp", "/tmp"};
    int rc = run_json_write(run, true, &json, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        snprintf(keep->where, sizeof(keep->where), "%s/run-%s.json", places[i], run->id);
        rc = file_write_atomic(keep->where, strbuf_get(&json), json.len, err);
        if (rc == 0)
            return 0;
    }
    keep->where[0] = '\0';
    return rc;
}

static struct run_sink *fresh_in_store(void *context)
{
    struct run_keep *keep = context;
    return keep->late.stored;
}

/* A run that was interrupted before its first unit: it is worth keeping all the same. */
static int store_held(struct run_keep *keep, const struct run *run, struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf json = {0};
    int rc = run_json_write(run, true, &json, err);
    if (rc == 0)
        rc = run_keep_late_open(&keep->late, err);
    return rc < 0 ? rc : run_json_read(json.data, json.len, "", fresh_in_store, keep, err);
}

int run_keep_finish(struct run_keep *keep, const struct run *run, const struct error *sink_error,
                    struct error *err)
{
    if (!keep->wanted)
        return 0;
    if (keep->sink == &keep->late.sink && !keep->late.stored && !sink_error &&
        store_held(keep, run, &keep->store_error) < 0)
        sink_error = &keep->store_error;
    if (keep->sink && !sink_error) {
        snprintf(keep->where, sizeof(keep->where), "%s", run->id);
        return 0;
    }
    const struct error *why = sink_error ? sink_error : &keep->store_error;
    int rc = write_beside(keep, run, err);
    if (rc < 0)
        return rc;
    fprintf(stderr, "tacho: %s: %s; the run is kept in %s", why->file[0] ? why->file : "store",
            why->message, keep->where);
    fprintf(stderr, " (tacho runs import %s brings it in later)\n", keep->where);
    return 0;
}

int run_keep_discard(struct run_keep *keep, const struct run *run, struct error *err)
{
    keep->where[0] = '\0';
    return keep->store ? store_remove(keep->store, run->id, err) : 0;
}

int run_keep_csv(const char *command, const struct run *const *runs, size_t count,
                 struct strbuf *out, struct error *err)
{
    uint64_t left_out = 0;
    for (size_t i = 0; i < count; i++)
        left_out += run_csv_left_out(runs[i]);
    if (left_out > 0)
        fprintf(stderr,
                "tacho %s: %llu of the latencies are not in the CSV: beyond %u million values of "
                "a run only their distribution is kept (its JSON has that)\n",
                command, (unsigned long long)left_out, RUN_SAMPLES_MAX / 1000000);
    return run_csv_write(runs, count, false, out, err);
}

static int export_csv(const struct run *run, const char *path, struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf csv = {0};
    int rc = run_keep_csv("run", &run, 1, &csv, err);
    return rc < 0 ? rc : file_write_atomic(path, strbuf_get(&csv), csv.len, err);
}

static int export_json(const struct run *run, const char *path, struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf json = {0};
    int rc = run_json_write(run, true, &json, err);
    return rc < 0 ? rc : file_write_atomic(path, strbuf_get(&json), json.len, err);
}

/* "out.json" -> "out.csv", for output.export_csv. */
static void csv_name(const char *json, char *buf, size_t size)
{
    size_t length = strlen(json);
    if (str_ends_with(json, ".json"))
        length -= strlen(".json");
    snprintf(buf, size, "%.*s.csv", (int)length, json);
}

int run_keep_export_json(const struct run *run, const struct settings *settings, struct error *err)
{
    char path[PATH_MAX];
    const char *name = settings_get_text(settings, SETTING_EXPORT);
    if (!name)
        return 0;
    int rc = output_path(settings, name, path, sizeof(path), err);
    return rc < 0 ? rc : export_json(run, path, err);
}

int run_keep_export_csv(const struct run *run, const struct settings *settings, struct error *err)
{
    char path[PATH_MAX], beside[PATH_MAX];
    const char *json = settings_get_text(settings, SETTING_EXPORT);
    const char *name = settings_get_text(settings, SETTING_EXPORT_CSV);
    if (json && !name && settings_get_bool(settings, SETTING_OUTPUT_CSV)) {
        csv_name(json, beside, sizeof(beside));
        name = beside;
    }
    if (!name)
        return 0;
    int rc = output_path(settings, name, path, sizeof(path), err);
    return rc < 0 ? rc : export_csv(run, path, err);
}

/* ---- before the run ---- */

static bool is_stream(const char *path)
{
    return strcmp(path, "-") == 0 || str_starts_with(path, "/dev/") ||
           str_starts_with(path, "/proc/self/fd/");
}

/* Can a file of this name be written? A new one needs a directory that it may be made in. */
static int check_writable(const char *path, struct error *err)
{
    struct stat status;
    bool exists = stat(path, &status) == 0;
    const char *slash = strrchr(path, '/');
    char directory[PATH_MAX] = ".";
    if (slash)
        snprintf(directory, sizeof(directory), "%.*s", (int)(slash > path ? slash - path : 1),
                 path);
    int sys_errno = 0;
    if (exists && S_ISDIR(status.st_mode))
        sys_errno = EISDIR;
    else if (access(exists ? path : directory, W_OK) < 0)
        sys_errno = errno;
    if (!sys_errno)
        return 0;
    error_set_errno(err, error_code_from_errno(sys_errno), sys_errno, "cannot be written");
    return error_at(err, path, 0, 0);
}

int run_keep_check(const struct settings *settings, struct error *err)
{
    static const enum setting_id ids[] = {SETTING_EXPORT, SETTING_EXPORT_CSV, SETTING_OUTPUT};
    char paths[ARRAY_LEN(ids)][PATH_MAX];
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        const struct setting_value *value = &settings->values[ids[i]];
        paths[i][0] = '\0';
        if (!value->text || is_stream(value->text))
            continue;
        if (!value->text[0])
            return error_set(err, ERROR_USAGE, "%s: the name of the file is empty", value->origin);
        int rc = output_path(settings, value->text, paths[i], sizeof(paths[i]), err);
        if (rc == 0)
            rc = check_writable(paths[i], err);
        if (rc < 0)
            return rc;
        for (size_t j = 0; j < i; j++)
            if (strcmp(paths[i], paths[j]) == 0)
                return error_set(err, ERROR_USAGE, "%s and %s name the same file: %s",
                                 settings->values[ids[j]].origin, value->origin, paths[i]);
    }
    return 0;
}

const char *run_keep_where(const struct run_keep *keep)
{
    return keep->where[0] ? keep->where : NULL;
}

void run_keep_end(struct run_keep *keep)
{
    store_close(keep->store);
    run_keep_late_deinit(&keep->late);
    keep->late = (struct run_keep_late){.directory = NULL};
    keep->store = NULL;
    keep->sink = NULL;
}
