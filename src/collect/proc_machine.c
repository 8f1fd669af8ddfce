/* proc_machine.c: the machine's half of `proc`: /proc/stat, meminfo, loadavg, pressure, cpufreq.
 *
 * cpu_total_pct: busy over total time of the CPUs that were online at both ends, 0 to 100. CPUs are
 * matched by their number: the line of a CPU that goes offline vanishes and the sum line jumps.
 * Busy is everything but idle and iowait (as psutil counts); guest time is already inside user, so
 * it is not added again. iowait of a CPU may go backwards: no difference counts below zero.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/util.h"
#include "collect/proc_internal.h"
#include "collect/sensor.h"

#define CPU_IDS_MAX 2048 /* CPUs with a higher number are not counted */
#define CPU_FIELDS 8     /* user nice system idle iowait irq softirq steal */
#define FREQUENCY_FDS_MAX 512
#define CPUINFO_INTERVAL_NS NS_PER_S
#define CORE_INTERVAL_NS NS_PER_S
/* What tells of seconds: the load average is renewed every 5 s, and the stall of one moment is
 * noise. */
#define SLOW_INTERVAL_NS NS_PER_S
#define CORE_CHANNELS_MAX 192 /* leaves room for the collector's other columns */

enum { CPU_IDLE = 3, CPU_IOWAIT = 4 };

struct cpu_times {
    uint64_t field[CPU_FIELDS];
    uint64_t round;     /* of the sample it was last seen in, 0: never */
    double busy, total; /* since its own column had a value */
    int channel;        /* + 1; 0: it has no column */
};

struct pressure {
    int fd, channel;
    uint64_t total_us, read_ns; /* read_ns 0: no reading yet */
};

struct proc_machine {
    int stat_fd, meminfo_fd, loadavg_fd, cpuinfo_fd;
    int cpu_channel, mem_total_channel, mem_used_channel, load_channel, mhz_channel;
    struct pace pace, core_pace;
    struct seldom load, frequency, stalls;
    uint64_t round;
    struct cpu_times *cpus; /* CPU_IDS_MAX */
    size_t cpu_end;         /* the highest number seen, and one; what is behind it is not touched */
    struct pressure pressure[3];
    int frequency_fds[FREQUENCY_FDS_MAX];
    size_t frequency_count;
    size_t text_size, cpuinfo_size;
    char *text, *cpuinfo;
};

static void put(double *values, int channel, double value)
{
    if (channel >= 0)
        values[channel] = value;
}

/* Reads digits; saturates instead of wrapping, for damaged files. Returns where it ended. */
static const char *scan_u64(const char *at, uint64_t *ret_value)
{
    uint64_t value = 0;
    while (*at == ' ' || *at == '\t')
        at++;
    if (!isdigit((unsigned char)*at))
        return NULL;
    for (; isdigit((unsigned char)*at); at++) {
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            value = UINT64_MAX;
    }
    *ret_value = value;
    return at;
}

/* ---- /proc/stat ---- */

/* One line "cpuN …": adds what passed since the CPU's last reading to *busy and *total. */
static void count_cpu(struct proc_machine *machine, uint64_t id, const char *at, double *busy,
                      double *total)
{
    uint64_t field[CPU_FIELDS] = {0};
    int count = 0;
    while (count < CPU_FIELDS && at) {
        at = scan_u64(at, &field[count]);
        if (at && field[count] == UINT64_MAX)
            return; /* damaged: nothing counts that far */
        count += at != NULL;
    }
    if (count <= CPU_IDLE) /* kernels before 2.6 had four fields; fewer is no CPU line */
        return;
    struct cpu_times *cpu = &machine->cpus[id];
    machine->cpu_end = u64_max(machine->cpu_end, id + 1);
    double busy_before = *busy, total_before = *total;
    for (int i = 0; cpu->round == machine->round - 1 && cpu->round > 0 && i < CPU_FIELDS; i++) {
        double passed = field[i] > cpu->field[i] ? (double)(field[i] - cpu->field[i]) : 0;
        *total += passed;
        if (i != CPU_IDLE && i != CPU_IOWAIT)
            *busy += passed;
    }
    cpu->busy += *busy - busy_before;
    cpu->total += *total - total_before;
    memcpy(cpu->field, field, sizeof(field));
    cpu->round = machine->round;
}

/* Only the leading lines matter; the line of interrupts behind them may be longer than everything
 * else, so what does not fit is left unread. Returns false when there was no CPU line. */
static bool read_stat(struct proc_machine *machine, double *ret_pct)
{
    ssize_t length = pread(machine->stat_fd, machine->text, machine->text_size - 1, 0);
    if (length <= 0)
        return false;
    machine->text[length] = '\0';
    machine->round++;
    double busy = 0, total = 0;
    bool seen = false;
    for (char *line = machine->text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        uint64_t id;
        *end = '\0';
        if (!str_starts_with(line, "cpu"))
            break;
        if (!isdigit((unsigned char)line[3]))
            continue;
        const char *at = scan_u64(line + 3, &id);
        if (!at || id >= CPU_IDS_MAX)
            continue;
        count_cpu(machine, id, at, &busy, &total);
        seen = true;
    }
    *ret_pct = total > 0 ? 100.0 * busy / total : NAN;
    return seen;
}

/* Each CPU's own share: over a tick of 100 ms it would be a tenth of what it is worth. */
static void put_cores(struct proc_machine *machine, uint64_t grid_ns, double *values)
{
    if (!pace_is_due(&machine->core_pace, grid_ns, CORE_INTERVAL_NS))
        return;
    for (size_t i = 0; i < machine->cpu_end; i++) {
        struct cpu_times *cpu = &machine->cpus[i];
        if (cpu->channel > 0 && cpu->total > 0)
            values[cpu->channel - 1] = 100.0 * cpu->busy / cpu->total;
        cpu->busy = cpu->total = 0;
    }
}

/* ---- /proc/meminfo, /proc/loadavg, /proc/pressure ---- */

static bool meminfo_mb(const char *text, const char *key, double *ret_mb)
{
    uint64_t kb;
    const char *at = strstr(text, key);
    if (!at || (at != text && at[-1] != '\n') || !scan_u64(at + strlen(key), &kb) ||
        kb == UINT64_MAX)
        return false;
    *ret_mb = (double)kb / 1024.0;
    return true;
}

static bool read_meminfo(struct proc_machine *machine, double *values)
{
    double total_mb, available_mb;
    if (file_pread(machine->meminfo_fd, machine->text, machine->text_size) < 0 ||
        !meminfo_mb(machine->text, "MemTotal:", &total_mb))
        return false;
    put(values, machine->mem_total_channel, total_mb);
    if (meminfo_mb(machine->text, "MemAvailable:", &available_mb) && available_mb <= total_mb)
        put(values, machine->mem_used_channel, total_mb - available_mb);
    return true;
}

/* "0.52 0.58 …": by hand, since strtod(3) follows the locale's decimal sign. */
static void read_loadavg(struct proc_machine *machine, double *values)
{
    uint64_t whole = 0, fraction = 0;
    if (file_pread(machine->loadavg_fd, machine->text, machine->text_size) < 0)
        return;
    const char *at = scan_u64(machine->text, &whole);
    if (!at || *at != '.' || !isdigit((unsigned char)at[1]))
        return;
    const char *end = scan_u64(at + 1, &fraction);
    double load = (double)whole + (double)fraction / pow(10, (double)(end - at - 1));
    put(values, machine->load_channel, load);
}

static int pressure_total(int fd, uint64_t *ret_us)
{
    char text[512];
    ssize_t length = file_pread(fd, text, sizeof(text));
    if (length < 0)
        return (int)length;
    const char *at = str_starts_with(text, "some ") ? strstr(text, "total=") : NULL;
    const char *line_end = strchr(text, '\n');
    if (!at || (line_end && at > line_end) || !scan_u64(at + 6, ret_us))
        return -ERROR_INPUT;
    return 0;
}

/* By the live counter: the averages in the same file are renewed every 2 s only. */
static void read_pressure(struct pressure *pressure, double *values)
{
    uint64_t total_us, now_ns = clock_mono_ns();
    if (pressure->fd < 0 || pressure_total(pressure->fd, &total_us) < 0)
        return;
    if (pressure->read_ns > 0 && total_us >= pressure->total_us && now_ns > pressure->read_ns) {
        double share = (double)(total_us - pressure->total_us) * (double)NS_PER_US /
                       (double)(now_ns - pressure->read_ns);
        put(values, pressure->channel, 100.0 * fmin(share, 1.0));
    }
    pressure->total_us = total_us;
    pressure->read_ns = now_ns;
}

/* ---- clock frequency ---- */

static double mean_cpufreq_mhz(const struct proc_machine *machine)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < machine->frequency_count; i++) {
        int64_t khz;
        if (sensor_read_i64(machine->frequency_fds[i], &khz) < 0 || khz <= 0)
            continue; /* this CPU is offline now */
        sum += (double)khz / 1000.0;
        count++;
    }
    return count > 0 ? sum / (double)count : NAN;
}

static double mean_cpuinfo_mhz(struct proc_machine *machine)
{
    static const char key[] = "cpu MHz";
    if (file_pread(machine->cpuinfo_fd, machine->cpuinfo, machine->cpuinfo_size) < 0)
        return NAN;
    double sum = 0;
    size_t count = 0;
    for (const char *at = machine->cpuinfo; (at = strstr(at, key)) != NULL;) {
        uint64_t whole;
        at += strlen(key) + strspn(at + strlen(key), " \t");
        if (*at == ':' && scan_u64(at + 1, &whole) && whole > 0 && whole < 100000) {
            sum += (double)whole; /* what is behind the point is not measured that exactly */
            count++;
        }
    }
    return count > 0 ? sum / (double)count : NAN;
}

static void read_frequency(struct proc_machine *machine, uint64_t grid_ns, double *values)
{
    bool has_cpufreq = machine->frequency_count > 0;
    uint64_t interval_ns = has_cpufreq ? PROC_MACHINE_INTERVAL_NS : CPUINFO_INTERVAL_NS;
    if (machine->mhz_channel < 0 || !seldom_is_due(&machine->frequency, grid_ns, interval_ns))
        return;
    put(values, machine->mhz_channel,
        has_cpufreq ? mean_cpufreq_mhz(machine) : mean_cpuinfo_mhz(machine));
}

int proc_machine_sample(struct proc_machine *machine, uint64_t grid_ns, double *values)
{
    read_frequency(machine, grid_ns, values);
    if (!pace_is_due(&machine->pace, grid_ns, PROC_MACHINE_INTERVAL_NS))
        return 0;
    double cpu_pct;
    bool has_cpu = read_stat(machine, &cpu_pct);
    if (has_cpu)
        put(values, machine->cpu_channel, cpu_pct);
    put_cores(machine, grid_ns, values);
    bool has_memory = read_meminfo(machine, values);
    if (seldom_is_due(&machine->load, grid_ns, SLOW_INTERVAL_NS))
        read_loadavg(machine, values);
    bool reads_pressure = seldom_is_due(&machine->stalls, grid_ns, SLOW_INTERVAL_NS);
    for (size_t i = 0; reads_pressure && i < ARRAY_LEN(machine->pressure); i++)
        read_pressure(&machine->pressure[i], values);
    return has_cpu || has_memory ? 0 : -ERROR_IO;
}

/* ---- opening ---- */

/* Declares a column of the machine; its pace is the machine's. */
static int declare(struct channel_set *channels, const char *metric, const char *source,
                   int *ret_channel)
{
    int index = channel_declare(channels, metric, "", source);
    if (index < 0)
        return index;
    channels->items[index].min_interval_ns = PROC_MACHINE_INTERVAL_NS;
    *ret_channel = index;
    return 0;
}

static int declare_missing(struct channel_set *channels, const char *metric, const char *source,
                           enum reason reason, const char *why)
{
    int index = channel_declare_missing(channels, metric, "", source, reason, why);
    return index < 0 ? index : 0;
}

/* Opens one file and declares its column, or declares why there is none. */
static int open_column(const struct collect_env *env, struct channel_set *channels,
                       const char *metric, const char *path, int *ret_fd, int *ret_channel)
{
    char source[64];
    struct error err = {0};
    snprintf(source, sizeof(source), "/%s", path);
    *ret_fd = root_open_file(env->root, path, &err);
    if (*ret_fd >= 0)
        return declare(channels, metric, source, ret_channel);
    return declare_missing(channels, metric, source, reason_from_error(err.code), err.message);
}

static int open_memory(struct proc_machine *machine, const struct collect_env *env,
                       struct channel_set *channels)
{
    int rc = open_column(env, channels, "mem_total_mb", "proc/meminfo", &machine->meminfo_fd,
                         &machine->mem_total_channel);
    if (rc < 0)
        return rc;
    double available_mb;
    bool has_available = machine->meminfo_fd >= 0 &&
                         file_pread(machine->meminfo_fd, machine->text, machine->text_size) >= 0 &&
                         meminfo_mb(machine->text, "MemAvailable:", &available_mb);
    if (has_available)
        return declare(channels, "mem_used_mb", "/proc/meminfo", &machine->mem_used_channel);
    return declare_missing(channels, "mem_used_mb", "/proc/meminfo", REASON_UNSUPPORTED,
                           "no MemAvailable in /proc/meminfo (kernel older than 3.14)");
}

static int open_pressure(struct pressure *pressure, const struct collect_env *env,
                         struct channel_set *channels, const char *metric, const char *path)
{
    char source[64];
    struct error err = {0};
    uint64_t total_us;
    snprintf(source, sizeof(source), "/%s", path);
    pressure->fd = root_open_file(env->root, path, &err);
    if (pressure->fd < 0)
        return declare_missing(channels, metric, source, reason_from_error(err.code),
                               err.code == ERROR_ABSENT ? "this kernel has no PSI (CONFIG_PSI)"
                                                        : err.message);
    if (pressure_total(pressure->fd, &total_us) < 0) {
        close(pressure->fd);
        pressure->fd = -1;
        return declare_missing(channels, metric, source, REASON_UNSUPPORTED,
                               "PSI is switched off; boot with psi=1");
    }
    int rc = declare(channels, metric, source, &pressure->channel);
    if (rc == 0)
        channels->items[pressure->channel].min_interval_ns = SLOW_INTERVAL_NS;
    return rc;
}

struct cpufreq_search {
    struct proc_machine *machine;
    const struct root *root;
};

static int add_cpufreq(const char *name, void *context)
{
    struct cpufreq_search *search = context;
    struct proc_machine *machine = search->machine;
    char path[320];
    int64_t khz;
    bool readable;
    if (!str_starts_with(name, "cpu") || !isdigit((unsigned char)name[3]) ||
        machine->frequency_count == FREQUENCY_FDS_MAX)
        return 0;
    snprintf(path, sizeof(path), "sys/devices/system/cpu/%s/cpufreq/scaling_cur_freq", name);
    int fd = sensor_open(search->root, path, &khz, &readable, NULL);
    if (fd >= 0)
        machine->frequency_fds[machine->frequency_count++] = fd;
    return 0;
}

/* cpufreq, else the lines of /proc/cpuinfo, which x86 has also in most virtual machines. */
static int open_frequency(struct proc_machine *machine, const struct collect_env *env,
                          struct channel_set *channels)
{
    struct cpufreq_search search = {machine, env->root};
    if (root_list(env->root, "sys/devices/system/cpu", add_cpufreq, &search, NULL) == -ERROR_NOMEM)
        return -ERROR_NOMEM;
    if (machine->frequency_count > 0 && !isnan(mean_cpufreq_mhz(machine)))
        return declare(channels, "cpu_mhz", "/sys/devices/system/cpu/cpu*/cpufreq/scaling_cur_freq",
                       &machine->mhz_channel);
    for (size_t i = 0; i < machine->frequency_count; i++)
        close(machine->frequency_fds[i]);
    machine->frequency_count = 0;

    machine->cpuinfo_fd = root_open_file(env->root, "proc/cpuinfo", NULL);
    if (machine->cpuinfo_fd >= 0 && !isnan(mean_cpuinfo_mhz(machine))) {
        int rc = declare(channels, "cpu_mhz", "/proc/cpuinfo", &machine->mhz_channel);
        if (rc == 0)
            channels->items[machine->mhz_channel].min_interval_ns = CPUINFO_INTERVAL_NS;
        return rc;
    }
    return declare_missing(channels, "cpu_mhz", "cpufreq", REASON_ABSENT,
                           "no cpufreq driver, and no clock in /proc/cpuinfo");
}

/* A column for every CPU that is online now. */
static int open_cores(struct proc_machine *machine, struct channel_set *channels)
{
    if (machine->stat_fd < 0)
        return 0;
    ssize_t length = pread(machine->stat_fd, machine->text, machine->text_size - 1, 0);
    machine->text[length > 0 ? length : 0] = '\0';
    size_t declared = 0;
    for (char *line = machine->text; str_starts_with(line, "cpu");
         line = strchrnul(line, '\n'), line += *line == '\n') {
        uint64_t id;
        char name[24];
        if (!isdigit((unsigned char)line[3]) || !scan_u64(line + 3, &id) || id >= CPU_IDS_MAX ||
            machine->cpus[id].channel > 0 || declared++ >= CORE_CHANNELS_MAX)
            continue;
        snprintf(name, sizeof(name), "cpu%llu", (unsigned long long)id);
        int index = channel_declare(channels, "core_pct", name, "/proc/stat");
        if (index < 0)
            return index;
        channels->items[index].min_interval_ns = CORE_INTERVAL_NS;
        machine->cpus[id].channel = index + 1;
    }
    return 0;
}

static int open_all(struct proc_machine *machine, const struct collect_env *env,
                    struct channel_set *channels)
{
    int rc = open_column(env, channels, "cpu_total_pct", "proc/stat", &machine->stat_fd,
                         &machine->cpu_channel);
    if (rc == 0)
        rc = open_memory(machine, env, channels);
    if (rc == 0)
        rc = open_column(env, channels, "load1", "proc/loadavg", &machine->loadavg_fd,
                         &machine->load_channel);
    if (rc == 0 && machine->load_channel >= 0)
        channels->items[machine->load_channel].min_interval_ns = SLOW_INTERVAL_NS;
    if (rc == 0)
        rc = open_frequency(machine, env, channels);
    machine->load.is_wanted = collect_is_wanted(env, "load1");
    machine->frequency.is_wanted = collect_is_wanted(env, "cpu_mhz");
    static const char *const pressure[][2] = {{"psi_cpu_some_pct", "proc/pressure/cpu"},
                                              {"psi_memory_some_pct", "proc/pressure/memory"},
                                              {"psi_io_some_pct", "proc/pressure/io"}};
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(pressure); i++) {
        machine->stalls.is_wanted |= collect_is_wanted(env, pressure[i][0]);
        rc = open_pressure(&machine->pressure[i], env, channels, pressure[i][0], pressure[i][1]);
    }
    return rc < 0 ? rc : open_cores(machine, channels);
}

static struct proc_machine *machine_new(void)
{
    struct proc_machine *machine = calloc(1, sizeof(*machine));
    if (!machine)
        return NULL;
    machine->stat_fd = machine->meminfo_fd = machine->loadavg_fd = machine->cpuinfo_fd = -1;
    machine->cpu_channel = machine->mem_total_channel = machine->mem_used_channel = -1;
    machine->load_channel = machine->mhz_channel = -1;
    for (size_t i = 0; i < ARRAY_LEN(machine->pressure); i++)
        machine->pressure[i] = (struct pressure){.fd = -1, .channel = -1};
    /* A line of /proc/stat is at most some 200 bytes, a block of /proc/cpuinfo 3 kB (flags). A
     * recorded tree may be of a larger machine; what is not used is never touched. */
    long configured = sysconf(_SC_NPROCESSORS_CONF);
    size_t cpus = configured > 512 ? (size_t)configured : 512;
    machine->text_size = 8192 + cpus * 200;
    machine->cpuinfo_size = 8192 + cpus * 3072;
    machine->cpus = calloc(CPU_IDS_MAX, sizeof(*machine->cpus));
    machine->text = malloc(machine->text_size);
    machine->cpuinfo = malloc(machine->cpuinfo_size);
    if (!machine->cpus || !machine->text || !machine->cpuinfo) {
        proc_machine_close(machine);
        return NULL;
    }
    return machine;
}

int proc_machine_open(const struct collect_env *env, struct channel_set *channels,
                      struct proc_machine **ret_machine, struct error *err)
{
    struct proc_machine *machine = machine_new();
    if (!machine)
        return error_set(err, ERROR_NOMEM, "out of memory for the collector 'proc'");
    int rc = open_all(machine, env, channels);
    if (rc < 0) {
        proc_machine_close(machine);
        return error_set(err, rc, "cannot declare the columns of the collector 'proc'");
    }
    *ret_machine = machine;
    return 0;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void proc_machine_close(struct proc_machine *machine)
{
    if (!machine)
        return;
    close_fd(machine->stat_fd);
    close_fd(machine->meminfo_fd);
    close_fd(machine->loadavg_fd);
    close_fd(machine->cpuinfo_fd);
    for (size_t i = 0; i < ARRAY_LEN(machine->pressure); i++)
        close_fd(machine->pressure[i].fd);
    for (size_t i = 0; i < machine->frequency_count; i++)
        close(machine->frequency_fds[i]);
    free(machine->cpus);
    free(machine->text);
    free(machine->cpuinfo);
    free(machine);
}
