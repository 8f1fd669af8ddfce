/* store_writer.c: the process that records a run, named so that a later one can tell whether it
 * still lives. */
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/procfs.h"
#include "store/store_internal.h"

/* The running machine's own /proc, also when TACHO_ROOT points at a recorded tree. */
static bool read_boot_id(const struct root *root, char boot_id[40])
{
    boot_id[0] = '\0';
    return root_read_line(root, "proc/sys/kernel/random/boot_id", boot_id, 40, NULL) > 0;
}

void store_writer_self(struct store_writer *ret_writer)
{
    struct store_writer writer = {.pid = getpid()};
    struct root root;
    if (root_open(&root, "/", NULL) == 0) {
        struct proc_stat stat;
        read_boot_id(&root, writer.boot_id);
        if (procfs_read_stat(&root, getpid(), &stat, NULL) == 0)
            writer.start_ticks = (int64_t)stat.start_ticks;
        root_close(&root);
    }
    *ret_writer = writer;
}

bool store_writer_gone(const struct store_writer *writer)
{
    struct root root;
    if (writer->pid <= 0)
        return true;
    if (root_open(&root, "/", NULL) < 0)
        return false; /* nothing can be told: believe the row */
    char boot_id[40];
    bool gone = false;
    if (read_boot_id(&root, boot_id) && strcmp(boot_id, writer->boot_id) != 0) {
        gone = true;
    } else {
        struct proc_stat stat;
        int rc = procfs_read_stat(&root, (pid_t)writer->pid, &stat, NULL);
        if (rc == 0)
            gone = (int64_t)stat.start_ticks != writer->start_ticks || stat.state == 'Z' ||
                   stat.state == 'X';
        else
            gone = rc == -ERROR_ABSENT;
    }
    root_close(&root);
    return gone;
}
