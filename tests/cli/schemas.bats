#!/usr/bin/env bats
# schemas.bats: data/schema/ is whole, valid, and told of in docs/json.md.

# shellcheck disable=SC2016,SC2153,SC2154 # backquotes of Markdown; $TACHO and the like come from helper.bash
load helper

# Of every file: tacho.NAME/VERSION, as the file itself says.
schemas_there() {
    jq -r .properties.schema.const "$project_root"/data/schema/*.json | sort
}

@test "schemas: each is valid, is named as its file, and describes every key" {
    /usr/bin/python3 - "$project_root"/data/schema/*.json <<'PYTHON'
import json, pathlib, sys

try:
    from jsonschema import Draft202012Validator as Validator
except ImportError:  # jsonschema 3 of Ubuntu 22.04
    from jsonschema import Draft7Validator as Validator

mistakes = []

def walk(path, place, node):
    if isinstance(node, list):
        for number, part in enumerate(node):
            walk(path, "%s/%d" % (place, number), part)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("properties"), dict):
        if "additionalProperties" not in node and "unevaluatedProperties" not in node:
            mistakes.append("%s: %s: does not say whether there may be other keys" % (path.name, place))
        for key, part in node["properties"].items():
            if not isinstance(part, dict) or not ("description" in part or "$ref" in part):
                mistakes.append("%s: %s: key %s is not described" % (path.name, place, key))
    for key, part in node.items():
        walk(path, place + "/" + key, part)

for name in sys.argv[1:]:
    path = pathlib.Path(name)
    schema = json.loads(path.read_text(encoding="utf-8"))
    Validator.check_schema(schema)
    if schema.get("$schema") != "https://json-schema.org/draft/2020-12/schema":
        mistakes.append("%s: is not of draft 2020-12" % path.name)
    const = schema["properties"]["schema"]["const"]
    if const.split("/")[0] != "tacho." + path.stem or "schema" not in schema["required"]:
        mistakes.append("%s: requires the schema %s" % (path.name, const))
    walk(path, "", schema)
sys.exit("\n".join(mistakes) or 0)
PYTHON
}

@test "schemas: every document that the program can print has one" {
    grep -rhoE 'tacho\.[a-z_]+/[0-9]+' "$project_root/src" --include='*.c' | sort -u >printed
    [ "$(wc -l <printed)" -ge 9 ]
    diff printed <(schemas_there)
}

@test "schemas: docs/json.md names each of them and no other" {
    grep -oE '^\| `tacho\.[a-z_]+/[0-9]+`' "$project_root/docs/json.md" | tr -d '|` ' | sort >told
    diff told <(schemas_there)
}

@test "schemas: a document that does not fit, or has no schema, is found out" {
    "$TACHO" --version --json >good.json
    validate_json good.json
    jq '.more = 1' good.json >more.json
    jq '.version = null' good.json >wrong.json
    jq '.schema = "tacho.nosuch/1"' good.json >nosuch.json
    jq '.schema = "tacho.version/2"' good.json >newer.json
    jq 'del(.schema)' good.json >nameless.json
    head -c 20 good.json >cut.json
    for file in more wrong nosuch newer nameless cut; do
        run validate_json "$file.json"
        [ "$status" -ne 0 ]
        [ -n "$output" ]
    done
}

@test "schemas: what a model, its variants, its devices and their failures print fits" {
    need_engine
    export TACHO_ORT=$engine
    "$TACHO" run classifier -n 3 --json --export export.json >closed.json
    "$TACHO" run classifier -n 6 --rate 50 --arrival poisson --deadline 1ms --json >open.json
    "$TACHO" run classifier -n 3 -P int8 --profile-ops --streams 2 -b 2 --json >variant.json
    "$TACHO" run classifier -n 3 --invocations 2 --limit 'p50(latency_ms)<=60000' --json >judged.json || true
    "$TACHO" run --auto classifier --devices cpu --batch-sizes 1 -n 3 --json >auto.json
    "$TACHO" bench batching classifier --batch-sizes 1,2 -n 3 --json >batching.json
    "$TACHO" bench cores classifier --cores 1 -n 3 --json >cores.json
    "$TACHO" devices --json >devices.json
    "$TACHO" runs list --json >list.json
    "$TACHO" runs show last --json >shown.json
    TACHO_ORT=$PWD "$TACHO" run --json >missing.json || true
    "$TACHO" run --device toaster --json >unknown.json || true
    "$TACHO" run classifier --batch-size 0 --json >wrong.json || true
    "$TACHO" run classifier --timeout 1ms --json >ended.json || true
    for file in export closed open variant judged auto batching cores devices list shown missing unknown wrong ended; do
        echo "$file"
        validate_json "$file.json"
    done
    [ "$(jq -r .schema missing.json unknown.json wrong.json | sort -u)" = "tacho.error/1" ]
    jq -e '.runs[] | select(.kind == "onnx") | .units > .invocations' list.json
}
