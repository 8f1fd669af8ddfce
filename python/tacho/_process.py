"""What this process uses, from /proc; None where it cannot be had."""
import gc
import os
import threading
import time

from tacho import _probe

MB = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_POLL_S = 0.005


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _field_kb(text, key):
    """The number behind "KEY:" in a file like /proc/meminfo, in bytes."""
    begin = text.find(key + b":")
    if begin < 0:
        return None
    words = text[begin + len(key) + 1:].split(None, 1)
    return int(words[0]) * 1024 if words and words[0].isdigit() else None


def rss_bytes():
    words = _read("/proc/self/statm").split()
    return int(words[1]) * _PAGE if len(words) > 1 else None


def high_water_bytes():
    """The largest resident set that this process ever had."""
    return _field_kb(_read("/proc/self/status"), b"VmHWM")


def memory_bytes():
    """All memory, and what programs can get without swapping."""
    text = _read("/proc/meminfo")
    return _field_kb(text, b"MemTotal"), _field_kb(text, b"MemAvailable")


def physical_cores():
    """Cores, of which each may run several threads; None: /proc/cpuinfo does not say (ARM)."""
    cores, package = set(), b""
    for line in _read("/proc/cpuinfo").splitlines():
        key, _, value = line.partition(b":")
        if key.strip() == b"physical id":
            package = value.strip()
        elif key.strip() == b"core id":
            cores.add((package, value.strip()))
    return len(cores) or None


class Peak:
    """The largest resident set while it is open.

    If the process's high-water mark rose meanwhile, that is it, exactly. Otherwise the largest of what
    was seen every few milliseconds, which is a lower bound: the kernel's mark is not reset, because
    whoever measures this process from outside (wait4, /usr/bin/time, tacho) reads it, too.
    """

    def __init__(self):
        self.begin_rss = rss_bytes()
        self._high = high_water_bytes()
        self._handle = _probe.peak_begin()
        self._largest, self._thread = 0, None
        if self._handle < 0:
            self._is_over = threading.Event()
            self._thread = threading.Thread(target=self._watch, name="tacho-peak", daemon=True)
            self._thread.start()

    def _watch(self):
        while True:
            self._largest = max(self._largest, rss_bytes() or 0)
            if self._is_over.wait(_POLL_S):
                return

    def close(self):
        """(bytes or None, whether that is exact)"""
        if self._thread:
            self._is_over.set()
            self._thread.join()
            seen = self._largest
        else:
            seen = _probe.peak_end(self._handle)
        self.end_rss, high = rss_bytes(), high_water_bytes()
        if high is not None and self._high is not None and high > self._high:
            return high, True
        largest = max(seen, self.begin_rss or 0, self.end_rss or 0)
        return (largest or None), False


class GarbageWatch:
    """Pauses of the garbage collector while it is open, in the threads of this interpreter."""

    def __init__(self):
        self.pause_s, self.collections, self._began = 0.0, [0, 0, 0], None
        gc.callbacks.append(self._see)

    def _see(self, phase, info):
        if phase == "start":
            self._began = time.monotonic()
        elif self._began is not None:
            self.pause_s += time.monotonic() - self._began
            self._began = None
            self.collections[min(info.get("generation", 0), 2)] += 1

    def close(self):
        gc.callbacks.remove(self._see)
