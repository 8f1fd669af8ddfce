/* The commit of a directory, from repositories laid out by hand as gitrepository-layout(5) says. */
#include "model_support.h"

#include "model/environment.h"

#define COMMIT_A "0123456789abcdef0123456789abcdef01234567"
#define COMMIT_B "89abcdef0123456789abcdef0123456789abcdef"
#define COMMIT_256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int commit_of(const struct test_tree *tree, const char *directory, char hex[65])
{
    char path[256];
    struct error err = {0};
    strcpy(hex, "untouched");
    snprintf(path, sizeof(path), "%s%s%s", tree->path, *directory ? "/" : "", directory);
    int rc = environment_git_commit(path, hex, 65, &err);
    assert_int_equal(-rc, err.code);
    assert_true(rc == 0 || strcmp(hex, "untouched") == 0);
    return rc;
}

static void loose_packed_and_detached(void **state)
{
    struct test_tree tree;
    char hex[65];
    test_tree_init(&tree);
    test_tree_write(&tree, "repo/deep/down/file", "");
    assert_int_equal(commit_of(&tree, "repo/deep/down", hex), -ERROR_ABSENT);
    test_tree_write(&tree, "repo/.git/HEAD", "ref: refs/heads/main\n");
    assert_int_equal(commit_of(&tree, "repo", hex), -ERROR_ABSENT); /* no commit yet */
    test_tree_write(&tree, "repo/.git/packed-refs",
                    "# pack-refs with: peeled fully-peeled sorted\n" COMMIT_B
                    " refs/heads/mainline\n" COMMIT_A " refs/heads/main\n^" COMMIT_B "\n");
    assert_int_equal(commit_of(&tree, "repo/deep/down", hex), 0);
    assert_string_equal(hex, COMMIT_A);
    test_tree_write(&tree, "repo/.git/refs/heads/main", COMMIT_B "\n"); /* loose wins over packed */
    assert_int_equal(commit_of(&tree, "repo", hex), 0);
    assert_string_equal(hex, COMMIT_B);
    test_tree_write(&tree, "repo/.git/HEAD", COMMIT_256 "\n");
    assert_int_equal(commit_of(&tree, "repo", hex), 0);
    assert_string_equal(hex, COMMIT_256);
    test_tree_deinit(&tree);
}

static void worktrees_and_submodules(void **state)
{
    struct test_tree tree;
    char hex[65], text[256];
    test_tree_init(&tree);
    test_tree_write(&tree, "main/.git/HEAD", "ref: refs/heads/main\n");
    test_tree_write(&tree, "main/.git/refs/heads/main", COMMIT_A "\n");
    test_tree_write(&tree, "main/.git/refs/heads/topic", COMMIT_B "\n");
    test_tree_write(&tree, "main/.git/worktrees/wt/HEAD", "ref: refs/heads/topic\n");
    test_tree_write(&tree, "main/.git/worktrees/wt/commondir", "../..\n");
    snprintf(text, sizeof(text), "gitdir: %s/main/.git/worktrees/wt\n", tree.path);
    test_tree_write(&tree, "wt/.git", text);
    assert_int_equal(commit_of(&tree, "wt", hex), 0);
    assert_string_equal(hex, COMMIT_B);
    test_tree_write(&tree, "main/.git/modules/sub/HEAD", COMMIT_B "\n");
    test_tree_write(&tree, "main/sub/.git", "gitdir: ../.git/modules/sub\n");
    assert_int_equal(commit_of(&tree, "main/sub", hex), 0);
    assert_string_equal(hex, COMMIT_B);
    test_tree_deinit(&tree);
}

static void broken_repositories(void **state)
{
    static const struct {
        const char *head;
        int expected;
    } rows[] = {
        {"", -ERROR_IO},
        {"nonsense\n", -ERROR_IO},
        {"ref: refs/heads/.invalid\n", -ERROR_UNSUPPORTED},
        {"ref: refs/heads/circle\n", -ERROR_IO},
        {"ref: ../../etc/passwd\n", -ERROR_IO},
        {"ref: refs/../../../etc/passwd\n", -ERROR_IO},
        {"ref: \n", -ERROR_IO},
        {"0123456789ABCDEF0123456789ABCDEF01234567\n", -ERROR_IO},
    };
    struct test_tree tree;
    char hex[65];
    test_tree_init(&tree);
    test_tree_write(&tree, ".git/refs/heads/circle", "ref: refs/heads/circle\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_tree_write(&tree, ".git/HEAD", rows[i].head);
        int rc = commit_of(&tree, "", hex);
        if (rc != rows[i].expected)
            fail_msg("HEAD \"%s\": %d", rows[i].head, rc);
    }
    test_tree_deinit(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loose_packed_and_detached),
        cmocka_unit_test(worktrees_and_submodules),
        cmocka_unit_test(broken_repositories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
