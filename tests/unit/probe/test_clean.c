/* test_clean.c: a starting process removes what dead ones left, and nothing else. */
#include "probe_support.h"

#define MINUTE 60

static int record_a_mark(void *argument)
{
    (void)argument;
    tacho_mark("here");
    CHECK(tacho_status() == 0);
    return 0;
}

/* A file of this name whose header says that it was made, and whose time says that it was changed,
 * so many seconds ago; created_ago < 0: without a header. */
static void leave_file(const char *name, int created_ago, int changed_ago)
{
    char path[512];
    struct tacho_segment_header header = {.state = TACHO_SEGMENT_LIVE};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(path, sizeof(path), "%s/%s", place, name);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    memcpy(header.magic, TACHO_SEGMENT_MAGIC, sizeof(header.magic));
    header.created_real_ns =
        (uint64_t)(now.tv_sec - created_ago) * 1000000000u + (uint64_t)now.tv_nsec;
    if (created_ago >= 0)
        assert_int_equal(write(fd, &header, sizeof(header)), sizeof(header));
    now.tv_sec -= changed_ago;
    assert_int_equal(futimens(fd, (struct timespec[2]){now, now}), 0);
    close(fd);
}

static bool is_there(const char *name)
{
    char path[512];
    struct stat status;
    snprintf(path, sizeof(path), "%s/%s", place, name);
    return lstat(path, &status) == 0;
}

/* pid 4194999 is above pid_max of any kernel (2^22). */
#define DEAD_PID "4194999"

static char *own_name(const char *rest)
{
    static char names[16][128];
    static int next;
    char *name = names[next++ % 16];
    snprintf(name, 128, "tacho.%u.%s", (unsigned)geteuid(), rest);
    return name;
}

static void the_dead_go_after_ten_minutes(void **state)
{
    char *longer_ago = own_name(DEAD_PID ".1"), *copy = own_name(DEAD_PID ".1.3");
    char *lately = own_name(DEAD_PID ".2"), *unfinished = own_name(DEAD_PID ".3");
    (void)state;
    leave_file(longer_ago, 60 * MINUTE, 11 * MINUTE);
    leave_file(copy, 60 * MINUTE, 11 * MINUTE);
    leave_file(lately, 60 * MINUTE, 9 * MINUTE);
    leave_file(unfinished, -1, 11 * MINUTE);
    run_in_child(record_a_mark, NULL);
    assert_false(is_there(longer_ago));
    assert_false(is_there(copy));
    assert_true(is_there(lately));
    assert_false(is_there(unfinished));
}

/* Nobody wrote down when a killed process died: whoever sees it first does. */
static void the_killed_are_kept_from_when_they_were_seen(void **state)
{
    char *name = own_name(DEAD_PID ".1"), path[512];
    struct stat status;
    (void)state;
    leave_file(name, 60 * MINUTE, 60 * MINUTE);
    for (int i = 0; i < 2; i++) {
        run_in_child(record_a_mark, NULL);
        assert_true(is_there(name));
        snprintf(path, sizeof(path), "%s/%s", place, name);
        assert_int_equal(stat(path, &status), 0);
        assert_in_range(status.st_mtime, time(NULL) - MINUTE, time(NULL) + 1);
    }
}

static int hold_lock(void *argument)
{
    const char *name = argument;
    char path[512];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    snprintf(path, sizeof(path), "%s/%s", place, name);
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0);
    CHECK(fcntl(fd, F_SETLK, &lock) == 0);
    return 0;
}

static void the_living_stay(void **state)
{
    char *name = own_name(DEAD_PID ".1");
    (void)state;
    leave_file(name, 60 * MINUTE, 30 * MINUTE);
    struct child holder = child_start(hold_lock, name);
    child_await(&holder);
    run_in_child(record_a_mark, NULL);
    assert_true(is_there(name));
    assert_int_equal(child_end(&holder), 0);
    run_in_child(record_a_mark, NULL);
    assert_false(is_there(name));
}

static void other_files_stay(void **state)
{
    static const char *const rests[] = {"12",          DEAD_PID ".",    DEAD_PID ".1.",    DEAD_PID,
                                        DEAD_PID ".x", DEAD_PID ".1.x", DEAD_PID ".1.2.3", "-1.1",
                                        " 1.1"};
    char path[512], target[512], other_user[64];
    (void)state;
    for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++)
        leave_file(own_name(rests[i]), 60 * MINUTE, 30 * MINUTE);
    leave_file("tacho.", 60 * MINUTE, 30 * MINUTE);
    snprintf(other_user, sizeof(other_user), "tacho.%u." DEAD_PID ".1", (unsigned)geteuid() + 1);
    leave_file(other_user, 60 * MINUTE, 30 * MINUTE);
    /* A link, a FIFO and a directory under names that would be ours. */
    leave_file("tacho.precious", 60 * MINUTE, 30 * MINUTE);
    snprintf(target, sizeof(target), "%s/tacho.precious", place);
    snprintf(path, sizeof(path), "%s/%s", place, own_name(DEAD_PID ".7"));
    assert_int_equal(symlink(target, path), 0);
    snprintf(path, sizeof(path), "%s/%s", place, own_name(DEAD_PID ".8"));
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof(path), "%s/%s", place, own_name(DEAD_PID ".9"));
    assert_int_equal(mkdir(path, 0700), 0);
    int before = place_count();
    run_in_child(record_a_mark, NULL);
    assert_int_equal(place_count(), before + 1);
    assert_int_equal(rmdir(path), 0);
}

static void files_of_others_stay(void **state)
{
    char *name = own_name(DEAD_PID ".1"), path[512];
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root can give a file away\n");
        skip();
    }
    leave_file(name, 60 * MINUTE, 30 * MINUTE);
    snprintf(path, sizeof(path), "%s/%s", place, name);
    assert_int_equal(chown(path, 65534, 65534), 0);
    run_in_child(record_a_mark, NULL);
    assert_true(is_there(name));
}

static void a_crowd_does_not_delay(void **state)
{
    char name[64];
    (void)state;
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), DEAD_PID ".%d", i);
        leave_file(own_name(name), 60 * MINUTE, 30 * MINUTE);
    }
    run_in_child(record_a_mark, NULL);
    assert_int_equal(place_count(), 200 - 64 + 1); /* so many at a time */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(the_dead_go_after_ten_minutes),
        PROBE_TEST(the_killed_are_kept_from_when_they_were_seen),
        PROBE_TEST(the_living_stay),
        PROBE_TEST(other_files_stay),
        PROBE_TEST(files_of_others_stay),
        PROBE_TEST(a_crowd_does_not_delay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
