/* watch_work.c: the work that a program has done, by the file that it writes.
 *
 * Only what is added after the watch began counts. A file that is replaced (a rotated log) or cut
 * goes on from what it had come to; one that is not there yet begins at nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "measure/watch_internal.h"

#define READ_BYTES 65536
#define READ_MAX (64u << 20) /* for one row; the next one goes on */

static void open_file(struct watch_work *work)
{
    /* Never a pipe's or a device's end: opening must not wait, and reading must not take. */
    work->fd = open(work->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (work->fd >= 0 && (fstat(work->fd, &work->status) != 0 || !S_ISREG(work->status.st_mode))) {
        close(work->fd);
        work->fd = -1;
    }
}

void watch_work_open(struct watch_work *work, const char *path, bool lines)
{
    *work = (struct watch_work){.path = path, .lines = lines, .fd = -1};
    if (!path)
        return;
    open_file(work);
    if (work->fd >= 0)
        work->begin = work->read = (uint64_t)work->status.st_size;
}

static void begin_again(struct watch_work *work)
{
    work->before += work->done;
    work->begin = work->read = work->done = 0;
}

static void count_lines(struct watch_work *work, uint64_t size)
{
    char data[READ_BYTES];
    uint64_t stop = u64_min(size, work->read + READ_MAX);
    while (work->read < stop) {
        size_t wanted = (size_t)u64_min(sizeof(data), stop - work->read);
        ssize_t n = pread(work->fd, data, wanted, (off_t)work->read);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        for (const char *at = data; (at = memchr(at, '\n', (size_t)(data + n - at))); at++)
            work->done++;
        work->read += (uint64_t)n;
    }
}

/* What was added to the file that is open. */
static void read_on(struct watch_work *work)
{
    uint64_t size = (uint64_t)work->status.st_size;
    if (size < (work->lines ? work->read : work->begin + work->done))
        begin_again(work);
    if (work->lines)
        count_lines(work, size);
    else
        work->done = size - work->begin;
}

double watch_work_read(struct watch_work *work)
{
    struct stat there;
    if (!work->path)
        return NAN;
    bool is_there = stat(work->path, &there) == 0;
    if (work->fd >= 0) {
        if (fstat(work->fd, &work->status) == 0)
            read_on(work); /* also the rest of one that was replaced */
        if (is_there &&
            (there.st_dev != work->status.st_dev || there.st_ino != work->status.st_ino)) {
            close(work->fd);
            work->fd = -1;
            begin_again(work);
        }
    }
    if (work->fd < 0 && is_there) {
        open_file(work);
        if (work->fd >= 0)
            read_on(work);
    }
    return work->fd >= 0 || work->before > 0 ? (double)(work->before + work->done) : NAN;
}

void watch_work_close(struct watch_work *work)
{
    if (work->path && work->fd >= 0)
        close(work->fd);
    work->fd = -1;
}

/* ---- a counter that stands still ---- */

bool watch_pulse_check(struct watch_pulse *pulse, double value, int64_t t_ns)
{
    if (isnan(value))
        return false;
    if (!pulse->begun || value != pulse->last) {
        /* What it rested after it was called silent is no usual pause. */
        if (pulse->moved && !pulse->told)
            pulse->longest = u64_max(pulse->longest, pulse->still);
        pulse->moved = pulse->moved || pulse->begun;
        pulse->begun = true;
        pulse->told = false;
        pulse->still = 0;
        pulse->moved_ns = t_ns;
        pulse->last = value;
        return false;
    }
    pulse->still++;
    if (!pulse->moved || pulse->told)
        return false;
    pulse->told = pulse->still >= u64_max(WATCH_STILL_ROWS, WATCH_STILL_ROWS * pulse->longest);
    return pulse->told;
}
