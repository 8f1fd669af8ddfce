#!/usr/bin/env bats
# analyze.bats: what holds for every analyzer: names, files that cannot be used, and what is said of them.

# shellcheck disable=SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

# fails STATUS TEXT... -- ARGUMENTS of analyze: one line on stderr that holds each TEXT.
fails() {
    local expected=$1 texts=()
    shift
    while [ "$1" != -- ]; do
        texts+=("$1")
        shift
    done
    shift
    run_split "$TACHO" analyze "$@"
    echo "status $status: $errors"
    [ "$status" -eq "$expected" ]
    [ "$(wc -l <<<"$errors")" -eq 1 ]
    for text in "${texts[@]}"; do
        [[ $errors == *"$text"* ]]
    done
}

analyzers() {
    "$TACHO" help --json | jq -r '.commands[] | select(.name == "analyze") | .verbs[].name'
}

@test "analyze: names are told, and the nearest one" {
    [ "$(analyzers | wc -l)" -eq 8 ]
    fails 2 "needs to know" "latency, variability" --
    fails 2 "did you mean latency" -- latncy x.csv
    fails 2 "no analyzer 'zzz'" "there are: latency" -- zzz x.csv
    fails 2 "needs a file" "tacho analyze tegrastats FILE" -- tegrastats
    fails 2 "one file" -- latency a.csv b.csv
}

@test "analyze: files that cannot be read" {
    mkdir folder
    printf 'latency_ms\n1\n' >secret.csv
    for name in $(analyzers); do
        fails 4 "nothing.csv" -- "$name" nothing.csv
        fails 2 "folder" "directory" -- "$name" folder
    done
    chmod 000 secret.csv
    if [ "$(id -u)" -ne 0 ]; then
        fails 4 "secret.csv" -- latency secret.csv
    fi
}

@test "analyze: empty, header only, binary: no analyzer has anything to say, and says so" {
    : >empty
    printf 'timestamp,workload,batch_size,latency_ms,power_w,throughput\n' >header.csv
    head -c 100000 /dev/urandom >binary
    head -c 100000 /dev/zero >zeros
    for name in $(analyzers); do
        for file in empty header.csv binary zeros; do
            run_split "$TACHO" analyze "$name" "$file"
            echo "$name $file: status $status: $errors"
            [ "$status" -eq 2 ] || [ "$status" -eq 3 ]
            [ "$(wc -l <<<"$errors")" -eq 1 ]
            [[ $errors == *"$file"* ]]
            run_split "$TACHO" analyze "$name" "$file" --json
            echo "$output" >json
            validate_json json
            jq -e '.schema == "tacho.error/1"' json
        done
    done
}

@test "analyze: a wrong column names the nearest and all of them" {
    printf 'timestamp,latncy_ms,power_w\n1,2,3\n' >typo.csv
    fails 2 "no column latency_ms" "did you mean latncy_ms" "there are: timestamp, latncy_ms" -- latency typo.csv
    fails 2 "no column step" "there are: timestamp" -- variability typo.csv --column step
    fails 2 "no column camera" -- latency typo.csv --column latncy_ms --group-by camera
}

@test "analyze: a column may be asked for twice" {
    printf 'timestamp,latency_ms,power_w,is_warmup\n1,2,3,0\n2,4,5,0\n3,6,7.5,0\n' >e.csv
    for key in power_w timestamp is_warmup latency_ms; do
        "$TACHO" analyze latency e.csv --group-by "$key" --json >json
        jq -e '.inputs[0] | .rows == 3 and .skipped == []' json
    done
    sed 's/7.5/"7.5"/' e.csv >quoted.csv
    "$TACHO" analyze latency quoted.csv --group-by power_w,timestamp --json | grep -q '7.5 / 3'
    sed 's/7.5/7.5 /; s/,0$/,0,/' e.csv >odd.csv
    "$TACHO" analyze latency odd.csv --group-by power_w,timestamp --json | grep -q '7.5 / 3'
}

@test "analyze: a decimal comma is refused with a hint" {
    printf 'workload;latency_ms\na;12,5\n' >comma.csv
    fails 2 "decimal comma" "sed" -- latency comma.csv
}

@test "analyze: rows that cannot be used are told by reason and line" {
    printf 'timestamp,latency_ms\n1,1\n2\n3,x\n4,nan\n5,inf\n6,-1\n7,2,9\n\n8,3\n5,4\n9' >rows.csv
    "$TACHO" analyze latency rows.csv --json >json
    jq -e '.inputs[0] | .rows == 3 and (.skipped | map([.reason, .count, .first_line]) | sort) ==
           ([["blank", 1, 9], ["cut_off", 1, 12], ["negative", 1, 7], ["not_a_number", 1, 4],
             ["not_finite", 2, 5], ["time_backwards", 1, 11], ["too_few_fields", 1, 3],
             ["too_many_fields", 1, 8]] | sort)' json
    "$TACHO" analyze latency rows.csv --format markdown | grep -q 'values that are NaN or infinite: 2 (first in line 5)'
}

@test "analyze: quotes that first appear far into the file, or in a pipe" {
    { echo 'id,msg,latency_ms'; yes i,ok,10 | head -7000; yes 'i,"timeout, retry",500' | head -300; } >late.csv
    "$TACHO" analyze latency late.csv --json >json
    jq -e '.inputs[0] | .rows == 7300 and .lines == 7301 and .skipped == []' json
    jq -e '[.tables[] | .. | numbers] | index(500) != null' json
    { cat late.csv; sleep 0.2; printf 'i,"two\n'; sleep 0.2; printf 'or\n'; sleep 0.2; printf 'three",600\n'; } |
        "$TACHO" analyze latency - --json >json
    jq -e '.inputs[0] | .rows == 7301 and .lines == 7304 and .skipped == []' json
}

@test "analyze: a pipe that begins slowly, with comments" {
    printf '# made by x\ntimestamp,latency_ms\n1.5,1\n2.5,2\n' >slow
    { echo '# made by x'; sleep 0.2; echo 'timestamp,latency_ms'; sleep 0.2; printf '1.5,1\n2.5,2\n'; } |
        "$TACHO" analyze latency - --json >json
    jq -e '.inputs[0] | .rows == 2 and .lines == 4 and .bytes == 45' json
    gzip -c slow >slow.gz
    "$TACHO" analyze latency slow.gz --json | jq -e '.inputs[0].bytes == 45'
}

@test "analyze: a line of 100 MB is told and passed over" {
    { printf 'latency_ms\n1\n'; head -c 100000000 /dev/zero | tr '\0' 7; printf '\n2\n'; } >long.csv
    "$TACHO" analyze latency long.csv --json >json
    jq -e '.inputs[0] | .rows == 2 and (.skipped | map(.reason) == ["too_long"])' json
    { printf 'latency_ms\n1\n'; head -c 30000000 /dev/zero | tr '\0' 7; printf '\n2\n'; } |
        "$TACHO" analyze latency - --json >json
    jq -e '.inputs[0].rows == 2' json
}

@test "analyze: memory stays below 64 MB whatever the size of the file" {
    /usr/bin/python3 -c '
import random
random.seed(3)
part = "".join("%d,w%d,%.3f\n" % (1700000000 + i, i % 4, random.random() * 100) for i in range(100000))
file = open("large.csv", "w")
file.write("timestamp,workload,latency_ms\n")
for _ in range(60):
    file.write(part)
'
    /usr/bin/time -f %M -o peak_kb "$TACHO" analyze latency large.csv --json >json
    jq -e '.inputs[0].rows == 6000000' json
    [ "$(cat peak_kb)" -lt 65536 ]
}

@test "analyze: more groups than anybody reads are refused" {
    { echo 'id,latency_ms'; seq 1 5000 | sed 's/$/,1/'; } >ids.csv
    fails 2 "more than 4096 groups" "--group-by" -- latency ids.csv --group-by id
}

@test "analyze: a file of another tool, and numbers of flags that are none" {
    printf 'latency_ms\n1\n' >a.csv
    fails 2 "--threshold" -- logs a.csv --threshold much
    fails 2 "neither a number nor a name" "us_average" -- efficiency a.csv --rate mars
    fails 2 "--tdp 0: no device draws 0 W" -- efficiency a.csv --tdp 0
    fails 2 "percentile-method" -- latency a.csv --percentile-method guess
    fails 2 "did you mean" -- latency a.csv --group_by x
}

@test "analyze: an option of another analyzer does not go unnoticed" {
    printf 'latency_ms\n1\n' >a.csv
    fails 2 "--pattern is no option of analyze latency" "belongs to: logs" -- latency a.csv --pattern x
    fails 2 "--deadline is no option" "latency" -- logs a.csv --deadline 30ms
    fails 2 "--device is for what is measured" -- latency a.csv --device cpu
    fails 2 "--duration is no option" -- logs a.csv --duration 3
    fails 2 "--column is no option of analyze efficiency" "memory" -- efficiency a.csv --column power_w
    fails 2 "--profiler is no option of analyze latency" "dnn-pipeline" -- latency --profiler a.csv
    "$TACHO" analyze latency --csv a.csv --deadline 30ms -q >/dev/null
    printf '2026-11-20 08:00:00 [INFO] E2E latency: 30 ms\n' >a.log
    "$TACHO" analyze logs --log a.log --threshold 10 --json | jq -e '.facts.threshold_ms == 10'
}

@test "analyze: a reader that goes away is no error" {
    printf 'latency_ms\n1\n2\n' >a.csv
    "$TACHO" analyze latency a.csv | true
    [ "${PIPESTATUS[0]}" -eq 0 ]
}

@test "analyze: a finding tells its n, and the interval that its sentence does not" {
    cp "$project_root"/tests/golden/analyze/memory_level.csv .
    "$TACHO" analyze memory memory_level.csv --json >json
    "$TACHO" analyze memory memory_level.csv | tr -s ' \n' ' ' >text
    expected=$(jq -r '.findings[0] | "n=\(.n), \(.value * 1e6 | round / 1e6) (95 %: "' json)
    grep -qF "$expected" text
    grep -qF ') MB/min' text
    # And not a second time what stands in the sentence.
    seq 1 400 | awk 'BEGIN { print "latency_ms" } { print 20 + $1 % 7 + 30 * ($1 > 395) }' >a.csv
    "$TACHO" analyze latency a.csv --deadline 33ms | tr -s ' \n' ' ' >text
    grep -q 'missed the deadline of 33.0 ms: 1.25 % (95 % interval 0.0317 to 6.77 %)' text
    grep -q 'n=400' text
    [ "$(grep -c '(95 %: 0.0317' text)" -eq 0 ]
}

@test "analyze: a table whose intervals have no room says so, and COLUMNS and --verbose show them" {
    cp "$project_root"/tests/golden/analyze/memory_level.csv .
    "$TACHO" analyze memory memory_level.csv >narrow
    grep -q '^  (no room for the intervals: COLUMNS=97 or --verbose shows them)$' narrow
    [ "$(grep -c '…' narrow)" -eq 0 ]
    COLUMNS=96 "$TACHO" analyze memory memory_level.csv >narrow
    grep -q 'COLUMNS=97' narrow
    COLUMNS=97 "$TACHO" analyze memory memory_level.csv >wide
    [ "$(grep -c 'COLUMNS=97' wide)" -eq 0 ]
    grep -q '0.006218 (-0.0136…0.02604)' wide
    "$TACHO" analyze memory memory_level.csv --verbose >all
    [ "$(grep -c 'no room' all)" -eq 0 ]
    grep -q '0.006218 (-0.0136…0.02604)' all
}
