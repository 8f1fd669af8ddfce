/* program_find.c: which file a command's name stands for, and which name was meant. */
#include "workload/program_find.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/util.h"

#define NAMES_MAX 16384 /* programs looked at for the nearest name */

/* Calls fn for each directory of PATH until it returns non-zero. */
static int each_directory(int (*fn)(const char *directory, void *context), void *context)
{
    const char *at = getenv("PATH");
    if (at == NULL)
        at = "/bin:/usr/bin";
    for (;; at++) {
        char directory[PATH_MAX];
        size_t length = strcspn(at, ":");
        if (length < sizeof(directory)) {
            memcpy(directory, at, length);
            directory[length] = '\0';
            int rc = fn(length > 0 ? directory : ".", context);
            if (rc != 0)
                return rc;
        }
        at += length;
        if (*at == '\0')
            return 0;
    }
}

struct search {
    const char *name;
    char *path;
    size_t size;
    int result; /* errno so far */
};

static int check_file(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return errno;
    if (!S_ISREG(status.st_mode) || access(path, X_OK) != 0)
        return EACCES;
    return 0;
}

static int search_directory(const char *directory, void *context)
{
    struct search *search = context;
    char path[PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s/%s", directory, search->name);
    if (length < 0 || (size_t)length >= sizeof(path))
        return 0;
    int rc = check_file(path);
    /* A directory that may not be searched holds nothing for us. */
    bool refused = rc == EACCES && search->result != EACCES && access(path, F_OK) == 0;
    if (rc == 0 || refused) {
        snprintf(search->path, search->size, "%s", path);
        search->result = rc;
    }
    return rc == 0;
}

int program_find(const char *name, char *path, size_t size)
{
    if (strchr(name, '/') != NULL) {
        snprintf(path, size, "%s", name);
        return check_file(name);
    }
    struct search search = {.name = name, .path = path, .size = size, .result = ENOENT};
    path[0] = '\0';
    if (name[0] != '\0')
        each_directory(search_directory, &search);
    return search.result;
}

int program_find_trtexec(char *path, size_t size)
{
    static const char *const places[] = {"/usr/src/tensorrt/bin/trtexec",
                                         "/opt/tensorrt/bin/trtexec"};
    int result = program_find("trtexec", path, size);
    for (size_t i = 0; result != 0 && i < ARRAY_LEN(places); i++)
        if (program_find(places[i], path, size) == 0)
            result = 0;
    return result;
}

struct names {
    struct arena arena;
    size_t length; /* of the misspelt name */
    size_t count;
    const char **items;
};

static int collect_directory(const char *directory, void *context)
{
    struct names *names = context;
    DIR *dir = opendir(directory);
    if (dir == NULL)
        return 0;
    struct dirent *entry;
    while (names->count < NAMES_MAX && (entry = readdir(dir)) != NULL) {
        size_t length = strlen(entry->d_name);
        size_t difference =
            length > names->length ? length - names->length : names->length - length;
        if (difference > 2)
            continue;
        const char *name = arena_strdup(&names->arena, entry->d_name);
        if (name == NULL)
            break;
        names->items[names->count++] = name;
    }
    closedir(dir);
    return 0;
}

bool program_nearest(const char *name, char *nearest, size_t size)
{
    CLEANUP_FREE const char **items = malloc(NAMES_MAX * sizeof(*items));
    struct names names = {.length = strlen(name), .items = items};
    if (items == NULL)
        return false;
    each_directory(collect_directory, &names);
    char path[PATH_MAX];
    int found = str_nearest(name, names.items, names.count);
    bool usable = found >= 0 && program_find(names.items[found], path, sizeof(path)) == 0;
    if (usable)
        snprintf(nearest, size, "%s", names.items[found]);
    arena_deinit(&names.arena);
    return usable;
}

bool program_own_directory(char *directory, size_t size)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (length <= 0)
        return false;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return false;
    *(slash > path ? slash : slash + 1) = '\0';
    return str_copy(directory, size, path);
}
