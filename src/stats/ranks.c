/* ranks.c: values of given ranks, exact, without sorting all of them and without a copy.
 *
 * A double's bits, the sign's turned, order as the values do. Values are counted by the first of
 * these bits, which tells how many lie below each bit pattern, so that a rank's value is known to
 * be one of those few that share its pattern; these are copied and sorted. Where they are many
 * (values that hardly differ, or ties), they are counted again by the bits that follow. (Radix
 * selection: Knuth, TAOCP 3, 5.3.3, with counting in place of moving.)
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "stats/stats.h"

#define BITS 19   /* of the first pass: sign, exponent and 7 of the mantissa, a hundredth wide */
#define NEXT 15   /* of each of three further ones, as far as they are necessary */
#define FEW 16384 /* values that may be copied however many there are, else an eighth of all */

struct search {
    const double *x;
    size_t n;
    double center; /* NaN: of the values themselves, else of their distances from it */
    size_t few;
};

/* Values whose first `known` bits are these, and what is looked for among them. */
struct range {
    uint64_t prefix;
    unsigned known;
    size_t n;
    const size_t *ranks; /* ascending */
    size_t below;        /* values before them: ranks count from there */
    size_t count;
    double *ret;
};

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

static inline uint64_t key_at(const struct search *search, size_t i)
{
    double center = search->center;
    return key_of(isnan(center) ? search->x[i] : fabs(search->x[i] - center));
}

static inline bool is_in(const struct range *range, uint64_t key)
{
    return range->known == 0 || key >> (64 - range->known) == range->prefix;
}

/* ---- few values: sorted ---- */

/* The values of ranges of the same `known`, which are marked in a table of all prefixes; or,
 * without a table, of one range. They hold n values. */
static double *gather(const struct search *search, const struct range *range, const uint64_t *marks,
                      size_t n)
{
    double *values = malloc((n + 1) * sizeof(*values));
    size_t to = 0;
    for (size_t i = 0; values && i < search->n && to < n; i++) {
        uint64_t key = key_at(search, i), prefix = marks ? key >> (64 - BITS) : 0;
        values[to] = value_of(key); /* the next one overwrites it where it is none of them */
        to += marks ? marks[prefix / 64] >> prefix % 64 & 1 : is_in(range, key);
    }
    if (values)
        stats_sort(values, n);
    return values;
}

static void take_sorted(const struct range *range, const double *sorted)
{
    for (size_t i = 0; i < range->count; i++)
        range->ret[i] = sorted[range->ranks[i] - range->below];
}

/* ---- many: counted by the next bits ---- */

/* The range that the first of range->ranks lies in, one of those that the next bits make. `digit`
 * and `below` go on from the one before. */
static struct range next_range(const struct range *range, const uint32_t *counts, unsigned bits,
                               size_t *digit, size_t *below)
{
    while (range->ranks[0] >= *below + counts[*digit])
        *below += counts[(*digit)++];
    struct range inner = {.prefix = range->prefix << bits | *digit,
                          .known = range->known + bits,
                          .n = counts[*digit],
                          .ranks = range->ranks,
                          .below = *below,
                          .ret = range->ret};
    while (inner.count < range->count && range->ranks[inner.count] < *below + inner.n)
        inner.count++;
    return inner;
}

static int find(const struct search *search, struct range range);

/* All of them at once, if they are few: their prefixes ascend, and so do the ranges. */
static int find_all(const struct search *search, const struct range *ranges, size_t count)
{
    size_t n = 0, before = 0;
    for (size_t i = 0; i < count; i++)
        n += ranges[i].n;
    CLEANUP_FREE uint64_t *marks = NULL;
    if (ranges[0].known == BITS && n <= search->few)
        marks = calloc((size_t)1 << (BITS - 6), sizeof(*marks));
    if (!marks) {
        int rc = 0;
        for (size_t i = 0; i < count && rc == 0; i++)
            rc = find(search, ranges[i]);
        return rc;
    }
    for (size_t i = 0; i < count; i++)
        marks[ranges[i].prefix / 64] |= (uint64_t)1 << ranges[i].prefix % 64;
    CLEANUP_FREE double *values = gather(search, NULL, marks, n);
    for (size_t i = 0; i < count && values; before += ranges[i++].n)
        take_sorted(&ranges[i], values + before);
    return values ? 0 : -1;
}

static int find_by_counting(const struct search *search, struct range range)
{
    unsigned bits = range.known == 0 ? BITS : NEXT;
    unsigned shift = 64 - range.known - bits;
    uint64_t mask = ((uint64_t)1 << bits) - 1;
    struct range ranges[STATS_RANKS_MAX];
    size_t count = 0, digit = mask, below = range.below;
    CLEANUP_FREE uint32_t *counts = calloc((size_t)1 << bits, sizeof(*counts));
    if (!counts)
        return -1;
    for (size_t i = 0; i < search->n; i++) {
        uint64_t key = key_at(search, i);
        if (!is_in(&range, key))
            continue;
        counts[key >> shift & mask]++;
        digit = u64_min(digit, key >> shift & mask);
    }
    while (range.count > 0) {
        ranges[count] = next_range(&range, counts, bits, &digit, &below);
        range.ranks += ranges[count].count;
        range.ret += ranges[count].count;
        range.count -= ranges[count].count;
        count++;
    }
    return count > 0 ? find_all(search, ranges, count) : 0;
}

static int find(const struct search *search, struct range range)
{
    if (range.known == 64) {
        for (size_t i = 0; i < range.count; i++)
            range.ret[i] = value_of(range.prefix);
        return 0;
    }
    if (range.n > search->few)
        return find_by_counting(search, range);
    CLEANUP_FREE double *values = gather(search, &range, NULL, range.n);
    if (values)
        take_sorted(&range, values);
    return values ? 0 : -1;
}

int stats_ranks(const double *x, size_t n, double center, const size_t *ranks, size_t count,
                double *ret)
{
    struct search search = {.x = x, .n = n, .center = center, .few = u64_max(FEW, n / 8)};
    count = count < STATS_RANKS_MAX ? count : STATS_RANKS_MAX;
    for (size_t i = 0; i < count && n == 0; i++)
        ret[i] = NAN;
    if (n == 0)
        return 0;
    return find(&search, (struct range){.n = n, .ranks = ranks, .count = count, .ret = ret});
}
