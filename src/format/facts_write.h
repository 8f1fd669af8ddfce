/* facts_write.h: facts as members of a larger JSON document that a command writes itself.
 *
 * Written as three members: KEY{name: value}, KEY_reasons{name: reason} for what is null (left out
 * when nothing is), and KEY_sources{name: source} when asked for. So a reader who wants a value
 * finds it plain. Memory and errors: the writer's.
 */
#ifndef TACHO_FORMAT_FACTS_WRITE_H
#define TACHO_FORMAT_FACTS_WRITE_H

#include "format/json_writer.h"
#include "model/facts.h"

void facts_json_write_members(struct json_writer *writer, const char *key,
                              const struct facts *facts, bool with_sources);

#endif
