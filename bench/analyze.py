#!/usr/bin/env python3
"""bench/analyze.py: percentiles of a column by group over a table of ten million rows, and of a latency
in the lines of a log: tacho, DuckDB, pandas, Miller, Python, awk and ripgrep side by side, in one run.

usage: analyze.py TACHO ROWS LINES PEERS [--quick]

ROWS is bench/rows.c, LINES bench/lines.c, PEERS a folder whose node_modules has @duckdb/node-api. What
is not here is left out. Prints definitions, n and ratios; it asserts nothing but that all come to the same numbers.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from models import interval
from overhead import machine, table

HERE = os.path.dirname(os.path.abspath(__file__))
PANDAS = """
import sys, pandas
frame = pandas.read_csv(sys.argv[1], usecols=["stage", "latency_us"])
result = frame.groupby("stage")["latency_us"].quantile([0.5, 0.99]).unstack()
print({stage: list(row) for stage, row in zip(result.index, result.values)})
"""
PYTHON_RE = """
import re, sys
find = re.compile(r"inference latency: ([0-9.]+) ms").search
found = (find(line) for line in open(sys.argv[1], encoding="utf-8"))
print(*[match[1] for match in found if match], sep="\\n")
"""
AWK = """{
    at = index($0, "inference latency: ")
    if (at) { rest = substr($0, at + 19); print substr(rest, 1, index(rest, " ") - 1) }
}"""
SHARES = (0.5, 0.95, 0.99)


def run(command, **options):
    """(output, wall s, CPU s, peak RSS MB) of one process."""
    out = tempfile.TemporaryFile()
    begin = time.monotonic()
    pid = subprocess.Popen(command, stdout=out, **options).pid
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - begin
    if status != 0:
        raise RuntimeError("%s: status %d" % (command[0], status))
    out.seek(0)
    return out.read().decode(), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def tacho(program, path, threads):
    out, wall, cpu, rss = run([program, "analyze", "latency", path, "--column", "latency_us",
                               "--group-by", "stage", "--threads", str(threads), "--json"])
    rows = json.loads(out)["tables"]["groups"]["rows"]
    return {row["group"]: [row["p50_ms"] * 1e3, row["p99_ms"] * 1e3] for row in rows}, wall, cpu, rss


def duckdb(peers, path, threads, kind):
    out, _, cpu, rss = run(["node", os.path.join(peers, "duckdb.mjs"), path, str(threads), kind])
    told = json.loads(out)
    groups = {row[0]: [float(row[2][0]), float(row[2][3])] for row in told["rows"]}
    return groups, told["seconds"], cpu, rss


def check(groups, reference, bound):
    """The largest difference of any p50 or p99 of a group, in percent."""
    worst = max(100 * abs(ours / theirs - 1) for stage in reference
                for ours, theirs in zip(groups[stage], reference[stage]))
    if worst > bound:
        raise RuntimeError("results differ by %.3f %%" % worst)
    return worst


def quantiles(text):
    """Of the numbers in a text, as numpy has them."""
    values = sorted(map(float, text.split()))
    ranks = [share * (len(values) - 1) for share in SHARES]
    return [values[int(r)] + (r - int(r)) * (values[min(int(r) + 1, len(values) - 1)] - values[int(r)])
            for r in ranks]


def tacho_lines(program, path, threads):
    out, wall, cpu, rss = run([program, "analyze", "logs", path, "--threads", str(threads), "--json"])
    rows = {row["label"]: row for row in json.loads(out)["tables"]["latencies"]["rows"]}
    row = rows["inference latency"]
    return {"all": [row["p50_ms"], row["p95_ms"], row["p99_ms"]]}, wall, cpu, rss


def duckdb_lines(peers, path, threads):
    out, _, cpu, rss = run(["node", os.path.join(peers, "duckdb.mjs"), path, str(threads), "lines"])
    told = json.loads(out)
    return {"all": [float(value) for value in told["rows"][0][2]]}, told["seconds"], cpu, rss


def finder(command, path):
    """Of what only finds the numbers: their percentiles are counted outside of its time."""
    out, wall, cpu, rss = run(command + [path])
    return {"all": quantiles(out)}, wall, cpu, rss


def measure(contestants, rounds):
    """Name: list of (wall, cpu, rss), taking turns."""
    results, groups = {name: [] for name, _ in contestants}, {}
    for _ in range(rounds):
        for name, function in contestants:
            groups[name], *figures = function()
            results[name].append(figures)
    return results, groups


def write(path, program, *arguments):
    """The file, in the page cache. Its size."""
    with open(path, "wb") as file:
        subprocess.run([program, *arguments], stdout=file, check=True)
    with open(path, "rb") as file:
        while file.read(1 << 20):
            pass
    return os.path.getsize(path)


def has_duckdb(peers):
    return shutil.which("node") and os.path.isdir(os.path.join(peers, "node_modules"))


def tables(program, rows_program, peers, folder, is_quick):
    rows, cpus = 1000000 if is_quick else 10000000, len(os.sched_getaffinity(0))
    path = os.path.join(folder, "rows.csv")
    size = write(path, rows_program, str(rows))
    contestants = [("tacho, 1 thread", lambda: tacho(program, path, 1)),
                   ("tacho, %d threads" % cpus, lambda: tacho(program, path, cpus))]
    if has_duckdb(peers):
        for threads in (1, cpus):
            for kind in ("exact", "approx"):
                contestants.append(("DuckDB %s, %d thread%s" % (kind, threads,
                                                              "s" if threads > 1 else ""),
                                    lambda threads=threads, kind=kind:
                                    duckdb(peers, path, threads, kind)))
    results, groups = measure(contestants, 3 if is_quick else 7)
    slow = []
    python = "/usr/bin/python3"
    if subprocess.run([python, "-c", "import pandas"], stderr=subprocess.DEVNULL,
                      check=False).returncode == 0:
        slow.append(("pandas", lambda: ({}, *run([python, "-c", PANDAS, path])[1:])))
    if shutil.which("mlr"):
        slow.append(("Miller", lambda: ({}, *run(["mlr", "--icsv", "--ojson", "stats1", "-a",
                                                "p50,p99", "-f", "latency_us", "-g", "stage",
                                                path])[1:])))
    results.update(measure(slow, 1)[0])
    os.remove(path)
    print("\n1  p50 to p99.9 of latency_us by stage (8 groups), %d rows, %.0f MB, in the page cache.\n"
          "   tacho: the whole process, with trends, windows and intervals (tacho analyze latency\n"
          "   --json); DuckDB: the query alone; pandas and Miller: the whole process, p50 and p99.\n"
          "   Median of n rounds that take turns; ratio: of each round's wall times, mean with its\n"
          "   95 %% interval.\n" % (rows, size / 1e6))
    show(results, size)
    exact = [name for name in groups if name.startswith("DuckDB exact")]
    if exact:
        for name in groups:
            if name.startswith("tacho"):
                print("   %s: p50 and p99 within %.3f %% of DuckDB's exact ones" %
                      (name, check(groups[name], groups[exact[0]], 0.4)))


def lines(program, lines_program, peers, folder, is_quick):
    count, cpus = 1000000 if is_quick else 4000000, len(os.sched_getaffinity(0))
    path = os.path.join(folder, "lines.log")
    size = write(path, lines_program, str(count))
    contestants = [("tacho, 1 thread", lambda: tacho_lines(program, path, 1)),
                   ("tacho, %d threads" % cpus, lambda: tacho_lines(program, path, cpus))]
    if has_duckdb(peers):
        for threads in (1, cpus):
            contestants.append(("DuckDB, %d thread%s" % (threads, "s" if threads > 1 else ""),
                                lambda threads=threads: duckdb_lines(peers, path, threads)))
    find = r"inference latency: ([0-9.]+) ms"
    for name, command in (("Python re", ["/usr/bin/python3", "-c", PYTHON_RE]),
                          ("awk", ["awk", AWK]), ("ripgrep", ["rg", "-oNI", find, "-r", "$1"])):
        if shutil.which(command[0]):
            contestants.append((name, lambda command=command: finder(command, path)))
    results, groups = measure(contestants, 3 if is_quick else 7)
    print("\n2  p50, p95 and p99 of a latency in a log: %d lines of six forms, %.0f MB, in the page cache,\n"
          "   every third with that latency. tacho: the whole process, with all other latencies and\n"
          "   numbers, messages, gaps and what came before spikes (tacho analyze logs --json), for which\n"
          "   it reads the log twice; DuckDB: read_csv and regexp_extract of one pattern, the query alone;\n"
          "   Python, awk and ripgrep: finding the numbers of one pattern, without their percentiles.\n"
          "   n and ratio as above.\n" % (count, size / 1e6))
    show(results, size)
    # tacho has a histogram beyond four million values; here are fewer, and all of them exact.
    for name in groups:
        check(groups[name], groups["tacho, 1 thread"], 1e-9)
    print("   all come to the same percentiles: %s ms" %
          ", ".join("%.4g" % value for value in groups["tacho, 1 thread"]["all"]))


def main():
    program, rows_program, lines_program, peers = (os.path.abspath(argument)
                                                   for argument in sys.argv[1:5])
    is_quick = "--quick" in sys.argv
    machine(program)
    with tempfile.TemporaryDirectory() as folder:
        tables(program, rows_program, peers, folder, is_quick)
        lines(program, lines_program, peers, folder, is_quick)


def show(results, size):
    base = [figures[0] for figures in results["tacho, 1 thread"]]
    head, lines = ["", "n", "wall s", "CPU s", "MB/s", "peak MB", "wall / tacho 1 thread"], []
    for name, figures in results.items():
        wall = [figure[0] for figure in figures]
        median = statistics.median(wall)
        ratio = "%.2f" % (median / statistics.median(base))
        if len(wall) == len(base) and len(wall) > 1 and wall is not base:
            ratios = [theirs / ours for theirs, ours in zip(wall, base)]
            ratio = "%.2f +-%.2f" % interval(ratios)
        lines.append((name, str(len(wall)), "%.3f" % median,
                      "%.3f" % statistics.median(figure[1] for figure in figures),
                      "%.0f" % (size / 1e6 / median),
                      "%.0f" % max(figure[2] for figure in figures), ratio))
    table(head, lines)


if __name__ == "__main__":
    main()
