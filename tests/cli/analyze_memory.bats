#!/usr/bin/env bats
# analyze_memory.bats: `tacho analyze memory`: goldens, every number again in Python, what ps and free
# really print, bad input. TACHO_TEST_REGENERATE=1 writes the goldens anew.

# shellcheck disable=SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

golden=$project_root/tests/golden/analyze

# shown NAME ARGUMENT…: text and JSON are the goldens NAME, the JSON fits its schema, and Python comes to
# the same numbers. The golden inputs are in the working directory.
shown() {
    local name=$1
    shift
    cp "$golden"/memory_*.csv "$golden"/memory_*.log .
    "$TACHO" analyze memory "$@" >text
    same "$name.txt" text
    "$TACHO" analyze memory "$@" --json >json
    validate_json json
    jq . json >pretty
    same "$name.json" pretty
    /usr/bin/python3 "$golden/check_memory.py" json
}

@test "memory: the forecaster: 143 to 1881 MB in 300 s is 347.6 MB/min, 24.05 min to 10 GB" {
    shown memory_pairs memory_pairs.log --memory-limit 10G
    jq -e '.tables.series.rows[0] | (.per_min_mb - 347.6 | fabs) < 1e-3 and
        (.to_limit_min - 24.05 | fabs) < 0.005' json
}

@test "memory: two runs are compared by the work they did: 0.671 and 0.712 MB a message" {
    shown memory_compared memory_debug.csv memory_info.csv
    jq -e '.tables.compared.rows | (.[0].per_unit_mb - 0.671 | fabs) < 0.001 and
        (.[1].per_unit_mb - 0.712 | fabs) < 0.001 and .[1].per_min_change_pct < 0 and
        .[1].per_unit_change_pct > 0' json
    jq -e '.findings[] | select(.rule == "growth_compared") | .sentence |
        contains("the other way round")' json
}

@test "memory: a start-up, then level: no alarm" {
    shown memory_level memory_level.csv
    jq -e '[.findings[] | select(.severity == "warning")] == []' json
}

@test "memory: pidstat over midnight: each process by itself" {
    shown memory_pidstat memory_pidstat.log
    jq -e '[.findings[] | select(.severity == "warning") | .sentence | contains("python3 (4711)")]
        == [true]' json
}

@test "memory: free without times: growth by the sample" {
    shown memory_free memory_free.log
    jq -e '.tables.series.rows[0] | .per_min_mb == null and .per_sample_mb > 1' json
}

@test "memory: what ps and free of this machine print is read" {
    for _ in 1 2 3; do
        date +%s
        ps -o pid,rss,comm -p $$
    done >ps.log
    "$TACHO" analyze memory ps.log --json >json
    jq -e --arg pid "($$)" '.inputs[0].rows == 3 and (.tables.series.rows | length == 1) and
        (.tables.series.rows[0].series | contains($pid)) and
        .tables.series.rows[0].last_mb > 0.5 and .tables.series.rows[0].verdict == "too-short"' json
    for _ in 1 2; do free -m; done >free.log
    "$TACHO" analyze memory free.log --json >json
    jq -e '.inputs[0].rows == 2 and .tables.series.rows[0].last_mb > 10' json
    for _ in 1 2; do free; done >free.log
    "$TACHO" analyze memory free.log --json >json2
    jq -e -n --slurpfile a json --slurpfile b json2 \
        '($a[0].tables.series.rows[0].last_mb / $b[0].tables.series.rows[0].last_mb - 1 | fabs) < 0.5'
}

@test "memory: the file that tacho monitor writes is read" {
    "$TACHO" monitor --interval 100ms -o metrics.csv -q -- sleep 1 3>&-
    "$TACHO" analyze memory metrics.csv --json >json
    jq -e '.facts.column == "mem_track_rss_mb" and .inputs[0].rows >= 3 and
        .tables.series.rows[0].verdict == "too-short"' json
}

@test "memory: bad input ends in one clear line, and what is left out is said" {
    : >empty
    run_split "$TACHO" analyze memory empty
    [ "$status" -eq 3 ]
    printf 'timestamp,rss_mb\n' >header.csv
    run_split "$TACHO" analyze memory header.csv
    [ "$status" -eq 3 ]
    [[ $errors == *"there is no value of memory in it"* ]]
    printf 'time,rss_md\n1,2\n' >wrong.csv
    run_split "$TACHO" analyze memory wrong.csv
    [ "$status" -eq 2 ]
    [[ $errors == *"there are: time, rss_md"* ]]
    run_split "$TACHO" analyze memory wrong.csv --column rss_mb
    [ "$status" -eq 2 ]
    [[ $errors == *"did you mean rss_md"* ]]
    printf 't,rss\n1,143654912\n' >bytes.csv
    run_split "$TACHO" analyze memory bytes.csv
    [ "$status" -eq 2 ]
    [[ $errors == *"no memory in MB"*"rss_bytes"* ]]
    printf 'timestamp,rss_mb\n1,100\n2,101\n' >times.csv
    run_split "$TACHO" analyze memory times.csv --column timestamp
    [ "$status" -eq 2 ]
    [[ $errors == *"column timestamp holds the times"* ]]
    head -c 4096 /dev/zero >binary
    run_split "$TACHO" analyze memory binary
    [ "$status" -eq 2 ]
    run_split "$TACHO" analyze memory nowhere
    [ "$status" -eq 4 ]
    printf '5000\n5001\n' >numbers
    run_split "$TACHO" analyze memory numbers
    [ "$status" -eq 2 ]
    printf 't_s,rss_mb\n1,100\n2,nan\n3,inf\n4,-5\n3.5,101\n2,99\n5,abc\n6,102\n' >values.csv
    "$TACHO" analyze memory values.csv --json >json
    jq -e '.tables.series.rows[0].n == 3 and ([.inputs[0].skipped[].reason] | sort ==
        ["bad_time", "negative", "not_a_number", "not_finite"])' json
}
