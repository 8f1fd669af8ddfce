"""check_events.py JSON: reads the files that the JSON of `tacho analyze events` names by itself, and every
cell of every table, every fact and every number of a finding must come out the same. The definitions are
those of docs/analyze.md; nothing of the program is used."""

import csv
import json
import math
import sys
from collections import Counter, defaultdict
from datetime import datetime, timezone

import numpy as np

from events_statistics import autocovariance, effective_n, median_interval, normal_quantile, poisson_interval, \
    quantile, share, theil_sen
from reference import t_quantile

KINDS = ["UNMATCHED", "TRACKING", "MATCHED", "MISSING", "PICKUP", "DISAPPEAR"]
SEEN = KINDS[:3]
CHANGES = KINDS[2:]
NOTHING = {"", "nan", "none", "null", "n/a", "na", "-", "-1"}
NAN = float("nan")


# ---- the log ----

class Row:
    def __init__(self, line, fields):
        time = fields["timestamp"]
        try:
            self.s = float(time)
        except ValueError:
            self.s = datetime.fromisoformat(time).replace(tzinfo=timezone.utc).timestamp()
        self.line, self.late = line, False
        self.cam = "" if fields["cam"].lower() in NOTHING else fields["cam"]
        self.route = "" if fields["route"].lower() in NOTHING else fields["route"]
        self.local, self.master = (self.identity(fields[k]) for k in ("local_uid", "master_id"))
        self.event = fields["event"].upper() if fields["event"].upper() in KINDS else fields["event"]
        box = [NAN if b.lower() in NOTHING else float(b) for b in (fields[k] for k in ("x1", "y1", "x2", "y2"))]
        self.no_box = any(math.isnan(b) for b in box)
        self.bad_box = not self.no_box and not (box[2] > box[0] and box[3] > box[1])
        self.seen = self.event in SEEN or (self.event not in KINDS and not self.no_box and not self.bad_box)

    @staticmethod
    def identity(text):
        if text.lower() in NOTHING:
            return ""
        return text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        lines = file.read().replace("\r\n", "\n").split("\n")
    header = lines[0].split(",")
    rows, skipped = [], Counter()
    for number, text in enumerate(lines[1:], 2):
        fields = next(csv.reader([text]), [])
        if not text:
            continue
        if text == lines[0]:
            skipped["repeated_header"] += 1
        elif len(fields) != len(header):
            skipped["too_few_fields"] += 1
        else:
            try:
                rows.append(Row(number, dict(zip(header, fields))))
            except ValueError:
                skipped["bad_time"] += 1
    counts = Counter(row.event for row in rows)
    last = rows[-1].event
    if last not in KINDS and counts[last] == 1 and any(kind.startswith(last) for kind in KINDS):
        rows.pop()
        skipped["cut_off"] += 1
    return rows, skipped


def put_in_order(rows):
    """Segments of rows in the order of time, and how many came out of order."""
    segments, keys, held, disorder, newest = [], [], [], 0, None

    def now():
        done = [k[0] for k in keys[-1] if k[1] == 0 and k[0] <= newest - 1]
        return max(done) if done else min(k[0] for k in keys[-1] if k[1] == 0)

    def push(row):
        nonlocal newest, disorder, held
        if newest is None or row.s > newest + 21600:
            if newest is not None and held:
                give_up()
            segments.append([])
            keys.append([])
            newest = row.s
        elif row.s < newest - 1:
            held.append(row)
            if len(held) == 16:
                again, held = held, []
                segments.append([])
                keys.append([])
                newest = again[0].s
                for one in again:
                    push(one)
            return
        elif held:
            give_up()
        disorder += row.s < newest
        newest = max(newest, row.s)
        segments[-1].append(row)
        keys[-1].append((row.s, 0, row.line))

    def give_up():
        nonlocal held
        for one in held:
            one.late = True
            one.s = now()
            segments[-1].append(one)
            keys[-1].append((one.s, 1, one.line))
        held = []

    for row in rows:
        push(row)
    give_up()
    result = []
    for segment, order in zip(segments, keys):
        result.append([segment[i] for i in sorted(range(len(segment)), key=lambda i: order[i])])
    return result, disorder


class Parcel:
    def __init__(self, row, segment):
        self.rows = []  # (segment, row)
        self.first, self.segment, self.first_row = row.s, segment, row
        self.end = self.end_s = self.matched = self.tracking = None
        self.route, self.cams, self.arrivals = "", [], []
        self.locals, self.events = set(), set()
        self.flags = set()
        self.change, self.last, self.last_segment = {}, row.s, segment


class Log:
    """One walk over the rows for what needs memory; all sums are made from arrays afterwards."""

    def __init__(self, rows):
        self.segments, self.disorder = put_in_order(rows)
        self.rows = [row for segment in self.segments for row in segment]
        self.spans = [(segment[0].s, segment[-1].s) for segment in self.segments]
        self.covered = sum(end - begin for begin, end in self.spans)
        self.cams = list(dict.fromkeys(row.cam for row in sorted(rows, key=lambda r: r.line) if row.cam))
        self.parcels, self.by_master = [], {}
        self.tracks, self.track_count = {}, Counter()
        self.steps, self.edges, self.lags = defaultdict(list), defaultdict(list), []
        self.visits = []  # (segment, position of the row in the segment, cam)
        self.duplicates, self.repeated, self.again = 0, 0, 0
        self.twice, self.after, self.only = 0, 0, 0
        self.changes = []  # of open parcels: (segment, time, +1 or -1)
        for number, segment in enumerate(self.segments):
            for position, row in enumerate(segment):
                self.take(row, number, position)

    def parcel_of(self, row, segment):
        parcel = self.by_master.get(row.master)
        if parcel:
            if parcel.last_segment != segment:
                other = parcel.end is not None
            else:
                other = (parcel.end is not None and row.s - parcel.end_s >= 600) or row.s - parcel.last >= 3600
            if not other:
                return parcel
            self.again += 1
        parcel = self.by_master[row.master] = Parcel(row, segment)
        self.parcels.append(parcel)
        self.changes.append((segment, row.s, 1))
        if row.event in ("PICKUP", "DISAPPEAR"):
            self.only += 1
        return parcel

    def track_of(self, row, segment):
        if not row.local or not row.seen or row.late:
            return None
        track = self.tracks.get((row.cam, row.local))
        if not track or track["segment"] != segment or row.s - track["last"] >= 600:
            track = {"first": row.s, "last": row.s, "segment": segment, "parcels": [], "event": None}
            self.tracks[(row.cam, row.local)] = track
            self.track_count[row.cam] += 1
            self.all_tracks = getattr(self, "all_tracks", [])
            self.all_tracks.append(track)
        elif track["last"] == row.s and track["event"] == row.event:
            self.repeated += 1
        track["last"], track["event"] = row.s, row.event
        return track

    def take(self, row, segment, position):
        parcel = self.parcel_of(row, segment) if row.master else None
        track = self.track_of(row, segment)
        if not parcel:
            return
        if track and parcel not in track["parcels"]:
            track["parcels"].append(parcel)
        if track:
            parcel.locals.add(id(track))
        began = track["first"] if track and len(track["parcels"]) == 1 else None
        timed = not row.late and parcel.segment == segment
        parcel.rows.append(row)
        if row.event in KINDS:
            parcel.events.add(row.event)
        if row.route and row.route != parcel.route and not (row.route.upper() == "UNKNOWN" and parcel.route):
            if parcel.route and parcel.route.upper() != "UNKNOWN":
                parcel.flags.add("rerouted")
            parcel.route = row.route
        if row.cam and row.seen and not row.late and row.cam not in parcel.cams:
            came = row.s if began is None else began
            if timed:
                self.lags.append(came - parcel.first)
                if parcel.cams:
                    self.edges[(parcel.cams[-1], row.cam)].append(came - parcel.arrivals[-1])
            parcel.cams.append(row.cam)
            parcel.arrivals.append(came)
            self.visits.append((segment, position, row.cam))
        self.live(parcel, row, segment, began, timed)
        parcel.last, parcel.last_segment = row.s, segment

    def live(self, parcel, row, segment, began, timed):
        if row.event in CHANGES:
            before = parcel.change.get(row.event)
            parcel.change[row.event] = row.s
            if before is not None and parcel.last_segment == segment and row.s - before <= 1:
                self.duplicates += 1
                return
        ends = row.event in ("PICKUP", "DISAPPEAR")
        if not ends and parcel.end and row.seen and not row.late and row.s - parcel.end_s > 1 \
                and "after" not in parcel.flags:
            parcel.flags.add("after")
            self.after += 1
        if row.event == "TRACKING" and parcel.tracking is None and timed:
            parcel.tracking = row.s
        if row.event == "MATCHED" and parcel.matched is None:
            parcel.matched = row.s
            starts = [s for s in (parcel.tracking, began) if s is not None]
            if timed and starts:
                self.steps["tracking to matched"].append(row.s - min(starts))
        if ends and parcel.end:
            if "twice" not in parcel.flags:
                parcel.flags.add("twice")
                self.twice += 1
        elif ends:
            parcel.end, parcel.end_s = row.event, row.s
            self.changes.append((segment, row.s, -1))
            if timed:
                if parcel.matched is not None:
                    self.steps["matched to " + row.event.lower()].append(row.s - parcel.matched)
                self.steps["first row to end"].append(row.s - parcel.first)


# ---- tables ----

def periods(log, size):
    """[begin, covered, parcels, rows] of the bins of a size, of each segment by itself."""
    result = []
    starts = defaultdict(list)
    for parcel in log.parcels:
        starts[parcel.segment].append(parcel.first)
    for number, segment in enumerate(log.segments):
        times = np.array([row.s for row in segment])
        first = np.array(starts[number] or [-1e18])
        begin, end = log.spans[number]
        for i in range(math.floor(begin / size), math.floor(end / size) + 1):
            low, high = i * size, (i + 1) * size
            result.append([float(low), min(high, end) - max(low, begin),
                           int(((first >= low) & (first < high)).sum()),
                           int(((times >= low) & (times < high)).sum())])
    return result


def rates(log):
    table = []
    for what, total, at in (("parcels", len(log.parcels), 2), ("rows", len(log.rows), 3)):
        for name, size in (("1 s", 1), ("1 min", 60), ("15 min", 900), ("1 h", 3600)):
            bins = periods(log, size)
            values = [(b[at] / (b[1] / size), b[0]) for b in bins if b[1] / size >= 0.5]
            full = np.array([b[at] for b in bins if b[1] / size > 1 - 1e-9], float)
            peak = max(values, key=lambda v: v[0]) if values else (NAN, NAN)
            interval = [v * size / log.covered for v in poisson_interval(total)]
            table.append({"quantity": what, "per": name, "mean": total * size / log.covered, "mean_interval": interval,
                          "p50": quantile([v[0] for v in values], 0.5),
                          "p95": quantile([v[0] for v in values], 0.95), "peak": peak[0], "peak_time": peak[1],
                          "bins": len(values),
                          "dispersion": full.var(ddof=1) / full.mean() if len(full) > 1 and full.mean() else NAN})
    return table


def period_table(log, size):
    table = []
    for begin, covered, parcels, rows in periods(log, size):
        table.append({"begin": begin, "covered_s": covered, "parcels": parcels, "rows": rows})
        for key, n in (("parcels", parcels), ("rows", rows)):
            table[-1][key + "_per_hour"] = n * 3600 / covered if covered > 0 else NAN
            table[-1][key + "_per_hour_interval"] = \
                [v * 3600 / covered for v in poisson_interval(n)] if covered > 0 else None
    return table


def kind_table(log):
    counts = Counter(row.event for row in log.rows)
    order = KINDS + sorted((k for k in counts if k not in KINDS),
                           key=lambda k: min(r.line for r in log.rows if r.event == k))
    return [{"event": k, "rows": counts[k], "share_pct": 100 * counts[k] / len(log.rows),
             "parcels": sum(k in p.events for p in log.parcels) if k in KINDS else NAN}
            for k in order if counts[k]]


def gap_lists(log, cam):
    """Gaps between times at which it saw something; and those at the edges of segments. Each with what the
    others saw meanwhile: (begin, end, is_edge, visits, rows)."""
    gaps = []
    for number, segment in enumerate(log.segments):
        seen = [(i, row) for i, row in enumerate(segment) if row.seen and not row.late]
        own = [(i, row) for i, row in seen if cam in (None, row.cam)]
        visits = [(i, c) for s, i, c in log.visits if s == number]
        begin, end = log.spans[number]
        marks = [(-1, begin, True)] + [(i, row.s, False) for i, row in own]
        if cam:
            marks.append((len(segment), end, True))
        for (i, a, edge_a), (j, b, edge_b) in zip(marks, marks[1:]):
            if b > a:
                gaps.append((a, b, edge_a or edge_b, sum(i < v < j for v, _ in visits), sum(i < v < j for v, _ in seen)))
    return gaps


def silences(log):
    table, lag = [], quantile(log.lags, 0.999) if log.lags else 0
    visits = Counter(cam for _, _, cam in log.visits)
    total, dark = sum(visits.values()), []
    for cam in [None] + log.cams:
        judged = []
        for begin, end, edge, others, rows in gap_lists(log, cam):
            length = end - begin
            counts = max(0, length - lag) if edge else length
            if cam is None:
                expected = len(log.parcels) / (log.covered - length) * length
                chance = (len(log.parcels) + 1) * math.exp(-expected)
            else:
                rest = total - visits[cam] - others
                expected = counts / length * others * visits[cam] / rest if rest > 0 else 0
                chance = (visits[cam] + 1) * math.exp(-expected)
            rare = chance < 0.05 and (cam is None or rows > 0)
            judged.append((begin, end, edge, counts, rows, expected, min(1, chance), rare))
        held = [j for j in judged if not j[2]]
        longest = set(id(j) for j in sorted(judged, key=lambda j: j[0] - j[1])[:64])
        usual = quantile([j[1] - j[0] for j in held if not (id(j) in longest and (
            j[7] or any(a < j[1] and b > j[0] for a, b in dark)))], 0.999)
        for begin, end, _, counts, rows, expected, chance, rare in judged:
            if rare and counts > 5 * usual:
                table.append({"cam": cam or "all", "kind": "camera_outage" if cam else "all_silent", "begin": begin,
                              "end": end, "length_s": end - begin, "usual_s": usual, "expected_parcels": expected,
                              "chance": chance, "others_rows": rows if cam else 0, "metrics_missing_s": NAN})
                if cam is None:
                    dark.append((begin, end))
    return sorted(table, key=lambda t: (t["begin"], log.cams.index(t["cam"]) if t["cam"] != "all" else 99))


def cameras(log, silent):
    table = []
    visits = Counter(cam for _, _, cam in log.visits)
    for cam in log.cams:
        gaps = [end - begin for begin, end, edge, _, _ in gap_lists(log, cam) if not edge]
        active = [g for g in gaps if g <= 5 * quantile(gaps, 0.5)]
        own = [s["length_s"] for s in silent if s["cam"] == cam]
        table.append({"cam": cam, "rows": sum(row.cam == cam for row in log.rows), "parcels": visits[cam],
                      "tracks": log.track_count[cam], "active_s": sum(active) if gaps else NAN,
                      "cadence_hz": len(active) / sum(active) if active else NAN, "gap_p50_s": quantile(gaps, 0.5),
                      "gap_p99_s": quantile(gaps, 0.99), "gap_max_s": max(gaps) if gaps else NAN,
                      "silences": len(own), "silent_s": sum(own)})
    return table


def spread(values, columns):
    row = {"n": len(values), "p50_s": quantile(values, 0.5), "p50_s_interval": median_interval(values)}
    for key, value in (("p90_s", quantile(values, 0.9)), ("p99_s", quantile(values, 0.99)),
                       ("min_s", min(values) if values else NAN), ("max_s", max(values) if values else NAN)):
        row[key] = value
    return {**columns, **row}


def flow_tables(log):
    hours, n = log.covered / 3600, len(log.parcels)
    routes, rows = Counter(p.route for p in log.parcels), Counter(row.route for row in log.rows)
    first = {r: i for i, r in enumerate([""] + list(dict.fromkeys(
        row.route for row in sorted(log.rows, key=lambda r: r.line) if row.route)))}
    table = []
    for route in sorted((r for r in first if routes[r] or (r and rows[r])), key=lambda r: (-routes[r], first[r])):
        k = routes[route]
        value, interval = share(k, n)
        own = [p.end for p in log.parcels if p.route == route]
        table.append({"route": route or "(none)", "parcels": k, "share_pct": value, "share_pct_interval": interval,
                      "parcels_per_hour": k / hours, "parcels_per_hour_interval": [v / hours for v in poisson_interval(k)],
                      "picked": own.count("PICKUP"), "disappeared": own.count("DISAPPEAR"), "open": own.count(None),
                      "rows": rows[route]})
    tables = {"routes": table, "transitions": []}
    for a in log.cams:
        left = sum(len(v) for (x, _), v in log.edges.items() if x == a)
        for b in log.cams:
            if (a, b) in log.edges:
                values = log.edges[(a, b)]
                tables["transitions"].append(spread(values, {"from": a, "to": b, "share_pct": 100 * len(values) / left}))
    tables["life_cycle"] = [spread(log.steps[name], {"step": name}) for name in (
        "tracking to matched", "matched to pickup", "matched to disappear", "first row to end")]
    tracked = [p for p in log.parcels if p.locals]
    owned = [t for t in log.all_tracks if t["parcels"]]
    pairs = sum(len(p.locals) for p in tracked)
    assert pairs == sum(len(t["parcels"]) for t in owned)
    broken, switched = sum(len(p.locals) > len(p.cams) for p in tracked), sum(len(t["parcels"]) > 1 for t in owned)
    tables["identities"] = []
    for name, all_of, most, bad in (
            ("local_uids of a master_id", len(tracked), max(len(p.locals) for p in tracked), broken),
            ("master_ids of a local_uid", len(owned), max(len(t["parcels"]) for t in owned), switched)):
        value, interval = share(bad, all_of)
        tables["identities"].append({"relation": name, "n": all_of, "mean": pairs / all_of, "max": most, "too_many": bad,
                                     "too_many_pct": value, "too_many_pct_interval": interval})
    return tables


def account(log):
    n = len(log.parcels)
    stay = log.steps["first row to end"]
    usual, last = quantile(stay, 0.99), log.rows[-1].s
    opened = [p for p in log.parcels if p.end is None]
    overdue = sum(p.segment != len(log.segments) - 1 or last - p.first > usual for p in opened)
    missing, interval = share(sum("MISSING" in p.events for p in log.parcels), n)
    area, most, when = 0.0, 0, NAN
    count, number, at = 0, 0, log.spans[0][0]
    for segment, time, step in log.changes:
        if segment != number:
            area += count * (log.spans[number][1] - at)
            number, at = segment, log.spans[segment][0]
        area += count * (time - at)
        at = time
        count += step
        if count > most:
            most, when = count, time
    area += count * (log.spans[number][1] - at)
    w, factor = np.array(stay), n / len(stay) / log.covered
    half = normal_quantile(0.975) * math.sqrt((w ** 2).sum())
    return {"conservation": [{
        "in": n, "picked": sum(p.end == "PICKUP" for p in log.parcels),
        "disappeared": sum(p.end == "DISAPPEAR" for p in log.parcels), "open": len(opened), "overdue": overdue,
        "ended_twice": log.twice, "seen_after_end": log.after, "began_with_end": log.only,
        "duplicates": log.duplicates, "missing_parcels": sum("MISSING" in p.events for p in log.parcels),
        "missing_pct": missing, "missing_pct_interval": interval,
        "rerouted": sum("rerouted" in p.flags for p in log.parcels)}],
        "little": [{"mean_open": area / log.covered, "parcels_per_s": n / log.covered, "present_mean_s": w.mean(),
                    "product": w.sum() * factor, "product_interval": [max(0, (w.sum() - half) * factor),
                                                                      (w.sum() + half) * factor],
                    "most_open": most, "most_open_time": when}]}


# ---- metrics ----

UNITS = {"inference_ms_p99": "ms", "inference_ms_avg": "ms", "pipeline_fps": "1/s", "cpu_total_pct": "%",
         "cpu_track_pct": "%", "gpu_util_pct": "%"}


def join(log, path, silent):
    with open(path, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    times = np.array([float(row["timestamp"]) for row in rows])
    steps = np.diff(times)
    usual = float(np.median(steps))
    holes = [(a, b) for a, b in zip(times, times[1:]) if b - a > 3 * usual]
    for silence in (s for s in silent if s["cam"] == "all"):
        begin, end = silence["begin"], silence["end"]
        lost = sum(max(0, min(b, end) - max(a, begin)) for a, b in holes)
        fps = np.array([float(row["pipeline_fps"]) for row in rows])
        inside = (times > begin) & (times < end)
        silence["metrics_missing_s"] = lost
        if lost >= 0.5 * (end - begin):
            silence["kind"] = "host_gap"
        else:
            silence["kind"] = "pipeline_stalled" if fps[inside].mean() < 0.5 * fps[~inside].mean() else "idle"
    table, minutes = [], np.floor(times / 60)
    for metric, unit in UNITS.items():
        values = np.array([float(row[metric]) for row in rows])
        for name, at in (("parcels/min", 2), ("rows/min", 3)):
            x, y = [], []
            for one in periods(log, 60):
                found = minutes == one[0] / 60
                if one[1] >= 30 and found.any():
                    x.append(one[at] / (one[1] / 60))
                    y.append(values[found].mean())
            x, y = np.array(x), np.array(y)
            order = np.argsort(x, kind="stable")
            slope, low, high = theil_sen(x[order], y[order])
            left, sum_, n = y - slope * x, 0.0, len(x)
            noise = normal_quantile(0.975) / math.sqrt(n)
            for lag in range(1, min(n // 4 - 1, 60) + 1):
                rho = [autocovariance(v, lag) / autocovariance(v, 0) for v in (x, left)]
                if min(abs(rho[0]), abs(rho[1])) <= noise:
                    break
                sum_ += rho[0] * rho[1]
            inflation = max(1, 1 + 2 * sum_)
            wide = math.sqrt(inflation)
            quarter = n // 4
            table.append({"metric": metric, "unit": unit, "load": name, "n": n, "slope": slope,
                          "slope_interval": [slope - (slope - low) * wide, slope + (high - slope) * wide],
                          "low": float(np.median(y[order][:quarter])), "high": float(np.median(y[order][-quarter:])),
                          "load_p5": quantile(x, 0.05), "load_p95": quantile(x, 0.95), "inflation": inflation})
    return table, {"metrics_minutes": max(t["n"] for t in table), "metrics_holes": len(holes), "metrics_interval_s": usual}


# ---- comparing ----

def same(path, got, want):
    if isinstance(want, (dict, list)):
        assert isinstance(got, type(want)) and len(got) == len(want), (path, got, want)
        keys = want if isinstance(want, dict) else range(len(want))
        return sum(same(f"{path}.{key}", got[key], want[key]) for key in keys)
    if want is None or (isinstance(want, float) and math.isnan(want)):
        assert got is None, (path, got, want)
    elif isinstance(want, str):
        assert got == want, (path, got, want)
    else:
        assert got is not None and math.isclose(got, want, rel_tol=1e-7, abs_tol=2e-6), (path, got, want)
    return 1


def dispersion_interval(counts):
    """Of s^2/m: by its influence function, on the logarithm, for counts that depend on each other."""
    if len(counts) < 2 or counts.mean() == 0:
        return None
    mean, dispersion = counts.mean(), counts.var(ddof=1) / counts.mean()
    influence = (counts - mean) ** 2 / mean - dispersion - dispersion / mean * (counts - mean)
    n = effective_n(influence)
    half = t_quantile(0.975, n - 1) * influence.std(ddof=1) / dispersion / math.sqrt(n)
    return [dispersion * math.exp(-half), dispersion * math.exp(half)]


def finding_numbers(log, tables):
    """rule: (value, interval, n); None: not looked at."""
    t = {name: rows for name, rows in tables.items()}
    flow, little, ids = t["conservation"][0], t["little"][0], t["identities"]
    minute, hour = t["rates"][1], t["rates"][3]
    changes = sum(r["rows"] for r in t["events"] if r["event"] in CHANGES)
    full = np.array([b[2] for b in periods(log, 60) if b[1] / 60 > 1 - 1e-9], float)
    value, interval = share(log.duplicates, changes)
    expected = {
        "rows_are_not_parcels": (len(log.rows) / len(log.parcels), None, len(log.rows)),
        "throughput": (hour["mean"], hour["mean_interval"], len(log.parcels)),
        "arrivals_in_bursts": (minute["dispersion"], dispersion_interval(full), len(full)),
        "duplicates": (value, interval, changes),
        "repeated_rows": (*share(log.repeated, len(log.rows)), len(log.rows)),
        "never_ended": (*share(flow["overdue"], flow["in"]), flow["in"]),
        "littles_law": (little["product"], little["product_interval"], t["life_cycle"][3]["n"]),
        "missing_rate": (flow["missing_pct"], flow["missing_pct_interval"], flow["in"]),
        "identity_switched": (ids[1]["too_many_pct"], ids[1]["too_many_pct_interval"], ids[1]["n"]),
        "ids_used_again": (*share(log.again, len(log.parcels)), len(log.parcels)),
        "out_of_order": (log.disorder + sum(r.late for r in log.rows), None, len(log.rows)),
        "boxes": (sum(r.seen and (r.no_box or r.bad_box) for r in log.rows), None, len(log.rows)),
    }
    wrong = log.twice + log.after + log.only
    expected["conservation"] = (wrong if wrong else None, None, flow["in"])
    for silence in t.get("silences", []):
        rule = silence["kind"]
        own = [s["length_s"] for s in t["silences"] if s["kind"] == rule and s["cam"] == silence["cam"]]
        cam = None if silence["cam"] == "all" else silence["cam"]
        expected[rule] = (sum(own), None, sum(not g[2] for g in gap_lists(log, cam)))
    for i in range(1, len(log.spans)):
        jump = log.spans[i][0] - log.spans[i - 1][1]
        expected["clock_jump" if jump < 0 else "pause"] = (jump, None, 1)
    for load in t.get("load", [])[:1]:
        numbers = (load["slope"], load["slope_interval"], load["n"])
        for rule in ("latency_rises_with_load", "latency_level_with_load", "latency_with_load_open"):
            expected[rule] = numbers
    return expected


def main():
    document = json.load(open(sys.argv[1], encoding="utf-8"))
    rows, skipped = read(document["inputs"][0]["name"])
    log = Log(rows)
    silent = silences(log)
    tables = {"rates": rates(log), "hours": period_table(log, 3600), "quarters": period_table(log, 900),
              "events": kind_table(log), "cameras": cameras(log, silent), **flow_tables(log), **account(log)}
    facts = {"rows": len(log.rows), "parcels": len(log.parcels), "master_ids": len({r.master for r in log.rows} - {""}),
             "covered_s": log.covered, "segments": len(log.segments), "out_of_order_rows": log.disorder,
             "late_rows": sum(r.late for r in log.rows), "repeated_rows": log.repeated,
             "rows_without_box": sum(r.seen and r.no_box for r in log.rows),
             "rows_with_bad_box": sum(r.seen and r.bad_box for r in log.rows), "ids_used_again": log.again,
             "percentiles": "exact"}
    if len(document["inputs"]) > 1:
        tables["load"], more = join(log, document["inputs"][1]["name"], silent)
        facts.update(more)
    if silent:
        tables["silences"] = silent
    count = same("facts", document["facts"], facts)
    assert set(document["tables"]) == set(tables), set(document["tables"]) ^ set(tables)
    for name, want in tables.items():
        count += same(name, document["tables"][name]["rows"], want)
    expected = finding_numbers(log, tables)
    for finding in document["findings"]:
        value, interval, n = expected[finding["rule"]]
        count += same(finding["rule"] + ".value", finding["value"], value)
        count += same(finding["rule"] + ".interval", finding["interval"], interval)
        count += same(finding["rule"] + ".n", finding["n"], n)
    got = {s["reason"]: s["count"] for s in document["inputs"][0]["skipped"]}
    count += same("skipped", got, dict(skipped))
    print(f"{count} numbers and words are the same")


main()
