package passes

import (
	"math"

	"github.com/mlxc/mlxc/ir"
)

// Functions of angles, and their inverses, in f32; see legalise_f32.go.

// π/2 in parts of 24 bits. A product of the first with an integer differs from an x
// near it by what an f32 holds, so that a fused step makes no error.
const (
	halfPi1 = 0x1.921fb6p+0
	halfPi2 = -0x1.777a5cp-25
	halfPi3 = -0x1.ee59dap-50
)

// quadrant is the n and the r of |x| = n*π/2 + r with |r| up to π/4; n comes as bits
// of which the last are its own. r is right for |x| < 2^17, where n is; beyond, it is cut
// off, so that sine and cosine stay numbers of that size.
func quadrant(x ir.S) (n, r ir.S) {
	a := x.Fn(ir.Abs)
	k := a.Mul(a.Num(2 / math.Pi)).Fn(ir.Round)
	r = k.Fn(ir.FMA, k.Num(-halfPi1), a)
	r = k.Fn(ir.FMA, k.Num(-halfPi2), r)
	r = k.Fn(ir.FMA, k.Num(-halfPi3), r)
	r = r.Fn(ir.Max, r.Num(-1)).Fn(ir.Min, r.Num(1))
	return k.Add(k.Num(integer)).Fn(ir.Bits), r
}

// circle is sin(r) where n is even and cos(r) where it is odd, with its sign changed by that
// of flip.
func circle(n, r, flip ir.S) ir.S {
	sin := oddPolynomial(r, 2.72384543e-06, -0.000198399966, 0.0083333317, -0.166666667)
	s := r.Mul(r)
	cos := s.Fn(ir.FMA, s.Num(-0.5), s.Num(1))
	cos = s.Mul(s).Fn(ir.FMA, horner(s, 2.45384749e-05, -0.00138882584, 0.0416666644), cos)
	y := even(n).Select(sin, cos).Fn(ir.Bits)
	return y.Fn(ir.Xor, signBit(flip)).Fn(ir.FromBits)
}

// twice is a number whose sign is the bit of n for 2.
func twice(n ir.S) ir.S { return n.Fn(ir.Shl, n.Num(30)) }

func even(n ir.S) ir.S { return n.Fn(ir.And, n.Num(1)).Fn(ir.Eq, n.Num(0)) }

// sin has an error of 2 ulp for |x| < 2^17.
func sin(x ...ir.S) ir.S {
	n, r := quadrant(x[0])
	return circle(n, r, twice(n).Fn(ir.Xor, x[0].Fn(ir.Bits)))
}

// cos is sin a quadrant on, of |x|. 2 ulp for |x| < 2^17.
func cos(x ...ir.S) ir.S {
	n, r := quadrant(x[0])
	n = n.Add(n.Num(1))
	return circle(n, r, twice(n))
}

// tan is tan(r) or, in odd quadrants, -1/tan(r). 3 ulp for |x| < 2^15.
func tan(x ...ir.S) ir.S {
	n, r := quadrant(x[0])
	y := oddPolynomial(r, 0.00400329299, 0.000910353942, 0.0101375143, 0.0215701729, 0.05400106, 0.133332003, 0.333333342)
	y = even(n).Select(y, y.Num(-1).Div(y))
	return y.Fn(ir.Bits).Fn(ir.Xor, signBit(x[0].Fn(ir.Bits))).Fn(ir.FromBits)
}

// atan is -1/x's, and π/2, beyond 1. 2 ulp.
func atan(x ...ir.S) ir.S {
	a := x[0].Fn(ir.Abs)
	far := a.Num(1).Lt(a)
	y := oddPolynomial(far.Select(a.Num(-1).Div(a), a), 0.00148869185, -0.00914462935, 0.0263050003, -0.0489605131, 0.0703191419, -0.0893182675, 0.110882616, -0.142840038, 0.199999493, -0.333333331)
	return copySign(far.Select(y.Add(y.Num(halfPi1)), y), x[0])
}

// arcHalf tells whether |x| > 1/2, and gives asin(|x|) if not, and else half of
// acos(|x|), which is the arc sine of sqrt((1 - |x|)/2).
func arcHalf(x ir.S) (far, y ir.S) {
	a := x.Fn(ir.Abs)
	far = a.Num(0.5).Lt(a)
	s := far.Select(a.Fn(ir.FMA, a.Num(-0.5), a.Num(0.5)), a.Mul(a))
	r := far.Select(s.Fn(ir.Sqrt), a)
	p := horner(s, 0.0336908477, 0.017149238, 0.0311006628, 0.0445994015, 0.0750009454, 0.166666663)
	return far, r.Mul(s).Fn(ir.FMA, p, r)
}

// asin has an error of 2 ulp.
func asin(x ...ir.S) ir.S {
	far, y := arcHalf(x[0])
	rest := y.Fn(ir.FMA, y.Num(-2), y.Num(halfPi1)).Add(y.Num(halfPi2))
	return copySign(far.Select(rest, y), x[0])
}

// acos has an error of 2 ulp.
func acos(x ...ir.S) ir.S {
	far, y := arcHalf(x[0])
	twice := y.Add(y)
	obtuse := x[0].Lt(x[0].Num(0))
	return far.Select(
		obtuse.Select(y.Num(math.Pi).Sub(twice), twice),
		y.Num(halfPi1).Sub(copySign(y, x[0])))
}

// asinh is log1p(x + x²/(1 + sqrt(1 + x²))) for x >= 0, and log(x) + ln(2) where x²
// is beyond all measure. 3 ulp.
func asinh(x ...ir.S) ir.S {
	a := x[0].Fn(ir.Abs)
	s := a.Mul(a)
	root := s.Add(s.Num(1)).Fn(ir.Sqrt)
	return copySign(logOfTwice(a, a.Add(s.Div(root.Add(root.Num(1))))), x[0])
}

// acosh is log1p(t + sqrt(t² + 2t)) with t = x - 1. 3 ulp.
func acosh(x ...ir.S) ir.S {
	t := x[0].Sub(x[0].Num(1))
	root := t.Fn(ir.FMA, t, t.Add(t)).Fn(ir.Sqrt)
	y := logOfTwice(x[0], t.Add(root))
	return x[0].Lt(x[0].Num(1)).Select(x[0].Num(math.NaN()), y)
}

// logOfTwice is log(2x) for a large x, and log1p(y) for others.
func logOfTwice(x, y ir.S) ir.S {
	far := x.Num(0x1p25).Lt(x)
	l := log1pSteps(far.Select(x, y))
	return far.Select(l.Add(l.Num(math.Ln2)), l)
}

// atanh is log1p(2x/(1 - x))/2 for x >= 0. 3 ulp.
func atanh(x ...ir.S) ir.S {
	a := x[0].Fn(ir.Abs)
	y := log1pSteps(a.Add(a).Div(a.Num(1).Sub(a)))
	return copySign(y.Mul(y.Num(0.5)), x[0])
}
