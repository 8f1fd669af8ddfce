#!/usr/bin/env bats
# run_awkward.bats: `tacho run` where and how people really start it: half-typed commands, closed
# descriptors, places that cannot be written, results that must not be lost.

# shellcheck disable=SC2153 # $TACHO and the like come from helper.bash
load helper

# ---- what stands behind -- ----------------------------------------------------------------------

@test "awkward program: a script with Windows line ends is told so" {
    printf '#!/bin/sh\r\nexit 0\r\n' >script
    chmod +x script
    run "$TACHO" run -n 1 -q -- ./script
    [ "$status" -eq 5 ]
    [[ "$output" == *"Windows line ends"* ]]
    [[ "$output" != *"install the interpreter"* ]]
}

@test "awkward program: an empty name, a word of the shell, a variable in front" {
    run "$TACHO" run -n 1 -q -- "" x
    [ "$status" -eq 5 ]
    [[ "$output" == *"its name is empty"* ]]
    run "$TACHO" run -n 1 -q -- ulimit -n 5
    [ "$status" -eq 5 ]
    [[ "$output" == *"sh -c 'ulimit"* ]]
    run "$TACHO" run -n 1 -q -- OMP_NUM_THREADS=4 true
    [ "$status" -eq 5 ]
    [[ "$output" == *"env OMP_NUM_THREADS=4"* ]]
}

@test "awkward program: what several launches leave behind is counted over all of them" {
    "$TACHO" run -n 3 --json -- sh -c 'sleep 4713 & exit 0' >run.json
    jq -e '.findings[] | select(.rule == "survivors") | .sentence |
        startswith("3 of 3 launches left processes behind")' run.json
}

# ---- descriptors --------------------------------------------------------------------------------

@test "awkward descriptors: with a closed stderr --show-output does not fail the program" {
    "$TACHO" run -n 1 -q --show-output -- sh -c 'echo out; echo err >&2' 2>&-
}

@test "awkward descriptors: --show-output draws no progress into the output" {
    command -v script >/dev/null || skip "no script(1) here"
    script -qec "TERM=xterm $TACHO run -n 4 -- sleep 0.15" /dev/null >plain
    grep -q measuring plain
    script -qec "TERM=xterm $TACHO run -n 4 --show-output -- sleep 0.15" /dev/null >shown
    ! grep -q measuring shown
}

# ---- nothing is lost ----------------------------------------------------------------------------

@test "awkward output: what cannot be written is said before the run" {
    mkdir directory
    for file in no/such/x.json directory; do
        for flag in --export --export-csv -o; do
            run "$TACHO" run "$flag" "$file" -- touch measured
            [ "$status" -eq 4 ]
            [[ "$output" == *"$file: cannot be written"* ]]
        done
    done
    run "$TACHO" run --export "" -- touch measured
    [ "$status" -eq 2 ]
    [ ! -e measured ]
}

@test "awkward output: one file is not written twice" {
    run "$TACHO" run -n 1 --export x --export-csv x -- touch measured
    [ "$status" -eq 2 ]
    [[ "$output" == *"the same file: x"* ]]
    run "$TACHO" run -n 1 --export-csv x -o x -- touch measured
    [ "$status" -eq 2 ]
    [ ! -e measured ] && [ ! -e x ]
}

@test "awkward output: an export that fails takes neither the others nor the screen along" {
    run "$TACHO" run -n 1 --export /dev/full --export-csv run.csv -- true
    [ "$status" -eq 4 ]
    [[ "$output" == *"full"* ]]
    [[ "$output" == *"wall time"* ]]
    [ "$(wc -l <run.csv)" -eq 2 ]
}

@test "awkward output: an export that fails is said though the program failed too" {
    run_split "$TACHO" run -n 1 --json --export /dev/full -- false
    [ "$status" -eq 4 ]
    [[ "$errors" == *"/dev/full"* && "$errors" == *"exit status 1"* ]]
    [ "$(jq -rs '.[].schema' <<<"$output")" = "tacho.run/1" ]
}

@test "awkward store: neither store nor directory nor TMPDIR can be written; /tmp has the run" {
    cd /proc
    TMPDIR=/nonexistent run "$TACHO" --store /dev/null/x run -n 1 -q -- true
    [ "$status" -eq 0 ]
    file=$(sed -n 's/.*kept in \([^ ]*\).*/\1/p' <<<"$output")
    [ "$(jq -r .schema "$file")" = "tacho.run/1" ]
    rm "$file"
}

@test "awkward store: a working directory that was removed is no mistake in tacho" {
    mkdir gone
    cd gone
    rmdir ../gone
    run "$TACHO" run -n 1 -q -- true
    [ "$status" -eq 4 ]
    [[ "$output" == *"--store"* ]]
    run "$TACHO" run -n 1 -q --store "$BATS_TEST_TMPDIR/work/there" -- true
    [ "$status" -eq 0 ]
}

@test "awkward store: ulimit -f ends tacho with a sentence, not with SIGXFSZ" {
    run bash -c 'ulimit -f 0; exec "$TACHO" run -n 1 -q -- true'
    [ "$status" -lt 128 ]
    [[ "$output" == *"tacho run: "* ]]
}

# ---- flags --------------------------------------------------------------------------------------

@test "awkward flags: --waive takes blanks and long lists, and names the limits there are" {
    local limits=(-l 'a: max(wall_ms)<=0.000001' -l 'b: max(temp_c)<=0')
    run "$TACHO" run -n 1 -q "${limits[@]}" --waive 'a, b' -- true
    [ "$status" -eq 0 ]
    run "$TACHO" run -n 1 -q "${limits[@]}" --waive 'a,nosuch' -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"--waive nosuch"*"a, b"* ]]
    # a name that would only match when cut off
    run "$TACHO" run -n 1 -q "${limits[@]}" --waive "$(printf 'a,%.0s' $(seq 127))abc" -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"--waive abc"* ]]
    run "$TACHO" run -n 1 -q "${limits[@]}" --waive '' -- true
    [ "$status" -eq 2 ]
}

@test "awkward flags: --max-duration that cuts off -n or --duration is a finding" {
    "$TACHO" run -n 1000 --max-duration 100ms --json -- sleep 0.03 >run.json
    jq -e '.findings[] | select(.rule == "max_duration") | .sentence | contains("of 1000 launches")' \
        run.json
    "$TACHO" run -d 9 --max-duration 100ms --json -- sleep 0.03 >run.json
    jq -e '.findings[] | select(.rule == "max_duration") | .sentence | contains("9.00 s")' run.json
    "$TACHO" run -n 2 --max-duration 1m --json -- true >run.json
    jq -e 'all(.findings[]; .rule != "max_duration")' run.json
}

@test "awkward flags: an empty label is none" {
    "$TACHO" run -n 1 --label "" --json -- true >run.json
    [ "$(jq -r .label run.json)" = "true" ]
}

@test "awkward profile: a missing one is bad input, an unknown key of a limit is not passed over" {
    run "$TACHO" run -p ./nosuch.yaml -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"./nosuch.yaml: no such profile"* ]]
    printf 'limits:\n  - {name: a, limit: wall_ms<=1, waived: yes}\n' >p.yaml
    run "$TACHO" run -p ./p.yaml -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"p.yaml:2:"*"'waived'"* ]]
}

@test "awkward settings: a wrong collector or profile of the environment names its variable" {
    TACHO_COLLECTOR=therml run "$TACHO" run -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"TACHO_COLLECTOR: "* ]]
    TACHO_PROFILE=nosuch run "$TACHO" run -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"TACHO_PROFILE: "* ]]
}

@test "awkward settings: relative paths of tacho.yaml start at that file" {
    mkdir -p project/deep
    printf 'store: runs\nprofile: ./gate.yaml\noutput:\n  directory: results\n' >project/tacho.yaml
    echo 'limits: [max(wall_ms)<=60000]' >project/gate.yaml
    cd project/deep
    run "$TACHO" run -n 1 -q --export run.json -- true
    [ "$status" -eq 0 ]
    [[ "$output" == PASS* ]]
    [ -e ../runs/runs.db ] && [ -e ../results/run.json ]
    [ -z "$(ls -A)" ]
    # what a flag names starts here
    "$TACHO" run -n 1 -q --store here -- true
    [ -e here/runs.db ]
}

# ---- a forgotten -- -----------------------------------------------------------------------------

@test "awkward command line: a forgotten -- is what is said, ready to be typed again" {
    run "$TACHO" run -n 2 './my prog' "it's" 3
    [ "$status" -eq 2 ]
    [[ "$output" == *"tacho run -- './my prog' 'it'\''s' 3)"* ]]
    # a flag that was meant for the program
    run "$TACHO" run ls -l
    [ "$status" -eq 2 ]
    [[ "$output" == *"-l needs a value"*"tacho run -- ls"* ]]
    run "$TACHO" run python3 -c 'print(1)' --nosuch
    [ "$status" -eq 2 ]
    [[ "$output" == *"tacho run -- python3"* ]]
    # but not where the -- is there
    run "$TACHO" run --nosuch -- ls -l
    [[ "$output" != *"tacho run -- ls"* ]]
}
