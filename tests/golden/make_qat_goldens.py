"""Golden numbers of quantization-aware training, made with torch 2.13; see numerics in docs.

    python3 make_qat_goldens.py    # writes qat.json beside this file

Numbers are drawn as draw() says, so the tests draw the same ones from the seeds.
"""

import json
import os
import warnings

import numpy as np
import torch
from torch import nn
from torch.ao.quantization import get_default_qat_qconfig, observer, prepare_qat

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
PRESETS = ["x86", "fbgemm", "onednn", "qnnpack"]


def draw(generator, count, kind, scale):
    """Sum of four uniforms less two, times scale, as octet/quant/testing.h draws it."""
    u = (generator.random_raw(4 * count) & 0xFFFFFF).astype(np.float32) * np.float32(2.0**-24)
    u = u.reshape(count, 4)
    return ((((u[:, 0] + u[:, 1]) + u[:, 2]) + u[:, 3] - np.float32(2)) * np.float32(scale)).astype(np.float32)


def numbers(tensor):
    return [float(x) for x in tensor.reshape(-1)]


def tensor_of(seed, shape, scale, kind="plain"):
    count = 1
    for d in shape:
        count *= d
    return torch.from_numpy(draw(np.random.RandomState(seed)._bit_generator, count, kind, scale)).reshape(shape)


def fixed():
    """Fake quantization with given parameters, forward and backward."""
    rows = []
    for seed, (shape, axis, bits, signed) in enumerate(
        [([3, 50], -1, 8, False), ([3, 50], -1, 4, False), ([40], -1, 2, True), ([4, 3, 5], 0, 8, True), ([4, 3, 5], 1, 3, True), ([2, 6, 4], 1, 4, False)]
    ):
        low = -(1 << (bits - 1)) if signed else 0
        high = low + (1 << bits) - 1
        channels = 1 if axis < 0 else shape[axis]
        scale = torch.tensor([0.4 / (1 << bits) * (1 + i % 3) for i in range(channels)])
        zero = torch.tensor([low + (7 * i + 3) % (high - low) for i in range(channels)], dtype=torch.int32)
        if axis < 0 and signed:  # torch truncates a learned zero point below 0 towards 0 in its gradient
            zero = torch.zeros_like(zero)
        x = tensor_of(200 + seed, shape, 0.3).requires_grad_()
        dy = tensor_of(300 + seed, shape, 1.0)
        if axis < 0:
            y = torch.fake_quantize_per_tensor_affine(x, scale[0].item(), int(zero[0]), low, high)
        else:
            y = torch.fake_quantize_per_channel_affine(x, scale, zero, axis, low, high)
        y.backward(dy)
        row = dict(seed=seed, shape=shape, axis=axis, quant_min=low, quant_max=high, scale=numbers(scale), zero_point=numbers(zero), y=numbers(y.detach()), dx=numbers(x.grad))
        ls, lz = scale.clone().requires_grad_(), (zero.float() + 0.3).requires_grad_()
        lx = x.detach().clone().requires_grad_()
        factor = 1.0 / (x.numel() * high) ** 0.5
        if axis < 0:
            ly = torch._fake_quantize_learnable_per_tensor_affine(lx, ls, lz, low, high, factor)
        else:
            ly = torch._fake_quantize_learnable_per_channel_affine(lx, ls, lz, axis, low, high, factor)
        ly.backward(dy)
        row.update(learned=dict(zero_point=numbers(lz.detach()), y=numbers(ly.detach()), dx=numbers(lx.grad), dscale=numbers(ls.grad), dzero_point=numbers(lz.grad)))
        rows.append(row)
    return rows


def observed():
    """The fused modules of every preset, three batches each: y, range, scale, zero point, gradient."""
    rows = []
    for preset in PRESETS:
        qconfig = get_default_qat_qconfig(preset)
        for role, make in (("activation", qconfig.activation), ("weight", qconfig.weight)):
            module = make()
            post = module.activation_post_process
            row = dict(
                preset=preset, role=role, quant_min=int(post.quant_min), quant_max=int(post.quant_max),
                per_channel=bool(module.is_per_channel), symmetric=bool(module.is_symmetric_quant),
                averaging_constant=float(post.averaging_constant), steps=[],
            )
            for step in range(3):
                x = tensor_of(400 + step, [4, 3, 5], 0.3 * (1 + step)).requires_grad_()
                if step == 2:  # one sign only in a channel
                    x = x.detach()
                    x[1] = x[1].abs()
                    x.requires_grad_()
                dy = tensor_of(500 + step, [4, 3, 5], 1.0)
                y = module(x)
                y.backward(dy)
                row["steps"].append(dict(
                    y=numbers(y.detach()), dx=numbers(x.grad), min=numbers(post.min_val), max=numbers(post.max_val),
                    scale=numbers(module.scale), zero_point=numbers(module.zero_point)))
            rows.append(row)
    return rows


def params():
    """Ranges to parameters: the fused arithmetic (through the fused operator) and the observers'."""
    ranges = [(-1, 3), (0, 2), (-2, 0), (0.5, 2), (-3, -1), (0, 0), (-1e-6, 2e-6), (0, 1e-5), (-1e-9, 0), (-4e-7, 3e-3),
              (-127.3, 0.01), (-0.1, 88), (-1, 1), (-1.27, 0.9), (1e-30, 1e-30), (-5e-40, 5e-40)]
    rows = []
    for low, high in ranges:
        for qmin, qmax, symmetric in [(0, 255, False), (0, 127, False), (-128, 127, True), (-127, 127, True), (-8, 7, True), (0, 15, False), (-128, 127, False), (-2, 1, True)]:
            scale, zero = torch.tensor([1.0]), torch.tensor([0], dtype=torch.int32)
            lo, hi = torch.tensor([float(low)]), torch.tensor([float(high)])
            torch.fused_moving_avg_obs_fake_quant(torch.zeros(1), torch.tensor([0]), torch.tensor([1]), lo, hi, scale, zero, 0.01, qmin, qmax, 0, False, symmetric)
            post = observer.MinMaxObserver(dtype=torch.qint8 if qmin < 0 else torch.quint8, qscheme=torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine, quant_min=qmin, quant_max=qmax)
            post.min_val, post.max_val = torch.tensor(float(low)), torch.tensor(float(high))
            s, z = post.calculate_qparams()
            rows.append(dict(range=[float(lo), float(hi)], quant_min=qmin, quant_max=qmax, symmetric=symmetric,
                             fused=[float(scale), int(zero)], observer=[float(s), int(z)]))
    return rows


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.quant, self.dequant = torch.ao.quantization.QuantStub(), torch.ao.quantization.DeQuantStub()
        self.fc1, self.relu, self.fc2 = nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2)

    def forward(self, x):
        return self.dequant(self.fc2(self.relu(self.fc1(self.quant(x)))))


def example():
    """The quantization-aware example of the article with every preset, done right: losses over the steps."""
    rows = []
    for preset in PRESETS:
        torch.manual_seed(42)
        train, test = torch.rand(10000, 3), torch.rand(5000, 3)
        w = torch.tensor([[1.12, 1.6], [2.24, 2.5], [3.6, 3.9]])
        model = Net()
        model.qconfig = get_default_qat_qconfig(preset)
        prepare_qat(model.train(), inplace=True)
        start = {k: numbers(v.detach()) for k, v in model.named_parameters()}
        optimizer, loss, losses = torch.optim.Adam(model.parameters(), lr=0.1), nn.MSELoss(), []
        for _ in range(100):
            optimizer.zero_grad()
            value = loss(model(train), train @ w)
            value.backward()
            optimizer.step()
            losses.append(float(value))
        model.eval()
        with torch.no_grad():
            # As the article evaluates: the observers follow the test rows too.
            following = float(loss(model(test), test @ w))
            rows.append(dict(preset=preset, start=start, losses=losses, test_loss=following,
                             end={k: numbers(v) for k, v in model.named_parameters()}))
    return rows


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.relu = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))


def fused_batch_norm():
    """ConvBnReLU2d of the fused modules: two training steps, then frozen, then inference."""
    torch.manual_seed(1)
    model = ConvNet().train()
    with torch.no_grad():
        model.bn.weight.copy_(torch.tensor([0.5, 1.5, -0.7, 1.1]))
        model.bn.bias.copy_(torch.tensor([0.1, -0.2, 0.3, 0.0]))
        model.bn.running_var.copy_(torch.tensor([0.6, 1.4, 0.9, 2.0]))
        model.bn.running_mean.copy_(torch.tensor([0.05, -0.1, 0.0, 0.2]))
    start = {k: numbers(v) for k, v in model.state_dict().items() if "num_batches" not in k}
    model = torch.ao.quantization.fuse_modules_qat(model, [["conv", "bn", "relu"]])
    model.qconfig = get_default_qat_qconfig("onednn")
    prepare_qat(model, inplace=True)
    module, steps = model.conv, []
    for step in range(3):
        if step == 2:
            module.freeze_bn_stats()
        x = tensor_of(600 + step, [2, 3, 6, 6], 1.0).requires_grad_()
        dy = tensor_of(700 + step, [2, 4, 6, 6], 1.0)
        model.zero_grad()
        y = type(module).forward(module, x)  # without the hook that quantizes the output
        y.backward(dy)
        steps.append(dict(
            y=numbers(y.detach()), dx=numbers(x.grad), frozen=step == 2,
            gradients={k: numbers(v.grad) for k, v in module.named_parameters()},
            mean=numbers(module.bn.running_mean), variance=numbers(module.bn.running_var)))
    return dict(start=start, steps=steps)


def main():
    torch.set_num_threads(1)
    out = dict(torch=torch.__version__, fixed=fixed(), observed=observed(), params=params(), example=example(), fused_batch_norm=fused_batch_norm())
    with open(os.path.join(HERE, "qat.json"), "w") as file:
        json.dump(out, file)
        file.write("\n")


if __name__ == "__main__":
    main()
