/* sensor.c: see sensor.h. */
#include "collect/sensor.h"

#include <ctype.h>
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"

int sensor_parse_i64(const char *text, int64_t *ret_value)
{
    while (isspace((unsigned char)*text))
        text++;
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    if (!isdigit((unsigned char)*text))
        return -ERROR_INPUT;
    int64_t value = 0;
    for (; isdigit((unsigned char)*text); text++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *text - '0', &value))
            return -ERROR_INPUT;
    }
    while (isspace((unsigned char)*text))
        text++;
    if (*text != '\0')
        return -ERROR_INPUT;
    *ret_value = negative ? -value : value;
    return 0;
}

int sensor_read_i64(int fd, int64_t *ret_value)
{
    char text[64];
    ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
    if (length < 0)
        return -error_code_from_errno(errno);
    text[length] = '\0';
    /* A NUL inside (a damaged recorded tree) would otherwise hide what follows it. */
    for (ssize_t i = 0; i < length; i++) {
        if (text[i] == '\0')
            return -ERROR_INPUT;
    }
    return sensor_parse_i64(text, ret_value);
}

int sensor_open(const struct root *root, const char *path, int64_t *ret_value, bool *ret_readable,
                struct error *err)
{
    int fd = root_open_file(root, path, err);
    if (fd < 0)
        return fd;
    /* Being preempted once looks like a slow sensor; three times in a row hardly ever happens. */
    int64_t value = 0;
    int rc = 0;
    uint64_t took_ns = UINT64_MAX;
    for (int attempt = 0; attempt < 3 && took_ns > SENSOR_SLOW_NS; attempt++) {
        uint64_t begin_ns = clock_mono_ns();
        rc = sensor_read_i64(fd, &value);
        took_ns = clock_mono_ns() - begin_ns;
    }
    if (took_ns > SENSOR_SLOW_NS) {
        close(fd);
        return error_set(err, ERROR_UNSUPPORTED, "takes %.0f ms to read: too slow for a timer",
                         (double)took_ns / NS_PER_MS);
    }
    if (ret_readable)
        *ret_readable = rc == 0;
    if (rc == 0 && ret_value)
        *ret_value = value;
    return fd;
}
