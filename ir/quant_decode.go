package ir

import (
	"encoding/binary"

	"github.com/x448/float16"
)

// Decode reads whole groups of the bytes of a tensor's planes, as f32 computes them.
func (f *Format) Decode(planes [][]byte, x []float32) {
	group := make([][]byte, len(planes))
	for i := 0; i*f.Group < len(x); i++ {
		f.decode(f.GroupOf(planes, group, i), x[i*f.Group:(i+1)*f.Group])
	}
}

// Bytes is how many bytes n elements, which are whole groups, take in the ith plane.
func (f *Format) Bytes(plane, n int) int {
	p := f.Planes[plane]
	return n / p.Elems * p.Units * p.DType.Size()
}

// GroupOf is the bytes of the ith group in each plane; out has room for them.
func (f *Format) GroupOf(planes, out [][]byte, i int) [][]byte {
	for j, p := range planes {
		n := f.Bytes(j, f.Group)
		out[j] = p[i*n : (i+1)*n]
	}
	return out
}

func halfAt(b []byte) float32 { return float16.Frombits(binary.LittleEndian.Uint16(b)).Float32() }

// decodeAffine reads numbers of so many bits, the first in the low bits of a byte.
func decodeAffine(bits int) func(planes [][]byte, x []float32) {
	per := 8 / bits
	return func(planes [][]byte, x []float32) {
		scale, bias := halfAt(planes[1]), halfAt(planes[2])
		for i := range x {
			q := planes[0][i/per] >> (i % per * bits) & byte(1<<bits-1)
			x[i] = float32(scale*float32(q)) + bias
		}
	}
}

func decodeQ4_0(planes [][]byte, x []float32) {
	b := planes[0]
	d := halfAt(b)
	for i := range x {
		q := b[2+i%16] >> (i / 16 * 4) & 15
		x[i] = d * float32(int(q)-8)
	}
}

func decodeQ8_0(planes [][]byte, x []float32) {
	b := planes[0]
	d := halfAt(b)
	for i := range x {
		x[i] = float32(int8(b[2+i])) * d
	}
}

// decodeQ4_K reads {d f16, dmin f16, scales [12]u8, q [128]u8}: 8 times 32 elements, each 32
// with a scale and a minimum of 6 bits.
func decodeQ4_K(planes [][]byte, x []float32) {
	b := planes[0]
	d, dmin, scales, qs := halfAt(b), halfAt(b[2:]), b[4:16], b[16:]
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
	low, high, scales, d := b[:128], b[128:192], b[192:208], halfAt(b[208:])
	for at := range x {
		half, k, i := at/128, at/32%4, at%32
		q := low[half*64+k%2*32+i]>>(k/2*4)&15 | high[half*32+i]>>(k*2)&3<<4
		x[at] = float32(d*float32(int8(scales[at/16]))) * float32(int(q)-32)
	}
}
