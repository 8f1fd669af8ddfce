/* run_metrics_csv.c: see run_metrics_csv.h. */
#include "cmd/run_metrics_csv.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd/command.h"
#include "format/metrics_csv.h"

int run_metrics_csv_begin(struct run_metrics_csv *csv, const struct settings *settings,
                          uint64_t interval_ns, struct error *err)
{
    const struct setting_value *value = &settings->values[SETTING_METRICS_CSV];
    *csv = (struct run_metrics_csv){0};
    if (!value->text)
        return 0;
    if (!value->text[0])
        return error_set(err, ERROR_USAGE, "%s: the name of the file is empty", value->origin);
    int rc = output_path(settings, value->text, csv->path, sizeof(csv->path), err);
    csv->is_new = rc == 0 && access(csv->path, F_OK) != 0;
    if (rc == 0)
        rc = metrics_csv_sink_open(csv->path, NULL, interval_ns, &csv->sink, err);
    if (rc == 0 && metrics_csv_sink_stats(csv->sink)->was_cut)
        fprintf(stderr, "tacho run: %s: its last line was cut off; it is ended, and rows follow\n",
                csv->path);
    return rc;
}

struct run_sink *run_metrics_csv_join(struct run_metrics_csv *csv, struct run_sink *store)
{
    if (!csv->sink)
        return store;
    sink_tee_init(&csv->tee);
    csv->has_store = store != NULL;
    if (store)
        sink_tee_add(&csv->tee, store);
    sink_tee_add(&csv->tee, csv->sink);
    return &csv->tee.sink;
}

const struct error *run_metrics_csv_store_error(const struct run_metrics_csv *csv,
                                                const struct error *sink_error)
{
    if (!csv->sink)
        return sink_error;
    /* The tee itself fails only when both do; without a store it fails with the CSV alone. */
    return csv->has_store && csv->tee.errors[0].code ? &csv->tee.errors[0] : NULL;
}

int run_metrics_csv_finish(struct run_metrics_csv *csv, struct error *err)
{
    if (!csv->sink)
        return 0;
    const struct error *failed = &csv->tee.errors[csv->has_store ? 1 : 0];
    struct error at_close = {0};
    int rc = metrics_csv_sink_close(csv->sink, &at_close);
    csv->sink = NULL;
    if (!failed->code && rc == 0)
        return 0;
    if (err)
        *err = failed->code ? *failed : at_close;
    return failed->code ? -failed->code : rc;
}

int run_metrics_csv_discard(struct run_metrics_csv *csv, struct error *err)
{
    bool is_open = csv->sink != NULL;
    int rc = run_metrics_csv_finish(csv, err);
    if (is_open && csv->is_new)
        unlink(csv->path);
    return rc;
}

void run_metrics_csv_end(struct run_metrics_csv *csv)
{
    metrics_csv_sink_close(csv->sink, NULL);
    csv->sink = NULL;
}
