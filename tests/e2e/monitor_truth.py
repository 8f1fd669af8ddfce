#!/usr/bin/env python3
"""monitor_truth.py: does `tacho monitor` tell the truth? Programs whose use of CPU and memory the kernel
accounts for, watched for half a minute each; its account beside tacho's.

usage: monitor_truth.py TACHO [SECONDS]      (30)

Each program starts tacho on itself and waits until it says that it watches, works, and ends tacho; the
kernel's account is getrusage(2) of the program and the children that it waited for, over the same time.
Prints a table; exit status 1 where CPU time differs by more than 0.5 % (and 20 ms, two ticks), or
memory by more than 1 %.
"""
import concurrent.futures
import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time


def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def duty_cycle(until):
    """37 % of a core, in turns of 10 ms."""
    while time.monotonic() < until:
        spin(0.0037)
        time.sleep(0.0063)


def threads(until):
    """Four threads, in and out of C code that needs no lock."""
    import hashlib
    block = bytes(1 << 20)

    def work():
        while time.monotonic() < until:
            hashlib.sha256(block).digest()
            time.sleep(0.002)
    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def workers_that_come_and_go(until):
    """Forked workers of 50 to 250 ms, two at a time."""
    context = multiprocessing.get_context("fork")
    running, length = [], 0
    while time.monotonic() < until:
        if len(running) < 2:
            length = (length + 0.05) % 0.25
            running.append(context.Process(target=spin, args=(0.05 + length,)))
            running[-1].start()
        for worker in [worker for worker in running if not worker.is_alive()]:
            worker.join()
            running.remove(worker)
        time.sleep(0.005)
    for worker in running:
        worker.join()


def memory(until):
    """A hundred megabytes, touched."""
    block = bytearray(b"x") * (100 << 20)
    while time.monotonic() < until:
        time.sleep(0.05)
    return block


def used_s():
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    return total


def rss_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def watch_oneself(tacho, work, seconds):
    """In a process of its own: {"kernel_s", "tacho_s", "kernel_mb", "tacho_mb"}"""
    with tempfile.TemporaryDirectory() as folder:
        # What is measured must not hold tacho's account: it is started by a helper, not by us.
        csv = os.path.join(folder, "rows.csv")
        out = os.path.join(folder, "run.json")
        command = [tacho, "monitor", "--pid", str(os.getpid()), "--interval", "100ms", "--output",
                   csv, "--json", "--no-store"]
        shell = subprocess.Popen(["sh", "-c", 'exec 3>&1; "$@" >"$OUT" 2>/dev/null & echo $! >&3',
                                  "sh", *command], env=dict(os.environ, OUT=out),
                                 stdout=subprocess.PIPE)
        watcher = int(shell.stdout.readline())
        shell.wait()
        while not os.path.exists(csv) or os.path.getsize(csv) < 200:
            time.sleep(0.01)
        before = used_s()
        held = work(time.monotonic() + seconds)
        kernel_s, kernel_mb = used_s() - before, rss_mb()
        time.sleep(0.25)  # one more row stands behind the work
        del held
        os.kill(watcher, signal.SIGTERM)  # sh lets what it puts behind ignore SIGINT
        while os.path.exists("/proc/%d" % watcher):
            time.sleep(0.01)
        with open(out) as file:
            run = json.load(file)
        rss = run["metrics"]["mem_track_rss_mb"]
        return {"kernel_s": kernel_s, "tacho_s": run["workload"]["cpu_time_s"],
                "before_s": before, "kernel_mb": kernel_mb, "tacho_mb": rss["max"]}


def main():
    tacho = os.path.abspath(sys.argv[1])
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 30.0
    context, bad = multiprocessing.get_context("spawn"), 0
    print("%-26s %10s %10s %9s   %9s %9s" % ("", "kernel s", "tacho s", "differ", "kernel MB",
                                           "tacho MB"))
    for work in (duty_cycle, threads, workers_that_come_and_go, memory):
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            got = pool.submit(watch_oneself, tacho, work, seconds).result()
        differ_s = got["tacho_s"] - got["kernel_s"]
        is_bad = abs(differ_s) > max(0.005 * got["kernel_s"], 0.02)
        if work is memory:
            is_bad = is_bad or abs(got["tacho_mb"] / got["kernel_mb"] - 1) > 0.01
        bad += is_bad
        print("%-26s %10.3f %10.3f %8.2f %%   %9.1f %9.1f%s" % (
            work.__name__, got["kernel_s"], got["tacho_s"], 100 * differ_s / got["kernel_s"],
            got["kernel_mb"], got["tacho_mb"], "   BAD" if is_bad else ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
