#include <metal_stdlib>
using namespace metal;

// predict_div computes div (mnist.mlx:28:17).
kernel void predict_div(
    device const float *x [[buffer(0)]],
    device float *div [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 784) {
        return;
    }
    const int i0 = p;
    div[i0] = x[i0] / 255.0f;
}

// predict_sub computes sub (mnist.mlx:28:17).
kernel void predict_sub(
    device const float *div [[buffer(0)]],
    device float *sub [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 784) {
        return;
    }
    const int i0 = p;
    sub[i0] = div[i0] - 0.1307f;
}

// predict_div_2 computes div_2 (mnist.mlx:28:17).
kernel void predict_div_2(
    device const float *sub [[buffer(0)]],
    device float *div_2 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 784) {
        return;
    }
    const int i0 = p;
    div_2[i0] = sub[i0] / 0.3081f;
}

// predict_conv1_y computes y (mnist.mlx:17:36).
kernel void predict_conv1_y(
    device const float *div_2 [[buffer(0)]],
    device const float *conv1_weight [[buffer(1)]],
    device float *y [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 5408) {
        return;
    }
    const int i3 = p % 8;
    const int i2 = p / 8 % 26;
    const int i1 = p / 208 % 26;
    const int i0 = p / 5408;
    float v3 = 0.0f;
    for (int r0 = 0; r0 < 3; r0++) {
        for (int r1 = 0; r1 < 3; r1++) {
            const float v0 = div_2[i0 * 784 + i1 * 28 + i2 + r0 * 28 + r1];
            const float v1 = conv1_weight[i3 * 9 + r0 * 3 + r1];
            v3 = v3 + (v0 * v1);
        }
    }
    y[i0 * 5408 + i1 * 208 + i2 * 8 + i3] = v3;
}

// predict_conv1_add computes add (mnist.mlx:17:36).
kernel void predict_conv1_add(
    device const float *y [[buffer(0)]],
    device const float *conv1_bias [[buffer(1)]],
    device float *add [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 5408) {
        return;
    }
    const int i1 = p % 8;
    const int i0 = p / 8;
    const float v1 = conv1_bias[i1];
    add[i0 * 8 + i1] = y[i0 * 8 + i1] + v1;
}

// predict_relu computes relu (mnist.mlx:17:31).
kernel void predict_relu(
    device const float *add [[buffer(0)]],
    device float *relu [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 5408) {
        return;
    }
    const int i0 = p;
    relu[i0] = (isnan(add[i0]) || isnan(0.0f) ? NAN : max(add[i0], 0.0f));
}

// predict_conv2_y_2 computes y_2 (mnist.mlx:17:25).
kernel void predict_conv2_y_2(
    device const float *relu [[buffer(0)]],
    device const float *conv2_weight [[buffer(1)]],
    device float *y_2 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 9216) {
        return;
    }
    const int i3 = p % 16;
    const int i2 = p / 16 % 24;
    const int i1 = p / 384 % 24;
    const int i0 = p / 9216;
    float v3 = 0.0f;
    for (int r0 = 0; r0 < 3; r0++) {
        for (int r1 = 0; r1 < 3; r1++) {
            for (int r2 = 0; r2 < 8; r2++) {
                const float v0 = relu[i0 * 5408 + i1 * 208 + i2 * 8 + r0 * 208 + r1 * 8 + r2];
                const float v1 = conv2_weight[i3 * 72 + r0 * 3 + r1 + r2 * 9];
                v3 = v3 + (v0 * v1);
            }
        }
    }
    y_2[i0 * 9216 + i1 * 384 + i2 * 16 + i3] = v3;
}

// predict_conv2_add computes add_2 (mnist.mlx:17:25).
kernel void predict_conv2_add(
    device const float *y_2 [[buffer(0)]],
    device const float *conv2_bias [[buffer(1)]],
    device float *add_2 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 9216) {
        return;
    }
    const int i1 = p % 16;
    const int i0 = p / 16;
    const float v1 = conv2_bias[i1];
    add_2[i0 * 16 + i1] = y_2[i0 * 16 + i1] + v1;
}

// predict_relu_2 computes relu_2 (mnist.mlx:17:20).
kernel void predict_relu_2(
    device const float *add_2 [[buffer(0)]],
    device float *relu_2 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 9216) {
        return;
    }
    const int i0 = p;
    relu_2[i0] = (isnan(add_2[i0]) || isnan(0.0f) ? NAN : max(add_2[i0], 0.0f));
}

// predict_conv3_y_3 computes y_3 (mnist.mlx:17:14).
kernel void predict_conv3_y_3(
    device const float *relu_2 [[buffer(0)]],
    device const float *conv3_weight [[buffer(1)]],
    device float *y_3 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 11616) {
        return;
    }
    const int i3 = p % 24;
    const int i2 = p / 24 % 22;
    const int i1 = p / 528 % 22;
    const int i0 = p / 11616;
    float v3 = 0.0f;
    for (int r0 = 0; r0 < 3; r0++) {
        for (int r1 = 0; r1 < 3; r1++) {
            for (int r2 = 0; r2 < 16; r2++) {
                const float v0 = relu_2[i0 * 9216 + i1 * 384 + i2 * 16 + r0 * 384 + r1 * 16 + r2];
                const float v1 = conv3_weight[i3 * 144 + r0 * 3 + r1 + r2 * 9];
                v3 = v3 + (v0 * v1);
            }
        }
    }
    y_3[i0 * 11616 + i1 * 528 + i2 * 24 + i3] = v3;
}

// predict_conv3_add computes add_3 (mnist.mlx:17:14).
kernel void predict_conv3_add(
    device const float *y_3 [[buffer(0)]],
    device const float *conv3_bias [[buffer(1)]],
    device float *add_3 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 11616) {
        return;
    }
    const int i1 = p % 24;
    const int i0 = p / 24;
    const float v1 = conv3_bias[i1];
    add_3[i0 * 24 + i1] = y_3[i0 * 24 + i1] + v1;
}

// predict_x_2 computes x_2 (mnist.mlx:17:9).
kernel void predict_x_2(
    device const float *add_3 [[buffer(0)]],
    device float *x_2 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 11616) {
        return;
    }
    const int i0 = p;
    x_2[i0] = (isnan(add_3[i0]) || isnan(0.0f) ? NAN : max(add_3[i0], 0.0f));
}

// predict_norm1_add computes add_4 (mnist.mlx:19:9).
kernel void predict_norm1_add(
    device const float *norm1_running_var [[buffer(0)]],
    device float *add_4 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int p = int(point);
    if (p >= 24) {
        return;
    }
    const int i0 = p;
    add_4[i0] = norm1_running_var[i0] + 1e-05f;
}

// predict_norm1_rsqrt computes rsqrt (mnist.mlx:19:9).
kernel void predict_norm1_rsqrt(
    device const float *add_4 [[buffer(0)]],
    device float *rsqrt_2 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int p = int(point);
    if (p >= 24) {
        return;
    }
    const int i0 = p;
    rsqrt_2[i0] = precise::rsqrt(add_4[i0]);
}

// predict_norm1_sub computes sub_2 (mnist.mlx:19:9).
kernel void predict_norm1_sub(
    device const float *x_2 [[buffer(0)]],
    device const float *norm1_running_mean [[buffer(1)]],
    device float *sub_2 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 11616) {
        return;
    }
    const int i1 = p % 24;
    const int i0 = p / 24;
    const float v1 = norm1_running_mean[i1];
    sub_2[i0 * 24 + i1] = x_2[i0 * 24 + i1] - v1;
}

// predict_norm1_mul computes mul (mnist.mlx:19:9).
kernel void predict_norm1_mul(
    device const float *sub_2 [[buffer(0)]],
    device const float *rsqrt_2 [[buffer(1)]],
    device float *mul [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 11616) {
        return;
    }
    const int i1 = p % 24;
    const int i0 = p / 24;
    const float v1 = rsqrt_2[i1];
    mul[i0 * 24 + i1] = sub_2[i0 * 24 + i1] * v1;
}

// predict_fc1_matmul computes matmul (mnist.mlx:20:27).
kernel void predict_fc1_matmul(
    device const float *add_5 [[buffer(0)]],
    device const float *fc1_weight [[buffer(1)]],
    device float *matmul [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 32) {
        return;
    }
    const int i1 = p % 32;
    const int i0 = p / 32;
    float v3 = 0.0f;
    for (int r0 = 0; r0 < 24; r0++) {
        for (int r1 = 0; r1 < 484; r1++) {
            const float v0 = add_5[i0 * 11616 + r0 + r1 * 24];
            const float v1 = fc1_weight[i1 * 11616 + r0 * 484 + r1];
            v3 = v3 + (v0 * v1);
        }
    }
    matmul[i0 * 32 + i1] = v3;
}

// predict_fc1_add computes add_6 (mnist.mlx:20:27).
kernel void predict_fc1_add(
    device const float *matmul [[buffer(0)]],
    device const float *fc1_bias [[buffer(1)]],
    device float *add_6 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 32) {
        return;
    }
    const int i1 = p % 32;
    const int i0 = p / 32;
    const float v1 = fc1_bias[i1];
    add_6[i0 * 32 + i1] = matmul[i0 * 32 + i1] + v1;
}

// predict_relu_3 computes relu_3 (mnist.mlx:20:22).
kernel void predict_relu_3(
    device const float *add_6 [[buffer(0)]],
    device float *relu_3 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 32) {
        return;
    }
    const int i0 = p;
    relu_3[i0] = (isnan(add_6[i0]) || isnan(0.0f) ? NAN : max(add_6[i0], 0.0f));
}

// predict_fc2_matmul computes matmul_2 (mnist.mlx:20:18).
kernel void predict_fc2_matmul(
    device const float *relu_3 [[buffer(0)]],
    device const float *fc2_weight [[buffer(1)]],
    device float *matmul_2 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 10) {
        return;
    }
    const int i1 = p % 10;
    const int i0 = p / 10;
    float v3 = 0.0f;
    for (int r0 = 0; r0 < 32; r0++) {
        const float v0 = relu_3[i0 * 32 + r0];
        const float v1 = fc2_weight[i1 * 32 + r0];
        v3 = v3 + (v0 * v1);
    }
    matmul_2[i0 * 10 + i1] = v3;
}

// predict_fc2_add computes add_7 (mnist.mlx:20:18).
kernel void predict_fc2_add(
    device const float *matmul_2 [[buffer(0)]],
    device const float *fc2_bias [[buffer(1)]],
    device float *add_7 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 10) {
        return;
    }
    const int i1 = p % 10;
    const int i0 = p / 10;
    const float v1 = fc2_bias[i1];
    add_7[i0 * 10 + i1] = matmul_2[i0 * 10 + i1] + v1;
}

// predict_norm2_add computes add_8 (mnist.mlx:20:12).
kernel void predict_norm2_add(
    device const float *norm2_running_var [[buffer(0)]],
    device float *add_8 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int p = int(point);
    if (p >= 10) {
        return;
    }
    const int i0 = p;
    add_8[i0] = norm2_running_var[i0] + 1e-05f;
}

// predict_norm2_rsqrt computes rsqrt_2 (mnist.mlx:20:12).
kernel void predict_norm2_rsqrt(
    device const float *add_8 [[buffer(0)]],
    device float *rsqrt_2 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int p = int(point);
    if (p >= 10) {
        return;
    }
    const int i0 = p;
    rsqrt_2[i0] = precise::rsqrt(add_8[i0]);
}

// predict_norm2_sub computes sub_3 (mnist.mlx:20:12).
kernel void predict_norm2_sub(
    device const float *add_7 [[buffer(0)]],
    device const float *norm2_running_mean [[buffer(1)]],
    device float *sub_3 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 10) {
        return;
    }
    const int i1 = p % 10;
    const int i0 = p / 10;
    const float v1 = norm2_running_mean[i1];
    sub_3[i0 * 10 + i1] = add_7[i0 * 10 + i1] - v1;
}

// predict_norm2_mul computes mul_3 (mnist.mlx:20:12).
kernel void predict_norm2_mul(
    device const float *sub_3 [[buffer(0)]],
    device const float *rsqrt_2 [[buffer(1)]],
    device float *mul_3 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 10) {
        return;
    }
    const int i1 = p % 10;
    const int i0 = p / 10;
    const float v1 = rsqrt_2[i1];
    mul_3[i0 * 10 + i1] = sub_3[i0 * 10 + i1] * v1;
}

// predict_label computes label (mnist.mlx:29:18).
kernel void predict_label(
    device const float *logits [[buffer(0)]],
    device int *label [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B) {
        return;
    }
    const int i0 = p;
    float v1Best = (-INFINITY);
    int v1 = 0;
    for (int r0 = 0; r0 < 10; r0++) {
        const float v1Elem = logits[i0 * 10 + r0];
        if (v1Elem > v1Best || (isnan(v1Elem) && !isnan(v1Best))) {
            v1Best = v1Elem;
            v1 = int(r0);
        }
    }
    label[i0] = v1;
}
