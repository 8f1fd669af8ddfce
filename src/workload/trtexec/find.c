/* find.c: where trtexec is, and what this version of it can do. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "workload/program_find.h"
#include "workload/trtexec/internal.h"

#define HELP_TIMEOUT_NS (60 * NS_PER_S) /* the first start loads gigabytes of libraries */

static int find_file(char *path, size_t size, struct error *err)
{
    if (program_find_trtexec(path, size) == 0)
        return 0;
    error_set(err, ERROR_ABSENT, "trtexec, which runs TensorRT engines, is not in %s",
              PROGRAM_TRTEXEC_PLACES);
    error_hint(err, "it comes with TensorRT (JetPack; Debian packages: libnvinfer-bin); where it "
                    "lies elsewhere, put its folder into PATH");
    return -ERROR_ABSENT;
}

/* It is there; but can it run? A board without the libraries of its TensorRT has one that cannot.
 */
static int fail_unusable(const char *path, const struct launch_report *report, const char *text,
                         struct error *err)
{
    char line[TRTEXEC_LINE_MAX];
    trtexec_text_reason(text, line, sizeof(line));
    if (report->outcome == LAUNCH_EXEC_FAILED)
        error_set_errno(err, ERROR_UNSUPPORTED, report->exec_errno, "cannot execute %s", path);
    else if (report->outcome == LAUNCH_TIMED_OUT)
        error_set(err, ERROR_UNSUPPORTED, "%s --help does not end", path);
    else if (line[0] != '\0')
        error_set(err, ERROR_UNSUPPORTED, "%s does not work: %s", path, line);
    else
        error_set(err, ERROR_UNSUPPORTED, "%s does not work: it said nothing", path);
    error_hint(err, "does %s --help work? It needs the TensorRT libraries it was built with", path);
    return -ERROR_UNSUPPORTED;
}

static unsigned major_of(const char *version)
{
    unsigned major = 0;
    return sscanf(version, "%u", &major) == 1 ? major : 0;
}

static int ask_help(const struct workload_args *args, const char *path, const char *output_path,
                    struct launch_report *ret_report, struct error *err)
{
    CLEANUP_CLOSE int fd = -1;
    pid_t pid = 0;
    int rc = trtexec_output_open(output_path, &fd, err);
    if (rc != 0)
        return rc;
    const char *const argv[] = {path, "--help", NULL};
    struct launch_request request = {
        .argv = argv, .stdout_fd = fd, .stderr_fd = fd, .timeout_ns = HELP_TIMEOUT_NS};
    rc = launcher_launch(args->launcher, &request, &pid, err);
    return rc != 0 ? rc : launcher_report(args->launcher, ret_report, err);
}

int trtexec_find(const struct workload_args *args, const char *output_path,
                 struct trtexec_program *ret_program, struct error *err)
{
    struct trtexec_program program = {.version = ""};
    struct launch_report report;
    int rc = find_file(program.path, sizeof(program.path), err);
    if (rc == 0)
        rc = ask_help(args, program.path, output_path, &report, err);
    if (rc != 0)
        return rc;
    CLEANUP_FREE char *text = NULL;
    size_t size = 0;
    rc = trtexec_text_read(output_path, &text, &size, err);
    if (rc != 0)
        return rc;
    /* Some versions end their help with a failure: what they said decides. */
    if (report.outcome != LAUNCH_EXITED || strstr(text, "--loadEngine") == NULL)
        return fail_unusable(program.path, &report, text, err);
    if (trtexec_version(text, size, program.version, sizeof(program.version)))
        program.major = major_of(program.version);
    else
        program.version[0] = '\0';
    program.has_inf_streams = strstr(text, "--infStreams") != NULL;
    program.has_separate_run = strstr(text, "--separateProfileRun") != NULL;
    program.has_no_tf32 = strstr(text, "--noTF32") != NULL;
    *ret_program = program;
    return 0;
}
