#!/usr/bin/env python3
"""Writes a float ONNX network of a given size with external data, using nothing but Python's standard library.

    tests/large/make_large_model.py FOLDER [GIGABYTES]       # FOLDER/large.onnx and FOLDER/large.onnx.data

A chain of layers x = Relu(x W + b) of 8192 x 8192 weights. The numbers are one pseudo-random block, repeated
with another offset for each layer, so that making the file costs little more than writing it.
"""
import array
import math
import os
import random
import sys

WIDTH = 8192
FLOAT, EXTERNAL = 1, 1


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number, value):
    """One protobuf field: an integer, text, or bytes of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def external_tensor(name, dims, offset, length):
    out = b"".join(field(1, d) for d in dims) + field(2, FLOAT) + field(8, name)
    for key, value in (("location", "large.onnx.data"), ("offset", str(offset)), ("length", str(length))):
        out += field(13, field(1, key) + field(2, value))
    return out + field(14, EXTERNAL)


def node(op, name, inputs, output):
    return b"".join(field(1, i) for i in inputs) + field(2, output) + field(3, name) + field(4, op)


def value_info(name, dims):
    shape = b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, shape)))


def main():
    folder = sys.argv[1]
    gigabytes = float(sys.argv[2]) if len(sys.argv) > 2 else 3.0
    layer_bytes = 4 * WIDTH * WIDTH
    layers = max(1, math.ceil(gigabytes * 1e9 / layer_bytes))
    os.makedirs(folder, exist_ok=True)
    generator = random.Random(1)
    bound = (3.0 / WIDTH) ** 0.5
    block = array.array("f", (generator.uniform(-bound, bound) for _ in range(1 << 20))).tobytes() * 2
    graph, initializers, value = b"", b"", "x"
    with open(os.path.join(folder, "large.onnx.data"), "wb") as data:
        for layer in range(layers):
            weight, bias = f"layer{layer}.weight", f"layer{layer}.bias"
            initializers += field(5, external_tensor(weight, (WIDTH, WIDTH), data.tell(), layer_bytes))
            for piece in range(layer_bytes // (len(block) // 2)):
                begin = 4 * ((layer * 7919 + piece * 104729) % (1 << 20))
                data.write(block[begin:begin + len(block) // 2])
            initializers += field(5, external_tensor(bias, (WIDTH,), data.tell(), 4 * WIDTH))
            data.write(block[:4 * WIDTH])
            for op, name, inputs in (("MatMul", "product", [value, weight]), ("Add", "sum", ["", bias]),
                                     ("Relu", "relu", [""])):
                inputs = [i or value for i in inputs]
                value = "y" if op == "Relu" and layer == layers - 1 else f"layer{layer}.{name}.out"
                graph += field(1, node(op, f"layer{layer}.{name}", inputs, value))
    graph += field(2, "large") + initializers
    graph += field(11, value_info("x", ("N", WIDTH))) + field(12, value_info("y", ("N", WIDTH)))
    model = field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13))
    with open(os.path.join(folder, "large.onnx"), "wb") as out:
        out.write(model)
    print(f"{folder}/large.onnx: {layers} layers, {layers * (layer_bytes + 4 * WIDTH)} bytes of weights")


if __name__ == "__main__":
    main()
