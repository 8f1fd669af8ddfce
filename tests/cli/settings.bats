#!/usr/bin/env bats
# settings.bats: flag beats environment beats tacho.yaml beats default; mistakes name their place.

# shellcheck disable=SC2153 # $TACHO and the like come from helper.bash
load helper

value_of() { # KEY: value and where it is from
    "$TACHO" "${@:2}" doctor --config-values --json |
        jq -r --arg k "$1" '.settings[] | select(.key == $k or .flag == $k) | "\(.value) \(.source)"'
}

@test "settings: the order of precedence" {
    [ "$(value_of store)" = "null default" ]
    echo 'store: from-file' >tacho.yaml
    [[ "$(value_of store)" == "from-file "* ]]
    export TACHO_STORE=from-env
    [[ "$(value_of store)" == "from-env "* ]]
    [[ "$(value_of store --store from-flag)" == "from-flag "* ]]
    # every source at once, and the document that says so fits its schema
    printf 'store: from-file\nbenchmark:\n  timeout: 30s\nlimits:\n  - p99(wall_ms)<=250\n' >tacho.yaml
    "$TACHO" doctor --config-values --json >values.json
    validate_json values.json
    jq -e '[.settings[].source] | unique == ["default", "environment", "file", "flag"]' values.json
    jq -e '.settings[] | select(.key == "benchmark.timeout") | .value == "30s" and .source == "file"' values.json
}

@test "settings: tacho.yaml is found upwards; --config and TACHO_CONFIG name another" {
    echo 'benchmark: {iterations: 3}' >tacho.yaml
    mkdir -p deep/er
    echo 'benchmark: {iterations: 4}' >deep/other.yaml
    cd deep/er
    [[ "$(value_of iterations)" == "3 "* ]]
    [[ "$(value_of iterations --config ../other.yaml)" == "4 "* ]]
    export TACHO_CONFIG=../other.yaml
    [[ "$(value_of iterations)" == "4 "* ]]
}

@test "settings: what the file says is what happens" {
    cat >tacho.yaml <<'Y'
benchmark:
  iterations: 3
  warmup: 0
limits:
  - max(wall_ms)<=60000
output:
  format: json
  directory: results
Y
    "$TACHO" run -- true >run.json
    validate_json run.json
    [ "$(jq .metrics.wall_ms.n run.json)" -eq 3 ]
    [ "$(jq -r '.findings[] | select(.limit) | .limit.outcome' run.json)" = "pass" ]
    "$TACHO" runs show last -o shown.json
    jq -e .id results/shown.json
    "$TACHO" run -n 2 --format text -- true | grep -q '^PASS'
}

@test "settings: a named file that is not there is bad input" {
    run "$TACHO" runs list --config nosuch.yaml
    [ "$status" -eq 2 ]
    [[ "$output" == *"nosuch.yaml"* ]]
    TACHO_CONFIG=nosuch.yaml run "$TACHO" runs list
    [ "$status" -eq 2 ]
    [[ "$output" == *"TACHO_CONFIG"* ]]
}

@test "settings: mistakes in the file name line, column and the nearest key" {
    printf 'benchmark:\n  warmup: 1\n  itertions: 3\n' >tacho.yaml
    run "$TACHO" runs list
    [ "$status" -eq 2 ]
    [[ "$output" == *"tacho.yaml:3:3: "* ]]
    [[ "$output" == *"iterations"* ]]
    printf 'benchmark:\n  iterations: many\n' >tacho.yaml
    run "$TACHO" runs list
    [ "$status" -eq 2 ]
    [[ "$output" == *"tacho.yaml:2:"* ]]
    run_split "$TACHO" runs list --json
    printf '%s\n' "$output" >error.json
    validate_json error.json
    jq -e '.line == 2 and .column > 1 and (.file | endswith("tacho.yaml"))' error.json
    printf 'benchmark: [\n' >tacho.yaml
    run "$TACHO" runs list
    [ "$status" -eq 2 ]
    [[ "$output" == *"tacho.yaml:"[0-9]* ]]
}

@test "settings: mistakes in the environment name the variable" {
    TACHO_DISABLE=perhaps run "$TACHO" runs list
    [ "$status" -eq 2 ]
    [[ "$output" == *"TACHO_DISABLE"* ]]
}

@test "settings: a switch from the file can be turned off by its negated flag" {
    echo 'monitoring: {enable_power_metrics: true}' >tacho.yaml
    run "$TACHO" run -n 1 --no-power -q -- true
    [ "$status" -eq 0 ]
    echo 'monitoring: {enable_power_metrics: false}' >tacho.yaml
    [[ "$(value_of monitoring.enable_power_metrics)" == "false "* ]]
}
