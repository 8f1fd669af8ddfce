/* fuzz_procfs.c: any text as /proc/PID/stat and /proc/PID/io. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/procfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    if (!text)
        return 0;
    struct proc_stat stat;
    struct proc_io io;
    struct error err = {0};
    if (procfs_parse_stat(text, &stat, &err) == 0 &&
        (strlen(stat.comm) >= sizeof(stat.comm) || !strchr(text, '(')))
        abort();
    if (procfs_parse_io(text, &io, &err) == 0 && !strstr(text, "wchar:"))
        abort();
    free(text);
    return 0;
}
