#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "format/kv_metrics.h"

static int read_text(const char *text, struct kv_metrics *ret, struct error *err)
{
    struct prometheus_text parsed;
    assert_int_equal(prometheus_text_read(text, strlen(text), "m", &parsed, err), 0);
    int rc = kv_metrics_read(&parsed, ret, err);
    prometheus_text_deinit(&parsed);
    return rc;
}

static int read_file(const char *name, struct kv_metrics *ret, struct error *err)
{
    char path[512], *data;
    size_t size;
    snprintf(path, sizeof(path), TEST_DATA "/metrics/%s", name);
    assert_int_equal(file_read_all(path, 1 << 20, &data, &size, err), 0);
    int rc = read_text(data, ret, err);
    free(data);
    return rc;
}

static void reads_vllm(void **state)
{
    struct kv_metrics metrics;
    (void)state;
    assert_int_equal(read_file("vllm.txt", &metrics, NULL), 0);
    assert_string_equal(metrics.server, "vLLM");
    assert_string_equal(metrics.use_metric, "vllm:kv_cache_usage_perc");
    assert_int_equal(metrics.count, 1);
    const struct kv_engine *engine = &metrics.engines[0];
    assert_string_equal(engine->instance, "meta-llama/Llama-3.1-8B-Instruct/0");
    assert_true(engine->use_pct == 75 && engine->running == 12 && engine->waiting == 3);
    assert_true(engine->capacity_tokens == 16 * 27916 && engine->tokens == 0.75 * 16 * 27916);

    assert_int_equal(read_file("vllm_old.txt", &metrics, NULL), 0);
    assert_string_equal(metrics.use_metric, "vllm:gpu_cache_usage_perc");
    assert_string_equal(metrics.engines[0].instance, "facebook/opt-125m");
    assert_true(fabs(metrics.engines[0].use_pct - 0.04) < 1e-12);
    assert_true(metrics.engines[0].capacity_tokens == 80000);
}

static void tells_engines_apart(void **state)
{
    struct kv_metrics metrics;
    (void)state;
    assert_int_equal(read_file("vllm_two_engines.txt", &metrics, NULL), 0);
    assert_int_equal(metrics.count, 2);
    assert_string_equal(metrics.engines[1].instance, "m/1");
    assert_true(metrics.engines[0].capacity_tokens == 10576 && metrics.engines[0].tokens == 5288);
    assert_true(isnan(metrics.engines[1].capacity_tokens) && isnan(metrics.engines[1].tokens));
    assert_true(metrics.engines[1].use_pct == 25 && metrics.engines[1].running == 1);
    assert_true(isnan(metrics.engines[0].waiting));
}

static void reads_llama_cpp(void **state)
{
    struct kv_metrics metrics;
    (void)state;
    assert_int_equal(read_file("llama_cpp.txt", &metrics, NULL), 0);
    assert_string_equal(metrics.server, "llama.cpp");
    assert_string_equal(metrics.engines[0].instance, "");
    assert_true(fabs(metrics.engines[0].use_pct - 96.2891) < 1e-9);
    assert_true(metrics.engines[0].tokens == 3944 && isnan(metrics.engines[0].capacity_tokens));
    assert_true(metrics.engines[0].running == 4 && metrics.engines[0].waiting == 2);
}

static void says_what_there_is_instead(void **state)
{
    struct kv_metrics metrics;
    struct error err = {0};
    (void)state;
    assert_int_equal(read_file("llama_cpp_2025.txt", &metrics, &err), -ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "llama.cpp does not tell"));
    assert_non_null(strstr(err.message, "llamacpp:n_decode_total"));
    assert_non_null(strstr(err.hint, "May 2025"));
    assert_int_equal(read_text("node_load1 0.5\n", &metrics, &err), -ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "node_load1"));
    assert_int_equal(read_text("# nothing\n", &metrics, &err), -ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "no metrics at all"));
}

static void does_not_trust_values(void **state)
{
    struct kv_metrics metrics;
    char text[4096] = "";
    (void)state;
    assert_int_equal(read_text("vllm:kv_cache_usage_perc{model_name=\"a\x1b[31m\"} NaN\n"
                               "vllm:num_requests_running{model_name=\"a\x1b[31m\"} -3\n"
                               "vllm:num_requests_running{model_name=\"other\"} 9\n",
                               &metrics, NULL),
                     0);
    assert_int_equal(metrics.count, 1);
    assert_null(strchr(metrics.engines[0].instance, '\x1b'));
    assert_true(isnan(metrics.engines[0].use_pct) && isnan(metrics.engines[0].running));
    for (int i = 0; i < KV_ENGINES_MAX + 1; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "vllm:kv_cache_usage_perc{engine=\"%d\"} 0.5\n", i);
    assert_int_equal(read_text(text, &metrics, NULL), -ERROR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_vllm),
        cmocka_unit_test(tells_engines_apart),
        cmocka_unit_test(reads_llama_cpp),
        cmocka_unit_test(says_what_there_is_instead),
        cmocka_unit_test(does_not_trust_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
