/* tacho.c: tacho's own export (run_json.h), as one of the files that can be imported. */
#include "format/peers/peer.h"

#include "format/run_json.h"

static bool tacho_accepts(const struct peer_input *input)
{
    return peer_holds(input, "\"tacho.run", 4096);
}

static int tacho_read(const struct peer_input *input, struct error *err)
{
    return run_json_read(input->text, input->size, input->file, input->fresh, input->context, err);
}

const struct peer peer_tacho = {
    .name = "tacho", .files = "runs export", .accepts = tacho_accepts, .read = tacho_read};
