/* store_rows.h: one run's rows, table by table: how the sink writes them; inside store/ only. */
#ifndef TACHO_STORE_STORE_ROWS_H
#define TACHO_STORE_STORE_ROWS_H

#include "store/store_internal.h"

enum store_row_kind { ROW_PHASE, ROW_INVOCATION, ROW_EVENT, ROW_FINDING };

/* What waits to be written. Texts of an event and the finding are owned. */
struct store_row {
    enum store_row_kind kind;
    union {
        struct phase phase;
        struct invocation invocation;
        struct event event;
        struct finding *finding;
    };
};

void store_row_deinit(struct store_row *row);
/* The run's row, in a transaction of its own. A known id is -ERROR_INPUT. */
int store_write_begin(struct store *store, const struct run_info *info, int64_t *ret_run,
                      struct error *err);
int store_write_row(struct store *store, int64_t run, int64_t seq, const struct store_row *row,
                    struct error *err);
int store_write_series(struct store *store, int64_t run, const struct series *series,
                       struct error *err);
int store_write_end(struct store *store, int64_t run, const struct run_end *end, struct error *err);

#endif
