"""tacho: see inside a running program, and measure what its parts cost.

    import tacho

    with tacho.span("inference"):        # a duration; also @tacho.span("inference")
        model(image)
    tacho.frame("camera0")               # a frame rate
    tacho.gauge("queue", len(queue))     # a value, with its largest

    monitor = tacho.PerformanceMonitor() # what a block costs
    with monitor.measure() as m:
        model(image)
    print(m["inference_time"], m["peak_memory_mb"])

What spans and their kin record lies in shared memory: `tacho monitor` and `tacho run` show it while the
program runs, and after it was killed. TACHO_DISABLE=1 switches it off.
"""
__version__ = "0.1.0"

# What stands where. Loaded when it is first asked for, so that a program that is only instrumented from
# outside (tacho.auto) pays for none of it.
_HOME = {
    "counter": "_span", "dropped": "_span", "frame": "_span", "gauge": "_span", "mark": "_span",
    "span": "_span", "work": "_span",
    "PerformanceMonitor": "_monitor", "calculate_rtf": "_monitor", "get_system_info": "_monitor",
    "rtf_rating": "_monitor",
    "is_native": "_probe", "segment_path": "_probe",
}
__all__ = tuple(sorted(_HOME))


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError("module 'tacho' has no attribute %r" % name)
    import importlib
    value = getattr(importlib.import_module("tacho." + _HOME[name]), name)
    if _HOME[name] == "_span":
        _warn_if_not_native()
    globals()[name] = value
    return value


def __dir__():
    return sorted(set(globals()) | set(_HOME))


def _warn_if_not_native():
    from tacho import _probe
    if not _probe.is_native:
        import warnings
        warnings.warn("tacho has no native module (%s): spans, frames, counters, gauges and marks are "
                      "not recorded" % _probe.why_not, RuntimeWarning, stacklevel=3)
