#!/usr/bin/env bats
# completion.bats: the script of `tacho completion bash`, called as bash calls it.

# shellcheck disable=SC1010 # "do" and "fi" are words to be completed
load helper


# complete WORD...: what bash would offer for the last word. '=' stands alone, as bash splits it.
complete_words() {
    PATH=$(dirname "$TACHO"):$PATH bash --norc -c '
        source <("$TACHO" completion bash)
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        COMPREPLY=()
        _tacho 2>/dev/null
        printf "%s\n" "${COMPREPLY[@]}"
    ' bash "$@"
}

has() { grep -qx -e "$1" <<<"$offered"; }
lacks() { ! has "$1"; }

@test "completion: the script is valid bash and registers itself" {
    "$TACHO" completion bash >script.bash
    bash -n script.bash
    [ "$(bash --norc -c 'source script.bash; complete -p tacho')" = "complete -F _tacho tacho" ]
    if command -v shellcheck >/dev/null; then
        shellcheck -s bash -S warning script.bash
    fi
}

@test "completion: commands, and help's" {
    offered=$(complete_words tacho '')
    has run && has runs && has doctor && has completion && has help && lacks metrics
    offered=$(complete_words tacho do)
    [ "$offered" = doctor ]
    offered=$(complete_words tacho help ru)
    has run && has runs && lacks doctor
}

@test "completion: flags of the command, and only those" {
    offered=$(complete_words tacho run --)
    has --iterations && has --limit && has --no-power && has --json && lacks --all && lacks --config-values
    offered=$(complete_words tacho runs --a)
    [ "$offered" = --all ]
    offered=$(complete_words tacho --store dir doctor --config-)
    [ "$offered" = --config-values ]
    offered=$(complete_words tacho benchmark --itera)
    [ "$offered" = --iterations ]
}

@test "completion: devices, providers, precisions, inputs; models as files" {
    touch net.onnx net.engine image.npy notes.txt
    mkdir models
    offered=$(complete_words "$TACHO" run --device '')
    has cpu && has cuda && has dla && has cpu_0
    offered=$(complete_words "$TACHO" run --auto --devices '')
    has cpu_0
    offered=$(complete_words tacho run --provider x)
    [ "$offered" = xnnpack ]
    offered=$(complete_words tacho bench batching --precision '')
    has fp16 && has int8 && lacks fp17
    offered=$(complete_words tacho run --auto --precisions i)
    has int8 && lacks fp32
    offered=$(complete_words tacho run --input '')
    has random && has zeros && has image.npy && has models && lacks notes.txt
    offered=$(complete_words tacho run '')
    has detector && has classifier && has net.onnx && has net.engine && has models && lacks notes.txt
    offered=$(complete_words tacho bench cores '')
    has detector && has net.onnx && lacks notes.txt
    offered=$(complete_words "$TACHO" devices '')
    has cpu_0
}

@test "completion: verbs, ids" {
    offered=$(complete_words tacho runs '')
    [ "$(sort <<<"$offered" | paste -sd' ')" = "export import list rm show" ]
    offered=$(complete_words tacho bench '')
    [ "$(sort <<<"$offered" | paste -sd' ')" = "batching cores" ]
    "$TACHO" run -n 1 -q -- true
    id=$("$TACHO" runs list -q)
    offered=$(complete_words "$TACHO" runs show '')
    has last && has "$id"
}

@test "completion: values: choices, collectors, files, directories" {
    offered=$(complete_words tacho run --format '')
    [ "$(sort <<<"$offered" | paste -sd' ')" = "csv json markdown text" ]
    offered=$(complete_words tacho run --format = j)
    [ "$offered" = json ]
    offered=$(complete_words tacho run --format =)
    has markdown
    offered=$(complete_words tacho run -c '')
    has proc && has thermal
    touch file.json && mkdir folder
    offered=$(complete_words tacho run --export fi)
    [ "$offered" = file.json ]
    offered=$(complete_words tacho run --store '')
    [ "$offered" = folder ]
    offered=$(complete_words tacho run --timeout '')
    [ -z "$offered" ]
    offered=$(complete_words tacho runs import fi)
    [ "$offered" = file.json ]
}

@test "completion: names of profiles" {
    offered=$(complete_words tacho run --profile '')
    has ci_smoke && has edge_max_perf
    touch gate.yaml
    offered=$(complete_words tacho run -p ga)
    [ "$offered" = gate.yaml ]
    offered=$(complete_words tacho profiles ci)
    [ "$offered" = ci_smoke ]
    mkdir -p data/profiles
    touch data/profiles/night.yaml
    offered=$(TACHO_DATA=data complete_words tacho profiles --info ni)
    [ "$offered" = night ]
}

@test "completion: after -- commands, then files; the program's flags are not tacho's" {
    touch data.txt
    offered=$(complete_words tacho run -n 3 -- tru)
    has true
    offered=$(complete_words tacho run -- cat da)
    [ "$offered" = data.txt ]
    offered=$(complete_words tacho run -- cat --itera)
    lacks --iterations
}

@test "completion: other shells are refused" {
    run "$TACHO" completion zsh
    [ "$status" -eq 2 ]
    [[ "$output" == *"bash"* ]]
    run "$TACHO" completion bash zsh
    [ "$status" -eq 2 ]
}
