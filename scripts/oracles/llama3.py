"""Records what PyTorch computes for a small Llama 3.2 with drawn weights.

    python scripts/oracles/llama3.py testdata/models/llama

The network is written with torch.nn under the names of the checkpoints of Hugging Face, in
float64. It has no cache: the logits at each position are those of the whole text. Once more
it is computed with the matrices that MLX makes of 4 bits in groups of 64, whose scales and
biases are rounded to f16.
"""

import math
import sys

import mlx.core as mx
import numpy as np
import torch
import torch.nn.functional as F
from draw import draw, fill, record, tokens
from torch import nn

D, HIDDEN, LAYERS, H, KV, HD, VOCAB, EPS = 64, 128, 2, 4, 2, 16, 50, 1e-5
THETA, FACTOR, LOW, HIGH, CONTEXT = 10000.0, 8.0, 1.0, 4.0, 64


def rotate(x):
    """Llama 3.1's scaled rope: a frequency with few periods in the context is divided by the factor."""
    f = THETA ** (-torch.arange(0, HD, 2) / HD)
    smooth = ((f * CONTEXT / (2 * math.pi) - LOW) / (HIGH - LOW)).clamp(0, 1)
    angle = torch.arange(x.shape[2])[:, None] * f * (smooth + (1 - smooth) / FACTOR)
    z = torch.complex(x[..., : HD // 2], x[..., HD // 2 :]) * torch.polar(torch.ones_like(angle), angle)
    return torch.cat([z.real, z.imag], -1)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj, self.o_proj = nn.Linear(D, H * HD, bias=False), nn.Linear(H * HD, D, bias=False)
        self.k_proj, self.v_proj = (nn.Linear(D, KV * HD, bias=False) for _ in range(2))

    def forward(self, x):
        q, k, v = (y.unflatten(-1, (-1, HD)).transpose(1, 2) for y in (self.q_proj(x), self.k_proj(x), self.v_proj(x)))
        y = F.scaled_dot_product_attention(rotate(q), rotate(k), v, is_causal=True, enable_gqa=True)
        return self.o_proj(y.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn, self.mlp = Attention(), nn.Module()
        self.mlp.gate_proj, self.mlp.up_proj = (nn.Linear(D, HIDDEN, bias=False) for _ in range(2))
        self.mlp.down_proj = nn.Linear(HIDDEN, D, bias=False)
        self.input_layernorm, self.post_attention_layernorm = nn.RMSNorm(D, EPS), nn.RMSNorm(D, EPS)

    def forward(self, x):
        x = x + self.self_attn(self.input_layernorm(x))
        h = self.post_attention_layernorm(x)
        return x + self.mlp.down_proj(F.silu(self.mlp.gate_proj(h)) * self.mlp.up_proj(h))


class Llama(nn.Module):
    def __init__(self):
        super().__init__()
        self.model, self.lm_head = nn.Module(), nn.Linear(D, VOCAB, bias=False)
        self.model.embed_tokens = nn.Embedding(VOCAB, D)
        self.model.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)))
        self.model.norm = nn.RMSNorm(D, EPS)

    def forward(self, text):
        return self.lm_head(self.model.norm(self.model.layers(self.model.embed_tokens(text))))


def q4g64(w):
    """The matrix that MLX's q4g64 stands for."""
    words, scales, biases = (np.array(a) for a in mx.quantize(mx.array(w.float().numpy()), group_size=64, bits=4))
    levels = (words[..., None] >> np.arange(0, 32, 4, dtype=np.uint32) & 15).reshape(*scales.shape, 64)
    scales, biases = (a.astype(np.float16).astype(np.float64)[..., None] for a in (scales, biases))
    return torch.from_numpy((levels * scales + biases).reshape(w.shape))


torch.set_default_dtype(torch.float64)
llama, text = fill(Llama()), tokens("text", VOCAB, 2, 7)
for prefix in ["", "q4-"]:
    logits = llama(text)
    record(sys.argv[1], **{prefix + "prompt": logits[:, 4], prefix + "fifth": logits[:, 5], prefix + "next": logits[:, 6].argmax(-1)})
    with torch.no_grad():
        for p in llama.parameters():
            if p.dim() == 2:
                p.copy_(q4g64(p))
print("mlx", mx.__version__)
