#!/usr/bin/env python3
"""check_latency.py ANALYSIS.json FILE.csv [DEADLINE_MS]: reads the table by itself and computes every
number of `tacho analyze latency --json` again with numpy; exit status 1 and the differences if one
is not the same.
"""
import csv
import json
import sys

import numpy as np

PERCENTILES = {"p50_ms": 50, "p90_ms": 90, "p95_ms": 95, "p99_ms": 99, "p999_ms": 99.9}
mistakes = []


def same(what, ours, theirs, relative=1e-9):
    if ours is None or abs(ours - theirs) > relative * max(1.0, abs(theirs)):
        mistakes.append("%s: %r, and numpy has %r" % (what, ours, theirs))


def groups_of(path):
    """Name: [(line, time, latency, power)], in the order of the file."""
    groups = {}
    with open(path, encoding="utf-8", newline="") as file:
        for line, row in enumerate(csv.reader(file), 1):
            if len(row) != 6 or row[0].startswith("#"):
                continue
            try:
                values = [float(row[i]) for i in (0, 3, 4)]
            except ValueError:
                continue
            if values[1] >= 0:
                groups.setdefault("%s_batch%s" % (row[1], row[2]), []).append([line] + values)
    return {name: np.array(rows) for name, rows in groups.items()}


def bounds_hold(what, row, key, value, values):
    """An interval by order statistics ends at values of the sample, and holds the estimate."""
    interval = row[key + "_interval"]
    if interval is None:
        return
    for end in interval:
        if end is not None and np.min(np.abs(values - end)) > 1e-9:
            mistakes.append("%s: %r is no value of the sample" % (what, end))
    lo = -np.inf if interval[0] is None else interval[0]
    hi = np.inf if interval[1] is None else interval[1]
    if not lo <= value <= hi:
        mistakes.append("%s: %r is not within %r" % (what, value, interval))


def check_group(row, rows):
    values, name = rows[:, 2], row["group"]
    same(name + " n", row["n"], len(values))
    same(name + " mean", row["mean_ms"], values.mean())
    same(name + " std", row["std_ms"], values.std(ddof=1))
    same(name + " min", row["min_ms"], values.min())
    same(name + " max", row["max_ms"], values.max())
    same(name + " line", row["max_line"], rows[values.argmax(), 0])
    same(name + " power", row["power_mean_w"], rows[:, 3].mean())
    for key, percentile in PERCENTILES.items():
        same(name + " " + key, row[key], np.percentile(values, percentile))
        bounds_hold(name + " " + key, row, key, row[key], values)
    lo, hi = row["mean_ms_interval"]
    half = 1.96 * values.std(ddof=1) / np.sqrt(row["n_eff"])
    if row["n_eff"] > 60:  # Student's t is near enough to the normal distribution
        same(name + " interval", (hi - lo) / 2, half, 0.05)
    elif (hi - lo) / 2 < half:
        mistakes.append(name + ": the interval is narrower than a normal one")


def check_windows(table, groups):
    for window in table["rows"]:
        rows = groups[window["group"]]
        inside = rows[(rows[:, 1] >= window["from"] - 5e-4) & (rows[:, 1] <= window["to"] + 5e-4), 2]
        name = "window of %s at %.1f" % (window["group"], window["from"])
        same(name + " n", window["n"], len(inside))
        same(name + " mean", window["mean_ms"], inside.mean())
        same(name + " p50", window["p50_ms"], np.percentile(inside, 50))
        same(name + " p95", window["p95_ms"], np.percentile(inside, 95))
        same(name + " max", window["max_ms"], inside.max())


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        analysis = json.load(file)
    groups = groups_of(sys.argv[2])
    table = analysis["tables"]["groups"]["rows"]
    if sorted(groups) != sorted(row["group"] for row in table):
        mistakes.append("groups: %s" % [row["group"] for row in table])
    for row in table:
        check_group(row, groups[row["group"]])
    check_windows(analysis["tables"]["windows"], groups)
    if len(sys.argv) > 3:
        deadline = float(sys.argv[3])
        shares = [finding for finding in analysis["findings"]
                  if finding["rule"] == "deadline_missed"]
        for finding in shares:
            values = groups[finding["sentence"].split(":")[0]][:, 2]
            same(finding["sentence"], finding["value"], 100 * (values > deadline).mean())
        if len(shares) != len(groups):
            mistakes.append("%d findings of deadlines" % len(shares))
    print("\n".join(mistakes) or "every number is numpy's")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
