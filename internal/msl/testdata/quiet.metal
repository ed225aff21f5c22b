#include <metal_stdlib>
using namespace metal;

// Kernels with nothing wrong that come near to it.

constant float weights[4] = {1.0f, 2.0f, 3.0f, 4.0f};

struct Pair {
    float value;
    int index;
};

// A barrier of the simdgroup orders its own lanes.
kernel void lanes_of_one_simdgroup(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[64];
    s[t] = y[t];
    simdgroup_barrier(mem_flags::mem_threadgroup);
    const float v = s[t ^ 1];
    simdgroup_barrier(mem_flags::mem_threadgroup);
    s[t ^ 1] = v;
    simdgroup_barrier(mem_flags::mem_device | mem_flags::mem_threadgroup);
    y[t] = s[t];
}

kernel void device_memory(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    y[t] = float(t);
    threadgroup_barrier(mem_flags::mem_device);
    y[64 + t] = y[63 - t];
}

kernel void adjacent_bytes(device uchar *y [[buffer(0)]], device half *z [[buffer(1)]], uint t [[thread_index_in_threadgroup]]) {
    y[t] = uchar(t);
    z[t] = half(float(t));
}

// The same element is read by all, and written by one after a barrier.
kernel void read_then_written(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[1];
    if (t == 7) {
        s[0] = y[7];
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    const float v = s[0];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (t == 3) {
        s[0] = v + 1.0f;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    y[t] = s[0];
}

// Whole simdgroups may go their own ways between barriers, and end early.
kernel void simdgroups_apart(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]], uint sg [[simdgroup_index_in_threadgroup]]) {
    float v = y[t];
    if (sg == 0) {
        v = simd_sum(v);
    } else {
        return;
    }
    y[t] = simd_max(v);
}

void wait() {
    threadgroup_barrier(mem_flags::mem_threadgroup);
}

float dot4(device const float *x) {
    float sum = 0.0f;
    for (int i = 0; i < 4; i++) {
        sum += x[i] * weights[i];
    }
    return sum;
}

kernel void functions(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    threadgroup float s[64];
    s[63 - t] = dot4(y + 4 * (t % 8));
    wait();
    Pair best = {s[t], int(t)};
    Pair other = best;
    other.index += 1;
    wait();
    y[t + 64] = best.value + float(other.index);
}

kernel void loops(device int *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    int n = int(t);
    int steps = 0;
    while (n > 1) {
        if (n % 2 == 0) {
            n /= 2;
        } else {
            n = 3 * n + 1;
        }
        steps++;
        if (steps > 50) {
            break;
        }
        continue;
    }
    y[t] = steps;
}

// The last simdgroup is not full.
kernel void part_of_a_simdgroup(device float *y [[buffer(0)]], ushort3 p [[thread_position_in_threadgroup]], ushort3 n [[threads_per_threadgroup]]) {
    const uint t = (uint(p[2]) * uint(n[1]) + uint(p[1])) * uint(n[0]) + uint(p[0]);
    y[t] = simd_sum(y[t]) + simd_prefix_inclusive_sum(y[t]);
}
