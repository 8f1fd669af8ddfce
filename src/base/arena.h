/* arena.h: memory that is freed all at once.
 *
 * What: a bump allocator over a chain of blocks; for things that live exactly as long as their
 *       owner (a run, a parsed document).
 * Memory: arena_deinit frees everything; a zeroed struct is a valid empty arena.
 * Threads: one at a time. Errors: NULL when out of memory.
 */
#ifndef TACHO_BASE_ARENA_H
#define TACHO_BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *head;
    size_t used_bytes; /* handed out so far */
};

void *arena_alloc(struct arena *arena, size_t size); /* zeroed, aligned for any type */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *arena, const char *fmt, ...);
void arena_deinit(struct arena *arena);

#endif
