"""check_efficiency.py CSV JSON [--group-by COLUMN] [--tdp W]: reads the table by itself, and every number
of `tacho analyze efficiency --json` must be the same. The parsing is made for the goldens."""

import csv
import json
import math
import sys

import numpy as np

from reference import effective_n, t_quantile

RATE = 0.15
ROWS_FIRST = 1024


class Estimate:
    """A product of powers of means, or (powers of one series, linear) a mean."""

    def __init__(self, series, powers, factor=1.0, linear=False):
        means = {k: series[k].mean() for k in powers}
        self.value = factor
        z = 0
        for name, power in powers.items():
            self.value *= means[name] ** power
            z = z + power * series[name] / (1 if linear else means[name])
        self.n = len(z)
        self.n_eff = effective_n(z)
        self.error = np.std(z, ddof=1) / math.sqrt(self.n_eff)
        half = t_quantile(0.975, self.n_eff - 1) * self.error
        if linear:
            self.interval = [self.value - half, self.value + half]
            self.error /= self.value
        else:
            self.interval = [self.value * math.exp(-half), self.value * math.exp(half)]


def ratio(a, b, level):
    va, vb = a.error ** 2, b.error ** 2
    df = (va + vb) ** 2 / (va ** 2 / (a.n_eff - 1) + vb ** 2 / (b.n_eff - 1))
    half = t_quantile(0.5 + level / 2, df) * math.sqrt(va + vb)
    value = b.value / a.value
    return value, [value * math.exp(-half), value * math.exp(half)]


def read(path, group_by):
    """{group: [(line, row)]} of the rows that count."""
    groups, header, skipped = {}, None, {}
    for line, fields in enumerate(csv.reader(open(path, encoding="utf-8")), 1):
        if fields[0].startswith("#") or fields == header:
            continue
        if header is None:
            header = fields
            continue
        row = dict(zip(header, fields))
        if "latency_us" in row:
            row["latency_ms"] = str(float(row["latency_us"]) / 1e3)
        try:
            latency, power = float(row["latency_ms"]), float(row["power_w"])
        except (KeyError, ValueError):
            skipped[line] = "bad"
            continue
        if len(fields) < len(header) or not math.isfinite(latency) or latency <= 0:
            skipped[line] = "bad"
            continue
        if row.get("is_warmup") == "true":
            continue
        key = row[group_by] if group_by else "%s_batch%s" % (row["workload"], row["batch_size"])
        groups.setdefault(key, []).append(
            (line, latency, power, float(row.get("batch_size", 1)), row))
    return groups, skipped


def figures(rows, tdp):
    s = {"l": np.array([r[1] for r in rows]), "p": np.array([r[2] for r in rows]),
         "b": np.array([r[3] for r in rows])}
    f = {
        "n": len(rows), "batch_size": s["b"].mean(),
        "latency": Estimate(s, {"l": 1}, linear=True),
        "power": Estimate(s, {"p": 1}, linear=True),
        "throughput": Estimate(s, {"b": 1, "l": -1}, 1000),
        "per_watt": Estimate(s, {"b": 1, "l": -1, "p": -1}, 1000),
        "call": Estimate(s, {"l": 1, "p": 1}, 1e-3),
        "item": Estimate(s, {"l": 1, "p": 1, "b": -1}, 1e-3),
        "peak": s["p"].max(), "constant": s["p"].max() == s["p"].min(),
        "tdp": 100 * s["p"].mean() / tdp if tdp else None,
        "workload": rows[0][4].get("workload", ""), "time": None,
    }
    if "timestamp" in rows[0][4]:
        t = np.array([float(r[4]["timestamp"]) for r in rows])
        dt, watts = np.diff(t), (s["p"][1:] + s["p"][:-1]) / 2
        limit = 10 * np.quantile(dt[:ROWS_FIRST], 0.5)
        kept = dt <= limit
        joules, seconds = (dt * watts)[kept].sum(), dt[kept].sum()
        f["time"] = {
            "energy_j": joules, "covered_s": seconds, "time_mean_power_w": joules / seconds,
            "time_energy_per_batch_j": joules / kept.sum(),
            "busy_pct": 100 * s["l"].mean() / 1e3 * kept.sum() / seconds,
            "gaps": int((~kept).sum()), "gaps_s": dt[~kept].sum()}
    return f


def close(what, mine, theirs):
    assert (mine is None) == (theirs is None), (what, mine, theirs)
    if isinstance(mine, list):
        for a, b in zip(mine, theirs):
            close(what, a, b)
    elif mine is not None:
        assert abs(mine - theirs) <= 1e-8 * max(abs(mine), 1e-12), (what, mine, theirs)


def check_groups(groups, result):
    rows = result["tables"]["groups"]["rows"]
    assert [r["group"] for r in rows] == list(groups)
    for row in rows:
        f = groups[row["group"]]
        same = [g for g in groups.values() if g["workload"] == f["workload"]]
        front = not any(
            g["throughput"].value >= f["throughput"].value and g["item"].value <= f["item"].value and g is not f
            for g in same)
        close("n", f["n"], row["n"])
        close("batch", f["batch_size"], row["batch_size"])
        for key, name in (("latency", "latency_ms"), ("throughput", "throughput_per_s"),
                          ("per_watt", "perf_per_watt"), ("call", "energy_per_batch_j"),
                          ("item", "energy_per_inference_j")):
            close(name, f[key].value, row[name])
            close(name, f[key].interval, row[name + "_interval"])
        kwh = f["item"].value / 3.6e6
        close("kwh", kwh, row["energy_per_inference_kwh"])
        close("cost", kwh * RATE, row["cost_per_inference"])
        close("cost", 1000 * kwh * RATE, row["cost_per_1k_inferences"])
        assert row["pareto"] == front, row
        f["front"] = front


def check_power(groups, result):
    for row in result["tables"]["power"]["rows"]:
        f = groups[row["group"]]
        close("power", f["power"].value, row["power_w"])
        close("power", None if f["constant"] else f["power"].interval, row["power_w_interval"])
        close("peak", f["peak"], row["peak_power_w"])
        close("tdp", f["tdp"], row["tdp_share_pct"])
        for name in ("energy_j", "covered_s", "time_mean_power_w", "time_energy_per_batch_j", "busy_pct",
                     "gaps", "gaps_s"):
            close(name, f["time"] and float(f["time"][name]), row[name])
        assert row["wall_energy_per_inference_j"] is None


def check_best(groups, result):
    keys = {"latency": ("latency", False), "throughput": ("throughput", True), "energy": ("item", False)}
    rows = result["tables"].get("best", {"rows": []})["rows"]
    workloads = [g["workload"] for g in groups.values()]
    assert len(rows) == 3 * sum(workloads.count(w) > 1 for w in dict.fromkeys(workloads))
    for row in rows:
        key, higher = keys[row["criterion"]]
        same = {n: g for n, g in groups.items() if g["workload"] == (row["workload"] or "")}
        order = sorted(same, key=lambda n: same[n][key].value, reverse=higher)
        assert (row["group"], row["next_group"]) == (order[0], order[1]), row
        best = same[order[0]][key]
        close("best", best.value, row["value"])
        close("best", best.interval, row["value_interval"])
        level = 1 - 0.05 / (len(order) - 1)
        value, interval = ratio(best, same[order[1]][key], level)
        close("ratio", value, row["next_ratio"])
        close("ratio", interval, row["next_ratio_interval"])
        ends = [ratio(best, same[n][key], level)[1] for n in order[1:]]
        assert row["decided"] == all(hi < 1 if higher else lo > 1 for lo, hi in ends), row


def check_findings(groups, result, tdp):
    rules = [f["rule"] for f in result["findings"]]
    expected = set()
    for f in groups.values():
        if f["constant"]:
            expected.add("power_constant")
        if f["time"] and f["time"]["gaps"]:
            expected.add("time_gaps")
        if f["time"] and not 50 <= f["time"]["busy_pct"] <= 110:
            expected.add("busy")
        if tdp and f["power"].value > tdp:
            expected.add("over_tdp")
        if f["batch_size"] > 1 and f["time"]:
            expected.add("throughput_ignores_batch")
    if "best" in result["tables"]:
        expected |= {"best_latency", "best_throughput", "best_energy", "pareto_front"}
    assert set(rules) == expected, (rules, expected)
    for finding in result["findings"]:
        if finding["rule"] == "throughput_ignores_batch":
            most = max((g for g in groups.values()), key=lambda g: g["batch_size"])
            close("column", most["column"], finding["value"])


def main():
    path, result = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))
    options = dict(zip(sys.argv[3::2], sys.argv[4::2]))
    tdp = float(options["--tdp"]) if "--tdp" in options else None
    rows, skipped = read(path, options.get("--group-by"))
    groups = {name: figures(r, tdp) for name, r in rows.items()}
    for name, r in rows.items():
        if "throughput" in r[0][4]:
            groups[name]["column"] = np.mean([float(x[4]["throughput"]) for x in r])
    check_groups(groups, result)
    check_power(groups, result)
    check_best(groups, result)
    check_findings(groups, result, tdp)
    given = result["inputs"][0]
    assert given["rows"] == sum(len(r) for r in rows.values()), given
    lost = sum(s["count"] for s in given["skipped"] if s["reason"] not in ("comment", "repeated_header"))
    assert lost == len(skipped), (given["skipped"], skipped)


main()
