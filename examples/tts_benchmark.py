#!/usr/bin/env python3
"""tts_benchmark.py: how fast text becomes speech: a benchmark with tacho.PerformanceMonitor.

    python3 examples/tts_benchmark.py --models tone espeak --iterations 5 --output-dir results

Writes benchmark_results_TIME.csv, one row per synthesis, and summary_statistics_TIME.csv, one
row per model (with --per-model one pair of files each), in UTF-8 with a byte order mark.
Warm-up has iteration 0 and is in no figure of the summary but inference_time_first. std is that
of a sample (n-1); rtf_total is the sum of the times over the sum of the audio, which a few short
texts cannot distort as they do a mean of ratios.

Models: `tone` writes one tone per letter, in plain Python: it is always there. `espeak` is
espeak-ng, where that is installed. A model of your own is a class with `sample_rate` and
`synthesize(text, path) -> seconds of audio`.
"""
import argparse
import array
import csv
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
import wave

import tacho

TEXTS = ("Hello.", "The quick brown fox jumps over the lazy dog.",
         "안녕하세요. 오늘은 날씨가 참 좋습니다.")

COLUMNS = ("model", "text", "text_length", "iteration", "inference_time", "rtf",
           "peak_memory_mb", "cpu_percent", "memory_percent", "audio_duration", "sample_rate",
           "output_path", "timestamp")
GPU_COLUMNS = ("gpu_memory_mb", "gpu_max_memory_mb", "gpu_utilization")


class Tone:
    """One tone per letter, 60 ms each."""
    sample_rate = 16000

    def synthesize(self, text, path):
        samples = array.array("h")
        for letter in text:
            pitch = 120 + ord(letter) % 64 * 8
            samples.extend(int(8000 * math.sin(2 * math.pi * pitch * i / self.sample_rate))
                           for i in range(self.sample_rate * 60 // 1000))
        if sys.byteorder == "big":
            samples.byteswap()
        with wave.open(path, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self.sample_rate)
            file.writeframes(samples.tobytes())
        return len(samples) / self.sample_rate


class Espeak:
    """espeak-ng, started anew for each text: its start is part of the time."""
    sample_rate = 22050

    def __init__(self):
        if not shutil.which("espeak-ng"):
            sys.exit("tts_benchmark: espeak needs the program espeak-ng (package espeak-ng)")

    def synthesize(self, text, path):
        subprocess.run(["espeak-ng", "-w", path, "--", text], check=True)
        with wave.open(path) as file:
            return file.getnframes() / file.getframerate()


MODELS = {"tone": Tone, "espeak": Espeak}


def measure(monitor, model, name, text, iteration, path):
    with monitor.measure() as measured:
        audio_s = model.synthesize(text, path)
    row = {"model": name, "text": text, "text_length": len(text), "iteration": iteration,
           "rtf": tacho.calculate_rtf(measured["inference_time"], audio_s),
           "audio_duration": round(audio_s, 4), "sample_rate": model.sample_rate,
           "output_path": path, "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S")}
    row.update((key, measured[key]) for key in COLUMNS + GPU_COLUMNS if key in measured)
    return row


def run_model(name, options):
    """Rows of one model, warm-up (iteration 0) first."""
    model, monitor = MODELS[name](), tacho.PerformanceMonitor(device=options.device)
    rows = []
    for iteration in range(0 if options.warmup else 1, options.iterations + 1):
        for index, text in enumerate(options.texts):
            path = os.path.join(options.output_dir, "%s_%d_%d.wav" % (name, index, iteration))
            rows.append(measure(monitor, model, name, text, iteration, path))
    return rows


def spread(summary, key, values, names):
    """What `names` asks for of the values, as KEY_NAME; one value has no standard deviation."""
    functions = {"mean": statistics.mean, "min": min, "max": max,
                 "std": lambda v: statistics.stdev(v) if len(v) > 1 else ""}
    for name in names:
        value = functions[name](values)
        summary["%s_%s" % (key, name)] = value if value == "" else round(value, 4)


def summarise(name, rows):
    steady = [row for row in rows if row["iteration"] > 0]
    summary = {"model": name, "test_count": len(steady)}

    def column(key):
        return [row[key] for row in steady]

    spread(summary, "inference_time", column("inference_time"), ("mean", "std", "min", "max"))
    spread(summary, "rtf", column("rtf"), ("mean", "std", "min", "max"))
    spread(summary, "peak_memory", column("peak_memory_mb"), ("mean", "std", "max"))
    spread(summary, "cpu_percent", column("cpu_percent"), ("mean", "std"))
    spread(summary, "audio_duration", column("audio_duration"), ("mean",))
    summary["sample_rate"] = steady[0]["sample_rate"]
    if "gpu_memory_mb" in steady[0]:
        summary["gpu_memory_mean"] = round(statistics.mean(column("gpu_memory_mb")), 4)
        summary["gpu_memory_max"] = max(column("gpu_max_memory_mb"))
    summary["inference_time_first"] = rows[0]["inference_time"]
    summary["rtf_total"] = round(sum(column("inference_time")) / sum(column("audio_duration")), 4)
    return summary


def write_csv(path, rows):
    """Whole or not at all."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with open(path + ".tmp", "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    os.replace(path + ".tmp", path)
    print(path)


def in_order(row):
    return {key: row[key] for key in COLUMNS + GPU_COLUMNS if key in row}


def write_results(options, results):
    stamp = time.strftime("%Y%m%d_%H%M%S")
    groups = [(stamp, results)]
    if options.per_model:
        groups = [("%s_%s" % (name, stamp), {name: results[name]}) for name in results]
    for suffix, group in groups:
        write_csv(os.path.join(options.output_dir, "benchmark_results_%s.csv" % suffix),
                  [in_order(row) for rows in group.values() for row in rows])
        write_csv(os.path.join(options.output_dir, "summary_statistics_%s.csv" % suffix),
                  [summarise(name, rows) for name, rows in group.items()])


def arguments():
    parser = argparse.ArgumentParser(description="How fast text becomes speech.")
    parser.add_argument("--models", nargs="+", choices=sorted(MODELS), default=["tone"])
    parser.add_argument("--iterations", type=int, default=5, help="besides the warm-up (5)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--texts", nargs="+", default=TEXTS, metavar="TEXT")
    parser.add_argument("--output-dir", default=".", help="for the CSV files and the audio (.)")
    parser.add_argument("--per-model", action="store_true", help="a pair of files per model")
    parser.add_argument("--no-warmup", dest="warmup", action="store_false",
                        help="no iteration 0: the first is measured like the others")
    options = parser.parse_args()
    if options.iterations < 1:
        parser.error("--iterations must be at least 1")
    return options


def main():
    options = arguments()
    os.makedirs(options.output_dir, exist_ok=True)
    results = {}
    for name in options.models:
        results[name] = run_model(name, options)
        summary = summarise(name, results[name])
        print("%s: RTF %s (%s), first %.4f s, then mean %.4f s of %d" %
              (name, summary["rtf_total"], tacho.rtf_rating(summary["rtf_total"]),
               summary["inference_time_first"], summary["inference_time_mean"],
               summary["test_count"]))
    write_results(options, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
