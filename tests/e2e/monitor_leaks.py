#!/usr/bin/env python3
"""monitor_leaks.py: does `tacho monitor` find planted leaks, and none where there is none? Real processes
that take and give back memory, each watched by a tacho of its own, all at the same time.

usage: monitor_leaks.py TACHO [SECONDS [FLAT [EACH]]]      (240, at least 190; 20; 5)

FLAT programs leak nothing: noise, a saw-tooth, a start-up, a level that wanders and comes back. EACH
leak 2 MB a minute under noise, and as many 20 MB. Prints a table; exit status 1 where a flat one is
called a leak, a leak is not found, or more than one in five of their slopes lies outside of its interval
of 95 %.
"""
import json
import math
import mmap
import os
import random
import subprocess
import sys
import tempfile
import time

BLOCK = 64 << 10
STEP_S = 0.5
FLATS = ("noise", "saw-tooth", "start-up", "wander")


class Level:
    """So much memory, exactly: blocks that are mapped and touched, and unmapped again."""

    def __init__(self):
        self.blocks = []

    def set(self, mb):
        wanted = max(0, int(mb * (1 << 20) / BLOCK))
        while len(self.blocks) > wanted:
            self.blocks.pop().close()
        while len(self.blocks) < wanted:
            block = mmap.mmap(-1, BLOCK, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            block.write(b"x" * BLOCK)
            self.blocks.append(block)


def levels(kind, chance):
    """Yields the level above the program's own, MB, as a function of the time in seconds."""
    period, wander = chance.uniform(8, 25), 0.0
    while True:
        t = yield
        wander = 0.9 * wander + chance.gauss(0, 0.65)
        if kind == "noise":
            above = chance.gauss(0, 2)
        elif kind == "saw-tooth":
            above = 50 * (t % period) / period + chance.gauss(0, 0.3)
        elif kind == "start-up":
            above = 60 * (1 - math.exp(-t / 6)) + chance.gauss(0, 1)
        elif kind == "wander":
            above = wander
        else:  # a leak, MB a minute
            above = float(kind) * t / 60 + chance.gauss(0, 0.5)
        yield 40 + above


def be_program(kind, seed):
    chance, level, begin = random.Random(int(seed)), Level(), time.monotonic()
    source, steps = levels(kind, chance), 0
    while True:
        next(source)
        level.set(source.send(time.monotonic() - begin))
        steps += 1
        time.sleep(max(0, begin + steps * STEP_S - time.monotonic()))


def start(tacho, kind, seed, seconds, folder):
    name = os.path.join(folder, "%s-%d.json" % (kind, seed))
    with open(name, "w") as out:
        watch = subprocess.Popen([tacho, "monitor", "--json", "--no-store", "--no-auto", "--interval",
                                  "1s", "--duration", "%ds" % seconds, "--", sys.executable,
                                  os.path.abspath(__file__), "--program", kind, str(seed)],
                                 stdout=out)
    return kind, name, watch


def read(kind, name):
    with open(name) as file:
        run = json.load(file)
    found = next(one for one in run["findings"] if one["rule"] == "memory_growth")
    # Of what it judges, only leaks are warnings.
    return {"kind": kind, "slope": found["value"], "interval": found["interval"],
            "is_leak": found["severity"] == "warning", "sentence": found["sentence"]}


def tell(result):
    """Prints a row; returns whether it is wrong, and whether the interval misses the slope."""
    planted = 0.0 if result["kind"] in FLATS else float(result["kind"])
    is_wrong = result["is_leak"] != (planted > 0)
    low, high = result["interval"] or (float("nan"), float("nan"))
    is_outside = planted > 0 and not low <= planted <= high
    print("%-10s %8.2f %8.2f %8.2f to %6.2f  %s%s" % (
        result["kind"], planted, float("nan") if result["slope"] is None else result["slope"], low, high,
        "leak" if result["is_leak"] else "none",
        "   BAD: " + result["sentence"] if is_wrong else "   outside" if is_outside else ""))
    return is_wrong, is_outside


def main(argv):
    tacho = os.path.abspath(argv[1])
    seconds, flat, each = [int(argv[i]) if len(argv) > i else default
                           for i, default in ((2, 240), (3, 20), (4, 5))]
    kinds = [FLATS[i % len(FLATS)] for i in range(flat)] + ["2"] * each + ["20"] * each
    with tempfile.TemporaryDirectory() as folder:
        watches = [start(tacho, kind, i, seconds, folder) for i, kind in enumerate(kinds)]
        for _, _, watch in watches:
            watch.wait()
        results = [read(kind, name) for kind, name, _ in watches]
    print("%-10s %8s %8s %18s  %s" % ("MB/min", "planted", "slope", "95 %", "verdict"))
    judged = [tell(result) for result in results]
    return 1 if any(wrong for wrong, _ in judged) or sum(out for _, out in judged) > 2 * each / 5 else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--program"]:
        be_program(*sys.argv[2:4])
    sys.exit(main(sys.argv))
