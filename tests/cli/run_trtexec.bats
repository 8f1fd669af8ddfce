#!/usr/bin/env bats
# TensorRT engines through trtexec: tests/support/trtexec_standin says and writes what it does.

load helper

setup_trtexec() {
    mkdir -p bin
    cp "$project_root/tests/support/trtexec_standin" bin/trtexec
    export PATH=$PWD/bin:$PATH
    export TRTEXEC_STANDIN=${1:-10} TRTEXEC_FAULT=${2:-}
    echo engine >net.engine
}

@test "without trtexec: exit 4, and how to get it" {
    echo engine >net.engine
    run_split "$TACHO" run net.engine
    [ "$status" -eq 4 ]
    [[ $errors == *"trtexec, which runs TensorRT engines, is not in PATH"* ]]
    [[ $errors == *TensorRT* ]]
}

@test "the reference models are known to trtexec, too" {
    setup_trtexec
    run_split "$TACHO" run --engine trtexec --json -n 20 --warmup 0 classifier
    [ "$status" -eq 0 ]
    jq -e '.workload | .kind == "trtexec" and .name == "classifier.onnx"
        and (.model | endswith("/models/classifier.onnx"))' <<<"$output"
    run_split "$TACHO" run --engine trtexec
    [ "$status" -eq 2 ]
    [[ $errors == *"detector or classifier"* ]]
}

@test "an engine's times become latencies and their parts" {
    setup_trtexec
    run_split "$TACHO" run --json -n 700 --warmup 0 --input-shape images=4x3x224x224 net.engine
    [ "$status" -eq 0 ]
    echo "$output" >run.json
    validate_json run.json
    # The stand-in's own numbers: i % 7, i % 3, and constants.
    jq -e '.metrics.latency_ms.n == 700 and (.metrics.latency_ms.min - 1.25005 | fabs) < 1e-9
        and (.metrics.latency_ms.max - 1.26405 | fabs) < 1e-9' run.json
    jq -e '(.metrics.gpu_compute_ms.mean - 1.206 | fabs) < 1e-9' run.json
    jq -e '(.metrics.h2d_ms.max - 0.052 | fabs) < 1e-9 and (.metrics.d2h_ms.mean - 5e-05 | fabs) < 1e-9' run.json
    # 4 items each 1.267 ms: 1.257 and 0.01 of pause.
    jq -e '.metrics.throughput_per_s.mean | . > 3080 and . < 3180' run.json
    jq -e '.workload | .kind == "trtexec" and .engine == "trtexec" and .engine_version == "10.2.0"
        and .batch_size == 4 and .engine_throughput_per_s == 787.4 and .cuda_graph == false
        and .data_transfers == true and (.model_sha256 | length) == 64' run.json
}

@test "each generation of trtexec is understood" {
    local generation
    for generation in 7 8 10 11; do
        setup_trtexec "$generation"
        run_split "$TACHO" run --json -n 50 --warmup 0 net.engine
        [ "$status" -eq 0 ]
        [ "$(jq -r '.metrics.latency_ms.n' <<<"$output")" -eq 50 ]
        [ "$(jq -r '.workload.engine_version' <<<"$output" | cut -d. -f1)" = "$generation" ]
        # What an engine takes at once is nowhere written: no items per second.
        jq -e '.metrics.throughput_per_s | .value == null and .reason != null' <<<"$output"
    done
}

@test "TensorRT 11 measures something else by default, and that is said" {
    setup_trtexec 11
    run_split "$TACHO" run --json -n 50 --warmup 0 net.engine
    [ "$status" -eq 0 ]
    jq -e '.workload | .cuda_graph == true and .data_transfers == false and .spin_wait == true' <<<"$output"
    jq -e '[.findings[] | select(.rule == "no_data_transfers")] | length == 1' <<<"$output"
    run_split "$TACHO" run --json -n 50 --warmup 0 --provider-option includeDataTransfers net.engine
    jq -e '.workload.data_transfers == true' <<<"$output"
    jq -e '[.findings[] | select(.rule == "no_data_transfers")] | length == 0' <<<"$output"
}

@test "settings become arguments" {
    setup_trtexec
    run_split "$TACHO" run --json -n 20 --warmup 0 --streams 2 --device dla_1 net.engine
    [ "$status" -eq 0 ]
    jq -e '.workload.arguments | index("--infStreams=2") != null and index("--useDLACore=1") != null' <<<"$output"
    jq -e '.workload.device == "dla_1" and .workload.streams == 2' <<<"$output"
    setup_trtexec 8
    run_split "$TACHO" run --json -n 20 --warmup 0 --streams 2 --device nvidia_0 net.engine
    [ "$status" -eq 0 ]
    jq -e '.workload.arguments | index("--streams=2") != null and index("--device=0") != null' <<<"$output"
}

@test "the profile of the layers, with names that are no JSON" {
    setup_trtexec
    run_split "$TACHO" run --json -n 20 --warmup 0 --profile-ops net.engine
    [ "$status" -eq 0 ]
    jq -e '.metrics["node_ms@conv1 + relu \"quoted\""].mean == 0.6' <<<"$output"
    jq -e '.metrics["node_ms@fc"].mean == 0.4 and .metrics["node_ms@fc #2"].mean == 0.1' <<<"$output"
}

@test "times that are no numbers are counted and left out" {
    setup_trtexec 10 bad-rows
    run_split "$TACHO" run --json -n 100 --warmup 0 net.engine
    [ "$status" -eq 0 ]
    jq -e '.metrics.latency_ms.n == 75' <<<"$output"
    jq -e '.findings[] | select(.rule == "trtexec_times") | .sentence | startswith("25 of 100 ")' <<<"$output"
}

@test "a trtexec that fails: exit 5 with the line that says why" {
    local fault
    for fault in failed failed0; do
        setup_trtexec 10 "$fault"
        run_split "$TACHO" run -n 20 net.engine
        [ "$status" -eq 5 ]
        [[ $errors == *"Version tag does not match"* ]]
    done
    setup_trtexec 10 crash
    run_split "$TACHO" run -n 20 net.engine
    [ "$status" -eq 5 ]
    [[ $errors == *"signal 11"* ]]
}

@test "times that are cut off, missing or without a number: exit 5" {
    local fault
    for fault in truncated no-times only-bad; do
        setup_trtexec 10 "$fault"
        run_split "$TACHO" run -n 20 net.engine
        [ "$status" -eq 5 ]
        [[ $errors == *trtexec* ]]
        [ "$(wc -l <<<"$errors")" -le 2 ]
    done
}

@test "one that never ends is ended by --timeout; nothing stays in TMPDIR" {
    setup_trtexec 10 hang
    mkdir tmp
    TMPDIR=$PWD/tmp run_split "$TACHO" run -n 20 --timeout 300ms net.engine
    [ "$status" -eq 5 ]
    [[ $errors == *"longer than 300 ms"* ]]
    [ -z "$(ls tmp)" ]
}

@test "one that cannot start is not usable: exit 4, with what the loader said" {
    setup_trtexec 10 no-library
    run_split "$TACHO" run -n 20 net.engine
    [ "$status" -eq 4 ]
    [[ $errors == *"libnvinfer.so.10"* ]]
}

@test "what trtexec cannot honour is refused" {
    setup_trtexec
    local flag
    for flag in '--rate 10' '--threads 2' '--input zeros' '--precision fp16' '--batch-size 4' \
        '--provider cuda' '--device cpu' '--input-shape images=0x3' '--input-shape images'; do
        # shellcheck disable=SC2086 # a flag and its value
        run_split "$TACHO" run -n 5 $flag net.engine
        [[ $status -eq 2 || $status -eq 4 ]] || {
            echo "$flag: $status $output"
            return 1
        }
    done
    run_split "$TACHO" run --engine trtexec missing.onnx
    [ "$status" -eq 2 ]
    run_split "$TACHO" run --engine trtexec
    [ "$status" -eq 2 ]
}
