"""Records what PyTorch draws parameters from, for mlxc init.

    python scripts/oracles/init.py internal/initial/testdata/torch.json

No test runs Python. What torch.nn.init and the layers draw is caught where they call the
generator, or fill: uniform numbers by their bound, normal ones by their standard deviation.
Shapes are PyTorch's, channels first. "orthogonal" has matrices, row-major, and what orthogonal_ makes of
them in float64 where it draws those. Recorded with PyTorch 2.15.0.
"""

import json
import math
import sys

import torch
from torch import nn

drawn = {}  # the last draw from each tensor, by its place


def uniform(self, low=0, high=1, generator=None):
    assert low == -high
    drawn[self.data_ptr()] = ["uniform", high]
    return self


def normal(self, mean=0, std=1, generator=None):
    assert mean == 0
    drawn[self.data_ptr()] = ["normal", std]
    return self


def fill(self, x=0.0):
    drawn[self.data_ptr()] = ["constant", float(x)]
    return self


true_normal = torch.Tensor.normal_
torch.Tensor.uniform_, torch.Tensor.normal_ = uniform, normal
torch.Tensor.fill_ = torch.Tensor.zero_ = fill

fans = []
for shape in ([5, 3], [1, 7], [6, 4, 3], [8, 3, 3, 3], [4, 2, 3, 5], [3, 2, 2, 3, 4]):
    for name, draw, gain in (
        ("xavier", nn.init.xavier_uniform_, 1.0),
        ("xavier", nn.init.xavier_uniform_, 2.5),
        ("kaiming", nn.init.kaiming_normal_, math.sqrt(2)),
    ):
        w = torch.empty(shape)
        draw(w, gain) if name == "xavier" else draw(w)
        fans.append({"init": name, "gain": gain, "shape": shape, "drawn": drawn[w.data_ptr()]})

layers = {}
for call, make in {
    "nn.Linear(6, 4)": lambda: nn.Linear(6, 4),
    "nn.Embedding(5, 3)": lambda: nn.Embedding(5, 3),
    "nn.Conv2d(4, 6, 3, groups=2)": lambda: nn.Conv2d(4, 6, 3, groups=2),
    "nn.Conv1d(4, 6, 5)": lambda: nn.Conv1d(4, 6, 5),
    "nn.ConvTranspose2d(4, 6, 3, groups=2)": lambda: nn.ConvTranspose2d(4, 6, 3, groups=2),
    "nn.ConvTranspose1d(4, 6, 5)": lambda: nn.ConvTranspose1d(4, 6, 5),
    "nn.MultiHeadAttention(6, 2)": lambda: nn.MultiheadAttention(6, 2),
    "nn.LSTM(5, 3)": lambda: nn.LSTM(5, 3),
    "nn.GRU(5, 3)": lambda: nn.GRU(5, 3),
    "nn.LayerNorm(4)": lambda: nn.LayerNorm(4),
    "nn.RMSNorm(4)": lambda: nn.RMSNorm(4),
    "nn.GroupNorm(2, 4)": lambda: nn.GroupNorm(2, 4),
    "nn.BatchNorm(4)": lambda: nn.BatchNorm2d(4),
}.items():
    drawn.clear()
    state = make().state_dict()
    layers[call] = {name: drawn[w.data_ptr()] for name, w in state.items() if name != "num_batches_tracked"}

matrices = []
for rows, cols in ((3, 3), (2, 5), (5, 2)):
    torch.manual_seed(1)
    a = true_normal(torch.empty(rows, cols, dtype=torch.float64))
    torch.Tensor.normal_ = lambda self, *_, **__: self.copy_(a)
    q = nn.init.orthogonal_(torch.empty(rows, cols, dtype=torch.float64))
    matrices.append({"rows": rows, "cols": cols, "from": a.flatten().tolist(), "to": q.flatten().tolist()})

with open(sys.argv[1], "w") as f:
    rows = lambda items: ",\n".join(items)
    f.write('{"fans": [\n' + rows(map(json.dumps, fans)) + '],\n"layers": {\n')
    f.write(rows(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in layers.items()))
    f.write('},\n"orthogonal": [\n' + rows(map(json.dumps, matrices)) + "]}\n")
