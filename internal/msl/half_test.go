package msl

import "math"

// halfBits rounds to the nearest half, to even.
func halfBits(f float32) uint16 {
	x := float64(f)
	sign := uint16(math.Float32bits(f) >> 16 & 0x8000)
	a := math.Abs(x)
	switch {
	case a != a:
		return sign | 0x7e00
	case a >= 65520:
		return sign | 0x7c00
	case a == 0:
		return sign
	}
	_, e := math.Frexp(a) // a = m·2^e, m in [0.5, 1)
	e = max(e, -13)
	n := math.RoundToEven(math.Ldexp(a, 11-e)) // ulps of 2^(e-11)
	return sign | uint16(n) + uint16(e+13)<<10
}

func halfFloat(h uint16) float32 {
	sign, e, m := 1.0, int(h>>10&31), float64(h&0x3ff)
	if h&0x8000 != 0 {
		sign = -1
	}
	switch e {
	case 31:
		if m != 0 {
			return float32(math.NaN())
		}
		return float32(sign * math.Inf(1))
	case 0:
		return float32(sign * math.Ldexp(m, -24))
	}
	return float32(sign * math.Ldexp(1024+m, e-25))
}
