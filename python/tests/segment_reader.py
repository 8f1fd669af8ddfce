"""Reads a segment as include/tacho/segment.h describes it, with struct and nothing else."""
import struct

MAGIC = b"TACHO\r\n\032"
NAMES, HISTS, COUNTERS, MARKS = 1, 6, 3, 5
SPAN, FRAME, COUNTER, GAUGE, MARK = 1, 2, 3, 4, 5


class Channel:
    """One name: flags, and of spans and frames the count, sum, errors."""

    def __init__(self, kind, flags):
        self.kind, self.flags = kind, flags
        self.count = self.sum_ns = self.errors = self.largest_ns = 0


def read(path):
    """{name: Channel}"""
    with open(path, "rb") as file:
        data = file.read()
    magic, order, major, _minor, _size, sections = struct.unpack_from("=8sIHHII", data)
    if magic != MAGIC or order != 0x01020304 or major != 1:
        raise ValueError("%s is no segment" % path)
    header = struct.calcsize("=8sIHHIIQIIIIQQQQQQQQQQIIII64s")
    table = {}
    for index in range(sections):
        kind, count, offset, stride = struct.unpack_from("=IIQQ", data, header + 24 * index)
        table[kind] = (count, offset, stride)
    channels, names = {}, []
    count, offset, stride = table[NAMES]
    for index in range(count):
        kind, _, flags, _slot, ready, text = struct.unpack_from("=BBHHH56s", data,
                                                                offset + index * stride)
        name = text.split(b"\0")[0].decode()
        names.append(name)
        if ready:
            channels[name] = Channel(kind, flags)
    count, offset, stride = table[HISTS]
    for index in range(count):
        at = offset + index * stride
        owner, name, sum_ns, _min_ns, max_ns, errors, over = struct.unpack_from("=IIQQQQQ", data,
                                                                                at)
        if owner == 0:
            continue
        channel = channels[names[name]]
        buckets = struct.unpack_from("=%dQ" % ((stride - 64) // 8), data, at + 64)
        channel.count += sum(buckets) + over
        channel.sum_ns += sum_ns
        channel.errors += errors
        channel.largest_ns = max(channel.largest_ns, max_ns)
    return channels
