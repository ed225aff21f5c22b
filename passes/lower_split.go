package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// dropUnitAxes removes the folded axes of size 1.
func dropUnitAxes(k *ir.Kernel) {
	units := slices.DeleteFunc(reducedAxes(k), func(a *ir.Axis) bool { return !a.Extent.Is(1) })
	if len(units) == 0 {
		return
	}
	edit{
		size: func(s ir.Size) ir.Size {
			return s.Subst(func(a *ir.Atom) (ir.Size, bool) { return ir.Size{}, a.Kind == ir.AtomAxis && contains(units, a.Axis) })
		},
		scalar: func(d *ir.DAG, v ir.Scalar) *ir.Scalar {
			if v.Kind != ir.ScalarReduce {
				return nil
			}
			over := slices.DeleteFunc(slices.Clone(v.Over), func(a *ir.Axis) bool { return contains(units, a) })
			if len(over) == 0 && (v.Fn == ir.ArgMax || v.Fn == ir.ArgMin) {
				return d.Num(v.DType, 0)
			}
			return d.Reduce(v.Fn, over, v.Args[0])
		},
	}.apply(k)
}

// splitAxes removes quotients: an axis that stands under /c or %c becomes
// outer*c + inner, where c divides its extent. Splitting a folded axis leaves the
// order of the fold alone. It ends because each split takes a factor from an extent.
func splitAxes(k *ir.Kernel) {
	for {
		axis, inner := quotientAxis(k)
		if axis == nil {
			return
		}
		splitAxis(k, axis, inner)
	}
}

// splitAxis makes axis outer*inner + in of k, and gives the axis in, of size inner.
func splitAxis(k *ir.Kernel, axis *ir.Axis, inner ir.Size) *ir.Axis {
	extent, _ := axis.Extent.Exact(inner)
	out, in := &ir.Axis{Name: axis.Name + "o", Extent: extent}, &ir.Axis{Name: axis.Name + "i", Extent: inner}
	by := out.Index().Mul(inner).Add(in.Index())
	k.Par = replaceAxis(k.Par, axis, out, in)
	edit{
		size: func(s ir.Size) ir.Size { return s.Replace(axis, by) },
		axes: func(over []*ir.Axis) []*ir.Axis { return replaceAxis(over, axis, out, in) },
	}.apply(k)
	return in
}

// quotientAxis finds an axis under a quotient, and the extent of its inner part
// that makes the quotient vanish; nil: there is none.
func quotientAxis(k *ir.Kernel) (axis *ir.Axis, inner ir.Size) {
	axes := slices.Concat(k.Par, reducedAxes(k))
	look := func(q *ir.Atom) {
		if q.Kind != ir.AtomQuo && q.Kind != ir.AtomRem || axis != nil {
			return
		}
		for _, a := range axes {
			coef, _, affine := q.X.Coef(a)
			if !affine || coef.Is(0) || !coef.NonNegative() {
				continue
			}
			in, ok := q.D.Exact(coef)
			if !ok || in.Is(1) {
				continue
			}
			if out, ok := a.Extent.Exact(in); ok && !out.Is(1) && !out.Is(0) {
				axis, inner = a, in
				return
			}
		}
	}
	eachSize(k, func(s ir.Size) { s.Walk(look) })
	return axis, inner
}
