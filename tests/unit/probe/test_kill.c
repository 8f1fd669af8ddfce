/* test_kill.c: processes killed at random points, with a reader that follows the ring's protocol
 * while they write and after their death. TACHO_TEST_KILLS: how many (12).
 *
 * Every event says by itself whether it is whole: its beginning is a function of its duration and
 * name. Every thread keeps, in memory that outlives it, how far it came. */
#include "probe_support.h"

#include <sys/mman.h>

#define WRITERS 4

/* What a writer had finished for certain when it died. */
struct progress {
    _Alignas(128) uint64_t done;
};
static struct progress *progress;

static uint64_t mixed(uint64_t i, uint64_t writer)
{
    uint64_t x = i * 0x9e3779b97f4a7c15u + writer * 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    return (x * 0xd6e8feb86659fd93u) >> 20;
}

static const char *writer_name(int writer)
{
    static const char *const names[WRITERS] = {"writer 0", "writer 1", "writer 2", "writer 3"};
    return names[writer];
}

static void *write_for_ever(void *argument)
{
    int writer = *(int *)argument;
    uint32_t span = tacho_id(writer_name(writer), TACHO_NAME_SPAN, 0);
    for (uint64_t i = 1;; i++) {
        tacho_record_id(span, mixed(i, (uint64_t)writer) + i, i);
        tacho_count("done", 1);
        __atomic_store_n(&progress[writer].done, i, __ATOMIC_RELEASE);
        tacho_begin("nested");
        tacho_end("nested");
    }
    return NULL;
}

static int write_until_killed(void *argument)
{
    static int numbers[WRITERS] = {0, 1, 2, 3};
    pthread_t thread;
    (void)argument;
    for (int i = 0; i < WRITERS; i++)
        CHECK(pthread_create(&thread, NULL, write_for_ever, &numbers[i]) == 0);
    while (__atomic_load_n(&progress[WRITERS - 1].done, __ATOMIC_ACQUIRE) == 0)
        usleep(100);
    return 0;
}

/* ---- the reader ---- */

struct reading {
    uint64_t accepted, overtaken, torn;
};

struct map {
    uint8_t *base;
    size_t size;
    const struct tacho_segment_section *rings, *names;
};

static void map_open(struct map *map)
{
    char names[2][256], path[512];
    struct stat status;
    assert_int_equal(place_list(names, 2), 1);
    snprintf(path, sizeof(path), "%s/%.255s", place, names[0]);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    map->size = (size_t)status.st_size;
    map->base = mmap(NULL, map->size, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(map->base != MAP_FAILED);
    close(fd);
    struct image image = {.size = map->size,
                          .header = (const struct tacho_segment_header *)(void *)map->base};
    map->rings = image_section(&image, TACHO_SECTION_RINGS);
    map->names = image_section(&image, TACHO_SECTION_NAMES);
}

static void judge(const struct map *map, const struct tacho_segment_event *event,
                  struct reading *reading)
{
    const struct tacho_segment_name *name =
        (const struct tacho_segment_name *)(void *)(map->base + map->names->offset) + event->name;
    reading->accepted++;
    if (event->name >= map->names->count) {
        reading->torn++;
    } else if (memcmp(name->text, "writer ", 7) == 0) {
        if (event->begin_ns != mixed(event->duration_ns, (uint64_t)(name->text[7] - '0')))
            reading->torn++;
    } else if (event->begin_ns + event->duration_ns > mono_ns()) {
        reading->torn++;
    }
}

/* One event as tacho/segment.h prescribes; false: it was being written. */
static bool read_event(const struct tacho_segment_event *shared, uint64_t i,
                       struct tacho_segment_event *ret_event)
{
    if (__atomic_load_n(&shared->seq, __ATOMIC_ACQUIRE) != 2 * i + 2)
        return false;
    ret_event->begin_ns = __atomic_load_n(&shared->begin_ns, __ATOMIC_RELAXED);
    ret_event->duration_ns = __atomic_load_n(&shared->duration_ns, __ATOMIC_RELAXED);
    ret_event->name = __atomic_load_n(&shared->name, __ATOMIC_RELAXED);
#if !defined(__SANITIZE_THREAD__)
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
    return __atomic_load_n(&shared->seq, __ATOMIC_RELAXED) == 2 * i + 2;
}

static void read_rings(const struct map *map, struct reading *reading)
{
    for (uint32_t r = 0; r < map->rings->count; r++) {
        const struct tacho_segment_ring *ring =
            (const struct tacho_segment_ring *)(void *)(map->base + map->rings->offset +
                                                        r * map->rings->stride);
        uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
        for (uint64_t i = head > ring->count ? head - ring->count : 0; i < head; i++) {
            struct tacho_segment_event event;
            if (read_event(image_event(ring, i), i, &event))
                judge(map, &event, reading);
            else
                reading->overtaken++;
        }
    }
}

/* ---- after the death ---- */

/* Nothing is missing but what each thread was about, and nothing is there that was not written. */
static void expect_nothing_lost(void)
{
    struct image image;
    uint64_t done = 0;
    image_read(&image);
    for (int i = 0; i < WRITERS; i++) {
        uint64_t mine = progress[i].done, count = image_count(&image, writer_name(i));
        assert_in_range(count, mine, mine + 1);
        done += mine;
    }
    assert_in_range(image_counter(&image, "done"), done, done + WRITERS);
    for (uint32_t r = 0; r < image.header->rings_used; r++) {
        const struct tacho_segment_ring *ring = image_ring(&image, r);
        /* At most the last event of each ring is unfinished. */
        for (uint64_t i = ring->head > ring->count ? ring->head - ring->count + 1 : 0;
             i < ring->head; i++)
            assert_int_equal(image_event(ring, i)->seq, 2 * i + 2);
    }
    image_free(&image);
}

static void killed_at_random_points(void **state)
{
    const char *text = getenv("TACHO_TEST_KILLS");
    int kills = text ? atoi(text) : 12;
    uint64_t seed = (uint64_t)getpid();
    struct reading live = {0}, dead = {0};
    (void)state;
    progress = mmap(NULL, WRITERS * sizeof(*progress), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(progress != MAP_FAILED);
    for (int i = 0; i < kills; i++) {
        struct map map;
        memset(progress, 0, WRITERS * sizeof(*progress));
        struct child child = child_start(write_until_killed, NULL);
        child_await(&child);
        map_open(&map);
        uint64_t until_ns = mono_ns() + mixed(seed + (uint64_t)i, 9) % 20000000;
        do {
            read_rings(&map, &live);
        } while (mono_ns() < until_ns);
        assert_int_equal(kill(child.pid, SIGKILL), 0);
        assert_int_equal(child_end(&child), SIGKILL);
        read_rings(&map, &dead);
        expect_nothing_lost();
        munmap(map.base, map.size);
        assert_int_equal(place_teardown(NULL), 0);
        assert_int_equal(place_setup(NULL), 0);
    }
    munmap(progress, WRITERS * sizeof(*progress));
    print_message("%d kills: %llu events accepted live, %llu overtaken; %llu after death\n", kills,
                  (unsigned long long)live.accepted, (unsigned long long)live.overtaken,
                  (unsigned long long)dead.accepted);
    assert_true(live.accepted > 0);
    assert_true(dead.accepted > 0);
    assert_int_equal(live.torn, 0);
    assert_int_equal(dead.torn, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(killed_at_random_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
