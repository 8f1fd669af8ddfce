#!/usr/bin/env bats
# monitor.bats: `tacho monitor`: targets, rows, memory verdict, bad input. Waits for what happens, never
# for a time to be over.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

header=timestamp,cpu_total_pct,cpu_track_pct,mem_total_mb,mem_used_mb,mem_track_rss_mb,gpu_util_pct,gpu_mem_used_mb

teardown() {
    local pid
    for pid in "${started[@]}"; do
        kill -KILL "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
    if [ -n "$group" ]; then
        until rmdir "$group" 2>/dev/null || [ $((tries += 1)) -gt 100 ]; do sleep 0.02; done
    fi
}

started=()
group=

# start COMMAND…: $pid becomes the process.
start() {
    "$@" 3>&- >/dev/null 2>&1 &
    pid=$!
    started+=("$pid")
}

# until_rows FILE N: waits until the file has so many rows.
until_rows() {
    local tries=0
    while [ "$(tail -n +2 "$1" 2>/dev/null | wc -l)" -lt "$2" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || return 1
        sleep 0.05
    done
}

# until_name PID NAME: waits until the process runs its program, and is not the shell any more.
until_name() {
    local tries=0
    until [ "$(cat "/proc/$1/comm")" = "$2" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || return 1
        sleep 0.02
    done
}

@test "monitor: a process: header, rows, summary, stored run" {
    start sleep 1000
    "$TACHO" monitor --pid "$pid" --interval 50ms --duration 600ms -o metrics.csv >summary
    [ "$(head -1 metrics.csv)" = "$header" ]
    rows=$(tail -n +2 metrics.csv | wc -l)
    [ "$rows" -ge 1 ] && [ "$rows" -le 12 ]
    # seconds with milliseconds; cells that are known hold numbers, those of a GPU that is not here none
    tail -n +2 metrics.csv | grep -vqE '^[0-9]{10}\.[0-9]{3}(,[0-9]*(\.[0-9]+)?){7}$' && false
    [[ "$(cat summary)" == "not judged: no limits"*"$rows row"*"mem_track_rss_mb"*"memory"* ]]
    id=$("$TACHO" runs list --json | jq -r '.runs[0].id')
    "$TACHO" runs show "$id" --json >run.json
    validate_json run.json
    [ "$(jq -r .workload.kind run.json)" = monitor ]
    [ "$(jq .metrics.mem_track_rss_mb.n run.json)" -ge "$rows" ]
    jq -e '.metrics.cpu_track_pct.mean <= 5' run.json
}

@test "monitor: without --output the rows go to stdout and the summary to stderr" {
    run_split "$TACHO" monitor --interval 20ms --duration 100ms --no-store
    [ "$status" -eq 0 ]
    [ "${output%%$'\n'*}" = "$header" ]
    [[ "$errors" == "not judged"* ]]
    [ ! -e .tacho ]
    run_split "$TACHO" monitor --interval 20ms --duration 100ms --no-store-run --quiet
    [ "$errors" = "not judged: no limits" ]
    [ ! -e .tacho ]
    # a reader that goes away is a normal end
    run bash -c '"$TACHO" monitor --interval 10ms --no-store -q | head -2; exit ${PIPESTATUS[0]}'
    [ "$status" -eq 0 ]
}

@test "monitor: appends to its own file, refuses another header" {
    "$TACHO" monitor --interval 20ms --duration 100ms --no-store -q -o a.csv
    before=$(wc -l <a.csv)
    "$TACHO" monitor --interval 20ms --duration 100ms --no-store -q -o a.csv
    [ "$(wc -l <a.csv)" -gt "$before" ]
    [ "$(grep -c timestamp a.csv)" -eq 1 ]
    cp a.csv before.csv
    run "$TACHO" monitor --interval 20ms --duration 100ms --columns +load1 -o a.csv
    [ "$status" -eq 2 ]
    [[ "$output" == *"a.csv:1"*"load1"* ]]
    cmp a.csv before.csv
    echo "this is no CSV of ours" >other.txt
    run "$TACHO" monitor --interval 20ms --duration 100ms -o other.txt
    [ "$status" -eq 2 ]
    [ "$(cat other.txt)" = "this is no CSV of ours" ]
    [ ! -e .tacho ]
}

@test "monitor: --columns adds, help lists, an unknown one offers the nearest" {
    "$TACHO" monitor --columns help | grep -q mem_track_anon_mb
    "$TACHO" monitor --interval 20ms --duration 100ms --no-store -q --columns +load1,threads --columns +core_pct_cpu0 -o a.csv || \
        "$TACHO" monitor --interval 20ms --duration 100ms --no-store -q --columns +load1 --columns +core_pct -o a.csv
    [[ "$(head -1 a.csv)" == "$header,load1,"* ]]
    run "$TACHO" monitor --columns +lood1 --interval 20ms --duration 100ms -o b.csv
    [ "$status" -eq 2 ]
    [[ "$output" == *"'lood1'"*"load1"* ]]
    [ ! -e b.csv ]
}

@test "monitor: a program: its exit status, 5 when it fails, its children counted" {
    run "$TACHO" monitor --interval 20ms --no-store -- "$TACHO_PROGS/prog_spin" 200
    [ "$status" -eq 0 ]
    [[ "$output" == *"ended"*"exit status 0"* ]]
    run "$TACHO" monitor --interval 20ms --no-store -- sh -c 'sleep 0.2; exit 3'
    [ "$status" -eq 5 ]
    [[ "$output" == *"exit status 3"* ]]
    run "$TACHO" monitor --interval 20ms --no-store -- sh -c 'sleep 0.2; kill -SEGV $$'
    [ "$status" -eq 5 ]
    [[ "$output" == *"signal 11"* ]]
    run "$TACHO" monitor --interval 20ms --no-store -- ./not-there
    [ "$status" -eq 5 ]
    [[ "$output" == *"cannot start './not-there'"* ]]
}

@test "monitor: CPU time is the kernel's: threads and forked workers" {
    for mode in thread fork; do
        "$TACHO" monitor --interval 20ms --no-store --json --show-output -- \
            "$TACHO_PROGS/prog_duty" 1500 2 $mode 300 >run.json 2>said
        jq -e --argjson us "$(sed -n 's/^cpu_us //p' said)" \
            '(.workload.cpu_time_s * 1e6 - $us) | fabs <= 0.005 * $us + 10000' run.json
    done
}

@test "monitor: resident memory is the kernel's" {
    start "$TACHO_PROGS/prog_leak" 0 100 100000
    until_name "$pid" prog_leak
    "$TACHO" monitor --pid "$pid" --interval 20ms --duration 200ms --no-store --json >run.json
    kb=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")
    # the kernel batches the count in statm by some pages
    jq -e --argjson kb "$kb" '.metrics.mem_track_rss_mb.max * 1024 | . <= $kb + 1024 and . >= 512' run.json
}

@test "monitor: --once is one sample, as text and as JSON; --stream one on each line" {
    "$TACHO" monitor --once --interval 50ms --json >once.json
    validate_json once.json
    jq -e '.values[] | select(.metric == "cpu_total_pct" or .metric == "mem_total_mb") | .source' once.json
    jq -e '.values[] | select(.metric == "cpu_track_pct") | .value == null and .reason == "not_asked"' once.json
    "$TACHO" monitor --once --interval 50ms | grep -qE '^mem_total_mb +[0-9]'
    start sleep 1000
    "$TACHO" monitor --pid "$pid" --stream --interval 20ms --duration 200ms --no-store >lines 2>summary
    [ "$(wc -l <lines)" -ge 1 ]
    while read -r line; do
        echo "$line" >line.json
        jq -e --argjson pid "$pid" '.targets == [{pid: $pid, name: .targets[0].name, is_alive: true}]' line.json
    done <lines
    validate_json line.json
    [ ! -e .tacho ]
    run "$TACHO" monitor --once --stream
    [ "$status" -eq 2 ]
}

@test "monitor: a pattern finds its process; several are listed, --all takes them together" {
    name=tacho-target-$$
    cp "$(command -v sleep)" "./$name"
    start "./$name" 1000
    until_name "$pid" "${name:0:15}"
    one=$pid
    "$TACHO" monitor --track-pattern "$name 1000" --interval 20ms --duration 100ms --no-store --json >run.json
    [ "$(jq .workload.pid run.json)" -eq "$one" ]
    start "./$name" 1000
    until_name "$pid" "${name:0:15}"
    run "$TACHO" monitor --track-pattern "$name" --interval 20ms --duration 100ms
    [ "$status" -eq 2 ]
    [[ "$output" == *"$one"*"$pid"*"2 processes match"*"--all"* ]]
    "$TACHO" monitor --track-pattern "$name" --all --interval 20ms --duration 200ms --no-store --json >run.json
    [ "$(jq '.workload.commands | length' run.json)" -eq 2 ]
    [ "$(jq .metrics.threads.max run.json)" -eq 2 ]
}

@test "monitor: --wait waits for one, Ctrl-C ends that" {
    name=tacho-late-$$
    cp "$(command -v sleep)" "./$name"
    "$TACHO" monitor --track-pattern "$name" --wait --interval 20ms --duration 100ms --no-store -o late.csv >summary 3>&- &
    waiting=$!
    sleep 0.3
    [ ! -e late.csv ]
    start "./$name" 1000
    wait "$waiting"
    [ "$(tail -n +2 late.csv | wc -l)" -ge 1 ]
    # bash ignores SIGINT in what it starts in the background: TERM is the same to tacho
    "$TACHO" monitor --track-pattern no-such-thing-$$ --wait 3>&- 2>said &
    waiting=$!
    sleep 0.5
    kill -TERM "$waiting"
    code=0
    wait "$waiting" || code=$?
    [ "$code" -eq 130 ]
}

@test "monitor: nothing to watch: no such pid, no match, flags that contradict" {
    start true
    wait "$pid" || true
    run "$TACHO" monitor --pid "$pid"
    [ "$status" -eq 3 ]
    [[ "$output" == *"no process has the pid $pid"* ]]
    run "$TACHO" monitor --track-pattern 'no-such-thing-[0-9]+x'
    [ "$status" -eq 3 ]
    [[ "$output" == *"no process matches"* ]]
    while read -r flags; do
        # shellcheck disable=SC2086 # several words
        run "$TACHO" monitor $flags
        echo "$flags: $status $output"
        [ "$status" -eq 2 ]
    done <<'FLAGS'
--track-pattern (
--track-pattern= 
--pid 0
--pid -1
--pid abc
--pid 99999999999
--wait
--all
--work-lines
--interval 0
--interval 0.1ms
--interval -1
--interval soon
--interval 1s --duration 100ms
--pid 1 -- true
--stream --json
--once -o x.csv
--limit nonsense
--profile nonsense
--collector nonsense
--
sleep 5
FLAGS
    [ -z "$(ls -A)" ] || [ "$(ls -A)" = home ]
}

@test "monitor: output in a missing folder, a folder, a file that may not be written" {
    run "$TACHO" monitor --interval 20ms --duration 100ms -o missing/folder/a.csv
    [ "$status" -eq 4 ]
    [[ "$output" == *"missing/folder/a.csv"* ]]
    mkdir folder
    run "$TACHO" monitor --interval 20ms --duration 100ms -o folder
    [ "$status" -ne 0 ]
    run "$TACHO" monitor --interval 20ms --duration 100ms -o ''
    [ "$status" -eq 2 ]
    [ ! -e .tacho ]
    [ "$(id -u)" -ne 0 ] || skip "root may write everywhere"
    touch locked.csv && chmod 400 locked.csv
    run "$TACHO" monitor --interval 20ms --duration 100ms -o locked.csv
    [ "$status" -eq 4 ]
}

@test "monitor: a full disk: it goes on, counts, says so, exit 4" {
    [ -w /dev/full ] || skip "no /dev/full"
    run_split "$TACHO" monitor --interval 20ms --duration 200ms --no-store -o /dev/full
    [ "$status" -eq 4 ]
    [[ "$errors" == *"/dev/full"*"o space left"* ]]
}

@test "monitor: SIGHUP opens the file again, SIGTERM is a normal end" {
    start sleep 1000
    "$TACHO" monitor --pid "$pid" --interval 20ms --no-store -o a.csv >summary 2>said 3>&- &
    monitor=$!
    started+=("$monitor")
    until_rows a.csv 3
    mv a.csv old.csv
    kill -HUP "$monitor"
    until_rows a.csv 3
    [ "$(head -1 a.csv)" = "$header" ]
    kill -TERM "$monitor"
    wait "$monitor"
    [[ "$(cat summary)" == "not judged"*"alive"* ]]
    [ ! -s said ]
}

@test "monitor: another user's process: what stays empty is said, and only that" {
    [ "$(id -u)" -eq 0 ] || skip "only root may become another user"
    as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    "${as_nobody[@]}" test -x "$TACHO" || skip "$TACHO is in a folder that others may not enter"
    start sleep 1000
    until_name "$pid" sleep
    cd /
    run_split "${as_nobody[@]}" "$TACHO" monitor --pid "$pid" --once --interval 50ms --json
    [ "$status" -eq 0 ]
    cd "$BATS_TEST_TMPDIR/work"
    echo "$output" >once.json
    echo "$errors"
    [[ "$errors" == *"sleep (pid $pid) is another user's: track_read_mb_per_s"*"CAP_SYS_PTRACE"* ]]
    jq -e '.values[] | select(.metric == "mem_track_rss_mb") | .value > 0' once.json
    fds=$(jq '.values[] | select(.metric == "track_fds") | .value' once.json)
    [[ "$errors" == *track_fds* ]] && said=yes || said=no
    [ "$said" = "$([ "$fds" = null ] && echo yes || echo no)" ]
}

@test "monitor: a file that is emptied while rows go on begins with its header again" {
    start "$TACHO" monitor --interval 20ms --no-store -q -o a.csv
    until_rows a.csv 3
    cp a.csv a.csv.1
    : >a.csv # logrotate's copytruncate
    until_rows a.csv 3
    kill -TERM "$pid"
    wait "$pid"
    [ "$(head -1 a.csv)" = "$header" ]
    [ "$(grep -c timestamp a.csv)" -eq 1 ]
    "$TACHO" monitor --interval 20ms --duration 100ms --no-store -q -o a.csv # it is one of ours
}

@test "monitor: stopped for a while: what is missing is counted, the others stand on their grid" {
    "$TACHO" monitor --interval 50ms --no-store --json -o a.csv >run.json 3>&- &
    monitor=$!
    started+=("$monitor")
    until_rows a.csv 5
    kill -STOP "$monitor"
    sleep 1
    kill -CONT "$monitor"
    until_rows a.csv $(($(wc -l <a.csv) + 10))
    kill -TERM "$monitor"
    wait "$monitor"
    /usr/bin/python3 - <<'PY'
import json
run = json.load(open("run.json"))
times = [float(line.split(",")[0]) for line in open("a.csv").read().splitlines()[1:]]
missed = run["workload"]["ticks_missed"]
gaps = [b - a for a, b in zip(times, times[1:])]
assert missed >= 10, missed
assert min(gaps) > 0, "two rows at once"
# No burst afterwards: a row for each interval that was not missed, and none is made up.
assert abs((times[-1] - times[0]) / 0.05 - (len(gaps) + missed)) < 2, (times[-1] - times[0], len(gaps), missed)
found = [one for one in run["findings"] if one["rule"] == "sampling_gaps"]
assert len(found) == 1 and found[0]["value"] == missed and found[0]["n"] == len(times) + missed, found
PY
}

# memory_group BYTES: $group becomes a control group with so much memory, of version 1 or 2.
memory_group() {
    local root limit
    for root in /sys/fs/cgroup/memory /sys/fs/cgroup; do
        limit=memory.max
        [ "$root" = /sys/fs/cgroup ] || limit=memory.limit_in_bytes
        group=$root/tacho-test-$$-$BATS_TEST_NUMBER
        mkdir "$group" 2>/dev/null || continue
        echo "$1" 2>/dev/null >"$group/$limit" && return
        rmdir "$group"
    done
    group=
    skip "no control group with a limit of memory may be made here"
}

@test "monitor: killed for lack of memory: that is said, with the limit of its group" {
    memory_group $((32 << 20))
    # shellcheck disable=SC2016 # for sh
    run "$TACHO" monitor --interval 20ms --no-store -- sh -c \
        'echo $$ >"$1/cgroup.procs" && echo 1 >"$1/memory.oom.group" 2>/dev/null; exec "$2" 200' sh \
        "$group" "$TACHO_PROGS/prog_hog"
    echo "$output"
    [ "$status" -eq 5 ]
    # Where the kernel's log may be read, that names it; else a counter that rose is a hint.
    [[ $(tr -s ' \n' ' ' <<<"$output") == *"killed by signal 9 (SIGKILL): memory"*" ran out"* ]]
    # Held, and of the group from the beginning: its limit is known without the log.
    # shellcheck disable=SC2016
    start sh -c 'echo $$ >"$1/cgroup.procs"; while [ ! -e go ]; do sleep 0.05; done; exec "$2" 200' sh \
        "$group" "$TACHO_PROGS/prog_hog"
    until grep -q "^$pid\$" "$group/cgroup.procs"; do sleep 0.02; done
    "$TACHO" monitor --pid "$pid" --interval 20ms --no-store -o a.csv >summary 3>&- &
    monitor=$!
    started+=("$monitor")
    until_rows a.csv 2
    touch go
    wait "$monitor"
    cat summary
    [[ $(tr -s ' \n' ' ' <summary) == *"memory of its control group, limited to 32.0 MB, ran out"* ||
        $(cat summary) == *"why is not known"* ]]
}

@test "monitor: limits: pass, fail, undecided; waived; the recorder's profile names what is missing" {
    start sleep 1000
    run "$TACHO" monitor --pid "$pid" --interval 20ms --duration 300ms --no-store -q -o a.csv --limit 'max(mem_track_rss_mb)<=1000'
    [ "$status" -eq 0 ]
    [[ "$output" == PASS* ]]
    run "$TACHO" monitor --pid "$pid" --interval 20ms --duration 300ms --no-store -q -o a.csv --limit 'max(mem_track_rss_mb)<=0.01'
    [ "$status" -eq 1 ]
    [[ "$output" == FAIL* ]]
    run "$TACHO" monitor --pid "$pid" --interval 20ms --duration 300ms --no-store -o b.csv --profile recorder
    [ "$status" -eq 3 ]
    [[ "$output" == UNDECIDED*"mem_growth_mb_per_min"*"too short"*"pipeline_queue_depth"*"absent"* ]]
    run "$TACHO" monitor --pid "$pid" --interval 20ms --duration 300ms --no-store -o b.csv --profile recorder --waive memory_growth,queue,drops,write
    [ "$status" -eq 0 ]
}

@test "monitor: a target that ends: when and why as far as the kernel tells" {
    start sleep 1000
    until_name "$pid" sleep
    "$TACHO" monitor --pid "$pid" --interval 20ms --no-store -o a.csv >summary 3>&- &
    monitor=$!
    until_rows a.csv 2
    kill -KILL "$pid"
    wait "$monitor"
    cat summary
    grep -qE "ended +sleep \(pid $pid\): (killed by signal 9 \(SIGKILL\): origin unknown|ended, why is not known)" summary
}

@test "monitor: a work file that stands still while the program lives is a finding" {
    start sleep 1000
    : >work
    "$TACHO" monitor --pid "$pid" --interval 50ms --work-file work --work-lines --no-store --json -o a.csv >run.json 3>&- &
    monitor=$!
    started+=("$monitor")
    until_rows a.csv 1
    for _ in 1 2 3 4; do
        echo line >>work
        until_rows a.csv $(($(wc -l <a.csv) + 0))
    done
    until_rows a.csv $(($(wc -l <a.csv) + 30))
    kill -TERM "$monitor"
    wait "$monitor"
    [ "$(jq '[.findings[] | select(.rule == "silent_counter")] | length' run.json)" -ge 1 ]
    jq -e '.findings[] | select(.rule == "silent_counter") | .metric == "work_done"' run.json
    jq -e '.metrics.work_done.max == 4' run.json
}

@test "monitor: a target that forks without end is survived" {
    cat >forks.sh <<'SCRIPT'
while :; do
    for _ in 1 2 3 4 5 6 7 8; do /bin/true & done
    wait
done
SCRIPT
    run "$TACHO" monitor --interval 20ms --duration 1s --no-store --json -- sh forks.sh
    [ "$status" -eq 0 ]
    echo "$output" >run.json
    jq -e '.metrics.cpu_track_pct.max > 0 and .metrics.cpu_track_pct.n >= 5' run.json
}

@test "monitor: a recorded machine" {
    export TACHO_ROOT=$project_root/tests/trees/pc
    "$TACHO" monitor --once --interval 20ms --json >once.json
    validate_json once.json
    jq -e '.values[] | select(.metric == "mem_total_mb") | .value > 0' once.json
}

@test "monitor: without children only the process itself counts" {
    "$TACHO" monitor --interval 20ms --duration 500ms --no-store --json -- sh -c 'sleep 10 & sleep 10 & wait' >with.json
    "$TACHO" monitor --interval 20ms --duration 500ms --no-store --json --no-children -- sh -c 'sleep 10 & sleep 10 & wait' >without.json
    [ "$(jq .metrics.threads.max with.json)" -eq 3 ]
    [ "$(jq .metrics.threads.max without.json)" -eq 1 ]
}
