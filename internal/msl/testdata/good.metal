#include <metal_stdlib>
using namespace metal;

struct Scale {
    uint n;
    float alpha;
};

kernel void axpy(
    device const float *x [[buffer(0)]],
    device float *y [[buffer(1)]],
    constant Scale &s [[buffer(2)]],
    uint i [[thread_position_in_grid]]) {
    if (i >= s.n) {
        return;
    }
    y[i] = s.alpha * x[i] + precise::exp(y[i]);
}

kernel void gelu4(
    device const half4 *x [[buffer(0)]],
    device half4 *y [[buffer(1)]],
    uint i [[thread_position_in_grid]]) {
    const float4 v = float4(((device const half4 *)x)[i]);
    const float4 t = 0.7978845608f * (v + 0.044715f * v * v * v);
    const float4 e = float4(precise::tanh(t[0]), precise::tanh(t[1]), precise::tanh(t[2]), precise::tanh(t[3]));
    y[i] = half4(0.5f * v * (1.0f + e));
}

// softmax of rows in two passes, a threadgroup per row
kernel void softmax2(
    device const float *x [[buffer(0)]],
    device float *y [[buffer(1)]],
    constant uint &n [[buffer(2)]],
    uint row [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]],
    uint lane [[thread_index_in_simdgroup]],
    uint sg [[simdgroup_index_in_threadgroup]],
    uint sgs [[simdgroups_per_threadgroup]]) {
    threadgroup float part[32];
    device const float *xr = x + row * n;
    device float *yr = y + row * n;
    float m = -INFINITY;
    for (uint i = tid; i < n; i += threads) {
        m = max(m, xr[i]);
    }
    m = simd_max(m);
    if (lane == 0) {
        part[sg] = m;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup); // 1
    m = lane < sgs ? part[lane] : -INFINITY;
    m = simd_max(m);
    threadgroup_barrier(mem_flags::mem_threadgroup); // 2
    float s = 0.0f;
    for (uint i = tid; i < n; i += threads) {
        s += precise::exp(xr[i] - m);
    }
    s = simd_sum(s);
    if (lane == 0) {
        part[sg] = s;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup); // 3
    s = lane < sgs ? part[lane] : 0.0f;
    s = simd_sum(s);
    for (uint i = tid; i < n; i += threads) {
        yr[i] = precise::exp(xr[i] - m) / s;
    }
}

// tiles of 16x16, a thread per element
kernel void gemm_tiled(
    device const float *A [[buffer(0)]],
    device const float *B [[buffer(1)]],
    device float *C [[buffer(2)]],
    constant uint *mnk [[buffer(3)]],
    uint2 tg [[threadgroup_position_in_grid]],
    uint2 t [[thread_position_in_threadgroup]]) {
    threadgroup float As[16][16];
    threadgroup float Bs[16][16];
    const uint row = tg[1] * 16 + t[1];
    const uint col = tg[0] * 16 + t[0];
    float acc = 0.0f;
    for (uint k0 = 0; k0 < mnk[2]; k0 += 16) {
        As[t[1]][t[0]] = A[row * mnk[2] + k0 + t[0]];
        Bs[t[1]][t[0]] = B[(k0 + t[1]) * mnk[1] + col];
        threadgroup_barrier(mem_flags::mem_threadgroup); // 4
        for (uint k = 0; k < 16; k++) {
            acc = fma(As[t[1]][k], Bs[k][t[0]], acc);
        }
        threadgroup_barrier(mem_flags::mem_threadgroup); // 5
    }
    C[row * mnk[1] + col] = acc;
}

// tiles of 32x32, four simdgroups of 2x2 matrices
kernel void gemm_sg_f32(
    device const float *A [[buffer(0)]],
    device const float *B [[buffer(1)]],
    device float *C [[buffer(2)]],
    constant uint *mnk [[buffer(3)]],
    uint2 tg [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sg [[simdgroup_index_in_threadgroup]]) {
    threadgroup float As[32 * 16];
    threadgroup float Bs[16 * 32];
    simdgroup_float8x8 acc[2][2];
    for (uint i = 0; i < 2; i++) {
        for (uint j = 0; j < 2; j++) {
            acc[i][j] = make_filled_simdgroup_matrix<float, 8>(0.0f);
        }
    }
    const uint sr = (sg / 2) * 16;
    const uint sc = (sg % 2) * 16;
    for (uint k0 = 0; k0 < mnk[2]; k0 += 16) {
        for (uint e = tid; e < 512; e += 128) {
            As[e] = A[(tg[1] * 32 + e / 16) * mnk[2] + k0 + e % 16];
            Bs[e] = B[(k0 + e / 32) * mnk[1] + tg[0] * 32 + e % 32];
        }
        threadgroup_barrier(mem_flags::mem_threadgroup); // 6
        for (uint kk = 0; kk < 16; kk += 8) {
            simdgroup_float8x8 a[2];
            simdgroup_float8x8 b[2];
            for (uint i = 0; i < 2; i++) {
                simdgroup_load(a[i], As + (sr + i * 8) * 16 + kk, 16);
                simdgroup_load(b[i], Bs + kk * 32 + sc + i * 8, 32);
            }
            #pragma clang loop unroll(full)
            for (uint i = 0; i < 2; i++) {
                for (uint j = 0; j < 2; j++) {
                    simdgroup_multiply_accumulate(acc[i][j], a[i], b[j], acc[i][j]);
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup); // 7
    }
    for (uint i = 0; i < 2; i++) {
        for (uint j = 0; j < 2; j++) {
            simdgroup_store(acc[i][j], C + (tg[1] * 32 + sr + i * 8) * mnk[1] + tg[0] * 32 + sc + j * 8, mnk[1]);
        }
    }
}

kernel void gemm_sg_f16(
    device const half *A [[buffer(0)]],
    device const half *B [[buffer(1)]],
    device float *C [[buffer(2)]],
    constant uint *mnk [[buffer(3)]],
    uint2 tg [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sg [[simdgroup_index_in_threadgroup]]) {
    threadgroup half As[32 * 16];
    threadgroup half Bs[16 * 32];
    simdgroup_float8x8 acc[2][2];
    for (uint i = 0; i < 2; i++) {
        for (uint j = 0; j < 2; j++) {
            acc[i][j] = make_filled_simdgroup_matrix<float, 8>(0.0f);
        }
    }
    const uint sr = (sg / 2) * 16;
    const uint sc = (sg % 2) * 16;
    for (uint k0 = 0; k0 < mnk[2]; k0 += 16) {
        for (uint e = tid; e < 512; e += 128) {
            As[e] = A[(tg[1] * 32 + e / 16) * mnk[2] + k0 + e % 16];
            Bs[e] = B[(k0 + e / 32) * mnk[1] + tg[0] * 32 + e % 32];
        }
        threadgroup_barrier(mem_flags::mem_threadgroup); // 8
        for (uint kk = 0; kk < 16; kk += 8) {
            simdgroup_half8x8 a[2];
            simdgroup_half8x8 b[2];
            for (uint i = 0; i < 2; i++) {
                simdgroup_load(a[i], As + (sr + i * 8) * 16 + kk, 16);
                simdgroup_load(b[i], Bs + kk * 32 + sc + i * 8, 32);
            }
            for (uint i = 0; i < 2; i++) {
                for (uint j = 0; j < 2; j++) {
                    simdgroup_multiply_accumulate(acc[i][j], a[i], b[j], acc[i][j]);
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup); // 9
    }
    for (uint i = 0; i < 2; i++) {
        for (uint j = 0; j < 2; j++) {
            simdgroup_store(acc[i][j], C + (tg[1] * 32 + sr + i * 8) * mnk[1] + tg[0] * 32 + sc + j * 8, mnk[1]);
        }
    }
}
