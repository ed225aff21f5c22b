"""Records what PyTorch computes where testdata/models/kernels.mlx has kernels.

    python scripts/oracles/handwritten.py testdata/models/kernels
"""

import sys

import torch.nn.functional as F
from draw import draw, record

gate, up, w = draw("gate", 3, 100), draw("up", 3, 100), draw("w", 100)
y = F.rms_norm(F.silu(gate) * up, (100,), w, 1e-3)
record(sys.argv[1], y=y, hot=y.argmax(-1))
