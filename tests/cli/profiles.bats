#!/usr/bin/env bats
# profiles.bats: `tacho profiles`, --profile NAME, --validate-only.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

own_profile() { # NAME: its text comes on stdin
    mkdir -p data/profiles
    cat >"data/profiles/$1.yaml"
    export TACHO_DATA=$PWD/data
}

@test "profiles: the built-in five, as table, names and JSON" {
    list=$("$TACHO" profiles)
    [ "$("$TACHO" profiles --list)" = "$list" ]
    [ "$(wc -L <<<"$list")" -le 80 ]
    grep -qE '^automotive_safety +33\.3 ms +30 /s +50 W +80 °C +5734\.4 MB +- +built-in$' <<<"$list"
    grep -qE '^ci_smoke +500 ms +5 /s +- +90 °C +- +- +built-in$' <<<"$list"
    [ "$("$TACHO" profiles -q | paste -sd' ')" = "automotive_safety edge_max_perf edge_low_power ci_smoke recorder" ]
    "$TACHO" profiles --json >list.json
    validate_json list.json
    [ "$(jq -r '[.profiles[].name] | join(" ")' list.json)" = "automotive_safety edge_max_perf edge_low_power ci_smoke recorder" ]
    [ "$(jq '[.profiles[] | select(.name == "ci_smoke") | .limits | length][0]' list.json)" -eq 3 ]
    [ ! -e .tacho ]
}

@test "profiles: the program holds what data/profiles/ says" {
    names=()
    for file in "$project_root"/data/profiles/*.yaml; do
        name=$(basename "$file" .yaml)
        names+=("$name")
        diff <("$TACHO" profiles "$name" | tail -n +2) <("$TACHO" profiles "$file" | tail -n +2)
    done
    [ "$("$TACHO" profiles -q | sort)" = "$(printf '%s\n' "${names[@]}" | sort)" ]
}

@test "profiles: all of one, three ways" {
    info=$("$TACHO" profiles --info edge_low_power)
    [ "$("$TACHO" profiles edge_low_power)" = "$info" ]
    grep -qxF '  memory          max(peak_tree_rss_mb) <= 3072 MB (4096 MB less 25 %)' <<<"$info"
    grep -qxF '  power           mean(power_w) <= 15 W' <<<"$info"
    grep -qxF '  tags            edge, low-power, battery, thermal-constrained' <<<"$info"
    "$TACHO" profiles --info edge_low_power --json >one.json
    validate_json one.json
    [ "$(jq -r '.profiles[0] | [.name, .test_iterations, .duration_s, .interval_s, .synthetic.pattern] | join(" ")' one.json)" = "edge_low_power 200 180 0.2 cyclic" ]
}

@test "profiles: an unknown name is exit 2, with the nearest and the list" {
    run "$TACHO" profiles ci_smok
    [ "$status" -eq 2 ]
    [[ "$output" == *"unknown profile 'ci_smok': did you mean ci_smoke?"*"edge_max_perf"* ]]
    run "$TACHO" run --profile edge_lowpower -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"--profile: unknown profile"*"did you mean edge_low_power?"*"automotive_safety"* ]]
    run "$TACHO" profiles ci_smoke edge_max_perf
    [ "$status" -eq 2 ]
    run "$TACHO" profiles --list ci_smoke
    [ "$status" -eq 2 ]
    run "$TACHO" profiles --info ''
    [ "$status" -eq 2 ]
    [ ! -e .tacho ]
}

@test "profiles: TACHO_DATA adds and overrides" {
    own_profile night <<<'limits: [max(wall_ms)<=60000, {name: spread, limit: std(wall_ms)<=60000}]'
    own_profile ci_smoke <<<'latency_threshold_ms: 60000'
    list=$("$TACHO" profiles)
    grep -qE '^ci_smoke +60000 ms +- +- +- +- +- +own$' <<<"$list"
    grep -qE '^night +- +- +- +- +- +2 +own$' <<<"$list"
    [ "$("$TACHO" profiles -q | tail -1)" = night ]
    "$TACHO" run -p night -n 3 --json -- true >run.json
    jq -e '[.findings[].limit.name // empty] | index("spread") != null' run.json
    run "$TACHO" run -p ci_smoke --validate-only
    [[ "$output" == *"ci_smoke ($PWD/data/profiles/ci_smoke.yaml)"*"p99(latency_ms) <= 60000 ms"* ]]
}

@test "profiles: a broken one of TACHO_DATA hides no other and is exit 2" {
    own_profile bad <<<'latency_treshold_ms: 5'
    run "$TACHO" profiles
    [ "$status" -eq 2 ]
    [[ "$output" == *"edge_low_power"*"! "*"bad.yaml:1:1: unknown key 'latency_treshold_ms'"*"latency_threshold_ms"* ]]
    run_split "$TACHO" profiles --json
    [ "$status" -eq 2 ]
    printf '%s\n' "$output" >list.json
    validate_json list.json
    [ "$(jq -r '.broken[0] | [.name, .line] | join(" ")' list.json)" = "bad 1" ]
    [ "$(jq '.profiles | length' list.json)" -eq 5 ]
    run "$TACHO" run -p bad -- true
    [ "$status" -eq 2 ]
    TACHO_DATA=$PWD/nosuch run "$TACHO" profiles
    [ "$status" -eq 2 ]
    [[ "$output" == *"nosuch: no such directory"*"TACHO_DATA"* ]]
}

@test "profiles: ci_smoke is undecided where a sensor is missing, until that is waived" {
    # -c proc: without the thermal sensors that this machine may have
    run "$TACHO" run --profile ci_smoke -n 50 --duration 1ms -c proc --json -- true
    [ "$status" -eq 3 ]
    [ "$(jq -r '[.findings[].limit | select(. != null and .outcome == "undecided") | .name] | sort | join(" ")' <<<"$output")" = "latency thermal throughput" ]
    run "$TACHO" run --profile ci_smoke -n 600 --duration 1ms -c proc --waive thermal,throughput --json -- true
    [ "$status" -eq 0 ]
    [ "$(jq -r .verdict.outcome <<<"$output")" = pass ]
}

@test "validate-only: says what would be measured, measures and stores nothing" {
    run "$TACHO" run --profile ci_smoke --validate-only --waive thermal -- touch made
    [ "$status" -eq 0 ]
    [[ "$output" == "valid; nothing was measured"*"ci_smoke (built-in)"*"at least 50 launches"*"max(temp_c) <= 90 °C"*"waived" ]]
    [ ! -e made ] && [ ! -e .tacho ]
    "$TACHO" run --validate-only -n 7 -w auto -l 'wall_ms<=5' --json -- true one >valid.json
    validate_json valid.json
    [ "$(jq -c '[.program, .profile, .plan.iterations, .plan.iterations_exact, .plan.warmup, (.limits | length)]' valid.json)" = '[["true","one"],null,7,true,null,1]' ]
    run "$TACHO" run --profile edge_max_perf --validate-only # no program yet
    [[ "$output" == *"launches or inferences"* ]]
    "$TACHO" run --profile edge_max_perf --validate-only --json >valid.json
    validate_json valid.json
    [ "$(jq -c '[.program, .profile.name, .plan.warmup, .plan.duration_s]' valid.json)" = '[[],"edge_max_perf",20,120]' ]
}

@test "validate-only: finds what a run would find" {
    run "$TACHO" run --profile ci_smoke --validate-only --waive power -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"there is no such limit"*"latency, throughput, thermal"* ]]
    run "$TACHO" run --validate-only -l 'wal_ms<=5'
    [ "$status" -eq 2 ]
    run "$TACHO" run --validate-only -- no-such-program
    [ "$status" -eq 5 ]
    run "$TACHO" run --validate-only -c therml
    [ "$status" -eq 2 ]
    run "$TACHO" run --validate-only -m 'fps=([0-9]+)' -l 'fps>=5'
    [ "$status" -eq 2 ]
    [[ "$output" == *"nothing to measure"* ]]
    [ ! -e .tacho ]
}
