"""Draws the weights of models, as drawnWeights does in Go, so that none are kept."""

import math

import numpy as np
import torch


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


def tokens(name, n, *shape):
    """Drawn numbers from 0 to n-1."""
    return ((draw(name, *shape) + 1) * (n / 2)).floor().long()


@torch.no_grad()
def fill(model):
    """Draws every parameter of a module from its name, and rounds it to f32: a matrix or
    kernel times sqrt(3/fan), a bias or mean divided by 4, a gain from 3/4 to 5/4, a variance
    from 1/2 to 3/2."""
    for name, p in [*model.named_parameters(), *model.named_buffers()]:
        if not p.is_floating_point():
            continue
        u, last = draw(name, *p.shape), name.split(".")[-1]
        if last.startswith("bias") or last == "running_mean":
            u = u / 4
        elif last == "running_var":
            u = 1 + u / 2
        elif p.dim() == 1:
            u = 1 + u / 4
        else:
            u = u * math.sqrt(3 / np.prod(p.shape[1:]))
        p.copy_(u.float())
    return model.double().eval()


def record(prefix, **arrays):
    """Writes arrays as f32 to prefix-name.npy, and says what made them."""
    for name, a in arrays.items():
        a = a.detach().float().numpy()
        np.save(f"{prefix}-{name}.npy", a)
        print(name, a.shape, "up to", abs(a).max())
    print("numpy", np.__version__, "torch", torch.__version__)
