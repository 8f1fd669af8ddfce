/* monitor_kv_cache.c: `tacho monitor kv-cache`: the size of a KV cache, computed. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text_table.h"
#include "base/unit.h"
#include "base/util.h"
#include "cmd/monitor_verbs.h"
#include "format/json_writer.h"
#include "model/kv_cache.h"

#define LENGTHS 10
#define MB 1048576.0

struct kv_answer {
    struct kv_shape shape;
    double bytes_per_token, bytes;
    double limit_bytes; /* 0: none */
    uint64_t longest, largest_batch;
    uint64_t lengths[LENGTHS];
    size_t length_count;
};

static int make_shape(const struct settings *settings, struct kv_shape *shape, struct error *err)
{
    *shape = (struct kv_shape){
        .layers = settings_get_u64(settings, SETTING_NUM_LAYERS),
        .heads = settings_get_u64(settings, SETTING_NUM_HEADS),
        .kv_heads = settings_is_set(settings, SETTING_NUM_KV_HEADS)
                        ? settings_get_u64(settings, SETTING_NUM_KV_HEADS)
                        : settings_get_u64(settings, SETTING_NUM_HEADS),
        .head_size = settings_get_u64(settings, SETTING_HEAD_SIZE),
        .batch = settings->values[SETTING_BATCH_SIZE].source == SOURCE_FLAG
                     ? settings_get_u64(settings, SETTING_BATCH_SIZE)
                     : 1,
        .length = settings_get_u64(settings, SETTING_MAX_LENGTH),
        .precision = kv_precision_find(settings_get_text(settings, SETTING_KV_PRECISION)),
    };
    return kv_cache_check(shape, err);
}

static int answer(const struct settings *settings, struct kv_answer *ret, struct error *err)
{
    *ret = (struct kv_answer){0};
    int rc = make_shape(settings, &ret->shape, err);
    if (rc < 0)
        return rc;
    ret->bytes_per_token = kv_cache_bytes_per_token(&ret->shape);
    ret->bytes = kv_cache_bytes(&ret->shape);
    ret->length_count = kv_cache_lengths(ret->shape.length, ret->lengths, LENGTHS);
    if (!settings_is_set(settings, SETTING_MEMORY_LIMIT))
        return 0;
    ret->limit_bytes = (double)settings_get_u64(settings, SETTING_MEMORY_LIMIT);
    if (ret->limit_bytes <= 0)
        return error_set(err, ERROR_USAGE, "--memory-limit is 0: nothing fits");
    ret->longest = kv_cache_longest(&ret->shape, ret->limit_bytes);
    ret->largest_batch = kv_cache_largest_batch(&ret->shape, ret->limit_bytes);
    return 0;
}

static double bytes_at(const struct kv_answer *answer, uint64_t length)
{
    return answer->bytes_per_token * (double)answer->shape.batch * (double)length;
}

/* ---- as text ---- */

static void put_shape(const struct kv_answer *answer, struct strbuf *out)
{
    const struct kv_shape *shape = &answer->shape;
    strbuf_printf(out, "%llu layers \u00b7 %llu heads", (unsigned long long)shape->layers,
                  (unsigned long long)shape->heads);
    if (shape->kv_heads != shape->heads)
        strbuf_printf(out, ", %llu with keys and values", (unsigned long long)shape->kv_heads);
    strbuf_printf(out, " \u00b7 head size %llu \u00b7 %s \u00b7 batch %llu\n",
                  (unsigned long long)shape->head_size, shape->precision->name,
                  (unsigned long long)shape->batch);
}

static void put_fit(const struct kv_answer *answer, struct strbuf *out)
{
    const struct kv_shape *shape = &answer->shape;
    char limit[32];
    if (answer->limit_bytes <= 0)
        return;
    unit_format_bytes(answer->limit_bytes, limit, sizeof(limit));
    strbuf_printf(out,
                  "%s in %s (%.3g %% of it): %llu tokens at batch %llu, batch %llu at %llu "
                  "tokens\n",
                  answer->bytes <= answer->limit_bytes ? "fits" : "does not fit", limit,
                  100 * answer->bytes / answer->limit_bytes, (unsigned long long)answer->longest,
                  (unsigned long long)shape->batch, (unsigned long long)answer->largest_batch,
                  (unsigned long long)shape->length);
}

static int put_text(const struct kv_answer *answer, bool quiet, struct strbuf *out,
                    struct error *err)
{
    CLEANUP(text_table_deinit) struct text_table table = {0}; /* also for those who leave early */
    char bytes[32], number[32];
    if (quiet) {
        strbuf_printf(out, "%.2f MB\n", answer->bytes / MB);
        put_fit(answer, out);
        return 0;
    }
    put_shape(answer, out);
    text_table_init(&table, 2);
    table.align[0] = table.align[1] = TEXT_RIGHT;
    text_table_row(&table, "tokens", "KV cache");
    for (size_t i = 0; i < answer->length_count; i++) {
        snprintf(number, sizeof(number), "%llu", (unsigned long long)answer->lengths[i]);
        snprintf(bytes, sizeof(bytes), "%.2f MB", bytes_at(answer, answer->lengths[i]) / MB);
        text_table_row(&table, number, bytes);
    }
    text_table_render(&table, 2, out);
    strbuf_printf(out, "%s a token of each sequence",
                  unit_format_bytes(answer->bytes_per_token, bytes, sizeof(bytes)));
    strbuf_printf(
        out, " (%s bytes a value)\n",
        unit_format_number((double)answer->shape.precision->bytes / answer->shape.precision->values,
                           6, number, sizeof(number)));
    put_fit(answer, out);
    return table.failed ? error_set(err, ERROR_NOMEM, "out of memory for a table") : 0;
}

/* ---- as JSON ---- */

static void put_json_fit(const struct kv_answer *answer, struct json_writer *writer)
{
    if (answer->limit_bytes <= 0) {
        json_write_null(writer, "fit");
        return;
    }
    json_write_object_line(writer, "fit");
    json_write_number(writer, "memory_limit_mb", answer->limit_bytes / MB);
    json_write_bool(writer, "fits", answer->bytes <= answer->limit_bytes);
    json_write_u64(writer, "longest_length", answer->longest);
    json_write_u64(writer, "largest_batch_size", answer->largest_batch);
    json_write_end(writer);
}

static void put_json(const struct kv_answer *answer, struct strbuf *out)
{
    const struct kv_shape *shape = &answer->shape;
    struct json_writer writer = {.out = out};
    json_write_object(&writer, NULL);
    json_write_text(&writer, "schema", "tacho.kv_cache/1");
    json_write_u64(&writer, "num_layers", shape->layers);
    json_write_u64(&writer, "num_heads", shape->heads);
    json_write_u64(&writer, "num_kv_heads", shape->kv_heads);
    json_write_u64(&writer, "head_size", shape->head_size);
    json_write_u64(&writer, "batch_size", shape->batch);
    json_write_u64(&writer, "max_length", shape->length);
    json_write_text(&writer, "precision", shape->precision->name);
    json_write_number(&writer, "bytes_per_value",
                      (double)shape->precision->bytes / shape->precision->values);
    json_write_number(&writer, "bytes_per_token", answer->bytes_per_token);
    json_write_number(&writer, "size_mb", answer->bytes / MB);
    json_write_array(&writer, "lengths");
    for (size_t i = 0; i < answer->length_count; i++) {
        json_write_object_line(&writer, NULL);
        json_write_u64(&writer, "length", answer->lengths[i]);
        json_write_number(&writer, "size_mb", bytes_at(answer, answer->lengths[i]) / MB);
        json_write_end(&writer);
    }
    json_write_end(&writer);
    put_json_fit(answer, &writer);
    json_write_end(&writer);
    strbuf_putc(out, '\n');
}

int monitor_kv_cache(struct command_context *context, struct error *err)
{
    const struct settings *settings = &context->settings;
    struct kv_answer result = {0};
    if (context->argument_count > 0) {
        error_set(err, ERROR_USAGE, "monitor kv-cache takes no '%s'", context->arguments[0]);
        return error_hint(err, "a server is named with --url");
    }
    if (context->program)
        return error_set(err, ERROR_USAGE, "monitor kv-cache starts no program");
    if (settings_is_set(settings, SETTING_URL))
        return monitor_kv_url(context, err);
    int rc = monitor_verb_check(settings, MONITOR_KV_SIZE, err);
    if (rc == 0)
        rc = answer(settings, &result, err);
    if (rc < 0)
        return rc;
    if (settings_get_bool(settings, SETTING_JSON)) {
        put_json(&result, &context->out);
        return 0;
    }
    return put_text(&result, settings_get_bool(settings, SETTING_QUIET), &context->out, err);
}
