"""python3 -m tacho: runs a Python program with its model calls timed.

    python3 -m tacho app.py ARGUMENTS...
    python3 -m tacho -m module ARGUMENTS...
    python3 -m tacho -c CODE ARGUMENTS...

The program is __main__, with the arguments, the path and the attributes that it would have without
tacho; it stays __main__ until the interpreter ends.
"""
import importlib.machinery
import importlib.util
import io
import os
import runpy
import sys
import types

USAGE = "usage: python3 -m tacho [-m MODULE | -c CODE | FILE] [ARGUMENT ...]"


def _new_main():
    module = types.ModuleType("__main__")
    module.__builtins__ = __builtins__
    sys.modules["__main__"] = module
    return module


def _is_path_safe():
    """-P, -I or PYTHONSAFEPATH: neither the script's folder nor the current one is searched."""
    return getattr(sys.flags, "safe_path", False) or sys.flags.isolated


def _set_path(entry):
    """`-m tacho` put the current folder in front; a script's own folder belongs there."""
    if not _is_path_safe():
        sys.path[0] = entry


def _run_file(name, arguments):
    sys.argv[:] = [name] + arguments
    if os.path.isdir(name) or not _is_source(name):
        # A folder or zip file with a __main__.py, or compiled code: runpy knows how.
        if not _is_path_safe():
            del sys.path[0]
        runpy.run_path(name, run_name="__main__")
        return
    _set_path(os.path.dirname(os.path.realpath(name)))
    if sys.version_info >= (3, 9):
        name = os.path.abspath(name)
    with _open_code(name) as file:
        code = compile(file.read(), name, "exec")
    module = _new_main()
    module.__file__ = name
    module.__cached__ = None
    module.__loader__ = importlib.machinery.SourceFileLoader("__main__", name)
    exec(code, module.__dict__)


def _is_source(name):
    with _open_code(name) as file:
        head = file.read(4)
    return not head.startswith(b"PK\x03\x04") and head != importlib.util.MAGIC_NUMBER


def _open_code(name):
    return io.open_code(os.path.abspath(name))


def _run_module(name, arguments):
    sys.argv[:] = ["-m"] + arguments
    # As `python3 -m` does it; pdb uses it, too.
    _, spec, code = runpy._get_module_details(name)
    sys.argv[0] = spec.origin
    module = _new_main()
    module.__file__ = spec.origin
    module.__cached__ = spec.cached
    module.__loader__ = spec.loader
    module.__package__ = spec.parent
    module.__spec__ = spec
    exec(code, module.__dict__)


def _run_code(text, arguments):
    sys.argv[:] = ["-c"] + arguments
    _set_path("")
    module = _new_main()
    module.__loader__ = importlib.machinery.BuiltinImporter
    exec(compile(text, "<string>", "exec"), module.__dict__)


def _instrument_children():
    """Python processes that the program starts are timed, too."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "auto", "sitecustomize")
    rest = os.environ.get("PYTHONPATH")
    if not rest or folder not in rest.split(os.pathsep):
        os.environ["PYTHONPATH"] = folder + (os.pathsep + rest if rest else "")


def _fail(message):
    sys.stderr.write("tacho: %s\n%s\n" % (message, USAGE))
    sys.exit(2)


def main(arguments):
    if not arguments:
        _fail("no program to run")
    first, rest = arguments[0], arguments[1:]
    if first in ("-h", "--help"):
        sys.stdout.write(__doc__)
        return
    if first in ("-m", "-c"):
        if not rest:
            _fail("%s needs an argument" % first)
    elif first.startswith("-"):
        _fail("unknown option %s" % first)
    elif not os.path.exists(first):
        _fail("cannot open %s: there is no such file" % first)

    from .auto import start
    if not start.is_disabled():
        _instrument_children()
        start.start()
    if first == "-m":
        _run_module(rest[0], rest[1:])
    elif first == "-c":
        _run_code(rest[0], rest[1:])
    else:
        _run_file(first, rest)


if __name__ == "__main__":
    main(sys.argv[1:])
