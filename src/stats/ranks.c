/* ranks.c: values of given ranks, exact, without sorting and without a copy.
 *
 * A double's bits, the sign's turned, order as the values do. Sixteen of them at a time are counted
 * for those values that agree with a wanted one so far: after four passes each rank has its value.
 * (Radix selection: Knuth, TAOCP 3, 5.3.3, with counting in place of moving.)
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "stats/stats.h"

#define BITS 16
#define SIZE ((size_t)1 << BITS)
#define PASSES (64 / BITS)

static inline uint64_t key_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits ^ ((uint64_t)((int64_t)bits >> 63) | (uint64_t)1 << 63);
}

static double value_of(uint64_t key)
{
    uint64_t bits = key ^ ((uint64_t)((int64_t)~key >> 63) | (uint64_t)1 << 63);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

struct search {
    size_t count;                     /* of ranks */
    uint64_t prefix[STATS_RANKS_MAX]; /* the bits that are known of each rank's value */
    size_t below[STATS_RANKS_MAX];    /* its rank among the values with that prefix */
    size_t group[STATS_RANKS_MAX];    /* ranks with the same prefix share a table of counts */
    size_t group_count;
    uint32_t *counts; /* a table for each group */
};

/* Ranks ascend, so equal prefixes stand beside each other. */
static void make_groups(struct search *search)
{
    search->group_count = 0;
    for (size_t i = 0; i < search->count; i++) {
        bool is_new = i == 0 || search->prefix[i] != search->prefix[i - 1];
        search->group_count += is_new;
        search->group[i] = search->group_count - 1;
    }
}

static void count_values(const double *x, size_t n, double center, unsigned known,
                         const struct search *search, const uint64_t *prefixes)
{
    unsigned shift = 64 - known - BITS;
    for (size_t i = 0; i < n; i++) {
        uint64_t key = key_of(isnan(center) ? x[i] : fabs(x[i] - center));
        if (known == 0) {
            search->counts[key >> shift]++;
            continue;
        }
        uint64_t prefix = key >> (64 - known);
        /* Ascending, and few: most values lie beyond the first or the last of them. */
        for (size_t group = 0; group < search->group_count && prefixes[group] <= prefix; group++) {
            if (prefixes[group] == prefix)
                search->counts[group * SIZE + (key >> shift & (SIZE - 1))]++;
        }
    }
}

static void narrow(struct search *search)
{
    for (size_t i = 0; i < search->count; i++) {
        const uint32_t *counts = search->counts + search->group[i] * SIZE;
        size_t digit = 0;
        while (digit + 1 < SIZE && search->below[i] >= counts[digit])
            search->below[i] -= counts[digit++];
        search->prefix[i] = search->prefix[i] << BITS | digit;
    }
}

int stats_ranks(const double *x, size_t n, double center, const size_t *ranks, size_t count,
                double *ret)
{
    struct search search = {.count = count < STATS_RANKS_MAX ? count : STATS_RANKS_MAX};
    for (size_t i = 0; i < search.count; i++)
        search.below[i] = ranks[i];
    for (unsigned pass = 0; pass < PASSES; pass++) {
        uint64_t prefixes[STATS_RANKS_MAX];
        make_groups(&search);
        for (size_t i = 0; i < search.count; i++)
            prefixes[search.group[i]] = search.prefix[i];
        search.counts = calloc(u64_max(search.group_count, 1) * SIZE, sizeof(*search.counts));
        if (!search.counts)
            return -1;
        count_values(x, n, center, pass * BITS, &search, prefixes);
        narrow(&search);
        free(search.counts);
    }
    for (size_t i = 0; i < search.count; i++)
        ret[i] = n == 0 ? NAN : value_of(search.prefix[i]);
    return 0;
}
