"""Writes small GGUF files with the package gguf, and what numpy has of them.

    python scripts/oracles/gguf_files.py .

runtime/testdata/gguf has plain.gguf, with a tensor of each type that is read;
aligned.gguf, whose data are aligned to 128 bytes; quantised.gguf; and tensors.json, which
lists their tensors row-major: type, shape, and the values of plain.gguf. Recorded with
the versions that tensors.json names.
"""

import importlib.metadata
import json
import os
import sys

import gguf
import numpy as np

out = os.path.join(sys.argv[1], "runtime", "testdata", "gguf")
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(5)
Q = gguf.GGMLQuantizationType
listed = {}


def writer(name):
    w = gguf.GGUFWriter(os.path.join(out, name), "llama")
    w.add_name("oracle")
    w.add_context_length(2048)
    w.add_rope_freq_base(10000.0)
    w.add_bool("oracle.flag", True)
    w.add_token_list(["<s>", "</s>", "ä"])
    w.add_token_scores([0.0, -1.5, 2.0])
    listed[name] = {}
    return w


def add(w, file, name, x, kind=None):
    w.add_tensor(name, x, raw_dtype=kind)
    listed[file][name] = {"type": kind.name if kind else None, "shape": list(x.shape), "values": None}


def finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


w = writer("plain.gguf")
for dtype in ["float32", "float16", "float64", "int8", "int16", "int32", "int64"]:
    x = (rng.integers(-100, 100, (2, 3, 5)) / (4 if dtype.startswith("f") else 1)).astype(dtype)
    add(w, "plain.gguf", dtype, x)
    listed["plain.gguf"][dtype]["values"] = [float(v) for v in x.flatten()]
x = (rng.integers(-100, 100, (3, 4)) / 4).astype(np.float32)
w.add_tensor("bfloat16", gguf.quantize(x, Q.BF16), raw_dtype=Q.BF16)
listed["plain.gguf"]["bfloat16"] = {"type": "BF16", "shape": [3, 4], "values": [float(v) for v in x.flatten()]}
add(w, "plain.gguf", "vector", np.arange(7, dtype=np.float32))
listed["plain.gguf"]["vector"]["values"] = [float(v) for v in range(7)]
finish(w)

w = writer("aligned.gguf")
w.add_custom_alignment(128)
for name, n in [("a", 3), ("b", 5)]:
    x = np.arange(n, dtype=np.float32)
    add(w, "aligned.gguf", name, x)
    listed["aligned.gguf"][name]["values"] = [float(v) for v in x]
finish(w)

w = writer("quantised.gguf")
for kind in [Q.Q4_0, Q.Q8_0, Q.Q4_K, Q.Q6_K, Q.IQ4_XS]:
    block, size = gguf.GGML_QUANT_SIZES[kind]
    shape = [2, 256]
    raw = rng.integers(0, 256, (2, 256 // block * size)).astype(np.uint8)
    w.add_tensor(kind.name, raw, raw_dtype=kind)
    listed["quantised.gguf"][kind.name] = {"type": kind.name, "shape": shape, "values": None}
w.add_tensor("norm", np.ones(4, np.float32))
listed["quantised.gguf"]["norm"] = {"type": None, "shape": [4], "values": [1.0] * 4}
finish(w)

versions = {"python": sys.version.split()[0], "numpy": np.__version__, "gguf": importlib.metadata.version("gguf")}
with open(os.path.join(out, "tensors.json"), "w") as f:
    json.dump({"versions": versions, "files": listed}, f, indent=None)
    f.write("\n")
