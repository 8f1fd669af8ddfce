#!/usr/bin/env bats
# devices.bats: `tacho devices`: on this machine, on recorded trees, with the stand-in of NVML.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

trees=$project_root/tests/trees

# A stand-in of libnvidia-ml.so.1 that the build makes beside the small programs.
use_gpus() {
    export TACHO_NVML=$TACHO_PROGS/libnvidia-ml.so.1
    [ -e "$TACHO_NVML" ] || skip "the stand-in of NVML is not built"
    export NVML_STANDIN_DEVICES=$1
}

fact() { # FILE ID KEY
    jq -c --arg id "$2" --arg key "$3" '.devices[] | select(.id == $id) | .facts[$key]' "$1"
}

@test "devices: this machine has a CPU, and what is not here says why" {
    export TACHO_ORT=$PWD/nowhere
    run "$TACHO" devices
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == cpu_0* ]]
    [[ "$output" == *"CPUs online"* ]]
    [[ "$output" == *"not here"* ]]
    [[ "$output" == *engines* ]]
    [ -z "$(ls -A)" ] # a reading command creates nothing
    [ "$("$TACHO" devices --list)" = "$output" ]
}

@test "devices: no engine is an answer, with how to get one, and no failure" {
    export TACHO_ORT=$PWD/nowhere
    "$TACHO" devices --json >devices.json
    validate_json devices.json
    jq -e '.devices[] | select(.id == "cpu_0") | .providers == []' devices.json
    jq -e '.engines[] | select(.name == "onnxruntime") |
        .version == null and .file == null and (.why | length > 0) and (.hint | length > 0)' devices.json
}

@test "devices: the number of CPUs is the kernel's" {
    export TACHO_ORT=$PWD/nowhere
    "$TACHO" devices cpu --json >devices.json
    validate_json devices.json
    [ "$(jq '.devices | length' devices.json)" -eq 1 ]
    [ "$(fact devices.json cpu_0 cpus_online)" -eq "$(getconf _NPROCESSORS_ONLN)" ]
    [ "$(fact devices.json cpu_0 cpus_allowed)" -eq "$(nproc)" ]
    kb=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)
    [ "$(jq '.devices[0].facts.mem_total_mb * 1024 | round' devices.json)" -eq "$kb" ]
    for word in avx2 avx512f asimd; do
        here=$(grep -m1 -cE "^(flags|Features).* $word( |\$)" /proc/cpuinfo || true)
        [ "$(jq --arg w "$word" '.devices[0].facts.features // [] | map(select(. == $w)) | length' devices.json)" -eq "$here" ]
    done
}

@test "devices: one by its id, type or old name; a missing one is exit 4, an unknown one 2" {
    export TACHO_ROOT=$trees/xavier-nx
    for name in jetson_0 cuda nvidia_jetson_0; do
        "$TACHO" devices "$name" --json >one.json
        [ "$(jq -r '.devices[].id' one.json)" = jetson_0 ]
    done
    [ "$("$TACHO" devices -q | tr '\n' ' ')" = "cpu_0 jetson_0 dla_0 dla_1 " ]
    run "$TACHO" devices nvidia_0
    [ "$status" -eq 4 ]
    [[ "$output" == *"no device 'nvidia_0'"*"cpu_0, jetson_0, dla_0, dla_1"* ]]
    run "$TACHO" devices toaster
    [ "$status" -eq 2 ]
    [[ "$output" == *"unknown device 'toaster'"*"cpu_0, jetson_0, dla_0, dla_1"* ]]
    run "$TACHO" devices cpu_0 dla_0
    [ "$status" -eq 2 ]
    run "$TACHO" devices --list cpu_0
    [ "$status" -eq 2 ]
    "$TACHO" devices nonsense --json >error.json 2>/dev/null || true
    validate_json error.json
}

@test "devices: recorded boards, each with what stands in its files" {
    for board in pc pi5 jetson-nano xavier-nx orin-nano agx-orin hostile; do
        TACHO_ROOT=$trees/$board "$TACHO" devices --json >"$board.json"
        validate_json "$board.json"
        # the engines of this machine say nothing about another one
        jq -e '.engines[] | .version == null and (.why | contains("recorded"))' "$board.json"
        # what is null has a reason
        jq -e '.devices[] | (.facts_reasons // {}) as $why |
            [.facts | to_entries[] | select(.value == null) | $why[.key] != null] | all' "$board.json"
    done
    [ "$(fact jetson-nano.json jetson_0 l4t_release)" = '"32.7.1"' ]
    [ "$(fact jetson-nano.json cpu_0 cpus_online_list)" = '"0-1"' ]
    [ "$(fact jetson-nano.json cpu_0 cpus_present)" = 4 ]
    [ "$(fact orin-nano.json jetson_0 gpu_mhz_max)" = 624.75 ]
    [ "$(fact orin-nano.json cpu_0 power_mode)" = '"0 (15W)"' ]
    [ "$(fact xavier-nx.json dla_1 node)" = '"158c0000.nvdla1"' ]
    [ "$(fact pi5.json cpu_0 features)" = '["asimd","asimdhp","asimddp"]' ]
    jq -e '.absent.dla | contains("disabled")' orin-nano.json
    jq -e '.absent.jetson | contains("nv_tegra_release")' pi5.json
    run env TACHO_ROOT="$trees/hostile" "$TACHO" devices -v
    [ "$status" -eq 0 ]
    [[ "$output" != *$'\e'* ]]
}

@test "devices: NVIDIA GPUs, and a driver that refuses" {
    use_gpus 2
    export TACHO_ROOT=$trees/pc
    "$TACHO" devices --json >devices.json
    validate_json devices.json
    [ "$(jq -r '[.devices[].id] | join(" ")' devices.json)" = "cpu_0 nvidia_0 nvidia_1" ]
    [ "$(fact devices.json nvidia_1 uuid)" = '"GPU-00000000-0000-0000-0000-000000000001"' ]
    [ "$(fact devices.json nvidia_0 gpu_mem_total_mb)" = 8192.0 ] ||
        [ "$(fact devices.json nvidia_0 gpu_mem_total_mb)" = 8192 ]
    run "$TACHO" devices
    [[ "$output" == *"driver 550.54.15, CUDA 12.4"* ]]
    NVML_STANDIN_FAULT=mismatch run "$TACHO" devices
    [ "$status" -eq 0 ]
    [[ "$output" == *reboot* ]]
    NVML_STANDIN_FAULT=lost1 "$TACHO" devices --json >lost.json
    validate_json lost.json
    jq -e '.devices[] | select(.id == "nvidia_1") | (.is_usable | not) and (.why | contains("lost"))' lost.json
}

@test "devices: with an engine, the CPU runs what was tried" {
    need_engine
    export TACHO_ORT=$engine
    "$TACHO" devices --json >devices.json
    validate_json devices.json
    jq -e '.engines[] | select(.name == "onnxruntime") | .version | test("^1\\.[0-9]+")' devices.json
    jq -e '.devices[] | select(.id == "cpu_0") | .providers[] | select(.name == "cpu") |
        .usable and (.precisions | index("fp32"))' devices.json
    run "$TACHO" devices
    [[ "$output" == *"works: fp32"* ]]
}
