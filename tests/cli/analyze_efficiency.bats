#!/usr/bin/env bats
# analyze_efficiency.bats: `tacho analyze efficiency`: goldens, every number again in Python, bad input.
# TACHO_TEST_REGENERATE=1 writes the goldens anew.

# shellcheck disable=SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

golden=$project_root/tests/golden/analyze

# shown NAME OPTIONS…: text and JSON of NAME.csv are the goldens, the JSON fits its schema, and Python comes
# to the same numbers.
shown() {
    local name=$1
    shift
    cp "$golden/$name.csv" .
    COLUMNS=100 "$TACHO" analyze efficiency "$name.csv" "$@" >text
    same "$name.txt" text
    "$TACHO" analyze efficiency "$name.csv" "$@" --json >json
    validate_json json
    jq . json >pretty
    same "$name.json" pretty
    /usr/bin/python3 -B "$golden/check_efficiency.py" "$name.csv" json "$@"
}

@test "efficiency: a sweep of batch sizes with a gap, bad rows and a throughput that forgets the batch" {
    shown efficiency_sweep
}

@test "efficiency: microseconds, warm-up kept apart, a constant instead of a sensor, groups of one's own" {
    shown efficiency_devices --group-by device --tdp 14
    jq -e '.facts.warmup_rows_kept_apart == 12 and .facts.tdp_w == 14' json
}

@test "efficiency: the result does not depend on the threads, on gzip or on stdin" {
    "$TACHO" analyze efficiency "$golden/efficiency_sweep.csv" --json | jq .tables >plain
    for threads in 1 3; do
        "$TACHO" analyze efficiency "$golden/efficiency_sweep.csv" --threads $threads --json |
            jq .tables >threads
        diff plain threads
    done
    gzip -c "$golden/efficiency_sweep.csv" >packed.csv.gz
    "$TACHO" analyze efficiency packed.csv.gz --json | jq .tables >packed
    diff plain packed
    "$TACHO" analyze efficiency - --json <"$golden/efficiency_sweep.csv" >json
    jq -e '.inputs[0].name == "stdin"' json
    jq .tables json >piped
    diff plain piped
}

@test "efficiency: rates by name and by number, and the batch size from the command line" {
    printf 'latency_ms,power_w\n10,36\n10,36.2\n10,35.8\n' >plain.csv
    "$TACHO" analyze efficiency plain.csv --rate eu_germany --batch-size 4 --json >json
    # 10 ms at 36 W are 0.36 J a call, 0.09 J an item: 2.5e-8 kWh.
    jq -e '.tables.groups.rows[0] | (.energy_per_batch_j - 0.36 | fabs < 1e-12) and
        (.energy_per_inference_j - 0.09 | fabs < 1e-12) and
        (.cost_per_1k_inferences - 0.35 * 2.5e-5 | fabs < 1e-15) and
        (.throughput_per_s - 400 | fabs < 1e-9)' json
    jq -e '.facts.batch_size == 4 and .facts.rate_per_kwh == 0.35' json
    "$TACHO" analyze efficiency plain.csv --rate 1 --json |
        jq -e '.tables.groups.rows[0] | .cost_per_inference - 1e-7 | fabs < 1e-18'
    "$TACHO" analyze efficiency plain.csv --json | jq -e '.facts.batch_size == 1'
}

@test "efficiency: calls that overlap or leave the device idle are told, with the energy over time" {
    # Four at once: each takes 40 ms, one ends every 10 ms.
    awk 'BEGIN { print "timestamp,latency_ms,power_w"; for (i = 0; i < 50; i++)
        printf "%.2f,40,%d\n", 100 + i / 100, 19 + i % 3 }' >streams.csv
    "$TACHO" analyze efficiency streams.csv --json >json
    jq -e '.findings[] | select(.rule == "calls_overlap") | .severity == "warning" and (.value | round) == 400' json
    # Trapezoids: 0.2 W either side of 20 W come out even but for the ends.
    jq -e '.tables.power.rows[0].time_energy_per_batch_j - 0.2 | fabs < 0.001' json
    awk 'BEGIN { print "timestamp,latency_ms,power_w"; for (i = 0; i < 50; i++)
        printf "%.2f,4,%d\n", 100 + i / 10, 19 + i % 3 }' >idle.csv
    "$TACHO" analyze efficiency idle.csv --json |
        jq -e '.findings[] | select(.rule == "idle_between_calls") | (.value | round) == 4'
}

@test "efficiency: several files have groups of their own, and time going backwards is said" {
    printf 'timestamp,latency_ms,power_w\n10,5,3\n11,5.2,3.1\n10.5,5.1,3\n12,5,3.2\n' >one.csv
    printf 'timestamp,latency_ms,power_w\n10,7,3\n11,7.2,3.1\n' >two.csv
    "$TACHO" analyze efficiency one.csv two.csv --json >json
    jq -e '[.tables.groups.rows[].group] == ["one.csv", "two.csv"]' json
    jq -e '.findings[] | select(.rule == "time_backwards") | .evidence == "one.csv:4"' json
    # 1 s at 3.05 W and 1.5 s at 3.1 W; the step back is none.
    jq -e '.tables.power.rows[0].energy_j - 7.7 | fabs < 1e-9' json
}

@test "efficiency: bad input ends in one clear line" {
    # what, exit status, the line
    bad() {
        run_split "$TACHO" analyze efficiency "$1"
        [ "$status" -eq "$2" ] || { echo "$1: $status, $errors"; return 1; }
        [ -z "$output" ]
        [ "$(wc -l <<<"$errors")" -eq 1 ]
        [[ $errors == *"$3"* ]] || { echo "$errors"; return 1; }
    }
    : >empty.csv
    bad empty.csv 2 "it is empty"
    echo 'latency_ms,power_w' >header.csv
    bad header.csv 3 "the file holds a header and no rows"
    printf 'latency_ms,pwr_w\n1,2\n' >wrong.csv
    bad wrong.csv 2 "no column power_w"
    head -c 4096 /dev/zero >binary.csv
    bad binary.csv 2 "binary"
    printf 'latency_ms,power_w\nnan,3\n-1,3\n0,4\n5,inf\n' >useless.csv
    bad useless.csv 3 "4 rows were left out"
    printf 'latency_ms;power_w\n5,5;3\n' >comma.csv
    bad comma.csv 2 "decimal comma"
    bad nowhere.csv 4 "No such file"
    bad . 2 "directory"
    awk 'BEGIN { print "latency_ms,power_w,id"; for (i = 0; i < 1100; i++) print "1,2,x" i }' >many.csv
    run_split "$TACHO" analyze efficiency many.csv --group-by id
    [ "$status" -eq 2 ]
    [[ $errors == *"more than 1000 groups"* ]]
    run_split "$TACHO" analyze efficiency many.csv --group-by idd
    [ "$status" -eq 2 ]
    [[ $errors == *"did you mean id?"* ]]
}
