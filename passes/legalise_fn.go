package passes

import (
	"math"

	"github.com/mlxc/mlxc/ir"
)

// Functions in terms of others, for devices that lack them. The errors stated are
// those in f32 where each function that is left is rounded once; what a device's
// own functions add comes on top. The polynomials are computed by scripts/fit.

// horner is a polynomial, its highest power first.
func horner(x ir.S, coef ...float64) ir.S {
	y := x.Num(coef[0])
	for _, c := range coef[1:] {
		y = y.Fn(ir.FMA, x, x.Num(c))
	}
	return y
}

// monic is a polynomial whose highest power has the coefficient 1; the next comes first.
func monic(x ir.S, coef ...float64) ir.S {
	y := x.Add(x.Num(coef[0]))
	for _, c := range coef[1:] {
		y = y.Fn(ir.FMA, x, x.Num(c))
	}
	return y
}

// pow squares without a logarithm, and leaves the rest.
func pow(x ...ir.S) ir.S {
	if n := x[1].V; n.Kind == ir.ScalarConst && n.Float == 2 {
		return x[0].Mul(x[0])
	}
	return ir.S{}
}

// erf is x*(1 + p(x²)) up to 1 and 1 - erfc(x) beyond, with an error of 2 ulp.
func erf(x ...ir.S) ir.S {
	a := x[0].Fn(ir.Abs)
	p := horner(x[0].Mul(x[0]), 7.87587505e-05, -0.000801686428, 0.00518908742, -0.026854212, 0.112835947, -0.376126267, 0.128379167)
	near := x[0].Fn(ir.FMA, p, x[0])
	far := a.Num(1).Sub(erfcPositive(a)).Fn(ir.CopySign, x[0])
	return a.Num(1).Lt(a).Select(far, near)
}

// erfc for negative x is 2 - erfc(-x); the error is 6 ulp of normal results.
func erfc(x ...ir.S) ir.S {
	y := erfcPositive(x[0].Fn(ir.Abs))
	return x[0].Lt(x[0].Num(0)).Select(x[0].Num(2).Sub(y), y)
}

// erfcPositive is exp(-x²)*t*p(t) for x >= 0 with t = 1/(1 + x/2). The rounding
// error of x² is made good, since exp multiplies it by x². Far beyond where the
// result is 0, x is cut off, since the error of an infinity is NaN.
func erfcPositive(x ir.S) ir.S {
	x = x.Fn(ir.Min, x.Num(30))
	t := x.Num(1).Div(x.Fn(ir.FMA, x.Num(0.5), x.Num(1)))
	p := horner(t, 0.0174617486, -0.149686443, 0.486789895, -0.741037221, 0.474895582, -0.12403056, 0.233335383, 0.237211594, 0.283001592, 0.282058422)
	s := x.Mul(x)
	rest := x.Fn(ir.FMA, x, s.Neg())
	e := s.Neg().Fn(ir.Exp)
	e = e.Neg().Fn(ir.FMA, rest, e)
	return e.Mul(t.Mul(p))
}

// geluOfErfc is x*erfc(-x/sqrt(2))/2. The error d of y = -x/sqrt(2), rounded twice, would make
// more than 180 ulp: erfc(y + d) is about erfc(y)*(1 - 2*y*d) where y is large. Where the result has
// long been 0 or x, x is cut off, so that no infinity meets it.
func geluOfErfc(x ...ir.S) ir.S {
	const inv = -math.Sqrt2 / 2
	high := float64(float32(inv))
	below := x[0].Fn(ir.Max, x[0].Num(-64))
	a := below.Fn(ir.Min, x[0].Num(64))
	y := a.Mul(a.Num(high))
	d := a.Fn(ir.FMA, a.Num(inv-high), a.Fn(ir.FMA, a.Num(high), y.Neg()))
	more := y.Fn(ir.Max, y.Num(0)).Mul(y.Num(-2)).Fn(ir.FMA, d, y.Num(1))
	return below.Mul(x[0].Num(0.5)).Mul(y.Fn(ir.Erfc).Mul(more))
}

// erfinv is x*p(w) with w = -log(1 - x²), of which beyond 5 the root is taken, with
// an error of 4 ulp.
func erfinv(x ...ir.S) ir.S {
	one := x[0].Num(1)
	w := one.Sub(x[0]).Mul(one.Add(x[0])).Fn(ir.Log).Neg()
	near := horner(w.Sub(w.Num(2.5)), -8.93192593e-09, 2.33359672e-08, 4.68131348e-07, -3.46398527e-06, -4.97241969e-06, 0.000218349386, -0.00125272639, -0.00417739288, 0.246640279, 1.50140936)
	far := horner(w.Fn(ir.Sqrt).Sub(w.Num(3)), 0.000107486091, -0.000301109825, -4.50339407e-05, 0.00147413066, -0.00360351743, 0.00569140794, -0.00763596251, 0.00944472152, 1.00167488, 2.83297681)
	y := w.Num(5).Lt(w).Select(far, near).Mul(x[0])
	return x[0].Fn(ir.Abs).Fn(ir.Eq, one).Select(x[0].Num(math.Inf(1)).Fn(ir.CopySign, x[0]), y)
}

// expm1 is 2ⁿ*p(r) + (2ⁿ - 1) with x = n*ln(2) + r, with an error of 2 ulp. What is
// cut off is -1, or overflows anyway.
func expm1(x ...ir.S) ir.S {
	z := x[0].Fn(ir.Max, x[0].Num(-30)).Fn(ir.Min, x[0].Num(89))
	n := z.Mul(z.Num(math.Log2E)).Fn(ir.Round)
	const hi = 0.693145751953125 // ln(2) in few digits, so that n*hi is exact
	r := n.Fn(ir.FMA, n.Num(-hi), z)
	r = n.Fn(ir.FMA, n.Num(hi-math.Ln2), r)
	q := horner(r, 0.000198919813, 0.00139345419, 0.00833331002, 0.0416664568, 0.166666667, 0.500000001)
	p := r.Mul(r).Fn(ir.FMA, q, r)
	half := n.Num(1).Fn(ir.Ldexp, n.Sub(n.Num(1))) // 2ⁿ itself overflows too early
	y := half.Fn(ir.FMA, p, half.Sub(n.Num(0.5)))
	return x[0].Fn(ir.Eq, n.Num(0)).Select(x[0], y.Add(y))
}

// log1p is log(u)*x/(u - 1) with u = 1 + x, after Kahan: the error of u cancels in
// the quotient, which for an infinite u is not there. The error is 3 ulp.
func log1p(x ...ir.S) ir.S {
	u := x[0].Add(x[0].Num(1))
	d := u.Sub(x[0].Num(1))
	y := u.Fn(ir.Log).Mul(x[0].Div(d))
	return d.Fn(ir.Eq, x[0].Num(0)).Select(x[0], u.Fn(ir.Eq, u.Num(math.Inf(1))).Select(u, y))
}
