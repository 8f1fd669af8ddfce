"""Fresh interpreters: pitfalls 1, 2, 3 (chaining, paths), 8 (child processes), 11 (-S -E -I), and
`python3 -m tacho`."""
import json
import multiprocessing
import os
import shutil
import signal
import tempfile
import textwrap
import unittest
import zipfile

from auto_support import APPS, AUTO, PYTHON, STANDIN_PROBE, STANDINS, run_python

PATH = (AUTO, STANDIN_PROBE, STANDINS)
APP = os.path.join(APPS, "onnx_app.py")
# Of all that a program can see of its start; what differs must differ on purpose.
SHOW = """
import json, os, sys
main = sys.modules["__main__"]
json.dump({"argv": sys.argv, "path": sys.path, "name": __name__, "package": __package__,
           "spec": getattr(__spec__, "name", None), "file": globals().get("__file__"),
           "cached": globals().get("__cached__"), "is_main": vars(main) is globals(),
           "loader": getattr(__loader__, "name", str(__loader__)),
           "doc": __doc__, "flags": list(sys.flags), "builtins": type(__builtins__).__name__,
           "modules": sorted(m for m in sys.modules if "tacho" in m or m == "sitecustomize"),
           "cwd": os.getcwd()}, sys.stdout)
"""


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.realpath(folder.name)

    def write(self, name, text):
        file = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w") as out:
            out.write(textwrap.dedent(text))
        return file

    def shown(self, arguments, **options):
        result = run_python(arguments, cwd=self.folder, **options)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return json.loads(result.stdout)


class Sitecustomize(Folder):
    def test_an_unchanged_program_is_timed(self):
        result = run_python([APP, "4"], PATH)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "4 answers\n", ""))
        self.assertEqual(result.log.count("span inference first"), 1)
        self.assertEqual(result.log.count("span inference"), 3)

    def test_disabled_before_anything_is_imported(self):
        file = self.write("app.py", """
            import sys
            print([name for name in sys.modules if "tacho" in name])
            import onnxruntime
            onnxruntime.InferenceSession("m").run(None, 1)
            """)
        result = run_python([file], PATH, {"TACHO_DISABLE": "1"})
        self.assertEqual((result.stdout, result.stderr, result.log), ("[]\n", "", []))

    def test_no_library_is_imported_for_the_programs_sake(self):
        file = self.write("app.py", """
            import sys
            from tacho.auto.hooks import TABLE
            names = {name.split(".")[0] for name in TABLE} | {"importlib.util", "typing", "inspect"}
            print(sorted(names & set(sys.modules)))
            """)
        shutil.copytree(os.path.join(PYTHON, "tacho", "auto", "hooks"),
                        os.path.join(self.folder, "tacho", "auto", "hooks"))
        bare = run_python([file], (self.folder,))
        self.assertEqual(run_python([file], (AUTO, self.folder)).stdout, bare.stdout)

    def test_the_programs_path_is_as_it_would_be(self):
        file = self.write("deep/app.py", SHOW)
        for arguments in ([file], ["-c", SHOW], ["-m", "deep.app"]):
            plain = self.shown(arguments, path=("elsewhere",))
            timed = self.shown(arguments, path=(AUTO, "elsewhere"))
            self.assertEqual(timed.pop("modules")[:1], ["_tacho"])
            plain.pop("modules")
            self.assertEqual(timed, plain)

    def test_our_folder_alone_or_twice_or_behind(self):
        file = self.write("app.py", "import sys\nprint([p for p in sys.path if 'tacho' in p])\n")
        for path in ((AUTO,), (AUTO, AUTO), ("x", AUTO), (AUTO + "/", "x")):
            result = run_python([file], path)
            self.assertEqual((result.stdout, result.stderr), ("[]\n", ""))

    def test_the_next_sitecustomize_runs(self):
        self.write("site/sitecustomize.py", "import sys\nsys.own = __file__\nVALUE = 5\n")
        file = self.write("app.py", "import sys, sitecustomize\nprint(sys.own == "
                                    "sitecustomize.__file__, sitecustomize.VALUE)\n")
        result = run_python([file], (AUTO, os.path.join(self.folder, "site")))
        self.assertEqual((result.stdout, result.stderr), ("True 5\n", ""))

    def test_the_hook_is_there_before_the_next_sitecustomize(self):
        self.write("site/sitecustomize.py", "import onnxruntime\n")
        result = run_python([APP, "3"], PATH + (os.path.join(self.folder, "site"),))
        self.assertEqual(result.log.count("span inference"), 2)

    def test_the_next_sitecustomize_runs_when_disabled(self):
        self.write("site/sitecustomize.py", "import sys\nsys.own = True\n")
        file = self.write("app.py", "import sys\nprint(sys.own)\n")
        result = run_python([file], (AUTO, os.path.join(self.folder, "site")),
                            {"TACHO_DISABLE": "1"})
        self.assertEqual((result.stdout, result.stderr), ("True\n", ""))

    def test_a_next_sitecustomize_that_fails_fails_as_ever(self):
        file = self.write("app.py", "print('runs')\n")
        for text in ("raise ValueError('mine')", "import no_such_module", "raise SystemExit(3)"):
            self.write("site/sitecustomize.py", text + "\n")
            own = os.path.join(self.folder, "site")
            plain, timed = (run_python([file], path) for path in ((own,), (AUTO, own)))
            self.assertEqual(timed.returncode, plain.returncode)
            self.assertEqual(timed.stdout, plain.stdout)
            self.assertEqual(timed.stderr.split("\n")[-2:], plain.stderr.split("\n")[-2:])

    def test_a_damaged_package_is_not_noticed(self):
        copy = os.path.join(self.folder, "tacho")
        file = self.write("app.py", "import onnxruntime\nprint('runs')\n")
        for damage in ("start.py", "importer.py", "timing.py", "hooks/__init__.py"):
            for text in (None, "this is no Python\n", "raise RuntimeError\n"):
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(os.path.join(PYTHON, "tacho"), copy)
                if text is None:
                    os.remove(os.path.join(copy, "auto", damage))
                else:
                    self.write("tacho/auto/" + damage, text)
                auto = os.path.join(copy, "auto", "sitecustomize")
                result = run_python([file], (auto, STANDIN_PROBE, STANDINS))
                self.assertEqual((result.stdout, result.stderr), ("runs\n", ""), damage)

    def test_a_module_of_the_program_called_tacho(self):
        self.write("tacho.py", "VALUE = 'mine'\n")
        file = self.write("app.py", """
            import onnxruntime
            onnxruntime.InferenceSession("m").run(None, 1)
            import tacho
            print(tacho.VALUE)
            """)
        result = run_python([file], (AUTO, STANDINS))
        self.assertEqual((result.stdout, result.stderr), ("mine\n", ""))

    def test_interpreters_told_to_ignore_it_run_as_ever(self):
        for flag in ("-S", "-E", "-I"):
            result = run_python([flag, "-c", "import sys; print('_tacho' in sys.modules)"], PATH)
            self.assertEqual((result.stdout, result.stderr), ("False\n", ""), flag)

    def test_exit_status_and_signals_are_the_programs(self):
        for text, status in (("raise SystemExit(7)", 7), ("import os; os._exit(9)", 9),
                             ("1/0", 1), ("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM)):
            self.assertEqual(run_python(["-c", text], PATH).returncode, status)


class Children(Folder):
    """Each child is a process of its own, with a segment of its own."""

    def run_app(self, text, *arguments):
        file = self.write("app.py", text)
        result = run_python([file] + list(arguments), PATH)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result

    def test_python_children_are_timed(self):
        text = """
            import subprocess, sys
            subprocess.run([sys.executable, sys.argv[1], "3"], check=True)
            """
        result = self.run_app(text, APP)
        self.assertEqual(result.log.count("span inference"), 2)

    def test_multiprocessing(self):
        text = """
            import multiprocessing, sys

            def work(count):
                import onnxruntime
                session = onnxruntime.InferenceSession("m")
                for _ in range(count):
                    session.run(None, 1)

            if __name__ == "__main__":
                multiprocessing.set_start_method(sys.argv[1])
                children = [multiprocessing.Process(target=work, args=(3,)) for _ in range(2)]
                for child in children:
                    child.start()
                for child in children:
                    child.join()
            """
        for method in multiprocessing.get_all_start_methods():
            result = self.run_app(text, method)
            self.assertEqual(result.log.count("span inference"), 4, method)
            self.assertEqual(len(result.logs), 2, method)

    def test_processes_without_an_inference_record_nothing(self):
        self.assertEqual(self.run_app("import onnxruntime, torch, rclpy\n").log, [])


class Module(Folder):
    """python3 -m tacho."""

    def compare(self, arguments, **options):
        path = options.pop("path", ())
        plain = self.shown(arguments, path=(PYTHON,) + path, **options)
        timed = self.shown(["-m", "tacho"] + arguments, path=(PYTHON,) + path, **options)
        for shown in (plain, timed):
            shown.pop("modules")
        self.assertEqual(timed, plain)
        return timed

    def test_a_file(self):
        file = self.write("deep/app.py", '"""Mine."""\n' + SHOW)
        self.assertEqual(self.compare([file, "-x", "--", "y"])["argv"], [file, "-x", "--", "y"])
        self.compare(["deep/app.py"])

    def test_a_link_to_a_file(self):
        self.write("deep/app.py", SHOW)
        os.symlink("deep/app.py", os.path.join(self.folder, "link.py"))
        self.compare(["link.py"])

    def test_a_module_and_a_package(self):
        self.write("deep/app.py", SHOW)
        self.write("deep/__init__.py", "")
        self.write("deep/__main__.py", SHOW)
        self.compare(["-m", "deep.app", "1"])
        self.compare(["-m", "deep", "1"])

    def test_code(self):
        self.compare(["-c", SHOW, "1"])

    def test_a_folder_and_a_zip_file(self):
        self.write("deep/__main__.py", SHOW)
        with zipfile.ZipFile(os.path.join(self.folder, "app.zip"), "w") as out:
            out.writestr("__main__.py", SHOW)
        for name in ("deep", "app.zip"):
            shown = self.shown(["-m", "tacho", name], path=(PYTHON,))
            self.assertEqual((shown["argv"], shown["name"]), ([name], "__main__"))
            self.assertEqual(os.path.basename(shown["path"][0]), name)

    def test_classes_of_main_can_be_pickled_to_the_very_end(self):
        file = self.write("app.py", """
            import atexit, pickle

            class Thing:
                pass

            atexit.register(lambda: print(type(pickle.loads(pickle.dumps(Thing()))) is Thing))
            """)
        result = run_python(["-m", "tacho", file], (PYTHON,))
        self.assertEqual((result.stdout, result.stderr), ("True\n", ""))

    def test_it_times_and_so_do_its_children(self):
        copy = os.path.join(self.folder, "copy", "tacho")
        shutil.copytree(os.path.join(PYTHON, "tacho"), copy)
        for name in ("__init__.py", "_probe.py"):
            shutil.copy(os.path.join(STANDIN_PROBE, "tacho", name), copy)
        file = self.write("app.py", """
            import subprocess, sys
            subprocess.run([sys.executable] + sys.argv[1:], check=True)
            import onnxruntime
            onnxruntime.InferenceSession("m").run(None, 1)
            """)
        result = run_python(["-m", "tacho", file, APP, "3"], (os.path.dirname(copy), STANDINS))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.log.count("span inference first"), 2)
        self.assertEqual(result.log.count("span inference"), 2)

    def test_exit_status(self):
        for text, status in (("raise SystemExit(7)", 7), ("1/0", 1)):
            result = run_python(["-m", "tacho", "-c", text], (PYTHON,))
            self.assertEqual(result.returncode, status)

    def test_bad_usage(self):
        for arguments, expected in (([], "no program"), (["--nope"], "--nope"), (["-m"], "-m"),
                                    (["no_such_file.py"], "no_such_file.py")):
            result = run_python(["-m", "tacho"] + arguments, (PYTHON,))
            self.assertEqual(result.returncode, 2)
            self.assertIn(expected, result.stderr)
            self.assertIn("usage:", result.stderr)
        help_text = run_python(["-m", "tacho", "--help"], (PYTHON,))
        self.assertEqual((help_text.returncode, help_text.stderr), (0, ""))
        self.assertIn("app.py", help_text.stdout)


if __name__ == "__main__":
    unittest.main()
