/* test_thread.c: slots: more threads than there are, threads that come and go. */
#include "probe_support.h"

static void *record_once(void *argument)
{
    (void)argument;
    tacho_begin("work");
    tacho_end("work");
    tacho_count("done", 1);
    tacho_frame("camera");
    tacho_gauge("level", 1);
    tacho_mark("seen");
    return NULL;
}

/* ---- threads that end ---- */

static int churn(void *argument)
{
    int count = *(int *)argument;
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, record_once, NULL) == 0);
        pthread_join(thread, NULL);
    }
    return 0;
}

static void slots_are_handed_on(void **state)
{
    int count = 1000;
    struct image image;
    (void)state;
    run_in_child(churn, &count);
    image_read(&image);
    assert_int_equal(image_counter(&image, "done"), count);
    assert_int_equal(image_count(&image, "work"), count);
    assert_int_equal(image.header->hists_used, 2); /* of "work" and of "camera", in one slot */
    assert_int_equal(image.header->rings_used, 1);
    assert_int_equal(image.header->dropped_threads, 0);
    assert_int_equal(image_ring(&image, 0)->head, count);
    assert_int_equal(image_thread(&image, 0)->state, TACHO_THREAD_EXITED);
    assert_int_equal(image_thread(&image, 1)->state, TACHO_THREAD_FREE);
    image_free(&image);
}

static void *leave_open(void *argument)
{
    (void)argument;
    tacho_begin("never ended");
    tacho_begin("never ended");
    return NULL;
}

static int end_with_open_spans(void *argument)
{
    pthread_t thread;
    (void)argument;
    CHECK(pthread_create(&thread, NULL, leave_open, NULL) == 0);
    pthread_join(thread, NULL);
    return 0;
}

static void open_spans_end_with_their_thread(void **state)
{
    struct image image;
    (void)state;
    run_in_child(end_with_open_spans, NULL);
    image_read(&image);
    assert_int_equal(image_thread(&image, 0)->depth, 0);
    assert_int_equal(image_thread(&image, 0)->dropped_spans, 2);
    image_free(&image);
}

/* ---- threads without a slot ---- */

#define CROWD 80

static pthread_barrier_t crowd_is_there;

static void *record_in_crowd(void *argument)
{
    record_once(NULL);
    pthread_barrier_wait(&crowd_is_there); /* nobody ends before everybody came */
    for (int i = 0; i < 10; i++)
        tacho_count("done", 1);
    return argument;
}

static int crowd(void *argument)
{
    pthread_t threads[CROWD];
    (void)argument;
    CHECK(pthread_barrier_init(&crowd_is_there, NULL, CROWD) == 0);
    for (int i = 0; i < CROWD; i++)
        CHECK(pthread_create(&threads[i], NULL, record_in_crowd, NULL) == 0);
    for (int i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static void threads_beyond_the_slots_still_count(void **state)
{
    struct image image;
    (void)state;
    run_in_child(crowd, NULL);
    image_read(&image);
    assert_int_equal(image.header->dropped_threads, CROWD - 64);
    assert_int_equal(image_counter(&image, "done"), CROWD * 11);
    assert_int_equal(image_counter(&image, "camera"), CROWD);
    assert_int_equal(image_gauge(&image, "level")->count, CROWD);
    assert_int_equal(image.header->marks_used, CROWD);
    /* 64 threads with two names each, and 48 histograms; rings for the first eight. */
    assert_int_equal(image.header->hists_used, 48);
    assert_int_equal(image.header->rings_used, 8);
    image_free(&image);
}

static int name_the_thread(void *argument)
{
    (void)argument;
    CHECK(pthread_setname_np(pthread_self(), "worker 7") == 0);
    record_once(NULL);
    return 0;
}

static void slots_say_whose_they_are(void **state)
{
    struct image image;
    (void)state;
    struct child child = child_start(name_the_thread, NULL);
    assert_int_equal(child_end(&child), 0);
    image_read(&image);
    assert_string_equal(image_thread(&image, 0)->comm, "worker 7");
    assert_int_equal(image_thread(&image, 0)->tid, child.pid); /* its main thread */
    assert_int_equal(image_thread(&image, 0)->state, TACHO_THREAD_LIVE);
    image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(slots_are_handed_on),
        PROBE_TEST(open_spans_end_with_their_thread),
        PROBE_TEST(threads_beyond_the_slots_still_count),
        PROBE_TEST(slots_say_whose_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
