"""Events are done when the test says so."""
STATE = {"initialized": False, "capturing": False, "done": False, "events": 0, "clock_ms": 0.0}


def is_initialized():
    return STATE["initialized"]


def is_current_stream_capturing():
    return STATE["capturing"]


class Event:
    def __init__(self, enable_timing=False):
        assert enable_timing
        self.at_ms = None

    def record(self):
        STATE["events"] += 1
        STATE["clock_ms"] += 2.5
        self.at_ms = STATE["clock_ms"]

    def query(self):
        return STATE["done"]

    def elapsed_time(self, end):
        return end.at_ms - self.at_ms
