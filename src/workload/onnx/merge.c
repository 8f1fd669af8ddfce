/* merge.c: see internal.h. */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "workload/onnx/internal.h"

int onnx_merge_add(struct onnx_merge *merge, const struct onnx_record *records, size_t count)
{
    if (count == 0)
        return 0;
    if (array_reserve(&merge->records, &merge->capacity, merge->count + count,
                      sizeof(*merge->records)) < 0)
        return -1;
    memcpy(merge->records + merge->count, records, count * sizeof(*records));
    merge->count += count;
    for (size_t i = 0; i < count; i++)
        if (records[i].stream < merge->streams)
            merge->last_end_ns[records[i].stream] =
                u64_max(merge->last_end_ns[records[i].stream], records[i].end_ns);
    return 0;
}

static int compare_ends(const void *a, const void *b)
{
    const struct onnx_record *one = a, *other = b;
    if (one->end_ns != other->end_ns)
        return one->end_ns < other->end_ns ? -1 : 1;
    return one->stream < other->stream ? -1 : one->stream > other->stream;
}

size_t onnx_merge_ready(struct onnx_merge *merge, uint64_t now_ns)
{
    uint64_t silent_ns = now_ns > ONNX_MERGE_GRACE_NS ? now_ns - ONNX_MERGE_GRACE_NS : 0;
    uint64_t settled_ns = UINT64_MAX;
    if (merge->streams <= 1 || now_ns == UINT64_MAX)
        silent_ns = UINT64_MAX;
    if (merge->streams > 1 && merge->count > 0)
        qsort(merge->records, merge->count, sizeof(*merge->records), compare_ends);
    for (uint32_t i = 0; i < merge->streams; i++)
        settled_ns = u64_min(settled_ns, u64_max(merge->last_end_ns[i], silent_ns));
    size_t ready = 0;
    while (ready < merge->count && merge->records[ready].end_ns <= settled_ns)
        ready++;
    return ready;
}

void onnx_merge_drop(struct onnx_merge *merge, size_t count)
{
    merge->count -= count;
    if (merge->count > 0)
        memmove(merge->records, merge->records + count, merge->count * sizeof(*merge->records));
}

void onnx_merge_deinit(struct onnx_merge *merge)
{
    free(merge->records);
    merge->records = NULL;
    merge->count = merge->capacity = 0;
}
