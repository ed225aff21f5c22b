"""Records what PyTorch computes for a small block of a Llama.

    python scripts/oracles/llama.py internal/models/testdata/llama.json

Written from the papers (RMSNorm, RoPE, grouped-query attention, SwiGLU) with
torch.nn.functional, in float64. Numbers are drawn in f32 with few digits, so that
the file is small and they are the same in every dtype.
"""

import json
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(11)
WIDTH, HIDDEN, HEADS, KV, S = 16, 24, 4, 2, 9
D, THETA, EPS = WIDTH // HEADS, 65536.0, 2.0**-16


def draw(*shape, scale=1.0):
    return torch.from_numpy(np.round(rng.standard_normal(shape) * scale * 64) / 64)


params = {"input_layernorm": 1 + draw(WIDTH, scale=0.25), "post_attention_layernorm": 1 + draw(WIDTH, scale=0.25)}
for name, rows, columns in [
    ("self_attn.q_proj", WIDTH, WIDTH), ("self_attn.k_proj", KV * D, WIDTH), ("self_attn.v_proj", KV * D, WIDTH), ("self_attn.o_proj", WIDTH, WIDTH),
    ("mlp.gate_proj", HIDDEN, WIDTH), ("mlp.up_proj", HIDDEN, WIDTH), ("mlp.down_proj", WIDTH, HIDDEN),
]:
    params[name] = draw(rows, columns, scale=0.25)


def rotate(x, pos):
    t = torch.arange(pos, pos + x.shape[2])
    angle = t[:, None] / THETA ** (torch.arange(0, D, 2) / D)
    z = torch.complex(x[..., : D // 2], x[..., D // 2 :]) * torch.polar(torch.ones_like(angle), angle)
    return torch.cat([z.real, z.imag], -1)


def block(x, k_cache, v_cache, pos):
    tokens = x.shape[1]
    heads = lambda name, h: F.linear(h, params[name]).unflatten(-1, (-1, D)).transpose(1, 2)
    h = F.rms_norm(x, (WIDTH,), params["input_layernorm"], EPS)
    k_cache, v_cache = k_cache.clone(), v_cache.clone()
    k_cache[:, :, pos : pos + tokens] = rotate(heads("self_attn.k_proj", h), pos)
    v_cache[:, :, pos : pos + tokens] = heads("self_attn.v_proj", h)
    keep = torch.ones(tokens, pos + tokens, dtype=torch.bool).tril(pos)
    y = F.scaled_dot_product_attention(
        rotate(heads("self_attn.q_proj", h), pos), k_cache[:, :, : pos + tokens], v_cache[:, :, : pos + tokens], attn_mask=keep, enable_gqa=True)
    x = x + F.linear(y.transpose(1, 2).flatten(2), params["self_attn.o_proj"])
    h = F.rms_norm(x, (WIDTH,), params["post_attention_layernorm"], EPS)
    h = F.silu(F.linear(h, params["mlp.gate_proj"])) * F.linear(h, params["mlp.up_proj"])
    return x + F.linear(h, params["mlp.down_proj"]), k_cache, v_cache


def array(x):
    return {"shape": list(x.shape), "data": x.flatten().tolist()}


cases = []
for tokens, pos in [(5, 3), (1, 3), (1, 0)]:
    x, k, v = draw(2, tokens, WIDTH), draw(2, KV, S, D), draw(2, KV, S, D)
    want = block(x, k, v, pos)
    cases.append({"pos": pos, "inputs": [array(a) for a in (x, k, v)], "want": [array(a) for a in want]})
versions = {"python": sys.version.split()[0], "numpy": np.__version__, "torch": torch.__version__}
with open(sys.argv[1], "w") as f:
    json.dump({"made by": "scripts/oracles/llama.py", "versions": versions, "params": {k: array(v) for k, v in params.items()}, "cases": cases}, f)
    f.write("\n")
