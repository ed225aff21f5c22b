#include <metal_stdlib>
using namespace metal;

// max_float is the larger, or NaN if one is; Metal's own prefers numbers.
float max_float(float x, float y) {
    return isnan(x) || isnan(y) ? NAN : max(x, y);
}

// read_div computes div (digits.mlx:28:16).
// A thread computes 4 neighbours.
kernel void read_div(
    device const float *image [[buffer(0)]],
    device float *div [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 196) {
        return;
    }
    const int part = at;
    const float4 image4 = ((device const float4 *)image)[part];
    float4 div4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        div4[e] = image4[e] / 255.0f;
    }
    ((device float4 *)div)[part] = div4;
}

// read_net_conv1_y computes y (digits.mlx:17:27).
// A threadgroup computes a tile of 64 by 16, a simdgroup a quarter of it, from 16 terms at a time.
kernel void read_net_conv1_y(
    device const float *div [[buffer(0)]],
    device const float *net_conv1_weight [[buffer(1)]],
    device float *y [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint group [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sgid [[simdgroup_index_in_threadgroup]]) {
    const int B = dims[0];
    threadgroup float tileA[1280];
    threadgroup float tileB[320];
    threadgroup float sums[320];
    const int tileM = int(group);
    const int tileN = 0;
    const int m0 = tileM * 64;
    const int n0 = tileN * 16;
    const int row = int(sgid) / 2 * 32;
    const int column = int(sgid) % 2 * 8;
    simdgroup_float8x8 acc[4];
    #pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
        acc[i] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    }
    for (int k0 = 0; k0 < 9; k0 += 16) {
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki / 3;
            const int r1 = ki % 3;
            for (int outer = int(tid) / 16; outer < 64; outer += 8) {
                const int mi = m0 + outer;
                if (mi < B * 784 && ki < 9) {
                    const int i0 = mi / 784;
                    const int i1 = mi / 28 % 28;
                    const int i2 = mi % 28;
                    float v0 = 0.0f;
                    if (0 <= i1 + r0 - 1 && i1 + r0 - 1 < 28 && 0 <= i2 + r1 - 1 && i2 + r1 - 1 < 28) {
                        v0 = div[i0 * 784 + i1 * 28 + i2 + r0 * 28 + r1 - 29];
                    }
                    tileA[outer * 20 + inner] = v0;
                } else {
                    tileA[outer * 20 + inner] = 0.0f;
                }
            }
        }
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki / 3;
            const int r1 = ki % 3;
            for (int outer = int(tid) / 16; outer < 16; outer += 8) {
                const int ni = n0 + outer;
                if (ki < 9) {
                    const int i3 = ni;
                    const float v1 = net_conv1_weight[i3 * 9 + r0 * 3 + r1];
                    tileB[inner * 20 + outer] = v1;
                } else {
                    tileB[inner * 20 + outer] = 0.0f;
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        #pragma clang loop unroll(full)
        for (int term = 0; term < 16; term += 8) {
            simdgroup_float8x8 fragA[4];
            simdgroup_float8x8 fragB[1];
            #pragma clang loop unroll(full)
            for (int i = 0; i < 4; i++) {
                simdgroup_load(fragA[i], tileA + (row + i * 8) * 20 + term, 20);
            }
            #pragma clang loop unroll(full)
            for (int j = 0; j < 1; j++) {
                simdgroup_load(fragB[j], tileB + term * 20 + column + j * 8, 20);
            }
            #pragma clang loop unroll(full)
            for (int i = 0; i < 4; i++) {
                #pragma clang loop unroll(full)
                for (int j = 0; j < 1; j++) {
                    simdgroup_multiply_accumulate(acc[i * 1 + j], fragA[i], fragB[j], acc[i * 1 + j]);
                }
            }
        }
    }
    #pragma clang loop unroll(full)
    for (int down = 0; down < 4; down++) {
        #pragma clang loop unroll(full)
        for (int j = 0; j < 1; j++) {
            simdgroup_store(acc[down * 1 + j], sums + int(sgid) / 2 * 160 + column + j * 8, 20);
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (int flat = int(tid); flat < 256; flat += 128) {
            const int outer = flat / 16;
            const int inner = flat % 16;
            const int mi = m0 + outer / 8 * 32 + down * 8 + outer % 8;
            const int ni = n0 + inner;
            if (mi < B * 784) {
                const int i0 = mi / 784;
                const int i1 = mi / 28 % 28;
                const int i2 = mi % 28;
                const int i3 = ni;
                const float v3 = sums[outer * 20 + inner];
                y[i0 * 12544 + i1 * 448 + i2 * 16 + i3] = v3;
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// read_net_conv1_add computes add (digits.mlx:17:27).
// A thread computes 4 neighbours.
kernel void read_net_conv1_add(
    device const float *y [[buffer(0)]],
    device const float *net_conv1_bias [[buffer(1)]],
    device float *add [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 3136) {
        return;
    }
    const int i0 = at / 4;
    const int part = at % 4;
    const float4 y4 = ((device const float4 *)y)[i0 * 4 + part];
    const float4 net_conv1_bias4 = ((device const float4 *)net_conv1_bias)[part];
    float4 add4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        add4[e] = y4[e] + net_conv1_bias4[e];
    }
    ((device float4 *)add)[i0 * 4 + part] = add4;
}

// read_net_bn1_add computes add_2 (digits.mlx:17:23).
// A thread computes 4 neighbours.
kernel void read_net_bn1_add(
    device const float *net_bn1_running_var [[buffer(0)]],
    device float *add_2 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int at = int(point);
    if (at >= 4) {
        return;
    }
    const int part = at;
    const float4 net_bn1_running_var4 = ((device const float4 *)net_bn1_running_var)[part];
    float4 add_2x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        add_2x4[e] = net_bn1_running_var4[e] + (1e-05f);
    }
    ((device float4 *)add_2)[part] = add_2x4;
}

// read_net_bn1_rsqrt computes rsqrt (digits.mlx:17:23).
// A thread computes 4 neighbours.
kernel void read_net_bn1_rsqrt(
    device const float *add_2 [[buffer(0)]],
    device float *rsqrt_2 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int at = int(point);
    if (at >= 4) {
        return;
    }
    const int part = at;
    const float4 add_2x4 = ((device const float4 *)add_2)[part];
    float4 rsqrt4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        rsqrt4[e] = precise::rsqrt(add_2x4[e]);
    }
    ((device float4 *)rsqrt_2)[part] = rsqrt4;
}

// read_net_bn1_sub computes sub (digits.mlx:17:23).
// A thread computes 4 neighbours.
kernel void read_net_bn1_sub(
    device const float *add [[buffer(0)]],
    device const float *net_bn1_running_mean [[buffer(1)]],
    device float *sub [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 3136) {
        return;
    }
    const int i0 = at / 4;
    const int part = at % 4;
    const float4 add4 = ((device const float4 *)add)[i0 * 4 + part];
    const float4 net_bn1_running_mean4 = ((device const float4 *)net_bn1_running_mean)[part];
    float4 sub4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        sub4[e] = add4[e] - net_bn1_running_mean4[e];
    }
    ((device float4 *)sub)[i0 * 4 + part] = sub4;
}

// read_net_bn1_mul computes mul (digits.mlx:17:23).
// A thread computes 4 neighbours.
kernel void read_net_bn1_mul(
    device const float *sub [[buffer(0)]],
    device const float *rsqrt_2 [[buffer(1)]],
    device float *mul [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 3136) {
        return;
    }
    const int i0 = at / 4;
    const int part = at % 4;
    const float4 sub4 = ((device const float4 *)sub)[i0 * 4 + part];
    const float4 rsqrt4 = ((device const float4 *)rsqrt_2)[part];
    float4 mul4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        mul4[e] = sub4[e] * rsqrt4[e];
    }
    ((device float4 *)mul)[i0 * 4 + part] = mul4;
}

// read_net_relu computes relu (digits.mlx:17:18).
// A thread computes 4 neighbours.
kernel void read_net_relu(
    device const float *add_3 [[buffer(0)]],
    device float *relu [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 3136) {
        return;
    }
    const int part = at;
    const float4 add_3x4 = ((device const float4 *)add_3)[part];
    float4 relu4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        relu4[e] = max_float(add_3x4[e], 0.0f);
    }
    ((device float4 *)relu)[part] = relu4;
}

// read_net_x computes x (digits.mlx:17:9).
kernel void read_net_x(
    device const float *relu [[buffer(0)]],
    device float *x [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 3136) {
        return;
    }
    const int i0 = at / 224;
    const int i1 = at / 16 % 14;
    const int i2 = at % 16;
    float v1 = (-INFINITY);
    for (int r0 = 0; r0 < 2; r0++) {
        for (int r1 = 0; r1 < 2; r1++) {
            v1 = max_float(v1, relu[i0 * 896 + i1 * 32 + i2 + r0 * 448 + r1 * 16]);
        }
    }
    x[i0 * 224 + i1 * 16 + i2] = v1;
}

// read_net_conv2_y_2 computes y_2 (digits.mlx:18:27).
// A threadgroup computes a tile of 64 by 32, a simdgroup a quarter of it, from 16 terms at a time.
kernel void read_net_conv2_y_2(
    device const float *x [[buffer(0)]],
    device const float *net_conv2_weight [[buffer(1)]],
    device float *y_2 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint group [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sgid [[simdgroup_index_in_threadgroup]]) {
    const int B = dims[0];
    threadgroup float tileA[1280];
    threadgroup float tileB[576];
    threadgroup float sums[576];
    const int tileM = int(group);
    const int tileN = 0;
    const int m0 = tileM * 64;
    const int n0 = tileN * 32;
    const int row = int(sgid) / 2 * 32;
    const int column = int(sgid) % 2 * 16;
    simdgroup_float8x8 acc[8];
    #pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
        acc[i] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    }
    for (int k0 = 0; k0 < 144; k0 += 16) {
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki / 48;
            const int r1 = ki / 16 % 3;
            const int r2 = ki % 16;
            for (int outer = int(tid) / 16; outer < 64; outer += 8) {
                const int mi = m0 + outer;
                if (mi < B * 196) {
                    const int i0 = mi / 196;
                    const int i1 = mi / 14 % 14;
                    const int i2 = mi % 14;
                    float v0 = 0.0f;
                    if (0 <= i1 + r0 - 1 && i1 + r0 - 1 < 14 && 0 <= i2 + r1 - 1 && i2 + r1 - 1 < 14) {
                        v0 = x[i0 * 3136 + i1 * 224 + i2 * 16 + r0 * 224 + r1 * 16 + r2 - 240];
                    }
                    tileA[outer * 20 + inner] = v0;
                } else {
                    tileA[outer * 20 + inner] = 0.0f;
                }
            }
        }
        {
            const int inner = int(tid) % 32;
            const int ni = n0 + inner;
            const int i3 = ni;
            for (int outer = int(tid) / 32; outer < 16; outer += 4) {
                const int ki = k0 + outer;
                const int r0 = ki / 48;
                const int r1 = ki / 16 % 3;
                const int r2 = ki % 16;
                const float v1 = net_conv2_weight[i3 * 144 + r0 * 3 + r1 + r2 * 9];
                tileB[outer * 36 + inner] = v1;
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        #pragma clang loop unroll(full)
        for (int term = 0; term < 16; term += 8) {
            simdgroup_float8x8 fragA[4];
            simdgroup_float8x8 fragB[2];
            #pragma clang loop unroll(full)
            for (int i = 0; i < 4; i++) {
                simdgroup_load(fragA[i], tileA + (row + i * 8) * 20 + term, 20);
            }
            #pragma clang loop unroll(full)
            for (int j = 0; j < 2; j++) {
                simdgroup_load(fragB[j], tileB + term * 36 + column + j * 8, 36);
            }
            #pragma clang loop unroll(full)
            for (int i = 0; i < 4; i++) {
                #pragma clang loop unroll(full)
                for (int j = 0; j < 2; j++) {
                    simdgroup_multiply_accumulate(acc[i * 2 + j], fragA[i], fragB[j], acc[i * 2 + j]);
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    #pragma clang loop unroll(full)
    for (int down = 0; down < 4; down++) {
        #pragma clang loop unroll(full)
        for (int j = 0; j < 2; j++) {
            simdgroup_store(acc[down * 2 + j], sums + int(sgid) / 2 * 288 + column + j * 8, 36);
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (int flat = int(tid); flat < 512; flat += 128) {
            const int outer = flat / 32;
            const int inner = flat % 32;
            const int mi = m0 + outer / 8 * 32 + down * 8 + outer % 8;
            const int ni = n0 + inner;
            if (mi < B * 196) {
                const int i0 = mi / 196;
                const int i1 = mi / 14 % 14;
                const int i2 = mi % 14;
                const int i3 = ni;
                const float v3 = sums[outer * 36 + inner];
                y_2[i0 * 6272 + i1 * 448 + i2 * 32 + i3] = v3;
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// read_net_conv2_add computes add_4 (digits.mlx:18:27).
// A thread computes 4 neighbours.
kernel void read_net_conv2_add(
    device const float *y_2 [[buffer(0)]],
    device const float *net_conv2_bias [[buffer(1)]],
    device float *add_4 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 1568) {
        return;
    }
    const int i0 = at / 8;
    const int part = at % 8;
    const float4 y_2x4 = ((device const float4 *)y_2)[i0 * 8 + part];
    const float4 net_conv2_bias4 = ((device const float4 *)net_conv2_bias)[part];
    float4 add_4x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        add_4x4[e] = y_2x4[e] + net_conv2_bias4[e];
    }
    ((device float4 *)add_4)[i0 * 8 + part] = add_4x4;
}

// read_net_bn2_add computes add_5 (digits.mlx:18:23).
// A thread computes 4 neighbours.
kernel void read_net_bn2_add(
    device const float *net_bn2_running_var [[buffer(0)]],
    device float *add_5 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int at = int(point);
    if (at >= 8) {
        return;
    }
    const int part = at;
    const float4 net_bn2_running_var4 = ((device const float4 *)net_bn2_running_var)[part];
    float4 add_5x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        add_5x4[e] = net_bn2_running_var4[e] + (1e-05f);
    }
    ((device float4 *)add_5)[part] = add_5x4;
}

// read_net_bn2_rsqrt computes rsqrt_2 (digits.mlx:18:23).
// A thread computes 4 neighbours.
kernel void read_net_bn2_rsqrt(
    device const float *add_5 [[buffer(0)]],
    device float *rsqrt_2 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int at = int(point);
    if (at >= 8) {
        return;
    }
    const int part = at;
    const float4 add_5x4 = ((device const float4 *)add_5)[part];
    float4 rsqrt_2x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        rsqrt_2x4[e] = precise::rsqrt(add_5x4[e]);
    }
    ((device float4 *)rsqrt_2)[part] = rsqrt_2x4;
}

// read_net_bn2_sub computes sub_2 (digits.mlx:18:23).
// A thread computes 4 neighbours.
kernel void read_net_bn2_sub(
    device const float *add_4 [[buffer(0)]],
    device const float *net_bn2_running_mean [[buffer(1)]],
    device float *sub_2 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 1568) {
        return;
    }
    const int i0 = at / 8;
    const int part = at % 8;
    const float4 add_4x4 = ((device const float4 *)add_4)[i0 * 8 + part];
    const float4 net_bn2_running_mean4 = ((device const float4 *)net_bn2_running_mean)[part];
    float4 sub_2x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        sub_2x4[e] = add_4x4[e] - net_bn2_running_mean4[e];
    }
    ((device float4 *)sub_2)[i0 * 8 + part] = sub_2x4;
}

// read_net_bn2_mul computes mul_3 (digits.mlx:18:23).
// A thread computes 4 neighbours.
kernel void read_net_bn2_mul(
    device const float *sub_2 [[buffer(0)]],
    device const float *rsqrt_2 [[buffer(1)]],
    device float *mul_3 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 1568) {
        return;
    }
    const int i0 = at / 8;
    const int part = at % 8;
    const float4 sub_2x4 = ((device const float4 *)sub_2)[i0 * 8 + part];
    const float4 rsqrt_2x4 = ((device const float4 *)rsqrt_2)[part];
    float4 mul_3x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        mul_3x4[e] = sub_2x4[e] * rsqrt_2x4[e];
    }
    ((device float4 *)mul_3)[i0 * 8 + part] = mul_3x4;
}

// read_net_relu_2 computes relu_2 (digits.mlx:18:18).
// A thread computes 4 neighbours.
kernel void read_net_relu_2(
    device const float *add_6 [[buffer(0)]],
    device float *relu_2 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 1568) {
        return;
    }
    const int part = at;
    const float4 add_6x4 = ((device const float4 *)add_6)[part];
    float4 relu_2x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        relu_2x4[e] = max_float(add_6x4[e], 0.0f);
    }
    ((device float4 *)relu_2)[part] = relu_2x4;
}

// read_net_x_2 computes x_2 (digits.mlx:18:9).
kernel void read_net_x_2(
    device const float *relu_2 [[buffer(0)]],
    device float *x_2 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 1568) {
        return;
    }
    const int i0 = at / 224;
    const int i1 = at / 32 % 7;
    const int i2 = at % 32;
    float v1 = (-INFINITY);
    for (int r0 = 0; r0 < 2; r0++) {
        for (int r1 = 0; r1 < 2; r1++) {
            v1 = max_float(v1, relu_2[i0 * 896 + i1 * 64 + i2 + r0 * 448 + r1 * 32]);
        }
    }
    x_2[i0 * 224 + i1 * 32 + i2] = v1;
}

// read_net_conv3_y_3 computes y_3 (digits.mlx:19:27).
// A threadgroup computes a tile of 64 by 32, a simdgroup a quarter of it, from 16 terms at a time.
kernel void read_net_conv3_y_3(
    device const float *x_2 [[buffer(0)]],
    device const float *net_conv3_weight [[buffer(1)]],
    device float *y_3 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint group [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sgid [[simdgroup_index_in_threadgroup]]) {
    const int B = dims[0];
    threadgroup float tileA[1280];
    threadgroup float tileB[576];
    threadgroup float sums[576];
    const int tileM = int(group) / 2;
    const int tileN = int(group) % 2;
    const int m0 = tileM * 64;
    const int n0 = tileN * 32;
    const int row = int(sgid) / 2 * 32;
    const int column = int(sgid) % 2 * 16;
    simdgroup_float8x8 acc[8];
    #pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
        acc[i] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    }
    for (int k0 = 0; k0 < 288; k0 += 16) {
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki / 96;
            const int r1 = ki / 32 % 3;
            const int r2 = ki % 32;
            for (int outer = int(tid) / 16; outer < 64; outer += 8) {
                const int mi = m0 + outer;
                if (mi < B * 49) {
                    const int i0 = mi / 49;
                    const int i1 = mi / 7 % 7;
                    const int i2 = mi % 7;
                    float v0 = 0.0f;
                    if (0 <= i1 + r0 - 1 && i1 + r0 - 1 < 7 && 0 <= i2 + r1 - 1 && i2 + r1 - 1 < 7) {
                        v0 = x_2[i0 * 1568 + i1 * 224 + i2 * 32 + r0 * 224 + r1 * 32 + r2 - 256];
                    }
                    tileA[outer * 20 + inner] = v0;
                } else {
                    tileA[outer * 20 + inner] = 0.0f;
                }
            }
        }
        {
            const int inner = int(tid) % 32;
            const int ni = n0 + inner;
            const int i3 = ni;
            for (int outer = int(tid) / 32; outer < 16; outer += 4) {
                const int ki = k0 + outer;
                const int r0 = ki / 96;
                const int r1 = ki / 32 % 3;
                const int r2 = ki % 32;
                const float v1 = net_conv3_weight[i3 * 288 + r0 * 3 + r1 + r2 * 9];
                tileB[outer * 36 + inner] = v1;
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        #pragma clang loop unroll(full)
        for (int term = 0; term < 16; term += 8) {
            simdgroup_float8x8 fragA[4];
            simdgroup_float8x8 fragB[2];
            #pragma clang loop unroll(full)
            for (int i = 0; i < 4; i++) {
                simdgroup_load(fragA[i], tileA + (row + i * 8) * 20 + term, 20);
            }
            #pragma clang loop unroll(full)
            for (int j = 0; j < 2; j++) {
                simdgroup_load(fragB[j], tileB + term * 36 + column + j * 8, 36);
            }
            #pragma clang loop unroll(full)
            for (int i = 0; i < 4; i++) {
                #pragma clang loop unroll(full)
                for (int j = 0; j < 2; j++) {
                    simdgroup_multiply_accumulate(acc[i * 2 + j], fragA[i], fragB[j], acc[i * 2 + j]);
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    #pragma clang loop unroll(full)
    for (int down = 0; down < 4; down++) {
        #pragma clang loop unroll(full)
        for (int j = 0; j < 2; j++) {
            simdgroup_store(acc[down * 2 + j], sums + int(sgid) / 2 * 288 + column + j * 8, 36);
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (int flat = int(tid); flat < 512; flat += 128) {
            const int outer = flat / 32;
            const int inner = flat % 32;
            const int mi = m0 + outer / 8 * 32 + down * 8 + outer % 8;
            const int ni = n0 + inner;
            if (mi < B * 49) {
                const int i0 = mi / 49;
                const int i1 = mi / 7 % 7;
                const int i2 = mi % 7;
                const int i3 = ni;
                const float v3 = sums[outer * 36 + inner];
                y_3[i0 * 3136 + i1 * 448 + i2 * 64 + i3] = v3;
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// read_net_conv3_add computes add_7 (digits.mlx:19:27).
// A thread computes 4 neighbours.
kernel void read_net_conv3_add(
    device const float *y_3 [[buffer(0)]],
    device const float *net_conv3_bias [[buffer(1)]],
    device float *add_7 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 784) {
        return;
    }
    const int i0 = at / 16;
    const int part = at % 16;
    const float4 y_3x4 = ((device const float4 *)y_3)[i0 * 16 + part];
    const float4 net_conv3_bias4 = ((device const float4 *)net_conv3_bias)[part];
    float4 add_7x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        add_7x4[e] = y_3x4[e] + net_conv3_bias4[e];
    }
    ((device float4 *)add_7)[i0 * 16 + part] = add_7x4;
}

// read_net_bn3_add computes add_8 (digits.mlx:19:23).
// A thread computes 4 neighbours.
kernel void read_net_bn3_add(
    device const float *net_bn3_running_var [[buffer(0)]],
    device float *add_8 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int at = int(point);
    if (at >= 16) {
        return;
    }
    const int part = at;
    const float4 net_bn3_running_var4 = ((device const float4 *)net_bn3_running_var)[part];
    float4 add_8x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        add_8x4[e] = net_bn3_running_var4[e] + (1e-05f);
    }
    ((device float4 *)add_8)[part] = add_8x4;
}

// read_net_bn3_rsqrt computes rsqrt_3 (digits.mlx:19:23).
// A thread computes 4 neighbours.
kernel void read_net_bn3_rsqrt(
    device const float *add_8 [[buffer(0)]],
    device float *rsqrt_3 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int at = int(point);
    if (at >= 16) {
        return;
    }
    const int part = at;
    const float4 add_8x4 = ((device const float4 *)add_8)[part];
    float4 rsqrt_3x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        rsqrt_3x4[e] = precise::rsqrt(add_8x4[e]);
    }
    ((device float4 *)rsqrt_3)[part] = rsqrt_3x4;
}

// read_net_bn3_sub computes sub_3 (digits.mlx:19:23).
// A thread computes 4 neighbours.
kernel void read_net_bn3_sub(
    device const float *add_7 [[buffer(0)]],
    device const float *net_bn3_running_mean [[buffer(1)]],
    device float *sub_3 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 784) {
        return;
    }
    const int i0 = at / 16;
    const int part = at % 16;
    const float4 add_7x4 = ((device const float4 *)add_7)[i0 * 16 + part];
    const float4 net_bn3_running_mean4 = ((device const float4 *)net_bn3_running_mean)[part];
    float4 sub_3x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        sub_3x4[e] = add_7x4[e] - net_bn3_running_mean4[e];
    }
    ((device float4 *)sub_3)[i0 * 16 + part] = sub_3x4;
}

// read_net_bn3_mul computes mul_5 (digits.mlx:19:23).
// A thread computes 4 neighbours.
kernel void read_net_bn3_mul(
    device const float *sub_3 [[buffer(0)]],
    device const float *rsqrt_3 [[buffer(1)]],
    device float *mul_5 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 784) {
        return;
    }
    const int i0 = at / 16;
    const int part = at % 16;
    const float4 sub_3x4 = ((device const float4 *)sub_3)[i0 * 16 + part];
    const float4 rsqrt_3x4 = ((device const float4 *)rsqrt_3)[part];
    float4 mul_5x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        mul_5x4[e] = sub_3x4[e] * rsqrt_3x4[e];
    }
    ((device float4 *)mul_5)[i0 * 16 + part] = mul_5x4;
}

// read_net_relu_3 computes relu_3 (digits.mlx:19:18).
// A thread computes 4 neighbours.
kernel void read_net_relu_3(
    device const float *add_9 [[buffer(0)]],
    device float *relu_3 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 784) {
        return;
    }
    const int part = at;
    const float4 add_9x4 = ((device const float4 *)add_9)[part];
    float4 relu_3x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        relu_3x4[e] = max_float(add_9x4[e], 0.0f);
    }
    ((device float4 *)relu_3)[part] = relu_3x4;
}

// read_net_x_3 computes x_3 (digits.mlx:19:9).
kernel void read_net_x_3(
    device const float *relu_3 [[buffer(0)]],
    device float *x_3 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 576) {
        return;
    }
    const int i0 = at / 576;
    const int i1 = at / 192 % 3;
    const int i2 = at / 64 % 3;
    const int i3 = at % 64;
    float v1 = (-INFINITY);
    for (int r0 = 0; r0 < 2; r0++) {
        for (int r1 = 0; r1 < 2; r1++) {
            v1 = max_float(v1, relu_3[i0 * 3136 + i1 * 896 + i2 * 128 + i3 + r0 * 448 + r1 * 64]);
        }
    }
    x_3[i0 * 576 + i1 * 192 + i2 * 64 + i3] = v1;
}

// read_net_fc_matmul computes matmul (digits.mlx:20:12).
// A threadgroup computes a tile of 64 by 16, a simdgroup a quarter of it, from 16 terms at a time.
kernel void read_net_fc_matmul(
    device const float *x_3 [[buffer(0)]],
    device const float *net_fc_weight [[buffer(1)]],
    device float *matmul [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint group [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sgid [[simdgroup_index_in_threadgroup]]) {
    const int B = dims[0];
    threadgroup float tileA[1280];
    threadgroup float tileB[320];
    threadgroup float sums[320];
    const int tileM = int(group);
    const int tileN = 0;
    const int m0 = tileM * 64;
    const int n0 = tileN * 16;
    const int row = int(sgid) / 2 * 32;
    const int column = int(sgid) % 2 * 8;
    simdgroup_float8x8 acc[4];
    #pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
        acc[i] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    }
    for (int k0 = 0; k0 < 576; k0 += 16) {
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki;
            for (int outer = int(tid) / 16; outer < 64; outer += 8) {
                const int mi = m0 + outer;
                if (mi < B) {
                    const int i0 = mi;
                    const float v0 = x_3[i0 * 576 + r0];
                    tileA[outer * 20 + inner] = v0;
                } else {
                    tileA[outer * 20 + inner] = 0.0f;
                }
            }
        }
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki;
            for (int outer = int(tid) / 16; outer < 16; outer += 8) {
                const int ni = n0 + outer;
                if (ni < 10) {
                    const int i1 = ni;
                    const float v1 = net_fc_weight[i1 * 576 + r0];
                    tileB[inner * 20 + outer] = v1;
                } else {
                    tileB[inner * 20 + outer] = 0.0f;
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        #pragma clang loop unroll(full)
        for (int term = 0; term < 16; term += 8) {
            simdgroup_float8x8 fragA[4];
            simdgroup_float8x8 fragB[1];
            #pragma clang loop unroll(full)
            for (int i = 0; i < 4; i++) {
                simdgroup_load(fragA[i], tileA + (row + i * 8) * 20 + term, 20);
            }
            #pragma clang loop unroll(full)
            for (int j = 0; j < 1; j++) {
                simdgroup_load(fragB[j], tileB + term * 20 + column + j * 8, 20);
            }
            #pragma clang loop unroll(full)
            for (int i = 0; i < 4; i++) {
                #pragma clang loop unroll(full)
                for (int j = 0; j < 1; j++) {
                    simdgroup_multiply_accumulate(acc[i * 1 + j], fragA[i], fragB[j], acc[i * 1 + j]);
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    #pragma clang loop unroll(full)
    for (int down = 0; down < 4; down++) {
        #pragma clang loop unroll(full)
        for (int j = 0; j < 1; j++) {
            simdgroup_store(acc[down * 1 + j], sums + int(sgid) / 2 * 160 + column + j * 8, 20);
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (int flat = int(tid); flat < 256; flat += 128) {
            const int outer = flat / 16;
            const int inner = flat % 16;
            const int mi = m0 + outer / 8 * 32 + down * 8 + outer % 8;
            const int ni = n0 + inner;
            if (mi < B && ni < 10) {
                const int i0 = mi;
                const int i1 = ni;
                const float v3 = sums[outer * 20 + inner];
                matmul[i0 * 10 + i1] = v3;
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// read_net_fc_logits computes logits (digits.mlx:20:12).
kernel void read_net_fc_logits(
    device const float *matmul [[buffer(0)]],
    device const float *net_fc_bias [[buffer(1)]],
    device float *logits [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 10) {
        return;
    }
    const int i0 = at / 10;
    const int i1 = at % 10;
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
    const int at = int(point);
    if (at >= B) {
        return;
    }
    const int i0 = at;
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
    const int at = int(point);
    if (at >= B) {
        return;
    }
    const int i0 = at;
    float v1 = (-INFINITY);
    for (int r0 = 0; r0 < 10; r0++) {
        v1 = max_float(v1, logits[i0 * 10 + r0]);
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
    const int at = int(point);
    if (at >= B * 10) {
        return;
    }
    const int i0 = at / 10;
    const int i1 = at % 10;
    const float v1 = max_2[i0];
    sub_4[i0 * 10 + i1] = logits[i0 * 10 + i1] - v1;
}

// read_exp computes exp (digits.mlx:29:30).
// A thread computes 4 neighbours.
kernel void read_exp(
    device const float *sub_4 [[buffer(0)]],
    device float *exp_2 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= ((B * 10 + 3) / 4)) {
        return;
    }
    const int part = at;
    if (part * 4 + 4 <= B * 10) {
        const float4 sub_4x4 = ((device const float4 *)sub_4)[part];
        float4 exp4;
        #pragma clang loop unroll(full)
        for (int e = 0; e < 4; e++) {
            exp4[e] = precise::exp(sub_4x4[e]);
        }
        ((device float4 *)exp_2)[part] = exp4;
    } else {
        for (int i0 = part * 4; i0 < B * 10; i0++) {
            exp_2[i0] = precise::exp(sub_4[i0]);
        }
    }
}

// read_sum computes sum (digits.mlx:29:30).
kernel void read_sum(
    device const float *exp_2 [[buffer(0)]],
    device float *sum [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B) {
        return;
    }
    const int i0 = at;
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
    const int at = int(point);
    if (at >= B * 10) {
        return;
    }
    const int i0 = at / 10;
    const int i1 = at % 10;
    const float v1 = sum[i0];
    probs[i0 * 10 + i1] = exp_2[i0 * 10 + i1] / v1;
}
