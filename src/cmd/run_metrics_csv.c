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

int run_metrics_csv_finish(struct run_metrics_csv *csv, const struct error *sink_error,
                           struct error *err)
{
    if (!csv->sink)
        return 0;
    struct error at_close = {0};
    int rc = metrics_csv_sink_close(csv->sink, &at_close);
    csv->sink = NULL;
    const struct error *failed = sink_error ? sink_error : &at_close;
    if (sink_error)
        rc = -sink_error->code;
    if (rc < 0 && err)
        *err = *failed;
    return rc;
}

int run_metrics_csv_discard(struct run_metrics_csv *csv, struct error *err)
{
    bool is_open = csv->sink != NULL;
    int rc = run_metrics_csv_finish(csv, NULL, err);
    if (is_open && csv->is_new)
        unlink(csv->path);
    return rc;
}

void run_metrics_csv_end(struct run_metrics_csv *csv)
{
    metrics_csv_sink_close(csv->sink, NULL);
    csv->sink = NULL;
}
