"""What scripts share that record what ONNX Runtime gives for models: archives in the layout
of ONNX's conformance suite in frontend/onnx/testdata.
"""
import gzip
import io
import pathlib
import tarfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(1)
cases = {}
types = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int32): TensorProto.INT32, np.dtype(np.int64): TensorProto.INT64,
         np.dtype(np.bool_): TensorProto.BOOL, np.dtype(np.uint8): TensorProto.UINT8, np.dtype(np.int8): TensorProto.INT8}


def runtime(model, feed):
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)


def record(name, model, inputs, by=runtime):
    """Runs a model; inputs are in the order of its graph's."""
    outputs = by(model, dict(zip([i.name for i in model.graph.input], inputs)))
    for port, a in zip(model.graph.output, outputs):
        if port.type.WhichOneof("value") is None:  # that shape inference knows nothing of
            port.CopyFrom(helper.make_tensor_value_info(port.name, types[a.dtype], a.shape))
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


def write(archive):
    """Writes the cases."""
    to = pathlib.Path(__file__).parents[2] / "frontend" / "onnx" / "testdata" / f"{archive}.tar.gz"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, files in sorted(cases.items()):
            for path, data in sorted(files.items()):
                member = tarfile.TarInfo(f"{archive}/{name}/{path}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    to.parent.mkdir(exist_ok=True)
    to.write_bytes(gzip.compress(out.getvalue(), mtime=0))
    print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__, len(cases), "cases,", to.stat().st_size, "bytes")
