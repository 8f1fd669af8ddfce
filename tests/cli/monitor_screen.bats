# The live screen of tacho monitor, on a pseudo-terminal.

load helper

setup_file() {
    command -v python3 >/dev/null || skip "no python3 here"
    [ -e "$(dirname "${TACHO:-$BATS_TEST_DIRNAME/../../build/tacho}")/modules/tacho_screen.so" ] ||
        skip "the module 'screen' was not built: no ncurses here"
}

# on_terminal STEP... -- CMD: see tests/support/screen_pty.py; the output comes to ./screen.
on_terminal() {
    run "$project_root/tests/support/screen_pty.py" --log screen "$@"
    printf '%s\n' "$output"
    [ "$status" -eq 0 ]
    [[ "$output" != *missing=* ]]
}

has() {
    local line
    for line in "$@"; do
        grep -qx -- "$line" <<<"$output" || {
            printf 'expected: %s\n' "$line"
            return 1
        }
    done
}

monitor=("$TACHO" monitor --no-store --interval 200ms)

@test "monitor: the live screen is there, q ends it, and the terminal is as before" {
    on_terminal 'until:memory' 'until:q quit' wait:1 keys:q end -- "${monitor[@]}"
    has exit=0 restored=yes alternate=left cursor=shown
    grep -q 'rows, one every 200 ms' screen # the summary comes after it
}

@test "monitor: an idle screen sends little" {
    on_terminal 'until:memory' wait:1 idle:2 keys:q end -- "${monitor[@]}"
    local bytes
    bytes=$(sed -n 's/^idle_bytes=//p' <<<"$output")
    # Ten frames of 1920 cells; whole ones would be 20,000 bytes and more.
    [ "$bytes" -gt 0 ]
    [ "$bytes" -lt 5000 ]
}

@test "monitor: a paused screen sends nothing" {
    on_terminal 'until:memory' keys:p until:PAUSED wait:0.5 idle:1 keys:q end -- "${monitor[@]}"
    has idle_bytes=0 exit=0
}

@test "monitor: a new size is a new picture" {
    on_terminal 'until:memory' wait:0.5 forget resize:60x10 'until:60x10 is too small' forget \
        resize:120x40 'until:memory' keys:q end -- "${monitor[@]}"
    has exit=0 restored=yes
}

@test "monitor: Ctrl-L draws everything again" {
    on_terminal 'until:memory' wait:0.5 forget $'keys:\x0c' 'until:memory' keys:q end -- "${monitor[@]}"
    has restored=yes
}

@test "monitor: Ctrl-Z gives the terminal back, fg draws again" {
    on_terminal 'until:memory' wait:0.5 stop-cont 'until:memory' keys:q end -- "${monitor[@]}"
    has stopped_restored=yes stopped_alternate=left exit=0 restored=yes alternate=left
}

@test "monitor: every signal leaves the terminal as it was" {
    local name
    for name in INT TERM HUP; do
        on_terminal 'until:memory' wait:0.5 "signal:$name" end -- "${monitor[@]}"
        has exit=0 restored=yes alternate=left cursor=shown
    done
    for name in QUIT ABRT SEGV; do
        on_terminal 'until:memory' wait:0.5 "signal:$name" end -- "${monitor[@]}"
        has "exit=-$(kill -l "$name")" restored=yes alternate=left cursor=shown
    done
}

@test "monitor: help and the order of processes" {
    on_terminal 'until:memory' keys:h 'until:any key: back' keys:x 'until:q quit' keys:s \
        'until:sort: CPU' keys:q end -- "${monitor[@]}" -- sleep 60
    has exit=0
    grep -q 'sleep 60' screen
}

@test "monitor: terminals of other kinds" {
    on_terminal --term linux 'until:memory' wait:1 ascii keys:q end -- "${monitor[@]}"
    has exit=0 restored=yes screen_ascii=yes
    on_terminal --term vt100 'until:memory' wait:1 ascii keys:q end -- "${monitor[@]}"
    has exit=0 restored=yes screen_ascii=yes colours=no
}

@test "monitor: a locale without UTF-8 gets ASCII" {
    LC_ALL=C on_terminal 'until:memory' wait:1 ascii keys:q end -- "${monitor[@]}"
    has exit=0 screen_ascii=yes
}

@test "monitor: NO_COLOR means none" {
    on_terminal 'until:memory' wait:1 keys:q end -- "${monitor[@]}"
    has exit=0 colours=no
    unset NO_COLOR
    on_terminal 'until:memory' wait:1 keys:q end -- "${monitor[@]}"
    has exit=0 colours=yes
}

@test "monitor: a terminal that cannot place text gets rows" {
    on_terminal --term dumb 'until:cpu %' signal:INT end -- "${monitor[@]}"
    has exit=0 restored=yes escapes=no
    on_terminal --term no-such-terminal 'until:rows instead of the live screen' 'until:cpu %' \
        signal:INT end -- "${monitor[@]}"
    has exit=0 escapes=no
}

@test "monitor: without its module it says what is missing" {
    mkdir bare
    cp "$TACHO" bare/tacho
    on_terminal end -- bare/tacho monitor --no-store
    has exit=4 restored=yes escapes=no
    grep -q 'libncursesw6' screen
    grep -q -- '--output FILE' screen
}

# ---- tacho monitor gpu ----

# A stand-in of libnvidia-ml.so.1 that the build makes beside the small programs.
use_gpus() {
    export TACHO_NVML=$TACHO_PROGS/libnvidia-ml.so.1 NVML_STANDIN_DEVICES=$1
    [ -e "$TACHO_NVML" ] || skip "the stand-in of NVML is not built"
    monitor=("$TACHO" monitor gpu --no-store --interval 200ms)
}

@test "monitor gpu: a live screen of every GPU, and its summary when q ends it" {
    use_gpus 2
    on_terminal 'until:GPU 1' 'until:power cap' 'until:held back in' keys:h 'until:any key: back' \
        keys:x forget resize:60x10 'until:60x10 is too small' forget resize:120x40 'until:clock 1' \
        keys:q end -- "${monitor[@]}"
    has exit=0 restored=yes alternate=left cursor=shown
    grep -q 'the driver held back nvidia_1' screen # of the summary
}

@test "monitor gpu: a paused screen sends nothing, an idle one little" {
    use_gpus 2
    on_terminal 'until:clock 1' wait:1 idle:2 keys:p until:PAUSED wait:0.5 idle:1 keys:q end -- \
        "${monitor[@]}"
    has idle_bytes=0 exit=0
    [ "$(sed -n '1s/^idle_bytes=//p' <<<"$output")" -lt 5000 ]
}

@test "monitor gpu: every signal leaves the terminal as it was" {
    local name
    use_gpus 1
    for name in INT TERM; do
        on_terminal 'until:q quit' wait:0.5 "signal:$name" end -- "${monitor[@]}"
        has exit=0 restored=yes alternate=left cursor=shown
    done
    on_terminal 'until:q quit' wait:0.5 signal:SEGV end -- "${monitor[@]}"
    has "exit=-$(kill -l SEGV)" restored=yes alternate=left cursor=shown
}

@test "monitor gpu: a terminal that cannot place text gets rows, a file no screen" {
    use_gpus 1
    on_terminal --term dumb 'until:util %' signal:INT end -- "${monitor[@]}"
    has exit=0 restored=yes escapes=no
    on_terminal --term no-such-terminal 'until:rows instead of the live screen' 'until:util %' \
        signal:INT end -- "${monitor[@]}"
    has exit=0 escapes=no
    on_terminal end -- "${monitor[@]}" --duration 500ms --output gpu.csv
    has exit=0 escapes=no
    [ "$(grep -c nvidia_0 gpu.csv)" -ge 1 ]
    on_terminal end -- "${monitor[@]}" --duration 500ms --quiet
    has exit=0 escapes=no
}

@test "monitor gpu: no GPU is said before there is a screen" {
    TACHO_ROOT=$project_root/tests/trees/pi5 on_terminal end -- "$TACHO" monitor gpu
    has exit=4 restored=yes escapes=no
    grep -q 'no GPU to watch' screen
    [ ! -e .tacho ]
}
