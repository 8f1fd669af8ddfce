/* test_pipeline_memory.c: every allocation of `efficiency` and `dnn-pipeline` fails once: an error
 * that says so, and nothing leaks. */
#include "file_analysis.h"

#include "malloc_countdown.h"

extern const struct file_analyzer file_analyzer_dnn_pipeline, file_analyzer_efficiency;

static void every_allocation_fails_once(const struct file_analyzer *analyzer,
                                        struct file_analysis *test)
{
    bool fired = true;
    long n = 1;
    /* What the C library takes once for itself. */
    assert_int_equal(analyzer->files(&test->options, &test->analysis, &test->err), 0);
    for (; fired; n++) {
        struct error err = {0};
        struct analysis analysis;
        malloc_countdown_start(n);
        analysis_init(&analysis, "test");
        int rc = analyzer->files(&test->options, &analysis, &err);
        analysis_deinit(&analysis);
        long live = malloc_countdown_live();
        fired = malloc_countdown_stop();
        if (rc < 0 && rc != -ERROR_NOMEM)
            fail_msg("allocation %ld: %d, \"%s\"", n, rc, err.message);
        if (fired && rc == 0)
            fail_msg("allocation %ld failed, and nobody said so", n);
        if (MALLOC_COUNTDOWN_EXACT && live != 0)
            fail_msg("allocation %ld: %ld blocks are not freed", n, live);
    }
    assert_true(n > 30);
}

static void of_efficiency(void **state)
{
    struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "a.csv",
                      "timestamp,workload,batch_size,latency_ms,power_w,throughput\n"
                      "1,net,1,10,5,100\n2,net,1,11,5.5,91\n3,net,4,20,6,50\n4,net,4,21,6.5,48\n"
                      "9,net,4,21,6.5,48\n3,net,4,x,6.5,48\n");
    every_allocation_fails_once(&file_analyzer_efficiency, &test);
    file_analysis_deinit(&test);
}

static void of_tables_of_layers(void **state)
{
    struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "a.csv",
                      "name,type,time,device,run\na,C,1,GPU,1\nb,C,2,DLA,1\na,C,1.1,GPU,2\n"
                      "b,C,2.1,DLA,2\n");
    file_analysis_add(&test, "b.txt",
                      "H2D 12 bytes 3 ms\na C 1 ms GPU\nb C 2 ms DLA0\nTotal: 7 ms\n");
    every_allocation_fails_once(&file_analyzer_dnn_pipeline, &test);
    file_analysis_deinit(&test);
}

static void of_repeated_profiles(void **state)
{
    struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "1.csv", "name,time\na,1\nb,2\n");
    file_analysis_add(&test, "2.csv", "name,time\na,1.2\nb,2.1\n");
    file_analysis_add(&test, "3.csv", "name,time\na,1.1\nb,2.2\n");
    every_allocation_fails_once(&file_analyzer_dnn_pipeline, &test);
    file_analysis_deinit(&test);
}

static void of_a_log_of_trtexec(void **state)
{
    struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(
        &test, "t.log",
        "[11/20/2026-10:47:59] [W] [TRT] Layer 's' (SOFTMAX): Unsupported on DLA. Switching\n"
        "[11/20/2026-10:47:59] [I] [TRT] [GpuLayer] SOFTMAX: s\n"
        "[11/20/2026-10:47:59] [I] === Profile (4 iterations ) ===\n"
        "[11/20/2026-10:47:59] [I]    Time(ms)     Avg.(ms)   Median(ms)   Time(%)   Layer\n"
        "[11/20/2026-10:47:59] [I]        4.00       1.0000       1.0000     100.0   s\n"
        "[11/20/2026-10:47:59] [I]        4.00       1.0000       1.0000     100.0   Total\n"
        "[11/20/2026-10:47:59] [I] === Performance summary ===\n"
        "[11/20/2026-10:47:59] [I] Latency: min = 1 ms, max = 2 ms, mean = 1.5 ms\n");
    every_allocation_fails_once(&file_analyzer_dnn_pipeline, &test);
    file_analysis_deinit(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_efficiency),
        cmocka_unit_test(of_tables_of_layers),
        cmocka_unit_test(of_repeated_profiles),
        cmocka_unit_test(of_a_log_of_trtexec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
