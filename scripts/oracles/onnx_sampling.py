"""Records what ONNX Runtime gives for operators that gather, scatter, resize and sample, and
for losses: frontend/onnx/testdata/sampling.tar.gz. Where it lacks an operator, or leaves the
specification, a case says what gives the numbers instead, ONNX's reference evaluator or PyTorch.

onnx 1.23, onnxruntime 1.32 and torch 2.15, run as: python scripts/oracles/onnx_sampling.py
"""

import itertools

import numpy as np
import torch
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx_record import floats, record, rng, runtime, write


def i64(*xs):
    return np.array(xs, np.int64)


def reference(model, feed):
    return ReferenceEvaluator(model).run(None, feed)


def case(name, op, inputs, known=(), dtypes=("float32",), version=22, by=runtime, **attributes):
    """Inputs are arrays, None where one is left out; those of the numbers in known are
    initialisers."""
    names = ["" if x is None else f"x{i}" for i, x in enumerate(inputs)]
    results = [f"y{i}" for i in range(len(dtypes))]
    node = helper.make_node(op, names, results, **attributes)
    given = {n: x for i, (n, x) in enumerate(zip(names, inputs)) if n and i not in known}
    graph = helper.make_graph(
        [node], name,
        [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for n, x in given.items()],
        [helper.make_tensor_value_info(r, helper.np_dtype_to_tensor_dtype(np.dtype(t)), None) for r, t in zip(results, dtypes)],
        [numpy_helper.from_array(inputs[i], names[i]) for i in known])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=10)
    record(name, model, list(given.values()), by)


def torch_grid(model, feed):
    a = {x.name: helper.get_attribute_value(x) for x in model.graph.node[0].attribute}
    mode = {"linear": "bilinear", "nearest": "nearest"}[a["mode"].decode()]
    y = torch.nn.functional.grid_sample(
        torch.from_numpy(feed["x0"]), torch.from_numpy(feed["x1"]), mode=mode,
        padding_mode=a["padding_mode"].decode(), align_corners=bool(a["align_corners"]))
    return [y.numpy()]


def resizes():
    x = floats(1, 2, 6, 7)
    for transformation, (mode, to) in itertools.product(
            ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "asymmetric", "align_corners"],
            [("nearest", (9, 4)), ("linear", (9, 4)), ("linear", (1, 1)), ("cubic", (4, 11))]):
        case(f"resize_{mode}_{transformation}_{to[0]}_{to[1]}", "Resize", [x, None, None, i64(1, 2, *to)], known=[3],
             mode=mode, coordinate_transformation_mode=transformation)
    for nearest, transformation in itertools.product(
            ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"], ["half_pixel", "asymmetric"]):
        for scale in (2.0, 3.0, 0.5):
            case(f"resize_{nearest}_{transformation}_{scale:g}", "Resize",
                 [x, None, np.array([1, 1, scale, scale], np.float32)], known=[2],
                 mode="nearest", nearest_mode=nearest, coordinate_transformation_mode=transformation)
    for mode, scales in itertools.product(["nearest", "linear", "cubic"], [(0.6, 1.5), (1.3, 0.4)]):
        case(f"resize_{mode}_by_{scales[0]}_{scales[1]}", "Resize",
             [x, None, np.array([1, 1, *scales], np.float32)], known=[2], mode=mode)
    case("resize_symmetric_by_1.3_0.4", "Resize", [x, None, np.array([1, 1, 1.3, 0.4], np.float32)], known=[2], mode="linear",
         coordinate_transformation_mode="half_pixel_symmetric")
    for mode, to, exclude in itertools.product(["linear", "cubic"], [(2, 3), (5, 13)], [0, 1]):
        case(f"resize_antialias_{mode}_{to[0]}_{to[1]}_{exclude}", "Resize", [x, None, None, i64(*to)], known=[3], by=reference,
             mode=mode, antialias=1, exclude_outside=exclude, axes=[2, 3])
    case("resize_exclude_outside", "Resize", [x, None, np.array([1, 1, 1.5, 0.5], np.float32)], known=[2],
         mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5)
    for mode in ["nearest", "linear"]:
        roi = np.array([0, 0, -0.3, 0.2, 1, 1, 0.8, 1.1], np.float32)
        case(f"resize_crop_{mode}", "Resize", [x, roi, None, i64(1, 2, 5, 4)], known=[3], mode=mode,
             coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=7.0)
    case("resize_crop_one", "Resize", [x, np.array([0.2, 0.3, 0.9, 0.8], np.float32), None, i64(1, 1)], known=[1, 3], mode="linear",
         coordinate_transformation_mode="tf_crop_and_resize", axes=[2, 3])
    for policy in ["not_larger", "not_smaller"]:
        case(f"resize_{policy}", "Resize", [x, None, None, i64(11, 9)], known=[3], mode="linear", axes=[2, 3], keep_aspect_ratio_policy=policy)
    case("resize_volume", "Resize", [floats(1, 1, 3, 4, 3), None, np.array([1, 1, 1.5, 0.7, 2], np.float32)], known=[2], mode="linear", version=13)
    u8 = rng.integers(0, 256, (1, 1, 5, 5)).astype(np.uint8)
    case("resize_u8", "Resize", [u8, None, None, i64(1, 1, 7, 3)], known=[3], by=reference, dtypes=["uint8"], mode="cubic")
    case("resize_i32_nearest", "Resize", [np.array([[2**30 + 1, -7]], np.int32), None, None, i64(1, 5)], known=[3], dtypes=["int32"], mode="nearest")
    case("resize_f16", "Resize", [x.astype(np.float16), None, None, i64(1, 2, 8, 5)], known=[3], by=reference, dtypes=["float16"], mode="linear")
    case("resize_10_nearest", "Resize", [x, np.array([1, 1, 1.7, 0.6], np.float32)], known=[1], version=10, mode="nearest")
    case("resize_10_linear", "Resize", [x, np.array([1, 1, 2, 0.5], np.float32)], known=[1], version=10, mode="linear")
    case("resize_11", "Resize", [x, np.array([], np.float32), np.array([], np.float32), i64(1, 2, 4, 9)], known=[1, 2, 3], version=11, mode="linear")
    case("resize_11_tf_half_pixel", "Resize", [x, np.array([], np.float32), np.array([1, 1, 1.5, 2], np.float32)], known=[1, 2], version=11,
         mode="nearest", coordinate_transformation_mode="tf_half_pixel_for_nn", nearest_mode="floor")
    case("upsample_7", "Upsample", [x], version=7, mode="nearest", scales=[1.0, 1.0, 2.0, 3.0])
    case("upsample_9_linear", "Upsample", [x, np.array([1, 1, 2.5, 2], np.float32)], known=[1], version=9, mode="linear")


def grids():
    x, grid = floats(2, 2, 4, 5), (1.5 * floats(2, 3, 4, 2)).astype(np.float32)
    for mode, padding, align in itertools.product(["linear", "nearest", "cubic"], ["zeros", "border", "reflection"], [0, 1]):
        case(f"grid_{mode}_{padding}_{align}", "GridSample", [x, grid], mode=mode, padding_mode=padding, align_corners=align,
             by=runtime if mode == "cubic" else torch_grid)
    volume, grid = floats(1, 2, 3, 4, 5), (1.3 * floats(1, 2, 2, 3, 3)).astype(np.float32)
    for mode, padding, align in itertools.product(["linear", "nearest"], ["zeros", "border", "reflection"], [0, 1]):
        case(f"grid_volume_{mode}_{padding}_{align}", "GridSample", [volume, grid], mode=mode, padding_mode=padding, align_corners=align, by=torch_grid)
    case("grid_volume_cubic", "GridSample", [volume, grid], mode="cubic", padding_mode="reflection", by=reference)
    case("grid_16", "GridSample", [x, np.tanh(floats(2, 3, 4, 2))], mode="bicubic", version=16)
    case("grid_line", "GridSample", [floats(2, 3, 6), np.tanh(floats(2, 5, 1))], mode="linear", by=reference)
    for align, shape in itertools.product([0, 1], [(2, 3, 4, 5), (2, 1, 3, 4, 2)]):
        r = len(shape) - 2
        case(f"affine_grid_{r}_{align}", "AffineGrid", [floats(2, r, r + 1), i64(*shape)], known=[1], align_corners=align)


def regions():
    x = floats(2, 3, 8, 9)
    rois = np.array([[0, 0, 6, 5], [1.3, 2.2, 17.5, 9.1], [-4, -3, 3, 2], [5, 5, 5.2, 5.1], [2, 1, 14, 15]], np.float32)
    image = i64(0, 1, 1, 0, 1)
    for how, ratio, mode in itertools.product(["half_pixel", "output_half_pixel"], [0, 2], ["avg", "max"]):
        case(f"roi_align_{how}_{ratio}_{mode}", "RoiAlign", [x, rois, image], known=[1], version=16, mode=mode, sampling_ratio=ratio,
             output_height=3, output_width=2, spatial_scale=0.5, coordinate_transformation_mode=how)
    case("roi_align_10", "RoiAlign", [x, rois, image], version=10, sampling_ratio=3, output_height=2, output_width=2, spatial_scale=0.5)
    rois = np.array([[0, 0, 0, 6, 5], [1, 2, 3, 17, 9], [1, -4, -3, 3, 2], [0, 14, 12, 30, 30], [0, 3, 3, 3, 3]], np.float32)
    case("max_roi_pool", "MaxRoiPool", [x, rois], version=1, pooled_shape=[3, 2], spatial_scale=0.5)


def gathers():
    x = floats(3, 4, 5)
    for axis in (0, -1):
        case(f"gather_{axis}", "Gather", [x, i64(2, -1, 0).reshape(3, 1)], axis=axis)
    case("gather_known", "Gather", [x, i64(-1, 1)], known=[1], axis=1)
    case("gather_scalar", "Gather", [x, np.array(-2, np.int64)], known=[1], axis=1)
    case("gather_elements", "GatherElements", [x, rng.integers(-4, 4, (2, 6, 3))], axis=1)
    at = np.stack([rng.integers(-4, 4, (3, 2)), rng.integers(-5, 5, (3, 2))], -1)
    case("gather_nd_batch", "GatherND", [x, at], batch_dims=1)
    case("gather_nd_rest", "GatherND", [x, rng.integers(-3, 3, (2, 2, 1))])
    for reduction in ["none", "add", "mul", "max", "min"]:
        at = np.argsort(rng.random((2, 4, 4)), 1)[:, :3] if reduction == "none" else rng.integers(-4, 4, (2, 3, 4))
        case(f"scatter_{reduction}", "ScatterElements", [x, at.astype(np.int64), floats(2, 3, 4)], axis=1, reduction=reduction)
        at = i64(2, 3, 0, -1, -3, 0).reshape(3, 2) if reduction == "none" else i64(2, 3, 0, -1, -1, 3).reshape(3, 2)
        case(f"scatter_nd_{reduction}", "ScatterND", [x, at, floats(3, 5)], reduction=reduction)
    case("scatter_nd_elements", "ScatterND", [rng.integers(-9, 9, (2, 3)), i64(0, 1, 1, 2, 0, 1).reshape(3, 2), i64(5, -2, 3)], dtypes=["int64"], reduction="mul")
    case("scatter_9", "Scatter", [floats(3, 3), i64(1, 0, 2, 0, 2, 1).reshape(2, 3), floats(2, 3)], version=9)
    case("one_hot", "OneHot", [i64(0, -1, 3, 4, -5), np.array([4], np.int64), np.array([2, 5], np.float32)], known=[1], axis=0)
    case("one_hot_floats", "OneHot", [np.array([1.0, 2.0], np.float32), np.array(3.0, np.float32), i64(0, 1)], known=[1], by=reference, dtypes=["int64"])
    case("reverse_sequence", "ReverseSequence", [x, i64(1, 4, 2)], batch_axis=0, time_axis=1)
    case("compress", "Compress", [x, np.array([True, False, True])], known=[1], axis=1)
    case("compress_flat", "Compress", [x, np.array([False, True, True, False, False, True])], known=[1])
    case("non_zero", "NonZero", [np.array([[1, 0, 2], [0, 0, 3]], np.float32)], known=[0], dtypes=["int64"])
    for axis, ordered in itertools.product([None, 0, 1], [0, 1]):
        a = {} if axis is None else {"axis": axis}
        case(f"unique_{axis}_{ordered}", "Unique", [i64(3, 1, 3, 2, 0, 2, 3, 1, 3).reshape(3, 3)], known=[0], dtypes=["int64"] * 4, sorted=ordered, **a)
    case("center_crop_pad", "CenterCropPad", [x, i64(7, 2)], known=[1], axes=[-1, 1], by=reference)
    case("det", "Det", [floats(2, 3, 5, 5)])
    singular = np.array([[0, 2, 1], [0, 1, 1], [0, 3, 5]], np.float32)
    case("det_singular", "Det", [np.stack([singular, np.eye(3, dtype=np.float32)[[2, 0, 1]]])])


def losses():
    logits, weights = floats(3, 5, 2), np.abs(floats(5))
    classes = i64(0, 4, 2, -7, 1, -7).reshape(3, 2)
    for reduction, weighted in itertools.product(["none", "sum", "mean"], [False, True]):
        inputs = [logits, classes] + ([weights] if weighted else [])
        case(f"nll_{reduction}_{weighted}", "NegativeLogLikelihoodLoss", inputs, reduction=reduction, ignore_index=-7)
        case(f"cross_entropy_{reduction}_{weighted}", "SoftmaxCrossEntropyLoss", inputs, dtypes=["float32"] * 2, reduction=reduction, ignore_index=-7)
    case("cross_entropy_rows", "SoftmaxCrossEntropyLoss", [floats(4, 5), i64(1, 0, 4, 2)], version=12)


for part in resizes, grids, regions, gathers, losses:
    part()
write("sampling")
