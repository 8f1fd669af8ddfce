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

# Values of stdin, one each second.
values_as_log() {
    awk '{ printf "2026-11-20 %02d:%02d:%02d INFO app: queue size: %s\n", 8 + NR / 3600, NR / 60 % 60, NR % 60, $1 }'
}

@test "logs: a walk that goes anywhere is no growth, a queue that fills up is" {
    /usr/bin/python3 - <<'PYTHON'
import numpy as np
for name, seed in (("walk%d" % i, i) for i in range(20)):
    queue, random = [0], np.random.default_rng(seed)
    for _ in range(600):
        queue.append(max(0, queue[-1] + int(random.integers(-3, 4))))
    open(name, "w").writelines("%d\n" % q for q in queue)
random = np.random.default_rng(1)
open("grows", "w").writelines("%d\n" % max(0, 5 + i / 6 + random.normal(0, 15)) for i in range(600))
PYTHON
    alarms=0
    for i in {0..19}; do
        values_as_log <"walk$i" >walk.log
        "$TACHO" analyze logs walk.log --json >json
        alarms=$((alarms + $(jq '[.findings[] | select(.rule == "number_grows")] | length' json)))
    done
    [ "$alarms" -le 3 ] # 1 in 18 of such walks; every third was one before
    values_as_log <grows >grows.log
    "$TACHO" analyze logs grows.log --json | jq -e '[.findings[].rule] | index("number_grows")'
}

@test "logs: a gauge that is often at its largest value has no limit, a queue that is full has" {
    { seq 0 5; for _ in {1..100}; do printf '5\n6\n6\n5\n5\n'; done; } | values_as_log >gauge.log
    "$TACHO" analyze logs gauge.log --json | jq -e '[.findings[].rule] | index("number_at_limit") == null'
    { for _ in {1..40}; do printf '3\n12\n20\n28\n35\n41\n48\n48\n48\n48\n'; done; } | values_as_log >full.log
    "$TACHO" analyze logs full.log --json | jq -e '[.findings[].rule] | index("number_at_limit")'
}

@test "logs: pauses are the rhythm of a job that runs now and then, and no hanging" {
    awk 'BEGIN { for (job = 0; job < 12; job++) for (i = 0; i < 200; i++) {
        s = job * 600 + i / 10
        printf "2026-11-20 %02d:%02d:%06.3f INFO job: item %d\n", 8 + int(s / 3600), int(s / 60) % 60, s % 60, i } }' >cron.log
    "$TACHO" analyze logs cron.log --json | jq -e '[.findings[].rule] | index("log_gap") == null'
    awk 'BEGIN { s = 0; for (i = 0; i < 6000; i++) { s += i % 1000 == 999 ? 30 : 0.1
        printf "2026-11-20 %02d:%02d:%06.3f INFO app: frame %d\n", 8 + int(s / 3600), int(s / 60) % 60, s % 60, i } }' >hangs.log
    "$TACHO" analyze logs hangs.log --json | jq -e '[.findings[].rule] | index("log_gap")'
}

@test "logs: a --pattern that finds nothing says so" {
    seq 100 | values_as_log >some.log
    "$TACHO" analyze logs some.log --pattern 'nothing (?<x>[0-9]+)' --json >json
    jq -e '.findings[0] | .rule == "pattern_not_found" and .n == 100' json
    "$TACHO" analyze logs some.log --pattern 'size: (?<x>[0-9]+)' --json |
        jq -e '[.findings[].rule] | index("pattern_not_found") == null'
}
