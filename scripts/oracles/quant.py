"""Records what MLX and the package gguf make of quantised tensors.

    python scripts/oracles/quant.py .

ir/testdata/oracle/quant.json has a case of the op dequant for each format, as those of
ops.py. Planes are random bits, the scales small enough that f16 has them as subnormals,
too. MLX computes with scales that are widened to f32, as mlxc does.
"""

import importlib.metadata as metadata
import json
import os
import sys

import gguf
import mlx.core as mx
import numpy as np

rng = np.random.default_rng(11)
root = sys.argv[1]


def tensor(x, dtype):
    numbers = " ".join(repr(float(v)).removesuffix(".0") if dtype[0] == "f" else str(v) for v in x.flatten())
    return f"{dtype}[{', '.join(map(str, x.shape))}]: {numbers}"


def affine(bits, group):
    words = rng.integers(0, 1 << 32, (2, 256 * bits // 32), np.uint32)
    scales = (rng.standard_normal((2, 256 // group)) * 2.0 ** rng.integers(-20, 3, (2, 256 // group))).astype(np.float16)
    biases = rng.standard_normal((2, 256 // group)).astype(np.float16)
    wide = [mx.array(a.astype(np.float32)) for a in (scales, biases)]
    want = np.array(mx.dequantize(mx.array(words), *wide, group_size=group, bits=bits))
    assert want.dtype == np.float32 and want.shape == (2, 256)
    return [(words, "u32"), (scales, "f16"), (biases, "f16")], want


def blocks(kind, size, halves):
    b = rng.integers(0, 256, (2, size), np.uint8)
    for row, scale in enumerate((1.5, -(2.0**-21))):  # the second is a subnormal
        for at in halves:
            b[row, at : at + 2] = np.array([scale * (at + 1)], np.float16).view(np.uint8)
    return [(b, "u8")], gguf.quants.dequantize(b, kind)


Q = gguf.GGMLQuantizationType
cases = {f"q{bits}g{group}": affine(bits, group) for bits in (4, 8) for group in (32, 64, 128)}
cases |= {
    "q4_0": blocks(Q.Q4_0, 18, [0]),
    "q8_0": blocks(Q.Q8_0, 34, [0]),
    "q4_k": blocks(Q.Q4_K, 144, [0, 2]),
    "q6_k": blocks(Q.Q6_K, 210, [208]),
}
with open(os.path.join(root, "ir/testdata/oracle/quant.json"), "w") as f:
    made = {"made by": "scripts/oracles/quant.py", "versions": {p: metadata.version(p) for p in ("mlx", "gguf", "numpy")}}
    f.write(json.dumps(made)[:-1] + ', "cases": [\n')
    f.write(",\n".join(json.dumps({"op": "dequant", "attrs": f"format={name}", "args": [tensor(*a) for a in args], "want": tensor(want, "f32")})
                       for name, (args, want) in cases.items()))
    f.write("\n]}\n")
