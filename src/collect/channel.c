/* channel.c: the columns that a collector declares; see collector.h. */
#include "collect/collector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

int channel_set_init(struct channel_set *set)
{
    memset(set, 0, sizeof(*set));
    set->items = calloc(COLLECT_CHANNELS_MAX, sizeof(*set->items));
    return set->items ? 0 : -ERROR_NOMEM;
}

void channel_set_deinit(struct channel_set *set)
{
    free(set->items);
    arena_deinit(&set->arena);
    memset(set, 0, sizeof(*set));
}

static bool is_declared(const struct channel_set *set, const struct metric *metric,
                        const char *instance)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].metric == metric && strcmp(set->items[i].instance, instance) == 0)
            return true;
    }
    return false;
}

/* Two zones may both be called "cpu": the second becomes "cpu#2", so that a column keeps one
 * meaning. */
static char *copy_unique(struct channel_set *set, const struct metric *metric, const char *instance)
{
    char *copy = arena_strdup(&set->arena, instance);
    if (!copy)
        return NULL;
    str_make_printable(copy);
    char *name = copy;
    for (unsigned number = 2; name && is_declared(set, metric, name); number++)
        name = arena_printf(&set->arena, "%s#%u", copy, number);
    return name;
}

int channel_declare(struct channel_set *set, const char *metric, const char *instance,
                    const char *source)
{
    return channel_declare_missing(set, metric, instance, source, REASON_NONE, NULL);
}

int channel_declare_missing(struct channel_set *set, const char *metric, const char *instance,
                            const char *source, enum reason reason, const char *why)
{
    if (set->count >= COLLECT_CHANNELS_MAX)
        return -ERROR_UNSUPPORTED;
    struct channel channel = {.metric = metric_find(metric), .reason = reason};
    /* Samples are doubles in the shown unit; a metric kept in ns is no column of a collector. */
    if (!channel.metric || channel.metric->kind != METRIC_VALUE)
        return -ERROR_INTERNAL;
    channel.instance = copy_unique(set, channel.metric, instance);
    channel.source = arena_strdup(&set->arena, source);
    channel.why = why ? arena_strdup(&set->arena, why) : NULL;
    if (!channel.instance || !channel.source || (why && !channel.why))
        return -ERROR_NOMEM;
    set->items[set->count] = channel;
    return (int)set->count++;
}
