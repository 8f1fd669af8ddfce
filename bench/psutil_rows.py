#!/usr/bin/env python3
"""bench/psutil_rows.py: the monitor's default columns as a short script with psutil writes them.

usage: psutil_rows.py PID INTERVAL_S FILE.csv [--no-children]

The fixed rate, one write a row and the sums over the tree are those of `tacho monitor`. The process
and its children are kept between rows, because psutil computes CPU shares by object.
"""
import sys
import time

import psutil

HEADER = ("timestamp,cpu_total_pct,cpu_track_pct,mem_total_mb,mem_used_mb,mem_track_rss_mb,"
          "gpu_util_pct,gpu_mem_used_mb\n")


def main():
    pid, interval_s, path = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    with_children = "--no-children" not in sys.argv
    root = psutil.Process(pid)
    known = {}
    psutil.cpu_percent()
    root.cpu_percent()
    with open(path, "w", buffering=1, encoding="ascii") as out:
        out.write(HEADER)
        due = time.monotonic() + interval_s
        while True:
            time.sleep(max(0, due - time.monotonic()))
            due += interval_s
            total = psutil.cpu_percent()
            memory = psutil.virtual_memory()
            tree = [root]
            if with_children:
                found = {child.pid: child for child in root.children(recursive=True)}
                known = {key: known.get(key, child) for key, child in found.items()}
                tree += known.values()
            cpu = rss = 0
            for process in tree:
                try:
                    with process.oneshot():
                        cpu += process.cpu_percent()
                        rss += process.memory_info().rss
                except psutil.NoSuchProcess:
                    if process is root:
                        return
            out.write("%.3f,%.1f,%.1f,%.1f,%.1f,%.1f,,\n" % (
                time.time(), total, cpu, memory.total / 1048576,
                (memory.total - memory.available) / 1048576, rss / 1048576))


if __name__ == "__main__":
    main()
