#include <metal_stdlib>
using namespace metal;

// Kernels that do wrong when they run. A line that is to be named says what is found.

kernel void neighbour(device const float *x [[buffer(0)]], device float *y [[buffer(1)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[64];
    s[t] = x[t];
    y[t] = s[t == 0 ? 0 : t - 1]; // race: thread 1 reads s[0] (threadgroup), which thread 0 wrote with no barrier between
}

// A barrier of the simdgroup does not order the threadgroup.
kernel void narrow(device const float *x [[buffer(0)]], device float *y [[buffer(1)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[64];
    s[t] = x[t];
    simdgroup_barrier(mem_flags::mem_threadgroup);
    y[t] = s[t == 0 ? 0 : t - 1]; // race: thread 32 reads s[31] (threadgroup), which thread 31 wrote with no barrier between
}

// Nor does one that orders other memory.
kernel void other_memory(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    y[t] = float(t);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    y[64 + t] = y[63 - t]; // race: thread 63 reads y[0], which thread 0 wrote with no barrier between
}

kernel void other_memory_of_simdgroup(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[32];
    s[t] = y[t];
    simdgroup_barrier(mem_flags::mem_device);
    y[t] = s[31 - t]; // race: thread 31 reads s[0] (threadgroup), which thread 0 wrote with no barrier between
}

kernel void other_memory_of_threadgroup(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[64];
    s[t] = y[t];
    threadgroup_barrier(mem_flags::mem_device);
    y[t] = s[63 - t]; // race: thread 63 reads s[0] (threadgroup), which thread 0 wrote with no barrier between
}

kernel void other_memory_of_lanes(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    y[t] = float(t);
    simdgroup_barrier(mem_flags::mem_threadgroup);
    y[64 + t] = y[t ^ 1]; // race: thread 31 reads y[30], which thread 30 wrote with no barrier between
}

// What was written in one piece is read in two.
kernel void in_pieces(device uint *y [[buffer(0)]], device ushort *z [[buffer(1)]], uint t [[thread_index_in_threadgroup]]) {
    y[t] = t;
    if (t == 63) {
        z[0] = ((device const ushort *)y)[1]; // race: thread 63 reads y[0], which thread 0 wrote with no barrier between
    }
}

kernel void write_write(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    y[t / 2] = float(t); // race: thread 1 writes y[0], which thread 0 wrote with no barrier between
}

// The race is with a thread that read before the one that writes did.
kernel void reader_writes(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[1];
    if (t == 0) {
        s[0] = 1.0f;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    y[t] = s[0];
    if (t == 1) {
        s[0] = 2.0f; // race: thread 1 writes s[0] (threadgroup), which thread
    }
}

// The lanes of the writer's simdgroup are waited for, the others are not.
kernel void reader_of_another_simdgroup(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[1];
    if (t == 0) {
        s[0] = 1.0f;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    y[t] = s[0];
    simdgroup_barrier(mem_flags::mem_threadgroup);
    if (t == 8) {
        s[0] = y[t]; // race: thread 8 writes s[0] (threadgroup), which thread
    }
}

// Exchanging registers does not order memory.
kernel void shuffled(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[32];
    s[t] = y[t];
    const float sum = simd_sum(s[t]);
    y[t] = s[31 - t] + sum; // race: thread 31 reads s[0] (threadgroup), which thread 0 wrote with no barrier between
}

kernel void across(device float *y [[buffer(0)]], uint g [[threadgroup_position_in_grid]], uint t [[thread_index_in_threadgroup]]) {
    y[g % 2 * 8 + t] = float(g); // race: thread 0 of threadgroup 2 writes y[0], which thread 0 of threadgroup 0 wrote
}

kernel void read_across(device float *y [[buffer(0)]], uint g [[threadgroup_position_in_grid]], uint t [[thread_index_in_threadgroup]]) {
    if (g == 1 && t == 0) {
        y[0] = 1.0f; // race: thread 0 of threadgroup 1 writes y[0], which thread 7 of threadgroup 0 read
    }
    y[g * 8 + t + 8] = y[0];
}

// Single bytes are told apart.
kernel void bytes(device uchar *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    y[2 * t] = uchar(t);
    y[2 * t + 1] = uchar(t); // race: thread 1 writes y[3], which thread 0 wrote with no barrier between
    y[2 * t + 3] = uchar(0);
}

kernel void beyond(device float *y [[buffer(0)]], uint i [[thread_position_in_grid]]) {
    y[i + 1] = float(i); // bounds: writes y[64] of 64
}

kernel void before(device float *y [[buffer(0)]], uint i [[thread_position_in_grid]]) {
    y[i] = y[int(i) - 1]; // bounds: thread 0 of threadgroup 0 reads y[-1] of 64
}

kernel void straddles(device float *y [[buffer(0)]], uint i [[thread_position_in_grid]]) {
    y[i] = ((device const float4 *)y)[i / 4 + 1][0]; // bounds: reads y
}

kernel void far_away(device float *y [[buffer(0)]], uint i [[thread_position_in_grid]]) {
    y[long(i) + 100000000L] = 1.0f; // bounds: writes 4 bytes outside every buffer
}

kernel void beyond_threadgroup(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[64];
    threadgroup float u[64];
    threadgroup float *p = s;
    u[t] = y[t];
    p[t + 1] = u[t]; // bounds: thread 63 writes s[64] (threadgroup) of 64
}

kernel void beyond_row(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[8][8];
    s[t / 8][t % 8 + 1] = y[t]; // undefined: index outside the array
}

kernel void beyond_private(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    float a[4];
    for (uint i = 0; i < 4; i++) {
        a[i] = y[i];
    }
    y[t] = a[t % 5]; // undefined: index outside the array
}

// An array of matrices is of structures, whose end the compiler does not watch.
kernel void one_matrix_more(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    simdgroup_float8x8 m[2];
    for (int i = 0; i <= 2; i++) {
        m[i] = make_filled_simdgroup_matrix<float, 8>(float(t)); // undefined: index outside the array
    }
    simdgroup_store(m[0], y, 8);
}

kernel void uninitialised(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[64];
    if (t < 63) {
        s[t] = 1.0f;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    y[t] = s[t]; // uninitialised: thread 63 reads s[63] (threadgroup), which no thread has written
}

kernel void uninitialised_sum(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[64];
    s[t] += y[t]; // uninitialised: thread 0 reads s[0] (threadgroup), which no thread has written
}

// A threadgroup does not find what the last one left.
kernel void left_over(device float *y [[buffer(0)]], uint g [[threadgroup_position_in_grid]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[8];
    if (g == 0) {
        s[t] = 1.0f;
    }
    y[g * 8 + t] = s[t]; // uninitialised: thread 0 reads s[0] (threadgroup), which no thread has written
}

kernel void too_much(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[8000];
    threadgroup float u[200]; // threadgroup memory: u brings the kernel to 32800 bytes, the limit is 32768
    s[t] = y[t];
    u[t] = s[t];
    y[t] = u[t];
}

kernel void divergent_sum(device float *y [[buffer(0)]], uint i [[thread_index_in_simdgroup]]) {
    float v = y[i];
    if (i < 16) {
        v = simd_sum(v); // divergence: simdgroup function reached by 16 of 32 threads
    }
    y[i] = v;
}

kernel void two_sums(device float *y [[buffer(0)]], uint i [[thread_index_in_simdgroup]]) {
    float v = y[i];
    if (i < 16) {
        v = simd_sum(v);
    } else {
        v = simd_sum(v + 1.0f); // divergence: simdgroup function reached by
    }
    y[i] = v;
}

kernel void divergent_barrier(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    if (t < 40) {
        threadgroup_barrier(mem_flags::mem_threadgroup); // divergence: threadgroup_barrier reached by 40 of 64 threads
    }
    y[t] += 1.0f;
}

kernel void early_exit(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    if (t >= 60) {
        return;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup); // divergence: threadgroup_barrier reached by 60 of 64 threads
    y[t] += 1.0f;
}

kernel void two_barriers(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    if (t < 32) {
        threadgroup_barrier(mem_flags::mem_threadgroup);
    } else {
        threadgroup_barrier(mem_flags::mem_threadgroup); // divergence: threadgroup_barrier reached by
    }
    y[t] += 1.0f;
}

kernel void exited_lanes(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    if (t >= 50) {
        return;
    }
    y[t] = simd_sum(y[t]); // divergence: simdgroup function reached by 18 of 32 threads
}

kernel void to_constant(device float *y [[buffer(0)]], device const float *x [[buffer(1)]], uint t [[thread_index_in_threadgroup]]) {
    ((device float *)x)[t] = y[t]; // constant: thread 0 writes x[0], which is device const
}

kernel void overflows(device int *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    y[t] = y[t] * 2000000000 * 2; // undefined: signed product overflows
}

kernel void divides(device int *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    y[t] = 7 / (int(t) - 3); // undefined: division by zero or overflow
}

kernel void shifts(device int *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    y[t] = 1 << t; // undefined: shift by a negative number, or by the width or more
}

kernel void converts(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    y[t] = float(int(1e10f + float(t))); // undefined: float out of the range of the integer type
}

kernel void unaligned(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    device const float *q = y + 1;
    device const float4 *p = (device const float4 *)q;
    y[t] = p[0][0]; // alignment:
}
