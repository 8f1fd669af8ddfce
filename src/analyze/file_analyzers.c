/* file_analyzers.c: THE table of analyzers of files, in the order in which --help shows them.
 *
 * To add one: see file_analyzer.h.
 */
#include "analyze/file_analyzer.h"

#include <string.h>

extern const struct file_analyzer file_analyzer_latency;
extern const struct file_analyzer file_analyzer_variability;
extern const struct file_analyzer file_analyzer_dnn_pipeline;
extern const struct file_analyzer file_analyzer_efficiency;
extern const struct file_analyzer file_analyzer_tegrastats;
extern const struct file_analyzer file_analyzer_memory;
extern const struct file_analyzer file_analyzer_events;
extern const struct file_analyzer file_analyzer_logs;

/* clang-format off */
const struct file_analyzer *const file_analyzers[] = {
    &file_analyzer_latency,
    &file_analyzer_variability,
    &file_analyzer_efficiency,
    &file_analyzer_dnn_pipeline,
    &file_analyzer_tegrastats,
    &file_analyzer_memory,
    &file_analyzer_events,
    &file_analyzer_logs,
    NULL,
};
/* clang-format on */

const struct file_analyzer *file_analyzer_find(const char *name)
{
    for (size_t i = 0; file_analyzers[i]; i++) {
        if (strcmp(file_analyzers[i]->name, name) == 0)
            return file_analyzers[i];
    }
    return NULL;
}
