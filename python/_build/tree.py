"""Lays the package out as a folder that `tacho run` finds: tree.py FOLDER PYTHON...

meson calls it (python/meson.build). FOLDER gets the modules of the package, and one native module for
each of the interpreters that runs, is of another version than those before it and has its headers. What
is missing is said and fails no build: the hooks then stay away from programs of that interpreter.
"""
import os
import shutil
import subprocess
import sys

import backend

COMPILE = "import sys; sys.path.insert(0, sys.argv[1]); import backend; backend._compile(sys.argv[2])"


def _ask(python, *arguments):
    """What it prints, or None: nothing that runs."""
    try:
        return subprocess.run([python, "-c", *arguments], check=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def main(folder, pythons):
    here = os.path.dirname(os.path.abspath(__file__))
    shutil.rmtree(folder, ignore_errors=True)
    for path, name in backend._modules():
        target = os.path.join(folder, os.path.relpath(name, "tacho"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(path, target)
    seen = {None}
    for python in pythons:
        # A shim (pyenv) is another file than the interpreter that it starts.
        kind = _ask(python, "import sys; print(sys.implementation.cache_tag, sys.abiflags)")
        if kind not in seen:
            seen.add(kind)
            _ask(python, COMPILE, here, folder)  # by itself: it knows its headers and its suffix


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
