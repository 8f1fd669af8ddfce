/* events_fixture.h: a tracking log that is written by the test, and cells of what comes of it. */
#ifndef TESTS_EVENTS_FIXTURE_H
#define TESTS_EVENTS_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "analyze/file_analyzer.h"
#include "base/str.h"
#include "base/util.h"

#define EVENTS_HEADER "timestamp,cam,local_uid,master_id,route,x1,y1,x2,y2,event\n"
#define EVENTS_BEGIN 1795136400.0 /* 2026-11-20 01:00:00 UTC */

extern const struct file_analyzer file_analyzer_events;

struct fixture {
    struct strbuf text, metrics;
    struct analysis analysis;
    struct error err;
    unsigned threads; /* 0: one */
};

/* "t,cam,local,master,XSEA,1,2,3,4,event" at EVENTS_BEGIN + s. */
static inline void row(struct fixture *fixture, double s, const char *cam, const char *local,
                       const char *master, const char *event)
{
    bool has_box = strcmp(event, "PICKUP") != 0 && strcmp(event, "DISAPPEAR") != 0 &&
                   strcmp(event, "MISSING") != 0;
    if (!fixture->text.data)
        strbuf_append(&fixture->text, EVENTS_HEADER);
    strbuf_printf(&fixture->text, "%.3f,%s,%s,%s,XSEA,%s,%s\n", EVENTS_BEGIN + s, cam, local,
                  master, has_box ? "1,2,3,4" : ",,,", event);
}

/* A new file with that text; the caller unlinks and frees it. */
static inline char *write_file(const struct strbuf *text)
{
    char *path = strdup("/tmp/test-events-XXXXXX");
    int fd = path ? mkstemp(path) : -1;
    if (fd < 0 || write(fd, strbuf_get(text), text->len) != (ssize_t)text->len)
        abort();
    close(fd);
    return path;
}

/* metrics NULL: none. */
static inline int analyze_paths(struct fixture *fixture, const char *path, const char *metrics)
{
    struct analyze_options options = {.paths = &path,
                                      .path_count = 1,
                                      .metrics_path = metrics,
                                      .threads = fixture->threads ? fixture->threads : 1};
    analysis_init(&fixture->analysis, "events");
    return file_analyzer_events.files(&options, &fixture->analysis, &fixture->err);
}

static inline int analyze(struct fixture *fixture)
{
    char *path = write_file(&fixture->text);
    char *metrics = fixture->metrics.len > 0 ? write_file(&fixture->metrics) : NULL;
    int rc = analyze_paths(fixture, path, metrics);
    unlink(path);
    if (metrics)
        unlink(metrics);
    free(path);
    free(metrics);
    return rc;
}

static inline void done(struct fixture *fixture)
{
    strbuf_deinit(&fixture->text);
    strbuf_deinit(&fixture->metrics);
    analysis_deinit(&fixture->analysis);
}

static inline const struct analysis_table *table(const struct fixture *fixture, const char *key)
{
    for (size_t i = 0; i < fixture->analysis.table_count; i++) {
        if (strcmp(fixture->analysis.tables[i]->key, key) == 0)
            return fixture->analysis.tables[i];
    }
    return NULL;
}

static inline const struct analysis_cell *cell_at(const struct fixture *fixture, const char *key,
                                                  size_t at, const char *column)
{
    const struct analysis_table *found = table(fixture, key);
    for (size_t i = 0; found && at < found->row_count && i < found->column_count; i++) {
        if (strcmp(found->columns[i].key, column) == 0)
            return &found->cells[at * found->column_count + i];
    }
    fprintf(stderr, "no cell %s of row %zu in table %s\n", column, at, key);
    abort();
}

static inline double value_at(const struct fixture *fixture, const char *key, size_t at,
                              const char *column)
{
    return cell_at(fixture, key, at, column)->value;
}

static inline const char *text_at(const struct fixture *fixture, const char *key, size_t at,
                                  const char *column)
{
    return cell_at(fixture, key, at, column)->text;
}

static inline const struct finding *found(const struct fixture *fixture, const char *rule)
{
    for (size_t i = 0; i < fixture->analysis.finding_count; i++) {
        if (strcmp(fixture->analysis.findings[i].rule, rule) == 0)
            return &fixture->analysis.findings[i];
    }
    return NULL;
}

static inline int64_t fact_of(const struct fixture *fixture, const char *key)
{
    const struct fact *fact = facts_get(&fixture->analysis.facts, key);
    if (!fact)
        abort();
    return fact->integer;
}

static inline double covered_s(const struct fixture *fixture)
{
    return facts_get(&fixture->analysis.facts, "covered_s")->number;
}

#endif
