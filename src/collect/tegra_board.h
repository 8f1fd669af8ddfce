/* tegra_board.h: whether this is an NVIDIA Tegra board (Jetson, DRIVE), and which; for the
 * collector `tegra`, the list of devices and the nvml collector.
 *
 * Source: /etc/nv_tegra_release ("# R36 (release), REVISION: 4.3, … BOARD: generic, …") and the
 *         device tree's model and compatible, which containers see too. Memory: caller's.
 * Threads: any. Errors: none but out of memory; what is not known is an empty text.
 */
#ifndef TACHO_COLLECT_TEGRA_BOARD_H
#define TACHO_COLLECT_TEGRA_BOARD_H

#include "base/file.h"

struct tegra_board {
    char model[128];        /* "NVIDIA Jetson Orin Nano Developer Kit" */
    char compatible[256];   /* "nvidia,p3768-0000+p3767-0005, nvidia,p3767-0005, nvidia,tegra234" */
    char soc[32];           /* "tegra234" */
    char release[32];       /* of L4T: "36.4.3" */
    char board[64];         /* as the release file calls it: "t210ref", "generic" */
    char release_line[256]; /* the whole first line */
    bool is_drive;          /* the release names DRIVE */
};

bool tegra_is_board(const struct root *root);
void tegra_read_board(const struct root *root, struct tegra_board *ret_board);

/* A node of /sys/class/devfreq by what the device tree calls it ("ga10b", "gpu", "nvdec"), else by
 * the end of its own name: "17000000.ga10b" is "ga10b". */
const char *tegra_devfreq_name(const struct root *root, const char *node, char *buf, size_t size);
/* "ga10b", "gpu", "gpu-gpc-0" and the like. */
bool tegra_is_gpu_name(const char *name);
/* Finds the GPU's node: "17000000.ga10b". 0; -ERROR_ABSENT: there is none (it may appear late);
 * -ERROR_NOMEM. */
int tegra_find_gpu(const struct root *root, char *ret_node, size_t size);

#endif
