/* devices_report.h: what `tacho devices` found, between its two renderers; cmd/ only.
 *
 * Memory: owned by the report, devices_report_deinit. Errors: none in rendering but out of memory,
 * which the strbuf keeps.
 */
#ifndef TACHO_CMD_DEVICES_REPORT_H
#define TACHO_CMD_DEVICES_REPORT_H

#include "base/str.h"
#include "collect/devices.h"
#include "workload/onnx/inspect.h"

struct devices_report {
    struct device_list list;
    const struct device *only; /* the one that was named; NULL: all */
    /* ONNX Runtime; NULL: none that can be used, or nobody looked, and the error says why. */
    struct onnx_info *engine;
    struct error engine_error;
    char trtexec[PATH_MAX]; /* "": not found */
    bool is_recorded;       /* a tree of another machine: engines say nothing about it */
};

enum usable { USABLE_NO, USABLE_YES, USABLE_NOT_TRIED };

/* Whether a provider of the engine works on this device, as far as it was tried. *ret_why is static
 * or the report's; NULL: it works. */
enum usable devices_usable(const struct device *device, const struct onnx_provider_report *provider,
                           const char **ret_why);
/* The type of device that a provider of the engine belongs to; "" where it is not known. */
const char *devices_provider_type(const struct onnx_provider_report *provider);
const char *devices_provider_name(const struct onnx_provider_report *provider); /* "cuda" */
/* Does this provider belong under this device? TensorRT also runs on DLAs. */
bool devices_has_provider(const struct device *device, const struct onnx_provider_report *provider);

/* No device of this name is in the list: -ERROR_ABSENT where a machine may have one, -ERROR_USAGE
 * where none can. origin: the flag that named it, or "". */
int devices_fail_missing(const struct device_list *list, const char *origin, const char *name,
                         struct error *err);

void devices_report_text(const struct devices_report *report, bool all_facts, bool colour,
                         struct strbuf *out);
void devices_report_ids(const struct devices_report *report, struct strbuf *out); /* one a line */
void devices_report_json(const struct devices_report *report, struct strbuf *out);

#endif
