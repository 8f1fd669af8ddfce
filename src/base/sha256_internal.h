/* sha256_internal.h: how blocks are hashed: sha256.c anywhere, sha256_cpu.c with what some CPUs
 * have for it. */
#ifndef TACHO_BASE_SHA256_INTERNAL_H
#define TACHO_BASE_SHA256_INTERNAL_H

#include <stdbool.h>

#include "base/sha256.h"

#define SHA256_BLOCK_BYTES 64

extern const uint32_t sha256_constants[64];

/* The blocks one after the other into state. */
void sha256_blocks_portable(uint32_t state[8], const uint8_t *blocks, size_t count);
/* The same by the CPU's own instructions (x86: SHA-NI, arm64: SHA2). False: it has none, and
 * nothing was done. */
bool sha256_blocks_cpu(uint32_t state[8], const uint8_t *blocks, size_t count);

#endif
