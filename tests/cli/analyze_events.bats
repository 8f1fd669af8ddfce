#!/usr/bin/env bats
# analyze_events.bats: `tacho analyze events`: goldens, every number again in Python, what was planted in
# them, bad input. TACHO_TEST_REGENERATE=1 writes the goldens anew (and tests/golden/analyze/make_events.py
# their inputs).

# shellcheck disable=SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

golden=$project_root/tests/golden/analyze

# shown NAME ARGUMENT…: text and JSON are the goldens NAME, the JSON fits its schema, and Python comes to
# the same numbers. The golden inputs are in the working directory.
shown() {
    local name=$1
    shift
    cp "$golden"/events*.csv .
    "$TACHO" analyze events "$@" >text
    same "$name.txt" text
    "$TACHO" analyze events "$@" --json >json
    validate_json json
    # The last digits are those of the machine's libm.
    jq 'walk(if type == "number" then (. * 1e6 | round) / 1e6 else . end)' json >pretty
    same "$name.json" pretty
    /usr/bin/python3 -B "$golden/check_events.py" json
}

@test "events: a belt with an outage, a host gap, duplicates and a known travel time" {
    shown events events.csv --metrics events_metrics.csv
    # What make_events.py planted, and where: RPI_USB2 from 420 to 700 s, the host from 1000 to 1150 s.
    jq -e --argjson begin 1795136490.25 '.tables.silences.rows | map(
        {kind, cam, from: (.begin - $begin), to: (.end - $begin)}) |
        length == 3 and
        (.[0] | .kind == "camera_outage" and .cam == "RPI_USB2" and (.from - 410 | fabs) < 12 and
            (.to - 710 | fabs) < 12) and
        (.[1] | .kind == "host_gap" and .cam == "all" and (.from - 1000 | fabs) < 2 and
            (.to - 1150 | fabs) < 2) and
        (.[2] | .kind == "idle")' json
    jq -e '[.tables.transitions.rows[] | {key: (.from + ">" + .to), value: .p50_s_interval}] |
        from_entries as $way |
        [["USB_LOCAL>RPI_USB1", 18.38], ["RPI_USB1>RPI_USB2", 9.8], ["RPI_USB2>RPI_USB3", 9.1]] |
        all(. as [$name, $s] | $way[$name][0] <= $s + 0.05 and $way[$name][1] >= $s - 0.05)' json
    jq -e '.tables.load.rows[0] | .metric == "inference_ms_p99" and
        .slope_interval[0] < 0.8 and .slope_interval[1] > 0.8' json
    jq -e '.facts | .late_rows == 4 and .repeated_rows == 6 and .rows_without_box == 7' json
    jq -e '[.findings[] | select(.rule == "latency_rises_with_load")] | length == 1' json
}

@test "events: clocks: an hour back, a night, ids used again, a last line that is cut off" {
    shown events_clock events_clock.csv
    jq -e '.facts | .segments == 3 and .parcels == 121 and .master_ids == 41 and .ids_used_again == 80' json
    jq -e '.inputs[0].skipped | map({key: .reason, value: .first_line}) | from_entries ==
        {"too_few_fields": 695, "bad_time": 694, "cut_off": 696}' json
}

@test "events: the inputs are those of make_events.py" {
    python3 "$golden/make_events.py" .
    for file in events.csv events_clock.csv events_metrics.csv; do
        cmp "$golden/$file" "$file"
    done
}

@test "events: from stdin, packed, and from two files the result is the same" {
    cp "$golden"/events.csv .
    "$TACHO" analyze events events.csv --json | jq 'del(.inputs)' >whole
    "$TACHO" analyze events --json - <events.csv | jq 'del(.inputs)' | sed 's/stdin:/events.csv:/' >stdin
    diff whole stdin
    gzip -k events.csv
    "$TACHO" analyze events --json events.csv.gz | jq 'del(.inputs)' | sed 's/csv.gz:/csv:/' >packed
    diff whole packed
    head -n 2500 events.csv >one.csv
    (head -n 1 events.csv && tail -n +2501 events.csv) >two.csv
    "$TACHO" analyze events --json one.csv two.csv | jq .tables >parts
    diff <(jq .tables whole) parts
}

@test "events: bad input is one line and the right status" {
    : >empty.csv
    run_split "$TACHO" analyze events empty.csv
    [ "$status" -eq 2 ]
    [[ $errors == *"empty.csv"*"empty"* ]]
    echo timestamp,cam,local_uid,master_id,route,x1,y1,x2,y2,event >header.csv
    run_split "$TACHO" analyze events header.csv
    [ "$status" -eq 3 ]
    [[ $errors == *"header.csv"* ]]
    printf 'timestamp,cam,event\n1795136400,A,TRACKING\n' >columns.csv
    run_split "$TACHO" analyze events columns.csv
    [ "$status" -eq 2 ]
    [[ $errors == *"no column master_id"*"timestamp, cam, event"* ]]
    head -c 5000 "$TACHO" >binary.csv
    run_split "$TACHO" analyze events binary.csv
    [ "$status" -eq 2 ]
    run_split "$TACHO" analyze events not_there.csv
    [ "$status" -eq 4 ]
    cp "$golden/events.csv" .
    run_split "$TACHO" analyze events events.csv --metrics not_there.csv
    [ "$status" -eq 4 ]
    [[ $errors == *"not_there.csv"* ]]
    printf 'timestamp,cam,master_id,event\n1795136400,A,1,TRACKING\nbench 1 2 3\n{"a": 1}\n' >two_formats.csv
    "$TACHO" analyze events two_formats.csv --json >json
    jq -e '.inputs[0] | .rows == 1 and .skipped[0].reason == "too_few_fields" and
        .skipped[0].count == 2 and .skipped[0].first_line == 3' json
}
