"""The build backend: what it makes can be installed, also from an sdist alone and without a compiler."""
import csv
import hashlib
import base64
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
BACKEND = os.path.join(os.path.dirname(HERE), "_build")
CALL = "import sys; sys.path.insert(0, %r); import backend; print(backend.%s(%r))"


@unittest.skipUnless(os.path.isdir(BACKEND), "the sources are not here")
class Build(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def build(self, what, backend=BACKEND, **environment):
        result = subprocess.run([sys.executable, "-c", CALL % (backend, what, self.folder)],
                                env=dict(os.environ, **environment), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=300, check=False)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        self.said = result.stderr.decode()
        return os.path.join(self.folder, result.stdout.decode().strip())

    def check_wheel(self, path, is_pure):
        self.assertEqual(path.endswith("-py3-none-any.whl"), is_pure)
        with zipfile.ZipFile(path) as wheel:
            names = set(wheel.namelist())
            record, = (name for name in names if name.endswith("/RECORD"))
            rows = list(csv.reader(io.StringIO(wheel.read(record).decode())))
            self.assertEqual({row[0] for row in rows}, names)
            for name, digest, size in rows:
                if name == record:
                    continue
                data = wheel.read(name)
                self.assertEqual(int(size), len(data))
                wanted = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
                self.assertEqual(digest, "sha256=" + wanted.decode())
        self.assertIn("tacho/__init__.py", names)
        self.assertIn("tacho/auto/sitecustomize/sitecustomize.py", names)
        self.assertEqual(any(name.startswith("tacho/_native") for name in names), not is_pure)

    def run_unpacked(self, path, source):
        with zipfile.ZipFile(path) as wheel:
            wheel.extractall(self.folder + "/site")
        return subprocess.run([sys.executable, "-W", "ignore", "-c", source], check=True,
                              env=dict(os.environ, PYTHONPATH=self.folder + "/site",
                                       TACHO_SHM_DIR=self.folder),
                              stdout=subprocess.PIPE, timeout=60).stdout.decode().strip()

    def test_without_a_compiler_it_is_pure_and_says_so(self):
        path = self.build("build_wheel", CC="/nonexistent/cc")
        self.assertIn("native module", self.said)
        self.check_wheel(path, is_pure=True)
        self.assertEqual(self.run_unpacked(path, "import tacho; print(tacho.is_native)"), "False")

    def test_without_libtacho_it_is_pure_and_says_so(self):
        alone = os.path.join(self.folder, "alone")
        for name in ("_build", "tacho", "src"):
            shutil.copytree(os.path.join(os.path.dirname(HERE), name), os.path.join(alone, name))
        shutil.copy(os.path.join(os.path.dirname(HERE), "pyproject.toml"), alone)
        path = self.build("build_wheel", os.path.join(alone, "_build"))
        self.assertIn("src/probe", self.said)
        self.check_wheel(path, is_pure=True)

    def test_an_sdist_builds_by_itself(self):
        sdist = self.build("build_sdist")
        with tarfile.open(sdist) as tar:
            tar.extractall(self.folder + "/sdist")
        inside, = os.listdir(self.folder + "/sdist")
        path = self.build("build_wheel", os.path.join(self.folder, "sdist", inside, "_build"))
        if path.endswith("-any.whl"):
            self.skipTest("no compiler or Python headers here: " + self.said)
        self.check_wheel(path, is_pure=False)
        self.assertEqual(self.run_unpacked(
            path, "import tacho; tacho.frame(); print(tacho.is_native, bool(tacho.segment_path()))"),
            "True True")

    def test_the_same_sources_make_the_same_pure_wheel(self):
        first = self.build("build_wheel", TACHO_PURE="1")
        with open(first, "rb") as file:
            data = file.read()
        with open(self.build("build_wheel", TACHO_PURE="1"), "rb") as file:
            self.assertEqual(file.read(), data)


if __name__ == "__main__":
    unittest.main()
