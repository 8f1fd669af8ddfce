/* report_fixture.h: runs with known content, built through the sink as measure/ does, and their
 * comparison with recorded text.
 *
 * TACHO_TEST_REGENERATE=1 writes tests/golden/report/NAME anew instead of comparing; look at the
 * difference before keeping it.
 */
#ifndef TACHO_TESTS_REPORT_FIXTURE_H
#define TACHO_TESTS_REPORT_FIXTURE_H

#include "model/run.h"
#include "report/report.h"

struct fixture {
    struct run run;
    struct facts environment, workload;
    uint32_t next_series;
};

/* label NULL: none. command: NULL-terminated words. */
void fixture_begin(struct fixture *fixture, const char *label, const char *const *command,
                   bool synthetic);
/* count launches of about 12 ms, the first `warmup` of them kept apart, each 20 ms after the other.
 */
void fixture_launches(struct fixture *fixture, size_t count, size_t warmup);
/* One value per launch: base + step * (launch % 3). metric must be in the registry. */
void fixture_per_launch(struct fixture *fixture, const char *metric, size_t count, double base,
                        double step);
/* A series that has no values and says why. */
void fixture_missing(struct fixture *fixture, const char *metric, enum reason reason,
                     const char *why);
/* A collector's series: one value every 20 ms. */
void fixture_sensor(struct fixture *fixture, const char *metric, const char *instance, size_t count,
                    double base, double step);
/* Everything that `tacho run` usually has for `count` launches. */
void fixture_usual(struct fixture *fixture, size_t count, size_t warmup);
/* A model's run, begun and filled: `processes` of them with 503 inferences each (3 first, 20
 * warm-up, 480 steady), by stages, with throughput and the machine. nodes: how many of it are
 * profiled. is_open: an open loop, of which two were never served. */
void fixture_model(struct fixture *fixture, size_t processes, size_t nodes, bool is_open);
void fixture_limit(struct fixture *fixture, enum outcome outcome, const char *bound, double value,
                   const char *unit, uint64_t n, uint64_t needed, const char *sentence);
void fixture_end(struct fixture *fixture, enum run_state state);
void fixture_deinit(struct fixture *fixture);

/* Compares text with tests/golden/report/NAME. */
void assert_golden(const char *name, const char *text);
/* Renders as text, 80 columns wide, plain, and checks that no line is wider. */
void fixture_render(const struct fixture *fixture, const struct report_options *options,
                    struct strbuf *out);

#endif
