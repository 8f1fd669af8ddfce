"""importer: runs a hook right after a module of the table was imported, before anybody uses it.

A finder at the head of sys.meta_path looks at the names of the table only. It asks the other
finders for the real spec and puts itself between the import system and the spec's loader, for as
long as the module takes to execute. Only `sys` is imported: this runs at every start of Python.
"""
import sys


class _Loader:
    """Stands in for a module's loader until the module executes."""

    def __init__(self, finder, loader):
        self._finder = finder
        self._loader = loader

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        # From here on the module looks as if nobody had stood in between.
        spec = module.__spec__
        if spec is not None and spec.loader is self:
            spec.loader = self._loader
        if getattr(module, "__loader__", None) is self:
            module.__loader__ = self._loader
        self._finder.execute(module, self._loader)


class Finder:
    """names: those of the modules; fire(name, module): called once per execution, may not fail."""

    is_tacho_finder = True  # however this file was imported, see install()

    def __init__(self, names, fire):
        self._names = frozenset(names)
        self._fire = fire
        self._searching = set()
        self._executing = {}

    def find_spec(self, name, path=None, target=None):
        # Other tools' finders ask the import system again, and so us.
        if name not in self._names or name in self._searching:
            return None
        self._searching.add(name)
        try:
            spec = self._ask_others(name, path, target)
        finally:
            self._searching.discard(name)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loader(self, spec.loader)
        return spec

    def _ask_others(self, name, path, target):
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec = find(name, path, target)
            if spec is not None:
                return spec
        return None

    def execute(self, module, loader):
        """A module may import a second one of its own name (cv2's loader does): the hook waits for
        the outer one, and gets what is in sys.modules then."""
        name = module.__name__
        self._executing[name] = self._executing.get(name, 0) + 1
        try:
            loader.exec_module(module)
        finally:
            self._executing[name] -= 1
            is_outermost = self._executing[name] == 0
        if is_outermost:
            self._fire(name, sys.modules.get(name, module))


def install(names, fire):
    """Puts a finder in front, once per process; modules that are already there are fired now."""
    if any(getattr(finder, "is_tacho_finder", False) for finder in sys.meta_path):
        return None
    finder = Finder(names, fire)
    sys.meta_path.insert(0, finder)
    for name in names:
        module = sys.modules.get(name)
        if module is not None:
            fire(name, module)
    return finder


def remove(finder):
    """For tests: what was hooked stays hooked."""
    if finder in sys.meta_path:
        sys.meta_path.remove(finder)
