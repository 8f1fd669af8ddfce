/* source.c: opening files, pipes and what has to be unpacked, and reading them in order. */
#include "format/source_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/util.h"

#define HEAD_MAX SOURCE_CHUNK /* as far as a header may stand in the first chunk */

int source_buffer_reserve(struct source_buffer *buffer, size_t need)
{
    char *memory = buffer->data ? buffer->data - SOURCE_PAD : NULL;
    if (array_reserve(&memory, &buffer->capacity, SOURCE_PAD + need, 1) < 0)
        return -1;
    if (!buffer->data)
        memset(memory, 0, SOURCE_PAD);
    buffer->data = memory + SOURCE_PAD;
    return 0;
}

void source_buffer_deinit(struct source_buffer *buffer)
{
    if (buffer->data)
        free(buffer->data - SOURCE_PAD);
    *buffer = (struct source_buffer){.data = NULL};
}

const char *source_name(const struct source *source)
{
    return source->name;
}

uint64_t source_size(const struct source *source)
{
    return source->is_regular ? source->size : 0;
}

uint64_t source_bytes_read(const struct source *source)
{
    return atomic_load_explicit(&source->bytes_read, memory_order_relaxed);
}

void source_count(struct source *source, uint64_t bytes)
{
    atomic_fetch_add_explicit(&source->bytes_read, bytes, memory_order_relaxed);
}

/* ---- reading ---- */

ssize_t source_read(struct source *source, char *data, size_t want, uint64_t offset,
                    struct error *err)
{
    size_t got = 0;
    while (got < want) {
        ssize_t n = source->is_regular
                        ? pread(source->fd, data + got, want - got, (off_t)(offset + got))
                        : read(source->fd, data + got, want - got);
        if (interrupt_count() > 0)
            return error_set(err, ERROR_INTERRUPTED, "interrupted");
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            error_set_errno(err, ERROR_IO, errno, "reading failed");
            error_at(err, source->name, 0, 0);
            return -ERROR_IO;
        }
        if (n == 0)
            break;
        got += (size_t)n;
        if (!source->is_regular)
            break; /* what a pipe holds now is enough: somebody may be writing it slowly */
    }
    return (ssize_t)got;
}

/* Reads more behind what is pending. 1: something came; 0: the end. */
static int read_more(struct source *source, size_t want, struct error *err)
{
    struct source_buffer *pending = &source->pending;
    if (source->has_ended)
        return 0;
    if (source->pending_at > 0) {
        pending->size -= source->pending_at;
        memmove(pending->data, pending->data + source->pending_at, pending->size);
        source->pending_at = 0;
    }
    if (source_buffer_reserve(pending, pending->size + want) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory reading %s", source->name);
    ssize_t n = source_read(source, pending->data + pending->size, want, source->offset, err);
    if (n < 0)
        return (int)n;
    source_count(source, (uint64_t)n);
    source->has_ended = n == 0;
    source->offset += (uint64_t)n;
    pending->size += (size_t)n;
    return n > 0;
}

/* Passes over the rest of a line that was cut. */
static int skip_rest(struct source *source, struct error *err)
{
    while (source->skips_rest) {
        struct source_buffer *pending = &source->pending;
        char *from = pending->data + source->pending_at;
        size_t left = pending->size - source->pending_at;
        char *end = left > 0 ? memchr(from, '\n', left) : NULL;
        source->pending_at = end ? (size_t)(end - pending->data) + 1 : pending->size;
        source->skips_rest = !end;
        if (!end) {
            int rc = read_more(source, SOURCE_CHUNK, err);
            if (rc <= 0)
                return rc;
        }
    }
    return 0;
}

static int give(struct source *source, size_t size, struct source_buffer *buffer, struct chunk *ret,
                struct error *err)
{
    if (source_buffer_reserve(buffer, size) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory reading %s", source->name);
    memcpy(buffer->data, source->pending.data + source->pending_at, size);
    buffer->size = size;
    source->pending_at += size;
    bool is_end = source->has_ended && source->pending_at == source->pending.size;
    *ret = (struct chunk){.text = buffer->data, .size = size, .is_last = is_end};
    return 1;
}

int source_next_chunk(struct source *source, struct source_buffer *buffer, struct chunk *ret,
                      struct error *err)
{
    int rc = skip_rest(source, err);
    if (rc < 0)
        return rc;
    struct source_buffer *pending = &source->pending;
    for (;;) {
        char *from = pending->data ? pending->data + source->pending_at : NULL;
        size_t left = pending->size - source->pending_at;
        /* A pipe that has only a few lines for now gives those. */
        bool is_enough = left >= SOURCE_CHUNK || (!source->is_regular && left > 0);
        char *end = is_enough ? memrchr(from, '\n', left) : NULL;
        if (end)
            return give(source, (size_t)(end - from) + 1, buffer, ret, err);
        if (source->has_ended)
            return left > 0 ? give(source, left, buffer, ret, err) : 0;
        if (left >= SOURCE_LINE_MAX) {
            rc = give(source, SOURCE_LINE_MAX, buffer, ret, err);
            ret->is_cut = true;
            source->skips_rest = true;
            return rc;
        }
        rc = read_more(source, SOURCE_CHUNK, err);
        if (rc < 0)
            return rc;
    }
}

int source_next_line(struct source *source, struct line *ret_line, struct error *err)
{
    struct source_buffer *chunk = &source->line;
    if (source->line_at >= chunk->size) {
        struct chunk next;
        source->line_at = chunk->size = 0;
        int rc = source_next_chunk(source, chunk, &next, err);
        if (rc <= 0)
            return rc < 0 ? rc : source_finish(source, err);
        source->line_is_cut = next.is_cut;
        source->line_is_last = next.is_last;
    }
    const char *text = chunk->data + source->line_at;
    size_t left = chunk->size - source->line_at;
    const char *end = memchr(text, '\n', left);
    size_t size = end ? (size_t)(end - text) : left;
    source->line_at += size + (end ? 1 : 0);
    if (size > 0 && text[size - 1] == '\r')
        size--;
    *ret_line = (struct line){.text = text,
                              .size = size,
                              .number = ++source->lines,
                              .is_cut = !end && source->line_is_cut,
                              .has_end = end || source->line_is_cut};
    return 1;
}

const char *source_head(struct source *source, size_t *ret_size, struct error *err)
{
    while (source->pending.size - source->pending_at < HEAD_MAX && !source->has_ended) {
        int rc = read_more(source, HEAD_MAX, err);
        if (rc < 0)
            return NULL;
        /* Who waits for more of a pipe waits for its writer: a line is enough. */
        const char *from = source->pending.data + source->pending_at;
        if (!source->is_regular && memchr(from, '\n', source->pending.size - source->pending_at))
            break;
    }
    if (source->has_ended && source_finish(source, err) < 0)
        return NULL;
    *ret_size = source->pending.size - source->pending_at;
    return source->pending.data ? source->pending.data + source->pending_at : "";
}

/* ---- opening ---- */

static int failed(struct source *source, struct error *err)
{
    error_at(err, source->name, 0, 0);
    int rc = err ? -err->code : -ERROR_IO;
    source_close(source);
    return rc;
}

/* Puts `gzip -dc` between the file and us. */
static int unpack(struct source *source, const char *tool, struct error *err)
{
    int ends[2];
    char *const argv[] = {(char *)tool, (char *)"-dc", NULL};
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set_errno(err, ERROR_SYSTEM, errno, "no pipe for %s", tool);
    lseek(source->fd, 0, SEEK_SET);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, source->fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int rc = posix_spawnp(&source->unpacker, tool, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (rc != 0) {
        source->unpacker = 0;
        close(ends[0]);
        error_set_errno(err, ERROR_ABSENT, rc, "%s, which has to unpack it, cannot be started",
                        tool);
        return error_hint(err, "install %s, or unpack the file", tool);
    }
    close(source->fd);
    source->fd = ends[0];
    source->is_regular = false;
    source->unpacker_name = tool;
    return 0;
}

int source_finish(struct source *source, struct error *err)
{
    int status = 0;
    if (source->unpacker == 0)
        return 0;
    close(source->fd); /* it may still want to write: nobody waits for the other then */
    source->fd = -1;
    while (waitpid(source->unpacker, &status, 0) < 0 && errno == EINTR) {
    }
    source->unpacker = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    error_set(err, ERROR_INPUT, "%s could not unpack all of it", source->unpacker_name);
    return error_at(err, source->name, 0, 0);
}

static const char *unpacker_of(const unsigned char *head, size_t size)
{
    static const struct {
        unsigned char magic[4];
        size_t size;
        const char *tool;
    } kinds[] = {
        {{0x1f, 0x8b}, 2, "gzip"},
        {{0x28, 0xb5, 0x2f, 0xfd}, 4, "zstd"},
        {{0xfd, '7', 'z', 'X'}, 4, "xz"},
        {{'B', 'Z', 'h'}, 3, "bzip2"},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (size >= kinds[i].size && memcmp(head, kinds[i].magic, kinds[i].size) == 0)
            return kinds[i].tool;
    }
    return NULL;
}

/* By the first bytes: packed, in UTF-16, or with a byte-order mark. */
static int recognise(struct source *source, struct error *err)
{
    size_t size = 0;
    const unsigned char *head = (const unsigned char *)source_head(source, &size, err);
    if (!head)
        return -ERROR_IO;
    const char *tool = unpacker_of(head, size);
    if (tool && !source->is_regular) {
        error_set(err, ERROR_INPUT, "it is packed, and a pipe cannot be given to %s", tool);
        return error_hint(err, "%s -dc FILE | tacho ... -", tool);
    }
    if (tool) {
        source->pending.size = source->pending_at = 0;
        source->offset = 0;
        source->has_ended = false;
        atomic_store(&source->bytes_read, 0);
        int rc = unpack(source, tool, err);
        return rc < 0 ? rc : recognise(source, err);
    }
    if (size >= 2 &&
        ((head[0] == 0xff && head[1] == 0xfe) || (head[0] == 0xfe && head[1] == 0xff))) {
        error_set(err, ERROR_INPUT, "it is UTF-16 text");
        return error_hint(err, "iconv -f UTF-16 -t UTF-8 FILE | tacho ... -");
    }
    if (size >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0) {
        source->pending_at += 3;
        source->mark_bytes = 3;
    }
    return 0;
}

int source_open(const char *path, struct source **ret_source, struct error *err)
{
    struct source *source = calloc(1, sizeof(*source));
    if (!source)
        return error_set(err, ERROR_NOMEM, "out of memory");
    source->is_stdin = strcmp(path, "-") == 0;
    source->name = strdup(source->is_stdin ? "stdin" : path);
    source->fd = source->is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (!source->name) {
        source_close(source);
        return error_set(err, ERROR_NOMEM, "out of memory");
    }
    struct stat status;
    if (source->fd < 0 || fstat(source->fd, &status) < 0) {
        error_set_errno(err, error_code_from_errno(errno), errno, "cannot be opened");
        return failed(source, err);
    }
    if (S_ISDIR(status.st_mode)) {
        error_set(err, ERROR_INPUT, "it is a directory");
        return failed(source, err);
    }
    /* Files of /proc and the like say that they are empty. */
    source->is_regular =
        S_ISREG(status.st_mode) && status.st_size > 0 && lseek(source->fd, 0, SEEK_CUR) == 0;
    source->size = (uint64_t)status.st_size;
    if (recognise(source, err) < 0)
        return failed(source, err);
    *ret_source = source;
    return 0;
}

void source_close(struct source *source)
{
    if (!source)
        return;
    if (source->fd >= 0 && !(source->is_stdin && !source->unpacker_name))
        close(source->fd);
    if (source->unpacker > 0) { /* it may still be writing to us */
        kill(source->unpacker, SIGTERM);
        while (waitpid(source->unpacker, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    source_buffer_deinit(&source->pending);
    source_buffer_deinit(&source->line);
    free(source->name);
    free(source);
}
