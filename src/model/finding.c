/* finding.c: see finding.h. */
#include "model/finding.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const char *const outcome_names[] = {
    [OUTCOME_NOT_JUDGED] = "none",     [OUTCOME_PASS] = "pass",     [OUTCOME_FAIL] = "fail",
    [OUTCOME_UNDECIDED] = "undecided", [OUTCOME_WAIVED] = "waived",
};

const char *outcome_name(enum outcome outcome)
{
    return (size_t)outcome <= OUTCOME_WAIVED ? outcome_names[outcome] : "none";
}

int outcome_parse(const char *name)
{
    for (int i = 0; i <= OUTCOME_WAIVED; i++) {
        if (strcmp(outcome_names[i], name) == 0)
            return i;
    }
    return -1;
}

const char *severity_name(enum severity severity)
{
    return severity == SEVERITY_WARNING ? "warning" : "info";
}

struct verdict verdict_of(const struct finding *findings, size_t count)
{
    struct verdict verdict = {.outcome = OUTCOME_NOT_JUDGED};
    for (size_t i = 0; i < count; i++) {
        switch (findings[i].outcome) {
        case OUTCOME_NOT_JUDGED:
            break;
        case OUTCOME_PASS:
            verdict.passed++;
            break;
        case OUTCOME_FAIL:
            verdict.failed++;
            break;
        case OUTCOME_UNDECIDED:
            verdict.undecided++;
            break;
        case OUTCOME_WAIVED:
            verdict.waived++;
            break;
        }
    }
    /* Waived limits alone judge nothing: a run whose every limit was set aside has not passed. */
    if (verdict.failed > 0)
        verdict.outcome = OUTCOME_FAIL;
    else if (verdict.undecided > 0)
        verdict.outcome = OUTCOME_UNDECIDED;
    else if (verdict.passed > 0)
        verdict.outcome = OUTCOME_PASS;
    return verdict;
}

int verdict_exit_code(const struct verdict *verdict)
{
    switch (verdict->outcome) {
    case OUTCOME_FAIL:
        return 1;
    case OUTCOME_UNDECIDED:
        return 3;
    default:
        return 0;
    }
}

void finding_init(struct finding *finding, const char *rule, enum severity severity,
                  const char *metric)
{
    *finding = (struct finding){.severity = severity};
    str_copy(finding->rule, sizeof(finding->rule), rule);
    str_copy(finding->metric, sizeof(finding->metric), metric ? metric : "");
}

void finding_value(struct finding *finding, double value, const char *unit)
{
    finding->has_value = isfinite(value);
    finding->value = value;
    if (unit)
        str_copy(finding->unit, sizeof(finding->unit), unit);
}

void finding_interval(struct finding *finding, double lo, double hi)
{
    finding->has_interval = isfinite(lo) && isfinite(hi);
    finding->lo = lo;
    finding->hi = hi;
}

/* Formats by way of a larger buffer, so that the cut falls between two characters. */
__attribute__((format(printf, 3, 0))) static void fill(char *dst, size_t size, const char *fmt,
                                                       va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof(text), fmt, args);
    str_copy(dst, size, text);
    str_make_printable(dst);
}

void finding_sentence(struct finding *finding, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(finding->sentence, sizeof(finding->sentence), fmt, args);
    va_end(args);
}

void finding_advice(struct finding *finding, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(finding->advice, sizeof(finding->advice), fmt, args);
    va_end(args);
}

void finding_evidence(struct finding *finding, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(finding->evidence, sizeof(finding->evidence), fmt, args);
    va_end(args);
}
