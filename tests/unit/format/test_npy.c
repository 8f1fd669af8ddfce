/* test_npy.c: arrays as NumPy wrote them (tests/data/npy), written again byte for byte as it does;
 * and headers that promise what is not there. */
#include "test_tree.h"

#include "base/util.h"
#include "format/npy.h"

static void sample_path(char *path, size_t size, const char *name)
{
    snprintf(path, size, TEST_DATA "/npy/%s.npy", name);
}

static void read_sample(const char *name, struct npy *npy)
{
    char path[512];
    struct error err = {0};
    sample_path(path, sizeof(path), name);
    if (npy_read(path, npy, &err) != 0)
        fail_msg("%s: %s", path, err.message);
}

static void what_numpy_wrote(void **state)
{
    struct npy npy;
    read_sample("f4-2x3", &npy); /* arange(6) / 4 */
    assert_string_equal(npy.dtype, "f4");
    assert_int_equal(npy.rank, 2);
    assert_int_equal(npy.dims[0], 2);
    assert_int_equal(npy.dims[1], 3);
    assert_int_equal(npy.element_bytes, 4);
    assert_int_equal(npy.data_bytes, 24);
    for (int i = 0; i < 6; i++)
        assert_true(((const float *)npy.data)[i] == (float)i / 4);
    npy_deinit(&npy);
    read_sample("i8-scalar", &npy); /* -5 */
    assert_string_equal(npy.dtype, "i8");
    assert_int_equal(npy.rank, 0);
    assert_int_equal(*(const int64_t *)npy.data, -5);
    npy_deinit(&npy);
    read_sample("b1-3", &npy);
    assert_string_equal(npy.dtype, "b1");
    assert_int_equal(npy.dims[0], 3);
    assert_memory_equal(npy.data, "\1\0\1", 3);
    npy_deinit(&npy);
    read_sample("f2-0x4", &npy);
    assert_string_equal(npy.dtype, "f2");
    assert_int_equal(npy.dims[0], 0);
    assert_int_equal(npy.data_bytes, 0);
    npy_deinit(&npy);
    read_sample("u1-version2", &npy);
    assert_string_equal(npy.dtype, "u1");
    assert_int_equal(npy.data_bytes, 5);
    assert_memory_equal(npy.data, "\0\1\2\3\4", 5);
    npy_deinit(&npy);
}

/* NumPy's own bytes are the independent value. */
static void writes_as_numpy_does(void **state)
{
    static const char *const names[] = {"f4-2x3", "i8-scalar", "b1-3", "f2-0x4"};
    struct test_tree tree;
    test_tree_init(&tree);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char from[512], to[128];
        char *expected, *got;
        size_t expected_size, got_size;
        struct npy npy;
        read_sample(names[i], &npy);
        snprintf(to, sizeof(to), "%s/out.npy", tree.path);
        assert_int_equal(npy_write(to, &npy, NULL), 0);
        sample_path(from, sizeof(from), names[i]);
        assert_int_equal(file_read_all(from, 1 << 20, &expected, &expected_size, NULL), 0);
        assert_int_equal(file_read_all(to, 1 << 20, &got, &got_size, NULL), 0);
        assert_int_equal(got_size, expected_size);
        assert_memory_equal(got, expected, got_size);
        free(expected);
        free(got);
        npy_deinit(&npy);
    }
    test_tree_deinit(&tree);
}

static void write_refuses_what_does_not_fit(void **state)
{
    struct npy npy = {.dtype = "f4", .rank = 1, .dims = {3}, .element_bytes = 4, .data_bytes = 8};
    struct error err = {0};
    float data[3] = {0};
    npy.data = data;
    assert_int_equal(npy_write("/nonexistent/x.npy", &npy, &err), -ERROR_INTERNAL);
    npy.data_bytes = 12;
    assert_int_equal(npy_write("/nonexistent/x.npy", &npy, &err), -ERROR_ABSENT);
}

/* ---- refused ------------------------------------------------------------------------------ */

static void write_npy(const char *path, const char *version, const char *header, size_t data_bytes)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    size_t length = strlen(header);
    fputs("\x93NUMPY", file);
    fwrite(version, 1, 2, file);
    fputc((int)(length & 0xff), file);
    fputc((int)(length >> 8), file);
    fputs(header, file);
    for (size_t i = 0; i < data_bytes; i++)
        fputc(0, file);
    assert_int_equal(fclose(file), 0);
}

static void expect_refused(const char *path, const char *why)
{
    struct npy npy;
    struct error err = {0};
    assert_int_equal(npy_read(path, &npy, &err), -ERROR_INPUT);
    assert_string_equal(err.file, path);
    if (!strstr(err.message, why))
        fail_msg("\"%s\" lacks \"%s\"", err.message, why);
}

static void refused(void **state)
{
    static const struct {
        const char *header;
        size_t bytes;
        const char *why;
    } rows[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 11, "fewer bytes"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (3,)}", 12, "Fortran"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (3,)}", 12, "big-endian"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", 12, "type"},
        {"{'descr': '|O8', 'fortran_order': False, 'shape': (3,)}", 12, "objects"},
        {"{'descr': '<U5', 'fortran_order': False, 'shape': (3,)}", 60, "not numbers"},
        {"{'descr': '<f3', 'fortran_order': False, 'shape': (3,)}", 12, "NumPy's"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}", 12, "structures"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", 12,
         "memory"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", 12,
         "too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}", 12, "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 3}", 12, "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': "
         "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,)}",
         4, "16 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False}", 12, "lacks"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", 4, "twice"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}", 4, "unknown"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()} + 1", 4, "after its end"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (", 4, "shape"},
        {"[]", 4, "dictionary"},
        {"", 4, "dictionary"},
    };
    struct test_tree tree;
    char path[128];
    test_tree_init(&tree);
    snprintf(path, sizeof(path), "%s/x.npy", tree.path);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        write_npy(path, "\1\0", rows[i].header, rows[i].bytes);
        expect_refused(path, rows[i].why);
    }
    write_npy(path, "\4\0", rows[0].header, 12);
    expect_refused(path, "version");
    test_tree_write(&tree, "x.npy", "hello");
    expect_refused(path, "too short");
    test_tree_write(&tree, "x.npy", "hello, I am text");
    expect_refused(path, "begin");
    test_tree_write(&tree, "x.npy", "\x93NUMPY\1\1\xff\xff{'descr'");
    expect_refused(path, "within its header");
    test_tree_write(&tree, "x.npy", "\x93NUMPY\2\1\xff\xff\xff\x7f{'descr'");
    expect_refused(path, "64 KiB");
    expect_refused(tree.path, "regular");
    struct npy npy;
    assert_int_equal(npy_read("/nonexistent/x.npy", &npy, NULL), -ERROR_ABSENT);
    test_tree_deinit(&tree);
}

/* Python 2, and whoever leaves out the spaces. */
static void other_spellings(void **state)
{
    static const char *const headers[] = {
        "{'shape':(2L,3L),'fortran_order':False,'descr':'<i2'}\n",
        "{\"descr\": \"=i2\", \"fortran_order\": False, \"shape\": (2, 3,),}   \n",
    };
    struct test_tree tree;
    char path[128];
    test_tree_init(&tree);
    snprintf(path, sizeof(path), "%s/x.npy", tree.path);
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        struct npy npy;
        struct error err = {0};
        write_npy(path, "\1\0", headers[i], 12);
        if (npy_read(path, &npy, &err) != 0)
            fail_msg("%s: %s", headers[i], err.message);
        assert_string_equal(npy.dtype, "i2");
        assert_int_equal(npy.rank, 2);
        assert_int_equal(npy.dims[1], 3);
        npy_deinit(&npy);
    }
    test_tree_deinit(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_numpy_wrote),
        cmocka_unit_test(writes_as_numpy_does),
        cmocka_unit_test(write_refuses_what_does_not_fit),
        cmocka_unit_test(refused),
        cmocka_unit_test(other_spellings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
