/* Files: reading below a root, and writing that leaves the old or the new content, never a part. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/util.h"

static char directory[] = "/tmp/tacho-test-file-XXXXXX";
static char path_buffer[4][256];

/* A path in the test's directory; four stay valid at a time. */
static const char *in_directory(const char *name)
{
    static size_t turn;
    char *buf = path_buffer[turn++ % ARRAY_LEN(path_buffer)];
    snprintf(buf, sizeof(path_buffer[0]), "%s/%s", directory, name);
    return buf;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(in_directory(name), "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void assert_content(const char *name, const char *expected)
{
    char *data;
    size_t size;
    assert_int_equal(file_read_all(in_directory(name), 1 << 20, &data, &size, NULL), 0);
    assert_string_equal(data, expected);
    assert_int_equal(size, strlen(expected));
    free(data);
}

static size_t count_entries(const char *path)
{
    DIR *dir = opendir(path);
    assert_non_null(dir);
    size_t count = 0;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

static int set_up(void **state)
{
    umask(022);
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[300];
    snprintf(command, sizeof(command), "chmod -R u+w %s && rm -rf %s", directory, directory);
    return system(command);
}

/* ---- reading ---- */

static void root_reads_below_its_directory(void **state)
{
    struct root root;
    struct error err = {0};
    char buf[64];
    int64_t value = 0;
    assert_int_equal(file_make_directories(in_directory("tree/proc"), NULL), 0);
    put("tree/proc/stat", "cpu 1\n");
    put("tree/proc/number", "-42\n");
    put("tree/proc/text", "42 MHz\n");
    put("tree/proc/empty", "");
    assert_int_equal(root_open(&root, in_directory("tree"), &err), 0);
    assert_false(root.is_machine);

    assert_int_equal(root_read(&root, "proc/stat", buf, sizeof(buf), &err), 6);
    assert_string_equal(buf, "cpu 1\n");
    assert_int_equal(root_read_line(&root, "proc/stat", buf, sizeof(buf), &err), 5);
    assert_string_equal(buf, "cpu 1");
    assert_int_equal(root_read(&root, "proc/empty", buf, sizeof(buf), &err), 0);
    assert_int_equal(root_read_i64(&root, "proc/number", &value, &err), 0);
    assert_int_equal(value, -42);
    assert_int_equal(root_read_i64(&root, "proc/text", &value, &err), -ERROR_INPUT);
    assert_string_equal(err.file, "proc/text");
    assert_int_equal(root_read_i64(&root, "proc/empty", &value, &err), -ERROR_INPUT);
    assert_int_equal(value, -42);

    assert_int_equal(root_read(&root, "proc/none", buf, sizeof(buf), &err), -ERROR_ABSENT);
    assert_int_equal(err.sys_errno, ENOENT);
    assert_string_equal(err.file, "proc/none");
    assert_int_equal(root_read(&root, "proc/stat", buf, 7, &err), -ERROR_IO);
    assert_int_equal(root_read(&root, "proc/stat", buf, 8, &err), 6);
    assert_true(root_exists(&root, "proc/stat"));
    assert_false(root_exists(&root, "proc/none"));
    root_close(&root);
}

static void root_says_when_a_file_is_denied(void **state)
{
    struct root root;
    char buf[64];
    if (geteuid() == 0)
        skip(); /* root reads everything */
    put("secret", "1");
    chmod(in_directory("secret"), 0);
    assert_int_equal(root_open(&root, directory, NULL), 0);
    assert_int_equal(root_read(&root, "secret", buf, sizeof(buf), NULL), -ERROR_DENIED);
    root_close(&root);
}

static void root_comes_from_the_environment_or_is_the_machine(void **state)
{
    struct root root;
    struct error err;
    setenv("TACHO_ROOT", directory, 1);
    assert_int_equal(root_open(&root, NULL, NULL), 0);
    assert_false(root.is_machine);
    root_close(&root);
    setenv("TACHO_ROOT", "/nowhere/at/all", 1);
    assert_int_equal(root_open(&root, "", &err), -ERROR_ABSENT);
    assert_non_null(strstr(err.hint, "TACHO_ROOT"));
    unsetenv("TACHO_ROOT");
    assert_int_equal(root_open(&root, NULL, NULL), 0);
    assert_true(root.is_machine);
    assert_true(root_exists(&root, "proc/self/stat"));
    root_close(&root);
}

struct names {
    char text[256];
    size_t stop_after;
};

static int collect_name(const char *name, void *context)
{
    struct names *names = context;
    strcat(strcat(names->text, name), " ");
    return --names->stop_after == 0 ? 7 : 0;
}

static void root_lists_in_version_order(void **state)
{
    struct root root;
    struct names names = {.stop_after = 100};
    static const char *const files[] = {"cpu10", "cpu2", "cpu0", ".hidden", "cpu1"};
    assert_int_equal(file_make_directories(in_directory("list"), NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char name[64];
        snprintf(name, sizeof(name), "list/%s", files[i]);
        put(name, "");
    }
    assert_int_equal(root_open(&root, directory, NULL), 0);
    assert_int_equal(root_list(&root, "list", collect_name, &names, NULL), 0);
    assert_string_equal(names.text, ".hidden cpu0 cpu1 cpu2 cpu10 ");
    names = (struct names){.stop_after = 2};
    assert_int_equal(root_list(&root, "list", collect_name, &names, NULL), 7);
    assert_string_equal(names.text, ".hidden cpu0 ");
    assert_int_equal(root_list(&root, "none", collect_name, &names, NULL), -ERROR_ABSENT);
    assert_int_equal(root_list(&root, "list/cpu0", collect_name, &names, NULL), -ERROR_ABSENT);
    root_close(&root);
}

static void pread_reads_kernel_files_again_and_again(void **state)
{
    static char first[65536], second[65536];
    int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
    FILE *stream = fopen("/proc/cpuinfo", "r");
    assert_true(fd >= 0);
    assert_non_null(stream);
    size_t expected = 0;
    while (fgetc(stream) != EOF)
        expected++;
    fclose(stream);
    if (expected < sizeof(first) - 1) {
        /* The clock rates in it change from read to read, and with them a digit or two. */
        ssize_t length = file_pread(fd, first, sizeof(first));
        assert_in_range(length, expected - 64, expected + 64);
        assert_in_range(file_pread(fd, second, sizeof(second)), length - 64, length + 64);
        assert_int_equal(strlen(first), length);
    }
    close(fd);
    put("small", "123");
    fd = open(in_directory("small"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(file_pread(fd, first, 5), 3);
    assert_string_equal(first, "123");
    assert_int_equal(file_pread(fd, first, 4), -ERROR_IO); /* filled to the brim */
    close(fd);
    assert_true(file_pread(fd, first, 5) < 0);
}

static void read_all_reads_any_size_up_to_the_limit(void **state)
{
    char *data = NULL;
    size_t size = 0;
    struct error err;
    static char text[100001];
    memset(text, 'x', 100000);
    put("large", text);
    assert_int_equal(file_read_all(in_directory("large"), 100000, &data, &size, NULL), 0);
    assert_int_equal(size, 100000);
    assert_string_equal(data, text);
    free(data);
    data = NULL;
    assert_int_equal(file_read_all(in_directory("large"), 99999, &data, &size, &err), -ERROR_INPUT);
    assert_string_equal(err.message, "larger than 99999 bytes");
    assert_null(data);
    /* /proc says size 0 and holds text all the same. */
    assert_int_equal(file_read_all("/proc/self/status", 100000, &data, &size, NULL), 0);
    assert_true(size > 100);
    free(data);
    assert_int_equal(file_read_all(directory, 100, &data, &size, &err), -ERROR_IO);
    assert_int_equal(err.sys_errno, EISDIR);
    assert_int_equal(file_read_all(in_directory("none"), 100, &data, &size, &err), -ERROR_ABSENT);
}

/* ---- writing ---- */

static void writes_new_files_by_the_umask_and_keeps_old_modes(void **state)
{
    struct stat about;
    umask(027);
    assert_int_equal(file_write_atomic(in_directory("new"), "one", 3, NULL), 0);
    umask(022);
    assert_int_equal(stat(in_directory("new"), &about), 0);
    assert_int_equal(about.st_mode & 07777, 0640);
    chmod(in_directory("new"), 0604);
    assert_int_equal(file_write_atomic(in_directory("new"), "three", 5, NULL), 0);
    assert_int_equal(stat(in_directory("new"), &about), 0);
    assert_int_equal(about.st_mode & 07777, 0604);
    assert_content("new", "three");
    assert_int_equal(file_write_atomic(in_directory("new"), "", 0, NULL), 0);
    assert_content("new", "");
}

static void an_open_reader_keeps_the_old_content(void **state)
{
    char buf[16] = "";
    put("replaced", "old");
    int fd = open(in_directory("replaced"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(file_write_atomic(in_directory("replaced"), "new", 3, NULL), 0);
    assert_int_equal(read(fd, buf, sizeof(buf)), 3);
    assert_string_equal(buf, "old");
    close(fd);
    assert_content("replaced", "new");
}

static void writes_through_a_symbolic_link(void **state)
{
    struct stat about;
    put("target", "old");
    assert_int_equal(symlink("target", in_directory("link")), 0);
    assert_int_equal(file_write_atomic(in_directory("link"), "new", 3, NULL), 0);
    assert_int_equal(lstat(in_directory("link"), &about), 0);
    assert_true(S_ISLNK(about.st_mode));
    assert_content("target", "new");
}

static void refuses_without_touching_anything(void **state)
{
    struct error err;
    assert_int_equal(file_make_directories(in_directory("refuse"), NULL), 0);
    assert_true(file_write_atomic(in_directory("refuse"), "x", 1, &err) < 0);
    assert_int_equal(err.sys_errno, EISDIR);
    assert_string_equal(err.file, in_directory("refuse"));
    assert_int_equal(file_write_atomic(in_directory("none/x"), "x", 1, &err), -ERROR_ABSENT);
    assert_int_equal(file_write_atomic(in_directory("small/x"), "x", 1, &err), -ERROR_ABSENT);
    assert_int_equal(file_write_atomic("", "x", 1, &err), -ERROR_ABSENT);
    assert_int_equal(count_entries(in_directory("refuse")), 0);
    if (geteuid() == 0)
        return;
    put("refuse/read_only", "kept");
    chmod(in_directory("refuse/read_only"), 0444);
    assert_int_equal(file_write_atomic(in_directory("refuse/read_only"), "x", 1, &err),
                     -ERROR_DENIED);
    assert_content("refuse/read_only", "kept");
    chmod(in_directory("refuse"), 0555);
    assert_int_equal(file_write_atomic(in_directory("refuse/new"), "x", 1, &err), -ERROR_DENIED);
    assert_int_equal(count_entries(in_directory("refuse")), 1);
}

static void a_failed_write_leaves_the_old_file_and_no_rest(void **state)
{
    static char data[100000];
    assert_int_equal(file_make_directories(in_directory("full"), NULL), 0);
    put("full/file", "old");
    /* The limit on file sizes stands for a disk that fills up half-way; in a child, because it
     * cannot be raised again everywhere. */
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limit = {4096, 4096};
        struct error err = {0};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        int code = file_write_atomic(in_directory("full/file"), data, sizeof(data), &err);
        _exit(code == -ERROR_IO && err.sys_errno == EFBIG ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_content("full/file", "old");
    assert_int_equal(count_entries(in_directory("full")), 1);
}

static void devices_and_pipes_are_written_directly(void **state)
{
    struct error err;
    assert_int_equal(file_write_atomic("/dev/full", "x", 1, &err), -ERROR_IO);
    assert_string_equal(err.message, "disk full");
    assert_int_equal(err.sys_errno, ENOSPC);
    assert_string_equal(err.file, "/dev/full");
    assert_true(strlen(err.hint) > 0);
    struct stat about;
    assert_int_equal(stat("/dev/full", &about), 0);
    assert_true(S_ISCHR(about.st_mode));
    assert_int_equal(file_write_atomic("/dev/null", "x", 1, &err), 0);

    assert_int_equal(mkfifo(in_directory("fifo"), 0600), 0);
    int reader = open(in_directory("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(file_write_atomic(in_directory("fifo"), "through", 7, &err), 0);
    char buf[16] = "";
    assert_int_equal(read(reader, buf, sizeof(buf)), 7);
    assert_string_equal(buf, "through");
    close(reader);
}

/* Runs file_write_atomic(path) in a child whose stdout is fd; returns its code, negated. */
static int write_as_stdout(int fd, const char *path, const char *data, size_t size)
{
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fd, STDOUT_FILENO);
        struct error err = {0};
        int code = file_write_atomic(path, data, size, &err);
        _exit(err.sys_errno == EPIPE ? 100 : -code);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status)); /* not killed by SIGPIPE */
    return WEXITSTATUS(status);
}

static void stdout_is_appended_to_and_may_go_away(void **state)
{
    put("redirected", "before ");
    int fd = open(in_directory("redirected"), O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write_as_stdout(fd, "-", "one ", 4), 0);
    assert_int_equal(write_as_stdout(fd, "/dev/stdout", "two ", 4), 0);
    assert_int_equal(write_as_stdout(fd, "/dev/fd/1", "three", 5), 0);
    close(fd);
    assert_content("redirected", "before one two three");

    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write_as_stdout(ends[1], "-", "x", 1), 100);
    close(ends[1]);
}

static void stdout_takes_everything_from_a_slow_non_blocking_pipe(void **state)
{
    static char data[300000];
    memset(data, 'x', sizeof(data));
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        dup2(ends[1], STDOUT_FILENO);
        _exit(-file_write_atomic("-", data, sizeof(data), NULL));
    }
    close(ends[1]);
    fcntl(ends[0], F_SETFL, 0);
    size_t total = 0;
    char buf[5000];
    for (ssize_t got; (got = read(ends[0], buf, sizeof(buf))) > 0;)
        total += (size_t)got;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(total, sizeof(data));
}

static void makes_directories(void **state)
{
    struct stat about;
    struct error err;
    assert_int_equal(file_make_directories(in_directory("a/b//c/"), NULL), 0);
    assert_int_equal(stat(in_directory("a/b/c"), &about), 0);
    assert_true(S_ISDIR(about.st_mode));
    assert_int_equal(file_make_directories(in_directory("a/b/c"), NULL), 0);
    assert_int_equal(file_make_directories("/", NULL), 0);
    put("a/file", "");
    assert_int_equal(file_make_directories(in_directory("a/file/x"), &err), -ERROR_ABSENT);
    assert_int_equal(err.sys_errno, ENOTDIR);
    assert_string_equal(err.file, in_directory("a/file"));
    assert_int_equal(file_make_directories("", &err), -ERROR_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_reads_below_its_directory),
        cmocka_unit_test(root_says_when_a_file_is_denied),
        cmocka_unit_test(root_comes_from_the_environment_or_is_the_machine),
        cmocka_unit_test(root_lists_in_version_order),
        cmocka_unit_test(pread_reads_kernel_files_again_and_again),
        cmocka_unit_test(read_all_reads_any_size_up_to_the_limit),
        cmocka_unit_test(writes_new_files_by_the_umask_and_keeps_old_modes),
        cmocka_unit_test(an_open_reader_keeps_the_old_content),
        cmocka_unit_test(writes_through_a_symbolic_link),
        cmocka_unit_test(refuses_without_touching_anything),
        cmocka_unit_test(a_failed_write_leaves_the_old_file_and_no_rest),
        cmocka_unit_test(devices_and_pipes_are_written_directly),
        cmocka_unit_test(stdout_is_appended_to_and_may_go_away),
        cmocka_unit_test(stdout_takes_everything_from_a_slow_non_blocking_pipe),
        cmocka_unit_test(makes_directories),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
