/* traces_fixture.h: logs of memory and of tegrastats that the test writes, and questions of what
 * was found in them. */
#ifndef TESTS_ANALYZE_FILES_TRACES_FIXTURE_H
#define TESTS_ANALYZE_FILES_TRACES_FIXTURE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/file_analyzer.h"
#include "base/str.h"

static inline struct analyze_options file_options(void)
{
    return (struct analyze_options){.throttle_threshold_c = 85,
                                    .memory_limit_mb = NAN,
                                    .deadline_ms = NAN,
                                    .tdp_w = NAN,
                                    .threads = 1};
}

/* Writes the texts (sizes NULL: they are terminated), analyzes them in one call and removes them.
 * The analysis is the caller's to deinit. */
static inline int analyze_bytes(const struct file_analyzer *analyzer,
                                const struct analyze_options *options, const char *const *texts,
                                const size_t *sizes, size_t count, struct analysis *ret,
                                struct error *err)
{
    char names[4][32];
    const char *paths[4];
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "/tmp/test-traces-XXXXXX");
        int fd = mkstemp(names[i]);
        size_t size = sizes ? sizes[i] : strlen(texts[i]);
        if (fd < 0 || write(fd, texts[i], size) != (ssize_t)size)
            abort();
        close(fd);
        paths[i] = names[i];
    }
    struct analyze_options own = *options;
    own.paths = paths;
    own.path_count = count;
    analysis_init(ret, analyzer->name);
    int rc = analyzer->files(&own, ret, err);
    for (size_t i = 0; i < count; i++)
        unlink(names[i]);
    return rc;
}

static inline const struct finding *finding_of(const struct analysis *analysis, const char *rule)
{
    for (size_t i = 0; i < analysis->finding_count; i++) {
        if (strcmp(analysis->findings[i].rule, rule) == 0)
            return &analysis->findings[i];
    }
    return NULL;
}

/* A test that asks for what must be there fails where it is not. */
static inline const struct finding *finding_that(const struct analysis *analysis, const char *rule)
{
    const struct finding *finding = finding_of(analysis, rule);
    if (finding)
        return finding;
    fprintf(stderr, "no finding %s\n", rule);
    abort();
}

static inline const struct analysis_table *table_of(const struct analysis *analysis,
                                                    const char *key)
{
    for (size_t i = 0; i < analysis->table_count; i++) {
        if (strcmp(analysis->tables[i]->key, key) == 0)
            return analysis->tables[i];
    }
    return NULL;
}

/* The cell of a row, by the column's key. A test that asks for what is not there fails. */
static inline const struct analysis_cell *cell_of(const struct analysis *analysis, const char *key,
                                                  size_t row, const char *column)
{
    const struct analysis_table *table = table_of(analysis, key);
    for (size_t i = 0; table && row < table->row_count && i < table->column_count; i++) {
        if (strcmp(table->columns[i].key, column) == 0)
            return &table->cells[row * table->column_count + i];
    }
    fprintf(stderr, "no cell %s of row %zu in table %s\n", column, row, key);
    abort();
}

/* The row whose column holds this text. */
static inline size_t row_of(const struct analysis *analysis, const char *key, const char *column,
                            const char *text)
{
    const struct analysis_table *table = table_of(analysis, key);
    for (size_t i = 0; table && i < table->row_count; i++) {
        const char *cell = cell_of(analysis, key, i, column)->text;
        if (cell && strcmp(cell, text) == 0)
            return i;
    }
    fprintf(stderr, "no row with %s in table %s\n", text, key);
    abort();
}

#endif
