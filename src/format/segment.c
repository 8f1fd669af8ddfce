/* segment.c: opens a segment and checks it; see segment.h. */
#include "format/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/procfs.h"
#include "base/str.h"
#include "base/util.h"
#include "format/segment_internal.h"

/* More than the library ever makes; a file that wants more is none of its. */
#define NAMES_MAX 65536
#define THREADS_MAX 65536
#define COUNTERS_MAX 65536
#define GAUGES_MAX 65536
#define MARKS_MAX 1048576
#define HISTS_MAX 4096
#define RINGS_MAX 4096
#define STRIDE_MAX ((uint64_t)1 << 30)

/* ---- reading ---- */

static int read_failed(int sys_errno, struct error *err)
{
    if (sys_errno != 0)
        return error_set_errno(err, ERROR_IO, sys_errno, "the segment cannot be read");
    return error_set(err, ERROR_IO, "the segment became shorter while it was read");
}

int segment_copy(const struct segment *segment, uint64_t offset, void *data, size_t size,
                 struct error *err)
{
    char *at = data;
    while (size > 0) {
        ssize_t n = pread(segment->fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return read_failed(n < 0 ? errno : 0, err);
        at += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

void segment_window_clear(struct segment *segment)
{
    segment->window_length = 0;
}

const void *segment_entry(struct segment *segment, const struct segment_section *section,
                          uint64_t index, size_t size, struct error *err)
{
    uint64_t offset = section->offset + index * section->stride;
    uint64_t first = segment->window_offset, length = segment->window_length;
    if (offset < first || offset + size > first + length) {
        /* Where entries are large, only what is wanted of this one. */
        uint64_t rest = (section->count - index - 1) * section->stride + size;
        length = section->stride <= 1024 ? u64_min(rest, SEGMENT_WINDOW_BYTES) : size;
        segment->window_length = 0;
        if (segment_copy(segment, offset, segment->window, (size_t)length, err) < 0)
            return NULL;
        first = segment->window_offset = offset;
        segment->window_length = length;
    }
    return segment->window + (offset - first);
}

int segment_check_size(const struct segment *segment, struct error *err)
{
    struct stat status;
    if (fstat(segment->fd, &status) != 0)
        return read_failed(errno, err);
    return (uint64_t)status.st_size < segment->total_size ? read_failed(0, err) : 0;
}

/* ---- what the header says ---- */

static int damaged(struct error *err, const char *what)
{
    error_set(err, ERROR_INPUT, "a damaged segment: %s", what);
    return error_hint(err, "the program that wrote it makes a new one when it is started again");
}

static int check_header(const struct tacho_segment_header *header, uint64_t file_size,
                        struct error *err)
{
    if (memcmp(header->magic, TACHO_SEGMENT_MAGIC, sizeof(header->magic)) != 0) {
        static const uint8_t empty[sizeof(header->magic)];
        if (header->state == TACHO_SEGMENT_BUILDING &&
            memcmp(header->magic, empty, sizeof(empty)) == 0)
            return error_set(err, ERROR_BUSY, "a segment that its program has not finished making");
        return error_set(err, ERROR_INPUT, "no segment of an instrumented program");
    }
    if (header->byte_order != TACHO_SEGMENT_BYTE_ORDER)
        return error_set(err, ERROR_VERSION, "a segment of a machine with another byte order");
    if (header->major != TACHO_SEGMENT_MAJOR) {
        error_set(err, ERROR_VERSION, "a segment of version %u.%u; this tacho reads %d",
                  header->major, header->minor, TACHO_SEGMENT_MAJOR);
        return error_hint(err, "use the tacho that came with the program's libtacho");
    }
    if (header->state == TACHO_SEGMENT_BUILDING)
        return error_set(err, ERROR_BUSY, "a segment that its program has not finished making");
    if (header->header_size < sizeof(*header) || header->total_size > file_size ||
        header->header_size > header->total_size)
        return damaged(err, "its size is wrong");
    if (header->section_count > TACHO_SEGMENT_SECTIONS)
        return damaged(err, "it has too many sections");
    return 0;
}

/* Takes a section over if all of it lies in the file. */
static int take_section(const struct tacho_segment_header *header,
                        const struct tacho_segment_section *from, uint64_t entry_size,
                        uint64_t count_max, struct segment_section *ret, struct error *err)
{
    if (ret->stride != 0)
        return damaged(err, "it has a section twice");
    if (from->count > count_max)
        return damaged(err, "a section is larger than any that is made");
    if (from->stride < entry_size || from->stride % 8 != 0 || from->stride > STRIDE_MAX ||
        from->offset % 8 != 0 || from->offset < header->header_size ||
        from->offset > header->total_size ||
        from->count * from->stride > header->total_size - from->offset)
        return damaged(err, "a section does not lie in the file");
    *ret = (struct segment_section){from->count, from->offset, from->stride};
    return 0;
}

static int take_sections(struct segment *segment, const struct tacho_segment_header *header,
                         struct error *err)
{
    const struct {
        uint32_t kind;
        size_t entry_size;
        uint64_t count_max;
        struct segment_section *section;
    } known[] = {
        {TACHO_SECTION_NAMES, sizeof(struct tacho_segment_name), NAMES_MAX, &segment->names},
        {TACHO_SECTION_THREADS, sizeof(struct tacho_segment_thread), THREADS_MAX,
         &segment->threads},
        {TACHO_SECTION_COUNTERS, sizeof(uint64_t), THREADS_MAX + 1, &segment->counters},
        {TACHO_SECTION_GAUGES, sizeof(struct tacho_segment_gauge), GAUGES_MAX, &segment->gauges},
        {TACHO_SECTION_MARKS, sizeof(struct tacho_segment_mark), MARKS_MAX, &segment->marks},
        {TACHO_SECTION_HISTS, sizeof(struct tacho_segment_hist), HISTS_MAX, &segment->hists},
        {TACHO_SECTION_RINGS, sizeof(struct tacho_segment_ring), RINGS_MAX, &segment->rings},
    };
    for (uint32_t i = 0; i < header->section_count; i++) {
        for (size_t j = 0; j < ARRAY_LEN(known); j++) {
            if (header->sections[i].kind != known[j].kind)
                continue;
            int rc = take_section(header, &header->sections[i], known[j].entry_size,
                                  known[j].count_max, known[j].section, err);
            if (rc < 0)
                return rc;
        }
    }
    return segment->names.count > 0 ? 0 : damaged(err, "it has no names");
}

static void take_facts(struct segment *segment, const struct tacho_segment_header *header)
{
    struct segment_view *view = &segment->view;
    segment->total_size = header->total_size;
    view->pid = header->pid;
    view->uid = header->uid;
    view->start_ticks = header->start_ticks;
    view->pid_namespace = header->pid_namespace;
    view->created_ns = header->created_ns;
    view->created_real_ns = header->created_real_ns;
    view->span_cost_ps = header->span_cost_ps;
    memcpy(view->program, header->program, sizeof(view->program));
    view->program[sizeof(view->program) - 1] = '\0';
    str_make_printable(view->program);
}

/* ---- memory ---- */

static void *zeroed(size_t count, size_t size)
{
    return calloc(count > 0 ? count : 1, size);
}

/* calloc takes large arrays as pages that cost nothing before they are written. */
static int take_memory(struct segment *segment, struct error *err)
{
    struct segment_view *view = &segment->view;
    view->counter_count = u64_min(segment->counters.stride / sizeof(uint64_t), COUNTERS_MAX);
    view->hist_room = u64_min(segment->hists.count, segment->names.count);
    segment->channels = zeroed(segment->names.count, sizeof(*segment->channels));
    segment->hists_now = zeroed(view->hist_room, sizeof(*segment->hists_now));
    segment->is_stale = zeroed(view->hist_room, sizeof(*segment->is_stale));
    segment->counters_now = zeroed(view->counter_count, sizeof(*segment->counters_now));
    segment->counters_next = zeroed(view->counter_count, sizeof(*segment->counters_next));
    segment->gauges_now = zeroed(segment->gauges.count, sizeof(*segment->gauges_now));
    segment->marks_now = zeroed(segment->marks.count, sizeof(*segment->marks_now));
    segment->seen = zeroed(segment->hists.count, sizeof(*segment->seen));
    segment->is_used = zeroed(segment->threads.count, sizeof(*segment->is_used));
    segment->event_next = zeroed(segment->rings.count, sizeof(*segment->event_next));
    segment->window = malloc(SEGMENT_WINDOW_BYTES);
    if (!segment->channels || !segment->hists_now || !segment->is_stale || !segment->counters_now ||
        !segment->counters_next || !segment->gauges_now || !segment->marks_now || !segment->seen ||
        !segment->is_used || !segment->event_next || !segment->window)
        return error_set(err, ERROR_NOMEM, "out of memory for a segment");
    view->channel_room = segment->names.count;
    view->channels = segment->channels;
    view->hists = segment->hists_now;
    view->counters = segment->counters_now;
    view->gauges = segment->gauges_now;
    view->gauge_count = segment->gauges.count;
    view->marks = segment->marks_now;
    return 0;
}

void segment_close(struct segment *segment)
{
    if (!segment)
        return;
    close_cleanup(&segment->fd);
    free(segment->channels);
    free(segment->hists_now);
    free(segment->is_stale);
    free(segment->counters_now);
    free(segment->counters_next);
    free(segment->gauges_now);
    free(segment->marks_now);
    free(segment->seen);
    free(segment->is_used);
    free(segment->event_next);
    free(segment->window);
    free(segment);
}

/* ---- opening ---- */

static int load(struct segment *segment, struct error *err)
{
    struct tacho_segment_header header;
    struct stat status;
    if (fstat(segment->fd, &status) != 0)
        return read_failed(errno, err);
    if (!S_ISREG(status.st_mode))
        return error_set(err, ERROR_INPUT, "no regular file, so no segment");
    segment->inode = status.st_ino;
    segment->owner = status.st_uid;
    if (status.st_size < (off_t)sizeof(header))
        return error_set(err, status.st_size == 0 ? ERROR_BUSY : ERROR_INPUT,
                         "too short for a segment of an instrumented program");
    int rc = segment_copy(segment, 0, &header, sizeof(header), err);
    if (rc == 0)
        rc = check_header(&header, (uint64_t)status.st_size, err);
    if (rc == 0)
        rc = take_sections(segment, &header, err);
    if (rc < 0)
        return rc;
    take_facts(segment, &header);
    rc = take_memory(segment, err);
    return rc == 0 ? segment_read(segment, err) : rc;
}

int segment_open_fd(int fd, struct segment **ret_segment, struct error *err)
{
    struct segment *segment = calloc(1, sizeof(*segment));
    if (!segment) {
        close(fd);
        return error_set(err, ERROR_NOMEM, "out of memory for a segment");
    }
    segment->fd = fd;
    int rc = load(segment, err);
    if (rc < 0) {
        segment_close(segment);
        return rc;
    }
    *ret_segment = segment;
    return 0;
}

int segment_open_at(int directory_fd, const char *name, struct segment **ret_segment,
                    struct error *err)
{
    /* Never a pipe's end, a terminal or somebody's link to elsewhere. */
    int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    int sys_errno = errno, rc;
    if (fd >= 0)
        rc = segment_open_fd(fd, ret_segment, err);
    else if (sys_errno == ELOOP)
        rc = error_set(err, ERROR_INPUT, "a symbolic link; name the file itself");
    else
        rc = error_set_errno(err, error_code_from_errno(sys_errno), sys_errno,
                             "cannot open the segment");
    if (rc < 0 && err)
        error_at(err, name, 0, 0);
    return rc;
}

int segment_open(const char *path, struct segment **ret_segment, struct error *err)
{
    return segment_open_at(AT_FDCWD, path, ret_segment, err);
}

/* ---- small questions ---- */

uid_t segment_owner(const struct segment *segment)
{
    return segment->owner;
}

ino_t segment_inode(const struct segment *segment)
{
    return segment->inode;
}

const struct segment_view *segment_view(const struct segment *segment)
{
    return &segment->view;
}

const char *segment_life_name(enum segment_life life)
{
    static const char *const names[] = {"live", "ended", "crashed"};
    return names[life];
}

static bool is_running(const struct root *root, pid_t pid, uint64_t start_ticks)
{
    struct proc_stat stat;
    return procfs_read_stat(root, pid, &stat, NULL) == 0 && stat.start_ticks == start_ticks &&
           stat.state != 'Z' && stat.state != 'X';
}

bool segment_has_writer(const struct segment *segment, const struct root *root, pid_t pid)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
    if (fcntl(segment->fd, F_GETLK, &lock) == 0 && lock.l_type == F_WRLCK)
        return true;
    return root && pid > 0 && is_running(root, pid, segment->view.start_ticks);
}

enum segment_life segment_life(const struct segment *segment, const struct root *root, pid_t pid)
{
    if (segment->view.is_closed)
        return SEGMENT_ENDED;
    return segment_has_writer(segment, root, pid) ? SEGMENT_LIVE : SEGMENT_CRASHED;
}
