#!/usr/bin/env bats
# analyze_dnn_pipeline.bats: `tacho analyze dnn-pipeline`: goldens, every number again in Python, what peers
# write, bad input. TACHO_TEST_REGENERATE=1 writes the goldens anew.

# shellcheck disable=SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

golden=$project_root/tests/golden/analyze
samples=$BATS_TEST_DIRNAME/../data

# shown NAME FILE…: text and JSON are the goldens NAME, the JSON fits its schema, and Python comes to the same
# numbers.
shown() {
    local name=$1 file
    shift
    for file; do
        cp "$golden/$file" .
    done
    COLUMNS=100 "$TACHO" analyze dnn-pipeline "$@" >text
    same "$name.out" text
    "$TACHO" analyze dnn-pipeline "$@" --json >json
    validate_json json
    jq . json >pretty
    same "$name.json" pretty
    /usr/bin/python3 -B "$golden/check_dnn-pipeline.py" json "$@"
}

@test "dnn-pipeline: engine A against engine B, passes in a column" {
    shown dnn-pipeline_versus dnn-pipeline_a.csv dnn-pipeline_b.csv
}

@test "dnn-pipeline: batch sizes in one file, passes that the first layer tells, the last one cut off" {
    shown dnn-pipeline_batches dnn-pipeline_batches.csv
}

@test "dnn-pipeline: the profiler's text with transfers and time elsewhere" {
    shown dnn-pipeline_profiler dnn-pipeline_profiler.txt
}

@test "dnn-pipeline: a log of trtexec with a DLA" {
    shown dnn-pipeline_trtexec dnn-pipeline_trtexec.log
}

@test "dnn-pipeline: --csv, --profiler, --top-layers and --batch-size as the old toolkit had them" {
    cp "$golden/dnn-pipeline_profiler.txt" p.txt
    printf 'name,type,time\nconv,Conv,2\nfc,Gemm,1\nconv2,Conv,1.5\nact,Relu,0.5\n' >l.csv
    "$TACHO" analyze dnn-pipeline --profiler p.txt --top-layers 2 --json |
        jq -e '.tables.layers.rows | length == 2'
    "$TACHO" analyze dnn-pipeline --csv l.csv --batch-size 8 --json >json
    jq -e '.tables.profiles.rows[0] | .throughput_per_s == 1600 and .batch_size_source == "--batch-size"' json
    "$TACHO" analyze dnn-pipeline --profiler p.txt --batch-size 8 --json >json
    jq -e '.tables.profiles.rows[0].batch_size == 4' json
    jq -e '.findings[] | select(.rule == "batch_size_differs")' json
    cp l.csv net_bs16.csv
    "$TACHO" analyze dnn-pipeline net_bs16.csv --json |
        jq -e '.tables.profiles.rows[0] | .batch_size == 16 and .batch_size_source == "file name"'
}

@test "dnn-pipeline: one profile each decides nothing; three of one engine have intervals" {
    for i in 1 2 3; do
        printf 'name,type,time,device\na,Conv,%s,GPU\nb,Conv,%s,GPU\nc,Conv,1.0,GPU\nd,Gemm,1,GPU\n' \
            "1.$i" "1.0$i" >"r$i.csv"
    done
    "$TACHO" analyze dnn-pipeline r1.csv r2.csv --json >json
    jq -e '.findings[] | select(.rule == "engine_difference") |
        .sentence | contains("UNDECIDED: one profile each has no interval")' json
    jq -e 'all(.tables.differences.rows[]; .decided == null)' json
    "$TACHO" analyze dnn-pipeline r1.csv r2.csv r3.csv --json >json
    # a: 1.1, 1.2, 1.3: mean 1.2, standard error 0.1 / sqrt(3), t(0.975, 2) = 4.302653
    jq -e '.tables.profiles.rows | length == 1 and .[0].n == 3' json
    jq -e '.tables.layers.rows[0] | .layer == "a" and (.time_ms - 1.2 | fabs < 1e-9) and
        (.time_ms_interval[0] - (1.2 - 4.302653 * 0.1 / (3 | sqrt)) | fabs < 1e-6)' json
}

@test "dnn-pipeline: what trtexec and ONNX Runtime write" {
    "$TACHO" analyze dnn-pipeline "$samples/trtexec/profile_cbr_fp32.json" --json >json
    jq -e '.inputs[0].format == "trtexec profile" and .tables.profiles.rows[0].inferences == 41400 and
        .tables.layers.rows[0].time_ms == 0.028038' json
    cat >times.json <<'END'
[
  { "startH2dMs" : 1, "h2dMs" : 0.5, "computeMs" : 1.5, "d2hMs" : 0.25, "latencyMs" : 2.25 }
, { "startH2dMs" : 4, "h2dMs" : 0.7, "computeMs" : 1.4, "d2hMs" : 0.25, "latencyMs" : 2.35 }
, { "startH2dMs" : 8, "h2dMs" : 0.6, "computeMs" : 1.6, "d2hMs" : 0.25, "latencyMs" : 2.45 }
]
END
    "$TACHO" analyze dnn-pipeline times.json --json >json
    jq -e '.inputs[0].format == "trtexec times" and .tables.profiles.rows[0].n == 3 and
        (.tables.profiles.rows[0].total_ms - 2.35 | fabs < 1e-9)' json
    jq -e '.findings[] | select(.rule == "transfer_overhead") | .value - 85 / 2.35 | fabs < 1e-9' json
    for file in "$samples"/ort_profile/*.json; do
        "$TACHO" analyze dnn-pipeline "$file" --json >json
        validate_json json
        jq -e '.inputs[0].format == "ONNX Runtime profile" and .tables.devices.rows[0].device == "CPU"' json
    done
    gzip -c "$samples/ort_profile/1.30.0-fp32.json" >packed.gz
    "$TACHO" analyze dnn-pipeline packed.gz --json | jq '.tables.layers.rows[].time_ms' >packed
    "$TACHO" analyze dnn-pipeline "$samples/ort_profile/1.30.0-fp32.json" --json |
        jq '.tables.layers.rows[].time_ms' >plain
    diff plain packed
}

@test "dnn-pipeline: bad input ends in one clear line" {
    # what, exit status, the line
    bad() {
        run_split "$TACHO" analyze dnn-pipeline "$1"
        [ "$status" -eq "$2" ] || { echo "$1: $status, $errors"; return 1; }
        [ -z "$output" ]
        [ "$(wc -l <<<"$errors")" -eq 1 ]
        [[ $errors == *"$3"* ]] || { echo "$errors"; return 1; }
    }
    : >empty.csv
    bad empty.csv 2 "it is empty"
    echo 'layer_name,time_ms' >header.csv
    bad header.csv 3 "no layer and no transfer with a time"
    printf 'layer_nam,time_ms\na,2\n' >wrong.csv
    bad wrong.csv 2 "did you mean layer_nam?"
    printf 'layer_name,seconds\na,2\n' >timeless.csv
    bad timeless.csv 2 "no column time_ms"
    head -c 4096 /dev/zero >binary
    bad binary 2 "a binary file"
    printf 'layer_name,time_ms\na,nan\nb,-1\nc,inf\n' >useless.csv
    bad useless.csv 3 "no layer and no transfer with a time"
    echo '{"a": [1, 2]}' >other.json
    bad other.json 2 "JSON, but no profile of layers"
    echo '[{"cat":"Session","name":"model_run"}]' >cut.json
    bad cut.json 2 "JSON, but no profile of layers"
    bad nowhere.csv 4 "No such file"
    bad . 2 "directory"
    run_split "$TACHO" analyze dnn-pipeline
    [ "$status" -eq 2 ]
    [[ $errors == *"needs a file"* ]]
}
