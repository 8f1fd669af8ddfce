#!/usr/bin/python3
"""Checks JSON documents against a schema: validate_json.py SCHEMA FILE... ("-": standard input).

Schemas may refer to others in the same directory by file name. Prints one line per mistake with the
place in the document; exit status 1 if there is any.
"""
import json
import pathlib
import sys

from jsonschema import RefResolver

try:
    from jsonschema import Draft202012Validator as Validator
except ImportError:  # jsonschema 3 of Ubuntu 22.04: the schemas use nothing newer than draft 7
    from jsonschema import Draft7Validator as Validator


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: validate_json.py SCHEMA FILE...")
    path = pathlib.Path(sys.argv[1])
    schema = json.loads(path.read_text())
    Validator.check_schema(schema)
    store = {}
    for other in path.parent.glob("*.json"):
        text = json.loads(other.read_text())
        store[text.get("$id", other.name)] = text
    resolver = RefResolver(schema["$id"], schema, store=store)
    validator = Validator(schema, resolver=resolver)
    mistakes = 0
    for name in sys.argv[2:]:
        text = sys.stdin.read() if name == "-" else pathlib.Path(name).read_text()
        try:
            document = json.loads(text, parse_constant=refuse_constant)
        except ValueError as error:
            print(f"{name}: {error}")
            mistakes += 1
            continue
        for error in validator.iter_errors(document):
            place = "/".join(str(part) for part in error.absolute_path)
            print(f"{name}: {place or '(top)'}: {error.message}")
            mistakes += 1
    sys.exit(1 if mistakes else 0)


if __name__ == "__main__":
    main()
