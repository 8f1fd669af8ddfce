/* output.c: what trtexec said. Its lines begin with "[12/31/2026-12:00:00] [I] ". */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "workload/trtexec/internal.h"

/* The beginning has the version, the end the summary or the error; in between stand lines of every
 * ten inferences. */
#define TEXT_END_BYTES 65536

int trtexec_output_open(const char *path, int *ret_fd, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_errno(err, error_code_from_errno(errno), errno, "cannot write %s", path);
    *ret_fd = fd;
    return 0;
}

/* As much of [offset, offset + size) as there is. */
static size_t read_part(int fd, char *data, size_t size, off_t offset)
{
    size_t used = 0;
    while (used < size) {
        ssize_t n = pread(fd, data + used, size - used, offset + (off_t)used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    return used;
}

int trtexec_text_read(const char *path, char **ret_text, size_t *ret_size, struct error *err)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return error_set_errno(err, error_code_from_errno(errno), errno, "cannot read %s", path);
    char *text = malloc(2 * TEXT_END_BYTES + 1);
    if (text == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for what trtexec said");
    size_t size = read_part(fd, text, TEXT_END_BYTES, 0);
    if (status.st_size > TEXT_END_BYTES) {
        off_t rest = status.st_size - TEXT_END_BYTES;
        off_t skipped = rest > TEXT_END_BYTES ? rest - TEXT_END_BYTES : 0;
        size += read_part(fd, text + size, TEXT_END_BYTES, TEXT_END_BYTES + skipped);
    }
    for (size_t i = 0; i < size; i++)
        if (text[i] == '\0')
            text[i] = ' '; /* or what follows would be lost */
    text[size] = '\0';
    *ret_text = text;
    *ret_size = size;
    return 0;
}

/* Copies the line that `at` stands in, from `at` on, fit to be shown. */
static void copy_line(const char *at, char *line, size_t size)
{
    size_t length = strcspn(at, "\r\n");
    length = u64_min(length, size - 1);
    memmove(line, at, length);
    line[length] = '\0';
    str_make_printable(line);
}

bool trtexec_text_line(const char *text, const char *word, char *line, size_t size)
{
    const char *at = strstr(text, word);
    if (at != NULL)
        copy_line(at, line, size);
    return at != NULL;
}

/* Behind "[12/31/2026-12:00:00] ". */
static const char *skip_stamp(const char *line)
{
    if (line[0] != '[' || line[1] < '0' || line[1] > '9')
        return line;
    const char *end = strchr(line, ']');
    return end != NULL && end < line + 32 ? end + 1 + (end[1] == ' ') : line;
}

/* TensorRT says an error where it happened and again, less and less precisely, on the way out: the
 * first one is the best. Without any, the last line that is no frame ("&&&& FAILED …"). */
void trtexec_text_reason(const char *text, char *line, size_t size)
{
    const char *best = NULL;
    line[0] = '\0';
    for (const char *at = text; *at != '\0';) {
        size_t length = strcspn(at, "\n");
        const char *said = skip_stamp(at);
        if (str_starts_with(said, "[E]")) {
            copy_line(said, line, size);
            return;
        }
        bool is_blank = strspn(at, " \t\r") >= length;
        if (!is_blank && !str_starts_with(said, "&&&&"))
            best = said;
        at += length + (at[length] != '\0');
    }
    if (best != NULL)
        copy_line(best, line, size);
}
