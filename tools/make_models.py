#!/usr/bin/env python3
"""Makes the reference models: real networks in structure and work, with weights from a fixed seed.

usage: tools/make_models.py [--output DIR] [NAME...]
       tools/make_models.py --list [NAME...]

NAME is one of
  detector     YOLO-like: images [N,3,320,320] to detections [N,2100,25]
  classifier   MobileNet-like: image [N,3,224,224] to probabilities [N,100]
  probe        one convolution: what `tacho devices` tries on every provider
or one variant of them, such as detector.fp32, detector.fp16 or detector.int8. Without NAME: all.

  --output DIR  where the files go (default: the working directory); made if it is not there
  --list        writes no file; prints of each its parameters, multiply-accumulates, bytes, SHA-256
  -h, --help    this text

Files: NAME.onnx is fp32, then NAME.fp16.onnx and NAME.int8.onnx; the probes say probe.fp32.onnx.
The same bytes on every machine. Exit status: 0, 2 (usage), 4 (cannot be written).
"""
import functools
import hashlib
import math
import os
import struct
import sys

IR_VERSION = 8  # with operator set 13: ONNX Runtime 1.8 and everything newer
OPSET = 13
FLOAT, UINT8, INT8, INT32, INT64, FLOAT16 = 1, 2, 3, 6, 7, 10
VARIANTS = ("fp32", "fp16", "int8")

# Of a layer: the gain of its weights, which gives what it puts out (before its activation) a standard
# deviation of about 1, and the largest value behind the activation that its 8-bit form can hold.
# "-": it has none, or shares one of those that follow. Both were measured once, on the fp32 models
# with 32 images; docs/models.md says how.
CALIBRATION = {
    "detector": """
stem 1.34 3.05, down2 1.05 3.97, stage2.a 0.983 -, stage2.b 1.19 -, stage2.c 1.32 -,
stage2.d 1.1 -, stage2 1.21 3.59, down3 0.914 3.62, stage3.a 0.808 -, stage3.b 0.871 -,
stage3.c 1.34 -, stage3.d 1.09 -, stage3 1.2 3.92, down4 0.841 3.74, stage4.a 1.17 -,
stage4.b 0.992 -, stage4.c 1.33 -, stage4.d 0.992 -, stage4 0.895 4.27, down5 0.87 4.93,
stage5.a 1.07 -, stage5.b 1.07 -, stage5.c 1.04 -, stage5.d 0.942 -, stage5 0.862 4.39,
pool.in 0.946 3.85, pool 0.671 2.79, top5 1.16 -, side4 0.917 -, neck4.a 1.16 -, neck4.b 0.933 -,
neck4.c 1.05 -, neck4.d 1.23 -, neck4 1.13 2.9, top4 1.02 -, side3 0.84 -, neck3.a 0.968 -,
neck3.b 1.11 -, neck3.c 0.681 -, neck3.d 1.29 -, neck3 1.13 2.9, head3.mix 1.15 3.83,
head3 0.943 4.39, head4.mix 1.27 3.33, head4 1.12 3.35, head5.mix 0.894 3.01, head5 1.3 2.74,
stage2.all - 3.78, stage3.all - 3.15, stage4.all - 4.53, stage5.all - 3.98, join4 - 3.63,
neck4.all - 3.66, join3 - 3.71, neck3.all - 3.53""",
    "classifier": """
stem 1.02 3.72, block1.depth 0.863 5.59, block1.project 0.718 3.37, block2.expand 0.596 4.38,
block2.depth 0.986 4.93, block2.project 1.35 3.28, block3.expand 0.71 3.93, block3.depth 0.94 6,
block3.project 0.912 3.03, block4.expand 0.487 2.92, block4.depth 0.98 6,
block4.project 0.942 3.11, block5.expand 0.673 3.45, block5.depth 0.956 5.93,
block5.project 1.26 3.31, block6.expand 0.465 3.18, block6.depth 1.01 6, block6.project 1.08 3.16,
block7.expand 0.382 3.23, block7.depth 0.947 5.4, block7.project 1.07 4.72,
block8.expand 0.741 3.51, block8.depth 0.892 6, block8.project 0.816 3.51,
block9.expand 0.516 3.24, block9.depth 1.08 6, block9.project 1.16 3.52,
block10.expand 0.424 3.41, block10.depth 1.1 6, block10.project 0.992 3.16,
block11.expand 0.681 3.84, block11.depth 1.03 6, block11.project 1.05 3.52,
block12.expand 0.522 3.67, block12.depth 1.01 6, block12.project 0.913 4.55,
block13.expand 0.668 3.29, block13.depth 1.1 6, block13.project 1.06 3.25, last 0.476 3.76,
logits 2.28 6.76, block1 - 5.47, block3 - 4.13, block5 - 4.19, block6 - 5.53, block8 - 5.27,
block9 - 6.98, block11 - 4.76, block13 - 6.06, features - 2.8""",
    "probe": "conv 1 3",
}


# ---- protocol buffers: a field is its number, its wire type, its value ------------------------

def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, data):
    if isinstance(data, str):
        data = data.encode()
    return varint(field << 3 | 2) + varint(len(data)) + data


def value_info(name, kind, dims):
    shape = b"".join(block(1, block(2, d) if isinstance(d, str) else number(1, d)) for d in dims)
    return block(1, name) + block(2, block(1, number(1, kind) + block(2, shape)))


def attribute(name, value):
    if isinstance(value, int):
        return block(1, name) + number(3, value) + number(20, 2)
    if isinstance(value, str):
        return block(1, name) + block(4, value) + number(20, 3)
    return block(1, name) + b"".join(number(8, item) for item in value) + number(20, 7)


# ---- numbers ----------------------------------------------------------------------------------

@functools.lru_cache(maxsize=None)
def noise(seed, count):
    """Whole numbers, uniform in [-32768, 32767]: SHAKE-256 of the seed."""
    data = hashlib.shake_256(seed.encode()).digest(2 * count)
    return struct.unpack("<%dh" % count, data)


# ---- graphs -----------------------------------------------------------------------------------

class Range:
    """What the values of an 8-bit tensor stand for: (value - zero) * scale. names are those of the
    two weights that say so."""

    def __init__(self, names, scale, zero):
        self.names, self.scale, self.zero = names, scale, zero


class Tensor:
    """channels and size (of a square image) describe it; range: it is an 8-bit one."""

    def __init__(self, name, channels, size, range=None):
        self.name, self.channels, self.size, self.range = name, channels, size, range
        self.as_float = None  # the same as floating point, once somebody asked for it


class Graph:
    """What a network is made of, in floating point (fp32 or fp16)."""

    def __init__(self, model, variant):
        self.model = model
        self.kind = FLOAT16 if variant == "fp16" else FLOAT
        self.calibration = {}
        for entry in CALIBRATION[model].split(","):
            name, *numbers = entry.split() or [""]
            self.calibration[name] = [1.0 if text == "-" else float(text) for text in numbers]
        self.nodes, self.weights, self.inputs, self.outputs = [], {}, [], []
        self.parameters = self.macs = 0

    # Elements

    def node(self, operator, inputs, output, **attributes):
        outputs = output if isinstance(output, list) else [output]
        self.nodes.append(
            b"".join(block(1, name) for name in inputs)
            + b"".join(block(2, name) for name in outputs) + block(3, outputs[0])
            + block(4, operator)
            + b"".join(block(5, attribute(*item)) for item in sorted(attributes.items())))

    def tensor(self, name, kind, dims, raw):
        if name not in self.weights:
            self.weights[name] = (b"".join(number(1, dim) for dim in dims) + number(2, kind)
                                  + block(8, name) + block(9, raw))
            self.parameters += math.prod(dims)
        return name

    def floats(self, name, dims, values):
        code = "e" if self.kind == FLOAT16 else "f"
        return self.tensor(name, self.kind, dims, struct.pack("<%d%s" % (len(values), code),
                                                              *values))

    def calibration_of(self, name):
        return self.calibration.get(name, (1.0, 1.0))

    def input(self, name, channels, size, batch="N"):
        self.inputs.append(value_info(name, self.kind, [batch, channels, size, size]))
        return Tensor(name, channels, size)

    def output(self, name, dims):
        self.outputs.append(value_info(name, self.kind, dims))

    # Weights

    def filters(self, name, count, size):
        """Filters of whole numbers, and the factor that makes them weights of variance 2/size (He
        and others, 2015) times the square of the gain: what is uniform in [-a, a] has variance
        a²/3."""
        values = noise("%s/%s" % (self.model, name), count * size)
        factor = self.calibration_of(name)[0] * math.sqrt(6.0 / size) / 32768
        return [values[at:at + size] for at in range(0, count * size, size)], factor

    def bias(self, name, count):
        return [value * 0.2 / 32768 for value in noise("%s/%s/bias" % (self.model, name), count)]

    # Layers

    def conv(self, x, name, channels, kernel=3, stride=1, groups=1, act="Relu", shared=None):
        """shared: the name under which its 8-bit range stands, where several have to be the same."""
        per_filter = x.channels // groups * kernel * kernel
        rows, factor = self.filters(name, channels, per_filter)
        size = -(-x.size // stride)
        self.macs += channels * per_filter * size * size
        weight = self.floats(name + ".weight", [channels, x.channels // groups, kernel, kernel],
                             [value * factor for row in rows for value in row])
        bias = self.floats(name + ".bias", [channels], self.bias(name, channels))
        before = name if not act else name + "/conv"
        self.node("Conv", [x.name, weight, bias], before, **conv_attributes(kernel, stride, groups))
        if act == "Relu":
            self.node("Relu", [before], name)
        elif act == "Relu6":
            self.node("Clip", [before, self.floats("zero", [], [0]), self.floats("six", [], [6])],
                      name)
        return Tensor(name, channels, size)

    def concat(self, tensors, name):
        self.node("Concat", [t.name for t in tensors], name, axis=1)
        first = tensors[0].range
        assert all(t.range == first or t.range.names == first.names for t in tensors), name
        return Tensor(name, sum(t.channels for t in tensors), tensors[0].size, first)

    def max_pool(self, x, name, kernel):
        self.node("MaxPool", [x.name], name, **conv_attributes(kernel, 1, None))
        return Tensor(name, x.channels, x.size, x.range)

    def upsample(self, x, name):
        scales = self.tensor("double", FLOAT, [4], struct.pack("<4f", 1, 1, 2, 2))
        self.node("Resize", [x.name, "", scales], name, mode="nearest", nearest_mode="floor",
                  coordinate_transformation_mode="asymmetric")
        return Tensor(name, x.channels, 2 * x.size, x.range)

    def add(self, a, b, name):
        self.node("Add", [self.as_float(a).name, self.as_float(b).name], name)
        return Tensor(name, a.channels, a.size)

    def as_float(self, x):
        return x

    def average(self, x, name):
        """[N, channels]"""
        self.node("GlobalAveragePool", [self.as_float(x).name], name + "/pool")
        self.node("Flatten", [name + "/pool"], name, axis=1)
        return Tensor(name, x.channels, 1)

    def dense(self, x, name, count):
        rows, factor = self.filters(name, count, x.channels)
        self.macs += count * x.channels
        weight = self.floats(name + ".weight", [count, x.channels],
                             [value * factor for row in rows for value in row])
        bias = self.floats(name + ".bias", [count], self.bias(name, count))
        self.node("Gemm", [x.name, weight, bias], name, transB=1)
        return Tensor(name, count, 1)

    # The file

    def bytes(self):
        graph = (b"".join(block(1, node) for node in self.nodes) + block(2, self.model)
                 + b"".join(block(5, self.weights[name]) for name in self.weights)
                 + b"".join(block(11, item) for item in self.inputs)
                 + b"".join(block(12, item) for item in self.outputs))
        return (number(1, IR_VERSION) + block(2, "tacho make_models") + block(3, "1")
                + block(7, graph) + block(8, number(2, OPSET)))


def conv_attributes(kernel, stride, groups):
    attributes = {"kernel_shape": [kernel, kernel], "pads": [kernel // 2] * 4,
                  "strides": [stride, stride]}
    if groups is not None:
        attributes["group"] = groups
    return attributes


class QuantisedGraph(Graph):
    """The same in 8 bits: the heavy layers are quantised operators on unsigned activations and
    signed weights; whatever has to be exact, or costs nothing, stays float."""

    # Weights take seven bits: where the CPU adds two products of 8 bits in 16 (x86 without VNNI),
    # 255 * 64 * 2 still fits, and every machine computes the same.
    WEIGHT_MAX = 64

    def scalar(self, name, value):
        return self.tensor(name, FLOAT, [], struct.pack("<f", value))

    def range(self, name, scale, zero):
        names = [self.scalar(name + ".scale", scale),
                 self.tensor(name + ".zero", UINT8, [], struct.pack("<B", zero))]
        return Range(names, scale, zero)

    def calibrated(self, name, act):
        """The range that the calibration says; nothing is below zero behind an activation."""
        largest = self.calibration_of(name)[1]
        return self.range(name, largest / 255, 0) if act else self.range(name, largest / 127, 128)

    def as_8bit(self, x, name, found):
        self.node("QuantizeLinear", [x.name] + found.names, name)
        return Tensor(name, x.channels, x.size, found)

    def as_float(self, x):
        if x.range and not x.as_float:
            x.as_float = Tensor(x.name + "/float", x.channels, x.size)
            self.node("DequantizeLinear", [x.name] + x.range.names, x.as_float.name)
        return x.as_float or x

    def input(self, name, channels, size, batch="N"):
        x = super().input(name, channels, size, batch)
        return self.as_8bit(x, name + "/8bit", self.range(name, 1 / 255, 0))  # pixels, 0 to 1

    def weights_8bit(self, name, rows, factor, per_row):
        """Whole numbers to whole numbers: rounded half up, without a float on the way."""
        most = [max(1, max(abs(value) for value in row)) for row in rows]
        if not per_row:
            most = [max(most)] * len(rows)
        limit = self.WEIGHT_MAX
        out = [[(2 * limit * value + m) // (2 * m) for value in row] for row, m in zip(rows, most)]
        return out, [m * factor / limit for m in most]

    def conv(self, x, name, channels, kernel=3, stride=1, groups=1, act="Relu", shared=None):
        per_filter = x.channels // groups * kernel * kernel
        rows, factor = self.filters(name, channels, per_filter)
        size = -(-x.size // stride)
        self.macs += channels * per_filter * size * size
        values, scales = self.weights_8bit(name, rows, factor, per_row=True)
        weight = self.tensor(name + ".weight", INT8,
                             [channels, x.channels // groups, kernel, kernel],
                             b"".join(struct.pack("<%db" % len(row), *row) for row in values))
        scale = self.tensor(name + ".weight.scale", FLOAT, [channels],
                            struct.pack("<%df" % channels, *scales))
        zero = self.tensor(name + ".weight.zero", INT8, [channels], bytes(channels))
        bias = [round(value / (x.range.scale * s))
                for value, s in zip(self.bias(name, channels), scales)]
        bias = self.tensor(name + ".bias", INT32, [channels], struct.pack("<%di" % channels, *bias))
        y = Tensor(name, channels, size, self.calibrated(shared or name, act))
        self.node("QLinearConv",
                  [x.name] + x.range.names + [weight, scale, zero] + y.range.names + [bias],
                  name, **conv_attributes(kernel, stride, groups))
        return y

    def add(self, a, b, name):
        total = super().add(a, b, name + "/float_sum")
        return self.as_8bit(total, name, self.calibrated(name, act=None))

    def dense(self, x, name, count):
        x = self.as_8bit(x, x.name + "/8bit", self.calibrated(x.name, act=True))
        rows, factor = self.filters(name, count, x.channels)
        self.macs += count * x.channels
        values, scales = self.weights_8bit(name, rows, factor, per_row=False)
        columns = [row[i] for i in range(x.channels) for row in values]  # transposed
        weight = self.tensor(name + ".weight", INT8, [x.channels, count],
                             struct.pack("<%db" % len(columns), *columns))
        scale = self.scalar(name + ".weight.scale", scales[0])
        zero = self.tensor(name + ".weight.zero", INT8, [], bytes(1))
        product = Tensor(name + "/product", count, 1, self.calibrated(name, act=None))
        self.node("QLinearMatMul",
                  [x.name] + x.range.names + [weight, scale, zero] + product.range.names,
                  product.name)
        bias = self.floats(name + ".bias", [count], self.bias(name, count))
        self.node("Add", [self.as_float(product).name, bias], name)
        return Tensor(name, count, 1)


# ---- the networks -----------------------------------------------------------------------------

def elan(g, x, name, hidden, channels, shared=None):
    """Two 3x3 convolutions whose every stage goes on to the end (as in YOLOv7-tiny)."""
    a = g.conv(x, name + ".a", hidden, 1, shared=name + ".all")
    b = g.conv(x, name + ".b", hidden, 1, shared=name + ".all")
    c = g.conv(b, name + ".c", hidden, 3, shared=name + ".all")
    d = g.conv(c, name + ".d", hidden, 3, shared=name + ".all")
    return g.conv(g.concat([a, b, c, d], name + ".all"), name, channels, 1, shared=shared)


def detector(g):
    classes, strides = 20, (8, 16, 32)
    x = g.input("images", 3, 320)
    x = g.conv(x, "stem", 32, 3, 2)
    x = elan(g, g.conv(x, "down2", 48, 3, 2), "stage2", 32, 64)
    p3 = elan(g, g.conv(x, "down3", 64, 3, 2), "stage3", 32, 64)
    p4 = elan(g, g.conv(p3, "down4", 96, 3, 2), "stage4", 48, 96)
    x = elan(g, g.conv(p4, "down5", 128, 3, 2), "stage5", 48, 128)
    pools = [g.conv(x, "pool.in", 48, 1)]  # spatial pyramid pooling: three fields of view
    for i in range(3):
        pools.append(g.max_pool(pools[-1], "pool.%d" % (i + 1), 5))
    x = g.conv(g.concat(pools, "pool.all"), "pool", 128, 1)
    p5 = g.conv(x, "top5", 64, 1, shared="join4")
    x = g.concat([g.upsample(p5, "up4"), g.conv(p4, "side4", 64, 1, shared="join4")], "join4")
    p4 = elan(g, x, "neck4", 32, 64)
    x = g.upsample(g.conv(p4, "top4", 32, 1, shared="join3"), "up3")
    x = g.concat([x, g.conv(p3, "side3", 32, 1, shared="join3")], "join3")
    p3 = elan(g, x, "neck3", 16, 32)
    cells = []
    for level, (x, stride) in enumerate(zip((p3, p4, p5), strides), 3):
        name = "head%d" % level
        x = g.conv(g.conv(x, name + ".mix", x.channels, 3), name, 5 + classes, 1, act=None)
        x = g.as_float(x)
        shape = g.tensor("cells", INT64, [3], struct.pack("<3q", 0, 5 + classes, -1))
        g.node("Reshape", [x.name, shape], name + "/row")
        g.node("Transpose", [name + "/row"], name + "/cells", perm=[0, 2, 1])
        cells.append((name + "/cells", x.size, stride))
    decode(g, cells, classes)


def decode(g, cells, classes):
    """Centre (2s - 0.5 + cell) * stride, size 4s² * anchor, and the scores as they are, where s is
    the sigmoid: YOLOv5's head. One anchor per cell, five strides wide."""
    grid = [(stride, (x - 0.5) * stride, (y - 0.5) * stride)
            for _, size, stride in cells for y in range(size) for x in range(size)]
    count = len(grid)
    g.node("Concat", [name for name, _, _ in cells], "raw", axis=1)
    g.node("Sigmoid", ["raw"], "score")
    parts = g.tensor("parts", INT64, [3], struct.pack("<3q", 2, 2, 1 + classes))
    g.node("Split", ["score", parts], ["centre", "extent", "confidence"], axis=2)
    stride = g.floats("stride", [1, count, 1], [2 * s for s, _, _ in grid])
    offset = g.floats("offset", [1, count, 2], [v for _, x, y in grid for v in (x, y)])
    anchor = g.floats("anchor", [1, count, 1], [4 * 5 * s for s, _, _ in grid])
    g.node("Mul", ["centre", stride], "centre/scaled")
    g.node("Add", ["centre/scaled", offset], "centre/pixels")
    g.node("Mul", ["extent", "extent"], "extent/squared")
    g.node("Mul", ["extent/squared", anchor], "extent/pixels")
    g.node("Concat", ["centre/pixels", "extent/pixels", "confidence"], "detections", axis=2)
    g.output("detections", ["N", count, 5 + classes])


def inverted_residual(g, x, name, expansion, channels, stride):
    y = x
    if expansion > 1:
        y = g.conv(y, name + ".expand", x.channels * expansion, 1, act="Relu6")
    y = g.conv(y, name + ".depth", y.channels, 3, stride, groups=y.channels, act="Relu6")
    y = g.conv(y, name + ".project", channels, 1, act=None)
    return g.add(x, y, name) if stride == 1 and channels == x.channels else y


def classifier(g):
    x = g.conv(g.input("image", 3, 224), "stem", 16, 3, 2, act="Relu6")
    blocks = [(1, 16, 1), (4, 24, 2), (4, 24, 1), (4, 40, 2), (4, 40, 1), (4, 40, 1), (4, 64, 2),
              (4, 64, 1), (4, 64, 1), (4, 96, 1), (4, 96, 1), (4, 112, 2), (4, 112, 1)]
    for i, (expansion, channels, stride) in enumerate(blocks, 1):
        x = inverted_residual(g, x, "block%d" % i, expansion, channels, stride)
    x = g.conv(x, "last", 256, 1, act="Relu6")
    x = g.dense(g.average(x, "features"), "logits", 100)
    g.node("Softmax", [x.name], "probabilities", axis=1)
    g.output("probabilities", ["N", 100])


def probe(g):
    y = g.conv(g.input("x", 4, 8, batch=1), "conv", 4, 3, act=None)
    g.output(g.as_float(y).name, [1, 4, 8, 8])


NETWORKS = {"detector": detector, "classifier": classifier, "probe": probe}


# ---- the command ------------------------------------------------------------------------------

def build(model, variant):
    graph = (QuantisedGraph if variant == "int8" else Graph)(model, variant)
    NETWORKS[model](graph)
    return graph


def file_name(model, variant):
    if variant == "fp32" and model != "probe":
        return model + ".onnx"
    return "%s.%s.onnx" % (model, variant)


def choose(names):
    """(model, variant) of every name, each once, in the order of the tables."""
    chosen = set()
    for name in names or NETWORKS:
        model, _, variant = name.partition(".")
        if model not in NETWORKS or (variant and variant not in VARIANTS):
            raise ValueError("no such model: %s (there are %s, each also with .%s)" % (
                name, ", ".join(NETWORKS), ", .".join(VARIANTS)))
        chosen.update((model, v) for v in VARIANTS if variant in ("", v))
    return [(m, v) for m in NETWORKS for v in VARIANTS if (m, v) in chosen]


def write_whole(path, data):
    """The file holds the old or the new content, never a part of it."""
    temporary = "%s.tmp-%d" % (path, os.getpid())
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def parse(argv):
    output, names, listing = ".", [], False
    words = iter(argv)
    for word in words:
        if word in ("-h", "--help"):
            return None
        if word == "--list":
            listing = True
        elif word == "--output" or word.startswith("--output="):
            output = word[9:] if "=" in word else next(words, "")
            if not output:
                raise ValueError("--output needs a folder")
        elif word.startswith("-"):
            raise ValueError("unknown option: " + word)
        else:
            names.append(word)
    return output, choose(names), listing


def main(argv):
    try:
        arguments = parse(argv)
    except ValueError as problem:
        print("make_models.py: %s\n%s" % (problem, "try: tools/make_models.py --help"),
              file=sys.stderr)
        return 2
    if arguments is None:
        print(__doc__.strip())
        return 0
    output, chosen, listing = arguments
    try:
        if not listing:
            os.makedirs(output, exist_ok=True)
        for model, variant in chosen:
            graph = build(model, variant)
            data = graph.bytes()
            if listing:
                print("%-20s %7d parameters %9d MACs %8d bytes  %s" % (
                    file_name(model, variant), graph.parameters, graph.macs, len(data),
                    hashlib.sha256(data).hexdigest()))
            else:
                write_whole(os.path.join(output, file_name(model, variant)), data)
    except OSError as problem:
        print("make_models.py: %s: %s" % (problem.filename, problem.strerror), file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
