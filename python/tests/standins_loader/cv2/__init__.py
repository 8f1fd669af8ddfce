"""As the package on PyPI: it takes its own place in sys.modules to load a native module of the same
name, and copies that module's contents."""
import importlib
import os
import sys


def _bootstrap():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "native")
    package = sys.modules.pop("cv2")
    saved = sys.path[:]
    sys.path.insert(0, folder)
    native = importlib.import_module("cv2")
    sys.path[:] = saved
    sys.modules["cv2"] = package
    for name, item in native.__dict__.items():
        if not hasattr(package, name):
            setattr(package, name, item)


_bootstrap()
