"""check_memory.py JSON: reads the inputs that the JSON of `tacho analyze memory` names by itself, and
every number must be the same: floors of windows, Theil-Sen's slopes over time and over counters, what
explains the growth best, changes and the time to the limit. Which windows are start-up is taken from
the finding (docs/memory-verdict.md has the rule); all else is computed here."""

import calendar
import csv
import json
import math
import re
import sys
import time

import numpy as np

NO_WORK = ("timestamp", "time")


def read_csv(path):
    """{name: (times, MB, {counter: values})}"""
    rows = list(csv.reader(open(path, encoding="utf-8")))
    header = rows[0]
    name = next(c for c in ("mem_track_anon_mb", "rss_mb") if c in header)
    data = [r for r in rows[1:] if r != header and len(r) == len(header) and r[header.index(name)]]
    column = {h: [r[i] for r in data] for i, h in enumerate(header)}
    counters = {}
    for h in header:
        if h in NO_WORK or "mem" in h or "rss" in h or not all(column[h]):
            continue
        values = np.array(column[h], float)
        if np.all(np.diff(values) >= 0) and values[-1] > values[0]:
            counters[h] = values
    return {name: (np.array(column["timestamp"], float), np.array(column[name], float), counters)}


def read_pidstat(path):
    series, day, last = {}, None, None
    for text in open(path, encoding="utf-8"):
        banner = re.match(r"Linux .* (\d\d/\d\d/\d{4})|Linux.*\t(\d\d/\d\d/\d{4})", text)
        if banner:
            day = calendar.timegm(time.strptime(banner.group(1) or banner.group(2), "%m/%d/%Y"))
        match = re.match(r"(\d\d:\d\d:\d\d [AP]M) +\d+ +(\d+) .* (\d+) +[\d.]+ +(\w+)$", text)
        if not match:
            continue
        clock = time.strptime(match.group(1), "%I:%M:%S %p")
        second = clock.tm_hour * 3600 + clock.tm_min * 60 + clock.tm_sec
        day += 86400 if last is not None and second < last - 43200 else 0
        last = second
        name = "%s (%s)" % (match.group(4), match.group(2))
        series.setdefault(name, []).append((day + second, int(match.group(3)) / 1024))
    return {k: (np.array([t for t, _ in v], float), np.array([m for _, m in v]), {})
            for k, v in series.items()}


def read_free(path):
    words = [line.split() for line in open(path, encoding="utf-8")]
    memory = [int(w[1]) - int(w[6]) for w in words if w and w[0] == "Mem:"]
    swap = [int(w[2]) for w in words if w and w[0] == "Swap:"]
    total = np.array(memory, float) + np.array(swap, float)
    return {None: (np.arange(len(total), dtype=float), total, {})}


def read_pairs(path):
    pairs = np.loadtxt(path)
    return {None: (pairs[:, 0], pairs[:, 1], {})}


def read(path):
    if path.endswith(".csv"):
        return read_csv(path)
    return {"pidstat": read_pidstat, "free": read_free, "pairs": read_pairs}[
        re.search("pidstat|free|pairs", path).group()](path)


def near(got, want, what, tolerance=1e-9):
    if want is None or math.isnan(want):
        assert got is None, "%s: %r instead of null" % (what, got)
        return
    assert got is not None, "%s: null instead of %r" % (what, want)
    assert abs(got - want) <= tolerance * max(1, abs(want)), "%s: %r, not %r" % (what, got, want)


def windows_of(t, mb, width):
    """Indices of the least value of each window, and the window's first index and top."""
    slot = np.floor((t - t[0]) / width + 1e-9).astype(int)
    groups = [np.flatnonzero(slot == s) for s in np.unique(slot)]
    if len(groups) > 1 and t[-1] - (t[0] + slot[-1] * width) < width / 2:
        groups[-2:] = [np.concatenate(groups[-2:])]
    floors = [g[int(np.argmin(mb[g]))] for g in groups]
    return np.array(floors), [g[0] for g in groups], [float(mb[g].max()) for g in groups]


def theil_sen(x, y):
    i, j = np.triu_indices(len(x), 1)
    keep = x[j] != x[i]
    return float(np.median((y[j] - y[i])[keep] / (x[j] - x[i])[keep]))


def judged_windows(t, mb, evidence):
    """The windows that the finding rests on."""
    match = re.search(r"(\d+) to (\d+)(?: s)?: floors of (\d+) windows", evidence)
    begin, count = float(match.group(1)), int(match.group(3))
    duration = t[-1] - t[0]
    number = min(min(max(duration / 60, 40), 240), len(t) // 2)
    for factor in (1, 2, 4, 8, 16):
        floors, firsts, tops = windows_of(t, mb, duration / number * factor)
        kept = [k for k, first in enumerate(firsts) if t[first] - t[0] >= begin - 0.5]
        if len(kept) == count:
            return floors[kept], tops[-1]
    raise AssertionError("no windows as in: " + evidence)


def residual(x, y):
    line = np.polyfit(x - x.mean(), y - y.mean(), 1)
    return float(np.sqrt(np.mean((y - y.mean() - np.polyval(line, x - x.mean())) ** 2)))


def check_series(document, path, name, data, finding):
    t, mb, counters = data
    row = next(r for r in document["tables"]["series"]["rows"]
               if r["file"] == path and r["series"] == name)
    is_untimed = row["duration_s"] is None
    what = "%s %s " % (path, name)
    near(row["n"], len(mb), what + "n")
    near(row["first_mb"], mb[0], what + "first")
    near(row["mean_mb"], float(mb.mean()), what + "mean")
    near(row["max_mb"], float(mb.max()), what + "max")
    near(row["last_mb"], mb[-1], what + "last")
    if not is_untimed:
        near(row["duration_s"], float(t[-1] - t[0]), what + "duration")
        near(row["ends_per_min_mb"], float(60 * (mb[-1] - mb[0]) / (t[-1] - t[0])), what + "ends")
    floors, top = judged_windows(t, mb, finding["evidence"])
    slope = theil_sen(t[floors], mb[floors])
    near(row["per_sample_mb" if is_untimed else "per_min_mb"], slope * (1 if is_untimed else 60),
         what + "slope", 1e-7)
    near(row["per_min_mb" if is_untimed else "per_sample_mb"], None, what + "other slope")
    limit = document["facts"].get("memory_limit_mb")
    if row["verdict"] == "linear-leak" and limit:
        near(row["to_limit_min"], (limit - top) / slope / 60, what + "limit", 1e-7)
    check_work(document, path, t, mb, counters, floors)
    return slope, {c: theil_sen(v[floors], mb[floors]) for c, v in counters.items()}


def check_work(document, path, t, mb, counters, floors):
    rows = {r["counter"]: r for r in document["tables"]["work"]["rows"] if r["file"] == path}
    assert set(rows) - {"(time, minutes)"} == set(counters), (set(rows), set(counters))
    if not counters:
        return
    left = {c: residual(v[floors], mb[floors]) for c, v in counters.items()}
    least = min(left.values())
    for c, values in counters.items():
        near(rows[c]["per_unit_mb"], theil_sen(values[floors], mb[floors]), c, 1e-7)
        near(rows[c]["units"], float(values[floors][-1] - values[floors][0]), c)
        near(rows[c]["residual_mb"], left[c], c, 1e-6)
    in_time = residual(t[floors], mb[floors])
    # All differences of the criterion share one number of observations: n_eff.
    told = {c: rows[c]["delta_aic"] for c in counters}
    told["(time, minutes)"] = rows["(time, minutes)"]["delta_aic"]
    left["(time, minutes)"] = in_time
    least = min(least, in_time)
    ratios = [told[c] / (2 * math.log(left[c] / least)) for c in told if left[c] > least * 1.0001]
    assert all(abs(r / ratios[0] - 1) < 1e-5 for r in ratios), (told, left)
    assert all(told[c] < 1e-3 for c in told if left[c] == least)


def check_compared(document, slopes):
    table = document["tables"].get("compared")
    if not table:
        assert len(slopes) == 1
        return
    first, first_work = slopes[0]
    for index, row in enumerate(table["rows"]):
        slope, work = slopes[index]
        near(row["per_min_mb"], 60 * slope, "compared", 1e-7)
        near(row["per_unit_mb"], work[row["counter"]], "compared", 1e-7)
        if index > 0:
            near(row["per_min_change_pct"], 100 * (slope / first - 1), "change", 1e-6)
            near(row["per_unit_change_pct"],
                 100 * (work[row["counter"]] / first_work[row["counter"]] - 1), "change", 1e-6)


def main():
    document = json.load(open(sys.argv[1], encoding="utf-8"))
    growth = [f for f in document["findings"] if f["rule"] == "memory_growth"]
    slopes = []
    for source in document["inputs"]:
        path, series = source["name"], read(source["name"])
        assert source["rows"] == sum(len(s[1]) for s in series.values())
        names = [r["series"] for r in document["tables"]["series"]["rows"] if r["file"] == path]
        assert names == list(series)
        for name, data in series.items():
            finding = next(f for f in growth if path in f["evidence"] and
                           (len(series) == 1 or name in f["sentence"]))
            slope = check_series(document, path, name, data, finding)
        slopes.append(slope)
    if len(slopes) > 1 or "compared" in document["tables"]:
        check_compared(document, slopes)


main()
