"""Records what PyTorch computes for a small UNet of Stable Diffusion 2.1 with drawn weights.

    python scripts/oracles/unet.py testdata/models/unet

The network is written with torch.nn under the names of diffusers' checkpoints, in float64.
"""

import math
import sys

import torch
import torch.nn.functional as F
from draw import draw, fill, record
from torch import nn

CH, HEADS, LAYERS, CONTEXT, GROUPS = [16, 32, 48], [2, 4, 6], 1, 24, 8


class Resnet(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.norm1 = nn.GroupNorm(GROUPS, cin)
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1)
        self.time_emb_proj = nn.Linear(4 * CH[0], cout)
        self.norm2 = nn.GroupNorm(GROUPS, cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(cin, cout, 1) if cin != cout else None

    def forward(self, x, temb):
        h = self.conv1(F.silu(self.norm1(x))) + self.time_emb_proj(F.silu(temb))[:, :, None, None]
        return self.conv2(F.silu(self.norm2(h))) + (self.conv_shortcut(x) if self.conv_shortcut else x)


class Attention(nn.Module):
    def __init__(self, c, m, heads):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(c, c, bias=False)
        self.to_k = nn.Linear(m, c, bias=False)
        self.to_v = nn.Linear(m, c, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(c, c)])

    def forward(self, x, m):
        q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(1, 2) for y in (self.to_q(x), self.to_k(m), self.to_v(m)))
        p = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(-1)
        return self.to_out[0]((p @ v).transpose(1, 2).flatten(2))


class GEGLU(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.proj = nn.Linear(c, 8 * c)

    def forward(self, x):
        a, gate = self.proj(x).chunk(2, -1)
        return a * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.net = nn.Sequential(GEGLU(c), nn.Identity(), nn.Linear(4 * c, c))

    def forward(self, x):
        return self.net(x)


class Transformer(nn.Module):
    def __init__(self, c, heads):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(c) for _ in range(3))
        self.attn1, self.attn2 = Attention(c, c, heads), Attention(c, CONTEXT, heads)
        self.ff = FeedForward(c)

    def forward(self, x, text):
        h = self.norm1(x)
        x = x + self.attn1(h, h)
        x = x + self.attn2(self.norm2(x), text)
        return x + self.ff(self.norm3(x))


class Spatial(nn.Module):
    def __init__(self, c, heads):
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, c, eps=1e-6)
        self.proj_in, self.proj_out = nn.Linear(c, c), nn.Linear(c, c)
        self.transformer_blocks = nn.ModuleList([Transformer(c, heads)])

    def forward(self, x, text):
        h = self.proj_in(self.norm(x).flatten(2).transpose(1, 2))
        h = self.proj_out(self.transformer_blocks[0](h, text))
        return x + h.transpose(1, 2).reshape(x.shape)


class Resample(nn.Module):
    def __init__(self, c, stride):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, stride=stride, padding=1)


class Level(nn.Module):
    """A level of the way down or up, or the middle: resnets, some with attention."""

    def __init__(self, widths, out, attentions, heads, down=False, up=False):
        super().__init__()
        self.resnets = nn.ModuleList(Resnet(w, out) for w in widths)
        self.attentions = nn.ModuleList(Spatial(out, heads) for _ in range(attentions))
        if down:
            self.downsamplers = nn.ModuleList([Resample(out, 2)])
        if up:
            self.upsamplers = nn.ModuleList([Resample(out, 1)])


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        n, te = len(CH), 4 * CH[0]
        self.conv_in = nn.Conv2d(4, CH[0], 3, padding=1)
        self.time_embedding = nn.Module()
        self.time_embedding.linear_1 = nn.Linear(CH[0], te)
        self.time_embedding.linear_2 = nn.Linear(te, te)
        skips = [CH[0]]
        self.down_blocks = nn.ModuleList()
        c = CH[0]
        for i in range(n):
            plain = i == n - 1
            self.down_blocks.append(Level([c] + [CH[i]] * (LAYERS - 1), CH[i], 0 if plain else LAYERS, HEADS[i], down=not plain))
            c = CH[i]
            skips += [c] * (LAYERS + (0 if plain else 1))
        self.mid_block = Level([c, c], c, 1, HEADS[-1])
        self.up_blocks = nn.ModuleList()
        for i in reversed(range(n)):
            widths = []
            for _ in range(LAYERS + 1):
                widths.append(c + skips.pop())
                c = CH[i]
            self.up_blocks.append(Level(widths, c, 0 if i == n - 1 else LAYERS + 1, HEADS[i], up=i > 0))
        self.conv_norm_out = nn.GroupNorm(GROUPS, CH[0])
        self.conv_out = nn.Conv2d(CH[0], 4, 3, padding=1)

    def forward(self, z, t, text):
        half = CH[0] // 2
        angle = t[:, None] * torch.exp(torch.arange(half) * (-math.log(10000) / half))
        temb = torch.cat([angle.cos(), angle.sin()], -1)
        temb = self.time_embedding.linear_2(F.silu(self.time_embedding.linear_1(temb)))
        x = self.conv_in(z)
        skips = [x]
        for level in self.down_blocks:
            for j, r in enumerate(level.resnets):
                x = r(x, temb)
                if level.attentions:
                    x = level.attentions[j](x, text)
                skips.append(x)
            if hasattr(level, "downsamplers"):
                x = level.downsamplers[0].conv(x)
                skips.append(x)
        mid = self.mid_block
        x = mid.resnets[1](mid.attentions[0](mid.resnets[0](x, temb), text), temb)
        for level in self.up_blocks:
            for j, r in enumerate(level.resnets):
                x = r(torch.cat([x, skips.pop()], 1), temb)
                if level.attentions:
                    x = level.attentions[j](x, text)
            if hasattr(level, "upsamplers"):
                x = level.upsamplers[0].conv(F.interpolate(x, scale_factor=2, mode="nearest"))
        return self.conv_out(F.silu(self.conv_norm_out(x)))


torch.set_default_dtype(torch.float64)
unet = fill(UNet())
z, text = draw("z", 1, 8, 16, 4), draw("text", 2, 7, CONTEXT)
t, guidance, sigma, less = 601.0, 7.5, 2.5, 2.0
x = z.permute(0, 3, 1, 2)
wanted, other = unet(torch.cat([x, x]), torch.tensor([t, t]), text).permute(0, 2, 3, 1).chunk(2)
e = other + guidance * (wanted - other)
z = (math.sqrt(sigma**2 + 1) * z + e * (less - sigma)) / math.sqrt(less**2 + 1)
record(sys.argv[1], z=z)
