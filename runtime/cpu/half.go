package cpu

import "math"

// The functions below convert half-precision numbers, which are stored as their
// bits. Narrowing rounds to nearest even; what is too large becomes infinite; a
// NaN stays a NaN, quiet, with its sign and the upper bits of its payload.

// F16ToF32 is the number whose IEEE binary16 bits are h.
func F16ToF32(h uint16) float32 {
	sign, exp, frac := uint32(h&0x8000)<<16, uint32(h>>10&31), uint32(h&0x3ff)
	switch exp {
	case 0: // zero or subnormal: frac units of 2**-24, which float32 holds exactly
		return math.Float32frombits(sign | math.Float32bits(float32(frac)*0x1p-24))
	case 31:
		if frac != 0 {
			frac |= 0x200 // quiet
		}
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

// F32ToF16 is the IEEE binary16 number nearest to x.
func F32ToF16(x float32) uint16 {
	b := math.Float32bits(x)
	sign, b := uint16(b>>16&0x8000), b&0x7fffffff
	switch {
	case b > 0x7f800000: // NaN
		return sign | 0x7e00 | uint16(b>>13&0x1ff)
	case b >= 0x47800000: // 2**16 and more
		return sign | 0x7c00
	case b < 0x38800000: // below 2**-14: a subnormal or zero
		// In this sum a unit in the last place is 2**-24, so float32 rounds as binary16 would.
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-math.Float32bits(0.5))
	}
	// A carry out of the fraction moves to the next exponent, or to infinity.
	b += 0xfff + b>>13&1
	return sign | uint16((b-(127-15)<<23)>>13)
}

// BF16ToF32 is the number whose bfloat16 bits are h.
func BF16ToF32(h uint16) float32 {
	x := math.Float32frombits(uint32(h) << 16)
	if x != x {
		x = math.Float32frombits(uint32(h|0x40) << 16) // quiet
	}
	return x
}

// F32ToBF16 is the bfloat16 number nearest to x.
func F32ToBF16(x float32) uint16 {
	b := math.Float32bits(x)
	if x != x {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
