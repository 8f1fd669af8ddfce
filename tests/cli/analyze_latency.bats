#!/usr/bin/env bats
# analyze_latency.bats: `tacho analyze latency` and `variability`: goldens, every number again with numpy,
# and what they make of files that are not as they should be. TACHO_TEST_REGENERATE=1 writes the goldens
# anew.

# shellcheck disable=SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

golden=$project_root/tests/golden/analyze

tables() {
    /usr/bin/python3 "$golden/make_latency.py" .
}

@test "latency: groups, intervals, windows and findings; numpy has the same numbers" {
    tables
    "$TACHO" analyze latency latency.csv --deadline 30ms >text
    same latency.txt text
    "$TACHO" analyze latency latency.csv --deadline 30ms --json >json
    validate_json json
    /usr/bin/python3 "$golden/check_latency.py" json latency.csv 30
    jq -e '[.findings[].rule] | contains(["warmup_in_file", "latency_trend", "two_modes", "worst_window"])' json
}

@test "latency: Markdown has every column, and CSV is refused" {
    tables
    "$TACHO" analyze latency latency.csv --format markdown >markdown
    grep -q '^| group | n | mean ms | p50 ms | p90 ms |' markdown
    run_split "$TACHO" analyze latency latency.csv --format csv
    [ "$status" -eq 2 ]
    [[ $errors == *"several tables"*"json or markdown"* ]]
}

@test "latency: brackets are spoken of where there are any" {
    tables
    COLUMNS=80 "$TACHO" analyze latency latency.csv >narrow
    [ "$(grep -c 'in brackets' narrow)" -eq 0 ]
    grep -q 'no room for the intervals: COLUMNS=[0-9]* or --verbose shows them' narrow
    "$TACHO" analyze latency latency.csv --verbose >everything
    grep -q 'in brackets 95 % intervals' everything
    grep -q '20\.08 (.*….*)' everything
    [ "$(grep -c -- '--verbose shows' everything)" -eq 0 ]
}

@test "latency: percentile methods are numpy's" {
    tables
    for method in linear hazen weibull median_unbiased lower higher nearest; do
        "$TACHO" analyze latency latency.csv --percentile-method "$method" --json >json
        /usr/bin/python3 - json "$method" <<'PYTHON'
import json, sys
import numpy as np
sys.path.insert(0, ".")
analysis = json.load(open(sys.argv[1]))
values = {}
for line in open("latency.csv"):
    fields = line.strip().split(",")
    try:
        if len(fields) == 6 and float(fields[3]) >= 0:
            values.setdefault("%s_batch%s" % (fields[1], fields[2]), []).append(float(fields[3]))
    except ValueError:
        pass
assert analysis["facts"]["percentile_method"] == sys.argv[2]
for row in analysis["tables"]["groups"]["rows"]:
    for key, percentile in (("p50_ms", 50), ("p90_ms", 90), ("p99_ms", 99), ("p999_ms", 99.9)):
        theirs = np.percentile(values[row["group"]], percentile, method=sys.argv[2])
        assert abs(row[key] - theirs) < 1e-9, (row["group"], key, row[key], theirs)
PYTHON
    done
}

@test "latency: units by the column's name, groups by any column, warm-up rows apart" {
    printf 'ts,stage,device,latency_us,is_warmup\n1,a,gpu,5000,true\n2,a,gpu,1500,false\n3,a,cpu,2500,false\n' >us.csv
    "$TACHO" analyze latency us.csv --column latency_us --group-by stage,device --json >json
    jq -e '.tables.groups.rows | map([.group, .n, .mean_ms, .warmup_rows]) ==
           [["a / gpu", 1, 1.5, 1], ["a / cpu", 1, 2.5, 0]]' json
    printf 'model,inference_time\nvits,0.125\n' | "$TACHO" analyze latency - --json >json
    jq -e '.tables.groups.rows[0] | .group == "vits" and .mean_ms == 125' json
    jq -e '.inputs[0].name == "stdin"' json
}

@test "latency: stdin, packed files and any number of threads say the same" {
    tables
    "$TACHO" analyze latency latency.csv --json | jq .tables >plain
    gzip -kc latency.csv >latency.csv.gz
    "$TACHO" analyze latency latency.csv.gz --json | jq .tables | diff plain -
    "$TACHO" analyze latency --json - <latency.csv | jq .tables | diff plain -
    # shellcheck disable=SC2002 # a pipe, and no file
    cat latency.csv | "$TACHO" analyze latency --json --csv - | jq .tables | diff plain -
    "$TACHO" analyze latency latency.csv --threads 1 --json | jq .tables | diff plain -
    "$TACHO" analyze latency latency.csv --threads 5 --json | jq .tables | diff plain -
}

@test "latency: beyond four million values it is a histogram, within its bound of numpy's exact ones" {
    /usr/bin/python3 - <<'PYTHON'
import numpy as np
random = np.random.default_rng(5)
n = 4100000
values = np.round(random.lognormal(1, 0.6, n), 3)
group = random.integers(0, 3, n)
with open("large.csv", "w") as file:
    file.write("timestamp,workload,latency_ms\n")
    for begin in range(0, n, 100000):
        part = slice(begin, begin + 100000)
        file.writelines("%.3f,w%d,%.3f\n" % row for row in
                        zip(1.7e9 + np.arange(begin, begin + 100000) * 1e-3, group[part], values[part]))
np.savez("large.npz", values=values, group=group)
PYTHON
    "$TACHO" analyze latency large.csv --deadline 10ms --json >histogram
    "$TACHO" analyze latency large.csv --deadline 10ms --exact --json >exact
    /usr/bin/python3 - <<'PYTHON'
import json
import numpy as np
data = np.load("large.npz")
for name, bound in (("histogram", 0.0040), ("exact", 1e-9)):
    analysis = json.load(open(name))
    assert analysis["facts"]["is_exact"] == (name == "exact")
    assert analysis["inputs"][0]["rows"] == len(data["values"])
    for row in analysis["tables"]["groups"]["rows"]:
        values = data["values"][data["group"] == int(row["group"][1:])]
        assert row["n"] == len(values)
        for key, q in (("p50_ms", 50), ("p95_ms", 95), ("p99_ms", 99), ("p999_ms", 99.9)):
            theirs = np.percentile(values, q)
            assert abs(row[key] / theirs - 1) <= bound, (name, key, row[key], theirs)
            lo, hi = row[key + "_interval"]
            assert lo * (1 - 1e-9) <= theirs <= hi * (1 + 1e-9)
        for key, theirs in (("mean_ms", values.mean()), ("std_ms", values.std(ddof=1)),
                            ("min_ms", values.min()), ("max_ms", values.max())):
            assert abs(row[key] / theirs - 1) < 1e-9, (name, key, row[key], theirs)
    for finding in analysis["findings"]:
        if finding["rule"] == "deadline_missed":
            values = data["values"][data["group"] == int(finding["sentence"][1])]
            theirs = 100 * (values > 10).mean()
            assert abs(finding["value"] / theirs - 1) < 0.01, (finding["value"], theirs)
PYTHON
}

@test "variability: jitter, outliers, rating; two files; numpy has the same numbers" {
    tables
    "$TACHO" analyze variability latency.csv latency_after.csv >text
    same variability.txt text
    "$TACHO" analyze variability latency.csv latency_after.csv --json >json
    validate_json json
    (cd "$golden" && /usr/bin/python3 -B check_variability.py "$OLDPWD/json" "$OLDPWD/latency.csv" "$OLDPWD/latency_after.csv")
}

@test "variability: any column, negative values and all" {
    printf 'temp_c\n-5\n5\n-5\n5\n' | "$TACHO" analyze variability --column temp_c --json - >json
    jq -e '.tables.groups.rows[0] | .jitter == 10 and .mean == 0 and .cv_pct == null and .rating == null' json
}

@test "latency: without a file the built-in model is measured first" {
    need_engine
    TACHO_ORT=$engine "$TACHO" analyze latency --duration 1 --device cpu --json >json
    validate_json json
    jq -e '.tables.groups.rows[0] | .group == "inferences" and .n > 5 and .p50_ms > 0' json
    "$TACHO" runs list --json | jq -e '.runs | length == 1'
}
