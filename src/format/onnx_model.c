/* onnx_model.c: see onnx_model.h: the file, and the outermost message; onnx_model_graph.c reads
 * what is in it. The field numbers are those of onnx.proto3 (ONNX 1.16); a field that is not named
 * is stepped over. */
#include "format/onnx_model.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "base/str.h"
#include "base/util.h"
#include "format/onnx_model_internal.h"

#define SHA_CHUNK_BYTES 65536

/* ---- element types ------------------------------------------------------------------------ */

/* TensorProto.DataType */
static const struct {
    const char *name;
    uint16_t bits; /* 0: of no fixed size */
} element_types[] = {
    {"unknown", 0},        {"float32", 32},     {"uint8", 8},          {"int8", 8},
    {"uint16", 16},        {"int16", 16},       {"int32", 32},         {"int64", 64},
    {"string", 0},         {"bool", 8},         {"float16", 16},       {"float64", 64},
    {"uint32", 32},        {"uint64", 64},      {"complex64", 64},     {"complex128", 128},
    {"bfloat16", 16},      {"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8},
    {"float8e5m2fnuz", 8}, {"uint4", 4},        {"int4", 4},           {"float4e2m1", 4},
    {"float8e8m0", 8},     {"uint2", 2},        {"int2", 2},
};

unsigned onnx_type_bits(int32_t type)
{
    return type >= 0 && (size_t)type < ARRAY_LEN(element_types) ? element_types[type].bits : 0;
}

const char *onnx_type_name(int32_t type)
{
    return element_types[type >= 0 && (size_t)type < ARRAY_LEN(element_types) ? type : 0].name;
}

size_t onnx_type_bytes(int32_t type)
{
    return onnx_type_bits(type) / 8;
}

/* ---- the model ---------------------------------------------------------------------------- */

/* OperatorSetIdProto: domain 1, version 2. */
static int read_opset(struct onnx_reader *reader, const struct protobuf_field *message)
{
    struct protobuf_field field;
    uint64_t at = message->at;
    char domain[128] = "";
    int64_t version = 0;
    if (onnx_want(reader, message, PROTOBUF_LEN) < 0)
        return reader->in.rc;
    while (protobuf_next(&reader->in, &at, message->end, &field) > 0) {
        if (field.number == 1)
            onnx_take_short(reader, &field, domain, sizeof(domain));
        else if (field.number == 2)
            onnx_take_int(reader, &field, &version);
    }
    reader->has_opset = true;
    if (!domain[0] || strcmp(domain, "ai.onnx") == 0)
        reader->model->opset = version;
    return reader->in.rc;
}

/* ModelProto: ir_version 1, producer_name 2, producer_version 3, graph 7, opset_import 8. */
static int read_model(struct onnx_reader *reader)
{
    struct onnx_model *model = reader->model;
    struct protobuf_field field;
    uint64_t at = 0;
    while (protobuf_next(&reader->in, &at, reader->in.size, &field) > 0) {
        switch (field.number) {
        case 1:
            onnx_take_int(reader, &field, &model->ir_version);
            break;
        case 2:
            onnx_take_text(reader, &field, &model->producer_name);
            break;
        case 3:
            onnx_take_text(reader, &field, &model->producer_version);
            break;
        case 7:
            reader->has_graph = true;
            onnx_read_graph(reader, &field, 0);
            break;
        case 8:
            read_opset(reader, &field);
            break;
        }
    }
    return reader->in.rc;
}

/* Something that a reader of protocol buffers takes without complaint is not yet a model. Operator
 * sets come last in what everybody writes, and have been required since IR version 3. */
static int check_model(struct onnx_reader *reader)
{
    const struct onnx_model *model = reader->model;
    struct error *err = reader->in.err;
    if (reader->in.rc < 0)
        return reader->in.rc;
    if (!reader->has_graph || model->ir_version <= 0)
        reader->in.rc = error_set(err, ERROR_INPUT, "not an ONNX model: it has no %s",
                                  reader->has_graph ? "IR version" : "graph");
    else if (!reader->has_opset && model->ir_version >= 3)
        reader->in.rc = error_set(err, ERROR_INPUT,
                                  "cut off: it has %" PRIu64 " bytes and says no operator set",
                                  reader->in.size);
    else
        return 0;
    reader->in.cut = reader->has_graph && model->ir_version > 0;
    return reader->in.rc;
}

static void reader_deinit(struct onnx_reader *reader)
{
    protobuf_close(&reader->in);
    free(reader->initializers.hashes);
    free(reader->quantised.hashes);
    free(reader->weights);
    free(reader->inputs.items);
    free(reader->outputs.items);
    free(reader->ops);
    free(reader);
}

static void reader_cleanup(struct onnx_reader **reader)
{
    if (*reader)
        reader_deinit(*reader);
}

/* What the file looks like instead, before the sentence about what is wrong with it. */
static void explain(struct onnx_reader *reader, const char *path)
{
    struct error *err = reader->in.err;
    uint8_t head[64] = {0};
    size_t size = (size_t)u64_min(sizeof(head), reader->in.size);
    int rc = reader->in.rc;
    if (rc == -ERROR_INPUT && err) {
        reader->in.rc = 0;
        bool known = protobuf_copy(&reader->in, 0, size, head) == 0;
        const char *kind = known ? onnx_recognise(head, size) : NULL;
        bool is_start = reader->model->ir_version > 0; /* of a model; nothing else begins so */
        bool cut = reader->in.cut;
        reader->in.rc = rc;
        if (reader->in.size == 0)
            error_set(err, ERROR_INPUT, "the file is empty");
        else if (kind || !(is_start || reader->has_graph))
            error_set(err, ERROR_INPUT, "not an ONNX model");
        if (reader->in.size == 0 || (cut && !kind && (is_start || reader->has_graph)))
            error_hint(err, "copy or download it again, and compare the sizes");
        else
            error_hint(err,
                       kind ? "it looks like %s; tacho measures .onnx files"
                            : "export the model as .onnx%s",
                       kind ? kind : "");
    }
    error_at(err, path, 0, 0);
}

static int read_all(struct onnx_reader *reader, const char *path, struct onnx_model *ret_model)
{
    reader->model->producer_name = reader->model->producer_version = reader->model->graph_name = "";
    reader->model->file_bytes = reader->in.size;
    read_model(reader);
    if (check_model(reader) < 0 || onnx_model_assemble(reader) < 0) {
        explain(reader, path);
        arena_deinit(&reader->model->arena);
        return reader->in.rc;
    }
    *ret_model = *reader->model;
    return 0;
}

int onnx_model_read_bytes(const void *bytes, size_t size, const char *path,
                          struct onnx_model *ret_model, struct error *err)
{
    CLEANUP(reader_cleanup) struct onnx_reader *reader = calloc(1, sizeof(*reader));
    struct onnx_model model = {0};
    if (!reader)
        return error_set(err, ERROR_NOMEM, "out of memory");
    reader->model = &model;
    protobuf_open_memory(&reader->in, bytes, size, err);
    return read_all(reader, path, ret_model);
}

static int io_failed(struct error *err, int sys_errno, const char *path, const char *what)
{
    int code = error_code_from_errno(sys_errno);
    error_set_errno(err, code, sys_errno, "cannot %s", what);
    error_at(err, path, 0, 0);
    return -code;
}

static int hash_file(int fd, const char *path, char hex[SHA256_HEX_SIZE], struct error *err)
{
    CLEANUP_FREE uint8_t *chunk = malloc(SHA_CHUNK_BYTES);
    struct sha256 sha;
    off_t at = 0;
    ssize_t got;
    if (!chunk)
        return error_set(err, ERROR_NOMEM, "out of memory");
    sha256_init(&sha);
    while ((got = pread(fd, chunk, SHA_CHUNK_BYTES, at)) != 0) {
        if (got < 0 && errno != EINTR)
            return io_failed(err, errno, path, "read");
        if (got > 0) {
            sha256_update(&sha, chunk, (size_t)got);
            at += got;
        }
    }
    sha256_finish_hex(&sha, hex);
    return 0;
}

int onnx_model_read(const char *path, struct onnx_model *ret_model, struct error *err)
{
    /* Not blocking: a pipe without a writer would hold us for ever. */
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) < 0)
        return io_failed(err, errno, path, "open");
    if (!S_ISREG(about.st_mode)) {
        error_set(err, ERROR_INPUT, "not an ONNX model: %s",
                  S_ISDIR(about.st_mode) ? "it is a folder" : "it is not a regular file");
        error_at(err, path, 0, 0);
        return -ERROR_INPUT;
    }
    CLEANUP(reader_cleanup) struct onnx_reader *reader = calloc(1, sizeof(*reader));
    struct onnx_model model = {0};
    if (!reader)
        return error_set(err, ERROR_NOMEM, "out of memory");
    reader->model = &model;
    int rc = protobuf_open_fd(&reader->in, fd, (uint64_t)about.st_size, err);
    if (rc == 0)
        rc = read_all(reader, path, &model);
    if (rc == 0)
        rc = hash_file(fd, path, model.sha256, err);
    if (rc < 0) {
        arena_deinit(&model.arena);
        return rc;
    }
    *ret_model = model;
    return 0;
}

void onnx_model_deinit(struct onnx_model *model)
{
    arena_deinit(&model->arena);
    *model = (struct onnx_model){0};
}
