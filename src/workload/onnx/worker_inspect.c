/* worker_inspect.c: which providers and precisions of an engine work here.
 *
 * "Available" only says what a library was built with. So every provider gets a session of each
 * probe model, runs it twice, and the engine's own profile tells who ran the nodes and in what
 * precision. Each provider is tried in a process of its own, before which this one has opened no
 * engine: one that crashes or hangs takes nothing with it but itself.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/util.h"
#include "format/embedded.h"
#include "format/onnx_model.h"
#include "format/ort_profile.h"
#include "workload/onnx/worker_internal.h"

#define PROBE_RUNS 2
/* Building an engine (TensorRT) takes tens of seconds; whoever takes longer hangs. */
#define PROBE_TIMEOUT_NS (120 * NS_PER_S)
#define POLL_NS (2 * NS_PER_MS)

enum { FOLDER_BYTES = 256 };

/* ---- one probe ---- */

/* The probe's inputs as the worker would make them; free dimensions are 1. */
static int settle_inputs(const struct embedded_file *probe, struct onnx_config *config,
                         struct error *err)
{
    struct onnx_model model;
    int rc = onnx_model_read_bytes(probe->text, probe->size, probe->name, &model, err);
    if (rc < 0)
        return rc;
    config->input_count = 0;
    for (size_t i = 0; i < model.input_count && i < ONNX_INPUTS_MAX; i++) {
        const struct onnx_value *value = &model.inputs[i];
        struct onnx_input *input = &config->inputs[config->input_count++];
        *input = (struct onnx_input){.type = value->type, .fill = ONNX_FILL_RANDOM};
        str_copy(input->name, sizeof(input->name), value->name);
        for (uint32_t j = 0; j < value->rank && j < ONNX_DIMS_MAX; j++)
            input->dims[input->rank++] = value->dims[j].value > 0 ? value->dims[j].value : 1;
    }
    onnx_model_deinit(&model);
    return 0;
}

static int run_probe(struct worker *worker, const struct embedded_file *probe, const char *folder,
                     char *path, size_t size, struct error *err)
{
    char prefix[FOLDER_BYTES + 32];
    struct ort_model_source source = {.bytes = probe->text, .size = probe->size};
    snprintf(prefix, sizeof(prefix), "%s/%s", folder, probe->name);
    int rc = ort_model_open(&worker->model, &worker->ort, worker->config, &worker->shared->info,
                            &source, prefix, err);
    if (rc < 0)
        return rc;
    rc = worker_make_streams(worker, err);
    struct onnx_record record;
    for (int i = 0; rc == 0 && i < PROBE_RUNS; i++) {
        rc = worker_run_unit(&worker->streams[0], &record, err);
        worker_release_outputs(&worker->streams[0]);
    }
    if (rc == 0)
        rc = ort_model_end_profile(&worker->model, path, size, err);
    worker_free_streams(worker);
    ort_model_close(&worker->model);
    return rc;
}

/* The probe named "probe.fp16" tells of fp16 if the provider ran nodes, and in fp16. */
static int judge_probe(const char *provider, const char *precision, const char *path,
                       struct onnx_provider_report *report, struct error *err)
{
    struct ort_profile profile;
    int rc = ort_profile_read(path, &profile, err);
    if (rc < 0)
        return rc;
    const char *ran_in = ort_profile_precision(&profile);
    bool has_run = ort_profile_share(&profile, provider) > 0;
    bool is_true = has_run && ran_in && strcmp(ran_in, precision) == 0;
    if (!has_run)
        rc = error_set(err, ERROR_UNSUPPORTED, "%s ran no node of the probe models", provider);
    report->is_usable = report->is_usable || has_run;
    report->fp32 = report->fp32 || (is_true && strcmp(precision, "fp32") == 0);
    report->fp16 = report->fp16 || (is_true && strcmp(precision, "fp16") == 0);
    report->int8 = report->int8 || (is_true && strcmp(precision, "int8") == 0);
    ort_profile_deinit(&profile);
    return rc;
}

/* All probes with one provider; in its own process. */
static void try_provider(struct worker *worker, struct onnx_config *config,
                         struct onnx_provider_report *report, const char *folder)
{
    struct error first = {0};
    str_copy(config->provider, sizeof(config->provider), report->name);
    for (const struct embedded_file *probe = embedded_models; probe->name; probe++) {
        char path[PATH_MAX];
        struct error err = {0};
        const char *precision = strchr(probe->name, '.');
        if (precision == NULL)
            continue;
        int rc = settle_inputs(probe, config, &err);
        if (rc == 0)
            rc = run_probe(worker, probe, folder, path, sizeof(path), &err);
        if (rc == 0)
            rc = judge_probe(report->name, precision + 1, path, report, &err);
        if (rc < 0 && first.code == 0)
            first = err;
    }
    if (!report->is_usable)
        str_copy(report->why, sizeof(report->why), first.message);
}

/* ---- processes ---- */

/* Waits with a limit; waitpid(2) itself has none. */
static int wait_for(pid_t pid, int *ret_status)
{
    uint64_t end_ns = clock_mono_ns() + PROBE_TIMEOUT_NS;
    struct timespec pause = {.tv_nsec = (long)POLL_NS};
    for (;;) {
        pid_t ended = waitpid(pid, ret_status, WNOHANG);
        if (ended == pid)
            return 0;
        if (ended < 0 && errno != EINTR)
            return -errno;
        if (clock_mono_ns() >= end_ns) {
            kill(pid, SIGKILL);
            waitpid(pid, ret_status, 0);
            return -ETIMEDOUT;
        }
        nanosleep(&pause, NULL);
    }
}

/* What the library is, and the names of its providers: all later processes need it. */
static int child_open(struct worker *worker)
{
    struct onnx_info *info = &worker->shared->info;
    struct error err = {0};
    if (ort_open(&worker->ort, worker->config, info, &err) == 0)
        return 0;
    info->error = err;
    return 1;
}

static int child_try(struct worker *worker, uint32_t index, const char *folder)
{
    struct onnx_info *info = &worker->shared->info;
    struct onnx_info own = {.provider_count = 0}; /* ort_open writes the list anew */
    struct onnx_provider_report *report = &info->providers[index];
    struct onnx_config config = *worker->config;
    struct error err = {0};
    config.library_count = 1;
    config.streams = worker->stream_count = 1;
    str_copy(config.libraries[0], sizeof(config.libraries[0]), info->library);
    worker->config = &config;
    if (ort_open(&worker->ort, &config, &own, &err) < 0) {
        str_copy(report->why, sizeof(report->why), err.message);
        return 1;
    }
    try_provider(worker, &config, report, folder);
    return 0;
}

/* index UINT32_MAX: the library. 0: it came to its end; what it found is in the shared memory. */
static int run_child(struct worker *worker, uint32_t index, const char *folder, char *why,
                     size_t size)
{
    pid_t pid = fork();
    if (pid < 0) {
        snprintf(why, size, "cannot start a process to try it: %s", strerror(errno));
        return -ERROR_SYSTEM;
    }
    if (pid == 0)
        _exit(index == UINT32_MAX ? child_open(worker) : child_try(worker, index, folder));
    int status = 0;
    int rc = wait_for(pid, &status);
    if (rc == -ETIMEDOUT)
        snprintf(why, size, "did not come to an end within %llu s",
                 (unsigned long long)(PROBE_TIMEOUT_NS / NS_PER_S));
    else if (rc < 0)
        snprintf(why, size, "cannot wait for the process that tried it: %s", strerror(-rc));
    else if (WIFSIGNALED(status))
        snprintf(why, size, "crashed when it was tried (signal %d, %s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        return 0;
    return -ERROR_UNSUPPORTED;
}

/* ---- the folder for the profiles ---- */

static int make_folder(char *folder, size_t size, struct error *err)
{
    const char *parent = getenv("TMPDIR");
    int n = snprintf(folder, size, "%s/tacho-probe-XXXXXX", parent && *parent ? parent : "/tmp");
    if (n < 0 || (size_t)n >= size || mkdtemp(folder) == NULL)
        return error_set_errno(err, ERROR_IO, errno, "cannot make the temporary folder %s", folder);
    return 0;
}

static void remove_folder(const char *folder)
{
    DIR *directory = opendir(folder);
    for (struct dirent *entry = NULL; directory && (entry = readdir(directory)) != NULL;)
        unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory)
        closedir(directory);
    rmdir(folder);
}

/* ---- all ---- */

static void inspect_providers(struct worker *worker, const char *folder)
{
    struct onnx_info *info = &worker->shared->info;
    for (uint32_t i = 0; i < info->provider_count; i++) {
        struct onnx_provider_report *report = &info->providers[i];
        char why[sizeof(report->why)];
        if (run_child(worker, i, folder, why, sizeof(why)) < 0) {
            report->is_usable = report->fp32 = report->fp16 = report->int8 = false;
            str_copy(report->why, sizeof(report->why), why);
        }
    }
}

int worker_inspect(struct worker *worker, struct error *err)
{
    struct onnx_info *info = &worker->shared->info;
    char folder[FOLDER_BYTES], why[192];
    worker_begin_stage(worker, ONNX_STAGE_LOAD);
    int rc = run_child(worker, UINT32_MAX, NULL, why, sizeof(why));
    if (rc < 0)
        return error_set(err, ERROR_UNSUPPORTED, "the ONNX Runtime library %s", why);
    if (info->error.code != 0) {
        *err = info->error;
        return -err->code;
    }
    rc = make_folder(folder, sizeof(folder), err);
    if (rc < 0)
        return rc;
    worker_begin_stage(worker, ONNX_STAGE_SESSION);
    inspect_providers(worker, folder);
    remove_folder(folder);
    return 0;
}
