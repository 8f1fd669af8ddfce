/* watch_view_processes.c: the table of watched processes on the live screen. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "report/watch_view_internal.h"

/* Columns from the right edge; what is left of them is the name's. */
enum { CPU_WIDTH = 8, MB_WIDTH = 9, THREADS_WIDTH = 9, FDS_WIDTH = 7, PID_WIDTH = 8 };
#define NUMBERS_WIDTH (CPU_WIDTH + 2 * MB_WIDTH + THREADS_WIDTH + FDS_WIDTH)

static const char *count_text(double count, char *buf, size_t size)
{
    if (isnan(count))
        snprintf(buf, size, "-");
    else
        snprintf(buf, size, "%.0f", count);
    return buf;
}

static void put_numbers(struct pen *pen, enum grid_style style, const struct process_row *row)
{
    char text[40];
    size_t column = pen->grid->width - NUMBERS_WIDTH;
    if (isnan(row->cpu_pct))
        snprintf(text, sizeof(text), "-");
    else
        snprintf(text, sizeof(text), "%.1f", row->cpu_pct);
    grid_put_right(pen->grid, pen->row, column, CPU_WIDTH, style, text);
    column += CPU_WIDTH;
    grid_put_right(pen->grid, pen->row, column, MB_WIDTH, style,
                   watch_view_mb(row->rss_mb, text, sizeof(text)));
    column += MB_WIDTH;
    grid_put_right(pen->grid, pen->row, column, MB_WIDTH, style,
                   watch_view_mb(row->anon_mb, text, sizeof(text)));
    column += MB_WIDTH;
    grid_put_right(pen->grid, pen->row, column, THREADS_WIDTH, style,
                   count_text(row->threads, text, sizeof(text)));
    column += THREADS_WIDTH;
    grid_put_right(pen->grid, pen->row, column, FDS_WIDTH, style,
                   count_text(row->fds, text, sizeof(text)));
}

static void put_header(struct pen *pen, enum watch_view_sort sort)
{
    static const struct {
        const char *title;
        size_t width;
        enum watch_view_sort sort;
    } titles[] = {{"CPU %", CPU_WIDTH, WATCH_VIEW_CPU},
                  {"RSS", MB_WIDTH, WATCH_VIEW_MEMORY},
                  {"anon", MB_WIDTH, WATCH_VIEW_TREE},
                  {"threads", THREADS_WIDTH, WATCH_VIEW_TREE},
                  {"fds", FDS_WIDTH, WATCH_VIEW_TREE}};
    size_t column = pen->grid->width - NUMBERS_WIDTH;
    char text[16];
    grid_paint(pen->grid, pen->row, 0, pen->grid->width, GRID_HEADER);
    grid_put_right(pen->grid, pen->row, 0, PID_WIDTH - 1, GRID_HEADER,
                   sort == WATCH_VIEW_PID ? "PID v" : "PID");
    grid_put(pen->grid, pen->row, PID_WIDTH, column - PID_WIDTH, GRID_HEADER, "watched");
    for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
        bool is_sorted = sort != WATCH_VIEW_TREE && titles[i].sort == sort;
        snprintf(text, sizeof(text), "%s%s", titles[i].title, is_sorted ? " v" : "");
        grid_put_right(pen->grid, pen->row, column, titles[i].width, GRID_HEADER, text);
        column += titles[i].width;
    }
    pen->row++;
}

static void put_process(struct pen *pen, const struct process_row *row, bool as_tree)
{
    char text[40];
    size_t indent = as_tree ? u64_min(row->depth, 6) * 2 : 0;
    size_t column = PID_WIDTH + indent, end = pen->grid->width - NUMBERS_WIDTH;
    snprintf(text, sizeof(text), "%d", (int)row->pid);
    grid_put_right(pen->grid, pen->row, 0, PID_WIDTH - 1, GRID_NORMAL, text);
    grid_put(pen->grid, pen->row, column, end > column ? end - column : 0, GRID_NORMAL, row->name);
    put_numbers(pen, GRID_NORMAL, row);
    pen->row++;
}

/* ---- the order ---- */

/* NaN stands behind every number. */
static bool is_before(const struct process_row *a, const struct process_row *b,
                      enum watch_view_sort sort)
{
    if (sort == WATCH_VIEW_PID)
        return a->pid < b->pid;
    double first = sort == WATCH_VIEW_CPU ? a->cpu_pct : a->rss_mb;
    double second = sort == WATCH_VIEW_CPU ? b->cpu_pct : b->rss_mb;
    return first > second || (!isnan(first) && isnan(second));
}

/* Insertion: stable, and what hardly changes is sorted already. */
static void sort_rows(const struct process_table *table, enum watch_view_sort sort, uint16_t *order)
{
    for (size_t i = 0; i < table->count; i++) {
        size_t at = i;
        for (; sort != WATCH_VIEW_TREE && at > 0 &&
               is_before(&table->rows[i], &table->rows[order[at - 1]], sort);
             at--)
            order[at] = order[at - 1];
        order[at] = (uint16_t)i;
    }
}

/* ---- the section ---- */

/* What the sampler says of all of them together. */
static void get_sum(const struct watch_view *view, struct process_row *ret)
{
    *ret = (struct process_row){
        .cpu_pct = watch_view_value(view, "cpu_track_pct", NULL),
        .rss_mb = watch_view_value(view, "mem_track_rss_mb", NULL),
        .anon_mb = watch_view_value(view, "mem_track_anon_mb", NULL),
        .threads = watch_view_value(view, "threads", NULL),
        .fds = watch_view_value(view, "track_fds", NULL),
    };
}

static void put_sum(struct pen *pen, size_t hidden)
{
    struct process_row sum;
    char text[80];
    double count = watch_view_value(pen->view, "track_processes", NULL);
    get_sum(pen->view, &sum);
    if (isnan(count))
        snprintf(text, sizeof(text), "sum");
    else if (hidden > 0)
        snprintf(text, sizeof(text), "sum of %.0f, %zu not shown", count, hidden);
    else
        snprintf(text, sizeof(text), "sum of %.0f", count);
    grid_put(pen->grid, pen->row, PID_WIDTH, pen->grid->width - NUMBERS_WIDTH - PID_WIDTH,
             GRID_BOLD, text);
    put_numbers(pen, GRID_BOLD, &sum);
    pen->row++;
}

void watch_view_processes(struct pen *pen, size_t lines)
{
    const struct process_table *table = pen->now->processes;
    uint16_t order[PROCESS_TABLE_MAX];
    if (!table || lines < 3)
        return;
    put_header(pen, pen->view->sort);
    if (table->count == 0) {
        grid_put(pen->grid, pen->row++, PID_WIDTH, pen->grid->width, GRID_DIM,
                 pen->now->status->alive > 0 ? "none can be read" : "all have ended");
        return;
    }
    size_t rows = u64_min(table->count, lines - 2);
    sort_rows(table, pen->view->sort, order);
    for (size_t i = 0; i < rows; i++)
        put_process(pen, &table->rows[order[i]], pen->view->sort == WATCH_VIEW_TREE);
    put_sum(pen, table->count - rows);
}

void watch_view_sum(struct pen *pen)
{
    struct process_row sum;
    char cpu[24], rss[24], anon[24], text[160];
    if (!pen->now->processes)
        return;
    get_sum(pen->view, &sum);
    snprintf(text, sizeof(text), "%s  RSS %s  anon %s",
             watch_view_pct(sum.cpu_pct, cpu, sizeof(cpu)),
             watch_view_mb(sum.rss_mb, rss, sizeof(rss)),
             watch_view_mb(sum.anon_mb, anon, sizeof(anon)));
    pen_label(pen, "watched");
    grid_put(pen->grid, pen->row++, WATCH_VIEW_LABEL, pen->grid->width, GRID_NORMAL, text);
}
