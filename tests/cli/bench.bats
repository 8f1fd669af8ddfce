#!/usr/bin/env bats
# bench.bats: several configurations in turn: `tacho bench`, and `tacho run --auto`.

load helper

cores_here() { nproc; }

@test "bench cores: measures, stores one run for each number of cores, and prints a table" {
    run "$TACHO" bench cores --cores 1 --rounds 3 -- sleep 0.02
    [ "$status" -eq 0 ]
    [[ "$output" == *"speed-up"* ]]
    [[ "$output" == *"rests on"*"3 rounds"* ]]
    [ "$("$TACHO" runs list --json | jq -r '.runs[].label')" = "sleep 0.02: 1 core" ]
}

@test "bench cores: --json and --export fit the schema" {
    "$TACHO" bench cores --cores 1 --rounds 2 --json --export export.json -- true >bench.json
    validate_json bench.json
    validate_json export.json
    [ "$(jq -r .kind bench.json)" = cores ]
    [ "$(jq -r '.configurations[0].name' bench.json)" = "1 core" ]
    jq -e '.configurations[0].metrics.latency_p50.value > 0' bench.json
    jq -e '.configurations[0].metrics.energy_per_item | .value != null or (.why | length > 0)' bench.json
    "$TACHO" runs show "$(jq -r '.configurations[0].run' bench.json)" --json >run.json
    validate_json run.json
}

@test "bench cores: two cores beside one, with speed-up, fit and as many threads" {
    [ "$(cores_here)" -ge 2 ] || skip "one core here"
    "$TACHO" bench cores --cores 2,1,2 --rounds 3 --json -- \
        sh -c '[ "$OMP_NUM_THREADS" = 2 ] && exec sleep 0.05; exec sleep 0.1' >bench.json
    [ "$(jq -c '[.configurations[].cores]' bench.json)" = "[1,2]" ]
    [ "$(jq -c '[.configurations[].threads]' bench.json)" = "[1,2]" ]
    jq -e '.configurations[1].metrics.speedup.value > 1.3' bench.json
    jq -e '.fit.serial >= 0 and .fit.serial < 0.5' bench.json
    [ "$(jq -r .best.latency.name bench.json)" = "2 cores" ]
}

@test "bench cores: more threads than cores is said" {
    run "$TACHO" bench cores --cores 1 --threads 4 --rounds 2 -- true
    [ "$status" -eq 0 ]
    [[ "$output" == *"4 threads share 1 core"* ]]
}

@test "bench cores: markdown, csv and --quiet" {
    run "$TACHO" bench cores --cores 1 --rounds 2 --format markdown -- true
    [[ "$output" == *"| cores | threads |"* ]]
    run "$TACHO" bench cores --cores 1 --rounds 2 --format csv --export-csv units.csv -- true
    [[ "${lines[0]}" == timestamp,* ]]
    [ "$(head -1 units.csv)" = "${lines[0]}" ]
    run "$TACHO" bench cores --cores 1 --rounds 2 --no-store-run -q -- true
    [ "${#lines[@]}" -eq 1 ]
    [[ "$output" == *"fastest"*"1 core"* ]]
}

@test "bench cores: wrong lists exit 2 and say why" {
    run_split "$TACHO" bench cores --cores 1,4096 -- true
    [ "$status" -eq 2 ]
    [[ "$errors" == *"4096 cores were asked for, and there"*"$(cores_here)"* ]]
    run_split "$TACHO" bench cores --cores 0,1 -- true
    [ "$status" -eq 2 ]
    run_split "$TACHO" bench cores --cores one -- true
    [ "$status" -eq 2 ]
    [[ "$errors" == *"--cores"* ]]
    run_split "$TACHO" bench cores --images 3 -- true
    [ "$status" -eq 2 ]
    [ ! -e .tacho ]
}

@test "bench: which kind, and a misspelt one" {
    run_split "$TACHO" bench
    [ "$status" -eq 2 ]
    [[ "$errors" == *"batching and cores"* ]]
    run_split "$TACHO" bench corse -- true
    [ "$status" -eq 2 ]
    [[ "$errors" == *"did you mean cores"* ]]
    run_split "$TACHO" bench batching -- true
    [ "$status" -eq 2 ]
    [[ "$errors" == *"takes a model"* ]]
    run_split "$TACHO" bench cores --limit 'wall_ms<=1' -- true
    [ "$status" -eq 2 ]
    [[ "$errors" == *"tacho run"* ]]
}

@test "bench: a program that fails everywhere exits 5, one that is not there too" {
    run "$TACHO" bench cores --cores 1 -- false
    [ "$status" -eq 5 ]
    run "$TACHO" bench cores --cores 1 -- ./not-there
    [ "$status" -eq 5 ]
}

@test "bench: one configuration that fails leaves the others" {
    [ "$(cores_here)" -ge 2 ] || skip "one core here"
    "$TACHO" bench cores --cores 1,2 --rounds 2 --json -- sh -c 'exit $((OMP_NUM_THREADS - 1))' >bench.json
    validate_json bench.json
    [ "$(jq -r '.findings[] | select(.rule == "configuration_failed") | .rule' bench.json)" = configuration_failed ]
    [ "$(jq -r '.configurations[1].error.code' bench.json)" = program ]
    [ "$(jq -r '.configurations[1].state' bench.json)" = interrupted ]
    jq -e '.configurations[0].metrics.latency_p50.value > 0' bench.json
}

@test "bench: limits of tacho.yaml and a profile are not for it" {
    printf 'limits:\n  - wall_ms<=0.0001\n' >tacho.yaml
    TACHO_PROFILE=ci_smoke "$TACHO" bench cores --cores 1 --rounds 2 --json -- true >bench.json
    [ "$(jq .verdict bench.json)" = null ]
}

@test "bench: Ctrl-C shows and keeps what was measured, and exits 130" {
    "$TACHO" bench cores --cores 1 --duration 60 -- sleep 0.05 >out 2>err &
    pid=$!
    sleep 1.5
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 130 ]
    grep -q "interrupted" out
    [ "$("$TACHO" runs list --json | jq -r '.runs[0].state')" = interrupted ]
}

@test "run --auto: contradictions and flags that only narrow it" {
    run_split "$TACHO" run --auto --device cpu
    [ "$status" -eq 2 ]
    [[ "$errors" == *"contradict"*"--devices"* ]]
    run_split "$TACHO" run --auto --manual
    [ "$status" -eq 2 ]
    run_split "$TACHO" run --auto -- true
    [ "$status" -eq 2 ]
    run_split "$TACHO" run --precisions int8 -- true
    [ "$status" -eq 2 ]
    [[ "$errors" == *"--auto was not given"* ]]
    run_split "$TACHO" run --auto --precisions fp33
    [ "$status" -eq 2 ]
    run_split "$TACHO" run --auto --devices tpu
    [ "$status" -eq 2 ]
    [[ "$errors" == *"unknown device 'tpu'"*"cpu_0"* ]]
    run_split "$TACHO" run --auto --devices jetson_7
    [ "$status" -eq 4 ]
    [[ "$errors" == *"no device 'jetson_7' here"*"cpu_0"* ]]
}

@test "run --auto: without an engine it exits 4 and says how to get one" {
    run_split env TACHO_ORT="$PWD/none" "$TACHO" run --auto
    [ "$status" -eq 4 ]
    [[ "$errors" == *"TACHO_ORT"* ]]
}

@test "bench batching: latency per call and per image, throughput" {
    need_engine
    export TACHO_ORT=$engine
    "$TACHO" bench batching --batch-sizes 2,1,2 --images 24 --rounds 2 --json classifier >bench.json
    validate_json bench.json
    [ "$(jq -c '[.configurations[].batch_size]' bench.json)" = "[1,2]" ]
    [ "$(jq -c '[.configurations[].n]' bench.json)" = "[24,12]" ]
    [ "$(jq '.configurations[0].n_invocations' bench.json)" -eq 2 ]
    jq -e '.configurations[1].metrics | .throughput.value > 0 and .peak_memory.value > 1' bench.json
    jq -e '.configurations[1].metrics | .latency_per_item_p50.value * 2 - .latency_p50.value | fabs < 1e-9' bench.json
    [ "$("$TACHO" runs list --json | jq '.runs | length')" -eq 2 ]
}

@test "bench batching: a size that does not fit into memory is a finding, the others stand" {
    need_engine
    # 65536 images of the classifier are 37 GB
    [ "$(awk '/^MemAvailable/ {print $2}' /proc/meminfo)" -lt 30000000 ] || skip "too much memory here"
    TACHO_ORT=$engine "$TACHO" bench batching --batch-sizes 1,65536 --images 6 --json classifier >bench.json
    validate_json bench.json
    jq -e '.configurations[0].n == 6 and .configurations[1].n == 0' bench.json
    jq -e '.configurations[1].error.code | length > 0' bench.json
    jq -e '[.findings[].rule] | contains(["configuration_failed"])' bench.json
}

@test "bench batching: a model with a static batch is one clear error" {
    need_engine
    [ -e "$project_root/data/models/probe.fp32.onnx" ] || [ -e "${TACHO%/*}/models/probe.fp32.onnx" ] || skip "no probe model"
    model=${TACHO%/*}/models/probe.fp32.onnx
    [ -e "$model" ] || model=$project_root/data/models/probe.fp32.onnx
    run_split env TACHO_ORT="$engine" "$TACHO" bench batching "$model" --batch-sizes 1,4
    [ "$status" -eq 2 ]
    [[ "$errors" == *"static batch"* ]]
    [ ! -e .tacho ]
}

@test "bench cores: a model" {
    need_engine
    [ "$(cores_here)" -ge 2 ] || skip "one core here"
    TACHO_ORT=$engine "$TACHO" bench cores --cores 1,2 --rounds 2 --duration 1 --json classifier >bench.json
    validate_json bench.json
    jq -e '.configurations | all(.n_invocations == 2)' bench.json
    jq -e '.configurations[1].metrics.speedup.value > 0' bench.json
}

@test "run --auto: every configuration that works, with the best of them" {
    need_engine
    export TACHO_ORT=$engine
    "$TACHO" run --auto --devices cpu -n 10 --limit 'p50(latency_ms)<=60000' --json classifier >auto.json
    validate_json auto.json
    [ "$(jq -r .schema auto.json)" = tacho.runs/1 ]
    jq -e '.runs | length >= 2' auto.json
    jq -e '[.comparison.configurations[].name] | contains(["cpu_0 fp32 batch 1"])' auto.json
    jq -e '.comparison.best.latency.name | startswith("cpu_0")' auto.json
    jq -e '.comparison.best.energy != null or (.comparison.configurations[0].metrics.energy_per_item.why | length > 0)' auto.json
    run "$TACHO" run --auto --devices cpu -n 10 --limit 'p50(latency_ms)<=0.000001' --precisions fp32 --batch-sizes 1 classifier
    [ "$status" -eq 1 ]
    [[ "$output" == FAIL* ]]
}

@test "run --auto: --max-configs-per-device says what it left out" {
    need_engine
    run env TACHO_ORT="$engine" "$TACHO" run --auto --devices cpu -n 5 --max-configs-per-device 1 classifier
    [ "$status" -eq 0 ]
    [[ "$output" == *"left out by"*"--max-configs-per-device"* ]]
}

@test "run --auto: a model that cannot be read is 2 and says what is wrong with it" {
    need_engine
    head -c 1000 "$(dirname "$TACHO")/models/detector.onnx" >cut.onnx
    for flags in "" "--precisions int8" "--batch-sizes 1"; do
        # shellcheck disable=SC2086 # flags are words
        run_split env TACHO_ORT="$engine" "$TACHO" run --auto cut.onnx $flags
        [ "$status" -eq 2 ]
        [[ $errors == *"cut.onnx: cut off"* ]]
    done
    [ ! -e .tacho ]
}

@test "bench: -n is how many units of each configuration are measured" {
    "$TACHO" bench cores --cores 1 -n 7 --warmup 0 --json -- true >bench.json
    validate_json bench.json
    [ "$(jq '.configurations[0].n' bench.json)" -eq 7 ]
    run_split "$TACHO" bench cores --cores 1 -n 5 --rounds 2 -- true
    [ "$status" -eq 2 ]
    [[ $errors == *"-n and --rounds contradict each other"* ]]
    run_split "$TACHO" bench batching -n 5 --images 10
    [ "$status" -eq 2 ]
    [[ $errors == *"-n and --images contradict each other"* ]]
    need_engine
    TACHO_ORT=$engine "$TACHO" bench batching classifier --batch-sizes 1,2 --rounds 2 -n 11 --warmup 0 --json >bench.json
    validate_json bench.json
    [ "$(jq -c '[.configurations[].n]' bench.json)" = "[12,12]" ]
}

@test "bench: Ctrl-C stores no run of what had not had its turn" {
    need_engine
    TACHO_ORT=$engine env --default-signal=INT "$TACHO" bench batching classifier --rounds 50 -d 60s >out 2>errors &
    local pid=$! status=0
    for _ in {1..100}; do pgrep -f "^$(readlink -f "$TACHO") worker" >/dev/null && break || sleep 0.05; done
    sleep 0.2
    kill -INT "$pid"
    wait "$pid" || status=$?
    [ "$status" -eq 130 ]
    "$TACHO" runs list --json | jq -e '(.runs | length) < 5 and all(.runs[]; .units > 0)'
}
