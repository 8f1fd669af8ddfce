/* ort.c: finds, opens and names the ONNX Runtime library. */
#include "workload/onnx/ort.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/dl.h"
#include "base/str.h"
#include "base/util.h"

/* The engine's own, frozen since 1.0: two function pointers. */
struct ort_api_base {
    const void *const *(*get_api)(uint32_t version);
    const char *(*get_version_string)(void);
};

enum ort_error { /* OrtErrorCode */
                 ORT_INVALID_ARGUMENT = 2,
                 ORT_NO_SUCH_FILE = 3,
                 ORT_NO_MODEL = 4,
                 ORT_INVALID_PROTOBUF = 7,
                 ORT_NOT_IMPLEMENTED = 9,
                 ORT_INVALID_GRAPH = 10,
};

/* ---- errors ---- */

static int code_of(int engine_code, int code)
{
    switch (engine_code) {
    case ORT_INVALID_ARGUMENT:
    case ORT_NO_SUCH_FILE:
    case ORT_NO_MODEL:
    case ORT_INVALID_PROTOBUF:
    case ORT_INVALID_GRAPH:
        return ERROR_INPUT;
    case ORT_NOT_IMPLEMENTED:
        return ERROR_UNSUPPORTED;
    default:
        return code;
    }
}

/* Behind the bracket that closes the one at `open`; NULL: none does. */
static const char *skip_brackets(const char *open)
{
    int depth = 0;
    for (const char *at = open; *at != '\0'; at++) {
        depth += *at == '(' ? 1 : *at == ')' ? -1 : 0;
        if (depth == 0)
            return at + 1;
    }
    return NULL;
}

/* "/path/model.cc:134 onnxruntime::Model::Model(const X&) Sentence": the sentence. */
static const char *skip_location(const char *text)
{
    const char *line = strstr(text, ".cc:");
    line = line ? line : strstr(text, ".h:");
    const char *open = text[0] == '/' && line ? strchr(line, '(') : NULL;
    const char *end = open ? skip_brackets(open) : NULL;
    if (end && str_starts_with(end, "::<lambda("))
        end = skip_brackets(strchr(end, '('));
    if (end && (end[0] == '>' || str_starts_with(end, " const ")))
        end += end[0] == '>' ? 1 : strlen(" const");
    return end && end[0] == ' ' && end[1] != '\0' ? end + 1 : text;
}

/* What the user can read of the engine's sentences. Where one error wraps another they begin with
 * "… [ONNXRuntimeError] : 1 : FAIL : ", then with "Load model from PATH failed:", which we say
 * ourselves, and with the place in its source. */
static const char *sentence_of(const char *text)
{
    static const char mark[] = "[ONNXRuntimeError] : ", load[] = "Load model from ";
    const char *last = text;
    for (const char *at = strstr(text, mark); at != NULL; at = strstr(at, mark)) {
        at += sizeof(mark) - 1;
        const char *code = strstr(at, " : ");
        const char *name = code ? strstr(code + 3, " : ") : NULL;
        if (name && name[3] != '\0')
            last = name + 3;
    }
    const char *failed = str_starts_with(last, load) ? strstr(last, " failed:") : NULL;
    if (failed && failed[8] != '\0')
        last = failed + 8;
    return skip_location(last);
}

int ort_check(const struct ort *ort, struct ort_status *status, int code, struct error *err,
              const char *what)
{
    if (status == NULL)
        return 0;
    char text[sizeof(((struct error *)NULL)->message)];
    str_copy(text, sizeof(text), sentence_of(ort_get_error_message(ort)(status)));
    str_make_printable(text);
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '.'))
        text[--length] = '\0';
    int rc = error_set(err, code_of(ort_get_error_code(ort)(status), code), "%s: %s", what, text);
    ort_release_status(ort)(status);
    return rc;
}

/* ---- is this file one that the loader could take ---- */

/* 0, or -errno; -ENOEXEC: no shared library. */
static int read_elf_header(int fd, ElfW(Ehdr) * header)
{
    ssize_t n = pread(fd, header, sizeof(*header), 0);
    if (n < 0)
        return -errno;
    return n == (ssize_t)sizeof(*header) && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0
               ? 0
               : -ENOEXEC;
}

static const char *machine_name(unsigned machine)
{
    static const struct {
        unsigned machine;
        const char *name;
    } names[] = {
        {EM_X86_64, "x86-64"}, {EM_AARCH64, "arm64"}, {EM_ARM, "arm"},
        {EM_386, "x86"},       {EM_RISCV, "riscv"},   {EM_PPC64, "ppc64"},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].machine == machine)
            return names[i].name;
    return "another machine";
}

static int check_machine(const ElfW(Ehdr) * theirs, struct error *err)
{
    ElfW(Ehdr) ours;
    CLEANUP_CLOSE int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read_elf_header(fd, &ours) != 0)
        return 0;
    if (ours.e_machine == theirs->e_machine && ours.e_ident[EI_CLASS] == theirs->e_ident[EI_CLASS])
        return 0;
    return error_set(err, ERROR_UNSUPPORTED, "for %s, this is %s", machine_name(theirs->e_machine),
                     machine_name(ours.e_machine));
}

/* The loader maps what the program headers promise, and is hit by SIGBUS where the file ends. */
static int check_whole(int fd, const ElfW(Ehdr) * header, off_t size, struct error *err)
{
    uint64_t need = 0;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        ElfW(Phdr) part;
        off_t at = (off_t)(header->e_phoff + (uint64_t)i * header->e_phentsize);
        if (pread(fd, &part, sizeof(part), at) != (ssize_t)sizeof(part))
            return error_set(err, ERROR_UNSUPPORTED, "cut off");
        if (part.p_type == PT_LOAD)
            need = u64_max(need, (uint64_t)part.p_offset + part.p_filesz);
    }
    if (need > (uint64_t)size)
        return error_set(err, ERROR_UNSUPPORTED, "cut off (%jd of at least %ju bytes)",
                         (intmax_t)size, (uintmax_t)need);
    return 0;
}

/* The loader says "No such file or directory" of a library for another processor, and little that a
 * user could use of other files: so the file is looked at first. */
static int check_file(const char *path, struct error *err)
{
    ElfW(Ehdr) header;
    struct stat status;
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        int sys_errno = errno;
        return sys_errno == ENOENT || sys_errno == ENOTDIR
                   ? error_set(err, ERROR_ABSENT, "no such file")
                   : error_set_errno(err, error_code_from_errno(sys_errno), sys_errno,
                                     "cannot be opened");
    }
    if (S_ISDIR(status.st_mode))
        return error_set(err, ERROR_UNSUPPORTED, "a folder");
    int rc = read_elf_header(fd, &header);
    if (rc == -ENOEXEC)
        return error_set(err, ERROR_UNSUPPORTED, "no shared library");
    if (rc < 0)
        return error_set_errno(err, error_code_from_errno(-rc), -rc, "cannot be read");
    rc = check_machine(&header, err);
    return rc == 0 ? check_whole(fd, &header, status.st_size, err) : rc;
}

/* ---- one library ---- */

/* "1.30.0", also "1.23.0-dev…": 30. -1: not a version 1. */
static int minor_of(const char *version)
{
    if (version == NULL || !str_starts_with(version, "1."))
        return -1;
    char *end;
    unsigned long minor = strtoul(version + 2, &end, 10);
    return end > version + 2 && minor < 10000 ? (int)minor : -1;
}

static int bind_api(struct ort *ort, char *ret_version, size_t size, struct error *err)
{
    const struct ort_api_base *(*get_base)(void) = NULL;
    const struct dl_symbol symbol = {
        .slot = (void **)&get_base, .names = {"OrtGetApiBase"}, .required = true};
    int rc = dl_bind(ort->handle, &symbol, 1, err);
    if (rc < 0)
        return error_set(err, ERROR_UNSUPPORTED, "not ONNX Runtime (no OrtGetApiBase in it)");
    const struct ort_api_base *base = get_base();
    const char *version = base ? base->get_version_string() : NULL;
    int minor = minor_of(version);
    if (minor < ORT_MINOR_OLDEST)
        return error_set(err, ERROR_UNSUPPORTED, "version %.20s, at least 1.%d is needed",
                         version ? version : "unknown", ORT_MINOR_OLDEST);
    ort->minor = (unsigned)minor;
    ort->api = base->get_api((uint32_t)u64_min((uint64_t)minor, ORT_MINOR_ASKED));
    if (ort->api == NULL)
        return error_set(err, ERROR_UNSUPPORTED, "version %.20s refuses its own interface",
                         version);
    str_copy(ret_version, size, version);
    str_make_printable(ret_version);
    return 0;
}

/* Where the loader found a library that was asked for by name only: the file mapped at one of its
 * addresses. Once, and of this process itself. */
static void find_path(const void *address, char *path, size_t size)
{
    FILE *file = fopen("/proc/self/maps", "re");
    if (file == NULL)
        return;
    char *line = NULL;
    size_t capacity = 0;
    unsigned long at = (unsigned long)(uintptr_t)address, begin, end;
    while (getline(&line, &capacity, file) > 0) {
        const char *name = strchr(line, '/');
        if (sscanf(line, "%lx-%lx", &begin, &end) == 2 && at >= begin && at < end && name) {
            str_copy(path, size, name);
            path[strcspn(path, "\n")] = '\0';
            break;
        }
    }
    free(line);
    fclose(file);
}

static int open_one(struct ort *ort, const char *path, struct onnx_info *info, struct error *err)
{
    const char *const names[] = {path, NULL};
    int rc = strchr(path, '/') ? check_file(path, err) : 0;
    if (rc == 0)
        rc = dl_open(names, &ort->handle, NULL, err);
    if (rc < 0)
        return rc;
    rc = bind_api(ort, info->version, sizeof(info->version), err);
    if (rc < 0) {
        dl_close(ort->handle);
        *ort = (struct ort){0};
        return rc;
    }
    str_copy(info->library, sizeof(info->library), path);
    if (strchr(path, '/') == NULL)
        find_path((const void *)ort->api[0], info->library, sizeof(info->library));
    return 0;
}

/* ---- all of them ---- */

/* The loader's sentence names the library once more; a name that it does not know needs none. */
static void append_why(struct strbuf *tried, const char *path, const struct error *why)
{
    bool is_unknown = strchr(path, '/') == NULL && strstr(why->message, "No such file") != NULL;
    strbuf_printf(tried, "%s%s: %s", tried->len > 0 ? "; " : "", path,
                  is_unknown ? "not found" : why->message);
}

static int open_first(struct ort *ort, const struct onnx_config *config, struct onnx_info *info,
                      struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf tried = {0};
    bool is_absent = true;
    for (uint32_t i = 0; i < config->library_count; i++) {
        struct error why = {0};
        const char *path = config->libraries[i];
        int rc = open_one(ort, path, info, &why);
        if (rc == 0)
            return 0;
        is_absent =
            is_absent && (strchr(path, '/') ? access(path, F_OK) != 0 : rc == -ERROR_ABSENT);
        append_why(&tried, path, &why);
    }
    error_set(err, is_absent ? ERROR_ABSENT : ERROR_UNSUPPORTED,
              "no ONNX Runtime that can be used: %s",
              tried.len > 0 ? strbuf_get(&tried) : "there was no place to look at");
    return error_hint(err,
                      "pip install onnxruntime, or set TACHO_ORT to its libonnxruntime.so "
                      "(1.%d or newer)",
                      ORT_MINOR_OLDEST);
}

static int list_providers(struct ort *ort, struct onnx_info *info, struct error *err)
{
    char **names;
    int count;
    int rc = ort_check(ort, ort_get_available_providers(ort)(&names, &count), ERROR_UNSUPPORTED,
                       err, "cannot list the engine's providers");
    if (rc < 0)
        return rc;
    info->provider_count = 0;
    for (int i = 0; i < count && i < ONNX_PROVIDERS_MAX; i++) {
        struct onnx_provider_report *report = &info->providers[info->provider_count++];
        *report = (struct onnx_provider_report){0};
        str_copy(report->name, sizeof(report->name), names[i]);
    }
    struct ort_status *status = ort_release_available_providers(ort)(names, count);
    return ort_check(ort, status, ERROR_UNSUPPORTED, err, "cannot list the engine's providers");
}

int ort_open(struct ort *ort, const struct onnx_config *config, struct onnx_info *info,
             struct error *err)
{
    *ort = (struct ort){0};
    int rc = open_first(ort, config, info, err);
    if (rc < 0)
        return rc;
    info->build[0] = '\0';
    if (ort_get_build_info_string(ort)) {
        str_copy(info->build, sizeof(info->build), ort_get_build_info_string(ort)());
        str_make_printable(info->build);
    }
    rc = ort_check(ort, ort_create_env(ort)(ORT_LOG_ERROR, "tacho", &ort->env), ERROR_UNSUPPORTED,
                   err, "the engine does not start");
    /* A measurement reports to nobody, and threads that send would be measured with the model. */
    if (rc == 0)
        rc = ort_check(ort, ort_disable_telemetry_events(ort)(ort->env), ERROR_UNSUPPORTED, err,
                       "the engine's telemetry cannot be switched off");
    if (rc == 0)
        rc = ort_check(ort, ort_get_allocator_with_default_options(ort)(&ort->allocator),
                       ERROR_UNSUPPORTED, err, "the engine does not start");
    return rc == 0 ? list_providers(ort, info, err) : rc;
}

void ort_close(struct ort *ort)
{
    if (ort->env)
        ort_release_env(ort)(ort->env);
    *ort = (struct ort){0};
}
