/* peer_lines.c: what the peers that print "name: number" share. */
#include "format/peers/peer_lines.h"

#include <math.h>

static double first_number(const struct peer_input *input, const char *key)
{
    char line[1024];
    size_t at = 0;
    double value;
    while (peer_line(input, &at, line, sizeof(line))) {
        if (peer_number_after(line, key, &value))
            return value;
    }
    return NAN;
}

void peer_lines_values(struct peer_run *run, const struct peer_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double value = first_number(run->input, fields[i].key);
        peer_run_value(run, fields[i].name, fields[i].unit, fields[i].direction,
                       fields[i].definition,
                       fields[i].scale == 0 ? value : value * fields[i].scale);
    }
}
