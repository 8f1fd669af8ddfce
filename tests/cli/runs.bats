#!/usr/bin/env bats
# runs.bats: `tacho runs`.

# shellcheck disable=SC2153 # $TACHO and the like come from helper.bash
load helper

measure() { # LABEL [N]
    "$TACHO" run -n "${2:-2}" -q --label "$1" -- true
}

@test "runs: reading creates nothing" {
    run "$TACHO" runs list
    [ "$status" -eq 0 ]
    [[ "$output" == *"no runs yet"* ]]
    [ "$("$TACHO" runs list --json | jq '.runs | length')" -eq 0 ]
    for verb in 'show last' 'export last' 'rm last' 'rm --all'; do
        # shellcheck disable=SC2086
        run "$TACHO" runs $verb
        [ "$status" -eq 2 ]
        [[ "$output" == *"no runs yet"* ]]
    done
    [ -z "$(ls -A)" ]
}

@test "runs: list is newest first, 20 of them unless --all, -q prints ids" {
    for i in $(seq 22); do measure "run $i" 1; done
    [ "$("$TACHO" runs list -q | wc -l)" -eq 20 ]
    [ "$("$TACHO" runs list -qa | wc -l)" -eq 22 ]
    [ "$("$TACHO" runs list --json | jq -r '.runs[0].label')" = "run 22" ]
    [ "$("$TACHO" runs list --all --json | jq -r '.runs[-1].label')" = "run 1" ]
    run "$TACHO" runs
    [[ "${lines[0]}" == run*verdict*state*units*label* ]]
    [[ "${lines[1]}" == *complete*"run 22" ]]
}

@test "runs: a Korean label keeps the columns" {
    measure '야간 카메라 파이프라인 벤치마크 실험'
    measure plain
    run "$TACHO" runs list
    [ "$status" -eq 0 ]
    [[ "$output" == *"야간 카메라"* ]]
    [ "$(wc -L <<<"$output")" -le 80 ]
}

@test "runs: show takes last, last-1, a label, an id and a part of it" {
    measure first
    measure second
    id=$("$TACHO" runs list -q | tail -1)
    for name in "$id" last-1 first "${id: -4}"; do
        [ "$("$TACHO" runs show "$name" --json | jq -r .id)" = "$id" ]
    done
    [ "$("$TACHO" runs show --json | jq -r .label)" = "second" ]
    run "$TACHO" runs show nosuch
    [ "$status" -eq 2 ]
    run "$TACHO" runs show
    [[ "${lines[0]}" == "not judged"* ]]
}

@test "runs: show in every format, several at once" {
    measure one
    measure two
    [[ "$("$TACHO" runs show last --format markdown)" == "## not judged"* ]]
    [[ "$("$TACHO" runs show last --format csv)" == timestamp,workload,* ]]
    [[ "$("$TACHO" runs show one two --format csv)" == timestamp,run_label,* ]]
    [ "$("$TACHO" runs show one two --json | jq '.runs | length')" -eq 2 ]
    run "$TACHO" runs show one two
    [ "$(grep -c '^not judged' <<<"$output")" -eq 2 ]
}

@test "runs: export and import carry everything; a second import changes nothing" {
    measure one 4
    measure two 3
    "$TACHO" runs export one two -o both.json
    "$TACHO" runs import both.json --store other/.tacho >report.txt
    grep -q 'imported 2 runs' report.txt
    run "$TACHO" runs import both.json --store other/.tacho
    [ "$status" -eq 0 ]
    [[ "$output" == *"imported 0 runs"*"2 already there"* ]]
    [ "$("$TACHO" runs list -q --store other/.tacho | wc -l)" -eq 2 ]
    diff <("$TACHO" runs export one) <("$TACHO" runs export one --store other/.tacho)
    [ "$("$TACHO" runs import both.json --json --store third/.tacho | jq '.imported | length')" -eq 2 ]
}

@test "runs: export as CSV by name of the file or by --format, never as text" {
    measure one 3
    "$TACHO" runs export last -o run.csv
    [ "$(wc -l <run.csv)" -eq 4 ]
    [ "$("$TACHO" runs export last --format csv | wc -l)" -eq 4 ]
    run "$TACHO" runs export last --format markdown
    [ "$status" -eq 2 ]
    [[ "$output" == *"runs show last --format markdown"* ]]
    run "$TACHO" runs export
    [ "$status" -eq 2 ]
}

@test "runs: a broken file imports nothing, and line and column are named" {
    measure one
    "$TACHO" runs export last -o good.json
    head -c 400 good.json >cut.json
    run "$TACHO" runs import cut.json --store other/.tacho
    [ "$status" -eq 2 ]
    [[ "$output" == *"cut.json:"[0-9]*":"[0-9]*": "* ]]
    printf '[1, 2]\n' >array.json
    run "$TACHO" runs import array.json --store other/.tacho
    [ "$status" -eq 2 ]
    run "$TACHO" runs import nosuch.json --store other/.tacho
    [ "$status" -eq 2 ]
    [[ "$output" == *"nosuch.json"* ]]
    [ -z "$("$TACHO" runs list -q --store other/.tacho)" ]
}

@test "runs: what list, show, export, import and rm print as JSON fits its schema" {
    "$TACHO" runs list --json >none.json
    validate_json none.json
    jq -e '.schema == "tacho.run_list/1" and .store == null and .runs == []' none.json
    measure one 3
    "$TACHO" run -n 2 -q --label judged --limit 'max(wall_ms)<=60000' -- true
    "$TACHO" runs list --json >list.json
    validate_json list.json
    jq -e '[.runs[].verdict] == ["pass", null] and (.store | endswith("/.tacho"))' list.json
    "$TACHO" runs show last --json >run.json
    validate_json run.json
    "$TACHO" runs export one judged >both.json
    validate_json both.json
    "$TACHO" runs import both.json --json --store other/.tacho >imported.json
    validate_json imported.json
    jq -e '.schema == "tacho.imported/1" and .already_stored == 0' imported.json
    "$TACHO" runs import both.json --json --store other/.tacho >again.json
    validate_json again.json
    jq -e '.imported == [] and .already_stored == 2' again.json
    id=$("$TACHO" runs show one --json | jq -r .id)
    "$TACHO" runs rm one --json >removed.json
    validate_json removed.json
    jq -e --arg id "$id" '.schema == "tacho.removed/1" and .removed == [$id]' removed.json
    "$TACHO" runs show nosuch --json >error.json || true
    validate_json error.json
}

@test "runs: rm looks every name up first, then removes" {
    measure one
    measure two
    measure three
    run "$TACHO" runs rm one nosuch
    [ "$status" -eq 2 ]
    [ "$("$TACHO" runs list -q | wc -l)" -eq 3 ]
    run "$TACHO" runs rm one one
    [ "$status" -eq 0 ]
    [ "$(grep -c '^removed ' <<<"$output")" -eq 1 ]
    run "$TACHO" runs rm
    [ "$status" -eq 2 ]
    run "$TACHO" runs rm --all two
    [ "$status" -eq 2 ]
    [ "$("$TACHO" runs rm --all --json | jq '.removed | length')" -eq 2 ]
    [ -z "$("$TACHO" runs list -q)" ]
    [[ "$("$TACHO" runs list)" == "no runs yet"* ]]
}

@test "runs: an empty name, as of an unset variable, names no run" {
    "$TACHO" run -n 1 -q --label " " -- true
    for verb in show export rm; do
        run "$TACHO" runs "$verb" ""
        [ "$status" -eq 2 ]
        [[ "$output" == *"is empty"* ]]
    done
    [ "$("$TACHO" runs list -q | wc -l)" -eq 1 ]
}

@test "runs: rm that removes nothing prints the error as JSON, and only that" {
    measure one
    run_split "$TACHO" runs rm --json nosuch
    [ "$status" -eq 2 ]
    [ "$(jq -rs '.[].schema' <<<"$output")" = "tacho.error/1" ]
}

@test "runs: import - reads stdin" {
    measure one
    "$TACHO" runs export last | "$TACHO" --store other runs import -
    [ "$("$TACHO" --store other runs list --json | jq -r '.runs[].label')" = "one" ]
}

@test "runs: what is known as a distribution only has no row in the CSV, and that is said" {
    measure one
    "$TACHO" runs export last >run.json
    jq '(.series[] | select(.metric == "wall_ms")).histogram = {n: 2, min: 1000000, max: 1000000,
        sum: 2000000, sum_sq: 2000000000000, buckets: [500, 2]}' run.json >more.json
    "$TACHO" --store other runs import more.json
    run_split "$TACHO" --store other runs export last --format csv
    [ "$status" -eq 0 ]
    [[ $errors == *"2 of the latencies are not in the CSV"* ]]
    run_split "$TACHO" runs export last --format csv
    [ -z "$errors" ]
}

@test "runs: a run that was killed says crashed" {
    "$TACHO" run -n 1000 -q -- sleep 0.05 &
    tacho=$!
    for _ in $(seq 100); do
        [ -n "$("$TACHO" runs list -q)" ] && break
        sleep 0.05
    done
    kill -9 "$tacho"
    wait "$tacho" || true
    "$TACHO" runs list --json >list.json
    validate_json list.json
    jq -e '.runs[0].state == "crashed" and .runs[0].duration_s == null' list.json
    run "$TACHO" runs show last
    [ "$status" -eq 0 ]
    [[ "$output" == *"crashed:"* ]]
    run "$TACHO" runs show last --format markdown
    [[ "$output" == *"crashed:"* ]]
}

@test "runs: unknown verb offers the nearest" {
    run "$TACHO" runs lst
    [ "$status" -eq 2 ]
    [ "$output" = "tacho runs: unknown verb 'lst': did you mean list?" ]
    run "$TACHO" runs list extra
    [ "$status" -eq 2 ]
}

@test "runs: the store is found upwards, and --store and TACHO_STORE name another" {
    measure here
    mkdir -p a/b
    cd a/b
    [ "$("$TACHO" runs show --json | jq -r .label)" = "here" ]
    TACHO_STORE=$PWD/elsewhere "$TACHO" run -n 1 -q --label there -- true
    [ "$("$TACHO" runs list --store elsewhere --json | jq -r '.runs[0].label')" = "there" ]
    [ "$("$TACHO" runs list -q | wc -l)" -eq 1 ]
}

@test "runs: what hyperfine, time and cProfile wrote just now comes in with their figures" {
    hyperfine -N -r 5 --export-json bench.json true >/dev/null 2>&1
    command time -v -o time.txt true
    python3 -c 'import cProfile; cProfile.run("sum(i * i for i in range(20000))", "app.prof")' \
        >/dev/null
    run "$TACHO" runs import bench.json time.txt app.prof
    [ "$status" -eq 0 ]
    [[ "$output" == *"imported 3 runs"* ]]
    "$TACHO" runs export hyperfine >run.json
    validate_json run.json
    [ "$(jq '.metrics.hyperfine_time_ms.n' run.json)" -eq 5 ]
    jq -s -e '(.[0].metrics.hyperfine_time_ms.mean - .[1].results[0].mean * 1000) | fabs < 1e-6' \
        run.json bench.json
    [ "$("$TACHO" runs show time- --json |
        jq '.metrics.time_peak_rss_mb.value // .metrics.time_peak_rss_mb.mean | . * 1024 | round')" \
        -eq "$(sed -n 's/.*Maximum resident set size (kbytes): //p' time.txt)" ]
    python3 -c 'import pstats; print(pstats.Stats("app.prof").total_calls)' >calls.txt
    [ "$("$TACHO" runs show cprofile --json |
        jq '.metrics.cprofile_calls.value // .metrics.cprofile_calls.mean')" -eq "$(cat calls.txt)" ]
    run "$TACHO" runs show hyperfine
    [[ "$output" == *"imported from hyperfine"* ]]
    [[ "$output" == *"hyperfine_time_ms"* ]]
    run "$TACHO" runs import bench.json
    [[ "$output" == *"already there"* ]]
}

@test "runs: what a tool says against its own figures is on the screen" {
    printf 'MLPerf Results Summary\nScenario : Offline\nSamples per second: 4.58\nResult is : INVALID\n%s\n' \
        '  Min duration satisfied : NO' >summary.txt
    cat >bench.json <<'END'
{"context":{},"benchmarks":[
{"name":"good","run_type":"iteration","real_time":5,"cpu_time":4,"time_unit":"ns"},
{"name":"bad","run_type":"iteration","error_occurred":true,"error_message":"no such file","real_time":0,
 "cpu_time":0,"time_unit":"ns"}]}
END
    run "$TACHO" runs import summary.txt bench.json
    [ "$status" -eq 0 ]
    [[ "$output" == *"imported 3 runs"*"; 2 with a warning"* ]]
    run "$TACHO" runs show loadgen
    [[ "$output" == *"LoadGen calls this result INVALID: not so: min duration satisfied"* ]]
    run "$TACHO" runs show bad
    [[ "$output" == *"1 of 1 repetition failed: no such file"* ]]
    run "$TACHO" runs show good
    [[ "$output" == *"google_benchmark_real_time_ns"* ]]
    [[ "$output" != *failed* ]]
}

@test "runs: a file of nobody is refused with the names of those that are known" {
    printf 'hello\n' >hello.txt
    : >empty.txt
    printf '{"results":[]}' >none.json
    for file in hello.txt empty.txt none.json; do
        run "$TACHO" runs import "$file"
        [ "$status" -eq 2 ]
        [[ "$output" == *"$file"* ]]
        [[ "$output" == *hyperfine* ]]
    done
    [ -z "$("$TACHO" runs list -q)" ]
}
