/* test_sha256.c: the examples that NIST publishes for FIPS 180-4, and that pieces make no
 * difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/sha256_internal.h"
#include "base/util.h"

static void expect(const void *data, size_t size, const char *hex)
{
    struct sha256 sha;
    char got[SHA256_HEX_SIZE];
    sha256_init(&sha);
    sha256_update(&sha, data, size);
    sha256_finish_hex(&sha, got);
    assert_string_equal(got, hex);
}

static void published_examples(void **state)
{
    expect("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    expect(two_blocks, strlen(two_blocks),
           "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    const char *long_one = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                           "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
    expect(long_one, strlen(long_one),
           "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    CLEANUP_FREE char *million = malloc(1000000);
    assert_non_null(million);
    memset(million, 'a', 1000000);
    expect(million, 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* The lengths around a block, where the padding needs a second one, fed in every cut. */
static void pieces_make_no_difference(void **state)
{
    uint8_t data[200];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 37 + 11);
    for (size_t size = 0; size <= sizeof(data); size++) {
        char whole[SHA256_HEX_SIZE], cut[SHA256_HEX_SIZE];
        struct sha256 sha;
        sha256_init(&sha);
        sha256_update(&sha, data, size);
        sha256_finish_hex(&sha, whole);
        for (size_t at = 0; at <= size; at += 7) {
            sha256_init(&sha);
            sha256_update(&sha, data, at);
            sha256_update(&sha, data + at, size - at);
            sha256_finish_hex(&sha, cut);
            assert_string_equal(cut, whole);
        }
    }
    /* Computed by coreutils' sha256sum. */
    expect(data, 55, "2900465fcb533e05a158fd2b3be0e5e3b03740d83060aa3580e0d98a96bf2384");
    expect(data, 56, "31454ff48ef36af2f08fd511bdc37d9d5855ac23e992e5ff5445cb6b7674a674");
    expect(data, 64, "94eb5de4943613fd048dc93393ab06877405faa39c11f53e9386083339833e7e");
    expect(data, 119, "b0dc41b1a384e2f1203f0351b38fbeaafceef577ce1191d5bfc25da39f721eae");
}

/* What the CPU's own instructions make of blocks is what the formulas of the standard make. */
static void both_ways_agree(void **state)
{
    uint8_t blocks[SHA256_BLOCK_BYTES * 5 + 1];
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof(blocks); i++)
        blocks[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
    for (size_t shift = 0; shift < 2; shift++) { /* aligned, and not */
        for (size_t count = 0; count <= 5; count++) {
            uint32_t one[8], other[8];
            for (uint32_t i = 0; i < 8; i++)
                one[i] = other[i] = random * (i + 3);
            sha256_blocks_portable(one, blocks + shift, count);
            if (!sha256_blocks_cpu(other, blocks + shift, count))
                skip(); /* it has none */
            assert_memory_equal(one, other, sizeof(one));
        }
    }
}

/* The formulas are also right where nothing uses them. "abc", padded by hand: FIPS 180-4, B.1. */
static void the_portable_way(void **state)
{
    uint8_t block[SHA256_BLOCK_BYTES] = {'a', 'b', 'c', 0x80, [63] = 24};
    struct sha256 sha;
    sha256_init(&sha);
    sha256_blocks_portable(sha.state, block, 1);
    assert_int_equal(sha.state[0], 0xba7816bf);
    assert_int_equal(sha.state[3], 0x5dae2223);
    assert_int_equal(sha.state[7], 0xf20015ad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_examples),
        cmocka_unit_test(pieces_make_no_difference),
        cmocka_unit_test(both_ways_agree),
        cmocka_unit_test(the_portable_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
