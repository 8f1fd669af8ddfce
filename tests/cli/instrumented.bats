#!/usr/bin/env bats
# instrumented.bats: programs with libtacho, seen from outside. Their segments go to a folder of the
# test's own.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

started=()

teardown() {
    local pid
    for pid in "${started[@]}"; do
        kill -KILL "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
}

# start COMMAND…: $pid becomes the process.
start() {
    mkdir -p shm
    export TACHO_SHM_DIR=$PWD/shm
    "$@" 3>&- >/dev/null 2>&1 &
    pid=$!
    started+=("$pid")
}

# until_segments N: waits until there are so many segments.
until_segments() {
    local tries=0
    until [ "$(find shm -name 'tacho.*' | wc -l)" -ge "$1" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 400 ] || return 1
        sleep 0.02
    done
}

@test "instrumented: monitor fills the columns of a program that runs" {
    start "$TACHO_PROGS/prog_instrumented" 600
    until_segments 1
    "$TACHO" monitor --pid "$pid" --interval 200ms --duration 3s -q -o m.csv --json >run.json
    [[ "$(head -1 m.csv)" == *,gpu_mem_used_mb,inference_ms_avg,inference_ms_p99,pipeline_fps ]]
    tail -n +2 m.csv | cut -d, -f9-11 | grep -qE '^[0-9]+\.[0-9]{3},[0-9]+\.[0-9]{3},[0-9]+\.[0-9]{2}$'
    validate_json run.json
    # a sleep of 2 ms takes 2 ms at least; frames and spans come in pairs
    jq -e '.metrics["inference_avg_ms"].min >= 2' run.json
    jq -e '.metrics["span_avg_ms@decode"].mean < .metrics["span_avg_ms@inference"].mean' run.json
    jq -e '.metrics["pipeline_fps"].max == .metrics["frame_fps@camera0"].max' run.json
    jq -e '.metrics["pipeline_queue_depth"].max == 7' run.json
    jq -e '.metrics["work_done"].max == .metrics["counter_total@items"].max' run.json
    jq -e '.metrics["pipeline_drops"].max >= 1' run.json
    # the rows of a store hold what the JSON holds
    "$TACHO" runs show "$(jq -r .id run.json)" --json >stored.json
    jq -e --slurpfile run run.json '.metrics["inference_avg_ms"].mean == $run[0].metrics["inference_avg_ms"].mean' stored.json
}

@test "instrumented: monitor sees one that it starts, and the one that that forks" {
    mkdir shm
    TACHO_SHM_DIR=$PWD/shm "$TACHO" monitor --interval 200ms -q --json -o m.csv \
        --columns +frame_fps_camera0,span_avg_ms_decode,gauge_max_queue -- \
        "$TACHO_PROGS/prog_instrumented" 4 fork >run.json
    # channels by name, before the program has used them
    [[ "$(head -1 m.csv)" == *,frame_fps_camera0,span_avg_ms_decode,gauge_max_queue ]]
    cut -d, -f9-11 m.csv | grep -qE '^[0-9]+\.[0-9]{2},[0-9]+\.[0-9]{3},[0-7]\.000$'
    # both count camera0: together more than either could
    [ "$(find shm -name 'tacho.*' | wc -l)" -eq 2 ]
    jq -e '.metrics["frames_total@camera0"].max > 0' run.json
    jq -e '.metrics["inference_avg_ms"].n >= 3' run.json
}

@test "instrumented: the columns are there when only a child is instrumented" {
    start sh -c '"$TACHO_PROGS/prog_instrumented" 600 & echo $! >child; wait'
    until_segments 1
    started+=("$(cat child)")
    "$TACHO" monitor --pid "$pid" --interval 200ms --duration 1500ms -q --no-store -o m.csv
    [[ "$(head -1 m.csv)" == *,inference_ms_avg,inference_ms_p99,pipeline_fps ]]
    tail -n +2 m.csv | cut -d, -f9-11 | grep -qE '^[0-9]+\.[0-9]{3},[0-9]+\.[0-9]{3},[0-9]+\.[0-9]{2}$'
}

@test "instrumented: monitor beside a run sees the program of the run" {
    start "$TACHO" run -n 1 --warmup 0 -q --no-store-run -- "$TACHO_PROGS/prog_instrumented" 30
    until_segments 1
    local program
    program=$(basename "$(find shm -name 'tacho.*')" | cut -d. -f3)
    started+=("$program")
    "$TACHO" monitor --pid "$program" --interval 200ms --duration 1500ms -q --no-store --json >run.json
    jq -e '.metrics["inference_avg_ms"].min >= 2' run.json
}

@test "instrumented: another channel is the inference, another the frames" {
    start "$TACHO_PROGS/prog_instrumented" 600
    until_segments 1
    "$TACHO" monitor --pid "$pid" --interval 200ms --duration 2s -q --no-store --json \
        --inference-channel decode --fps-channel items >run.json
    jq -e '.metrics.inference_avg_ms.mean == .metrics["span_avg_ms@decode"].mean' run.json
    jq -e '.metrics.pipeline_fps.mean > .metrics["frame_fps@camera0"].mean * 1.5' run.json
}

@test "instrumented: a camera that stands still is a finding" {
    mkdir shm
    TACHO_SHM_DIR=$PWD/shm "$TACHO" monitor --interval 200ms -q --json -- \
        "$TACHO_PROGS/prog_instrumented" 6 still >run.json
    jq -e '[.findings[] | select(.rule == "silent_counter")] | length == 1' run.json
    jq -re '.findings[] | select(.rule == "silent_counter").sentence' run.json | grep -q '^camera0 stands still at .* frames'
}

@test "instrumented: one sample shows what the program says of itself" {
    start "$TACHO_PROGS/prog_instrumented" 600
    until_segments 1
    "$TACHO" monitor --pid "$pid" --interval 500ms --once --json >sample.json
    validate_json sample.json
    jq -e '.values[] | select(.metric == "span_avg_ms" and .instance == "inference").value >= 2' sample.json
    jq -e '[.values[] | select(.metric == "span_avg_ms" and .value == null)] | length == 0' sample.json
    "$TACHO" monitor --pid "$pid" --interval 500ms --once | grep -q 'frame_fps@camera0'
}

@test "instrumented: a program that says nothing has no such columns" {
    start sleep 600
    "$TACHO" monitor --pid "$pid" --interval 100ms --duration 500ms -q --no-store -o m.csv --json >run.json
    [[ "$(head -1 m.csv)" != *inference* ]]
    jq -e '[.metrics | keys[] | select(test("inference|span|frame|pipeline"))] | length == 0' run.json
    # nor may a file that only bears the right name tell anything
    read -r -a stat <"/proc/$pid/stat"
    head -c 100000 /dev/urandom >"shm/tacho.$(id -u).$pid.${stat[21]}"
    "$TACHO" monitor --pid "$pid" --interval 100ms --duration 1500ms -q --no-store --json >run.json
    jq -e '[.metrics | keys[] | select(test("inference|span|frame|pipeline"))] | length == 0' run.json
}

@test "instrumented: run keeps every distribution, and leaves no segment" {
    mkdir shm
    TACHO_SHM_DIR=$PWD/shm "$TACHO" run -n 2 --warmup 0 -q --json -- \
        "$TACHO_PROGS/prog_instrumented" 1 >run.json
    validate_json run.json
    [ -z "$(ls shm)" ]
    jq -e '.metrics["span_ms@inference"] | .n > 20 and .min >= 2 and .p99 >= .p50' run.json
    jq -e '.metrics["span_ms@decode"].n == .metrics["span_ms@inference"].n' run.json
    jq -e '.metrics["frames_total@camera0"].n == 2' run.json
    jq -e '.metrics["pipeline_queue_depth"].max == 7' run.json
    # 8 MB were taken between the marks
    jq -e '.metrics["mark_growth_mb@after model"].p50 | . > 7.5 and . < 10' run.json
    id=$(jq -r .id run.json)
    "$TACHO" runs show "$id" --json >stored.json
    jq -e --slurpfile run run.json '.metrics["span_ms@inference"] == $run[0].metrics["span_ms@inference"]' stored.json
    "$TACHO" runs show "$id" | grep -q '^  span  .*inference: median'
    "$TACHO" runs show "$id" | grep -qE '^  marks .*loaded: median [0-9.]+ s, [0-9.]+ MB resident'
    "$TACHO" runs show "$id" | grep -qE 'after model: median [0-9.]+ s, growth [89]\.'
    # there and back
    "$TACHO" runs export "$id" -o export.json
    validate_json export.json
    "$TACHO" runs import export.json --store other/.tacho
    "$TACHO" runs show "$id" --json --store other/.tacho >again.json
    jq -e --slurpfile run run.json '.metrics["span_ms@inference"].p99 == $run[0].metrics["span_ms@inference"].p99' again.json
    # limits judge it
    run "$TACHO" run -n 1 -q --no-store-run --limit 'max(span_ms@inference)<=1' -- \
        "$TACHO_PROGS/prog_instrumented" 0.5
    [ "$status" -eq 1 ]
}

@test "instrumented: run keeps what a killed program said" {
    mkdir shm
    status=0
    TACHO_SHM_DIR=$PWD/shm "$TACHO" run -n 1 --warmup 0 -q --json -- \
        "$TACHO_PROGS/prog_instrumented" 0.5 kill >run.json || status=$?
    [ "$status" -eq 5 ]
    [ -z "$(ls shm)" ]
    jq -e '.metrics["span_ms@inference"].n > 5' run.json
    jq -e '.metrics["span_open_s@inference"].max > 0' run.json
    jq -e '[.events[] | select(.name == "open_span")] | length == 1' run.json
    # it failed: its wall time is no figure, what it recorded is one
    jq -e '.findings[] | select(.rule == "program_failed").sentence |
        contains("every figure but what the program recorded itself")' run.json
    status=0
    TACHO_SHM_DIR=$PWD/shm "$TACHO" run -n 2 --warmup 0 -q --json --ignore-failure --no-store-run -- \
        "$TACHO_PROGS/prog_instrumented" 0.3 kill >run.json || status=$?
    jq -e '[.metrics | keys[] | select(test("span|frame|mark"))] | length == 0' run.json
    jq -e '.findings[] | select(.rule == "program_failed").sentence | contains("every figure; ")' run.json
}

@test "instrumented: runs import reads the segment of a killed program" {
    mkdir shm
    TACHO_SHM_DIR=$PWD/shm "$TACHO_PROGS/prog_instrumented" 0.5 kill 3>&- || true
    "$TACHO" runs import shm/tacho.*
    "$TACHO" runs import shm/tacho.* | grep -q 'already there'
    id=$("$TACHO" runs list --json | jq -r '.runs[0].id')
    "$TACHO" runs show "$id" --json >run.json
    validate_json run.json
    [ "$(jq -r .state run.json)" = interrupted ]
    jq -e '.metrics["span_ms@inference"].n > 5' run.json
    head -c 5000 shm/tacho.* >cut.bin
    run "$TACHO" runs import cut.bin
    [ "$status" -eq 2 ]
    [[ "$output" == *cut.bin*"damaged segment"* ]]
}

@test "instrumented: TACHO_DISABLE: nothing is recorded" {
    TACHO_DISABLE=1 "$TACHO" run -n 1 --warmup 0 -q --no-store-run --json -- \
        "$TACHO_PROGS/prog_instrumented" 0.2 >run.json
    jq -e '[.metrics | keys[] | select(test("span|frame|mark"))] | length == 0' run.json
}
