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

# In its first ten seconds tacho reads what is in no column of the CSV once a second, then every ten.
SETTLE_S = 10.5
BARE = "bare wake-up"
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


class Monitor:
    """One monitor that runs, or stands still while others are measured."""

    def __init__(self, command, path, interval_s):
        self.path, self.interval_s = path, interval_s
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                        stdin=subprocess.DEVNULL)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def measure(self, seconds):
        """CPU in us per row between two readings, and memory."""
        pid = self.process.pid
        self.process.send_signal(signal.SIGCONT)
        time.sleep(0.3)
        first = after_a_row(self.path, self.interval_s)
        begin_ns = cpu_ns(pid)
        time.sleep(seconds)
        last = after_a_row(self.path, self.interval_s)
        spent_ns = cpu_ns(pid) - begin_ns
        self.pause()
        return spent_ns / 1e3 / (last - first), memory_mb(pid)

    def close(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait()


class Bench:
    def __init__(self, tacho, wake, folder):
        self.tacho, self.wake, self.folder = tacho, wake, folder
        self.target = subprocess.Popen(["sleep", "100000"])  # one pid, no children

    def close(self):
        self.target.kill()
        self.target.wait()

    def start(self, who, interval_s):
        pid = str(self.target.pid)
        path = os.path.join(self.folder, "%s %g.csv" % (who, interval_s))
        if who.startswith("psutil"):
            command = [PYTHON, os.path.join(HERE, "psutil_rows.py"), pid, str(interval_s), path]
        else:
            command = [self.tacho, "monitor", "--pid", pid, "--output", path, "--interval",
                       "%gms" % (interval_s * 1e3)]
            command += (["--store", os.path.join(self.folder, "store")] if "store" in who else
                        ["--no-store"])
        if "no children" in who:
            command.append("--no-children")
        return Monitor(command, path, interval_s)

    def bare(self, interval_s, seconds):
        out = subprocess.run([self.wake, "%.0f" % (interval_s * 1e6), str(seconds)],
                             stdout=subprocess.PIPE, check=True).stdout
        return json.loads(out)["cpu_us"], None


def take_turns(bench, names, interval_s, seconds, rounds):
    """Cost by name, one value a round; memory by name, of the last round."""
    cost, memory = {name: [] for name in names}, {}
    monitors = {name: bench.start(name, interval_s) for name in names if name != BARE}
    try:
        time.sleep(SETTLE_S)
        for monitor in monitors.values():
            monitor.pause()
        for turn in range(rounds):
            for name in names[turn % len(names):] + names[:turn % len(names)]:
                spent_us, used = (bench.bare(interval_s, seconds) if name == BARE else
                                  monitors[name].measure(seconds))
                cost[name].append(spent_us)
                memory[name] = used
    finally:
        for monitor in monitors.values():
            monitor.close()
    return cost, memory


def per_row(bench, quick):
    rounds = 3 if quick else 6
    print("1  CPU time per row, one sleeping process, the eight default columns")
    print("   All threads of the monitor, between two readings of its CPU clock; start-up and the "
          "first %g s are not\n   in it. %d rounds, taking turns, the others stopped: median "
          "(range). psutil / tacho: mean of the rounds' ratios\n   with its 95 %% interval. Goal: at "
          "least 10, and at most 30 us a row. bare wake-up: a loop that sleeps at that\n   pace and "
          "reads nothing; what is above it is the row's. Slow paces find cold caches. Both look for "
          "children,\n   but for the rows that say they do not. RSS: anon is the process' own, "
          "files are libraries.\n" % (SETTLE_S, rounds))
    names = [BARE, "tacho", "tacho, store", "tacho, no children"]
    if PYTHON:
        names += ["psutil", "psutil, no children"]
    for interval_s, seconds in ((0.005, 3), (0.1, 4), (1, 5 if quick else 10)):
        cost, memory = take_turns(bench, names, interval_s, seconds, rounds)
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
    rows = [[BARE, "%.2f %%" % (100 * bare["cpu_us"] / 1e3), bare["n"], "-"] +
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
