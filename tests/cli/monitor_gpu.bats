#!/usr/bin/env bats
# monitor_gpu.bats: `tacho monitor gpu` with the stand-in of NVML and on recorded boards.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

# A stand-in of libnvidia-ml.so.1 that the build makes beside the small programs.
use_gpus() {
    export TACHO_NVML=$TACHO_PROGS/libnvidia-ml.so.1
    [ -e "$TACHO_NVML" ] || skip "the stand-in of NVML is not built"
    export NVML_STANDIN_DEVICES=$1
}

@test "monitor gpu: a row for each GPU and interval, and the driver's reasons" {
    use_gpus 2
    run "$TACHO" monitor gpu --duration 1 --interval 200ms --output gpu.csv
    [ "$status" -eq 0 ]
    [[ "$output" == *"not judged: no limits"*"2 GPUs"* ]]
    [[ "$output" == *"held back nvidia_1 in "*": power cap"* ]]
    [ "$(head -1 gpu.csv)" = "timestamp,gpu,gpu_util_pct,gpu_mem_used_mb,gpu_mem_total_mb,gpu_temp_c,gpu_power_w,gpu_mhz,gpu_mem_mhz,gpu_throttle_reasons" ]
    [ "$(grep -c ',nvidia_0,40,2048,8192,55,75.5,1800,5000,4$' gpu.csv)" -ge 4 ]
    [ "$(grep -c ',nvidia_1,41,2048,8192,55,75.5,1800,5000,4$' gpu.csv)" -ge 4 ]
    "$TACHO" runs show --json >run.json
    validate_json run.json
    jq -e '[.findings[].rule] | index("gpu_throttling") and (index("throttling") | not)' run.json
    jq -e '.metrics["gpu_power_w@nvidia_0"].mean == 75.5' run.json
}

@test "monitor gpu: into a pipe it is a CSV, the summary goes to stderr" {
    use_gpus 1
    run_split "$TACHO" monitor gpu --duration 500ms --interval 250ms --no-store
    [ "$status" -eq 0 ]
    [ "${output%%,*}" = timestamp ]
    [[ "$errors" == *"1 GPU "* ]]
    [ ! -e .tacho ]
}

@test "monitor gpu: limits judge, the run is what --json prints" {
    use_gpus 1
    run_split "$TACHO" monitor gpu --duration 500ms --interval 250ms --limit 'max(gpu_temp_c)<=50' --json
    [ "$status" -eq 1 ]
    echo "$output" >run.json
    validate_json run.json
    jq -e '.verdict.outcome == "fail" and .state == "complete"' run.json
    "$TACHO" monitor gpu --duration 500ms --interval 250ms --limit 'max(gpu_temp_c)<=60' --no-store >/dev/null
}

@test "monitor gpu: no GPU, a driver that refuses, one that tells nothing: exit 4 with the reason" {
    TACHO_ROOT=$project_root/tests/trees/pi5 run "$TACHO" monitor gpu --duration 1
    [ "$status" -eq 4 ]
    [[ "$output" == *"no GPU to watch"*"Tegra"* ]]
    use_gpus 1
    NVML_STANDIN_FAULT=driver run "$TACHO" monitor gpu --duration 1
    [ "$status" -eq 4 ]
    [[ "$output" == *"driver is not loaded"* ]]
    NVML_STANDIN_FAULT=unsupported run "$TACHO" monitor gpu --duration 1
    [ "$status" -eq 4 ]
    [[ "$output" == *"tells anything"* ]]
    NVML_STANDIN_FAULT=permission run "$TACHO" monitor gpu --duration 1 --json
    [ "$status" -eq 4 ]
}

@test "monitor gpu: a Jetson by its sysfs" {
    export TACHO_ROOT=$project_root/tests/trees/xavier-nx
    "$TACHO" monitor gpu --duration 500ms --interval 250ms --no-store --output gpu.csv >summary
    grep -q ',jetson_0,87,768,,,0.6,803,,$' gpu.csv
    grep -q '1 GPU ' summary
}

@test "monitor gpu: flags of others and an interval without a row are refused" {
    use_gpus 1
    local given
    for given in "--pid 1" "--url http://x" "--num-layers 3" "--columns +threads" "--collector proc" "nvidia_0" \
        "--window 1" "--threshold 101" "--duration 100ms --interval 1" "--once" "-- true"; do
        # shellcheck disable=SC2086
        run "$TACHO" monitor gpu $given
        [ "$status" -eq 2 ] || { echo "$given: $status"; false; }
    done
    [ -z "$(ls -A)" ]
}
