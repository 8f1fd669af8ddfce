/* fuzz_csv.c: any bytes as a table: refused with a text, or the same rows by one thread and by
 * three; every number that comes out is the one that strtod reads.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

struct total {
    uint64_t rows, hash;
};

static void *result_new(void *context)
{
    return calloc(1, sizeof(struct total));
}

static void result_free(void *context, void *result)
{
    free(result);
}

static void add(struct total *total, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        total->hash = (total->hash ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
}

static int rows(void *context, void *result, const struct csv_rows *rows, struct error *err)
{
    struct total *total = result;
    for (size_t i = 0; i < rows->count; i++) {
        require(isfinite(rows->number[0][i]));
        add(total, &rows->number[0][i], sizeof(double));
        if (rows->text[1])
            add(total, rows->text[1][i].data, rows->text[1][i].size);
        if (rows->number[2])
            require(!isinf(rows->number[2][i]));
        total->rows++;
    }
    return 0;
}

static int merge(void *context, void *result, uint64_t first_line, struct error *err)
{
    struct total *all = context, *part = result;
    require(first_line >= 1);
    all->rows += part->rows;
    all->hash = all->hash * 31 + part->hash;
    *part = (struct total){.rows = 0};
    return 0;
}

static int read_by(const char *path, unsigned threads, struct total *ret)
{
    static const char *const synonyms[] = {"a", "value", NULL};
    static const struct csv_want wants[] = {{"latency_ms", synonyms, CSV_NUMBER, true},
                                            {"name", NULL, CSV_TEXT, false},
                                            {"timestamp", NULL, CSV_TIME, false}};
    struct source *source;
    struct csv *csv = NULL;
    struct error err = {0};
    *ret = (struct total){.rows = 0};
    struct csv_job job = {.context = ret,
                          .result_new = result_new,
                          .result_free = result_free,
                          .rows = rows,
                          .merge = merge};
    int rc = source_open(path, &source, &err);
    if (rc < 0) {
        require(err.message[0] != '\0');
        return rc;
    }
    rc = csv_open(source, wants, 3, &csv, &err);
    if (rc == 0)
        rc = csv_each(csv, threads, &job, &err);
    if (rc == 0)
        require(csv_skips(csv)->rows == ret->rows);
    else
        require(err.message[0] != '\0');
    csv_close(csv);
    source_close(source);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    struct total one, three;
    if (size >= 2 && (memcmp(data, "\x1f\x8b", 2) == 0 || memcmp(data, "BZ", 2) == 0 ||
                      memcmp(data,
                             "\xfd"
                             "7",
                             2) == 0 ||
                      memcmp(data, "\x28\xb5", 2) == 0))
        return 0; /* a process for each of them */
    if (fd < 0) {
        fd = memfd_create("fuzz.csv", MFD_CLOEXEC);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    require(fd >= 0 && ftruncate(fd, 0) == 0);
    require(pwrite(fd, data, size, 0) == (ssize_t)size);
    int rc = read_by(path, 1, &one);
    require(read_by(path, 3, &three) == rc);
    require(rc < 0 || (one.rows == three.rows && one.hash == three.hash));
    return 0;
}
