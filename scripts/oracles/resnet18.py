"""Records what PyTorch computes for ResNet-18 with drawn weights.

    python scripts/oracles/resnet18.py testdata/resnet18/logits.npy

The network is written from its paper with torch.nn.functional, under torchvision's
names, in float64. Each number of a weight is drawn by its place from its name, so that
whoever checks a result draws the same and no weights are kept. Pictures are two of 64
by 64, which are drawn as well.
"""

import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def draw(name, *shape):
    """Numbers in [-1, 1) that f32 holds: of FNV-1a of the name and the place, mixed as
    SplitMix64 does."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, np.prod(shape) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return torch.from_numpy((z >> np.uint64(40)).astype(np.float64) / 2**23 - 1).reshape(shape)


def f32(x):
    return x.float().double()


def weight(name, *shape):
    return f32(draw(name, *shape) * math.sqrt(6 / np.prod(shape[1:])))


def conv(name, x, out, k, **more):
    return F.conv2d(x, weight(name + ".weight", out, x.shape[1], k, k), **more)


def norm(name, x):
    mean, var, w, b = (draw(f"{name}.{part}", x.shape[1]) for part in ["running_mean", "running_var", "weight", "bias"])
    return F.batch_norm(x, mean / 4, f32(1 + var / 2), f32(1 + w / 4), b / 4, eps=1e-5)


def block(name, x, out, stride):
    y = F.relu(norm(name + ".bn1", conv(name + ".conv1", x, out, 3, stride=stride, padding=1)))
    y = norm(name + ".bn2", conv(name + ".conv2", y, out, 3, padding=1))
    if stride != 1 or x.shape[1] != out:
        x = norm(name + ".downsample.1", conv(name + ".downsample.0", x, out, 1, stride=stride))
    return F.relu(y + x)


x = draw("x", 2, 64, 64, 3).permute(0, 3, 1, 2)
x = F.relu(norm("bn1", conv("conv1", x, 64, 7, stride=2, padding=3)))
x = F.max_pool2d(x, 3, stride=2, padding=1)
for stage, out in enumerate([64, 128, 256, 512]):
    for i in range(2):
        x = block(f"layer{stage + 1}.{i}", x, out, 2 if i == 0 and stage > 0 else 1)
logits = F.linear(x.mean((2, 3)), weight("fc.weight", 1000, 512), draw("fc.bias", 1000) / 4)
np.save(sys.argv[1], logits.float().numpy())
print("numpy", np.__version__, "torch", torch.__version__, "logits from", logits.min().item(), "to", logits.max().item())
