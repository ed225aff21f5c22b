package msl

import (
	"math"
	"testing"
)

// Arithmetic is that of the text: each operation is rounded to its own type, to
// nearest even, and no two become one.
func TestArithmetic(t *testing.T) {
	r := testRunner(t)
	p := prepare(t, head+`kernel void convert(device const float *x [[buffer(0)]], device half *h [[buffer(1)]], device bfloat *b [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    h[i] = half(x[i]);
    b[i] = bfloat(x[i]);
}
kernel void half_steps(device const half *x [[buffer(0)]], device half *y [[buffer(1)]], uint i [[thread_position_in_grid]]) {
    y[i] = x[i] * x[i + 1] + x[i + 2];
}
kernel void bfloat_steps(device const bfloat *x [[buffer(0)]], device bfloat *y [[buffer(1)]], uint i [[thread_position_in_grid]]) {
    y[i] = x[i] * x[i + 1] + x[i + 2];
}
kernel void float_steps(device const float *x [[buffer(0)]], device float *y [[buffer(1)]], uint i [[thread_position_in_grid]]) {
    y[i] = x[i] * x[i + 1] + x[i + 2];
}
`)
	const n = 1024
	x := randomFloats(n+2, 5)
	for i, special := range []float32{0, float32(math.Inf(1)), float32(math.NaN()), 65519, 65520, 1e-7, 6e-8, 2.98e-8, 3e-8, 3.4e38, 1e-40, -1} {
		x[n/2+i] = special
	}
	for i := range n / 4 { // ties between two bfloats, and between two halves
		x[i] = math.Float32frombits(math.Float32bits(x[i])&^0xffff | 0x8000)
		x[n/4+i] = math.Float32frombits(math.Float32bits(x[n/4+i])&^0x1fff | 0x1000)
	}
	same := func(what string, i int, got, want uint16, nan bool) {
		if got != want && !nan {
			t.Errorf("%s of %v is %#x, want %#x", what, x[i], got, want)
		}
	}
	buffers := [][]byte{bytesOf(x[:n]), make([]byte, 2*n), make([]byte, 2*n)}
	if err := r.Verify(p, Launch{Kernel: "convert", Buffers: buffers, Threads: [3]uint32{n}}); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		same("half", i, words16(buffers[1])[i], halfBits(x[i]), x[i] != x[i])
		same("bfloat", i, words16(buffers[2])[i], bfloatBits(x[i]), x[i] != x[i])
	}
	for _, test := range []struct{ kernel, typ string }{{"half_steps", "half"}, {"bfloat_steps", "bfloat"}, {"float_steps", "float"}} {
		given := make([]value, n+2)
		for i := range given {
			given[i].f = round(test.typ, float64(x[i]))
		}
		out := make([]byte, n*sizes[test.typ])
		if err := r.Verify(p, Launch{Kernel: test.kernel, Buffers: [][]byte{encode(test.typ, given), out}, Threads: [3]uint32{n}}); err != nil {
			t.Fatal(err)
		}
		for i, got := range decode(test.typ, out) {
			want := round(test.typ, round(test.typ, given[i].f*given[i+1].f)+given[i+2].f)
			if got.f != want && want == want {
				t.Errorf("%s: %v * %v + %v = %v, want %v", test.kernel, given[i].f, given[i+1].f, given[i+2].f, got.f, want)
			}
		}
	}
}

func words16(data []byte) []uint16 {
	out := make([]uint16, len(data)/2)
	for i := range out {
		out[i] = uint16(data[2*i]) | uint16(data[2*i+1])<<8
	}
	return out
}

// bfloatBits rounds to the nearest bfloat, to even.
func bfloatBits(f float32) uint16 {
	b := math.Float32bits(f)
	low := b & 0xffff
	if low > 0x8000 || low == 0x8000 && b&0x10000 != 0 {
		b += 0x10000
	}
	return uint16(b >> 16)
}
