/* clean.c: what processes that ended long ago have left in shared memory is removed, so that it
 * cannot fill up. Nobody else's, nothing alive, and nothing that somebody may still want to read:
 * it stays for ten minutes after its process was first seen to be dead. */
#include "probe/probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL
#define KEEP_NS (600 * NS_PER_S)
/* Bounds the time it takes in a directory full of other things. */
#define LOOK_MAX 4096
#define OPEN_MAX 64

/* Reads '.' and a number; false: they are not there. */
static bool number_take(const char **text, uint64_t *ret_value)
{
    char *end;
    if ((*text)[0] != '.' || (*text)[1] < '0' || (*text)[1] > '9')
        return false;
    *ret_value = strtoull(*text + 1, &end, 10);
    *text = end;
    return true;
}

/* tacho.UID.PID.START or tacho.UID.PID.START.N of this user and another process. Our own may not
 * even be opened: to close it would drop the lock on it. */
static bool is_candidate(const char *name)
{
    static const char prefix[] = "tacho";
    uint64_t uid, pid, start, copy;
    if (strncmp(name, prefix, strlen(prefix)) != 0)
        return false;
    name += strlen(prefix);
    if (!number_take(&name, &uid) || !number_take(&name, &pid) || !number_take(&name, &start))
        return false;
    if (*name && !number_take(&name, &copy))
        return false;
    return !*name && uid == geteuid() && pid != (uint64_t)getpid();
}

static int64_t ns_of(struct timespec time)
{
    return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

/* Whether the time of the file's last change is still that of its creation. Writing through a
 * mapping does not move it (tmpfs), so it tells nothing about when the process ended. */
static bool is_untouched(int fd, int64_t changed_ns)
{
    struct tacho_segment_header header;
    if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
        memcmp(header.magic, TACHO_SEGMENT_MAGIC, sizeof(header.magic)) != 0)
        return false;
    int64_t since_ns = changed_ns - (int64_t)header.created_real_ns;
    return since_ns > -NS_PER_S && since_ns < NS_PER_S;
}

static bool is_dead(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

/* Whoever first sees a dead segment stamps it with the time; who sees it later than KEEP_NS after
 * that removes it. */
static void clean_one(int directory_fd, const char *name, int64_t now_ns)
{
    /* O_NONBLOCK: a FIFO of that name must not stop the program. */
    int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
        now_ns - ns_of(status.st_mtim) > KEEP_NS && is_dead(fd)) {
        if (is_untouched(fd, ns_of(status.st_mtim)))
            futimens(fd, NULL);
        else
            unlinkat(directory_fd, name, 0);
    }
    close(fd);
}

void probe_clean(const char *directory)
{
    struct timespec now;
    DIR *dir = opendir(directory);
    if (!dir)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    const struct dirent *entry;
    for (int looked = 0, opened = 0; looked < LOOK_MAX && opened < OPEN_MAX; looked++) {
        if (!(entry = readdir(dir)))
            break;
        if (!is_candidate(entry->d_name))
            continue;
        opened++;
        clean_one(dirfd(dir), entry->d_name, ns_of(now));
    }
    closedir(dir);
}
