/* arena.c: see arena.h. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES_MIN 4096

struct arena_block {
    struct arena_block *next;
    size_t size; /* bytes in data */
    size_t used;
    _Alignas(max_align_t) unsigned char data[];
};

static struct arena_block *arena_add_block(struct arena *arena, size_t need)
{
    /* Blocks grow with what the arena holds, so that a big document needs few of them. */
    size_t size = arena->used_bytes < BLOCK_BYTES_MIN ? BLOCK_BYTES_MIN : arena->used_bytes;
    if (size < need)
        size = need;
    if (size > PTRDIFF_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *block = malloc(sizeof(*block) + size);
    if (!block)
        return NULL;
    block->size = size;
    block->used = 0;
    block->next = arena->head;
    arena->head = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    if (size > SIZE_MAX - align)
        return NULL;
    size_t rounded = size ? (size + align - 1) / align * align : align;

    struct arena_block *block = arena->head;
    if (!block || block->size - block->used < rounded)
        block = arena_add_block(arena, rounded);
    if (!block)
        return NULL;
    void *memory = block->data + block->used;
    block->used += rounded;
    arena->used_bytes += rounded;
    return memset(memory, 0, rounded);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    if (length == SIZE_MAX)
        return NULL;
    char *copy = arena_alloc(arena, length + 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (length < 0)
        return NULL;
    char *text = arena_alloc(arena, (size_t)length + 1);
    if (!text)
        return NULL;
    va_start(args, fmt);
    vsnprintf(text, (size_t)length + 1, fmt, args);
    va_end(args);
    return text;
}

void arena_deinit(struct arena *arena)
{
    struct arena_block *block = arena->head;
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (struct arena){0};
}
