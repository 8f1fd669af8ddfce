/* library.c: where an ONNX Runtime may lie. Which of them can be used the worker finds out. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "workload/onnx/internal.h"
#include "workload/program_find.h"

#ifdef __aarch64__
#define NODE_ARCH "arm64"
#else
#define NODE_ARCH "x64"
#endif
#define UPWARDS_MAX 32

/* ---- the list ---- */

static bool is_same_file(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

/* A library has several names in one folder; each is listed once. What does not fit is left out:
 * there is no machine with more engines than places. */
static void add(struct onnx_config *config, const char *path)
{
    for (uint32_t i = 0; i < config->library_count; i++)
        if (strcmp(config->libraries[i], path) == 0 || is_same_file(config->libraries[i], path))
            return;
    if (config->library_count < ONNX_LIBRARIES_MAX &&
        str_copy(config->libraries[config->library_count], PATH_MAX, path))
        config->library_count++;
}

static int compare_newest_first(const void *a, const void *b)
{
    return -strverscmp(*(char *const *)a, *(char *const *)b);
}

/* Wild cards stand only in `pattern`; those in a folder's own name are meant. */
static void add_matching(struct onnx_config *config, const char *directory, const char *pattern)
{
    CLEANUP(strbuf_deinit) struct strbuf full = {0};
    for (const char *at = directory; *at != '\0'; at++) {
        if (strchr("*?[\\", *at) != NULL)
            strbuf_putc(&full, '\\');
        strbuf_putc(&full, *at);
    }
    strbuf_append(&full, pattern);
    glob_t found = {0};
    if (!full.failed && glob(strbuf_get(&full), GLOB_NOSORT, NULL, &found) == 0) {
        qsort(found.gl_pathv, found.gl_pathc, sizeof(*found.gl_pathv), compare_newest_first);
        for (size_t i = 0; i < found.gl_pathc; i++)
            add(config, found.gl_pathv[i]);
    }
    globfree(&found);
}

/* ---- places ---- */

static void add_python(struct onnx_config *config, const char *directory)
{
    static const char *const patterns[] = {
        "/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so*",
        "/lib/python3*/dist-packages/onnxruntime/capi/libonnxruntime.so*",
        "/lib/python3*/site-packages/onnxruntime/capi/onnxruntime_pybind11_state*.so",
        "/lib/python3*/dist-packages/onnxruntime/capi/onnxruntime_pybind11_state*.so",
    };
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
        add_matching(config, directory, patterns[i]);
}

static void add_python_below(struct onnx_config *config, const char *root, const char *directory)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s%s", root, directory) < (int)sizeof(path))
        add_python(config, path);
}

/* node_modules here and in every folder above. */
static void add_node(struct onnx_config *config, const char *directory)
{
    char path[PATH_MAX];
    if (directory == NULL || !str_copy(path, sizeof(path), directory))
        return;
    for (int i = 0; i < UPWARDS_MAX; i++) {
        add_matching(config, path,
                     "/node_modules/onnxruntime-node/bin/napi-v*/linux/" NODE_ARCH
                     "/libonnxruntime.so*");
        char *slash = strrchr(path, '/');
        if (slash == NULL)
            return;
        *slash = '\0';
    }
}

static int add_asked(const struct onnx_places *places, struct onnx_config *config,
                     struct error *err)
{
    struct stat status;
    if (stat(places->asked, &status) != 0) {
        error_set_errno(err, ERROR_ABSENT, errno, "%s: %s", places->origin, places->asked);
        return error_hint(err,
                          "it names libonnxruntime.so or the folder that holds it; unset it and "
                          "tacho searches the usual places");
    }
    if (!S_ISDIR(status.st_mode)) {
        add(config, places->asked);
        return 0;
    }
    add_matching(config, places->asked, "/libonnxruntime.so*");
    if (config->library_count == 0) {
        error_set(err, ERROR_ABSENT, "%s: there is no libonnxruntime.so in %s", places->origin,
                  places->asked);
        return error_hint(err, "name the folder that holds it, or the file itself");
    }
    return 0;
}

int onnx_search(const struct onnx_places *places, struct onnx_config *config, struct error *err)
{
    config->library_count = 0;
    if (places->asked != NULL && places->asked[0] != '\0')
        return add_asked(places, config, err);
    add(config, "libonnxruntime.so.1");
    add(config, "libonnxruntime.so");
    if (places->venv != NULL && places->venv[0] != '\0')
        add_python(config, places->venv);
    if (places->home != NULL && places->home[0] != '\0')
        add_python_below(config, places->home, "/.local");
    add_python_below(config, places->root, "/usr/local");
    add_python_below(config, places->root, "/usr");
    add_node(config, places->directory);
    add_node(config, places->exe_directory);
    if (places->exe_directory != NULL) {
        add_matching(config, places->exe_directory, "/engine/libonnxruntime.so*");
        add_matching(config, places->exe_directory, "/../lib/tacho/libonnxruntime.so*");
    }
    return 0;
}

int onnx_find_libraries(const struct settings *settings, struct onnx_config *config,
                        struct error *err)
{
    const struct setting_value *asked = &settings->values[SETTING_ORT];
    char exe[PATH_MAX], directory[PATH_MAX];
    struct onnx_places places = {.asked = asked->text,
                                 .origin = asked->origin,
                                 .root = "",
                                 .venv = getenv("VIRTUAL_ENV"),
                                 .home = getenv("HOME"),
                                 .directory = getcwd(directory, sizeof(directory)),
                                 .exe_directory =
                                     program_own_directory(exe, sizeof(exe)) ? exe : NULL};
    return onnx_search(&places, config, err);
}
