/* peer.h: results that other tools wrote, read as runs.
 *
 * What: a peer is another benchmark whose files tacho reads. It is recognised by the content, never
 * by the name of the file, and may hold several runs (hyperfine: one per command). THE table is
 *       peers.c; tacho's own JSON is one of its rows.
 * Names: every metric of a peer carries its tool's name in front (hyperfine_time_ms), its own unit,
 * and says as definition what the tool means by it: so it is only ever compared with its like.
 * Identity: a run's id is made of the content, so that a file that is imported twice is known.
 * To add one: one file here, one row in peers.c, one line in meson.build.
 * Errors: -ERROR_INPUT with the line where it can be told. Memory: nothing outlives the call but
 *         what the sinks keep. Threads: any.
 */
#ifndef TACHO_FORMAT_PEERS_PEER_H
#define TACHO_FORMAT_PEERS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/facts.h"
#include "model/sink.h"

struct peer_input {
    const char *text; /* NUL-terminated, may hold NULs before that */
    size_t size;
    const char *file;                         /* for messages */
    struct run_sink *(*fresh)(void *context); /* the sink of the next run; NULL: no memory */
    void *context;
};

struct peer {
    const char *name;  /* "hyperfine": also the prefix of its metrics */
    const char *files; /* what it reads of it: "--export-json" */
    bool is_text;      /* it looks for lines of its own, and others' may stand among them */
    /* Cheap, and true only if this is the one: a mistake further on is then said as its mistake. */
    bool (*accepts)(const struct peer_input *input);
    int (*read)(const struct peer_input *input, struct error *err);
};

extern const struct peer *const peers[]; /* NULL-terminated */

/* The first peer of the table that wrote (some of) this text, or NULL. */
const struct peer *peer_of(const struct peer_input *input);
/* Replays every run of the text, also those of several tools that print text. A text that nobody
 * accepts: -ERROR_INPUT that names who could be.
 */
int peer_read(const struct peer_input *input, struct error *err);

/* ---- for the peers: a run, made of what they find ---- */

struct peer_run {
    const struct peer_input *input;
    const struct peer *peer;
    struct run_sink *sink; /* NULL until the first value */
    struct arena arena;    /* the metrics */
    struct facts workload, environment;
    double begin_epoch_s; /* NaN: the file does not say when it was measured */
    uint64_t duration_ns; /* 0: it does not say how long that took */
    bool is_cut_short;    /* the tool says that it did not finish */
    const char *instance; /* of the metrics that follow: "" or which function, node, … */
    uint32_t series_count;
    size_t index; /* of this run in the file */
    char label[200];
    int rc;
    struct error *err;
};

/* index: of this run in the file; label: what was measured, NULL: not said. */
void peer_run_init(struct peer_run *run, const struct peer *peer, const struct peer_input *input,
                   size_t index, const char *label, struct error *err);
/* A value that the tool tells as one number; NaN is left out. name without the tool's. Facts must
 * be set before the first value. */
void peer_run_value(struct peer_run *run, const char *name, const char *unit,
                    enum direction direction, const char *definition, double value);
/* One value for each repetition that was measured. */
void peer_run_samples(struct peer_run *run, const char *name, const char *unit,
                      enum direction direction, const char *definition, const double *values,
                      size_t count);
/* A metric of tacho's own registry over time: only where the tool means the same by it. NaN: no
 * value at that time. */
void peer_run_series(struct peer_run *run, const char *metric, const char *instance,
                     const int64_t *t_ns, const double *values, size_t count);
/* A block of a series whose id and metric the peer chose itself; and an event or a finding, before
 * the first value of no use. All return the run's first error. */
int peer_run_block(struct peer_run *run, const struct sample_block *block);
int peer_run_event(struct peer_run *run, const struct event *event);
/* What the tool itself says against its figures, in its words: made printable here, and its
 * evidence is the file. */
int peer_run_finding(struct peer_run *run, const struct finding *finding);
/* Ends the run. Without a single value: -ERROR_INPUT. Returns the first error of all calls. */
int peer_run_end(struct peer_run *run);

/* A row of what a tool tells: where it stands there, and what it means. */
struct peer_field {
    const char *key;  /* in the file */
    const char *name; /* of the metric; NULL: as the key */
    const char *unit;
    enum direction direction;
    double scale; /* value = what stands there * scale; 0: 1 */
    const char *definition;
};

/* ---- for the peers that write text ---- */

/* Steps through the lines of a text: *at is where the next one begins, from 0. The line is cut at
 * its end (also "\r\n") and copied into line, as far as it has room. */
bool peer_line(const struct peer_input *input, size_t *at, char *line, size_t size);
/* The number behind the first `before` in the text: "Throughput: " of "Throughput: 130.2 qps". */
bool peer_number_after(const char *text, const char *before, double *ret_value);
/* Whether the first `size` bytes of the text hold this. */
bool peer_holds(const struct peer_input *input, const char *what, size_t size);
/* "2025-04-24T11:58:50Z", "20250530-203806" (taken as UTC): seconds since 1970; NaN: another form.
 */
double peer_epoch_s(const char *text);

#endif
