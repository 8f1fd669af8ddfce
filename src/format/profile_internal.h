/* profile_internal.h: what the files that read a profile share; inside format/ only. */
#ifndef TACHO_FORMAT_PROFILE_INTERNAL_H
#define TACHO_FORMAT_PROFILE_INTERNAL_H

#include "base/yaml.h"
#include "format/profile.h"

struct profile_reader {
    struct profile *profile;
    const struct metric *own;
    size_t own_count;
    /* Their limits are made once the key that belongs to them is known. */
    const struct yaml_node *memory_node, *deadline_node, *missed_node;
};

struct profile_detail_key {
    const char *name; /* NULL: the end */
    enum profile_kind kind;
};

/* ---- profile_value.c: values; -ERROR_INPUT names the key ---- */
int profile_bad_value(const struct yaml_node *node, struct error *err, const char *expected);
int profile_number(const struct yaml_node *node, double min, double *ret, struct error *err);
int profile_count(const struct yaml_node *node, uint64_t min, uint64_t *ret, struct error *err);
/* Adds the node's own place to an error: for items, whose name tells none. Returns rc. */
int profile_at_node(const struct yaml_node *node, int rc, struct error *err);
int profile_text(struct profile_reader *reader, const struct yaml_node *node, const char **ret,
                 struct error *err);
int profile_bool(const struct yaml_node *node, bool *ret, struct error *err);
int profile_texts_read(struct profile_reader *reader, const struct yaml_node *list,
                       struct profile_texts *ret, struct error *err);
/* Of percentiles and batch sizes. */
int profile_numbers_read(struct profile_reader *reader, const struct yaml_node *list, bool whole,
                         double max, struct profile_numbers *ret, struct error *err);
int profile_details_read(struct profile_reader *reader, const struct yaml_node *mapping,
                         const struct profile_detail_key *known, struct profile_details *ret,
                         struct error *err);

#endif
