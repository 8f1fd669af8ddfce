/* fuzz_npy.c: any bytes as an .npy file: refused with a text, or an array that reads back the same
 * after it was written. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static const char *file_of(int which, const void *data, size_t size)
{
    static int fds[2] = {-1, -1};
    static char paths[2][64];
    if (fds[which] < 0) {
        fds[which] = memfd_create("fuzz.npy", MFD_CLOEXEC);
        snprintf(paths[which], sizeof(paths[which]), "/proc/self/fd/%d", fds[which]);
    }
    require(fds[which] >= 0 && ftruncate(fds[which], 0) == 0);
    require(pwrite(fds[which], data, size, 0) == (ssize_t)size);
    require(lseek(fds[which], 0, SEEK_SET) == 0);
    return paths[which];
}

static void write_and_read_again(const struct npy *npy)
{
    struct npy again;
    const char *path = file_of(1, "", 0);
    require(npy_write(path, npy, NULL) == 0);
    require(npy_read(path, &again, NULL) == 0);
    require(strcmp(again.dtype, npy->dtype) == 0 && again.rank == npy->rank);
    require(memcmp(again.dims, npy->dims, npy->rank * sizeof(npy->dims[0])) == 0);
    require(again.data_bytes == npy->data_bytes);
    require(memcmp(again.data, npy->data, npy->data_bytes) == 0);
    npy_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct npy npy;
    struct error err = {0};
    int rc = npy_read(file_of(0, data, size), &npy, &err);
    require(rc == 0 || (rc == -ERROR_INPUT && err.message[0] && err.hint[0]));
    if (rc == 0) {
        require(npy.data_bytes <= size);
        write_and_read_again(&npy);
        npy_deinit(&npy);
    }
    return 0;
}
