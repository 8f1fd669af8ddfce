/* trtexec.c: the workload "trtexec": a TensorRT engine, measured by NVIDIA's own program.
 *
 * One invocation is one process of trtexec. It cannot be asked for more while it runs, so what it
 * shall do is settled before: so many iterations where they are counted, else a duration.
 * Its times come from a file that it writes at its end (import.c).
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/unit.h"
#include "base/util.h"
#include "workload/cores.h"
#include "workload/program_find.h"
#include "workload/reference.h"
#include "workload/trtexec/internal.h"

#define WAIT_MS 150        /* stop_requested wants to be called every 200 ms */
#define DEFAULT_SECONDS 10 /* where nobody counts iterations */

static const struct {
    const char *metric;
    enum series_kind kind;
    const char *source;
} series_rows[TRTEXEC_SERIES_COUNT] = {
#define TRTEXEC_SERIES_ROW(id, metric, kind, source) [TRTEXEC_##id] = {metric, kind, source},
    TRTEXEC_SERIES_MAP(TRTEXEC_SERIES_ROW)
#undef TRTEXEC_SERIES_ROW
};

/* ---- opening ---- */

static const char *const file_names[] = {"output.txt", "times.json", "profile.json"};

void trtexec_path(const struct trtexec *trtexec, enum trtexec_file which,
                  char path[TRTEXEC_PATH_MAX])
{
    snprintf(path, TRTEXEC_PATH_MAX, "%s/%s", trtexec->directory, file_names[which]);
}

static void remove_outputs(const struct trtexec *trtexec)
{
    char path[TRTEXEC_PATH_MAX];
    for (size_t i = 0; i < ARRAY_LEN(file_names); i++) {
        trtexec_path(trtexec, (enum trtexec_file)i, path);
        unlink(path);
    }
}

static int make_directory(struct trtexec *trtexec, struct error *err)
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] != '/')
        parent = "/tmp";
    int length =
        snprintf(trtexec->directory, sizeof(trtexec->directory), "%s/tacho-trtexec-XXXXXX", parent);
    if (length >= 0 && (size_t)length < sizeof(trtexec->directory) &&
        mkdtemp(trtexec->directory) != NULL)
        return 0;
    int sys_errno = errno;
    trtexec->directory[0] = '\0';
    error_set_errno(err, error_code_from_errno(sys_errno), sys_errno,
                    "cannot make a directory for trtexec's files in %s", parent);
    return error_hint(err, "TMPDIR names another place");
}

static bool has_suffix(const char *file, const char *const *suffixes)
{
    for (; *suffixes != NULL; suffixes++)
        if (str_ends_with(file, *suffixes))
            return true;
    return false;
}

static bool trtexec_accepts(const struct workload_args *args)
{
    static const char *const suffixes[] = {".engine", ".plan", ".trt", NULL};
    const char *engine = settings_get_text(args->settings, SETTING_ENGINE);
    if (args->command != NULL)
        return false;
    if (engine != NULL)
        return strcmp(engine, "trtexec") == 0;
    return args->file != NULL && has_suffix(args->file, suffixes);
}

/* TensorRT decides on the precision when it builds the engine: always from the fp32 model. */
static int choose_file(struct trtexec *trtexec, struct error *err)
{
    char exe[PATH_MAX];
    const char *named = trtexec->args->file;
    if (named == NULL) {
        error_set(err, ERROR_USAGE, "--engine trtexec: which model?");
        return error_hint(err,
                          "tacho run --engine trtexec MODEL.onnx, MODEL.engine, " REFERENCE_NAMES);
    }
    if (reference_is(named))
        return reference_find(named, NULL, settings_get_text(trtexec->args->settings, SETTING_DATA),
                              program_own_directory(exe, sizeof(exe)) ? exe : NULL, trtexec->file,
                              sizeof(trtexec->file), err);
    return str_copy(trtexec->file, sizeof(trtexec->file), named)
               ? 0
               : error_set(err, ERROR_INPUT, "the path of the model is too long");
}

static int check_file(const char *file, struct error *err)
{
    struct stat status;
    if (stat(file, &status) != 0)
        return error_set_errno(err, ERROR_INPUT, errno, "cannot open %s", file);
    if (!S_ISREG(status.st_mode) || status.st_size == 0)
        return error_set(err, ERROR_INPUT, "%s: %s", file,
                         S_ISREG(status.st_mode) ? "the file is empty" : "not a file");
    return 0;
}

static int declare_series(struct trtexec *trtexec, struct error *err)
{
    for (uint32_t id = 0; id < TRTEXEC_SERIES_COUNT; id++) {
        trtexec->series[id] = (struct series){.id = id,
                                              .kind = series_rows[id].kind,
                                              .metric = metric_find(series_rows[id].metric),
                                              .instance = "",
                                              .source = series_rows[id].source};
        if (trtexec->series[id].metric == NULL)
            return error_set(err, ERROR_INTERNAL, "the registry has no metric %s",
                             series_rows[id].metric);
    }
    return 0;
}

static void trtexec_close(void *state)
{
    struct trtexec *trtexec = state;
    if (trtexec->directory[0] != '\0') {
        remove_outputs(trtexec);
        rmdir(trtexec->directory);
    }
    arena_deinit(&trtexec->arena);
    free(trtexec);
}

static int trtexec_open(const struct workload_args *args, void **ret_state, struct error *err)
{
    static const char *const onnx[] = {".onnx", NULL};
    char path[TRTEXEC_PATH_MAX];
    struct trtexec *trtexec = calloc(1, sizeof(*trtexec));
    if (trtexec == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for trtexec");
    trtexec->args = args;
    trtexec->told_per_s = NAN;
    int rc = choose_file(trtexec, err);
    if (rc == 0)
        rc = check_file(trtexec->file, err);
    trtexec->is_onnx = has_suffix(trtexec->file, onnx);
    const char *warmup = settings_get_text(args->settings, SETTING_WARMUP);
    trtexec->has_warmup_units = warmup != NULL && strcmp(warmup, "auto") != 0;
    if (rc == 0)
        rc = declare_series(trtexec, err);
    if (rc == 0)
        rc = cores_load(args->settings, &trtexec->cores, &trtexec->has_cores, err);
    if (rc == 0)
        rc = make_directory(trtexec, err);
    if (rc == 0) {
        trtexec_path(trtexec, TRTEXEC_FILE_TEXT, path);
        rc = trtexec_find(args, path, &trtexec->program, err);
    }
    if (rc == 0)
        rc = trtexec_make_arguments(trtexec, err);
    if (rc != 0) {
        trtexec_close(trtexec);
        return rc;
    }
    *ret_state = trtexec;
    return 0;
}

static const struct series *trtexec_series(void *state, size_t *ret_count)
{
    struct trtexec *trtexec = state;
    *ret_count = TRTEXEC_SERIES_COUNT;
    return trtexec->series;
}

/* ---- one process ---- */

/* How long or how often; whether trtexec warms up itself; and where its files go. */
static int add_extent(struct trtexec *trtexec, struct workload_io *io, struct error *err)
{
    const struct settings *settings = trtexec->args->settings;
    char times[TRTEXEC_PATH_MAX], profile[TRTEXEC_PATH_MAX];
    trtexec_path(trtexec, TRTEXEC_FILE_TIMES, times);
    trtexec_path(trtexec, TRTEXEC_FILE_PROFILE, profile);
    uint64_t units = io->units_allowed(io), seconds = DEFAULT_SECONDS;
    if (settings_is_set(settings, SETTING_DURATION))
        seconds = settings_get_u64(settings, SETTING_DURATION) / NS_PER_S + 1;
    seconds = u64_min(seconds, settings_get_u64(settings, SETTING_MAX_DURATION) / NS_PER_S);
    /* --warmup N: they are N of the iterations, kept apart by tacho as everywhere. Else trtexec
     * warms up by its own rule, and says how much. */
    int rc = trtexec_add(trtexec, "--warmUp=%d", trtexec->has_warmup_units ? 0 : 200);
    if (rc == 0 && units < UINT64_MAX)
        rc = trtexec_add(trtexec, "--iterations=%llu", (unsigned long long)units);
    if (rc == 0)
        rc = trtexec_add(trtexec, "--duration=%llu",
                         units < UINT64_MAX ? 0 : (unsigned long long)u64_max(1, seconds));
    if (rc == 0)
        rc = trtexec_add(trtexec, "--exportTimes=%s", times);
    if (rc == 0 && trtexec->has_profile)
        rc = trtexec_add(trtexec, "--exportProfile=%s", profile);
    if (rc == 0 && trtexec->has_profile && trtexec->program.has_separate_run)
        rc = trtexec_add(trtexec, "--separateProfileRun");
    return rc != 0 ? error_set(err, -rc, "no room for trtexec's arguments") : 0;
}

/* First Ctrl-C: TERM, and KILL 2 s later. Second: KILL. */
static int wait_for_report(struct trtexec *trtexec, struct workload_io *io,
                           struct launch_report *ret_report, struct error *err)
{
    int stops = 0;
    for (;;) {
        /* Once the user has stopped us wake_fd stays readable: looking at it would spin. */
        struct pollfd polled[] = {
            {.fd = launcher_fd(trtexec->args->launcher), .events = POLLIN},
            {.fd = stops == 0 ? io->wake_fd : -1, .events = POLLIN},
        };
        poll(polled, ARRAY_LEN(polled), WAIT_MS);
        bool at_once = false;
        int wanted = io->stop_requested(io, &at_once) ? 1 + at_once : 0;
        if (wanted > stops) {
            launcher_kill(trtexec->args->launcher, at_once, NULL);
            stops = wanted;
        }
        if (polled[0].revents != 0)
            return launcher_report(trtexec->args->launcher, ret_report, err);
    }
}

static int run_process(struct trtexec *trtexec, struct workload_io *io,
                       struct launch_report *ret_report, struct error *err)
{
    const struct settings *settings = trtexec->args->settings;
    char path[TRTEXEC_PATH_MAX];
    CLEANUP_CLOSE int fd = -1;
    pid_t pid = 0;
    trtexec_path(trtexec, TRTEXEC_FILE_TEXT, path);
    int rc = trtexec_output_open(path, &fd, err);
    if (rc != 0)
        return rc;
    struct launch_request request = {.argv = trtexec->arguments,
                                     .stdout_fd = fd,
                                     .stderr_fd = fd,
                                     .has_affinity = trtexec->has_cores,
                                     .affinity = trtexec->cores};
    if (settings_is_set(settings, SETTING_TIMEOUT))
        request.timeout_ns = settings_get_u64(settings, SETTING_TIMEOUT);
    rc = launcher_launch(trtexec->args->launcher, &request, &pid, err);
    if (rc != 0)
        return rc;
    io->target(io, pid);
    rc = wait_for_report(trtexec, io, ret_report, err);
    io->target(io, 0);
    return rc;
}

/* ---- how it ended ---- */

static void fail_with(const char *text, bool was_shown, struct error *err, const char *how)
{
    char line[TRTEXEC_LINE_MAX];
    trtexec_text_reason(text, line, sizeof(line));
    error_set(err, ERROR_PROGRAM, "trtexec %s%s%s", how, line[0] != '\0' ? ": " : "", line);
    error_hint(err, "%s",
               was_shown ? "what it said stands above" : "--show-output shows all of what it says");
}

static void settle_outcome(const struct trtexec *trtexec, const struct launch_report *report,
                           const char *text, struct invocation *invocation, struct error *err)
{
    const struct settings *settings = trtexec->args->settings;
    bool shown = settings_get_bool(settings, SETTING_SHOW_OUTPUT);
    char how[64], limit[32];
    switch (report->outcome) {
    case LAUNCH_EXITED:
        invocation->outcome = INVOCATION_EXIT;
        if (report->exit_status != 0) {
            snprintf(how, sizeof(how), "ended with exit status %d", report->exit_status);
            fail_with(text, shown, err, how);
        } else if (strstr(text, "&&&& FAILED") != NULL) {
            fail_with(text, shown, err, "says that it failed");
        } else {
            invocation->outcome = INVOCATION_OK;
        }
        return;
    case LAUNCH_SIGNALED:
        invocation->outcome = INVOCATION_SIGNAL;
        snprintf(how, sizeof(how), "was ended by signal %d (%s)", report->signal,
                 strsignal(report->signal));
        fail_with(text, shown, err, how);
        return;
    case LAUNCH_TIMED_OUT:
        invocation->outcome = INVOCATION_TIMEOUT;
        error_set(err, ERROR_PROGRAM, "trtexec ran longer than %s and was ended",
                  unit_format_ns((double)settings_get_u64(settings, SETTING_TIMEOUT), limit,
                                 sizeof(limit)));
        error_hint(err, "building an engine takes minutes: give it more with --timeout");
        return;
    case LAUNCH_KILLED:
        invocation->outcome = INVOCATION_INTERRUPTED;
        error_set(err, ERROR_INTERRUPTED, "trtexec was interrupted");
        return;
    case LAUNCH_EXEC_FAILED:
        invocation->outcome = INVOCATION_NOT_STARTED;
        error_set_errno(err, ERROR_PROGRAM, report->exec_errno, "cannot execute %s",
                        trtexec->program.path);
        return;
    }
}

static void show(const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t n = write(STDERR_FILENO, text, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nobody listens; the measurement goes on */
        text += n;
        left -= (size_t)n;
    }
}

static int trtexec_invoke(void *state, struct workload_io *io, struct invocation *ret_invocation,
                          struct error *err)
{
    struct trtexec *trtexec = state;
    struct launch_report report;
    CLEANUP_FREE char *text = NULL;
    size_t size = 0, fixed = trtexec->argument_count;
    char path[TRTEXEC_PATH_MAX];
    remove_outputs(trtexec); /* or those of the invocation before would be taken for its own */
    int rc = add_extent(trtexec, io, err);
    if (rc == 0)
        rc = run_process(trtexec, io, &report, err);
    trtexec->argument_count = fixed;
    trtexec->arguments[fixed] = NULL;
    trtexec_path(trtexec, TRTEXEC_FILE_TEXT, path);
    if (rc == 0)
        rc = trtexec_text_read(path, &text, &size, err);
    if (rc != 0)
        return rc;
    if (settings_get_bool(trtexec->args->settings, SETTING_SHOW_OUTPUT))
        show(text);
    trtexec_read_text(trtexec, text, size);
    *ret_invocation = (struct invocation){
        .index = io->invocation,
        .begin_ns = (int64_t)(report.begin_ns - io->run_begin_ns),
        .end_ns = (int64_t)(report.end_ns - io->run_begin_ns),
        .exit_status = report.exit_status,
        .signal = report.signal,
    };
    settle_outcome(trtexec, &report, text, ret_invocation, err);
    if (ret_invocation->outcome != INVOCATION_OK)
        return 0;
    rc = trtexec_import(trtexec, io, &report, err);
    if (rc == -ERROR_PROGRAM) { /* a program that failed is no error of ours; err says how */
        ret_invocation->outcome = INVOCATION_EXIT;
        return 0;
    }
    return rc;
}

extern const struct workload workload_trtexec;

const struct workload workload_trtexec = {
    .name = "trtexec",
    .summary = "a TensorRT engine, measured by NVIDIA's trtexec",
    .unit = "inference",
    .units = "inferences",
    .latency_metric = "latency_ms",
    .accepts = trtexec_accepts,
    .open = trtexec_open,
    .describe = trtexec_describe,
    .describe_after = trtexec_describe_after,
    .series = trtexec_series,
    .invoke = trtexec_invoke,
    .findings = trtexec_findings,
    .close = trtexec_close,
};
