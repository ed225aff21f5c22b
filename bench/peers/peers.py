"""The peers' side of a comparison: times one case after another as it is asked to.

A request is a line of JSON on standard input, {"case", "peer", "threads"}, where a case may
be the path of an ONNX file, which comes with {"sizes"} of its dynamic axes and values of its
inputs of rank 0; the answer
is one of {"seconds"}, the mean of calls that take LEAST together, or {"error"}. A
request without a case is answered by {"peers", "versions"}: of each case those that
have it. Each case computes on random numbers what bench/models computes, in the
layout that the peer prefers, with weights known beforehand and, where the peer allows
it, results written to memory that is there already.
"""

import json
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
import threadpoolctl
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

LEAST = 0.05
rng = np.random.default_rng(1)


def numbers(*shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


def weights(*shape):
    return numbers(*shape) / np.float32(np.sqrt(np.prod(shape[1:])))


# numpy: products by the OpenBLAS that it brings.


def numpy_matmul(n):
    def make():
        x, w, y = numbers(n, n), numbers(n, n), np.empty((n, n), np.float32)
        return lambda: np.matmul(x, w, out=y)

    return make


def with_numpy(make, threads):
    run = make()

    def limited():
        with threadpoolctl.threadpool_limits(threads, "blas"):
            return timed(run)

    return limited


# torch, without gradients.


def torch_of(f, *shapes, channels_last=False):
    def make():
        args = [torch.from_numpy(weights(*s) if i else numbers(*s)) for i, s in enumerate(shapes)]
        if channels_last:
            args = [a.contiguous(memory_format=torch.channels_last) if a.dim() == 4 else a for a in args]
        return lambda: f(*args)

    return make


def torch_matmul(n):
    def make():
        x, w, y = torch.from_numpy(numbers(n, n)), torch.from_numpy(numbers(n, n)), torch.empty(n, n)
        return lambda: torch.matmul(x, w, out=y)

    return make


FIRES = [(64, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128), (256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256)]


def squeezenet_weights():
    """conv1, the three convolutions of each fire module, conv10, with biases."""
    shapes = [(64, 3, 3, 3)]
    for inputs, squeeze, out in FIRES:
        shapes += [(squeeze, inputs, 1, 1), (out, squeeze, 1, 1), (out, squeeze, 3, 3)]
    return [(weights(*s), weights(s[0])) for s in shapes + [(1000, 512, 1, 1)]]


def torch_squeezenet():
    last = torch.channels_last
    params = [(torch.from_numpy(w).contiguous(memory_format=last), torch.from_numpy(b)) for w, b in squeezenet_weights()]
    x = torch.from_numpy(numbers(1, 3, 224, 224)).contiguous(memory_format=last)

    def run():
        y = F.max_pool2d(F.relu(F.conv2d(x, *params[0], stride=2)), 3, 2, ceil_mode=True)
        for i in range(len(FIRES)):
            squeeze, one, three = params[1 + 3 * i : 4 + 3 * i]
            y = F.relu(F.conv2d(y, *squeeze))
            y = torch.cat([F.relu(F.conv2d(y, *one)), F.relu(F.conv2d(y, *three, padding=1))], 1)
            if i in (1, 3):
                y = F.max_pool2d(y, 3, 2, ceil_mode=True)
        return F.relu(F.conv2d(y, *params[-1])).mean((2, 3))

    return run


def with_torch(make, threads):
    torch.set_num_threads(threads)
    run = make()

    def limited():
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return timed(run)

    return limited


# ONNX Runtime, with results bound to memory.


def graph(nodes, inputs, params, out):
    """A model of opset 20; nodes are (op, inputs, output, attributes)."""
    return helper.make_model(
        helper.make_graph(
            [helper.make_node(op, ins, [o], **attrs) for op, ins, o, attrs in nodes],
            "case",
            [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in inputs.items()],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, out)],
            [numpy_helper.from_array(v, k) for k, v in params.items()],
        ),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=9,
    )


def onnx_matmul(n):
    return lambda: (graph([("MatMul", ["x", "w"], "y", {})], {"x": (n, n), "w": (n, n)}, {}, (n, n)))


def onnx_linear_gelu():
    return graph(
        [("MatMul", ["x", "w"], "p", {}), ("Add", ["p", "b"], "s", {}), ("Gelu", ["s"], "y", {})],
        {"x": (512, 1024)}, {"w": weights(4096, 1024).T.copy(), "b": numbers(4096)}, (512, 4096),
    )


def onnx_conv(k):
    return lambda: graph(
        [("Conv", ["x", "w", "b"], "y", {"pads": [k // 2] * 4})],
        {"x": (1, 320, 64, 64)}, {"w": weights(320, 320, k, k), "b": numbers(320)}, (1, 320, 64, 64),
    )


def onnx_softmax():
    return graph([("Softmax", ["x"], "y", {})], {"x": (4096, 4096)}, {}, (4096, 4096))


def onnx_layer_norm():
    return graph(
        [("LayerNormalization", ["x", "w", "b"], "y", {})],
        {"x": (4096, 4096)}, {"w": numbers(4096), "b": numbers(4096)}, (4096, 4096),
    )


def onnx_gelu_chain():
    return graph(
        [("Mul", ["x", "w"], "p", {}), ("Add", ["p", "b"], "s", {}), ("Gelu", ["s"], "y", {})],
        {"x": (4096, 4096)}, {"w": numbers(4096), "b": numbers(4096)}, (4096, 4096),
    )


def onnx_attention():
    """MultiHeadAttention of ONNX Runtime, which is its fused kernel."""
    shape = (1, 4096, 320)
    m = helper.make_model(
        helper.make_graph(
            [helper.make_node("MultiHeadAttention", ["q", "k", "v"], ["y"], domain="com.microsoft", num_heads=8)],
            "case",
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in "qkv"],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        ),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)],
        ir_version=9,
    )
    return m


def onnx_squeezenet():
    params, nodes = {}, []

    def conv(x, i, out, **attrs):
        nodes.append(("Conv", [x, f"w{i}", f"b{i}"], out + "_conv", attrs))
        nodes.append(("Relu", [out + "_conv"], out, {}))

    for i, (w, b) in enumerate(squeezenet_weights()):
        params[f"w{i}"], params[f"b{i}"] = w, b
    pool = {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}
    conv("x", 0, "r", strides=[2, 2])
    nodes.append(("MaxPool", ["r"], "t0", pool))
    last = "t0"
    for i in range(len(FIRES)):
        conv(last, 3 * i + 1, f"s{i}")
        conv(f"s{i}", 3 * i + 2, f"e{i}")
        conv(f"s{i}", 3 * i + 3, f"f{i}", pads=[1] * 4)
        nodes.append(("Concat", [f"e{i}", f"f{i}"], f"c{i}", {"axis": 1}))
        last = f"c{i}"
        if i in (1, 3):
            nodes.append(("MaxPool", [last], f"m{i}", pool))
            last = f"m{i}"
    conv(last, 25, "z")
    nodes.append(("GlobalAveragePool", ["z"], "y", {}))
    return graph(nodes, {"x": (1, 3, 224, 224)}, params, (1, 1000, 1, 1))


def onnx_session(model, threads):
    """A session of a file or its bytes, which says nothing but errors."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def with_onnxruntime(make, threads):
    model = make()
    session = onnx_session(model.SerializeToString(), threads)
    binding = session.io_binding()
    for i in session.get_inputs():
        binding.bind_ortvalue_input(i.name, ort.OrtValue.ortvalue_from_numpy(numbers(*i.shape)))
    for o in session.get_outputs():
        binding.bind_ortvalue_output(o.name, ort.OrtValue.ortvalue_from_shape_and_type(o.shape, np.float32))
    return lambda: timed(lambda: session.run_with_iobinding(binding))


DTYPES = {
    "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(int64)": np.int64,
    "tensor(int32)": np.int32, "tensor(uint8)": np.uint8, "tensor(bool)": np.bool_,
}


def file_with_onnxruntime(path, sizes, threads):
    session = onnx_session(path, threads)
    binding = session.io_binding()
    for i in session.get_inputs():
        if i.name in sizes:
            a = np.array(sizes[i.name], DTYPES[i.type])
        else:
            shape = [d if isinstance(d, int) else sizes[d or f"{i.name}_{k}"] for k, d in enumerate(i.shape)]
            kind = DTYPES[i.type]
            a = numbers(*shape).astype(kind) if np.issubdtype(kind, np.floating) else np.zeros(shape, kind)
        binding.bind_ortvalue_input(i.name, ort.OrtValue.ortvalue_from_numpy(a))
    for o in session.get_outputs():
        binding.bind_output(o.name)
    return lambda: timed(lambda: session.run_with_iobinding(binding))


PEERS = {"numpy": with_numpy, "torch": with_torch, "onnxruntime": with_onnxruntime}

wide = (4096, 4096)
CASES = {
    "sgemm1024": {"numpy": numpy_matmul(1024), "torch": torch_matmul(1024), "onnxruntime": onnx_matmul(1024)},
    "sgemm2048": {"numpy": numpy_matmul(2048), "torch": torch_matmul(2048), "onnxruntime": onnx_matmul(2048)},
    "linear_gelu": {
        "torch": torch_of(lambda x, w, b: F.gelu(F.linear(x, w, b)), (512, 1024), (4096, 1024), (4096,)),
        "onnxruntime": onnx_linear_gelu,
    },
    "conv3x3": {
        "torch": torch_of(lambda x, w, b: F.conv2d(x, w, b, padding=1), (1, 320, 64, 64), (320, 320, 3, 3), (320,), channels_last=True),
        "onnxruntime": onnx_conv(3),
    },
    "conv1x1": {
        "torch": torch_of(lambda x, w, b: F.conv2d(x, w, b), (1, 320, 64, 64), (320, 320, 1, 1), (320,), channels_last=True),
        "onnxruntime": onnx_conv(1),
    },
    "softmax": {"torch": torch_of(lambda x: F.softmax(x, -1), wide), "onnxruntime": onnx_softmax},
    "layer_norm": {"torch": torch_of(lambda x, w, b: F.layer_norm(x, (4096,), w, b), wide, (4096,), (4096,)), "onnxruntime": onnx_layer_norm},
    "gelu_chain": {"torch": torch_of(lambda x, w, b: F.gelu(x * w + b), wide, (4096,), (4096,)), "onnxruntime": onnx_gelu_chain},
    "attention": {"torch": torch_of(F.scaled_dot_product_attention, *[(1, 8, 4096, 40)] * 3), "onnxruntime": onnx_attention},
    "squeezenet": {"torch": torch_squeezenet, "onnxruntime": onnx_squeezenet},
}


def timed(run):
    """The mean time of calls that take LEAST together, after calls that do not count."""
    n = 1
    while True:
        start = time.perf_counter()
        for _ in range(n):
            run()
        t = time.perf_counter() - start
        if t >= LEAST:
            return t / n
        n = int(n * LEAST / t) + 1 if t > LEAST / 10 else 4 * n


def serve():
    ready = {}  # of the case at hand
    current = None
    for line in sys.stdin:
        request = json.loads(line)
        case = request.get("case")
        if case is None:
            answer = {
                "peers": {c: list(p) for c, p in CASES.items()},
                "versions": {"numpy": np.__version__, "torch": torch.__version__.split("+")[0], "onnxruntime": ort.__version__},
            }
        else:
            if case != current:
                ready, current = {}, case
            key = request["peer"], request["threads"]
            try:
                if key not in ready and "sizes" in request:
                    ready[key] = file_with_onnxruntime(case, request["sizes"], key[1])
                elif key not in ready:
                    ready[key] = PEERS[key[0]](CASES[case][key[0]], key[1])
                answer = {"seconds": ready[key]()}
            except Exception as e:  # one peer that fails leaves the others
                answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)


serve()
