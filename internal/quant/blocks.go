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

func decodeQ8_0(planes [][]byte, x []float32) {
	b := planes[0]
	d := getF16(b)
	for i := range x {
		x[i] = float32(int8(b[2+i])) * d
	}
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

func decodeQ4_0(planes [][]byte, x []float32) {
	b := planes[0]
	d := getF16(b)
	for i := range x {
		q := b[2+i%16] >> (i / 16 * 4) & 15
		x[i] = d * float32(int(q)-8)
	}
}

// decodeQ4_K reads {d f16, dmin f16, scales [12]u8, q [128]u8}: 8 times 32 elements, each 32
// with a scale and a minimum of 6 bits.
func decodeQ4_K(planes [][]byte, x []float32) {
	b := planes[0]
	d, dmin, scales, qs := getF16(b), getF16(b[2:]), b[4:16], b[16:]
	for s := range 8 {
		scale, least := scales[s%4]&63, scales[4+s%4]&63
		if s >= 4 { // their low 4 bits are in the last 4 bytes, the others at the top of the first 8
			scale, least = scales[4+s]&15|scales[s-4]>>6<<4, scales[4+s]>>4|scales[s]>>6<<4
		}
		by, minus := d*float32(scale), dmin*float32(least)
		for i := range 32 {
			q := qs[s/2*32+i] >> (s % 2 * 4) & 15
			x[s*32+i] = float32(by*float32(q)) - minus
		}
	}
}

// decodeQ6_K reads {low [128]u8, high [64]u8, scales [16]i8, d f16}: 16 elements have a scale.
// Of each half of the block low has 4 bits, high 2: of the kth 32 elements, byte i of both
// has those of the ith.
func decodeQ6_K(planes [][]byte, x []float32) {
	b := planes[0]
	low, high, scales, d := b[:128], b[128:192], b[192:208], getF16(b[208:])
	for at := range x {
		half, k, i := at/128, at/32%4, at%32
		q := low[half*64+k%2*32+i]>>(k/2*4)&15 | high[half*32+i]>>(k*2)&3<<4
		x[at] = float32(d*float32(int8(scales[at/16]))) * float32(int(q)-32)
	}
}
