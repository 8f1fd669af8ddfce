"""The examples, run as a user runs them."""
import csv
import glob
import os
import statistics
import subprocess
import sys
import tempfile
import unittest

from tacho import _probe

from segment_file import Segment

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "examples")


@unittest.skipUnless(os.path.isdir(EXAMPLES), "the examples are not here")
class Examples(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_example(self, name, *arguments, expect=0):
        result = subprocess.run([sys.executable, os.path.join(EXAMPLES, name), *arguments],
                                env=dict(os.environ, TACHO_SHM_DIR=self.folder,
                                         PYTHONIOENCODING="utf-8"),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                                stdin=subprocess.DEVNULL, cwd=self.folder, check=False)
        self.assertEqual(result.returncode, expect, result.stderr.decode())
        return result.stdout.decode("utf-8")

    def read(self, pattern):
        path, = glob.glob(os.path.join(self.folder, pattern))
        with open(path, "rb") as file:
            self.assertEqual(file.read(3), b"\xef\xbb\xbf")
        with open(path, encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def test_tts_benchmark_writes_both_files(self):
        self.run_example("tts_benchmark.py", "--iterations", "2", "--texts", "Hi.", "안녕하세요")
        rows = self.read("benchmark_results_*.csv")
        self.assertEqual(list(rows[0])[:13], [
            "model", "text", "text_length", "iteration", "inference_time", "rtf",
            "peak_memory_mb", "cpu_percent", "memory_percent", "audio_duration", "sample_rate",
            "output_path", "timestamp"])
        self.assertEqual([row["iteration"] for row in rows], ["0", "0", "1", "1", "2", "2"])
        self.assertEqual(rows[1]["text"], "안녕하세요")
        for row in rows:
            self.assertEqual(float(row["audio_duration"]), round(0.06 * len(row["text"]), 4))
            self.assertAlmostEqual(float(row["rtf"]), float(row["inference_time"]) /
                                   float(row["audio_duration"]), delta=1e-4)
            self.assertTrue(os.path.exists(os.path.join(self.folder, row["output_path"])))
        summary, = self.read("summary_statistics_*.csv")
        steady = [float(row["inference_time"]) for row in rows[2:]]
        self.assertEqual(summary["test_count"], "4")
        self.assertAlmostEqual(float(summary["inference_time_mean"]), statistics.mean(steady),
                               delta=1e-4)
        self.assertAlmostEqual(float(summary["inference_time_std"]), statistics.stdev(steady),
                               delta=1e-4)
        self.assertEqual(summary["inference_time_first"], rows[0]["inference_time"])

    def test_tts_benchmark_one_file_per_model(self):
        self.run_example("tts_benchmark.py", "--iterations", "1", "--texts", "a", "--per-model",
                         "--no-warmup")
        summary, = self.read("summary_statistics_tone_*.csv")
        self.assertEqual(summary["inference_time_std"], "")  # of one value there is none
        self.run_example("tts_benchmark.py", "--iterations", "0", expect=2)

    @unittest.skipUnless(_probe.is_native, "no native module: nothing is recorded")
    def test_recorder(self):
        out = self.run_example("recorder.py", "--seconds", "0.5", "--rate", "100", "--leak",
                               "--message-kb", "4")
        self.assertIn("received 50, written 50, dropped 0", out)
        path, = glob.glob(os.path.join(self.folder, "tacho.*"))
        segment = Segment(path)
        self.assertEqual(segment.counter("received"), 50)
        self.assertEqual(segment.names["received"][2] & _probe.WORK, _probe.WORK)
        self.assertEqual(segment.counter("written"), 50)
        self.assertEqual(segment.gauge("second_queue")[3], 50)  # nobody reads it
        self.assertEqual([name for name, _, _ in segment.marks()],
                         ["init_start", "after BagRecorder", "ready", "after_stop"])

    @unittest.skipUnless(_probe.is_native, "no native module: nothing is recorded")
    def test_recorder_drops_what_a_slow_disk_cannot_take(self):
        self.run_example("recorder.py", "--seconds", "0.4", "--rate", "200", "--queue", "2",
                         "--write-ms", "50", "--message-kb", "1")
        path, = glob.glob(os.path.join(self.folder, "tacho.*"))
        segment = Segment(path)
        self.assertGreater(segment.counter("dropped"), 0)
        self.assertEqual(segment.counter("dropped") + segment.counter("written"),
                         segment.counter("received"))
        self.assertLessEqual(segment.gauge("queue")[3], 2)


if __name__ == "__main__":
    unittest.main()
