/* fuzz_prometheus_text.c: any bytes as the metrics of a server, and what they say of its KV cache.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/kv_metrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct prometheus_text text;
    struct kv_metrics metrics;
    struct error err = {0};
    int rc = prometheus_text_read((const char *)data, size, "metrics", &text, &err);
    require(rc == 0 || (rc == -ERROR_INPUT && err.line > 0 && err.column > 0 && err.message[0]));
    if (rc < 0)
        return 0;
    for (size_t i = 0; i < text.count; i++) {
        require(text.samples[i].name[0] && strlen(text.samples[i].name) < size);
        require(!text.samples[i].has_time || isfinite(text.samples[i].time));
        for (size_t j = 0; j < text.samples[i].label_count; j++)
            require(strlen(text.samples[i].labels[j].value) < size);
    }
    rc = kv_metrics_read(&text, &metrics, &err);
    require(rc == 0 || (rc == -ERROR_UNSUPPORTED && err.message[0]));
    for (size_t i = 0; rc == 0 && i < metrics.count; i++)
        require(!(metrics.engines[i].use_pct < 0) && !(metrics.engines[i].running < 0));
    prometheus_text_deinit(&text);
    return 0;
}
