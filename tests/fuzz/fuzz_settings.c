/* fuzz_settings.c: any bytes as tacho.yaml, and as the value of a setting (the first byte says
 * which). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void as_file(struct settings *settings, const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("tacho.yaml", MFD_CLOEXEC);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    struct error err = {0};
    int code = settings_load_file(settings, path, &err);
    require((code == 0) == (err.code == 0));
    if (code < 0)
        require(err.message[0] && err.file[0]);
}

static void as_value(struct settings *settings, const uint8_t *data, size_t size)
{
    enum setting_id id = (enum setting_id)(data[0] % SETTING_COUNT);
    char *text = strndup((const char *)data + 1, size - 1);
    if (!text)
        return;
    struct error err = {0};
    int checked = settings_check(id, text, NULL);
    int code = settings_set(settings, id, text, SOURCE_FLAG, "--fuzz", &err);
    require(code == checked);
    if (code == 0)
        require(strcmp(settings_get_text(settings, id), text) == 0);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings settings;
    if (settings_init(&settings, NULL) < 0)
        return 0;
    as_file(&settings, data, size);
    if (size > 0)
        as_value(&settings, data, size);
    for (int id = 0; id < SETTING_COUNT; id++) {
        const struct setting_value *value = &settings.values[id];
        for (size_t i = 0; i < value->list_count; i++)
            require(value->list[i] != NULL);
    }
    settings_deinit(&settings);
    return 0;
}
