"""Records what ONNX Runtime gives for convolutions, pools, norms and attention with
attributes that ONNX's conformance suite has no case of: frontend/onnx/testdata/layers.tar.gz.

onnx 1.23 and onnxruntime 1.32, run as: python scripts/oracles/onnx_layers.py
"""
import numpy as np
from onnx_record import floats, node, rng, write


def numbers(dtype, *shape, least=None, most=None):
    info = np.iinfo(dtype)
    return rng.integers(info.min if least is None else least, info.max if most is None else most, shape).astype(dtype)


def layer(name, op, opset, *inputs, outputs=1, **attributes):
    node(name, op, {f"x{i}": x for i, x in enumerate(inputs)}, [f"y{i}" for i in range(outputs)], opset, **attributes)


def number(x, dtype=np.float32):
    return np.array(x, dtype)


layer("conv_groups_dilated", "Conv", 11, floats(2, 4, 9, 8), floats(6, 2, 3, 2), floats(6), group=2, dilations=[2, 3], pads=[1, 0, 2, 1], strides=[1, 2])
layer("conv_same_lower", "Conv", 1, floats(1, 2, 7), floats(3, 2, 4), auto_pad="SAME_LOWER", strides=[2])
layer("conv_same_upper_3d", "Conv", 22, floats(1, 2, 5, 4, 6), floats(2, 1, 2, 3, 3), group=2, auto_pad="SAME_UPPER", strides=[2, 1, 3])
layer("conv_valid", "Conv", 11, floats(1, 2, 7, 5), floats(3, 2, 3, 2), auto_pad="VALID", strides=[2, 2])
layer("conv_transpose_same_upper", "ConvTranspose", 11, floats(1, 2, 4, 3), floats(2, 3, 4, 4), floats(3), auto_pad="SAME_UPPER", strides=[1, 3])
layer("conv_transpose_same_lower_old", "ConvTranspose", 1, floats(1, 2, 4), floats(2, 3, 4), auto_pad="SAME_LOWER", strides=[1])
layer("conv_transpose_asymmetric", "ConvTranspose", 22, floats(1, 4, 4, 3), floats(4, 2, 3, 3), group=2, pads=[2, 0, 0, 1], strides=[2, 1], dilations=[1, 2], output_padding=[1, 0])
layer("conv_transpose_3d_shape", "ConvTranspose", 11, floats(1, 1, 3, 2, 3), floats(1, 2, 3, 2, 2), output_shape=[6, 4, 7], strides=[2, 2, 3])
layer("conv_integer_groups", "ConvInteger", 10, numbers(np.uint8, 1, 4, 5, 6), numbers(np.int8, 2, 2, 3, 2, most=90), number(121, np.uint8), number(7, np.int8), group=2, pads=[1, 0, 1, 1])
layer("qlinear_conv_channels", "QLinearConv", 10, numbers(np.int8, 1, 2, 6), number(0.02), number(5, np.int8), numbers(np.int8, 3, 2, 3), np.array([0.004, 0.002, 0.007], np.float32),
      np.zeros(3, np.int8), number(0.05), number(-9, np.int8), numbers(np.int32, 3, least=-900, most=900), pads=[1, 1])
layer("deform_conv_groups", "DeformConv", 19, floats(2, 4, 6, 7), floats(4, 2, 3, 2), floats(2, 24, 4, 3), floats(4), floats(2, 12, 4, 3), group=2, offset_group=2, strides=[2, 2], pads=[2, 0, 1, 1], dilations=[1, 2])
layer("col2im_dilated", "Col2Im", 18, floats(2, 18, 12), number([6, 7], np.int64), number([3, 2], np.int64), dilations=[2, 1], pads=[1, 1, 0, 0], strides=[1, 2])

layer("max_pool_indices", "MaxPool", 12, floats(2, 2, 6, 7), outputs=2, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1], dilations=[1, 2])
layer("max_pool_indices_columns", "MaxPool", 8, floats(1, 2, 4, 5, 3), outputs=2, kernel_shape=[2, 2, 2], storage_order=1)
layer("max_pool_indices_equal", "MaxPool", 8, np.ones((1, 2, 4, 4), np.float32), outputs=2, kernel_shape=[3, 3])
layer("max_pool_ceil_dilated", "MaxPool", 11, floats(1, 2, 9, 8), kernel_shape=[3, 3], strides=[2, 3], pads=[1, 1, 0, 2], dilations=[2, 1], ceil_mode=1)
layer("max_pool_integers", "MaxPool", 12, numbers(np.int8, 1, 2, 5, 6), kernel_shape=[2, 3], strides=[2, 1], pads=[1, 1, 0, 1])
layer("average_pool_ceil_counts_padding", "AveragePool", 19, floats(1, 2, 6, 7), kernel_shape=[3, 3], strides=[2, 3], pads=[1, 1, 0, 1], ceil_mode=1, count_include_pad=1)
layer("average_pool_ceil_3d", "AveragePool", 10, floats(1, 2, 6, 5, 4), kernel_shape=[3, 2, 2], strides=[2, 3, 3], pads=[1, 0, 1, 1, 1, 0], ceil_mode=1)
layer("average_pool_dilated", "AveragePool", 19, floats(1, 2, 8, 9), kernel_shape=[3, 2], dilations=[2, 3], pads=[1, 1, 2, 0])
layer("average_pool_same_lower", "AveragePool", 7, floats(1, 2, 5, 7), kernel_shape=[2, 4], strides=[1, 2], auto_pad="SAME_LOWER")
layer("lp_pool_third", "LpPool", 18, floats(1, 2, 7, 6), kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 0, 1], p=3, ceil_mode=1)
layer("global_lp_pool", "GlobalLpPool", 2, floats(2, 3, 4, 2), p=3)
layer("max_unpool_channels", "MaxUnpool", 11, floats(1, 2, 2, 2), number([[[[0, 2], [13, 10]], [[17, 19], [28, 30]]]], np.int64), kernel_shape=[2, 2], strides=[2, 2])

layer("batch_norm_rank_2", "BatchNormalization", 9, floats(3, 4), floats(4), floats(4), floats(4), np.abs(floats(4)), epsilon=0.01)
layer("batch_norm_training_1d", "BatchNormalization", 15, floats(3, 2, 5), floats(2), floats(2), floats(2), np.abs(floats(2)), outputs=3, training_mode=1, momentum=0.7)
layer("group_norm_by_group", "GroupNormalization", 18, floats(2, 6, 3), floats(3), floats(3), num_groups=3)
layer("layer_norm_statistics", "LayerNormalization", 17, floats(2, 3, 4), floats(3, 4), outputs=3, axis=-2)
layer("layer_norm_stretched", "LayerNormalization", 17, floats(2, 3, 4), floats(4), floats(1, 4), axis=1)
layer("rms_norm_stretched", "RMSNormalization", 23, floats(2, 3, 4), floats(4), axis=1)
layer("lp_norm_zeros", "LpNormalization", 1, floats(3, 2, 4) * np.array([1, 0, 1], np.float32).reshape(3, 1, 1), axis=2, p=2)
layer("mean_variance_norm_axes", "MeanVarianceNormalization", 13, floats(2, 3, 4), axes=[-1, 0])
layer("lrn_wide", "LRN", 13, floats(1, 7, 2, 2), size=5, alpha=0.3, beta=0.5, bias=2.0)
layer("dropout_mask", "Dropout", 10, floats(2, 3), outputs=2)

layer("rotary_embedding_part", "RotaryEmbedding", 23, floats(2, 3, 24), floats(9, 2), floats(9, 2), numbers(np.int64, 2, 3, least=0, most=9), num_heads=3, rotary_embedding_dim=4, interleaved=1)
layer("attention_grouped_past", "Attention", 23, floats(2, 2, 24), floats(2, 3, 8), floats(2, 3, 10), rng.random((2, 1, 2, 5)) > 0.3, floats(2, 2, 2, 4), floats(2, 2, 2, 5), outputs=3, q_num_heads=6, kv_num_heads=2)
layer("attention_capped_scores", "Attention", 23, floats(1, 4, 3, 4), floats(1, 2, 5, 4), floats(1, 2, 5, 3), floats(4, 3, 5), outputs=4, softcap=1.5, scale=0.7, qk_matmul_output_mode=1, is_causal=1)
layer("attention_valid_keys", "Attention", 24, floats(2, 4, 3, 4), floats(2, 4, 5, 4), floats(2, 4, 5, 4), None, None, None, number([3, 5], np.int64))
layer("tensor_scatter_circular", "TensorScatter", 24, floats(2, 5, 2, 3), floats(2, 3, 2, 3), number([4, 1], np.int64), axis=1, mode="circular")

write("layers")
