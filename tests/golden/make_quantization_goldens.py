#!/usr/bin/env python3
"""Writes quantization.json: what torch.ao and ONNX Runtime's quantization tool compute, for octet/quant's tests.

    python3 make_quantization_goldens.py > quantization.json      needs torch 2.x, onnxruntime and numpy

The data are drawn by a recipe that octet::Random repeats: mt19937, (random32 & (2^24-1)) * 2^-24 in float32.
"""
import json
import warnings

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization.quant_utils import compute_scale_zp
from torch.ao.quantization.observer import HistogramObserver, MinMaxObserver, MovingAverageMinMaxObserver

warnings.filterwarnings("ignore")


def draw(generator, count, kind, scale):
    """Sum of four uniforms less two, times scale; `relu` and `cube` shape it."""
    u = (generator.random_raw(4 * count) & 0xFFFFFF).astype(np.float32) * np.float32(2.0 ** -24)
    u = u.reshape(count, 4)
    x = (((u[:, 0] + u[:, 1]) + u[:, 2]) + u[:, 3] - np.float32(2)) * np.float32(scale)
    if kind == "relu":
        x = np.maximum(x, np.float32(0))
    if kind == "cube":
        x = x * x * x
    return x.astype(np.float32)


def batches(case):
    generator = np.random.RandomState(case["seed"])._bit_generator
    return [torch.from_numpy(draw(generator, case["count"], case["kind"], s)) for s in case["scales"]]


CASES = [
    {"seed": 1, "count": 4000, "kind": "plain", "scales": [1.0]},
    {"seed": 2, "count": 4000, "kind": "relu", "scales": [3.0]},
    {"seed": 3, "count": 4000, "kind": "cube", "scales": [4.0]},
    {"seed": 4, "count": 1000, "kind": "plain", "scales": [1.0, 0.5, 2.0, 8.0, 1.0]},
    {"seed": 5, "count": 1000, "kind": "cube", "scales": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5]},
    {"seed": 6, "count": 1000, "kind": "relu", "scales": [5.0, 4.0, 3.0, 6.0]},
]
RANGES = [(-1.0, 1.0), (0.0, 6.0), (-0.3, 2.7), (0.5, 2.0), (-3.0, -1.0), (0.0, 0.0), (1e-9, 2e-9), (-1e-40, 1e-40),
          (-127.49, 12.0), (-1e30, 3e30), (0.0, 0.1), (-2.117904, 2.64)]
SCHEMES = [("u8", False, False), ("u8", True, False), ("u8", False, True), ("i8", False, False), ("i8", True, False),
           ("i8", False, True), ("i8", True, True)]


def observed(observer, data):
    for batch in data:
        observer(batch)
    return observer


def observer_goldens():
    out = []
    for case in CASES:
        data = batches(case)
        histogram = observed(HistogramObserver(dtype=torch.quint8, qscheme=torch.per_tensor_affine), data)
        low, high = histogram._non_linear_param_search()
        moving = observed(MovingAverageMinMaxObserver(averaging_constant=0.01), data)
        everything = torch.cat(data).double().numpy()
        out.append({**case, "histogram": [low.item(), high.item()],
                    "moving_average": [moving.min_val.item(), moving.max_val.item()],
                    "min_max": [everything.min(), everything.max()],
                    "percentile_99": list(np.quantile(everything, [0.005, 0.995]))})
    return out


def torch_parameters(low, high, dtype, symmetric, reduce_range):
    observer = MinMaxObserver(dtype=torch.quint8 if dtype == "u8" else torch.qint8, reduce_range=reduce_range,
                              qscheme=torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine)
    observer(torch.tensor([low, high], dtype=torch.float32))
    scale, zero_point = observer.calculate_qparams()
    return scale.item(), int(zero_point.item())


def onnx_parameters(low, high, dtype, symmetric, reduce_range):
    levels = {("u8", False): (0, 255), ("u8", True): (0, 127), ("i8", False): (-128, 127), ("i8", True): (-64, 64)}
    qmin, qmax = levels[dtype, reduce_range]
    if dtype == "i8" and symmetric and not reduce_range:
        qmin = -127
    kind = np.uint8 if dtype == "u8" else np.int8
    zero_point, scale = compute_scale_zp(np.float32(low), np.float32(high), np.array(qmin, kind), np.array(qmax, kind),
                                         symmetric)
    return float(scale), int(zero_point)


def parameter_goldens():
    out = []
    for low, high in RANGES:
        for dtype, symmetric, reduce_range in SCHEMES:
            row = {"range": [float(np.float32(low)), float(np.float32(high))], "dtype": dtype, "symmetric": symmetric,
                   "reduce_range": reduce_range}
            row["torch"] = torch_parameters(low, high, dtype, symmetric, reduce_range)
            row["onnx"] = onnx_parameters(low, high, dtype, symmetric, reduce_range)
            out.append(row)
    return out


def main():
    goldens = {"versions": {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__},
               "observers": observer_goldens(), "parameters": parameter_goldens()}
    rows = [f'"{key}": ' + (json.dumps(value) if key == "versions" else
                            "[\n  " + ",\n  ".join(json.dumps(row) for row in value) + "\n]")
            for key, value in goldens.items()]
    print("{\n" + ",\n".join(rows) + "\n}")


main()
