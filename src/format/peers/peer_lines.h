/* peer_lines.h: what the peers that print "name: number" share; inside format/peers/ only. */
#ifndef TACHO_FORMAT_PEERS_PEER_LINES_H
#define TACHO_FORMAT_PEERS_PEER_LINES_H

#include "format/peers/peer.h"

/* One metric of each field whose key (with its colon) stands in the text, from the first line that
 * holds it. */
void peer_lines_values(struct peer_run *run, const struct peer_field *fields, size_t count);

#endif
