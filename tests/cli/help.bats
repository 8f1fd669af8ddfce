#!/usr/bin/env bats
# help.bats: what is shown without measuring anything, and how mistakes on the command line are
# answered.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

@test "help: tacho, tacho --help and tacho help are the same overview" {
    overview=$("$TACHO")
    [[ "$overview" == *"Usage:"* ]]
    [ "$("$TACHO" --help)" = "$overview" ]
    [ "$("$TACHO" -h)" = "$overview" ]
    [ "$("$TACHO" help)" = "$overview" ]
    for command in run runs profiles devices doctor completion; do
        grep -q "^  $command " <<<"$overview"
    done
    [[ "$overview" != *metrics* ]] # hidden
}

@test "help: every command has usage, options, examples and exit statuses" {
    for command in run runs profiles devices doctor completion help; do
        text=$("$TACHO" "$command" --help)
        [ "$("$TACHO" help "$command")" = "$text" ]
        [[ "$text" == *"Usage:"*"tacho $command"* ]]
        [[ "$text" == *"Options of every command:"* ]]
        [[ "$text" == *"--output FILE"* ]]
        [[ "$text" == *"Examples:"* ]]
        [[ "$text" == *"130 interrupted"* ]]
        [ "$(wc -L <<<"$text")" -le 80 ]
    done
}

@test "help: shows defaults, variables and both forms of a switch that is on" {
    text=$("$TACHO" run --help)
    [[ "$text" == *"-i, --interval T"*"[default: 100ms]"* ]]
    [[ "$text" == *"TACHO_STORE"* ]]
    [[ "$text" == *"--[no-]power"* ]]
}

@test "help: beats every other mistake but an unknown flag" {
    run "$TACHO" run --help --timeout 5
    [ "$status" -eq 0 ]
    [[ "$output" == *"Usage:"* ]]
    printf 'nonsense: 1\n' >tacho.yaml
    run "$TACHO" run --help
    [ "$status" -eq 0 ]
}

@test "version: one line, also from a command and as JSON" {
    [ "$("$TACHO" --version)" = "tacho 0.1.0" ]
    [ "$("$TACHO" run --version)" = "tacho 0.1.0" ]
    [ "$("$TACHO" --version --json | jq -r .version)" = "0.1.0" ]
    "$TACHO" --version --json >version.json
    validate_json version.json
    "$TACHO" run --version --json >version.json
    validate_json version.json
}

@test "mistake: unknown command offers the nearest, or how to measure a program" {
    run_split "$TACHO" rnu
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [[ "$errors" == *"did you mean run?"* ]]
    run "$TACHO" ls -l
    [ "$status" -eq 2 ]
    [[ "$output" == *"tacho run -- ls"* ]]
    run "$TACHO" -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"tacho run -- true"* ]]
}

@test "mistake: unknown flag offers the nearest; one line, exit 2" {
    run "$TACHO" run --itertions 3 -- true
    [ "$status" -eq 2 ]
    [ "$output" = "tacho run: unknown flag --itertions: did you mean --iterations?" ]
    run "$TACHO" run -Z -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"unknown flag -Z"* ]]
    run "$TACHO" --itertions 3
    [ "$status" -eq 2 ]
    [[ "$output" == "tacho: unknown flag"* ]]
}

@test "mistake: abbreviated flags are refused" {
    run "$TACHO" run --iter 3 -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"did you mean --iterations?"* ]]
    run "$TACHO" run --iter=3 -- true
    [ "$status" -eq 2 ]
    run "$TACHO" runs list --js
    [ "$status" -eq 2 ]
    [ ! -e .tacho ]
}

@test "mistake: a flag of another command names that command" {
    run "$TACHO" doctor --iterations 3
    [ "$status" -eq 2 ]
    [[ "$output" == *"tacho run"* ]]
}

@test "mistake: missing value, value for a switch that takes none" {
    run "$TACHO" run --timeout
    [ "$status" -eq 2 ]
    [ "$output" = "tacho run: --timeout needs a value: T" ]
    run "$TACHO" run -n
    [ "$status" -eq 2 ]
    [[ "$output" == *"-n needs a value: N"* ]]
    run "$TACHO" run --no-power=1 -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"takes no value"* ]]
    run "$TACHO" runs list --json=perhaps
    [ "$status" -eq 2 ]
}

@test "mistake: nothing stands after -- of a command that measures nothing" {
    run "$TACHO" runs list -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *'"--"'* ]]
}

@test "errors: with --json also an object on stdout, and stderr stays" {
    run_split "$TACHO" runs show nothing --json
    [ "$status" -eq 2 ]
    [ "$(jq -r .schema <<<"$output")" = "tacho.error/1" ]
    [ "$(jq -r .code <<<"$output")" = "input" ]
    [ "$(wc -l <<<"$errors")" -eq 1 ]
    printf '%s\n' "$output" >error.json
    validate_json error.json
    run_split "$TACHO" nosuch --json
    [ "$(jq -r .code <<<"$output")" = "usage" ]
}

@test "options: values in every form, also before the command and between arguments" {
    "$TACHO" run -n2 -q --label=one -- true
    "$TACHO" --store .tacho run --iterations=2 -q --label two -- true
    [ "$("$TACHO" -q --store .tacho runs list | wc -l)" -eq 2 ]
    [ "$("$TACHO" runs show --format json one | jq .metrics.wall_ms.n)" -eq 2 ]
    [ "$("$TACHO" runs --json show two | jq -r .label)" = "two" ]
}

@test "options: what stands after -- is never an option" {
    run "$TACHO" run -n 1 -q --show-output -- echo --version -n -- --json
    [ "$status" -eq 0 ]
    [[ "$output" == *"--version -n -- --json"* ]]
}

@test "output: --output writes the file whole or not at all" {
    "$TACHO" doctor --json --output out.json
    jq -e .checks out.json
    echo precious >kept.txt
    run "$TACHO" runs show nothing -o kept.txt
    [ "$status" -eq 2 ]
    [ "$(cat kept.txt)" = "precious" ]
    run "$TACHO" doctor -o no/such/dir/out.txt
    [ "$status" -eq 4 ]
    [[ "$output" == *"no/such/dir/out.txt"* ]]
}

@test "output: a full disk is an error, a closed pipe is none, a closed stdout is one" {
    [ -c /dev/full ] || skip "no /dev/full"
    run bash -c '"$TACHO" doctor >/dev/full'
    [ "$status" -eq 4 ]
    [[ "$output" == *"stdout"* ]]
    run bash -c 'set -o pipefail; "$TACHO" metrics | true'
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    run bash -c '"$TACHO" --version >&-'
    [ "$status" -eq 4 ]
}

@test "docs: metrics.md is what tacho metrics prints" {
    diff "$project_root/docs/metrics.md" <("$TACHO" metrics)
    "$TACHO" metrics --json >metrics.json
    validate_json metrics.json
    jq -e '.metrics | length > 30' metrics.json
}

@test "docs: every flag stands in the page of its command" {
    for command in run runs profiles devices doctor completion; do
        page=$project_root/docs/$command.md
        [ -f "$page" ]
        "$TACHO" "$command" --help | sed -n '/^Options:/,/^Options of every/p' |
            grep -oE -- '--(\[no-\])?[a-z][a-z-]+' | sed 's/\[no-\]//' | sort -u |
            while read -r flag; do
                grep -qE -e "--(no-)?${flag#--}" "$page" || { echo "$page lacks $flag" && exit 1; }
            done
    done
}

@test "docs: every setting stands in settings.md" {
    "$TACHO" doctor --config-values --json |
        jq -r '.settings[] | .key, .env, (.flag | select(.) | "--" + .) | select(.)' |
        while read -r name; do
            grep -qF -e "\`$name\`" "$project_root/docs/settings.md" || { echo "settings.md lacks $name" && exit 1; }
        done
}

@test "docs: every error code stands in exit-codes.md" {
    sed -n 's/^    X([A-Z]*, "\([a-z_]*\)", \([0-9]*\),.*/\1 \2/p' "$project_root/src/base/error.h" |
        while read -r code status; do
            grep -qF "| \`$code\` | $status |" "$project_root/docs/exit-codes.md"
        done
}

@test "help: --json gives the same commands and flags as the text, and fits its schema" {
    "$TACHO" help --json >all.json
    validate_json all.json
    "$TACHO" run --help --json >run.json
    validate_json run.json
    [ "$(jq -r '.commands[].name' run.json)" = run ]
    diff <(jq -r '.commands[0].options[].flag' run.json | sort) \
        <("$TACHO" run --help | grep -oE '^ +(-., )?--(\[no-\])?[a-z-]+' | sed 's/.*--\(\[no-\]\)\{0,1\}//' | sort)
    "$TACHO" completion bash --json >completion.json
    validate_json completion.json
    diff <(jq -rj .script completion.json) <("$TACHO" completion bash)
}
