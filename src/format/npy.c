/* npy.c: see npy.h. The format: "\x93NUMPY", two bytes of version, the length of the header (2
 * bytes in 1.0, 4 after that, little-endian), the header, and the data. The header is a Python
 * literal with exactly these keys: {'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 8, 8),
 * }. */
#include "format/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "base/util.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_SIZE 6
#define HEADER_SIZE_MAX 65536 /* NumPy itself refuses more than 10,000 without being told to */
#define DATA_ALIGN 64         /* of the data within the file, as NumPy writes it */

/* ---- the header --------------------------------------------------------------------------- */

struct header {
    const char *at; /* the literal, NUL-terminated */
    bool has_type, has_order, has_shape;
};

static int bad(struct error *err, const char *path, const char *what)
{
    error_set(err, ERROR_INPUT, "not an array that can be used: %s", what);
    error_hint(err, "write it with numpy.save(FILE, numpy.ascontiguousarray(array))");
    error_at(err, path, 0, 0);
    return -ERROR_INPUT;
}

static void skip_space(struct header *header)
{
    header->at += strspn(header->at, " \t\n\r");
}

static bool take_char(struct header *header, char c)
{
    skip_space(header);
    if (*header->at != c)
        return false;
    header->at++;
    return true;
}

/* A quoted text without escapes, of at most size-1 bytes. */
static bool take_text(struct header *header, char *text, size_t size)
{
    skip_space(header);
    char quote = *header->at;
    if (quote != '\'' && quote != '"')
        return false;
    const char *start = header->at + 1;
    const char *end = strchr(start, quote);
    if (!end || (size_t)(end - start) >= size)
        return false;
    memcpy(text, start, (size_t)(end - start));
    text[end - start] = '\0';
    header->at = end + 1;
    return true;
}

static bool take_word(struct header *header, const char *word)
{
    skip_space(header);
    if (!str_starts_with(header->at, word))
        return false;
    header->at += strlen(word);
    return true;
}

/* '<f4': byte order, kind, bytes. Big-endian data are refused, and so are objects ('|O'), texts
 * ('<U5', '|S3'), times and lists of fields. */
static const char *take_type(struct header *header, struct npy *npy)
{
    char descr[16];
    if (take_char(header, '['))
        return "its elements are structures";
    if (!take_text(header, descr, sizeof(descr)) || strlen(descr) < 3)
        return "its type is not said";
    char kind = descr[1];
    const char *digits = descr + 2;
    if (kind == 'O')
        return "its elements are Python objects";
    if (!strchr("fiubc", kind))
        return "its elements are not numbers";
    if (strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 2)
        return "its type is not one of NumPy's";
    size_t bytes = strtoul(digits, NULL, 10);
    bool known = kind == 'b'   ? bytes == 1
                 : kind == 'c' ? bytes == 8 || bytes == 16
                 : kind == 'f' ? bytes == 2 || bytes == 4 || bytes == 8
                               : bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
    if (!known)
        return "its type is not one of NumPy's";
    if (descr[0] == '>' && bytes > 1)
        return "its bytes are big-endian";
    if (!strchr("<>|=", descr[0]))
        return "its byte order is not said";
    snprintf(npy->dtype, sizeof(npy->dtype), "%c%zu", kind, bytes);
    npy->element_bytes = bytes;
    return NULL;
}

/* "(1, 3, 8)", "(5,)", "()". Python 2 wrote long numbers with an L. */
static const char *take_shape(struct header *header, struct npy *npy)
{
    if (!take_char(header, '('))
        return "its shape is not said";
    npy->rank = 0;
    while (!take_char(header, ')')) {
        skip_space(header);
        size_t digits = strspn(header->at, "0123456789");
        if (digits == 0)
            return "its shape cannot be read";
        if (npy->rank == NPY_DIMS_MAX)
            return "it has more than 16 dimensions";
        errno = 0;
        long long dim = strtoll(header->at, NULL, 10);
        if (errno == ERANGE)
            return "a dimension is too large";
        header->at += digits;
        if (*header->at == 'L')
            header->at++;
        npy->dims[npy->rank++] = dim;
        if (!take_char(header, ',') && *header->at != ')')
            return "its shape cannot be read";
    }
    return NULL;
}

static const char *take_order(struct header *header)
{
    if (take_word(header, "True"))
        return "it is in Fortran order";
    return take_word(header, "False") ? NULL : "its order is not said";
}

/* Returns NULL or what is wrong. */
static const char *parse_header(struct header *header, struct npy *npy)
{
    if (!take_char(header, '{'))
        return "its header is not a dictionary";
    while (!take_char(header, '}')) {
        char key[32];
        const char *wrong = NULL;
        if (!take_text(header, key, sizeof(key)) || !take_char(header, ':'))
            return "its header cannot be read";
        if (strcmp(key, "descr") == 0 && !header->has_type) {
            header->has_type = true;
            wrong = take_type(header, npy);
        } else if (strcmp(key, "fortran_order") == 0 && !header->has_order) {
            header->has_order = true;
            wrong = take_order(header);
        } else if (strcmp(key, "shape") == 0 && !header->has_shape) {
            header->has_shape = true;
            wrong = take_shape(header, npy);
        } else {
            return "its header has a key that is unknown or there twice";
        }
        if (wrong)
            return wrong;
        if (!take_char(header, ',') && *header->at != '}')
            return "its header cannot be read";
    }
    skip_space(header);
    if (*header->at)
        return "its header goes on after its end";
    if (!header->has_type || !header->has_order || !header->has_shape)
        return "its header lacks descr, fortran_order or shape";
    return NULL;
}

/* Bytes of the data; false: more than an address space holds. */
static bool count_bytes(struct npy *npy)
{
    size_t bytes = npy->element_bytes;
    bool empty = false;
    for (uint32_t i = 0; i < npy->rank; i++)
        empty = empty || npy->dims[i] == 0;
    for (uint32_t i = 0; i < npy->rank && !empty; i++)
        if (__builtin_mul_overflow(bytes, (size_t)npy->dims[i], &bytes) || bytes > PTRDIFF_MAX)
            return false;
    npy->data_bytes = empty ? 0 : bytes;
    return true;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Exactly size bytes; false: the file ends before (errno 0) or cannot be read (errno). */
static bool read_exactly(int fd, void *data, size_t size)
{
    char *to = data;
    errno = 0;
    while (size > 0) {
        ssize_t got = read(fd, to, size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got == 0 ? 0 : errno;
            return false;
        }
        to += got;
        size -= (size_t)got;
    }
    return true;
}

static int failed(struct error *err, const char *path, const char *short_of)
{
    if (errno == 0)
        return bad(err, path, short_of);
    int sys_errno = errno;
    error_set_errno(err, error_code_from_errno(sys_errno), sys_errno, "cannot read");
    error_at(err, path, 0, 0);
    return -error_code_from_errno(sys_errno);
}

static int read_header(int fd, const char *path, struct npy *npy, struct error *err)
{
    uint8_t start[12];
    if (!read_exactly(fd, start, 10))
        return failed(err, path, "it is too short for an .npy file");
    if (memcmp(start, MAGIC, MAGIC_SIZE) != 0)
        return bad(err, path, "it does not begin as an .npy file does");
    unsigned major = start[6];
    if (major < 1 || major > 3)
        return bad(err, path, "its version of the format is not 1, 2 or 3");
    size_t size = start[8] | (size_t)start[9] << 8;
    if (major > 1) {
        if (!read_exactly(fd, start + 10, 2))
            return failed(err, path, "it is too short for an .npy file");
        size |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
    }
    if (size > HEADER_SIZE_MAX)
        return bad(err, path, "its header is longer than 64 KiB");
    CLEANUP_FREE char *text = calloc(1, size + 1);
    if (!text)
        return error_set(err, ERROR_NOMEM, "out of memory");
    if (!read_exactly(fd, text, size))
        return failed(err, path, "it ends within its header");
    struct header header = {.at = text};
    const char *wrong =
        strlen(text) != size ? "its header holds a NUL" : parse_header(&header, npy);
    if (!wrong && !count_bytes(npy))
        wrong = "it promises more elements than fit into memory";
    return wrong ? bad(err, path, wrong) : 0;
}

static int read_data(int fd, const char *path, struct npy *npy, struct error *err)
{
    /* Asked before memory is taken for it: a header can promise anything. */
    struct stat about;
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (at < 0 || fstat(fd, &about) < 0)
        return failed(err, path, "");
    if ((uintmax_t)about.st_size - (uintmax_t)u64_min((uint64_t)at, (uint64_t)about.st_size) <
        npy->data_bytes)
        return bad(err, path, "it holds fewer bytes than its header promises");
    npy->data = malloc(npy->data_bytes ? npy->data_bytes : 1);
    if (!npy->data)
        return error_set(err, ERROR_NOMEM, "out of memory for %zu bytes", npy->data_bytes);
    if (!read_exactly(fd, npy->data, npy->data_bytes))
        return failed(err, path, "it holds fewer bytes than its header promises");
    return 0;
}

int npy_read(const char *path, struct npy *ret_npy, struct error *err)
{
    /* Not blocking: a pipe without a writer would hold us for ever. */
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) < 0) {
        int sys_errno = errno;
        error_set_errno(err, error_code_from_errno(sys_errno), sys_errno, "cannot open");
        if (err)
            error_at(err, path, 0, 0);
        return -error_code_from_errno(sys_errno);
    }
    if (!S_ISREG(about.st_mode))
        return bad(err, path, "it is not a regular file");
    struct npy npy = {0};
    int rc = read_header(fd, path, &npy, err);
    if (rc == 0)
        rc = read_data(fd, path, &npy, err);
    if (rc < 0) {
        npy_deinit(&npy);
        return rc;
    }
    *ret_npy = npy;
    return 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void append_header(struct strbuf *out, const struct npy *npy)
{
    struct strbuf text = {0};
    strbuf_printf(&text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                  npy->element_bytes == 1 ? '|' : '<', npy->dtype);
    for (uint32_t i = 0; i < npy->rank; i++)
        strbuf_printf(&text, "%s%" PRId64, i ? ", " : "", npy->dims[i]);
    strbuf_append(&text, npy->rank == 1 ? ",), }" : "), }");
    /* Spaces and a newline fill up to where the data are aligned. */
    size_t used = MAGIC_SIZE + 4 + text.len + 1;
    strbuf_repeat(&text, ' ', (DATA_ALIGN - used % DATA_ALIGN) % DATA_ALIGN);
    strbuf_putc(&text, '\n');
    const char length[2] = {(char)(text.len & 0xff), (char)(text.len >> 8)};
    strbuf_append_n(out, MAGIC "\x01\x00", MAGIC_SIZE + 2);
    strbuf_append_n(out, length, 2);
    strbuf_append_n(out, strbuf_get(&text), text.len);
    out->failed = out->failed || text.failed;
    strbuf_deinit(&text);
}

int npy_write(const char *path, const struct npy *npy, struct error *err)
{
    struct npy counted = *npy;
    if (npy->rank > NPY_DIMS_MAX || !count_bytes(&counted) ||
        counted.data_bytes != npy->data_bytes || strlen(npy->dtype) < 2)
        return error_set(err, ERROR_INTERNAL, "an array whose size is not that of its shape");
    struct strbuf out = {0};
    append_header(&out, npy);
    if (npy->data_bytes)
        strbuf_append_n(&out, npy->data, npy->data_bytes);
    int rc = out.failed ? error_set(err, ERROR_NOMEM, "out of memory")
                        : file_write_atomic(path, out.data, out.len, err);
    strbuf_deinit(&out);
    return rc;
}

void npy_deinit(struct npy *npy)
{
    free(npy->data);
    *npy = (struct npy){0};
}
