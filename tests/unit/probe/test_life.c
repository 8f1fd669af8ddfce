/* test_life.c: fork, exec, exit, _exit, SIGKILL; a host that closes our descriptor or leaves root.
 */
#include "probe_support.h"

static char *program; /* this test, to be executed again */

static int work(int times)
{
    for (int i = 0; i < times; i++) {
        TACHO_SPAN("work")
        {
            tacho_count("done", 1);
        }
        tacho_frame("camera");
    }
    CHECK(tacho_status() == 0);
    return 0;
}

static void image_of_pid(struct image *image, pid_t pid)
{
    char names[64][256], prefix[64];
    int count = place_list(names, 64);
    snprintf(prefix, sizeof(prefix), "tacho.%u.%d.", (unsigned)geteuid(), (int)pid);
    for (int i = 0; i < count; i++) {
        if (strncmp(names[i], prefix, strlen(prefix)) == 0) {
            image_read_name(image, names[i]);
            return;
        }
    }
    fail_msg("no segment of pid %d", (int)pid);
}

static int wait_for(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* ---- fork ---- */

static int in_fork(void)
{
    CHECK(strcmp(tacho_segment_path(), "") == 0); /* none until it is needed */
    CHECK(fcntl(100, F_GETFD) < 0);               /* nor the parent's descriptor */
    tacho_end("work");                            /* begun by the parent: dropped here */
    CHECK(work(2) == 0);
    tacho_count("only in the child", 1);
    pid_t pid = fork();
    if (pid == 0)
        exit(work(1));
    CHECK(wait_for(pid) == 0);
    return 0;
}

static int fork_while_open(void *argument)
{
    pid_t *ret_pid = argument;
    CHECK(work(3) == 0);
    CHECK(fcntl(100, F_GETFD) == FD_CLOEXEC);
    tacho_begin("work");
    pid_t pid = fork();
    if (pid == 0)
        exit(in_fork());
    CHECK(wait_for(pid) == 0);
    tacho_end("work");
    tacho_count("only in the parent", 1);
    *ret_pid = getpid();
    return 0;
}

static void forks_have_segments_of_their_own(void **state)
{
    struct image image;
    char names[8][256];
    (void)state;
    struct child child = child_start(fork_while_open, &(pid_t){0});
    assert_int_equal(child_end(&child), 0);
    assert_int_equal(place_list(names, 8), 3);
    image_of_pid(&image, child.pid);
    assert_int_equal(image_counter(&image, "done"), 3);
    assert_int_equal(image_count(&image, "work"), 4);
    assert_int_equal(image_find(&image, "only in the child"), -1);
    assert_int_equal(image_thread(&image, 0)->dropped_spans, 0);
    image_free(&image);
    int found = 0;
    for (int i = 0; i < 3; i++) {
        image_read_name(&image, names[i]);
        assert_int_equal(image.header->state, TACHO_SEGMENT_CLOSED);
        assert_int_equal(image_find(&image, "work"), 0); /* the index that the place keeps */
        if (image.header->pid != (uint32_t)child.pid) {
            uint64_t done = image_counter(&image, "done");
            assert_true(done == 1 || done == 2);
            assert_int_equal(image_count(&image, "work"), done);
            assert_int_equal(image_count(&image, "camera"), done - 1); /* not since the parent's */
            assert_int_equal(image_thread(&image, 0)->dropped_spans, done == 2 ? 1 : 0);
            assert_int_equal(image_find(&image, "only in the parent"), -1);
            found += (int)done;
        }
        image_free(&image);
    }
    assert_int_equal(found, 3);
}

static int fork_unannounced(void *argument)
{
    (void)argument;
    CHECK(work(3) == 0);
    pid_t pid = _Fork(); /* runs no handlers */
    if (pid == 0)
        _exit(work(2));
    CHECK(wait_for(pid) == 0);
    return work(1);
}

static void forks_without_handlers_do_no_harm(void **state)
{
    struct image image;
    (void)state;
    struct child child = child_start(fork_unannounced, NULL);
    assert_int_equal(child_end(&child), 0);
    image_of_pid(&image, child.pid);
    uint64_t done = image_counter(&image, "done");
    image_free(&image);
    if (done == 6)
        skip(); /* a kernel without MADV_WIPEONFORK */
    assert_int_equal(done, 4);
    assert_int_equal(place_count(), 2);
}

static bool is_over;

static void *work_on(void *argument)
{
    char name[32];
    for (int i = 0; !__atomic_load_n(&is_over, __ATOMIC_RELAXED); i++) {
        snprintf(name, sizeof(name), "name %d", i % 400);
        tacho_begin("busy");
        tacho_mark_id(tacho_id(name, TACHO_NAME_MARK, 0));
        tacho_end("busy");
    }
    return argument;
}

static int fork_amid_threads(void *argument)
{
    pthread_t threads[2];
    (void)argument;
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, work_on, NULL) == 0);
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            tacho_count_id(tacho_id("in the fork", TACHO_NAME_COUNTER, 0), 1);
            _exit(work(10) != 0 || tacho_status() != 0);
        }
        CHECK(wait_for(pid) == 0);
    }
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static void forks_amid_threads_find_nothing_half_done(void **state)
{
    struct image image;
    char names[64][256];
    (void)state;
    struct child child = child_start(fork_amid_threads, NULL);
    assert_int_equal(child_end(&child), 0);
    int count = place_list(names, 64);
    assert_int_equal(count, 21);
    for (int i = 0; i < count; i++) {
        image_read_name(&image, names[i]);
        if (image.header->pid != (uint32_t)child.pid) {
            assert_int_equal(image_counter(&image, "done"), 10);
            assert_int_equal(image_counter(&image, "in the fork"), 1);
            assert_int_equal(image_count(&image, "busy"), 0);
        }
        image_free(&image);
    }
}

/* ---- exec ---- */

static int execute_again(void *argument)
{
    (void)argument;
    CHECK(work(3) == 0);
    execl(program, program, "again", NULL);
    return errno == ENOEXEC ? 77 : 1;
}

static void exec_begins_anew(void **state)
{
    struct image image;
    char names[4][256];
    (void)state;
    struct child child = child_start(execute_again, NULL);
    int status = child_end(&child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("skipped: programs cannot be executed under emulation\n");
        skip();
    }
    assert_int_equal(status, 0);
    /* The same pid and start: the second is a copy of the name. */
    assert_int_equal(place_list(names, 4), 2);
    assert_memory_equal(names[1], names[0], strlen(names[0]));
    assert_string_equal(names[1] + strlen(names[0]), ".1");
    image_read_name(&image, names[0]);
    assert_int_equal(image.header->state, TACHO_SEGMENT_LIVE); /* exec, crash: nobody can tell */
    assert_int_equal(lock_holder(image.path), 0);
    assert_int_equal(image_counter(&image, "done"), 3);
    image_free(&image);
    image_read_name(&image, names[1]);
    assert_int_equal(image.header->state, TACHO_SEGMENT_CLOSED);
    assert_int_equal(image_counter(&image, "done"), 5);
    image_free(&image);
}

/* ---- ends ---- */

static int work_and_leave(void *argument)
{
    CHECK(work(1) == 0);
    if (*(bool *)argument)
        tacho_close();
    _exit(0);
}

static void leaving_by_exit_can_be_said(void **state)
{
    struct image image;
    bool is_closed = false;
    (void)state;
    struct child child = child_start(work_and_leave, &is_closed);
    assert_int_equal(child_end(&child), 0);
    image_of_pid(&image, child.pid);
    assert_int_equal(image.header->state, TACHO_SEGMENT_LIVE);
    image_free(&image);
    is_closed = true;
    child = child_start(work_and_leave, &is_closed);
    assert_int_equal(child_end(&child), 0);
    image_of_pid(&image, child.pid);
    assert_int_equal(image.header->state, TACHO_SEGMENT_CLOSED);
    image_free(&image);
}

static int work_amid_span(void *argument)
{
    (void)argument;
    CHECK(work(5) == 0);
    tacho_begin("stuck here");
    return 0;
}

static void killed_processes_leave_everything(void **state)
{
    struct image image;
    (void)state;
    struct child child = child_start(work_amid_span, NULL);
    child_await(&child);
    assert_int_equal(kill(child.pid, SIGKILL), 0);
    assert_int_equal(child_end(&child), SIGKILL);
    image_read(&image);
    assert_int_equal(image.header->state, TACHO_SEGMENT_LIVE);
    assert_int_equal(lock_holder(image.path), 0);
    assert_int_equal(image_counter(&image, "done"), 5);
    assert_int_equal(image_thread(&image, 0)->depth, 1);
    assert_int_equal(image_thread(&image, 0)->open[0].name, image_find(&image, "stuck here"));
    image_free(&image);
}

static int exit_amid_threads(void *argument)
{
    pthread_t thread;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&thread, NULL, work_on, argument) == 0);
    return work(1);
}

static void exit_amid_threads_is_an_end(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        run_in_child(exit_amid_threads, NULL);
    assert_int_equal(place_count(), 5);
}

/* ---- hosts with habits ---- */

/* As daemons do; and then another file gets our number. */
static int close_descriptors(void *argument)
{
    const char *other = argument;
    CHECK(work(1) == 0);
    close(100);
    int fd = open(other, O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0 && dup2(fd, 100) == 100);
    CHECK(futimens(100, (struct timespec[2]){{1000, 0}, {1000, 0}}) == 0);
    pid_t pid = fork();
    if (pid == 0)
        exit(fcntl(100, F_GETFD) < 0); /* it is not ours: the fork left it open */
    CHECK(wait_for(pid) == 0);
    return work(1);
}

static void a_reused_descriptor_is_left_alone(void **state)
{
    char other[128];
    struct stat status;
    struct image image;
    (void)state;
    snprintf(other, sizeof(other), "%s/other", place);
    run_in_child(close_descriptors, other);
    assert_int_equal(stat(other, &status), 0);
    assert_int_equal(status.st_mtime, 1000);
    assert_int_equal(status.st_size, 0);
    image_read(&image);
    assert_int_equal(image_counter(&image, "done"), 2);
    assert_int_equal(image.header->state, TACHO_SEGMENT_CLOSED);
    image_free(&image);
}

static int leave_root(void *argument)
{
    (void)argument;
    CHECK(work(1) == 0);
    CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    CHECK(work(1) == 0);
    tacho_mark("nobody");
    return 0;
}

static void leaving_root_changes_nothing(void **state)
{
    struct image image;
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root can leave root\n");
        skip();
    }
    run_in_child(leave_root, NULL);
    image_read(&image);
    assert_int_equal(image_counter(&image, "done"), 2);
    assert_int_equal(image.header->marks_used, 1);
    assert_int_equal(image.header->state, TACHO_SEGMENT_CLOSED);
    image_free(&image);
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 2 && strcmp(argv[1], "again") == 0)
        return work(5);
    const struct CMUnitTest tests[] = {
        PROBE_TEST(forks_have_segments_of_their_own),
        PROBE_TEST(forks_without_handlers_do_no_harm),
        PROBE_TEST(forks_amid_threads_find_nothing_half_done),
        PROBE_TEST(exec_begins_anew),
        PROBE_TEST(leaving_by_exit_can_be_said),
        PROBE_TEST(killed_processes_leave_everything),
        PROBE_TEST(exit_amid_threads_is_an_end),
        PROBE_TEST(a_reused_descriptor_is_left_alone),
        PROBE_TEST(leaving_root_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
