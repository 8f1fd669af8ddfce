/* protobuf.c: see protobuf.h. Source of the format: protobuf.dev, "Encoding". */
#include "format/protobuf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

#define WINDOW_BYTES 65536

void protobuf_open_memory(struct protobuf *in, const void *bytes, size_t size, struct error *err)
{
    *in =
        (struct protobuf){.size = size, .fd = -1, .window = bytes, .window_size = size, .err = err};
}

int protobuf_open_fd(struct protobuf *in, int fd, uint64_t size, struct error *err)
{
    *in = (struct protobuf){.size = size, .fd = fd, .err = err};
    in->buffer = malloc(WINDOW_BYTES);
    in->window = in->buffer;
    if (!in->buffer)
        in->rc = error_set(err, ERROR_NOMEM, "out of memory");
    return in->rc;
}

void protobuf_close(struct protobuf *in)
{
    free(in->buffer);
    *in = (struct protobuf){.fd = -1};
}

int protobuf_fail(struct protobuf *in, uint64_t at, const char *fmt, ...)
{
    if (in->rc < 0)
        return in->rc;
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    in->rc = error_set(in->err, ERROR_INPUT, "damaged at byte %" PRIu64 ": %s", at, text);
    return in->rc;
}

static int fail_cut(struct protobuf *in, uint64_t at)
{
    if (in->rc < 0)
        return in->rc;
    in->cut = true;
    in->rc = error_set(in->err, ERROR_INPUT,
                       "cut off: it has %" PRIu64 " bytes, and what begins at byte %" PRIu64
                       " is longer",
                       in->size, at);
    return in->rc;
}

/* Moves the window so that it begins at `at`, which is within the source. */
static int refill(struct protobuf *in, uint64_t at)
{
    if (in->rc < 0)
        return in->rc;
    if (in->fd < 0)
        return fail_cut(in, at);
    size_t want = (size_t)u64_min(WINDOW_BYTES, in->size - at);
    ssize_t got;
    do {
        got = pread(in->fd, in->buffer, want, (off_t)at);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        int code = error_code_from_errno(errno);
        in->rc = error_set_errno(in->err, code, errno, "cannot read at byte %" PRIu64, at);
        return in->rc;
    }
    if (got == 0)
        return fail_cut(in, at);
    in->window_at = at;
    in->window_size = (uint64_t)got;
    return 0;
}

static inline bool in_window(const struct protobuf *in, uint64_t at)
{
    return at >= in->window_at && at - in->window_at < in->window_size;
}

int protobuf_copy(struct protobuf *in, uint64_t at, size_t size, void *ret_bytes)
{
    uint8_t *to = ret_bytes;
    if (at > in->size || size > in->size - at)
        return fail_cut(in, at);
    while (size > 0) {
        if (!in_window(in, at) && refill(in, at) < 0)
            return in->rc;
        uint64_t skip = at - in->window_at;
        size_t part = (size_t)u64_min(size, in->window_size - skip);
        memcpy(to, in->window + skip, part);
        to += part;
        at += part;
        size -= part;
    }
    return in->rc;
}

/* Where a message ends is where its bytes may end; the outermost one ends with the source. */
static int ends_within(struct protobuf *in, uint64_t at, uint64_t end)
{
    if (end == in->size)
        return fail_cut(in, at);
    return protobuf_fail(in, at, "a field goes beyond its message");
}

int protobuf_varint(struct protobuf *in, uint64_t *at, uint64_t end, uint64_t *ret_value)
{
    uint64_t value = 0, start = *at;
    for (int i = 0; i < 10; i++) {
        if (*at >= end)
            return ends_within(in, start, end);
        if (!in_window(in, *at) && refill(in, *at) < 0)
            return in->rc;
        uint8_t byte = in->window[*at - in->window_at];
        (*at)++;
        if (i == 9 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *ret_value = value;
            return in->rc;
        }
    }
    return protobuf_fail(in, start, "a number of more than 64 bits");
}

static int fixed(struct protobuf *in, uint64_t *at, uint64_t end, size_t size, uint64_t *ret_value)
{
    uint8_t bytes[8] = {0};
    if (end - *at < size)
        return ends_within(in, *at, end);
    if (protobuf_copy(in, *at, size, bytes) < 0)
        return in->rc;
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    *at += size;
    *ret_value = value;
    return 0;
}

int protobuf_next(struct protobuf *in, uint64_t *at, uint64_t end, struct protobuf_field *ret)
{
    if (in->rc < 0 || *at >= end)
        return in->rc;
    uint64_t start = *at, tag = 0;
    if (protobuf_varint(in, at, end, &tag) < 0)
        return in->rc;
    struct protobuf_field field = {.number = (uint32_t)(tag >> 3), .wire = tag & 7};
    if (tag >> 32 || field.number == 0)
        return protobuf_fail(in, start, "no field has this number");
    switch ((int)field.wire) {
    case PROTOBUF_VARINT:
        protobuf_varint(in, at, end, &field.value);
        break;
    case PROTOBUF_I64:
        fixed(in, at, end, 8, &field.value);
        break;
    case PROTOBUF_I32:
        fixed(in, at, end, 4, &field.value);
        break;
    case PROTOBUF_LEN: {
        uint64_t size = 0;
        if (protobuf_varint(in, at, end, &size) < 0)
            return in->rc;
        if (size > end - *at)
            return ends_within(in, start, end);
        field.at = *at;
        field.end = *at + size;
        *at = field.end;
        break;
    }
    default: /* 3 and 4 are groups, which proto3 does not have; 6 and 7 are nothing */
        return protobuf_fail(in, start, "no field has this type");
    }
    if (in->rc < 0)
        return in->rc;
    *ret = field;
    return 1;
}
