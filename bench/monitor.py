#!/usr/bin/env python3
"""bench/monitor.py: what a row of `tacho monitor` costs, beside psutil and a bare wake-up, in one run.

usage: monitor.py TACHO WAKE [--quick]

WAKE is bench/wake.c, a loop that only wakes up; bench/psutil_rows.py is the peer. Prints
definitions, n and ratios; it asserts nothing.
"""
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from models import interval
from overhead import machine, table

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = next((p for p in ("/usr/bin/python3", sys.executable) if os.path.exists(p) and
               subprocess.run([p, "-c", "import psutil"], stderr=subprocess.DEVNULL,
                              check=False).returncode == 0), None)


def cpu_ns(pid):
    """CPU time of all threads: clock_getcpuclockid(3) as the kernel encodes it."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def memory_mb(pid):
    """RSS, its anonymous part and its part of files (text of libraries, shared with everybody)."""
    fields = {}
    with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as file:
        for line in file:
            name, _, value = line.partition(":")
            fields[name] = value
    return [int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon", "RssFile")]


def rows_in(path):
    try:
        with open(path, "rb") as file:
            return file.read().count(b"\n")
    except OSError:
        return 0


def after_a_row(path, interval_s):
    """Waits for a row, and half an interval more: no row is cut by a reading. Returns their number."""
    before = rows_in(path)
    while rows_in(path) == before:
        time.sleep(min(interval_s / 10, 0.02))
    time.sleep(min(interval_s / 2, 0.05))
    return rows_in(path)


class Bench:
    def __init__(self, tacho, wake, folder):
        self.tacho, self.wake, self.folder = tacho, wake, folder
        self.target = subprocess.Popen(["sleep", "100000"])  # one pid, no children

    def close(self):
        self.target.kill()
        self.target.wait()

    def command(self, who, interval_s, path):
        pid = str(self.target.pid)
        if who.startswith("psutil"):
            return [PYTHON, os.path.join(HERE, "psutil_rows.py"), pid, str(interval_s), path] + (
                ["--no-children"] if "no children" in who else [])
        command = [self.tacho, "monitor", "--pid", pid, "--interval", "%gms" % (interval_s * 1e3),
                   "--output", path]
        if "no children" in who:
            command.append("--no-children")
        return command + (["--store", os.path.join(self.folder, "store")] if "store" in who
                          else ["--no-store"])

    def row(self, who, interval_s, seconds):
        """CPU in us per row between two readings (start-up is before the first), and memory."""
        if who == "bare wake-up":
            out = subprocess.run([self.wake, "%.0f" % (interval_s * 1e6), str(seconds)],
                                 stdout=subprocess.PIPE, check=True).stdout
            return json.loads(out)["cpu_us"], None
        path = os.path.join(self.folder, "rows.csv")
        if os.path.exists(path):
            os.remove(path)
        with subprocess.Popen(self.command(who, interval_s, path), stdout=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL) as process:
            try:
                time.sleep(0.5)
                first = after_a_row(path, interval_s)
                begin_ns = cpu_ns(process.pid)
                time.sleep(seconds)
                last = after_a_row(path, interval_s)
                spent_ns = cpu_ns(process.pid) - begin_ns
                memory = memory_mb(process.pid)
            finally:
                process.send_signal(signal.SIGINT)
        return spent_ns / 1e3 / (last - first), memory


def per_row(bench, quick):
    rounds = 3 if quick else 5
    print("1  CPU time per row, one sleeping process, the eight default columns")
    print("   All threads of the monitor, between two readings of its CPU clock; start-up is not in "
          "it. %d rounds,\n   taking turns: median (range). psutil / tacho: mean of the rounds' "
          "ratios with its 95 %% interval; goal:\n   at least 10, and at most 30 us a row. bare "
          "wake-up: a loop that sleeps at that pace and reads nothing;\n   what is above it is the "
          "row's. Slow paces find cold caches. With children both look for them.\n" % rounds)
    for interval_s, seconds in ((0.005, 2 if quick else 4), (0.1, 3 if quick else 5),
                                (1, 4 if quick else 8)):
        names = ["bare wake-up", "tacho", "tacho, store", "tacho, no children"]
        if PYTHON:
            names += ["psutil", "psutil, no children"]
        cost, memory = {name: [] for name in names}, {}
        for turn in range(rounds):
            for name in names[turn % len(names):] + names[:turn % len(names)]:
                spent_us, used = bench.row(name, interval_s, seconds)
                cost[name].append(spent_us)
                memory[name] = used or memory.get(name)
        rows = []
        for name in names:
            peer = cost.get(name.replace("tacho", "psutil").replace(", store", ""))
            ratio = "-"
            if peer and name.startswith("tacho"):
                mean, half = interval([p / own for p, own in zip(peer, cost[name])])
                ratio = "%.1f +-%.1f" % (mean, half)
            rows.append([name, "%.1f" % statistics.median(cost[name]),
                         "%.1f..%.1f" % (min(cost[name]), max(cost[name])), ratio] +
                        (["%.1f" % mb for mb in memory[name]] if memory[name] else ["-"] * 3))
        print("  one row every %g ms" % (interval_s * 1e3))
        table(["", "CPU us a row", "range", "psutil / tacho", "RSS MB", "anon", "files"], rows)


def at_1_khz(bench, quick):
    seconds = 10 if quick else 60
    print("2  1 kHz for %d s: share of one core, and how late ticks were\n"
          "   Goal: at most 2 %% of a core. The bare wake-up ran right before; RSS after 2 s and at "
          "the end.\n" % seconds)
    bare = json.loads(subprocess.run([bench.wake, "1000", str(seconds)], stdout=subprocess.PIPE,
                                     check=True).stdout)
    path = os.path.join(bench.folder, "khz.csv")
    command = [bench.tacho, "monitor", "--pid", str(bench.target.pid), "--interval", "1ms",
               "--duration", "%ds" % (seconds + 2), "--no-store", "--json", "--output", path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        time.sleep(2)
        early, begin_ns, begin_s = memory_mb(process.pid), cpu_ns(process.pid), time.monotonic()
        time.sleep(seconds - 2)
        spent_ns, passed_s = cpu_ns(process.pid) - begin_ns, time.monotonic() - begin_s
        late = memory_mb(process.pid)
        run = json.loads(process.communicate()[0])
    facts = run["workload"]
    rows = [["bare wake-up", "%.2f %%" % (100 * bare["cpu_us"] / 1e3), bare["n"], "-"] +
            ["%.3f" % bare["late_%s_ms" % key] for key in ("p50", "p99", "max")] + ["-", "-"],
            ["tacho", "%.2f %%" % (100 * spent_ns / 1e9 / passed_s), rows_in(path) - 1,
             facts.get("ticks_missed", "-")] +
            ["%.3f" % facts["tick_late_%s_ms" % key] if "tick_late_%s_ms" % key in facts else "-"
             for key in ("p50", "p99", "max")] + ["%.1f, %.1f" % (early[0], late[0]),
                                                  "%.1f, %.1f" % (early[1], late[1])]]
    table(["", "of a core", "rows", "missed", "late p50 ms", "p99", "max", "RSS MB", "anon"], rows)


def main():
    arguments = [a for a in sys.argv[1:] if a != "--quick"]
    quick = len(arguments) != len(sys.argv) - 1
    if len(arguments) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    tacho, wake = (os.path.abspath(a) for a in arguments)
    if not PYTHON:
        print("bench: psutil is not here, its rows are left out (package: python3-psutil)",
              file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        machine(tacho)
        bench = Bench(tacho, wake, folder)
        try:
            per_row(bench, quick)
            at_1_khz(bench, quick)
        finally:
            bench.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
