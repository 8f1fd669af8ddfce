"""PerformanceMonitor: what a block of a program costs."""
import os
import platform
import statistics
import threading
import time

from tacho import _gpu, _network, _process, _statistics

_ASYNCHRONOUS = ("the GPU's work is queued and may go on after the block: this thread has neither "
                 "torch nor a CUDA context to wait with")


def calculate_rtf(inference_time, audio_duration):
    """Real-time factor: seconds of computing per second of audio.

    ValueError: audio_duration is not above 0, or inference_time is below 0.
    """
    if not audio_duration > 0:
        raise ValueError("audio_duration must be above 0, not %r" % (audio_duration,))
    if not inference_time >= 0:
        raise ValueError("inference_time must not be below 0, not %r" % (inference_time,))
    return round(inference_time / audio_duration, 4)


def rtf_rating(rtf):
    """What a real-time factor means, in words. ValueError: it is none (below 0, not a number)."""
    if not rtf >= 0:
        raise ValueError("a real-time factor is not below 0: %r" % (rtf,))
    if rtf < 0.5:
        return "very fast"
    if rtf < 1:
        return "faster than real time"
    return "real time" if rtf == 1 else "slower than real time"


def get_system_info():
    """What this machine has; None where it cannot be told. Memory in 2^30 bytes."""
    total, available = _process.memory_bytes()
    _, gpu_total = _gpu.memory()
    gb = (lambda value: None if value is None else round(value / (1 << 30), 2))
    name = _gpu.name()
    return {
        "cpu_count": os.cpu_count(),
        "cpu_count_physical": _process.physical_cores(),
        "total_memory_gb": gb(total),
        "available_memory_gb": gb(available),
        "gpu_available": name is not None,
        "gpu_name": name,
        "gpu_total_memory_gb": gb(gpu_total),
        "cuda_version": _gpu.cuda_version(),
        "platform": platform.platform(),
        "python_version": platform.python_version(),
    }


class _Measure:
    """One block. Sync and async: `with` and `async with` do the same."""

    def __init__(self, monitor):
        self._monitor = monitor
        self._result = {}

    def __enter__(self):
        monitor, self._result = self._monitor, {}  # a new one, should this be entered again
        self._network = _network.NetworkWatch() if monitor.network else None
        self._garbage = _process.GarbageWatch()
        self._gpu = _gpu.GpuWatch() if monitor.device == "cuda" else None
        if self._gpu:
            self._gpu.synchronize()  # what was queued before is not this block's
        self._peak = _process.Peak()
        self._thread, self._thread_cpu = threading.get_ident(), time.thread_time()
        # CPU time is asked for outside the block, so it is divided by the time that it is of.
        self._cpu_begin = time.monotonic()
        self._cpu = time.process_time()
        self._begin = time.monotonic()
        return self._result

    def __exit__(self, exception, value, traceback):
        is_done = self._gpu.synchronize() if self._gpu else True
        passed = time.monotonic() - self._begin
        cpu = time.process_time() - self._cpu
        cpu_passed = time.monotonic() - self._cpu_begin
        own = (time.thread_time() - self._thread_cpu
               if threading.get_ident() == self._thread else None)
        peak, is_exact = self._peak.close()
        self._garbage.close()
        if self._network:
            self._network.close()
        self._fill(passed, cpu / cpu_passed if cpu_passed > 0 else None, own, peak, is_exact)
        if self._gpu:
            self._result.update(self._gpu.close())
            if not is_done:
                self._result["asynchronous"] = _ASYNCHRONOUS
        if exception is None:
            self._monitor._results.append(self._result)

    def _fill(self, passed, load, own, peak, is_exact):
        total, _ = _process.memory_bytes()
        growth = (self._peak.end_rss - self._peak.begin_rss
                  if None not in (self._peak.end_rss, self._peak.begin_rss) else None)
        mb = (lambda value: None if value is None else round(value / _process.MB, 2))
        self._result.update(
            device=self._monitor.device,
            inference_time=round(passed, 6),
            peak_memory_mb=mb(peak),
            peak_is_exact=is_exact,
            memory_growth_mb=mb(growth),
            memory_percent=round(100 * peak / total, 2) if peak and total else None,
            cpu_percent=None if load is None else round(100 * load, 1),
            off_cpu_s=None if own is None else round(max(passed - own, 0), 6),
            network_wait_s=round(self._network.wait_s, 6) if self._network else None,
            gc_pause_s=round(self._garbage.pause_s, 6),
            gc_collections=sum(self._garbage.collections),
        )

    async def __aenter__(self):
        return self.__enter__()

    async def __aexit__(self, exception, value, traceback):
        self.__exit__(exception, value, traceback)


class PerformanceMonitor:
    """Measures blocks of a program, one after the other.

        monitor = PerformanceMonitor()
        for text in texts:
            with monitor.measure() as m:
                audio = model(text)
            m["audio_duration"] = audio.seconds
        print(monitor.summary())

    device: "cpu", "cuda", or "auto" (cuda where an NVIDIA driver answers). network: also tell how long
    the block's thread waited for sockets. A measure that ends by an exception fills its dictionary and
    counts in no summary. Blocks may be nested and may run in several threads at once; CPU and memory
    are those of the process, so that such blocks see each other's.
    """

    def __init__(self, device="auto", network=False):
        if device not in ("auto", "cpu", "cuda"):
            raise ValueError("device must be 'auto', 'cpu' or 'cuda', not %r" % (device,))
        has_gpu = device != "cpu" and _gpu.nvml()[0] is not None
        if device == "cuda" and not has_gpu:
            raise RuntimeError("no NVIDIA GPU can be used here: %s" % _gpu.nvml()[1])
        self.device = "cuda" if has_gpu else "cpu"
        self.network = network
        self._results = []

    def measure(self):
        """A context manager; the dictionary that it gives is filled when the block ends.

        inference_time (s, wall, monotonic clock), peak_memory_mb and memory_percent (resident set of
        the process, largest within the block; exact where peak_is_exact, else a lower bound),
        memory_growth_mb (end less begin), cpu_percent (CPU time of the process over the time of the
        block; 100 is one core), off_cpu_s (time that this thread did not run: waiting for a device, a
        lock, the network or its turn), network_wait_s (None unless asked for), gc_pause_s,
        gc_collections, device; with a GPU gpu_memory_mb, gpu_max_memory_mb, gpu_memory_allocated (end
        less begin), gpu_utilization (mean over the block), gpu_temperature, and `asynchronous` where
        its work may go on after the block.
        """
        return _Measure(self)

    def calculate_rtf(self, inference_time, audio_duration):
        """See tacho.calculate_rtf."""
        return calculate_rtf(inference_time, audio_duration)

    def get_system_info(self):
        """See tacho.get_system_info."""
        return get_system_info()

    def summary(self):
        """What the blocks so far come to, warm-up apart.

        n (in the steady part), warmup_n, first_s, median_s, mean_s, mean_ci_s (95 %, Student's t),
        std_s (n-1), min_s, max_s, memory_growth_mb_each (mean); and where blocks have audio_duration:
        rtf (sum of times over sum of audio), rtf_ci (95 %), rtf_rating. None: too few.
        """
        results = list(self._results)
        times = [result["inference_time"] for result in results]
        if not times:
            return {"n": 0, "warmup_n": 0}
        skipped = _statistics.warmup_count(times)
        steady = times[skipped:]
        growth = [result["memory_growth_mb"] for result in results[skipped:]
                  if result["memory_growth_mb"] is not None]
        summary = {
            "n": len(steady),
            "warmup_n": skipped,
            "first_s": times[0],
            "median_s": statistics.median(steady),
            "mean_s": statistics.mean(steady),
            "mean_ci_s": _statistics.mean_interval(steady),
            "std_s": statistics.stdev(steady) if len(steady) > 1 else None,
            "min_s": min(steady),
            "max_s": max(steady),
            "memory_growth_mb_each": statistics.mean(growth) if growth else None,
        }
        spoken = [result for result in results[skipped:] if result.get("audio_duration")]
        if spoken:
            rtf, interval = _statistics.ratio_interval(
                [result["inference_time"] for result in spoken],
                [result["audio_duration"] for result in spoken])
            summary.update(rtf=rtf, rtf_ci=interval, rtf_rating=rtf_rating(rtf))
        return summary
