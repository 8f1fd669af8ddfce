/* environment_cpu.c: which CPU, how many of it, at which clocks.
 *
 * Sources: /proc/cpuinfo, /sys/devices/system/cpu, sched_getaffinity(2), cpufreq's policies. CPUs
 * that share a policy share a clock; policies with the same maximum form a cluster.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"
#include "model/environment.h"
#include "model/environment_parts.h"

#define CPUS_MAX 4096

int environment_lines(const struct root *root, const char *path,
                      int (*fn)(char *line, void *context), void *context)
{
    int fd = root_open_file(root, path, NULL);
    if (fd < 0)
        return fd;
    FILE *file = fdopen(fd, "re");
    if (!file) {
        close(fd);
        return -ERROR_NOMEM;
    }
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    int rc = 0;
    errno = 0;
    while (rc == 0 && (length = getline(&line, &capacity, file)) >= 0) {
        if (length > 0 && line[length - 1] == '\n')
            line[length - 1] = '\0';
        rc = fn(line, context);
    }
    /* getline(3) without memory sets errno alone. */
    if (rc == 0 && (ferror(file) || errno == ENOMEM))
        rc = -error_code_from_errno(errno);
    free(line);
    fclose(file);
    return rc < 0 ? rc : 0;
}

/* ---- the model ---- */

#define PARTS_MAX 8

struct cpuinfo {
    char model[128];           /* x86 "model name", or what other architectures have instead */
    unsigned implementer;      /* ARM: of the processor that is being read */
    char parts[PARTS_MAX][64]; /* ARM: distinct cores */
    size_t part_count;
    double mhz_sum; /* x86: "cpu MHz" */
    unsigned mhz_count;
};

/* Part numbers as Arm, NVIDIA and others assign them (MIDR_EL1). */
static const struct {
    unsigned implementer, part;
    const char *name;
} arm_parts[] = {
    {0x41, 0xc07, "Cortex-A7"},     {0x41, 0xc09, "Cortex-A9"},   {0x41, 0xc0f, "Cortex-A15"},
    {0x41, 0xd03, "Cortex-A53"},    {0x41, 0xd04, "Cortex-A35"},  {0x41, 0xd05, "Cortex-A55"},
    {0x41, 0xd07, "Cortex-A57"},    {0x41, 0xd08, "Cortex-A72"},  {0x41, 0xd09, "Cortex-A73"},
    {0x41, 0xd0a, "Cortex-A75"},    {0x41, 0xd0b, "Cortex-A76"},  {0x41, 0xd0c, "Neoverse-N1"},
    {0x41, 0xd0d, "Cortex-A77"},    {0x41, 0xd40, "Neoverse-V1"}, {0x41, 0xd41, "Cortex-A78"},
    {0x41, 0xd42, "Cortex-A78AE"},  {0x41, 0xd44, "Cortex-X1"},   {0x41, 0xd46, "Cortex-A510"},
    {0x41, 0xd47, "Cortex-A710"},   {0x41, 0xd49, "Neoverse-N2"}, {0x41, 0xd4d, "Cortex-A715"},
    {0x41, 0xd4f, "Neoverse-V2"},   {0x4e, 0x003, "Denver 2"},    {0x4e, 0x004, "Carmel"},
    {0x41, 0xd83, "Neoverse-V3AE"},
};

static void note_arm_part(struct cpuinfo *info, unsigned part)
{
    char name[64];
    snprintf(name, sizeof(name), "implementer 0x%02x part 0x%03x", info->implementer, part);
    for (size_t i = 0; i < ARRAY_LEN(arm_parts); i++) {
        if (arm_parts[i].implementer == info->implementer && arm_parts[i].part == part)
            str_copy(name, sizeof(name), arm_parts[i].name);
    }
    for (size_t i = 0; i < info->part_count; i++) {
        if (strcmp(info->parts[i], name) == 0)
            return;
    }
    if (info->part_count < PARTS_MAX)
        str_copy(info->parts[info->part_count++], sizeof(info->parts[0]), name);
}

static int cpuinfo_line(char *line, void *context)
{
    struct cpuinfo *info = context;
    char *colon = strchr(line, ':');
    if (!colon)
        return 0;
    char *end = colon;
    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = '\0';
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    unsigned number;
    double mhz;
    if (strcmp(line, "CPU implementer") == 0 && sscanf(value, "%x", &number) == 1)
        info->implementer = number;
    else if (strcmp(line, "CPU part") == 0 && sscanf(value, "%x", &number) == 1)
        note_arm_part(info, number);
    else if (strcmp(line, "cpu MHz") == 0 && sscanf(value, "%lf", &mhz) == 1) {
        info->mhz_sum += mhz;
        info->mhz_count++;
    } else if (!info->model[0] && *value &&
               /* x86 and MIPS, PowerPC, RISC-V. "model name" on 32-bit ARM names the ABI only. */
               (strcmp(line, "model name") == 0 || strcmp(line, "cpu model") == 0 ||
                strcmp(line, "cpu") == 0 || strcmp(line, "uarch") == 0))
        str_copy(info->model, sizeof(info->model), value);
    return 0;
}

static void read_model(const struct root *root, struct facts *facts)
{
    struct cpuinfo info = {0};
    int rc = environment_lines(root, "proc/cpuinfo", cpuinfo_line, &info);
    if (rc < 0) {
        environment_null(facts, "cpu_model", rc, "/proc/cpuinfo");
        return;
    }
    char text[PARTS_MAX * 68] = "";
    for (size_t i = 0; i < info.part_count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s%s", i ? " + " : "", info.parts[i]);
    }
    const char *model = info.part_count > 0 ? text : info.model;
    if (!*model) {
        facts_null(facts, "cpu_model", REASON_UNSUPPORTED, "/proc/cpuinfo");
        return;
    }
    char printable[sizeof(text)];
    str_copy(printable, sizeof(printable), model);
    str_make_printable(printable);
    facts_text(facts, "cpu_model", printable, "/proc/cpuinfo");
}

/* ---- how many ---- */

/* "0-3,6" as two facts: how many, and the list itself. */
static void cpu_list_facts(struct facts *facts, const char *key, const char *list,
                           const char *source)
{
    char list_key[64];
    snprintf(list_key, sizeof(list_key), "%s_list", key);
    CLEANUP_FREE uint64_t *cpus = malloc(CPUS_MAX * sizeof(*cpus));
    size_t count;
    if (!cpus || unit_parse_list(list, CPUS_MAX - 1, cpus, CPUS_MAX, &count, NULL) < 0) {
        facts_null(facts, key, REASON_FAILED, source);
        facts_null(facts, list_key, REASON_FAILED, source);
        return;
    }
    facts_integer(facts, key, (int64_t)count, source);
    facts_text(facts, list_key, list, source);
}

static void read_online(const struct root *root, struct facts *facts)
{
    static const char source[] = "/sys/devices/system/cpu/online";
    char list[1024];
    ssize_t length = root_read_line(root, source + 1, list, sizeof(list), NULL);
    if (length > 0) {
        cpu_list_facts(facts, "cpus_online", list, source);
        return;
    }
    environment_null(facts, "cpus_online", length < 0 ? (int)length : -ERROR_IO, source);
    environment_null(facts, "cpus_online_list", length < 0 ? (int)length : -ERROR_IO, source);
}

static bool allowed_by_kernel(char *list, size_t size)
{
    cpu_set_t *set = CPU_ALLOC(CPUS_MAX);
    uint64_t *cpus = malloc(CPUS_MAX * sizeof(*cpus));
    size_t set_size = CPU_ALLOC_SIZE(CPUS_MAX), count = 0;
    bool ok = set && cpus && sched_getaffinity(0, set_size, set) == 0;
    for (size_t i = 0; ok && i < CPUS_MAX; i++) {
        if (CPU_ISSET_S(i, set_size, set))
            cpus[count++] = i;
    }
    if (ok)
        unit_format_list(cpus, count, list, size);
    CPU_FREE(set);
    free(cpus);
    return ok;
}

struct allowed {
    char list[1024];
};

static int allowed_line(char *line, void *context)
{
    struct allowed *allowed = context;
    if (sscanf(line, "Cpus_allowed_list: %1023s", allowed->list) == 1)
        return 1;
    return 0;
}

static void read_allowed(const struct root *root, struct facts *facts)
{
    struct allowed allowed = {""};
    if (root->is_machine && allowed_by_kernel(allowed.list, sizeof(allowed.list))) {
        cpu_list_facts(facts, "cpus_allowed", allowed.list, "sched_getaffinity");
        return;
    }
    int rc = environment_lines(root, "proc/self/status", allowed_line, &allowed);
    if (allowed.list[0]) {
        cpu_list_facts(facts, "cpus_allowed", allowed.list, "/proc/self/status");
        return;
    }
    environment_null(facts, "cpus_allowed", rc < 0 ? rc : -ERROR_ABSENT, "/proc/self/status");
    environment_null(facts, "cpus_allowed_list", rc < 0 ? rc : -ERROR_ABSENT, "/proc/self/status");
}

void environment_cpu(const struct root *root, struct facts *facts)
{
    read_model(root, facts);
    read_online(root, facts);
    read_allowed(root, facts);
}

/* ---- clocks ---- */

#define CLUSTERS_MAX 16
#define POLICY_DIRECTORY "sys/devices/system/cpu/cpufreq"

struct cluster {
    int64_t hardware_max_khz;
    uint64_t cpus[512];
    size_t cpu_count;
    double current_khz_sum;
    unsigned current_count;
    int64_t max_khz; /* what is allowed now */
    char governor[32];
    bool mixed_governor;
};

struct clusters {
    const struct root *root;
    struct cluster items[CLUSTERS_MAX];
    size_t count;
};

static int64_t policy_number(const struct root *root, const char *policy, const char *file)
{
    char path[PATH_MAX];
    int64_t value;
    snprintf(path, sizeof(path), POLICY_DIRECTORY "/%s/%s", policy, file);
    return root_read_i64(root, path, &value, NULL) == 0 ? value : -1;
}

static void policy_text(const struct root *root, const char *policy, const char *file, char *text,
                        size_t size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), POLICY_DIRECTORY "/%s/%s", policy, file);
    if (root_read_line(root, path, text, size, NULL) < 0)
        text[0] = '\0';
    str_make_printable(text);
}

static struct cluster *cluster_for(struct clusters *clusters, int64_t hardware_max_khz)
{
    for (size_t i = 0; i < clusters->count; i++) {
        if (clusters->items[i].hardware_max_khz == hardware_max_khz)
            return &clusters->items[i];
    }
    if (clusters->count == CLUSTERS_MAX)
        return NULL;
    struct cluster *fresh = &clusters->items[clusters->count++];
    fresh->hardware_max_khz = hardware_max_khz;
    return fresh;
}

/* affected_cpus separates its numbers by blanks. */
static void cluster_add_cpus(struct cluster *cluster, char *list)
{
    char *rest = NULL;
    for (char *word = strtok_r(list, " ,", &rest); word; word = strtok_r(NULL, " ,", &rest)) {
        uint64_t cpu;
        if (cluster->cpu_count < ARRAY_LEN(cluster->cpus) &&
            unit_parse_u64(word, 0, CPUS_MAX, &cpu, NULL) == 0)
            cluster->cpus[cluster->cpu_count++] = cpu;
    }
}

static int policy_read(const char *name, void *context)
{
    struct clusters *clusters = context;
    if (!str_starts_with(name, "policy"))
        return 0;
    const struct root *root = clusters->root;
    struct cluster *cluster = cluster_for(clusters, policy_number(root, name, "cpuinfo_max_freq"));
    if (!cluster)
        return 0;
    char cpus[2048], governor[32];
    policy_text(root, name, "affected_cpus", cpus, sizeof(cpus));
    cluster_add_cpus(cluster, cpus);
    int64_t current = policy_number(root, name, "scaling_cur_freq");
    if (current > 0) {
        cluster->current_khz_sum += (double)current;
        cluster->current_count++;
    }
    int64_t max = policy_number(root, name, "scaling_max_freq");
    if (max > cluster->max_khz)
        cluster->max_khz = max;
    policy_text(root, name, "scaling_governor", governor, sizeof(governor));
    if (!cluster->governor[0])
        str_copy(cluster->governor, sizeof(cluster->governor), governor);
    else if (strcmp(cluster->governor, governor) != 0)
        cluster->mixed_governor = true;
    return 0;
}

/* The value of one cluster as text; empty: it has none. */
typedef void cluster_text_fn(const struct cluster *cluster, char *text, size_t size);

static void governor_text(const struct cluster *cluster, char *text, size_t size)
{
    str_copy(text, size, cluster->mixed_governor ? "mixed" : cluster->governor);
}

static double current_mhz(const struct cluster *cluster)
{
    return cluster->current_count ? cluster->current_khz_sum / cluster->current_count / 1000 : NAN;
}

static double max_mhz(const struct cluster *cluster)
{
    int64_t khz = cluster->max_khz > 0 ? cluster->max_khz : cluster->hardware_max_khz;
    return khz > 0 ? (double)khz / 1000 : NAN;
}

static void number_text(double value, char *text, size_t size)
{
    if (isnan(value))
        text[0] = '\0';
    else
        snprintf(text, size, "%.0f", value);
}

static void current_text(const struct cluster *cluster, char *text, size_t size)
{
    number_text(current_mhz(cluster), text, size);
}

static void max_text(const struct cluster *cluster, char *text, size_t size)
{
    number_text(max_mhz(cluster), text, size);
}

/* One entry "CPUS: VALUE" for each cluster that has one. */
static void cluster_list(const struct clusters *clusters, struct facts *facts, const char *key,
                         cluster_text_fn *text_of)
{
    char entries[CLUSTERS_MAX][160];
    const char *items[CLUSTERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < clusters->count; i++) {
        const struct cluster *cluster = &clusters->items[i];
        char value[40], cpus[96] = "?";
        text_of(cluster, value, sizeof(value));
        if (!value[0])
            continue;
        if (cluster->cpu_count > 0)
            unit_format_list(cluster->cpus, cluster->cpu_count, cpus, sizeof(cpus));
        snprintf(entries[count], sizeof(entries[0]), "%s: %s", cpus, value);
        items[count] = entries[count];
        count++;
    }
    if (count > 0)
        facts_list(facts, key, items, count, "/" POLICY_DIRECTORY);
    else
        facts_null(facts, key, REASON_ABSENT, "/" POLICY_DIRECTORY);
}

static void governor_fact(const struct clusters *clusters, struct facts *facts)
{
    char first[40], other[40];
    governor_text(&clusters->items[0], first, sizeof(first));
    bool same = first[0] != '\0';
    for (size_t i = 1; i < clusters->count; i++) {
        governor_text(&clusters->items[i], other, sizeof(other));
        same = same && strcmp(first, other) == 0;
    }
    if (same)
        facts_text(facts, "governor", first, "/" POLICY_DIRECTORY);
    else
        cluster_list(clusters, facts, "governor", governor_text);
}

/* Without cpufreq (virtual machines, mostly) x86 still tells a clock in /proc/cpuinfo. */
static void clocks_from_cpuinfo(const struct root *root, struct facts *facts)
{
    struct cpuinfo info = {0};
    int rc = environment_lines(root, "proc/cpuinfo", cpuinfo_line, &info);
    facts_null(facts, "governor", REASON_ABSENT, "/" POLICY_DIRECTORY);
    if (info.mhz_count > 0)
        facts_number(facts, "cpu_mhz", info.mhz_sum / info.mhz_count, "/proc/cpuinfo");
    else
        environment_null(facts, "cpu_mhz", rc < 0 ? rc : -ERROR_ABSENT, "/proc/cpuinfo");
    facts_null(facts, "cpu_mhz_max", REASON_ABSENT, "/" POLICY_DIRECTORY);
}

void environment_clocks(const struct root *root, struct facts *facts)
{
    CLEANUP_FREE struct clusters *clusters = calloc(1, sizeof(*clusters));
    if (!clusters) {
        facts->failed = true;
        return;
    }
    clusters->root = root;
    int rc = root_list(root, POLICY_DIRECTORY, policy_read, clusters, NULL);
    if (rc < 0 || clusters->count == 0) {
        clocks_from_cpuinfo(root, facts);
        return;
    }
    governor_fact(clusters, facts);
    if (clusters->count > 1) {
        cluster_list(clusters, facts, "cpu_mhz", current_text);
        cluster_list(clusters, facts, "cpu_mhz_max", max_text);
        return;
    }
    double current = current_mhz(&clusters->items[0]), max = max_mhz(&clusters->items[0]);
    if (isnan(current))
        facts_null(facts, "cpu_mhz", REASON_ABSENT, "/" POLICY_DIRECTORY);
    else
        facts_number(facts, "cpu_mhz", current, "/" POLICY_DIRECTORY);
    if (isnan(max))
        facts_null(facts, "cpu_mhz_max", REASON_ABSENT, "/" POLICY_DIRECTORY);
    else
        facts_number(facts, "cpu_mhz_max", max, "/" POLICY_DIRECTORY);
}
