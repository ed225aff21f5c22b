package passes

import (
	"github.com/mlxc/mlxc/ir"
)

// legalise rewrites scalar functions that the module's target does not have.
func legalise(m *ir.Module) error {
	table := missing[m.Target]
	for _, k := range m.Kernels {
		same := func(s ir.Size) ir.Size { return s }
		remake(k, same, func(d *ir.DAG, v *ir.Scalar, args []*ir.Scalar) *ir.Scalar {
			f := table[v.Fn]
			if v.Kind != ir.ScalarApply || f == nil || !v.DType.IsFloat() && v.Fn != ir.IsInf {
				return nil
			}
			x := make([]ir.S, len(args))
			for i, a := range args {
				x[i] = d.Wrap(a)
			}
			return f(x).V
		})
	}
	return nil
}

// missing are the functions that a target lacks, in terms of those it has. The
// portable Go of target cpu has all.
var missing = map[ir.Target]map[ir.Fn]func(x []ir.S) ir.S{
	ir.Metal: {
		ir.Erf:   func(x []ir.S) ir.S { return erf(x[0]) },
		ir.Erfc:  func(x []ir.S) ir.S { return erfc(x[0]) },
		ir.Expm1: func(x []ir.S) ir.S { return expm1(x[0]) },
		ir.Log1p: func(x []ir.S) ir.S { return log1p(x[0]) },
	},
}

func horner(x ir.S, coef ...float64) ir.S { // highest power first
	y := x.Num(coef[0])
	for _, c := range coef[1:] {
		y = y.Fn(ir.FMA, x, x.Num(c))
	}
	return y
}

// erf after Abramowitz and Stegun 7.1.26: absolute error 1.5e-7.
func erf(x ir.S) ir.S {
	a := x.Fn(ir.Abs)
	t := x.Num(1).Div(a.Fn(ir.FMA, x.Num(0.3275911), x.Num(1)))
	p := horner(t, 1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592).Mul(t)
	return x.Num(1).Sub(p.Mul(x.Mul(x).Neg().Fn(ir.Exp))).Fn(ir.CopySign, x)
}

// erfc is t*exp(p(t) - x²) with t = 1/(1 + |x|/2) and a Chebyshev fit p, after
// Press et al., Numerical Recipes, 6.2: relative error 1.2e-7 however small it gets.
func erfc(x ir.S) ir.S {
	a := x.Fn(ir.Abs)
	t := x.Num(1).Div(a.Fn(ir.FMA, x.Num(0.5), x.Num(1)))
	p := horner(t, 0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368, -1.26551223)
	y := t.Mul(p.Sub(a.Mul(a)).Fn(ir.Exp))
	return x.Lt(x.Num(0)).Select(x.Num(2).Sub(y), y)
}

// expm1 is (u-1)*x/log(u) with u = exp(x), after Kahan: the errors of u cancel.
func expm1(x ir.S) ir.S {
	u := x.Fn(ir.Exp)
	d := u.Sub(x.Num(1))
	y := d.Mul(x).Div(u.Fn(ir.Log))
	small := u.Fn(ir.Eq, x.Num(1))
	far := d.Fn(ir.Eq, x.Num(-1)).Select(d, u.Fn(ir.IsInf).Select(u, y))
	return small.Select(x, far)
}

// log1p is log(u)*x/(u-1) with u = 1+x, after Kahan.
func log1p(x ir.S) ir.S {
	u := x.Add(x.Num(1))
	d := u.Sub(x.Num(1))
	y := u.Fn(ir.Log).Mul(x.Div(d))
	return d.Fn(ir.Eq, x.Num(0)).Select(x, u.Fn(ir.IsInf).Select(u, y))
}
