/* run_json.h: runs as JSON ("tacho.run/1"): the one writer and the one reader.
 *
 * The schema stands in data/schema/run.json. Numbers keep 17 significant digits where needed, so
 * that a run that goes out and comes back is the same. Unknown keys are ignored, a newer major
 * schema is -ERROR_VERSION, broken JSON is -ERROR_INPUT with line and column.
 */
#ifndef TACHO_FORMAT_RUN_JSON_H
#define TACHO_FORMAT_RUN_JSON_H

#include "base/str.h"
#include "model/facts.h"
#include "model/run.h"

/* with_samples: also series[] with every raw value, so that the file can be imported again. */
int run_json_write(const struct run *run, bool with_samples, struct strbuf *out, struct error *err);
/* {"schema":"tacho.runs/1","runs":[…]} */
int runs_json_write(const struct run *const *runs, size_t count, bool with_samples,
                    struct strbuf *out, struct error *err);
/* The same with members of the caller's behind the runs: a comparison of them. */
struct json_writer;
int runs_json_write_with(const struct run *const *runs, size_t count, bool with_samples,
                         void (*members)(struct json_writer *writer, const void *context),
                         const void *context, struct strbuf *out, struct error *err);
/* [lo, hi], or null. */
void run_json_write_interval(struct json_writer *writer, const char *key, bool has, double lo,
                             double hi);
/* One of an array; and the member "verdict" of the object that is open. */
void run_json_write_finding(struct json_writer *writer, const struct finding *finding);
void run_json_write_verdict(struct json_writer *writer, const struct verdict *verdict);
/* Replays one run of a document, or every run of tacho.runs/1: for each, fresh(context) gives the
 * sink to fill. file is for messages. */
int run_json_read(const char *text, size_t size, const char *file,
                  struct run_sink *(*fresh)(void *context), void *context, struct error *err);
/* {"schema":"tacho.error/1", …} on one line. */
int error_json_write(const struct error *error, struct strbuf *out);
/* Facts as one JSON object, and back: for the store. */
int facts_json_write(const struct facts *facts, struct strbuf *out, struct error *err);
int facts_json_read(const char *text, struct facts *facts, struct error *err);

#endif
