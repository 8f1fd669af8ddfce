"""sitecustomize: what `tacho run -- python3 app.py` puts in front of the program's own.

Python imports the first `sitecustomize` on its path before the program. This one installs tacho's
import hook, takes its folder off the path again and hands over to the program's own sitecustomize,
as if it had never been there. PYTHONPATH in the environment stays as it is, so that the Python
processes which the program starts are timed, too. Whatever fails, the program runs.
"""
import sys
from os import environ, path


def _leave(folder):
    """The program sees the path that it would have had."""
    sys.path[:] = [entry for entry in sys.path if path.abspath(entry or ".") != folder]
    sys.path_importer_cache.pop(folder, None)


def _start(folder):
    """The package under a name of its own: `tacho` may be something else in this program, and its
    __init__ is not needed."""
    name = "_tacho"
    if name not in sys.modules:
        package = type(sys)(name)
        package.__path__ = [path.dirname(path.dirname(folder))]
        package.__spec__ = type(__spec__)(name, None, is_package=True)
        sys.modules[name] = package
    from _tacho.auto.start import start
    start()


def _chain():
    """Imports the program's own sitecustomize. Its errors are its own, and reported as ever."""
    this = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401  (the next one on the path)
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        # The import system wants to find here what it has just imported.
        sys.modules.setdefault("sitecustomize", this)


_folder = path.dirname(path.abspath(__file__))
try:
    _leave(_folder)
    if environ.get("TACHO_DISABLE", "") in ("", "0"):
        _start(_folder)
except Exception:
    pass
_chain()
