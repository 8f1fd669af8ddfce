/* test_value.c: names, frames, counters, gauges, marks, tacho_measure. */
#include "probe_support.h"

#include <math.h>
#include <sys/mman.h>

/* ---- names ---- */

#define LONG_ASCII "0123456789012345678901234567890123456789012345678901234" /* 55 bytes */

static int intern_names(void *argument)
{
    (void)argument;
    uint32_t id = tacho_id("one", TACHO_NAME_SPAN, TACHO_NAME_WAIT);
    CHECK(id != 0);
    CHECK(tacho_id("one", TACHO_NAME_SPAN, 0) == id); /* it keeps its flags */
    CHECK(tacho_id("one", TACHO_NAME_COUNTER, 0) == 0);
    CHECK(TACHO_ID("one", TACHO_NAME_SPAN, 0) == id);
    CHECK(tacho_id("one more", TACHO_NAME_SPAN, 0) != id);
    CHECK(tacho_id("on", TACHO_NAME_SPAN, 0) != id);
    CHECK(tacho_id(NULL, TACHO_NAME_SPAN, 0) == 0);
    CHECK(tacho_id("", TACHO_NAME_SPAN, 0) == 0);
    CHECK(tacho_id("no kind", (enum tacho_name_kind)9, 0) == 0);
    /* Cut to what there is room for; names that agree so far are one. */
    CHECK(tacho_id(LONG_ASCII "a", TACHO_NAME_MARK, 0) ==
          tacho_id(LONG_ASCII "b", TACHO_NAME_MARK, 0));
    /* The 55th byte is within the last character (U+CE74, 3 bytes from the 54th). */
    CHECK(tacho_id("0123456789012345678901234567890123456789012345678901 \xec\xb9\xb4",
                   TACHO_NAME_MARK, 0) != 0);
    return 0;
}

static void names_are_interned(void **state)
{
    struct image image;
    (void)state;
    run_in_child(intern_names, NULL);
    image_read(&image);
    assert_int_equal(image.header->names_used, 5);
    assert_int_equal(image_name(&image, 0)->kind, TACHO_NAME_SPAN);
    assert_int_equal(image_name(&image, 0)->flags, TACHO_NAME_WAIT);
    assert_string_equal(image_name(&image, 3)->text, LONG_ASCII);
    assert_string_equal(image_name(&image, 4)->text,
                        "0123456789012345678901234567890123456789012345678901 ");
    assert_int_equal(image.header->dropped_names, 0);
    image_free(&image);
}

static int fill_names(void *argument)
{
    char name[32];
    (void)argument;
    for (int i = 0; i < 70; i++) {
        snprintf(name, sizeof(name), "counter %d", i);
        uint32_t id = tacho_id(name, i % 2 ? TACHO_NAME_COUNTER : TACHO_NAME_FRAME, 0);
        CHECK((id != 0) == (i < 64)); /* they share the columns */
    }
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "span %d", i);
        CHECK((tacho_id(name, TACHO_NAME_SPAN, 0) != 0) == (i < 512 - 64));
    }
    for (int i = 0; i < 100; i++)
        tacho_begin("no room"); /* this place asks once */
    CHECK(tacho_id("span 3", TACHO_NAME_SPAN, 0) != 0);
    return 0;
}

static void names_run_out(void **state)
{
    struct image image;
    (void)state;
    run_in_child(fill_names, NULL);
    image_read(&image);
    assert_int_equal(image.header->names_used, 512);
    assert_int_equal(image.header->dropped_names, 6 + 52 + 1);
    image_free(&image);
}

/* ---- counters and frames ---- */

static int record_counts(void *argument)
{
    (void)argument;
    tacho_count("bytes", 40);
    tacho_count("bytes", 2);
    tacho_dropped("lost", 3);
    tacho_work("images", 5);
    for (int i = 0; i < 11; i++)
        tacho_frame("camera0");
    tacho_frame("camera1");
    /* Ids of the wrong kind and invented ones change nothing. */
    tacho_count_id(TACHO_ID("camera0", TACHO_NAME_FRAME, 0), 1);
    tacho_frame_id(TACHO_ID("bytes", TACHO_NAME_COUNTER, 0));
    tacho_begin_id(TACHO_ID("bytes", TACHO_NAME_COUNTER, 0));
    tacho_count_id(0, 1);
    for (uint32_t id = 1; id != 0; id = id << 3 | 5) {
        tacho_begin_id(id);
        tacho_end_id(id);
        tacho_frame_id(id);
        tacho_count_id(id, 0);
        tacho_gauge_id(id, 1);
        tacho_mark_id(id);
        if (id > UINT32_MAX / 8)
            break;
    }
    return 0;
}

static void counters_add_up(void **state)
{
    struct image image;
    (void)state;
    run_in_child(record_counts, NULL);
    image_read(&image);
    assert_int_equal(image_counter(&image, "bytes"), 42);
    assert_int_equal(image_counter(&image, "lost"), 3);
    assert_int_equal(image_counter(&image, "images"), 5);
    assert_int_equal(image_counter(&image, "camera0"), 11);
    assert_int_equal(image_counter(&image, "camera1"), 1);
    assert_int_equal(image_name(&image, (uint64_t)image_find(&image, "lost"))->flags,
                     TACHO_NAME_DROPPED);
    assert_int_equal(image_name(&image, (uint64_t)image_find(&image, "images"))->flags,
                     TACHO_NAME_WORK);
    /* Times between frames: one less than there are frames. */
    assert_int_equal(image_count(&image, "camera0"), 10);
    assert_int_equal(image_count(&image, "camera1"), 0);
    assert_int_equal(image_count(&image, "bytes"), 0);
    image_free(&image);
}

static void *send_frames(void *argument)
{
    (void)argument;
    for (int i = 0; i < 500; i++)
        tacho_frame("shared camera");
    return NULL;
}

static int record_shared_camera(void *argument)
{
    pthread_t threads[3];
    (void)argument;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, send_frames, NULL) == 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static void one_camera_in_several_threads(void **state)
{
    struct image image;
    (void)state;
    run_in_child(record_shared_camera, NULL);
    image_read(&image);
    assert_int_equal(image_counter(&image, "shared camera"), 1500);
    assert_int_equal(image_count(&image, "shared camera"), 1499);
    image_free(&image);
}

/* ---- gauges ---- */

static void *set_gauge(void *argument)
{
    int thread = *(int *)argument;
    for (int i = 0; i <= 1000; i++)
        tacho_gauge("queue", (i % 2 ? 1 : -1) * (i * 4.0 + thread));
    return NULL;
}

static int record_gauges(void *argument)
{
    pthread_t threads[4];
    int numbers[4];
    (void)argument;
    tacho_gauge("never", NAN);
    tacho_gauge("once", -2.5);
    for (int i = 0; i < 4; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, set_gauge, &numbers[i]) == 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    tacho_gauge("queue", 7);
    return 0;
}

static void gauges_keep_their_extremes(void **state)
{
    struct image image;
    (void)state;
    run_in_child(record_gauges, NULL);
    image_read(&image);
    const struct tacho_segment_gauge *queue = image_gauge(&image, "queue");
    assert_int_equal(queue->count, 4 * 1001 + 1);
    assert_true(double_of(queue->value) == 7);
    assert_true(double_of(queue->largest) == 999 * 4 + 3);
    assert_true(double_of(queue->smallest) == -(1000 * 4 + 3));
    assert_in_range(queue->set_ns, image.header->created_ns, mono_ns());
    const struct tacho_segment_gauge *once = image_gauge(&image, "once");
    assert_int_equal(once->count, 1);
    assert_true(double_of(once->smallest) == -2.5 && double_of(once->largest) == -2.5);
    assert_int_equal(image_gauge(&image, "never")->count, 0);
    image_free(&image);
}

/* ---- marks ---- */

#define HOG_BYTES ((size_t)64 << 20)

static int record_marks(void *argument)
{
    (void)argument;
    tacho_mark("before");
    char *memory =
        mmap(NULL, HOG_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memset(memory, 1, HOG_BYTES);
    tacho_mark("after");
    munmap(memory, HOG_BYTES);
    for (int i = 0; i < 300; i++)
        tacho_mark("again");
    return 0;
}

static void marks_know_memory_and_time(void **state)
{
    struct image image;
    (void)state;
    run_in_child(record_marks, NULL);
    image_read(&image);
    assert_int_equal(image.header->marks_used, 256);
    assert_int_equal(image.header->dropped_marks, 302 - 256);
    const struct tacho_segment_mark *before = image_entry(&image, TACHO_SECTION_MARKS, 0);
    const struct tacho_segment_mark *after = image_entry(&image, TACHO_SECTION_MARKS, 1);
    assert_int_equal(before->ready, 1);
    assert_int_equal(before->name, image_find(&image, "before"));
    assert_int_equal(after->name, image_find(&image, "after"));
    assert_true(after->t_ns > before->t_ns);
    assert_true(after->cpu_ns > before->cpu_ns);
    assert_true(after->rss_bytes >= before->rss_bytes + HOG_BYTES / 2);
    image_free(&image);
}

/* ---- measure ---- */

static int touch(size_t bytes)
{
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memset(memory, 1, bytes);
    CHECK(munmap(memory, bytes) == 0);
    return 0;
}

static int measure_blocks(void *argument)
{
    struct tacho_measure begin;
    struct tacho_measured rising, below;
    (void)argument;
    tacho_measure_begin(&begin);
    CHECK(touch(HOG_BYTES) == 0);
    usleep(20000);
    tacho_measure_end(&begin, &rising);
    CHECK(rising.inference_time_s >= 0.02);
    CHECK(rising.is_peak_exact);
    CHECK(rising.peak_memory_mb >= 60); /* given back before the end, and seen all the same */
    CHECK(rising.memory_growth_mb < 32);
    CHECK(rising.cpu_percent > 0 && rising.cpu_percent < 100.0 * 1024);
    CHECK(rising.memory_percent > 0 && rising.memory_percent <= 100);

    tacho_measure_begin(&begin);
    CHECK(touch(HOG_BYTES / 8) == 0);
    tacho_measure_end(&begin, &below);
    CHECK(!below.is_peak_exact); /* below the peak of before: only the ends are known */
    CHECK(below.peak_memory_mb < 60);
    CHECK(strcmp(tacho_segment_path(), "") == 0);
    return 0;
}

/* One thread uses one core at most, however short the block: asking for the CPU time takes longer
 * than an empty one. */
static int measure_nothing(void *argument)
{
    struct tacho_measure begin;
    struct tacho_measured cost;
    double least = 1e9;
    (void)argument;
    for (int i = 0; i < 200; i++) {
        tacho_measure_begin(&begin);
        tacho_measure_end(&begin, &cost);
        least = cost.cpu_percent < least ? cost.cpu_percent : least;
    }
    CHECK(least <= 101);
    return 0;
}

static int measure_disabled(void *argument)
{
    setenv("TACHO_DISABLE", "1", 1);
    return measure_blocks(argument);
}

static void measures_blocks(void **state)
{
    (void)state;
    if (getenv("ASAN_OPTIONS") || getenv("TSAN_OPTIONS"))
        skip(); /* their shadow memory is no block's */
    run_in_child(measure_blocks, NULL);
    run_in_child(measure_disabled, NULL);
    run_in_child(measure_nothing, NULL);
    assert_int_equal(place_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(names_are_interned),
        PROBE_TEST(names_run_out),
        PROBE_TEST(counters_add_up),
        PROBE_TEST(one_camera_in_several_threads),
        PROBE_TEST(gauges_keep_their_extremes),
        PROBE_TEST(marks_know_memory_and_time),
        PROBE_TEST(measures_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
