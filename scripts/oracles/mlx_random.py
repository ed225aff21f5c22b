"""Records random numbers of MLX.

    pip install "mlx[cpu]" numpy
    python scripts/oracles/mlx_random.py .

Bits go to ir/testdata/oracle/random.json, in the format of ops.py: MLX shows them as
the keys that a key is split into. What it makes of bits goes to
testdata/random/mlx.json: "dtype[shape]: numbers" by name, for the key and the sizes
that the test of the same names has.
"""

import json
import sys
from importlib.metadata import version

import mlx.core as mx
import numpy as np


def tensor(x):
    x = np.array(x)
    names = {"float32": "f32", "float16": "f16", "uint32": "u32", "bool": "bool", "int32": "i32"}
    numbers = " ".join(repr(float(v)) if x.dtype.kind == "f" else str(int(v)) for v in x.flatten())
    return f"{names[str(x.dtype)]}{list(x.shape)}: {numbers}"


def split(seed, n):
    key = mx.random.key(seed)
    return {"op": "threefry", "attrs": f"shape=[{n}, 2]", "args": [tensor(key)], "want": tensor(mx.random.split(key, n))}


made = {"made by": "scripts/oracles/mlx_random.py", "versions": {"mlx": version("mlx"), "numpy": np.__version__}}
bits = [split(seed, n) for seed in (0, 1, 2**32 - 1, 2**63 + 12345678901) for n in (1, 2, 3, 20)]
with open(f"{sys.argv[1]}/ir/testdata/oracle/random.json", "w") as f:
    f.write(json.dumps(made)[:-1] + ', "cases": [\n' + ",\n".join(json.dumps(c) for c in bits) + "\n]}\n")

key, other = mx.random.split(mx.random.key(42))
logits = mx.array(np.round(np.random.default_rng(3).standard_normal((5, 7)) * 64) / 64, mx.float32)
p = mx.array([0, 0.25, 0.5, 1], mx.float32)
uniform = lambda shape, t=mx.float32, low=0, high=1: mx.random.uniform(low, high, shape, t, key)
# Probabilities that numbers are equal to: MLX puts a probability a little higher.
edge = (mx.random.split(key, 8).reshape(-1).astype(mx.float32) / 2**32).astype(mx.float32)
# A key of a number near -1, where erfinv is steep: off the numbers of f32 there.
off = lambda u: 0.25 <= u * 2**25 % 1 <= 0.75
tail = next(k for k in map(mx.random.key, range(10**6)) if mx.random.normal([1], key=k).item() < -3.5 and off(mx.random.uniform(shape=[1], key=k).item()))
values = {
    "tail": tail, "normal_tail": mx.random.normal([1], key=tail),
    "key": key, "other": other, "logits": logits, "edge": edge,
    **{f"uniform{n}": uniform([n]) for n in (1, 2, 3, 7, 16, 33)},
    "uniform_rows": uniform([3, 5]),
    "uniform_range": uniform([15], low=-2, high=5),
    "uniform_f16": uniform([33], mx.float16),
    "uniform_bf16": uniform([33], mx.bfloat16).astype(mx.float32),
    "normal": mx.random.normal([501], key=key),
    "normal_f16": mx.random.normal([33], mx.float16, key=key),
    "dropout": mx.random.bernoulli(0.75, [5, 7], key) * logits * (1 / 0.75),  # as mlx.nn.Dropout has it
    "bernoulli": mx.random.bernoulli(p, [9, 4], key),
    "bernoulli_edge": mx.random.bernoulli(edge, [16], key),
    "categorical": mx.random.categorical(logits, -1, key=key).astype(mx.int32),
    "categorical_columns": mx.random.categorical(logits, 0, key=key).astype(mx.int32),
}
with open(f"{sys.argv[1]}/testdata/random/mlx.json", "w") as f:
    f.write(json.dumps(made)[:-1] + ', "values": {\n' + ",\n".join(f"{json.dumps(k)}: {json.dumps(tensor(v))}" for k, v in values.items()) + "\n}}\n")
