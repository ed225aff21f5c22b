package quant

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// affine is the codec of mlx.core.quantize, whose floats are f32 and are kept as f16: q of
// so many bits stands for scale*q + bias. The scale is negative where the largest number is
// farther from 0 than the least, as 0 then is the level of the one that is farther, which is
// exact; and such that another level is 0.
func affine(bits int) Codec {
	levels := float32(int(1)<<bits - 1)
	per := 8 / bits // numbers in a byte, the first in its low bits
	return Codec{
		encode: func(x []float32, planes [][]byte) bool {
			lo, hi := slices.Min(x), slices.Max(x)
			scale, edge, bias := max((hi-lo)/levels, 1e-7), lo, float32(0)
			if abs(lo) <= abs(hi) {
				scale, edge = -scale, hi
			}
			if zero := nearest(edge / scale); zero != 0 {
				scale, bias = edge/zero, edge
			}
			clear(planes[0])
			for i, v := range x {
				q := min(max((v-bias)/scale, 0), levels)
				planes[0][i/per] |= whole(q) << (i % per * bits)
			}
			return putF16(planes[1], scale) && putF16(planes[2], bias)
		},
	}
}

// whole is a number of 0 to 255, rounded to nearest, ties to even: as f32 rounds a sum whose
// last place is 1.
func whole(x float32) byte { return byte(math.Float32bits(x + 0x1p23)) }

// putF16 stores x as f16, and reports whether that is finite.
func putF16(b []byte, x float32) bool {
	h := cpu.F32ToF16(x)
	binary.LittleEndian.PutUint16(b, h)
	return h&0x7c00 != 0x7c00
}
