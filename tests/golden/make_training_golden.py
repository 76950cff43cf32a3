#!/usr/bin/env python3
"""Makes training.json: what PyTorch draws, initialises, loses, updates and schedules.

    python make_training_golden.py > training.json        (needs torch)

Random: draws of the CPU generator and initial parameters of modules under manual_seed.
Losses, optimizers, schedules: torch's own classes on drawn data. Data are lists of floats with nine digits.
"""
import json
import sys
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F

warnings.filterwarnings("ignore")
torch.set_num_threads(1)


def flat(t):
    return [float(f"{v:.9g}") for v in t.detach().flatten().tolist()]


def random_cases():
    out = {}
    torch.manual_seed(42)
    out["uniform"] = flat(torch.rand(40))
    out["normal_few"] = flat(torch.randn(5))
    out["normal_few_again"] = flat(torch.randn(4))
    out["uniform_after"] = flat(torch.rand(3))
    out["normal_16"] = flat(torch.randn(16))
    out["normal_many"] = flat(torch.randn(43))
    out["permutation"] = torch.randperm(20).tolist()
    out["uniform_range"] = flat(torch.empty(37).uniform_(-0.3, 0.7))
    return out


def summary(module):
    """The first eight numbers and the sum of each parameter."""
    return {name: {"shape": list(p.shape), "head": flat(p.flatten()[:8]), "sum": float(p.double().sum())}
            for name, p in module.named_parameters()}


def module_cases():
    made = {
        "linear": lambda: nn.Linear(5, 7),
        "linear_without_bias": lambda: nn.Linear(4, 3, bias=False),
        "conv1d": lambda: nn.Conv1d(4, 6, 3, groups=2),
        "conv2d": lambda: nn.Conv2d(3, 8, (3, 5)),
        "conv_transpose2d": lambda: nn.ConvTranspose2d(4, 6, 3, groups=2),
        "embedding": lambda: nn.Embedding(9, 5),
        "batch_norm2d": lambda: nn.BatchNorm2d(3),
        "layer_norm": lambda: nn.LayerNorm([4, 5]),
        "multihead_attention": lambda: nn.MultiheadAttention(8, 2),
        "lstm": lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True),
        "gru": lambda: nn.GRU(3, 4),
        "sequential": lambda: nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2)),
    }
    out = {}
    for name, make in made.items():
        torch.manual_seed(7)
        out[name] = summary(make())
    return out


def forward_case(module, *inputs, **keywords):
    y = module(*inputs, **keywords)
    y = y if isinstance(y, tuple) else (y,)
    return [{"shape": list(v.shape), "values": flat(v)} for v in y if isinstance(v, torch.Tensor)]


def forward_cases():
    """Modules in eval() on inputs drawn uniform from the same generator, after the module was made."""
    out = {}

    def case(name, make, shapes, call=None):
        torch.manual_seed(11)
        module = make().eval()
        inputs = [torch.rand(s) for s in shapes]
        with torch.no_grad():
            out[name] = {"shapes": shapes, "outputs": forward_case(call(module) if call else module, *inputs)}

    case("linear", lambda: nn.Linear(5, 7), [[4, 5]])
    case("linear_rank3", lambda: nn.Linear(5, 7), [[2, 3, 5]])
    case("conv1d", lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), [[2, 4, 9]])
    case("conv2d", lambda: nn.Conv2d(3, 4, 3, stride=(2, 1), padding=(1, 0), dilation=2), [[2, 3, 9, 9]])
    case("conv_transpose2d", lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), [[1, 4, 4, 5]])
    case("layer_norm", lambda: nn.LayerNorm([4, 5]), [[3, 4, 5]])
    case("rms_norm", lambda: nn.RMSNorm(5, eps=1e-5), [[3, 4, 5]])
    case("batch_norm2d", lambda: nn.BatchNorm2d(3), [[2, 3, 4, 4]])
    case("multihead_attention", lambda: nn.MultiheadAttention(8, 2, batch_first=True), [[2, 5, 8], [2, 3, 8], [2, 3, 8]],
         lambda m: lambda q, k, v: m(q, k, v, need_weights=False)[0])
    case("lstm", lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True), [[5, 2, 3]], lambda m: lambda x: m(x)[0])
    case("gru", lambda: nn.GRU(3, 4, num_layers=2, batch_first=True), [[2, 5, 3]], lambda m: lambda x: m(x)[0])
    for name in ["ReLU", "ReLU6", "Sigmoid", "Tanh", "GELU", "SiLU", "Hardswish", "Hardsigmoid", "LeakyReLU", "ELU", "SELU",
                 "Softplus", "Mish", "PReLU"]:
        case(name, getattr(nn, name), [[30]], lambda m: lambda x: m(8 * x - 4))
    case("max_pool2d", lambda: nn.MaxPool2d(3, 2, 1), [[1, 2, 7, 8]])
    case("avg_pool2d", lambda: nn.AvgPool2d(3, 2, 1), [[1, 2, 7, 8]])
    case("adaptive_avg_pool2d", lambda: nn.AdaptiveAvgPool2d(1), [[2, 3, 4, 5]])
    return out


def loss_cases():
    torch.manual_seed(3)
    cases = []

    def case(kind, x, y, f, **options):
        x = x.clone().requires_grad_(True)
        loss = f(x, y)
        loss.backward()
        integer = not y.is_floating_point()
        cases.append({"loss": kind, "options": options, "x_shape": list(x.shape), "x": flat(x), "y_shape": list(y.shape),
                      "y": y.flatten().tolist() if integer else flat(y), "integer": integer, "value": float(loss),
                      "gradient": flat(x.grad)})

    for shape in [[4, 5], [2, 3, 4]]:
        x, y = torch.rand(shape) * 6 - 3, torch.rand(shape) * 6 - 3
        case("mse", x, y, F.mse_loss)
        case("l1", x, y, F.l1_loss)
        for delta in [0.5, 1.0, 2.0]:
            case("huber", x, y, lambda a, b: F.huber_loss(a, b, delta=delta), delta=delta)
        case("bce", x, torch.rand(shape), F.binary_cross_entropy_with_logits)
    for shape in [[6, 5], [2, 5, 3]]:
        x = torch.rand(shape) * 6 - 3
        y = torch.randint(0, 5, [shape[0]] + shape[2:])
        weights = torch.rand(5) + 0.2
        for smoothing in [0.0, 0.1]:
            case("cross_entropy", x, y, lambda a, b: F.cross_entropy(a, b, label_smoothing=smoothing), smoothing=smoothing)
            case("cross_entropy", x, y, lambda a, b: F.cross_entropy(a, b, weights, label_smoothing=smoothing),
                 smoothing=smoothing, weights=flat(weights))
    for temperature in [1.0, 4.0]:
        x, y = torch.rand(4, 5) * 6 - 3, torch.rand(4, 5) * 6 - 3
        case("kl", x, y, lambda a, b: temperature**2 * F.kl_div(F.log_softmax(a / temperature, 1), F.softmax(b / temperature, 1),
                                                               reduction="batchmean"), temperature=temperature)
    return cases


def optimizer_cases():
    made = [("sgd", torch.optim.SGD, o) for o in [
        {"lr": 0.1}, {"lr": 0.1, "momentum": 0.9}, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True}, {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.05},
        {"lr": 0.1, "weight_decay": 0.05}]]
    for name, kind in (("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)):
        made += [(name, kind, o) for o in [
            {"lr": 0.05}, {"lr": 0.05, "weight_decay": 0.0}, {"lr": 0.05, "weight_decay": 0.1},
            {"lr": 0.05, "beta1": 0.8, "beta2": 0.95, "eps": 1e-4}, {"lr": 0.05, "amsgrad": True}]]
    cases = []
    for name, kind, options in made:
        torch.manual_seed(5)
        p = torch.nn.Parameter(torch.rand(10) * 2 - 1)
        start, gradients, rates = flat(p), [], []
        keywords = {k: v for k, v in options.items() if k not in ("beta1", "beta2")}
        if "beta1" in options:
            keywords["betas"] = (options["beta1"], options["beta2"])
        optimizer = kind([p], **keywords)
        for step in range(12):
            p.grad = (torch.rand(10) * 2 - 1) * (1 if step != 6 else 20)
            gradients.append(flat(p.grad))
            optimizer.step()
        cases.append({"optimizer": name, "options": options, "start": start, "gradients": gradients, "end": flat(p)})
    return cases


def schedule_cases():
    from torch.optim import lr_scheduler as s
    cases = []

    def case(kind, options, make, steps=30):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
        schedule, rates = make(optimizer), []
        for _ in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        cases.append({"schedule": kind, "options": options, "steps": steps, "rates": rates})

    case("step", {"every": 7, "gamma": 0.5}, lambda o: s.StepLR(o, 7, 0.5))
    case("cosine", {"final": 0.0}, lambda o: s.CosineAnnealingLR(o, 30))
    case("cosine", {"final": 0.1}, lambda o: s.CosineAnnealingLR(o, 30, eta_min=0.01))
    case("one_cycle", {}, lambda o: s.OneCycleLR(o, 0.1, total_steps=30), 29)
    case("one_cycle", {"peak_at": 0.5, "start_divisor": 10.0, "end_divisor": 100.0, "linear": True},
         lambda o: s.OneCycleLR(o, 0.1, total_steps=30, pct_start=0.5, div_factor=10, final_div_factor=100, anneal_strategy="linear"), 29)
    case("warm_up", {"warm_up": 5, "warm_up_from": 0.2},
         lambda o: s.LinearLR(o, start_factor=0.2, total_iters=5))
    return cases


def clip_cases():
    torch.manual_seed(9)
    gradients = [torch.rand(7) * 4 - 2, torch.rand(3) * 4 - 2]
    out = {"gradients": [flat(g) for g in gradients]}
    for limit in [0.5, 100.0]:
        parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients]
        for p, g in zip(parameters, gradients):
            p.grad = g.clone()
        norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
        out[str(limit)] = {"norm": float(norm), "clipped": [flat(p.grad) for p in parameters]}
    return out


if __name__ == "__main__":
    json.dump({"torch": torch.__version__, "random": random_cases(), "modules": module_cases(), "forward": forward_cases(),
               "losses": loss_cases(), "optimizers": optimizer_cases(), "schedules": schedule_cases(), "clip": clip_cases()},
              sys.stdout, separators=(",", ":"))
    print()
