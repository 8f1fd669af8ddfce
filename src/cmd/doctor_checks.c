/* doctor_checks.c: what is built in, settings, store, launcher, counters, collectors, and other
 * instances.
 */
#include "cmd/doctor_checks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "analyze/analyzer.h"
#include "base/clock.h"
#include "base/dl.h"
#include "base/module.h"
#include "base/procfs.h"
#include "base/unit.h"
#include "base/util.h"
#include "collect/collector.h"
#include "control/counters.h"
#include "net/http.h"
#include "screen/screen.h"
#include "store/store.h"
#include "workload/workload.h"

struct check *check_add(struct checks *checks, const char *group, const char *name,
                        enum check_state state, const char *fmt, ...)
{
    if (checks->count < CHECKS_MAX)
        checks->count++;
    struct check *check = &checks->items[checks->count - 1];
    *check = (struct check){.group = group, .state = state};
    str_copy(check->name, sizeof(check->name), name);
    va_list args;
    va_start(args, fmt);
    vsnprintf(check->detail, sizeof(check->detail), fmt, args);
    va_end(args);
    str_make_printable(check->detail);
    return check;
}

void check_advise(struct check *check, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(check->advice, sizeof(check->advice), fmt, args);
    va_end(args);
    str_make_printable(check->advice);
}

/* ---- what is built in ---- */

void check_built_in(struct checks *checks)
{
    struct utsname name;
    const char *machine = uname(&name) == 0 ? name.machine : "unknown";
    check_add(checks, "built in", "tacho", CHECK_OK, TACHO_VERSION " for %s, compiled by %s %s",
              machine,
#ifdef __clang__
              "clang",
#else
              "gcc",
#endif
              __VERSION__);
    struct strbuf list = {0};
    for (const struct workload *const *row = workloads; *row; row++)
        strbuf_printf(&list, "%s%s", list.len ? ", " : "", (*row)->name);
    check_add(checks, "built in", "workloads", CHECK_OK, "%s", strbuf_get(&list));
    strbuf_clear(&list);
    for (const struct analyzer *const *row = analyzers; *row; row++)
        strbuf_printf(&list, "%s%s", list.len ? ", " : "", (*row)->name);
    check_add(checks, "built in", "analyzers", CHECK_OK, "%s", strbuf_get(&list));
    strbuf_deinit(&list);
}

/* ---- modules ---- */

static void check_net(struct checks *checks)
{
    char path[256], library[64];
    struct error err = {0};
    if (net_http_probe(path, sizeof(path), library, sizeof(library), &err) == 0) {
        library[strcspn(library, " ")] = '\0'; /* "libcurl/7.88.1 OpenSSL/3.0.15 ..." */
        check_add(checks, "built in", "module net", CHECK_OK, "%s, with %s", path, library);
        return;
    }
    check_advise(check_add(checks, "built in", "module net", CHECK_NOTE, "%s", err.message), "%s",
                 err.hint);
}

void check_modules(struct checks *checks)
{
    void *handle = NULL;
    const struct module_head *api;
    char path[PATH_MAX];
    struct error err = {0};
    if (module_open(SCREEN_MODULE, SCREEN_SYMBOL, SCREEN_HEAD, &handle, &api, path, sizeof(path),
                    &err) == 0) {
        check_add(checks, "built in", "module " SCREEN_MODULE, CHECK_OK, "%s", path);
        dl_close(handle);
    } else {
        struct check *check =
            check_add(checks, "built in", "module " SCREEN_MODULE, CHECK_NOTE, "%s", err.message);
        check_advise(check, "the live screen of tacho monitor needs it, and the "
                            "package " SCREEN_PACKAGE "; rows and --output do not");
    }
    check_net(checks);
}

/* ---- settings and store ---- */

void check_settings(struct checks *checks)
{
    const struct command_context *context = checks->context;
    const struct error *broken = &context->config_error;
    if (broken->code) {
        char where[320] = "";
        if (broken->file[0] && broken->line > 0)
            snprintf(where, sizeof(where), "%s:%d:%d: ", broken->file, broken->line,
                     broken->column);
        else if (broken->file[0])
            snprintf(where, sizeof(where), "%s: ", broken->file);
        struct check *check = check_add(checks, "settings", "tacho.yaml", CHECK_BLOCKED, "%s%s",
                                        where, broken->message);
        check_advise(check, "%s",
                     broken->hint[0] ? broken->hint
                                     : "every command stops here until it is mended");
        return;
    }
    if (context->config_path[0])
        check_add(checks, "settings", "tacho.yaml", CHECK_OK, "%s", context->config_path);
    else
        check_add(checks, "settings", "tacho.yaml", CHECK_OK,
                  "none here or above: defaults hold (doctor --config-values lists them)");
}

static int count_entry(const struct store_entry *entry, void *context)
{
    (void)entry;
    (*(size_t *)context)++;
    return 0;
}

/* The directory itself, or the nearest one above it that exists. */
static int nearest_statvfs(const char *path, struct statvfs *ret)
{
    char directory[PATH_MAX];
    str_copy(directory, sizeof(directory), path);
    while (statvfs(directory, ret) < 0) {
        char *slash = strrchr(directory, '/');
        if (!slash)
            return statvfs(".", ret);
        if (slash == directory)
            return statvfs("/", ret);
        *slash = '\0';
    }
    return 0;
}

static void check_disk(struct checks *checks, const char *path)
{
    struct statvfs disk;
    char room[32];
    if (nearest_statvfs(path, &disk) < 0) {
        check_add(checks, "store", "disk", CHECK_NOTE, "cannot tell how much is free: %s",
                  strerror(errno));
        return;
    }
    double free_bytes = (double)disk.f_bavail * (double)disk.f_frsize;
    unit_format_bytes(free_bytes, room, sizeof(room));
    bool is_low = free_bytes < 64.0 * 1048576;
    struct check *check =
        check_add(checks, "store", "disk", is_low ? CHECK_NOTE : CHECK_OK, "%s free", room);
    if (is_low)
        check_advise(check, "remove runs (tacho runs rm) or name a store elsewhere with --store");
}

void check_store(struct checks *checks)
{
    char path[PATH_MAX];
    bool exists = false;
    struct error err = {0};
    const char *setting = settings_get_text(&checks->context->settings, SETTING_STORE);
    if (store_locate(setting, path, sizeof(path), &exists, &err) < 0) {
        check_advise(check_add(checks, "store", "runs", CHECK_MISSING, "%s", err.message), "%s",
                     err.hint);
        return;
    }
    size_t count = 0;
    struct store *store = NULL;
    if (!exists) {
        check_add(checks, "store", "runs", CHECK_OK, "none yet; the first run makes %s", path);
    } else if (store_open(path, &store, &err) < 0 ||
               store_list(store, 0, count_entry, &count, &err) < 0) {
        struct check *check =
            check_add(checks, "store", "runs", CHECK_MISSING, "%s: %s", path, err.message);
        check_advise(check, "%s",
                     err.hint[0] ? err.hint : "until then each run is written beside the store");
    } else {
        check_add(checks, "store", "runs", CHECK_OK, "%s holds %zu run%s", path, count,
                  count == 1 ? "" : "s");
    }
    store_close(store);
    check_disk(checks, path);
}

/* ---- launcher ---- */

/* Launches this very program, which is there for certain, to see that starting and accounting work.
 */
static int try_launch(struct launch_report *ret_report, struct error *err)
{
    static const char *const argv[] = {"/proc/self/exe", "--version", NULL};
    struct launcher launcher = {.socket = -1};
    struct launch_request request = {
        .argv = argv, .stdout_fd = -1, .stderr_fd = -1, .timeout_ns = 10 * NS_PER_S};
    pid_t pid;
    int rc = launcher_start(&launcher, err);
    if (rc == 0)
        rc = launcher_launch(&launcher, &request, &pid, err);
    if (rc == 0)
        rc = launcher_report(&launcher, ret_report, err);
    launcher_stop(&launcher);
    return rc;
}

void check_launcher(struct checks *checks)
{
    struct launch_report report = {0};
    struct error err = {0};
    if (try_launch(&report, &err) < 0) {
        struct check *check =
            check_add(checks, "measuring", "launcher", CHECK_BLOCKED, "%s", err.message);
        check_advise(check, "%s", err.hint);
        return;
    }
    if (report.outcome != LAUNCH_EXITED || report.exit_status != 0) {
        check_add(checks, "measuring", "launcher", CHECK_BLOCKED,
                  "a trial launch did not end well: outcome %d, status %d, %s", report.outcome,
                  report.exit_status, strerror(report.exec_errno));
        return;
    }
    char took[32];
    unit_format_ns((double)(report.end_ns - report.begin_ns), took, sizeof(took));
    check_add(checks, "measuring", "launcher", CHECK_OK, "a trial launch took %s", took);
    if (report.io_reason != REASON_NONE)
        check_add(checks, "measuring", "i/o of programs", CHECK_MISSING,
                  "/proc/PID/io: %s; read and written bytes will be null",
                  reason_meaning((enum reason)report.io_reason));
}

/* ---- counters ---- */

static int find_arm_pmu(const char *name, void *context)
{
    (void)context;
    return str_starts_with(name, "armv") || str_starts_with(name, "riscv") ? 1 : 0;
}

static bool has_hardware_pmu(const struct root *root)
{
    static const char devices[] = "sys/bus/event_source/devices";
    return root_exists(root, "sys/bus/event_source/devices/cpu") ||
           root_exists(root, "sys/bus/event_source/devices/cpu_core") ||
           root_list(root, devices, find_arm_pmu, NULL, NULL) == 1;
}

static bool is_alike(const struct counter_value *a, const struct counter_value *b)
{
    return a->reason == b->reason && a->sys_errno == b->sys_errno;
}

/* Lists counter `first` and those that open, or are refused, for the same reason as it does. */
static void add_counters(struct checks *checks, const struct counters *counters, int first,
                         bool *listed)
{
    CLEANUP(strbuf_deinit) struct strbuf list = {0};
    const struct counter_value *value = &counters->values[first];
    bool is_open = counters->fd[first] >= 0;
    for (int i = first; i < COUNTER_COUNT; i++) {
        if ((counters->fd[i] >= 0) != is_open ||
            (!is_open && !is_alike(value, &counters->values[i])))
            continue;
        listed[i] = true;
        strbuf_printf(&list, "%s%s", list.len ? ", " : "", counter_metric[i]);
    }
    if (is_open)
        check_add(checks, "measuring", "counters", CHECK_OK, "%s", strbuf_get(&list));
    else if (value->reason == REASON_UNSUPPORTED)
        check_add(checks, "measuring", "counters", CHECK_MISSING,
                  "%s: this kernel and CPU have none of them", strbuf_get(&list));
    else
        check_add(checks, "measuring", "counters", CHECK_MISSING, "%s: %s (%s)", strbuf_get(&list),
                  reason_meaning((enum reason)value->reason), strerror(value->sys_errno));
}

static void check_paranoid(struct checks *checks, bool refused)
{
    int64_t level;
    struct error err = {0};
    if (root_read_i64(checks->root, "proc/sys/kernel/perf_event_paranoid", &level, &err) < 0) {
        check_add(checks, "measuring", "perf_event_paranoid", CHECK_NOTE, "cannot be read: %s",
                  err.message);
        return;
    }
    const char *meaning = level >= 3   ? "no counters without CAP_PERFMON"
                          : level == 2 ? "user space only without CAP_PERFMON"
                          : level == 1 ? "user space and kernel"
                                       : "everything";
    struct check *check = check_add(checks, "measuring", "perf_event_paranoid",
                                    refused && level >= 2 ? CHECK_NOTE : CHECK_OK, "%lld: %s",
                                    (long long)level, meaning);
    if (refused && level >= 2)
        check_advise(check, "sudo sysctl kernel.perf_event_paranoid=1");
}

void check_counters(struct checks *checks)
{
    struct counters counters;
    bool listed[COUNTER_COUNT] = {false}, is_denied = false;
    counters_open(&counters, getpid());
    for (int i = 0; i < COUNTER_COUNT; i++) {
        if (!listed[i])
            add_counters(checks, &counters, i, listed);
        is_denied = is_denied || (counters.fd[i] < 0 && counters.values[i].reason == REASON_DENIED);
    }
    counters_close(&counters);
    if (has_hardware_pmu(checks->root))
        check_add(checks, "measuring", "hardware counters", CHECK_OK,
                  "the CPU's performance monitoring unit is visible");
    else
        check_add(
            checks, "measuring", "hardware counters", CHECK_NOTE,
            "no performance monitoring unit of a CPU is visible, as in most virtual machines; "
            "the software counters need none");
    check_paranoid(checks, is_denied);
}

/* ---- collectors ---- */

void check_collectors(struct checks *checks)
{
    struct collect_env env = {
        .root = checks->root,
        .interval_ns = settings_get_u64(&checks->context->settings, SETTING_INTERVAL),
    };
    for (const struct collector *const *row = collectors; *row; row++) {
        const struct collector *collector = *row;
        struct probe_result result = {.reason = REASON_NONE};
        collector->probe(&env, &result);
        if (collector->synthetic)
            check_add(checks, "collectors", collector->name, CHECK_OK,
                      "invents its values; only used when named");
        else if (result.reason == REASON_NONE)
            check_add(checks, "collectors", collector->name, CHECK_OK, "%s",
                      result.detail[0] ? result.detail : collector->summary);
        else
            check_add(checks, "collectors", collector->name, CHECK_MISSING, "%s: %s",
                      reason_name(result.reason),
                      result.detail[0] ? result.detail : reason_meaning(result.reason));
    }
}

/* ---- other instances ---- */

struct instance_scan {
    const struct root *root;
    pid_t self;
    size_t count;
    struct strbuf pids;
};

static int scan_process(const char *name, void *context)
{
    struct instance_scan *scan = context;
    char *end;
    long pid = strtol(name, &end, 10);
    struct proc_stat stat, parent;
    if (*end || pid <= 0 || pid == scan->self ||
        procfs_read_stat(scan->root, (pid_t)pid, &stat, NULL) < 0 ||
        strcmp(stat.comm, "tacho") != 0 || stat.ppid == scan->self || stat.state == 'Z')
        return 0;
    /* An instance and its launcher are one. */
    if (procfs_read_stat(scan->root, stat.ppid, &parent, NULL) == 0 &&
        strcmp(parent.comm, "tacho") == 0)
        return 0;
    strbuf_printf(&scan->pids, "%s%ld", scan->count++ ? ", " : "", pid);
    return 0;
}

void check_instances(struct checks *checks)
{
    struct instance_scan scan = {.root = checks->root, .self = getpid()};
    struct error err = {0};
    if (root_list(checks->root, "proc", scan_process, &scan, &err) < 0)
        check_add(checks, "measuring", "other instances", CHECK_NOTE, "cannot be listed: %s",
                  err.message);
    else if (scan.count == 0)
        check_add(checks, "measuring", "other instances", CHECK_OK, "no other tacho is running");
    else
        check_advise(check_add(checks, "measuring", "other instances", CHECK_NOTE,
                               "%zu running: pid %s", scan.count, strbuf_get(&scan.pids)),
                     "measurements at the same time disturb each other");
    strbuf_deinit(&scan.pids);
}
