/* peer_json.h: what the peers that write JSON share; inside format/peers/ only. */
#ifndef TACHO_FORMAT_PEERS_PEER_JSON_H
#define TACHO_FORMAT_PEERS_PEER_JSON_H

#include "format/json_reader.h"
#include "format/peers/peer.h"

/* The members of an object that these fields name; one that is missing, null or no number is left
 * out: what a tool cannot tell it leaves away. */
void peer_json_values(struct peer_run *run, const json_t *object, const struct peer_field *fields,
                      size_t count);
/* An array of numbers (or of arrays of them), one sample each; anything else in it is left out. */
void peer_json_samples(struct peer_run *run, const json_t *object, const struct peer_field *field);
/* Members as facts of the workload or the environment, under their own names. */
void peer_json_facts(struct facts *facts, const json_t *object, const char *const *keys,
                     size_t count, const char *source);

/* A document, or several, one behind the other (a line each): each(…) is called with every one. The
 * context of each is the caller's. */
int peer_json_documents(const struct peer_input *input,
                        int (*each)(const struct peer_input *input, const json_t *root,
                                    size_t index, struct error *err),
                        struct error *err);

#endif
