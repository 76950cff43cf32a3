#!/usr/bin/env python3
"""Trains the demo's network and writes fashion.onnx, fashion-calibration.npz and fashion-test.npz.

Needs torch, numpy and Debian's package dataset-fashion-mnist:
    python3 train_fashion.py [OUT]        (under an hour on one core)

The network: 3x3 convolutions with batch norms, a residual block, a depthwise-separable block, global
average pooling, one linear layer; 28x28 grey pictures, ten classes; pixels as (x / 255 - 0.2860) / 0.3530.
"""
import gzip
import pathlib
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
MEAN, STD = 0.2860, 0.3530


def read(split):
    def load(kind, offset, shape):
        with gzip.open(DATA / f"{split}-{kind}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset).reshape(shape)

    pictures = load("images-idx3", 16, (-1, 1, 28, 28)).astype(np.float32) / 255
    return (pictures - MEAN) / STD, load("labels-idx1", 8, (-1,)).astype(np.int64)


def conv(inputs, outputs, stride=1, groups=1, kernel=3):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv(1, 24)
        self.down = conv(24, 48, stride=2)
        self.a, self.b = conv(48, 48), conv(48, 48)
        self.depthwise, self.pointwise = conv(48, 48, stride=2, groups=48), conv(48, 96, kernel=1)
        self.last = nn.Linear(96, 10)

    def forward(self, x):
        x = F.relu(self.stem(x))
        x = F.relu(self.down(x))
        x = F.relu(x + self.b(F.relu(self.a(x))))
        x = F.relu(self.pointwise(F.relu(self.depthwise(x))))
        return self.last(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


def augment(x):
    """Random shift by up to two pixels and horizontal flip."""
    if torch.rand(()) < 0.5:
        x = x.flip(3)
    dy, dx = torch.randint(0, 5, (2,)).tolist()
    return F.pad(x, (2, 2, 2, 2), value=-MEAN / STD)[:, :, dy:dy + 28, dx:dx + 28]


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return np.mean([(net(x[i:i + 500]).argmax(1) == y[i:i + 500]).float().mean().item() for i in range(0, len(x), 500)])


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    torch.manual_seed(42)
    train_x, train_y = (torch.from_numpy(a) for a in read("train"))
    test_x, test_y = (torch.from_numpy(a) for a in read("t10k"))
    net, batch, epochs = Net(), 128, 12
    print(sum(p.numel() for p in net.parameters()), "parameters")
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, epochs * (len(train_x) // batch))
    for epoch in range(epochs):
        net.train()
        order = torch.randperm(len(train_x))
        for i in range(len(train_x) // batch):
            index = order[i * batch:(i + 1) * batch]
            optimizer.zero_grad()
            F.cross_entropy(net(augment(train_x[index])), train_y[index], label_smoothing=0.05).backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}: {accuracy(net, test_x, test_y):.4f}", flush=True)
    net.eval()
    torch.onnx.export(net, (test_x[:1],), out / "fashion.onnx", input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}}, opset_version=17, dynamo=False)
    np.savez_compressed(out / "fashion-calibration.npz", image=train_x[:200].numpy(), labels=train_y[:200].numpy())
    np.savez_compressed(out / "fashion-test.npz", image=test_x[:500].numpy(), labels=test_y[:500].numpy())


if __name__ == "__main__":
    main()
