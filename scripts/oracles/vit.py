"""Records what PyTorch computes for a small vision transformer with drawn weights.

    python scripts/oracles/vit.py testdata/models/vit

The network is written with torch.nn under timm's names, in float64.
"""

import math
import sys

import torch
import torch.nn.functional as F
from draw import draw, fill, record
from torch import nn

D, DEPTH, HEADS, PATCH, SIZE, CLASSES = 48, 3, 4, 8, 32, 10


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(D, eps=1e-6), nn.LayerNorm(D, eps=1e-6)
        self.attn, self.mlp = nn.Module(), nn.Module()
        self.attn.qkv, self.attn.proj = nn.Linear(D, 3 * D), nn.Linear(D, D)
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(D, 4 * D), nn.Linear(4 * D, D)

    def forward(self, x):
        q, k, v = self.attn.qkv(self.norm1(x)).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        p = (q @ k.transpose(-1, -2) / math.sqrt(D // HEADS)).softmax(-1)
        x = x + self.attn.proj((p @ v).transpose(1, 2).flatten(2))
        return x + self.mlp.fc2(F.gelu(self.mlp.fc1(self.norm2(x))))


class ViT(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, D, PATCH, stride=PATCH)
        self.cls_token = nn.Parameter(torch.empty(1, 1, D))
        self.pos_embed = nn.Parameter(torch.empty(1, (SIZE // PATCH) ** 2 + 1, D))
        self.blocks = nn.Sequential(*(Layer() for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(D, eps=1e-6)
        self.head = nn.Linear(D, CLASSES)

    def forward(self, x):
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


torch.set_default_dtype(torch.float64)
x = draw("x", 2, SIZE, SIZE, 3)
record(sys.argv[1], logits=fill(ViT())(x.permute(0, 3, 1, 2)))
