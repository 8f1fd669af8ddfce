/* fuzz_ort_profile.c: any bytes as a profile of ONNX Runtime: refused with a text, or sums that are
 * those of the parts. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/ort_profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check(const struct ort_profile *profile)
{
    uint64_t shared = 0, nodes = 0;
    double share = 0;
    require(profile->node_count > 0 && profile->share_count > 0);
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct ort_node *node = &profile->nodes[i];
        uint64_t total = 0;
        require(node->name && node->op[0] && node->provider && node->types && node->calls > 0);
        for (uint64_t c = 0; c < node->calls; c++)
            total += node->call_ns[c];
        require(total == node->total_ns);
    }
    for (size_t i = 0; i < profile->share_count; i++) {
        shared += profile->shares[i].total_ns;
        nodes += profile->shares[i].nodes;
        share += profile->shares[i].share;
    }
    require(shared == profile->node_total_ns && nodes == profile->node_count);
    require(share == 0 || fabs(share - 1) < 1e-9);
    ort_profile_precision(profile);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ort_profile profile;
    struct error err = {0};
    int rc = ort_profile_read_text((const char *)data, size, "fuzz.json", &profile, &err);
    require(rc == 0 || ((rc == -ERROR_INPUT || rc == -ERROR_NOTHING) && err.message[0]));
    if (rc == 0) {
        check(&profile);
        ort_profile_deinit(&profile);
    }
    return 0;
}
