/* run_auto.c: `tacho run --auto`: every device, precision and batch size that works here, one run
 * each, beside each other.
 *
 * What works is found out, not assumed: the engine tries its providers (workload/onnx_inspect), and
 * the model's variants are looked for. What is left out is said, with the reason.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cmd/devices_report.h"
#include "cmd/run_command.h"
#include "cmd/sweep_command.h"
#include "collect/devices.h"
#include "workload/onnx/inspect.h"

#define BATCH_SIZES_MAX 64
#define PRECISIONS_MAX 16
#define CONFIGURATIONS_MAX 512
#define DEFAULT_BATCH_SIZES "1,4"

struct automatic {
    struct command_context *context;
    struct sweep_command sweep;
    struct root root;
    struct device_list devices;
    struct onnx_info *info;
    uint64_t sizes[BATCH_SIZES_MAX];
    size_t size_count;
    uint64_t per_device; /* --max-configs-per-device */
    /* Of the device at hand: */
    uint64_t taken, left_out;
};

/* ---- what was asked for ------------------------------------------------------------------- */

static const enum setting_id narrowing[] = {SETTING_DEVICES, SETTING_PRECISIONS,
                                            SETTING_BATCH_SIZES, SETTING_MAX_CONFIGS};

int run_auto_check(const struct command_context *context, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(narrowing); i++) {
        const struct setting_value *value = &context->settings.values[narrowing[i]];
        if (value->source != SOURCE_FLAG)
            continue;
        error_set(err, ERROR_USAGE, "%s narrows --auto, and --auto was not given", value->origin);
        return error_hint(err, "add --auto, or name one: --device, --precision, --batch-size");
    }
    return 0;
}

static int fail_contradiction(const struct setting_value *value, const char *instead,
                              struct error *err)
{
    error_set(err, ERROR_USAGE, "--auto and %s contradict each other", value->origin);
    return error_hint(err, "%s", instead);
}

static int check(const struct command_context *context, struct error *err)
{
    static const struct {
        enum setting_id id;
        const char *instead;
    } single[] = {
        {SETTING_DEVICE, "--devices NAME,... narrows --auto"},
        {SETTING_PRECISION, "--precisions NAME,... narrows --auto"},
        {SETTING_BATCH_SIZE, "--batch-sizes N,... narrows --auto"},
        {SETTING_PROVIDER, "--devices NAME,... narrows --auto; a provider is measured without it"},
        {SETTING_ENGINE, "--auto measures with ONNX Runtime"},
        {SETTING_MANUAL, "give one of the two"},
        {SETTING_VALIDATE_ONLY, "which configurations work is only found out by trying"},
        {SETTING_METRICS_CSV, "give it to a run of one configuration"},
    };
    for (size_t i = 0; i < ARRAY_LEN(single); i++) {
        const struct setting_value *value = &context->settings.values[single[i].id];
        bool is_off = settings_table[single[i].id].type == SETTING_TYPE_BOOL && !value->boolean;
        if (value->source == SOURCE_FLAG && !is_off)
            return fail_contradiction(value, single[i].instead, err);
    }
    if (context->program) {
        error_set(err, ERROR_USAGE, "--auto measures models, not programs");
        return error_hint(err, "a program over cores: tacho bench cores -- %s",
                          context->program[0] ? context->program[0] : "CMD");
    }
    return 0;
}

/* Whether one of "A,B" and further values of a LIST setting is this name. No list: everything is
 * wanted. */
static bool is_listed(const struct setting_value *value, const char *name)
{
    for (size_t i = 0; i < value->list_count; i++) {
        const char *rest = value->list[i], *item;
        size_t length;
        while (run_next_name(&rest, &item, &length))
            if (strlen(name) == length && memcmp(name, item, length) == 0)
                return true;
    }
    return false;
}

static bool is_wanted(const struct automatic *automatic, const struct device *device)
{
    const struct setting_value *value = &automatic->context->settings.values[SETTING_DEVICES];
    return !value->is_set || is_listed(value, device->id) || is_listed(value, device->type) ||
           (device->alias[0] && is_listed(value, device->alias));
}

/* Each name of --devices must be one: a typing error must not leave a device out. */
static int check_devices(const struct automatic *automatic, struct error *err)
{
    const struct setting_value *value = &automatic->context->settings.values[SETTING_DEVICES];
    for (size_t i = 0; value->is_set && i < value->list_count; i++) {
        const char *rest = value->list[i], *item;
        size_t length;
        while (run_next_name(&rest, &item, &length)) {
            char name[64];
            snprintf(name, sizeof(name), "%.*s", (int)length, item);
            if (!devices_find(&automatic->devices, name))
                return devices_fail_missing(&automatic->devices, value->origin, name, err);
        }
    }
    return 0;
}

static int check_precisions(const struct settings *settings, struct error *err)
{
    const struct setting_value *value = &settings->values[SETTING_PRECISIONS];
    for (size_t i = 0; value->is_set && i < value->list_count; i++) {
        const char *rest = value->list[i], *item;
        size_t length;
        while (run_next_name(&rest, &item, &length)) {
            char name[32];
            struct error detail = {0};
            snprintf(name, sizeof(name), "%.*s", (int)length, item);
            if (settings_check(SETTING_PRECISION, name, &detail) == 0)
                continue;
            error_set(err, ERROR_USAGE, "%s: %s", value->origin, detail.message);
            return error_hint(err, "%s", detail.hint[0] ? detail.hint : "for example fp32,int8");
        }
    }
    return 0;
}

/* ---- one configuration -------------------------------------------------------------------- */

static void skip(struct automatic *automatic, const char *what, const char *why)
{
    struct sweep_result *result = &automatic->sweep.result;
    if (result->note_count < SWEEP_NOTES_MAX)
        snprintf(result->notes[result->note_count++], sizeof(result->notes[0]), "%.100s: %.150s",
                 what, why);
}

/* precision "": the model's own. */
static int try_configuration(struct automatic *automatic, const struct device *device,
                             const char *precision, bool is_asked, uint64_t size, struct error *err)
{
    struct sweep_command *sweep = &automatic->sweep;
    const struct settings *settings = &automatic->context->settings;
    char name[96];
    struct sweep_item *item;
    snprintf(name, sizeof(name), "%.31s %.7s%sbatch %llu", device->id, precision,
             precision[0] ? " " : "", (unsigned long long)size);
    if (automatic->taken >= automatic->per_device || sweep->count == sweep->capacity) {
        automatic->left_out++;
        return 0;
    }
    int rc = sweep_command_add(sweep, name, (double)size, &item, err);
    if (rc == 0)
        rc = sweep_item_set(item, SETTING_DEVICE, device->id, "--auto", err);
    if (rc == 0 && precision[0])
        rc = sweep_item_set(item, SETTING_PRECISION, precision, "--auto", err);
    if (rc == 0)
        rc = sweep_item_set_number(item, SETTING_BATCH_SIZE, size, "--auto", err);
    if (rc == 0)
        rc = sweep_command_prepare(sweep, err);
    if (rc < 0)
        return rc;
    const struct error *error = &sweep->configs[sweep->count - 1].error;
    if (error->code == 0 || is_asked || settings_is_set(settings, SETTING_BATCH_SIZES)) {
        automatic->taken++;
        return 0;
    }
    skip(automatic, name, error->message);
    sweep_command_drop(sweep);
    return 0;
}

/* What the tensors of the model are, as its workload tells. A model that cannot be read, or a wrong
 * setting, is wrong in every configuration: its error is that of the command. */
static int own_precision(struct automatic *automatic, char *buf, size_t size, struct error *err)
{
    struct sweep_command *sweep = &automatic->sweep;
    struct sweep_item *item;
    struct facts facts = {0};
    buf[0] = '\0';
    int rc = sweep_command_add(sweep, "", NAN, &item, err);
    if (rc < 0)
        return rc;
    rc = sweep_command_prepare(sweep, err);
    const struct error *error = &sweep->configs[sweep->count - 1].error;
    if (rc == 0 && error->code && error_exit_code(error->code) == 2) {
        *err = *error;
        rc = -error->code;
    }
    if (rc == 0 && item->run.workload_state) {
        item->run.workload->describe(item->run.workload_state, &facts);
        str_copy(buf, size, facts_get_text(&facts, "precision", ""));
    }
    facts_deinit(&facts);
    sweep_command_drop(sweep);
    return rc;
}

static bool computes_in(const struct onnx_provider_report *report, const char *precision)
{
    if (strcmp(precision, "fp32") == 0)
        return report->fp32;
    if (strcmp(precision, "fp16") == 0)
        return report->fp16;
    return strcmp(precision, "int8") != 0 || report->int8;
}

/* The model's own first, then those that are asked for or usual. */
static size_t list_precisions(const struct automatic *automatic, const char *own, char (*names)[8],
                              bool *ret_asked)
{
    static const char *const usual[] = {"fp32", "fp16", "int8"};
    const struct setting_value *asked = &automatic->context->settings.values[SETTING_PRECISIONS];
    size_t count = 0;
    *ret_asked = asked->is_set;
    for (size_t i = 0; asked->is_set && i < asked->list_count; i++) {
        const char *rest = asked->list[i], *item;
        size_t length;
        while (run_next_name(&rest, &item, &length) && count < PRECISIONS_MAX)
            snprintf(names[count++], sizeof(names[0]), "%.*s", (int)length, item);
    }
    if (asked->is_set)
        return count;
    str_copy(names[count++], sizeof(names[0]), own);
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        if (strcmp(usual[i], names[0]) != 0)
            snprintf(names[count++], sizeof(names[0]), "%s", usual[i]);
    return count;
}

/* ---- one device --------------------------------------------------------------------------- */

/* The provider that a device gets where none is named. */
static const struct onnx_provider_report *provider_of(const struct onnx_info *info,
                                                      const char *type, const char **ret_name)
{
    const struct onnx_provider *provider =
        onnx_provider_find(strcmp(type, "dla") == 0 ? "tensorrt" : type);
    *ret_name = provider ? provider->engine : type;
    for (uint32_t i = 0; provider && i < info->provider_count; i++)
        if (strcmp(info->providers[i].name, provider->engine) == 0)
            return &info->providers[i];
    return NULL;
}

static int try_device(struct automatic *automatic, const struct device *device,
                      char (*precisions)[8], size_t precision_count, bool is_asked,
                      struct error *err)
{
    const char *engine;
    const struct onnx_provider_report *report = provider_of(automatic->info, device->type, &engine);
    automatic->taken = automatic->left_out = 0;
    if (device->reason != REASON_NONE || !report || !report->is_usable) {
        char why[256];
        snprintf(why, sizeof(why), "%.60s is not in this ONNX Runtime %.31s", engine,
                 automatic->info->version);
        skip(automatic, device->id,
             device->reason != REASON_NONE ? device->why
             : report                      ? report->why
                                           : why);
        return 0;
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < precision_count; i++) {
        char what[64];
        snprintf(what, sizeof(what), "%.31s %.7s", device->id, precisions[i]);
        if ((i > 0 || is_asked) && !computes_in(report, precisions[i])) {
            skip(automatic, what, "the engine does not compute in it there");
            continue;
        }
        for (size_t j = 0; rc == 0 && j < automatic->size_count; j++)
            rc = try_configuration(automatic, device, precisions[i], is_asked, automatic->sizes[j],
                                   err);
    }
    if (automatic->left_out > 0) {
        char why[128];
        snprintf(why, sizeof(why), "%llu more left out by --max-configs-per-device %llu",
                 (unsigned long long)automatic->left_out,
                 (unsigned long long)automatic->per_device);
        skip(automatic, device->id, why);
    }
    return rc;
}

static int fail_none(const struct automatic *automatic, struct error *err)
{
    const struct sweep_result *result = &automatic->sweep.result;
    error_set(err, ERROR_UNSUPPORTED, "no configuration works here");
    return error_hint(err, "%s", result->note_count ? result->notes[0] : "tacho devices says more");
}

/* ---- all ---------------------------------------------------------------------------------- */

static int find_out(struct automatic *automatic, struct error *err)
{
    const struct settings *settings = &automatic->context->settings;
    int rc = check(automatic->context, err);
    if (rc == 0)
        rc = check_precisions(settings, err);
    if (rc == 0)
        rc = sweep_numbers(settings, SETTING_BATCH_SIZES, DEFAULT_BATCH_SIZES, 65536,
                           automatic->sizes, BATCH_SIZES_MAX, &automatic->size_count, err);
    if (rc == 0)
        rc = root_open(&automatic->root, settings_get_text(settings, SETTING_ROOT), err);
    if (rc == 0)
        rc = devices_read(&automatic->root, &automatic->devices, err);
    if (rc == 0)
        rc = check_devices(automatic, err);
    if (rc < 0)
        return rc;
    automatic->per_device = settings_get_u64(settings, SETTING_MAX_CONFIGS);
    automatic->info = calloc(1, sizeof(*automatic->info));
    if (!automatic->info)
        return error_set(err, ERROR_NOMEM, "out of memory");
    return onnx_inspect(settings, &automatic->context->launcher, automatic->info, err);
}

static int measure_all(struct automatic *automatic, struct error *err)
{
    char precisions[PRECISIONS_MAX][8], own[8];
    bool is_asked;
    int rc = sweep_command_init(&automatic->sweep, automatic->context, SWEEP_CONFIGURATIONS,
                                CONFIGURATIONS_MAX, err);
    automatic->sweep.title = "configurations";
    automatic->sweep.is_tolerant = true;
    automatic->sweep.sweep.is_one_by_one = true;
    if (rc == 0)
        rc = own_precision(automatic, own, sizeof(own), err);
    if (rc < 0)
        return rc;
    size_t precision_count = list_precisions(automatic, own, precisions, &is_asked);
    for (size_t i = 0; rc == 0 && i < automatic->devices.count; i++)
        if (is_wanted(automatic, &automatic->devices.items[i]))
            rc = try_device(automatic, &automatic->devices.items[i], precisions, precision_count,
                            is_asked, err);
    if (rc == 0 && automatic->sweep.count == 0)
        rc = fail_none(automatic, err);
    return rc < 0 ? rc : sweep_command_run(&automatic->sweep, err);
}

int run_auto(struct command_context *context, struct error *err)
{
    struct automatic automatic = {.context = context, .root = {.fd = -1}};
    int rc = find_out(&automatic, err);
    if (rc == 0)
        rc = measure_all(&automatic, err);
    sweep_command_deinit(&automatic.sweep);
    free(automatic.info);
    devices_deinit(&automatic.devices);
    if (automatic.root.fd >= 0)
        root_close(&automatic.root);
    return rc;
}
