/* onnx_worker_support.h: what the tests of the worker share: a worker in a process of its own, with
 * a real ONNX Runtime, and the reader of its rings.
 *
 * Engines: the folders of TACHO_TEST_ENGINES (':' between), else TACHO_ORT. Those that this machine
 * cannot open, and all where threads are watched by ThreadSanitizer (the engine's are not
 * instrumented), are skipped, with a line that says so.
 */
#ifndef TACHO_TESTS_ONNX_WORKER_SUPPORT_H
#define TACHO_TESTS_ONNX_WORKER_SUPPORT_H

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "onnx_build.h"
#include "workload/onnx/ort.h"

#define TEST_RECORDS (1u << 18)
#define TEST_LIMIT_NS                                                                              \
    (100 * NS_PER_S) /* a worker that hangs is a failure, not a test without end */

static char test_engine[PATH_MAX];
static char test_folder[] = "/tmp/tacho-test-XXXXXX";

static struct {
    struct onnx_shared *shared;
    int fd;
    pid_t pid;
    bool has_ended;
    int status;
    struct onnx_record *records; /* of all streams, each in its own order */
    size_t count;
} test;

static inline const char *test_path(const char *name)
{
    static char paths[4][PATH_MAX];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, PATH_MAX, "%s/%s", test_folder, name);
    return path;
}

static inline void test_write(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(test_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void test_write_model(const char *name, const struct onnx_spec *spec)
{
    struct onnx_bytes model = onnx_build(spec);
    test_write(name, model.data, model.size);
}

/* A worker for y = Relu(x), x of 1x4: the tests change what they are about. */
static inline int test_set_up(void **state)
{
    static const struct onnx_spec relu = {.op = "Relu", .rank = 2, .dims = {-1, 4}};
    struct error err;
    if (onnx_shared_new(&test.shared, &test.fd, &err) < 0)
        return -1;
    test.records = calloc(TEST_RECORDS, sizeof(*test.records));
    struct onnx_config *config = &test.shared->config;
    test_write_model("relu.onnx", &relu);
    str_copy(config->model, sizeof(config->model), test_path("relu.onnx"));
    str_copy(config->provider, sizeof(config->provider), "CPUExecutionProvider");
    str_copy(config->libraries[0], sizeof(config->libraries[0]), test_engine);
    config->library_count = 1;
    config->threads = 1;
    config->graph_optimization = 99;
    config->streams = 1;
    config->profiled_units = 1;
    config->seed = 1;
    config->input_count = 1;
    config->inputs[0] = (struct onnx_input){.name = "x", .type = ONNX_FLOAT, .rank = 2};
    config->inputs[0].dims[0] = 1;
    config->inputs[0].dims[1] = 4;
    return 0;
}

static inline int test_tear_down(void **state)
{
    if (test.pid > 0 && !test.has_ended) {
        kill(test.pid, SIGKILL);
        waitpid(test.pid, NULL, 0);
    }
    onnx_shared_free(test.shared);
    close(test.fd);
    free(test.records);
    memset(&test, 0, sizeof(test));
    return 0;
}

static inline void test_start(uint64_t allowed)
{
    atomic_store(&test.shared->allowed, allowed);
    test.pid = fork();
    assert_true(test.pid >= 0);
    if (test.pid == 0) {
        /* cmocka's handlers would go on with the tests in this process. */
        for (int signal_number = 1; signal_number < NSIG; signal_number++)
            signal(signal_number, SIG_DFL);
        /* What providers print when they cannot be used. */
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(99);
        _exit(onnx_worker_main(test.fd));
    }
}

/* Takes what is in the rings, and looks whether the worker has ended. */
static inline void test_poll(void)
{
    if (!test.has_ended && waitpid(test.pid, &test.status, WNOHANG) == test.pid)
        test.has_ended = true;
    for (uint32_t i = 0; i < test.shared->config.streams; i++) {
        size_t n;
        do {
            n = onnx_ring_take(test.shared, i, test.records + test.count,
                               TEST_RECORDS - test.count);
            test.count += n;
        } while (n > 0);
    }
    nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
}

/* What was true once need not stay so: the worker goes on. */
#define TEST_WAIT_UNTIL(condition)                                                                 \
    do {                                                                                           \
        uint64_t wait_limit_ns = clock_mono_ns() + TEST_LIMIT_NS;                                  \
        bool is_met;                                                                               \
        while (!(is_met = (condition)) && !test.has_ended && clock_mono_ns() < wait_limit_ns)      \
            test_poll();                                                                           \
        test_poll();                                                                               \
        is_met = is_met || (condition);                                                            \
        if (!is_met && test.shared->info.error.code != 0)                                          \
            print_message("worker: %s\n", test.shared->info.error.message);                        \
        assert_true(is_met);                                                                       \
    } while (0)

static inline void test_stop(uint32_t stop)
{
    atomic_store(&test.shared->stop, stop);
    onnx_bell_ring(test.shared);
}

/* Its exit status; -signal if it died of one. */
static inline int test_end(void)
{
    TEST_WAIT_UNTIL(test.has_ended);
    test_poll();
    return WIFEXITED(test.status) ? WEXITSTATUS(test.status) : -WTERMSIG(test.status);
}

static inline size_t test_count(uint32_t kind, int64_t stream)
{
    size_t count = 0;
    for (size_t i = 0; i < test.count; i++)
        count += test.records[i].kind == kind &&
                 (stream < 0 || test.records[i].stream == (uint32_t)stream);
    return count;
}

/* ---- engines ---- */

static inline bool test_can_open(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct onnx_config *config = calloc(1, sizeof(*config));
        struct onnx_info *info = calloc(1, sizeof(*info));
        struct error err = {0};
        struct ort ort;
        config->library_count = 1;
        str_copy(config->libraries[0], PATH_MAX, test_engine);
        if (ort_open(&ort, config, info, &err) == 0)
            _exit(0);
        print_message("skipped: %s\n", err.message);
        fflush(NULL);
        _exit(1);
    }
    return waitpid(pid, &status, 0) == pid && status == 0;
}

static inline void test_remove_folder(void)
{
    DIR *directory = opendir(test_folder);
    for (struct dirent *entry = NULL; directory && (entry = readdir(directory)) != NULL;)
        unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    rmdir(test_folder);
}

/* Runs the tests with every engine that there is; run returns the number of failures. */
static inline int test_with_engines(int (*run)(const char *name))
{
    const char *list = getenv("TACHO_TEST_ENGINES");
    if (list == NULL || list[0] == '\0')
        list = getenv("TACHO_ORT");
    if (list == NULL || list[0] == '\0') {
        print_message("skipped: no ONNX Runtime here (TACHO_TEST_ENGINES, TACHO_ORT)\n");
        return 77;
    }
#ifdef __SANITIZE_THREAD__
    print_message("skipped: the engine's threads are not instrumented\n");
    return 77;
#endif
    if (mkdtemp(test_folder) == NULL)
        return 1;
    int failures = 0, engines = 0;
    for (const char *at = list; *at != '\0';) {
        int length = (int)strcspn(at, ":");
        struct stat status;
        snprintf(test_engine, sizeof(test_engine), "%.*s", length, at);
        if (stat(test_engine, &status) == 0 && S_ISDIR(status.st_mode))
            snprintf(test_engine, sizeof(test_engine), "%.*s/libonnxruntime.so.1", length, at);
        if (test_can_open()) {
            engines++;
            failures += run(test_engine);
        }
        at += length;
        at += *at == ':';
    }
    test_remove_folder();
    return failures > 0 ? 1 : engines > 0 ? 0 : 77;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_set_up, test_tear_down)

#endif
