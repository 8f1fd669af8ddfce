#!/usr/bin/env bats
# run_bad_input.bats: everything that can go wrong around a measured program, its store and its user.

load helper

# bats takes no notice of a failing "! command" in the middle of a test.
not_running() { ! pgrep "$@"; }
says_no() { ! grep -q "$@"; }

one_line() { [ "$(printf '%s\n' "$1" | grep -c '^tacho run:')" -eq 1 ]; }

# ---- the program ------------------------------------------------------------------------------

@test "bad program: not found" {
    run "$TACHO" run -n 3 -- no-such-program-at-all
    [ "$status" -eq 5 ]
    [[ "$output" == *"not found"* ]]
    one_line "$output"
}

@test "bad program: not executable, a directory" {
    echo data >plain.txt
    run "$TACHO" run -n 3 -- ./plain.txt
    [ "$status" -eq 5 ]
    [[ "$output" == *"not executable"* ]]
    run "$TACHO" run -n 3 -- ./
    [ "$status" -eq 5 ]
}

@test "bad program: exits non-zero; the run stops at the first" {
    run "$TACHO" run -n 3 -- sh -c 'exit 7'
    [ "$status" -eq 5 ]
    [[ "$output" == *"7"* ]]
    run "$TACHO" runs show last --json
    [ "$(jq '.invocations | length' <<<"$output")" -eq 1 ]
}

@test "bad program: --ignore-failure counts failures and keeps them out" {
    "$TACHO" run -n 6 --ignore-failure --json -- \
        sh -c 'test -e odd && { rm odd; exit 3; }; touch odd' >run.json
    [ "$(jq .metrics.wall_ms.n run.json)" -eq 3 ]
    jq -e '.findings[] | select(.rule == "program_failed") | .value == 3' run.json
    run "$TACHO" run -n 3 --ignore-failure -- false
    [ "$status" -eq 5 ] # nothing at all was measured
}

@test "bad program: killed by a signal" {
    run "$TACHO" run -n 3 -- sh -c 'kill -9 $$'
    [ "$status" -eq 5 ]
    [[ "$output" == *"signal 9"* ]]
}

@test "bad program: timed out" {
    run "$TACHO" run -n 3 --timeout 200ms -- sleep 60
    [ "$status" -eq 5 ]
    [[ "$output" == *"200 ms"* ]]
}

@test "bad program: ignores SIGTERM and is killed all the same" {
    run timeout 30 "$TACHO" run -n 1 --timeout 200ms -- "$TACHO_PROGS/prog_stubborn"
    [ "$status" -eq 5 ]
    not_running -f "$TACHO_PROGS/prog_stubborn"
}

@test "bad program: leaves children behind; they are named and killed" {
    "$TACHO" run -n 1 --json -- sh -c 'sleep 4711 & setsid sleep 4712 & exit 0' >run.json
    jq -e '.findings[] | select(.rule == "survivors") | .sentence | contains("sleep")' run.json
    not_running -f 'sleep 471[12]'
}

@test "bad program: forks 1,000 children" {
    "$TACHO" run -n 1 --json -- "$TACHO_PROGS/prog_children" 1000 wait >run.json
    [ "$(jq .metrics.wall_ms.n run.json)" -eq 1 ]
    jq -e '.metrics.minor_faults.max > 1000' run.json
}

@test "bad program: closes its stdout" {
    run "$TACHO" run -n 2 --metric 'x=([0-9]+)' -- "$TACHO_PROGS/prog_close_stdout"
    [ "$status" -eq 0 ]
}

# ---- what was typed ---------------------------------------------------------------------------

@test "bad flags: negative and absurd numbers" {
    for flag in '-n -1' '-n 0' '-n 1.5' '-n 99999999999999999999' '-n nan' '--warmup -1' '--warmup x' \
        '--timeout -5' '--timeout 0' '--timeout 1e400' '--interval 0' '--interval x' '--threads 0' \
        '--cores 999' '--cores 3-1' '--cores x' '--max-duration -1' '--invocations 0' \
        '-n 3 --invocations 4' '--format xml'; do
        # shellcheck disable=SC2086
        run "$TACHO" run $flag -- true
        [ "$status" -eq 2 ] || [ "$status" -eq 4 ] || { echo "$flag: $status"; false; }
        one_line "$output" || { echo "$flag: $output"; false; }
    done
    [ ! -e .tacho ]
}

@test "bad flags: unknown flag, setting, metric, collector offer the nearest name" {
    run "$TACHO" run --itertions 3 -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"--iterations"* ]]
    run "$TACHO" run --limit 'p99(wal_ms)<=3' -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"wall_ms"* ]]
    run "$TACHO" run --limit 'p99(wall_ms)=3' -- true
    [ "$status" -eq 2 ]
    run "$TACHO" run --collector therml -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"thermal"* ]]
    printf 'benchmark:\n  warmup: 1\n  itertions: 3\n' >tacho.yaml
    run "$TACHO" run -n 1 -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"tacho.yaml:3:3"* ]]
    [[ "$output" == *"iterations"* ]]
}

@test "bad flags: with --json the error is an object" {
    run_split "$TACHO" run --json -n -1 -- true
    [ "$status" -eq 2 ]
    [ "$(jq -r .schema <<<"$output")" = "tacho.error/1" ]
    [ "$(jq -r .code <<<"$output")" = "input" ]
}

# ---- the store --------------------------------------------------------------------------------

kept_beside() { # the run was written as JSON and can be imported elsewhere
    file=$(sed -n 's/.*kept in \([^ ]*\).*/\1/p' <<<"$1" | head -1)
    [ -f "$file" ]
    "$TACHO" --store "$BATS_TEST_TMPDIR/fresh" runs import "$file" ||
        "$TACHO" runs import --store "$BATS_TEST_TMPDIR/fresh" "$file"
}

@test "bad store: corrupt" {
    mkdir .tacho
    head -c 8192 /dev/urandom >.tacho/runs.db
    run "$TACHO" run -n 2 -- true
    [ "$status" -eq 0 ]
    kept_beside "$output"
}

@test "bad store: newer than this tacho" {
    "$TACHO" run -n 1 -q -- true
    sqlite3 .tacho/runs.db 'PRAGMA user_version=999'
    run "$TACHO" run -n 2 -- true
    [ "$status" -eq 0 ]
    [[ "$output" == *"schema 999"* ]]
    kept_beside "$output"
    run "$TACHO" runs list
    [ "$status" -eq 2 ]
}

@test "bad store: locked by somebody else" {
    "$TACHO" run -n 1 -q -- true
    sqlite3 .tacho/runs.db <<'S' &
BEGIN EXCLUSIVE;
.shell sleep 14
S
    locker=$!
    sleep 0.5
    run timeout 60 "$TACHO" run -n 2 -- true
    kill "$locker" 2>/dev/null || true
    pkill -P "$locker" 2>/dev/null || true
    [ "$status" -eq 0 ]
    kept_beside "$output"
}

@test "bad store: read-only" {
    "$TACHO" run -n 1 -q -- true
    if [ "$(id -u)" -eq 0 ]; then
        mount -t tmpfs tmpfs .tacho 2>/dev/null || skip "no mount here"
        mount -o remount,ro .tacho
    else
        chmod -R a-w .tacho
    fi
    run "$TACHO" run -n 2 -- true
    if [ "$(id -u)" -eq 0 ]; then umount .tacho; else chmod -R u+w .tacho; fi
    [ "$status" -eq 0 ]
    kept_beside "$output"
}

@test "bad store: disk full" {
    [ "$(id -u)" -eq 0 ] || skip "needs a file system of its own"
    mkdir .tacho
    mount -t tmpfs -o size=64k tmpfs .tacho 2>/dev/null || skip "no mount here"
    run "$TACHO" run -n 20 --interval 5ms -- sleep 0.02
    umount .tacho
    [ "$status" -eq 0 ]
    kept_beside "$output"
}

@test "bad store: several at once, while the store is being made" {
    for round in 1 2 3 4 5 6 7 8 9 10; do
        mkdir "$round"
        (
            cd "$round"
            for _ in 1 2 3; do
                "$TACHO" run -n 1 -q --collector proc -- true >>out.txt 2>>errors.txt &
            done
            wait
            cat errors.txt
            [ "$("$TACHO" runs list -q | wc -l)" -eq 3 ]
        )
    done
}

@test "bad output: full disk, missing directory" {
    run "$TACHO" run -n 1 --export /dev/full -- true
    [ "$status" -eq 4 ]
    [[ "$output" == *"full"* ]]
    run "$TACHO" run -n 1 --export no/such/dir/x.json -- true
    [ "$status" -eq 4 ]
    run bash -c '"$TACHO" run -n 1 -- true >/dev/full'
    [ "$status" -eq 4 ]
}

# ---- the user ---------------------------------------------------------------------------------

wait_for() { # until the command succeeds, at most 10 s
    for _ in $(seq 100); do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}

@test "interrupt: Ctrl-C once stops in order, stores as interrupted, exits 130, never PASS" {
    env --default-signal=INT "$TACHO" run -n 50 --limit 'max(wall_ms)<=60000' -- sleep 0.2 >out.txt 2>err.txt &
    tacho=$!
    sleep 1
    kill -INT "$tacho"
    status=0
    wait "$tacho" || status=$?
    [ "$status" -eq 130 ]
    says_no PASS out.txt
    [ "$("$TACHO" runs list --json | jq -r '.runs[0].state')" = "interrupted" ]
    jq -e '.metrics.wall_ms.n >= 1' <<<"$("$TACHO" runs show last --json)"
}

@test "interrupt: Ctrl-C twice leaves at once and leaves nothing running" {
    env --default-signal=INT "$TACHO" run -n 5 -- "$TACHO_PROGS/prog_stubborn" >out.txt 2>err.txt &
    tacho=$!
    wait_for pgrep -fx "$TACHO_PROGS/prog_stubborn"
    kill -INT "$tacho"
    sleep 0.3
    kill -INT "$tacho"
    status=0
    wait "$tacho" || status=$?
    [ "$status" -eq 130 ]
    not_running -f "$TACHO_PROGS/prog_stubborn"
    [ "$("$TACHO" runs list --json | jq -r '.runs[0].state')" = "interrupted" ]
}

@test "interrupt: kill -9 of tacho; the store opens, the run says crashed, nothing is left running" {
    "$TACHO" run -n 50 -- sh -c 'sleep 0.1; exec sleep 4713' >out.txt 2>err.txt &
    tacho=$!
    wait_for pgrep -fx 'sleep 4713'
    kill -9 "$tacho"
    wait "$tacho" || true
    wait_for bash -c '! pgrep -fx "sleep 4713"'
    [ "$("$TACHO" runs list --json | jq -r '.runs[0].state')" = "crashed" ]
    run "$TACHO" runs show last
    [ "$status" -eq 0 ]
    [[ "$output" == *"crashed"* ]]
    run "$TACHO" run -n 2 -q -- true
    [ "$status" -eq 0 ]
}

# ---- memory -----------------------------------------------------------------------------------

@test "memory: every allocation fails once and the run survives or says so" {
    lib=$TACHO_PROGS/libmalloc_countdown.so
    [ -f "$lib" ]
    n=1 ended=no
    while [ "$n" -lt 100000 ]; do
        status=0
        # env stands behind timeout, so that it is tacho's allocations that are counted
        timeout 20 env LD_PRELOAD="$lib" TACHO_TEST_FAIL_ALLOC=$n \
            TACHO_TEST_FAIL_REPORT="$PWD/report" "$TACHO" run -n 1 -q --interval 1s -- true >out.txt 2>err.txt || status=$?
        case $status in
        0 | 3 | 4 | 5 | 70) ;;
        *) echo "allocation $n: exit $status"; cat err.txt; false ;;
        esac
        grep -q '^fired' report || { ended=yes; break; }
        # Every one of the first 50, then ever larger steps: the whole way takes minutes.
        n=$((n + 1 + n / 50))
    done
    [ "$ended" = yes ] # the countdown ran past the last allocation
    run "$TACHO" runs list
    [ "$status" -eq 0 ]
}
