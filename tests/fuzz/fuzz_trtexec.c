/* fuzz_trtexec.c: any bytes as each of the three things that trtexec writes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/trtexec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void as_times(const char *text, size_t size)
{
    struct trtexec_times times;
    struct error err = {0};
    int rc = trtexec_times_read_text(text, size, "t.json", &times, &err);
    require(rc == 0 || (rc == -ERROR_INPUT && err.line > 0 && err.column > 0 && err.message[0]));
    if (rc < 0)
        return;
    for (size_t i = 0; i < times.count; i++)
        require(times.items[i].latency_ns <= 9000000000000000);
    trtexec_times_deinit(&times);
}

static void as_layers(const char *text, size_t size)
{
    struct trtexec_layers layers;
    struct error err = {0};
    int rc = trtexec_layers_read_text(text, size, "l.json", &layers, &err);
    require(rc == 0 || (rc == -ERROR_INPUT && err.line > 0 && err.column > 0 && err.message[0]));
    if (rc < 0)
        return;
    for (size_t i = 0; i < layers.item_count; i++)
        require(layers.items[i].name && strlen(layers.items[i].name) < size);
    trtexec_layers_deinit(&layers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char version[16];
    as_times((const char *)data, size);
    as_layers((const char *)data, size);
    if (trtexec_version((const char *)data, size, version, sizeof(version)))
        require(strlen(version) >= 5);
    return 0;
}
