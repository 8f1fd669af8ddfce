/* source_internal.h: what source.c (opening, reading) and source_each.c (threads) share. */
#ifndef TACHO_FORMAT_SOURCE_INTERNAL_H
#define TACHO_FORMAT_SOURCE_INTERNAL_H

#include <stdatomic.h>
#include <sys/types.h>

#include "format/source.h"

/* A buffer of whole lines, and what is behind them; SOURCE_PAD bytes stand before it. */
struct source_buffer {
    char *data;
    size_t size, capacity;
};

struct source {
    char *name;
    int fd;
    bool is_regular; /* pread(2) from anywhere; else in order only */
    bool is_stdin;
    pid_t unpacker; /* 0: none */
    const char *unpacker_name;
    uint64_t size; /* of a regular file when it was opened */
    _Atomic uint64_t bytes_read;
    size_t mark_bytes; /* of the byte-order mark */

    /* Reading in order: what was read and not yet given out. */
    struct source_buffer pending;
    size_t pending_at;
    uint64_t offset; /* of a regular file: how far it was read in order */
    bool has_ended;
    bool skips_rest; /* of a line that was cut */
    uint64_t lines;
    struct source_buffer line; /* of source_next_line: the chunk whose lines are given out */
    size_t line_at;
    bool line_is_cut, line_is_last;
};

int source_buffer_reserve(struct source_buffer *buffer, size_t need);
void source_buffer_deinit(struct source_buffer *buffer);
/* Reads up to `want` bytes at *offset (regular) or the next ones. 0: the end. */
ssize_t source_read(struct source *source, char *data, size_t want, uint64_t offset,
                    struct error *err);
/* Each byte of the file once, however often it is read. */
void source_count(struct source *source, uint64_t bytes);
/* The next chunk in order, of at least SOURCE_CHUNK bytes where there are so many; 1, 0 or an
 * error. `buffer` is the caller's and holds it. */
int source_next_chunk(struct source *source, struct source_buffer *buffer, struct chunk *ret,
                      struct error *err);
/* Waits for gzip or zstd: -ERROR_IO when it failed. */
int source_finish(struct source *source, struct error *err);

#endif
