"""A reader of segments by their documented layout alone (include/tacho/segment.h): for tests."""
import struct

NAMES, THREADS, COUNTERS, GAUGES, MARKS, HISTS, RINGS = range(1, 8)
LIVE, CLOSED = 1, 2
HIST_BUCKETS = 3968


class Segment:
    """What a file says. names: {text: (index, kind, flags, slot)}."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        assert self.data[:8] == b"TACHO\r\n\x1a", self.data[:8]
        order, major, _, header_size, count = struct.unpack_from("=IHHII", self.data, 8)
        size, self.state, self.pid = struct.unpack_from("=QII", self.data, 24)
        assert (order, major, size) == (0x01020304, 1, len(self.data))
        self.sections = {}
        for i in range(count):
            kind, entries, offset, stride = struct.unpack_from(
                "=IIQQ", self.data, header_size - 8 * 24 + i * 24)
            self.sections[kind] = (entries, offset, stride)
        self.names, self.texts = {}, {}
        for index, at in self._entries(NAMES):
            kind, _, flags, slot, ready = struct.unpack_from("=BBHHH", self.data, at)
            if ready:
                text = self.data[at + 8:at + 64].split(b"\0")[0].decode()
                self.names[text], self.texts[index] = (index, kind, flags, slot), text

    def _entries(self, kind):
        count, offset, stride = self.sections[kind]
        return ((index, offset + index * stride) for index in range(count))

    def counter(self, name):
        """The sum over all threads."""
        slot = self.names[name][3]
        return sum(struct.unpack_from("=Q", self.data, at + 8 * slot)[0]
                   for _, at in self._entries(COUNTERS))

    def gauge(self, name):
        """(count, value, smallest, largest)"""
        _, offset, stride = self.sections[GAUGES]
        return struct.unpack_from("=Qddd", self.data, offset + self.names[name][3] * stride)

    def span(self, name):
        """{"count", "sum_ns", "min_ns", "max_ns", "errors"} over all threads."""
        total = {"count": 0, "sum_ns": 0, "min_ns": 1 << 64, "max_ns": 0, "errors": 0}
        for _, at in self._entries(HISTS):
            owner, of = struct.unpack_from("=II", self.data, at)
            if not owner or of != self.names[name][0]:
                continue
            sum_ns, low, high, errors, over = struct.unpack_from("=QQQQQ", self.data, at + 8)
            total["count"] += over + sum(
                struct.unpack_from("=%dQ" % HIST_BUCKETS, self.data, at + 64))
            total["sum_ns"] += sum_ns
            total["min_ns"] = min(total["min_ns"], low)
            total["max_ns"] = max(total["max_ns"], high)
            total["errors"] += errors
        return total

    def marks(self):
        """[(name, t_ns, rss_bytes)]"""
        found = (struct.unpack_from("=IIQQ", self.data, at) for _, at in self._entries(MARKS))
        return [(self.texts[name], t_ns, rss) for ready, name, t_ns, rss in found if ready]

    def open_spans(self):
        """[(tid, [names])] of the threads that have any open."""
        found = []
        for _, at in self._entries(THREADS):
            state, tid, _, depth = struct.unpack_from("=IIII", self.data, at)
            names = [self.texts[struct.unpack_from("=I", self.data, at + 48 + 16 * i)[0]]
                     for i in range(min(depth, 16))]
            if state == 1 and names:
                found.append((tid, names))
        return found
