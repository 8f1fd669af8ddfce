/* source.h: the bytes of a log, whatever holds them, as chunks of whole lines on as many cores as
 * are wanted.
 *
 * What: a regular file is read from several places at once; a pipe, stdin ("-") and what gzip or
 *       zstd unpack for us are read in order. Either way a chunk holds whole lines, and results are
 *       merged in the order of the file, so that what comes out does not depend on the threads.
 *       Files are read and not mapped: one that is cut while it is read must not end tacho, and its
 *       pages must not count as tacho's memory.
 * Lines: end with LF (a CR before it belongs to the line); the last may lack it. One that is longer
 *        than SOURCE_LINE_MAX is cut there, and the rest of it left out. A byte-order mark at the
 *        beginning is left out.
 * Memory: SOURCE_CHUNK and one result for each thread, and the longest line.
 * Errors: -ERROR_ABSENT, -ERROR_DENIED, -ERROR_IO (also: gzip failed), -ERROR_INPUT (a directory, a
 *         UTF-16 text); err->file names it.
 */
#ifndef TACHO_FORMAT_SOURCE_H
#define TACHO_FORMAT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SOURCE_CHUNK (256u << 10)
#define SOURCE_LINE_MAX (16u << 20)
#define SOURCE_PAD 32 /* bytes before a chunk that may be read, whatever they are */

struct source;

/* path "-": stdin. */
int source_open(const char *path, struct source **ret_source, struct error *err);
void source_close(struct source *source);             /* accepts NULL */
const char *source_name(const struct source *source); /* for messages: "stdin", or the path */
/* The first bytes of it, which are not consumed: enough for a header. Borrowed. A pipe gives what
 * it has, a line at least, and more when asked again. */
const char *source_head(struct source *source, size_t *ret_size, struct error *err);
uint64_t source_size(const struct source *source);       /* bytes; 0: not known beforehand */
uint64_t source_bytes_read(const struct source *source); /* so far; may be asked by any thread */

struct chunk {
    const char *text; /* not terminated; SOURCE_PAD bytes before it may be read */
    size_t size;
    uint64_t first_line; /* 1: the file begins here; 0: merge knows */
    bool is_cut;         /* its last line was longer than SOURCE_LINE_MAX */
    bool is_last;        /* the last line may lack its newline */
    bool has_quotes;     /* a '"' stands in it or, where all is read in order, before it */
};

/* What is done with each chunk. A result belongs to one thread and is used again after merging. */
struct source_job {
    void *context;
    void *(*result_new)(void *context); /* NULL: out of memory */
    void (*result_free)(void *context, void *result);
    /* By any thread, several at once. An error (its line counted since the chunk began), the number
     * of the chunk's lines, or 0: they are still to be counted. */
    int (*work)(void *context, void *result, const struct chunk *chunk, struct error *err);
    /* One at a time, in the order of the file; first_line is known now, the chunk's text still
     * stands. Leaves the result empty for the next chunk. */
    int (*merge)(void *context, void *result, uint64_t first_line, struct error *err);
    bool finds_quotes; /* chunk->has_quotes is wanted */
};

/* All of it. threads 0: as many as there are CPUs. The first error in the order of the file ends it
 * and is returned. -ERROR_INTERRUPTED after Ctrl-C. *ret_lines may be NULL. */
int source_each(struct source *source, unsigned threads, const struct source_job *job,
                uint64_t *ret_lines, struct error *err);

/* ---- line by line, in order, where the work for each is small ---- */

struct line {
    const char *text; /* not terminated; without LF and CR */
    size_t size;
    uint64_t number; /* 1-based */
    bool is_cut;     /* longer than SOURCE_LINE_MAX: this is its beginning */
    bool has_end;    /* false: the last line, without a newline */
};

/* 1: *ret_line is the next, valid until the next call; 0: there is none; or an error. */
int source_next_line(struct source *source, struct line *ret_line, struct error *err);

#endif
