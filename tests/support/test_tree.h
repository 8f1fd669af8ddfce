/* test_tree.h: a tree of files of one's own in a temporary directory, to stand for /proc and /sys.
 */
#ifndef TACHO_TESTS_TEST_TREE_H
#define TACHO_TESTS_TEST_TREE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

struct test_tree {
    char path[64];
    struct root root;
};

static inline void test_tree_init(struct test_tree *tree)
{
    snprintf(tree->path, sizeof(tree->path), "/tmp/tacho-test-XXXXXX");
    assert_non_null(mkdtemp(tree->path));
    assert_int_equal(chmod(tree->path, 0755), 0);
    assert_int_equal(root_open(&tree->root, tree->path, NULL), 0);
}

/* Makes the directories of name and writes the file. */
static inline void test_tree_write(const struct test_tree *tree, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", tree->path, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(file_make_directories(path, NULL), 0);
    *slash = '/';
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline void test_tree_remove(const struct test_tree *tree, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", tree->path, name);
    assert_int_equal(remove(path), 0);
}

static inline int test_remove_entry(const char *path, const struct stat *info, int type,
                                    struct FTW *ftw)
{
    return remove(path);
}

static inline void test_tree_deinit(struct test_tree *tree)
{
    root_close(&tree->root);
    assert_int_equal(nftw(tree->path, test_remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
