/* devices_internal.h: the parts that devices.c puts together. */
#ifndef TACHO_COLLECT_DEVICES_INTERNAL_H
#define TACHO_COLLECT_DEVICES_INTERNAL_H

#include "collect/devices.h"

struct device_search {
    const struct root *root;
    struct device_list *list;
    struct facts environment; /* of the machine: model/environment.h */
    bool failed;              /* out of memory */
    bool is_board;            /* tegra_board.h says that this is a Jetson or DRIVE */
};

/* A new device, zeroed but for what is given; NULL: DEVICES_MAX are there. */
struct device *devices_add(struct device_search *search, const char *type, uint32_t index,
                           const char *id);
/* Calls fn for every entry of a directory; that it is not there, or hidden, is no error. */
void devices_walk(struct device_search *search, const char *path,
                  int (*fn)(const char *name, void *context), void *context);
/* Why there is none of this kind. */
__attribute__((format(printf, 3, 4))) void devices_absent(struct device_search *search,
                                                          const char *kind, const char *fmt, ...);
/* Copies facts of the environment. keys: NULL-terminated. */
void devices_copy_facts(const struct device_search *search, const char *const *keys,
                        struct facts *facts);
/* The text, or null as absent where it is empty. */
void devices_text_fact(struct facts *facts, const char *key, const char *text, const char *source);
/* The whole number in a file times scale, or null with its reason. */
void devices_number_fact(const struct root *root, struct facts *facts, const char *key,
                         const char *path, double scale);
/* The line of a file, or null with its reason. */
void devices_line_fact(const struct root *root, struct facts *facts, const char *key,
                       const char *path);

void devices_find_cpu(struct device_search *search);
void devices_find_jetson(struct device_search *search); /* with its DLAs */
void devices_find_nvidia(struct device_search *search); /* after the Jetson */

#endif
