/* facts_json.h: facts within a larger document; inside format/ only.
 *
 * Written as three members: KEY{name: value}, KEY_reasons{name: reason} for what is null, and
 * KEY_sources{name: source} when asked for. So a reader who wants a value finds it plain.
 */
#ifndef TACHO_FORMAT_FACTS_JSON_H
#define TACHO_FORMAT_FACTS_JSON_H

#include "format/json_reader.h"
#include "format/json_writer.h"
#include "model/facts.h"

void facts_json_write_members(struct json_writer *writer, const char *key,
                              const struct facts *facts, bool with_sources);
/* Missing members leave the facts empty. Returns reader->rc. */
int facts_json_read_members(struct json_reader *reader, const json_t *object, const char *key,
                            struct facts *facts);

#endif
