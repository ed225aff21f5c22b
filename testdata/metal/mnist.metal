#include <metal_stdlib>
using namespace metal;

// max_float is the larger, or NaN if one is; Metal's own prefers numbers.
float max_float(float x, float y) {
    return isnan(x) || isnan(y) ? NAN : max(x, y);
}

// predict_div computes div (mnist.mlx:28:17).
// A thread computes 4 neighbours.
kernel void predict_div(
    device const float *x [[buffer(0)]],
    device float *div [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 196) {
        return;
    }
    const int part = at;
    const float4 x4 = ((device const float4 *)x)[part];
    float4 div4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        div4[e] = x4[e] / 255.0f;
    }
    ((device float4 *)div)[part] = div4;
}

// predict_sub computes sub (mnist.mlx:28:17).
// A thread computes 4 neighbours.
kernel void predict_sub(
    device const float *div [[buffer(0)]],
    device float *sub [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 196) {
        return;
    }
    const int part = at;
    const float4 div4 = ((device const float4 *)div)[part];
    float4 sub4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        sub4[e] = div4[e] - 0.1307f;
    }
    ((device float4 *)sub)[part] = sub4;
}

// predict_div_2 computes div_2 (mnist.mlx:28:17).
// A thread computes 4 neighbours.
kernel void predict_div_2(
    device const float *sub [[buffer(0)]],
    device float *div_2 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 196) {
        return;
    }
    const int part = at;
    const float4 sub4 = ((device const float4 *)sub)[part];
    float4 div_2x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        div_2x4[e] = sub4[e] / 0.3081f;
    }
    ((device float4 *)div_2)[part] = div_2x4;
}

// predict_conv1_y computes y (mnist.mlx:17:36).
// A threadgroup computes a tile of 64 by 16, a simdgroup a quarter of it, from 16 terms at a time.
kernel void predict_conv1_y(
    device const float *div_2 [[buffer(0)]],
    device const float *conv1_weight [[buffer(1)]],
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
                if (mi < B * 676 && ki < 9) {
                    const int i0 = mi / 676;
                    const int i1 = mi / 26 % 26;
                    const int i2 = mi % 26;
                    const float v0 = div_2[i0 * 784 + i1 * 28 + i2 + r0 * 28 + r1];
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
                if (ki < 9 && ni < 8) {
                    const int i3 = ni;
                    const float v1 = conv1_weight[i3 * 9 + r0 * 3 + r1];
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
            if (mi < B * 676 && ni < 8) {
                const int i0 = mi / 676;
                const int i1 = mi / 26 % 26;
                const int i2 = mi % 26;
                const int i3 = ni;
                const float v3 = sums[outer * 20 + inner];
                y[i0 * 5408 + i1 * 208 + i2 * 8 + i3] = v3;
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// predict_conv1_add computes add (mnist.mlx:17:36).
// A thread computes 4 neighbours.
kernel void predict_conv1_add(
    device const float *y [[buffer(0)]],
    device const float *conv1_bias [[buffer(1)]],
    device float *add [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 1352) {
        return;
    }
    const int i0 = at / 2;
    const int part = at % 2;
    const float4 y4 = ((device const float4 *)y)[i0 * 2 + part];
    const float4 conv1_bias4 = ((device const float4 *)conv1_bias)[part];
    float4 add4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        add4[e] = y4[e] + conv1_bias4[e];
    }
    ((device float4 *)add)[i0 * 2 + part] = add4;
}

// predict_relu computes relu (mnist.mlx:17:31).
// A thread computes 4 neighbours.
kernel void predict_relu(
    device const float *add [[buffer(0)]],
    device float *relu [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 1352) {
        return;
    }
    const int part = at;
    const float4 add4 = ((device const float4 *)add)[part];
    float4 relu4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        relu4[e] = max_float(add4[e], 0.0f);
    }
    ((device float4 *)relu)[part] = relu4;
}

// predict_conv2_y_2 computes y_2 (mnist.mlx:17:25).
// A threadgroup computes a tile of 64 by 16, a simdgroup a quarter of it, from 16 terms at a time.
kernel void predict_conv2_y_2(
    device const float *relu [[buffer(0)]],
    device const float *conv2_weight [[buffer(1)]],
    device float *y_2 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint group [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sgid [[simdgroup_index_in_threadgroup]]) {
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
    for (int k0 = 0; k0 < 72; k0 += 16) {
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki / 24;
            const int r1 = ki / 8 % 3;
            const int r2 = ki % 8;
            for (int outer = int(tid) / 16; outer < 64; outer += 8) {
                const int mi = m0 + outer;
                if (ki < 72) {
                    const int i0 = mi / 576;
                    const int i1 = mi / 24 % 24;
                    const int i2 = mi % 24;
                    const float v0 = relu[i0 * 5408 + i1 * 208 + i2 * 8 + r0 * 208 + r1 * 8 + r2];
                    tileA[outer * 20 + inner] = v0;
                } else {
                    tileA[outer * 20 + inner] = 0.0f;
                }
            }
        }
        {
            const int inner = int(tid) % 16;
            const int ni = n0 + inner;
            const int i3 = ni;
            for (int outer = int(tid) / 16; outer < 16; outer += 8) {
                const int ki = k0 + outer;
                if (ki < 72) {
                    const int r0 = ki / 24;
                    const int r1 = ki / 8 % 3;
                    const int r2 = ki % 8;
                    const float v1 = conv2_weight[i3 * 72 + r0 * 3 + r1 + r2 * 9];
                    tileB[outer * 20 + inner] = v1;
                } else {
                    tileB[outer * 20 + inner] = 0.0f;
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
            const int i0 = mi / 576;
            const int i1 = mi / 24 % 24;
            const int i2 = mi % 24;
            const int i3 = ni;
            const float v3 = sums[outer * 20 + inner];
            y_2[i0 * 9216 + i1 * 384 + i2 * 16 + i3] = v3;
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// predict_conv2_add computes add_2 (mnist.mlx:17:25).
// A thread computes 4 neighbours.
kernel void predict_conv2_add(
    device const float *y_2 [[buffer(0)]],
    device const float *conv2_bias [[buffer(1)]],
    device float *add_2 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int at = int(point);
    const int i0 = at / 4;
    const int part = at % 4;
    const float4 y_2x4 = ((device const float4 *)y_2)[i0 * 4 + part];
    const float4 conv2_bias4 = ((device const float4 *)conv2_bias)[part];
    float4 add_2x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        add_2x4[e] = y_2x4[e] + conv2_bias4[e];
    }
    ((device float4 *)add_2)[i0 * 4 + part] = add_2x4;
}

// predict_relu_2 computes relu_2 (mnist.mlx:17:20).
// A thread computes 4 neighbours.
kernel void predict_relu_2(
    device const float *add_2 [[buffer(0)]],
    device float *relu_2 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int at = int(point);
    const int part = at;
    const float4 add_2x4 = ((device const float4 *)add_2)[part];
    float4 relu_2x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        relu_2x4[e] = max_float(add_2x4[e], 0.0f);
    }
    ((device float4 *)relu_2)[part] = relu_2x4;
}

// predict_conv3_y_3 computes y_3 (mnist.mlx:17:14).
// A threadgroup computes a tile of 64 by 32, a simdgroup a quarter of it, from 16 terms at a time.
kernel void predict_conv3_y_3(
    device const float *relu_2 [[buffer(0)]],
    device const float *conv3_weight [[buffer(1)]],
    device float *y_3 [[buffer(2)]],
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
                if (mi < B * 484) {
                    const int i0 = mi / 484;
                    const int i1 = mi / 22 % 22;
                    const int i2 = mi % 22;
                    const float v0 = relu_2[i0 * 9216 + i1 * 384 + i2 * 16 + r0 * 384 + r1 * 16 + r2];
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
                if (ni < 24) {
                    const int r0 = ki / 48;
                    const int r1 = ki / 16 % 3;
                    const int r2 = ki % 16;
                    const float v1 = conv3_weight[i3 * 144 + r0 * 3 + r1 + r2 * 9];
                    tileB[outer * 36 + inner] = v1;
                } else {
                    tileB[outer * 36 + inner] = 0.0f;
                }
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
            if (mi < B * 484 && ni < 24) {
                const int i0 = mi / 484;
                const int i1 = mi / 22 % 22;
                const int i2 = mi % 22;
                const int i3 = ni;
                const float v3 = sums[outer * 36 + inner];
                y_3[i0 * 11616 + i1 * 528 + i2 * 24 + i3] = v3;
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// predict_conv3_add computes add_3 (mnist.mlx:17:14).
// A thread computes 4 neighbours.
kernel void predict_conv3_add(
    device const float *y_3 [[buffer(0)]],
    device const float *conv3_bias [[buffer(1)]],
    device float *add_3 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 2904) {
        return;
    }
    const int i0 = at / 6;
    const int part = at % 6;
    const float4 y_3x4 = ((device const float4 *)y_3)[i0 * 6 + part];
    const float4 conv3_bias4 = ((device const float4 *)conv3_bias)[part];
    float4 add_3x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        add_3x4[e] = y_3x4[e] + conv3_bias4[e];
    }
    ((device float4 *)add_3)[i0 * 6 + part] = add_3x4;
}

// predict_x_2 computes x_2 (mnist.mlx:17:9).
// A thread computes 4 neighbours.
kernel void predict_x_2(
    device const float *add_3 [[buffer(0)]],
    device float *x_2 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 2904) {
        return;
    }
    const int part = at;
    const float4 add_3x4 = ((device const float4 *)add_3)[part];
    float4 x_2x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        x_2x4[e] = max_float(add_3x4[e], 0.0f);
    }
    ((device float4 *)x_2)[part] = x_2x4;
}

// predict_norm1_add computes add_4 (mnist.mlx:19:9).
// A thread computes 4 neighbours.
kernel void predict_norm1_add(
    device const float *norm1_running_var [[buffer(0)]],
    device float *add_4 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int at = int(point);
    if (at >= 6) {
        return;
    }
    const int part = at;
    const float4 norm1_running_var4 = ((device const float4 *)norm1_running_var)[part];
    float4 add_4x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        add_4x4[e] = norm1_running_var4[e] + (1e-05f);
    }
    ((device float4 *)add_4)[part] = add_4x4;
}

// predict_norm1_rsqrt computes rsqrt (mnist.mlx:19:9).
// A thread computes 4 neighbours.
kernel void predict_norm1_rsqrt(
    device const float *add_4 [[buffer(0)]],
    device float *rsqrt_2 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int at = int(point);
    if (at >= 6) {
        return;
    }
    const int part = at;
    const float4 add_4x4 = ((device const float4 *)add_4)[part];
    float4 rsqrt4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        rsqrt4[e] = precise::rsqrt(add_4x4[e]);
    }
    ((device float4 *)rsqrt_2)[part] = rsqrt4;
}

// predict_norm1_sub computes sub_2 (mnist.mlx:19:9).
// A thread computes 4 neighbours.
kernel void predict_norm1_sub(
    device const float *x_2 [[buffer(0)]],
    device const float *norm1_running_mean [[buffer(1)]],
    device float *sub_2 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 2904) {
        return;
    }
    const int i0 = at / 6;
    const int part = at % 6;
    const float4 x_2x4 = ((device const float4 *)x_2)[i0 * 6 + part];
    const float4 norm1_running_mean4 = ((device const float4 *)norm1_running_mean)[part];
    float4 sub_2x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        sub_2x4[e] = x_2x4[e] - norm1_running_mean4[e];
    }
    ((device float4 *)sub_2)[i0 * 6 + part] = sub_2x4;
}

// predict_norm1_mul computes mul (mnist.mlx:19:9).
// A thread computes 4 neighbours.
kernel void predict_norm1_mul(
    device const float *sub_2 [[buffer(0)]],
    device const float *rsqrt_2 [[buffer(1)]],
    device float *mul [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 2904) {
        return;
    }
    const int i0 = at / 6;
    const int part = at % 6;
    const float4 sub_2x4 = ((device const float4 *)sub_2)[i0 * 6 + part];
    const float4 rsqrt4 = ((device const float4 *)rsqrt_2)[part];
    float4 mul4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        mul4[e] = sub_2x4[e] * rsqrt4[e];
    }
    ((device float4 *)mul)[i0 * 6 + part] = mul4;
}

// predict_fc1_matmul computes matmul (mnist.mlx:20:27).
// A threadgroup computes a tile of 64 by 32, a simdgroup a quarter of it, from 16 terms at a time.
kernel void predict_fc1_matmul(
    device const float *add_5 [[buffer(0)]],
    device const float *fc1_weight [[buffer(1)]],
    device float *matmul [[buffer(2)]],
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
    for (int k0 = 0; k0 < 11616; k0 += 16) {
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki / 484;
            const int r1 = ki % 484;
            for (int outer = int(tid) / 16; outer < 64; outer += 8) {
                const int mi = m0 + outer;
                if (mi < B) {
                    const int i0 = mi;
                    const float v0 = add_5[i0 * 11616 + r0 + r1 * 24];
                    tileA[outer * 20 + inner] = v0;
                } else {
                    tileA[outer * 20 + inner] = 0.0f;
                }
            }
        }
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki / 484;
            const int r1 = ki % 484;
            for (int outer = int(tid) / 16; outer < 32; outer += 8) {
                const int ni = n0 + outer;
                const int i1 = ni;
                const float v1 = fc1_weight[i1 * 11616 + r0 * 484 + r1];
                tileB[inner * 36 + outer] = v1;
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
            if (mi < B) {
                const int i0 = mi;
                const int i1 = ni;
                const float v3 = sums[outer * 36 + inner];
                matmul[i0 * 32 + i1] = v3;
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// predict_fc1_add computes add_6 (mnist.mlx:20:27).
// A thread computes 4 neighbours.
kernel void predict_fc1_add(
    device const float *matmul [[buffer(0)]],
    device const float *fc1_bias [[buffer(1)]],
    device float *add_6 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 8) {
        return;
    }
    const int i0 = at / 8;
    const int part = at % 8;
    const float4 matmul4 = ((device const float4 *)matmul)[i0 * 8 + part];
    const float4 fc1_bias4 = ((device const float4 *)fc1_bias)[part];
    float4 add_6x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        add_6x4[e] = matmul4[e] + fc1_bias4[e];
    }
    ((device float4 *)add_6)[i0 * 8 + part] = add_6x4;
}

// predict_relu_3 computes relu_3 (mnist.mlx:20:22).
// A thread computes 4 neighbours.
kernel void predict_relu_3(
    device const float *add_6 [[buffer(0)]],
    device float *relu_3 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 8) {
        return;
    }
    const int part = at;
    const float4 add_6x4 = ((device const float4 *)add_6)[part];
    float4 relu_3x4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        relu_3x4[e] = max_float(add_6x4[e], 0.0f);
    }
    ((device float4 *)relu_3)[part] = relu_3x4;
}

// predict_fc2_matmul computes matmul_2 (mnist.mlx:20:18).
// A threadgroup computes a tile of 64 by 16, a simdgroup a quarter of it, from 16 terms at a time.
kernel void predict_fc2_matmul(
    device const float *relu_3 [[buffer(0)]],
    device const float *fc2_weight [[buffer(1)]],
    device float *matmul_2 [[buffer(2)]],
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
    for (int k0 = 0; k0 < 32; k0 += 16) {
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki;
            for (int outer = int(tid) / 16; outer < 64; outer += 8) {
                const int mi = m0 + outer;
                if (mi < B) {
                    const int i0 = mi;
                    const float v0 = relu_3[i0 * 32 + r0];
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
                    const float v1 = fc2_weight[i1 * 32 + r0];
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
                matmul_2[i0 * 10 + i1] = v3;
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// predict_fc2_add computes add_7 (mnist.mlx:20:18).
kernel void predict_fc2_add(
    device const float *matmul_2 [[buffer(0)]],
    device const float *fc2_bias [[buffer(1)]],
    device float *add_7 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 10) {
        return;
    }
    const int i0 = at / 10;
    const int i1 = at % 10;
    const float v1 = fc2_bias[i1];
    add_7[i0 * 10 + i1] = matmul_2[i0 * 10 + i1] + v1;
}

// predict_norm2_add computes add_8 (mnist.mlx:20:12).
// A thread computes 4 neighbours.
kernel void predict_norm2_add(
    device const float *norm2_running_var [[buffer(0)]],
    device float *add_8 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int at = int(point);
    if (at >= 3) {
        return;
    }
    const int part = at;
    if (part * 4 + 4 <= 10) {
        const float4 norm2_running_var4 = ((device const float4 *)norm2_running_var)[part];
        float4 add_8x4;
        #pragma clang loop unroll(full)
        for (int e = 0; e < 4; e++) {
            add_8x4[e] = norm2_running_var4[e] + (1e-05f);
        }
        ((device float4 *)add_8)[part] = add_8x4;
    } else {
        for (int i0 = part * 4; i0 < 10; i0++) {
            add_8[i0] = norm2_running_var[i0] + (1e-05f);
        }
    }
}

// predict_norm2_rsqrt computes rsqrt_2 (mnist.mlx:20:12).
// A thread computes 4 neighbours.
kernel void predict_norm2_rsqrt(
    device const float *add_8 [[buffer(0)]],
    device float *rsqrt_2 [[buffer(1)]],
    uint point [[thread_position_in_grid]]) {
    const int at = int(point);
    if (at >= 3) {
        return;
    }
    const int part = at;
    if (part * 4 + 4 <= 10) {
        const float4 add_8x4 = ((device const float4 *)add_8)[part];
        float4 rsqrt_2x4;
        #pragma clang loop unroll(full)
        for (int e = 0; e < 4; e++) {
            rsqrt_2x4[e] = precise::rsqrt(add_8x4[e]);
        }
        ((device float4 *)rsqrt_2)[part] = rsqrt_2x4;
    } else {
        for (int i0 = part * 4; i0 < 10; i0++) {
            rsqrt_2[i0] = precise::rsqrt(add_8[i0]);
        }
    }
}

// predict_norm2_sub computes sub_3 (mnist.mlx:20:12).
kernel void predict_norm2_sub(
    device const float *add_7 [[buffer(0)]],
    device const float *norm2_running_mean [[buffer(1)]],
    device float *sub_3 [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 10) {
        return;
    }
    const int i0 = at / 10;
    const int i1 = at % 10;
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
    const int at = int(point);
    if (at >= B * 10) {
        return;
    }
    const int i0 = at / 10;
    const int i1 = at % 10;
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
