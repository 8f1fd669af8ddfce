#!/usr/bin/env bats
# run.bats: what `tacho run` promises to somebody who types it.

load helper

@test "run: measures, stores, prints one screen and exits 0" {
    run "$TACHO" run -n 5 -- true
    [ "$status" -eq 0 ]
    [[ "$output" == *"not judged"* ]]
    [[ "$output" == *"5 launches"* ]]
    [ -f .tacho/runs.db ]
    run "$TACHO" runs list
    [ "$status" -eq 0 ]
    [[ "$output" == *"complete"* ]]
}

@test "run: JSON holds every launch's figures and fits the schema" {
    "$TACHO" run -n 5 --json -- true >run.json
    validate_json run.json
    [ "$(jq -r .schema run.json)" = "tacho.run/1" ]
    [ "$(jq .metrics.wall_ms.n run.json)" -eq 5 ]
    [ "$(jq '.invocations | length' run.json)" -eq 5 ]
    [ "$(jq -r .metrics.wall_ms.unit run.json)" = "ms" ]
    [ "$(jq -r .metrics.wall_ms.direction run.json)" = "lower" ]
    jq -e '.metrics.peak_rss_mb.mean > 0.1' run.json
    jq -e '.metrics.minor_faults.mean > 0' run.json
    jq -e '.environment.kernel | length > 0' run.json
    [ "$(jq -r '.verdict' run.json)" = "null" ]
}

@test "run: a value that cannot be had is null with a reason, never 0" {
    "$TACHO" run -n 2 --json -- true >run.json
    jq -e '[.metrics[] | select(.value == null and has("value"))] | all(has("reason"))' run.json
    # hardware counters: either counted or null, but there in any case
    jq -e '.metrics.instructions | (.n > 0) or (.value == null and (.reason | length) > 0)' run.json
}

@test "run: --export, --export-csv and their columns" {
    "$TACHO" run -n 3 --export run.json --export-csv run.csv -- true
    validate_json run.json
    [ "$(head -1 run.csv)" = "timestamp,workload,batch_size,latency_ms,power_w,throughput" ]
    [ "$(wc -l <run.csv)" -eq 4 ]
    jq -e '.series | length > 0' run.json
}

@test "run: what is exported comes back by import, unchanged" {
    "$TACHO" run -n 4 --export first.json --label before -- true
    mkdir other && cd other
    "$TACHO" runs import ../first.json
    "$TACHO" runs export last -o second.json
    [ "$(jq -c .metrics.wall_ms ../first.json)" = "$(jq -c .metrics.wall_ms second.json)" ]
    [ "$(jq -r .label second.json)" = "before" ]
}

@test "run: --format markdown and csv" {
    run "$TACHO" run -n 3 --format markdown -- true
    [ "$status" -eq 0 ]
    [[ "$output" == *"| "* ]]
    run "$TACHO" run -n 3 --format csv -- true
    [ "${lines[0]}" = "timestamp,workload,batch_size,latency_ms,power_w,throughput" ]
}

@test "run: limits give PASS 0, FAIL 1, UNDECIDED 3" {
    run "$TACHO" run --limit 'max(wall_ms)<=60000' -n 5 -- true
    [ "$status" -eq 0 ]
    [[ "$output" == *"PASS"* ]]
    run "$TACHO" run --limit 'wall_ms<=0.0001' -n 5 -- true
    [ "$status" -eq 1 ]
    [[ "$output" == *"FAIL"* ]]
    run "$TACHO" run --limit 'p99(wall_ms)<=60000' -n 5 -- true
    [ "$status" -eq 3 ]
    [[ "$output" == *"UNDECIDED"* ]]
    [[ "$output" == *"454"* ]] # 459 are needed, 5 are there
}

@test "run: a limit that nothing measures is undecided and can be waived, by name" {
    run "$TACHO" run --limit 'max(gpu_temp_c)<=80' -n 3 --collector proc -- true
    [ "$status" -eq 3 ]
    [[ "$output" == *"gpu_temp_c"* ]]
    run "$TACHO" run --limit 'max(gpu_temp_c)<=80' --waive gpu_temp_c -n 3 --collector proc -- true
    [ "$status" -eq 0 ]
    [[ "$output" == *"waived"* ]]
    run "$TACHO" run --limit 'max(wall_ms)<=80' --waive wall -n 3 -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"no such limit"* ]]
}

@test "run: a profile file brings limits and counts" {
    cat >gate.yaml <<'Y'
name: gate
test_iterations: 4
warmup_iterations: 1
memory_limit_mb: 1000
memory_headroom_percent: 20
limits:
  - max(wall_ms)<=60000
  - {name: faults, limit: mean(major_faults)<=1000000}
Y
    "$TACHO" run --profile ./gate.yaml --duration 1ms --json -- true >run.json || true
    [ "$(jq -r .workload.profile run.json)" = gate ]
    [ "$(jq -r '[.findings[].limit.name // empty] | sort | join(" ")' run.json)" = "faults max(wall_ms)<=60000 memory" ]
    [ "$(jq -r '.findings[] | select(.limit.name == "memory") | .limit.bound' run.json)" = "max(peak_tree_rss_mb) <= 800 MB" ]
}

@test "run: a profile with a mistake names line and column" {
    printf 'name: x\nlatency_treshold_ms: 5\n' >bad.yaml
    run "$TACHO" run --profile ./bad.yaml -- true
    [ "$status" -eq 2 ]
    [[ "$output" == *"bad.yaml:2:"* ]]
    [[ "$output" == *"latency_threshold_ms"* ]]
    run "$TACHO" run --profile nosuch -- true
    [ "$status" -eq 2 ]
    run "$TACHO" run --profile ./nosuch.yaml -- true
    [ "$status" -ne 0 ]
    [[ "$output" == *"nosuch.yaml"* ]]
}

@test "run: --metric takes values from the program's own output" {
    "$TACHO" run -n 2 --json --metric 'fps:higher=FPS: ([0-9.]+)' -- \
        sh -c 'echo "FPS: 10"; echo "x FPS: 20.5"; echo "FPS: 30" >&2' >run.json
    [ "$(jq .metrics.fps.n run.json)" -eq 6 ]
    jq -e '.metrics.fps.min == 10 and .metrics.fps.max == 30' run.json
    [ "$(jq -r .metrics.fps.direction run.json)" = "higher" ]
    run "$TACHO" run -n 2 --metric 'fps=FPS: ([0-9.]+)' --limit 'mean(fps)>=5' -- echo "FPS: 12"
    [ "$status" -eq 0 ]
}

@test "run: a --metric that never matches is said; a bad one is refused" {
    run "$TACHO" run -n 2 --metric 'fps=FPS: ([0-9.]+)' -- echo nothing
    [[ "$output" == *"fps"* ]]
    run "$TACHO" run -n 2 --metric 'fps=FPS: ([0-9' -- true
    [ "$status" -eq 2 ]
    run "$TACHO" run -n 2 --metric 'fps=FPS' -- true
    [ "$status" -eq 2 ]
    run "$TACHO" run -n 2 --metric 'noregex' -- true
    [ "$status" -eq 2 ]
}

@test "run: --threads and --cores reach the program" {
    run "$TACHO" run -n 1 --threads 3 --show-output -- sh -c 'echo "omp=$OMP_NUM_THREADS blas=$OPENBLAS_NUM_THREADS mkl=$MKL_NUM_THREADS ne=$NUMEXPR_NUM_THREADS"'
    [[ "$output" == *"omp=3 blas=3 mkl=3 ne=3"* ]]
    run "$TACHO" run -n 1 --cores 0 --show-output -- sh -c 'grep Cpus_allowed_list /proc/self/status'
    [[ "$output" == *"Cpus_allowed_list:	0"* ]]
}

@test "run: what is measured runs with /dev/null as stdin and silent output" {
    run "$TACHO" run -n 1 -q -- sh -c 'cat; echo LOUD; echo LOUD >&2'
    [ "$status" -eq 0 ]
    [[ "$output" != *LOUD* ]]
}

@test "run: --warmup keeps units apart, and they are not thrown away" {
    "$TACHO" run -n 3 --warmup 2 --json -- true >run.json
    [ "$(jq .metrics.wall_ms.n run.json)" -eq 3 ]
    [ "$(jq '.invocations | length' run.json)" -eq 5 ]
    jq -e '.phases.warmup.n == 2' run.json
}

@test "run: the synthetic collector is never used unless named, and then it is said" {
    "$TACHO" run -n 2 --json -- true >run.json
    [ "$(jq .synthetic run.json)" = "false" ]
    "$TACHO" run -n 2 --collector synthetic --json -- true >run.json
    [ "$(jq .synthetic run.json)" = "true" ]
    run "$TACHO" run -n 2 --collector synthetic -- true
    [[ "${output,,}" == *"synthetic"* ]]
}

@test "run: nothing behind -- is a usage error that says what to type" {
    run "$TACHO" run --
    [ "$status" -eq 2 ]
    [[ "$output" == *"tacho run"*"--"* ]]
    run "$TACHO" run true
    [ "$status" -eq 2 ]
    [[ "$output" == *"-- true"* ]]
}

@test "run: --no-store-run creates nothing" {
    run "$TACHO" run -n 2 --no-store-run -- true
    [ "$status" -eq 0 ]
    [ ! -e .tacho ]
}

@test "run: agrees with time -v on memory, faults and switches" {
    [ -x /usr/bin/time ] || skip "GNU time is not installed"
    /usr/bin/time -o time.txt -v "$TACHO_PROGS/prog_hog" 64
    "$TACHO" run -n 3 --json -- "$TACHO_PROGS/prog_hog" 64 >run.json
    rss_kb=$(sed -n 's/.*Maximum resident set size (kbytes): //p' time.txt)
    faults=$(sed -n 's/.*(reclaiming a frame) page faults: //p' time.txt)
    jq -e --argjson kb "$rss_kb" '(.metrics.peak_rss_mb.p50 * 1024 - $kb) | fabs < 1024' run.json
    jq -e --argjson f "$faults" '(.metrics.minor_faults.p50 - $f) | fabs < 200' run.json
}

@test "run: output.directory and output.export_csv of tacho.yaml" {
    printf 'output:\n  directory: results\n  export_csv: true\n' >tacho.yaml
    "$TACHO" run -n 2 -q --export run.json -- true
    validate_json results/run.json
    [ "$(wc -l <results/run.csv)" -eq 3 ]
}

@test "run: monitoring.enable_power_metrics false leaves the power collector out" {
    printf 'monitoring:\n  enable_power_metrics: false\n  enable_gpu_metrics: false\n' >tacho.yaml
    TACHO_ROOT=$project_root/tests/trees/pc "$TACHO" run -n 1 --interval 5ms --json -- sleep 0.1 >run.json
    [ "$(jq '[.metrics | keys[] | select(startswith("power_w"))] | length' run.json)" -eq 0 ]
    rm tacho.yaml
    TACHO_ROOT=$project_root/tests/trees/pc "$TACHO" run -n 1 --interval 5ms --json -- sleep 0.1 >run.json
    jq -e '[.metrics | keys[] | select(startswith("power_w"))] | length > 0' run.json
}
