#!/usr/bin/env python3
"""bench/models.py: whether what tacho says about models is true, side by side in one run.

usage: models.py TACHO ORT_FLOOR ENGINES [--quick]

ORT_FLOOR is bench/ort_floor.c: a bare loop over the same C API. ENGINES: folders of ONNX Runtime,
newest first, ':' between. Prints definitions, n and ratios; it asserts nothing.
"""
import json
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from overhead import machine, table

# Two-sided 95 % points of Student's t by degrees of freedom; beyond, the normal's.
T_95 = {1: 12.71, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262,
        10: 2.228, 11: 2.201, 12: 2.179, 13: 2.160, 14: 2.145, 15: 2.131, 19: 2.093, 23: 2.069}


def interval(values):
    """Mean and the half-width of its 95 % interval (Student's t)."""
    mean = statistics.mean(values)
    if len(values) < 2:
        return mean, math.nan
    near = min(T_95, key=lambda df: abs(df - (len(values) - 1)))
    return mean, T_95[near] * statistics.stdev(values) / math.sqrt(len(values))


def percent(ratios):
    mean, half = interval(ratios)
    return "%+.2f %% +-%.2f" % (100 * (mean - 1), 100 * half)


class Bench:
    def __init__(self, tacho, floor_binary, engines, folder, quick):
        self.tacho, self.floor_binary, self.engines = tacho, floor_binary, engines
        self.folder, self.quick = folder, quick
        self.store = os.path.join(folder, "store")

    def command(self, engine, *arguments):
        env = dict(os.environ, TACHO_ORT=engine)
        command = [self.tacho, "run", "-q", "--json", "--store", self.store, *arguments]
        return command, env

    def run(self, engine, *arguments):
        """Runs tacho; returns the run."""
        command, env = self.command(engine, *arguments)
        result = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                stdin=subprocess.DEVNULL, check=False)
        if result.returncode not in (0, 1, 3):
            sys.exit("%s: exit status %d: %s" % (" ".join(command), result.returncode,
                                                 result.stderr.decode("utf-8", "replace")))
        return json.loads(result.stdout)

    def floor(self, engine, model, n, warmup, threads, *rest):
        out = subprocess.run([self.floor_binary, os.path.join(engine, "libonnxruntime.so.1"), model,
                              str(n), str(warmup), str(threads), *rest], stdout=subprocess.PIPE,
                             stdin=subprocess.DEVNULL, check=True).stdout
        return json.loads(out)

    def model_file(self, *arguments):
        """Where the model is that tacho takes for these arguments."""
        run = self.run(self.engines[0], "-n", "1", "--warmup", "0", *arguments)
        return run["workload"]["model"]


def version_of(run):
    return run["workload"].get("engine_version", "?")


def overhead(bench):
    rounds, n = (5, 100) if bench.quick else (24, 200)
    print("1  Latency measured by tacho over that of a bare loop (bench/ort_floor.c)")
    print("   tacho run detector -n %d --warmup 20, and as many calls in the bare loop, same library, "
          "file and threads;\n   %d rounds of one process each, taking turns. Ratio of the two mean "
          "(median, smallest) latencies of a round:\n   mean over the rounds with its 95 %% interval, "
          "less 1. Goal: within 1 %%.\n" % (n, rounds))
    model = bench.model_file("detector")
    rows = []
    for engine in bench.engines[:2]:
        for threads in (1, 2):
            ratios, bare, name = {"mean": [], "median": [], "min": []}, [], ""
            for turn in range(rounds):
                for who in (("tacho", "bare") if turn % 2 else ("bare", "tacho")):
                    if who == "bare":
                        figures = bench.floor(engine, model, n, 20, threads)
                    else:
                        latency = bench.run(engine, "-n", str(n), "--warmup", "20", "--threads",
                                            str(threads), model)["metrics"]["latency_ms"]
                for key, own in (("mean", "mean"), ("median", "p50"), ("min", "min")):
                    ratios[key].append(latency[own] / figures[key + "_ms"])
                bare.append(figures["median_ms"])
                name = figures["version"]
            rows.append([name, threads, "%.3f" % statistics.median(bare)] +
                        [percent(ratios[key]) for key in ratios])
    table(["ONNX Runtime", "threads", "bare median ms", "mean", "median", "smallest"], rows)


def variants(bench):
    n = 100 if bench.quick else 400
    print("2  Variants of the detector, one thread, n = %d each; outputs as tacho compares them with "
          "fp32's\n   on the same input\n" % n)
    rows, base = [], None
    for precision in ("fp32", "fp16", "int8"):
        run = bench.run(bench.engines[0], "-n", str(n), "--threads", "1", "--precision", precision,
                        "detector")
        latency = run["metrics"]["latency_ms"]
        base = base or latency["p50"]
        differences = [re.sub(".* fp32 model by ", "", f["sentence"]) for f in run["findings"]
                       if "output" in f["rule"]]
        rows.append([precision, "%.3f" % latency["p50"], "%.2f" % (latency["p50"] / base),
                     run["workload"].get("compute_precision") or "-",
                     differences[0] if differences else "-"])
    table(["", "p50 ms", "/ fp32", "computed in", "outputs differ by"], rows)


def worker_of(pid):
    """The process below pid that has the engine loaded."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry, encoding="ascii", errors="replace") as file:
                    parents[int(entry)] = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    for child in parents:
        above = child
        while above in parents and above != pid:
            above = parents[above]
        if above != pid or child == pid:
            continue
        try:
            with open("/proc/%d/maps" % child, encoding="utf-8", errors="replace") as file:
                if "libonnxruntime" in file.read():
                    return child
        except OSError:
            pass
    return None


def with_stall(bench, seconds, stall_s, *arguments):
    """A run in whose middle the worker stands still."""
    command, env = bench.command(bench.engines[0], "--duration", str(seconds), "--threads", "1",
                                 *arguments, "classifier")
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL) as process:
        time.sleep(seconds / 2)
        worker = worker_of(process.pid)
        if worker is not None:
            os.kill(worker, signal.SIGSTOP)
            time.sleep(stall_s)
            os.kill(worker, signal.SIGCONT)
        out = process.communicate()[0]
    return json.loads(out) if worker is not None and out else None


def stalls(bench):
    seconds, stall_s = (8, 2) if bench.quick else (20, 2)
    print("3  A stall of %d s (SIGSTOP to the worker) in a run of %d s: the closed loop asks less "
          "often while it\n   waits, so that one call in thousands shows it; the open loop counts "
          "from when each should have begun\n" % (stall_s, seconds))
    capacity = bench.run(bench.engines[0], "-n", "300", "--threads", "1",
                         "classifier")["metrics"]["latency_ms"]["mean"]
    rate = "%.0f" % (0.3 * 1000 / capacity)
    rows = []
    for name, arguments in (("closed loop", []), ("open loop, %s/s" % rate, ["--rate", rate])):
        for stalled in (False, True):
            if stalled:
                run = with_stall(bench, seconds, stall_s, *arguments)
            else:
                run = bench.run(bench.engines[0], "--duration", str(seconds), "--threads", "1",
                                *arguments, "classifier")
            if run is None:
                print("   (the worker was not found)\n")
                continue
            latency = run["metrics"]["latency_ms"]
            rows.append([name + (", stalled" if stalled else ""), latency["n"]] + [
                "-" if latency.get(key) is None else "%.3f" % latency[key]
                for key in ("p50", "p99", "max")])
    table(["latency_ms", "n", "p50", "p99", "max"], rows)


def coverage(bench):
    pairs, n = (8, 200) if bench.quick else (40, 300)
    print("4  A/A: %d pairs of identical runs (classifier, one thread, n = %d each): how often the "
          "95 %% intervals of\n   the two overlap, and how often one contains the pooled value of all "
          "runs. Within one process the\n   interval knows nothing of what differs from process to "
          "process; the last rows are of 5 processes each\n" % (pairs, n))
    rows = []
    for invocations in (1, 5):
        many = pairs if invocations == 1 else max(4, pairs // 4)
        runs = [bench.run(bench.engines[0], "-n", str(n if invocations == 1 else n // 3),
                          "--warmup", "20", "--threads", "1", "--invocations", str(invocations),
                          "classifier")["metrics"]["latency_ms"] for _ in range(2 * many)]
        for key, name in (("mean", "mean"), ("p50", "median")):
            with_ci = [r for r in runs if r.get("ci") and r["ci"].get(key)]
            if not with_ci:
                continue
            pooled = statistics.mean(r[key] for r in runs)
            inside = sum(r["ci"][key][0] <= pooled <= r["ci"][key][1] for r in with_ci)
            overlap = sum(a["ci"][key][0] <= b["ci"][key][1] and b["ci"][key][0] <= a["ci"][key][1]
                          for a, b in zip(with_ci[::2], with_ci[1::2]))
            width = statistics.median((r["ci"][key][1] - r["ci"][key][0]) / r[key] for r in with_ci)
            spread = statistics.stdev(r[key] for r in runs) / pooled
            rows.append(["%s, %d process%s" % (name, invocations, "" if invocations == 1 else "es"),
                         len(with_ci), "%.0f %%" % (100 * inside / len(with_ci)),
                         "%.0f %%" % (100 * overlap / (len(with_ci) // 2)),
                         "%.2f %%" % (100 * width), "%.2f %%" % (100 * spread)])
    table(["", "runs", "contain pooled", "pairs overlap", "interval / value", "sd of runs / value"],
          rows)


def node_shares(path):
    """Share of the time of each node in the engine's own profile, the first inference left out."""
    with open(path, encoding="utf-8") as file:
        events = json.load(file)
    runs = sorted(e["ts"] for e in events if e["name"] == "model_run")
    begin = runs[1] if len(runs) > 1 else 0
    times = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time") and \
                event["ts"] >= begin:
            name = event["name"][:-len("_kernel_time")]
            times[name] = times.get(name, 0) + event["dur"]
    total = sum(times.values())
    return {name: value / total for name, value in times.items()} if total else {}


def nodes(bench):
    n = 30
    print("5  Time per node: tacho run --profile-ops against the engine's own profile of an "
          "independent bare loop,\n   detector, one thread; share of all nodes' time\n")
    model = bench.model_file("detector")
    run = bench.run(bench.engines[0], "-n", str(n), "--threads", "1", "--profile-ops", "--warmup",
                    "5", model)
    bare = bench.floor(bench.engines[0], model, n, 1, 1, os.path.join(bench.folder, "profile"))
    theirs = node_shares(bare["profile"])
    ours = shares_of_run(run)
    if not ours or not theirs:
        print("   (no per-node times)\n")
        return
    both = sorted(set(ours) & set(theirs), key=lambda name: -theirs[name])
    rows = [[name, "%.2f %%" % (100 * ours[name]), "%.2f %%" % (100 * theirs[name]),
             "%+.2f" % (100 * (ours[name] - theirs[name]))] for name in both[:8]]
    worst = max(abs(ours[name] - theirs[name]) for name in both)
    rows.append(["%d nodes in both, %d in one; largest difference" % (
        len(both), len(set(ours) ^ set(theirs))), "", "", "%.2f" % (100 * worst)])
    table(["node", "tacho", "ONNX Runtime", "points"], rows)


def shares_of_run(run):
    """Mean time per node, as shares, from the JSON of a run with --profile-ops."""
    means = {}
    for name, metric in run["metrics"].items():
        found = re.fullmatch(r"node_ms@(.*) \([^()]*\)", name)
        if found and metric.get("mean") is not None:
            means[found.group(1)] = metric["mean"]
    total = sum(means.values())
    return {name: value / total for name, value in means.items()} if total else {}


def main():
    arguments = [a for a in sys.argv[1:] if a != "--quick"]
    quick = len(arguments) != len(sys.argv) - 1
    if len(arguments) != 3:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    engines = [folder for folder in arguments[2].split(":") if folder]
    if not engines:
        print("models: no ONNX Runtime is here (script/bootstrap --test), nothing to compare\n")
        return 0
    os.environ["LC_ALL"] = "C"
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(os.path.abspath(arguments[0]), os.path.abspath(arguments[1]), engines, folder,
                      quick)
        machine(bench.tacho)
        overhead(bench)
        variants(bench)
        stalls(bench)
        coverage(bench)
        nodes(bench)
    return 0


if __name__ == "__main__":
    sys.exit(main())
