/* fuzz_segment.c: any bytes as a segment: refused with a text, or every read of it stays within it;
 * then the file is cut and read once more. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void use(struct segment *segment)
{
    static struct hist hist;
    struct segment_event events[64];
    uint64_t lost;
    const struct segment_view *view = segment_view(segment);
    ssize_t n = segment_take_events(segment, events, 64, &lost, NULL);
    for (ssize_t i = 0; i < n; i++)
        require(events[i].channel < view->channel_count);
    for (size_t i = 0; i < view->hist_count; i++) {
        require(view->hists[i].channel < view->channel_count);
        segment_hist_between(&view->hists[i], NULL, &hist);
        require(hist.count == 0 || hist.min <= hist.max);
    }
    for (size_t i = 0; i < view->mark_count; i++)
        require(view->marks[i].channel < view->channel_count);
    for (size_t i = 0; i < view->open_count; i++)
        require(view->open[i].channel < view->channel_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct segment *segment = NULL;
    struct error err = {0};
    int fd = memfd_create("segment", MFD_CLOEXEC);
    require(fd >= 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    int rc = segment_open_fd(dup(fd), &segment, &err);
    require(rc == 0 || err.message[0]);
    if (rc == 0) {
        use(segment);
        require(segment_read(segment, NULL) == 0);
        require(ftruncate(fd, (off_t)size / 2) == 0);
        segment_read(segment, NULL);
        use(segment);
        segment_close(segment);
    }
    close(fd);
    return 0;
}
