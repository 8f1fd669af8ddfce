#!/usr/bin/env python3
"""Makes a model whose work lies in the body of a Loop, which holds an If: for tests of --profile-ops.

usage: make_loop_model.py TURNS SIZE FILE.onnx

x [SIZE,SIZE] to y: TURNS times y = Relu(y * x), and in every turn an If that says Abs(y) or -y.
Standard library only; the format is onnx.proto3's.
"""
import struct
import sys

FLOAT, INT64, BOOL = 1, 7, 9


def varint(value):
    out = b""
    while True:
        out += bytes([value & 127 | (128 if value > 127 else 0)])
        value >>= 7
        if not value:
            return out


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def text(field, value):
    return block(field, value.encode())


def value_info(name, kind, dims):
    shape = b"".join(block(1, number(1, dim)) for dim in dims)
    return text(1, name) + block(2, block(1, number(1, kind) + block(2, shape)))


def graph_attribute(name, graph):
    return block(5, text(1, name) + block(6, graph) + number(20, 5))


def node(name, operator, inputs, outputs, attributes=b""):
    return block(1, b"".join(text(1, x) for x in inputs) + b"".join(text(2, x) for x in outputs) +
                 text(3, name) + text(4, operator) + attributes)


def graph(name, nodes, inputs, outputs, constants=()):
    return (b"".join(nodes) + text(2, name) + b"".join(block(5, x) for x in constants) +
            b"".join(block(11, x) for x in inputs) + b"".join(block(12, x) for x in outputs))


def branch(operator, dims):
    return graph(operator.lower(), [node("in_" + operator.lower(), operator, ["w"], ["b"])], [],
                 [value_info("b", FLOAT, dims)])


def main(turns, size, path):
    dims = [size, size]
    body = graph("body", [
        node("product", "MatMul", ["v", "x"], ["p"]),
        node("gate", "Relu", ["p"], ["w"]),
        node("less", "Less", ["i", "half"], ["is_early"]),
        node("choice", "If", ["is_early"], ["next"],
             graph_attribute("then_branch", branch("Abs", dims)) +
             graph_attribute("else_branch", branch("Neg", dims))),
        node("again", "Identity", ["c"], ["still"]),
    ], [value_info("i", INT64, []), value_info("c", BOOL, []), value_info("v", FLOAT, dims)],
                 [value_info("still", BOOL, []), value_info("next", FLOAT, dims)])
    whole = graph("loops", [
        node("turns", "Loop", ["count", "yes", "x"], ["last"], graph_attribute("body", body)),
        node("end", "Relu", ["last"], ["y"]),
    ], [value_info("x", FLOAT, dims)], [value_info("y", FLOAT, dims)], [
        number(2, INT64) + text(8, "count") + block(9, struct.pack("<q", turns)),
        number(2, INT64) + text(8, "half") + block(9, struct.pack("<q", turns // 2)),
        number(2, BOOL) + text(8, "yes") + block(9, b"\1"),
    ])
    with open(path, "wb") as file:
        file.write(number(1, 7) + block(7, whole) + block(8, number(2, 13)))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
