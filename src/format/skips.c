/* skips.c: counting what could not be used. */
#include "format/skips.h"

#include "base/util.h"

static const struct {
    const char *name, *meaning;
    enum skip_kind kind;
} kinds[SKIP_COUNT] = {
#define SKIP_ROW(id, name, meaning, kind) {name, meaning, SKIP_##kind},
    SKIP_MAP(SKIP_ROW)
#undef SKIP_ROW
};

void skips_add(struct skips *skips, enum skip why, uint64_t line)
{
    if (skips->of[why].count++ == 0)
        skips->of[why].first_line = line;
}

void skips_merge(struct skips *skips, const struct skips *src, uint64_t first_line)
{
    skips->rows += src->rows;
    for (size_t i = 0; i < SKIP_COUNT; i++) {
        if (src->of[i].count == 0)
            continue;
        uint64_t line = src->of[i].first_line + first_line;
        if (skips->of[i].count == 0 || line < skips->of[i].first_line)
            skips->of[i].first_line = line;
        skips->of[i].count += src->of[i].count;
    }
}

uint64_t skips_data(const struct skips *skips)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < SKIP_COUNT; i++)
        sum += kinds[i].kind == SKIP_LOST ? skips->of[i].count : 0;
    return sum;
}

const char *skip_name(enum skip why)
{
    return kinds[why].name;
}

const char *skip_meaning(enum skip why)
{
    return kinds[why].meaning;
}

enum skip_kind skip_kind(enum skip why)
{
    return kinds[why].kind;
}

bool skip_is_data(enum skip why)
{
    return kinds[why].kind == SKIP_LOST;
}
