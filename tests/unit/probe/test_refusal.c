/* test_refusal.c: whatever fails or is switched off, the host program does not notice. */
#include "probe_support.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

/* Every call, with errno looked at around each. */
static int call_everything(void)
{
    struct tacho_measure begin;
    struct tacho_measured measured;
#define KEEPS_ERRNO(call)                                                                          \
    do {                                                                                           \
        errno = 12345;                                                                             \
        call;                                                                                      \
        CHECK(errno == 12345);                                                                     \
    } while (0)
    KEEPS_ERRNO(tacho_begin("span"));
    KEEPS_ERRNO(tacho_next("span", "other"));
    KEEPS_ERRNO(tacho_end("other"));
    KEEPS_ERRNO(tacho_end_error("not open"));
    KEEPS_ERRNO(tacho_end_token("span", tacho_begin_token()));
    KEEPS_ERRNO(tacho_record_id(TACHO_ID("span", TACHO_NAME_SPAN, 0), 10, 5));
    KEEPS_ERRNO(tacho_frame("camera"));
    KEEPS_ERRNO(tacho_count("count", 1));
    KEEPS_ERRNO(tacho_dropped("dropped", 1));
    KEEPS_ERRNO(tacho_work("work", 1));
    KEEPS_ERRNO(tacho_gauge("gauge", 1));
    KEEPS_ERRNO(tacho_mark("mark"));
    KEEPS_ERRNO(TACHO_SPAN("block"){});
    KEEPS_ERRNO(tacho_id("run time", TACHO_NAME_SPAN, 0));
    KEEPS_ERRNO(tacho_status());
    KEEPS_ERRNO(tacho_segment_path());
    KEEPS_ERRNO(tacho_measure_begin(&begin));
    KEEPS_ERRNO(tacho_measure_end(&begin, &measured));
    KEEPS_ERRNO(tacho_close());
#undef KEEPS_ERRNO
    return 0;
}

static int evaluations;

static uint64_t evaluate(void)
{
    evaluations++;
    return 1;
}

/* Nothing is recorded, for this reason, and nothing else is different. */
static int expect_refusal(int reason)
{
    CHECK(call_everything() == 0);
    CHECK(tacho_status() == reason);
    CHECK(strcmp(tacho_segment_path(), "") == 0);
    CHECK(tacho_id("name", TACHO_NAME_SPAN, 0) == 0);
    CHECK(TACHO_ID("here", TACHO_NAME_SPAN, 0) == 0);
    tacho_count("evaluated", evaluate());
    tacho_gauge("evaluated, too", (double)evaluate());
    CHECK(evaluations == 2);
    int times = 0;
    TACHO_SPAN("block")
    {
        times++;
    }
    CHECK(times == 1);
    pid_t pid = fork(); /* a fork records nothing either */
    if (pid == 0)
        _exit(tacho_status() != reason);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    return 0;
}

static int in_order(void *argument)
{
    (void)argument;
    CHECK(call_everything() == 0);
    CHECK(tacho_status() == 0);
    return 0;
}

static void errno_is_kept(void **state)
{
    (void)state;
    run_in_child(in_order, NULL);
    assert_int_equal(place_count(), 1);
}

/* ---- switched off ---- */

static int disabled(void *argument)
{
    const char *value = argument;
    setenv("TACHO_DISABLE", value, 1);
    return expect_refusal(TACHO_STATUS_DISABLED);
}

static void disable_makes_no_file(void **state)
{
    (void)state;
    run_in_child(disabled, "1");
    run_in_child(disabled, "true");
    assert_int_equal(place_count(), 0);
}

static int not_disabled(void *argument)
{
    const char *value = argument;
    setenv("TACHO_DISABLE", value, 1);
    return in_order(NULL);
}

static void zero_and_nothing_do_not_disable(void **state)
{
    (void)state;
    run_in_child(not_disabled, "0");
    run_in_child(not_disabled, "");
    assert_int_equal(place_count(), 2);
}

/* ---- no file can be made ---- */

static int no_directory(void *argument)
{
    (void)argument;
    setenv("TACHO_SHM_DIR", "/nonexistent/directory", 1);
    return expect_refusal(ENOENT);
}

static int no_descriptor(void *argument)
{
    (void)argument;
    CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, 0}) == 0);
    _exit(expect_refusal(EMFILE)); /* exit would let the leak sanitizer look for files, too */
}

static int long_path(void *argument)
{
    (void)argument;
    char path[PATH_MAX];
    memset(path, '/', sizeof(path) - 1);
    path[sizeof(path) - 1] = 0;
    setenv("TACHO_SHM_DIR", path, 1);
    return expect_refusal(ENAMETOOLONG);
}

/* Going over this limit is answered by SIGXFSZ, which kills. */
static int no_large_files(void *argument)
{
    (void)argument;
    CHECK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){100000, 100000}) == 0);
    return expect_refusal(EFBIG);
}

static int every_name_taken(void *argument)
{
    (void)argument;
    char path[512], stat_text[1024] = "";
    FILE *file = fopen("/proc/self/stat", "r");
    CHECK(file && fread(stat_text, 1, sizeof(stat_text) - 1, file) > 0);
    fclose(file);
    const char *field = strrchr(stat_text, ')');
    for (int i = 2; i < 22; i++)
        CHECK((field = strchr(field + 1, ' ')));
    for (int i = 0; i <= 9; i++) {
        int length = snprintf(path, sizeof(path), "%s/tacho.%u.%d.%llu", place, (unsigned)geteuid(),
                              (int)getpid(), strtoull(field, NULL, 10));
        if (i > 0)
            snprintf(path + length, sizeof(path) - (size_t)length, ".%d", i);
        int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
        CHECK(fd >= 0);
        close(fd);
    }
    return expect_refusal(EEXIST);
}

static void failures_leave_nothing_behind(void **state)
{
    (void)state;
    run_in_child(no_directory, NULL);
    run_in_child(no_descriptor, NULL);
    run_in_child(long_path, NULL);
    run_in_child(no_large_files, NULL);
    assert_int_equal(place_count(), 0);
    run_in_child(every_name_taken, NULL);
    assert_int_equal(place_count(), 10);
}

#define NOT_PERMITTED 77

/* True: the child could not set up what it was to test. */
static bool run_if_permitted(scenario *run)
{
    struct child child = child_start(run, NULL);
    int status = child_end(&child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED) {
        print_message("skipped: no mount or chroot is permitted here\n");
        return false;
    }
    assert_int_equal(status, 0);
    return true;
}

/* A page that the file system cannot supply is answered by SIGBUS, which kills, at the first write
 * to it: it has to be found out before. */
static int full_tmpfs(void *argument)
{
    (void)argument;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", place, "tmpfs", 0, "size=1m") != 0)
        return NOT_PERMITTED;
    CHECK(expect_refusal(ENOSPC) == 0);
    CHECK(place_count() == 0);
    CHECK(umount(place) == 0);
    return 0;
}

static void full_tmpfs_is_no_bus_error(void **state)
{
    (void)state;
    if (!run_if_permitted(full_tmpfs))
        skip();
}

static int in_chroot(void *argument)
{
    (void)argument;
    unsetenv("TACHO_SHM_DIR");
    if (chroot(place) != 0 || chdir("/") != 0)
        return NOT_PERMITTED;
    _exit(expect_refusal(ENOENT));
}

static void chroot_without_shm_is_no_error(void **state)
{
    (void)state;
    if (!run_if_permitted(in_chroot))
        skip();
}

/* ---- what it prints ---- */

static int loud_failure(void *argument)
{
    const char *verbose = argument;
    char path[128], text[512] = "";
    snprintf(path, sizeof(path), "%s/stderr", place);
    int kept = dup(STDERR_FILENO), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(kept >= 0 && fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
    setenv("TACHO_SHM_DIR", "/nonexistent", 1);
    if (verbose)
        setenv("TACHO_VERBOSE", verbose, 1);
    tacho_mark("a");
    tacho_mark("b");
    CHECK(dup2(kept, STDERR_FILENO) >= 0);
    CHECK(pread(fd, text, sizeof(text) - 1, 0) >= 0);
    if (!verbose) {
        CHECK(text[0] == 0);
        return 0;
    }
    CHECK(strncmp(text, "tacho: nothing is recorded: /nonexistent/tacho.", 47) == 0);
    CHECK(strstr(text, ": No such file or directory\n"));
    CHECK(strchr(text, '\n')[1] == 0);
    return 0;
}

static void prints_one_line_if_asked(void **state)
{
    (void)state;
    run_in_child(loud_failure, NULL);
    run_in_child(loud_failure, "1");
}

static int relative_directory(void *argument)
{
    (void)argument;
    CHECK(chdir(place) == 0);
    setenv("TACHO_SHM_DIR", ".", 1);
    tacho_mark("a");
    CHECK(tacho_segment_path()[0] == '/');
    CHECK(chdir("/") == 0);
    CHECK(access(tacho_segment_path(), F_OK) == 0);
    return 0;
}

static void relative_directories_become_absolute(void **state)
{
    (void)state;
    run_in_child(relative_directory, NULL);
    assert_int_equal(place_count(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(errno_is_kept),
        PROBE_TEST(disable_makes_no_file),
        PROBE_TEST(zero_and_nothing_do_not_disable),
        PROBE_TEST(failures_leave_nothing_behind),
        PROBE_TEST(full_tmpfs_is_no_bus_error),
        PROBE_TEST(chroot_without_shm_is_no_error),
        PROBE_TEST(prints_one_line_if_asked),
        PROBE_TEST(relative_directories_become_absolute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
