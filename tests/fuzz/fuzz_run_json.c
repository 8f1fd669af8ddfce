/* fuzz_run_json.c: any bytes as a run's JSON: no crash, an error with a text, or runs that can be
 * written again; and what was written reads back as the same text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/run_csv.h"
#include "format/run_json.h"

#define RUNS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct runs {
    struct run runs[RUNS_MAX];
    size_t count;
};

static void require(int condition)
{
    if (!condition)
        abort();
}

static struct run_sink *fresh(void *context)
{
    struct runs *runs = context;
    if (runs->count == RUNS_MAX)
        return NULL;
    struct run *run = &runs->runs[runs->count++];
    run_init(run);
    return run_sink_of(run);
}

static void release(struct runs *runs)
{
    for (size_t i = 0; i < runs->count; i++)
        run_deinit(&runs->runs[i]);
    runs->count = 0;
}

static void write_and_read_again(const struct run *run)
{
    static struct runs again;
    struct strbuf first = {0}, second = {0}, csv = {0};
    struct error err = {0};
    require(run_json_write(run, true, &first, &err) == 0);
    require(run_csv_write(&run, 1, true, &csv, &err) == 0);
    require(run_json_read(first.data, first.len, NULL, fresh, &again, &err) == 0);
    require(run_json_write(&again.runs[0], true, &second, &err) == 0);
    require(strcmp(first.data, second.data) == 0 || strstr(first.data, "\"dropped\"") != NULL);
    release(&again);
    strbuf_deinit(&first);
    strbuf_deinit(&second);
    strbuf_deinit(&csv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct runs runs;
    struct error err = {0};
    int code = run_json_read((const char *)data, size, "fuzz.json", fresh, &runs, &err);
    if (code == 0 && runs.count > 0)
        write_and_read_again(&runs.runs[0]);
    require(code == 0 || (err.code == -code && err.message[0]));
    release(&runs);
    return 0;
}
