/* devices.c: `tacho devices`: what can run a network here, and which engines and precisions work on
 * it now.
 *
 * What works is what ran: the engine tries its providers in a worker process (onnx_inspect); no
 * table of what a kind of device ought to be able to do is consulted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/term.h"
#include "base/util.h"
#include "cmd/command.h"
#include "cmd/devices_report.h"
#include "workload/program_find.h"

static void report_deinit(struct devices_report *report)
{
    devices_deinit(&report->list);
    free(report->engine);
}

/* ---- what belongs to what ---- */

const char *devices_provider_name(const struct onnx_provider_report *provider)
{
    const struct onnx_provider *known = onnx_provider_find(provider->name);
    return known ? known->name : provider->name;
}

const char *devices_provider_type(const struct onnx_provider_report *provider)
{
    const struct onnx_provider *known = onnx_provider_find(provider->name);
    return known ? known->device : "";
}

bool devices_has_provider(const struct device *device, const struct onnx_provider_report *provider)
{
    if (strcmp(device->type, devices_provider_type(provider)) == 0)
        return true;
    return strcmp(device->type, "dla") == 0 &&
           strcmp(devices_provider_name(provider), "tensorrt") == 0;
}

enum usable devices_usable(const struct device *device, const struct onnx_provider_report *provider,
                           const char **ret_why)
{
    *ret_why = NULL;
    if (device->reason != REASON_NONE) {
        *ret_why = device->why;
        return USABLE_NO;
    }
    if (!provider->is_usable) {
        *ret_why = provider->why[0] ? provider->why : "the engine does not say why";
        return USABLE_NO;
    }
    if (strcmp(device->type, "dla") == 0) {
        *ret_why = "TensorRT works on the GPU; on a DLA only tacho run --device tries it";
        return USABLE_NOT_TRIED;
    }
    if (device->index > 0) {
        *ret_why = "it works on the first of these devices; on this one only tacho run --device "
                   "tries it";
        return USABLE_NOT_TRIED;
    }
    return USABLE_YES;
}

/* ---- looking ---- */

static int find_engines(struct command_context *context, struct devices_report *report,
                        struct error *err)
{
    struct error why = {0};
    if (report->is_recorded)
        return 0;
    if (program_find_trtexec(report->trtexec, sizeof(report->trtexec)) != 0)
        report->trtexec[0] = '\0';
    CLEANUP_FREE struct onnx_info *info = calloc(1, sizeof(*info));
    if (!info)
        return error_set(err, ERROR_NOMEM, "out of memory for looking at the engine");
    int rc = onnx_inspect(&context->settings, &context->launcher, info, &why);
    if (rc == 0) {
        report->engine = info;
        info = NULL;
        return 0;
    }
    /* An engine that is missing or broken is an answer; the rest is the command's failure. */
    report->engine_error = why;
    if (rc != -ERROR_NOMEM && rc != -ERROR_INTERRUPTED && rc != -ERROR_INTERNAL)
        return 0;
    if (err)
        *err = why;
    return rc;
}

int devices_fail_missing(const struct device_list *list, const char *origin, const char *name,
                         struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf known = {0};
    for (size_t i = 0; i < list->count; i++)
        strbuf_printf(&known, "%s%s", i ? ", " : "", list->items[i].id);
    const char *colon = origin[0] ? ": " : "";
    if (onnx_is_device(name))
        error_set(err, ERROR_ABSENT, "%s%sthere is no device '%s' here", origin, colon, name);
    else
        error_set(err, ERROR_USAGE, "%s%sunknown device '%s'", origin, colon, name);
    return error_hint(err, "there %s: %s", list->count == 1 ? "is" : "are", strbuf_get(&known));
}

static int look(struct command_context *context, struct devices_report *report, struct error *err)
{
    struct root root;
    int rc = root_open(&root, settings_get_text(&context->settings, SETTING_ROOT), err);
    if (rc < 0)
        return rc;
    report->is_recorded = !root.is_machine;
    rc = devices_read(&root, &report->list, err);
    root_close(&root);
    if (rc < 0)
        return rc;
    if (context->argument_count == 1) {
        report->only = devices_find(&report->list, context->arguments[0]);
        if (!report->only)
            return devices_fail_missing(&report->list, "", context->arguments[0], err);
    }
    bool wants_ids = settings_get_bool(&context->settings, SETTING_QUIET) &&
                     !settings_get_bool(&context->settings, SETTING_JSON);
    return wants_ids ? 0 : find_engines(context, report, err);
}

static int devices_run(struct command_context *context, struct error *err)
{
    const struct settings *settings = &context->settings;
    if (context->argument_count > 1)
        return error_set(err, ERROR_USAGE, "devices shows one device, not %d",
                         context->argument_count);
    if (context->argument_count == 1 && settings_get_bool(settings, SETTING_LIST)) {
        error_set(err, ERROR_USAGE, "--list and one device contradict each other");
        return error_hint(err, "leave one of them out");
    }
    CLEANUP_FREE struct devices_report *report = calloc(1, sizeof(*report));
    if (!report)
        return error_set(err, ERROR_NOMEM, "out of memory");
    int rc = look(context, report, err);
    if (rc == 0 && settings_get_bool(settings, SETTING_JSON))
        devices_report_json(report, &context->out);
    else if (rc == 0 && settings_get_bool(settings, SETTING_QUIET))
        devices_report_ids(report, &context->out);
    else if (rc == 0)
        devices_report_text(report, report->only || settings_get_bool(settings, SETTING_VERBOSE),
                            term_has_colour(STDOUT_FILENO), &context->out);
    report_deinit(report);
    return rc;
}

extern const struct command command_devices;
const struct command command_devices = {
    .name = "devices",
    .summary = "what can run a network here, and which engines and precisions work on it now",
    .usage = "[OPTIONS] [NAME]",
    .examples = "  tacho devices               every device, with what works on it\n"
                "  tacho devices cpu_0         all that is known of one\n"
                "  tacho devices --json | jq '.devices[].id'\n",
    .bit = COMMAND_COMMON | COMMAND_DEVICES,
    .flags = COMMAND_NEEDS_LAUNCHER,
    .run = devices_run,
};
