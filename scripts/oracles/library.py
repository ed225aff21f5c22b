"""Records what PyTorch's layers and losses compute, for the library of the language.

    python scripts/oracles/library.py frontend/dsl/testdata/library.json

No test runs Python. Weights and inputs are numbers of f32 with few digits; results are
computed in float64. Names are those of state_dict, under the names of the model
testdata/library.mlx, which is channels last; here sequences and images are turned round.
A tensor is {"shape", "data"}. Recorded with PyTorch 2.15.0 and NumPy 2.4.6.
"""

import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(11)


def numbers(*shape):
    return torch.from_numpy(np.round(rng.standard_normal(shape) * 64) / 64)


def record(t):
    t = torch.as_tensor(t).detach()
    return {"shape": list(t.shape), "data": [float(f"{v:.12g}") for v in t.double().flatten().tolist()]}


weights, cases = {}, []


def layer(name, module):
    for key, p in module.state_dict().items():
        if p.dtype.is_floating_point:
            p.copy_(numbers(*p.shape).abs() + 0.5 if key == "running_var" else numbers(*p.shape))
            weights[f"{name}.{key}"] = record(p)
    return module.eval()


def case(entry, args, wants):
    cases.append({"entry": entry, "args": [record(a) for a in args], "wants": [record(w) for w in wants]})


def last(x):  # the channels of [B, C, ...] behind
    return x.movedim(1, -1)


with torch.no_grad():
    x = numbers(2, 5, 6)
    attn = layer("attn", torch.nn.MultiheadAttention(6, 2, batch_first=True))
    memory, mask = numbers(2, 3, 6), numbers(5, 3)
    causal = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)
    case("attends", [x, memory, mask], [
        attn(x, x, x)[0], attn(x, x, x, attn_mask=causal)[0], attn(x, memory, memory, attn_mask=mask)[0],
    ])

    image = numbers(1, 4, 3, 5)
    up = layer("up", torch.nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2))
    down = layer("down", torch.nn.Conv2d(4, 6, 2, stride=1, padding=2, dilation=2, groups=2))
    group = layer("group", torch.nn.GroupNorm(2, 4))
    batch = layer("batch", torch.nn.BatchNorm2d(4))
    case("images", [last(image)], [last(m(image)) for m in (up, down, group, batch)] + [
        last(F.interpolate(image, scale_factor=3, mode="bilinear")), last(F.interpolate(image, scale_factor=2, mode="nearest")),
    ])

    line = numbers(2, 4, 5)
    up1 = layer("up1", torch.nn.ConvTranspose1d(4, 2, 4, stride=3, padding=1, bias=False))
    down1 = layer("down1", torch.nn.Conv1d(4, 2, 3, stride=2, padding=1, groups=2))
    norm = layer("norm", torch.nn.LayerNorm(4))
    rms = layer("rms", torch.nn.RMSNorm(4, eps=1e-5))
    linear = layer("linear", torch.nn.Linear(4, 3))
    case("lines", [last(line)], [last(up1(line)), last(down1(line)), norm(last(line)), rms(last(line)), linear(last(line))])

    y, want = numbers(3, 4) * 2, numbers(3, 4)
    p, q = torch.sigmoid(y), torch.sigmoid(want)
    p, q = (p * 64).round() / 64, (q * 64).round() / 64
    p[0, 0] = 0  # whose logarithm is held at -100
    labels = torch.tensor([3, 0, 2])
    case("losses", [y, want, p, q, labels], [
        F.mse_loss(y, want), F.l1_loss(y, want), F.huber_loss(y, want, delta=0.75), F.cross_entropy(y, labels),
        F.cross_entropy(y, labels, label_smoothing=0.1), F.binary_cross_entropy(p, q), F.binary_cross_entropy_with_logits(y, q),
    ])

    grads = [numbers(2, 3), numbers(4)]
    ps = [torch.nn.Parameter(torch.zeros_like(g)) for g in grads]
    for v, g in zip(ps, grads):
        v.grad = g.clone()
    torch.nn.utils.clip_grad_norm_(ps, 1.25)
    rates = [0.5 * 3 / 10, 0.5 * 0.5 * (1 + math.cos(math.pi * 20 / 90)), 0.0]
    case("optimises", grads + [torch.tensor([3.0, 30, 200])], [v.grad for v in ps] + [torch.tensor(rates)])

    pos = torch.tensor([0, 1, 7])
    angle = pos[:, None] * 10000.0 ** (-torch.arange(3) / 3)
    case("positions", [pos], [torch.cat([angle.sin(), angle.cos()], -1), torch.stack([angle.sin(), angle.cos()], -1).flatten(1)])

with open(sys.argv[1], "w") as f:
    rows = lambda items: ",\n".join(items)
    f.write('{"weights": {\n' + rows(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in weights.items()))
    f.write('},\n"cases": [\n' + rows(map(json.dumps, cases)) + "]}\n")
