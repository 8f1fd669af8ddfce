/* facts.c: what was measured, by what, and how. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "base/util.h"
#include "model/finding.h"
#include "workload/cores.h"
#include "workload/trtexec/internal.h"

/* In version 11 trtexec began to leave out the copies to and from the device, to launch by CUDA
 * graph and to wait spinning; its latency is another quantity since then. */
#define FLIPPED_MAJOR 11

static void describe_hash(const char *file, struct facts *facts)
{
    struct sha256 sha;
    char data[16384], hex[SHA256_HEX_SIZE];
    FILE *stream = fopen(file, "rbe");
    size_t n;
    bool is_whole = stream != NULL;
    sha256_init(&sha);
    while (is_whole && (n = fread(data, 1, sizeof(data), stream)) > 0)
        sha256_update(&sha, data, n);
    is_whole = is_whole && ferror(stream) == 0;
    if (stream != NULL)
        fclose(stream);
    sha256_finish_hex(&sha, hex);
    if (is_whole)
        facts_text(facts, "model_sha256", hex, "sha256 of the file");
    else
        facts_null(facts, "model_sha256", REASON_FAILED, "sha256 of the file");
}

static bool has_argument(const struct trtexec *trtexec, const char *argument)
{
    for (size_t i = 1; i < trtexec->argument_count; i++)
        if (strcmp(trtexec->arguments[i], argument) == 0)
            return true;
    return false;
}

/* A switch whose default the version decides. */
static void describe_switch(const struct trtexec *trtexec, struct facts *facts, const char *key,
                            const char *on, const char *off, bool is_on_before)
{
    if (has_argument(trtexec, on))
        facts_bool(facts, key, true, on);
    else if (has_argument(trtexec, off))
        facts_bool(facts, key, false, off);
    else if (trtexec->program.major > 0)
        facts_bool(facts, key, (trtexec->program.major >= FLIPPED_MAJOR) != is_on_before,
                   "the default of that version");
    else
        facts_null(facts, key, REASON_UNSUPPORTED, "trtexec does not say its version");
}

static void describe_engine(const struct trtexec *trtexec, struct facts *facts)
{
    facts_text(facts, "engine", "trtexec", NULL);
    if (trtexec->program.version[0] != '\0')
        facts_text(facts, "engine_version", trtexec->program.version, "trtexec");
    else
        facts_null(facts, "engine_version", REASON_UNSUPPORTED, "trtexec");
    facts_text(facts, "engine_path", trtexec->program.path, "PATH");
    facts_text(facts, "provider", "tensorrt", "trtexec");
    describe_switch(trtexec, facts, "cuda_graph", "--useCudaGraph", "--noCudaGraph", false);
    describe_switch(trtexec, facts, "data_transfers", "--includeDataTransfers", "--noDataTransfers",
                    true);
    describe_switch(trtexec, facts, "spin_wait", "--useSpinWait", "--noSpinWait", false);
}

void trtexec_describe(void *state, struct facts *facts)
{
    struct trtexec *trtexec = state;
    const struct settings *settings = trtexec->args->settings;
    const char *file = trtexec->file, *slash = strrchr(file, '/');
    const char *precision = settings_get_text(settings, SETTING_PRECISION);
    char cores[512];
    facts_text(facts, "kind", "trtexec", NULL);
    facts_text(facts, "name", slash && slash[1] ? slash + 1 : file, NULL);
    facts_text(facts, "model", file, NULL);
    describe_hash(file, facts);
    describe_engine(trtexec, facts);
    if (trtexec->device != NULL)
        facts_text(facts, "device", trtexec->device, "--device");
    else
        facts_text(facts, "device", "nvidia_0", "the default of trtexec");
    if (precision != NULL)
        facts_text(facts, "precision", precision, "--precision: what TensorRT may use");
    else
        facts_null(facts, "precision", trtexec->is_onnx ? REASON_NOT_ASKED : REASON_UNSUPPORTED,
                   "decided when the engine is built");
    if (trtexec->batch_size > 0)
        facts_integer(facts, "batch_size", (int64_t)trtexec->batch_size, "the shapes asked for");
    else
        facts_null(facts, "batch_size", REASON_NOT_ASKED, "--batch-size or --input-shape");
    facts_text(facts, "loop", "closed", NULL);
    facts_integer(facts, "streams", (int64_t)trtexec->streams, "--streams");
    facts_text(facts, "cores", cores_format(&trtexec->cores, cores, sizeof(cores)),
               trtexec->has_cores ? "--cores" : "sched_getaffinity");
    facts_list(facts, "arguments", trtexec->arguments + 1, trtexec->argument_count - 1, NULL);
}

void trtexec_describe_after(void *state, struct facts *facts)
{
    struct trtexec *trtexec = state;
    describe_engine(trtexec, facts);
    if (isfinite(trtexec->told_per_s))
        facts_number(facts, "engine_throughput_per_s", trtexec->told_per_s,
                     "trtexec's summary, calls; of the last invocation");
    if (trtexec->warmup_line[0] != '\0')
        facts_text(facts, "engine_warmup", trtexec->warmup_line, "trtexec");
}

static int find_bad_rows(const struct trtexec *trtexec, struct run_sink *sink, struct error *err)
{
    struct finding finding;
    finding_init(&finding, "trtexec_times", SEVERITY_WARNING, "latency_ms");
    finding_sentence(&finding,
                     "%" PRIu64 " of %" PRIu64 " times that trtexec exported are no numbers (inf, "
                     "nan) and were left out",
                     trtexec->bad_rows, trtexec->rows);
    finding.n = trtexec->rows;
    finding_advice(&finding, "its clock of the GPU failed there: measure again");
    return sink_finding(sink, &finding, err);
}

static int find_profiling(struct run_sink *sink, struct error *err)
{
    struct finding finding;
    finding_init(&finding, "profiled_while_timed", SEVERITY_WARNING, "latency_ms");
    finding_sentence(&finding, "this trtexec times while it profiles its layers: the latencies are "
                               "longer than without --profile-ops");
    finding_advice(&finding, "measure latency without --profile-ops");
    return sink_finding(sink, &finding, err);
}

static int find_without_transfers(const struct trtexec *trtexec, struct run_sink *sink,
                                  struct error *err)
{
    struct finding finding;
    finding_init(&finding, "no_data_transfers", SEVERITY_INFO, "latency_ms");
    finding_sentence(&finding,
                     "latency_ms is without the copies to and from the device, as TensorRT %s "
                     "measures; versions before 11 include them",
                     trtexec->program.version);
    finding_advice(&finding, "to compare with those: --provider-option includeDataTransfers "
                             "--provider-option noCudaGraph --provider-option noSpinWait");
    return sink_finding(sink, &finding, err);
}

int trtexec_findings(void *state, struct run_sink *sink, struct error *err)
{
    struct trtexec *trtexec = state;
    int rc = 0;
    if (trtexec->bad_rows > 0)
        rc = find_bad_rows(trtexec, sink, err);
    if (rc == 0 && trtexec->has_profile && !trtexec->program.has_separate_run &&
        trtexec->program.major < FLIPPED_MAJOR)
        rc = find_profiling(sink, err);
    if (rc == 0 && trtexec->program.major >= FLIPPED_MAJOR &&
        !has_argument(trtexec, "--includeDataTransfers"))
        rc = find_without_transfers(trtexec, sink, err);
    return rc;
}
