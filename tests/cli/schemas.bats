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
