"""check_tegrastats.py LOG JSON: reads the log by itself, and every number of `tacho analyze tegrastats
--json` must be the same. The parsing is made for the goldens, not for all of the grammar."""

import calendar
import json
import re
import sys
import time

import numpy as np

from reference import effective_n, t_quantile

THRESHOLD_C = 85.0
INPUTS = ("VDD_IN", "POM_5V_IN", "VIN")


def parse(text):
    """A line as {kind: {name: value}}; None: none of tegrastats."""
    match = re.match(r"(\d\d-\d\d-\d{4} \d\d:\d\d:\d\d) (.*)", text)
    stamp = None
    if match:
        stamp = calendar.timegm(time.strptime(match.group(1), "%m-%d-%Y %H:%M:%S"))
        text = match.group(2)
    if not text.startswith("RAM "):
        return None
    line = {"t": stamp, "units": {}, "cores": {}, "zones": {}, "rails": {}}
    for name, used, total in re.findall(r"\b(RAM|SWAP) (\d+)/(\d+)MB", text):
        line[name] = (float(used), float(total))
    for i, core in enumerate(re.search(r"CPU \[([^]]*)\]", text).group(1).split(",")):
        part = re.match(r"(\d+)%@(\d+)", core)
        line["cores"]["cpu%d" % i] = (float(part.group(1)), float(part.group(2))) if part else "off"
    for name, value in re.findall(r"(\w+)@(-?[\d.]+)C", text):
        line["zones"][name] = float(value)
    for name, now in re.findall(r"(\w+) (-?\d+)(?:mW)?/\d+(?:mW)?(?=[ /]|$)", text):
        if name not in ("RAM", "SWAP", "IRAM"):
            line["rails"][name] = float(now)
    rest = re.sub(r"CPU \[[^]]*\]|\([^)]*\)", " ", text)
    for name, value in re.findall(r"(\w+) +(off|\d+%@?\[?[\d,]*\]?|@\d+|\d+)(?= |$)", rest):
        name = re.sub("_FREQ$", "", name)
        load = re.match(r"(\d+)%", value)
        clock = re.search(r"@\[?([\d,]+)", value) or re.match(r"(\d+)$", value)
        line["units"][name] = "off" if value == "off" else (
            float(load.group(1)) if load else None,
            max(float(c) for c in clock.group(1).split(",")) if clock else None)
    return line


def read(path):
    """[(number, line)] of the whole lines."""
    text = open(path, encoding="utf-8").read()
    numbered = list(enumerate(text.split("\n"), 1))[:-1]  # the last has no newline, or is empty
    parsed = ((number, parse(line)) for number, line in numbered)
    return [(number, line) for number, line in parsed if line]


def parts_of(lines):
    parts = {}
    for number, line in lines:
        key = (line["RAM"][1], len(line["cores"]), tuple(sorted(line["rails"])), line["t"] is None,
               "CPU" in line["zones"])
        parts.setdefault(key, []).append((number, line))
    return list(parts.values())


def near(got, want, what):
    if want is None or (isinstance(want, float) and np.isnan(want)):
        assert got is None, "%s: %r instead of null" % (what, got)
        return
    assert got is not None, "%s: null instead of %r" % (what, want)
    assert abs(got - want) <= 1e-9 * max(1, abs(want)), "%s: %r instead of %r" % (what, got, want)


def usable(name, value):
    return value >= -40 and not (name.startswith("PMIC") and value == 100)


def hottest(line):
    return max((v for k, v in line["zones"].items() if usable(k, v)), default=np.nan)


def total_of(line):
    for name in INPUTS:
        if name in line["rails"]:
            return line["rails"][name]
    if not {"VIN_SYS_5V0", "SYS5V"} & set(line["rails"]):
        return None
    return sum(v for k, v in line["rails"].items() if k != "NC" and not k.startswith("VDDQ"))


def steps_of(part):
    stamps = sorted({line["t"] for _, line in part})
    return np.array(stamps), np.diff(stamps)


def energy(part, value_of):
    """Trapezoids between the means of the seconds, without the gaps."""
    if part[0][1]["t"] is None:
        return None, 0
    stamps, steps = steps_of(part)
    if len(steps) == 0:
        return None, 0
    usual = np.sort(steps)[(len(steps) - 1) // 2]
    means = [np.mean([value_of(line) for _, line in part if line["t"] == s]) for s in stamps]
    kept = steps <= 3 * usual + 1
    area = (np.array(means[:-1]) + np.array(means[1:])) / 2 * steps
    return float(area[kept].sum()) / 1e3, float(steps[kept].sum())


def rows_of(document, table, part, key=None, name=None):
    rows = [r for r in document["tables"][table]["rows"] if r["part"] == part]
    if key is None:
        return rows
    found = [r for r in rows if r[key] == name]
    assert len(found) == 1, "%s: %d rows of %s" % (table, len(found), name)
    return found[0]


def check_zones(document, index, part):
    names = list(dict.fromkeys(k for _, line in part for k, v in line["zones"].items()
                               if not (k.startswith("PMIC") and v == 100)))
    assert [r["zone"] for r in rows_of(document, "zones", index)] == names
    for name in names:
        row = rows_of(document, "zones", index, "zone", name)
        values = [(line["zones"][name], number, line["t"]) for number, line in part
                  if name in line["zones"] and usable(name, line["zones"][name])]
        celsius = np.array([v[0] for v in values])
        near(row["n"], float(len(values)), name)
        near(row["mean_c"], float(celsius.mean()) if values else None, name + " mean")
        near(row["max_c"], float(celsius.max()) if values else None, name + " max")
        top = max(values, key=lambda v: (v[0], -v[1])) if values else (None, None, None)
        near(row["max_line"], top[1], name + " line")
        near(row["max_at"], top[2], name + " when")
        near(row["hot_pct"], float(100 * (celsius >= THRESHOLD_C).mean()) if values else None,
             name + " hot")


def interval_of_mean(x):
    n = effective_n(x)
    half = t_quantile(0.975, n - 1) * x.std(ddof=1) / np.sqrt(n)
    return x.mean() - half, x.mean() + half


def check_rail(row, values, joule, what):
    near(row["mean_w"], float(np.mean(values)) / 1e3, what + " mean")
    near(row["p95_w"], float(np.percentile(values, 95)) / 1e3, what + " p95")
    near(row["max_w"], max(values) / 1e3, what + " max")
    near(row["min_w"], min(values) / 1e3, what + " min")
    near(row["n"], float(len(values)), what + " n")
    near(row["energy_j"], joule, what + " energy")
    low, high = interval_of_mean(np.array(values) / 1e3)
    for got, want in zip(row["mean_w_interval"], (low, high)):
        assert abs(got - want) <= 1e-6 * max(1, abs(want)), (what, row["mean_w_interval"], low, high)


def check_rails(document, index, part):
    for name in part[0][1]["rails"]:
        values = [line["rails"][name] for _, line in part]
        joule, _ = energy(part, lambda line, name=name: line["rails"][name])
        check_rail(rows_of(document, "rails", index, "rail", name), values, joule, name)
    joule, _ = energy(part, total_of)
    check_rail(rows_of(document, "rails", index, "rail", "total"),
               [total_of(line) for _, line in part], joule, "total")


def check_units(document, index, part, table, key):
    names = list(dict.fromkeys(k for _, line in part for k in line[key]))
    rows = rows_of(document, table, index)
    if key == "cores":
        every = rows.pop()
        means = [np.mean([c[0] for c in line["cores"].values() if c != "off"]) for _, line in part]
        near(every["load_mean_pct"], float(np.mean(means)), "cores")
        near(every["load_max_pct"], float(np.max(means)), "cores")
        near(every["load_min_pct"], float(np.min(means)), "cores")
    assert sorted(r["unit"] for r in rows) == sorted(names), (names, rows)
    for row in rows:
        values = [line[key][row["unit"]] for _, line in part if row["unit"] in line[key]]
        on = [v for v in values if v != "off"]
        for column, at in (("load", 0), ("clock", 1)):
            unit = "pct" if column == "load" else "mhz"
            known = [v[at] for v in on if v[at] is not None]
            for what, function in (("mean", np.mean), ("min", np.min), ("max", np.max)):
                near(row["%s_%s_%s" % (column, what, unit)],
                     float(function(known)) if known else None, "%s %s" % (row["unit"], what))
        near(row["off_pct"], 100 * (len(values) - len(on)) / len(values), row["unit"] + " off")


def check_memory(document, index, part):
    for name, key in (("RAM", "RAM"), ("swap", "SWAP")):
        if key not in part[0][1]:
            continue
        row = rows_of(document, "memory", index, "memory", name)
        used = np.array([line[key][0] for _, line in part])
        near(row["total_mb"], part[0][1][key][1], name)
        near(row["mean_mb"], float(used.mean()), name)
        near(row["max_mb"], float(used.max()), name)
        near(row["max_pct"], 100 * float(used.max()) / part[0][1][key][1], name)
        near(row["max_line"], part[int(used.argmax())][0], name)
        near(row["first_mb"], float(used[0]), name)
        near(row["last_mb"], float(used[-1]), name)


def finding(document, rule, part, parts):
    found = [f for f in document["findings"] if f["rule"] == rule and
             (parts == 1 or f["sentence"].startswith("part %d:" % part))]
    return found[0] if found else None


def check_pressure(document, index, part, parts):
    shares = [line["RAM"][0] / line["RAM"][1] for _, line in part]
    told = finding(document, "memory_pressure", index, parts)
    assert (told is not None) == (max(shares) >= 0.9)
    if told:
        near(told["value"], 100 * max(shares), "memory_pressure")
        assert "in %d of %d lines" % (sum(s >= 0.9 for s in shares), len(part)) in told["sentence"]


def clocks_of(part, name):
    """[(line, load, MHz, hottest)] of half load and more."""
    samples = []
    for number, line in part:
        value = line["units"].get(name) or line["cores"].get(name)
        if value and value != "off" and None not in value and value[0] >= 50:
            samples.append((number, value[0], value[1], hottest(line)))
    return samples


def cool_clocks(samples):
    cool, lower = [], np.nan
    for step in range(5):
        clocks = [s[2] for s in samples
                  if min(int((s[1] - 50) / 10), 4) == step and s[3] <= THRESHOLD_C - 5]
        lower = float(np.median(clocks)) if len(clocks) >= 5 else lower
        cool.append(lower)
    return cool


def check_throttling(document, index, part, parts):
    """The GPU: the share of slow samples and how much slower, and each stretch."""
    samples = clocks_of(part, "GR3D")
    cool = cool_clocks(samples)
    ratio = [s[2] / cool[min(int((s[1] - 50) / 10), 4)] for s in samples]
    slow = [(s, r) for s, r in zip(samples, ratio) if s[3] >= THRESHOLD_C and r <= 0.9]
    told = finding(document, "throttling", index, parts)
    assert (told is not None) == (len(slow) > 2), (told, len(slow))
    rows = [r for r in rows_of(document, "throttling", index) if r["unit"] == "GR3D"]
    if not told:
        assert rows == []
        return
    near(told["value"], 100 * float(np.mean([1 - r for _, r in slow])), "throttling")
    near(told["n"], sum(s[3] >= THRESHOLD_C for s in samples), "throttling n")
    stretches = [[slow[0]]]
    for item in slow[1:]:
        if item[0][0] > stretches[-1][-1][0][0] + 3:
            stretches.append([])
        stretches[-1].append(item)
    stretches = [s for s in stretches if len(s) >= 3]
    assert len(rows) == len(stretches)
    for row, stretch in zip(rows, stretches):
        near(row["first_line"], stretch[0][0][0], "stretch")
        near(row["last_line"], stretch[-1][0][0], "stretch")
        near(row["clock_mhz"], float(np.mean([s[2] for s, _ in stretch])), "stretch")
        near(row["load_pct"], float(np.mean([s[1] for s, _ in stretch])), "stretch")
        near(row["max_c"], max(s[3] for s, _ in stretch), "stretch")


def check_gaps(document, index, part, parts):
    rows = rows_of(document, "gaps", index)
    if part[0][1]["t"] is None:
        assert rows == []
        return
    _, steps = steps_of(part)
    usual = np.sort(steps)[(len(steps) - 1) // 2]
    gaps = sorted((float(s) for s in steps if s > 3 * usual + 1), reverse=True)
    assert [r["duration_s"] for r in rows] == gaps
    told = finding(document, "sampling_gaps", index, parts)
    assert (told is not None) == bool(gaps)
    if told:
        near(told["value"], sum(gaps), "gaps")


def main():
    lines = read(sys.argv[1])
    document = json.load(open(sys.argv[2], encoding="utf-8"))
    parts = parts_of(lines)
    assert document["inputs"][0]["rows"] == len(lines)
    assert document["facts"]["parts"] == len(parts)
    for index, part in enumerate(parts, 1):
        check_zones(document, index, part)
        check_rails(document, index, part)
        check_units(document, index, part, "units", "units")
        check_units(document, index, part, "cores", "cores")
        check_memory(document, index, part)
        check_pressure(document, index, part, len(parts))
        check_throttling(document, index, part, len(parts))
        check_gaps(document, index, part, len(parts))


main()
