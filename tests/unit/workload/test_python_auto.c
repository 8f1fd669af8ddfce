/* test_python_auto.c: which commands run Python, and where tacho's package for them is. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_tree.h"

#include "workload/command/python_auto.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

struct fixture {
    struct test_tree tree;
    struct settings settings;
    struct python_auto python;
    char data[80]; /* TACHO_DATA with a package for 3.11 */
};

static void write_executable(struct fixture *fixture, const char *name, const char *text)
{
    char path[512];
    test_tree_write(&fixture->tree, name, text);
    snprintf(path, sizeof(path), "%s/%s", fixture->tree.path, name);
    assert_int_equal(chmod(path, 0755), 0);
}

static void write_package(struct fixture *fixture, const char *folder, const char *native)
{
    char name[256];
    snprintf(name, sizeof(name), "%s/tacho/auto/sitecustomize/sitecustomize.py", folder);
    test_tree_write(&fixture->tree, name, "");
    snprintf(name, sizeof(name), "%s/tacho/auto/hooks/torch.py", folder);
    test_tree_write(&fixture->tree, name, "");
    snprintf(name, sizeof(name), "%s/tacho/auto/hooks/__init__.py", folder);
    test_tree_write(&fixture->tree, name, "");
    snprintf(name, sizeof(name), "%s/tacho/auto/hooks/opencv.py", folder);
    test_tree_write(&fixture->tree, name, "");
    if (native) {
        snprintf(name, sizeof(name), "%s/tacho/%s", folder, native);
        test_tree_write(&fixture->tree, name, "");
    }
}

static void set(struct fixture *fixture, enum setting_id id, const char *text)
{
    assert_int_equal(settings_set(&fixture->settings, id, text, SOURCE_FLAG, "test", NULL), 0);
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    test_tree_init(&fixture->tree);
    assert_int_equal(settings_init(&fixture->settings, NULL), 0);
    char path[128];
    snprintf(path, sizeof(path), "%s/bin", fixture->tree.path);
    setenv("PATH", path, 1);
    setenv("HOME", fixture->tree.path, 1);
    unsetenv("PYTHONPATH");
    write_executable(fixture, "bin/python3.11", "");
    snprintf(path, sizeof(path), "%s/bin/python3", fixture->tree.path);
    assert_int_equal(symlink("python3.11", path), 0);
    write_executable(fixture, "bin/env", "");
    write_package(fixture, "data/python", "_native.cpython-311-x86_64-linux-gnu.so");
    snprintf(fixture->data, sizeof(fixture->data), "%s/data", fixture->tree.path);
    set(fixture, SETTING_DATA, fixture->data);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    settings_deinit(&fixture->settings);
    test_tree_deinit(&fixture->tree);
    free(fixture);
    return 0;
}

static enum python_auto_state find(struct fixture *fixture, const char *const *argv)
{
    python_auto_find(&fixture->python, argv, &fixture->settings);
    return fixture->python.state;
}

#define ASSERT_FOUND(fixture, expected, ...)                                                       \
    assert_int_equal(find(fixture, ARGV(__VA_ARGS__)), PYTHON_AUTO_##expected)

static void commands_that_run_python(void **state)
{
    struct fixture *fixture = *state;
    char path[256];
    ASSERT_FOUND(fixture, READY, "python3", "app.py");
    assert_string_equal(fixture->python.version, "3.11");
    assert_string_equal(fixture->python.native, "_native.cpython-311-x86_64-linux-gnu.so");
    assert_string_equal(fixture->python.note, "");
    ASSERT_FOUND(fixture, READY, "python3.11", "-u", "-m", "app", "-S");
    ASSERT_FOUND(fixture, READY, "python3", "-W", "ignore", "-X", "utf8", "-c", "1", "-I");
    ASSERT_FOUND(fixture, READY, "python3", "-Wignore", "--check-hash-based-pycs", "never", "a");
    ASSERT_FOUND(fixture, READY, "python3", "-");
    ASSERT_FOUND(fixture, READY, "env", "python3", "app.py");
    ASSERT_FOUND(fixture, READY, "env", "-u", "X", "A=1", "B=", "python3", "app.py");
    snprintf(path, sizeof(path), "%s/bin/python3", fixture->tree.path);
    ASSERT_FOUND(fixture, READY, path, "app.py");
}

static void commands_that_do_not(void **state)
{
    struct fixture *fixture = *state;
    write_executable(fixture, "bin/python3-config", "");
    write_executable(fixture, "bin/pypy3", "");
    write_executable(fixture, "bin/shell", "#!/bin/sh\npython3 app.py\n");
    write_executable(fixture, "bin/empty", "");
    write_executable(fixture, "bin/only", "#!");
    write_executable(fixture, "bin/spaces", "#!   \nx");
    static const char *const names[] = {"python3-config", "pypy3",  "shell",  "empty",
                                        "only",           "spaces", "nothing"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ASSERT_FOUND(fixture, NONE, names[i], "app.py");
    ASSERT_FOUND(fixture, NONE, "env");
    ASSERT_FOUND(fixture, NONE, "env", "A=1");
    ASSERT_FOUND(fixture, NONE, "env", "-i", "python3", "app.py"); /* drops the variable */
    assert_int_equal(find(fixture, NULL), PYTHON_AUTO_NONE);
}

static void scripts_that_name_python(void **state)
{
    struct fixture *fixture = *state;
    write_executable(fixture, "bin/by-env", "#!/usr/bin/env python3\nimport sys\n");
    write_executable(fixture, "bin/by-env-s", "#!/usr/bin/env -S python3 -u\n");
    write_executable(fixture, "bin/alone", "#! /usr/bin/env\tpython3"); /* no newline */
    write_executable(fixture, "bin/isolated", "#!/usr/bin/env -S python3 -I\n");
    ASSERT_FOUND(fixture, READY, "by-env");
    assert_string_equal(fixture->python.version, "3.11");
    ASSERT_FOUND(fixture, READY, "by-env-s");
    ASSERT_FOUND(fixture, READY, "alone");
    ASSERT_FOUND(fixture, READY, "env", "by-env");
    ASSERT_FOUND(fixture, REFUSED, "isolated");
    assert_non_null(strstr(fixture->python.note, "-I"));
}

static void interpreters_told_to_ignore_it(void **state)
{
    struct fixture *fixture = *state;
    static const char *const options[] = {"-S", "-E", "-I", "-uI", "-sE"};
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        ASSERT_FOUND(fixture, REFUSED, "python3", options[i], "app.py");
        assert_non_null(strstr(fixture->python.note, options[i]));
        assert_string_not_equal(fixture->python.hint, "");
    }
    ASSERT_FOUND(fixture, REFUSED, "env", "PYTHONPATH=/x", "python3", "app.py");
}

static void switched_off(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, SETTING_NO_AUTO, "true");
    ASSERT_FOUND(fixture, NONE, "python3", "app.py");
    set(fixture, SETTING_NO_AUTO, "false");
    set(fixture, SETTING_DISABLE, "true");
    ASSERT_FOUND(fixture, NONE, "python3", "app.py");
}

static void versions(void **state)
{
    struct fixture *fixture = *state;
    /* As `python3 -m venv --copies`, and as virtualenv and uv make them. */
    write_executable(fixture, "venv/bin/python", "");
    test_tree_write(&fixture->tree, "venv/pyvenv.cfg",
                    "home = /usr/bin\nversion = 3.11.2\nprompt = x\n");
    write_executable(fixture, "uv/bin/python", "");
    test_tree_write(&fixture->tree, "uv/pyvenv.cfg",
                    "implementation = CPython\nversion_info = 3.9.18.final.0\n");
    write_executable(fixture, "odd/bin/python", "");
    test_tree_write(&fixture->tree, "odd/pyvenv.cfg", "version = x\nversion =\nversion=3\n");
    char path[256];
    snprintf(path, sizeof(path), "%s/venv/bin/python", fixture->tree.path);
    ASSERT_FOUND(fixture, READY, path);
    assert_string_equal(fixture->python.version, "3.11");
    snprintf(path, sizeof(path), "%s/uv/bin/python", fixture->tree.path);
    ASSERT_FOUND(fixture, ABSENT, path);
    assert_string_equal(fixture->python.version, "3.9");
    assert_non_null(strstr(fixture->python.note, "python3.9"));
    snprintf(path, sizeof(path), "%s/odd/bin/python", fixture->tree.path);
    ASSERT_FOUND(fixture, READY, path); /* not known: any native module may fit */
    assert_string_equal(fixture->python.version, "");
}

static void native_modules(void **state)
{
    struct fixture *fixture = *state;
    write_executable(fixture, "bin/python3.1", "");
    write_executable(fixture, "bin/python3.12", "");
    write_executable(fixture, "bin/python3.13", "");
    ASSERT_FOUND(fixture, ABSENT, "python3.1", "a"); /* not 3.11 */
    ASSERT_FOUND(fixture, ABSENT, "python3.12", "a");
    test_tree_write(&fixture->tree, "data/python/tacho/_native.abi3.so", "");
    ASSERT_FOUND(fixture, READY, "python3.12", "a");
    assert_string_equal(fixture->python.native, "_native.abi3.so");
}

static void the_package_of_the_interpreter(void **state)
{
    struct fixture *fixture = *state;
    write_executable(fixture, "venv/bin/python3.12", "");
    write_package(fixture, "venv/lib/python3.12/site-packages",
                  "_native.cpython-312-aarch64-linux-gnu.so");
    char path[256], expected[256];
    snprintf(path, sizeof(path), "%s/venv/bin/python3.12", fixture->tree.path);
    snprintf(expected, sizeof(expected), "%s/venv/lib/python3.12/site-packages",
             fixture->tree.path);
    ASSERT_FOUND(fixture, READY, path, "a");
    assert_string_equal(fixture->python.package, expected);
    /* The one of the data directory is no worse where it fits. */
    ASSERT_FOUND(fixture, READY, "python3.11", "a");
    assert_non_null(strstr(fixture->python.package, "/data/python"));
    /* For this user. */
    write_executable(fixture, "bin/python3.9", "");
    write_package(fixture, ".local/lib/python3.9/site-packages",
                  "_native.cpython-39-x86_64-linux-gnu.so");
    ASSERT_FOUND(fixture, READY, "python3.9", "a");
    assert_non_null(strstr(fixture->python.package, "/.local/"));
}

static void no_package(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, SETTING_DATA, "/nonexistent");
    ASSERT_FOUND(fixture, ABSENT, "python3", "a");
    assert_string_equal(fixture->python.package, "");
    assert_non_null(strstr(fixture->python.note, "not here"));
}

static void the_variable(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf text = {0};
    char expected[256];
    ASSERT_FOUND(fixture, READY, "python3", "a");
    snprintf(expected, sizeof(expected), "PYTHONPATH=%s/python/tacho/auto/sitecustomize",
             fixture->data);
    python_auto_append_variable(&fixture->python, &text);
    assert_string_equal(strbuf_get(&text), expected);
    strbuf_clear(&text);
    setenv("PYTHONPATH", "", 1); /* as good as unset: an empty entry would be the current folder */
    python_auto_append_variable(&fixture->python, &text);
    assert_string_equal(strbuf_get(&text), expected);
    strbuf_clear(&text);
    setenv("PYTHONPATH", "/a:/b", 1);
    strcat(expected, ":/a:/b");
    python_auto_append_variable(&fixture->python, &text);
    assert_string_equal(strbuf_get(&text), expected);
    strbuf_deinit(&text);
}

static void the_hooks(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf text = {0};
    python_auto_find_package(&fixture->python, NULL, &fixture->settings);
    assert_int_equal(fixture->python.state, PYTHON_AUTO_READY);
    python_auto_append_hooks(&fixture->python, &text);
    assert_string_equal(strbuf_get(&text), "opencv, torch");
    strbuf_deinit(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commands_that_run_python),
        TEST(commands_that_do_not),
        TEST(scripts_that_name_python),
        TEST(interpreters_told_to_ignore_it),
        TEST(switched_off),
        TEST(versions),
        TEST(native_modules),
        TEST(the_package_of_the_interpreter),
        TEST(no_package),
        TEST(the_variable),
        TEST(the_hooks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
