#!/usr/bin/env python3
"""bench/probe_python.py: what a call of the Python package costs, beside other ways to time a block.

usage: probe_python.py [--quick]      (with the package installed: PYTHONPATH or a virtual environment)

Nanoseconds per operation: the median over rounds of the mean of a loop, less that of an empty loop.
Every way is measured once per round, in turn. Prints a table; it asserts nothing.
"""
import contextlib
import statistics
import sys
import time

import tacho
from tacho import _probe

LOOPS = 20000


@contextlib.contextmanager
def generator_timer(times):
    begin = time.perf_counter_ns()
    yield
    times.append(time.perf_counter_ns() - begin)


class PlainTimer:
    """What people write: a context manager that keeps the clock's difference."""

    def __enter__(self):
        self.begin = time.perf_counter_ns()

    def __exit__(self, *exception):
        self.passed = time.perf_counter_ns() - self.begin


def nothing():
    pass


def ways():
    """(name, statement, what it may use)"""
    span, spans = tacho.span("bench"), tacho.span
    timed, plain, times = tacho.span("call")(nothing), PlainTimer(), []
    names = {
        "clock": time.perf_counter_ns, "span": span, "spans": spans, "timed": timed,
        "nothing": nothing, "plain": plain, "generator": generator_timer, "times": times,
        "begin": _probe.begin, "end": _probe.end, "id": span.id, "frame": tacho.frame,
        "counter": tacho.counter, "gauge": tacho.gauge,
    }
    rows = [
        ("two clock readings", "clock(); clock()"),
        ("begin, end", "begin(id); end(id)"),
        ("with span:", "with span: pass"),
        ('with tacho.span("x"):', 'with spans("bench"): pass'),
        ("an empty call", "nothing()"),
        ("a timed call", "timed()"),
        ('tacho.frame("x")', 'frame("f")'),
        ('tacho.counter("x")', 'counter("c")'),
        ('tacho.gauge("x", 1)', 'gauge("g", 1)'),
        ("class with two clock readings", "with plain: pass"),
        ("contextlib.contextmanager", "with generator(times): pass"),
    ]
    try:
        from opentelemetry import trace
        names["tracer"] = trace.get_tracer("bench")
        rows.append(("OpenTelemetry span", 'with tracer.start_as_current_span("x"): pass'))
    except ImportError:
        pass
    return [(name, compile_loop(statement, names)) for name, statement in rows]


def compile_loop(statement, names):
    source = "def loop(%s):\n    for _ in range(%d):\n        %s\n" % (
        ", ".join(sorted(names)), LOOPS, statement)
    scope = {}
    exec(source, scope)
    arguments = [names[name] for name in sorted(names)]
    return lambda: scope["loop"](*arguments)


def measure(loop):
    begin = time.perf_counter_ns()
    loop()
    return (time.perf_counter_ns() - begin) / LOOPS


def main():
    rounds = 7 if "--quick" in sys.argv[1:] else 40
    empty = compile_loop("pass", {})
    rows = ways()
    results = {name: [] for name, _ in rows}
    for _ in range(rounds):
        base = measure(empty)
        for name, loop in rows:
            results[name].append(measure(loop) - base)
    floor = statistics.median(results["two clock readings"])
    print("Python %s, tacho %s, %s; %d rounds of %d calls; goal: `with` at most 200 ns\n" % (
        sys.version.split()[0], tacho.__version__,
        "native" if tacho.is_native else "WITHOUT its native module", rounds, LOOPS))
    print("  %-32s %8s %10s %10s" % ("", "ns", "quartiles", "/ clocks"))
    for name, _ in rows:
        low, middle, high = statistics.quantiles(results[name], n=4)
        print("  %-32s %8.0f %10s %10.2f" % (name, middle, "%.0f-%.0f" % (low, high),
                                             middle / floor))


if __name__ == "__main__":
    main()
