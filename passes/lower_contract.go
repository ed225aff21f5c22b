package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// recogniseContract finds a sum of products whose factors vary with axes of the
// grid of their own, and those that share its left factor, its axes and its terms. The
// last axis of the grid that is no batch belongs to the right factors, so that the
// columns of the products are stored next to each other. Where each point of the grid has
// several results, which walk the terms' axis again, it is no contraction.
func recogniseContract(k *ir.Kernel) {
	if storesLoops(k) {
		return
	}
	for _, v := range k.Values {
		if v.Kind != ir.ScalarReduce || v.Fn != ir.Add || v.Args[0].Kind != ir.ScalarApply || v.Args[0].Fn != ir.Mul {
			continue
		}
		switch c := contractOf(k.Grid(), v); {
		case c == nil:
		case k.Contract == nil:
			k.Contract = c
		case sameLeft(k.Contract, c):
			k.Contract.Rights = append(k.Contract.Rights, c.Rights...)
		}
	}
}

// storesLoops reports that a point of the grid stores several elements.
func storesLoops(k *ir.Kernel) bool {
	return slices.ContainsFunc(k.Stores, func(s ir.Store) bool { return len(k.Loops(s)) > 0 })
}

// sameLeft reports that c and d differ in their right factors alone.
func sameLeft(c, d *ir.Contract) bool {
	return c.A == d.A && slices.EqualFunc(c.M, d.M, sameAxis) && slices.EqualFunc(c.N, d.N, sameAxis) &&
		slices.EqualFunc(c.Terms(), d.Terms(), sameAxis) && c.Rights[0].Sum.DType == d.Rights[0].Sum.DType
}

// contractOf sorts the axes of the grid by the factors of sum that vary with them;
// nil: a factor has none of its own, or an axis no factor.
func contractOf(grid []*ir.Axis, sum *ir.Scalar) *ir.Contract {
	a, b := sum.Args[0].Args[0], sum.Args[0].Args[1]
	var m, n []*ir.Axis
	last := b
	for _, x := range grid {
		switch inA, inB := a.Varies(x), b.Varies(x); {
		case !inA && !inB:
			return nil
		case !inB:
			m, last = append(m, x), a
		case !inA:
			n, last = append(n, x), b
		}
	}
	if len(m) == 0 || len(n) == 0 {
		return nil
	}
	if last == a {
		a, b, m, n = b, a, n, m
	}
	return &ir.Contract{M: m, N: n, A: a, Rights: []ir.Right{{B: b, Sum: sum}}}
}
