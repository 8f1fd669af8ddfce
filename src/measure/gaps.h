/* gaps.h: readings of the sensors that are missing, as a finding; for a measurement and a watch.
 *
 * A sampler that is kept from its core, or a ring that nobody drained, leaves holes; a mean over
 * such a series is not what it seems. One late tick in twenty is no news on a busy machine.
 * Threads: the one that drains the sampler. Errors: those of the sink.
 */
#ifndef TACHO_MEASURE_GAPS_H
#define TACHO_MEASURE_GAPS_H

#include "collect/sampler.h"
#include "model/sink.h"

struct gaps_words {
    const char *what;    /* "rows" */
    const char *advice;  /* what gives the sampler its core */
    uint64_t beginnings; /* ticks that only began, and are none of what is counted */
};

int gaps_tell(const struct sampler *sampler, const struct gaps_words *words, struct run_sink *sink,
              struct error *err);

#endif
