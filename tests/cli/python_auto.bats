#!/usr/bin/env bats
# shellcheck disable=SC2154 # $project_root, $output and $errors come from helper.bash
# python_auto.bats: how `tacho run` puts the hooks of tacho's Python package into a Python program.
load helper

# A data folder with the package, and a native module in name only: enough to be put in front.
package() {
    command -v python3 >/dev/null || skip "no python3 here"
    mkdir -p data
    cp -r "$project_root/python" data/python
    rm -f data/python/tacho/_native.*.so
    export TACHO_DATA=$PWD/data
    [ "${1:-}" = bare ] || : >data/python/tacho/_native.abi3.so
    cat >app.py <<'EOF'
import os
import sys
print("hooked" if "_tacho" in sys.modules else "alone", os.environ.get("PYTHONPATH"))
print([entry for entry in sys.path if "tacho/auto" in entry])
EOF
}

# A copy of the program, away from what was built with it: beside it there is no package.
alone() {
    mkdir -p bin
    cp "$TACHO" bin/tacho
    TACHO=$PWD/bin/tacho
}

# run_app ARGUMENTS...: one launch, the program's output in $errors.
run_app() {
    run_split "$TACHO" run -n 1 --warmup 0 --json --show-output "$@"
    [ "$status" -eq 0 ]
}

not_hooked() {
    jq -er '.findings[] | select(.rule == "not_hooked") | .sentence + " / " + .advice' <<<"$output"
}

@test "a Python program gets the hooks, and does not see them on its path" {
    package
    run_app -- python3 app.py
    [[ $errors == *"hooked $PWD/data/python/tacho/auto/sitecustomize"* ]]
    [[ $errors == *"[]"* ]]
    run not_hooked
    [ "$status" -ne 0 ]
}

@test "by env, by the first line of a script, and behind the caller's own PYTHONPATH" {
    package
    run_app -- env A=1 python3 app.py
    [[ $errors == *hooked* ]]
    { echo '#!/usr/bin/env python3' && cat app.py; } >app
    chmod +x app
    run_app -- ./app
    [[ $errors == *hooked* ]]
    PYTHONPATH=/somewhere run_app -- python3 app.py
    [[ $errors == *"sitecustomize:/somewhere"* ]]
}

@test "--no-auto and TACHO_DISABLE leave it alone" {
    package
    run_app --no-auto -- python3 app.py
    [[ $errors == *"alone None"* ]]
    run not_hooked
    [ "$status" -ne 0 ]
    TACHO_DISABLE=1 run_app -- python3 app.py
    [[ $errors == *"alone None"* ]]
}

@test "--no-auto is not the opposite of --auto" {
    run_split "$TACHO" run --no-auto --auto -- true
    [ "$status" -eq 2 ]
    run_split "$TACHO" run --help
    [[ $output == *"--no-auto "* ]]
}

@test "an interpreter that would ignore them: a note in the run" {
    package
    run_app -- python3 -I app.py
    [[ $errors == *"alone None"* ]]
    [[ $(not_hooked) == *"python3 -I"* ]]
}

@test "no native module for this interpreter: a note in the run, and the program as it is" {
    package bare
    alone
    run_app -- python3 app.py
    [[ $errors == *"alone None"* ]]
    [[ $(not_hooked) == *"no native module"*"pip install"*"--no-auto"* ]]
}

@test "what is no Python gets nothing" {
    package
    run_app -- sh -c 'echo "path: $PYTHONPATH"' >&2
    [[ $errors == *"path: "* && $errors != *sitecustomize* ]]
}

@test "doctor says what would be hooked, and where the package is" {
    package
    alone
    run_split "$TACHO" doctor --json
    [ "$(jq -r '.checks[] | select(.name == "package") | .state' <<<"$output")" = ok ]
    [[ $(jq -r '.checks[] | select(.name == "package") | .detail' <<<"$output") == "$PWD/data/python"* ]]
    [[ $(jq -r '.checks[] | select(.name == "hooks") | .detail' <<<"$output") == *onnxruntime*torch* ]]
    rm data/python/tacho/_native.abi3.so
    run_split "$TACHO" doctor --json
    [ "$(jq -r '.checks[] | select(.name == "package") | .state' <<<"$output")" = note ]
    [[ $(jq -r '.checks[] | select(.name == "package") | .advice' <<<"$output") == *"pip install"* ]]
}

@test "monitor hooks a Python program that it starts, too" {
    package
    echo 'import time; time.sleep(0.5)' >>app.py
    "$TACHO" monitor --interval 100ms --no-store --show-output -- python3 app.py >out.txt 2>err.txt
    grep -q "hooked $PWD/data/python/tacho/auto/sitecustomize" err.txt
    "$TACHO" monitor --no-auto --interval 100ms --no-store --show-output -- python3 app.py \
        >out.txt 2>err.txt
    grep -q 'alone None' err.txt
}

@test "what was built, and what meson installs, hooks a program as it is: nothing comes from pip" {
    local build=${TACHO%/*} program
    [ -e "$build/build.ninja" ] && command -v meson >/dev/null || skip "not in a build folder"
    compgen -G "$build/python/tacho/_native.*" >/dev/null || skip "no native module (python3-dev)"
    meson install -C "$build" --no-rebuild --destdir "$PWD/dest" >install.log || {
        cat install.log
        return 1
    }
    program=$(find dest -path '*/bin/tacho')
    for program in "$TACHO" "$PWD/$program"; do
        PYTHONPATH=$project_root/python/tests/standins "$program" run -n 1 --warmup 0 -q --json \
            --no-store-run -- python3 "$project_root/python/tests/apps/onnx_app.py" 20 >run.json
        jq -e '.metrics["span_ms@inference"].n == 19' run.json
        jq -e '.metrics["span_ms@inference first"].n == 1' run.json
    done
    run_split "$program" doctor --json
    [[ $(jq -r '.checks[] | select(.name == "package") | .detail' <<<"$output") == */lib/tacho/python* ]]
}
