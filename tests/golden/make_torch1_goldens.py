#!/usr/bin/env python3
"""Writes torch1.json: the ranges that the histogram observer of torch 1.13.1 finds, for octet/quant's tests.

    python3 make_torch1_goldens.py > torch1.json      needs torch 1.13 and numpy; cases as in make_quantization_goldens.py
"""
import json
import warnings

import numpy as np
import torch
from torch.ao.quantization.observer import HistogramObserver

warnings.filterwarnings("ignore")


def draw(generator, count, kind, scale):
    u = (generator.random_raw(4 * count) & 0xFFFFFF).astype(np.float32) * np.float32(2.0 ** -24)
    u = u.reshape(count, 4)
    x = (((u[:, 0] + u[:, 1]) + u[:, 2]) + u[:, 3] - np.float32(2)) * np.float32(scale)
    if kind == "relu":
        x = np.maximum(x, np.float32(0))
    if kind == "cube":
        x = x * x * x
    return x.astype(np.float32)


CASES = [
    {"seed": 1, "count": 4000, "kind": "plain", "scales": [1.0]},
    {"seed": 2, "count": 4000, "kind": "relu", "scales": [3.0]},
    {"seed": 3, "count": 4000, "kind": "cube", "scales": [4.0]},
    {"seed": 4, "count": 1000, "kind": "plain", "scales": [1.0, 0.5, 2.0, 8.0, 1.0]},
    {"seed": 5, "count": 1000, "kind": "cube", "scales": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5]},
    {"seed": 6, "count": 1000, "kind": "relu", "scales": [5.0, 4.0, 3.0, 6.0]},
    {"seed": 7, "count": 500, "kind": "plain", "scales": [0.1, 0.2]},
]

out = []
for case in CASES:
    generator = np.random.RandomState(case["seed"])._bit_generator
    observer = HistogramObserver(dtype=torch.quint8, qscheme=torch.per_tensor_affine)
    for scale in case["scales"]:
        observer(torch.from_numpy(draw(generator, case["count"], case["kind"], scale)))
    low, high = observer._non_linear_param_search()
    out.append({**case, "seen": [observer.min_val.item(), observer.max_val.item()], "range": [low.item(), high.item()]})
print(json.dumps(out, separators=(",", ":")))
