/* devices_report.c: see devices_report.h. */
#include "cmd/devices_report.h"

#include <stdio.h>
#include <string.h>

#include "base/term.h"
#include "base/unit.h"
#include "base/util.h"
#include "cmd/command.h"
#include "format/facts_write.h"
#include "workload/program_find.h"

#define RECORDED "a recorded tree cannot run anything"

/* ---- what both renderers need ---- */

static const struct {
    const char *name;
    size_t offset;
} precisions[] = {
    {"fp32", offsetof(struct onnx_provider_report, fp32)},
    {"fp16", offsetof(struct onnx_provider_report, fp16)},
    {"int8", offsetof(struct onnx_provider_report, int8)},
};

static bool has_precision(const struct onnx_provider_report *provider, size_t which)
{
    return *(const bool *)((const char *)provider + precisions[which].offset);
}

static uint32_t provider_count(const struct devices_report *report)
{
    if (!report->engine)
        return 0;
    return report->engine->provider_count < ONNX_PROVIDERS_MAX ? report->engine->provider_count
                                                               : ONNX_PROVIDERS_MAX;
}

static bool is_shown(const struct devices_report *report, const struct device *device)
{
    return !report->only || report->only == device;
}

/* ---- JSON ---- */

static void write_precisions(struct json_writer *writer,
                             const struct onnx_provider_report *provider)
{
    json_write_array_line(writer, "precisions");
    for (size_t i = 0; i < ARRAY_LEN(precisions); i++)
        if (has_precision(provider, i))
            json_write_text(writer, NULL, precisions[i].name);
    json_write_end(writer);
}

static void write_device_providers(struct json_writer *writer, const struct devices_report *report,
                                   const struct device *device)
{
    json_write_array(writer, "providers");
    for (uint32_t i = 0; i < provider_count(report); i++) {
        const struct onnx_provider_report *provider = &report->engine->providers[i];
        const char *why;
        if (!devices_has_provider(device, provider))
            continue;
        enum usable usable = devices_usable(device, provider, &why);
        json_write_object_line(writer, NULL);
        json_write_text(writer, "engine", "onnxruntime");
        json_write_text(writer, "name", devices_provider_name(provider));
        if (usable == USABLE_NOT_TRIED)
            json_write_null(writer, "usable");
        else
            json_write_bool(writer, "usable", usable == USABLE_YES);
        json_write_text(writer, "why", why);
        if (usable == USABLE_YES) {
            write_precisions(writer, provider);
        } else {
            json_write_array_line(writer, "precisions");
            json_write_end(writer);
        }
        json_write_end(writer);
    }
    json_write_end(writer);
}

static void write_device(struct json_writer *writer, const struct devices_report *report,
                         const struct device *device)
{
    json_write_object(writer, NULL);
    json_write_text(writer, "id", device->id);
    json_write_text(writer, "alias", device->alias[0] ? device->alias : NULL);
    json_write_text(writer, "type", device->type);
    json_write_i64(writer, "index", device->index);
    json_write_text(writer, "name", device->name);
    json_write_bool(writer, "is_usable", device->reason == REASON_NONE);
    json_write_text(writer, "why", device->reason == REASON_NONE ? NULL : device->why);
    facts_json_write_members(writer, "facts", &device->facts, true);
    write_device_providers(writer, report, device);
    json_write_end(writer);
}

static void write_onnxruntime(struct json_writer *writer, const struct devices_report *report)
{
    const struct onnx_info *engine = report->engine;
    const struct error *error = &report->engine_error;
    json_write_object(writer, NULL);
    json_write_text(writer, "name", "onnxruntime");
    json_write_text(writer, "version", engine ? engine->version : NULL);
    json_write_text(writer, "file", engine ? engine->library : NULL);
    json_write_text(writer, "why", engine ? NULL : report->is_recorded ? RECORDED : error->message);
    json_write_text(writer, "hint", error->hint[0] ? error->hint : NULL);
    json_write_array(writer, "providers");
    for (uint32_t i = 0; i < provider_count(report); i++) {
        const struct onnx_provider_report *provider = &engine->providers[i];
        const char *type = devices_provider_type(provider);
        json_write_object_line(writer, NULL);
        json_write_text(writer, "name", devices_provider_name(provider));
        json_write_text(writer, "engine_name", provider->name);
        json_write_text(writer, "device_type", type[0] ? type : NULL);
        json_write_bool(writer, "usable", provider->is_usable);
        json_write_text(writer, "why", provider->is_usable ? NULL : provider->why);
        write_precisions(writer, provider);
        json_write_end(writer);
    }
    json_write_end(writer);
    json_write_end(writer);
}

static void write_trtexec(struct json_writer *writer, const struct devices_report *report)
{
    bool found = report->trtexec[0] != '\0';
    json_write_object(writer, NULL);
    json_write_text(writer, "name", "trtexec");
    json_write_null(writer, "version");
    json_write_text(writer, "file", found ? report->trtexec : NULL);
    json_write_text(writer, "why",
                    found                 ? NULL
                    : report->is_recorded ? RECORDED
                                          : "not in " PROGRAM_TRTEXEC_PLACES);
    json_write_text(writer, "hint",
                    found || report->is_recorded ? NULL : "it comes with NVIDIA's TensorRT");
    json_write_array(writer, "providers");
    json_write_end(writer);
    json_write_end(writer);
}

void devices_report_json(const struct devices_report *report, struct strbuf *out)
{
    struct json_writer writer = {.out = out};
    json_write_object(&writer, NULL);
    json_write_text(&writer, "schema", "tacho.devices/1");
    json_write_array(&writer, "devices");
    for (size_t i = 0; i < report->list.count; i++)
        if (is_shown(report, &report->list.items[i]))
            write_device(&writer, report, &report->list.items[i]);
    json_write_end(&writer);
    json_write_object(&writer, "absent");
    facts_foreach (&report->list.absent, fact) {
        json_write_text(&writer, fact->key, fact->text);
    }
    json_write_end(&writer);
    json_write_array(&writer, "engines");
    write_onnxruntime(&writer, report);
    write_trtexec(&writer, report);
    json_write_end(&writer);
    json_write_end(&writer);
    strbuf_putc(out, '\n');
}

/* ---- text ---- */

void devices_report_ids(const struct devices_report *report, struct strbuf *out)
{
    for (size_t i = 0; i < report->list.count; i++)
        if (is_shown(report, &report->list.items[i]))
            strbuf_printf(out, "%s\n", report->list.items[i].id);
}

static void fact_text(const struct fact *fact, struct strbuf *text)
{
    char number[32];
    switch (fact->kind) {
    case FACT_NULL:
        strbuf_printf(text, "- (%s)", reason_meaning(fact->reason));
        break;
    case FACT_TEXT:
        strbuf_append(text, fact->text);
        break;
    case FACT_NUMBER:
        strbuf_append(text, unit_format_number(fact->number, 5, number, sizeof(number)));
        break;
    case FACT_INTEGER:
        strbuf_printf(text, "%lld", (long long)fact->integer);
        break;
    case FACT_BOOL:
        strbuf_append(text, fact->integer ? "yes" : "no");
        break;
    case FACT_LIST:
        for (size_t i = 0; i < fact->list_count; i++)
            strbuf_printf(text, "%s%s", i ? ", " : "", fact->list[i]);
        break;
    }
}

/* The facts that matter most, in words; what is null is left out. */
static const struct {
    const char *key, *before, *after;
} summary[] = {
    {"cpus_online", "", " CPUs online"},
    {"cpus_present", "of ", ""},
    {"cores_online", "", " cores"},
    {"cpu_mhz", "", " MHz"},
    {"governor", "governor ", ""},
    {"cpu_quota_cores", "limited to ", " cores"},
    {"mem_limit_mb", "limited to ", " MB"},
    {"soc", "", ""},
    {"l4t_release", "L4T ", ""},
    {"gpu_mhz_max", "GPU up to ", " MHz"},
    {"power_mode", "power mode ", ""},
    {"mem_total_mb", "", " MB of memory"},
    {"gpu_mem_total_mb", "", " MB of memory"},
    {"driver_version", "driver ", ""},
    {"cuda_driver_version", "CUDA ", ""},
    {"compute_capability", "compute capability ", ""},
    {"power_limit_w", "power limit ", " W"},
    {"mig_mode", "MIG ", ""},
    {"node", "", ""},
    {"features", "", ""},
};

static void summary_text(const struct device *device, struct strbuf *text)
{
    for (size_t i = 0; i < ARRAY_LEN(summary); i++) {
        const struct fact *fact = facts_get(&device->facts, summary[i].key);
        if (!fact || fact->kind == FACT_NULL || (fact->kind == FACT_LIST && fact->list_count == 0))
            continue;
        bool joins = strcmp(summary[i].key, "cpus_present") == 0 && text->len > 0;
        strbuf_printf(text, "%s%s", text->len == 0 ? "" : joins ? " " : ", ", summary[i].before);
        fact_text(fact, text);
        strbuf_append(text, summary[i].after);
    }
}

/* "  KEY   text", wrapped below itself; empties text. */
static void put_line(struct strbuf *out, size_t indent, const char *key, size_t width,
                     struct strbuf *text)
{
    strbuf_repeat(out, ' ', indent);
    strbuf_append(out, key);
    size_t used = str_width(key);
    strbuf_repeat(out, ' ', used < width ? width - used : 1);
    help_wrap(out, strbuf_get(text), indent + width, indent + width);
    strbuf_clear(text);
}

static void put_facts(const struct device *device, struct strbuf *text, struct strbuf *out)
{
    size_t width = 0;
    facts_foreach (&device->facts, fact) {
        width = str_width(fact->key) > width ? str_width(fact->key) : width;
    }
    facts_foreach (&device->facts, fact) {
        fact_text(fact, text);
        put_line(out, 2, fact->key, width + 2, text);
    }
}

static void precision_text(const struct onnx_provider_report *provider, struct strbuf *text)
{
    const char *separator = "";
    for (size_t i = 0; i < ARRAY_LEN(precisions); i++) {
        if (!has_precision(provider, i))
            continue;
        strbuf_printf(text, "%s%s", separator, precisions[i].name);
        separator = ", ";
    }
    if (!*separator)
        strbuf_append(text, "works, but in none of fp32, fp16, int8");
}

static void put_providers(const struct devices_report *report, const struct device *device,
                          struct strbuf *text, struct strbuf *out)
{
    size_t shown = 0;
    for (uint32_t i = 0; i < provider_count(report); i++) {
        const struct onnx_provider_report *provider = &report->engine->providers[i];
        const char *why;
        if (!devices_has_provider(device, provider))
            continue;
        enum usable usable = devices_usable(device, provider, &why);
        strbuf_append(text, usable == USABLE_YES  ? "works: "
                            : usable == USABLE_NO ? "does not work: "
                                                  : "not tried: ");
        if (usable == USABLE_YES)
            precision_text(provider, text);
        else
            strbuf_append(text, why);
        put_line(out, 2, devices_provider_name(provider), 10, text);
        shown++;
    }
    if (shown > 0 || !report->engine)
        return;
    strbuf_append(out, "  ");
    help_wrap(out, "this build of ONNX Runtime has no provider for it", 2, 2);
}

static void put_device(const struct devices_report *report, const struct device *device,
                       bool all_facts, bool colour, struct strbuf *text, struct strbuf *out)
{
    term_styled(out, colour, TERM_BOLD, device->id);
    strbuf_printf(out, "  %s", device->name);
    if (device->alias[0])
        strbuf_printf(out, " (%s)", device->alias);
    strbuf_putc(out, '\n');
    if (device->reason != REASON_NONE) {
        strbuf_printf(text, "cannot be used: %s", device->why);
        put_line(out, 2, "", 0, text);
    }
    if (all_facts)
        put_facts(device, text, out);
    else {
        summary_text(device, text);
        if (text->len > 0) {
            strbuf_append(out, "  ");
            help_wrap(out, strbuf_get(text), 2, 2);
            strbuf_clear(text);
        }
    }
    put_providers(report, device, text, out);
    strbuf_putc(out, '\n');
}

static bool has_device_for(const struct devices_report *report,
                           const struct onnx_provider_report *provider)
{
    for (size_t i = 0; i < report->list.count; i++)
        if (devices_has_provider(&report->list.items[i], provider))
            return true;
    return false;
}

static void put_engines(const struct devices_report *report, bool colour, struct strbuf *text,
                        struct strbuf *out)
{
    term_styled(out, colour, TERM_BOLD, "engines");
    strbuf_putc(out, '\n');
    if (report->is_recorded) {
        strbuf_append(out, "  not tried: " RECORDED "\n");
        return;
    }
    if (report->engine) {
        strbuf_printf(text, "%s, %s", report->engine->version, report->engine->library);
    } else {
        strbuf_append(text, report->engine_error.message);
        if (report->engine_error.hint[0])
            strbuf_printf(text, "; %s", report->engine_error.hint);
    }
    put_line(out, 2, "onnxruntime", 13, text);
    for (uint32_t i = 0; i < provider_count(report); i++) {
        const struct onnx_provider_report *provider = &report->engine->providers[i];
        if (has_device_for(report, provider))
            continue;
        strbuf_printf(text, "%s: no device for it here%s%s", devices_provider_name(provider),
                      provider->why[0] ? "; " : "", provider->why);
        put_line(out, 2, "", 13, text);
    }
    if (report->trtexec[0])
        strbuf_append(text, report->trtexec);
    else
        strbuf_append(text, "not in " PROGRAM_TRTEXEC_PLACES "; it comes with NVIDIA's TensorRT");
    put_line(out, 2, "trtexec", 13, text);
}

void devices_report_text(const struct devices_report *report, bool all_facts, bool colour,
                         struct strbuf *out)
{
    CLEANUP(strbuf_deinit) struct strbuf text = {0};
    for (size_t i = 0; i < report->list.count; i++)
        if (is_shown(report, &report->list.items[i]))
            put_device(report, &report->list.items[i], all_facts, colour, &text, out);
    put_engines(report, colour, &text, out);
    if (!report->only && report->list.absent.count > 0) {
        strbuf_putc(out, '\n');
        term_styled(out, colour, TERM_BOLD, "not here");
        strbuf_putc(out, '\n');
        facts_foreach (&report->list.absent, fact) {
            strbuf_append(&text, fact->text);
            put_line(out, 2, fact->key, 8, &text);
        }
    }
    out->failed |= text.failed;
}
