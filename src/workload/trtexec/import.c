/* import.c: what trtexec measured, from the files that it wrote. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "workload/throughput.h"
#include "workload/trtexec/internal.h"

#define BLOCK 4096 /* values handed over at once */
#define BYTES_PER_MB 1048576.0

static int64_t span_end_ns(const struct trtexec_times *times)
{
    uint64_t end = 0;
    for (size_t i = 0; i < times->count; i++)
        end = u64_max(end, times->items[i].start_ns + times->items[i].latency_ns);
    return (int64_t)end;
}

static uint64_t part_of(const struct trtexec_time *time, enum trtexec_series id)
{
    switch (id) {
    case TRTEXEC_H2D:
        return time->h2d_ns;
    case TRTEXEC_COMPUTE:
        return time->compute_ns;
    case TRTEXEC_D2H:
        return time->d2h_ns;
    default:
        return time->latency_ns;
    }
}

/* trtexec's clock begins anywhere; the last inference is put at the end of the process, which is a
 * few milliseconds late at most. */
static int hand_over_times(struct trtexec *trtexec, struct workload_io *io,
                           const struct trtexec_times *times, int64_t end_ns, struct error *err)
{
    int64_t t_ns[BLOCK];
    uint64_t value_ns[BLOCK];
    int64_t origin_ns = end_ns - span_end_ns(times);
    int rc = 0;
    for (size_t from = 0; from < times->count && rc == 0; from += BLOCK) {
        size_t n = u64_min(BLOCK, times->count - from);
        for (enum trtexec_series id = TRTEXEC_LATENCY; id <= TRTEXEC_D2H && rc == 0; id++) {
            for (size_t i = 0; i < n; i++) {
                const struct trtexec_time *time = &times->items[from + i];
                t_ns[i] = origin_ns + (int64_t)(time->start_ns + time->latency_ns);
                value_ns[i] = part_of(time, id);
            }
            struct sample_block block = {.series = &trtexec->series[id],
                                         .invocation = io->invocation,
                                         .first_unit = from,
                                         .n = n,
                                         .t_ns = t_ns,
                                         .value_ns = value_ns};
            rc = io->samples(io, &block, err);
        }
    }
    return rc;
}

static int tell_window(struct trtexec *trtexec, struct workload_io *io, int64_t origin_ns,
                       const struct throughput *throughput, const struct throughput_window *window,
                       struct error *err)
{
    int64_t t_ns = origin_ns + (int64_t)(window->begin_ns + throughput->window_ns / 2);
    struct sample_block block = {.series = &trtexec->series[TRTEXEC_THROUGHPUT],
                                 .invocation = io->invocation,
                                 .n = 1,
                                 .t_ns = &t_ns,
                                 .value = &window->per_s};
    return io->samples(io, &block, err);
}

/* Where the batch size of an engine is not known its items per second are not known either. */
static int hand_over_throughput(struct trtexec *trtexec, struct workload_io *io,
                                const struct trtexec_times *times, int64_t end_ns,
                                struct error *err)
{
    if (trtexec->batch_size == 0)
        return 0;
    CLEANUP_FREE double *latencies = malloc(times->count * sizeof(*latencies));
    struct throughput throughput = {0};
    if (latencies == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for %zu times", times->count);
    for (size_t i = 0; i < times->count; i++)
        latencies[i] = (double)times->items[i].latency_ns;
    uint64_t window_ns = throughput_window_ns(latencies, times->count);
    int64_t origin_ns = end_ns - span_end_ns(times);
    int rc = throughput_init(&throughput, 0, window_ns, 1, (double)trtexec->batch_size);
    uint64_t before = 0;
    struct throughput_window window;
    int told = 0;
    for (size_t i = 0; i < times->count && rc == 0 && told == 0; i++) {
        const struct trtexec_time *time = &times->items[i];
        uint64_t end = u64_max(before, time->start_ns + time->latency_ns);
        rc = throughput_add(&throughput, 0, u64_min(time->start_ns, end), end);
        before = end;
        while (told == 0 && throughput_take(&throughput, &window))
            told = tell_window(trtexec, io, origin_ns, &throughput, &window, err);
    }
    while (rc == 0 && told == 0 && throughput_take_last(&throughput, &window))
        told = tell_window(trtexec, io, origin_ns, &throughput, &window, err);
    throughput_deinit(&throughput);
    if (rc != 0)
        return error_set(err, ERROR_NOMEM, "out of memory for the throughput");
    return told;
}

static int hand_over_memory(struct trtexec *trtexec, struct workload_io *io,
                            const struct launch_report *report, struct error *err)
{
    double mb = (double)report->max_rss_bytes / BYTES_PER_MB;
    struct sample_block block = {.series = &trtexec->series[TRTEXEC_PEAK_RSS],
                                 .invocation = io->invocation,
                                 .n = 1,
                                 .value = &mb};
    return io->samples(io, &block, err);
}

static int fail_unreadable(struct error *err, const struct error *detail)
{
    if (detail->code == ERROR_NOMEM)
        return error_set(err, ERROR_NOMEM, "%s", detail->message);
    error_set(err, ERROR_PROGRAM, "trtexec ended well, but what it wrote cannot be used: %s",
              detail->message);
    return error_hint(err, "is the disk full? --show-output shows what trtexec says");
}

/* The series of this layer; later invocations find that of the first. NULL: no room or memory. A
 * name may stand there several times: "fc", "fc #2". */
static const struct series *layer_series(struct trtexec *trtexec, const char *name,
                                         unsigned occurrence)
{
    char *instance = occurrence > 1 ? arena_printf(&trtexec->arena, "%s #%u", name, occurrence)
                                    : arena_strdup(&trtexec->arena, name);
    if (instance == NULL)
        return NULL;
    str_make_printable(instance);
    for (size_t i = 0; i < trtexec->layer_count; i++)
        if (strcmp(trtexec->layers[i].instance, instance) == 0)
            return &trtexec->layers[i];
    if (trtexec->layer_count == TRTEXEC_LAYERS_MAX)
        return NULL;
    struct series *series = &trtexec->layers[trtexec->layer_count];
    *series = (struct series){.id = TRTEXEC_LAYER_SERIES_FIRST + (uint32_t)trtexec->layer_count,
                              .kind = SERIES_VALUE,
                              .metric = metric_find("node_ms"),
                              .instance = instance,
                              .source = "trtexec --exportProfile averageMs"};
    trtexec->layer_count++;
    return series;
}

static unsigned occurrence_of(const struct trtexec_layers *layers, size_t index)
{
    unsigned occurrence = 1;
    for (size_t i = 0; i < index; i++)
        occurrence += strcmp(layers->items[i].name, layers->items[index].name) == 0;
    return occurrence;
}

/* trtexec tells no single call of a layer, only the mean: one value per invocation. */
static int hand_over_layers(struct trtexec *trtexec, struct workload_io *io,
                            const struct trtexec_layers *layers, struct error *err)
{
    if (trtexec->layers == NULL)
        trtexec->layers =
            arena_alloc(&trtexec->arena, TRTEXEC_LAYERS_MAX * sizeof(*trtexec->layers));
    if (trtexec->layers == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the layers of the engine");
    int rc = 0;
    for (size_t i = 0; i < layers->item_count && i < TRTEXEC_LAYERS_MAX && rc == 0; i++) {
        const struct trtexec_layer *layer = &layers->items[i];
        const struct series *series = layer_series(trtexec, layer->name, occurrence_of(layers, i));
        struct sample_block block = {
            .series = series, .invocation = io->invocation, .n = 1, .value_ns = &layer->average_ns};
        if (series != NULL && series->metric != NULL)
            rc = io->samples(io, &block, err);
    }
    return rc;
}

static int import_profile(struct trtexec *trtexec, struct workload_io *io, struct error *err)
{
    char path[TRTEXEC_PATH_MAX];
    struct error detail = {0};
    struct trtexec_layers layers = {0};
    trtexec_path(trtexec, TRTEXEC_FILE_PROFILE, path);
    int rc = trtexec_layers_read(path, &layers, &detail);
    if (rc != 0)
        rc = fail_unreadable(err, &detail);
    else
        rc = hand_over_layers(trtexec, io, &layers, err);
    trtexec_layers_deinit(&layers);
    return rc;
}

void trtexec_read_text(struct trtexec *trtexec, const char *text, size_t size)
{
    char line[TRTEXEC_LINE_MAX];
    double per_s;
    if (trtexec->program.version[0] == '\0')
        trtexec_version(text, size, trtexec->program.version, sizeof(trtexec->program.version));
    if ((trtexec_text_line(text, "Throughput: ", line, sizeof(line)) &&
         sscanf(line, "Throughput: %lf qps", &per_s) == 1) ||
        (trtexec_text_line(text, "throughput: ", line, sizeof(line)) && /* TensorRT 7 */
         sscanf(line, "throughput: %lf qps", &per_s) == 1))
        trtexec->told_per_s = per_s;
    trtexec_text_line(text, "Warmup completed ", trtexec->warmup_line,
                      sizeof(trtexec->warmup_line));
}

/* trtexec does not notice that it could not write all of it. */
static bool is_whole(const char *path)
{
    char end[64];
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    off_t from = size > (off_t)sizeof(end) ? size - (off_t)sizeof(end) : 0;
    ssize_t n = size > 0 ? pread(fd, end, sizeof(end), from) : 0;
    while (n > 0 && strchr(" \t\r\n", end[n - 1]) != NULL)
        n--;
    return n > 0 && end[n - 1] == ']';
}

int trtexec_import(struct trtexec *trtexec, struct workload_io *io,
                   const struct launch_report *report, struct error *err)
{
    char path[TRTEXEC_PATH_MAX];
    struct error detail = {0};
    struct trtexec_times times = {0};
    int64_t end_ns = (int64_t)(report->end_ns - io->run_begin_ns);
    trtexec_path(trtexec, TRTEXEC_FILE_TIMES, path);
    int rc = trtexec_times_read(path, &times, &detail);
    if (rc != 0)
        rc = fail_unreadable(err, &detail);
    else if (!is_whole(path))
        rc = fail_unreadable(err, &(struct error){.message = "its times end in the middle"});
    else if (times.count == 0)
        rc = error_set(err, ERROR_PROGRAM, "trtexec exported no usable time (%llu rows without)",
                       (unsigned long long)times.bad);
    trtexec->rows += times.count + times.bad;
    trtexec->bad_rows += times.bad;
    if (rc == 0)
        rc = hand_over_times(trtexec, io, &times, end_ns, err);
    if (rc == 0)
        rc = hand_over_throughput(trtexec, io, &times, end_ns, err);
    trtexec_times_deinit(&times);
    if (rc == 0)
        rc = hand_over_memory(trtexec, io, report, err);
    if (rc == 0 && trtexec->has_profile)
        rc = import_profile(trtexec, io, err);
    return rc;
}
