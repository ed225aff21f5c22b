#include <metal_stdlib>
using namespace metal;

// max_float is the larger, or NaN if one is; Metal's own prefers numbers.
float max_float(float x, float y) {
    return isnan(x) || isnan(y) ? NAN : max(x, y);
}

// div_long is x / y rounded down, 0 for y = 0.
long div_long(long x, long y) {
    if (y == 0) {
        return long(0);
    }
    if (y == -1) {
        return long(ulong(0) - ulong(x));
    }
    const long quotient = long(x / y);
    return quotient * y != x && (x < 0) != (y < 0) ? long(quotient - 1) : quotient;
}

// rows_which computes which.
// A simdgroup computes a point, 4 of them share a threadgroup.
kernel void rows_which(
    device const int *z [[buffer(0)]],
    device int *which [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint group [[threadgroup_position_in_grid]],
    uint sgid [[simdgroup_index_in_threadgroup]],
    uint lane [[thread_index_in_simdgroup]]) {
    const int B = dims[0];
    const int at = int(group) * 4 + int(sgid);
    if (at >= B) {
        return;
    }
    const int i0 = at;
    int v1Best = (-2147483647 - 1);
    int v1 = 0;
    for (int r0 = int(lane); r0 < 70; r0 += 32) {
        const int v1Elem = z[i0 * 70 + r0];
        if (v1Elem > v1Best) {
            v1Best = v1Elem;
            v1 = int(r0);
        }
    }
    for (uint step = 16u; step > 0u; step /= 2u) {
        const int v1BestOther = int(simd_shuffle(uint(v1Best), ushort(lane ^ step)));
        const int v1Other = int(simd_shuffle(uint(v1), ushort(lane ^ step)));
        if (v1BestOther > v1Best || (!(v1Best > v1BestOther) && v1Other < v1)) {
            v1Best = v1BestOther;
            v1 = v1Other;
        }
    }
    if (lane == 0u) {
        which[i0] = v1;
    }
}

// rows_far computes most, far.
// A threadgroup of 256 threads computes a point.
kernel void rows_far(
    device const float *y [[buffer(0)]],
    device float *most [[buffer(1)]],
    device int *far [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint group [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sgid [[simdgroup_index_in_threadgroup]],
    uint lane [[thread_index_in_simdgroup]]) {
    const int i0 = int(group);
    float v1Best = INFINITY;
    int v1 = 0;
    float v2 = (-INFINITY);
    for (int r0 = int(tid); r0 < 1500; r0 += 256) {
        const float v0 = y[i0 * 1500 + r0];
        const float v1Elem = v0;
        if (v1Elem < v1Best || (isnan(v1Elem) && !isnan(v1Best))) {
            v1Best = v1Elem;
            v1 = int(r0);
        }
        v2 = max_float(v2, v0);
    }
    for (uint step = 16u; step > 0u; step /= 2u) {
        const float v1BestOther = simd_shuffle(v1Best, ushort(lane ^ step));
        const int v1Other = int(simd_shuffle(uint(v1), ushort(lane ^ step)));
        if (v1BestOther < v1Best || (isnan(v1BestOther) && !isnan(v1Best)) || (!(v1Best < v1BestOther || (isnan(v1Best) && !isnan(v1BestOther))) && v1Other < v1)) {
            v1Best = v1BestOther;
            v1 = v1Other;
        }
    }
    threadgroup float v1BestShared[8];
    threadgroup int v1Shared[8];
    if (lane == 0u) {
        v1BestShared[sgid] = v1Best;
        v1Shared[sgid] = v1;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    v1Best = v1BestShared[0];
    v1 = v1Shared[0];
    for (int other = 1; other < 8; other++) {
        const float v1BestOther = v1BestShared[other];
        const int v1Other = v1Shared[other];
        if (v1BestOther < v1Best || (isnan(v1BestOther) && !isnan(v1Best)) || (!(v1Best < v1BestOther || (isnan(v1Best) && !isnan(v1BestOther))) && v1Other < v1)) {
            v1Best = v1BestOther;
            v1 = v1Other;
        }
    }
    for (uint step = 16u; step > 0u; step /= 2u) {
        const float v2Other = simd_shuffle(v2, ushort(lane ^ step));
        v2 = max_float(v2, v2Other);
    }
    threadgroup float v2Shared[8];
    if (lane == 0u) {
        v2Shared[sgid] = v2;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    v2 = v2Shared[0];
    for (int other = 1; other < 8; other++) {
        const float v2Other = v2Shared[other];
        v2 = max_float(v2, v2Other);
    }
    if (tid == 0u) {
        most[i0] = v2;
    }
    if (tid == 0u) {
        far[i0] = v1;
    }
}

// rows_any computes any.
// A simdgroup computes a point, 4 of them share a threadgroup.
kernel void rows_any(
    device const uchar *u [[buffer(0)]],
    device uchar *any [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint group [[threadgroup_position_in_grid]],
    uint sgid [[simdgroup_index_in_threadgroup]],
    uint lane [[thread_index_in_simdgroup]]) {
    const int B = dims[0];
    const int at = int(group) * 4 + int(sgid);
    if (at >= B) {
        return;
    }
    const int i0 = at;
    bool v1 = false;
    for (int r0 = int(lane); r0 < 40; r0 += 32) {
        v1 = v1 || (u[i0 * 40 + r0] != 0);
    }
    for (uint step = 16u; step > 0u; step /= 2u) {
        const bool v1Other = simd_shuffle(uint(v1), ushort(lane ^ step)) != 0u;
        v1 = v1 || v1Other;
    }
    if (lane == 0u) {
        any[i0] = uchar(v1);
    }
}

// rows_soft computes sum, soft.
// A simdgroup computes a point, 4 of them share a threadgroup.
kernel void rows_soft(
    device const float *x [[buffer(0)]],
    device float *sum [[buffer(1)]],
    device float *soft [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint group [[threadgroup_position_in_grid]],
    uint sgid [[simdgroup_index_in_threadgroup]],
    uint lane [[thread_index_in_simdgroup]]) {
    const int B = dims[0];
    const int at = int(group) * 4 + int(sgid);
    if (at >= B) {
        return;
    }
    const int i0 = at;
    float v1 = (-INFINITY);
    float v6 = 0.0f;
    for (int i1 = int(lane); i1 < 100; i1 += 32) {
        const float v0 = x[i0 * 100 + i1];
        v1 = max_float(v1, v0);
        v6 = v6 + v0;
    }
    for (uint step = 16u; step > 0u; step /= 2u) {
        const float v1Other = simd_shuffle(v1, ushort(lane ^ step));
        v1 = max_float(v1, v1Other);
    }
    for (uint step = 16u; step > 0u; step /= 2u) {
        const float v6Other = simd_shuffle(v6, ushort(lane ^ step));
        v6 = v6 + v6Other;
    }
    float v4 = 0.0f;
    for (int i1 = int(lane); i1 < 100; i1 += 32) {
        const float v0 = x[i0 * 100 + i1];
        const float v3 = precise::exp((v0 - v1));
        v4 = v4 + v3;
    }
    for (uint step = 16u; step > 0u; step /= 2u) {
        const float v4Other = simd_shuffle(v4, ushort(lane ^ step));
        v4 = v4 + v4Other;
    }
    if (lane == 0u) {
        sum[i0] = v6;
    }
    for (int i1 = int(lane); i1 < 100; i1 += 32) {
        const float v0 = x[i0 * 100 + i1];
        const float v3 = precise::exp((v0 - v1));
        soft[i0 * 100 + i1] = v3 / v4;
    }
}

// points_half computes half.
// A thread computes 4 neighbours.
kernel void points_half(
    device const half *x [[buffer(0)]],
    device half *half_2 [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= ((B * 6 + 3) / 4)) {
        return;
    }
    const int part = at;
    if (part * 4 + 4 <= B * 6) {
        const half4 x4 = ((device const half4 *)x)[part];
        half4 half4_2;
        #pragma clang loop unroll(full)
        for (int e = 0; e < 4; e++) {
            half4_2[e] = half(precise::exp(float(x4[e])));
        }
        ((device half4 *)half_2)[part] = half4_2;
    } else {
        for (int i0 = part * 4; i0 < B * 6; i0++) {
            half_2[i0] = half(precise::exp(float(x[i0])));
        }
    }
}

// points_brain computes brain.
// A thread computes 4 neighbours.
kernel void points_brain(
    device const bfloat *y [[buffer(0)]],
    device bfloat *brain [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 2) {
        return;
    }
    const int part = at;
    const bfloat4 y4 = ((device const bfloat4 *)y)[part];
    bfloat4 brain4;
    #pragma clang loop unroll(full)
    for (int e = 0; e < 4; e++) {
        brain4[e] = bfloat(precise::tanh(float(y4[e])));
    }
    ((device bfloat4 *)brain)[part] = brain4;
}

// points_shifted computes shifted.
kernel void points_shifted(
    device const float *z [[buffer(0)]],
    device float *shifted [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 7) {
        return;
    }
    const int i0 = at / 7;
    const int i1 = at % 7;
    float v0 = 0.0f;
    if (0 <= i1 - 1 && i1 - 1 < 5) {
        v0 = z[i0 * 5 + i1 - 1];
    }
    shifted[i0 * 7 + i1] = precise::sqrt(v0);
}

// points_whole computes whole.
kernel void points_whole(
    device const long *i_2 [[buffer(0)]],
    device long *whole [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint point [[thread_position_in_grid]]) {
    const int B = dims[0];
    const int at = int(point);
    if (at >= B * 3) {
        return;
    }
    const int i0 = at;
    const long v0 = i_2[i0];
    whole[i0] = div_long(v0, v0);
}

// products_p computes p.
// A threadgroup computes a tile of 64 by 32, a simdgroup a quarter of it, from 16 terms at a time.
kernel void products_p(
    device const half *a [[buffer(0)]],
    device const half *b [[buffer(1)]],
    device half *p [[buffer(2)]],
    constant int *dims [[buffer(3)]],
    uint group [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sgid [[simdgroup_index_in_threadgroup]]) {
    const int B = dims[0];
    threadgroup half tileA[1536];
    threadgroup half tileB[640];
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
        acc[i] = make_filled_simdgroup_matrix<float, 8>(0.0f);
    }
    for (int k0 = 0; k0 < 31; k0 += 16) {
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki;
            for (int outer = int(tid) / 16; outer < 64; outer += 8) {
                const int mi = m0 + outer;
                if (mi < B && ki < 31) {
                    const int i0 = mi;
                    const float v0 = float(a[i0 * 31 + r0]);
                    tileA[outer * 24 + inner] = half(v0);
                } else {
                    tileA[outer * 24 + inner] = half(0.0f);
                }
            }
        }
        {
            const int inner = int(tid) % 32;
            const int ni = n0 + inner;
            const int i1 = ni;
            for (int outer = int(tid) / 32; outer < 16; outer += 4) {
                const int ki = k0 + outer;
                if (ki < 31 && ni < 40) {
                    const int r0 = ki;
                    const float v1 = float(b[i1 + r0 * 40]);
                    tileB[outer * 40 + inner] = half(v1);
                } else {
                    tileB[outer * 40 + inner] = half(0.0f);
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        #pragma clang loop unroll(full)
        for (int term = 0; term < 16; term += 8) {
            simdgroup_half8x8 fragA[4];
            simdgroup_half8x8 fragB[2];
            #pragma clang loop unroll(full)
            for (int i = 0; i < 4; i++) {
                simdgroup_load(fragA[i], tileA + (row + i * 8) * 24 + term, 24);
            }
            #pragma clang loop unroll(full)
            for (int j = 0; j < 2; j++) {
                simdgroup_load(fragB[j], tileB + term * 40 + column + j * 8, 40);
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
            if (mi < B && ni < 40) {
                const int i0 = mi;
                const int i1 = ni;
                const float v3 = sums[outer * 36 + inner];
                p[i0 * 40 + i1] = half(float(half(v3)));
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// products_q computes q.
// A threadgroup computes a tile of 32 by 32, a simdgroup a quarter of it, from 16 terms at a time.
kernel void products_q(
    device const float *c [[buffer(0)]],
    device float *q [[buffer(1)]],
    uint group [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sgid [[simdgroup_index_in_threadgroup]]) {
    threadgroup float tileA[640];
    threadgroup float tileB[576];
    threadgroup float sums[576];
    const int tileM = int(group) / 2;
    const int tileN = int(group) % 2;
    const int m0 = tileM * 32;
    const int n0 = tileN * 32;
    const int row = int(sgid) / 2 * 16;
    const int column = int(sgid) % 2 * 16;
    simdgroup_float8x8 acc[4];
    #pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
        acc[i] = make_filled_simdgroup_matrix<float, 8>(0.0f);
    }
    for (int k0 = 0; k0 < 64; k0 += 16) {
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki;
            for (int outer = int(tid) / 16; outer < 32; outer += 8) {
                const int mi = m0 + outer;
                const int i0 = mi;
                const float v0 = c[i0 * 64 + r0];
                tileA[outer * 20 + inner] = v0;
            }
        }
        {
            const int inner = int(tid) % 32;
            const int ni = n0 + inner;
            const int i1 = ni;
            for (int outer = int(tid) / 32; outer < 16; outer += 4) {
                const int ki = k0 + outer;
                const int r0 = ki;
                const float v1 = c[i1 + r0 * 64];
                tileB[outer * 36 + inner] = v1;
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        #pragma clang loop unroll(full)
        for (int term = 0; term < 16; term += 8) {
            simdgroup_float8x8 fragA[2];
            simdgroup_float8x8 fragB[2];
            #pragma clang loop unroll(full)
            for (int i = 0; i < 2; i++) {
                simdgroup_load(fragA[i], tileA + (row + i * 8) * 20 + term, 20);
            }
            #pragma clang loop unroll(full)
            for (int j = 0; j < 2; j++) {
                simdgroup_load(fragB[j], tileB + term * 36 + column + j * 8, 36);
            }
            #pragma clang loop unroll(full)
            for (int i = 0; i < 2; i++) {
                #pragma clang loop unroll(full)
                for (int j = 0; j < 2; j++) {
                    simdgroup_multiply_accumulate(acc[i * 2 + j], fragA[i], fragB[j], acc[i * 2 + j]);
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    #pragma clang loop unroll(full)
    for (int down = 0; down < 2; down++) {
        #pragma clang loop unroll(full)
        for (int j = 0; j < 2; j++) {
            simdgroup_store(acc[down * 2 + j], sums + int(sgid) / 2 * 288 + column + j * 8, 36);
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (int flat = int(tid); flat < 512; flat += 128) {
            const int outer = flat / 32;
            const int inner = flat % 32;
            const int mi = m0 + outer / 8 * 16 + down * 8 + outer % 8;
            const int ni = n0 + inner;
            const int i0 = mi;
            const int i1 = ni;
            const float v3 = sums[outer * 36 + inner];
            q[i0 * 64 + i1] = v3;
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// products_y computes y.
// A threadgroup computes a tile of 64 by 16, a simdgroup a quarter of it, from 16 terms at a time.
kernel void products_y(
    device const float *x [[buffer(0)]],
    device const float *w [[buffer(1)]],
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
        acc[i] = make_filled_simdgroup_matrix<float, 8>(0.0f);
    }
    for (int k0 = 0; k0 < 108; k0 += 16) {
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki / 36;
            const int r1 = ki / 12 % 3;
            const int r2 = ki % 12;
            for (int outer = int(tid) / 16; outer < 64; outer += 8) {
                const int mi = m0 + outer;
                if (mi < B * 25 && ki < 108) {
                    const int i0 = mi / 25;
                    const int i1 = mi / 5 % 5;
                    const int i2 = mi % 5;
                    float v0 = 0.0f;
                    if (0 <= i1 * 2 + r0 - 1 && i1 * 2 + r0 - 1 < 9 && 0 <= i2 * 2 + r1 - 1 && i2 * 2 + r1 - 1 < 9) {
                        v0 = x[i0 * 972 + i1 * 216 + i2 * 24 + r0 * 108 + r1 * 12 + r2 - 120];
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
            const int r0 = ki / 36;
            const int r1 = ki / 12 % 3;
            const int r2 = ki % 12;
            for (int outer = int(tid) / 16; outer < 16; outer += 8) {
                const int ni = n0 + outer;
                if (ki < 108) {
                    const int i3 = ni;
                    const float v1 = w[i3 * 108 + r0 * 36 + r1 * 12 + r2];
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
            if (mi < B * 25) {
                const int i0 = mi / 25;
                const int i1 = mi / 5 % 5;
                const int i2 = mi % 5;
                const int i3 = ni;
                const float v3 = sums[outer * 20 + inner];
                y[i0 * 400 + i1 * 80 + i2 * 16 + i3] = v3;
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// gated_y computes y.
kernel void gated_y(
    device const half *x [[buffer(0)]],
    device const half *g [[buffer(1)]],
    device const half *u [[buffer(2)]],
    device half *y [[buffer(3)]],
    uint point [[thread_position_in_grid]]) {
    const int at = int(point);
    if (at >= 33) {
        return;
    }
    const int i0 = at;
    float v3 = 0.0f;
    float v17 = 0.0f;
    for (int r0 = 0; r0 < 40; r0++) {
        const float v0 = float(x[r0]);
        v3 = v3 + (v0 * float(g[i0 + r0 * 33]));
        v17 = v17 + (v0 * float(u[i0 + r0 * 33]));
    }
    const float v4 = float(half(v3));
    const float v7 = precise::exp((-abs(v4)));
    const bool v9 = v4 < 0.0f;
    const float v11 = v9 ? v7 : 1.0f;
    const float v19 = (v4 * (v11 / (v7 + 1.0f))) * float(half(v17));
    y[i0] = half(v19);
}

// gated_y_2 computes y.
// A threadgroup computes a tile of 16 by 16, a simdgroup a quarter of it, from 16 terms at a time.
kernel void gated_y_2(
    device const half *x [[buffer(0)]],
    device const half *g [[buffer(1)]],
    device const half *u [[buffer(2)]],
    device half *y [[buffer(3)]],
    constant int *dims [[buffer(4)]],
    uint group [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sgid [[simdgroup_index_in_threadgroup]]) {
    const int B = dims[0];
    threadgroup half tileA[384];
    threadgroup half tileB[384];
    threadgroup float sums[320];
    threadgroup half tileB2[384];
    threadgroup float sums2[320];
    const int tileM = int(group) / 3;
    const int tileN = int(group) % 3;
    const int m0 = tileM * 16;
    const int n0 = tileN * 16;
    const int row = int(sgid) / 2 * 8;
    const int column = int(sgid) % 2 * 8;
    simdgroup_float8x8 acc[1];
    simdgroup_float8x8 acc2[1];
    #pragma clang loop unroll(full)
    for (int i = 0; i < 1; i++) {
        acc[i] = make_filled_simdgroup_matrix<float, 8>(0.0f);
        acc2[i] = make_filled_simdgroup_matrix<float, 8>(0.0f);
    }
    for (int k0 = 0; k0 < 40; k0 += 16) {
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki;
            for (int outer = int(tid) / 16; outer < 16; outer += 8) {
                const int mi = m0 + outer;
                if (mi < B && ki < 40) {
                    const int i0 = mi;
                    const float v0 = float(x[i0 * 40 + r0]);
                    tileA[outer * 24 + inner] = half(v0);
                } else {
                    tileA[outer * 24 + inner] = half(0.0f);
                }
            }
        }
        {
            const int inner = int(tid) % 16;
            const int ni = n0 + inner;
            const int i1 = ni;
            for (int outer = int(tid) / 16; outer < 16; outer += 8) {
                const int ki = k0 + outer;
                if (ki < 40 && ni < 33) {
                    const int r0 = ki;
                    const float v1 = float(g[i1 + r0 * 33]);
                    tileB[outer * 24 + inner] = half(v1);
                } else {
                    tileB[outer * 24 + inner] = half(0.0f);
                }
            }
        }
        {
            const int inner = int(tid) % 16;
            const int ni = n0 + inner;
            const int i1 = ni;
            for (int outer = int(tid) / 16; outer < 16; outer += 8) {
                const int ki = k0 + outer;
                if (ki < 40 && ni < 33) {
                    const int r0 = ki;
                    const float v15 = float(u[i1 + r0 * 33]);
                    tileB2[outer * 24 + inner] = half(v15);
                } else {
                    tileB2[outer * 24 + inner] = half(0.0f);
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        #pragma clang loop unroll(full)
        for (int term = 0; term < 16; term += 8) {
            simdgroup_half8x8 fragA[1];
            simdgroup_half8x8 fragB[1];
            simdgroup_half8x8 fragB2[1];
            #pragma clang loop unroll(full)
            for (int i = 0; i < 1; i++) {
                simdgroup_load(fragA[i], tileA + (row + i * 8) * 24 + term, 24);
            }
            #pragma clang loop unroll(full)
            for (int j = 0; j < 1; j++) {
                simdgroup_load(fragB[j], tileB + term * 24 + column + j * 8, 24);
                simdgroup_load(fragB2[j], tileB2 + term * 24 + column + j * 8, 24);
            }
            #pragma clang loop unroll(full)
            for (int i = 0; i < 1; i++) {
                #pragma clang loop unroll(full)
                for (int j = 0; j < 1; j++) {
                    simdgroup_multiply_accumulate(acc[i * 1 + j], fragA[i], fragB[j], acc[i * 1 + j]);
                    simdgroup_multiply_accumulate(acc2[i * 1 + j], fragA[i], fragB2[j], acc2[i * 1 + j]);
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    #pragma clang loop unroll(full)
    for (int down = 0; down < 1; down++) {
        #pragma clang loop unroll(full)
        for (int j = 0; j < 1; j++) {
            simdgroup_store(acc[down * 1 + j], sums + int(sgid) / 2 * 160 + column + j * 8, 20);
            simdgroup_store(acc2[down * 1 + j], sums2 + int(sgid) / 2 * 160 + column + j * 8, 20);
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (int flat = int(tid); flat < 256; flat += 128) {
            const int outer = flat / 16;
            const int inner = flat % 16;
            const int mi = m0 + outer / 8 * 8 + down * 8 + outer % 8;
            const int ni = n0 + inner;
            if (mi < B && ni < 33) {
                const int i0 = mi;
                const int i1 = ni;
                const float v3 = sums[outer * 20 + inner];
                const float v17 = sums2[outer * 20 + inner];
                const float v4 = float(half(v3));
                const float v7 = precise::exp((-abs(v4)));
                const bool v9 = v4 < 0.0f;
                const float v11 = v9 ? v7 : 1.0f;
                const float v19 = (v4 * (v11 / (v7 + 1.0f))) * float(half(v17));
                y[i0 * 33 + i1] = half(v19);
            }
        }
    }
}

// gated_y_3 computes y.
// A threadgroup computes a tile of 64 by 16, a simdgroup a quarter of it, from 16 terms at a time.
kernel void gated_y_3(
    device const half *x [[buffer(0)]],
    device const half *g [[buffer(1)]],
    device const half *u [[buffer(2)]],
    device half *y [[buffer(3)]],
    constant int *dims [[buffer(4)]],
    uint group [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sgid [[simdgroup_index_in_threadgroup]]) {
    const int B = dims[0];
    threadgroup half tileA[1536];
    threadgroup half tileB[384];
    threadgroup float sums[320];
    threadgroup half tileB2[384];
    threadgroup float sums2[320];
    const int tileM = int(group) / 3;
    const int tileN = int(group) % 3;
    const int m0 = tileM * 64;
    const int n0 = tileN * 16;
    const int row = int(sgid) / 2 * 32;
    const int column = int(sgid) % 2 * 8;
    simdgroup_float8x8 acc[4];
    simdgroup_float8x8 acc2[4];
    #pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
        acc[i] = make_filled_simdgroup_matrix<float, 8>(0.0f);
        acc2[i] = make_filled_simdgroup_matrix<float, 8>(0.0f);
    }
    for (int k0 = 0; k0 < 40; k0 += 16) {
        {
            const int inner = int(tid) % 16;
            const int ki = k0 + inner;
            const int r0 = ki;
            for (int outer = int(tid) / 16; outer < 64; outer += 8) {
                const int mi = m0 + outer;
                if (mi < B && ki < 40) {
                    const int i0 = mi;
                    const float v0 = float(x[i0 * 40 + r0]);
                    tileA[outer * 24 + inner] = half(v0);
                } else {
                    tileA[outer * 24 + inner] = half(0.0f);
                }
            }
        }
        {
            const int inner = int(tid) % 16;
            const int ni = n0 + inner;
            const int i1 = ni;
            for (int outer = int(tid) / 16; outer < 16; outer += 8) {
                const int ki = k0 + outer;
                if (ki < 40 && ni < 33) {
                    const int r0 = ki;
                    const float v1 = float(g[i1 + r0 * 33]);
                    tileB[outer * 24 + inner] = half(v1);
                } else {
                    tileB[outer * 24 + inner] = half(0.0f);
                }
            }
        }
        {
            const int inner = int(tid) % 16;
            const int ni = n0 + inner;
            const int i1 = ni;
            for (int outer = int(tid) / 16; outer < 16; outer += 8) {
                const int ki = k0 + outer;
                if (ki < 40 && ni < 33) {
                    const int r0 = ki;
                    const float v15 = float(u[i1 + r0 * 33]);
                    tileB2[outer * 24 + inner] = half(v15);
                } else {
                    tileB2[outer * 24 + inner] = half(0.0f);
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        #pragma clang loop unroll(full)
        for (int term = 0; term < 16; term += 8) {
            simdgroup_half8x8 fragA[4];
            simdgroup_half8x8 fragB[1];
            simdgroup_half8x8 fragB2[1];
            #pragma clang loop unroll(full)
            for (int i = 0; i < 4; i++) {
                simdgroup_load(fragA[i], tileA + (row + i * 8) * 24 + term, 24);
            }
            #pragma clang loop unroll(full)
            for (int j = 0; j < 1; j++) {
                simdgroup_load(fragB[j], tileB + term * 24 + column + j * 8, 24);
                simdgroup_load(fragB2[j], tileB2 + term * 24 + column + j * 8, 24);
            }
            #pragma clang loop unroll(full)
            for (int i = 0; i < 4; i++) {
                #pragma clang loop unroll(full)
                for (int j = 0; j < 1; j++) {
                    simdgroup_multiply_accumulate(acc[i * 1 + j], fragA[i], fragB[j], acc[i * 1 + j]);
                    simdgroup_multiply_accumulate(acc2[i * 1 + j], fragA[i], fragB2[j], acc2[i * 1 + j]);
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
            simdgroup_store(acc2[down * 1 + j], sums2 + int(sgid) / 2 * 160 + column + j * 8, 20);
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (int flat = int(tid); flat < 256; flat += 128) {
            const int outer = flat / 16;
            const int inner = flat % 16;
            const int mi = m0 + outer / 8 * 32 + down * 8 + outer % 8;
            const int ni = n0 + inner;
            if (mi < B && ni < 33) {
                const int i0 = mi;
                const int i1 = ni;
                const float v3 = sums[outer * 20 + inner];
                const float v17 = sums2[outer * 20 + inner];
                const float v4 = float(half(v3));
                const float v7 = precise::exp((-abs(v4)));
                const bool v9 = v4 < 0.0f;
                const float v11 = v9 ? v7 : 1.0f;
                const float v19 = (v4 * (v11 / (v7 + 1.0f))) * float(half(v17));
                y[i0 * 33 + i1] = half(v19);
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// attention_y computes y.
// A threadgroup computes 32 rows, a simdgroup 8 of them, from 32 keys at a time.
kernel void attention_y(
    device const uchar *m [[buffer(0)]],
    device const float *q [[buffer(1)]],
    device const half *k [[buffer(2)]],
    device const float *v [[buffer(3)]],
    device float *y [[buffer(4)]],
    constant int *dims [[buffer(5)]],
    uint group [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sgid [[simdgroup_index_in_threadgroup]],
    uint lane [[thread_index_in_simdgroup]]) {
    const int B = dims[0];
    threadgroup float factor[1152];
    threadgroup float scores[1152];
    const int tileM = int(group);
    const int m0 = tileM * 32;
    const int row = int(sgid) * 8 + int(lane) / 4;
    const int part = int(lane) % 4;
    const int mi = m0 + row;
    simdgroup_float8x8 query[4];
    #pragma clang loop unroll(full)
    for (int d0 = 0; d0 < 32; d0 += 32) {
        {
            const int inner = int(tid) % 32;
            const int di = d0 + inner;
            const int r0 = di;
            for (int outer = int(tid) / 32; outer < 32; outer += 4) {
                const int mi = m0 + outer;
                if (mi < B * 2) {
                    const int i0 = mi / B;
                    const int i1 = mi % B;
                    const float v4 = q[B * i0 * 32 + i1 * 32 + r0];
                    factor[outer * 36 + inner] = v4;
                } else {
                    factor[outer * 36 + inner] = 0.0f;
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        #pragma clang loop unroll(full)
        for (int i = 0; i < 4; i++) {
            simdgroup_load(query[d0 / 8 + i], factor + int(sgid) * 288 + i * 8, 36);
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    float acc[16];
    #pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) {
        acc[i] = 0.0f;
    }
    float largest = (-INFINITY);
    float total = 0.0f;
    int seen = 0;
    for (int row = 0; row < 32; row++) {
        const int mi = m0 + row;
        const int i1 = mi % B;
        seen = max(seen, i1 + 1);
    }
    seen = min(seen, B);
    for (int k0 = 0; k0 < seen; k0 += 32) {
        simdgroup_float8x8 sums[4];
        #pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) {
            sums[j] = make_filled_simdgroup_matrix<float, 8>(0.0f);
        }
        #pragma clang loop unroll(full)
        for (int d0 = 0; d0 < 32; d0 += 32) {
            {
                const int inner = int(tid) % 32;
                const int di = d0 + inner;
                const int r0 = di;
                for (int outer = int(tid) / 32; outer < 32; outer += 4) {
                    const int ki = k0 + outer;
                    if (ki < B) {
                        const int r1 = ki;
                        const float v5 = float(k[r0 + r1 * 32]);
                        factor[inner * 36 + outer] = v5;
                    } else {
                        factor[inner * 36 + outer] = 0.0f;
                    }
                }
            }
            threadgroup_barrier(mem_flags::mem_threadgroup);
            #pragma clang loop unroll(full)
            for (int i = 0; i < 4; i++) {
                #pragma clang loop unroll(full)
                for (int j = 0; j < 4; j++) {
                    simdgroup_float8x8 fragB;
                    simdgroup_load(fragB, factor + i * 288 + j * 8, 36);
                    simdgroup_multiply_accumulate(sums[j], query[d0 / 8 + i], fragB, sums[j]);
                }
            }
            threadgroup_barrier(mem_flags::mem_threadgroup);
        }
        #pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) {
            simdgroup_store(sums[j], scores + int(sgid) * 288 + j * 8, 36);
        }
        simdgroup_barrier(mem_flags::mem_threadgroup);
        float some[8];
        const float before = largest;
        #pragma clang loop unroll(full)
        for (int n = 0; n < 8; n++) {
            const int ki = k0 + part + n * 4;
            some[n] = (-INFINITY);
            if (mi < B * 2 && ki < B) {
                const int i1 = mi % B;
                const int r1 = ki;
                const float v7 = scores[row * 36 + part + n * 4];
                const bool v0 = m[r1] != 0;
                const int v1 = int(B + r1);
                const int v2 = int(B + i1);
                const bool v3 = v1 <= v2;
                const float v9 = v7 * 0.25f;
                const float v11 = v3 ? v9 : (-INFINITY);
                const float v12 = v0 ? v11 : (-INFINITY);
                some[n] = v12;
            }
            largest = max_float(largest, some[n]);
        }
        largest = max_float(largest, simd_shuffle(largest, ushort(lane ^ 1u)));
        largest = max_float(largest, simd_shuffle(largest, ushort(lane ^ 2u)));
        const float v13 = largest == (-INFINITY) ? 0.0f : largest;
        float scale;
        {
            const float v12 = before;
            const bool v14 = v13 == (-INFINITY);
            const float v16 = v14 ? 0.0f : v13;
            const float v18 = precise::exp((v12 - v16));
            scale = v18;
        }
        float block = 0.0f;
        #pragma clang loop unroll(full)
        for (int n = 0; n < 8; n++) {
            const float v12 = some[n];
            const bool v14 = v13 == (-INFINITY);
            const float v16 = v14 ? 0.0f : v13;
            const float v18 = precise::exp((v12 - v16));
            scores[row * 36 + part + n * 4] = v18;
            block += v18;
        }
        block = block + simd_shuffle(block, ushort(lane ^ 1u));
        block = block + simd_shuffle(block, ushort(lane ^ 2u));
        total = total * scale + block;
        simdgroup_barrier(mem_flags::mem_threadgroup);
        simdgroup_float8x8 fragA[4];
        #pragma clang loop unroll(full)
        for (int i = 0; i < 4; i++) {
            simdgroup_load(fragA[i], scores + int(sgid) * 288 + i * 8, 36);
        }
        #pragma clang loop unroll(full)
        for (int n0 = 0; n0 < 64; n0 += 32) {
            {
                const int inner = int(tid) % 32;
                const int ni = n0 + inner;
                const int i2 = ni;
                for (int outer = int(tid) / 32; outer < 32; outer += 4) {
                    const int ki = k0 + outer;
                    if (ki < B) {
                        const int r1 = ki;
                        const float v19 = v[i2 + r1 * 64];
                        factor[outer * 36 + inner] = v19;
                    } else {
                        factor[outer * 36 + inner] = 0.0f;
                    }
                }
            }
            threadgroup_barrier(mem_flags::mem_threadgroup);
            #pragma clang loop unroll(full)
            for (int j = 0; j < 4; j++) {
                simdgroup_float8x8 keys = make_filled_simdgroup_matrix<float, 8>(0.0f);
                #pragma clang loop unroll(full)
                for (int i = 0; i < 4; i++) {
                    simdgroup_float8x8 fragB;
                    simdgroup_load(fragB, factor + i * 288 + j * 8, 36);
                    simdgroup_multiply_accumulate(keys, fragA[i], fragB, keys);
                }
                simdgroup_store(keys, scores + int(sgid) * 288 + j * 8, 36);
            }
            threadgroup_barrier(mem_flags::mem_threadgroup);
            #pragma clang loop unroll(full)
            for (int n = 0; n < 8; n++) {
                acc[n0 / 4 + n] = acc[n0 / 4 + n] * scale + scores[row * 36 + part + n * 4];
            }
        }
    }
    #pragma clang loop unroll(full)
    for (int n = 0; n < 16; n++) {
        const int ni = part + n * 4;
        if (mi < B * 2) {
            const int i0 = mi / B;
            const int i1 = mi % B;
            const int i2 = ni;
            const float v22 = total;
            const float v21 = acc[n];
            const float v24 = max_float(v22, 1.0f);
            y[B * i0 * 64 + i1 * 64 + i2] = v21 / v24;
        }
    }
}

// decode_y computes y.
// A threadgroup computes 8 rows, each simdgroup from 32 keys of its own at a time.
kernel void decode_y(
    device const float *q [[buffer(0)]],
    device const float *k [[buffer(1)]],
    device const float *v [[buffer(2)]],
    device float *y [[buffer(3)]],
    constant int *dims [[buffer(4)]],
    uint group [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sgid [[simdgroup_index_in_threadgroup]],
    uint lane [[thread_index_in_simdgroup]]) {
    const int B = dims[0];
    threadgroup float factor[4608];
    threadgroup float scores[1152];
    const int tileM = 0;
    const int m0 = tileM * 8;
    const int row = int(sgid) * 8 + int(lane) / 4;
    const int part = int(lane) % 4;
    const int mi = m0 + int(lane) / 4;
    simdgroup_float8x8 query[8];
    #pragma clang loop unroll(full)
    for (int d0 = 0; d0 < 64; d0 += 32) {
        {
            const int inner = int(tid) % 32;
            const int di = d0 + inner;
            const int r0 = di;
            for (int outer = int(tid) / 32; outer < 8; outer += 4) {
                const int mi = m0 + outer;
                if (mi < 4) {
                    const int i0 = mi;
                    const float v0 = q[i0 * 64 + r0];
                    factor[outer * 36 + inner] = v0;
                } else {
                    factor[outer * 36 + inner] = 0.0f;
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        #pragma clang loop unroll(full)
        for (int i = 0; i < 4; i++) {
            simdgroup_load(query[d0 / 8 + i], factor + i * 8, 36);
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    float acc[8];
    #pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
        acc[i] = 0.0f;
    }
    float largest = (-INFINITY);
    float total = 0.0f;
    for (int k0 = int(sgid) * 32; k0 < B * 2; k0 += 128) {
        simdgroup_float8x8 sums[4];
        #pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) {
            sums[j] = make_filled_simdgroup_matrix<float, 8>(0.0f);
        }
        #pragma clang loop unroll(full)
        for (int d0 = 0; d0 < 64; d0 += 32) {
            {
                const int inner = int(lane) % 32;
                const int di = d0 + inner;
                const int r0 = di;
                for (int outer = int(lane) / 32; outer < 32; outer += 1) {
                    const int ki = k0 + outer;
                    if (ki < B * 2) {
                        const int r1 = ki;
                        const float v1 = k[r0 + r1 * 64];
                        factor[int(sgid) * 1152 + inner * 36 + outer] = v1;
                    } else {
                        factor[int(sgid) * 1152 + inner * 36 + outer] = 0.0f;
                    }
                }
            }
            simdgroup_barrier(mem_flags::mem_threadgroup);
            #pragma clang loop unroll(full)
            for (int i = 0; i < 4; i++) {
                #pragma clang loop unroll(full)
                for (int j = 0; j < 4; j++) {
                    simdgroup_float8x8 fragB;
                    simdgroup_load(fragB, factor + int(sgid) * 1152 + i * 288 + j * 8, 36);
                    simdgroup_multiply_accumulate(sums[j], query[d0 / 8 + i], fragB, sums[j]);
                }
            }
            simdgroup_barrier(mem_flags::mem_threadgroup);
        }
        #pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) {
            simdgroup_store(sums[j], scores + int(sgid) * 288 + j * 8, 36);
        }
        simdgroup_barrier(mem_flags::mem_threadgroup);
        float some[8];
        const float before = largest;
        #pragma clang loop unroll(full)
        for (int n = 0; n < 8; n++) {
            const int ki = k0 + part + n * 4;
            some[n] = (-INFINITY);
            if (mi < 4 && ki < B * 2) {
                const float v3 = scores[row * 36 + part + n * 4];
                const float v5 = v3 * 0.25f;
                some[n] = v5;
            }
            largest = max_float(largest, some[n]);
        }
        largest = max_float(largest, simd_shuffle(largest, ushort(lane ^ 1u)));
        largest = max_float(largest, simd_shuffle(largest, ushort(lane ^ 2u)));
        const float v6 = largest == (-INFINITY) ? 0.0f : largest;
        float scale;
        {
            const float v5 = before;
            const float v8 = precise::exp((v5 - v6));
            scale = v8;
        }
        float block = 0.0f;
        #pragma clang loop unroll(full)
        for (int n = 0; n < 8; n++) {
            const float v5 = some[n];
            const float v8 = precise::exp((v5 - v6));
            scores[row * 36 + part + n * 4] = v8;
            block += v8;
        }
        block = block + simd_shuffle(block, ushort(lane ^ 1u));
        block = block + simd_shuffle(block, ushort(lane ^ 2u));
        total = total * scale + block;
        simdgroup_barrier(mem_flags::mem_threadgroup);
        simdgroup_float8x8 fragA[4];
        #pragma clang loop unroll(full)
        for (int i = 0; i < 4; i++) {
            simdgroup_load(fragA[i], scores + int(sgid) * 288 + i * 8, 36);
        }
        #pragma clang loop unroll(full)
        for (int n0 = 0; n0 < 32; n0 += 32) {
            {
                const int inner = int(lane) % 32;
                const int ni = n0 + inner;
                const int i1 = ni;
                for (int outer = int(lane) / 32; outer < 32; outer += 1) {
                    const int ki = k0 + outer;
                    if (ki < B * 2) {
                        const int r1 = ki;
                        const float v9 = v[i1 + r1 * 32];
                        factor[int(sgid) * 1152 + outer * 36 + inner] = v9;
                    } else {
                        factor[int(sgid) * 1152 + outer * 36 + inner] = 0.0f;
                    }
                }
            }
            simdgroup_barrier(mem_flags::mem_threadgroup);
            #pragma clang loop unroll(full)
            for (int j = 0; j < 4; j++) {
                simdgroup_float8x8 keys = make_filled_simdgroup_matrix<float, 8>(0.0f);
                #pragma clang loop unroll(full)
                for (int i = 0; i < 4; i++) {
                    simdgroup_float8x8 fragB;
                    simdgroup_load(fragB, factor + int(sgid) * 1152 + i * 288 + j * 8, 36);
                    simdgroup_multiply_accumulate(keys, fragA[i], fragB, keys);
                }
                simdgroup_store(keys, scores + int(sgid) * 288 + j * 8, 36);
            }
            simdgroup_barrier(mem_flags::mem_threadgroup);
            #pragma clang loop unroll(full)
            for (int n = 0; n < 8; n++) {
                acc[n0 / 4 + n] = acc[n0 / 4 + n] * scale + scores[row * 36 + part + n * 4];
            }
        }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (int other = 1; other < 4; other++) {
        if (int(sgid) == other) {
            #pragma clang loop unroll(full)
            for (int n = 0; n < 8; n++) {
                factor[n * 32 + int(lane)] = acc[n];
            }
            factor[256 + int(lane)] = largest;
            factor[288 + int(lane)] = total;
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (sgid == 0u) {
            const float before = largest;
            largest = max_float(largest, factor[256 + int(lane)]);
            const float v6 = largest == (-INFINITY) ? 0.0f : largest;
            float scale;
            {
                const float v5 = before;
                const float v8 = precise::exp((v5 - v6));
                scale = v8;
            }
            float theirs;
            {
                const float v5 = factor[256 + int(lane)];
                const float v8 = precise::exp((v5 - v6));
                theirs = v8;
            }
            #pragma clang loop unroll(full)
            for (int n = 0; n < 8; n++) {
                acc[n] = acc[n] * scale + factor[n * 32 + int(lane)] * theirs;
            }
            total = total * scale + factor[288 + int(lane)] * theirs;
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    if (sgid == 0u) {
        #pragma clang loop unroll(full)
        for (int n = 0; n < 8; n++) {
            const int ni = part + n * 4;
            if (mi < 4) {
                const int i0 = mi;
                const int i1 = ni;
                const float v12 = total;
                const float v11 = acc[n];
                y[i0 * 32 + i1] = v11 / v12;
            }
        }
    }
}
