"""What the rest of the package records with: libtacho, or nothing.

`is_native` says which. Without the native module (no compiler or no Python headers when the package
was installed, another interpreter than it was built for) nothing is recorded in shared memory: every
call below does nothing, and `why_not` says why. It never breaks the program that it stands in.
"""
import functools
import os
import sys

SPAN, FRAME, COUNTER, GAUGE, MARK = 1, 2, 3, 4, 5
WORK, DROPPED, WAIT, AUTO = 1, 2, 4, 8

try:
    from . import _native  # relative: tacho.auto may have loaded us under another name
    is_native = True
    why_not = ""
except ImportError as error:
    _native = None
    is_native = False
    why_not = str(error)
    if os.environ.get("TACHO_VERBOSE", "0") not in ("", "0"):
        print("tacho: nothing is recorded in shared memory: no native module (%s)" % why_not,
              file=sys.stderr)


if is_native:
    from ._native import (  # noqa: F401 (what it offers)
        Span, begin, begin_token, close, count, end, end_error, end_token, frame, gauge, intern,
        mark, peak_begin, peak_end, record, segment_path, status)

    def timed(function, id):
        """A callable that calls `function` and records each call as a span."""
        return functools.update_wrapper(_native.Timed(function, id), function)

    def _close_with_worker():
        """A worker of multiprocessing ends by os._exit, which would look like a crash; what it runs
        before is forgotten by a fork, but for what is registered here."""
        util = sys.modules.get("multiprocessing.util")
        if util:
            util.register_after_fork(
                close, lambda function: util.Finalize(None, function, exitpriority=-100))

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_close_with_worker)

else:
    def _nothing(*arguments):
        """Records nothing."""

    begin = end = end_error = end_token = record = frame = count = gauge = mark = _nothing
    close = _nothing

    def intern(name, kind, flags=0):
        """No name has an id that records."""
        return 0

    def begin_token():
        """No token means anything."""
        return 0

    def segment_path():
        """There is no segment."""
        return ""

    def status():
        """Why nothing is recorded: switched off."""
        return -1

    def peak_begin():
        """Nobody watches the memory: see tacho._memory."""
        return -1

    def peak_end(handle):
        """Not known."""
        return 0

    def timed(function, id):
        """The function itself."""
        return function

    class Span:
        """A context manager that records nothing."""
        __slots__ = ("id",)

        def __init__(self, id):
            self.id = id

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            return None
