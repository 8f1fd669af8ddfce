#!/usr/bin/env python3
"""bench/disturb.py: a program with libtacho in it beside the same one with TACHO_DISABLE=1, in turn.

usage: disturb.py DISTURB [--quick]      (bench/disturb.c, built)
"""
import os
import subprocess
import sys

from models import percent


def run(program, turns, is_on):
    env = dict(os.environ, TACHO_DISABLE="0" if is_on else "1")
    out = subprocess.run([program, str(turns)], env=env, stdout=subprocess.PIPE, check=True).stdout
    return [float(word) for word in out.split()]


def main():
    program, is_quick = sys.argv[1], "--quick" in sys.argv[2:]
    rounds, turns = (6, 300) if is_quick else (30, 1000)
    ratios = {"p50": [], "p99": [], "mean": []}
    for index in range(rounds):
        # Who goes first changes, so that drift favours neither.
        order = (True, False) if index % 2 else (False, True)
        taken = {is_on: run(program, turns, is_on) for is_on in order}
        for place, name in enumerate(ratios):
            ratios[name].append(taken[True][place] / taken[False][place])
    print("A turn of about 1 ms with 3 spans, a frame, 2 gauges and a counter in it, over the same with\n"
          "TACHO_DISABLE=1; %d rounds of %d turns each, taking turns; mean of the rounds' ratios less 1,\n"
          "with its 95 %% interval\n" % (rounds, turns))
    for name, values in ratios.items():
        print("  %-5s %s" % (name, percent(values)))


if __name__ == "__main__":
    main()
