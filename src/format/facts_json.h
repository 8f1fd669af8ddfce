/* facts_json.h: facts within a larger document; inside format/ only.
 *
 * Its form is that of facts_write.h, whose half needs no jansson.
 */
#ifndef TACHO_FORMAT_FACTS_JSON_H
#define TACHO_FORMAT_FACTS_JSON_H

#include "format/facts_write.h"
#include "format/json_reader.h"
#include "model/facts.h"

/* Missing members leave the facts empty. Returns reader->rc. */
int facts_json_read_members(struct json_reader *reader, const json_t *object, const char *key,
                            struct facts *facts);

#endif
