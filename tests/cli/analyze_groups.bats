#!/usr/bin/env bats
# analyze_groups.bats: tables that are read by group (`tacho analyze latency`, `variability`): units,
# times that are not as they should be, groups that look alike, and more values than are kept.

# shellcheck disable=SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

mean_of() {
    "$TACHO" analyze latency --json "$@" | jq '.tables.groups.rows[0].mean_ms'
}

@test "groups: the unit is that of the column's name, however it is written" {
    for name in latency_us 'Latency (us)' latency_usec 'latency [us]'; do
        printf 't_s,%s\n1,1500\n2,1500\n' "$name" >table.csv
        [ "$(mean_of table.csv --column "$name")" = 1.5 ]
    done
    for name in latency_seconds 'wall [s]' inference_time; do
        printf '%s\n0.5\n0.5\n' "$name" >table.csv
        [ "$(mean_of table.csv --column "$name")" = 500 ]
    done
    printf 'Latency (us)\n1500\n' >table.csv
    [ "$(mean_of table.csv)" = 1.5 ]
}

@test "groups: windows know their time after more than 49 days" {
    # A row each half hour for 90 days, slow from day 80 to 82.
    awk 'BEGIN { print "timestamp,latency_ms"
        for (i = 0; i < 90 * 48; i++)
            printf "%d,%.3f\n", 1700000000 + i * 1800, (i >= 3840 && i < 3936 ? 60 : 20) + i % 7 / 10 }' >table.csv
    "$TACHO" analyze latency table.csv --json >json
    jq -e '.tables.windows.rows[0] | .from >= 1700000000 + 79 * 86400 and .to <= 1700000000 + 83 * 86400
           and .to > .from' json
}

@test "groups: rows whose time cannot be read count, where the row before them stands" {
    awk 'BEGIN { print "timestamp,latency_ms"
        for (i = 0; i < 3000; i++)
            printf "%s,%.1f\n", i % 50 == 30 ? "soon" : 1700000000 + i, (i >= 2500 && i < 2600 ? 60 : 20) + i % 7 / 10 }' >table.csv
    "$TACHO" analyze latency table.csv --json >json
    jq -e '.inputs[0].rows == 3000' json
    jq -e '.inputs[0].skipped == [{"reason": "no_time", "is_data": false, "count": 60, "first_line": 32}]' json
    jq -e '[.tables.windows.rows[] | .from >= 1700002400 and .to <= 1700002700] | all' json
    "$TACHO" analyze latency table.csv | grep -F 'used all the same: rows whose time cannot be read: 60 (first in line 32)'
}

@test "groups: times that go backwards are told, and the file ends after it began" {
    { echo timestamp,latency_ms
        seq 1700086400 1700086500 | sed 's/$/,20/'
        seq 1700000000 1700000100 | sed 's/$/,30/'; } >table.csv
    "$TACHO" analyze latency table.csv >text
    grep -F 'used all the same: times that go backwards: 1 (line 103)' text
    "$TACHO" analyze latency table.csv --json |
        jq -e '.inputs[0] | .begin_s == 1700000000 and .end_s == 1700086500'
}

@test "groups: names that look alike are not the same group" {
    printf 'a,b,latency_ms\nx / y,z,1\nx,y / z,3\n' >table.csv
    "$TACHO" analyze latency table.csv --group-by a,b --json |
        jq -e '.tables.groups.rows | map([.n, .mean_ms]) == [[1, 1], [1, 3]]'
    long=$(printf 'm%.0s' {1..300})
    printf 'a,latency_ms\n%s1,1\n%s2,3\n' "$long" "$long" >table.csv
    "$TACHO" analyze latency table.csv --group-by a --json |
        jq -e '.tables.groups.rows | map(.mean_ms) == [1, 3]'
}

@test "groups: an interval holds its estimate, of two values, too" {
    printf 'latency_ms\n1500\n1600\n' | "$TACHO" analyze latency - --json >json
    jq -e '.tables.groups.rows[0] | [.p50_ms, .p99_ms] == [1550, 1599]' json
    jq -e '.tables.groups.rows[0] | [.p50_ms_interval, .p99_ms_interval] | flatten
           | map(select(. != null)) | all(. >= 1500 and . <= 1600)' json
    jq -e '.tables.groups.rows[0] | .p99_ms_interval[0] == null or .p99_ms_interval[0] <= .p99_ms' json
}

@test "groups: no row can be used: the reason is told" {
    printf 'timestamp,latency_ms\n1,2,5\n2,3,5\n' >table.csv
    run "$TACHO" analyze latency table.csv
    [ "$status" -eq 3 ]
    [[ $output == *"rows with more fields than the header: 2, first in line 2"* ]]
    echo latency_ms >table.csv
    run "$TACHO" analyze latency table.csv
    [[ $output == *"there are no rows behind the header"* ]]
}

@test "groups: negative values beyond four million are refused wherever they begin" {
    { echo offset; yes 1 | head -4100000; yes -- -1 | head -100000; } >table.csv
    run "$TACHO" analyze variability --column offset table.csv
    [ "$status" -eq 2 ]
    [[ $output == *"more than 4 million values, some of them negative"*--exact* ]]
}

@test "groups: the histogram's bound holds for small numbers" {
    { echo v; seq 1000 | sed 's/$/e-9/' >thousand; for _ in {1..4200}; do cat thousand; done; } >table.csv
    "$TACHO" analyze variability --column v table.csv --json >json
    jq -e '.facts.is_exact == false' json
    jq -e '.tables.groups.rows[0].iqr | . > 4.995e-7 * 0.99 and . < 4.995e-7 * 1.01' json
    jq -e '.tables.groups.rows[0].outliers_mad == 0' json
}

@test "groups: a file that begins with short rows is still exact up to four million" {
    { echo latency_ms,what; for _ in {1..6}; do seq 1 9999 | sed 's/$/,/'; done
        awk 'BEGIN { long = sprintf("%1000s", ""); gsub(/ /, "x", long)
            for (i = 0; i < 60000; i++) print "5," long }'; } >table.csv
    "$TACHO" analyze latency table.csv --json |
        jq -e '.facts.is_exact and .facts.values == 119994 and .inputs[0].rows == 119994'
}
