"""check_logs.py LOG JSON: reads the log by itself, and the numbers of `tacho analyze logs --json` must be
the same. The parsing is made for the golden logs_app.log, not for all of what logs may hold."""

import calendar
import json
import math
import re
import sys
import time
from fractions import Fraction

import numpy as np

THRESHOLD_MS = 50.0
SPIKE_Z = 6.0


def stamp(line):
    match = re.match(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.(\d{3})", line)
    return calendar.timegm(time.strptime(match.group(1), "%Y-%m-%d %H:%M:%S")) + int(match.group(2)) / 1e3


def near(got, want, tolerance=1e-9):
    if want is None or got is None:
        assert got is want, (got, want)
    else:
        assert abs(got - want) <= tolerance * max(1, abs(want)), (got, want)


def binomial_tail(k, n, p):
    """P[X >= k] of n independent ones with probability p."""
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


def check_share(row, key, k, n):
    """The share, and that its interval is Clopper and Pearson's: 2.5 % beyond each end."""
    near(row[key], 100 * k / n)
    lo, hi = (end / 100 for end in row[key + "_interval"])
    near(binomial_tail(k, n, lo) if k else 0.025, 0.025, 1e-6)
    near(1 - binomial_tail(k + 1, n, hi) if k < n else 0.025, 0.025, 1e-6)


def check_poisson(row, key, k, minutes):
    """Garwood: 2.5 % beyond each end."""

    def cdf(count, mean):
        return sum(math.exp(i * math.log(mean) - mean - math.lgamma(i + 1)) for i in range(count + 1))

    near(row[key], k / minutes)
    lo, hi = (end * minutes for end in row[key + "_interval"])
    near(1 - cdf(k - 1, lo), 0.025, 1e-6)
    near(cdf(k, hi), 0.025, 1e-6)


def theil_sen(t, y):
    t, y = np.array(t), np.array(y)
    i, j = np.triu_indices(len(t), 1)
    keep = t[j] != t[i]
    return float(np.median((y[j] - y[i])[keep] / (t[j] - t[i])[keep]))


def fisher(a, b, c, d):
    n, column = a + b + c + d, a + c
    return float(
        sum(
            Fraction(math.comb(a + b, i) * math.comb(c + d, column - i), math.comb(n, column))
            for i in range(a, min(a + b, column) + 1)
        )
    )


def read(lines):
    """{label: [(line, time, ms)]}, {label: [(line, time, value)]}, {template: [(line, time)]}"""
    latencies, numbers, messages = {}, {}, {}
    for number, line in enumerate(lines, 1):
        at = (number, stamp(line))
        for label, value, unit in re.findall(r"(Inference latency: |E2E latency: |took )([\d.]+) ?(ms|us)", line):
            ms = float(value) * {"ms": 1, "us": 1e-3}[unit]
            latencies.setdefault(label.strip(": "), []).append((*at, ms))
        if match := re.search(r"Frame (\d+):", line):
            numbers.setdefault("Frame", []).append((*at, float(match.group(1))))
        for label, value in re.findall(r"(received|dropped)=(\d+)|", line):
            if label:
                numbers.setdefault(label, []).append((*at, float(value)))
        for label, value, scale in re.findall(r"(FPS|메시지 큐 크기|실행 시간): ([\d.]+)(초?)", line):
            numbers.setdefault(label, []).append((*at, float(value) * (1000 if scale else 1)))
        if "[WARN]" in line:
            messages.setdefault("Thermal: GPU at <n>C, clock reduced to <n> MHz", []).append(at)
        elif "[ERROR]" in line:
            messages.setdefault("Frame <n> dropped: ISP stall on <path> (code <hex>)", []).append(at)
        elif "context switch" in line:
            messages.setdefault("context switch of DLA<n> took <n> us", []).append(at)
    return latencies, numbers, messages


def check_latencies(rows, latencies):
    """Returns where the spikes are: {(line, label): (time, ms, z)}."""
    spikes = {}
    assert {row["label"] for row in rows} == set(latencies)
    for row in rows:
        values = latencies[row["label"]]
        x = np.array([ms for _, _, ms in values])
        median = float(np.median(x))
        mad = float(np.median(np.abs(x - median)))
        assert row["n"] == len(x)
        for key, q in (("p50_ms", 50), ("p95_ms", 95), ("p99_ms", 99)):
            near(row[key], float(np.percentile(x, q)))
            lo, hi = row[key + "_interval"] or (None, None)
            assert lo is None or (lo in x and lo <= row[key])  # order statistics around it
            assert hi is None or (hi in x and hi >= row[key])
        near(row["max_ms"], x.max())
        near(row["min_ms"], x.min())
        near(row["mad_ms"], mad)
        assert row["above_threshold"] == int((x > THRESHOLD_MS).sum())
        limit = median + SPIKE_Z * 1.4826 * mad if len(x) >= 20 and mad > 0 else None
        near(row["spike_limit_ms"], limit)
        assert row["max_line"] == values[int(x.argmax())][0]
        if len(x) >= 4:
            near(row["trend_ms"], theil_sen([s / 60 for _, s, _ in values], x), 1e-4)
        level = 2 * row["above_threshold"] > len(x)
        found = [
            (line, s, ms)
            for line, s, ms in values
            if (limit is not None and ms > limit) or (ms > THRESHOLD_MS and not level)
        ]
        assert row["spikes"] == len(found)
        for line, s, ms in found:
            spikes[line, row["label"]] = (s, ms, (ms - median) / (1.4826 * mad) if mad > 0 else None)
    return spikes


def before(line, s, events):
    """Whether one of the events came within 5 lines or 1 s before."""
    return any(at < line and (line - at <= 5 or s - then <= 1.0) for at, then in events)


def check_spikes(rows, spikes, messages, lines):
    first = {}
    for (line, label), what in sorted(spikes.items()):
        first.setdefault(label, []).append((line, *what))
    want = sorted((at[0], label, at) for label, all_of in first.items() for at in all_of[:10])
    assert [(row["line"], row["label"]) for row in rows] == [(line, label) for line, label, _ in want]
    for row, (line, _, (_, s, ms, z)) in zip(rows, want):
        near(row["time_s"], s, 1e-12)
        near(row["value_ms"], ms)
        near(row["z"], z)
        kinds = {name for name, events in messages.items() if before(line, s, events)}
        assert row["after_kinds"] == len(kinds)
        assert set(row["after"].split("; ") if row["after"] else []) == kinds, (row["after"], kinds)
        for key, offset in (("before_2", -2), ("before_1", -1), ("text", 0), ("after_1", 1), ("after_2", 2)):
            assert row[key] == lines[line + offset - 1]


def check_precursors(rows, spikes, latencies, messages):
    spike_lines = {line for line, _ in spikes}
    all_lines = {line: s for values in latencies.values() for line, s, _ in values}
    others = {line for line in all_lines if line not in spike_lines}
    told = {row["message"]: row for row in rows}
    for name, events in messages.items():
        a = sum(before(line, all_lines[line], events) for line in spike_lines)
        c = sum(before(line, all_lines[line], events) for line in others)
        if a == 0:
            assert name not in told
            continue
        row = told.pop(name)
        assert (row["before_spikes"], row["before_others"]) == (a, c), name
        check_share(row, "before_spikes_pct", a, len(spike_lines))
        check_share(row, "before_others_pct", c, len(others))
        near(row["p_value"] * 1e9, fisher(a, len(spike_lines) - a, c, len(others) - c) * 1e9, 1e-6)
    assert not told


def check_messages(rows, messages, begin, end):
    assert {row["message"] for row in rows} == set(messages)
    for row in rows:
        events = messages[row["message"]]
        n, span = len(events), end - begin
        assert (row["count"], row["first_line"], row["last_line"]) == (n, events[0][0], events[-1][0])
        near(row["first_time_s"], events[0][1], 1e-12)
        near(row["last_time_s"], events[-1][1], 1e-12)
        check_poisson(row, "rate_per_min", n, span / 60)
        if n >= 4:
            mean = np.mean([s - begin for _, s in events])
            near(row["trend_z"], float((mean - span / 2) / (span / math.sqrt(12 * n))), 1e-6)


def check_numbers(rows, numbers):
    assert {row["label"] for row in rows} == set(numbers)
    for row in rows:
        values = numbers[row["label"]]
        y = np.array([value for _, _, value in values])
        assert row["n"] == len(y)
        for key, want in (("min", y.min()), ("median", np.median(y)), ("max", y.max()), ("last", y[-1])):
            near(row[key], float(want))
        near(row["trend"], theil_sen([s / 60 for _, s, _ in values], y), 1e-4)
        near(row["at_max_pct"], 100 * float((y == y.max()).mean()))
        assert (row["first_line"], row["last_line"]) == (values[0][0], values[-1][0])
        tail = 1
        while tail < len(y) and y[-tail - 1] == y[-1]:
            tail += 1
        assert row["unchanged"] == tail


def check_findings(findings, lines):
    by_rule = {}
    for finding in findings:
        by_rule.setdefault(finding["rule"], []).append(finding)
    times = [stamp(line) for line in lines]
    gaps = np.diff(times)
    assert len(by_rule["log_gap"]) == 1
    near(by_rule["log_gap"][0]["value"], float(gaps.max()), 1e-6)
    assert "logs_app.log:%d to line" % (int(gaps.argmax()) + 1) in by_rule["log_gap"][0]["evidence"]
    assert {"spike_precursor", "errors", "counter_stalled", "losses", "number_grows"} <= set(by_rule)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        lines = file.read().splitlines()
    with open(sys.argv[2], encoding="utf-8") as file:
        told = json.load(file)
    latencies, numbers, messages = read(lines)
    begin, end = stamp(lines[0]), stamp(lines[-1])
    near(told["facts"]["duration_s"], end - begin, 1e-6)
    assert told["inputs"][0]["lines"] == len(lines) == told["facts"]["lines"]
    tables = {key: table["rows"] for key, table in told["tables"].items()}
    spikes = check_latencies(tables["latencies"], latencies)
    check_spikes(tables["spikes"], spikes, messages, lines)
    check_precursors(tables["precursors"], spikes, latencies, messages)
    check_messages(tables["messages"], messages, begin, end)
    check_numbers(tables["numbers"], numbers)
    check_findings(told["findings"], lines)


main()
