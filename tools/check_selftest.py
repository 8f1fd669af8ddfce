"""check_selftest: proves that every rule of tools/check can fail, and that a good tree passes."""
import os
import subprocess
import sys
import tempfile

C = "/* %s: an example for the rules. */\n"
HELP = """#!/bin/sh
case "$1" in
--help) echo '  run      measure a program' ;;
metrics) echo '| wall_ms |' ;;
run) echo '  -n, --iterations N   how often'; echo '      --[no-]known   yes'\n    echo 'Options of every command:'; echo '  -q, --quiet  less'\n    echo '                --else is text' ;;
esac
"""

GOOD = {
    "src/base/good.h": C % "good.h" + "#ifndef TACHO_BASE_GOOD_H\n#define TACHO_BASE_GOOD_H\n#endif\n",
    "src/base/good.c": C % "good.c" + '#include "base/good.h"\n\nint good(void)\n{\n    return 1;\n}\n',
    "src/base/meson.build": "files = ['good.c']\n",
    "src/base/error.h": C % "error.h" + '#ifndef TACHO_BASE_ERROR_H\nX(USAGE, "usage", 2, "wrong")\n#endif\n',
    "src/model/metric.c": C % "metric.c" + '#include "base/good.h"\n    NS_ROW("wall_ms", "p99", "Time."),\n',
    "src/model/meson.build": "'metric.c'\n",
    "src/workload/command.c": C % "command.c" + '#include "control/launcher.h"\n',
    "src/workload/meson.build": "'command.c'\n",
    "src/store/db.c": C % "db.c" + "#include <sqlite3.h>\n/* strcpy( in a comment, atoi( too */\n"
                      'const char *s = "printf(sprintf(";\n',
    "src/store/meson.build": "'db.c'\n",
    "src/cmd/run.c": C % "run.c" + 'void f(void)\n{\n    printf("x");\n}\n',
    "src/cmd/meson.build": "'run.c'\n",
    "docs/exit-codes.md": "`usage`\n",
    "docs/metrics.md": "| wall_ms |\n",
    "docs/run.md": "| `-n, --iterations N` | how often |\n| `--no-known` | yes |\n\n`prog --other`\n",
    "README.md": "[run](docs/run.md) [web](https://example.org/)\n\n| `-q, --quiet` | less |\n",
    "data/schema/a.json": "{}\n",
    "build/tacho": HELP,
}

# rule -> changes to the good tree, each of which that rule must complain about.
BAD = {
    "layers": [
        {"src/base/good.c": C % "good.c" + '#include "model/run.h"\n'},
        {"src/store/db.c": C % "db.c" + '#include "control/launcher.h"\n'},
        {"src/base/good.c": C % "good.c" + '#include "good.h"\n'},
        {"src/model/metric.c": C % "metric.c" + '#include "screen/screen.h"\nNS_ROW("wall_ms",\n'},
        {"src/screen/a.c": C % "a.c" + '#include "model/run.h"\n', "src/screen/meson.build": "'a.c'\n"},
        {"src/elsewhere/a.c": C % "a.c", "src/elsewhere/meson.build": "'a.c'\n"},
    ],
    "plugins": [{
        "src/collect/collectors.c": C % "collectors.c" + "&collector_proc, &collector_power,\n",
        "src/collect/power.c": C % "power.c" + '#include "collect/proc.h"\n',
        "src/collect/meson.build": "'collectors.c', 'power.c'\n"}],
    "doors": [
        {"src/base/good.c": C % "good.c" + "#include <sqlite3.h>\n"},
        {"src/base/good.c": C % "good.c" + "#include <yaml.h>\n"},
        {"src/store/db.c": C % "db.c" + "#include <jansson.h>\n"},
        {"src/store/db.c": C % "db.c" + "#include <curl/curl.h>\n"},
        {"src/cmd/run.c": C % "run.c" + "#include <curses.h>\n"},
    ],
    "upward_includes": [{"src/base/good.c": C % "good.c" + '#include "../base/good.h"\n'}],
    "file_length": [{"src/base/good.c": C % "good.c" + "\n" * 700}],
    "function_length": [{"src/base/good.c": C % "good.c" + "int f(void)\n{\n" + "    g();\n" * 71 + "}\n"}],
    "header_comment": [
        {"src/base/good.c": "int x;\n"},
        {"src/base/good.c": "/* something else entirely, and long */\n"},
    ],
    "header_guard": [{"src/base/good.h": C % "good.h" + "#ifndef GOOD_H\n#endif\n"}],
    "typedefs": [{"src/base/good.c": C % "good.c" + "typedef struct a { int b; } a_t;\n"}],
    "forbidden_functions": [
        {"src/base/good.c": C % "good.c" + "int f(char *a)\n{\n    return %s(a);\n}\n" % name}
        for name in ("strcpy", "strcat", "sprintf", "gets", "strtok", "atoi", "atof", "system",
                     "popen", "exit")],
    "printing": [
        {"src/base/good.c": C % "good.c" + 'void f(void)\n{\n    printf("x");\n}\n'},
        {"src/base/good.c": C % "good.c" + 'void f(void)\n{\n    fputs("x", stderr);\n}\n'},
    ],
    "markers": [{"README.md": "TO" "DO: later\n"}, {"src/base/good.c": C % "good.c" + "/* FIX" "ME */\n"}],
    "private_paths": [{"README.md": "cd /ho" "me/alice/tacho\n"}, {"README.md": "see /wo" "rk/main\n"}],
    "text_files": [{"README.md": "no newline"}, {"README.md": "a\r\n"}],
    "built_sources": [{"src/base/meson.build": "files = []\n"}],
    "json_files": [{"data/schema/a.json": "{,}\n"}],
    "links": [{"README.md": "[gone](docs/gone.md)\n"}],
    "documented_tables": [{"docs/exit-codes.md": "nothing\n"}],
    "generated_documents": [{"docs/metrics.md": "nothing\n"}, {"docs/metrics.md": None}],
    "help_documents": [
        {"docs/run.md": "| `-n, --iterations N` | how often |\n"},
        {"docs/run.md": "| `-n, --iterations N` | |\n| `--known` | |\n| `--unknown` | |\n"},
        {"docs/run.md": None},
        {"README.md": "nothing of common options\n"},
    ],
    "binary_weight": ["heavy"],
}


def write_tree(root, files):
    for name, text in files.items():
        if text is None:
            continue
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    tacho = os.path.join(root, "build/tacho")
    if os.path.exists(tacho):
        os.chmod(tacho, 0o755)


def build_heavy(root):
    """A program that is too large and links a library that it should not."""
    source = os.path.join(root, "build/heavy.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write("char big[4 << 20] = {1};\nint main(void) { return big[1]; }\n")
    subprocess.run(["cc", source, "-o", os.path.join(root, "build/tacho"), "-Wl,--no-as-needed",
                    "-lresolv"], check=True)
    os.unlink(source)


def run(check, rules):
    mistakes = []
    with tempfile.TemporaryDirectory() as root:
        write_tree(root, GOOD)
        problems, _ = check(root)
        mistakes += ["good tree: %s" % (problem,) for problem in problems]
    for name in rules:
        if not BAD.get(name):
            mistakes.append("%s: no bad tree for this rule" % name)
        for number, changes in enumerate(BAD.get(name, []), 1):
            with tempfile.TemporaryDirectory() as root:
                if changes == "heavy":
                    write_tree(root, GOOD)
                    build_heavy(root)
                    expected = 2
                else:
                    write_tree(root, {**GOOD, **changes})
                    expected = 1
                found = [p for p in check(root)[0] if p[0] == name]
                if len(found) < expected:
                    mistakes.append("%s: bad tree %d was accepted" % (name, number))
    for mistake in mistakes:
        print(mistake, file=sys.stderr)
    if not mistakes:
        print("ok: %d rules can fail" % len(rules))
    return 1 if mistakes else 0
