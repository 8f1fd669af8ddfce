"""How calls are timed: pitfalls 5 (generators, coroutines), 6 (wrapping), 7 (exceptions)."""
import asyncio
import functools
import gc
import inspect
import pickle
import threading
import unittest
import weakref

from auto_support import Probe
from tacho.auto.timing import MARK, Recorder
from tacho.auto.tools import Tools


class Thing:
    """What tensors look like to us: weakly referenced."""


def module_function(value):
    """Doubles."""
    return value * 2


class Engine:
    def run(self, value, other=None):
        """Runs."""
        if isinstance(value, BaseException):
            raise value
        return value

    def twice(self, value):
        return self.run(self.run(value))

    def items(self, count):
        for index in range(count):
            yield index
        return "end"

    async def later(self, value):
        await asyncio.sleep(0)
        return self.run(value)

    async def stream(self, count):
        for index in range(count):
            await asyncio.sleep(0)
            yield index

    @staticmethod
    def fixed(value):
        return value

    @classmethod
    def of(cls, value):
        return (cls.__name__, value)


class Derived(Engine):
    def run(self, value, other=None):
        return super().run(value, other)


def engine_class():
    """A copy, so that no test sees what another one patched."""
    return type("Engine", (Engine,), {name: item for name, item in vars(Engine).items()
                                      if name not in ("__dict__", "__weakref__")})


class TimingTest(unittest.TestCase):
    def setUp(self):
        self.probe = Probe()
        self.tools = Tools(Recorder(self.probe))
        self.engine_class = engine_class()

    def hook(self, *methods, **options):
        for method in methods:
            self.assertTrue(self.tools.model(self.engine_class, method, "lib run", **options))
        return self.engine_class()


class Calls(TimingTest):
    def test_first_call_of_each_model_is_kept_apart(self):
        first, second = self.hook("run"), self.engine_class()
        for engine in (first, first, first, second, second):
            engine.run(1)
        self.assertEqual(self.probe.count("inference"), 3)
        self.assertEqual(self.probe.count("lib run"), 3)
        self.assertEqual(self.probe.count("inference first"), 2)
        self.assertEqual(self.probe.count("lib run first"), 2)

    def test_spans_nest_as_inference_around_the_librarys_own(self):
        engine = self.hook("run")
        engine.run(1)
        self.assertEqual(self.probe.done, [("lib run first", False), ("inference first", False)])
        self.assertEqual(self.probe.open[threading.get_ident()], [])

    def test_result_and_arguments_are_the_same_objects(self):
        engine, thing = self.hook("run"), Thing()
        self.assertIs(engine.run(thing, other=3), thing)

    def test_super_and_self_calls_count_once(self):
        engine = self.hook("run", "twice")
        engine.twice(1)
        engine.twice(1)
        self.assertEqual(self.probe.count("inference first"), 1)
        self.assertEqual(self.probe.count("inference"), 1)

        class Sub(self.engine_class):
            def run(self, value, other=None):
                return super().run(value, other)

        self.assertTrue(self.tools.model(Sub, "run", "lib run"))
        self.probe.done.clear()
        sub = Sub()
        sub.run(1)
        sub.run(1)
        self.assertEqual(self.probe.count("inference"), 1)
        self.assertEqual(self.probe.count("lib run"), 1)

    def test_library_inside_a_library_is_one_inference(self):
        inner_class, inner_tools = engine_class(), Tools(self.tools.recorder)
        inner_tools.model(inner_class, "run", "inner run")
        inner = inner_class()
        outer_class = self.engine_class
        outer_class.run = lambda self, value: inner.run(value)
        outer = self.hook("run")
        for _ in range(3):
            outer.run(1)
        self.assertEqual(self.probe.count("inference"), 2)
        self.assertEqual(self.probe.count("lib run"), 2)
        self.assertEqual(self.probe.count("inner run"), 2)

    def test_threads_do_not_hide_each_other(self):
        engine = self.hook("run")
        engine.run(1)
        inside, go = threading.Event(), threading.Event()

        class Waits:
            def run(self):
                inside.set()
                go.wait(10)

        self.tools.model(Waits, "run", "lib run")
        waits = Waits()
        thread = threading.Thread(target=waits.run)
        thread.start()
        inside.wait(10)
        engine.run(1)
        self.assertEqual(self.probe.count("inference"), 1)
        go.set()
        thread.join()

    def test_what_is_no_model_is_not_timed(self):
        engine = self.hook("run", accept=lambda model: False)
        engine.run(1)
        self.assertEqual(self.probe.done, [])

    def test_accept_is_asked_once_per_model(self):
        asked = []
        engine = self.hook("run", accept=lambda model: asked.append(1) or True)
        for _ in range(5):
            engine.run(1)
        self.assertEqual(len(asked), 1)

    def test_models_are_not_kept_alive_nor_mistaken_for_one_another(self):
        engine = self.hook("run")
        engine.run(1)
        gone = weakref.ref(engine)
        del engine
        gc.collect()
        self.assertIsNone(gone())
        self.assertEqual(self.tools.timer("lib run")._models, {})

    def test_objects_without_weak_references(self):
        class Slots:
            __slots__ = ()

            def run(self):
                return 1

        self.tools.model(Slots, "run", "slots run")
        for _ in range(3):
            Slots().run()
        self.assertEqual(self.probe.count("slots run first"), 1)
        self.assertEqual(self.probe.count("slots run"), 2)

    def test_names_are_interned_when_something_is_recorded(self):
        engine = self.hook("run", "items", "later")
        self.assertEqual(self.probe.names, [])
        engine.run(1)
        self.assertEqual(len(self.probe.names), 2)

    def test_every_name_is_flagged_as_recorded_by_a_hook(self):
        engine = self.hook("run")
        engine.run(1)
        self.assertEqual({flags for _, _, flags in self.probe.names}, {Probe.AUTO})

    def test_waiting_is_flagged(self):
        self.tools.span(self.engine_class, "run", "lib wait", wait=True)
        self.engine_class().run(1)
        self.assertEqual(self.probe.flags("lib wait"), Probe.AUTO | Probe.WAIT)

    def test_our_own_mistake_does_not_reach_the_program(self):
        def mistake(_model):
            raise ZeroDivisionError

        engine = self.hook("run", accept=mistake)
        self.assertEqual(engine.run(5), 5)
        self.assertEqual(self.probe.done, [])


class Wrapping(TimingTest):
    def test_metadata_and_signature_are_kept(self):
        self.hook("run")
        wrapped = vars(self.engine_class)["run"]
        self.assertEqual(wrapped.__name__, "run")
        self.assertEqual(wrapped.__doc__, "Runs.")
        self.assertIs(wrapped.__wrapped__, vars(Engine)["run"])
        self.assertEqual(inspect.signature(wrapped), inspect.signature(Engine.run))
        self.assertTrue(getattr(wrapped, MARK))

    def test_wrapped_twice_is_wrapped_once(self):
        self.hook("run")
        wrapped = vars(self.engine_class)["run"]
        self.assertTrue(Tools(self.tools.recorder).model(self.engine_class, "run", "lib run"))
        self.assertIs(vars(self.engine_class)["run"], wrapped)

    def test_static_and_class_methods_stay_what_they_are(self):
        self.tools.span(self.engine_class, "fixed", "lib fixed")
        self.tools.span(self.engine_class, "of", "lib of")
        self.assertIsInstance(vars(self.engine_class)["fixed"], staticmethod)
        self.assertIsInstance(vars(self.engine_class)["of"], classmethod)
        self.assertEqual(self.engine_class.fixed(3), 3)
        self.assertEqual(self.engine_class().of(3), ("Engine", 3))
        self.assertEqual((self.probe.count("lib fixed"), self.probe.count("lib of")), (1, 1))

    def test_functions_can_be_pickled(self):
        global module_function
        original = module_function
        try:
            self.tools.patch(__import__(__name__), "module_function",
                             self.tools.timer("lib function").wrap)
            copy = pickle.loads(pickle.dumps(module_function))
            self.assertIs(copy, module_function)
            self.assertEqual(copy(4), 8)
            self.assertEqual(self.probe.count("lib function"), 1)
        finally:
            module_function = original

    def test_instances_can_be_pickled(self):
        self.tools.model(Engine, "run", "lib run")
        try:
            engine = Engine()
            engine.run(1)
            self.assertEqual(vars(pickle.loads(pickle.dumps(engine))), {})
        finally:
            self.tools.undo()
        self.assertFalse(hasattr(Engine.run, MARK))

    def test_what_is_not_there_is_not_patched(self):
        self.assertFalse(self.tools.model(self.engine_class, "no_such_method", "lib run"))
        self.assertFalse(self.tools.model(Derived, "twice", "lib run"))  # inherited
        self.assertFalse(self.tools.touched)

    def test_partials_and_callables_can_be_wrapped(self):
        timed = self.tools.timed(functools.partial(module_function, 3), "lib callback")
        self.assertEqual(timed(), 6)
        self.assertEqual(self.probe.count("lib callback"), 1)


class Exceptions(TimingTest):
    def test_exceptions_pass_and_are_counted(self):
        engine = self.hook("run")
        engine.run(1)
        for error in (ValueError("x"), KeyboardInterrupt(), SystemExit(3), GeneratorExit()):
            with self.assertRaises(type(error)) as caught:
                engine.run(error)
            self.assertIs(caught.exception, error)
        self.assertEqual(self.probe.errors("inference"), 4)
        self.assertEqual(self.probe.errors("lib run"), 4)
        engine.run(1)
        self.assertEqual(self.probe.count("inference"), 1)

    def test_nothing_of_a_call_is_kept(self):
        engine, thing = self.hook("run"), Thing()
        gone = weakref.ref(thing)
        engine.run(thing)
        try:
            engine.run(ValueError(thing))
        except ValueError:
            pass
        del thing
        gc.collect()
        self.assertIsNone(gone())

    def test_wrong_arguments_fail_as_ever(self):
        engine = self.hook("run")
        with self.assertRaises(TypeError):
            engine.run()


class Generators(TimingTest):
    def test_each_item_is_one_value(self):
        engine = self.hook("items")
        self.assertTrue(inspect.isgeneratorfunction(vars(self.engine_class)["items"]))
        self.assertEqual(list(engine.items(4)), [0, 1, 2, 3])
        self.assertEqual(self.probe.count("inference first"), 1)
        self.assertEqual(self.probe.count("inference"), 3)

    def test_making_one_records_nothing(self):
        engine = self.hook("items")
        engine.items(4)
        self.assertEqual(self.probe.done, [])

    def test_send_throw_close_and_return_value(self):
        seen = []

        class Echo:
            def talk(self):
                answer = None
                while answer != "stop":
                    try:
                        answer = yield answer
                    except KeyError as error:
                        answer = error
                    finally:
                        seen.append(1)
                return "bye"

        self.tools.span(Echo, "talk", "lib talk")
        talk = Echo().talk()
        self.assertIsNone(next(talk))
        self.assertEqual(talk.send(5), 5)
        error = KeyError("k")
        self.assertIs(talk.throw(error), error)
        with self.assertRaises(StopIteration) as stop:
            talk.send("stop")
        self.assertEqual(stop.exception.value, "bye")
        other = Echo().talk()
        next(other)
        seen.clear()
        other.close()
        self.assertEqual(seen, [1])

    def test_errors_in_a_step(self):
        class Breaks:
            def items(self):
                yield 1
                raise ValueError("broken")

        self.tools.span(Breaks, "items", "lib items")
        items = Breaks().items()
        next(items)
        with self.assertRaises(ValueError):
            next(items)
        self.assertEqual((self.probe.count("lib items"), self.probe.errors("lib items")), (1, 1))

    def test_items_are_not_kept_between_steps(self):
        class Makes:
            def items(self):
                for _ in range(2):
                    yield Thing()

        self.tools.span(Makes, "items", "lib items")
        items = Makes().items()
        gone = weakref.ref(next(items))
        gc.collect()
        self.assertIsNone(gone())

    def test_calls_in_a_step_are_inside_it_and_between_steps_are_not(self):
        inner_class = engine_class()
        Tools(self.tools.recorder).model(inner_class, "run", "inner run")
        inner = inner_class()
        inner.run(0)

        class Maker:
            def items(self):
                for index in range(3):
                    yield inner.run(index)

        self.tools.model(Maker, "items", "lib items")
        self.probe.done.clear()
        for _ in Maker().items():
            inner.run(9)
        self.assertEqual(self.probe.count("inner run"), 6)
        self.assertEqual(self.probe.count("lib items first") + self.probe.count("lib items"), 3)
        self.assertEqual(self.probe.count("inference"), 2 + 3)  # steps, and the calls between them


class Coroutines(TimingTest):
    def test_a_coroutine_is_one_value(self):
        engine = self.hook("later")
        self.assertTrue(inspect.iscoroutinefunction(vars(self.engine_class)["later"]))

        async def program():
            return [await engine.later(1), await engine.later(2)]

        self.assertEqual(asyncio.run(program()), [1, 2])
        self.assertEqual(self.probe.count("inference first"), 1)
        self.assertEqual(self.probe.count("inference"), 1)

    def test_coroutines_that_take_turns(self):
        engine = self.hook("later", "run")

        async def program():
            return await asyncio.gather(*[engine.later(index) for index in range(5)])

        self.assertEqual(asyncio.run(program()), list(range(5)))
        self.assertEqual(self.probe.count("inference") + self.probe.count("inference first"), 5)
        self.assertEqual(self.tools.recorder.inside.names, set())

    def test_cancelled_and_failed_ones_are_errors(self):
        class Sleeps:
            async def nap(self):
                await asyncio.sleep(60)

        self.tools.span(Sleeps, "nap", "lib nap")

        async def program():
            task = asyncio.ensure_future(Sleeps().nap())
            await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        asyncio.run(program())
        self.assertEqual(self.probe.errors("lib nap"), 1)

    def test_asynchronous_generators_by_item(self):
        engine = self.hook("stream")
        self.assertTrue(inspect.isasyncgenfunction(vars(self.engine_class)["stream"]))

        async def program():
            return [item async for item in engine.stream(4)]

        self.assertEqual(asyncio.run(program()), [0, 1, 2, 3])
        self.assertEqual(self.probe.count("inference first"), 1)
        self.assertEqual(self.probe.count("inference"), 3)
        self.assertEqual(self.probe.errors("inference"), 0)


class Topics(TimingTest):
    def test_are_not_shown(self):
        self.assertEqual(self.tools.with_topic("mqtt publish", "secret/door"), "mqtt publish")

    def test_are_shown_if_asked_for_and_not_without_end(self):
        self.tools._has_topics = True
        names = {self.tools.with_topic("mqtt publish", "topic%d" % index) for index in range(100)}
        self.assertIn("mqtt publish topic0", names)
        self.assertIn("mqtt publish", names)
        self.assertEqual(len(names), 33)


if __name__ == "__main__":
    unittest.main()
