/* analyzers.c: THE table of analyzers, in the order in which their findings are shown.
 *
 * To add one: a file here with its `const struct analyzer`, a declaration and a row below, a line
 * in meson.build, a test in tests/unit/analyze/.
 */
#include "analyze/analyzer.h"

extern const struct analyzer analyzer_timing;
extern const struct analyzer analyzer_deadline;
extern const struct analyzer analyzer_contention;
extern const struct analyzer analyzer_throttling;
extern const struct analyzer analyzer_quota;
extern const struct analyzer analyzer_stall;
extern const struct analyzer analyzer_oversubscription;

/* clang-format off */
const struct analyzer *const analyzers[] = {
    &analyzer_timing,
    &analyzer_deadline,
    &analyzer_contention,
    &analyzer_throttling,
    &analyzer_quota,
    &analyzer_stall,
    &analyzer_oversubscription,
    NULL,
};
/* clang-format on */

int analyzers_run(const struct run *run, struct run_sink *sink, struct error *err)
{
    for (size_t i = 0; analyzers[i]; i++) {
        int rc = analyzers[i]->run(run, sink, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}
