"""Records what MLX and the package gguf make of numbers, quantised and back.

    pip install "mlx[cpu]" gguf numpy safetensors
    python scripts/oracles/quantise.py .

internal/quant/testdata/oracle.safetensors has, for each case, f32 numbers CASE; for each
format of MLX CASE.FORMAT.weight, .scales and .biases, whose floats are rounded to f16, and
CASE.FORMAT.floats, what MLX decodes of those in f32; for each format of GGUF CASE.FORMAT and
CASE.FORMAT.floats. The case `bytes` are blocks of random bytes, which are decoded alone.
The metadata have the versions.
"""

import sys
from importlib.metadata import version

import gguf
import mlx.core as mx
import numpy as np
from safetensors.numpy import save_file

mx.set_default_device(mx.cpu)
rng = np.random.default_rng(7)
Q = gguf.GGMLQuantizationType
normal = lambda: rng.standard_normal((2, 128)).astype(np.float32)
outlier = normal()
outlier[0, 3], outlier[1, 100] = 1000, -1000
ties = (rng.integers(-30, 31, (2, 128)) / 4).astype(np.float32)
halves = (rng.integers(-126, 126, (2, 128)) + 0.5).astype(np.float32)
halves[:, ::32] = 127  # of a scale of 1 in q8_0
cases = {
    "random": normal(),
    "ties": ties,
    "halves": halves,
    "equal": np.full((2, 128), [[3.1], [-0.7]], np.float32),
    "zero": np.zeros((2, 128), np.float32),
    "outlier": outlier,
    "positive": abs(normal()) + 1,
    "negative": -abs(normal()) - 1,
    "large": np.clip(normal() * 60000, -65504, 65504),  # to the edges of f16
    "small": normal() * np.float32(1e-6),  # scales are subnormals of f16
    "smaller": normal() * np.float32(1e-10),  # and 0 in f16
}

out = {}
for case, x in cases.items():
    out[case] = x
    for bits in 4, 8:
        for group in 32, 64, 128:
            name = f"{case}.q{bits}g{group}"
            q, scales, biases = mx.quantize(mx.array(x), group, bits)
            scales, biases = scales.astype(mx.float16), biases.astype(mx.float16)
            floats = mx.dequantize(q, scales.astype(mx.float32), biases.astype(mx.float32), group, bits)
            for part, a in {"weight": q, "scales": scales, "biases": biases, "floats": floats}.items():
                out[f"{name}.{part}"] = np.array(a)
    for kind in Q.Q4_0, Q.Q8_0:
        name = f"{case}.{kind.name.lower()}"
        out[name] = gguf.quantize(x, kind)
        out[name + ".floats"] = gguf.dequantize(out[name], kind)
for kind in Q.Q4_K, Q.Q6_K:
    size = gguf.GGML_QUANT_SIZES[kind][1]
    raw = rng.integers(0, 256, (8, size)).astype(np.uint8)
    for at in (0, 2) if kind == Q.Q4_K else (size - 2,):  # finite numbers for scales
        raw[:, at : at + 2] = rng.standard_normal((8, 1)).astype(np.float16).view(np.uint8)
    name = f"bytes.{kind.name.lower()}"
    out[name], out[name + ".floats"] = raw, gguf.dequantize(raw, kind)

versions = {p: version(p) for p in ("mlx", "gguf", "numpy", "safetensors")}
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, f"{sys.argv[1]}/internal/quant/testdata/oracle.safetensors", versions)
print(len(out), "arrays", versions)
