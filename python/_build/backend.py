"""The build backend of the Python package (PEP 517, 660): the standard library and a C compiler.

Why not setuptools: `pip install ./python` has to work on a board without a network, and a build
requirement would have to be fetched. What it does is little: compile one extension from the sources of
libtacho, and put files into a wheel. Without a compiler or Python's headers the wheel is pure, and says
so; TACHO_PURE=1 asks for that.
"""
import base64
import hashlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# In the repository libtacho stands beside this folder; in an sdist below it.
ROOT = HERE if os.path.isdir(os.path.join(HERE, "src", "probe")) else os.path.dirname(HERE)
NAME = "tacho"
# A fixed time, so that the same sources make the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)


def _version():
    with open(os.path.join(HERE, "pyproject.toml"), encoding="utf-8") as file:
        return re.search(r'^version = "([^"]+)"', file.read(), re.M).group(1)


def _say(text):
    print("tacho: " + text, file=sys.stderr)


def _sources():
    """C files of libtacho and of the extension."""
    folder = os.path.join(ROOT, "src", "probe")
    probe = sorted(os.path.join(folder, name) for name in os.listdir(folder)
                   if name.endswith(".c"))
    return probe + [os.path.join(HERE, "src", "native.c")]


def _compile(folder):
    """The path of the extension, or None with the reason said."""
    if os.environ.get("TACHO_PURE", "0") not in ("", "0"):
        return None
    include = sysconfig.get_paths()["include"]
    if not os.path.exists(os.path.join(include, "Python.h")):
        _say("no Python.h in %s (package python3-dev): without the native module" % include)
        return None
    compiler = shlex.split(os.environ.get("CC") or "") or [
        path for path in map(shutil.which, ("cc", "gcc", "clang")) if path][:1]
    if not compiler:
        _say("no C compiler (package gcc): without the native module")
        return None
    if not os.path.isdir(os.path.join(ROOT, "src", "probe")):
        _say("libtacho's sources (src/probe) are not beside this folder, as they are in the repository "
             "and in an sdist: without the native module")
        return None
    target = os.path.join(folder, "_native" + sysconfig.get_config_var("EXT_SUFFIX"))
    command = compiler + [
        "-shared", "-fPIC", "-O2", "-std=gnu17", "-fvisibility=hidden", "-D_GNU_SOURCE",
        "-I" + include, "-I" + os.path.join(ROOT, "include"), "-I" + os.path.join(ROOT, "src"),
        "-o", target] + shlex.split(os.environ.get("CFLAGS") or "") + _sources() + ["-lpthread"]
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                check=False)
    except OSError as error:
        _say("%s: without the native module" % error)
        return None
    if result.returncode != 0:
        _say("the native module cannot be compiled, without it:\n" +
             result.stdout.decode("utf-8", "replace"))
        return None
    return target


def _modules():
    """(path, name in the wheel) of every file of the package."""
    top = os.path.join(HERE, "tacho")
    for folder, folders, names in sorted(os.walk(top)):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                yield path, os.path.relpath(path, HERE).replace(os.sep, "/")


def _tag(is_pure):
    if is_pure:
        return "py3-none-any"
    python = "cp%d%d" % sys.version_info[:2]
    abi = python + getattr(sys, "abiflags", "")
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return "%s-%s-%s" % (python, abi, platform)


def _metadata():
    return ("Metadata-Version: 2.1\nName: %s\nVersion: %s\n"
            "Summary: See inside a running program, and measure what its parts cost\n"
            "License: MIT\nRequires-Python: >=3.8\n" % (NAME, _version()))


class _Wheel:
    """Files and their record."""

    def __init__(self, folder, tag):
        self.name = "%s-%s-%s.whl" % (NAME, _version(), tag)
        self.info = "%s-%s.dist-info" % (NAME, _version())
        self.tag, self.rows = tag, []
        self.file = zipfile.ZipFile(os.path.join(folder, self.name), "w", zipfile.ZIP_DEFLATED)

    def add(self, name, data, mode=0o644):
        entry = zipfile.ZipInfo(name, EPOCH)
        entry.external_attr, entry.compress_type = mode << 16, zipfile.ZIP_DEFLATED
        self.file.writestr(entry, data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        self.rows.append("%s,sha256=%s,%d" % (name, digest, len(data)))

    def close(self):
        is_pure = self.tag.endswith("-any")
        self.add(self.info + "/METADATA", _metadata().encode())
        self.add(self.info + "/WHEEL", (
            "Wheel-Version: 1.0\nGenerator: tacho\nRoot-Is-Purelib: %s\nTag: %s\n" %
            (str(is_pure).lower(), self.tag)).encode())
        record = self.info + "/RECORD"
        self.file.writestr(zipfile.ZipInfo(record, EPOCH),
                           "\n".join(self.rows + [record + ",,", ""]))
        self.file.close()
        return self.name


def _read(path):
    with open(path, "rb") as file:
        return file.read()


# ---- PEP 517 ----

def get_requires_for_build_wheel(config_settings=None):
    return []


def get_requires_for_build_sdist(config_settings=None):
    return []


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with tempfile.TemporaryDirectory() as folder:
        native = _compile(folder)
        wheel = _Wheel(wheel_directory, _tag(native is None))
        for path, name in _modules():
            wheel.add(name, _read(path))
        if native:
            wheel.add("tacho/" + os.path.basename(native), _read(native), 0o755)
        return wheel.close()


def build_sdist(sdist_directory, config_settings=None):
    base = "%s-%s" % (NAME, _version())
    files = [("pyproject.toml", os.path.join(HERE, "pyproject.toml")),
             ("_build/backend.py", os.path.abspath(__file__)),
             ("src/native.c", os.path.join(HERE, "src", "native.c"))]
    files += [(name, path) for path, name in _modules()]
    for folder in ("src/probe", "include/tacho"):
        path = os.path.join(ROOT, folder)
        files += [("%s/%s" % (folder, name), os.path.join(path, name))
                  for name in sorted(os.listdir(path)) if name.endswith((".c", ".h"))]
    name = base + ".tar.gz"
    with tarfile.open(os.path.join(sdist_directory, name), "w:gz", format=tarfile.PAX_FORMAT) as tar:
        def add(path, data):
            entry = tarfile.TarInfo("%s/%s" % (base, path))
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        for path, source in files:
            add(path, _read(source))
        add("PKG-INFO", _metadata().encode())
    return name


# ---- PEP 660 ----

def get_requires_for_build_editable(config_settings=None):
    return []


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """A .pth file that points here; the extension is compiled beside the modules."""
    with tempfile.TemporaryDirectory() as folder:
        native = _compile(folder)
        if native:
            shutil.copy(native, os.path.join(HERE, "tacho"))
    wheel = _Wheel(wheel_directory, _tag(native is None))
    wheel.add("tacho.pth", (HERE + "\n").encode())
    return wheel.close()
