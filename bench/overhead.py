#!/usr/bin/env python3
"""bench/overhead.py: what measuring costs, and whether tools agree, side by side in one run.

usage: overhead.py TACHO FLOOR [--quick]

FLOOR is bench/floor.c: a bare vfork/exec/wait4 loop, also used as the stopwatch for every other
tool. Prints definitions, n and ratios; it asserts nothing. A tool that is not here has no row.
"""
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

PEERS = ("hyperfine", "perf", "time")


def first_line(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return result.stdout.decode("utf-8", "replace").split("\n")[0].strip()


def floor(binary, n, *command, env=None):
    """Runs the stopwatch. Returns its JSON object."""
    with tempfile.TemporaryFile() as noise:
        out = subprocess.run([binary, str(n), *command], stdout=subprocess.PIPE, stderr=noise,
                             stdin=subprocess.DEVNULL, check=True, env=env).stdout
    return json.loads(out)


def table(head, rows):
    rows = [head] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        print("  " + "  ".join(cells).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * w for w in widths))
    print()


def machine(tacho):
    model = "unknown CPU"
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith(("model name", "Model")):
                model = line.split(":", 1)[1].strip()
                break
    print("machine  %s, %d CPUs online, %s %s" % (model, os.cpu_count(), platform.system(),
                                                   platform.release()))
    print("tools    " + "; ".join([first_line(tacho, "--version")] + [
        first_line(shutil.which(p), "--version") for p in PEERS if shutil.which(p)]))
    print("load     %s (1, 5, 15 min) before the first measurement\n" % " ".join(
        "%.2f" % x for x in os.getloadavg()))


class PerLaunch:
    """How each tool launches TRUE n times, and what it says one launch took (median, us)."""

    def __init__(self, tacho, floor_binary, folder):
        self.tacho, self.floor_binary, self.folder = tacho, floor_binary, folder
        self.true = shutil.which("true")
        self.tools = {"tacho run": self.run_tacho}
        if shutil.which("hyperfine"):
            self.tools["hyperfine -N"] = self.run_hyperfine
        if shutil.which("perf") and self.run_perf(2)[1] is not None:
            self.tools["perf stat -r"] = self.run_perf
        self.tools["bare loop"] = self.run_floor

    def run_floor(self, n):
        return floor(self.floor_binary, 1, self.floor_binary, str(n), self.true), None

    def run_tacho(self, n):
        out = os.path.join(self.folder, "tacho.json")
        outer = floor(self.floor_binary, 1, self.tacho, "run", "-q", "-n", str(n), "--warmup", "0",
                      "--store", os.path.join(self.folder, "store"), "--json", "--output", out,
                      "--", self.true)
        with open(out, encoding="utf-8") as file:
            return outer, json.load(file)["metrics"]["wall_ms"]["p50"] * 1e3

    def run_hyperfine(self, n):
        out = os.path.join(self.folder, "hyperfine.json")
        outer = floor(self.floor_binary, 1, "hyperfine", "-N", "--warmup", "0", "--runs", str(n),
                      "--export-json", out, self.true)
        with open(out, encoding="utf-8") as file:
            return outer, json.load(file)["results"][0]["median"] * 1e6

    def run_perf(self, n):
        out = os.path.join(self.folder, "perf.txt")
        outer = floor(self.floor_binary, 1, "perf", "stat", "-r", str(n), "-o", out, self.true)
        if not os.path.exists(out):
            return outer, None
        with open(out, encoding="utf-8") as file:
            found = re.search(r"([\d.]+) (?:\+-.*)?seconds time elapsed", file.read())
        return outer, float(found.group(1)) * 1e6 if found else None


def per_launch(tacho, floor_binary, folder, rounds, few, many):
    print("1  Cost of one launch of `true`")
    print("   Each tool launches it %d and %d times; %d rounds, the tools taking turns." % (
        few, many, rounds))
    print("   cost: wall-clock time of the whole tool, (t(%d) - t(%d)) / %d; median of rounds; "
          "start-up is not in it." % (many, few, many - few))
    print("   over bare: cost minus that of the bare loop. reported: what the tool says one launch "
          "took\n   (median; perf: mean). CPU: user and system of the tool and its launches, "
          "likewise per launch.\n")
    launch = PerLaunch(tacho, floor_binary, folder)
    cost = {name: [] for name in launch.tools}
    cpu = {name: [] for name in launch.tools}
    reported = {name: [] for name in launch.tools}
    memory = {name: 0 for name in launch.tools}
    names = list(launch.tools)
    for turn in range(rounds):
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            small, _ = launch.tools[name](few)
            large, says = launch.tools[name](many)
            cost[name].append((large["mean_us"] - small["mean_us"]) / (many - few))
            cpu[name].append((large["cpu_us"] - small["cpu_us"]) / (many - few))
            memory[name] = max(memory[name], large["maxrss_kb"])
            if says is not None:
                reported[name].append(says)
    direct = floor(floor_binary, many, launch.true)
    reported["bare loop"] = [direct["median_us"]]
    bare = statistics.median(cost["bare loop"])
    peer = statistics.median(cost["hyperfine -N"]) if "hyperfine -N" in cost else None
    rows = []
    for name in names:
        middle = statistics.median(cost[name])
        ratio = "%.2f" % (middle / peer) if peer else "-"
        rows.append([name, "%.0f" % middle, "%.0f..%.0f" % (min(cost[name]), max(cost[name])),
                     "%.0f" % (middle - bare), ratio, "%.0f" % statistics.median(cpu[name]),
                     "%.0f" % statistics.median(reported[name]), "%.1f" % (memory[name] / 1024)])
    table(["", "cost us", "range", "over bare us", "cost / hyperfine", "CPU us",
           "reported us", "peak RSS MB"], rows)


def start_up(tacho, floor_binary, n):
    print("2  Start-up: wall-clock time of `TOOL --version`, n = %d, in microseconds" % n)
    print("   ratio: median over the median of `true`, which does nothing at all.\n")
    commands = [("true", [shutil.which("true")]), ("tacho", [tacho, "--version"])]
    commands += [(p, [shutil.which(p), "--version"]) for p in PEERS if shutil.which(p)]
    rows, base = [], None
    for name, command in commands:
        result = floor(floor_binary, n, *command)
        base = base or result["median_us"]
        rows.append([name, "%.0f" % result["median_us"], "%.0f" % result["min_us"],
                     "%.2f" % (result["median_us"] / base), "%.1f" % (result["maxrss_kb"] / 1024)])
    table(["", "median", "min", "ratio", "peak RSS MB"], rows)


def by_time(command, folder, n):
    """/usr/bin/time: metric -> list of n values."""
    names = ("peak_rss_mb", "minor_faults", "major_faults", "voluntary_switches",
             "involuntary_switches", "user_ms", "system_ms")
    values = {name: [] for name in names}
    out = os.path.join(folder, "time.txt")
    for _ in range(n):
        subprocess.run([shutil.which("time"), "-q", "-o", out, "-f", "%M %R %F %w %c %U %S",
                        *command], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True)
        with open(out, encoding="utf-8") as file:
            fields = [float(x) for x in file.read().split()]
        for name, value, scale in zip(names, fields, (1 / 1024, 1, 1, 1, 1, 1e3, 1e3)):
            values[name].append(value * scale)
    return values


def by_perf(command, folder, n):
    events = {"task-clock": "task_clock_ms", "page-faults": "page_faults",
              "context-switches": "context_switches", "cpu-migrations": "cpu_migrations"}
    values = {name: [] for name in [*events.values(), "user_ms", "system_ms"]}
    out = os.path.join(folder, "perf.txt")
    for _ in range(n):
        subprocess.run(["perf", "stat", "-o", out, "-e", ",".join(events), *command],
                       stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False)
        with open(out, encoding="utf-8") as file:
            text = file.read()
        for event, name in events.items():
            found = re.search(r"([\d,.]+)\s+(?:msec )?%s" % event, text)
            if found:
                values[name].append(float(found.group(1).replace(",", "")))
        for name, word in (("user_ms", "user"), ("system_ms", "sys")):
            found = re.search(r"([\d.]+) seconds %s" % word, text)
            if found:
                values[name].append(float(found.group(1)) * 1e3)
    return values


def by_tacho(tacho, command, folder, n):
    """Reads the figures of each launch back from the JSON: n values of every metric."""
    out = os.path.join(folder, "tacho.json")
    subprocess.run([tacho, "run", "-q", "-n", str(n), "--warmup", "0", "--store",
                    os.path.join(folder, "store"), "--json", "--output", out, "--", *command],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   stdin=subprocess.DEVNULL, check=True)
    with open(out, encoding="utf-8") as file:
        metrics = json.load(file)["metrics"]
    return {name: [m["min"], m["p50"], m["max"]] for name, m in metrics.items()
            if m.get("p50") is not None}


def shown(values, digits):
    if not values:
        return "-"
    middle, low, high = statistics.median(values), min(values), max(values)
    if round(low, digits) == round(high, digits):
        return "%.*f" % (digits, middle)
    return "%.*f (%.*f..%.*f)" % (digits, middle, digits, low, digits, high)


def agreement(tacho, folder, n):
    print("3  Agreement: the same program under each tool, n = %d launches each; median (min..max)"
          % n)
    print("   /usr/bin/time counts from its own fork on; perf's counters and tacho begin at exec "
          "(perf's\n   user and system at its fork). user and system of time have a resolution of "
          "10 ms.\n   '-': that tool does not say.\n")
    data = os.path.join(folder, "lines")
    with open(data, "w", encoding="ascii") as file:
        value = 1
        for _ in range(200000):
            value = value * 6364136223846793005 % (1 << 64) + 1442695040888963407
            file.write("%016x\n" % (value % (1 << 64)))
    programs = [
        ("sort of 200,000 lines", ["sort", "-o", "/dev/null", data]),
        ("a process that touches 64 MB", [sys.executable, "-S", "-c", "b = bytes(64 << 20)"
                                          "; b = bytearray(b'x') * (64 << 20)"]),
        ("a shell with 50 children that sleep 2 ms",
         ["bash", "-c", "for i in {1..50}; do sleep 0.002; done"]),
    ]
    metrics = [("peak_rss_mb", 2), ("minor_faults", 0), ("major_faults", 0), ("page_faults", 0),
               ("voluntary_switches", 0), ("involuntary_switches", 0), ("context_switches", 0),
               ("user_ms", 1), ("system_ms", 1), ("task_clock_ms", 1)]
    for title, command in programs:
        print("  " + title)
        columns = []
        if shutil.which("time"):
            columns.append(("time -v", by_time(command, folder, n)))
        if shutil.which("perf"):
            columns.append(("perf stat", by_perf(command, folder, n)))
        columns.append(("tacho", by_tacho(tacho, command, folder, n)))
        table([""] + [name for name, _ in columns],
              [[metric] + [shown(values.get(metric), digits) for _, values in columns]
               for metric, digits in metrics])


def main():
    arguments = [a for a in sys.argv[1:] if a != "--quick"]
    quick = len(arguments) != len(sys.argv) - 1
    if len(arguments) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    tacho, floor_binary = (os.path.abspath(a) for a in arguments)
    os.environ["LC_ALL"] = "C"
    with tempfile.TemporaryDirectory() as folder:
        machine(tacho)
        per_launch(tacho, floor_binary, folder, 3 if quick else 7, 20, 120 if quick else 420)
        start_up(tacho, floor_binary, 50 if quick else 400)
        agreement(tacho, folder, 5 if quick else 15)
    return 0


if __name__ == "__main__":
    sys.exit(main())
