#!/usr/bin/env python3
"""bench/analyze.py: percentiles of a column by group over a table of ten million rows: tacho, DuckDB,
pandas and Miller side by side, in one run.

usage: analyze.py TACHO ROWS PEERS [--quick]

ROWS is bench/rows.c, PEERS a folder whose node_modules has @duckdb/node-api. What is not here is left
out. Prints definitions, n and ratios; it asserts nothing but that all come to the same numbers.
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


def measure(contestants, rounds):
    """Name: list of (wall, cpu, rss), taking turns."""
    results, groups = {name: [] for name, _ in contestants}, {}
    for _ in range(rounds):
        for name, function in contestants:
            groups[name], *figures = function()
            results[name].append(figures)
    return results, groups


def main():
    program, rows_program, peers = (os.path.abspath(argument) for argument in sys.argv[1:4])
    is_quick = "--quick" in sys.argv
    rows = 1000000 if is_quick else 10000000
    cpus = len(os.sched_getaffinity(0))
    machine(program)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rows.csv")
        with open(path, "wb") as file:
            subprocess.run([rows_program, str(rows)], stdout=file, check=True)
        size = os.path.getsize(path)
        with open(path, "rb") as file:  # into the page cache
            while file.read(1 << 20):
                pass
        contestants = [("tacho, 1 thread", lambda: tacho(program, path, 1)),
                       ("tacho, %d threads" % cpus, lambda: tacho(program, path, cpus))]
        if shutil.which("node") and os.path.isdir(os.path.join(peers, "node_modules")):
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
        show(results, groups, rows, size)


def show(results, groups, rows, size):
    print("\n1  p50 to p99.9 of latency_us by stage (8 groups), %d rows, %.0f MB, in the page cache.\n"
          "   tacho: the whole process, with trends, windows and intervals (tacho analyze latency\n"
          "   --json); DuckDB: the query alone; pandas and Miller: the whole process, p50 and p99.\n"
          "   Median of n rounds that take turns; ratio: of each round's wall times, mean with its\n"
          "   95 %% interval.\n" % (rows, size / 1e6))
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
    exact = [name for name in groups if name.startswith("DuckDB exact")]
    if exact:
        for name in groups:
            if name.startswith("tacho"):
                print("   %s: p50 and p99 within %.3f %% of DuckDB's exact ones" %
                      (name, check(groups[name], groups[exact[0]], 0.4)))


if __name__ == "__main__":
    main()
