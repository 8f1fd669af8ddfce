#!/usr/bin/env bats
# worker.bats: `tacho worker`, the hidden command that tacho starts itself to measure a model.

# shellcheck disable=SC2153 # $TACHO and the like come from helper.bash
load helper

@test "worker: started by hand it says so in one line and exits 2" {
    run "$TACHO" worker 3<&-
    [ "$status" -eq 2 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ "$output" == *"descriptor 3 is not the memory that tacho shares with its worker"* ]]
    run "$TACHO" worker 3</dev/null
    [ "$status" -eq 2 ]
    [ -z "$(ls -A)" ]
}

@test "worker: a file of the right size is still not that memory" {
    truncate -s 10M file
    run "$TACHO" worker 3<>file
    [ "$status" -eq 2 ]
    [ "${#lines[@]}" -eq 1 ]
}

@test "worker: is in no list of commands" {
    "$TACHO" --help >help.txt
    "$TACHO" help --json >help.json
    "$TACHO" completion bash >completion.bash
    run grep -w worker help.txt help.json completion.bash
    [ "$status" -eq 1 ]
}
