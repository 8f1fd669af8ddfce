"""check_dnn-pipeline.py JSON FILE...: reads the profiles by itself, and every number of `tacho analyze
dnn-pipeline --json` must be the same. The parsing is made for the goldens."""

import csv
import json
import math
import re
import sys

import numpy as np

from reference import effective_n, t_quantile

GB = 2.0 ** 30


def mean(x):
    """(mean, interval or None, standard error, n_eff)"""
    if len(x) < 2:
        return x.mean(), None, None, None
    n_eff = effective_n(x)
    error = np.std(x, ddof=1) / math.sqrt(n_eff)
    half = t_quantile(0.975, n_eff - 1) * error
    return x.mean(), [x.mean() - half, x.mean() + half], error, n_eff


def share(part, whole):
    """Percent, with the interval of a ratio of means on the logarithm."""
    value = part.mean() / whole.mean()
    if len(part) < 2:
        return 100 * value, None
    z = part / part.mean() - whole / whole.mean()
    n_eff = effective_n(z)
    half = t_quantile(0.975, n_eff - 1) * np.std(z, ddof=1) / math.sqrt(n_eff)
    return 100 * value, [100 * value * math.exp(-half), 100 * value * math.exp(half)]


class Profile:
    def __init__(self, label, batch):
        self.label, self.batch = label, batch
        self.passes = []   # [{(name, type, device): ms}]
        self.transfers = {"H2D": [], "D2H": []}  # of every pass: (bytes or None, ms)
        self.totals = []
        self.knows_transfers = False

    def arrays(self):
        keys = list(dict.fromkeys(k for p in self.passes for k in p))
        self.layers = {k: np.array([p.get(k, 0.0) for p in self.passes]) for k in keys}
        self.in_layers = np.array([sum(p.values()) for p in self.passes])
        moved = [np.array([ms for _, ms in v]) for v in self.transfers.values() if v]
        self.in_transfers = sum(moved) if moved else 0 * self.in_layers
        self.total = np.array(self.totals) if self.totals else self.in_layers + self.in_transfers
        self.whole = np.maximum(self.total, self.in_layers + self.in_transfers)


def read_csv(path):
    profiles = {}
    rows = [r for r in csv.DictReader(open(path, encoding="utf-8"))]
    batches = list(dict.fromkeys(r.get("batch_size") for r in rows))
    for batch in batches:
        label = path if len(batches) == 1 else "%s batch %s" % (path, batch)
        profile = profiles[batch] = Profile(label, int(batch) if batch else None)
        run = first = None
        for r in rows:
            name, kind = r.get("layer_name", r.get("name")), r.get("layer_type", r.get("type"))
            ms = r.get("time_ms", r.get("time"))
            if r.get("batch_size") != batch or not re.match(r"[\d.]+$", ms):
                continue
            key = (name, kind, r.get("device", "GPU"))
            # A new pass by its column, or by the first layer coming again.
            if not profile.passes or ("run" in r and r["run"] != run) or ("run" not in r and key == first):
                profile.passes.append({})
            first, run = first or key, r.get("run")
            profile.passes[-1][key] = profile.passes[-1].get(key, 0) + float(ms)
        if len(profile.passes[-1]) < len(profile.passes[0]):
            profile.passes.pop()  # cut off
    return list(profiles.values())


def read_profiler(path):
    profile, text = None, open(path, encoding="utf-8").read()
    for block in re.split(r"(?<=ms)\n\n", text):
        if profile is None:
            profile = Profile(path, int(re.search(r"[Bb]atch\s*[Ss]ize[:\s]+(\d+)", block).group(1)))
        layers = re.findall(r"(\S+)\s+(\S+)\s+([\d.]+)\s*ms\s+(GPU|DLA\d*)", block)
        if not layers:
            continue
        profile.passes.append({(n, t, d): float(ms) for n, t, ms, d in layers})
        for direction, size, ms in re.findall(r"(H2D|D2H)\s+(\d+)\s+bytes?\s+([\d.]+)\s*ms", block):
            profile.transfers[direction].append((float(size), float(ms)))
        profile.totals.append(float(re.search(r"Total:\s*([\d.]+)\s*ms", block).group(1)))
    profile.knows_transfers = True
    return [profile]


def read_trtexec(path):
    text = open(path, encoding="utf-8").read()
    profile = Profile(path, int(re.search(r"--shapes=\w+:(\d+)x", text).group(1)))
    placed = {m[2]: (m[0].upper(), m[1]) for m in
              re.findall(r"\[(Dla|Gpu)Layer\] (?:([A-Z]+): )?(.*)", text)}
    table = {}
    for ms, name in re.findall(r"\[I\] +[\d.]+ +([\d.]+) +[\d.]+ +[\d.]+   (.*)", text):
        if name == "Total":
            continue
        device, kind = placed.get(name, ("GPU", ""))
        if not kind:
            kind = "Reformat" if name.startswith("Reformatting") else "ForeignNode"
        table[name, kind, device] = float(ms)
    profile.passes.append(table)
    for direction in ("H2D", "D2H"):
        ms = re.search(direction + r" Latency: .*mean = ([\d.]+)", text).group(1)
        profile.transfers[direction].append((None, float(ms)))
    profile.totals.append(float(re.search(r"\] Latency: .*mean = ([\d.]+)", text).group(1)))
    profile.knows_transfers = True
    profile.fallbacks = [
        (i, m.group(1) or m.group(2) or m.group(3)) for i, line in enumerate(text.split("\n"), 1)
        for m in [re.search(r"Layer '(.*)' \(\w+\): Unsupp|but layer (.*) is not supp|to GPU for layer (.*)", line)]
        if m]
    return [profile]


def close(what, mine, theirs):
    assert (mine is None) == (theirs is None), (what, mine, theirs)
    if isinstance(mine, (list, tuple)):
        assert len(mine) == len(theirs), what
        for a, b in zip(mine, theirs):
            close(what, a, b)
    elif mine is not None:
        assert abs(mine - theirs) <= 1e-8 * max(abs(mine), 1e-9), (what, mine, theirs)


def rows_of(result, table, label):
    return [r for r in result["tables"].get(table, {"rows": []})["rows"] if r["profile"] == label]


def check_profile(p, result, top):
    row, = rows_of(result, "profiles", p.label)
    total = mean(p.total)
    parts = p.in_layers.mean() + p.in_transfers.mean()
    close("batch", p.batch, row["batch_size"])
    close("n", len(p.passes), row["n"])
    close("layers", len(p.layers), row["layers"])
    close("total", total[:2], [row["total_ms"], row["total_ms_interval"]])
    close("in layers", mean(p.in_layers)[:2], [row["layers_ms"], row["layers_ms_interval"]])
    close("transfers", p.in_transfers.mean() if p.knows_transfers else None, row["transfers_ms"])
    assert p.totals or row["unaccounted_ms"] is None
    if p.totals:
        assert abs(row["unaccounted_ms"] - (total[0] - parts)) < 1e-9
    close("items", p.batch and p.batch * 1000 / total[0], row["throughput_per_s"])
    close("per item", p.batch and total[0] / p.batch, row["latency_per_item_ms"])
    order = [k[2][:3] for k in p.passes[0]]
    close("switches", sum(a != b for a, b in zip(order, order[1:])), row["device_switches"])
    slowest = sorted(p.layers, key=lambda k: -p.layers[k].mean())[:top]
    shown = rows_of(result, "layers", p.label)
    assert [(r["layer"], r["type"], r["device"]) for r in shown] == slowest
    for key, r in zip(slowest, shown):
        close(key, mean(p.layers[key])[:2], [r["time_ms"], r["time_ms_interval"]])
        close(key, share(p.layers[key], p.whole), [r["share_pct"], r["share_pct_interval"]])


def check_parts(p, result):
    whole = p.whole.mean()
    for table, index, of in (("types", 1, whole), ("devices", 2, p.in_layers.mean())):
        name = table[:-1]
        cut = (lambda t: t[:3]) if table == "devices" else (lambda t: t)
        kinds = {}
        for key, ms in p.layers.items():
            kinds.setdefault(cut(key[index]), []).append(ms.mean())
        shown = rows_of(result, table, p.label)
        assert sorted(kinds) == sorted(r[name] for r in shown), (table, kinds)
        for r in shown:
            mine = kinds[r[name]]
            close(table, [sum(mine), len(mine), 100 * sum(mine) / of],
                  [r["time_ms"], r["layers"], r["share_pct"]])
    moved = [(d, v) for d, v in p.transfers.items() if v]
    shown = rows_of(result, "transfers", p.label)
    assert len(moved) == len(shown)
    for (direction, values), r in zip(moved, shown):
        assert direction in r["direction"]
        ms = np.mean([v[1] for v in values])
        size = None if values[0][0] is None else np.mean([v[0] for v in values])
        close("transfer", [1, size, ms, 100 * ms / whole, size and size / GB / (ms / 1e3)],
              [r["transfers"], r["bytes"], r["time_ms"], r["share_pct"], r["bandwidth_gb_per_s"]])
    fallbacks = getattr(p, "fallbacks", [])
    assert fallbacks == [(r["line"], r["layer"]) for r in rows_of(result, "fallbacks", p.label)]


def difference(a, b):
    """Welch."""
    (va, ea, na), (vb, eb, nb) = [(m[0], m[2], m[3]) for m in (mean(a), mean(b))]
    if ea is None or eb is None:
        return vb - va, None
    df = (ea ** 2 + eb ** 2) ** 2 / (ea ** 4 / (na - 1) + eb ** 4 / (nb - 1))
    half = t_quantile(0.975, df) * math.sqrt(ea ** 2 + eb ** 2)
    return vb - va, [vb - va - half, vb - va + half]


def check_versus(a, b, result):
    keys = {**a.layers, **b.layers}
    rows = result["tables"]["differences"]["rows"]
    assert len(rows) == len(keys)
    sizes = [abs((r["b_ms"] or 0) - (r["a_ms"] or 0)) for r in rows]
    assert sizes == sorted(sizes, reverse=True)
    for r in rows:
        key, = [k for k in keys if k[0] == r["layer"]]
        one, other = a.layers.get(key), b.layers.get(key)
        close("A", None if one is None else one.mean(), r["a_ms"])
        close("B", None if other is None else other.mean(), r["b_ms"])
        if one is None or other is None:
            assert r["difference_ms"] is None and r["decided"] is None
            continue
        value, interval = difference(one, other)
        close(key, [value, interval], [r["difference_ms"], r["difference_ms_interval"]])
        close(key, 100 * value / one.mean(), r["difference_pct"])
        assert r["decided"] == (interval and not interval[0] <= 0 <= interval[1])
    found, = [f for f in result["findings"] if f["rule"] == "engine_difference"]
    value, interval = difference(a.total, b.total)
    close("total", value, found["value"])
    assert ("UNDECIDED" in found["sentence"]) == (not interval or interval[0] <= 0 <= interval[1])


def check_scaling(profiles, result):
    profiles = sorted(profiles, key=lambda p: p.batch)
    rows = result["tables"]["batches"]["rows"]
    least = profiles[0].total.mean() / profiles[0].batch
    for p, r in zip(profiles, rows, strict=True):
        ms = p.total.mean()
        speed = least / (ms / p.batch)
        close("batch", [p.batch, len(p.passes), ms, ms / p.batch, p.batch * 1000 / ms, speed,
                        100 * speed * profiles[0].batch / p.batch],
              [r["batch_size"], r["n"], r["total_ms"], r["latency_per_item_ms"], r["throughput_per_s"],
               r["speedup"], r["scaling_pct"]])


def check_findings(profiles, result):
    rules = {f["rule"] for f in result["findings"]}
    whole = [p.whole.mean() for p in profiles]
    dla = [sum(ms.mean() for k, ms in p.layers.items() if k[2][:3] == "DLA") / p.in_layers.mean()
           for p in profiles]
    top = [max(ms.mean() for ms in p.layers.values()) / w for p, w in zip(profiles, whole)]
    assert ("transfer_overhead" in rules) == any(
        p.in_transfers.mean() / w > 0.2 for p, w in zip(profiles, whole))
    assert ("low_dla_use" in rules) == any(0 < d < 0.3 for d in dla)
    assert ("dominant_layer" in rules) == any(t > 0.3 for t in top)
    assert ("dla_fallback" in rules) == any(getattr(p, "fallbacks", []) for p in profiles)
    for f in result["findings"]:
        if f["rule"] == "dominant_layer":
            assert any(abs(f["value"] - 100 * t) < 1e-9 for t in top)
        if f["rule"] == "low_dla_use":
            assert any(abs(f["value"] - 100 * d) < 1e-9 for d in dla)


def main():
    result, profiles = json.load(open(sys.argv[1], encoding="utf-8")), []
    for path in sys.argv[2:]:
        read = {"csv": read_csv, "txt": read_profiler, "log": read_trtexec}[path.rsplit(".", 1)[1]]
        profiles += read(path)
    for p in profiles:
        p.arrays()
        check_profile(p, result, 5)
        check_parts(p, result)
    if len(sys.argv) == 4:
        check_versus(profiles[0], profiles[1], result)
    elif len(profiles) > 1:
        check_scaling(profiles, result)
    check_findings(profiles, result)


main()
