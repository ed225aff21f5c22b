"""Writes two layers of a Llama's attention as both kinds of checkpoint have them.

    python scripts/oracles/gguf_names.py testdata/weights

model.safetensors has the names and rows of Hugging Face, model.gguf those of GGUF: queries
and keys are turned as llama.cpp's convert_hf_to_gguf.py does, so that the halves of a head
that are rotated together become neighbours, and names are those of gguf.get_tensor_name_map.
attention.npz has an input and what PyTorch computes from the first of them, in float64.
versions.txt says with which versions they were recorded.
"""

import importlib.metadata
import os
import sys

import gguf
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

out = sys.argv[1]
rng = np.random.default_rng(29)
D, H, KV, HD, LAYERS = 16, 4, 2, 4, 2


def draw(*shape):
    return (np.round(rng.standard_normal(shape) * 64) / 256).astype(np.float32)


tensors = {}
for i in range(LAYERS):
    p = f"model.layers.{i}."
    tensors[p + "input_layernorm.weight"] = 1 + draw(D)
    for name, rows in [("q", H * HD), ("k", KV * HD), ("v", KV * HD), ("o", D)]:
        tensors[p + f"self_attn.{name}_proj.weight"] = draw(rows, D)
save_file(tensors, os.path.join(out, "model.safetensors"))

w = gguf.GGUFWriter(os.path.join(out, "model.gguf"), "llama")
names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, LAYERS)
for name, x in tensors.items():
    heads = {"q_proj": H, "k_proj": KV}.get(name.split(".")[-2])
    if heads:
        x = x.reshape(heads, 2, x.shape[0] // heads // 2, D).swapaxes(1, 2).reshape(x.shape)
    w.add_tensor(names.get_name(name, try_suffixes=(".weight",)), np.ascontiguousarray(x))
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()

x = draw(2, 5, D)


def rotate(x):
    angle = torch.arange(x.shape[2])[:, None] / 10000.0 ** (torch.arange(HD // 2) * 2 / HD)
    a, b = x[..., : HD // 2], x[..., HD // 2 :]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)


torch.set_default_dtype(torch.float64)
y = torch.from_numpy(x).double()
for i in range(LAYERS):
    p = {n.split(f"layers.{i}.")[1]: torch.from_numpy(t).double() for n, t in tensors.items() if f"layers.{i}." in n}
    n = F.rms_norm(y, (D,), p["input_layernorm.weight"], 1e-5)
    q, k, v = (F.linear(n, p[f"self_attn.{c}_proj.weight"]).unflatten(-1, (-1, HD)).transpose(1, 2) for c in "qkv")
    a = F.scaled_dot_product_attention(rotate(q), rotate(k), v, is_causal=True, enable_gqa=True)
    y = y + F.linear(a.transpose(1, 2).flatten(-2), p["self_attn.o_proj.weight"])
np.savez(os.path.join(out, "attention.npz"), x=x, y=y.numpy().astype(np.float32))
with open(os.path.join(out, "versions.txt"), "w") as f:
    for package in ["gguf", "numpy", "safetensors", "torch"]:
        f.write(f"{package} {importlib.metadata.version(package)}\n")
