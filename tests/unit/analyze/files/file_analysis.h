/* file_analysis.h: an analyzer of files over texts that a test writes. */
#ifndef TACHO_TESTS_FILE_ANALYSIS_H
#define TACHO_TESTS_FILE_ANALYSIS_H

#include "test_tree.h"

#include <math.h>

#include "analyze/file_analyzer.h"
#include "base/str.h"
#include "base/util.h"

#define FILE_ANALYSIS_MAX 4

struct file_analysis {
    struct test_tree tree;
    char paths[FILE_ANALYSIS_MAX][128];
    const char *path[FILE_ANALYSIS_MAX];
    struct analyze_options options;
    struct analysis analysis;
    struct error err;
};

static inline void file_analysis_init(struct file_analysis *test)
{
    memset(test, 0, sizeof(*test));
    test_tree_init(&test->tree);
    test->options = (struct analyze_options){.paths = test->path,
                                             .cost_per_kwh = NAN,
                                             .tdp_w = NAN,
                                             .deadline_ms = NAN,
                                             .memory_limit_mb = NAN,
                                             .top_layers = 5,
                                             .threads = 1};
    analysis_init(&test->analysis, "test");
}

static inline void file_analysis_add(struct file_analysis *test, const char *name, const char *text)
{
    size_t i = test->options.path_count++;
    test_tree_write(&test->tree, name, text);
    char path[sizeof(test->paths[i])];
    snprintf(path, sizeof(path), "%s/%s", test->tree.path, name);
    str_copy(test->paths[i], sizeof(test->paths[i]), path);
    test->path[i] = test->paths[i];
}

static inline void file_analysis_deinit(struct file_analysis *test)
{
    analysis_deinit(&test->analysis);
    test_tree_deinit(&test->tree);
}

static inline const struct finding *file_analysis_finding(const struct file_analysis *test,
                                                          const char *rule)
{
    for (size_t i = 0; i < test->analysis.finding_count; i++) {
        if (strcmp(test->analysis.findings[i].rule, rule) == 0)
            return &test->analysis.findings[i];
    }
    return NULL;
}

static inline const struct analysis_table *file_analysis_table(const struct file_analysis *test,
                                                               const char *key)
{
    for (size_t i = 0; i < test->analysis.table_count; i++) {
        if (strcmp(test->analysis.tables[i]->key, key) == 0)
            return test->analysis.tables[i];
    }
    return NULL;
}

static inline const struct analysis_cell *file_analysis_cell(const struct file_analysis *test,
                                                             const char *key, size_t row,
                                                             const char *column)
{
    const struct analysis_table *table = file_analysis_table(test, key);
    assert_non_null(table);
    assert_true(row < table->row_count);
    for (size_t i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i].key, column) == 0)
            return &table->cells[row * table->column_count + i];
    }
    fail_msg("no column %s in %s", column, key);
    return NULL;
}

#endif
