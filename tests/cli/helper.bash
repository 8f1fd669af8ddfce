# helper.bash: what every command-line test starts from: `load helper`.
#
# Each test runs in an empty directory of its own, with a private HOME, without any setting of the
# person who runs it. TACHO is the program (absolute), TACHO_PROGS the folder of the small programs of
# tests/support. To run one file by hand: bats tests/cli/runs.bats

project_root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
export TACHO=${TACHO:-$project_root/build/tacho}
export TACHO_PROGS=${TACHO_PROGS:-$project_root/build/tests/support}

if declare -F bats_require_minimum_version >/dev/null; then
    bats_require_minimum_version 1.5.0
fi

setup() {
    local name
    for name in "${!TACHO_@}"; do
        case $name in
        TACHO_PROGS) ;;
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

# Runs a command with stdout in $output and stderr in $errors, as `run --separate-stderr` of newer
# bats does.
# shellcheck disable=SC2034 # for the test that calls it
run_split() {
    status=0
    output=$("$@" 2>"$BATS_TEST_TMPDIR/errors") || status=$?
    errors=$(cat "$BATS_TEST_TMPDIR/errors")
}

# validate_json FILE: it is JSON, names its schema, and fits that schema if the project has it.
validate_json() {
    local schema file
    schema=$(jq -er .schema "$1") || return
    file=$project_root/data/schema/${schema#tacho.}
    file=${file%/*}.json
    [ -f "$file" ] || return 0
    /usr/bin/python3 - "$file" "$1" <<'PYTHON'
import json, sys
import jsonschema
with open(sys.argv[1]) as schema, open(sys.argv[2]) as document:
    schema, document = json.load(schema), json.load(document)
try:
    jsonschema.validate(document, schema)
except jsonschema.ValidationError as error:
    sys.exit("%s: %s: %s" % (sys.argv[2], "/".join(map(str, error.absolute_path)), error.message))
PYTHON
}
