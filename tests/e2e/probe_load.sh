#!/usr/bin/env bash
# tests/e2e/probe_load.sh [PROCESSES [THREADS [SECONDS]]]: libtacho under load (50 processes of 8
# threads for a minute, read at 100 Hz), and 200 kills at random points. By hand; needs script/build
# and the unit tests in build/ (script/test unit).
set -euo pipefail
cd "$(dirname "$0")/../.."

mkdir -p build-test
cc -O2 -Wall -Wextra -D_GNU_SOURCE -Iinclude tests/e2e/probe_load.c build/src/probe/libtacho.a \
    -o build-test/probe_load -pthread
build-test/probe_load "$@"
TACHO_TEST_KILLS=200 build/tests/unit/probe/test_kill
