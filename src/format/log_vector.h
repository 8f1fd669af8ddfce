/* log_vector.h: 32 bytes at a time, for what has to look at every byte of a log. The compiler makes
 * of it what the processor has; of AVX2, which not each x86-64 has, a second function.
 *
 * log_may_hold: whether something may stand anywhere in a text, by what it begins with. Most texts
 * hold nothing, so that a text is asked as a whole, and who gets a yes looks for himself.
 */
#ifndef TACHO_FORMAT_LOG_VECTOR_H
#define TACHO_FORMAT_LOG_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LOG_VECTOR 32

typedef uint8_t log_bytes __attribute__((vector_size(LOG_VECTOR)));
typedef uint64_t log_words __attribute__((vector_size(LOG_VECTOR)));

#define LOG_VECTOR_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#define LOG_VECTOR_AVX2 __attribute__((target("avx2")))
#define LOG_VECTOR_HAS_AVX2() __builtin_cpu_supports("avx2")
#else
#define LOG_VECTOR_AVX2
#define LOG_VECTOR_HAS_AVX2() 0
#endif

#define LOG_REACH 8 /* bytes behind a place that may decide what begins there */

/* Of 32 places each: *ret is not 0 where it may begin. The text goes on for LOG_REACH bytes. */
typedef void log_begins_fn(const char *text, log_bytes *ret);

/* By address: how vectors are passed depends on what the processor is said to have. */
LOG_VECTOR_INLINE void log_load(log_bytes *ret, const char *text)
{
    memcpy(ret, text, sizeof(*ret));
}

LOG_VECTOR_INLINE bool log_any(const log_bytes *found)
{
    log_words words;
    memcpy(&words, found, sizeof(words));
    return (words[0] | words[1] | words[2] | words[3]) != 0;
}

/* Known when it is inlined, as is `begins`. */
LOG_VECTOR_INLINE bool log_may_hold(const char *text, size_t size, log_begins_fn *begins)
{
    const size_t reach = LOG_VECTOR + LOG_REACH;
    log_bytes found = {0}, here;
    char rest[2 * LOG_VECTOR + LOG_REACH] = {0}; /* behind the end stand zeroes */
    if (size < reach) {
        memcpy(rest, text, size);
        begins(rest + LOG_VECTOR, &found);
        begins(rest, &here);
        found |= here;
        return log_any(&found);
    }
    /* The last block but one may have some bytes of the one before again. */
    for (size_t at = 0; at + LOG_VECTOR < size; at += LOG_VECTOR) {
        begins(text + (at + reach <= size ? at : size - reach), &here);
        found |= here;
    }
    memcpy(rest, text + size - LOG_VECTOR, LOG_VECTOR);
    begins(rest, &here);
    found |= here;
    return log_any(&found);
}

#endif
