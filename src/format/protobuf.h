/* protobuf.h: the wire format of protocol buffers, read field by field; inside format/ only.
 *
 * What: a message is a sequence of fields, each a number, a wire type and a value; a nested message
 *       is a range of bytes that is walked in the same way. Nothing is unpacked, so what nobody
 * asks for (the weights of a model) is stepped over and, in a file, not even read. Source: a block
 * of memory, or a file through a window of 64 KiB; files of any size. A file that shrinks meanwhile
 * is cut off, not a signal as it would be with mmap. Memory: the window. Errors: -ERROR_INPUT
 * (damaged or cut off, with the offset in the file), -ERROR_IO; the first one stays (`rc`), and
 * everything after it fails too. Threads: one at a time.
 */
#ifndef TACHO_FORMAT_PROTOBUF_H
#define TACHO_FORMAT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct protobuf {
    uint64_t size;
    int fd;                /* -1: memory */
    uint8_t *buffer;       /* the window's own memory; NULL: memory */
    const uint8_t *window; /* bytes window_at … window_at + window_size of the source */
    uint64_t window_at, window_size;
    bool cut; /* the error was that the source ends too early */
    int rc;
    struct error *err;
};

enum protobuf_wire { PROTOBUF_VARINT = 0, PROTOBUF_I64 = 1, PROTOBUF_LEN = 2, PROTOBUF_I32 = 5 };

struct protobuf_field {
    uint32_t number;
    enum protobuf_wire wire;
    uint64_t value;   /* VARINT, I64, I32 */
    uint64_t at, end; /* LEN: where its bytes are */
};

void protobuf_open_memory(struct protobuf *in, const void *bytes, size_t size, struct error *err);
/* The fd stays the caller's. */
int protobuf_open_fd(struct protobuf *in, int fd, uint64_t size, struct error *err);
void protobuf_close(struct protobuf *in);
/* The field at *at, which moves behind it. 1: there is one; 0: the message ends at `end`; < 0. */
int protobuf_next(struct protobuf *in, uint64_t *at, uint64_t end, struct protobuf_field *ret);
/* One number of a packed array. */
int protobuf_varint(struct protobuf *in, uint64_t *at, uint64_t end, uint64_t *ret_value);
/* Bytes from `at` on; they must be within the source. */
int protobuf_copy(struct protobuf *in, uint64_t at, size_t size, void *ret_bytes);
/* Sets the error unless there is one already; returns in->rc. */
__attribute__((format(printf, 3, 4))) int protobuf_fail(struct protobuf *in, uint64_t at,
                                                        const char *fmt, ...);

#endif
