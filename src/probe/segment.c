/* segment.c: makes the file of this process and lays it out (tacho/segment.h). */
#include "probe/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK                                                                            \
    18 /* Linux 4.14; older kernels refuse it, then only pthread_atfork tells                      \
        */
#endif

#define SAME_NAME_MAX 9    /* tacho.UID.PID.START.1 to .9 */
#define DESCRIPTOR_MIN 100 /* out of the way of programs that count on low ones */

/* ---- sizes ---- */

/* The defaults make 2.8 MB: Docker's /dev/shm has 64 MB. */
static const struct size_row {
    const char *variable;
    uint32_t initial, largest;
    size_t member;
} size_rows[] = {
    {"TACHO_SEGMENT_NAMES", 512, PROBE_NAMES_MAX, offsetof(struct probe_sizes, names)},
    {"TACHO_SEGMENT_THREADS", 64, 4096, offsetof(struct probe_sizes, threads)},
    {"TACHO_SEGMENT_COUNTERS", 64, 1024, offsetof(struct probe_sizes, counters)},
    {"TACHO_SEGMENT_GAUGES", 64, 1024, offsetof(struct probe_sizes, gauges)},
    {"TACHO_SEGMENT_MARKS", 256, 65536, offsetof(struct probe_sizes, marks)},
    {"TACHO_SEGMENT_HISTS", 48, 1024, offsetof(struct probe_sizes, hists)},
    {"TACHO_SEGMENT_RINGS", 8, 256, offsetof(struct probe_sizes, rings)},
    {"TACHO_SEGMENT_EVENTS", 4096, 65536, offsetof(struct probe_sizes, events)},
};

void probe_sizes_read(struct probe_sizes *ret_sizes)
{
    for (size_t i = 0; i < sizeof(size_rows) / sizeof(size_rows[0]); i++) {
        const struct size_row *row = &size_rows[i];
        const char *text = secure_getenv(row->variable);
        unsigned long value = text ? strtoul(text, NULL, 10) : 0;
        if (value == 0)
            value = row->initial;
        if (value > row->largest)
            value = row->largest;
        *(uint32_t *)(void *)((char *)ret_sizes + row->member) = (uint32_t)value;
    }
    /* A power of two, so that an event's place in its ring needs no division. */
    ret_sizes->events = 1u << (31 - __builtin_clz(ret_sizes->events));
}

/* ---- layout ---- */

/* 128: neighbours of different threads share neither a cache line nor the one fetched with it. */
static uint64_t align(uint64_t offset)
{
    return (offset + 127) & ~(uint64_t)127;
}

static uint64_t place(struct probe_layout *layout, uint64_t count, uint64_t stride)
{
    uint64_t offset = layout->total;
    layout->total = align(offset + count * stride);
    return offset;
}

static void layout_make(const struct probe_sizes *sizes, struct probe_layout *layout)
{
    *layout = (struct probe_layout){
        .thread_stride = align(sizeof(struct tacho_segment_thread)),
        .counter_stride = align(sizes->counters * sizeof(uint64_t)),
        .gauge_stride = 64,
        .hist_stride = align(sizeof(struct tacho_segment_hist)),
        .ring_stride = align(sizeof(struct tacho_segment_ring) +
                             sizes->events * sizeof(struct tacho_segment_event)),
        .total = align(sizeof(struct tacho_segment_header)),
    };
    layout->names = place(layout, sizes->names, sizeof(struct tacho_segment_name));
    layout->threads = place(layout, sizes->threads, layout->thread_stride);
    layout->counters = place(layout, sizes->threads + 1u, layout->counter_stride);
    layout->gauges = place(layout, sizes->gauges, layout->gauge_stride);
    layout->marks = place(layout, sizes->marks, sizeof(struct tacho_segment_mark));
    layout->hists = place(layout, sizes->hists, layout->hist_stride);
    layout->rings = place(layout, sizes->rings, layout->ring_stride);
}

static void sections_fill(void)
{
    const struct probe_layout *layout = &probe.layout;
    const struct probe_sizes *sizes = &probe.sizes;
    const struct tacho_segment_section sections[] = {
        {TACHO_SECTION_NAMES, sizes->names, layout->names, sizeof(struct tacho_segment_name)},
        {TACHO_SECTION_THREADS, sizes->threads, layout->threads, layout->thread_stride},
        {TACHO_SECTION_COUNTERS, sizes->threads + 1, layout->counters, layout->counter_stride},
        {TACHO_SECTION_GAUGES, sizes->gauges, layout->gauges, layout->gauge_stride},
        {TACHO_SECTION_MARKS, sizes->marks, layout->marks, sizeof(struct tacho_segment_mark)},
        {TACHO_SECTION_HISTS, sizes->hists, layout->hists, layout->hist_stride},
        {TACHO_SECTION_RINGS, sizes->rings, layout->rings, layout->ring_stride},
    };
    _Static_assert(sizeof(sections) <= sizeof(probe.header->sections), "room for all");
    memcpy(probe.header->sections, sections, sizeof(sections));
    probe.header->section_count = sizeof(sections) / sizeof(sections[0]);
}

/* ---- the file ---- */

/* Writes the path into probe.path. A relative directory is made absolute: the program may go
 * elsewhere. */
static int path_make(const char *directory, int copy)
{
    char here[PATH_MAX] = "", suffix[16] = "";
    if (directory[0] != '/' && !getcwd(here, sizeof(here)))
        return errno;
    if (copy > 0)
        snprintf(suffix, sizeof(suffix), ".%d", copy);
    int length = snprintf(probe.path, sizeof(probe.path), "%s%s%s/tacho.%u.%d.%llu%s", here,
                          here[0] ? "/" : "", directory, (unsigned)geteuid(), (int)getpid(),
                          (unsigned long long)probe_start_ticks(), suffix);
    return length < 0 || (size_t)length >= sizeof(probe.path) ? ENAMETOOLONG : 0;
}

/* Opens a new file; its descriptor in *ret_fd. */
static int file_create(const char *directory, int *ret_fd)
{
    int fd = -1;
    for (int copy = 0; fd < 0 && copy <= SAME_NAME_MAX; copy++) {
        int rc = path_make(directory, copy);
        if (rc != 0)
            return rc;
        fd = open(probe.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno != EEXIST)
            return errno;
    }
    if (fd < 0)
        return EEXIST;
    int high_fd = fcntl(fd, F_DUPFD_CLOEXEC, DESCRIPTOR_MIN);
    if (high_fd >= 0) {
        close(fd); /* before there is a lock to lose */
        fd = high_fd;
    }
    *ret_fd = fd;
    return 0;
}

/* All its memory is taken now: a page that tmpfs could not supply later would kill the program by
 * SIGBUS. */
static int file_fill(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    struct stat status;
    if (fchmod(fd, 0600) != 0 || fstat(fd, &status) != 0) /* whatever the umask is */
        return errno;
    int rc = posix_fallocate(fd, 0, (off_t)probe.layout.total);
    if (rc != 0)
        return rc;
    if (fcntl(fd, F_SETLK, &lock) != 0)
        return errno;
    /* MAP_POPULATE: else the first lap of each ring looks like a memory leak of the program. */
    void *base =
        mmap(NULL, probe.layout.total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (base == MAP_FAILED)
        return errno;
    probe.base = base;
    probe.header = base;
    probe.fd = fd;
    probe.fd_device = status.st_dev;
    probe.fd_inode = status.st_ino;
    return 0;
}

static int private_map(void)
{
    uint64_t offset = align(sizeof(struct probe_private) + probe.sizes.counters * sizeof(uint64_t));
    uint64_t stride = align(sizeof(struct probe_thread) + probe.sizes.names * sizeof(uint16_t));
    if (probe.private) {
        memset(probe.private, 0, probe.private_size); /* the parent's, after a fork */
    } else {
        size_t size = offset + probe.sizes.threads * stride;
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            return errno;
        madvise(memory, size, MADV_WIPEONFORK);
        probe.private = memory;
        probe.private_size = size;
    }
    probe.private->threads_offset = offset;
    probe.private->thread_stride = stride;
    return 0;
}

/* ---- its contents ---- */

static uint64_t realtime_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void header_fill(void)
{
    struct tacho_segment_header *header = probe.header;
    struct stat status;
    header->byte_order = TACHO_SEGMENT_BYTE_ORDER;
    header->major = TACHO_SEGMENT_MAJOR;
    header->minor = TACHO_SEGMENT_MINOR;
    header->header_size = sizeof(*header);
    header->total_size = probe.layout.total;
    header->pid = (uint32_t)getpid();
    header->uid = geteuid();
    header->start_ticks = probe_start_ticks();
    header->pid_namespace = stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
    header->created_ns = probe_now_ns();
    header->created_real_ns = realtime_ns();
    if (probe_file_read("/proc/self/comm", header->program, sizeof(header->program)) > 0)
        header->program[strcspn(header->program, "\n")] = 0;
    else
        snprintf(header->program, sizeof(header->program), "%s", program_invocation_short_name);
    sections_fill();
}

/* What is not 0 while it is empty. */
static void contents_fill(void)
{
    for (uint32_t i = 0; i < probe.sizes.hists; i++) {
        struct tacho_segment_hist *hist =
            (struct tacho_segment_hist *)(probe.base + probe.layout.hists +
                                          i * probe.layout.hist_stride);
        hist->min_ns = UINT64_MAX;
    }
    for (uint32_t i = 0; i < probe.sizes.rings; i++) {
        struct tacho_segment_ring *ring =
            (struct tacho_segment_ring *)(probe.base + probe.layout.rings +
                                          i * probe.layout.ring_stride);
        ring->count = probe.sizes.events;
    }
    const double smallest = __builtin_inf(), largest = -__builtin_inf();
    for (uint32_t i = 0; i < probe.sizes.gauges; i++) {
        struct tacho_segment_gauge *gauge =
            (struct tacho_segment_gauge *)(probe.base + probe.layout.gauges +
                                           i * probe.layout.gauge_stride);
        memcpy(&gauge->smallest, &smallest, sizeof(smallest));
        memcpy(&gauge->largest, &largest, sizeof(largest));
    }
}

/* After a fork: the program's places keep their ids, so each name must keep its index. Names that
 * the parent was just adding when it forked are nobody's here. */
static void names_inherit(void)
{
    struct tacho_segment_name *names =
        (struct tacho_segment_name *)(probe.base + probe.layout.names);
    const struct tacho_segment_name *before =
        (const struct tacho_segment_name *)(probe.names_before + probe.layout.names);
    for (uint32_t i = 0; i < probe.names_used; i++)
        if (PROBE_LOAD_ACQUIRE(&before[i].ready))
            names[i] = before[i];
    probe.header->names_used = probe.names_used;
}

static void contents_make(void)
{
    header_fill();
    probe.header->span_cost_ps = probe_span_cost_ps();
    contents_fill();
    if (probe.names_before)
        names_inherit();
    memcpy(probe.header->magic, TACHO_SEGMENT_MAGIC, sizeof(probe.header->magic));
    PROBE_STORE_RELEASE(&probe.header->state, TACHO_SEGMENT_LIVE);
    PROBE_STORE(&probe.private->is_alive, 1);
}

/* A file may not grow beyond RLIMIT_FSIZE; to try is answered by SIGXFSZ, which kills. */
static bool is_too_large(uint64_t size)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           limit.rlim_cur < size;
}

int probe_segment_create(void)
{
    const char *directory = secure_getenv("TACHO_SHM_DIR");
    if (!directory || !*directory)
        directory = "/dev/shm";
    layout_make(&probe.sizes, &probe.layout);
    if (is_too_large(probe.layout.total))
        return EFBIG;
    if (!probe.names_before)
        probe_clean(directory); /* once for each program, not for each of its forks */
    int fd = -1;
    int rc = file_create(directory, &fd);
    if (rc != 0)
        return rc;
    rc = private_map();
    if (rc == 0)
        rc = file_fill(fd);
    if (rc != 0) {
        unlink(probe.path);
        close(fd);
        return rc;
    }
    contents_make();
    return 0;
}

/* The file's time is set by its name, not by probe.fd: a program that closed all its descriptors
 * may have given that number to another file. */
void probe_segment_close(void)
{
    if (PROBE_LOAD(&probe.header->state) != TACHO_SEGMENT_LIVE)
        return;
    PROBE_STORE(&probe.header->closed_ns, probe_now_ns());
    PROBE_STORE_RELEASE(&probe.header->state, TACHO_SEGMENT_CLOSED);
    utimensat(AT_FDCWD, probe.path, NULL, AT_SYMLINK_NOFOLLOW);
}
