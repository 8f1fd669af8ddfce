#!/usr/bin/env bats
# monitor_kv_cache.bats: `tacho monitor kv-cache`: its size, and its use in a server.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # $TACHO and the like come from helper.bash
load helper

teardown() {
    if [ -n "${server:-}" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
}

# Starts the server of tests/support/metrics_server.py; its address is $url.
start_server() {
    "$TACHO" doctor --json | jq -e '.checks[] | select(.name == "module net") | .state == "ok"' ||
        skip "the module net is not built (libcurl4-openssl-dev)"
    /usr/bin/python3 "$project_root/tests/support/metrics_server.py" "$PWD/port" 3>&- 2>/dev/null &
    server=$!
    for _ in $(seq 100); do
        [ -e port ] && break
        sleep 0.05
    done
    url=http://localhost:$(cat port)
    rm port
}

kv() {
    "$TACHO" monitor kv-cache "$@"
}

@test "monitor kv-cache: the defaults are those of the old toolkit, and the table ends at the maximum" {
    run kv
    [ "$status" -eq 0 ]
    [[ "${lines[1]}" == *tokens*"KV cache"* ]]
    [[ "${lines[11]}" == *"2048  1024.00 MB" ]]
    [[ "$output" == *"512 KB a token"* ]]
    [ "$(kv -q)" = "1024.00 MB" ]
    [ -z "$(ls -A)" ] # nothing is stored
}

@test "monitor kv-cache: grouped-query attention, precisions and what fits, as JSON" {
    kv --num-kv-heads 8 --max-length 8192 --batch-size 4 --precision bf16 --memory-limit 5G --json >a.json
    validate_json a.json
    jq -e '.size_mb == 4096 and .bytes_per_token == 131072 and .lengths[-1].length == 8192' a.json
    jq -e '.fit == {memory_limit_mb: 5120, fits: true, longest_length: 10240, largest_batch_size: 5}' a.json
    for row in fp32:4 fp16:2 bf16:2 fp8:1 int8:1 int4:0.5 q8_0:1.0625 q4_0:0.5625 q5_1:0.75; do
        kv -P "${row%:*}" --json >b.json
        validate_json b.json
        [ "$(jq ".bytes_per_value == ${row#*:}" b.json)" = true ]
        [ "$(jq ".size_mb == 512 * ${row#*:}" b.json)" = true ]
    done
    run kv --memory-limit 1000M
    [[ "$output" == *"does not fit in"*"2000 tokens at batch 1, batch 0 at 2048 tokens"* ]]
    kv -o out.txt
    grep -q '2048  1024.00 MB' out.txt
}

@test "monitor kv-cache: dimensions that are none and flags of others are refused" {
    local given
    for given in "--precision fp17" "--precision mixed" "--num-kv-heads 5" "--num-kv-heads 64" "--num-layers 0" \
        "--max-length 0" "--head-size -1" "--precision q8_0 --head-size 80" "--memory-limit 0" "--window 3" \
        "--pid 1" "--interval 1" "model.onnx"; do
        # shellcheck disable=SC2086
        run kv $given
        [ "$status" -eq 2 ] || { echo "$given: $status"; false; }
        [ "${#lines[@]}" -eq 1 ]
    done
    run kv --url http://localhost:1 --num-layers 3
    [ "$status" -eq 2 ]
    [[ "$output" == *"--num-layers is for tacho monitor kv-cache without --url"* ]]
    run "$TACHO" monitor --num-layers 3
    [ "$status" -eq 2 ]
    run kv -- true
    [ "$status" -eq 2 ]
}

@test "monitor kv-cache --url: vLLM and llama.cpp, one reading" {
    start_server
    kv --url "$url" --once --output a.csv
    [ "$(head -1 a.csv)" = "timestamp,engine,kv_cache_use_pct,kv_cache_tokens,kv_cache_size_tokens,llm_requests_running,llm_requests_waiting" ]
    [ "$(sed -n 2p a.csv | cut -d, -f2-)" = "meta-llama/Llama-3.1-8B-Instruct/0,75.00,334992,446656,12,3" ]
    [ "$(wc -l <a.csv)" -eq 2 ]
    kv --url "$url/llama_cpp.txt" --once --json >b.json
    validate_json b.json
    jq -e '.metrics.kv_cache_tokens.max == 3944 and .metrics.kv_cache_use_pct.max == 96.2891' b.json
    jq -e '.metrics.kv_cache_size_tokens | .value == null and .reason != null' b.json
    jq -e '.workload.server == "llama.cpp"' b.json
    run_split kv --url "$url/vllm_old.txt" --once
    [[ "${output##*$'\n'}" == *",facebook/opt-125m,0.04,32,80000,1,0" ]]
    [[ "$errors" == *"vLLM at $url/vllm_old.txt"* ]]
    kv --url "$url/vllm_two_engines.txt" --once --output c.csv
    [ "$(wc -l <c.csv)" -eq 3 ]
    [ ! -e .tacho ]
}

@test "monitor kv-cache --url: rows, findings, limits and a stored run" {
    start_server
    run kv --url "$url/filling" --duration 4.95 --interval 150ms --output rows.csv \
        --limit 'max(kv_cache_use_pct)<=90'
    [ "$status" -eq 1 ]
    [[ "${lines[0]}" == FAIL* ]]
    [[ "$output" == *"more than 90 % full in "*" readings"* ]]
    [[ "$output" == *"requests of m/0 waited in "* ]]
    [[ "$output" == *"the use of the KV cache of m/0 rose by "* ]]
    [ "$(wc -l <rows.csv)" -ge 30 ]
    "$TACHO" runs show --json >run.json
    validate_json run.json
    jq -e '.workload.kind == "monitor" and .verdict.outcome == "fail"' run.json
    jq -e '[.findings[].rule] | contains(["kv_cache_full", "requests_waiting", "kv_cache_growth", "limit"])' run.json
    # appended to by the next one, and no other header
    kv --url "$url/filling" --once --output rows.csv
    [ "$(grep -c timestamp rows.csv)" -eq 1 ]
    echo a,b >other.csv
    run kv --url "$url" --once --output other.csv
    [ "$status" -eq 2 ]
    [ "$(cat other.csv)" = a,b ]
}

@test "monitor kv-cache --url: readings that fail are gaps, and it goes on" {
    start_server
    kv --url "$url/flaky" --duration 1.9 --interval 100ms --no-store --json >run.json
    validate_json run.json
    jq -e '.findings[] | select(.rule == "server_unreachable") | .value >= 6 and .n >= 15' run.json
    jq -e '.metrics["kv_cache_use_pct@meta-llama/Llama-3.1-8B-Instruct/0"].n >= 6' run.json
    [ ! -e .tacho ]
}

@test "monitor kv-cache --url: a signal is a normal end" {
    start_server
    # TERM: a job in the background ignores INT
    "$TACHO" monitor kv-cache --url "$url" --interval 50ms --output rows.csv >summary &
    local pid=$!
    for _ in $(seq 100); do
        [ "$(wc -l <rows.csv 2>/dev/null || echo 0)" -ge 3 ] && break
        sleep 0.05
    done
    kill -TERM "$pid"
    wait "$pid"
    grep -q "not judged" summary
    "$TACHO" runs show --json | jq -e '.state == "complete"'
}

@test "monitor kv-cache --url: what cannot be had says why, and leaves nothing behind" {
    start_server
    local row path want
    while IFS='|' read -r path want; do
        run kv --url "$url/$path" --once --timeout 2s
        [ "$status" -eq 4 ] || { echo "$path: $status $output"; false; }
        [ "${#lines[@]}" -eq 1 ]
        [[ "$output" == *"$want"* ]] || { echo "$path: $output"; false; }
    done <<'CASES'
404|HTTP status 404
401|HTTP status 401
auth|HTTP status 401
empty|no metrics at all
llama_cpp_2025.txt|llamacpp:kv_cache_usage_ratio is missing; there are llamacpp:prompt_tokens_total
elsewhere|redirects to another server: http://127.0.0.2:1/metrics
file|redirects to another server
loop|more than 3 redirects
huge|sends more than 16777216 bytes
bomb|sends more than 16777216 bytes
cut|remaining to read
garbage|HTTP/0.9
slow|did not answer within 2 s
CASES
    run kv --url "$url/html" --once
    [ "$status" -eq 2 ]
    [[ "$output" == *"/html:1:1: "*"text/html"* ]]
    run kv --url "http://user:secret@${url#http://}/auth" --once --output -
    [ "$status" -eq 0 ]
    [[ "$output" != *secret* ]]
    run kv --url "http://user:wrong@${url#http://}/auth" --once
    [ "$status" -eq 4 ]
    [[ "$output" != *wrong* ]]
    kv --url "$url/redirect" --once -q >/dev/null
    [ -z "$(ls -A)" ]
}

@test "monitor kv-cache --url: addresses that are none, and a server that is not there" {
    local given
    for given in localhost:8000 ftp://localhost/ file:///etc/passwd http:// '' 'http://a b/'; do
        run kv --url "$given" --once
        [ "$status" -eq 2 ] || [ "$status" -eq 4 ] || { echo "$given: $status"; false; }
        [ "${#lines[@]}" -eq 1 ]
    done
    run kv --url http://localhost:1 --once
    [ "$status" -eq 4 ]
    [[ "$output" == *"localhost:1/metrics"* || "$output" == *"module 'net'"* ]]
    [ -z "$(ls -A)" ]
}

@test "monitor kv-cache --url: without the module it says what to install" {
    cp "$TACHO" alone
    run ./alone monitor kv-cache --url http://localhost:1 --once
    [ "$status" -eq 4 ]
    [[ "$output" == *"module 'net'"*"apt-get install libcurl4"* ]]
}
