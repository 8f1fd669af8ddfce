#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/util.h"
#include "format/segment.h"
#include "segment_image.h"

#define MS 1000000ull

static struct segment *open_image(const struct segment_image *image)
{
    struct segment *segment = NULL;
    struct error err = {0};
    if (segment_open_fd(image_file(image, sizeof(*image)), &segment, &err) < 0)
        fail_msg("%s", err.message);
    return segment;
}

static const struct segment_channel *channel(const struct segment_view *view, const char *name)
{
    for (size_t i = 0; i < view->channel_count; i++) {
        if (strcmp(view->channels[i].name, name) == 0)
            return &view->channels[i];
    }
    fail_msg("no channel %s", name);
    return NULL;
}

/* ---- what is in it ---- */

static void tells_who_wrote_it(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    image->header.dropped_names = 7;
    struct segment *segment = open_image(image);
    const struct segment_view *view = segment_view(segment);
    assert_string_equal(view->program, "pipeline");
    assert_int_equal(view->pid, getpid());
    assert_int_equal(view->start_ticks, 4711);
    assert_int_equal(view->span_cost_ps, 46000);
    assert_int_equal(view->dropped_names, 7);
    assert_int_equal(view->dropped_spans, 3);
    assert_int_equal(view->threads, 1);
    assert_false(view->is_closed);
    assert_int_equal(segment_owner(segment), geteuid());
    segment_close(segment);
}

static void sums_what_the_threads_counted(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    image->counters[0][0] = 30; /* frames of the first thread */
    image->counters[1][0] = 12; /* of one that has ended */
    image->counters[2][0] = 5;  /* of those without a slot */
    image->counters[2][1] = 2;
    struct segment *segment = open_image(image);
    const struct segment_view *view = segment_view(segment);
    assert_int_equal(view->counters[channel(view, "camera0")->slot], 47);
    assert_int_equal(view->counters[channel(view, "lost")->slot], 2);
    assert_int_equal(channel(view, "lost")->flags, TACHO_NAME_DROPPED);
    segment_close(segment);
}

static void tells_gauges_and_marks(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    image->gauges[0] = (struct tacho_segment_gauge){.count = 4,
                                                    .value = image_bits(3),
                                                    .smallest = image_bits(-1.5),
                                                    .largest = image_bits(64),
                                                    .set_ns = 77};
    image->marks[0] = (struct tacho_segment_mark){
        .ready = 1, .name = 4, .t_ns = 6000, .rss_bytes = 1 << 20, .cpu_ns = 42};
    image->marks[1] = (struct tacho_segment_mark){.ready = 0, .name = 4}; /* being written */
    image->header.marks_used = 2;
    struct segment *segment = open_image(image);
    const struct segment_view *view = segment_view(segment);
    const struct segment_gauge *gauge = &view->gauges[channel(view, "queue")->slot];
    assert_true(gauge->has_value && gauge->value == 3 && gauge->smallest == -1.5);
    assert_true(gauge->largest == 64 && gauge->set_ns == 77);
    assert_int_equal(view->mark_count, 1);
    assert_int_equal(view->marks[0].rss_bytes, 1 << 20);
    assert_ptr_equal(&view->channels[view->marks[0].channel], channel(view, "after load"));
    segment_close(segment);
}

static void tells_the_spans_that_are_open(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    image->threads[0].depth = 3;
    image->threads[0].open[1] = (struct tacho_segment_open){.name = 99, .begin_ns = 1};
    image->threads[0].open[2] = (struct tacho_segment_open){.name = 0, .begin_ns = 5500000000};
    struct segment *segment = open_image(image);
    const struct segment_view *view = segment_view(segment);
    assert_int_equal(view->open_count, 2); /* the one in between names nothing */
    assert_int_equal(view->open[0].begin_ns, 5000000000);
    assert_int_equal(view->open[0].tid, 100);
    assert_int_equal(view->open[1].depth, 2);
    segment_close(segment);
}

/* ---- histograms ---- */

static void merges_the_threads_and_tells_an_interval(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    CLEANUP_FREE struct segment_hist *before = malloc(sizeof(*before));
    CLEANUP_FREE struct hist *hist = hist_new();
    image_hist(image, 0, 0, 0);
    image_hist(image, 1, 1, 0);
    for (uint64_t i = 1; i <= 100; i++)
        image_value(image, i % 2, i * MS);
    image->hists[1].errors = 2;
    int fd = image_file(image, sizeof(*image));
    struct segment *segment = NULL;
    assert_int_equal(segment_open_fd(dup(fd), &segment, NULL), 0);
    const struct segment_view *view = segment_view(segment);
    assert_int_equal(channel(view, "inference")->hist, 1);
    assert_int_equal(view->hists[0].count, 100);
    assert_int_equal(view->hists[0].errors, 2);
    assert_int_equal(segment_hist_between(&view->hists[0], NULL, hist), 5050 * MS);
    assert_int_equal(hist->count, 100);
    assert_true(hist->min == MS && hist->max == 100 * MS);
    assert_true(fabs(hist_mean(hist) - 50.5 * MS) < 1);
    /* Of 1 to 100: sqrt(101 * 100 / 12). */
    assert_true(fabs(hist_std(hist) - sqrt(841.0 + 2.0 / 3) * MS) < 0.2 * MS);
    /* Type 7 of 1..100 ms, within the histogram's error. */
    assert_true(fabs(hist_quantile(hist, 0.99) / MS - 99.01) < 99.01 / 256 + 0.4);

    *before = view->hists[0];
    image_value(image, 0, 200 * MS);
    image_value(image, 1, 210 * MS);
    assert_int_equal(pwrite(fd, image, sizeof(*image), 0), sizeof(*image));
    assert_int_equal(segment_read(segment, NULL), 0);
    assert_int_not_equal(view->hists[0].generation, before->generation);
    assert_int_equal(segment_hist_between(&view->hists[0], before, hist), 410 * MS);
    assert_int_equal(hist->count, 2);
    assert_int_equal(hist->max, 210 * MS); /* a new extreme is exact */
    assert_true(hist->min <= 200 * MS && hist->min > 198 * MS);

    *before = view->hists[0];
    assert_int_equal(segment_read(segment, NULL), 0);
    assert_int_equal(view->hists[0].generation, before->generation); /* nothing moved */
    assert_int_equal(segment_hist_between(&view->hists[0], before, hist), 0);
    assert_int_equal(hist->count, 0);
    segment_close(segment);
    close(fd);
}

/* A value of 0 moves neither the sum nor the extremes of a histogram that has one already. */
static void sees_a_value_of_nothing(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    image_hist(image, 0, 0, 0);
    image_value(image, 0, 0);
    int fd = image_file(image, sizeof(*image));
    struct segment *segment = NULL;
    assert_int_equal(segment_open_fd(dup(fd), &segment, NULL), 0);
    image_value(image, 0, 0);
    assert_int_equal(pwrite(fd, image, sizeof(*image), 0), sizeof(*image));
    assert_int_equal(segment_read(segment, NULL), 0);
    assert_int_equal(segment_view(segment)->hists[0].count, 2);
    segment_close(segment);
    close(fd);
}

static void counts_what_is_too_large_for_a_bucket(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    CLEANUP_FREE struct hist *hist = hist_new();
    image_hist(image, 0, 0, 0);
    image_value(image, 0, 10 * MS);
    image_value(image, 0, 300000 * MS); /* five minutes */
    struct segment *segment = open_image(image);
    const struct segment_hist *now = &segment_view(segment)->hists[0];
    assert_int_equal(now->count, 2);
    assert_int_equal(now->over, 1);
    segment_hist_between(now, NULL, hist);
    assert_int_equal(hist->count, 2);
    assert_int_equal(hist->max, 300000 * MS);
    assert_int_equal(hist_count_above(hist, 100000 * MS), 1);
    segment_close(segment);
}

/* ---- names that come while it runs ---- */

static void sees_names_as_they_come(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    image_name(image, 6, "decode", TACHO_NAME_SPAN, 0, 0);
    image->names[6].ready = 0; /* being written */
    image_hist(image, 0, 0, 6);
    image_value(image, 0, MS);
    int fd = image_file(image, sizeof(*image));
    struct segment *segment = NULL;
    assert_int_equal(segment_open_fd(dup(fd), &segment, NULL), 0);
    const struct segment_view *view = segment_view(segment);
    assert_int_equal(view->channel_count, 7);
    assert_string_equal(view->channels[6].name, "");
    assert_int_equal(view->hist_count, 0);
    image->names[6].ready = 1;
    assert_int_equal(pwrite(fd, image, sizeof(*image), 0), sizeof(*image));
    assert_int_equal(segment_read(segment, NULL), 0);
    assert_string_equal(view->channels[6].name, "decode");
    assert_int_equal(view->hists[view->channels[6].hist - 1].count, 1);
    segment_close(segment);
    close(fd);
}

static void leaves_out_names_that_name_nothing(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    image_name(image, 5, "no such slot", TACHO_NAME_COUNTER, 0, IMAGE_COUNTERS);
    image_name(image, 6, "no such gauge", TACHO_NAME_GAUGE, 0, IMAGE_GAUGES);
    image_name(image, 7, "of a later version", (enum tacho_name_kind)200, 0, 0);
    memset(image->names[0].text, 'x', sizeof(image->names[0].text)); /* without an end */
    image->names[1].text[0] = '\033';
    image->header.names_used = UINT32_MAX;
    struct segment *segment = open_image(image);
    const struct segment_view *view = segment_view(segment);
    assert_int_equal(view->channel_count, IMAGE_NAMES);
    for (size_t i = 5; i < 8; i++)
        assert_string_equal(view->channels[i].name, "");
    assert_int_equal(strlen(view->channels[0].name), TACHO_SEGMENT_NAME_BYTES - 1);
    assert_null(strchr(view->channels[1].name, '\033'));
    segment_close(segment);
}

/* ---- events ---- */

static void takes_events_in_order_and_counts_gaps(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    struct segment_event events[32];
    uint64_t lost = 99;
    for (uint64_t i = 0; i < 3; i++) {
        image_event(image, 0, 0, 100 * i, 50);
        image_event(image, 1, 0, 100 * i + 10, 50);
    }
    int fd = image_file(image, sizeof(*image));
    struct segment *segment = NULL;
    assert_int_equal(segment_open_fd(dup(fd), &segment, NULL), 0);
    assert_int_equal(segment_take_events(segment, events, ARRAY_LEN(events), &lost, NULL), 6);
    assert_int_equal(lost, 0);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(events[i].ring, i % 2);
    assert_int_equal(segment_take_events(segment, events, ARRAY_LEN(events), &lost, NULL), 0);

    for (uint64_t i = 0; i < IMAGE_EVENTS + 4; i++) /* four are overwritten before anybody looks */
        image_event(image, 0, 0, 1000 + i, 1);
    image->rings[0].events[0].seq++; /* and one is being written */
    assert_int_equal(pwrite(fd, image, sizeof(*image), 0), sizeof(*image));
    assert_int_equal(segment_take_events(segment, events, ARRAY_LEN(events), &lost, NULL), 7);
    assert_int_equal(lost, 5);
    segment_close(segment);
    close(fd);
}

static void takes_as_many_events_as_there_is_room_for(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    struct segment_event events[4];
    uint64_t lost;
    for (uint64_t i = 0; i < 6; i++)
        image_event(image, 0, 0, i, 1);
    struct segment *segment = open_image(image);
    assert_int_equal(segment_take_events(segment, events, 4, &lost, NULL), 4);
    assert_int_equal(segment_take_events(segment, events, 4, &lost, NULL), 2);
    assert_int_equal(events[1].begin_ns, 5);
    assert_int_equal(lost, 0);
    segment_close(segment);
}

/* ---- life ---- */

static void knows_whether_its_program_lives(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    char path[] = "/tmp/test_segment.XXXXXX";
    int fd = mkstemp(path), ready[2];
    struct segment *segment = NULL;
    assert_true(fd >= 0 && pipe(ready) == 0);
    assert_int_equal(pwrite(fd, image, sizeof(*image), 0), sizeof(*image));
    pid_t child = fork();
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_len = 1};
        char byte = fcntl(fd, F_SETLK, &lock) == 0;
        if (write(ready[1], &byte, 1) == 1)
            pause();
        _exit(0);
    }
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 1);
    assert_int_equal(segment_open(path, &segment, NULL), 0);
    assert_int_equal(segment_life(segment, NULL, 0), SEGMENT_LIVE);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(segment_life(segment, NULL, 0), SEGMENT_CRASHED);
    image->header.state = TACHO_SEGMENT_CLOSED;
    image->header.closed_ns = 9;
    assert_int_equal(pwrite(fd, image, sizeof(*image), 0), sizeof(*image));
    assert_int_equal(segment_read(segment, NULL), 0);
    assert_int_equal(segment_life(segment, NULL, 0), SEGMENT_ENDED);
    assert_int_equal(segment_view(segment)->closed_ns, 9);
    assert_string_equal(segment_life_name(SEGMENT_ENDED), "ended");
    segment_close(segment);
    close(ready[0]);
    close(ready[1]);
    close(fd);
    unlink(path);
}

/* ---- what is refused ---- */

static int open_code(const struct segment_image *image, char *message, size_t size)
{
    struct segment *segment = NULL;
    struct error err = {0};
    int rc = segment_open_fd(image_file(image, sizeof(*image)), &segment, &err);
    segment_close(segment);
    snprintf(message, size, "%s", err.message);
    return rc;
}

static void refuses_what_it_cannot_read(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    char message[384];
    image->header.major = 2;
    assert_int_equal(open_code(image, message, sizeof(message)), -ERROR_VERSION);
    assert_non_null(strstr(message, "version 2.0"));
    image->header.major = 1;
    image->header.byte_order = 0x04030201;
    assert_int_equal(open_code(image, message, sizeof(message)), -ERROR_VERSION);
    image->header.byte_order = TACHO_SEGMENT_BYTE_ORDER;
    image->header.state = TACHO_SEGMENT_BUILDING;
    assert_int_equal(open_code(image, message, sizeof(message)), -ERROR_BUSY);
    image->header.state = TACHO_SEGMENT_LIVE;
    image->header.magic[4]++;
    assert_int_equal(open_code(image, message, sizeof(message)), -ERROR_INPUT);
    image->header.magic[4]--;
    image->header.total_size++;
    assert_int_equal(open_code(image, message, sizeof(message)), -ERROR_INPUT);
    image->header.total_size--;
    image->header.minor = 7; /* of a later minor version: fine */
    assert_int_equal(open_code(image, message, sizeof(message)), 0);
    assert_int_equal(segment_open("/dev/null", &(struct segment *){NULL}, NULL), -ERROR_INPUT);
    assert_int_equal(segment_open("/no/such/segment", &(struct segment *){NULL}, NULL),
                     -ERROR_ABSENT);
}

/* Sections that lie outside the file, overlap its end, or wrap around. */
static void refuses_sections_that_are_not_in_the_file(void **state)
{
    (void)state;
    static const uint64_t wild[] = {0,
                                    8,
                                    sizeof(struct segment_image),
                                    UINT64_MAX - 7,
                                    1ull << 63,
                                    sizeof(struct segment_image) - 8};
    for (size_t section = 0; section < 7; section++) {
        for (size_t i = 0; i < ARRAY_LEN(wild); i++) {
            CLEANUP_FREE struct segment_image *image = image_new();
            char message[384];
            image->header.sections[section].offset = wild[i];
            assert_int_equal(open_code(image, message, sizeof(message)), -ERROR_INPUT);
            assert_true(message[0] != '\0');
        }
        CLEANUP_FREE struct segment_image *image = image_new();
        char message[384];
        image->header.sections[section].count = UINT32_MAX;
        assert_int_equal(open_code(image, message, sizeof(message)), -ERROR_INPUT);
        image->header.sections[section].count = 1;
        image->header.sections[section].stride = 0;
        assert_int_equal(open_code(image, message, sizeof(message)), -ERROR_INPUT);
        image->header.sections[section].stride = UINT64_MAX - 7;
        assert_int_equal(open_code(image, message, sizeof(message)), -ERROR_INPUT);
    }
}

static void use(struct segment *segment)
{
    struct segment_event events[16];
    uint64_t lost;
    CLEANUP_FREE struct hist *hist = hist_new();
    const struct segment_view *view = segment_view(segment);
    segment_read(segment, NULL);
    segment_take_events(segment, events, ARRAY_LEN(events), &lost, NULL);
    for (size_t i = 0; i < view->hist_count; i++) {
        assert_true(view->hists[i].channel < view->channel_count);
        segment_hist_between(&view->hists[i], NULL, hist);
        if (hist->count > 0)
            assert_true(hist->min <= hist->max);
    }
    for (size_t i = 0; i < view->channel_count; i++)
        assert_true(strlen(view->channels[i].name) < TACHO_SEGMENT_NAME_BYTES);
}

/* Cut to every multiple of 64 bytes: before it is opened, and while it is open. */
static void survives_a_file_that_is_cut(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    image_hist(image, 0, 0, 0);
    image_value(image, 0, MS);
    image_event(image, 0, 0, 1, MS);
    for (size_t size = 0; size < sizeof(*image); size += 64) {
        struct segment *segment = NULL;
        struct error err = {0};
        int fd = image_file(image, sizeof(*image));
        assert_int_equal(ftruncate(fd, (off_t)size), 0);
        int rc = segment_open_fd(dup(fd), &segment, &err);
        assert_int_equal(rc, size == 0 ? -ERROR_BUSY : -ERROR_INPUT);
        assert_int_equal(pwrite(fd, image, sizeof(*image), 0), sizeof(*image));
        assert_int_equal(segment_open_fd(dup(fd), &segment, NULL), 0);
        assert_int_equal(ftruncate(fd, (off_t)size), 0);
        assert_int_equal(segment_read(segment, &err), -ERROR_IO);
        use(segment);
        segment_close(segment);
        close(fd);
    }
}

/* Every byte of all but the buckets takes every value that differs in one bit, and some more. */
static void survives_flipped_bits(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    image_hist(image, 0, 0, 0);
    image_value(image, 0, MS);
    image_event(image, 0, 0, 1, MS);
    image->gauges[0].count = 1;
    image->marks[0].ready = image->header.marks_used = 1;
    image->marks[0].name = 4;
    int fd = image_file(image, sizeof(*image));
    uint8_t *bytes = (uint8_t *)image;
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof(*image); i++) {
        if (i > offsetof(struct segment_image, hists[0].buckets[2]) &&
            i < offsetof(struct segment_image, rings))
            i += 997;
        random = random * 1664525 + 1013904223;
        uint8_t wrong = (uint8_t)(i % 3 == 0 ? 0xff : bytes[i] ^ (1u << (random >> 29)));
        struct segment *segment = NULL;
        assert_int_equal(pwrite(fd, &wrong, 1, (off_t)i), 1);
        if (segment_open_fd(dup(fd), &segment, NULL) == 0)
            use(segment);
        segment_close(segment);
        /* And back: the view of one that was opened while it was wrong stays sound. */
        assert_int_equal(pwrite(fd, &bytes[i], 1, (off_t)i), 1);
    }
    close(fd);
}

static void accepts_a_file_that_has_grown(void **state)
{
    (void)state;
    CLEANUP_FREE struct segment_image *image = image_new();
    int fd = image_file(image, sizeof(*image));
    struct segment *segment = NULL;
    assert_int_equal(ftruncate(fd, (off_t)sizeof(*image) + 12345), 0);
    assert_int_equal(segment_open_fd(dup(fd), &segment, NULL), 0);
    assert_int_equal(ftruncate(fd, (off_t)sizeof(*image) * 3), 0);
    assert_int_equal(segment_read(segment, NULL), 0);
    segment_close(segment);
    close(fd);
}

/* ---- names of files ---- */

static void reads_the_names_of_files(void **state)
{
    (void)state;
    uint32_t uid;
    pid_t pid;
    uint64_t start;
    unsigned copy;
    assert_true(segment_name_parse("tacho.1000.42.987654321", &uid, &pid, &start, &copy));
    assert_true(uid == 1000 && pid == 42 && start == 987654321 && copy == 0);
    assert_true(segment_name_parse("tacho.0.1.0.9", &uid, &pid, &start, &copy));
    assert_int_equal(copy, 9);
    static const char *const others[] = {"tacho",
                                         "tacho.1",
                                         "tacho.1.2",
                                         "tacho.1.2.3.",
                                         "tacho.1.2.3.10",
                                         "tacho.1.2.3.x",
                                         "tacho.1.0.3",
                                         "tacho.-1.2.3",
                                         "tacho. 1.2.3",
                                         "tacho.1.2.3.4.5",
                                         "acho.1.2.3",
                                         "tacho.1.2.3.4\n",
                                         "tacho.4294967296.2.3",
                                         "tacho.1.2147483648.3",
                                         "tacho.1.2.18446744073709551616"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(segment_name_parse(others[i], &uid, &pid, &start, &copy));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_who_wrote_it),
        cmocka_unit_test(sums_what_the_threads_counted),
        cmocka_unit_test(tells_gauges_and_marks),
        cmocka_unit_test(tells_the_spans_that_are_open),
        cmocka_unit_test(merges_the_threads_and_tells_an_interval),
        cmocka_unit_test(sees_a_value_of_nothing),
        cmocka_unit_test(counts_what_is_too_large_for_a_bucket),
        cmocka_unit_test(sees_names_as_they_come),
        cmocka_unit_test(leaves_out_names_that_name_nothing),
        cmocka_unit_test(takes_events_in_order_and_counts_gaps),
        cmocka_unit_test(takes_as_many_events_as_there_is_room_for),
        cmocka_unit_test(knows_whether_its_program_lives),
        cmocka_unit_test(refuses_what_it_cannot_read),
        cmocka_unit_test(refuses_sections_that_are_not_in_the_file),
        cmocka_unit_test(survives_a_file_that_is_cut),
        cmocka_unit_test(survives_flipped_bits),
        cmocka_unit_test(accepts_a_file_that_has_grown),
        cmocka_unit_test(reads_the_names_of_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
