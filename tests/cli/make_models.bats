#!/usr/bin/env bats
# make_models.bats: tools/make_models.py, and that the build made what it makes.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # $project_root and the like come from helper.bash
load helper

make_models=$project_root/tools/make_models.py
all="classifier.fp16.onnx classifier.int8.onnx classifier.onnx detector.fp16.onnx detector.int8.onnx detector.onnx probe.fp16.onnx probe.fp32.onnx probe.int8.onnx"

@test "make_models: twice the same bytes, those of the build and those of --list" {
    "$make_models" --output one
    PYTHONHASHSEED=7 "$make_models" --output=two/deep
    [ "$(cd one && echo *)" = "$all" ]
    diff -r one two/deep
    for file in one/*; do
        cmp "$file" "$(dirname "$TACHO")/models/$(basename "$file")"
    done
    "$make_models" --list >list
    [ "$(wc -l <list)" -eq 9 ]
    (cd one && awk '{print $NF "  " $1}' ../list | sha256sum --quiet -c)
    awk '{print $6, $1}' list | while read -r bytes file; do
        [ "$(stat -c %s "one/$file")" = "$bytes" ]
    done
}

@test "make_models: one network, one variant, the working directory" {
    "$make_models" classifier.int8
    [ "$(echo *)" = classifier.int8.onnx ]
    "$make_models" --output out detector probe.fp16 detector.fp16
    [ "$(cd out && echo *)" = "detector.fp16.onnx detector.int8.onnx detector.onnx probe.fp16.onnx" ]
    "$make_models" --list probe | grep -qE '^probe\.fp32\.onnx +148 parameters +9216 MACs +860 bytes  [0-9a-f]{64}$'
}

@test "make_models: --help, and what is wrong" {
    "$make_models" --help | grep -q '^usage: tools/make_models.py '
    for arguments in "detectr" "detector.fp64" "--output" "--output=" "--force" "detector. x"; do
        # shellcheck disable=SC2086 # words
        run_split "$make_models" $arguments
        [ "$status" -eq 2 ]
        [ -z "$output" ]
        grep -q '^make_models.py: ' <<<"$errors"
    done
    [ "$(echo *)" = '*' ]
}

@test "make_models: what cannot be written leaves nothing behind" {
    echo file >taken
    run_split "$make_models" --output taken
    [ "$status" -eq 4 ]
    [ "$(cat taken)" = file ]
    mkdir out
    mkdir out/probe.fp32.onnx
    run_split "$make_models" --output out probe.fp32
    [ "$status" -eq 4 ]
    grep -q 'probe.fp32.onnx' <<<"$errors"
    [ "$(ls out)" = probe.fp32.onnx ]
}
