# helper.bash: what every command-line test starts from: `load helper`.
#
# Each test runs in an empty directory of its own, with a private HOME, without any setting of the
# person who runs it. TACHO is the program (absolute), TACHO_PROGS the folder of the small programs of
# tests/support, TACHO_TEST_ENGINES the folders of ONNX Runtime, newest first, ':' between (empty: none
# here). To run one file by hand: bats tests/cli/runs.bats

project_root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
export TACHO=${TACHO:-$project_root/build/tacho}
export TACHO_PROGS=${TACHO_PROGS:-$project_root/build/tests/support}
export TACHO_TEST_ENGINES=${TACHO_TEST_ENGINES-$("$project_root/tools/engine" list)}

if declare -F bats_require_minimum_version >/dev/null; then
    bats_require_minimum_version 1.5.0
fi

golden=$project_root/tests/golden # a file with a folder of its own sets it to that
# Taken out of the environment before each test, as every other setting.
regenerate=${TACHO_TEST_REGENERATE:-}

setup() {
    local name
    for name in "${!TACHO_@}"; do
        case $name in
        TACHO_PROGS | TACHO_TEST_ENGINES) ;;
        *) unset "$name" ;;
        esac
    done
    export LC_ALL=C.UTF-8 NO_COLOR=1 COLUMNS=80
    # bats before 1.4 has no folder per test.
    BATS_TEST_TMPDIR=${BATS_TEST_TMPDIR:-$(mktemp -d)}
    export HOME=$BATS_TEST_TMPDIR/home
    mkdir -p "$HOME" "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work" || return
}

# need_engine [NUMBER]: $engine becomes the folder of the newest (1, the default), second newest (2), …
# ONNX Runtime; the test is skipped where there are not so many.
# shellcheck disable=SC2034 # for the test that calls it
need_engine() {
    local folders
    IFS=: read -r -a folders <<<"$TACHO_TEST_ENGINES"
    engine=${folders[${1:-1} - 1]:-}
    [ -n "$engine" ] || skip "no ONNX Runtime here (script/bootstrap --test fetches them)"
}

# Runs a command with stdout in $output and stderr in $errors, as `run --separate-stderr` of newer
# bats does.
# shellcheck disable=SC2034 # for the test that calls it
run_split() {
    status=0
    output=$("$@" 2>"$BATS_TEST_TMPDIR/errors") || status=$?
    errors=$(cat "$BATS_TEST_TMPDIR/errors")
}

# same NAME FILE: FILE is the golden NAME of the folder $golden; TACHO_TEST_REGENERATE=1 makes it that.
same() {
    if [ -n "$regenerate" ]; then
        cp "$2" "$golden/$1"
    fi
    diff -u "$golden/$1" "$2"
}

# validate_json FILE: it is JSON, names its schema, the project has that schema, and FILE fits it.
validate_json() {
    local schema file
    schema=$(jq -er .schema "$1") || {
        echo "$1 is no JSON object that names its schema"
        return 1
    }
    file=${schema#tacho.}
    file=$project_root/data/schema/${file%/*}.json
    [ -f "$file" ] || {
        echo "$1: there is no schema $schema: $file"
        return 1
    }
    [ "$(jq -r .properties.schema.const "$file")" = "$schema" ] || {
        echo "$file is not the schema $schema"
        return 1
    }
    /usr/bin/python3 "$project_root/tests/support/validate_json.py" "$file" "$1"
}
