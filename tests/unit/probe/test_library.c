/* test_library.c: the shared library: loaded late, closed early, beside another copy of itself; and
 * what a C++ program makes of the headers. */
#include "probe_support.h"

#include <dlfcn.h>

typedef uint32_t id_function(const char *, enum tacho_name_kind, unsigned);
typedef void count_function(uint32_t, uint64_t);

static void *library;
static pthread_barrier_t closed;

/* A thread that has a slot of the library when that is closed, and ends afterwards. */
static void *outlive_library(void *argument)
{
    id_function *id = (id_function *)dlsym(library, "tacho_id");
    count_function *count = (count_function *)dlsym(library, "tacho_count_id");
    if (id && count)
        count(id("in the library", TACHO_NAME_COUNTER, 0), 2);
    pthread_barrier_wait(&closed);
    pthread_barrier_wait(&closed);
    return argument;
}

static int load_and_close(void *argument)
{
    pthread_t thread;
    (void)argument;
    tacho_count("in the program", 1);
    CHECK(tacho_status() == 0);
    library = dlopen(TACHO_TEST_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    CHECK(library);
    CHECK(pthread_barrier_init(&closed, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, outlive_library, NULL) == 0);
    pthread_barrier_wait(&closed);
    CHECK(dlclose(library) == 0);
    pthread_barrier_wait(&closed);
    pthread_join(thread, NULL);
    tacho_count("in the program", 1);
    return 0;
}

static void two_copies_live_side_by_side(void **state)
{
    char names[4][256];
    struct image images[2];
    (void)state;
    run_in_child(load_and_close, NULL);
    assert_int_equal(place_list(names, 4), 2);
    for (int i = 0; i < 2; i++)
        image_read_name(&images[i], names[i]);
    /* The program's has the plain name, unless (under emulation) each thread has its own start. */
    int program = image_find(&images[0], "in the program") < 0;
    if (images[0].header->start_ticks == images[1].header->start_ticks) {
        assert_int_equal(program, 0);
        assert_string_equal(names[1] + strlen(names[0]), ".1");
    }
    assert_int_equal(image_counter(&images[program], "in the program"), 2);
    assert_int_equal(image_find(&images[program], "in the library"), -1);
    assert_int_equal(image_counter(&images[!program], "in the library"), 2);
    assert_int_equal(image_thread(&images[!program], 0)->state, TACHO_THREAD_EXITED);
    for (int i = 0; i < 2; i++)
        image_free(&images[i]);
}

static void cplusplus_programs_record(void **state)
{
    (void)state;
#ifndef TACHO_TEST_CPLUSPLUS
    print_message("skipped: no C++ compiler was here\n");
    skip();
#else
    struct image image;
    pid_t pid = fork();
    if (pid == 0) {
        execl(TACHO_TEST_CPLUSPLUS, TACHO_TEST_CPLUSPLUS, (char *)NULL);
        _exit(77);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    image_read(&image);
    assert_int_equal(image_count(&image, "outer"), 1);
    assert_int_equal(image_count(&image, "thrown through"), 1);
    assert_int_equal(image_count(&image, "lambda"), 2);
    assert_int_equal(image_counter(&image, "caught"), 1);
    assert_int_equal(image_thread(&image, 0)->depth, 0);
    assert_int_equal(image_thread(&image, 0)->dropped_spans, 0);
    image_free(&image);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(two_copies_live_side_by_side),
        PROBE_TEST(cplusplus_programs_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
