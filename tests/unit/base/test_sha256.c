/* test_sha256.c: the examples that NIST publishes for FIPS 180-4, and that pieces make no
 * difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_examples),
        cmocka_unit_test(pieces_make_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
