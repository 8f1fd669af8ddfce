#!/usr/bin/env python3
"""Counts the test cases in meson's testlog.json.

usage: meson_tally.py TESTLOG.json

Each test is a cmocka executable that printed TAP (CMOCKA_MESSAGE_OUTPUT=TAP). Prints what failed,
and as its last line "PASSED FAILED SKIPPED". A test that ended badly although every case it
reported was fine (crash, leak, time-out) counts the cases it did not reach, at least one, as failed.
"""
import json
import re
import sys

CASE = re.compile(r"^(not )?ok (\d+)( # SKIP)?(?: - )?\s*(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)$")
TAIL_LINES = 25


def tally(test):
    """Returns (passed, failed, skipped, lines that say what went wrong)."""
    passed = failed = skipped = planned = 0
    lines = []
    explaining = False
    for line in test.get("stdout", "").splitlines():
        plan = PLAN.match(line)
        case = CASE.match(line)
        if plan:
            planned += int(plan.group(1))
            explaining = False
        elif case:
            explaining = False
            if case.group(3):
                skipped += 1
            elif case.group(1):
                failed += 1
                explaining = True
                lines.append("%s: %s" % (test["name"], case.group(4)))
            else:
                passed += 1
        elif explaining and line.startswith("#"):
            lines.append("    " + line[1:].strip())
    if test["result"] == "SKIP" and passed + failed + skipped == 0:
        skipped = 1
    elif test["result"] not in ("OK", "SKIP") and failed == 0:
        failed = max(1, planned - passed - skipped)
        lines.append("%s: %s, exit status %s" % (test["name"], test["result"], test["returncode"]))
        text = test.get("stdout", "") + test.get("stderr", "")
        lines += ["    " + line for line in text.splitlines()[-TAIL_LINES:]]
    elif test["result"] in ("OK", "SKIP") and passed + failed + skipped == 0:
        passed = 1  # not a cmocka test: its exit status is its result
    return passed, failed, skipped, lines


def main():
    totals = [0, 0, 0]
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        for line in log:
            result = tally(json.loads(line))
            for i in range(3):
                totals[i] += result[i]
            if result[3]:
                print("\n".join(result[3]))
    print(*totals)


if __name__ == "__main__":
    main()
