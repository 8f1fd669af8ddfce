"""PerformanceMonitor: what is measured against what is known, and the sums against textbooks."""
import asyncio
import ctypes
import math
import socket
import statistics
import sys
import threading
import time
import types
import unittest
from unittest import mock

import tacho
from tacho import _gpu, _statistics, compat


def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


class Measures(unittest.TestCase):
    def setUp(self):
        self.monitor = tacho.PerformanceMonitor("cpu")

    def test_time_and_cpu_of_the_block(self):
        with self.monitor.measure() as m:
            begin = time.monotonic()
            spin(0.05)
            time.sleep(0.1)
            inside = time.monotonic() - begin
        self.assertGreaterEqual(m["inference_time"], round(inside, 6) - 1e-6)
        self.assertEqual(m["device"], "cpu")
        cpu_s = m["cpu_percent"] / 100 * m["inference_time"]
        self.assertGreaterEqual(cpu_s, 0.049)
        self.assertGreaterEqual(m["off_cpu_s"], 0.099)
        self.assertIsNone(m["network_wait_s"])

    def test_cpu_is_that_of_all_threads(self):
        with self.monitor.measure() as m:
            thread = threading.Thread(target=spin, args=(0.05,))
            thread.start()
            thread.join()
        self.assertGreaterEqual(m["cpu_percent"] / 100 * m["inference_time"], 0.049)
        self.assertGreater(m["off_cpu_s"], 0)

    def test_a_peak_that_is_gone_at_the_end_is_seen(self):
        with self.monitor.measure() as m:
            block = bytearray(b"x") * (120 << 20)
            del block
        self.assertTrue(m["peak_is_exact"])
        self.assertGreater(m["peak_memory_mb"], 120)
        self.assertLess(m["memory_growth_mb"], 60)
        # Again, below the process's largest: seen by looking, so the block has to stay a while.
        with self.monitor.measure() as m:
            block = bytearray(b"x") * (60 << 20)
            time.sleep(0.05)
            del block
        self.assertFalse(m["peak_is_exact"])
        self.assertGreater(m["peak_memory_mb"], 60)

    def test_nested_and_in_threads(self):
        results = []

        def one():
            with self.monitor.measure() as m:
                time.sleep(0.02)
            results.append(m["inference_time"])
        with self.monitor.measure() as outer:
            threads = [threading.Thread(target=one) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            one()
        self.assertEqual(len(results), 5)
        self.assertGreaterEqual(outer["inference_time"], 0.04)
        self.assertTrue(all(value >= 0.02 for value in results))

    def test_an_exception_passes_and_counts_nowhere(self):
        with self.assertRaises(KeyError):
            with self.monitor.measure() as m:
                raise KeyError
        self.assertIn("inference_time", m)
        self.assertEqual(self.monitor.summary(), {"n": 0, "warmup_n": 0})

    def test_coroutines(self):
        async def main():
            async with self.monitor.measure() as m:
                await asyncio.sleep(0.02)
            return m
        self.assertGreaterEqual(asyncio.run(main())["inference_time"], 0.02)

    def test_pauses_of_the_collector(self):
        import gc
        with self.monitor.measure() as m:
            cycles = [[] for _ in range(50000)]
            for item in cycles:
                item.append(item)
            del cycles, item
            gc.collect()
        self.assertGreaterEqual(m["gc_collections"], 1)
        self.assertGreater(m["gc_pause_s"], 0)

    def test_waiting_for_a_socket(self):
        monitor = tacho.PerformanceMonitor("cpu", network=True)
        methods = dict(vars(socket.socket))
        here, there = socket.socketpair()
        self.addCleanup(here.close)
        self.addCleanup(there.close)

        def answer():
            time.sleep(0.1)
            there.sendall(b"x")
        thread = threading.Thread(target=answer)
        with monitor.measure() as m:
            thread.start()
            here.recv(1)
            spin(0.01)
        thread.join()
        self.assertGreaterEqual(m["network_wait_s"], 0.09)
        self.assertLess(m["network_wait_s"], m["inference_time"])
        self.assertEqual(dict(vars(socket.socket)), methods)  # all is as it was

    def test_bad_devices(self):
        with self.assertRaises(ValueError):
            tacho.PerformanceMonitor("tpu")
        if tacho.get_system_info()["gpu_available"]:
            self.skipTest("there is a GPU")
        with self.assertRaises(RuntimeError):
            tacho.PerformanceMonitor("cuda")
        self.assertEqual(tacho.PerformanceMonitor("auto").device, "cpu")

    def test_one_measure_used_twice_is_two(self):
        measure = self.monitor.measure()
        with measure as first:
            pass
        with measure as second:
            time.sleep(0.01)
        self.assertIsNot(first, second)
        self.assertLess(first["inference_time"], second["inference_time"])
        self.assertEqual(self.monitor.summary()["n"], 2)


class FakeNvml:
    """A GPU that is busy by 40 and 80 %, in turn, and holds 1 GB of 4."""

    def __init__(self):
        self.loads = 0

    def nvmlDeviceGetMemoryInfo(self, device, value):
        value._obj.total, value._obj.used = 4 << 30, 1 << 30
        return 0

    def nvmlDeviceGetUtilizationRates(self, device, value):
        self.loads += 1
        value._obj.gpu = 40 if self.loads % 2 else 80
        return 0

    def nvmlDeviceGetTemperature(self, device, kind, value):
        value._obj.value = 61
        return 0


class FakeCuda:
    """What is asked of torch.cuda; what is done with it is written down."""

    def __init__(self, is_initialized=True):
        self.done, self.ready, self.allocated = [], is_initialized, 100 << 20

    def is_available(self):
        return True

    def is_initialized(self):
        return self.ready

    def synchronize(self):
        self.done.append("synchronize")

    def reset_peak_memory_stats(self):
        self.done.append("reset")

    def memory_allocated(self):
        return self.allocated

    def max_memory_allocated(self):
        return self.allocated + (50 << 20)


class Gpu(unittest.TestCase):
    """The NVIDIA driver and torch are stand-ins: what is asked of them, when, and what becomes of it."""

    def setUp(self):
        library = FakeNvml()
        patch = mock.patch.dict(_gpu._state, nvml=(library, ctypes.c_void_p()))
        patch.start()
        self.addCleanup(patch.stop)
        self.library = library
        self.monitor = tacho.PerformanceMonitor("auto")
        self.assertEqual(self.monitor.device, "cuda")

    def use_torch(self, cuda):
        patch = mock.patch.dict(sys.modules, torch=types.SimpleNamespace(cuda=cuda))
        patch.start()
        self.addCleanup(patch.stop)
        return cuda

    def wait_for_loads(self, count):
        while self.library.loads < count:
            time.sleep(0.01)

    def test_torch_is_waited_for_and_asked(self):
        cuda = self.use_torch(FakeCuda())
        with self.monitor.measure() as m:
            cuda.done.append("block")
            cuda.allocated += 10 << 20
            self.wait_for_loads(2)
        # What was queued before is waited for first, what the block queued at its end.
        self.assertEqual(cuda.done, ["reset", "synchronize", "block", "synchronize"])
        self.assertEqual((m["gpu_memory_mb"], m["gpu_memory_allocated"]), (110, 10))
        self.assertEqual(m["gpu_max_memory_mb"], 160)
        self.assertEqual((m["device"], m["gpu_temperature"]), ("cuda", 61))
        self.assertGreater(m["gpu_utilization"], 40)  # sampled while it ran: more than one sample
        self.assertLess(m["gpu_utilization"], 80)
        self.assertNotIn("asynchronous", m)

    def test_a_block_that_is_the_first_to_use_cuda(self):
        cuda = self.use_torch(FakeCuda(is_initialized=False))
        with self.monitor.measure() as m:
            cuda.ready = True
        self.assertEqual(cuda.done, ["synchronize"])
        self.assertEqual((m["gpu_memory_mb"], m["gpu_memory_allocated"]), (100, 100))
        self.assertNotIn("asynchronous", m)

    def test_without_cuda_in_the_process_nothing_can_be_queued(self):
        with self.monitor.measure() as m:
            pass
        self.assertEqual((m["gpu_memory_mb"], m["gpu_memory_allocated"]), (1024, 0))
        with open("/proc/self/maps", encoding="utf-8") as file:
            has_cuda = "libcuda.so" in file.read()
        self.assertEqual("asynchronous" in m, has_cuda)

    def test_cuda_without_a_context_to_wait_with_is_said(self):
        with mock.patch.object(_gpu, "_wait_by_driver", lambda: False):
            with self.monitor.measure() as m:
                pass
        self.assertIn("may go on after the block", m["asynchronous"])


class Sums(unittest.TestCase):
    def test_real_time_factor(self):
        self.assertEqual(tacho.calculate_rtf(1.0, 3.0), 0.3333)
        self.assertEqual(tacho.calculate_rtf(0, 3.0), 0)
        for time_s, audio_s in ((1, 0), (1, -1), (-1, 1), (math.nan, 1), (1, math.nan)):
            with self.assertRaises(ValueError):
                tacho.calculate_rtf(time_s, audio_s)
        self.assertEqual([tacho.rtf_rating(value) for value in (0.49, 0.5, 0.99, 1, 1.01)],
                         ["very fast", "faster than real time", "faster than real time",
                          "real time", "slower than real time"])
        for bad in (-0.1, math.nan):
            with self.assertRaises(ValueError):
                tacho.rtf_rating(bad)

    def test_t_against_tables(self):
        # Tables of Student's t, 97.5 %.
        for degrees, value in ((1, 12.706), (5, 2.571), (20, 2.086), (21, 2.0796), (30, 2.0423),
                               (60, 2.0003), (120, 1.9799), (1000, 1.9623)):
            self.assertAlmostEqual(_statistics.t_95(degrees), value, delta=6e-4)

    def test_warmup(self):
        # The first call of a text-to-speech model took 3.16 s, all others about 0.125 s.
        times = [3.1556] + [0.1251 + 0.001 * (i % 5) for i in range(49)]
        self.assertEqual(_statistics.warmup_count(times), 1)
        self.assertEqual(_statistics.warmup_count([9, 5] + [1, 1.01, 0.99, 1, 1.02]), 2)
        self.assertEqual(_statistics.warmup_count([1, 1.01, 0.99, 1, 1.02]), 0)
        self.assertEqual(_statistics.warmup_count([]), 0)
        self.assertEqual(_statistics.warmup_count([9, 1, 1]), 0)  # too few to say

    def test_ratio(self):
        # By hand: r = 6/12; residuals 0, 0.5, -0.5; s² = 0.5/(3·2); / mean 4.
        ratio, (low, high) = _statistics.ratio_interval([1, 2.5, 2.5], [2, 4, 6])
        self.assertAlmostEqual(ratio, 0.5)
        half = 4.3027 * math.sqrt(0.5 / 6) / 4
        self.assertAlmostEqual(low, 0.5 - half, places=9)
        self.assertAlmostEqual(high, 0.5 + half, places=9)
        self.assertEqual(_statistics.ratio_interval([1], [2]), (0.5, None))

    def test_summary(self):
        monitor = tacho.PerformanceMonitor("cpu")
        times = [5.0, 1.0, 1.2, 0.9, 1.1, 1.0]
        for seconds in times:
            monitor._results.append({"inference_time": seconds, "memory_growth_mb": 2.0,
                                     "audio_duration": 4.0})
        summary = monitor.summary()
        steady = times[1:]
        self.assertEqual((summary["n"], summary["warmup_n"], summary["first_s"]), (5, 1, 5.0))
        self.assertEqual(summary["median_s"], statistics.median(steady))
        self.assertAlmostEqual(summary["std_s"], statistics.stdev(steady))
        half = 2.7764 * statistics.stdev(steady) / math.sqrt(5)
        self.assertAlmostEqual(summary["mean_ci_s"][0], statistics.mean(steady) - half)
        self.assertAlmostEqual(summary["rtf"], sum(steady) / 20)
        self.assertEqual(summary["rtf_rating"], "very fast")
        self.assertEqual(summary["memory_growth_mb_each"], 2.0)


class Compatible(unittest.TestCase):
    def test_the_old_keys_and_rounding(self):
        monitor = compat.PerformanceMonitor(device="auto")
        with monitor.measure() as metrics:
            time.sleep(0.01)
        for key in ("device", "inference_time", "peak_memory_mb", "cpu_percent", "memory_percent"):
            self.assertIn(key, metrics)
        self.assertEqual(metrics["inference_time"], round(metrics["inference_time"], 4))
        self.assertEqual(metrics["peak_memory_mb"], round(metrics["peak_memory_mb"], 2))
        self.assertEqual(monitor.calculate_rtf(1, 4), 0.25)
        self.assertEqual(set(monitor.get_system_info()), {
            "cpu_count", "cpu_count_physical", "total_memory_gb", "available_memory_gb",
            "gpu_available", "gpu_name", "gpu_total_memory_gb", "cuda_version"})

    def test_an_exception_fills_it_all_the_same(self):
        with self.assertRaises(KeyError):
            with compat.PerformanceMonitor().measure() as metrics:
                raise KeyError
        self.assertIn("inference_time", metrics)


if __name__ == "__main__":
    unittest.main()
