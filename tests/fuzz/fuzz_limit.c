/* fuzz_limit.c: fuzz_limit: any text as a limit: refused, or whole: written out and parsed again it
 * is the same limit, and judging an empty run by it decides nothing. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "model/limit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static const struct metric own[] = {
    {.name = "fps", .unit = "1/s", .limit_stat = "mean", .scale = 1, .kind = METRIC_VALUE},
    {.name = "loss", .unit = "", .scale = 1, .kind = METRIC_VALUE},
};

static int parse(const char *text, struct limit *limit, struct error *err)
{
    return limit_parse(text, "fuzz", own, ARRAY_LEN(own), limit, err);
}

static void check_limit(const struct limit *limit)
{
    char written[256];
    struct limit again;
    require(isfinite(limit->bound));
    require(limit->metric[0] && limit->stat[0] && limit->name[0]);
    require(limit_samples_needed(limit) >= 1);
    limit_format(limit, written, sizeof(written));
    require(strlen(written) < sizeof(written) - 1);
    require(parse(written, &again, NULL) == 0);
    require(strcmp(again.stat, limit->stat) == 0);
    require(strcmp(again.metric, limit->metric) == 0);
    require(strcmp(again.instance, limit->instance) == 0);
    require(again.op == limit->op);
    require(fabs(again.bound - limit->bound) <= 1e-9 * fabs(limit->bound) + 1e-12);
    struct run run = {0};
    struct finding finding;
    require(limit_judge(&run, limit, &finding, NULL) == 0);
    require(finding.outcome == OUTCOME_UNDECIDED && finding.sentence[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    if (!text)
        return 0;
    struct limit limit;
    struct error err = {0};
    int rc = parse(text, &limit, &err);
    if (rc == 0)
        check_limit(&limit);
    else
        require(rc == -ERROR_INPUT && err.code == ERROR_INPUT && err.message[0] && err.hint[0]);
    free(text);
    return 0;
}
