/* fuzz_peers.c: any bytes as the result of any tool: read or refused, never half a run. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/peers/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static int begun, ended;

static int on_begin(struct run_sink *sink, const struct run_info *info, struct error *err)
{
    require(info->id[0] != '\0' && memchr(info->id, '\0', sizeof(info->id)) && info->label != NULL);
    begun++;
    return 0;
}

static int on_samples(struct run_sink *sink, const struct sample_block *block, struct error *err)
{
    require(begun == ended + 1 && block->series->metric->name && block->series->instance);
    return 0;
}

static int on_end(struct run_sink *sink, const struct run_end *end, struct error *err)
{
    require(end->end_ns >= 0);
    ended++;
    return 0;
}

static const struct run_sink_ops ops = {
    .name = "fuzz", .begin = on_begin, .samples = on_samples, .end = on_end};
static struct run_sink sink = {.ops = &ops};

static struct run_sink *fresh(void *context)
{
    return &sink;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    begun = ended = 0;
    struct peer_input input = {.text = text, .size = size, .file = "f", .fresh = fresh};
    const struct peer *peer = peer_of(&input);
    struct error err = {0};
    /* tacho's own JSON has a target of its own. */
    if (!peer || strcmp(peer->name, "tacho") != 0) {
        int rc = peer_read(&input, &err);
        require(rc == 0 ? begun == ended && begun > 0 : err.message[0] != '\0');
    }
    free(text);
    return 0;
}
