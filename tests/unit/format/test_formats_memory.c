/* test_formats_memory.c: every allocation of reading a model, a profile, an array and the files of
 * trtexec fails once: an error that says so, and nothing leaks. */
#include "test_tree.h"

#include "base/util.h"
#include "format/npy.h"
#include "format/onnx_model.h"
#include "format/ort_profile.h"
#include "format/trtexec.h"
#include "malloc_countdown.h"

static int read_model(struct error *err)
{
    struct onnx_model model;
    int rc = onnx_model_read(MODELS_DIR "/detector.int8.onnx", &model, err);
    if (rc == 0)
        onnx_model_deinit(&model);
    return rc;
}

static int read_profile(struct error *err)
{
    struct ort_profile profile;
    int rc = ort_profile_read(TEST_DATA "/ort_profile/1.30.0-int8.json", &profile, err);
    if (rc == 0)
        ort_profile_deinit(&profile);
    return rc;
}

static int read_array(struct error *err)
{
    struct npy npy;
    int rc = npy_read(TEST_DATA "/npy/f4-2x3.npy", &npy, err);
    if (rc < 0)
        return rc;
    rc = npy_write("/dev/null", &npy, err);
    npy_deinit(&npy);
    return rc;
}

static int read_trtexec(struct error *err)
{
    static const char text[] = "[ { \"latencyMs\" : 1 }, { \"latencyMs\" : 2 } ]";
    struct trtexec_times times;
    struct trtexec_layers layers;
    int rc = trtexec_times_read_text(text, strlen(text), "t", &times, err);
    if (rc < 0)
        return rc;
    trtexec_times_deinit(&times);
    rc = trtexec_layers_read(TEST_DATA "/trtexec/profile_cbr_fp32.json", &layers, err);
    if (rc == 0)
        trtexec_layers_deinit(&layers);
    return rc;
}

static void every_allocation_fails_once(void **state)
{
    static int (*const readers[])(struct error *) = {read_model, read_profile, read_array,
                                                     read_trtexec};
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        bool fired = true;
        long n = 1;
        for (; fired; n++) {
            struct error err = {0};
            malloc_countdown_start(n);
            int rc = readers[i](&err);
            long live = malloc_countdown_live();
            fired = malloc_countdown_stop();
            if (rc < 0 && (rc != -ERROR_NOMEM || err.code != ERROR_NOMEM))
                fail_msg("reader %zu, allocation %ld: %d, \"%s\"", i, n, rc, err.message);
            /* qsort does without the memory it asks for. */
            assert_true(fired || rc == 0);
            if (MALLOC_COUNTDOWN_EXACT)
                assert_int_equal(live, 0);
        }
        assert_true(n > 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
