/* throughput.c: see throughput.h. */
#include "workload/throughput.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "stats/stats.h"

#define WINDOW_LATENCIES 10
#define WINDOW_MIN_NS (10 * NS_PER_MS)
#define WINDOW_MAX_NS NS_PER_S

uint64_t throughput_window_ns(double *latencies_ns, size_t n)
{
    if (n == 0)
        return WINDOW_MAX_NS;
    stats_sort(latencies_ns, n);
    double wanted = WINDOW_LATENCIES * quantile_sorted(latencies_ns, n, 0.5);
    if (wanted >= (double)WINDOW_MAX_NS)
        return WINDOW_MAX_NS;
    return u64_max((uint64_t)wanted, WINDOW_MIN_NS);
}

int throughput_init(struct throughput *throughput, uint64_t origin_ns, uint64_t window_ns,
                    size_t streams, double items_per_call)
{
    uint64_t *passed_ns = calloc(streams, sizeof(*passed_ns));
    if (passed_ns == NULL)
        return -1;
    *throughput = (struct throughput){.origin_ns = origin_ns,
                                      .window_ns = window_ns,
                                      .items_per_call = items_per_call,
                                      .streams = streams,
                                      .passed_ns = passed_ns,
                                      .last_end_ns = origin_ns};
    return 0;
}

void throughput_deinit(struct throughput *throughput)
{
    free(throughput->passed_ns);
    free(throughput->items);
    *throughput = (struct throughput){0};
}

/* Where window `index` (counted from the origin) begins. */
static uint64_t window_begin(const struct throughput *throughput, uint64_t index)
{
    return throughput->origin_ns + index * throughput->window_ns;
}

static int open_windows(struct throughput *throughput, uint64_t last)
{
    if (last < throughput->told)
        return 0;
    size_t need = (size_t)(last - throughput->told) + 1;
    if (need <= throughput->count)
        return 0;
    if (array_reserve(&throughput->items, &throughput->capacity, need, sizeof(*throughput->items)) <
        0)
        return -1;
    memset(throughput->items + throughput->count, 0,
           (need - throughput->count) * sizeof(*throughput->items));
    throughput->count = need;
    return 0;
}

static void add_items(struct throughput *throughput, uint64_t index, double items)
{
    size_t at = index > throughput->told ? (size_t)(index - throughput->told) : 0;
    throughput->items[at] += items;
}

int throughput_add(struct throughput *throughput, size_t stream, uint64_t begin_ns, uint64_t end_ns)
{
    uint64_t origin_ns = throughput->origin_ns, window_ns = throughput->window_ns;
    begin_ns = u64_max(begin_ns, origin_ns);
    end_ns = u64_max(end_ns, begin_ns);
    /* A call that ends exactly where a window ends did nothing in the next one. */
    uint64_t last = end_ns > origin_ns ? (end_ns - 1 - origin_ns) / window_ns : 0;
    uint64_t first = u64_min((begin_ns - origin_ns) / window_ns, last);
    if (open_windows(throughput, u64_max(last, throughput->told)) < 0)
        return -1;
    double per_ns =
        end_ns > begin_ns ? throughput->items_per_call / (double)(end_ns - begin_ns) : 0;
    for (uint64_t index = first; index <= last; index++) {
        uint64_t from = u64_max(begin_ns, window_begin(throughput, index));
        uint64_t to = u64_min(end_ns, window_begin(throughput, index + 1));
        add_items(throughput, index,
                  end_ns > begin_ns ? per_ns * (double)(to - from) : throughput->items_per_call);
    }
    if (stream < throughput->streams)
        throughput->passed_ns[stream] = u64_max(throughput->passed_ns[stream], end_ns);
    throughput->last_end_ns = u64_max(throughput->last_end_ns, end_ns);
    return 0;
}

static void tell_oldest(struct throughput *throughput, uint64_t length_ns,
                        struct throughput_window *ret_window)
{
    *ret_window = (struct throughput_window){.begin_ns = window_begin(throughput, throughput->told),
                                             .per_s = throughput->items[0] * (double)NS_PER_S /
                                                      (double)length_ns};
    throughput->told++;
    throughput->count--;
    memmove(throughput->items, throughput->items + 1,
            throughput->count * sizeof(*throughput->items));
}

bool throughput_take(struct throughput *throughput, struct throughput_window *ret_window)
{
    uint64_t end_ns = window_begin(throughput, throughput->told + 1);
    if (throughput->count == 0 || throughput->last_end_ns < end_ns)
        return false;
    bool is_passed = true;
    for (size_t i = 0; i < throughput->streams; i++)
        is_passed = is_passed && throughput->passed_ns[i] >= end_ns;
    if (!is_passed && throughput->count <= THROUGHPUT_OPEN_MAX)
        return false;
    tell_oldest(throughput, throughput->window_ns, ret_window);
    return true;
}

bool throughput_take_last(struct throughput *throughput, struct throughput_window *ret_window)
{
    if (throughput->count == 0)
        return false;
    uint64_t begin_ns = window_begin(throughput, throughput->told);
    uint64_t length_ns =
        throughput->last_end_ns > begin_ns ? throughput->last_end_ns - begin_ns : 0;
    if (length_ns >= throughput->window_ns) {
        tell_oldest(throughput, throughput->window_ns, ret_window);
        return true;
    }
    if (length_ns == 0 || (throughput->told > 0 && 2 * length_ns < throughput->window_ns)) {
        throughput->count = 0;
        return false;
    }
    tell_oldest(throughput, length_ns, ret_window);
    return true;
}
