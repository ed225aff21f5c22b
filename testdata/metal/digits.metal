#include <metal_stdlib>
using namespace metal;

// read_div computes div (digits.mlx:28:16).
kernel void read_div(
    device const float *image [[buffer(0)]],
    device float *div [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 784) {
        return;
    }
    const int i0 = p;
    div[i0] = image[i0] / 255.0f;
}

// read_net_conv1_y computes y (digits.mlx:17:27).
kernel void read_net_conv1_y(
    device const float *div [[buffer(0)]],
    device const float *net_conv1_weight [[buffer(1)]],
    device float *y [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 12544) {
        return;
    }
    const int i3 = p % 16;
    const int i2 = p / 16 % 28;
    const int i1 = p / 448 % 28;
    const int i0 = p / 12544;
    float v3 = 0.0f;
    for (int r0 = 0; r0 < 3; r0++) {
        for (int r1 = 0; r1 < 3; r1++) {
            float v0 = 0.0f;
            if (0 <= i1 + r0 - 1 && i1 + r0 - 1 < 28 && 0 <= i2 + r1 - 1 && i2 + r1 - 1 < 28) {
                v0 = div[i0 * 784 + i1 * 28 + i2 + r0 * 28 + r1 - 29];
            }
            const float v1 = net_conv1_weight[i3 * 9 + r0 * 3 + r1];
            v3 = v3 + (v0 * v1);
        }
    }
    y[i0 * 12544 + i1 * 448 + i2 * 16 + i3] = v3;
}

// read_net_conv1_add computes add (digits.mlx:17:27).
kernel void read_net_conv1_add(
    device const float *y [[buffer(0)]],
    device const float *net_conv1_bias [[buffer(1)]],
    device float *add [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 12544) {
        return;
    }
    const int i1 = p % 16;
    const int i0 = p / 16;
    const float v1 = net_conv1_bias[i1];
    add[i0 * 16 + i1] = y[i0 * 16 + i1] + v1;
}

// read_net_bn1_add computes add_2 (digits.mlx:17:23).
kernel void read_net_bn1_add(
    device const float *net_bn1_running_var [[buffer(0)]],
    device float *add_2 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int p = int(point);
    if (p >= 16) {
        return;
    }
    const int i0 = p;
    add_2[i0] = net_bn1_running_var[i0] + 1e-05f;
}

// read_net_bn1_rsqrt computes rsqrt (digits.mlx:17:23).
kernel void read_net_bn1_rsqrt(
    device const float *add_2 [[buffer(0)]],
    device float *rsqrt_2 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int p = int(point);
    if (p >= 16) {
        return;
    }
    const int i0 = p;
    rsqrt_2[i0] = precise::rsqrt(add_2[i0]);
}

// read_net_bn1_sub computes sub (digits.mlx:17:23).
kernel void read_net_bn1_sub(
    device const float *add [[buffer(0)]],
    device const float *net_bn1_running_mean [[buffer(1)]],
    device float *sub [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 12544) {
        return;
    }
    const int i1 = p % 16;
    const int i0 = p / 16;
    const float v1 = net_bn1_running_mean[i1];
    sub[i0 * 16 + i1] = add[i0 * 16 + i1] - v1;
}

// read_net_bn1_mul computes mul (digits.mlx:17:23).
kernel void read_net_bn1_mul(
    device const float *sub [[buffer(0)]],
    device const float *rsqrt_2 [[buffer(1)]],
    device float *mul [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 12544) {
        return;
    }
    const int i1 = p % 16;
    const int i0 = p / 16;
    const float v1 = rsqrt_2[i1];
    mul[i0 * 16 + i1] = sub[i0 * 16 + i1] * v1;
}

// read_net_relu computes relu (digits.mlx:17:18).
kernel void read_net_relu(
    device const float *add_3 [[buffer(0)]],
    device float *relu [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 12544) {
        return;
    }
    const int i0 = p;
    relu[i0] = (isnan(add_3[i0]) || isnan(0.0f) ? NAN : max(add_3[i0], 0.0f));
}

// read_net_x computes x (digits.mlx:17:9).
kernel void read_net_x(
    device const float *relu [[buffer(0)]],
    device float *x [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 3136) {
        return;
    }
    const int i2 = p % 16;
    const int i1 = p / 16 % 14;
    const int i0 = p / 224;
    float v1 = (-INFINITY);
    for (int r0 = 0; r0 < 2; r0++) {
        for (int r1 = 0; r1 < 2; r1++) {
            v1 = (isnan(v1) || isnan(relu[i0 * 896 + i1 * 32 + i2 + r0 * 448 + r1 * 16]) ? NAN : max(v1, relu[i0 * 896 + i1 * 32 + i2 + r0 * 448 + r1 * 16]));
        }
    }
    x[i0 * 224 + i1 * 16 + i2] = v1;
}

// read_net_conv2_y_2 computes y_2 (digits.mlx:18:27).
kernel void read_net_conv2_y_2(
    device const float *x [[buffer(0)]],
    device const float *net_conv2_weight [[buffer(1)]],
    device float *y_2 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 6272) {
        return;
    }
    const int i3 = p % 32;
    const int i2 = p / 32 % 14;
    const int i1 = p / 448 % 14;
    const int i0 = p / 6272;
    float v3 = 0.0f;
    for (int r0 = 0; r0 < 3; r0++) {
        for (int r1 = 0; r1 < 3; r1++) {
            for (int r2 = 0; r2 < 16; r2++) {
                float v0 = 0.0f;
                if (0 <= i1 + r0 - 1 && i1 + r0 - 1 < 14 && 0 <= i2 + r1 - 1 && i2 + r1 - 1 < 14) {
                    v0 = x[i0 * 3136 + i1 * 224 + i2 * 16 + r0 * 224 + r1 * 16 + r2 - 240];
                }
                const float v1 = net_conv2_weight[i3 * 144 + r0 * 3 + r1 + r2 * 9];
                v3 = v3 + (v0 * v1);
            }
        }
    }
    y_2[i0 * 6272 + i1 * 448 + i2 * 32 + i3] = v3;
}

// read_net_conv2_add computes add_4 (digits.mlx:18:27).
kernel void read_net_conv2_add(
    device const float *y_2 [[buffer(0)]],
    device const float *net_conv2_bias [[buffer(1)]],
    device float *add_4 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 6272) {
        return;
    }
    const int i1 = p % 32;
    const int i0 = p / 32;
    const float v1 = net_conv2_bias[i1];
    add_4[i0 * 32 + i1] = y_2[i0 * 32 + i1] + v1;
}

// read_net_bn2_add computes add_5 (digits.mlx:18:23).
kernel void read_net_bn2_add(
    device const float *net_bn2_running_var [[buffer(0)]],
    device float *add_5 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int p = int(point);
    if (p >= 32) {
        return;
    }
    const int i0 = p;
    add_5[i0] = net_bn2_running_var[i0] + 1e-05f;
}

// read_net_bn2_rsqrt computes rsqrt_2 (digits.mlx:18:23).
kernel void read_net_bn2_rsqrt(
    device const float *add_5 [[buffer(0)]],
    device float *rsqrt_2 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int p = int(point);
    if (p >= 32) {
        return;
    }
    const int i0 = p;
    rsqrt_2[i0] = precise::rsqrt(add_5[i0]);
}

// read_net_bn2_sub computes sub_2 (digits.mlx:18:23).
kernel void read_net_bn2_sub(
    device const float *add_4 [[buffer(0)]],
    device const float *net_bn2_running_mean [[buffer(1)]],
    device float *sub_2 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 6272) {
        return;
    }
    const int i1 = p % 32;
    const int i0 = p / 32;
    const float v1 = net_bn2_running_mean[i1];
    sub_2[i0 * 32 + i1] = add_4[i0 * 32 + i1] - v1;
}

// read_net_bn2_mul computes mul_3 (digits.mlx:18:23).
kernel void read_net_bn2_mul(
    device const float *sub_2 [[buffer(0)]],
    device const float *rsqrt_2 [[buffer(1)]],
    device float *mul_3 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 6272) {
        return;
    }
    const int i1 = p % 32;
    const int i0 = p / 32;
    const float v1 = rsqrt_2[i1];
    mul_3[i0 * 32 + i1] = sub_2[i0 * 32 + i1] * v1;
}

// read_net_relu_2 computes relu_2 (digits.mlx:18:18).
kernel void read_net_relu_2(
    device const float *add_6 [[buffer(0)]],
    device float *relu_2 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 6272) {
        return;
    }
    const int i0 = p;
    relu_2[i0] = (isnan(add_6[i0]) || isnan(0.0f) ? NAN : max(add_6[i0], 0.0f));
}

// read_net_x_2 computes x_2 (digits.mlx:18:9).
kernel void read_net_x_2(
    device const float *relu_2 [[buffer(0)]],
    device float *x_2 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 1568) {
        return;
    }
    const int i2 = p % 32;
    const int i1 = p / 32 % 7;
    const int i0 = p / 224;
    float v1 = (-INFINITY);
    for (int r0 = 0; r0 < 2; r0++) {
        for (int r1 = 0; r1 < 2; r1++) {
            v1 = (isnan(v1) || isnan(relu_2[i0 * 896 + i1 * 64 + i2 + r0 * 448 + r1 * 32]) ? NAN : max(v1, relu_2[i0 * 896 + i1 * 64 + i2 + r0 * 448 + r1 * 32]));
        }
    }
    x_2[i0 * 224 + i1 * 32 + i2] = v1;
}

// read_net_conv3_y_3 computes y_3 (digits.mlx:19:27).
kernel void read_net_conv3_y_3(
    device const float *x_2 [[buffer(0)]],
    device const float *net_conv3_weight [[buffer(1)]],
    device float *y_3 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 3136) {
        return;
    }
    const int i3 = p % 64;
    const int i2 = p / 64 % 7;
    const int i1 = p / 448 % 7;
    const int i0 = p / 3136;
    float v3 = 0.0f;
    for (int r0 = 0; r0 < 3; r0++) {
        for (int r1 = 0; r1 < 3; r1++) {
            for (int r2 = 0; r2 < 32; r2++) {
                float v0 = 0.0f;
                if (0 <= i1 + r0 - 1 && i1 + r0 - 1 < 7 && 0 <= i2 + r1 - 1 && i2 + r1 - 1 < 7) {
                    v0 = x_2[i0 * 1568 + i1 * 224 + i2 * 32 + r0 * 224 + r1 * 32 + r2 - 256];
                }
                const float v1 = net_conv3_weight[i3 * 288 + r0 * 3 + r1 + r2 * 9];
                v3 = v3 + (v0 * v1);
            }
        }
    }
    y_3[i0 * 3136 + i1 * 448 + i2 * 64 + i3] = v3;
}

// read_net_conv3_add computes add_7 (digits.mlx:19:27).
kernel void read_net_conv3_add(
    device const float *y_3 [[buffer(0)]],
    device const float *net_conv3_bias [[buffer(1)]],
    device float *add_7 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 3136) {
        return;
    }
    const int i1 = p % 64;
    const int i0 = p / 64;
    const float v1 = net_conv3_bias[i1];
    add_7[i0 * 64 + i1] = y_3[i0 * 64 + i1] + v1;
}

// read_net_bn3_add computes add_8 (digits.mlx:19:23).
kernel void read_net_bn3_add(
    device const float *net_bn3_running_var [[buffer(0)]],
    device float *add_8 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int p = int(point);
    if (p >= 64) {
        return;
    }
    const int i0 = p;
    add_8[i0] = net_bn3_running_var[i0] + 1e-05f;
}

// read_net_bn3_rsqrt computes rsqrt_3 (digits.mlx:19:23).
kernel void read_net_bn3_rsqrt(
    device const float *add_8 [[buffer(0)]],
    device float *rsqrt_3 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int p = int(point);
    if (p >= 64) {
        return;
    }
    const int i0 = p;
    rsqrt_3[i0] = precise::rsqrt(add_8[i0]);
}

// read_net_bn3_sub computes sub_3 (digits.mlx:19:23).
kernel void read_net_bn3_sub(
    device const float *add_7 [[buffer(0)]],
    device const float *net_bn3_running_mean [[buffer(1)]],
    device float *sub_3 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 3136) {
        return;
    }
    const int i1 = p % 64;
    const int i0 = p / 64;
    const float v1 = net_bn3_running_mean[i1];
    sub_3[i0 * 64 + i1] = add_7[i0 * 64 + i1] - v1;
}

// read_net_bn3_mul computes mul_5 (digits.mlx:19:23).
kernel void read_net_bn3_mul(
    device const float *sub_3 [[buffer(0)]],
    device const float *rsqrt_3 [[buffer(1)]],
    device float *mul_5 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 3136) {
        return;
    }
    const int i1 = p % 64;
    const int i0 = p / 64;
    const float v1 = rsqrt_3[i1];
    mul_5[i0 * 64 + i1] = sub_3[i0 * 64 + i1] * v1;
}

// read_net_relu_3 computes relu_3 (digits.mlx:19:18).
kernel void read_net_relu_3(
    device const float *add_9 [[buffer(0)]],
    device float *relu_3 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 3136) {
        return;
    }
    const int i0 = p;
    relu_3[i0] = (isnan(add_9[i0]) || isnan(0.0f) ? NAN : max(add_9[i0], 0.0f));
}

// read_net_x_3 computes x_3 (digits.mlx:19:9).
kernel void read_net_x_3(
    device const float *relu_3 [[buffer(0)]],
    device float *x_3 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 576) {
        return;
    }
    const int i3 = p % 64;
    const int i2 = p / 64 % 3;
    const int i1 = p / 192 % 3;
    const int i0 = p / 576;
    float v1 = (-INFINITY);
    for (int r0 = 0; r0 < 2; r0++) {
        for (int r1 = 0; r1 < 2; r1++) {
            v1 = (isnan(v1) || isnan(relu_3[i0 * 3136 + i1 * 896 + i2 * 128 + i3 + r0 * 448 + r1 * 64]) ? NAN : max(v1, relu_3[i0 * 3136 + i1 * 896 + i2 * 128 + i3 + r0 * 448 + r1 * 64]));
        }
    }
    x_3[i0 * 576 + i1 * 192 + i2 * 64 + i3] = v1;
}

// read_net_fc_matmul computes matmul (digits.mlx:20:12).
kernel void read_net_fc_matmul(
    device const float *x_3 [[buffer(0)]],
    device const float *net_fc_weight [[buffer(1)]],
    device float *matmul [[buffer(2)]],
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
    for (int r0 = 0; r0 < 576; r0++) {
        const float v0 = x_3[i0 * 576 + r0];
        const float v1 = net_fc_weight[i1 * 576 + r0];
        v3 = v3 + (v0 * v1);
    }
    matmul[i0 * 10 + i1] = v3;
}

// read_net_fc_logits computes logits (digits.mlx:20:12).
kernel void read_net_fc_logits(
    device const float *matmul [[buffer(0)]],
    device const float *net_fc_bias [[buffer(1)]],
    device float *logits [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 10) {
        return;
    }
    const int i1 = p % 10;
    const int i0 = p / 10;
    const float v1 = net_fc_bias[i1];
    logits[i0 * 10 + i1] = matmul[i0 * 10 + i1] + v1;
}

// read_label computes label (digits.mlx:29:10).
kernel void read_label(
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

// read_max computes max (digits.mlx:29:30).
kernel void read_max(
    device const float *logits [[buffer(0)]],
    device float *max_2 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B) {
        return;
    }
    const int i0 = p;
    float v1 = (-INFINITY);
    for (int r0 = 0; r0 < 10; r0++) {
        v1 = (isnan(v1) || isnan(logits[i0 * 10 + r0]) ? NAN : max(v1, logits[i0 * 10 + r0]));
    }
    max_2[i0] = v1;
}

// read_sub computes sub_4 (digits.mlx:29:30).
kernel void read_sub(
    device const float *logits [[buffer(0)]],
    device const float *max_2 [[buffer(1)]],
    device float *sub_4 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 10) {
        return;
    }
    const int i1 = p % 10;
    const int i0 = p / 10;
    const float v1 = max_2[i0];
    sub_4[i0 * 10 + i1] = logits[i0 * 10 + i1] - v1;
}

// read_exp computes exp (digits.mlx:29:30).
kernel void read_exp(
    device const float *sub_4 [[buffer(0)]],
    device float *exp_2 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 10) {
        return;
    }
    const int i0 = p;
    exp_2[i0] = precise::exp(sub_4[i0]);
}

// read_sum computes sum (digits.mlx:29:30).
kernel void read_sum(
    device const float *exp_2 [[buffer(0)]],
    device float *sum [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B) {
        return;
    }
    const int i0 = p;
    float v1 = 0.0f;
    for (int r0 = 0; r0 < 10; r0++) {
        v1 = v1 + exp_2[i0 * 10 + r0];
    }
    sum[i0] = v1;
}

// read_probs computes probs (digits.mlx:29:30).
kernel void read_probs(
    device const float *exp_2 [[buffer(0)]],
    device const float *sum [[buffer(1)]],
    device float *probs [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int p = int(point);
    if (p >= B * 10) {
        return;
    }
    const int i1 = p % 10;
    const int i0 = p / 10;
    const float v1 = sum[i0];
    probs[i0 * 10 + i1] = exp_2[i0 * 10 + i1] / v1;
}
