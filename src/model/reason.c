/* reason.c: see reason.h. */
#include "model/reason.h"

#include <string.h>

#include "base/error.h"

static const struct {
    const char *name;
    const char *meaning;
} reason_rows[REASON_COUNT] = {
#define REASON_ROW(id, text, what) [REASON_##id] = {text, what},
    REASON_MAP(REASON_ROW)
#undef REASON_ROW
};

static int reason_clamp(enum reason reason)
{
    return (int)reason >= 0 && reason < REASON_COUNT ? (int)reason : REASON_FAILED;
}

const char *reason_name(enum reason reason)
{
    return reason_rows[reason_clamp(reason)].name;
}

const char *reason_meaning(enum reason reason)
{
    return reason_rows[reason_clamp(reason)].meaning;
}

int reason_parse(const char *name)
{
    for (int i = 0; i < REASON_COUNT; i++) {
        if (strcmp(reason_rows[i].name, name) == 0)
            return i;
    }
    return -1;
}

enum reason reason_from_error(int code)
{
    switch (code < 0 ? -code : code) {
    case ERROR_NONE:
        return REASON_NONE;
    case ERROR_ABSENT:
        return REASON_ABSENT;
    case ERROR_DENIED:
        return REASON_DENIED;
    case ERROR_UNSUPPORTED:
        return REASON_UNSUPPORTED;
    default:
        return REASON_FAILED;
    }
}
