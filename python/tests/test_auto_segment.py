"""With the real native module: an unchanged program's inferences are in its segment."""
import glob
import importlib.util
import os
import shutil
import sys
import tempfile
import textwrap
import unittest

import segment_reader
from auto_support import APPS, PYTHON, STANDINS, run_python

AUTO_FLAG, WAIT_FLAG = 8, 4


def build_package(folder):
    """A copy of the package with its native module for this interpreter. False: no compiler."""
    spec = importlib.util.spec_from_file_location(
        "backend", os.path.join(PYTHON, "_build", "backend.py"))
    backend = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(backend)
    shutil.copytree(os.path.join(PYTHON, "tacho"), os.path.join(folder, "tacho"),
                    ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    native = backend._compile(folder)
    if native:
        shutil.move(native, os.path.join(folder, "tacho"))
    return bool(native)


class Segments(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.folder = folder.name
        cls.addClassCleanup(folder.cleanup)
        if not build_package(cls.folder):
            raise unittest.SkipTest("no C compiler or no headers of Python here")
        cls.auto = os.path.join(cls.folder, "tacho", "auto", "sitecustomize")

    def run_program(self, arguments, path=(), env=None):
        """Returns the process; .segments: what each of its processes left."""
        with tempfile.TemporaryDirectory() as shm:
            variables = dict(env or {}, TACHO_SHM_DIR=shm)
            result = run_python(arguments, (self.auto, STANDINS) + tuple(path), variables)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            result.segments = [segment_reader.read(file)
                               for file in sorted(glob.glob(os.path.join(shm, "tacho.*")))]
        return result

    def write(self, text):
        file = os.path.join(self.folder, "program", "app.py")
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w") as out:
            out.write(textwrap.dedent(text))
        return file

    def test_an_unchanged_program_shows_its_inferences(self):
        result = self.run_program([os.path.join(APPS, "onnx_app.py"), "40"])
        self.assertEqual(result.stdout, "40 answers\n")
        channels = result.segments[0]
        self.assertEqual(sorted(channels), ["inference", "inference first", "onnxruntime run",
                                            "onnxruntime run first"])
        self.assertEqual(channels["inference first"].count, 1)
        self.assertEqual(channels["inference"].count, 39)
        self.assertEqual({channel.flags for channel in channels.values()}, {AUTO_FLAG})
        self.assertGreaterEqual(channels["inference"].sum_ns, channels["onnxruntime run"].sum_ns)

    def test_the_programs_own_tacho_writes_the_same_segment(self):
        file = self.write("""
            import onnxruntime, tacho
            session = onnxruntime.InferenceSession("m")
            for _ in range(5):
                session.run(None, 1)
                with tacho.span("own"):
                    pass
            """)
        result = self.run_program([file], (self.folder,))
        self.assertEqual(len(result.segments), 1)
        self.assertEqual(result.segments[0]["own"].count, 5)
        self.assertEqual(result.segments[0]["inference"].count, 4)

    def test_what_the_program_calls_inference_is_not_counted_twice(self):
        file = self.write("""
            import onnxruntime, tacho
            session = onnxruntime.InferenceSession("m")
            for _ in range(5):
                with tacho.span("inference"):
                    session.run(None, 1)
            """)
        channels = self.run_program([file], (self.folder,)).segments[0]
        self.assertEqual(channels["inference"].count, 5)
        self.assertEqual(channels["onnxruntime run"].count, 4)

    def test_a_forked_child_has_its_own(self):
        file = self.write("""
            import os, onnxruntime
            session = onnxruntime.InferenceSession("m")
            session.run(None, 1), session.run(None, 1)
            child = os.fork()
            for _ in range(3 if child else 6):
                session.run(None, 1)
            if child:
                os.waitpid(child, 0)
            """)
        result = self.run_program([file])
        self.assertEqual(sorted(channels["inference"].count for channels in result.segments),
                         [4, 6])

    def test_nothing_is_made_without_an_inference(self):
        self.assertEqual(self.run_program([self.write("import onnxruntime, torch\n")]).segments, [])

    def test_disabled(self):
        result = self.run_program([os.path.join(APPS, "onnx_app.py"), "3"],
                                  env={"TACHO_DISABLE": "1"})
        self.assertEqual((result.stdout, result.segments), ("3 answers\n", []))

    def test_without_the_native_module_nothing_is_hooked(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(os.path.join(self.folder, "tacho"), os.path.join(folder, "tacho"),
                            ignore=shutil.ignore_patterns("*.so"))
            file = self.write("""
                import onnxruntime
                print(hasattr(onnxruntime.InferenceSession.run, "__tacho_wrapped__"))
                """)
            auto = os.path.join(folder, "tacho", "auto", "sitecustomize")
            result = run_python([file], (auto, folder, STANDINS))
        self.assertEqual((result.stdout, result.stderr), ("False\n", ""))

    @unittest.skipUnless(importlib.util.find_spec("cv2"),
                         "cv2 is not installed for %s" % sys.executable)
    def test_opencv(self):
        file = self.write("""
            import cv2, numpy, sys
            writer = cv2.VideoWriter(sys.argv[1], cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
            for _ in range(6):
                writer.write(numpy.zeros((48, 64, 3), numpy.uint8))
            writer.release()
            capture = cv2.VideoCapture(sys.argv[1])
            while capture.read()[0]:
                pass
            """)
        channels = self.run_program([file, os.path.join(self.folder, "video.avi")]).segments[0]
        self.assertEqual(channels["opencv read"].count, 7)
        self.assertEqual(channels["opencv read"].flags, AUTO_FLAG | WAIT_FLAG)
        self.assertEqual(channels["video0"].kind, segment_reader.FRAME)
        self.assertEqual(channels["video0"].count, 5)  # times between 6 frames


if __name__ == "__main__":
    unittest.main()
