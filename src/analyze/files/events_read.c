/* events_read.c: rows of the log: on several cores into raw_rows with their texts, then in the
 * order of the file names and ids become numbers. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyze/files/events_internal.h"
#include "base/util.h"
#include "format/csv.h"

enum want {
    WANT_TIME,
    WANT_CAM,
    WANT_TRACK,
    WANT_ID,
    WANT_ROUTE,
    WANT_EVENT,
    WANT_X1,
    WANT_Y1,
    WANT_X2,
    WANT_Y2,
    WANT_COUNT
};

static const char *const time_names[] = {"time", "ts", "datetime", "epoch_s", NULL};
static const char *const cam_names[] = {"camera", "cam_id", "camera_id", NULL};
static const char *const track_names[] = {"local_id", "track_id", "uid", NULL};
static const char *const id_names[] = {"parcel_id", "global_id", "object_id", NULL};
static const char *const route_names[] = {"lane", "destination", NULL};
static const char *const event_name_names[] = {"event_type", "status", "state", NULL};

/* master_id and cam have empty cells by nature, so the reader must not require them; that the
 * columns are there is seen to below. */
static const struct csv_want wants[WANT_COUNT] = {
    [WANT_TIME] = {"timestamp", time_names, CSV_TIME, true},
    [WANT_CAM] = {"cam", cam_names, CSV_TEXT, false},
    [WANT_TRACK] = {"local_uid", track_names, CSV_TEXT, false},
    [WANT_ID] = {"master_id", id_names, CSV_TEXT, false},
    [WANT_ROUTE] = {"route", route_names, CSV_TEXT, false},
    [WANT_EVENT] = {"event", event_name_names, CSV_TEXT, true},
    [WANT_X1] = {"x1", NULL, CSV_NUMBER, false},
    [WANT_Y1] = {"y1", NULL, CSV_NUMBER, false},
    [WANT_X2] = {"x2", NULL, CSV_NUMBER, false},
    [WANT_Y2] = {"y2", NULL, CSV_NUMBER, false},
};

static const enum want texts[] = {WANT_CAM, WANT_TRACK, WANT_ID, WANT_ROUTE, WANT_EVENT};
enum { TEXT_CAM, TEXT_TRACK, TEXT_ID, TEXT_ROUTE, TEXT_EVENT, TEXT_COUNT };
#define TEXT_MAX 255

enum box { BOX_NOT_ASKED, BOX_GOOD, BOX_NONE, BOX_BAD };

struct raw_row {
    double s;
    uint64_t id_hash, track_hash; /* track_hash: without its camera; 0: empty */
    size_t text;
    uint32_t line;
    uint8_t sizes[TEXT_COUNT];
    uint8_t box;
};

struct part { /* what one thread has read of a chunk */
    struct raw_row *rows;
    size_t count, capacity;
    struct strbuf text;
};

struct reading {
    struct events *events;
    struct analysis_input *input;
    uint64_t file;      /* its number */
    struct skips skips; /* what csv.h does not know */
};

/* ---- by any thread ---- */

static void *part_new(void *context)
{
    (void)context;
    return calloc(1, sizeof(struct part));
}

static void part_free(void *context, void *result)
{
    (void)context;
    struct part *part = result;
    free(part->rows);
    strbuf_deinit(&part->text);
    free(part);
}

/* What pandas and others write where there is nothing; and 12.0 where 12 was meant. */
static size_t meant(const char *text, size_t size, bool is_id)
{
    static const char *const nothing[] = {"nan", "none", "null", "n/a", "na", "-", "-1"};
    for (size_t i = 0; i < ARRAY_LEN(nothing); i++) {
        if (strlen(nothing[i]) == size && strncasecmp(nothing[i], text, size) == 0)
            return 0;
    }
    size_t digits = 0;
    while (digits < size && isdigit((unsigned char)text[digits]))
        digits++;
    bool is_float = digits > 0 && digits + 2 == size && memcmp(text + digits, ".0", 2) == 0;
    return is_id && is_float ? digits : size;
}

static enum box box_of(const struct csv_rows *rows, size_t i)
{
    double at[4];
    for (size_t k = 0; k < 4; k++) {
        if (!rows->number[WANT_X1 + k])
            return BOX_NOT_ASKED;
        at[k] = rows->number[WANT_X1 + k][i];
        if (isnan(at[k]))
            return BOX_NONE;
    }
    return at[2] > at[0] && at[3] > at[1] ? BOX_GOOD : BOX_BAD;
}

static int take_rows(void *context, void *result, const struct csv_rows *rows, struct error *err)
{
    (void)context;
    struct part *part = result;
    if (array_reserve(&part->rows, &part->capacity, part->count + rows->count,
                      sizeof(*part->rows)) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    for (size_t i = 0; i < rows->count; i++) {
        struct raw_row *row = &part->rows[part->count++];
        *row = (struct raw_row){.s = rows->number[WANT_TIME][i],
                                .text = part->text.len,
                                .line = rows->line[i],
                                .box = (uint8_t)box_of(rows, i)};
        for (size_t k = 0; k < TEXT_COUNT; k++) {
            if (!rows->text[texts[k]])
                continue;
            struct csv_text text = rows->text[texts[k]][i];
            size_t size = u64_min(text.size, TEXT_MAX);
            if (k != TEXT_EVENT)
                size = meant(text.data, size, k == TEXT_ID || k == TEXT_TRACK);
            row->sizes[k] = (uint8_t)size;
            strbuf_append_n(&part->text, text.data, size);
            if (size > 0 && k == TEXT_ID)
                row->id_hash = event_hash(text.data, size, 0);
            if (size > 0 && k == TEXT_TRACK)
                row->track_hash = event_hash(text.data, size, 0);
        }
    }
    return part->text.failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

/* ---- in the order of the file ---- */

static void count_box(struct events *events, const struct raw_row *raw, const struct event_row *row)
{
    if (!row->is_seen || raw->box == BOX_GOOD || raw->box == BOX_NOT_ASKED)
        return;
    event_note(events, raw->box == BOX_NONE ? ANOMALY_NO_BOX : ANOMALY_BAD_BOX, row->seq);
}

/* Observations are what a camera saw; PICKUP, MISSING and DISAPPEAR are concluded from what it did
 * not see. What is not known counts as seen where it has a box. */
static bool is_seen(size_t kind, enum box box)
{
    if (kind < EVENT_KIND_COUNT)
        return kind <= EVENT_MATCHED;
    return box == BOX_GOOD;
}

/* The six known ones in any case. */
static size_t kind_of(struct events *events, const char *text, size_t size)
{
    struct event_names *kinds = &events->kinds;
    size_t count = kinds->count, kind = event_names_add(kinds, text, size);
    if (kinds->count == count) /* it was there */
        return kind;
    for (size_t i = 0; i < EVENT_KIND_COUNT; i++) {
        if (strcasecmp(kinds->name[i], kinds->name[kind]) != 0)
            continue;
        memset(kinds->name[kind], 0, sizeof(kinds->name[kind]));
        kinds->count = count;
        return kinds->last = i;
    }
    return kind;
}

/* The row before this one is certainly not the last of its file. */
static int let_go(struct events *events)
{
    if (!events->is_held)
        return 0;
    events->is_held = false;
    return events_push(events, &events->held);
}

static int hold(struct reading *reading, const struct raw_row *raw, const char *text, uint64_t line)
{
    struct events *events = reading->events;
    const char *at[TEXT_COUNT];
    for (size_t k = 0; k < TEXT_COUNT; k++) {
        at[k] = text;
        text += raw->sizes[k];
    }
    struct event_row row = {.s = raw->s, .seq = reading->file << 40 | line, .cam = EVENTS_NONE};
    if (raw->sizes[TEXT_CAM] > 0)
        row.cam = (uint8_t)event_names_add(&events->cams, at[TEXT_CAM], raw->sizes[TEXT_CAM]);
    row.route = (uint16_t)event_names_add(&events->routes, at[TEXT_ROUTE], raw->sizes[TEXT_ROUTE]);
    row.kind = (uint8_t)kind_of(events, at[TEXT_EVENT], raw->sizes[TEXT_EVENT]);
    events->kind_read[row.kind]++;
    row.is_seen = is_seen(row.kind, (enum box)raw->box);
    if (raw->track_hash) {
        uint64_t parts[] = {raw->track_hash, row.cam};
        row.track = event_hash((const char *)parts, sizeof(parts), 0);
    }
    if (raw->sizes[TEXT_ID] > 0) {
        int64_t id = event_ids_add(&events->ids, at[TEXT_ID], raw->sizes[TEXT_ID], raw->id_hash);
        if (id < 0)
            return -ERROR_NOMEM;
        row.id = (uint32_t)id + 1;
    }
    count_box(events, raw, &row);
    events->held = row;
    events->is_held = true;
    return 0;
}

static int merge_part(void *context, void *result, uint64_t first_line, struct error *err)
{
    struct reading *reading = context;
    struct part *part = result;
    int rc = 0;
    for (size_t i = 0; i < part->count && rc == 0; i++) {
        const struct raw_row *raw = &part->rows[i];
        uint64_t line = first_line + raw->line;
        if (fabs(raw->s) > 1e12) { /* no clock says that: 31,000 years */
            skips_add(&reading->skips, SKIP_BAD_TIME, line);
            continue;
        }
        rc = let_go(reading->events);
        if (rc == 0)
            rc = hold(reading, raw, strbuf_get(&part->text) + raw->text, line);
    }
    part->count = 0;
    strbuf_clear(&part->text);
    return rc < 0 ? error_set(err, ERROR_NOMEM, "out of memory for parcels") : 0;
}

/* ---- a file ---- */

/* PICK, where the file ends in the middle of PICKUP: it has all its fields, and is cut off all the
 * same. */
static bool is_cut_off(const struct events *events)
{
    const char *name = events->kinds.name[events->held.kind];
    if (!events->is_held || events->held.kind < EVENT_KIND_COUNT ||
        events->kind_read[events->held.kind] > 1)
        return false;
    for (size_t i = 0; i < EVENT_KIND_COUNT; i++) {
        if (str_starts_with(events->kinds.name[i], name))
            return true;
    }
    return false;
}

static int need_column(const struct csv *csv, enum want want, const char *path, struct error *err)
{
    if (csv_column_of(csv, want) >= 0)
        return 0;
    struct strbuf names = {0};
    size_t count = csv_column_count(csv);
    for (size_t i = 0; i < count && i < 12; i++)
        strbuf_printf(&names, "%s%s", i ? ", " : "", csv_column_name(csv, i));
    error_set(err, ERROR_INPUT, "no column %s", wants[want].name);
    error_at(err, path, (int)csv_header_line(csv), 0);
    int rc = error_hint(err,
                        "a tracking log is expected (timestamp,cam,local_uid,master_id,route,"
                        "x1,y1,x2,y2,event); there are: %s",
                        strbuf_get(&names));
    strbuf_deinit(&names);
    return rc;
}

static int read_csv(struct reading *reading, struct csv *csv, const char *path, struct error *err)
{
    struct events *events = reading->events;
    struct csv_job job = {.context = reading,
                          .result_new = part_new,
                          .result_free = part_free,
                          .rows = take_rows,
                          .merge = merge_part};
    int rc = need_column(csv, WANT_CAM, path, err);
    if (rc == 0)
        rc = need_column(csv, WANT_ID, path, err);
    if (rc == 0)
        rc = csv_each(csv, events->options->threads, &job, err);
    if (rc < 0)
        return rc;
    if (is_cut_off(events)) {
        skips_add(&reading->skips, SKIP_CUT_OFF, events->held.seq & (((uint64_t)1 << 40) - 1));
        events->is_held = false;
    }
    struct skips *skips = &reading->input->skips;
    uint64_t lost = skips_data(&reading->skips);
    *skips = *csv_skips(csv);
    reading->input->lines = csv_lines(csv);
    skips_merge(skips, &reading->skips, 0);
    skips->rows -= u64_min(lost, skips->rows);
    return let_go(events) < 0 ? error_set(err, ERROR_NOMEM, "out of memory for parcels") : 0;
}

static int read_file(struct events *events, size_t file, struct error *err)
{
    const char *path = events->options->paths[file];
    struct source *source = NULL;
    struct csv *csv = NULL;
    int rc = source_open(path, &source, err);
    if (rc < 0)
        return rc;
    const char *name = source_name(source);
    struct reading reading = {.events = events, .file = file};
    reading.input = analysis_add_input(events->analysis, name, "tracking CSV");
    rc = csv_open(source, wants, WANT_COUNT, &csv, err);
    if (rc == 0)
        rc = read_csv(&reading, csv, name, err);
    reading.input->bytes = source_bytes_read(source);
    csv_close(csv);
    source_close(source);
    return rc;
}

int events_read(struct events *events, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < events->options->path_count && rc == 0; i++)
        rc = read_file(events, i, err);
    if (rc == 0 && events_flush(events) < 0)
        rc = error_set(err, ERROR_NOMEM, "out of memory for parcels");
    return rc;
}
