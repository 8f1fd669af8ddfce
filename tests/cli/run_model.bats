#!/usr/bin/env bats
# run_model.bats: `tacho run` on a model, as somebody types it. What needs an engine is skipped where
# there is none; what must be refused without one is tested everywhere.

# shellcheck disable=SC2154 # helper.bash sets engine, output, errors and status
load helper

use_engine() {
    need_engine "$@"
    export TACHO_ORT=$engine
}

# The detector that was built beside tacho, as a file of one's own.
copy_model() {
    cp "$(dirname "$TACHO")/models/detector.onnx" net.onnx
}

# refused STATUS TEXT ARGUMENT...: tacho ends so, with one line that holds TEXT and says more.
refused() {
    local expected=$1 text=$2
    shift 2
    run_split "$TACHO" run -n 3 "$@"
    [ "$status" -eq "$expected" ] || {
        echo "exit status $status: $errors"
        return 1
    }
    [[ $errors == *"$text"* ]] || {
        echo "$errors"
        return 1
    }
    [ "$(grep -c '^tacho run:' <<<"$errors")" -eq 1 ]
}

# The worker of this test, by its working directory: other files of tests run at the same time.
worker_of() {
    local worker
    for worker in $(pgrep -f "^$(readlink -f "$TACHO") worker"); do
        [ "$(readlink "/proc/$worker/cwd")" != "$PWD" ] || echo "$worker"
    done
}

# ---- what works -------------------------------------------------------------------------------

@test "model: tacho run, without anything, measures the detector" {
    use_engine
    run_split "$TACHO" run
    [ "$status" -eq 0 ]
    [[ $output == *detector*fp32*"batch 1"* ]]
    [[ $output == *latency*throughput* ]]
    [ "$("$TACHO" runs show last --json | jq -r .label)" = "detector fp32 batch 1 cpu" ]
}

@test "model: exactly N measured inferences; first and profiled ones stand apart" {
    use_engine
    "$TACHO" run detector -n 40 --warmup 5 --json >run.json
    validate_json run.json
    [ "$(jq .metrics.latency_ms.n run.json)" -eq 40 ]
    [ "$(jq .phases.first.n run.json)" -eq 1 ]
    [ "$(jq .phases.profiled.n run.json)" -eq 2 ]
    [ "$(jq .phases.warmup.n run.json)" -eq 5 ]
    [ "$(jq .phases.steady.n run.json)" -eq 40 ]
    jq -e '.phases.load.time_s > 0 and .phases.session.time_s > 0' run.json
    jq -e '.metrics.load_ms.mean > 0 and .metrics.session_ms.mean > 0 and .metrics.first_ms.mean > 0' run.json
    jq -e '.metrics.peak_rss_mb.mean > 10 and .metrics.throughput_per_s.mean > 0' run.json
}

@test "model: what was measured, and by what, is part of the run" {
    use_engine
    "$TACHO" run detector -n 5 --threads 1 --seed 7 --json >run.json
    jq -e '.workload | .kind == "onnx" and .engine == "onnxruntime" and .provider == "cpu"
        and .precision == "fp32" and .compute_precision == "fp32" and .batch_size == 1
        and .threads == 1 and .streams == 1 and .seed == 7 and .loop == "closed"
        and .provider_shares == ["cpu 100.0 %"] and .parameters > 1000 and .opset > 0' run.json
    [ "$(jq -r .workload.model_sha256 run.json)" = "$(sha256sum "$(jq -r .workload.model run.json)" | cut -d' ' -f1)" ]
    [[ $(jq -r .workload.engine_version run.json) == 1.* ]]
    [ -e "$(jq -r .workload.engine_library run.json)" ]
    [ "$(jq -r '.workload.inputs[0]' run.json)" = "images float32 1x3x320x320" ]
}

@test "model: a file of one's own; batch, streams, shape, contents" {
    use_engine
    copy_model
    "$TACHO" run net.onnx -n 10 --batch-size 2 --streams 2 --input zeros --json >run.json
    jq -e '.workload | .name == "net" and .batch_size == 2 and .streams == 2 and .input_fill == "zeros"' run.json
    # items per second: two of them in each call
    jq -e '.metrics.throughput_per_s.mean * .metrics.latency_ms.mean | . > 1000 and . < 6000' run.json
    "$TACHO" run net.onnx -n 3 --input-shape images=3x3x320x320 --json >run.json
    [ "$(jq .workload.batch_size run.json)" -eq 3 ]
}

@test "model: --invocations K are K processes of N inferences" {
    use_engine
    "$TACHO" run detector -n 10 --invocations 3 --warmup 0 --json >run.json
    [ "$(jq '.invocations | length' run.json)" -eq 3 ]
    [ "$(jq .metrics.latency_ms.n run.json)" -eq 30 ]
    [ "$(jq .metrics.load_ms.n run.json)" -eq 3 ]
}

@test "model: a limit is judged" {
    use_engine
    # Not the throughput: where the machine does other things, its interval may reach any bound.
    run "$TACHO" run classifier -n 100 -d 1s --limit 'p50(latency_ms)<=10000' --limit 'peak_rss_mb<=100000'
    [ "$status" -eq 0 ]
    [[ $output == *PASS* ]]
    run "$TACHO" run classifier -n 30 --limit 'p50(latency_ms)<=0.001'
    [ "$status" -eq 1 ]
}

@test "model: --profile-ops stores the time of each node" {
    use_engine
    "$TACHO" run classifier -n 3 --profile-ops --json >run.json
    validate_json run.json
    jq -e '[.metrics | to_entries[] | select(.key | startswith("node_ms"))] | length > 20' run.json
}

# What lies in a Loop has times of its own, and they are no part of the Loop's; all calls of the
# first inference are kept apart, and not only one of six.
nodes_within_nodes() {
    need_engine "$1"
    export TACHO_ORT=$engine
    /usr/bin/python3 "$project_root/tests/support/make_loop_model.py" 6 128 loop.onnx
    "$TACHO" run loop.onnx -n 3 --profile-ops --json >run.json
    jq '[.metrics | to_entries[] | select(.key | startswith("node_ms"))
        | {key: (.key | split("@")[1] | split(" ")[0]), value: (.value | {n, mean})}] | from_entries' \
        run.json >nodes.json
    cat nodes.json
    jq -e '.turns.n == 29 and .end.n == 29 and .product.n == 174 and .choice.n == 174
        and .in_abs.n == 87 and .in_neg.n == 87' nodes.json
    jq -e --slurpfile run run.json \
        '[.[] | .n * .mean] | add <= 1000 * $run[0].phases.profiled.time_s' nodes.json
}

@test "model: --profile-ops of a Loop with an If counts no time twice" {
    nodes_within_nodes 1
}

@test "model: --profile-ops of a Loop with an If, on the oldest engine" {
    nodes_within_nodes 3
}

@test "model: an open loop counts from the intended start" {
    use_engine
    "$TACHO" run classifier --rate 20 -n 20 --threads 1 --json >run.json
    jq -e '.workload.loop == "open" and .workload.rate_per_s == 20 and .workload.arrival == "constant"' run.json
    jq -e '.metrics.latency_ms.mean >= .metrics.service_ms.mean' run.json
    jq -e '.metrics.send_lag_ms.n == .metrics.latency_ms.n' run.json
}

@test "model: more than it can serve is saturated, and no latency limit passes" {
    use_engine
    run_split "$TACHO" run detector --rate 100000 --duration 1s --threads 1 --json \
        --limit 'p50(latency_ms)<=100000'
    [ "$status" -ne 0 ]
    jq -e '.findings[] | select(.rule == "saturated")' <<<"$output"
    jq -e '.metrics.unserved_wait_ms.n > 0' <<<"$output"
    jq -e '.verdict.outcome != "pass"' <<<"$output"
}

@test "model: a run too short for a throughput says so" {
    use_engine
    /usr/bin/python3 "$project_root/tests/support/make_loop_model.py" 2 4 tiny.onnx
    # All within the window in which the warm-up began, unless the machine did something else.
    for _ in 1 2 3 4 5; do
        "$TACHO" run tiny.onnx -n 1 --warmup 3 --json >run.json
        jq -e '.metrics.throughput_per_s.mean == null' run.json && break
    done
    jq -e '.metrics.throughput_per_s | .value == null and .reason == "too_few"
        and (.why | contains("window of a rate"))' run.json
}

@test "model: precision is a fact: variants, and how far their outputs are" {
    use_engine
    "$TACHO" run detector --precision int8 -n 5 --json >run.json
    jq -e '.workload | .precision == "int8" and .compute_precision == "int8"' run.json
    jq -e '.findings[] | select(.rule == "output_difference") | .value > 0 and .value < 20' run.json
    # A CPU computes fp16 in fp32, and that is said.
    "$TACHO" run detector --precision fp16 -n 5 --json >run.json
    jq -e '.workload | .precision == "fp16" and .compute_precision == "fp32"' run.json
    jq -e '.findings[] | select(.rule == "compute_precision")' run.json
}

@test "model: nothing is left behind" {
    use_engine
    mkdir tmp
    TMPDIR=$PWD/tmp "$TACHO" run detector -P int8 -n 3 --profile-ops
    [ -z "$(ls -A tmp)" ]
    [ -z "$(worker_of)" ]
}

@test "model: what a killed tacho left behind goes with the next run" {
    use_engine
    mkdir tmp tmp/tacho-worker-old tmp/tacho-worker-new tmp/tacho-worker-used
    touch -d '1 hour ago' tmp/tacho-worker-old/profile
    touch -d '1 hour ago' tmp/tacho-worker-old tmp/tacho-worker-used
    exec 9<tmp/tacho-worker-used
    flock -x 9
    TMPDIR=$PWD/tmp "$TACHO" run detector -n 3
    [ "$(ls tmp | paste -sd' ')" = "tacho-worker-new tacho-worker-used" ]
}

# In the middle of the measurement the worker stops answering.
@test "model: the first Ctrl-C ends a worker that hangs" {
    use_engine
    env --default-signal=INT "$TACHO" run detector --duration 60s --json >run.json 2>errors &
    pid=$!
    until launcher=$(pgrep -P "$pid") && worker=$(pgrep -P "$launcher"); do sleep 0.05; done
    sleep 1.5
    kill -STOP "$worker"
    kill -INT "$pid"
    status=0
    timeout 60 tail --pid="$pid" -f /dev/null || kill -KILL "$pid" "$worker"
    wait "$pid" || status=$?
    [ "$status" -eq 130 ]
    [ "$(jq -r .state run.json)" = "interrupted" ]
    [ "$("$TACHO" runs show last --json | jq -r .state)" = "interrupted" ]
    ! kill -0 "$worker" 2>/dev/null || false
}

@test "model: what fails before anything is measured writes nothing" {
    mkdir broken
    echo nonsense >broken/libonnxruntime.so
    export TACHO_ORT=$PWD/broken
    for command in "run detector" "run --auto" "bench batching detector"; do
        # shellcheck disable=SC2086 # words
        run_split "$TACHO" $command
        [ "$status" -eq 4 ]
        [ ! -e .tacho ]
    done
    use_engine
    run_split "$TACHO" run detector --provider xnnpack --metrics-csv rows.csv
    [ "$status" -eq 4 ]
    [ ! -e .tacho ] && [ ! -e rows.csv ]
    # and what is measured is stored whole, though the store was made on the way
    "$TACHO" run detector -n 7 --warmup 0 --json --export run.json >shown.json
    "$TACHO" runs export last >stored.json
    cmp run.json stored.json
}

@test "model: too many threads are said at once, far too many are refused" {
    use_engine
    cpus=$(nproc)
    run_split "$TACHO" run classifier -n 2 --warmup 0 --threads $((4 * cpus + 1)) --json
    [ "$status" -eq 0 ]
    [[ $errors == *"$((4 * cpus + 1)) threads"* ]]
    jq -e '.findings[] | select(.rule == "too_many_threads") | .value == '$((4 * cpus + 1)) <<<"$output"
    # Not where nobody asked, and not for as many as there are.
    run_split "$TACHO" run classifier -n 2 --warmup 0 --threads 1 --json
    [ -z "$errors" ]
    jq -e '[.findings[] | select(.rule == "too_many_threads")] | length == 0' <<<"$output"
    [ "$cpus" -ge 64 ] || refused 2 "4096 threads are too many" classifier --threads 4096
}

@test "model: an address space that is too small is exit 4, and said" {
    use_engine
    # What the engine needs depends on its version: whichever limit it is that stops it.
    for kilobytes in 60000 100000; do
        status=0
        (ulimit -v "$kilobytes" && exec "$TACHO" run classifier -n 2) 2>errors >/dev/null || status=$?
        [ "$status" -eq 0 ] || [ "$status" -eq 4 ]
        [ "$status" -eq 0 ] || grep -q "address space is limited to .*ulimit -v" errors
    done
    status=0
    (ulimit -v 50000 && exec "$TACHO" run classifier -n 2) 2>/dev/null >/dev/null || status=$?
    [ "$status" -eq 4 ]
}

@test "model: Ctrl-C stores what there is as interrupted" {
    use_engine
    env --default-signal=INT "$TACHO" run detector --duration 60s --json >run.json 2>errors &
    local pid=$!
    for _ in {1..100}; do [ -n "$(worker_of)" ] && break || sleep 0.1; done
    sleep 2
    kill -INT "$pid"
    local status=0
    wait "$pid" || status=$?
    [ "$status" -eq 130 ]
    [ "$(jq -r .state run.json)" = "interrupted" ]
    jq -e '.metrics.latency_ms.n > 0' run.json
}

@test "model: two versions of the engine, side by side" {
    use_engine 1
    "$TACHO" run detector -n 5 --json >new.json
    use_engine 2
    "$TACHO" run detector -n 5 --json >old.json
    [ "$(jq -r .workload.engine_version new.json)" != "$(jq -r .workload.engine_version old.json)" ]
    [ "$(jq -r .workload.model_sha256 new.json)" = "$(jq -r .workload.model_sha256 old.json)" ]
}

# ---- bad input that needs no engine ------------------------------------------------------------

@test "bad model: missing, cut off, empty, no ONNX" {
    copy_model
    head -c 100000 net.onnx >cut.onnx
    echo "this is a text" >text.onnx
    : >empty.onnx
    refused 2 "missing.onnx: no such file" missing.onnx
    refused 2 "cut off" cut.onnx
    refused 2 "not an ONNX model" text.onnx
    refused 2 "empty" empty.onnx
    [ ! -e .tacho ]
}

@test "bad model: a shape or batch that does not fit" {
    copy_model
    refused 2 "cannot be 4" net.onnx --input-shape 1x4x320x320
    refused 2 "3 dimensions" net.onnx --input-shape 1x3x320
    refused 2 "size zero" net.onnx --input-shape images=0x3x320x320
    refused 2 "no input 'image'" net.onnx --input-shape image=1x3x320x320
    refused 2 "no such file" net.onnx --input missing.npy
    refused 2 "contradict each other" net.onnx --input-shape 1x3x320x320 --batch-size 2
}

@test "bad model: a device, precision, provider or profile that is none says which there are" {
    refused 2 "unknown device 'cudda'" --device cudda
    [[ $errors == *"did you mean cuda"* ]]
    refused 2 "unknown device 'toaster'" --device toaster
    [[ $errors == *"tacho devices"* ]]
    refused 2 "fp17" --precision fp17
    refused 2 "unknown provider 'cuba'" --provider cuba
    refused 2 "unknown profile" --profile ci_smok
    refused 2 "contradict each other" --device cpu --provider cuda
    refused 2 "which provider" --device npu
}

@test "bad model: a precision that there is none of is 4, one that is only in the name 2" {
    copy_model
    cp net.onnx net.int8.onnx
    refused 4 "net.fp16.onnx" net.onnx --precision fp16
    refused 2 "its tensors are fp32" net.onnx --precision int8
    refused 2 "its tensors are fp32" net.int8.onnx --precision int8
    refused 4 "fp16, int8" detector --precision bf16
}

@test "bad model: no engine, no library, another architecture" {
    copy_model
    TACHO_ORT=/nowhere refused 4 "TACHO_ORT" net.onnx
    mkdir empty
    TACHO_ORT=$PWD/empty refused 4 "no libonnxruntime.so" net.onnx
    echo "no library" >libonnxruntime.so
    TACHO_ORT=$PWD/libonnxruntime.so refused 4 "libonnxruntime.so" net.onnx
    # A header of a machine that this one is not (EM_S390).
    { head -c 18 "$(command -v env)" && printf '\026\000' && head -c 4096 "$(command -v env)" | tail -c +21; } >other.so
    TACHO_ORT=$PWD/other.so refused 4 "other.so" net.onnx
}

@test "bad model: with no engine nothing is printed but why, and no run is stored" {
    copy_model
    mkdir empty
    export TACHO_ORT=$PWD/libonnxruntime.so
    cp "$(command -v env)" libonnxruntime.so
    for flags in "" -q -v "--format markdown" "--format csv"; do
        # shellcheck disable=SC2086 # flags are words
        refused 4 "no ONNX Runtime that can be used" net.onnx $flags
        [ -z "$output" ]
    done
    refused 4 "no ONNX Runtime that can be used" net.onnx --json --export run.json --export-csv run.csv
    [ "$(jq -rs 'length, .[0].schema, .[0].code' <<<"$output" | paste -sd' ')" = "1 tacho.error/1 unsupported" ]
    [ ! -e run.json ] && [ ! -e run.csv ]
    refused 4 "no ONNX Runtime that can be used" net.onnx --metrics-csv rows.csv
    [ ! -e rows.csv ]
    run_split "$TACHO" bench batching net.onnx --batch-sizes 1,2 --json
    [ "$status" -eq 4 ]
    [ "$(jq -r .schema <<<"$output")" = "tacho.error/1" ]
    [ "$("$TACHO" runs list --json | jq '.runs | length')" -eq 0 ]
}

@test "bad model: a wrong value of a flag does not send the model behind --" {
    refused 2 "is not a whole number between 1 and 65536" detector --batch-size 0
    [[ $errors != *"is detector the program"* ]]
    copy_model
    refused 2 "is not a number between" net.onnx --rate 0
    [[ $errors != *"Then put --"* ]]
    run_split "$TACHO" bench batching --batch-size x
    [ "$status" -eq 2 ]
    [[ $errors != *"Then put --"* ]]
}

@test "bad model: words that are no model" {
    refused 2 "did you mean the model detector" detektor
    refused 2 "stands before '--'" ls
    refused 2 "stands before '--'" detector -- true
    refused 2 "nothing to measure" --metric 'x=([0-9]+)'
    refused 2 "--rate 50" --arrival poisson
}

# ---- bad input that the engine refuses ----------------------------------------------------------

@test "bad model: newer than the engine, an operator that it does not have" {
    use_engine
    copy_model
    { printf '\010\143' && tail -c +3 net.onnx; } >newer.onnx # ir_version 99
    LC_ALL=C sed 's/Sigmoid/Sigmoix/g' net.onnx >operator.onnx
    refused 2 "IR version" newer.onnx
    refused 2 "Sigmoix" operator.onnx
    [[ $errors == *"a newer one"* ]]
}

@test "bad model: a provider that is not in this engine is 4 with how to get it" {
    use_engine
    refused 4 "Xnnpack" --provider xnnpack
    [[ $errors == *xnnpack* ]]
    command -v nvidia-smi >/dev/null && return
    refused 4 CUDA --device cuda
    # These hand an option to the provider, which is then the first that is not there.
    refused 4 "the CUDA provider cannot be used" --device nvidia_1
    refused 4 "the CUDA provider cannot be used" --provider cuda --provider-option a=b
    refused 4 "the TensorRT provider cannot be used" --device dla
    [[ $errors == *onnxruntime-gpu* ]]
}

@test "bad model: more memory than there is stops before the machine does" {
    use_engine
    run_split "$TACHO" run detector -n 3 --batch-size 65536
    [ "$status" -eq 2 ] || [ "$status" -eq 5 ]
    [[ $errors == *memory* ]]
    [[ $errors == *batch-size* ]]
}

@test "bad model: a worker that is killed is 5, with where it was" {
    use_engine
    "$TACHO" run detector --duration 60s >out 2>errors &
    local pid=$! worker
    for _ in {1..100}; do [ -n "$(worker_of)" ] && break || sleep 0.1; done
    sleep 2
    worker=$(worker_of)
    kill -SEGV "$worker"
    local status=0
    wait "$pid" || status=$?
    [ "$status" -eq 5 ]
    grep -q 'signal 11' errors
    grep -q 'in the measured inferences' errors
}

@test "bad model: a time-out" {
    use_engine
    refused 5 "ran longer than" --timeout 1ms
}
