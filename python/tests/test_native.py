"""Spans and their kin, seen from outside: programs run, and their segments are read."""
import ast
import glob
import os
import pickle
import subprocess
import sys
import tempfile
import textwrap
import unittest

import tacho
from tacho import _probe

from segment_file import CLOSED, LIVE, Segment

HERE = os.path.dirname(os.path.abspath(__file__))


@unittest.skipUnless(_probe.is_native, "no native module: nothing is recorded")
class Programs(unittest.TestCase):
    """Each test runs a program of its own, in a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_program(self, source, expect=0, **environment):
        env = dict(os.environ, TACHO_SHM_DIR=self.folder, **environment)
        result = subprocess.run([sys.executable, "-c", textwrap.dedent(source)], env=env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                stdin=subprocess.DEVNULL, timeout=120, check=False)
        self.assertEqual(result.returncode, expect, result.stderr.decode())
        return result.stdout.decode()

    def segments(self):
        return [Segment(path) for path in sorted(glob.glob(self.folder + "/tacho.*"))]

    def test_everything_once(self):
        self.run_program("""
            import time, tacho
            with tacho.span("inference"):
                time.sleep(0.02)
            for length in (3, 9, 4):
                tacho.gauge("queue", length)
            tacho.counter("messages", 5)
            tacho.counter("messages")
            tacho.work("done", 2)
            tacho.dropped("lost")
            tacho.frame("camera")
            tacho.frame("camera")
            tacho.mark("after loading")
            """)
        segment, = self.segments()
        self.assertEqual(segment.state, CLOSED)
        span = segment.span("inference")
        self.assertEqual(span["count"], 1)
        self.assertEqual(span["errors"], 0)
        self.assertGreaterEqual(span["min_ns"], 20_000_000)
        self.assertEqual(segment.gauge("queue"), (3, 4.0, 3.0, 9.0))
        self.assertEqual(segment.counter("messages"), 6)
        self.assertEqual(segment.counter("done"), 2)
        self.assertEqual(segment.names["done"][2] & _probe.WORK, _probe.WORK)
        self.assertEqual(segment.names["lost"][2] & _probe.DROPPED, _probe.DROPPED)
        self.assertEqual(segment.counter("camera"), 2)
        (name, _, rss), = segment.marks()
        self.assertEqual(name, "after loading")
        self.assertGreater(rss, 1 << 20)

    def test_every_way_to_time(self):
        self.run_program("""
            import asyncio, tacho
            span = tacho.span("work")

            @span
            def function(a, b=1):
                return a + b

            class Model:
                @tacho.span("method")
                def __call__(self, x):
                    return x * 2

            @tacho.span("coroutine")
            async def coroutine(seconds):
                await asyncio.sleep(seconds)
                return seconds

            @tacho.span("steps")
            def steps(n):
                for i in range(n):
                    got = yield i
                return "end"

            async def both():
                async with tacho.span("waiting"):
                    await asyncio.sleep(0.03)

            async def main():
                assert await coroutine(0.01) == 0.01
                await asyncio.gather(both(), both(), both())

            assert function(1, b=2) == 3 and Model()(4) == 8
            try:
                function("a", 1)
            except TypeError:
                pass
            with span:
                with span:
                    pass
            asyncio.run(main())
            assert list(steps(3)) == [0, 1, 2]
            """)
        segment, = self.segments()
        self.assertEqual(segment.span("work")["count"], 4)
        self.assertEqual(segment.span("work")["errors"], 1)
        self.assertEqual(segment.span("method")["count"], 1)
        self.assertGreaterEqual(segment.span("coroutine")["min_ns"], 10_000_000)
        self.assertEqual(segment.span("waiting")["count"], 3)
        self.assertGreaterEqual(segment.span("waiting")["min_ns"], 30_000_000)
        self.assertEqual(segment.span("steps")["count"], 4)  # three values and the end

    def test_threads_add_up(self):
        self.run_program("""
            import threading, tacho
            def work():
                for _ in range(1000):
                    with tacho.span("s"):
                        tacho.counter("n")
            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            """)
        segment, = self.segments()
        self.assertEqual(segment.span("s")["count"], 8000)
        self.assertEqual(segment.counter("n"), 8000)

    def test_a_fork_has_a_segment_of_its_own(self):
        self.run_program("""
            import multiprocessing, tacho
            def child(n):
                for _ in range(n):
                    tacho.counter("n")
            tacho.counter("n")
            context = multiprocessing.get_context("fork")
            workers = [context.Process(target=child, args=(10,)) for _ in range(3)]
            for worker in workers: worker.start()
            for worker in workers: worker.join()
            """)
        self.assertEqual(sorted(segment.counter("n") for segment in self.segments()),
                         [1, 10, 10, 10])
        self.assertEqual({segment.state for segment in self.segments()}, {CLOSED})

    def test_what_was_killed_can_still_be_read(self):
        self.run_program("""
            import os, signal, tacho
            with tacho.span("done"):
                pass
            with tacho.span("outer"), tacho.span("inner"):
                os.kill(os.getpid(), signal.SIGKILL)
            """, expect=-9)
        segment, = self.segments()
        self.assertEqual(segment.state, LIVE)
        self.assertEqual(segment.span("done")["count"], 1)
        (_, names), = segment.open_spans()
        self.assertEqual(names, ["outer", "inner"])

    def test_switched_off_makes_no_file(self):
        out = self.run_program("""
            import tacho
            with tacho.span("s"):
                tacho.frame("c")
            print(repr(tacho.segment_path()))
            """, TACHO_DISABLE="1")
        self.assertEqual(out, "''\n")
        self.assertEqual(self.segments(), [])

    def test_a_folder_that_cannot_be_written_harms_nobody(self):
        out = self.run_program("""
            import os
            os.environ["TACHO_SHM_DIR"] = "/nonexistent/folder"
            import tacho
            with tacho.span("s"):
                tacho.mark("m")
            print(tacho.span("s").id)
            """)
        self.assertEqual(out, "0\n")

    def test_a_million_spans_take_no_memory(self):
        out = self.run_program("""
            import tacho
            from tacho import _process
            timed = tacho.span("t")(len)
            def work(n):
                for i in range(n):
                    with tacho.span("s"):
                        timed("abc")
            work(10000)
            before = _process.rss_bytes()
            work(1000000)
            print(_process.rss_bytes() - before)
            """)
        self.assertLess(int(out), 1 << 20)

    def test_what_programs_hand_over(self):
        """Whole numbers that are no int (numpy's), and a name that is no UTF-8 (os.fsdecode)."""
        self.run_program("""
            import os, tacho
            class Whole:
                def __index__(self):
                    return 7
            tacho.counter("n", Whole())
            tacho.frame(os.fsdecode(b"cam\\xff"))
            """)
        segment, = self.segments()
        self.assertEqual(segment.counter("n"), 7)
        self.assertEqual(segment.counter("cam?"), 1)

    def test_importing_loads_nothing_heavy(self):
        out = self.run_program("""
            import sys, tacho
            tacho.span("s")
            print([name for name in ("asyncio", "inspect", "ctypes", "statistics", "platform")
                   if name in sys.modules])
            """)
        self.assertEqual(out, "[]\n")


@tacho.span("module level")
def add(a, b):
    """Adds."""
    return a + b


class Objects(unittest.TestCase):
    """What stands in the place of a function has to behave like it."""

    def test_a_timed_function_is_like_the_function(self):
        import inspect
        self.assertEqual(add(1, b=2), 3)
        self.assertEqual(add.__name__, "add")
        self.assertEqual(add.__doc__, "Adds.")
        self.assertEqual(str(inspect.signature(add)), "(a, b)")
        self.assertIs(pickle.loads(pickle.dumps(add)), add)

    def test_it_binds_as_a_method(self):
        class Model:
            def run(self, x):
                return (self, x)
            run = _probe.timed(run, _probe.intern("run", _probe.SPAN))
        model = Model()
        self.assertEqual(model.run(3), (model, 3))
        self.assertEqual(Model.run(model, 4), (model, 4))

    def test_exceptions_pass(self):
        @tacho.span("raises")
        def raises():
            raise KeyError("x")
        with self.assertRaises(KeyError):
            raises()
        with self.assertRaises(ValueError):
            with tacho.span("raises"):
                raise ValueError

    def test_spans_are_one_per_name(self):
        self.assertIs(tacho.span("x"), tacho.span("x"))
        self.assertIs(pickle.loads(pickle.dumps(tacho.span("x"))), tacho.span("x"))
        for bad in (None, 3, ""):
            with self.assertRaises(TypeError):
                tacho.span(bad)

    def test_a_generator_gets_what_is_sent_and_thrown(self):
        @tacho.span("generator")
        def echo():
            got = yield "first"
            try:
                yield got
            except KeyError:
                yield "caught"
        generator = echo()
        self.assertEqual(next(generator), "first")
        self.assertEqual(generator.send("sent"), "sent")
        self.assertEqual(generator.throw(KeyError()), "caught")
        generator.close()

    @unittest.skipUnless(_probe.is_native, "no native module")
    def test_wrong_arguments_are_type_errors(self):
        for call in (lambda: _probe.begin("x"), lambda: _probe.intern("x"),
                     lambda: _probe.gauge(1, "x"), lambda: _probe.timed(3, 1)):
            with self.assertRaises(TypeError):
                call()
        for call in (lambda: tacho.frame(3), lambda: tacho.mark(None)):
            with self.assertRaisesRegex(TypeError, "a name is a text"):
                call()
        with self.assertRaises(ValueError):
            _probe.intern("x", 99)
        for bad in (-1, 1 << 64):
            with self.assertRaisesRegex(ValueError, "only grows"):
                tacho.counter("grows", bad)
        with self.assertRaises(TypeError):
            tacho.counter("grows", 1.5)
        _probe.end(4_000_000_000)  # an id of nobody records nothing

    def test_the_sources_are_python_3_8(self):
        top = os.path.dirname(HERE)
        paths = glob.glob(top + "/tacho/**/*.py", recursive=True) + glob.glob(top + "/_build/*.py")
        self.assertGreater(len(paths), 8)
        for path in paths:
            with open(path, encoding="utf-8") as file:
                ast.parse(file.read(), path, feature_version=(3, 8))


class WithoutNative(unittest.TestCase):
    """The pure package says so, and breaks nothing."""

    def test_it_works_and_warns_once(self):
        source = textwrap.dedent("""
            import sys, warnings
            sys.modules["tacho._native"] = None
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                import tacho
                with tacho.span("s"):
                    tacho.frame("c")
                @tacho.span("f")
                def f(x):
                    return x
                assert f(3) == 3 and not tacho.is_native and tacho.segment_path() == ""
            assert len(seen) >= 1 and "not recorded" in str(seen[0].message), seen
            block = bytearray(1)
            with tacho.PerformanceMonitor("cpu").measure() as m:
                block = bytearray(30 << 20)
            assert m["peak_memory_mb"] > 30, m
            """)
        subprocess.run([sys.executable, "-c", source], check=True, timeout=60)


if __name__ == "__main__":
    unittest.main()
