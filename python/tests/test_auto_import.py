"""The import hook: pitfalls 1 (imports nothing itself), 2 (fails silently), 3 (leaves no trace),
4 (before user code)."""
import importlib
import importlib.util
import os
import sys
import tempfile
import textwrap
import unittest
from unittest import mock

from auto_support import STANDINS, Probe, hooked
from tacho.auto import importer, start

LOADER = os.path.join(os.path.dirname(STANDINS), "standins_loader")


class Modules(unittest.TestCase):
    """A folder of modules, importable and forgotten afterwards."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.saved = (sys.path[:], dict(sys.modules), sys.meta_path[:])
        sys.path.insert(0, self.folder)
        importlib.invalidate_caches()
        self.fired = []
        self.addCleanup(self.restore)

    def restore(self):
        sys.path[:], modules, sys.meta_path[:] = self.saved
        for name in set(sys.modules) - set(modules):
            if name.startswith("tacho_test") or name == "cv2":
                del sys.modules[name]
        sys.modules.update(modules)

    def write(self, name, text=""):
        with open(os.path.join(self.folder, name + ".py"), "w") as file:
            file.write(textwrap.dedent(text))
        importlib.invalidate_caches()

    def install(self, *names, fire=None):
        return importer.install(names, fire or (lambda *what: self.fired.append(what)))


class Finder(Modules):
    def test_fires_when_the_module_is_there_and_before_who_imports_it(self):
        self.write("tacho_test_lib", """
            def run():
                return "original"
            """)
        self.write("tacho_test_app", """
            from tacho_test_lib import run
            ANSWER = run()
            """)

        def patch(_name, module):
            module.run = lambda: "patched"

        self.install("tacho_test_lib", fire=patch)
        import tacho_test_app
        self.assertEqual(tacho_test_app.ANSWER, "patched")

    def test_modules_look_as_ever(self):
        self.write("tacho_test_lib")
        self.install("tacho_test_lib")
        import tacho_test_lib
        self.assertEqual(self.fired, [("tacho_test_lib", tacho_test_lib)])
        loader = importlib.machinery.SourceFileLoader
        self.assertIs(type(tacho_test_lib.__loader__), loader)
        self.assertIs(type(tacho_test_lib.__spec__.loader), loader)
        self.assertIn("tacho_test_lib.py", repr(tacho_test_lib))

    def test_specs_work_without_an_import(self):
        self.write("tacho_test_lib", "VALUE = 1\n")
        self.install("tacho_test_lib")
        spec = importlib.util.find_spec("tacho_test_lib")
        self.assertEqual(spec.loader.get_source("tacho_test_lib"), "VALUE = 1\n")
        self.assertEqual(self.fired, [])
        self.assertIsNone(importlib.util.find_spec("tacho_test_none"))
        self.assertIsNone(sys.meta_path[0].find_spec("tacho_test_none"))

    def test_reload_fires_again(self):
        self.write("tacho_test_lib")
        self.install("tacho_test_lib")
        import tacho_test_lib
        importlib.reload(tacho_test_lib)
        self.assertEqual(len(self.fired), 2)

    def test_a_module_that_fails_fails_as_ever(self):
        self.write("tacho_test_lib", "raise ZeroDivisionError\n")
        self.install("tacho_test_lib")
        with self.assertRaises(ZeroDivisionError):
            import tacho_test_lib  # noqa: F401
        self.assertNotIn("tacho_test_lib", sys.modules)
        self.assertEqual(self.fired, [])
        self.write("tacho_test_lib", "VALUE = 2  # now it works\n")
        import tacho_test_lib  # noqa: F811
        self.assertEqual(self.fired, [("tacho_test_lib", tacho_test_lib)])

    def test_what_is_missing_is_missing(self):
        self.install("tacho_test_none")
        with self.assertRaises(ModuleNotFoundError):
            import tacho_test_none  # noqa: F401

    def test_modules_that_are_there_fire_at_once(self):
        self.write("tacho_test_lib")
        import tacho_test_lib
        self.install("tacho_test_lib", "tacho_test_other")
        self.assertEqual(self.fired, [("tacho_test_lib", tacho_test_lib)])
        self.assertNotIn("tacho_test_other", sys.modules)

    def test_installs_once(self):
        self.assertIsNotNone(self.install("tacho_test_lib"))
        self.assertIsNone(self.install("tacho_test_lib"))

    def test_finders_that_ask_again(self):
        """As wrapt's: it looks for the spec through the import system, and so through us."""
        self.write("tacho_test_lib")
        self.install("tacho_test_lib")

        class Nosy:
            busy = False

            @classmethod
            def find_spec(cls, name, path=None, target=None):
                if cls.busy or not name.startswith("tacho_test"):
                    return None
                cls.busy = True
                try:
                    return importlib.util.find_spec(name)
                finally:
                    cls.busy = False

        for place in (0, 1):
            sys.meta_path.insert(place, Nosy)
            import tacho_test_lib  # noqa: F401
            self.assertEqual(len(self.fired), 1)
            del sys.modules["tacho_test_lib"]
            sys.meta_path.remove(Nosy)
            self.fired.clear()

    def test_lazy_loader(self):
        self.write("tacho_test_lib", "VALUE = 3\n")
        self.install("tacho_test_lib")
        spec = importlib.util.find_spec("tacho_test_lib")
        spec.loader = importlib.util.LazyLoader(spec.loader)
        module = importlib.util.module_from_spec(spec)
        sys.modules["tacho_test_lib"] = module
        spec.loader.exec_module(module)
        self.assertEqual(self.fired, [])
        self.assertEqual(module.VALUE, 3)
        self.assertEqual(len(self.fired), 1)

    def test_a_package_that_loads_a_module_of_its_own_name(self):
        """As OpenCV's from PyPI: one import, two modules called cv2."""
        sys.modules.pop("cv2", None)
        sys.path.insert(0, LOADER)
        self.install("cv2")
        import cv2
        self.assertTrue(cv2.IS_NATIVE)
        self.assertEqual(self.fired, [("cv2", cv2)])
        self.assertTrue(cv2.__file__.endswith("__init__.py"))


class HooksThatFail(Modules):
    def hooks(self, text, probe):
        """A table with one library, and its file as given."""
        self.write("tacho_test_lib", "class Model:\n    def run(self):\n        return 1\n")
        os.mkdir(os.path.join(self.folder, "tacho_test_hooks"))
        self.write("tacho_test_hooks/__init__")
        self.write("tacho_test_hooks/lib", text)
        found = start.Hooks(probe, {"tacho_test_lib": "lib"}, "tacho_test_hooks")
        importer.install(found.names(), found.fire)

    def test_leave_the_library_alone_and_say_so_once(self):
        probe = Probe()
        self.hooks("""
            def install(module, tools):
                tools.model(module.Model, "run", "lib run")
                raise ValueError("secret " * 100)
            """, probe)
        import tacho_test_lib
        self.assertFalse(hasattr(tacho_test_lib.Model.run, "__tacho_wrapped__"))
        self.assertEqual(tacho_test_lib.Model().run(), 1)
        importlib.reload(tacho_test_lib)
        self.assertEqual(probe.marks, ["not hooked: tacho_test_lib: ValueError"])
        self.assertEqual(probe.done, [])

    def test_say_so_when_nothing_was_known(self):
        probe = Probe()
        self.hooks("""
            def install(module, tools):
                tools.model(module.Model, "renamed", "lib run")
            """, probe)
        import tacho_test_lib  # noqa: F401
        self.assertEqual(probe.marks, ["not hooked: tacho_test_lib: nothing known in it"])

    def test_a_hook_that_cannot_be_loaded(self):
        probe = Probe()
        self.hooks("this is no Python", probe)
        import tacho_test_lib
        self.assertEqual(tacho_test_lib.Model().run(), 1)
        self.assertEqual(probe.marks, ["not hooked: tacho_test_lib: SyntaxError"])

    def test_a_probe_that_fails(self):
        broken = Probe()
        broken.mark = broken.intern = mock.Mock(side_effect=OSError)
        self.hooks("def install(module, tools):\n    raise ValueError\n", broken)
        import tacho_test_lib
        self.assertEqual(tacho_test_lib.Model().run(), 1)

    def test_no_probe_that_records(self):
        for probe in (None, mock.Mock(is_native=False)):
            with mock.patch.object(start, "load_probe", lambda probe=probe: probe):
                found = start.Hooks(None, {"tacho_test_lib": "lib"}, "tacho_test_hooks")
                with mock.patch.object(found, "_install") as install:
                    found.fire("tacho_test_lib", None)
                    install.assert_not_called()


class Choice(unittest.TestCase):
    def test_skip(self):
        with mock.patch.dict(os.environ, TACHO_AUTO_SKIP="torch, cv2"):
            names = start.Hooks(Probe()).names()
        self.assertNotIn("torch.nn.modules.module", names)  # by file
        self.assertNotIn("cv2", names)  # by module
        self.assertIn("onnxruntime.capi.onnxruntime_inference_collection", names)

    def test_disabled(self):
        for value, expected in (("1", True), ("yes", True), ("0", False), ("", False)):
            with mock.patch.dict(os.environ, TACHO_DISABLE=value):
                self.assertEqual(start.is_disabled(), expected)
                if expected:
                    self.assertIsNone(start.start(Probe()))

    def test_the_probe_of_the_program_is_preferred(self):
        own = mock.Mock(is_native=True)
        with mock.patch.object(start, "_own_probe", lambda: own):
            self.assertIs(start.load_probe(), own)

    def test_a_probe_that_records_is_preferred(self):
        pure = mock.Mock(is_native=False)
        native = mock.Mock(is_native=True)
        with mock.patch.object(start, "_own_probe", lambda: pure), \
                mock.patch.dict(sys.modules, {"tacho._probe": native}), \
                mock.patch.object(importlib.import_module("tacho"), "_probe", native, create=True):
            self.assertIs(start.load_probe(), native)

    def test_importing_nothing(self):
        with hooked() as (probe, found):
            for name in found.table:
                self.assertNotIn(name.split(".")[0], sys.modules)
        self.assertEqual(probe.names, [])


if __name__ == "__main__":
    unittest.main()
