"""A drop-in for the PerformanceMonitor that people wrote around their text-to-speech models: the same
names, keys and rounding; the numbers behind them are right (tacho.PerformanceMonitor says what they
are). `device` is kept as it was given; "cuda" without a GPU measures as "cpu", as it did there.
"""
import contextlib

from tacho import _monitor

__all__ = ("PerformanceMonitor",)

_DIGITS = {"inference_time": 4, "peak_memory_mb": 2, "cpu_percent": 1, "memory_percent": 2,
           "gpu_memory_mb": 2, "gpu_max_memory_mb": 2, "gpu_memory_allocated": 2,
           "gpu_utilization": 1, "gpu_temperature": 0}


class PerformanceMonitor:
    """PerformanceMonitor(device="auto"): measure(), calculate_rtf(), get_system_info()."""

    def __init__(self, device="auto"):
        try:
            self._monitor = _monitor.PerformanceMonitor(device)
        except RuntimeError:
            self._monitor = _monitor.PerformanceMonitor("cpu")
        self.device = self._monitor.device

    @contextlib.contextmanager
    def measure(self):
        """Yields a dictionary that is filled when the block ends, also by an exception."""
        metrics = {}
        block = self._monitor.measure()
        try:
            with block as found:
                yield metrics
        finally:
            metrics["device"] = self.device
            for key, digits in _DIGITS.items():
                if key in found:
                    value = found[key]
                    metrics[key] = None if value is None else round(value, digits)

    def calculate_rtf(self, inference_time, audio_duration):
        """Seconds of computing per second of audio, 4 digits; ValueError as tacho.calculate_rtf."""
        return _monitor.calculate_rtf(inference_time, audio_duration)

    def get_system_info(self):
        """What this machine has: the old keys."""
        info = _monitor.get_system_info()
        return {key: info[key] for key in (
            "cpu_count", "cpu_count_physical", "total_memory_gb", "available_memory_gb",
            "gpu_available", "gpu_name", "gpu_total_memory_gb", "cuda_version")}
