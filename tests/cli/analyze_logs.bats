#!/usr/bin/env bats
# analyze_logs.bats: `tacho analyze logs`: goldens, every number again in Python, pipes and packed files,
# bad input. TACHO_TEST_REGENERATE=1 writes the goldens anew.

# shellcheck disable=SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

golden=$project_root/tests/golden/analyze

# shown NAME: text and JSON of NAME.log are the goldens.
shown() {
    cp "$golden/$1.log" .
    # The year of dates without one is that of the file.
    touch -d 2026-11-21T00:00:00Z "$1.log"
    "$TACHO" analyze logs "$1.log" >text
    same "$1.txt" text
    "$TACHO" analyze logs "$1.log" --json >json
    validate_json json
    jq . json >pretty
    same "$1.json" pretty
}

@test "logs: an application: spikes come after thermal warnings, a queue grows, a counter stands still" {
    shown logs_app
    /usr/bin/python3 "$golden/check_logs.py" logs_app.log json
    jq -e '[.findings[] | select(.rule == "spike_precursor") | .sentence | contains("Thermal")] == [true]
        and ([.findings[] | select(.rule == "number_grows") | .metric] == ["메시지 큐 크기"])' json
}

@test "logs: kills of the kernel, of systemd and of earlyoom, and crashes" {
    shown logs_kern
    jq -e '[.tables.kills.rows[] | .kind] == ["oom_memcg", "oom_global", "oom_global", "oom_global",
        "earlyoom", "oomd", "crash", "crash", "crash", "signal"]' json
    # The requester is not the victim.
    jq -e '.tables.kills.rows[0] | .requester == "dd" and .victim == "a,pid=)b" and .pid == 3746 and
        .limit_mb == 64 and .unit == "foo.service"' json
}

@test "logs: what comes through a pipe, or packed, is the same" {
    cp "$golden/logs_app.log" .
    "$TACHO" analyze logs logs_app.log --json | jq '.tables' | sed 's/logs_app.log/X/' >plain
    # shellcheck disable=SC2002 # a pipe is what is tested
    cat logs_app.log | "$TACHO" analyze logs - --json | jq '.tables' | sed 's/stdin/X/' >piped
    diff plain piped
    gzip -k logs_app.log
    "$TACHO" analyze logs logs_app.log.gz --json | jq '.tables' | sed 's/logs_app.log.gz/X/' >packed
    diff plain packed
    # shellcheck disable=SC2002
    TMPDIR=/nowhere run_split "$TACHO" analyze logs <(cat logs_app.log)
    [ "$status" -eq 4 ]
    [[ $errors == *"/nowhere"* ]]
}

@test "logs: two files are one log" {
    cp "$golden/logs_app.log" .
    head -n 250 logs_app.log >a.log
    tail -n +251 logs_app.log >b.log
    "$TACHO" analyze logs a.log b.log --json | jq '.tables.latencies.rows[] | [.n, .p99_ms, .spikes]' >two
    "$TACHO" analyze logs logs_app.log --json | jq '.tables.latencies.rows[] | [.n, .p99_ms, .spikes]' >one
    diff one two
}

@test "logs: --pattern and --threshold" {
    printf 'step 1: dt 300us\nstep 2: dt 2500us\nstep 3: dt 310us\n' >app.log
    "$TACHO" analyze logs app.log --pattern 'dt (?<step_us>[0-9]+)' --threshold 1 --json >json
    jq -e '.tables.latencies.rows == [.tables.latencies.rows[0]] and (.tables.latencies.rows[0] |
        .label == "step_us" and .n == 3 and .max_ms == 2.5 and .above_threshold == 1)' json
    jq -e '.tables.spikes.rows | length == 1 and .[0].line == 2 and .[0].before_1 == "step 1: dt 300us" and
        .[0].before_2 == null' json
    run_split "$TACHO" analyze logs app.log --pattern 'dt [0-9]+'
    [ "$status" -eq 2 ]
    [[ $errors == *"put the number in a group"* ]]
    run_split "$TACHO" analyze logs app.log --pattern 'dt ([0-9]+'
    [ "$status" -eq 2 ]
}

@test "logs: bad input ends in one clear line, and what is left out is said" {
    : >empty
    run_split "$TACHO" analyze logs empty
    [ "$status" -eq 3 ]
    printf 'timestamp,latency_ms\n' >header.csv
    run_split "$TACHO" analyze logs header.csv
    [ "$status" -eq 3 ]
    [[ $errors == *"none of its 1 lines"* ]]
    head -c 100000 "$TACHO" >binary
    run_split "$TACHO" analyze logs binary
    [ "$status" -eq 2 ] || [ "$status" -eq 3 ] || [ "$status" -eq 0 ]
    head -c 4096 /dev/zero >zeros
    run_split "$TACHO" analyze logs zeros
    [ "$status" -eq 2 ]
    [[ $errors == *"it is no text"* ]]
    run_split "$TACHO" analyze logs nowhere
    [ "$status" -eq 4 ]
    run_split "$TACHO" analyze logs .
    [ "$status" -eq 2 ]
    # A line of 20 MB, NaN, negative values, time that goes backwards, two formats in one file.
    {
        head -c 20000000 /dev/zero | tr '\0' x
        printf '\n2026-11-20 08:15:24 latency: nan ms\n2026-11-20 08:15:23 latency: -3ms\n'
        printf '{"latency_ms": 12.5}\n\033[31mERROR\033[0m no camera\nlatency: 7ms'
    } >mixed.log
    "$TACHO" analyze logs mixed.log --json >json
    jq -e '[.inputs[0].skipped[] | .reason] | sort == ["negative", "not_finite", "time_backwards",
        "too_long"]' json
    jq -e '[.tables.latencies.rows[] | [.label, .n]] == [["latency_ms", 1], ["latency", 1]]' json
    jq -e '.tables.messages.rows[0] | .level == "error" and .message == "no camera"' json
}

@test "logs: what a log holds does not steer the terminal" {
    printf '[ERROR] a\033]0;title\007b latency: 900ms\n' >app.log
    "$TACHO" analyze logs app.log -v >text
    run grep -c $'[\033\007]' text
    [ "$output" = 0 ]
    "$TACHO" analyze logs app.log --json >json
    run grep -c $'[\033\007]' json
    [ "$output" = 0 ]
}
