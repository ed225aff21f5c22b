"""Records what NumPy and PyTorch compute for every op of mlxc's table.

    python scripts/oracles/ops.py ir/testdata/oracle

The evaluator is compared with these arrays; no test runs Python. Float operands
are numbers of the dtype that the case names, the results are computed from them
in float64. Where the libraries leave a result to the processor, as in
conversions out of range, the rule of mlxc is written out here once more.

A case is {"op", "attrs", "args", "want"}; a tensor is "dtype[shape]: numbers".
"""

import itertools
import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

np.seterr(all="ignore")
torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(7)

NUMPY = {"f64": np.float64, "f32": np.float32, "f16": np.float16, "bool": np.bool_}
NUMPY |= {f"{k}{w}": np.dtype(f"{n}{w}").type for k, n in [("i", "int"), ("u", "uint")] for w in (8, 16, 32, 64)}
INTS = [t for t in NUMPY if t[0] in "iu"]

cases = {}


def number(x):
    if isinstance(x, (bool, np.bool_)):
        return str(int(x))
    if isinstance(x, np.integer):
        return str(x)
    text = repr(float(x))
    return text[:-2] if text.endswith(".0") else text


def tensor(x, dtype):
    x = x.detach().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)
    shape = f"[{', '.join(map(str, x.shape))}]" if x.shape else ""
    return f"{dtype}{shape}: {' '.join(number(v) for v in x.flatten())}"


def f32(*shape):
    """Normal numbers that f32 holds with few digits."""
    return np.round(rng.standard_normal(shape) * 64) / 64


def case(kind, op, attrs, args, want):
    """args and want are (array, dtype) pairs; an array alone is f32."""
    pair = lambda a: a if isinstance(a, tuple) else (a, "f32")
    cases.setdefault(kind, []).append({
        "op": op, "attrs": attrs, "args": [tensor(*pair(a)) for a in args], "want": tensor(*pair(want)),
    })


def t(x):
    return torch.from_numpy(np.array(x, dtype=np.float64))


# --- elementwise ---------------------------------------------------------------

inf, nan = math.inf, math.nan
EDGES = np.array([nan, inf, -inf, 0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 2**-30, -(2**-30), 2**-140, 3.25, -3.25, 9, -9, 40, -40, 100, -100])
FEW = np.array([nan, inf, -inf, 0.0, -0.0, 1, -1, 0.5, -2.5, 3, -3, 7, 2.0**100])


def lift(f):
    """A function of Python's math module at each element; NaN where it is not defined."""
    def at(x):
        try:
            return f(x)
        except (ValueError, OverflowError):
            return nan
    return np.vectorize(at, otypes=[np.float64])


def unary():
    sigmoid = lambda x: torch.sigmoid(t(x)).numpy()
    functions = {
        "neg": np.negative, "abs": np.abs, "sign": np.sign, "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x),
        "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log1p": np.log1p,
        "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
        "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
        "erf": lift(math.erf), "erfc": lift(math.erfc), "erfinv": lambda x: torch.erfinv(t(x)).numpy(),
        "floor": np.floor, "ceil": np.ceil, "round": np.rint, "trunc": np.trunc,
        "relu": lambda x: torch.relu(t(x)).numpy(), "sigmoid": sigmoid, "softplus": lambda x: F.softplus(t(x), threshold=1000).numpy(),
    }
    for op, f in functions.items():
        case("elementwise", op, "", [EDGES], f(EDGES))
    # The libraries' own gelu cancels for negative numbers and makes NaN of inf.
    x = EDGES[~np.isinf(EDGES)]
    case("elementwise", "silu", "", [x], F.silu(t(x)))
    case("elementwise", "gelu", "", [x], x / 2 * lift(math.erfc)(-x / math.sqrt(2)))
    x = np.linspace(-0.5, 4, 19)
    case("elementwise", "gelu", "", [x], F.gelu(t(x)))
    case("elementwise", "gelu_tanh", "", [x], F.gelu(t(x), approximate="tanh"))
    case("elementwise", "gelu_quick", "", [x], x * sigmoid(1.702 * x))
    x = np.linspace(-4, 0, 17)
    wide = x.astype(np.longdouble)  # 64 bits, of which the sum with tanh loses a dozen
    wide = wide / 2 * (1 + np.tanh(np.sqrt(2 / np.longdouble(np.pi)) * (wide + np.longdouble(0.044715) * wide**3)))
    case("elementwise", "gelu_tanh", "", [x], wide.astype(np.float64))
    for op, f in {"isnan": np.isnan, "isinf": np.isinf}.items():
        case("elementwise", op, "", [EDGES], (f(EDGES), "bool"))


def integers(dtype):
    info = np.iinfo(NUMPY[dtype])
    return np.array(sorted({info.min, info.min + 1, info.max, 0, 1, 2, 3, 7, 8, 64} | ({-1, -2, -7} if info.min else set())), NUMPY[dtype])


def pairs(x):
    a, b = zip(*itertools.product(x, x))
    return np.array(a, x.dtype), np.array(b, x.dtype)


def binary():
    arithmetic = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "mod": np.mod, "maximum": np.maximum, "minimum": np.minimum}
    compare = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}
    bits = {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}
    a, b = pairs(FEW)
    for op, f in (arithmetic | {"div": np.divide, "pow": np.power}).items():
        case("elementwise", op, "", [a, b], f(a, b))
    for op, f in compare.items():
        case("elementwise", op, "", [a, b], (f(a, b), "bool"))
    case("elementwise", "leaky_relu", "", [EDGES, np.full_like(EDGES, 0.125)], F.leaky_relu(t(EDGES), 0.125))
    lo, hi = np.full_like(EDGES, -1.25), np.full_like(EDGES, 2)
    case("elementwise", "clip", "", [EDGES, lo, hi], torch.clamp(t(EDGES), -1.25, 2))
    case("elementwise", "where", "", [(np.isfinite(EDGES), "bool"), EDGES, hi], np.where(np.isfinite(EDGES), EDGES, hi))

    two = np.array([False, True])
    a, b = pairs(two)
    for op, f in {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor, "eq": np.equal, "ne": np.not_equal}.items():
        case("elementwise", op, "", [(a, "bool"), (b, "bool")], (f(a, b), "bool"))
    case("elementwise", "not", "", [(two, "bool")], (~two, "bool"))

    for d in ["i8", "u8", "i32", "i64", "u64"]:
        x = integers(d)
        a, b = pairs(x)
        both = [(a, d), (b, d)]
        for op, f in (arithmetic | bits | {"div": np.floor_divide}).items():
            case("elementwise", op, "", both, (f(a, b), d))
        for op in ("lt", "ge"):
            case("elementwise", op, "", both, (compare[op](a, b), "bool"))
        for op, f in {"neg": np.negative, "abs": np.abs, "sign": np.sign, "not": np.invert}.items():
            case("elementwise", op, "", [(x, d)], (f(x), d))
        case("elementwise", "popcount", "", [(x, d)], (np.bitwise_count(x.view(f"u{x.itemsize}")).astype(NUMPY[d]), d))
        case("elementwise", "relu", "", [(x, d)], (np.maximum(x, NUMPY[d](0)), d))
        count = np.array([0, 1, 3, 7, 8, 63, 64], NUMPY[d])
        a, b = np.repeat(x, len(count)), np.tile(count, len(x))
        for op, f in {"shl": np.left_shift, "shr": np.right_shift, "pow": np.power}.items():
            case("elementwise", op, "", [(a, d), (b, d)], (f(a, b), d))


def convert(x, to):
    """A float to an integer truncates and saturates, NaN gives 0."""
    if to == "bool":
        return np.array([v != 0 for v in x])
    info = np.iinfo(NUMPY[to])
    return np.array([0 if v != v else min(max(int(v) if math.isfinite(v) else int(math.copysign(2**70, v)), info.min), info.max) for v in x], NUMPY[to])


def cast():
    x = np.array([nan, inf, -inf, 0.0, -0.0, 0.75, -0.75, 1.5, -1.5, 127.5, 128, -128.5, -129, 255.9, 256, 2**31, -(2**31), 2**32, 2**63, -(2**63), 2**64, 2.0**100], np.float64)
    for d in INTS + ["bool"]:
        case("elementwise", "cast", f"dtype={d}", [x], (convert(x, d), d))
    # Ties of f16 and bf16, their largest numbers and what rounds to infinity.
    x = np.array([nan, inf, -inf, -0.0, 1, 1 + 2**-11, 1 + 3 * 2**-11, 1 + 2**-9, 1 + 3 * 2**-9, 65504, 65519, 65520, 2**-24, 2**-25, 3 * 2**-26, 1e38, 3.4e38])
    x = x.astype(np.float32).astype(np.float64)
    case("elementwise", "cast", "dtype=f16", [x], (x.astype(np.float16), "f16"))
    case("elementwise", "cast", "dtype=bf16", [x], (torch.from_numpy(x).to(torch.bfloat16).double(), "bf16"))
    x = np.array([0.1, 1 / 3, 1 + 2**-24, 1 + 3 * 2**-24, 1e300])
    case("elementwise", "cast", "dtype=f32", [(x, "f64")], x.astype(np.float32))
    for d in ["i64", "u64"]:  # the last number is rounded twice on the way over float64
        x = np.array([0, 1, 2**24 + 1, 2**24 + 3, 2**53 + 2**29 + 1, np.iinfo(NUMPY[d]).max], NUMPY[d])
        case("elementwise", "cast", "dtype=f32", [(x, d)], x.astype(np.float32))
        case("elementwise", "cast", "dtype=f64", [(x, d)], (x.astype(np.float64), "f64"))
        for to in ["i8", "u32", "bool"]:
            case("elementwise", "cast", f"dtype={to}", [(x, d)], (x.astype(NUMPY[to]), to))
    x = np.array([False, True])
    case("elementwise", "cast", "dtype=f32", [(x, "bool")], x.astype(np.float32))


# --- sources, views, gather ----------------------------------------------------


def moves():
    case("source", "const", "value=0.1, dtype=f32, shape=[2, 3]", [], np.full((2, 3), np.float32(0.1)))
    case("source", "const", "value=-3, dtype=i8, shape=[]", [], (np.array(-3, np.int8), "i8"))
    case("source", "iota", "dtype=i32, shape=[2, 3, 2], axis=1", [], (np.indices((2, 3, 2))[1].astype(np.int32), "i32"))
    case("source", "iota", "dtype=f32, shape=[4], axis=0", [], np.arange(4))

    x = f32(2, 3, 4)
    case("view", "reshape", "shape=[4, 3, 2]", [x], x.reshape(4, 3, 2))
    y = f32(1, 1)
    case("view", "reshape", "shape=[]", [y], y.reshape(()))
    case("view", "transpose", "perm=[2, 0, 1]", [x], x.transpose(2, 0, 1))
    case("view", "transpose", "perm=[0, 2, 1]", [(x > 0, "bool")], ((x > 0).transpose(0, 2, 1), "bool"))
    y = f32(3, 1)
    case("view", "broadcast", "shape=[2, 3, 4]", [y], np.broadcast_to(y, (2, 3, 4)))
    case("view", "broadcast", "shape=[0, 3, 4]", [y], np.broadcast_to(y, (0, 3, 4)))
    case("view", "slice", "start=[0, 1, 3], step=[1, 2, 1], size=[2, 1, 1]", [x], x[0:2, 1:2:2, 3:4])
    case("view", "slice", "start=[1, 0, 0], step=[1, 2, 3], size=[1, 2, 2]", [x], x[1:2, ::2, ::3])
    case("view", "slice", "start=[0, 0, 0], step=[1, 1, 1], size=[2, 0, 4]", [x], x[:, :0])
    case("view", "pad", "lo=[1, 0, 2], hi=[0, 1, 3], value=-1.5", [x], np.pad(x, [(1, 0), (0, 1), (2, 3)], constant_values=-1.5))
    y = np.arange(4, dtype=np.int32)
    case("view", "pad", "lo=[1], hi=[2], value=9", [(y, "i32")], (np.pad(y, (1, 2), constant_values=9), "i32"))
    y, z = f32(2, 1, 4), f32(2, 0, 4)
    case("view", "concat", "axis=1", [x, y, z, x], np.concatenate([x, y, z, x], 1))
    case("view", "concat", "axis=0", [x], x)

    i = np.array([[0, 3], [-1, 99]], np.int32)  # out of range: clamped
    case("gather", "take", "axis=2", [x, (i, "i32")], np.take(x, i, axis=2, mode="clip"))
    case("gather", "take", "axis=0", [x, (np.array(1, np.int64), "i64")], np.take(x, 1, axis=0))
    i = np.array([0, 2, 2**64 - 1], np.uint64)
    case("gather", "take", "axis=1", [x, (i, "u64")], x[:, [0, 2, 2]])
    table, i = f32(5, 3), np.array([4, 0, 4], np.uint8)
    case("gather", "take", "axis=0", [table, (i, "u8")], F.embedding(torch.from_numpy(i.astype(np.int64)), t(table)))


# --- reductions, windows, products ---------------------------------------------


def reductions():
    functions = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min, "mean": np.mean, "var": np.var}
    x, special = f32(3, 4, 2), np.array([[1, nan, 3], [-inf, 2, inf], [-inf, -inf, -inf], [-0.0, -0.0, -0.0]])
    ints = {d: np.array([[100, 100, 100], [7, 3, 120]], NUMPY[d]) for d in ["i8", "u8", "i64"]}
    for op, f in functions.items():
        for axes, keep in [((0,), False), ((0, 2), True), ((0, 1, 2), False)]:
            case("reduce", op, f"axes={list(axes)}, keep={str(keep).lower()}", [x], f(x, axis=axes, keepdims=keep))
        case("reduce", op, "axes=[1], keep=false", [special], f(special, axis=1))
        if op in ("sum", "prod", "mean", "var"):
            case("reduce", op, "axes=[1], keep=true", [np.zeros((2, 0))], f(np.zeros((2, 0)), axis=1, keepdims=True))
        case("reduce", op, "axes=[1], keep=false", [np.zeros((0, 2))], f(np.zeros((0, 2)), axis=1))
        if op not in ("mean", "var"):
            for d, v in ints.items():
                extra = {} if op in ("max", "min") else {"dtype": NUMPY[d]}
                case("reduce", op, "axes=[1], keep=false", [(v, d)], (f(v, axis=1, **extra), d))
    b = np.array([[0, 0, 0], [0, 1, 0], [1, 1, 1]], bool)
    for op, f in {"any": np.any, "all": np.all}.items():
        case("reduce", op, "axes=[1], keep=false", [(b, "bool")], (f(b, axis=1), "bool"))
        case("reduce", op, "axes=[0], keep=true", [(b[:0], "bool")], (f(b[:0], axis=0, keepdims=True), "bool"))
    ties = np.array([[1, 5, 5, 2], [1, nan, 9, nan], [nan, 9, nan, 0], [-inf, -inf, -inf, -inf], [3, 1, 1, 3]])
    for op, f in {"argmax": np.argmax, "argmin": np.argmin}.items():
        case("reduce", op, "axis=1, keep=false", [ties], (f(ties, axis=1).astype(np.int32), "i32"))
        case("reduce", op, "axis=1, keep=true", [x], (f(x, axis=1, keepdims=True).astype(np.int32), "i32"))
        v = np.array([[200, 3, 250, 250, 3]], np.uint8)
        case("reduce", op, "axis=1, keep=false", [(v, "u8")], (f(v, axis=1).astype(np.int32), "i32"))


def first(x):
    """Channels last to channels first."""
    return torch.movedim(t(x), -1, 1)


def last(x):
    return torch.movedim(x, 1, -1)


def windows():
    x = f32(2, 5, 6, 3)
    for size, stride, pad in [((2, 2), (2, 2), (0, 0)), ((3, 2), (2, 1), (1, 1)), ((1, 1), (1, 2), (0, 0))]:
        attrs = f"size={list(size)}, stride={list(stride)}, pad={list(pad)}"
        case("window", "max_pool", attrs, [x], last(F.max_pool2d(first(x), size, stride, pad)))
        case("window", "avg_pool", attrs, [x], last(F.avg_pool2d(first(x), size, stride, pad)))
    y = np.array([-3, nan, -1, -5, -inf, -inf, 4, inf]).reshape(1, 8, 1)
    case("window", "max_pool", "size=[2], stride=[2], pad=[1]", [y], last(F.max_pool1d(first(y), 2, 2, 1)))
    y = f32(1, 7, 2)
    case("window", "avg_pool", "size=[3], stride=[2], pad=[1]", [y], last(F.avg_pool1d(first(y), 3, 2, 1)))
    y = f32(1, 3, 4, 3, 1)
    case("window", "max_pool", "size=[2, 2, 2], stride=[1, 2, 1], pad=[0, 1, 0]", [y], last(F.max_pool3d(first(y), 2, (1, 2, 1), (0, 1, 0))))


def contractions():
    for a, b in [((3, 4), (4, 2)), ((2, 3, 4), (4, 2)), ((2, 1, 3, 4), (5, 4, 2)), ((3, 0), (0, 2)), ((0, 3), (3, 2))]:
        a, b = f32(*a), f32(*b)
        case("contract", "matmul", "acc=f32", [a, b], t(a) @ t(b))
    a, b = rng.integers(-128, 128, (2, 5)).astype(np.int8), rng.integers(-128, 128, (5, 3)).astype(np.int8)
    case("contract", "matmul", "acc=i8", [(a, "i8"), (b, "i8")], (a @ b, "i8"))

    def conv(f, x, w, stride, pad, dilation, groups):
        attrs = f"stride={list(stride)}, pad={list(pad)}, dilation={list(dilation)}, groups={groups}, acc=f32"
        case("contract", "conv", attrs, [x, w], last(f(first(x), first(w), None, stride, pad, dilation, groups)))

    conv(F.conv2d, f32(2, 5, 6, 3), f32(4, 3, 2, 3), (1, 1), (0, 0), (1, 1), 1)
    conv(F.conv2d, f32(1, 5, 6, 2), f32(3, 3, 3, 2), (2, 1), (1, 2), (1, 2), 1)
    conv(F.conv2d, f32(1, 4, 4, 4), f32(6, 2, 2, 2), (1, 2), (1, 0), (1, 1), 2)
    conv(F.conv2d, f32(1, 4, 4, 3), f32(3, 3, 3, 1), (1, 1), (1, 1), (1, 1), 3)
    conv(F.conv1d, f32(2, 9, 2), f32(3, 4, 2), (3,), (2,), (2,), 1)
    conv(F.conv3d, f32(1, 3, 3, 4, 1), f32(2, 2, 1, 3, 1), (1, 1, 1), (0, 0, 1), (1, 1, 1), 1)


def composites():
    x = f32(3, 5) * 8
    hard = np.array([[1000, 1000, 999], [-1000, 0, -1000], [-inf, 0, 1], [-inf, -inf, -inf], [nan, 0, 1], [inf, 0, 1]])
    for op, f in {"softmax": F.softmax, "log_softmax": F.log_softmax}.items():
        case("composite", op, "axis=1, acc=f32", [x], f(t(x), 1))
        case("composite", op, "axis=0, acc=invalid", [x], f(t(x), 0))
        case("composite", op, "axis=1, acc=f32", [hard], f(t(hard), 1))
        case("composite", op, "axis=1, acc=f32", [np.zeros((0, 3))], np.zeros((0, 3)))
    x, w, b = f32(2, 3, 4), f32(4), f32(4)
    case("composite", "layer_norm", "eps=1.52587890625e-05, acc=f32", [x, w, b], F.layer_norm(t(x), (4,), t(w), t(b), 2**-16))
    case("composite", "layer_norm", "eps=0.0009765625, acc=f32", [x * 0 + 3, w, b], F.layer_norm(t(x * 0 + 3), (4,), t(w), t(b), 2**-10))
    case("composite", "rms_norm", "eps=1.52587890625e-05, acc=f32", [x, w], F.rms_norm(t(x), (4,), t(w), 2**-16))
    mean, var = f32(4), f32(4) ** 2
    want = last(F.batch_norm(first(x), t(mean), t(var), t(w), t(b), eps=2**-16))
    case("composite", "batch_norm", "eps=1.52587890625e-05, acc=f32", [x, w, b, mean, var], want)
    x, w, b = f32(2, 3, 2, 6), f32(6), f32(6)
    for groups in (1, 3):
        case("composite", "group_norm", f"groups={groups}, eps=1.52587890625e-05, acc=f32", [x, w, b], last(F.group_norm(first(x), groups, t(w), t(b), 2**-16)))


def attention():
    def record(q, k, v, attrs, seen=None, mask=None, scale=0.5, dtype="f32"):
        """seen is bool [T, S]; mask is (array, dtype) as it is handed over."""
        bias = torch.zeros(q.shape[0], q.shape[1], q.shape[2], k.shape[2])
        if seen is not None:
            bias = bias.masked_fill(~seen, -inf)
        if mask is not None:
            m = torch.from_numpy(np.asarray(mask[0]))
            bias = bias.masked_fill(~m, -inf) if m.dtype == torch.bool else bias + m
        want = F.scaled_dot_product_attention(t(q), t(k), t(v), attn_mask=bias, scale=scale, enable_gqa=True)
        want[torch.isneginf(bias).all(-1)] = 0
        args = [(a, dtype) for a in (q, k, v)] + ([mask] if mask else [])
        case("composite", "attention", f"scale={scale}, {attrs}", args, (want, dtype))

    def causal(queries, keys):
        return torch.arange(keys) <= torch.arange(queries)[:, None] + keys - queries

    record(f32(2, 2, 3, 4), f32(2, 2, 5, 4), f32(2, 2, 5, 3), "causal=false, acc=f32")
    record(f32(1, 4, 3, 4), f32(1, 2, 3, 4), f32(1, 2, 3, 4), "causal=true, acc=f32", causal(3, 3))
    record(f32(1, 6, 2, 4), f32(1, 2, 5, 4), f32(1, 2, 5, 2), "causal=true, acc=invalid", causal(2, 5), scale=0.25)
    record(f32(1, 1, 5, 2), f32(1, 1, 3, 2), f32(1, 1, 3, 2), "causal=true, acc=f32", causal(5, 3))
    keep = np.array([[True, False, True, False], [False, False, False, False], [True, True, True, True]])
    record(f32(2, 2, 3, 4), f32(2, 1, 4, 4), f32(2, 1, 4, 4), "causal=false, acc=f32", mask=(keep, "bool"))
    record(f32(2, 2, 3, 4), f32(2, 1, 4, 4), f32(2, 1, 4, 4), "causal=true, acc=f32", causal(3, 4), (keep[:1], "bool"))
    add = f32(2, 1, 1, 4)
    add[0, 0, 0, :3], add[1] = -inf, -inf
    record(f32(2, 2, 3, 4), f32(2, 2, 4, 4), f32(2, 2, 4, 4), "causal=false, acc=f32", mask=(add, "f32"))
    record(f32(1, 2, 3, 5), f32(1, 2, 3, 5), f32(1, 2, 3, 5), "causal=true, acc=f64", causal(3, 3), dtype="f64")


def rope():
    def frequencies(d, theta, factor=1.0, low=1.0, high=4.0, context=0):
        f = 1.0 / theta ** (torch.arange(0, d, 2) / d)
        if context == 0:
            return f / factor
        out = []  # as transformers does it, by wavelength
        for v in f.tolist():
            wavelength = 2 * math.pi / v
            smooth = (context / wavelength - low) / (high - low)
            if wavelength < context / high:
                out.append(v)
            elif wavelength > context / low:
                out.append(v / factor)
            else:
                out.append((1 - smooth) * v / factor + smooth * v)
        return torch.tensor(out)

    def record(x, positions, attrs, operand=None, dtype="f32", interleaved=False, theta=65536, **scaling):
        angle = t(positions)[..., None] * frequencies(x.shape[-1], theta, **scaling)
        if angle.dim() == 3:
            angle = angle.reshape(angle.shape[0], *[1] * (x.ndim - 3), *angle.shape[1:])
        if interleaved:  # complex numbers
            pairs = torch.view_as_complex(t(x).reshape(*x.shape[:-1], -1, 2).contiguous())
            want = torch.view_as_real(pairs * torch.polar(torch.ones_like(angle), angle)).flatten(-2)
        else:  # x*cos + rotate_half(x)*sin
            two = torch.cat([angle, angle], -1)
            a, b = t(x).chunk(2, -1)
            want = t(x) * two.cos() + torch.cat([-b, a], -1) * two.sin()
        s = {"factor": 1, "low": 1, "high": 4, "context": 0} | scaling
        attrs = f"{attrs}, theta={theta}, interleaved={str(interleaved).lower()}, factor={s['factor']}, low={s['low']}, high={s['high']}, context={s['context']}, acc={dtype}"
        case("composite", "rope", attrs, [(x, dtype)] + ([operand] if operand else []), (want, dtype))

    at = np.arange
    for interleaved in (False, True):
        record(f32(1, 2, 3, 8), at(3), "pos=0", interleaved=interleaved)
        record(f32(3, 8), at(7, 10), "pos=7", interleaved=interleaved)
        record(f32(2, 2, 6), at(20, 22), "pos=20", dtype="f64", theta=10000, interleaved=interleaved)
    record(f32(2, 1, 2, 4), at(5, 7), "pos=0", (np.array(5, np.int32), "i32"))
    record(f32(2, 1, 3, 4), np.array([9, 0, 2]), "pos=0", (np.array([9, 0, 2], np.int32), "i32"))
    p = np.array([[4, 5], [0, 9]], np.int64)
    record(f32(2, 3, 2, 4), p, "pos=0", (p, "i64"), interleaved=True)
    record(f32(2, 2, 4), p, "pos=0", (p, "i64"))
    record(f32(2, 16), at(60, 62), "pos=60", dtype="f64", theta=10000, factor=4.0)
    record(f32(2, 64), at(50, 52), "pos=50", dtype="f64", theta=500000, factor=8.0, low=1, high=4, context=8192)
    record(f32(2, 8), at(40, 42), "pos=40", factor=4)


def losses():
    x, labels = f32(2, 3, 5) * 8, np.array([[0, 4, 2], [1, -100, 3]], np.int32)
    flat = lambda x, l: F.cross_entropy(t(x).reshape(-1, x.shape[-1]), torch.from_numpy(l.astype(np.int64)).reshape(-1), reduction="none").reshape(l.shape)
    case("composite", "cross_entropy", "acc=f32", [x, (labels, "i32")], flat(x, labels))
    hard = np.array([[1000, 0, -1000], [-inf, 0, 1], [-inf, 0, 1], [nan, 0, 1]])
    labels = np.array([0, 1, 0, 2], np.uint8)
    case("composite", "cross_entropy", "acc=invalid", [hard, (labels, "u8")], flat(hard, labels))
    x, labels = f32(3), np.array(2, np.int64)
    case("composite", "cross_entropy", "acc=f64", [(x, "f64"), (labels, "i64")], (flat(x, labels), "f64"))
    wide, labels = f32(2, 300), np.array([3, 3 + 256], np.uint16)  # no label is taken for one 256 further
    case("composite", "cross_entropy", "acc=f32", [wide[:1], (np.array([3], np.uint8), "u8")], flat(wide[:1], labels[:1]))
    case("composite", "cross_entropy", "acc=f32", [np.zeros((0, 3)), (np.zeros(0, np.int32), "i32")], np.zeros(0))


def updates():
    x, y = f32(2, 3, 4), f32(2, 2, 4)
    for start in (0, 1):
        want = x.copy()
        want[:, start : start + 2] = y
        case("view", "update", f"axis=1, start={start}", [x, y], want)
    case("view", "update", "axis=0, start=2", [x, np.zeros((0, 3, 4))], x)


def winograd():
    for x, w, pad in [((2, 5, 6, 3), (4, 3, 3, 3), [1, 1]), ((1, 3, 7, 2), (3, 3, 3, 2), [0, 2]), ((1, 4, 4, 1), (2, 3, 3, 1), [0, 0]), ((1, 4, 5, 9), (8, 3, 3, 9), [1, 0])]:
        x, w = f32(*x), f32(*w)
        case("composite", "conv_winograd", f"pad={pad}, acc=f32", [x, w], last(F.conv2d(first(x), first(w), padding=pad)))


def transposed():
    def record(f, x, w, stride, pad, dilation, out, groups):
        """PyTorch's kernels are [I, O/groups, ...K]."""
        x, w = f32(*x), f32(*w)  # w is [O, ...K, I/groups]
        o, k, i = w.shape[0], w.shape[1:-1], w.shape[-1]
        theirs = np.concatenate([np.moveaxis(g, -1, 0) for g in np.split(w, groups)], 0)
        attrs = f"stride={list(stride)}, pad={list(pad)}, dilation={list(dilation)}, outPad={list(out)}, groups={groups}, acc=f32"
        want = f(first(x), t(theirs), None, stride, pad, out, groups, dilation)
        case("composite", "conv_transpose", attrs, [x, w], last(want))

    record(F.conv_transpose2d, (2, 3, 4, 3), (4, 3, 2, 3), (1, 1), (0, 0), (1, 1), (0, 0), 1)
    record(F.conv_transpose2d, (1, 3, 4, 2), (3, 4, 3, 2), (2, 3), (1, 0), (1, 1), (1, 2), 1)
    record(F.conv_transpose2d, (1, 4, 3, 4), (6, 2, 3, 2), (2, 1), (3, 2), (1, 2), (0, 1), 2)
    record(F.conv_transpose1d, (2, 5, 2), (3, 4, 2), (3,), (2,), (2,), (0,), 1)
    record(F.conv_transpose1d, (1, 1, 9), (8, 2, 9), (2,), (0,), (1,), (0,), 1)


def flips():
    x = f32(2, 3, 4)
    for axes in ([0], [2], [0, 1]):
        case("view", "flip", f"axes={axes}", [x], np.flip(x, axes))
    case("view", "flip", "axes=[1]", [np.zeros((2, 0))], np.zeros((2, 0)))


def scans():
    """What NumPy accumulates, also from the end and without an element itself."""
    def scan(x, axis, exclusive, reverse, f, first):
        x = np.moveaxis(x, axis, 0)
        x = x[::-1] if reverse else x
        y = f(x, axis=0, dtype=x.dtype)
        if exclusive:
            y = np.concatenate([np.full_like(y[:1], first), y[:-1]])
        return np.moveaxis(y[::-1] if reverse else y, 0, axis)

    special = np.array([[1, nan, 3, 4], [-inf, 2, inf, 1], [0.5, inf, 1, 2], [-0.0, -0.0, 2, -2]])
    ints = {"i8": np.array([[100, 100, 100], [7, 3, 120]]), "u8": np.array([[200, 3, 250, 250, 3]]), "i64": np.array([[2**62, 2**62, 5]])}
    for op, f, first in [("cumsum", np.cumsum, 0), ("cumprod", np.cumprod, 1)]:
        for exclusive, reverse in itertools.product((False, True), repeat=2):
            attrs = lambda axis: f"axis={axis}, exclusive={str(exclusive).lower()}, reverse={str(reverse).lower()}"
            near = lambda *shape: 1 + f32(*shape) / 16 if op == "cumprod" else f32(*shape)
            long = [((260, 1), 0)] if exclusive == reverse else []  # blocks of blocks
            for shape, axis in [((3, 4, 2), 1), ((2, 37), 1), ((1, 4), 0), ((0, 3), 0), ((3, 0), 1)] + long:
                x = near(*shape)
                case("scan", op, attrs(axis), [x], scan(x, axis, exclusive, reverse, f, first))
            case("scan", op, attrs(1), [special], scan(special, 1, exclusive, reverse, f, first))
            for d, v in ints.items():
                v = v.astype(NUMPY[d])
                case("scan", op, attrs(1), [(v, d)], (scan(v, 1, exclusive, reverse, f, first), d))


def sorts():
    """PyTorch's stable sort, in which NaN is the largest."""
    rows = np.array([[1, 5, 5, 2, nan, -1], [1, nan, 9, nan, -inf, inf], [-0.0, 0.0, -0.0, 0.0, -inf, -inf], [nan] * 6, [inf, nan, inf, -inf, nan, 3]])
    floats = [(rows, 1), (rows, 0), (f32(3, 4, 2), 1), (np.round(f32(2, 37) * 4), 1), (np.round(f32(67, 2) * 4), 0), (f32(1, 3), 0), (np.zeros((0, 3)), 0), (np.zeros((3, 0)), 1), (np.zeros((3, 0)), 0)]
    ints = [(np.array([[3, -128, 127, 3, 0, -128, 127]]), "i8"), (np.array([[200, 0, 255, 0, 255, 7]]), "u8"), (np.array([[2**63 - 1, -(2**63), 0, 2**63 - 1, -(2**63)]]), "i64")]
    both = [(x, axis, "f32") for x, axis in floats] + [(v.astype(NUMPY[d]), 1, d) for v, d in ints]
    for (x, axis, d), descending in itertools.product(both, (False, True)):
        values, order = torch.sort(torch.from_numpy(x), dim=axis, descending=descending, stable=True)
        attrs = f"axis={axis}, descending={str(descending).lower()}"
        case("sort", "sort", attrs, [(x, d)], (values, d))
        case("sort", "argsort", attrs, [(x, d)], (order, "i32"))
        for k in sorted({1, 3, x.shape[axis]}):
            if descending and 0 < k <= x.shape[axis]:  # torch.topk leaves the order of equal ones open
                top = [torch.narrow(y, axis, 0, k) for y in (values, order)]
                case("sort", "topk", f"axis={axis}, k={k}", [(x, d)], (top[0], d))
                case("sort", "argtopk", f"axis={axis}, k={k}", [(x, d)], (top[1], "i32"))
    x = np.sort(f32(2, 8).reshape(2, 2, 4), -1).reshape(2, 8)
    for count in (8, 3):
        case("sort", "merge", f"axis=1, count={count}, descending=false", [x], (np.argsort(x, 1, kind="stable")[:, :count].astype(np.int32), "i32"))


def gathers():
    x, i = f32(3, 4, 2), rng.integers(0, 4, (3, 5, 2))
    case("gather", "gather", "axis=1", [x, (i, "i64")], np.take_along_axis(x, i, 1))
    i = np.array([[-7, 1, 250], [2, 9, 0]], np.int32)
    x = f32(2, 3)
    case("gather", "gather", "axis=1", [x, (i, "i32")], np.take_along_axis(x, np.clip(i, 0, 2), 1))


def scatters():
    """Indices out of range, which both libraries refuse, go to margins that are cut off."""
    for axis, shape, m, d in ((1, (3, 4, 2), 5, "f32"), (0, (6,), 9, "i32"), (1, (2, 3), 1, "f16"), (0, (3, 2), 0, "f32")):
        x, y = f32(*shape), f32(*shape[:axis], m, *shape[axis + 1:])
        if d == "i32":
            x, y = (64 * x).astype(np.int32), (64 * y).astype(np.int32)
        i = rng.integers(-2, shape[axis] + 2, y.shape)
        wide = np.pad(x, [(2, 2) if a == axis else (0, 0) for a in range(x.ndim)])
        inside = lambda z: np.take(z, range(2, 2 + shape[axis]), axis)
        last = wide.copy()
        np.put_along_axis(last, i + 2, y, axis)
        total = torch.from_numpy(wide).scatter_add(axis, torch.from_numpy(i + 2), torch.from_numpy(y)).numpy()
        for t in ("i64", "i32"):
            case("scatter", "scatter", f"axis={axis}", [(x, d), (i, t), (y, d)], (inside(last), d))
            case("scatter", "scatter_add", f"axis={axis}", [(x, d), (i, t), (y, d)], (inside(total), d))
    x, i, y = f32(4, 3), rng.permutation(4)[:3].reshape(3, 1).repeat(3, 1), f32(3, 3)
    want = torch.from_numpy(x).scatter(0, torch.from_numpy(i), torch.from_numpy(y))
    case("scatter", "scatter", "axis=0", [x, (i.astype(np.uint8), "u8"), y], want)


for record in (unary, binary, cast, moves, reductions, windows, contractions, composites, attention, rope, losses, updates, winograd, transposed, flips, scans, sorts, gathers, scatters):
    record()
versions = {"python": sys.version.split()[0], "numpy": np.__version__, "torch": torch.__version__}
for kind, list_ in cases.items():
    with open(f"{sys.argv[1]}/{kind}.json", "w") as f:
        f.write('{"made by": "scripts/oracles/ops.py", "versions": ' + json.dumps(versions) + ', "cases": [\n')
        f.write(",\n".join(json.dumps(c) for c in list_) + "\n]}\n")
