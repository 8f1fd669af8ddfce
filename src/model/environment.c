/* environment.c: what machine this is; CPU, limits and git have files of their own. */
#include "model/environment.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/str.h"
#include "base/util.h"
#include "model/environment_parts.h"

void environment_null(struct facts *facts, const char *key, int code, const char *source)
{
    enum reason reason = reason_from_error(code);
    facts_null(facts, key, reason == REASON_NONE ? REASON_FAILED : reason, source);
}

/* A fact that is one line of a file. */
static void read_line_fact(const struct root *root, struct facts *facts, const char *key,
                           const char *path)
{
    char text[512];
    char source[256];
    snprintf(source, sizeof(source), "/%s", path);
    ssize_t length = root_read_line(root, path, text, sizeof(text), NULL);
    if (length < 0)
        environment_null(facts, key, (int)length, source);
    else if (length == 0)
        facts_null(facts, key, REASON_ABSENT, source);
    else {
        str_make_printable(text);
        facts_text(facts, key, text, source);
    }
}

/* ---- names ---- */

static void read_identity(const struct root *root, struct facts *facts)
{
    struct utsname name;
    read_line_fact(root, facts, "hostname", "proc/sys/kernel/hostname");
    read_line_fact(root, facts, "kernel", "proc/sys/kernel/osrelease");
    if (root->is_machine && uname(&name) == 0)
        facts_text(facts, "arch", name.machine, "uname");
    else
        read_line_fact(root, facts, "arch", "proc/sys/kernel/arch");
    read_line_fact(root, facts, "boot_id", "proc/sys/kernel/random/boot_id");
}

struct os_name {
    char text[256];
};

static int os_line(char *line, void *context)
{
    struct os_name *name = context;
    if (!str_starts_with(line, "PRETTY_NAME="))
        return 0;
    const char *value = line + strlen("PRETTY_NAME=");
    size_t length = strlen(value);
    if (length >= 2 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0]) {
        value++;
        length -= 2;
    }
    snprintf(name->text, sizeof(name->text), "%.*s", (int)length, value);
    str_make_printable(name->text);
    return 1;
}

static void read_os(const struct root *root, struct facts *facts)
{
    static const char *const paths[] = {"etc/os-release", "usr/lib/os-release"};
    struct os_name name = {""};
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(paths) && !name.text[0]; i++)
        rc = environment_lines(root, paths[i], os_line, &name);
    if (name.text[0])
        facts_text(facts, "os", name.text, "/etc/os-release");
    else
        environment_null(facts, "os", rc < 0 ? rc : -ERROR_ABSENT, "/etc/os-release");
}

/* The board: the device tree's model on ARM, the firmware's tables on a PC. */
static void read_board(const struct root *root, struct facts *facts)
{
    static const char *const paths[] = {
        "proc/device-tree/model", "sys/firmware/devicetree/base/model",
        "sys/devices/virtual/dmi/id/product_name", "sys/class/dmi/id/product_name"};
    char text[256], source[128];
    int rc = -ERROR_ABSENT;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        ssize_t length = root_read_line(root, paths[i], text, sizeof(text), NULL);
        if (length > 0 && text[0]) {
            snprintf(source, sizeof(source), "/%s", paths[i]);
            str_make_printable(text);
            facts_text(facts, "board", text, source);
            return;
        }
        if (length < 0 && length != -ERROR_ABSENT)
            rc = (int)length;
    }
    environment_null(facts, "board", rc, NULL);
}

/* ---- memory and load ---- */

static int mem_line(char *line, void *context)
{
    double *ret_mb = context;
    unsigned long long kilobytes;
    if (sscanf(line, "MemTotal: %llu kB", &kilobytes) != 1)
        return 0;
    *ret_mb = (double)kilobytes / 1024;
    return 1;
}

static void read_memory(const struct root *root, struct facts *facts)
{
    double megabytes = NAN;
    int rc = environment_lines(root, "proc/meminfo", mem_line, &megabytes);
    if (rc < 0)
        environment_null(facts, "mem_total_mb", rc, "/proc/meminfo");
    else
        facts_number(facts, "mem_total_mb", megabytes, "/proc/meminfo");
}

static void read_load(const struct root *root, struct facts *facts)
{
    char text[256];
    ssize_t length = root_read_line(root, "proc/loadavg", text, sizeof(text), NULL);
    double load = NAN;
    if (length < 0)
        environment_null(facts, "load1", (int)length, "/proc/loadavg");
    else if (sscanf(text, "%lf", &load) == 1)
        facts_number(facts, "load1", load, "/proc/loadavg");
    else
        facts_null(facts, "load1", REASON_FAILED, "/proc/loadavg");
}

/* ---- temperatures ---- */

#define ZONES_MAX 64

struct zones {
    const struct root *root;
    char text[ZONES_MAX][80];
    const char *items[ZONES_MAX];
    size_t count, found, denied;
};

/* What a zone reports that has no sensor behind it, or whose block is powered down: -256 °C, the
 * PMIC's fixed 50 and 100 °C, -45 and -51 °C on some Tegra boards. */
static bool temperature_is_real(const char *type, int64_t millidegrees)
{
    if (millidegrees <= -40000 || millidegrees > 200000)
        return false;
    bool pmic = strcasestr(type, "pmic") != NULL;
    return !(pmic && (millidegrees == 50000 || millidegrees == 100000));
}

static int zone_read(const char *name, void *context)
{
    struct zones *zones = context;
    if (!str_starts_with(name, "thermal_zone") || zones->count == ZONES_MAX)
        return 0;
    char path[PATH_MAX], type[64];
    int64_t millidegrees;
    zones->found++;
    snprintf(path, sizeof(path), "sys/class/thermal/%s/type", name);
    if (root_read_line(zones->root, path, type, sizeof(type), NULL) <= 0)
        str_copy(type, sizeof(type), name);
    str_make_printable(type);
    snprintf(path, sizeof(path), "sys/class/thermal/%s/temp", name);
    int rc = root_read_i64(zones->root, path, &millidegrees, NULL);
    zones->denied += rc == -ERROR_DENIED;
    if (rc < 0 || !temperature_is_real(type, millidegrees))
        return 0;
    char *text = zones->text[zones->count];
    snprintf(text, sizeof(zones->text[0]), "%s: %.1f", type, (double)millidegrees / 1000);
    zones->items[zones->count++] = text;
    return 0;
}

static void read_temperatures(const struct root *root, struct facts *facts)
{
    struct zones zones = {.root = root};
    int rc = root_list(root, "sys/class/thermal", zone_read, &zones, NULL);
    if (zones.count > 0)
        facts_list(facts, "temperatures_c", zones.items, zones.count, "/sys/class/thermal");
    else if (rc < 0)
        environment_null(facts, "temperatures_c", rc, "/sys/class/thermal");
    else
        facts_null(facts, "temperatures_c",
                   zones.denied  ? REASON_DENIED
                   : zones.found ? REASON_UNSUPPORTED
                                 : REASON_ABSENT,
                   "/sys/class/thermal");
}

/* ---- power mode ---- */

struct power_model {
    long long id;
    char name[64];
};

/* "< POWER_MODEL ID=2 NAME=MODE_15W >" in /etc/nvpmodel.conf. */
static int power_model_line(char *line, void *context)
{
    struct power_model *model = context;
    long long id;
    char name[64];
    if (sscanf(line, " < POWER_MODEL ID=%lld NAME=%63[^ >]", &id, name) != 2 || id != model->id)
        return 0;
    str_copy(model->name, sizeof(model->name), name);
    return 1;
}

/* Jetson: the mode that nvpmodel saved (reading the file costs nothing, the tool may hang). PC: the
 * firmware's platform profile. */
static void read_power_mode(const struct root *root, struct facts *facts)
{
    char text[256];
    struct power_model model = {0};
    ssize_t length = root_read_line(root, "var/lib/nvpmodel/status", text, sizeof(text), NULL);
    if (length > 0 && sscanf(text, "pmode:%lld", &model.id) == 1) {
        environment_lines(root, "etc/nvpmodel.conf", power_model_line, &model);
        if (model.name[0])
            snprintf(text, sizeof(text), "%lld (%s)", model.id, model.name);
        else
            snprintf(text, sizeof(text), "%lld", model.id);
        facts_text(facts, "power_mode", text, "/var/lib/nvpmodel/status");
        return;
    }
    if (length < 0 && length != -ERROR_ABSENT)
        environment_null(facts, "power_mode", (int)length, "/var/lib/nvpmodel/status");
    else
        read_line_fact(root, facts, "power_mode", "sys/firmware/acpi/platform_profile");
}

/* ---- the working directory ---- */

static void read_git(struct facts *facts)
{
    char hex[65];
    CLEANUP_FREE char *directory = getcwd(NULL, 0);
    int rc = directory ? environment_git_commit(directory, hex, sizeof(hex), NULL) : -ERROR_ABSENT;
    if (rc < 0)
        environment_null(facts, "git_commit", rc, ".git");
    else
        facts_text(facts, "git_commit", hex, ".git");
}

void environment_read(const struct root *root, struct facts *facts)
{
    read_identity(root, facts);
    read_os(root, facts);
    read_board(root, facts);
    environment_cpu(root, facts);
    read_memory(root, facts);
    environment_read_changing(root, facts);
    read_power_mode(root, facts);
    environment_limits(root, facts);
    read_git(facts);
    facts_text(facts, "tacho_version", TACHO_VERSION, NULL);
}

void environment_read_changing(const struct root *root, struct facts *facts)
{
    environment_clocks(root, facts);
    read_temperatures(root, facts);
    read_load(root, facts);
}
