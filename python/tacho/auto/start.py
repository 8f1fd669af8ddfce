"""start: installs the import hook, and runs the file of the table when a module of it was imported.

TACHO_AUTO_SKIP=cv2,torch: those files (or modules) are left out.
"""
import os

from . import hooks, importer

NAME_MAX = 55  # bytes of a name in the segment


def _skipped():
    return {name.strip() for name in os.environ.get("TACHO_AUTO_SKIP", "").split(",")}


def is_disabled():
    """As libtacho reads it."""
    return os.environ.get("TACHO_DISABLE", "") not in ("", "0")


def _own_probe():
    """tacho._probe as the program would import it, if its `tacho` is this package at all: a program
    may have a module of that name. Looks before it imports."""
    from importlib import util
    spec = util.find_spec("tacho")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if os.path.isfile(os.path.join(folder, "auto", "importer.py")):
            from importlib import import_module
            return import_module("tacho._probe")
    return None


def load_probe():
    """The program's own tacho where it has one (its native module fits its interpreter, and both
    then write one segment), else the one beside this file. One that is not native records nothing,
    and nothing is hooked for it."""
    probes = []
    try:
        probes.append(_own_probe())
    except Exception:
        pass
    if not probes or probes[0] is None or not probes[0].is_native:
        try:
            from .. import _probe
            probes.append(_probe)
        except Exception:
            pass
    probes = [probe for probe in probes if probe is not None]
    native = [probe for probe in probes if probe.is_native]
    return (native or probes or [None])[0]


class Hooks:
    """What importer.install calls."""

    def __init__(self, probe=None, table=None, files=hooks.__name__):
        self.table = hooks.TABLE if table is None else table
        self._files = files
        self._recorder = None
        self._probe = probe
        self._is_dead = False
        self._said = set()

    def names(self):
        skipped = _skipped()
        return [name for name, file in self.table.items()
                if name not in skipped and file not in skipped]

    def fire(self, name, module):
        """The program is importing: whatever happens here, the import succeeds."""
        try:
            recorder = self._get_recorder()
            if recorder is not None:
                self._install(name, module, recorder)
        except Exception:
            pass

    def _get_recorder(self):
        if self._recorder is None and not self._is_dead:
            from .timing import Recorder
            probe = self._probe or load_probe()
            self._is_dead = probe is None or not probe.is_native
            if not self._is_dead:
                self._recorder = Recorder(probe)
        return self._recorder

    def _install(self, name, module, recorder):
        from importlib import import_module
        from .tools import Tools
        tools = Tools(recorder)
        try:
            file = import_module("%s.%s" % (self._files, self.table[name]))
            file.install(module, tools)
            if not tools.touched:
                self._say(name, "nothing known in it")
        except Exception as error:
            tools.undo()
            self._say(name, type(error).__name__)

    def _say(self, name, why):
        """Once per module, in the segment's marks."""
        if name in self._said:
            return
        self._said.add(name)
        probe = self._recorder.probe
        text = ("not hooked: %s: %s" % (name.rpartition(".")[0] or name, why))[:NAME_MAX]
        probe.mark(probe.intern(text, probe.MARK, probe.AUTO))


def start(probe=None):
    """Installs the import hook; nothing else happens until the program imports. Fails silently."""
    try:
        if is_disabled():
            return None
        found = Hooks(probe)
        return importer.install(found.names(), found.fire)
    except Exception:
        return None
