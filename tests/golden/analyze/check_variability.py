#!/usr/bin/env python3
"""check_variability.py ANALYSIS.json BEFORE.csv AFTER.csv: computes every number of `tacho analyze
variability BEFORE AFTER --json` again with numpy.
"""
import json
import sys

import numpy as np

from check_latency import groups_of, mistakes, same


def describe(values):
    mean, std, median = values.mean(), values.std(ddof=1), np.median(values)
    off, mad = values - mean, np.median(np.abs(values - median))
    return {
        "n": len(values), "mean": mean, "std": std, "cv_pct": 100 * std / mean,
        "jitter": np.abs(np.diff(values)).mean(),
        "iqr": np.percentile(values, 75) - np.percentile(values, 25),
        "outliers_3_sigma": (np.abs(off) > 3 * std).sum(),
        "outliers_mad": (np.abs(values - median) > 3.5 / 0.6745 * mad).sum(),
        "lag1_correlation": (off[1:] * off[:-1]).sum() / (off * off).sum(),
        "deviation_pct": 100 * np.abs(values / median - 1).mean(),
        "p50": median, "p95": np.percentile(values, 95), "p99": np.percentile(values, 99),
        "max": values.max(),
    }


def rating(cv_pct):
    bands = ((10, "very_consistent"), (20, "consistent"), (30, "moderately_consistent"))
    return next((name for bound, name in bands if cv_pct < bound), "high_variability")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        analysis = json.load(file)
    figures = []
    for path, key in zip(sys.argv[2:4], ("before", "after")):
        groups = {name: describe(rows[:, 2]) for name, rows in groups_of(path).items()}
        figures.append(groups)
        for row in analysis["tables"][key]["rows"]:
            for name, value in groups[row["group"]].items():
                same("%s %s %s" % (key, row["group"], name), row[name], value, 1e-8)
            if row["rating"] != rating(row["cv_pct"]):
                mistakes.append("%s is rated %s" % (row["group"], row["rating"]))
    before, after = figures
    for row in analysis["tables"]["changes"]["rows"]:
        a, b = before[row["group"]], after[row["group"]]
        same("cv", row["cv_change_pct"], 100 * (b["cv_pct"] / a["cv_pct"] - 1), 1e-8)
        same("jitter", row["jitter_change_pct"], 100 * (b["jitter"] / a["jitter"] - 1), 1e-8)
        same("outliers", row["outlier_share_change_points"],
             100 * (b["outliers_mad"] / b["n"] - a["outliers_mad"] / a["n"]), 1e-8)
        same("deviation", row["deviation_change_points"], b["deviation_pct"] - a["deviation_pct"],
             1e-8)
        if row["is_more_consistent"] != bool(b["cv_pct"] < a["cv_pct"]):
            mistakes.append("%s: is_more_consistent" % row["group"])
        if row["is_less_jittery"] != bool(b["jitter"] < a["jitter"]):
            mistakes.append("%s: is_less_jittery" % row["group"])
    print("\n".join(mistakes) or "every number is numpy's")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
