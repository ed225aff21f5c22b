"""Records what MLX and the package gguf make of quantised tensors.

    python scripts/oracles/quant.py .

ir/testdata/oracle/quant.json has a case of the op dequant for each format, as those of
ops.py. Planes are random bits, the scales small enough that f16 has them as subnormals,
too. MLX computes with scales that are widened to f32, as mlxc does. The cases of the op
quantize are the planes of one f16 matrix, whose scales MLX makes in f16, and the words of one
of f32, half of whose elements are between two levels: which is theirs, f32's roundings say.
testdata/quantised has whole matrices as files keep them.
"""

import importlib.metadata as metadata
import json
import os
import sys

import gguf
import mlx.core as mx
import numpy as np
from safetensors.numpy import save_file

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
plain = (np.random.default_rng(12).standard_normal((2, 128)) * [[0.1], [30]]).astype(np.float16)
plain[0, 32:64] = 0.75  # one number, and one that is far from others
plain[1, 5] = -1000
quantized = [(f"q{bits}g{group}", i, (plain, "f16"), (a, "f16" if i else "u32"))
             for bits in (4, 8) for group in (32, 64, 128)
             for i, a in enumerate(map(np.array, mx.quantize(mx.array(plain), group_size=group, bits=bits)))]
between = (np.minimum(np.arange(32), 30) / 2 * [[0.1], [-0.3]]).astype(np.float32)
quantized.append(("q4g32", 0, (between, "f32"), (np.array(mx.quantize(mx.array(between), group_size=32, bits=4)[0]), "u32")))

with open(os.path.join(root, "ir/testdata/oracle/quant.json"), "w") as f:
    made = {"made by": "scripts/oracles/quant.py", "versions": {p: metadata.version(p) for p in ("mlx", "gguf", "numpy")}}
    f.write(json.dumps(made)[:-1] + ', "cases": [\n')
    lines = [{"op": "dequant", "attrs": f"format={name}", "args": [tensor(*a) for a in args], "want": tensor(want, "f32")}
             for name, (args, want) in cases.items()]
    lines += [{"op": "quantize", "attrs": f"format={name}, plane={i}", "args": [tensor(*x)], "want": tensor(*want)}
              for name, i, x, want in quantized]
    f.write(",\n".join(map(json.dumps, lines)))
    f.write("\n]}\n")

# testdata/quantised: the planes that mx.quantize makes, with scales in f16, bf16 and f32, and
# a GGUF file with blocks, of matrices [24, 256]; and in want.safetensors the operand x, its
# products with the transposed matrices, and three of their rows.

out = os.path.join(root, "testdata/quantised")
os.makedirs(out, exist_ok=True)
x = rng.standard_normal((5, 256)).astype(np.float32)
rows = np.array([3, 0, 23])
file, want = {}, {"x": x}
for i, (bits, group) in enumerate((bits, group) for bits in (4, 8) for group in (32, 64, 128)):
    w = (rng.standard_normal((24, 256)) * 0.1).astype(np.float32)
    words, scales, biases = mx.quantize(mx.array(w), group_size=group, bits=bits)
    stored = [mx.float16, mx.bfloat16, mx.float32][i % 3]
    narrow = [a.astype(mx.bfloat16 if stored == mx.bfloat16 else mx.float16).astype(stored) for a in (scales, biases)]
    wide = [a.astype(mx.float32) for a in narrow]
    name = f"q{bits}g{group}"
    file |= {name + ".weight": words, name + ".scales": narrow[0], name + ".biases": narrow[1]}
    y = mx.quantized_matmul(mx.array(x), words, *wide, transpose=True, group_size=group, bits=bits)
    want |= {name: np.array(y), name + ".rows": np.array(mx.dequantize(words, *wide, group_size=group, bits=bits))[rows]}
mx.save_safetensors(os.path.join(out, "mlx.safetensors"), file)

writer = gguf.GGUFWriter(os.path.join(out, "blocks.gguf"), "llama")
for kind in (Q.Q4_0, Q.Q8_0, Q.Q4_K, Q.Q6_K):
    name = kind.name.lower()
    if kind in (Q.Q4_0, Q.Q8_0):
        b = gguf.quants.quantize((rng.standard_normal((24, 256)) * 0.1).astype(np.float32), kind)
    else:  # which the package does not quantise to
        size, halves = {Q.Q4_K: (144, [0, 2]), Q.Q6_K: (210, [208])}[kind]
        b = rng.integers(0, 256, (24, size), np.uint8)
        for at in halves:
            b[:, at : at + 2] = rng.uniform(1e-4, 2e-4, (24, 1)).astype(np.float16).view(np.uint8)
    writer.add_tensor(name + ".weight", b, raw_dtype=kind)
    w = gguf.quants.dequantize(b, kind)
    want |= {name: (x.astype(np.float64) @ w.T.astype(np.float64)).astype(np.float32), name + ".rows": w[rows]}
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
save_file(want, os.path.join(out, "want.safetensors"), {p: metadata.version(p) for p in ("mlx", "gguf", "numpy")})
