package quant

import "math"

// The blocks of GGUF, as ggml has them (https://github.com/ggml-org/ggml, ggml-common.h).

// inverse is 1/d, or 0 where that is none of f32's numbers: such a d is 0 as f16.
func inverse(d float32) float32 {
	if i := 1 / d; i-i == 0 {
		return i
	}
	return 0
}

// encodeQ8_0 writes {d f16, q [32]i8}: the number farthest from 0 is ±127 d.
func encodeQ8_0(x []float32, planes [][]byte) bool {
	b, most := planes[0], float32(0)
	for _, v := range x {
		most = max(most, abs(v))
	}
	d := most / 127
	by := inverse(d)
	for i, v := range x {
		b[2+i] = byte(int8(math.Round(float64(v * by)))) // ties go away from 0
	}
	return putF16(b, d)
}

// encodeQ4_0 writes {d f16, q [16]u8}, with element i in the low bits of byte i, and element
// 16+i in its high ones: the number farthest from 0, the first of them, is -8 d.
func encodeQ4_0(x []float32, planes [][]byte) bool {
	b, most := planes[0], float32(0)
	for _, v := range x {
		if abs(v) > abs(most) {
			most = v
		}
	}
	d := most / -8
	by := inverse(d)
	level := func(v float32) byte { return byte(min(float32(v*by)+8.5, 15)) }
	for i := range 16 {
		b[2+i] = level(x[i]) | level(x[16+i])<<4
	}
	return putF16(b, d)
}
