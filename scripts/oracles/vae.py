"""Records what PyTorch computes for a small decoder of Stable Diffusion's VAE with drawn weights.

    python scripts/oracles/vae.py testdata/models/vae

The network is written with torch.nn under the names of diffusers' AutoencoderKL, in float64.
"""

import math
import sys

import torch
import torch.nn.functional as F
from draw import draw, fill, record
from torch import nn

CH, LAYERS, GROUPS, SCALE = [16, 24, 32], 1, 8, 0.18215


class Resnet(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(GROUPS, cin, eps=1e-6), nn.Conv2d(cin, cout, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(GROUPS, cout, eps=1e-6), nn.Conv2d(cout, cout, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(cin, cout, 1) if cin != cout else nn.Identity()

    def forward(self, x):
        h = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return h + self.conv_shortcut(x)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.group_norm = nn.GroupNorm(GROUPS, c, eps=1e-6)
        self.to_q, self.to_k, self.to_v = (nn.Linear(c, c) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(c, c)])

    def forward(self, x):
        h = self.group_norm(x).flatten(2).transpose(1, 2)
        p = (self.to_q(h) @ self.to_k(h).transpose(1, 2) / math.sqrt(h.shape[2])).softmax(-1)
        return x + self.to_out[0](p @ self.to_v(h)).transpose(1, 2).reshape(x.shape)


class Up(nn.Module):
    def __init__(self, cin, cout, larger):
        super().__init__()
        self.resnets = nn.Sequential(Resnet(cin, cout), *(Resnet(cout, cout) for _ in range(LAYERS)))
        if larger:
            self.upsamplers = nn.ModuleList([nn.Module()])
            self.upsamplers[0].conv = nn.Conv2d(cout, cout, 3, padding=1)

    def forward(self, x):
        x = self.resnets(x)
        return self.upsamplers[0].conv(F.interpolate(x, scale_factor=2, mode="nearest")) if hasattr(self, "upsamplers") else x


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        c = CH[-1]
        self.conv_in, self.mid_block = nn.Conv2d(4, c, 3, padding=1), nn.Module()
        self.mid_block.resnets = nn.ModuleList([Resnet(c, c), Resnet(c, c)])
        self.mid_block.attentions = nn.ModuleList([Attention(c)])
        down = CH[::-1]
        self.up_blocks = nn.Sequential(*(Up(down[max(i - 1, 0)], c, i < len(CH) - 1) for i, c in enumerate(down)))
        self.conv_norm_out, self.conv_out = nn.GroupNorm(GROUPS, CH[0], eps=1e-6), nn.Conv2d(CH[0], 3, 3, padding=1)

    def forward(self, z):
        m = self.mid_block
        x = m.resnets[1](m.attentions[0](m.resnets[0](self.conv_in(z))))
        return self.conv_out(F.silu(self.conv_norm_out(self.up_blocks(x))))


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.post_quant_conv, self.decoder = nn.Conv2d(4, 4, 1), Decoder()

    def forward(self, z):
        return (self.decoder(self.post_quant_conv(z / SCALE)) / 2 + 0.5).clamp(0, 1)


torch.set_default_dtype(torch.float64)
rgb = fill(VAE())(draw("z", 2, 3, 5, 4).permute(0, 3, 1, 2))
record(sys.argv[1], rgb=rgb.permute(0, 2, 3, 1))
print((rgb == 0).double().mean().item(), (rgb == 1).double().mean().item(), "are clipped")
