package cpu

import (
	"math"
	"math/bits"
	"unsafe"
)

// The functions below are what generated kernels need beyond Go's own operators:
// the integer and conversion rules of mlxc, which never trap.

type signed interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64
}

type unsigned interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64
}

type integer interface{ signed | unsigned }

type floating interface{ ~float32 | ~float64 }

// Div is x/y rounded down, and 0 for y = 0. The least integer divided by -1 wraps.
func Div[T integer](x, y T) T {
	if y == 0 {
		return 0
	}
	q := x / y
	if x%y != 0 && (x < 0) != (y < 0) {
		q--
	}
	return q
}

// Mod is x - y*Div(x, y), which has the sign of y, and 0 for y = 0.
func Mod[T integer](x, y T) T {
	if y == 0 {
		return 0
	}
	r := x % y
	if r != 0 && (r < 0) != (y < 0) {
		r += y
	}
	return r
}

// ModF is the floating remainder that has the sign of y.
func ModF[T floating](x, y T) T {
	r := math.Mod(float64(x), float64(y))
	if r != 0 && (r < 0) != (y < 0) {
		r += float64(y)
	}
	return T(r)
}

// Abs is |x|; the least integer stays itself.
func Abs[T integer](x T) T {
	if x < 0 {
		return -x
	}
	return x
}

// Sign is -1, 0 or 1.
func Sign[T integer](x T) T {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return T(0) - 1
	}
	return 0
}

// SignF is -1, 1, or x itself where x is zero or NaN.
func SignF[T floating](x T) T {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

// Pow is x to the power y, wrapping. A negative power of anything but 1 and -1 is 0.
func Pow[T integer](x, y T) T {
	if y < 0 {
		switch {
		case x == 1:
			return 1
		case x+1 == 0 && y%2 != 0:
			return x
		case x+1 == 0:
			return 1
		}
		return 0
	}
	r := T(1)
	for ; y > 0; y /= 2 {
		if y%2 != 0 {
			r *= x
		}
		x *= x
	}
	return r
}

// Shl is x shifted left; by the width or more it is 0. So is a negative shift,
// which counts as a very large one.
func Shl[T integer](x, n T) T { return x << uint64(n) }

// Shr is x shifted right, keeping the sign; by the width or more it is 0 or -1.
func Shr[T integer](x, n T) T { return x >> uint64(n) }

// Popcount counts the bits that are 1, in the width of T.
func Popcount[T integer](x T) T {
	return T(bits.OnesCount64(uint64(x) << (64 - width[T]())))
}

func width[T integer]() int { return 8 * int(unsafe.Sizeof(T(0))) }

// ToInt truncates toward zero and saturates; NaN gives 0.
func ToInt[T integer](x float64) T {
	lo, hi := limits[T]()
	switch {
	case x != x:
		return 0
	case x <= float64(lo):
		return lo
	case x >= float64(hi):
		return hi
	}
	return T(x)
}

func limits[T integer]() (lo, hi T) {
	if ones := T(0) - 1; ones > 0 {
		return 0, ones
	}
	lo = T(1) << (width[T]() - 1)
	return lo, lo - 1
}

// Byte is 1 for true and 0 for false.
func Byte(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// Ldexp is x * 2**n for an integral n, which is cut off where every result is 0 or
// infinite. A float32 is rounded once.
func Ldexp[T floating](x, n T) T {
	if unsafe.Sizeof(x) == 4 {
		power := min(max(int64(n), -1000), 1000) + 1023
		return T(float64(x) * math.Float64frombits(uint64(power)<<52))
	}
	return T(math.Ldexp(float64(x), int(n)))
}

// Gelu is x*(1 + erf(x/sqrt(2)))/2. Where that has long been 0 x is cut off, so that no
// infinity meets it.
func Gelu[T floating](x T) T {
	return T(max(float64(x), -64) * math.Erfc(-float64(x)*(math.Sqrt2/2)) / 2)
}
