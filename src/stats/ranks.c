/* ranks.c: values of given ranks, exact, without sorting and without a copy.
 *
 * A double's bits, the sign's turned, order as the values do. Sixteen of them at a time (eight where
 * values are few, whose counting would cost less than clearing the tables) are counted for those
 * values that agree with a wanted one so far: after four (eight) passes each rank has its value.
 * (Radix selection: Knuth, TAOCP 3, 5.3.3, with counting in place of moving.)
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "stats/stats.h"

#define BITS 16
#define BITS_OF_FEW 8
#define FEW 16384

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
    unsigned bits;                    /* of a pass */
    size_t size;                      /* of a table: 2^bits */
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
    unsigned shift = 64 - known - search->bits;
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
                search->counts[group * search->size + (key >> shift & (search->size - 1))]++;
        }
    }
}

static void narrow(struct search *search)
{
    for (size_t i = 0; i < search->count; i++) {
        const uint32_t *counts = search->counts + search->group[i] * search->size;
        size_t digit = 0;
        while (digit + 1 < search->size && search->below[i] >= counts[digit])
            search->below[i] -= counts[digit++];
        search->prefix[i] = search->prefix[i] << search->bits | digit;
    }
}

int stats_ranks(const double *x, size_t n, double center, const size_t *ranks, size_t count,
                double *ret)
{
    struct search search = {.bits = n <= FEW ? BITS_OF_FEW : BITS,
                            .count = count < STATS_RANKS_MAX ? count : STATS_RANKS_MAX};
    search.size = (size_t)1 << search.bits;
    for (size_t i = 0; i < search.count; i++)
        search.below[i] = ranks[i];
    for (unsigned known = 0; known < 64; known += search.bits) {
        uint64_t prefixes[STATS_RANKS_MAX];
        make_groups(&search);
        for (size_t i = 0; i < search.count; i++)
            prefixes[search.group[i]] = search.prefix[i];
        search.counts = calloc(u64_max(search.group_count, 1) * search.size, sizeof(*search.counts));
        if (!search.counts)
            return -1;
        count_values(x, n, center, known, &search, prefixes);
        narrow(&search);
        free(search.counts);
    }
    for (size_t i = 0; i < search.count; i++)
        ret[i] = n == 0 ? NAN : value_of(search.prefix[i]);
    return 0;
}
