/* test_layout.c: the file itself: its layout to the byte, its name, its lock, its header. */
#include "probe_support.h"

/* Offsets counted by hand: readers in other languages are written from tacho/segment.h. */
#define AT(type, member, offset)                                                                   \
    assert_int_equal(offsetof(struct tacho_segment_##type, member), offset)

static void header_is_golden(void **state)
{
    (void)state;
    AT(header, magic, 0);
    AT(header, byte_order, 8);
    AT(header, major, 12);
    AT(header, minor, 14);
    AT(header, header_size, 16);
    AT(header, section_count, 20);
    AT(header, total_size, 24);
    AT(header, state, 32);
    AT(header, pid, 36);
    AT(header, uid, 40);
    AT(header, start_ticks, 48);
    AT(header, pid_namespace, 56);
    AT(header, created_ns, 64);
    AT(header, created_real_ns, 72);
    AT(header, closed_ns, 80);
    AT(header, span_cost_ps, 88);
    AT(header, dropped_names, 96);
    AT(header, dropped_threads, 104);
    AT(header, dropped_hists, 112);
    AT(header, dropped_marks, 120);
    AT(header, names_used, 128);
    AT(header, marks_used, 132);
    AT(header, hists_used, 136);
    AT(header, rings_used, 140);
    AT(header, program, 144);
    AT(header, sections, 208);
}

static void entries_are_golden(void **state)
{
    (void)state;
    AT(section, kind, 0);
    AT(section, count, 4);
    AT(section, offset, 8);
    AT(section, stride, 16);
    AT(name, kind, 0);
    AT(name, flags, 2);
    AT(name, slot, 4);
    AT(name, ready, 6);
    AT(name, text, 8);
    AT(thread, state, 0);
    AT(thread, tid, 4);
    AT(thread, ring, 8);
    AT(thread, depth, 12);
    AT(thread, dropped_spans, 16);
    AT(thread, comm, 32);
    AT(thread, open, 48);
    AT(open, name, 0);
    AT(open, begin_ns, 8);
    AT(gauge, count, 0);
    AT(gauge, value, 8);
    AT(gauge, smallest, 16);
    AT(gauge, largest, 24);
    AT(gauge, set_ns, 32);
    AT(mark, ready, 0);
    AT(mark, name, 4);
    AT(mark, t_ns, 8);
    AT(mark, rss_bytes, 16);
    AT(mark, cpu_ns, 24);
    AT(hist, owner, 0);
    AT(hist, name, 4);
    AT(hist, sum_ns, 8);
    AT(hist, min_ns, 16);
    AT(hist, max_ns, 24);
    AT(hist, errors, 32);
    AT(hist, over, 40);
    AT(hist, first_ns, 48);
    AT(hist, buckets, 64);
    AT(event, seq, 0);
    AT(event, begin_ns, 8);
    AT(event, duration_ns, 16);
    AT(event, name, 24);
    AT(event, flags, 28);
    AT(event, depth, 30);
    AT(ring, head, 0);
    AT(ring, count, 8);
    assert_int_equal(TACHO_SEGMENT_HIST_BUCKETS, 31 * 128);
}

static int record_little(void *argument)
{
    (void)argument;
    CHECK(strcmp(tacho_segment_path(), "") == 0);
    TACHO_SPAN("little")
    {
        tacho_count("things", 1);
    }
    CHECK(tacho_status() == 0);
    CHECK(strncmp(tacho_segment_path(), place, strlen(place)) == 0);
    return 0;
}

static void file_is_named_and_locked(void **state)
{
    struct child child = child_start(record_little, NULL);
    char names[2][256], prefix[64];
    struct stat status;
    (void)state;
    child_await(&child);
    assert_int_equal(place_list(names, 2), 1);
    snprintf(prefix, sizeof(prefix), "tacho.%u.%d.", (unsigned)geteuid(), (int)child.pid);
    assert_memory_equal(names[0], prefix, strlen(prefix));
    struct image image;
    image_read_name(&image, names[0]);
    assert_int_equal(stat(image.path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(lock_holder(image.path), child.pid);
    assert_int_equal(image.header->state, TACHO_SEGMENT_LIVE);
    assert_int_equal(image.header->closed_ns, 0);
    assert_int_equal(strtoull(names[0] + strlen(prefix), NULL, 10), image.header->start_ticks);
    image_free(&image);

    uint64_t before_ns = mono_ns();
    assert_int_equal(child_end(&child), 0);
    image_read(&image);
    assert_int_equal(lock_holder(image.path), 0);
    assert_int_equal(image.header->state, TACHO_SEGMENT_CLOSED);
    assert_in_range(image.header->closed_ns, before_ns, mono_ns());
    image_free(&image);
}

static void header_says_what_it_is(void **state)
{
    struct image image;
    struct stat status;
    uint64_t before_ns = mono_ns();
    (void)state;
    run_in_child(record_little, NULL);
    image_read(&image);
    const struct tacho_segment_header *header = image.header;
    assert_int_equal(header->byte_order, 0x01020304);
    assert_int_equal(header->major, 1);
    assert_int_equal(header->header_size, 400);
    assert_int_equal(header->total_size, image.size);
    assert_int_equal(header->uid, geteuid());
    assert_in_range(header->created_ns, before_ns, mono_ns());
    assert_in_range(header->created_real_ns / 1000000000, (uint64_t)time(NULL) - 60,
                    (uint64_t)time(NULL) + 1);
    if (stat("/proc/self/ns/pid", &status) == 0)
        assert_int_equal(header->pid_namespace, status.st_ino);
    assert_int_equal(strlen(header->program) > 0, 1);
    /* No span takes less than two readings of the clock, and a ms would be a mistake of units. */
    assert_in_range(header->span_cost_ps, 1000, 1000000000);
    /* Measuring the cost left no trace: one span, in the first histogram and ring. */
    assert_int_equal(image_count(&image, "little"), 1);
    assert_int_equal(header->hists_used, 1);
    assert_int_equal(header->rings_used, 1);
    assert_int_equal(image_ring(&image, 0)->head, 1);
    assert_int_equal(image_event(image_ring(&image, 0), 1)->seq, 0);
    assert_int_equal(image_hist(&image, 1)->min_ns, UINT64_MAX);
    image_free(&image);
}

static void sections_fit(void **state)
{
    static const struct {
        uint32_t kind, count;
        size_t entry;
    } want[] = {
        {TACHO_SECTION_NAMES, 512, sizeof(struct tacho_segment_name)},
        {TACHO_SECTION_THREADS, 64, sizeof(struct tacho_segment_thread)},
        {TACHO_SECTION_COUNTERS, 65, 64 * sizeof(uint64_t)},
        {TACHO_SECTION_GAUGES, 64, sizeof(struct tacho_segment_gauge)},
        {TACHO_SECTION_MARKS, 256, sizeof(struct tacho_segment_mark)},
        {TACHO_SECTION_HISTS, 48, sizeof(struct tacho_segment_hist)},
        {TACHO_SECTION_RINGS, 8,
         sizeof(struct tacho_segment_ring) + 4096 * sizeof(struct tacho_segment_event)},
    };
    struct image image;
    (void)state;
    run_in_child(record_little, NULL);
    image_read(&image);
    uint64_t end = image.header->header_size;
    assert_int_equal(image.header->section_count, 7);
    for (size_t i = 0; i < 7; i++) {
        const struct tacho_segment_section *section = image_section(&image, want[i].kind);
        assert_int_equal(section->count, want[i].count);
        assert_true(section->stride >= want[i].entry);
        assert_int_equal(section->stride % 8, 0);
        assert_int_equal(section->offset % 64, 0);
        assert_true(section->offset >= end); /* they do not overlap */
        end = section->offset + section->count * section->stride;
    }
    assert_true(end <= image.size);
    assert_true(image.size <= 4 << 20);
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(image_ring(&image, i)->count, 4096);
    image_free(&image);
}

static int record_with_sizes(void *argument)
{
    (void)argument;
    setenv("TACHO_SEGMENT_THREADS", "3", 1);
    setenv("TACHO_SEGMENT_HISTS", "1000000", 1);
    setenv("TACHO_SEGMENT_EVENTS", "100", 1);
    setenv("TACHO_SEGMENT_RINGS", "nonsense", 1);
    return record_little(NULL);
}

static void sizes_come_from_the_environment(void **state)
{
    struct image image;
    (void)state;
    run_in_child(record_with_sizes, NULL);
    image_read(&image);
    assert_int_equal(image_section(&image, TACHO_SECTION_THREADS)->count, 3);
    assert_int_equal(image_section(&image, TACHO_SECTION_HISTS)->count, 1024);
    assert_int_equal(image_section(&image, TACHO_SECTION_RINGS)->count, 8);
    assert_int_equal(image_ring(&image, 0)->count, 64);
    image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_is_golden),
        cmocka_unit_test(entries_are_golden),
        PROBE_TEST(file_is_named_and_locked),
        PROBE_TEST(header_says_what_it_is),
        PROBE_TEST(sections_fit),
        PROBE_TEST(sizes_come_from_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
