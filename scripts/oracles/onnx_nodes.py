"""Records what ONNX Runtime gives for operators in ways that ONNX's conformance suite has
no case of: frontend/onnx/testdata/nodes.tar.gz, in the layout of the suite.

onnx 1.23 and onnxruntime 1.32, run as: python scripts/oracles/onnx_nodes.py
"""
import gzip
import io
import pathlib
import tarfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, parser

to = pathlib.Path(__file__).parents[2] / "frontend" / "onnx" / "testdata" / "nodes.tar.gz"
rng = np.random.default_rng(1)
cases = {}
types = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int32): TensorProto.INT32, np.dtype(np.int64): TensorProto.INT64,
         np.dtype(np.bool_): TensorProto.BOOL, np.dtype(np.uint8): TensorProto.UINT8, np.dtype(np.int8): TensorProto.INT8}


def record(name, model, inputs):
    """Runs a model; inputs are in the order of its graph's."""
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [i.name for i in model.graph.input]
    outputs = session.run(None, dict(zip(names, inputs)))
    files = {"model.onnx": model.SerializeToString()}
    for kind, graph, arrays in ("input", model.graph.input, inputs), ("output", model.graph.output, outputs):
        for i, (port, a) in enumerate(zip(graph, arrays)):
            files[f"test_data_set_0/{kind}_{i}.pb"] = numpy_helper.from_array(a, port.name).SerializeToString()
    cases[name] = files


def node(name, op, inputs, outputs, opset, **attributes):
    """A model of one node; inputs are arrays by name, outputs names, None is one that is left out."""
    ports = [helper.make_tensor_value_info(k, types[a.dtype], a.shape) for k, a in inputs.items() if a is not None]
    n = helper.make_node(op, [k if a is not None else "" for k, a in inputs.items()], [o or "" for o in outputs], **attributes)
    graph = helper.make_graph([n], name, ports, [helper.make_empty_tensor_value_info(o) for o in outputs if o])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model)
    record(name, model, [a for a in inputs.values() if a is not None])


def floats(*shape):
    return rng.normal(size=shape).astype(np.float32)


def recurrent(name, op, steps=4, batch=3, size=5, hidden=2, directions=1, lens=None, states=True, peephole=False, bias=True, **attributes):
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[op]
    d = directions
    inputs = dict(x=floats(steps, batch, size), w=floats(d, gates * hidden, size), r=floats(d, gates * hidden, hidden),
                  b=floats(d, 2 * gates * hidden) if bias else None, lens=None if lens is None else np.array(lens, np.int32),
                  h=floats(d, batch, hidden) if states else None)
    outputs = ["ys", "hn"]
    if op == "LSTM":
        inputs |= dict(c=floats(d, batch, hidden) if states else None, p=floats(d, 3 * hidden) if peephole else None)
        outputs.append("cn")
    if d == 2:
        attributes["direction"] = "bidirectional"
    node(name, op, inputs, outputs, 14, hidden_size=hidden, **attributes)


for op in "RNN", "GRU", "LSTM":
    low = op.lower()
    recurrent(f"{low}_bidirectional_lens", op, directions=2, lens=[4, 1, 3])
    recurrent(f"{low}_reverse_lens", op, direction="reverse", lens=[2, 4, 1], bias=False, states=False)
    recurrent(f"{low}_one_step", op, steps=1, clip=0.5)
recurrent("rnn_activations", "RNN", directions=2, activations=["Affine", "ScaledTanh"], activation_alpha=[0.5, 0.7], activation_beta=[0.1, 1.5])
recurrent("rnn_relu", "RNN", activations=["Relu"], clip=0.8)
recurrent("gru_linear_before_reset", "GRU", directions=2, linear_before_reset=1)
recurrent("gru_linear_before_reset_no_bias", "GRU", linear_before_reset=1, bias=False)
recurrent("gru_activations", "GRU", directions=2, activations=["HardSigmoid", "Softsign", "Sigmoid", "LeakyRelu"], activation_alpha=[0.3, 0.2], activation_beta=[0.4])
recurrent("lstm_peepholes", "LSTM", directions=2, peephole=True, clip=0.9)
recurrent("lstm_input_forget", "LSTM", input_forget=1)
recurrent("lstm_activations", "LSTM", activations=["HardSigmoid", "Elu", "ThresholdedRelu"], activation_alpha=[0.25, 0.6, 0.1], activation_beta=[0.45])

out = io.BytesIO()
with tarfile.open(fileobj=out, mode="w") as tar:
    for name, files in sorted(cases.items()):
        for path, data in sorted(files.items()):
            member = tarfile.TarInfo(f"nodes/{name}/{path}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
to.parent.mkdir(exist_ok=True)
to.write_bytes(gzip.compress(out.getvalue(), mtime=0))
print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__, len(cases), "cases,", to.stat().st_size, "bytes")
