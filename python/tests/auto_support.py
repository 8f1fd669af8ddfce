"""What the tests of auto-instrumentation share: a probe that remembers, and stand-ins to import."""
import contextlib
import glob
import importlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading

TESTS = os.path.dirname(os.path.abspath(__file__))
PYTHON = os.path.dirname(TESTS)
STANDINS = os.path.join(TESTS, "standins")
STANDIN_PROBE = os.path.join(TESTS, "standins_probe")
APPS = os.path.join(TESTS, "apps")
AUTO = os.path.join(PYTHON, "tacho", "auto", "sitecustomize")
if importlib.util.find_spec("tacho") is None:  # not installed: the sources, without native module
    sys.path.insert(0, PYTHON)

from tacho.auto import importer, start  # noqa: E402


class Probe:
    """tacho._probe without a segment. done: (name, is_error) of finished spans, in order."""

    SPAN, FRAME, COUNTER, GAUGE, MARK = 1, 2, 3, 4, 5
    WORK, DROPPED, WAIT, AUTO = 1, 2, 4, 8
    is_native = True

    def __init__(self):
        self.names = []  # (name, kind, flags)
        self.done = []
        self.open = {}  # thread: names of open spans
        self.frames = []
        self.marks = []
        self.records = []  # (name, duration_ns)
        self._token = 0

    def _name(self, id):
        return self.names[id - 1][0]

    def flags(self, name):
        return [flags for known, _kind, flags in self.names if known == name][0]

    def intern(self, name, kind, flags=0):
        self.names.append((name, kind, flags))
        return len(self.names)

    def begin(self, id):
        self.open.setdefault(threading.get_ident(), []).append(self._name(id))

    def _end(self, id, is_error):
        innermost = self.open[threading.get_ident()].pop()
        assert innermost == self._name(id), "%s ended inside %s" % (self._name(id), innermost)
        self.done.append((self._name(id), is_error))

    def end(self, id):
        self._end(id, False)

    def end_error(self, id):
        self._end(id, True)

    def begin_token(self):
        self._token += 1
        return self._token

    def end_token(self, id, token, is_error=False):
        assert 0 < token <= self._token
        self.done.append((self._name(id), is_error))

    def record(self, id, end_ns, duration_ns):
        self.records.append((self._name(id), duration_ns))

    def frame(self, id):
        self.frames.append(self._name(id))

    def mark(self, id):
        self.marks.append(self._name(id))

    def count(self, name):
        return sum(1 for done, is_error in self.done if done == name and not is_error)

    def errors(self, name):
        return sum(1 for done, is_error in self.done if done == name and is_error)

    @property
    def channels(self):
        return sorted({name for name, _ in self.done})


@contextlib.contextmanager
def environment(**values):
    saved = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)


@contextlib.contextmanager
def hooked(probe=None, folders=(STANDINS,), **hooks_options):
    """The import hook is in place, and the stand-ins hide the real libraries; afterwards nothing
    of either is left. Yields (probe, hooks)."""
    probe = probe or Probe()
    hooks = start.Hooks(probe, **hooks_options)
    packages = {name.split(".")[0] for name in hooks.table}
    saved_modules, saved_path = dict(sys.modules), sys.path[:]
    for name in list(sys.modules):
        if name.split(".")[0] in packages:
            del sys.modules[name]
    sys.path[:0] = list(folders)
    finder = importer.install(hooks.names(), hooks.fire)
    assert finder is not None
    try:
        yield probe, hooks
    finally:
        importer.remove(finder)
        sys.path[:] = saved_path
        for name in list(sys.modules):
            if name not in saved_modules and name.split(".")[0] in packages:
                del sys.modules[name]
        sys.modules.update({name: module for name, module in saved_modules.items()
                            if name.split(".")[0] in packages})
        importlib.invalidate_caches()


def run_python(arguments, path=(), env=None, cwd=None, interpreter=sys.executable, log=None):
    """Runs a fresh interpreter. Returns the finished process; .log: lines of the stand-in probe."""
    with tempfile.TemporaryDirectory() as folder:
        variables = dict(os.environ)
        for name in ("PYTHONPATH", "TACHO_DISABLE", "TACHO_AUTO_SKIP", "TACHO_AUTO_TOPICS"):
            variables.pop(name, None)
        if path:
            variables["PYTHONPATH"] = os.pathsep.join(path)
        variables["TACHO_TEST_LOG"] = os.path.join(folder, "log")
        variables["TACHO_SHM_DIR"] = folder
        variables["PYTHONDONTWRITEBYTECODE"] = "1"
        variables.update(env or {})
        result = subprocess.run([interpreter] + list(arguments), env=variables, cwd=cwd,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, universal_newlines=True, timeout=120)
        result.log = []
        result.logs = {}
        for file in sorted(glob.glob(os.path.join(folder, "log.*"))):
            with open(file) as lines:
                result.logs[file.rpartition(".")[2]] = lines.read().split("\n")[:-1]
        for lines in result.logs.values():
            result.log += lines
        return result
