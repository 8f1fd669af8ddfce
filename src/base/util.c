/* util.c: see util.h. */
#include "base/util.h"

#include <string.h>

#define FIRST_CAPACITY 8

int array_reserve(void *data, size_t *capacity, size_t need, size_t element_size)
{
    if (need <= *capacity)
        return 0;
    size_t wanted = *capacity > SIZE_MAX / 2 ? need : *capacity * 2;
    if (wanted < need)
        wanted = need;
    if (wanted < FIRST_CAPACITY)
        wanted = FIRST_CAPACITY;
    size_t bytes;
    if (__builtin_mul_overflow(wanted, element_size, &bytes) || bytes > PTRDIFF_MAX)
        return -1;

    /* data is the address of a pointer of any type: copied, not cast, to keep to the aliasing
     * rules.
     */
    void *array;
    memcpy(&array, data, sizeof(array));
    array = realloc(array, bytes);
    if (!array)
        return -1;
    memcpy(data, &array, sizeof(array));
    *capacity = wanted;
    return 0;
}
