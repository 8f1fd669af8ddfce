/* tegra_find.c: which files of a Tegra board tell what, by generation.
 *
 * GPU load and clock, engines of devfreq, NvMapMemUsed and the fan are readable by everybody; the
 * memory controller, the other engines and nvmap's clients are debugfs, for root only. A source
 * that is denied becomes a column that says so. Paths: reference tables of JetPack 4 (kernel 4.9)
 * to 7.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "collect/hwmon.h"
#include "collect/tegra_board.h"
#include "collect/tegra_internal.h"

#define DEVICE "jetson_0"
#define DEBUGFS "sys/kernel/debug"
#define ROOT_ONLY "debugfs is for root: run as root"
#define MHZ_MAX 100000.0

struct search {
    const struct root *root;
    struct tegra_source *sources;
    size_t count;
    bool no_debugfs; /* not readable by this user */
    bool failed;     /* out of memory */
    char found[256]; /* " vic nvdec ": engines that have a column already */
};

static struct tegra_source *add_source(struct search *search, enum tegra_kind kind,
                                       const char *metric, const char *instance, double scale,
                                       double max)
{
    if (search->count == TEGRA_SOURCES_MAX)
        return NULL;
    struct tegra_source *source = &search->sources[search->count++];
    *source = (struct tegra_source){.kind = kind, .metric = metric, .scale = scale, .max = max};
    str_copy(source->instance, sizeof(source->instance), instance);
    return source;
}

static void add_file(struct search *search, enum tegra_kind kind, const char *metric,
                     const char *instance, double scale, double max, const char *path)
{
    struct tegra_source *source = add_source(search, kind, metric, instance, scale, max);
    if (source)
        str_copy(source->path, sizeof(source->path), path);
}

static void add_missing(struct search *search, const char *metric, const char *instance,
                        const char *path, enum reason reason, const char *why)
{
    struct tegra_source *source = add_source(search, TEGRA_NUMBER, metric, instance, 1, 0);
    if (!source)
        return;
    str_copy(source->path, sizeof(source->path), path);
    source->reason = reason;
    source->why = why;
}

/* Of a walk over a directory: that it is not there, or hidden, only means that nothing is in it. */
static int walked(struct search *search, int rc)
{
    search->failed |= rc == -ERROR_NOMEM;
    return rc;
}

static const char *first_existing(const struct root *root, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (root_exists(root, paths[i]))
            return paths[i];
    return NULL;
}

/* ---- the GPU ---- */

/* Per mille of a short window of the driver's. */
static void find_gpu_load(struct search *search, const char *node)
{
    static const char *const paths[] = {
        "sys/devices/gpu.0/load",
        "sys/devices/platform/gpu.0/load",
        "sys/devices/platform/bus@0/17000000.gpu/load",
        "sys/devices/platform/17000000.gpu/load",
        "sys/devices/platform/17000000.ga10b/load",
        "sys/devices/17000000.ga10b/load",
        "sys/devices/17000000.gv11b/load",
        "sys/devices/17000000.gp10b/load",
        "sys/devices/57000000.gpu/load",
    };
    char own[400];
    snprintf(own, sizeof(own), "sys/class/devfreq/%s/device/load", node);
    const char *path = node[0] && root_exists(search->root, own)
                           ? own
                           : first_existing(search->root, paths, ARRAY_LEN(paths));
    if (path)
        add_file(search, TEGRA_NUMBER, "gpu_util_pct", DEVICE, 0.1, 100, path);
    else
        add_missing(search, "gpu_util_pct", DEVICE, "sys/devices/gpu.0/load", REASON_ABSENT,
                    "this board's driver tells no load in sysfs (Thor: the collector nvml has it)");
}

static void find_gpu(struct search *search)
{
    char node[256] = "", path[400];
    bool has_node = walked(search, tegra_find_gpu(search->root, node, sizeof(node))) == 0;
    find_gpu_load(search, node);
    snprintf(path, sizeof(path), "sys/class/devfreq/%s/cur_freq", node);
    if (has_node && root_exists(search->root, path))
        add_file(search, TEGRA_NUMBER, "gpu_mhz", DEVICE, 1e-6, MHZ_MAX, path);
    else if (root_exists(search->root, DEBUGFS "/clk/gpcclk/clk_rate"))
        add_file(search, TEGRA_NUMBER, "gpu_mhz", DEVICE, 1e-6, MHZ_MAX,
                 DEBUGFS "/clk/gpcclk/clk_rate");
    else
        add_missing(search, "gpu_mhz", DEVICE, "sys/class/devfreq", REASON_ABSENT,
                    "no GPU in /sys/class/devfreq");
}

/* Memory is shared: what nvmap handed out, of which the GPU's share is not told apart. */
static void find_gpu_memory(struct search *search)
{
    static const char clients[] = DEBUGFS "/nvmap/iovmm/clients";
    char text[8192];
    struct tegra_source *source = NULL;
    const char *key = NULL, *path = "proc/meminfo";
    if (root_read(search->root, "proc/meminfo", text, sizeof(text), NULL) > 0 &&
        strstr(text, "NvMapMemUsed:")) {
        key = "NvMapMemUsed:";
    } else if (root_exists(search->root, clients)) {
        key = "total";
        path = clients;
    }
    if (!key) {
        add_missing(search, "gpu_mem_used_mb", DEVICE, clients,
                    search->no_debugfs ? REASON_DENIED : REASON_ABSENT,
                    search->no_debugfs ? "no NvMapMemUsed in /proc/meminfo, and " ROOT_ONLY
                                       : "neither NvMapMemUsed in /proc/meminfo nor nvmap's list "
                                         "of clients");
        return;
    }
    source = add_source(search, TEGRA_LINE, "gpu_mem_used_mb", DEVICE, 1.0 / 1024, 16.0 * 1048576);
    if (!source)
        return;
    source->key = key;
    str_copy(source->path, sizeof(source->path), path);
}

/* ---- the memory controller ---- */

static void find_emc(struct search *search)
{
    static const char *const rates[] = {
        "sys/class/devfreq/bwmgr/cur_freq",
        DEBUGFS "/bpmp/debug/clk/emc/rate",
        DEBUGFS "/clk/override.emc/clk_rate",
        DEBUGFS "/clk/emc/clk_rate",
    };
    static const char *const activities[] = {
        DEBUGFS "/cactmon/mc_all",
        DEBUGFS "/bpmp/debug/actmon/mc_all_avg_activity",
        "sys/kernel/actmon_avg_activity/mc_all",
    };
    const char *rate = first_existing(search->root, rates, ARRAY_LEN(rates));
    const char *activity = first_existing(search->root, activities, ARRAY_LEN(activities));
    enum reason reason = search->no_debugfs ? REASON_DENIED : REASON_ABSENT;
    struct tegra_source *clock =
        rate ? add_source(search, TEGRA_NUMBER, "emc_mhz", DEVICE, 1e-6, MHZ_MAX) : NULL;
    if (clock) {
        clock->min = 1; /* who reads this has memory that runs */
        str_copy(clock->path, sizeof(clock->path), rate);
    } else
        add_missing(search, "emc_mhz", DEVICE, rates[1], reason,
                    search->no_debugfs ? ROOT_ONLY : "no clock of the memory controller is told");
    struct tegra_source *share =
        rate && activity ? add_source(search, TEGRA_SHARE, "emc_util_pct", DEVICE, 1e5, 100) : NULL;
    if (share) {
        str_copy(share->path, sizeof(share->path), activity);
        str_copy(share->path2, sizeof(share->path2), rate);
    } else {
        add_missing(search, "emc_util_pct", DEVICE, activities[0], reason,
                    search->no_debugfs ? ROOT_ONLY
                                       : "no activity of the memory controller is told");
    }
}

/* ---- engines ---- */

/* The engine that a clock or devfreq node belongs to; false: it is none. "msenc" is the older name
 * of nvenc. */
static bool engine_name(const char *node, char *name, size_t size)
{
    static const char *const prefixes[] = {"vic",   "nvdec", "nvenc", "nvjpg", "ape",
                                           "nvdla", "pva",   "ofa",   "msenc"};
    if (strstr(node, "nvd-") && strstr(node, "gpu")) { /* Thor: gpu-nvd-0 */
        str_copy(name, size, node + (strncmp(node, "gpu-", 4) == 0 ? 4 : 0));
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        size_t length = strlen(prefixes[i]);
        if (!str_starts_with(node, prefixes[i]))
            continue;
        /* "nvdec1" is an engine, "nvdec_hub" and "vic.cbus" are parts of the clock tree. */
        if (strspn(node + length, "0123456789") != strlen(node + length))
            continue;
        str_copy(name, size, strcmp(prefixes[i], "msenc") == 0 ? "nvenc" : node);
        return true;
    }
    return false;
}

/* Remembers an engine; false: it has a column already. */
static bool is_new_engine(struct search *search, const char *name)
{
    char word[72];
    snprintf(word, sizeof(word), " %s ", name);
    if (strstr(search->found, word))
        return false;
    size_t used = strlen(search->found);
    snprintf(search->found + used, sizeof(search->found) - used, "%s", word);
    return true;
}

static void add_engine(struct search *search, const char *name, const char *path,
                       const char *gate_path, enum tegra_gate gate)
{
    struct tegra_source *source =
        add_source(search, TEGRA_CLOCK, "engine_mhz", name, 1e-6, MHZ_MAX);
    if (!source)
        return;
    str_copy(source->path, sizeof(source->path), path);
    if (root_exists(search->root, gate_path)) {
        str_copy(source->path2, sizeof(source->path2), gate_path);
        source->gate = gate;
    }
}

static int visit_devfreq(const char *node, void *context)
{
    struct search *search = context;
    char text[64], name[64], path[400], gate[400];
    tegra_devfreq_name(search->root, node, text, sizeof(text));
    snprintf(path, sizeof(path), "sys/class/devfreq/%s/cur_freq", node);
    if (!engine_name(text, name, sizeof(name)) || !root_exists(search->root, path) ||
        !is_new_engine(search, name))
        return 0;
    snprintf(gate, sizeof(gate), "sys/class/devfreq/%s/device/power/runtime_status", node);
    add_engine(search, name, path, gate, TEGRA_GATE_STATUS);
    return 0;
}

static int visit_clock(const char *node, void *context)
{
    struct search *search = context;
    char name[64], path[400], gate[400];
    if (!engine_name(node, name, sizeof(name)) || !is_new_engine(search, name))
        return 0;
    /* The firmware's own rate where it tells one: the kernel's may be stale. */
    snprintf(path, sizeof(path), DEBUGFS "/bpmp/debug/clk/%s/rate", node);
    if (!root_exists(search->root, path))
        snprintf(path, sizeof(path), DEBUGFS "/clk/%s/clk_rate", node);
    snprintf(gate, sizeof(gate), DEBUGFS "/clk/%s/clk_enable_count", node);
    add_engine(search, name, path, gate, TEGRA_GATE_COUNT);
    return 0;
}

static void find_engines(struct search *search)
{
    static const char *const usual[] = {"vic", "nvdec", "nvenc", "nvjpg", "ape"};
    walked(search, root_list(search->root, "sys/class/devfreq", visit_devfreq, search, NULL));
    walked(search, root_list(search->root, DEBUGFS "/clk", visit_clock, search, NULL));
    for (size_t i = 0; search->no_debugfs && i < ARRAY_LEN(usual); i++)
        if (is_new_engine(search, usual[i]))
            add_missing(search, "engine_mhz", usual[i], DEBUGFS "/clk", REASON_DENIED, ROOT_ONLY);
}

/* ---- the fan ---- */

static int visit_pwm(const struct hwmon_file *file, void *context)
{
    struct search *search = context;
    if (!strstr(file->driver, "pwm") && !strstr(file->driver, "fan"))
        return 0;
    char name[64];
    snprintf(name, sizeof(name), "%.48s/%s%d", file->driver, file->kind, file->number);
    add_file(search, TEGRA_NUMBER, "fan_pct", name, 100.0 / 255, 100, file->path);
    return 0;
}

static void find_fan(struct search *search)
{
    static const char *const older[] = {"sys/devices/pwm-fan/cur_pwm",
                                        "sys/devices/pwm-fan/target_pwm"};
    size_t before = search->count;
    walked(search, hwmon_each(search->root, "pwm", "", visit_pwm, search, NULL));
    const char *path = first_existing(search->root, older, ARRAY_LEN(older));
    if (search->count == before && path)
        add_file(search, TEGRA_NUMBER, "fan_pct", "pwm-fan", 100.0 / 255, 100, path);
}

static int ignore_entry(const char *name, void *context)
{
    return 1;
}

int tegra_find(const struct root *root, struct tegra_source *sources, size_t *ret_count)
{
    struct search search = {.root = root, .sources = sources};
    int rc = walked(&search, root_list(root, DEBUGFS, ignore_entry, NULL, NULL));
    search.no_debugfs = rc == -ERROR_DENIED;
    find_gpu(&search);
    find_gpu_memory(&search);
    find_emc(&search);
    find_engines(&search);
    find_fan(&search);
    if (search.failed)
        return -ERROR_NOMEM;
    *ret_count = search.count;
    return 0;
}
