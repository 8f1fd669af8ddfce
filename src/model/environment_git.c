/* environment_git.c: the commit of a working directory, read from the repository's files.
 *
 * Forking git(1) would cost milliseconds, need it installed, and run with the user's hooks and
 * settings; the layout is documented (gitrepository-layout(5)) and this is all that is needed.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "base/util.h"
#include "model/environment.h"

#define REFERENCE_DEPTH 5 /* of symbolic references: git's own limit */

/* Reads the first line of a file into buf, without its newline. */
static int read_first_line(const char *path, char *buf, size_t size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return -error_code_from_errno(errno);
    bool ok = fgets(buf, (int)size, file) != NULL;
    fclose(file);
    if (!ok)
        return -ERROR_IO;
    size_t length = strcspn(buf, "\r\n");
    if (length == size - 1)
        return -ERROR_IO; /* cut: no reference is that long */
    buf[length] = '\0';
    return 0;
}

static bool is_hex_id(const char *text)
{
    size_t length = strspn(text, "0123456789abcdef");
    return text[length] == '\0' && (length == 40 || length == 64);
}

/* Joins unless path is absolute already. */
static bool join(char *dst, size_t size, const char *base, const char *tail)
{
    int length =
        tail[0] == '/' ? snprintf(dst, size, "%s", tail) : snprintf(dst, size, "%s/%s", base, tail);
    return length >= 0 && (size_t)length < size;
}

/* What directory/.git stands for: itself, or where its "gitdir: " line points (worktrees and
 * submodules). -ERROR_ABSENT: there is none here. */
static int git_directory_at(const char *directory, char *ret_path, size_t size)
{
    char dot_git[PATH_MAX], line[PATH_MAX] = "";
    struct stat info;
    if (!join(dot_git, sizeof(dot_git), directory, ".git") || stat(dot_git, &info) < 0)
        return -ERROR_ABSENT;
    if (S_ISDIR(info.st_mode))
        return str_copy(ret_path, size, dot_git) ? 0 : -ERROR_IO;
    int rc = read_first_line(dot_git, line, sizeof(line));
    if (rc < 0)
        return rc;
    if (!str_starts_with(line, "gitdir: "))
        return -ERROR_ABSENT;
    return join(ret_path, size, directory, line + strlen("gitdir: ")) ? 0 : -ERROR_IO;
}

static int find_git_directory(const char *start, char *ret_path, size_t size)
{
    char directory[PATH_MAX];
    if (!str_copy(directory, sizeof(directory), start))
        return -ERROR_IO;
    for (;;) {
        int rc = git_directory_at(directory[0] ? directory : "/", ret_path, size);
        if (rc != -ERROR_ABSENT)
            return rc;
        char *slash = strrchr(directory, '/');
        if (!slash || !directory[0])
            return -ERROR_ABSENT;
        *slash = '\0';
    }
}

/* Where refs and packed-refs are: a worktree shares them with the main repository. */
static int common_directory(const char *git_directory, char *ret_path, size_t size)
{
    char file[PATH_MAX], line[PATH_MAX] = "";
    if (!join(file, sizeof(file), git_directory, "commondir"))
        return -ERROR_IO;
    int rc = read_first_line(file, line, sizeof(line));
    if (rc == -ERROR_ABSENT)
        return str_copy(ret_path, size, git_directory) ? 0 : -ERROR_IO;
    if (rc < 0)
        return rc;
    return join(ret_path, size, git_directory, line) ? 0 : -ERROR_IO;
}

/* "HEX refs/heads/main" lines; "^HEX" lines belong to the tag above. */
static int find_packed(const char *common, const char *reference, char *ret_hex, size_t size)
{
    char path[PATH_MAX];
    if (!join(path, sizeof(path), common, "packed-refs"))
        return -ERROR_IO;
    FILE *file = fopen(path, "re");
    if (!file)
        return -error_code_from_errno(errno);
    char *line = NULL;
    size_t capacity = 0;
    int rc = -ERROR_ABSENT;
    while (rc == -ERROR_ABSENT && getline(&line, &capacity, file) >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        char *blank = strchr(line, ' ');
        if (!blank || strcmp(blank + 1, reference) != 0)
            continue;
        *blank = '\0';
        rc = is_hex_id(line) && str_copy(ret_hex, size, line) ? 0 : -ERROR_IO;
    }
    free(line);
    fclose(file);
    return rc;
}

/* A reference must stay inside the repository, whatever a broken HEAD says. */
static bool is_safe_reference(const char *reference)
{
    return str_starts_with(reference, "refs/") && !strstr(reference, "..");
}

/* Reads one reference: its line (a hex id, or "ref: " to another) into value. */
static int read_reference(const char *git_directory, const char *common, const char *reference,
                          char *value, size_t size)
{
    char path[PATH_MAX];
    if (!is_safe_reference(reference))
        return -ERROR_IO;
    /* Per-worktree references first (refs/bisect), then the shared ones. */
    int rc = join(path, sizeof(path), git_directory, reference) ? read_first_line(path, value, size)
                                                                : -ERROR_IO;
    if (rc == -ERROR_ABSENT && join(path, sizeof(path), common, reference))
        rc = read_first_line(path, value, size);
    if (rc == -ERROR_ABSENT)
        rc = find_packed(common, reference, value, size);
    return rc;
}

int environment_git_commit(const char *directory, char *ret_hex, size_t size, struct error *err)
{
    char git_directory[PATH_MAX] = "", common[PATH_MAX] = "", path[PATH_MAX], value[1024] = "";
    int rc = find_git_directory(directory, git_directory, sizeof(git_directory));
    if (rc < 0)
        return error_set(err, -rc, "no git repository around %s", directory);
    rc = common_directory(git_directory, common, sizeof(common));
    if (rc == 0 && !join(path, sizeof(path), git_directory, "HEAD"))
        rc = -ERROR_IO;
    if (rc == 0)
        rc = read_first_line(path, value, sizeof(value));
    for (int depth = 0; rc == 0 && str_starts_with(value, "ref: "); depth++) {
        char reference[sizeof(value)];
        str_copy(reference, sizeof(reference), value + strlen("ref: "));
        if (strcmp(reference, "refs/heads/.invalid") == 0)
            return error_set(err, ERROR_UNSUPPORTED, "%s keeps its refs in reftables",
                             git_directory);
        if (depth == REFERENCE_DEPTH)
            return error_set(err, ERROR_IO, "%s: symbolic references go round in a circle",
                             git_directory);
        rc = read_reference(git_directory, common, reference, value, sizeof(value));
    }
    if (rc == -ERROR_ABSENT)
        return error_set(err, ERROR_ABSENT, "%s has no commit yet", git_directory);
    if (rc < 0 || !is_hex_id(value))
        return error_set(err, rc < 0 ? -rc : ERROR_IO, "%s: HEAD cannot be read", git_directory);
    if (!str_copy(ret_hex, size, value))
        return error_set(err, ERROR_INTERNAL, "the buffer for a commit is too small");
    return 0;
}
