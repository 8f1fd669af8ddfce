/* segment_hist.c: a segment's histogram, or the difference of two readings of it, as one of
 * stats/hist.h: both have the same buckets. */
#include <string.h>

#include "base/util.h"
#include "format/segment_internal.h"

_Static_assert(TACHO_SEGMENT_HIST_SUB_BITS == HIST_SUB_BITS, "the same buckets");

static double middle_of(size_t bucket)
{
    return ((double)hist_bucket_low(bucket) + (double)hist_bucket_high(bucket)) / 2;
}

static void add_bucket(struct hist *hist, size_t bucket, uint64_t count)
{
    double middle = middle_of(bucket);
    hist->buckets[bucket] += count;
    hist->count += count;
    hist->sum += middle * (double)count;
    hist->sum_sq += middle * middle * (double)count;
    hist->min = u64_min(hist->min, hist_bucket_low(bucket));
    hist->max = u64_max(hist->max, hist_bucket_high(bucket));
}

/* What is more now than it was; a file that counts backwards gives nothing. */
static uint64_t more(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

uint64_t segment_hist_between(const struct segment_hist *now, const struct segment_hist *before,
                              struct hist *ret_hist)
{
    hist_reset(ret_hist);
    for (size_t i = 0; i < TACHO_SEGMENT_HIST_BUCKETS; i++) {
        uint64_t count = more(now->buckets[i], before ? before->buckets[i] : 0);
        if (count > 0)
            add_bucket(ret_hist, i, count);
    }
    uint64_t over = more(now->over, before ? before->over : 0);
    if (over > 0)
        add_bucket(ret_hist, TACHO_SEGMENT_HIST_BUCKETS, over);
    if (ret_hist->count == 0)
        return 0;
    uint64_t sum_ns = more(now->sum_ns, before ? before->sum_ns : 0);
    /* The sum is exact, the squares are those of the buckets' middles: their spread around their
     * own mean, taken around the true one. */
    double n = (double)ret_hist->count, middles = ret_hist->sum;
    ret_hist->sum = (double)sum_ns;
    ret_hist->sum_sq += ((double)sum_ns * (double)sum_ns - middles * middles) / n;
    /* An extreme of the whole belongs to this part if it is new, and then it is exact. A damaged
     * file may say anything: only where it agrees with the buckets. */
    if ((!before || now->max_ns > before->max_ns) &&
        (over > 0 ? now->max_ns >= (uint64_t)1 << TACHO_SEGMENT_HIST_TOP_BIT
                  : hist_bucket_of(now->max_ns) == hist_bucket_of(ret_hist->max)))
        ret_hist->max = u64_max(now->max_ns, ret_hist->min);
    if ((!before || before->count == 0 || now->min_ns < before->min_ns) &&
        hist_bucket_of(now->min_ns) == hist_bucket_of(ret_hist->min))
        ret_hist->min = u64_min(now->min_ns, ret_hist->max);
    return sum_ns;
}
