/* devices_jetson.c: jetson_0, the GPU of a Jetson or DRIVE board, and its deep learning
 * accelerators, dla_0 and dla_1.
 *
 * The DLAs are platform devices named ADDRESS.nvdlaN; where a board has them fused off (Orin Nano)
 * the device tree says "disabled" and no device is made. Whether an engine can use them is not
 * known here.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "collect/devices_internal.h"
#include "collect/tegra_board.h"

#define DEVICES_DIRECTORY "sys/bus/platform/devices"

/* ---- the GPU ---- */

static void read_gpu(struct device_search *search, struct facts *facts)
{
    char node[256], name[64], path[400];
    int rc = tegra_find_gpu(search->root, node, sizeof(node));
    search->failed |= rc == -ERROR_NOMEM;
    if (rc < 0) {
        static const char *const keys[] = {"gpu_name", "gpu_mhz", "gpu_mhz_min", "gpu_mhz_max",
                                           "gpu_governor"};
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
            facts_null(facts, keys[i], REASON_ABSENT, "/sys/class/devfreq");
        return;
    }
    static const struct {
        const char *key, *file;
    } clocks[] = {
        {"gpu_mhz", "cur_freq"}, {"gpu_mhz_min", "min_freq"}, {"gpu_mhz_max", "max_freq"}};
    facts_text(facts, "gpu_name", tegra_devfreq_name(search->root, node, name, sizeof(name)),
               "/sys/class/devfreq");
    for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
        snprintf(path, sizeof(path), "sys/class/devfreq/%s/%s", node, clocks[i].file);
        devices_number_fact(search->root, facts, clocks[i].key, path, 1e-6);
    }
    snprintf(path, sizeof(path), "sys/class/devfreq/%s/governor", node);
    devices_line_fact(search->root, facts, "gpu_governor", path);
}

static void add_gpu(struct device_search *search, const struct tegra_board *board)
{
    static const char *const keys[] = {"power_mode", "mem_total_mb", NULL};
    struct device *device = devices_add(search, "cuda", 0, "jetson_0");
    if (!device)
        return;
    str_copy(device->alias, sizeof(device->alias),
             board->is_drive ? "nvidia_drive_0" : "nvidia_jetson_0");
    str_copy(device->name, sizeof(device->name),
             board->model[0]   ? board->model
             : board->board[0] ? board->board
                               : "NVIDIA Tegra");
    struct facts *facts = &device->facts;
    static const char release[] = "/etc/nv_tegra_release", tree[] = "/proc/device-tree";
    devices_text_fact(facts, "model", board->model, tree);
    devices_text_fact(facts, "compatible", board->compatible, tree);
    devices_text_fact(facts, "soc", board->soc, tree);
    devices_text_fact(facts, "l4t_release", board->release, release);
    devices_text_fact(facts, "board", board->board, release);
    if (board->release_line[0])
        facts_bool(facts, "is_drive", board->is_drive, release);
    else
        facts_null(facts, "is_drive", REASON_ABSENT, release);
    devices_copy_facts(search, keys, facts);
    read_gpu(search, facts);
}

/* ---- the accelerators ---- */

/* "15880000.nvdla0" of the platform's devices, or "nvdla0@15880000" of the device tree: 0; else -1.
 */
static int dla_number(const char *name)
{
    const char *found = strstr(name, "nvdla");
    if (!found || (found != name && found[-1] != '.'))
        return -1;
    found += strlen("nvdla");
    return isdigit((unsigned char)found[0]) && (found[1] == '\0' || found[1] == '@')
               ? found[0] - '0'
               : -1;
}

#define DLAS_MAX 10

struct dla_nodes {
    char names[DLAS_MAX][200]; /* by number; "": none */
};

static int visit_device(const char *name, void *context)
{
    struct dla_nodes *nodes = context;
    int number = dla_number(name);
    if (number >= 0)
        str_copy(nodes->names[number], sizeof(nodes->names[0]), name);
    return 0;
}

/* Returns how many there are. Addresses are no order: names are sorted by number here. */
static size_t add_dlas(struct device_search *search)
{
    struct dla_nodes nodes = {.names = {""}};
    size_t count = 0;
    devices_walk(search, DEVICES_DIRECTORY, visit_device, &nodes);
    for (unsigned number = 0; number < DLAS_MAX; number++) {
        char id[32], source[256];
        if (!nodes.names[number][0])
            continue;
        snprintf(id, sizeof(id), "dla_%u", number);
        struct device *device = devices_add(search, "dla", number, id);
        if (!device)
            break;
        snprintf(device->name, sizeof(device->name), "NVDLA core %u", number);
        snprintf(source, sizeof(source), "/" DEVICES_DIRECTORY "/%s", nodes.names[number]);
        facts_text(&device->facts, "node", nodes.names[number], source);
        count++;
    }
    return count;
}

struct tree_search {
    const struct root *root;
    char folder[300];
    size_t disabled, found;
};

static int visit_node(const char *name, void *context)
{
    struct tree_search *search = context;
    char path[600], text[32];
    if (dla_number(name) < 0)
        return 0;
    search->found++;
    snprintf(path, sizeof(path), "%s/%.200s/status", search->folder, name);
    if (root_read(search->root, path, text, sizeof(text), NULL) > 0 &&
        str_starts_with(text, "disabled"))
        search->disabled++;
    return 0;
}

static int visit_host1x(const char *name, void *context)
{
    struct tree_search *search = context;
    char parent[300];
    if (!str_starts_with(name, "host1x"))
        return 0;
    str_copy(parent, sizeof(parent), search->folder);
    size_t used = strlen(search->folder);
    snprintf(search->folder + used, sizeof(search->folder) - used, "/%.120s", name);
    int rc = root_list(search->root, search->folder, visit_node, search, NULL);
    str_copy(search->folder, sizeof(search->folder), parent);
    return rc == -ERROR_NOMEM ? rc : 0;
}

static void explain_no_dla(struct device_search *search, const struct tegra_board *board)
{
    static const char *const folders[] = {"proc/device-tree", "proc/device-tree/bus@0"};
    struct tree_search tree = {.root = search->root};
    const char *soc = board->soc[0] ? board->soc : "this chip";
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        str_copy(tree.folder, sizeof(tree.folder), folders[i]);
        devices_walk(search, folders[i], visit_host1x, &tree);
    }
    if (tree.found > 0 && tree.disabled == tree.found)
        devices_absent(search, "dla",
                       "%s has %zu, but on this module they are disabled "
                       "(device tree)",
                       soc, tree.found);
    else if (tree.found > 0)
        devices_absent(search, "dla",
                       "the device tree has %zu, but the kernel made no device of "
                       "them",
                       tree.found);
    else if (strcmp(soc, "tegra210") == 0 || strcmp(soc, "tegra186") == 0)
        devices_absent(search, "dla", "%s has none (Xavier and AGX Orin, Orin NX do)", soc);
    else
        devices_absent(search, "dla", "no NVDLA in /" DEVICES_DIRECTORY " or the device tree");
}

void devices_find_jetson(struct device_search *search)
{
    struct tegra_board board;
    if (!search->is_board) {
        devices_absent(search, "jetson",
                       "no /etc/nv_tegra_release, and no nvidia,tegra in the "
                       "device tree");
        devices_absent(search, "dla", "only Jetson and DRIVE boards have one");
        return;
    }
    tegra_read_board(search->root, &board);
    add_gpu(search, &board);
    if (add_dlas(search) == 0)
        explain_no_dla(search, &board);
}
