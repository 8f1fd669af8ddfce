/* tegra_board.c: see tegra_board.h. */
#include "collect/tegra_board.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"

#define DEVFREQ_DIRECTORY "sys/class/devfreq"
#define RELEASE_FILE "etc/nv_tegra_release"

/* ---- the device tree ---- */

/* Reads a property of the root node; zero bytes between the texts of a list become ", ". */
static void read_property(const struct root *root, const char *name, char *text, size_t size)
{
    static const char *const folders[] = {"proc/device-tree", "sys/firmware/devicetree/base"};
    char path[128], raw[512];
    size_t used = 0;
    for (size_t i = 0; i < ARRAY_LEN(folders) && used == 0; i++) {
        snprintf(path, sizeof(path), "%s/%s", folders[i], name);
        ssize_t length = root_read(root, path, raw, sizeof(raw), NULL);
        for (ssize_t at = 0; at < length && used + 3 < size; at++) {
            bool is_end = raw[at] == '\0';
            if (is_end && (at + 1 >= length || raw[at + 1] == '\0'))
                break;
            if (is_end) {
                text[used++] = ',';
                text[used++] = ' ';
            } else if (raw[at] != '\n') {
                text[used++] = raw[at];
            }
        }
    }
    text[used] = '\0';
    str_make_printable(text);
}

/* "… nvidia,tegra234": the chip. */
static void find_soc(const char *compatible, char *soc, size_t size)
{
    static const char prefix[] = "nvidia,tegra";
    const char *found = strstr(compatible, prefix);
    if (!found)
        return;
    found += strlen("nvidia,");
    size_t length = strcspn(found, ", ");
    snprintf(soc, size, "%.*s", (int)length, found);
}

/* ---- the release ---- */

/* The text behind a key of the release line, up to the next comma. */
static void release_field(const char *line, const char *key, char *text, size_t size)
{
    const char *found = strstr(line, key);
    if (!found)
        return;
    found += strlen(key);
    found += strspn(found, " ");
    snprintf(text, size, "%.*s", (int)strcspn(found, ",\n"), found);
}

static void read_release(const struct root *root, struct tegra_board *board)
{
    char line[4096], major[16] = "", revision[16] = "";
    if (root_read(root, RELEASE_FILE, line, sizeof(line), NULL) <= 0)
        return;
    line[strcspn(line, "\n")] = '\0';
    str_make_printable(line);
    str_copy(board->release_line, sizeof(board->release_line), line);
    board->is_drive = strcasestr(line, "DRIVE") != NULL;
    const char *number = strstr(line, "# R");
    if (number) {
        number += strlen("# R");
        size_t digits = strspn(number, "0123456789");
        snprintf(major, sizeof(major), "%.*s", (int)digits, number);
    }
    release_field(line, "REVISION:", revision, sizeof(revision));
    if (major[0] && revision[0])
        snprintf(board->release, sizeof(board->release), "%s.%s", major, revision);
    else
        str_copy(board->release, sizeof(board->release), major);
    release_field(line, "BOARD:", board->board, sizeof(board->board));
}

void tegra_read_board(const struct root *root, struct tegra_board *ret_board)
{
    memset(ret_board, 0, sizeof(*ret_board));
    read_property(root, "model", ret_board->model, sizeof(ret_board->model));
    read_property(root, "compatible", ret_board->compatible, sizeof(ret_board->compatible));
    find_soc(ret_board->compatible, ret_board->soc, sizeof(ret_board->soc));
    read_release(root, ret_board);
}

bool tegra_is_board(const struct root *root)
{
    char compatible[256];
    if (root_exists(root, RELEASE_FILE))
        return true;
    read_property(root, "compatible", compatible, sizeof(compatible));
    return strstr(compatible, "nvidia,tegra") != NULL;
}

/* ---- devfreq ---- */

const char *tegra_devfreq_name(const struct root *root, const char *node, char *buf, size_t size)
{
    char path[400];
    snprintf(path, sizeof(path), DEVFREQ_DIRECTORY "/%s/device/of_node/name", node);
    ssize_t length = root_read_line(root, path, buf, size, NULL);
    if (length <= 0 || buf[0] == '\0') {
        const char *dot = strchr(node, '.');
        str_copy(buf, size, dot ? dot + 1 : node);
    }
    str_make_printable(buf);
    return buf;
}

bool tegra_is_gpu_name(const char *name)
{
    static const char *const known[] = {"gm20b", "gp10b", "gv11b", "ga10b", "gb10b"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(name, known[i]) == 0)
            return true;
    /* Thor splits the GPU: gpu-gpc-0 computes, gpu-nvd-0 decodes video. */
    return strstr(name, "gpu") && !strstr(name, "nvd");
}

struct gpu_search {
    const struct root *root;
    char *node;
    size_t size;
};

static int visit_devfreq(const char *name, void *context)
{
    struct gpu_search *search = context;
    char text[64];
    if (!tegra_is_gpu_name(tegra_devfreq_name(search->root, name, text, sizeof(text))))
        return 0;
    str_copy(search->node, search->size, name);
    return 1;
}

int tegra_find_gpu(const struct root *root, char *ret_node, size_t size)
{
    struct gpu_search search = {root, ret_node, size};
    int rc = root_list(root, DEVFREQ_DIRECTORY, visit_devfreq, &search, NULL);
    return rc == 1 ? 0 : rc == -ERROR_NOMEM ? rc : -ERROR_ABSENT;
}
