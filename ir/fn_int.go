package ir

import "cmp"

// Integers of every dtype are int64 here, u64 by its bits. Each function below
// follows NUMERICS: results wrap, division rounds down, nothing traps.

// wrap takes x modulo the width of t.
func wrap(x int64, t DType) int64 {
	shift := 64 - 8*t.Size()
	switch t.Class() {
	case Signed:
		return x << shift >> shift
	case Unsigned:
		return int64(uint64(x) << shift >> shift)
	case Boolean:
		return bit(x != 0)
	}
	return x
}

func compareInts(a, b int64, t DType) int {
	if t.Class() == Unsigned {
		return cmp.Compare(uint64(a), uint64(b))
	}
	return cmp.Compare(a, b)
}

func intDiv(x []int64, t DType) int64 {
	a, b := x[0], x[1]
	switch {
	case b == 0:
		return 0
	case t.Class() == Unsigned:
		return int64(uint64(a) / uint64(b))
	case b == -1:
		return -a
	}
	return floorDiv(a, b)
}

func intMod(x []int64, t DType) int64 {
	a, b := x[0], x[1]
	switch {
	case b == 0:
		return 0
	case t.Class() == Unsigned:
		return int64(uint64(a) % uint64(b))
	case b == -1:
		return 0
	}
	return a - b*floorDiv(a, b)
}

func intMax(x []int64, t DType) int64 {
	if compareInts(x[0], x[1], t) >= 0 {
		return x[0]
	}
	return x[1]
}

func intMin(x []int64, t DType) int64 {
	if compareInts(x[0], x[1], t) <= 0 {
		return x[0]
	}
	return x[1]
}

func intAbs(x []int64, t DType) int64 {
	if t.Class() == Signed && x[0] < 0 {
		return -x[0]
	}
	return x[0]
}

func intSign(x []int64, t DType) int64 { return int64(compareInts(x[0], 0, t)) }

// intPow wraps; a negative power of anything but 1 and -1 is 0.
func intPow(x []int64, t DType) int64 {
	a, n := x[0], x[1]
	if t.Class() == Signed && n < 0 {
		switch {
		case a == 1 || a == -1 && n%2 == 0:
			return 1
		case a == -1:
			return -1
		}
		return 0
	}
	r := int64(1)
	for u := uint64(n); u > 0; u >>= 1 {
		if u&1 != 0 {
			r *= a
		}
		a *= a
	}
	return r
}

// A shift by the width or more, or by a negative number, which counts as a large
// one, shifts everything out.
func intShl(x []int64, t DType) int64 { return x[0] << uint64(x[1]) }

func intShr(x []int64, t DType) int64 {
	if t.Class() == Unsigned {
		return int64(uint64(x[0]) >> uint64(x[1]))
	}
	return x[0] >> uint64(x[1])
}
