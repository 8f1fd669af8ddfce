/* npy.h: arrays in NumPy's file format (NPY 1.0 to 3.0), read and written.
 *
 * What: dtype, shape, and the data as they are (little-endian, C order; Fortran order is refused).
 * Memory: the caller frees `data`. Errors: -ERROR_INPUT with what is wrong; a header that promises
 * more than the file holds, object arrays and structured types are refused.
 */
#ifndef TACHO_FORMAT_NPY_H
#define TACHO_FORMAT_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define NPY_DIMS_MAX 16

struct npy {
    char dtype[8]; /* "f4", "f2", "i8", "u1", "b1": NumPy's, without byte order */
    uint32_t rank;
    int64_t dims[NPY_DIMS_MAX];
    size_t element_bytes;
    size_t data_bytes;
    void *data;
};

int npy_read(const char *path, struct npy *ret_npy, struct error *err);
int npy_write(const char *path, const struct npy *npy, struct error *err); /* whole or not at all */
void npy_deinit(struct npy *npy);

#endif
