/* source_each.c: chunks of a source on several cores, merged in the order of the file.
 *
 * A regular file is cut at multiples of SOURCE_CHUNK. A line belongs to the chunk in which it
 * begins, so each thread finds its chunk's lines alone: it begins behind the first newline (the one
 * before the chunk counts) and reads on to the newline behind its end. What comes in order is read
 * by whoever is next. Each thread works, waits for its turn, and merges.
 */
#include "format/source_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/util.h"

#define THREADS_MAX 64

struct crew {
    struct source *source;
    const struct source_job *job;
    pthread_mutex_t lock;
    pthread_cond_t turn;
    uint64_t next_chunk, next_merge;
    uint64_t lines;
    bool has_ended;  /* no more chunks to take */
    bool has_quotes; /* what was read in order holds one */
    int rc;          /* of the first error in the order of the file */
    struct error error;
};

struct hand {
    struct crew *crew;
    struct source_buffer buffer;
    void *result;
    pthread_t thread;
    bool is_running;
};

#define BEHIND 4096 /* where the line that begins last in a chunk usually ends */

/* ---- a chunk of a regular file ---- */

/* `want` bytes more of what begins at `offset`. */
static int read_at(struct source *source, struct source_buffer *buffer, size_t want,
                   uint64_t offset, struct chunk *ret, struct error *err)
{
    if (source_buffer_reserve(buffer, buffer->size + want) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory reading %s", source->name);
    ssize_t n = source_read(source, buffer->data + buffer->size, want, offset + buffer->size, err);
    if (n < 0)
        return (int)n;
    buffer->size += (size_t)n;
    ret->is_last = (size_t)n < want;
    return 0;
}

/* Reads on from buffer->size until a newline at or behind `owned` bytes, or the end. */
static int read_to_newline(struct source *source, struct source_buffer *buffer, uint64_t offset,
                           size_t owned, struct chunk *ret, struct error *err)
{
    size_t from = owned - 1;
    for (;;) {
        char *end = NULL;
        if (buffer->size > from)
            end = memchr(buffer->data + from, '\n', buffer->size - from);
        if (end)
            buffer->size = (size_t)(end - buffer->data) + 1;
        if (end || ret->is_last)
            return 0;
        if (buffer->size >= owned + SOURCE_LINE_MAX) {
            /* The lines before the long one, and the beginning of that. */
            char *last = memrchr(buffer->data, '\n', owned);
            size_t begin = last ? (size_t)(last - buffer->data) + 1 : 0;
            buffer->size = begin + SOURCE_LINE_MAX;
            ret->is_cut = true;
            return 0;
        }
        from = buffer->size > from ? buffer->size : from;
        int rc = read_at(source, buffer, 1u << 20, offset, ret, err);
        if (rc < 0)
            return rc;
    }
}

/* The lines that begin in chunk `index` of the file. */
static int read_part(struct source *source, uint64_t index, struct source_buffer *buffer,
                     struct chunk *ret, struct error *err)
{
    uint64_t begin = source->mark_bytes + index * SOURCE_CHUNK;
    size_t before = index > 0 ? 1 : 0, skip = 0; /* the newline that may end the line before */
    *ret = (struct chunk){.text = NULL};
    buffer->size = 0;
    int rc = read_at(source, buffer, SOURCE_CHUNK + BEHIND, begin - before, ret, err);
    if (rc < 0)
        return rc;
    source_count(source, u64_min(buffer->size - u64_min(buffer->size, before), SOURCE_CHUNK));
    if (before) {
        size_t owned = buffer->size < SOURCE_CHUNK ? buffer->size : SOURCE_CHUNK;
        char *end = owned > 0 ? memchr(buffer->data, '\n', owned) : NULL;
        if (!end) /* all of it is the inside of a line that began before */
            return 0;
        skip = (size_t)(end - buffer->data) + 1;
    }
    rc = read_to_newline(source, buffer, begin - before, SOURCE_CHUNK + before, ret, err);
    ret->text = buffer->data + skip;
    ret->size = buffer->size - skip;
    return rc;
}

/* ---- taking turns ---- */

/* Newlines, in steps of a size that compilers turn into vectors. */
static uint64_t count_lines(const struct chunk *chunk)
{
    const unsigned char *at = (const unsigned char *)chunk->text;
    size_t left = chunk->size;
    uint64_t lines = 0;
    while (left >= 2048) {
        uint8_t sums[16] = {0};
        for (size_t step = 0; step < 128; step++, at += 16) {
            for (size_t i = 0; i < 16; i++)
                sums[i] = (uint8_t)(sums[i] + (at[i] == '\n'));
        }
        for (size_t i = 0; i < 16; i++)
            lines += sums[i];
        left -= 2048;
    }
    for (; left > 0; left--)
        lines += *at++ == '\n';
    return lines + (chunk->size > 0 && at[-1] != '\n');
}

static bool has_quotes(const struct crew *crew, const struct chunk *chunk)
{
    return crew->job->finds_quotes && chunk->size > 0 && memchr(chunk->text, '"', chunk->size);
}

/* 1: a chunk; 0: there is none left; or an error. *ret_index is its place in any case. */
static int take(struct hand *hand, struct chunk *ret, uint64_t *ret_index, struct error *err)
{
    struct crew *crew = hand->crew;
    struct source *source = crew->source;
    int rc = 1;
    pthread_mutex_lock(&crew->lock);
    *ret_index = crew->next_chunk;
    bool is_over =
        source->is_regular && source->mark_bytes + crew->next_chunk * SOURCE_CHUNK >= source->size;
    if (crew->has_ended || is_over)
        rc = 0;
    else if (!source->is_regular)
        rc = source_next_chunk(source, &hand->buffer, ret, err);
    if (rc == 1 && !source->is_regular)
        ret->has_quotes = crew->has_quotes = crew->has_quotes || has_quotes(crew, ret);
    if (rc != 0)
        crew->next_chunk++;
    crew->has_ended = crew->has_ended || rc <= 0;
    pthread_mutex_unlock(&crew->lock);
    if (rc == 1 && source->is_regular) {
        rc = read_part(source, *ret_index, &hand->buffer, ret, err);
        rc = rc < 0 ? rc : 1;
        ret->has_quotes = rc == 1 && has_quotes(crew, ret);
    }
    return rc;
}

/* In the order of the file, whatever came of it. False: it is over. */
static bool hand_in(struct hand *hand, uint64_t index, uint64_t lines, int rc, struct error *err)
{
    struct crew *crew = hand->crew;
    pthread_mutex_lock(&crew->lock);
    while (crew->next_merge != index)
        pthread_cond_wait(&crew->turn, &crew->lock);
    if (rc < 0 && err->line > 0)
        err->line += (int)crew->lines;
    if (rc == 0 && crew->rc == 0)
        rc = crew->job->merge(crew->job->context, hand->result, crew->lines + 1, err);
    crew->lines += lines;
    if (rc < 0 && crew->rc == 0) {
        crew->rc = rc;
        crew->error = *err;
    }
    crew->has_ended = crew->has_ended || crew->rc < 0;
    bool goes_on = crew->rc == 0;
    crew->next_merge++;
    pthread_cond_broadcast(&crew->turn);
    pthread_mutex_unlock(&crew->lock);
    return goes_on;
}

static void *work(void *argument)
{
    struct hand *hand = argument;
    const struct source_job *job = hand->crew->job;
    bool goes_on = true;
    while (goes_on) {
        struct chunk chunk = {.text = NULL};
        struct error err = {0};
        uint64_t index = 0, lines = 0;
        int rc = take(hand, &chunk, &index, &err);
        if (rc == 0)
            break;
        if (rc > 0) {
            chunk.first_line = index == 0 ? 1 : 0;
            rc = chunk.size > 0 ? job->work(job->context, hand->result, &chunk, &err) : 0;
            lines = rc > 0 ? (uint64_t)rc : count_lines(&chunk);
            rc = rc > 0 ? 0 : rc;
        }
        goes_on = hand_in(hand, index, lines, rc, &err);
    }
    return NULL;
}

static unsigned crew_size(const struct source *source, unsigned threads)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned size = threads > 0 ? threads : online > 0 ? (unsigned)online : 1;
    uint64_t chunks = source->is_regular ? source->size / SOURCE_CHUNK + 1 : THREADS_MAX;
    if (size > THREADS_MAX)
        size = THREADS_MAX;
    return chunks < size ? (unsigned)chunks : size;
}

int source_each(struct source *source, unsigned threads, const struct source_job *job,
                uint64_t *ret_lines, struct error *err)
{
    struct crew crew = {.source = source, .job = job};
    struct hand hands[THREADS_MAX] = {{.crew = NULL}};
    unsigned size = crew_size(source, threads);
    if (source->is_regular) /* its head is read again */
        atomic_store(&source->bytes_read, source->mark_bytes);
    pthread_mutex_init(&crew.lock, NULL);
    pthread_cond_init(&crew.turn, NULL);
    for (unsigned i = 0; i < size; i++) {
        hands[i].crew = &crew;
        hands[i].result = job->result_new(job->context);
        if (!hands[i].result)
            crew.rc = error_set(&crew.error, ERROR_NOMEM, "out of memory");
    }
    /* We are the first of them. One that cannot be started is not missed. */
    for (unsigned i = 1; i < size && crew.rc == 0; i++)
        hands[i].is_running = pthread_create(&hands[i].thread, NULL, work, &hands[i]) == 0;
    if (crew.rc == 0)
        work(&hands[0]);
    for (unsigned i = 0; i < size; i++) {
        if (hands[i].is_running)
            pthread_join(hands[i].thread, NULL);
        if (hands[i].result)
            job->result_free(job->context, hands[i].result);
        source_buffer_deinit(&hands[i].buffer);
    }
    pthread_cond_destroy(&crew.turn);
    pthread_mutex_destroy(&crew.lock);
    if (crew.rc == 0)
        crew.rc = source_finish(source, &crew.error);
    if (crew.rc < 0 && err)
        *err = crew.error;
    if (ret_lines)
        *ret_lines = crew.lines;
    return crew.rc;
}
