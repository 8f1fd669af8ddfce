/* reason.h: why a value is null. 0 for "unknown" is a lie, so every missing value carries one. */
#ifndef TACHO_MODEL_REASON_H
#define TACHO_MODEL_REASON_H

#define REASON_MAP(X)                                                                              \
    X(NONE, "none", "it has a value")                                                              \
    X(ABSENT, "absent", "the sensor or file does not exist here")                                  \
    X(DENIED, "denied", "the permission is missing")                                               \
    X(UNSUPPORTED, "unsupported", "the device or kernel cannot tell")                              \
    X(STALE, "stale", "the source did not change since the last reading")                          \
    X(TOO_FEW, "too_few", "not enough samples")                                                    \
    X(NOT_SCHEDULED, "not_scheduled", "the counter got no time on the hardware")                   \
    X(NOT_ASKED, "not_asked", "nobody asked for it")                                               \
    X(FAILED, "failed", "reading it failed")

enum reason {
#define REASON_ENUM(name, text, meaning) REASON_##name,
    REASON_MAP(REASON_ENUM)
#undef REASON_ENUM
        REASON_COUNT
};

const char *reason_name(enum reason reason);    /* "absent" */
const char *reason_meaning(enum reason reason); /* one phrase for people */
int reason_parse(const char *name);             /* enum reason, or -1 */
/* The reason a collector's error code stands for. */
enum reason reason_from_error(int code);

#endif
