/* openai_stream.c: a stream of chat completions as a server sent it ("data: {…}" lines). It has no
 * times, so that latencies cannot be told from it: only how much came. */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "format/peers/peer_json.h"

extern const struct peer peer_openai_stream;

static bool openai_stream_accepts(const struct peer_input *input)
{
    return peer_holds(input, "data: {", 4096) && peer_holds(input, "\"choices\"", 65536);
}

struct totals {
    double chunks, with_content, content_bytes, bad, prompt_tokens, completion_tokens;
};

static void add_chunk(struct totals *totals, const json_t *chunk)
{
    size_t index;
    json_t *choice;
    totals->chunks++;
    json_array_foreach(json_object_get(chunk, "choices"), index, choice)
    {
        const json_t *delta = json_object_get(choice, "delta");
        const json_t *content = json_object_get(delta ? delta : choice, delta ? "content" : "text");
        if (json_is_string(content) && json_string_length(content) > 0) {
            totals->with_content++;
            totals->content_bytes += (double)json_string_length(content);
        }
    }
    const json_t *usage = json_object_get(chunk, "usage");
    if (json_is_object(usage)) {
        totals->prompt_tokens = json_number_value(json_object_get(usage, "prompt_tokens"));
        totals->completion_tokens = json_number_value(json_object_get(usage, "completion_tokens"));
    }
}

static int openai_stream_read(const struct peer_input *input, struct error *err)
{
    struct totals totals = {.prompt_tokens = -1, .completion_tokens = -1};
    struct peer_run run;
    size_t at = 0;
    bool is_done = false;
    CLEANUP_FREE char *line = malloc(input->size + 1);
    if (!line)
        return error_set(err, ERROR_NOMEM, "out of memory");
    peer_run_init(&run, &peer_openai_stream, input, 0, "chat completion", err);
    while (peer_line(input, &at, line, input->size + 1)) {
        if (strncmp(line, "data: ", 6) != 0)
            continue;
        is_done = is_done || strcmp(line, "data: [DONE]") == 0;
        if (line[6] != '{')
            continue;
        CLEANUP(json_reader_close) struct json_reader reader = {.file = input->file};
        json_t *chunk = NULL;
        if (json_reader_parse(&reader, line + 6, strlen(line + 6), &chunk) < 0) {
            totals.bad++;
            continue;
        }
        const char *model = json_string_value(json_object_get(chunk, "model"));
        if (model && totals.chunks == 0)
            facts_text(&run.workload, "model", model, input->file);
        add_chunk(&totals, chunk);
    }
    run.is_cut_short = !is_done;
    peer_run_value(&run, "chunks", "", DIRECTION_NEITHER, "chunks of the answer", totals.chunks);
    peer_run_value(&run, "content_chunks", "", DIRECTION_NEITHER, "chunks that held text",
                   totals.with_content);
    peer_run_value(&run, "content_bytes", "", DIRECTION_NEITHER, "bytes of text, UTF-8",
                   totals.content_bytes);
    if (totals.bad > 0)
        peer_run_value(&run, "bad_chunks", "", DIRECTION_LOWER, "chunks that are no JSON",
                       totals.bad);
    if (totals.prompt_tokens >= 0)
        peer_run_value(&run, "prompt_tokens", "", DIRECTION_NEITHER, "as the server counts them",
                       totals.prompt_tokens);
    if (totals.completion_tokens >= 0)
        peer_run_value(&run, "completion_tokens", "", DIRECTION_NEITHER,
                       "as the server counts them", totals.completion_tokens);
    return peer_run_end(&run);
}

const struct peer peer_openai_stream = {.name = "openai_stream",
                                        .files = "\"data: …\" lines of a chat completion",
                                        .accepts = openai_stream_accepts,
                                        .read = openai_stream_read};
