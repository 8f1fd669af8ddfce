/* run_keep.c: see run_keep.h. */
#include "cmd/run_keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct run_sink *run_keep_sink(struct run_keep *keep)
{
    return keep->sink;
}

/* Beside the store, else in the working directory, else where temporary files go. */
static int write_beside(struct run_keep *keep, const struct run *run, struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf json = {0};
    const char *temporary = getenv("TMPDIR");
    const char *const places[] = {keep->directory, ".", temporary ? temporary : "/tmp"};
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

int run_keep_finish(struct run_keep *keep, const struct run *run, const struct error *sink_error,
                    struct error *err)
{
    if (!keep->wanted)
        return 0;
    if (keep->sink && !sink_error) {
        snprintf(keep->where, sizeof(keep->where), "%s", run->id);
        return 0;
    }
    const struct error *why = sink_error ? sink_error : &keep->store_error;
    int rc = write_beside(keep, run, err);
    if (rc < 0)
        return rc;
    fprintf(stderr, "tacho run: %s: %s; the run is kept in %s", why->file[0] ? why->file : "store",
            why->message, keep->where);
    fprintf(stderr, " (tacho runs import %s brings it in later)\n", keep->where);
    return 0;
}

static int export_csv(const struct run *run, const char *path, struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf csv = {0};
    int rc = run_csv_write(&run, 1, false, &csv, err);
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

int run_keep_export(const struct run *run, const struct settings *settings, struct error *err)
{
    char path[1024], beside[1024];
    const char *json = settings_get_text(settings, SETTING_EXPORT);
    const char *csv = settings_get_text(settings, SETTING_EXPORT_CSV);
    int rc = 0;
    if (json && !csv && settings_get_bool(settings, SETTING_OUTPUT_CSV)) {
        csv_name(json, beside, sizeof(beside));
        csv = beside;
    }
    if (json)
        rc = output_path(settings, json, path, sizeof(path), err);
    if (rc == 0 && json)
        rc = export_json(run, path, err);
    if (rc == 0 && csv)
        rc = output_path(settings, csv, path, sizeof(path), err);
    if (rc == 0 && csv)
        rc = export_csv(run, path, err);
    return rc;
}

const char *run_keep_where(const struct run_keep *keep)
{
    return keep->where[0] ? keep->where : NULL;
}

void run_keep_end(struct run_keep *keep)
{
    store_close(keep->store);
    keep->store = NULL;
    keep->sink = NULL;
}
