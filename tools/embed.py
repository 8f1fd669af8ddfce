#!/usr/bin/env python3
"""tools/embed.py: makes a C file that holds small data files, so that the program needs none of them.

usage: tools/embed.py HEADER ARRAY OUTPUT FILE...

OUTPUT includes HEADER and defines `const struct embedded_file ARRAY[]`: of every FILE, in the order
given, its name without folder and extension, and its bytes; a row of NULLs ends it. Only .onnx files
may be other than text.
"""
import os
import sys

ESCAPES = {ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("\t"): "\\t"}


def literal(line):
    """One line of bytes as a C string. Octal escapes have three digits, so no digit that follows
    is taken for a part of them."""
    return '"%s"' % "".join(
        ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 and byte != ord("?")
                              else "\\%03o" % byte) for byte in line)


def row(path):
    with open(path, "rb") as file:
        data = file.read()
    if not data or (b"\0" in data and not path.endswith(".onnx")):
        sys.exit("embed.py: %s: empty, or no text" % path)
    name = os.path.splitext(os.path.basename(path))[0]
    lines = "\n".join("     " + literal(line) for line in data.splitlines(keepends=True))
    return '    {"%s",\n%s,\n     %d},\n' % (name, lines, len(data))


def main(argv):
    if len(argv) < 4:
        sys.exit(__doc__.strip())
    header, array, output, *paths = argv
    text = '/* Made by tools/embed.py. */\n#include "%s"\n\n' % header
    text += "const struct embedded_file %s[] = {\n%s    {0},\n};\n" % (
        array, "".join(row(path) for path in paths))
    with open(output, "w", encoding="ascii") as file:
        file.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
