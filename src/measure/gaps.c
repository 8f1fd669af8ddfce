/* gaps.c: see gaps.h. */
#include "measure/gaps.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/util.h"

#define SHARE 20 /* one in so many is no news */

int gaps_tell(const struct sampler *sampler, const struct gaps_words *words, struct run_sink *sink,
              struct error *err)
{
    struct sampler_stats stats;
    struct finding finding;
    sampler_get_stats(sampler, &stats);
    uint64_t missing = stats.missed_ticks + stats.dropped_rows;
    uint64_t ticks = stats.ticks - u64_min(stats.ticks, words->beginnings);
    uint64_t wanted = ticks + stats.missed_ticks;
    if (missing * SHARE <= wanted)
        return 0;
    finding_init(&finding, "sampling_gaps", SEVERITY_INFO, "");
    finding_sentence(&finding, "%" PRIu64 " of %" PRIu64 " %s are missing", missing, wanted,
                     words->what);
    finding_value(&finding, (double)missing, NULL);
    finding.n = wanted;
    finding_evidence(&finding,
                     "%" PRIu64
                     " ticks came too late; late by %.1f ms (p99), at most %.0f ms; %" PRIu64
                     " rows dropped",
                     stats.missed_ticks, (double)stats.late_ns_p99 / (double)NS_PER_MS,
                     (double)stats.late_ns_max / (double)NS_PER_MS, stats.dropped_rows);
    finding_advice(&finding, "%s", words->advice);
    return sink_finding(sink, &finding, err);
}
