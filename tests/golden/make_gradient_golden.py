#!/usr/bin/env python3
"""Makes gradients.json: gradients of small networks by torch's autograd; read by tests/gradient_golden_test.cpp.

    python make_gradient_golden.py > gradients.json        (needs torch, numpy)

Tensors are not stored: both sides draw them from the same generator (octet::ops::random_tensor), all but the last in
[-1, 1), in the order in which they are listed; the loss is the sum of the output times the last of them.
"""
import json

import numpy as np
import torch
import torch.nn.functional as F

from draw import draw

torch.set_num_threads(1)
RESULT = []


def case(name, shapes, compute):
    """compute(tensors) -> output, or (output, dict of further tensors to compare)."""
    tensors = [torch.tensor(draw(100 + i, s, "float32", -1, 1)).requires_grad_() for i, s in enumerate(shapes)]
    output = compute(tensors)
    further = {}
    if isinstance(output, tuple):
        output, further = output
    weights = torch.tensor(draw(99, list(output.shape), "float32", -1, 1))
    (output * weights).sum().backward()
    RESULT.append({"name": name, "shapes": shapes, "output": list(output.shape),
                   "gradients": [None if t.grad is None else [float(f"{v:.7g}") for v in t.grad.numpy().astype(np.float64).ravel()]
                                 for t in tensors],
                   "further": {k: [float(f"{v:.7g}") for v in t.detach().numpy().astype(np.float64).ravel()] for k, t in further.items()}})


def norm(t):
    mean, variance = torch.zeros(4), torch.ones(4)
    y = F.relu(F.batch_norm(F.conv2d(t[0], t[1], padding=1, stride=2), mean, variance, t[2], t[3], training=True, momentum=0.1))
    return y, {"mean": mean, "variance": variance}


def recurrent(kind, order):
    """The weights are in ONNX's order of gates; `order` takes torch's from it."""
    def run(t):
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        weights = {n: torch.cat([w.split(4)[g] for g in order]) for n, w in zip(names, t[1:])}
        return torch.func.functional_call(kind(3, 4), weights, (t[0],))[0]
    return run


def attention(t):
    q, k, v = t[0] @ t[1], t[0] @ t[2], t[0] @ t[3]
    return F.softmax(q @ k.transpose(1, 2) / 2, dim=-1) @ v


case("conv_norm_relu", [[2, 3, 7, 6], [4, 3, 3, 3], [4], [4]], norm)
case("lstm", [[5, 2, 3], [16, 3], [16, 4], [16], [16]], recurrent(torch.nn.LSTM, (0, 2, 3, 1)))
case("gru", [[5, 2, 3], [12, 3], [12, 4], [12], [12]], recurrent(torch.nn.GRU, (1, 0, 2)))
case("attention", [[2, 5, 4], [4, 4], [4, 4], [4, 4]], attention)
case("layer_norm_gelu", [[3, 6], [6], [6]], lambda t: F.gelu(F.layer_norm(t[0], [6], t[1], t[2], 1e-5)))
case("max_pool_linear", [[2, 2, 6, 6], [5, 8], [5]],
     lambda t: F.linear(F.max_pool2d(t[0], 3, 3).flatten(1), t[1], t[2]))
print(json.dumps(RESULT))
