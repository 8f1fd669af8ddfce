#!/usr/bin/env bats
# doctor.bats: `tacho doctor`.

# shellcheck disable=SC2153 # $TACHO and the like come from helper.bash
load helper

@test "doctor: says that run works here, creates nothing, exits 0" {
    run "$TACHO" doctor
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == "everything that tacho run needs is here" ]]
    for group in 'built in' settings store measuring collectors machine limits; do
        grep -qx "$group" <<<"$output"
    done
    [[ "$output" == *"a trial launch took"* ]]
    [ "$(wc -L <<<"$output")" -le 80 ]
    [ -z "$(ls -A)" ]
}

@test "doctor: JSON has every collector and a state for each check" {
    "$TACHO" doctor --json >doctor.json
    validate_json doctor.json
    [ "$(jq -r .schema doctor.json)" = "tacho.doctor/1" ]
    jq -e '.usable == true' doctor.json
    jq -e '[.checks[].state] | all(IN("ok", "note", "missing", "blocked"))' doctor.json
    for name in proc cgroup thermal power nvml tegra probe synthetic; do
        jq -e --arg n "$name" '.checks[] | select(.group == "collectors" and .name == $n)' doctor.json
    done
    jq -e '.checks[] | select(.name == "launcher") | .state == "ok"' doctor.json
    # what is missing says why
    jq -e '[.checks[] | select(.state == "missing") | .detail | length > 0] | all' doctor.json
}

@test "doctor: --config-values lists value and source of every setting" {
    printf 'benchmark:\n  iterations: 7\n' >tacho.yaml
    TACHO_COLLECTOR=proc "$TACHO" doctor --config-values --store elsewhere --json >values.json
    validate_json values.json
    value() { jq -r --arg f "$1" '.settings[] | select(.flag == $f) | "\(.value) \(.source) \(.origin)"' values.json; }
    [ "$(value iterations)" = "7 $(value iterations | cut -d' ' -f2) $(value iterations | cut -d' ' -f3)" ]
    [[ "$(value iterations)" == *tacho.yaml:2:* ]]
    [[ "$(value collector)" == "proc "*TACHO_COLLECTOR ]]
    [[ "$(value store)" == "elsewhere "*--store ]]
    [[ "$(value interval)" == "100ms default null" ]]
    run "$TACHO" doctor --config-values
    [ "$status" -eq 0 ]
    [[ "$output" == *"benchmark.iterations"*"tacho.yaml:2:"* ]]
}

@test "doctor: a broken tacho.yaml is found with line and column; exit 2" {
    printf 'benchmark:\n  itertions: 7\n' >tacho.yaml
    run "$TACHO" doctor
    [ "$status" -eq 2 ]
    [[ "$output" == *"tacho.yaml:2:3"* ]]
    [[ "$output" == *"blocked"* ]]
    [[ "$output" == *"a trial launch took"* ]] # the rest is looked at all the same
    "$TACHO" doctor --json >doctor.json || true
    validate_json doctor.json
    jq -e '(.usable | not) and any(.checks[]; .state == "blocked" and .advice != null)' doctor.json
    run "$TACHO" doctor --config-values
    [ "$status" -eq 2 ]
    [[ "$output" == *"tacho.yaml:2:3"* ]]
}

@test "doctor: counters that are denied are told from those that do not exist" {
    [ "$(id -u)" -eq 0 ] || skip "needs root to become nobody"
    [ "$(cat /proc/sys/kernel/perf_event_paranoid)" -ge 2 ] || skip "nothing is denied here"
    setpriv --reuid=65534 --regid=65534 --clear-groups "$TACHO" doctor --json >doctor.json ||
        skip "nobody may not run it here"
    jq -e '[.checks[] | select(.name == "perf_event_paranoid") | .state == "note"] | all' doctor.json
    jq -e '.checks[] | select(.name == "counters" and (.detail | contains("cpu_migrations"))) |
        .detail | (contains("permission") and (contains("cpu_migrations, ") | not))' doctor.json
}

@test "doctor: a store that cannot be read is said" {
    mkdir .tacho
    head -c 8192 /dev/urandom >.tacho/runs.db
    "$TACHO" doctor --json >doctor.json
    validate_json doctor.json
    jq -e '.checks[] | select(.group == "store" and .name == "runs") | .state == "missing"' doctor.json
}

@test "doctor: other instances are seen, its own helpers are not" {
    "$TACHO" doctor --json | jq -e '.checks[] | select(.name == "other instances") | .state' >before
    "$TACHO" run -n 1 -q --no-store-run -- sleep 5 &
    tacho=$!
    for _ in $(seq 50); do
        found=$("$TACHO" doctor --json | jq -r '.checks[] | select(.name == "other instances") | .detail')
        [[ "$found" == *"$tacho"* ]] && break
        sleep 0.1
    done
    kill -INT "$tacho"
    wait "$tacho" || true
    [[ "$found" == *running*"$tacho"* ]]
}

@test "doctor: a tree of another machine can be looked at" {
    mkdir -p tree/proc/sys/kernel tree/sys
    printf 'MemTotal: 1024000 kB\nMemAvailable: 512000 kB\n' >tree/proc/meminfo
    echo 3 >tree/proc/sys/kernel/perf_event_paranoid
    TACHO_ROOT=tree "$TACHO" doctor --json >doctor.json || true
    validate_json doctor.json
    jq -e '.checks[] | select(.name == "memory") | .detail | contains("500 MB of 1000 MB")' doctor.json
    jq -e '.checks[] | select(.name == "perf_event_paranoid") | .detail | startswith("3")' doctor.json
}

@test "doctor: takes no argument" {
    run "$TACHO" doctor now
    [ "$status" -eq 2 ]
}
