#!/usr/bin/env python3
"""Makes math.json: what ONNX Runtime answers on elementwise operators, reductions and normalizations.

    python make_math_golden.py > math.json        (needs onnx, onnxruntime, numpy)

As make_ops_golden.py, whose helpers it uses.
"""
import make_ops_golden
import numpy as np
from make_ops_golden import Input, pick, rng, write
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as Lacking

SHAPES = [[], [5], [0, 3], [2, 3, 4], [1, 2, 1, 3, 2]]
PAIRS = [([], [3]), ([2, 3], [3]), ([2, 1, 4], [3, 1]), ([4, 1], [1, 5]), ([1, 2, 3, 2], [2, 1, 1]), ([0, 2], [1])]


def case(op, inputs, **form):
    """By ONNX Runtime where it has the operator for these types, else by the reference evaluator."""
    try:
        make_ops_golden.case(op, inputs, **form)
    except Lacking:
        make_ops_golden.case(op, inputs, **{**form, "by": "reference"})


def shape(most_rank=4, most=5):
    return [int(v) for v in rng.randint(1, most + 1, rng.randint(1, most_rank + 1))]


def bools(dims):
    return Input(dims, "bool", values=rng.randint(0, 2, dims))


def integers(dims, low, high, dtype="int64"):
    return Input(dims, dtype, values=rng.randint(low, high + 1, dims))


def unary_cases():
    plain = {"Abs": (-2, 2), "Neg": (-2, 2), "Sign": (-2, 2), "Ceil": (-4, 4), "Floor": (-4, 4), "Round": (-4, 4),
             "Sqrt": (0, 9), "Exp": (-9, 9), "Log": (0.01, 9), "Reciprocal": (0.1, 4), "Erf": (-4, 4), "Sin": (-9, 9),
             "Cos": (-9, 9), "Tan": (-1.3, 1.3), "Asin": (-1, 1), "Acos": (-1, 1), "Atan": (-9, 9), "Sinh": (-3, 3),
             "Cosh": (-3, 3), "Asinh": (-3, 3), "Acosh": (1, 9), "Atanh": (-0.9, 0.9), "Sigmoid": (-9, 9),
             "Tanh": (-5, 5), "HardSwish": (-5, 5), "Softplus": (-9, 9), "Softsign": (-9, 9), "Mish": (-9, 9)}
    for op, (low, high) in plain.items():
        for dims in SHAPES:
            case(op, [Input(dims, low=low, high=high)], opset=18 if op == "Mish" else 17)
    for op in ["Sigmoid", "Tanh", "Exp", "Erf", "Sqrt", "Floor"]:
        case(op, [Input([7], "float64", 0.1, 3)])
        case(op, [Input([7], "float16", 0.1, 3)], by="reference", tolerance=1e-3)
    for op in ["Abs", "Neg", "Sign"]:
        case(op, [Input([9], "int32", -9, 9)])
        case(op, [Input([9], "int8", -90, 90)])
    case("Round", [Input([8], values=[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 1e10])])
    case("Not", [bools([3, 4])])
    for op in ["IsNaN", "IsInf"]:
        case(op, [Input([5])])


def activation_cases():
    forms = {"HardSigmoid": [{}, {"alpha": 0.3, "beta": 0.4}], "Elu": [{}, {"alpha": 0.5}], "Selu": [{}, {"alpha": 1.5, "gamma": 2.0}],
             "Celu": [{}, {"alpha": 0.5}], "LeakyRelu": [{}, {"alpha": 0.3}], "ThresholdedRelu": [{}, {"alpha": 0.3}],
             "Shrink": [{}, {"bias": 0.5, "lambd": 1.0}]}
    for op, attributes in forms.items():
        for form in attributes:
            case(op, [Input([3, 7], low=-3, high=3)], **form)
    for form in [{}, {"approximate": "tanh"}]:
        case("Gelu", [Input([5, 9], low=-6, high=6)], opset=20, **form)
    for dims, slope in [([4], [1]), ([2, 8], [8]), ([1, 3, 4, 4], [3, 1, 1]), ([2, 3, 2, 2], [1, 3, 1, 1])]:
        case("PRelu", [Input(dims), Input(slope)])
    case("Clip", [Input([9])], opset=10, min=-0.5, max=1.0)
    case("Clip", [Input([9])], opset=10, max=0.5)
    for bounds in [[-1, 1], [-1, None], [None, 1], [1, -1]]:
        case("Clip", [Input([9])] + [None if b is None else Input([], values=[float(b)]) for b in bounds])
    case("Clip", [Input([9], "int8", -9, 9), Input([], "int8", values=[-3]), Input([], "int8", values=[4])])
    case("Shrink", [Input([9], "int32", -9, 9)], bias=1.0, lambd=3.0)


def binary_cases():
    for a, b in PAIRS:
        for op in ["Add", "Sub", "Mul", "Div", "Pow"]:
            case(op, [Input(a, low=0.5, high=3), Input(b, low=0.5, high=3)])
        for op in ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"]:
            case(op, [integers(a, -2, 2), integers(b, -2, 2)])
            case(op, [Input(a), Input(b)])
        for op in ["And", "Or", "Xor"]:
            case(op, [bools(a), bools(b)])
        for op in ["Max", "Min", "Sum", "Mean"]:
            case(op, [Input(a), Input(b), Input(a)])
    case("Equal", [bools([4]), bools([2, 4])])
    for dtype in ["int32", "int64", "uint8"]:
        a, b = integers([5, 4], 0 if dtype[0] == "u" else -50, 50, dtype), integers([4], 1, 7, dtype)
        for op in ["Add", "Mul", "Div", "Max", "Min", "Mod"]:
            case(op, [a, b])
    for dtype in ["int32", "int64"]:
        case("Mod", [integers([6, 5], -50, 50, dtype), integers([5], -7, -1, dtype)])
        case("Mod", [integers([6, 5], -50, 50, dtype), integers([5], -7, -1, dtype)], fmod=1)
    case("Mod", [Input([6, 5], low=-9, high=9), Input([5], low=-3, high=-1)], fmod=1)
    for base, exponent in [("float32", "int32"), ("float32", "int64"), ("int32", "float32"), ("int64", "int64"), ("int32", "int32")]:
        case("Pow", [integers([4, 3], 1, 6, base), integers([3], 0, 4, exponent)])
    for exponent in [0.0, 0.5, 1.0, 2.0, 3.0, -1.0]:
        case("Pow", [Input([7], low=0.1, high=3), Input([], values=[exponent])])
    for op in ["BitwiseAnd", "BitwiseOr", "BitwiseXor"]:
        case(op, [integers([3, 4], -99, 99, "int32"), integers([4], -99, 99, "int32")], opset=18)
        case(op, [integers([3, 4], 0, 255, "uint8"), integers([1], 0, 255, "uint8")], opset=18)
    case("BitwiseNot", [integers([5], -99, 99, "int16")], opset=18)
    for direction in ["LEFT", "RIGHT"]:
        case("BitShift", [integers([3, 4], 0, 255, "uint8"), integers([4], 0, 7, "uint8")], direction=direction)
        case("BitShift", [integers([4], 0, 9999, "uint64"), integers([4], 0, 40, "uint64")], direction=direction)
    for c, x, y in [([], [3], [3]), ([2, 3, 1], [1, 4], []), ([4], [2, 4], [2, 1]), ([1, 3, 1], [2, 1, 4], [4])]:
        case("Where", [bools(c), Input(x), Input(y)])
        case("Where", [bools(c), integers(x, -9, 9), integers(y, -9, 9)])


def cast_cases():
    for source in ["float32", "float64", "float16", "int8", "uint8", "int32", "int64"]:
        for target, code in [("float32", 1), ("uint8", 2), ("int8", 3), ("int32", 6), ("int64", 7), ("bool", 9), ("float16", 10), ("float64", 11)]:
            case("Cast", [Input([7], source, 0, 99)], to=code)
    case("Cast", [bools([6])], to=1)
    case("CastLike", [Input([7], low=-9, high=9), Input([1], "int32")])


REDUCTIONS = ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp"]


def reduce_cases():
    for name in REDUCTIONS:
        for _ in range(6):
            dims = shape()
            axes = sorted(rng.permutation(len(dims))[:rng.randint(1, len(dims) + 1)].tolist())
            axes = [a - len(dims) if rng.randint(2) else a for a in axes]
            x, keep = Input(dims, low=0.5, high=2), int(rng.randint(2))
            case("Reduce" + name, [x], opset=12 if name == "Sum" else 13, axes=axes, keepdims=keep)
            case("Reduce" + name, [x, Input([len(axes)], "int64", values=axes)], opset=18, keepdims=keep)
        case("Reduce" + name, [Input([2, 3], low=0.5, high=2)], opset=18)
        case("Reduce" + name, [Input([3, 400], low=0.5, high=1.01), Input([1], "int64", values=[1])], opset=18)
        if name not in ("LogSum", "LogSumExp", "L2"):
            case("Reduce" + name, [Input([3, 4], "int32", -5, 5), Input([1], "int64", values=[0])], opset=18)
    case("ReduceSum", [Input([2, 3])], opset=13, noop_with_empty_axes=1)
    for op in ["ArgMax", "ArgMin"]:
        for _ in range(10):
            dims = shape(3)
            case(op, [integers(dims, -2, 2, "int32") if rng.randint(2) else Input(dims)], axis=int(rng.randint(-len(dims), len(dims))),
                 keepdims=int(rng.randint(2)), select_last_index=int(rng.randint(2)))
    for flags in range(4):
        for axis in [0, 1, -1]:
            case("CumSum", [Input([2, 3, 4]), Input([], "int32", values=[axis])], exclusive=flags & 1, reverse=flags >> 1)
    for _ in range(12):
        dims = shape(3, 6)
        axis = int(rng.randint(-len(dims), len(dims)))
        k = int(rng.randint(1, dims[axis] + 1))
        case("TopK", [integers(dims, -3, 3) if rng.randint(2) else Input(dims), Input([1], "int64", values=[k])], outputs=2,
             axis=axis, largest=int(rng.randint(2)), sorted=1)


def softmax_cases():
    for op in ["Softmax", "LogSoftmax", "Hardmax"]:
        for opset in [11, 13]:
            for axis in [0, 1, -1]:
                case(op, [Input([2, 3, 4], low=-9, high=9)], opset=opset, axis=axis)
            case(op, [Input([3, 70], low=-9, high=9)], opset=opset)
        case(op, [Input([3, 5], "float64")])


def normalization_cases():
    for i in range(10):
        dims = shape(4, 6)
        axis = int(rng.randint(-len(dims), len(dims)))
        scale = dims[axis:]
        inputs = [Input(dims), Input(scale, low=0.5, high=2)] + ([Input(scale)] if i % 2 else [])
        case("LayerNormalization", inputs, outputs=1 if i % 3 else 3, axis=axis, epsilon=pick(1e-5, 1e-2), tolerance=5e-6)
    for dims in [[2, 3], [2, 3, 5], [2, 3, 4, 5], [1, 2, 2, 3, 2]]:
        channels = [Input([dims[1]], low=0.5, high=2) for _ in range(4)]
        case("BatchNormalization", [Input(dims)] + channels, epsilon=1e-3)
        case("BatchNormalization", [Input(dims)] + channels, opset=9)
        if len(dims) > 2:
            case("InstanceNormalization", [Input(dims)] + channels[:2], tolerance=5e-6)
    for opset, count in [(18, 2), (21, 6)]:
        case("GroupNormalization", [Input([2, 6, 3, 4]), Input([count], low=0.5, high=2), Input([count])], opset=opset, num_groups=2,
             by="reference", tolerance=5e-6)
    for p in [1, 2]:
        for axis in [0, 1, -1]:
            case("LpNormalization", [Input([3, 4, 2])], p=p, axis=axis)
    for axes in [[0, 2, 3], [2, 3], [1]]:
        case("MeanVarianceNormalization", [Input([2, 3, 4, 5])], axes=axes, by="reference", tolerance=5e-6)
    for size in [1, 3, 5]:
        case("LRN", [Input([2, 7, 3, 2])], size=size, alpha=0.5, beta=0.6, bias=1.5)


def matrix_cases():
    for k in [-9, -1, 0, 2, 9]:
        for upper in [0, 1]:
            case("Trilu", [Input([2, 4, 5]), Input([], "int64", values=[k])], upper=upper)
    for k in [-2, 0, 1, 9]:
        case("EyeLike", [Input([3, 4])], k=k)
        case("EyeLike", [Input([4, 3], "int32")], k=k, dtype=1)
    for dims in [[3, 3], [2, 5, 5], [1, 1]]:
        case("Det", [Input(dims)], tolerance=1e-5)
    case("ReverseSequence", [Input([4, 3, 2]), Input([3], "int64", values=[4, 1, 2])])
    case("ReverseSequence", [Input([3, 4]), Input([3], "int64", values=[4, 1, 2])], time_axis=1, batch_axis=0)


def signal_cases():
    for op in ["HannWindow", "HammingWindow", "BlackmanWindow"]:
        for size in [3, 4, 9]:
            for periodic in [0, 1]:
                case(op, [Input([], "int64", values=[size])], periodic=periodic, tolerance=1e-5)
    for axis in [1, 2]:
        for onesided, inverse in [(0, 0), (1, 0), (0, 1)]:
            for parts in [1, 2]:
                if not (onesided and parts == 2):
                    case("DFT", [Input([2, 6, 5, parts])], axis=axis, onesided=onesided, inverse=inverse, tolerance=1e-5)
    case("DFT", [Input([1, 8, 1]), Input([], "int64", values=[11])], by="reference", tolerance=1e-5)
    case("STFT", [Input([2, 40, 1]), Input([], "int64", values=[4]), Input([12], low=0, high=1)], tolerance=1e-5)
    case("STFT", [Input([2, 40, 1]), Input([], "int64", values=[7]), None, Input([], "int64", values=[15])], onesided=0, tolerance=1e-5)
    for bands, length in [(8, 16), (20, 128)]:
        case("MelWeightMatrix", [Input([], "int64", values=[v]) for v in (bands, length, 8192)] +
             [Input([], values=[0.0]), Input([], values=[4096.0])], tolerance=1e-5)


def loss_cases():
    for reduction in ["none", "sum", "mean"]:
        for dims in [[4, 5], [2, 5, 3, 2]]:
            target = integers([dims[0]] + dims[2:], 0, 4)
            weight = Input([5], low=0.1, high=1)
            for op, outputs in [("NegativeLogLikelihoodLoss", 1), ("SoftmaxCrossEntropyLoss", 2)]:
                by = "reference" if outputs == 1 else "ort"
                case(op, [Input(dims), target], outputs=outputs, reduction=reduction, by=by)
                case(op, [Input(dims), target, weight], outputs=outputs, reduction=reduction, ignore_index=2, by=by)


if __name__ == "__main__":
    np.seterr(all="ignore")
    write(unary_cases, activation_cases, binary_cases, cast_cases, reduce_cases, softmax_cases, normalization_cases,
          matrix_cases, signal_cases, loss_cases)
