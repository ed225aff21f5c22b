package passes

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// dropGuards drops the bounds that others imply, and the choices that are none
// then. Those that always hold the puller left out, but for bounds that are on numbers since
// axes of one point are gone: what these guard may be an element before the first.
func dropGuards(k *ir.Kernel) {
	known := func(g ir.Bound) bool { _, known := isInside(g); return known }
	if slices.ContainsFunc(k.Values, func(v *ir.Scalar) bool { return slices.ContainsFunc(v.Guard, known) }) {
		edit{scalar: decided(isInside)}.apply(k)
	}
	edit{scalar: func(d *ir.DAG, v ir.Scalar) *ir.Scalar {
		v.Guard = needed(v.Guard)
		if v.Kind == ir.ScalarApply && v.Fn == ir.Select && zeroOutside(v.Args[0], v.Args[1], v.Args[2]) {
			return v.Args[1]
		}
		return d.Add(v)
	}}.apply(k)
}

// zeroOutside reports that x is 0 where c does not hold, and other is 0: a load is 0
// outside its guard.
func zeroOutside(c, x, other *ir.Scalar) bool {
	if c.Kind != ir.ScalarInside || x.Kind != ir.ScalarLoad || len(c.Bind)+len(x.Bind) > 0 || !isZero(other) {
		return false
	}
	for _, g := range c.Guard {
		if !slices.ContainsFunc(x.Guard, func(h ir.Bound) bool { return implies(h, g) }) {
			return false
		}
	}
	return true
}

// isZero leaves out -0, which a load outside its guard is not.
func isZero(v *ir.Scalar) bool {
	return v.Kind == ir.ScalarConst && v.Int == 0 && v.Float == 0 && !math.Signbit(v.Float)
}

// needed are the bounds that the others do not imply.
func needed(guard []ir.Bound) []ir.Bound {
	var left []ir.Bound
	for i, g := range guard {
		implied := false
		for j, h := range guard {
			// Of two that imply each other the first stays.
			implied = implied || j != i && implies(h, g) && (j < i || !implies(g, h))
		}
		if !implied {
			left = append(left, g)
		}
	}
	return left
}

// implies proves that g holds where h does: its index is that of h and c more, and
// its extent has room for that.
func implies(h, g ir.Bound) bool {
	c := g.Index.Sub(h.Index)
	n, ok := c.Int()
	return ok && n >= 0 && g.Extent.Sub(h.Extent).Sub(c).NonNegative()
}
