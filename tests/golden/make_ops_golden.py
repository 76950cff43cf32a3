#!/usr/bin/env python3
"""Makes ops.json: what ONNX Runtime answers on single operators in many forms; read by tests/ops_golden_test.cpp.

    python make_ops_golden.py > ops.json        (needs onnx, onnxruntime, numpy)

Inputs are not stored: both sides draw them from the same generator (octet::ops::random_tensor). Where ONNX Runtime
lacks a form (a `layout` of 1, some types), the reference evaluator of the onnx package answers instead.
"""
import json
import sys

import numpy as np
import onnx
import onnx.reference
import onnxruntime as ort
from onnx import TensorProto, helper

from draw import draw

ort.set_default_logger_severity(4)
DTYPES = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "float16": TensorProto.FLOAT16,
          "int8": TensorProto.INT8, "uint8": TensorProto.UINT8, "int16": TensorProto.INT16,
          "uint16": TensorProto.UINT16, "int32": TensorProto.INT32, "int64": TensorProto.INT64,
          "uint32": TensorProto.UINT32, "uint64": TensorProto.UINT64, "bool": TensorProto.BOOL}


def numbers(array):
    """Values as JSON numbers: seven digits of floats, 0 and 1 for booleans."""
    if array.dtype.kind == "f":
        return [float(f"{v:.7g}") for v in array.astype(np.float64).ravel()]
    return [int(v) for v in array.ravel()]


class Input:
    """A tensor drawn from a seed, or given by values."""

    seed = 0

    def __init__(self, shape, dtype="float32", low=-2.0, high=2.0, values=None):
        self.shape, self.dtype = list(shape), dtype
        if values is not None:
            self.data = np.array(values, dtype=dtype).reshape(shape)
            self.json = {"dtype": dtype, "shape": self.shape, "values": numbers(self.data)}
            return
        Input.seed += 1
        self.json = {"dtype": dtype, "shape": self.shape, "seed": Input.seed, "low": low, "high": high}
        self.data = draw(Input.seed, shape, dtype, low, high)


def node_model(op, inputs, attributes, opset, outputs, domain):
    names = [f"x{i}" if t is not None else "" for i, t in enumerate(inputs)]
    while names and names[-1] == "":
        names.pop()
    wanted = [f"y{i}" for i in range(outputs)] if isinstance(outputs, int) else list(outputs)
    node = helper.make_node(op, names, wanted, domain=domain, **attributes)
    graph = helper.make_graph(
        [node], "g",
        [helper.make_tensor_value_info(f"x{i}", DTYPES[t.dtype], t.shape) for i, t in enumerate(inputs) if t is not None],
        [helper.make_empty_tensor_value_info(n) for n in wanted if n])
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=opsets, ir_version=10 if opset >= 21 else 8)


def run_ort(model, inputs):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {f"x{i}": t.data for i, t in enumerate(inputs) if t is not None})


def run_reference(model, inputs):
    return onnx.reference.ReferenceEvaluator(model).run(None, {f"x{i}": t.data for i, t in enumerate(inputs) if t is not None})


CASES = []


def case(op, inputs, opset=17, outputs=1, domain="", tolerance=None, by="ort", **attributes):
    answers = (run_ort if by == "ort" else run_reference)(node_model(op, inputs, attributes, opset, outputs, domain), inputs)
    row = {"op": op, "opset": opset, "inputs": [t.json if t is not None else None for t in inputs],
           "attributes": attributes, "outputs": []}
    if domain:
        row["domain"] = domain
    if tolerance:
        row["tolerance"] = tolerance
    for a in answers:
        a = np.asarray(a)
        row["outputs"].append({"dtype": str(a.dtype), "shape": list(a.shape), "values": numbers(a)})
    CASES.append(row)


rng = np.random.RandomState(20)


def pick(*choices):
    return choices[rng.randint(len(choices))]


def spatial(rank, low, high):
    return [int(v) for v in rng.randint(low, high + 1, rank)]


def window(rank, kernel, dilations=True):
    """Random strides, pads and dilations for a kernel."""
    out = {"strides": spatial(rank, 1, 3)}
    if dilations and rng.randint(3) == 0:
        out["dilations"] = spatial(rank, 1, 2)
    if rng.randint(3) == 0:
        out["auto_pad"] = pick("SAME_UPPER", "SAME_LOWER", "VALID") if "dilations" not in out else "VALID"
    elif rng.randint(2):
        out["pads"] = [int(rng.randint(0, k)) for k in kernel + kernel]
    return out


def conv_cases():
    for i in range(40):
        rank = pick(1, 2, 2, 2, 3)
        group = pick(1, 1, 2, 3)
        inside, outside = group * pick(1, 2), group * pick(1, 2, 3)
        kernel = spatial(rank, 1, 4 if rank < 3 else 2)
        x = Input([pick(1, 2), inside] + spatial(rank, 7, 9 if rank < 3 else 7))
        w = Input([outside, inside // group] + kernel)
        bias = [Input([outside])] if rng.randint(2) else []
        case("Conv", [x, w] + bias, group=group, **window(rank, kernel))


def gemm_cases():
    for i in range(16):
        m, n, k = spatial(3, 1, 9)
        a, b = rng.randint(2, size=2).tolist()
        c = [None, [n], [m, 1], [1, n], [m, n], [1]][i % 6]
        case("Gemm", [Input([k, m] if a else [m, k]), Input([n, k] if b else [k, n])] + ([Input(c)] if c else []),
             transA=a, transB=b, alpha=pick(1.0, 0.5), beta=pick(1.0, 2.0))


def matmul_cases():
    for a, b in [([3, 4], [4, 5]), ([4], [4]), ([4], [4, 5]), ([3, 4], [4]), ([2, 3, 4], [4, 5]), ([2, 3, 4], [2, 4, 5]),
                 ([3, 4], [2, 4, 5]), ([2, 1, 3, 4], [3, 4, 5]), ([4], [2, 3, 4, 5]), ([2, 3, 4], [4]), ([2, 2, 9, 7], [7, 9])]:
        case("MatMul", [Input(a), Input(b)])
    case("MatMul", [Input([3, 4], "int32", -9, 9), Input([4, 5], "int32", -9, 9)])
    case("MatMul", [Input([3, 4], "float64"), Input([4, 5], "float64")])


def pool_cases():
    for i in range(60):
        rank = pick(1, 2, 2, 3)
        kernel = spatial(rank, 2, 3)
        x = [pick(1, 2), 2] + spatial(rank, 7, 9 if rank < 3 else 7)
        form = window(rank, kernel)
        if "auto_pad" in form:
            form.pop("dilations", None)
        else:
            form["ceil_mode"] = int(rng.randint(2))
        op = pick("MaxPool", "AveragePool", "LpPool")
        if op == "AveragePool":
            form["count_include_pad"] = int(rng.randint(2))
        if op == "LpPool":
            form["p"] = pick(1, 2, 3)
        if op == "MaxPool":
            form["storage_order"] = int(rng.randint(2))
        case(op, [Input(x)], opset=19 if op != "LpPool" else 18, outputs=2 if op == "MaxPool" else 1,
             kernel_shape=kernel, **form)
    for dtype in ["uint8", "int8", "float64"]:
        case("MaxPool", [Input([1, 2, 5, 5], dtype, -100, 100)], kernel_shape=[2, 3])
    for op in ["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"]:
        for shape in [[2, 3, 5, 7], [1, 2, 9], [1, 2, 3, 4, 2]]:
            case(op, [Input(shape)])
    case("GlobalLpPool", [Input([1, 2, 4, 4])], p=3)
    for strides, kernel in [([2, 2], [2, 2]), ([2, 2], [3, 2])]:
        values = [5, 7, 9, 13, 21, 23, 25, 29]
        case("MaxUnpool", [Input([1, 2, 2, 2]), Input([1, 2, 2, 2], "int64", values=values)], kernel_shape=kernel, strides=strides)


def quantize_cases():
    def scale(shape, dtype="float32"):
        return Input(shape, dtype, 0.01, 0.1)

    for zero in ["uint8", "int8", None]:
        point = [Input([], zero, -20, 20)] if zero else []
        case("QuantizeLinear", [Input([3, 9], low=-5, high=5), scale([])] + point, opset=10)
    half = Input([8], values=[-1.5, -0.5, 0.5, 1.5, 2.5, 255.5, -1000, 1000])
    case("QuantizeLinear", [half, Input([], values=[1.0]), Input([], "uint8", values=[1])], opset=13)
    for axis, channels in [(0, 2), (1, 3), (-1, 4)]:
        case("QuantizeLinear", [Input([2, 3, 4], low=-5, high=5), scale([channels]), Input([channels], "int8", -20, 20)], opset=13, axis=axis)
        case("DequantizeLinear", [Input([2, 3, 4], "uint8", -200, 200), scale([channels]), Input([channels], "uint8", 0, 200)], opset=13, axis=axis)
    for dtype in ["uint16", "int16"]:
        case("QuantizeLinear", [Input([3, 9], low=-5, high=5), Input([], low=1e-4, high=2e-4), Input([], dtype, -20, 20)], opset=21)
        case("DequantizeLinear", [Input([3, 9], dtype, -9999, 9999), scale([]), Input([], dtype, -20, 20)], opset=21)
    case("QuantizeLinear", [Input([5, 3], low=-5, high=5), scale([3, 3]), Input([3, 3], "uint8", 0, 200)], opset=21, axis=0, block_size=2)
    case("DequantizeLinear", [Input([2, 6, 4], "int8", -99, 99), scale([2, 2, 4]), Input([2, 2, 4], "int8", -20, 20)], opset=21, axis=1, block_size=3)
    case("QuantizeLinear", [Input([3, 9], "float16"), scale([], "float16"), Input([], "uint8", 0, 200)], opset=19)
    case("DequantizeLinear", [Input([3, 9], "uint8", 0, 255), scale([], "float16"), Input([], "uint8", 0, 200)], opset=19)
    case("DequantizeLinear", [Input([6], "int32", -99999, 99999), scale([6])], opset=13, axis=0)


def conv_transpose_cases():
    for i in range(24):
        rank = pick(1, 2, 2, 3)
        group = pick(1, 1, 2)
        inside, outside = group * pick(1, 2), pick(1, 2)
        kernel = spatial(rank, 1, 3 if rank < 3 else 2)
        form = {"strides": spatial(rank, 1, 3)}
        if rng.randint(3) == 0:
            form["dilations"] = spatial(rank, 1, 2)
        size = spatial(rank, 2, 4 if rank < 3 else 3)
        choice = rng.randint(5)
        if choice == 0:
            form["auto_pad"] = pick("SAME_UPPER", "SAME_LOWER", "VALID")
            # With a kernel smaller than the stride ONNX Runtime's SAME is not the specification's input * stride.
            form["strides"] = [min(s, k) for s, k in zip(form["strides"], kernel)]
        elif choice == 1:
            form["pads"] = [int(rng.randint(0, k)) for k in kernel + kernel]
        elif choice == 2:
            form["output_padding"] = [int(rng.randint(0, n)) for n in form["strides"]]
        elif choice == 3:
            form.pop("dilations", None)
            form["output_shape"] = [int(s * (n - 1) + k - rng.randint(0, k)) for n, k, s in zip(size, kernel, form["strides"])]
            form["auto_pad"] = pick("NOTSET", "SAME_UPPER")
        bias = [Input([outside * group])] if rng.randint(2) else []
        case("ConvTranspose", [Input([pick(1, 2), inside] + size), Input([inside, outside] + kernel)] + bias, group=group, **form)


def einsum_cases():
    for equation, shapes in [("ij,jk->ik", [[3, 4], [4, 5]]), ("bhid,bhjd->bhij", [[2, 2, 3, 4], [2, 2, 5, 4]]),
                             ("...ij,...jk", [[2, 3, 4], [1, 4, 5]]), ("...ii->...i", [[2, 3, 3]]), ("ij->", [[3, 4]]),
                             ("ij->ji", [[3, 4]]), ("i,j->ij", [[3], [4]]), ("i,i", [[4], [4]]),
                             ("ab,bc,cd->da", [[2, 3], [3, 4], [4, 5]]), ("b...,b...->b...", [[2, 3, 4], [2, 1, 4]]),
                             (" i j , j -> i ", [[3, 4], [4]]), ("ij,k->j", [[3, 4], [2]]), ("bijc,bjkc->bikc", [[2, 3, 4, 2], [2, 4, 3, 2]]),
                             ("ba", [[2, 3]]), ("abc,cd,def->abef", [[2, 2, 3], [3, 4], [4, 2, 3]])]:
        case("Einsum", [Input(s) for s in shapes], equation=equation)


def recurrent_cases():
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}
    names = ["Sigmoid", "Tanh", "Relu", "HardSigmoid", "Softsign", "Elu", "LeakyRelu", "Affine", "ScaledTanh", "ThresholdedRelu", "Softplus"]
    for i in range(36):
        op = ["LSTM", "GRU", "RNN"][i % 3]
        g, t, b, x, h = gates[op], pick(1, 3, 4), pick(1, 3), pick(2, 5), pick(2, 3)
        direction = pick("forward", "reverse", "bidirectional")
        d = 2 if direction == "bidirectional" else 1
        inputs = [Input([t, b, x], low=-1, high=1), Input([d, g * h, x], low=-1, high=1), Input([d, g * h, h], low=-1, high=1),
                  Input([d, 2 * g * h], low=-1, high=1) if rng.randint(3) else None,
                  Input([b], "int32", values=rng.randint(1, t + 1, b).tolist()) if rng.randint(2) else None,
                  Input([d, b, h], low=-1, high=1) if rng.randint(2) else None]
        form = {"hidden_size": h, "direction": direction}
        if op == "LSTM":
            inputs += [Input([d, b, h], low=-1, high=1) if rng.randint(2) else None,
                       Input([d, 3 * h], low=-1, high=1) if rng.randint(2) else None]
            if rng.randint(4) == 0:
                form["input_forget"] = 1
        if op == "GRU":
            form["linear_before_reset"] = int(rng.randint(2))
        if rng.randint(4) == 0:
            form["clip"] = 0.5
        if rng.randint(3) == 0:
            count = {"LSTM": 3, "GRU": 2, "RNN": 1}[op] * d
            form["activations"] = [names[rng.randint(7)] for _ in range(count)]
        case(op, inputs, outputs=3 if op == "LSTM" else 2, **form)
    for name in names:
        form = {"activations": [name], "hidden_size": 3}
        if name in ("HardSigmoid", "Affine", "ScaledTanh"):
            form.update(activation_alpha=[0.4], activation_beta=[0.3])
        if name in ("LeakyRelu", "Elu", "ThresholdedRelu"):
            form.update(activation_alpha=[0.3])
        case("RNN", [Input([2, 1, 3]), Input([1, 3, 3]), Input([1, 3, 3])], outputs=2, **form)


def integer_cases():
    def scale(shape):
        return Input(shape, low=0.01, high=0.05)

    # Signed operands stay within 6 bits: without VNNI, ONNX Runtime's sums of uint8 x int8 saturate beyond that.
    def data(shape, dtype):
        return Input(shape, dtype, *((0, 255) if dtype == "uint8" else (-64, 63)))

    for low, high in [(-2, 2), (0.5, 2), (-3, -1), (-0.01, 1000)]:
        case("DynamicQuantizeLinear", [Input([3, 7], low=low, high=high)], outputs=3)
    case("DynamicQuantizeLinear", [Input([4], values=[0.0] * 4)], outputs=3)
    for a, b in [("uint8", "uint8"), ("uint8", "int8"), ("int8", "int8")]:
        case("MatMulInteger", [data([3, 40], a), data([40, 5], b)])
        case("MatMulInteger", [data([2, 3, 4], a), data([4, 5], b), data([], a), data([5], b)])
    for a, b, columns in [("uint8", "uint8", []), ("uint8", "int8", [5]), ("int8", "int8", [5]), ("int8", "int8", [])]:
        case("QLinearMatMul", [data([2, 3, 9], a), scale([]), data([], a), data([9, 5], b), scale(columns),
                               Input(columns, b, -20, 20), Input([], low=0.3, high=0.6), data([], a)])
    for i in range(8):
        group = pick(1, 2)
        kernel = spatial(2, 1, 3)
        form = window(2, kernel)
        x = data([pick(1, 2), 2 * group, 6, 7], "uint8")
        zero = [Input([], "uint8", 0, 200)]
        case("ConvInteger", [x, data([4, 2] + kernel, pick("uint8", "int8"))] + (zero if i % 2 else []), group=group, **form)
    for i in range(14):
        group = pick(1, 2)
        kernel = spatial(2, 1, 3)
        form = window(2, kernel)
        a, b = pick(("uint8", "uint8"), ("uint8", "int8"), ("int8", "int8"))
        channels = [4] if rng.randint(2) else []
        bias = [Input([4], "int32", -9999, 9999)] if rng.randint(2) else []
        zero = Input(channels, b, values=np.zeros(channels, b)) if b == "int8" else Input([], b, 0, 200)
        case("QLinearConv", [data([1, 2 * group, 6, 7], a), scale([]), data([], a), data([4, 2] + kernel, b),
                             scale(channels if b == "int8" else []), zero, Input([], low=0.3, high=0.6), data([], a)] + bias,
             group=group, **form)


def write(*makers):
    for make in makers:
        make()
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in CASES)
    sys.stdout.write("[\n" + rows + "\n]\n")


if __name__ == "__main__":
    write(conv_cases, gemm_cases, matmul_cases, pool_cases, quantize_cases, conv_transpose_cases, einsum_cases,
          recurrent_cases, integer_cases)
