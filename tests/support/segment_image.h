/* segment_image.h: a small segment made by hand from include/tacho/segment.h alone, for tests of
 * the reader: nothing of libtacho and nothing of the reader is used. */
#ifndef TACHO_TESTS_SEGMENT_IMAGE_H
#define TACHO_TESTS_SEGMENT_IMAGE_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tacho/segment.h"

enum {
    IMAGE_NAMES = 8,
    IMAGE_THREADS = 2,
    IMAGE_COUNTERS = 8,
    IMAGE_GAUGES = 2,
    IMAGE_MARKS = 4,
    IMAGE_HISTS = 3,
    IMAGE_RINGS = 2,
    IMAGE_EVENTS = 8,
};

struct segment_image {
    struct tacho_segment_header header;
    struct tacho_segment_name names[IMAGE_NAMES];
    struct tacho_segment_thread threads[IMAGE_THREADS];
    uint64_t counters[IMAGE_THREADS + 1][IMAGE_COUNTERS];
    struct tacho_segment_gauge gauges[IMAGE_GAUGES];
    struct tacho_segment_mark marks[IMAGE_MARKS];
    struct tacho_segment_hist hists[IMAGE_HISTS];
    struct {
        struct tacho_segment_ring ring;
        struct tacho_segment_event events[IMAGE_EVENTS];
    } rings[IMAGE_RINGS];
};

static inline void image_section(struct segment_image *image, enum tacho_segment_kind kind,
                                 uint32_t count, const void *first, size_t stride)
{
    image->header.sections[image->header.section_count++] = (struct tacho_segment_section){
        .kind = kind,
        .count = count,
        .offset = (uint64_t)((const char *)first - (const char *)image),
        .stride = stride};
}

static inline void image_name(struct segment_image *image, uint32_t index, const char *text,
                              enum tacho_name_kind kind, unsigned flags, unsigned slot)
{
    struct tacho_segment_name *name = &image->names[index];
    *name = (struct tacho_segment_name){
        .kind = (uint8_t)kind, .flags = (uint16_t)flags, .slot = (uint16_t)slot, .ready = 1};
    size_t length = strlen(text);
    memcpy(name->text, text, length < sizeof(name->text) ? length : sizeof(name->text) - 1);
    if (image->header.names_used <= index)
        image->header.names_used = index + 1;
}

/* The bucket of a value, by its definition in tacho/segment.h. */
static inline size_t image_bucket(uint64_t value)
{
    unsigned e = 63;
    while (e > 7 && !(value >> e))
        e--;
    return (size_t)(e - 7) * 128 + (size_t)(value >> (e - 7));
}

static inline void image_value(struct segment_image *image, uint32_t hist, uint64_t value)
{
    struct tacho_segment_hist *at = &image->hists[hist];
    at->sum_ns += value;
    at->min_ns = value < at->min_ns ? value : at->min_ns;
    at->max_ns = value > at->max_ns ? value : at->max_ns;
    at->first_ns = at->first_ns ? at->first_ns : value;
    if (value >> TACHO_SEGMENT_HIST_TOP_BIT)
        at->over++;
    else
        at->buckets[image_bucket(value)]++;
}

static inline void image_hist(struct segment_image *image, uint32_t hist, uint32_t thread,
                              uint32_t name)
{
    image->hists[hist] =
        (struct tacho_segment_hist){.owner = thread + 1, .name = name, .min_ns = UINT64_MAX};
    if (image->header.hists_used <= hist)
        image->header.hists_used = hist + 1;
}

static inline void image_event(struct segment_image *image, uint32_t ring, uint32_t name,
                               uint64_t begin_ns, uint64_t duration_ns)
{
    uint64_t i = image->rings[ring].ring.head++;
    image->rings[ring].events[i % IMAGE_EVENTS] =
        (struct tacho_segment_event){.seq = 2 * i + 2,
                                     .begin_ns = begin_ns,
                                     .duration_ns = duration_ns,
                                     .name = name,
                                     .flags = TACHO_EVENT_OUTER};
}

static inline uint64_t image_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* Names: 0 "inference" (span), 1 "camera0" (frames, slot 0), 2 "lost" (counter, slot 1, DROPPED),
 * 3 "queue" (gauge, slot 0), 4 "after load" (mark), 5 "items" (counter, slot 2, WORK). Two threads,
 * the first within "inference" since 5 s. Freed by the caller. */
static inline struct segment_image *image_new(void)
{
    struct segment_image *image = calloc(1, sizeof(*image));
    if (!image)
        abort();
    struct tacho_segment_header *header = &image->header;
    memcpy(header->magic, TACHO_SEGMENT_MAGIC, sizeof(header->magic));
    header->byte_order = TACHO_SEGMENT_BYTE_ORDER;
    header->major = TACHO_SEGMENT_MAJOR;
    header->minor = TACHO_SEGMENT_MINOR;
    header->header_size = sizeof(*header);
    header->total_size = sizeof(*image);
    header->state = TACHO_SEGMENT_LIVE;
    header->pid = (uint32_t)getpid();
    header->uid = (uint32_t)geteuid();
    header->start_ticks = 4711;
    header->created_ns = 1000000000;
    header->span_cost_ps = 46000;
    memcpy(header->program, "pipeline", 9);
    image_section(image, TACHO_SECTION_NAMES, IMAGE_NAMES, image->names, sizeof(image->names[0]));
    image_section(image, TACHO_SECTION_THREADS, IMAGE_THREADS, image->threads,
                  sizeof(image->threads[0]));
    image_section(image, TACHO_SECTION_COUNTERS, IMAGE_THREADS + 1, image->counters,
                  sizeof(image->counters[0]));
    image_section(image, TACHO_SECTION_GAUGES, IMAGE_GAUGES, image->gauges,
                  sizeof(image->gauges[0]));
    image_section(image, TACHO_SECTION_MARKS, IMAGE_MARKS, image->marks, sizeof(image->marks[0]));
    image_section(image, TACHO_SECTION_HISTS, IMAGE_HISTS, image->hists, sizeof(image->hists[0]));
    image_section(image, TACHO_SECTION_RINGS, IMAGE_RINGS, image->rings, sizeof(image->rings[0]));
    image_name(image, 0, "inference", TACHO_NAME_SPAN, 0, 0);
    image_name(image, 1, "camera0", TACHO_NAME_FRAME, 0, 0);
    image_name(image, 2, "lost", TACHO_NAME_COUNTER, TACHO_NAME_DROPPED, 1);
    image_name(image, 3, "queue", TACHO_NAME_GAUGE, 0, 0);
    image_name(image, 4, "after load", TACHO_NAME_MARK, 0, 0);
    image_name(image, 5, "items", TACHO_NAME_COUNTER, TACHO_NAME_WORK, 2);
    image->threads[0] =
        (struct tacho_segment_thread){.state = TACHO_THREAD_LIVE,
                                      .tid = 100,
                                      .ring = 1,
                                      .depth = 1,
                                      .open = {{.name = 0, .begin_ns = 5000000000}}};
    image->threads[1] =
        (struct tacho_segment_thread){.state = TACHO_THREAD_EXITED, .tid = 101, .dropped_spans = 3};
    for (uint32_t i = 0; i < IMAGE_RINGS; i++)
        image->rings[i].ring.count = IMAGE_EVENTS;
    header->rings_used = IMAGE_RINGS;
    return image;
}

/* The first size bytes as an open file; -1 closes nothing. */
static inline int image_file(const void *data, size_t size)
{
    int fd = memfd_create("segment", MFD_CLOEXEC);
    if (fd < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    return fd;
}

#endif
