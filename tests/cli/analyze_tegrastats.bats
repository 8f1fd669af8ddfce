#!/usr/bin/env bats
# analyze_tegrastats.bats: `tacho analyze tegrastats`: goldens, every number again in Python, bad input.
# TACHO_TEST_REGENERATE=1 writes the goldens anew.

# shellcheck disable=SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

golden=$project_root/tests/golden/analyze

# shown NAME: text and JSON of NAME.log are the goldens, the JSON fits its schema, and Python comes to the
# same numbers.
shown() {
    cp "$golden/$1.log" .
    "$TACHO" analyze tegrastats "$1.log" >text
    same "$1.txt" text
    "$TACHO" analyze tegrastats "$1.log" --json >json
    validate_json json
    jq . json >pretty
    same "$1.json" pretty
    /usr/bin/python3 -B "$golden/check_tegrastats.py" "$1.log" json
}

@test "tegrastats: a board that throttles, fills its memory and loses 40 s" {
    shown tegrastats_orin
}

@test "tegrastats: hot is not throttling, and without times there is no energy" {
    shown tegrastats_nano
}

@test "tegrastats: two boards in one file are told apart" {
    shown tegrastats_mixed
}

@test "tegrastats: stdin, and a threshold that makes a warm board hot" {
    "$TACHO" analyze tegrastats - --json <"$golden/tegrastats_mixed.log" >json
    jq -e '.inputs[0].name == "stdin" and .inputs[0].rows == 42' json
    jq -e '[.findings[].rule] | index("hot") == null' json
    "$TACHO" analyze tegrastats "$golden/tegrastats_mixed.log" --throttle-threshold 52 --json >json
    jq -e '.findings[] | select(.rule == "hot") | .sentence | contains("cannot be told")' json
}

@test "tegrastats: a packed log says the same" {
    gzip -c "$golden/tegrastats_orin.log" >log.gz
    "$TACHO" analyze tegrastats log.gz --json | jq '.tables' >packed
    "$TACHO" analyze tegrastats "$golden/tegrastats_orin.log" --json | jq '.tables' >plain
    diff packed plain
}

@test "tegrastats: bad input ends in one clear line" {
    : >empty
    run_split "$TACHO" analyze tegrastats empty
    [ "$status" -eq 3 ]
    [[ $errors == *"empty: it is empty"* ]]
    printf 'hello\nworld\n' >words
    run_split "$TACHO" analyze tegrastats words
    [ "$status" -eq 3 ]
    [[ $errors == *"none of its 2 lines is a whole one of tegrastats"* ]]
    [[ $errors == *"expected lines like RAM"* ]]
    head -c 4096 /dev/zero >binary
    run_split "$TACHO" analyze tegrastats binary
    [ "$status" -eq 2 ]
    [[ $errors == *"binary file"* ]]
    run_split "$TACHO" analyze tegrastats nowhere.log
    [ "$status" -eq 4 ]
    run_split "$TACHO" analyze tegrastats .
    [ "$status" -eq 2 ]
}
