/* sha256.h: the hash that names files (FIPS 180-4), so that a run can say which model it measured.
 *
 * Memory: none. Threads: one per struct. Errors: none.
 */
#ifndef TACHO_BASE_SHA256_H
#define TACHO_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX_SIZE 65 /* with the terminator */

struct sha256 {
    uint32_t state[8];
    uint64_t size; /* bytes so far */
    uint8_t block[64];
};

void sha256_init(struct sha256 *sha);
void sha256_update(struct sha256 *sha, const void *data, size_t size);
/* Ends it; hex is lower case. */
void sha256_finish_hex(struct sha256 *sha, char hex[SHA256_HEX_SIZE]);

#endif
