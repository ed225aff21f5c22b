package passes

import (
	"math"

	"github.com/mlxc/mlxc/ir"
)

// Functions of f32 in what every vector unit has: add, sub, mul, div, fma, min, max,
// neg, abs, sqrt, rounding to an integer, comparisons and select, and on the bits, as
// i32, add, sub, and, or, xor, shifts and the conversion to f32; and ldexp, which is
// two products where it is no instruction. So portable Go and
// assembly compute the same, and a kernel of functions is a kernel of vectors.
//
// An argument is brought into a small range, where a polynomial of scripts/fit stands
// for the function. Errors stated are the largest in units in the last place, over
// all arguments; docs/functions.md has them as measured.

// integer, added to an integral float of less than 2^22, gives a float whose last
// bits are that integer in two's complement.
const integer = 0x1.8p23

// exponential is 2^n for an integral n from -126 to 127.
func exponential(n ir.S) ir.S {
	bits := n.Add(n.Num(integer + 127)).Fn(ir.Bits)
	return bits.Fn(ir.Shl, bits.Num(23)).Fn(ir.FromBits)
}

// ldexp stays, as a step of its own, unless x is 1: its n is from -252 to 254 then, and
// the exponential itself must be a normal number where x is 1.
func ldexp(x ...ir.S) ir.S {
	if c := x[0].V; c.Kind == ir.ScalarConst && c.Float == 1 {
		return exponential(x[1])
	}
	return ir.S{}
}

// copySign joins the bits of both.
func copySign(x ...ir.S) ir.S {
	mag, sign := x[0].Fn(ir.Bits), x[1].Fn(ir.Bits)
	return mag.Fn(ir.And, mag.Num(math.MaxInt32)).Fn(ir.Or, signBit(sign)).Fn(ir.FromBits)
}

// signBit is the sign alone of a float given by its bits.
func signBit(bits ir.S) ir.S { return bits.Fn(ir.And, bits.Num(math.MinInt32)) }

func sign(x ...ir.S) ir.S {
	zero := x[0].Num(0)
	return zero.Lt(x[0]).Select(x[0].Num(1), x[0].Lt(zero).Select(x[0].Num(-1), x[0]))
}

func rsqrt(x ...ir.S) ir.S { return x[0].Num(1).Div(x[0].Fn(ir.Sqrt)) }

func isNaN(x ...ir.S) ir.S { return x[0].Fn(ir.Ne, x[0]) }

func isInf(x ...ir.S) ir.S { return x[0].Fn(ir.Abs).Fn(ir.Eq, x[0].Num(math.Inf(1))) }

// ln2hi and ln2lo are ln(2) in two: a product of the first with an integer of up to
// 9 bits is exact.
const (
	ln2hi = 0.693145751953125
	ln2lo = math.Ln2 - ln2hi
)

// nearestPower is the n and the r of x = n*ln(2) + r with the least |r|.
func nearestPower(x ir.S) (n, r ir.S) {
	n = x.Mul(x.Num(math.Log2E)).Fn(ir.Round)
	r = n.Fn(ir.FMA, n.Num(-ln2hi), x)
	return n, n.Fn(ir.FMA, n.Num(-ln2lo), r)
}

// expReduced is exp(r) for |r| <= ln(2)/2.
func expReduced(r ir.S) ir.S {
	return horner(r, 0.00139269266, 0.00836377387, 0.0416665501, 0.166665734, 0.5, 1, 1)
}

// exp is 2^n*exp(r). Beyond where it is 0 or infinity x is cut off. 1 ulp.
func exp(x ...ir.S) ir.S {
	n, r := nearestPower(within(x[0], -104, 89))
	return expReduced(r).Fn(ir.Ldexp, n)
}

// within is x, but for what is less than lo or more than hi; NaN stays.
func within(x ir.S, lo, hi float64) ir.S { return x.Fn(ir.Max, x.Num(lo)).Fn(ir.Min, x.Num(hi)) }

// exp2 is 2^n*2^r. 1 ulp.
func exp2(x ...ir.S) ir.S {
	z := within(x[0], -151, 129)
	n := z.Fn(ir.Round)
	p := horner(z.Sub(n), 0.000154541621, 0.00133920174, 0.00961808067, 0.0555035493, 0.240226508, 0.693147188, 1)
	return p.Fn(ir.Ldexp, n)
}

// mantissa writes x > 0 as 2^e*(1 + f) with f from sqrt(1/2)-1 to sqrt(2)-1. A
// subnormal x is multiplied by 2^23 before.
func mantissa(x ir.S) (e, f ir.S) {
	tiny := x.Lt(x.Num(0x1p-126))
	x = tiny.Select(x.Mul(x.Num(0x1p23)), x)
	root := float64(int32(math.Float32bits(math.Sqrt2 / 2)))
	bits := x.Fn(ir.Bits)
	bits = bits.Sub(bits.Num(root))
	e = bits.Fn(ir.Shr, bits.Num(23)).Cast(ir.F32)
	e = e.Add(tiny.Select(x.Num(-23), x.Num(0)))
	m := bits.Fn(ir.And, bits.Num(1<<23-1)).Add(bits.Num(root)).Fn(ir.FromBits)
	return e, m.Sub(m.Num(1))
}

// logReduced is log(1 + f) - f for f as of mantissa.
func logReduced(f ir.S) ir.S {
	p := horner(f, -0.0767364152, 0.127226728, -0.131275556, 0.14204856, -0.166266456, 0.200012345, -0.250007812, 0.3333333, -0.499999976)
	return f.Mul(f).Mul(p)
}

// logOf is log(2^e*(1 + f)).
func logOf(e, f ir.S) ir.S {
	y := e.Fn(ir.FMA, e.Num(ln2lo), logReduced(f)).Add(f)
	return e.Fn(ir.FMA, e.Num(ln2hi), y)
}

// logDomain replaces y, the logarithm of x, where x is not a positive number.
func logDomain(x, y ir.S) ir.S {
	zero, inf := x.Num(0), math.Inf(1)
	y = x.Lt(x.Num(inf)).Select(y, x)
	return zero.Lt(x).Select(y, x.Fn(ir.Eq, zero).Select(x.Num(-inf), x.Num(math.NaN())))
}

// log is e*ln(2) + log(1 + f). 1 ulp.
func log(x ...ir.S) ir.S { return logDomain(x[0], logOf(mantissa(x[0]))) }

// log2 is e + log(1 + f)/ln(2). 2 ulp.
func log2(x ...ir.S) ir.S {
	e, f := mantissa(x[0])
	p := horner(f, 0.123109685, -0.205861881, 0.216078225, -0.239169881, 0.287903261, -0.360693268, 0.480910753, -0.721347468, 1.442695)
	return logDomain(x[0], f.Fn(ir.FMA, p, e))
}

// log1pSteps is log(2^e*(1 + f)) where 2^e is near u = 1 + x and f, made of x and not
// of u, has no rounding error but its own. Beyond 2^24 u is as good as x. 2 ulp.
func log1pSteps(x ...ir.S) ir.S {
	one := x[0].Num(1)
	u := x[0].Add(one)
	e, ofU := mantissa(u)
	scale := exponential(e.Neg().Fn(ir.Max, e.Num(-24)))
	f := x[0].Fn(ir.FMA, scale, scale.Sub(one))
	f = x[0].Lt(x[0].Num(0x1p24)).Select(f, ofU)
	return u.Fn(ir.Eq, one).Select(x[0], logDomain(u, logOf(e, f)))
}

// oddPolynomial is x + x³*p(x²).
func oddPolynomial(x ir.S, coef ...float64) ir.S {
	s := x.Mul(x)
	return x.Mul(s).Fn(ir.FMA, horner(s, coef...), x)
}

// halfExp is exp(x)/2 for x >= 0, which overflows later than exp(x).
func halfExp(x ir.S) ir.S {
	n, r := nearestPower(x.Fn(ir.Min, x.Num(90)))
	return expReduced(r).Fn(ir.Ldexp, n.Sub(n.Num(1)))
}

// sinh is a polynomial up to 1, and (exp(x) - exp(-x))/2 beyond. 2 ulp.
func sinh(x ...ir.S) ir.S {
	a := x[0].Fn(ir.Abs)
	near := oddPolynomial(x[0], 2.80628025e-06, 0.00019838102, 0.00833333968, 0.166666666)
	h := halfExp(a)
	far := copySign(h.Sub(h.Num(0.25).Div(h)), x[0])
	return a.Num(1).Lt(a).Select(far, near)
}

// cosh is (exp(x) + exp(-x))/2. 2 ulp.
func cosh(x ...ir.S) ir.S {
	h := halfExp(x[0].Fn(ir.Abs))
	return h.Add(h.Num(0.25).Div(h))
}

// tanh is a polynomial up to 0.6, and 1 - 2/(exp(2x) + 1) beyond. 2 ulp.
func tanh(x ...ir.S) ir.S {
	a := x[0].Fn(ir.Abs)
	near := oddPolynomial(a, 0.00237076568, -0.00841007084, 0.021788322, -0.0539615518, 0.133333129, -0.333333332)
	z := a.Fn(ir.Min, a.Num(10)).Mul(a.Num(2))
	n, r := nearestPower(z)
	e := exponential(n).Mul(expReduced(r))
	far := a.Num(1).Sub(a.Num(2).Div(e.Add(a.Num(1))))
	return copySign(a.Num(0.6).Lt(a).Select(far, near), x[0])
}

// gelu is max(x, 0) less the tail |x|*(1 - erf(|x|/sqrt(2)))/2, which is |x|*exp(-x²/2) times
// a quotient. With -x² = n*base - r the exponential is 2^n*exp(-r/2), in a base near log(4)
// of so few bits that n*base is an f32, which makes r have one rounding error, that of its
// sum; the quotient makes good the difference. The last bits of n + magic are n + 127 + 28,
// so that p is |x|*2^(n+28), which is exact and no subnormal number, since the coefficients
// of exp have 2^-28; and magic is such that magic*base is nearly an f32, too. Those
// coefficients are negative, which makes less of it. Beyond where the tail is 0, |x| is cut
// off. The zero has a sign, so that the result has the right one. The quotient stands behind
// exp, since the next vectors have time to begin while it is divided. 6 ulp.
func gelu(x ...ir.S) ir.S {
	const base, magic = 0x1.62e4p0, 0x1.8p23 + 0x89b
	a := x[0].Fn(ir.Abs).Fn(ir.Min, x[0].Num(14.5))
	n := a.Mul(a).Fn(ir.FMA, a.Num(-1/base), a.Num(magic))
	bits := n.Fn(ir.Bits)
	n = bits.Fn(ir.FromBits) // the same number, also where sums are not rounded to f32 at once
	p := a.Mul(bits.Fn(ir.Shl, bits.Num(23)).Fn(ir.FromBits))
	r := a.Fn(ir.FMA, a, n.Fn(ir.FMA, n.Num(base), n.Num(float64(float32(-magic*base)))))
	below := monic(a, 96.0028992, 716.748596, 2414.04272, 4053.46753, 2787.01318)
	above := monic(a, 95.0487671, 712.730103, 2274.92798, 3465.07007)
	e := horner(r, -3.26388527e-14, 3.9216113e-13, -3.90179729e-12, 3.12144581e-11, -1.8728763e-10, 7.49148188e-10, -1.49829349e-09)
	tail := above.Div(below).Mul(e)
	return p.Fn(ir.FMA, tail, x[0].Fn(ir.Max, x[0].Num(math.Copysign(0, -1))))
}
