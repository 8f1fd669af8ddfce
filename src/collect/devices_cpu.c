/* devices_cpu.c: cpu_0: all CPUs of the machine as one device.
 *
 * Sources: /proc/cpuinfo, /proc/meminfo, the CPUs' topology and cpufreq's policies below
 * /sys/devices/system/cpu, the cgroups' limits. CPUs that are offline have no topology.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"
#include "collect/devices_internal.h"
#include "model/environment.h"

#define CPU_DIRECTORY "sys/devices/system/cpu"
#define CPUS_MAX 4096
#define FEATURES_MAX 32
#define CLUSTERS_MAX 16

/* What decides how fast a network can run, as /proc/cpuinfo spells it. */
static const char *const interesting[] = {
    "sse4_1",      "avx",         "avx2",        "fma",      "f16c",     "avx_vnni", "avx512f",
    "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16", "neon",
    "asimd",       "asimdhp",     "asimddp",     "i8mm",     "bf16",     "sve",      "sve2",
};

/* ---- features ---- */

struct features {
    bool has_line;
    const char *items[FEATURES_MAX];
    size_t count;
};

static void note_features(struct features *features, char *words)
{
    bool has[ARRAY_LEN(interesting)] = {false};
    char *rest = NULL;
    for (char *word = strtok_r(words, " \t\n", &rest); word; word = strtok_r(NULL, " \t\n", &rest))
        for (size_t i = 0; i < ARRAY_LEN(interesting); i++)
            has[i] |= strcmp(word, interesting[i]) == 0;
    for (size_t i = 0; i < ARRAY_LEN(interesting); i++)
        if (has[i] && features->count < FEATURES_MAX)
            features->items[features->count++] = interesting[i];
}

/* The first CPU's: the kernel shows only what all of them have. */
static int feature_line(char *line, void *context)
{
    struct features *features = context;
    char *colon = strchr(line, ':');
    if (!colon || (!str_starts_with(line, "flags") && !str_starts_with(line, "Features")))
        return 0;
    features->has_line = true;
    note_features(features, colon + 1);
    return 1;
}

static void read_features(const struct root *root, struct facts *facts)
{
    struct features features = {.has_line = false};
    int rc = environment_lines(root, "proc/cpuinfo", feature_line, &features);
    facts->failed |= rc == -ERROR_NOMEM;
    if (features.has_line)
        facts_list(facts, "features", features.items, features.count, "/proc/cpuinfo");
    else
        facts_null(facts, "features", rc < 0 ? reason_from_error(rc) : REASON_UNSUPPORTED,
                   "/proc/cpuinfo");
}

/* ---- how many ---- */

struct cores {
    const struct root *root;
    int64_t count; /* with a topology: online */
};

/* A core counts at the first of the CPUs that share it. */
static int visit_cpu(const char *name, void *context)
{
    static const char *const files[] = {"core_cpus_list", "thread_siblings_list"};
    struct cores *cores = context;
    if (!str_starts_with(name, "cpu") || !isdigit((unsigned char)name[3]))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[400], list[256];
        snprintf(path, sizeof(path), CPU_DIRECTORY "/%s/topology/%s", name, files[i]);
        if (root_read_line(cores->root, path, list, sizeof(list), NULL) <= 0)
            continue;
        list[strcspn(list, ",-")] = '\0';
        cores->count += strcmp(list, name + 3) == 0;
        return 0;
    }
    return 0;
}

static void read_counts(struct device_search *search, struct facts *facts)
{
    const struct root *root = search->root;
    static const char present[] = CPU_DIRECTORY "/present";
    struct cores cores = {.root = root};
    char list[1024];
    size_t count = 0;
    CLEANUP_FREE uint64_t *cpus = malloc(CPUS_MAX * sizeof(*cpus));
    if (!cpus) {
        facts->failed = true;
        return;
    }
    ssize_t length = root_read_line(root, present, list, sizeof(list), NULL);
    if (length > 0 && unit_parse_list(list, CPUS_MAX - 1, cpus, CPUS_MAX, &count, NULL) == 0)
        facts_integer(facts, "cpus_present", (int64_t)count, "/" CPU_DIRECTORY "/present");
    else
        facts_null(facts, "cpus_present",
                   length < 0 ? reason_from_error((int)length) : REASON_FAILED,
                   "/" CPU_DIRECTORY "/present");
    devices_walk(search, CPU_DIRECTORY, visit_cpu, &cores);
    if (cores.count > 0)
        facts_integer(facts, "cores_online", cores.count, "/" CPU_DIRECTORY "/cpu*/topology");
    else
        facts_null(facts, "cores_online", REASON_ABSENT, "/" CPU_DIRECTORY "/cpu*/topology");
}

/* ---- clusters ---- */

struct cluster {
    int64_t min_khz, max_khz; /* of the hardware */
    uint64_t cpus[CPUS_MAX / CLUSTERS_MAX];
    size_t count;
};

struct clusters {
    const struct root *root;
    struct cluster items[CLUSTERS_MAX];
    size_t count;
    int64_t min_khz; /* the smallest that is allowed now; 0: not known */
};

static int64_t policy_khz(const struct root *root, const char *policy, const char *file)
{
    char path[400];
    int64_t khz;
    snprintf(path, sizeof(path), CPU_DIRECTORY "/cpufreq/%s/%s", policy, file);
    return root_read_i64(root, path, &khz, NULL) == 0 && khz > 0 ? khz : 0;
}

static struct cluster *cluster_for(struct clusters *clusters, int64_t min_khz, int64_t max_khz)
{
    for (size_t i = 0; i < clusters->count; i++)
        if (clusters->items[i].min_khz == min_khz && clusters->items[i].max_khz == max_khz)
            return &clusters->items[i];
    if (clusters->count == CLUSTERS_MAX)
        return NULL;
    struct cluster *fresh = &clusters->items[clusters->count++];
    fresh->min_khz = min_khz;
    fresh->max_khz = max_khz;
    return fresh;
}

static int visit_policy(const char *name, void *context)
{
    struct clusters *clusters = context;
    char path[400], list[2048];
    if (!str_starts_with(name, "policy"))
        return 0;
    struct cluster *cluster =
        cluster_for(clusters, policy_khz(clusters->root, name, "cpuinfo_min_freq"),
                    policy_khz(clusters->root, name, "cpuinfo_max_freq"));
    if (!cluster)
        return 0;
    int64_t min_khz = policy_khz(clusters->root, name, "scaling_min_freq");
    if (min_khz > 0 && (clusters->min_khz == 0 || min_khz < clusters->min_khz))
        clusters->min_khz = min_khz;
    snprintf(path, sizeof(path), CPU_DIRECTORY "/cpufreq/%s/affected_cpus", name);
    if (root_read_line(clusters->root, path, list, sizeof(list), NULL) <= 0)
        return 0;
    char *rest = NULL;
    for (char *word = strtok_r(list, " ,", &rest); word; word = strtok_r(NULL, " ,", &rest)) {
        uint64_t cpu;
        if (cluster->count < ARRAY_LEN(cluster->cpus) &&
            unit_parse_u64(word, 0, CPUS_MAX, &cpu, NULL) == 0)
            cluster->cpus[cluster->count++] = cpu;
    }
    return 0;
}

/* "0-3: 408 to 1800 MHz" */
static void cluster_text(const struct cluster *cluster, char *text, size_t size)
{
    char cpus[128];
    unit_format_list(cluster->cpus, cluster->count, cpus, sizeof(cpus));
    snprintf(text, size, "%s: %.0f to %.0f MHz", cpus, (double)cluster->min_khz / 1000,
             (double)cluster->max_khz / 1000);
}

static void read_clusters(struct device_search *search, struct facts *facts)
{
    static const char source[] = "/" CPU_DIRECTORY "/cpufreq";
    CLEANUP_FREE struct clusters *clusters = calloc(1, sizeof(*clusters));
    char texts[CLUSTERS_MAX][192];
    const char *items[CLUSTERS_MAX];
    if (!clusters) {
        facts->failed = true;
        return;
    }
    clusters->root = search->root;
    devices_walk(search, CPU_DIRECTORY "/cpufreq", visit_policy, clusters);
    for (size_t i = 0; i < clusters->count; i++) {
        cluster_text(&clusters->items[i], texts[i], sizeof(texts[i]));
        items[i] = texts[i];
    }
    if (clusters->min_khz > 0)
        facts_number(facts, "cpu_mhz_min", (double)clusters->min_khz / 1000, source);
    else
        facts_null(facts, "cpu_mhz_min", REASON_ABSENT, source);
    if (clusters->count > 0)
        facts_list(facts, "clusters", items, clusters->count, source);
    else
        facts_null(facts, "clusters", REASON_ABSENT, source);
}

/* ---- memory ---- */

static void read_available(const struct root *root, struct facts *facts)
{
    char text[8192];
    unsigned long long kilobytes;
    ssize_t length = root_read(root, "proc/meminfo", text, sizeof(text), NULL);
    const char *found = length > 0 ? strstr(text, "MemAvailable:") : NULL;
    if (found && sscanf(found, "MemAvailable: %llu kB", &kilobytes) == 1)
        facts_number(facts, "mem_available_mb", (double)kilobytes / 1024, "/proc/meminfo");
    else
        facts_null(facts, "mem_available_mb",
                   length < 0 ? reason_from_error((int)length) : REASON_UNSUPPORTED,
                   "/proc/meminfo");
}

void devices_find_cpu(struct device_search *search)
{
    static const char *const before[] = {
        "cpu_model",         "arch", "cpus_online", "cpus_online_list", "cpus_allowed",
        "cpus_allowed_list", NULL};
    static const char *const clocks[] = {"governor", "cpu_mhz", "cpu_mhz_max", NULL};
    static const char *const limits[] = {"power_mode", "cpu_quota_cores", "mem_limit_mb",
                                         "mem_total_mb", NULL};
    struct device *device = devices_add(search, "cpu", 0, "cpu_0");
    if (!device)
        return;
    str_copy(device->name, sizeof(device->name),
             facts_get_text(&search->environment, "cpu_model", "CPU"));
    devices_copy_facts(search, before, &device->facts);
    read_counts(search, &device->facts);
    read_features(search->root, &device->facts);
    devices_copy_facts(search, clocks, &device->facts);
    read_clusters(search, &device->facts);
    devices_copy_facts(search, limits, &device->facts);
    read_available(search->root, &device->facts);
}
