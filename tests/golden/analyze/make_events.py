#!/usr/bin/python3
"""Writes the inputs of analyze_events.bats anew: make_events.py [FOLDER]. Standard library only, same bytes always.

events.csv          30 minutes of four cameras at a belt: a parcel about every 6 s, 18.4 s, 9.8 s and 9.1 s
                    from camera to camera. Planted: an outage of RPI_USB2, a host gap, a time without
                    parcels, duplicates, parcels that never end, that end twice, tracks that break and
                    switch, rows out of order and late, NaN boxes, a header in mid-file, CRLF.
events_metrics.csv  what a monitor wrote beside it: latency rises by 0.8 ms for each parcel a minute; a hole
                    in the host gap.
events_clock.csv    ISO times without a zone: a clock that goes back an hour, a night, ids that are used
                    again, a last line that is cut off.
"""
import os
import random
import sys
from datetime import datetime, timezone

BEGIN = 1795136490.25  # 2026-11-20 00:21:30.25 UTC: in the middle of a minute
DURATION = 1800.0
HEADER = "timestamp,cam,local_uid,master_id,route,x1,y1,x2,y2,event"
CAMS = ["USB_LOCAL", "RPI_USB1", "RPI_USB2", "RPI_USB3"]
TRAVEL = [0.0, 18.38, 9.8, 9.1]
OUTAGE = (BEGIN + 420, BEGIN + 700)  # RPI_USB2
HOST_GAP = (BEGIN + 1000, BEGIN + 1150)
IDLE = (BEGIN + 1400, BEGIN + 1540)  # no parcel is on the belt


class Log:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.rows = []
        self.local = {cam: 0 for cam in CAMS}

    def new_local(self, cam):
        self.local[cam] += 1
        return f"{cam}_{self.local[cam]:03d}"

    def add(self, time, cam, local, master, route, event, has_box=True):
        x, y = self.random.randrange(0, 500), self.random.randrange(0, 300)
        box = f"{x}.5,{y},{x + 80},{y + 60.25}" if has_box else ",,,"
        self.rows.append((round(time, 3), cam, local, master, route, box, event))


def pass_camera(log, time, cam, number, master, route):
    """Five frames at 2 per second; the third one is matched at the first camera, the second one elsewhere."""
    local = log.new_local(cam)
    match_at = 2 if cam == CAMS[0] else 1
    for frame in range(5):
        at = time + 0.5 * frame
        if frame == 3 and number % 40 == 7:  # the tracker loses it and begins anew
            local = log.new_local(cam)
        if frame < match_at:
            log.add(at, cam, local, "", "UNKNOWN", "UNMATCHED" if cam == CAMS[0] else "TRACKING")
        elif frame == match_at:
            log.add(at, cam, local, master, route, "MATCHED")
        else:
            log.add(at, cam, local, master, route, "TRACKING")
    if number % 90 == 11:  # the same track is given to the parcel before, for one frame
        log.add(time + 2.5, cam, local, str(1000 + number - 1), route, "TRACKING")
    return time + 2.0


def live(log, number, time):
    master = str(1000 + number)
    route = ["XSEA", "XSEB", "XSEA", "서울-A동", "XSEB"][number % 5]
    at, left = time, time
    for i, cam in enumerate(CAMS):
        at += TRAVEL[i] + (log.random.uniform(-0.4, 0.4) if i else 0)
        if i and number % 17 == 3 and i == 1 + number % 3:
            log.add(at + 2, cam, "", master, route, "MISSING", has_box=False)
            continue
        left = pass_camera(log, at, cam, number, master, route)
        if route == "XSEA" and i == 2:
            break
    if number % 60 == 20:
        return  # nobody tells its end
    if route == "XSEB":
        log.add(left + 3.5, "", "", master, route, "DISAPPEAR", has_box=False)
    else:
        log.add(left + 1.25, cam, "", master, route, "PICKUP", has_box=False)
        if number % 25 == 5:
            log.add(left + 1.45, cam, "", master, route, "PICKUP", has_box=False)
    if number % 100 == 42:
        log.add(left + 8, "", "", master, route, "DISAPPEAR", has_box=False)


def is_lost(row):
    time, cam = row[0], row[1]
    return (cam == "RPI_USB2" and row[6] not in ("PICKUP", "MISSING") and OUTAGE[0] < time < OUTAGE[1]) or \
        HOST_GAP[0] < time < HOST_GAP[1] or not BEGIN <= time <= BEGIN + DURATION


def as_written(log, rows):
    """Rows as lines: some later than others, two headers, half of the file with CRLF."""
    order = [(row[0], i, row) for i, row in enumerate(rows)]
    for i in range(50, len(order), 211):
        time, number, row = order[i]
        order[i] = (time + log.random.uniform(0.3, 0.9), number, row)
    for i in range(700, len(order), 1500):
        time, number, row = order[i]
        order[i] = (time + 4, number, row)
    order.sort(key=lambda item: item[:2])
    lines = [HEADER + "\n"]
    for i, (_, _, row) in enumerate(order):
        time, cam, local, master, route, box, event = row
        if i % 777 == 100:
            box = "nan,nan,nan,nan" if box != ",,," else box
        if i in (1500, 3000):
            lines.append(HEADER + ("\r\n" if i > 2000 else "\n"))
        end = "\r\n" if i > 2000 else "\n"
        lines.append(f"{time:.3f},{cam},{local},{master},{route},{box},{event}{end}")
        if i % 900 == 333:
            lines.append(lines[-1])
    return "".join(lines)


def belt(folder):
    log = Log(20261120)
    time, number, starts = BEGIN - 40, 0, []
    while time < BEGIN + DURATION:
        # Twice as many in every second stretch of five minutes: load has to differ for a slope.
        busy = int((time - BEGIN) // 300) % 2
        time += log.random.expovariate(1 / (4.0 if busy else 8.0))
        time = max(time, starts[-1] + 0.7 if starts else time)
        if IDLE[0] - 45 < time < IDLE[1]:
            time = IDLE[1] + 1
        starts.append(time)
        live(log, number, time)
        number += 1
    rows = sorted((row for row in log.rows if not is_lost(row)), key=lambda row: row[0])
    # Nobody watches for what was lost with the cameras: a parcel in the idle time is taken out.
    rows = [row for row in rows if not IDLE[0] < row[0] < IDLE[1]]
    with open(os.path.join(folder, "events.csv"), "w", encoding="utf-8", newline="") as file:
        file.write(as_written(log, rows))
    metrics(log, folder, starts)


def metrics(log, folder, starts):
    lines = ["timestamp,cpu_total_pct,cpu_track_pct,mem_total_mb,mem_used_mb,mem_track_rss_mb,gpu_util_pct,"
             "gpu_mem_used_mb,inference_ms_avg,inference_ms_p99,pipeline_fps"]
    at = BEGIN - 20
    while at < BEGIN + DURATION + 20:
        if not HOST_GAP[0] < at < HOST_GAP[1]:
            minute = at // 60
            load = sum(1 for start in starts if start // 60 == minute)
            p99 = 30 + 0.8 * load + log.random.uniform(-1.5, 1.5)
            lines.append(f"{at:.2f},{20 + 1.5 * load + log.random.uniform(-4, 4):.1f},"
                         f"{log.random.uniform(90, 110):.1f},7620.0,4100.5,1200.5,"
                         f"{log.random.uniform(55, 65):.1f},2048,{p99 * 0.7:.3f},{p99:.3f},"
                         f"{10 + log.random.uniform(-0.2, 0.2):.2f}")
        at += 5
    with open(os.path.join(folder, "events_metrics.csv"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def iso(time):
    text = datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{round(time % 1 * 1000):03d}"


def clock(folder):
    """Three shifts: 40 parcels, then the clock goes back an hour, then a night; ids begin at 1 each time."""
    lines = [HEADER]
    for shift, begin in enumerate([1792886400.0, 1792886400.0 + 600 - 3600, 1792886400.0 + 12 * 3600]):
        for number in range(1, 41):
            at = begin + 12.5 * number
            for frame in range(4):
                event = "MATCHED" if frame == 1 else "TRACKING"
                lines.append(f"{iso(at + 0.25 * frame)},CAM_A,CAM_A_{number:03d},{number}.0,XSEA,1,2,3,4,{event}")
            if number % 4:
                lines.append(f"{iso(at + 6)},CAM_B,CAM_B_{number:03d},{number}.0,XSEA,5,6,9,9,tracking")
            lines.append(f"{iso(at + 8.5)},,,{number},XSEA,NaN,NaN,NaN,NaN,DISAPPEAR")
    at = 1792886400.0 + 12 * 3600 + 600
    lines.append(f"{iso(at)},CAM_A,CAM_A_099,99,nan,7,7,7,7,SCANNED")
    lines.append(f"{iso(at)},CAM_A,CAM_A_099,99,XSEA,1,2,3,4,TRACKING")
    lines.append("2026-13-40 99:00:00,CAM_A,CAM_A_099,99,XSEA,1,2,3,4,TRACKING")
    lines.append(f"{iso(at + 1)},CAM_A,CAM_A_099")
    lines.append(f"{iso(at + 1)},CAM_A,CAM_A_099,99,XSEA,1,2,3,4,DISAPP")
    with open(os.path.join(folder, "events_clock.csv"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


if __name__ == "__main__":
    target = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    belt(target)
    clock(target)
