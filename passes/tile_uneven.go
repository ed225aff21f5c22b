package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// splitUneven removes the quotients that splitAxes leaves, where nothing is folded: of axes
// whose extents they do not divide, or that they do not begin with. Points of the two axes
// that are beyond the one store nothing. Kernels that spread something apart, with zeros
// between, have steps of equal length then. The axis that vectors run along stays.
func splitUneven(k *ir.Kernel) {
	if k.Inner == nil || k.Contract != nil || k.Stream != nil || len(reducedAxes(k)) > 0 {
		return
	}
	made := []*ir.Axis{k.Inner}
	for {
		axis, each, before := unevenAxis(k, made)
		if axis == nil {
			break
		}
		out, in := &ir.Axis{Name: axis.Name + "o", Extent: axis.Extent.Add(ir.N(before)).CeilDiv(each)}, &ir.Axis{Name: axis.Name + "i", Extent: ir.N(each)}
		by := out.Index().Mul(in.Extent).Add(in.Index()).Sub(ir.N(before))
		within := ir.Bound{Index: by, Extent: axis.Extent}
		made = append(made, out, in)
		k.Par = replaceAxis(k.Par, axis, out, in)
		edit{
			size: func(s ir.Size) ir.Size { return s.Replace(axis, by) },
			scalar: func(d *ir.DAG, v ir.Scalar) *ir.Scalar {
				if v.Kind == ir.ScalarLoad && (v.Index.Has(out) || v.Index.Has(in)) {
					v.Guard = needed(append(slices.Clip(v.Guard), within))
				}
				return d.Add(v)
			},
		}.apply(k)
		for i := range k.Stores {
			k.Stores[i].Guard = append(k.Stores[i].Guard, within)
		}
	}
	if len(made) > 1 {
		renameAxes(k)
	}
}

// unevenAxis finds an axis under quotients by a number, but for some axes, how many of its
// points make a whole one, and how many of the first one are before its own; nil: there is
// none.
func unevenAxis(k *ir.Kernel, but []*ir.Axis) (axis *ir.Axis, each, before int64) {
	eachSize(k, func(s ir.Size) {
		s.Walk(func(q *ir.Atom) {
			if q.Kind != ir.AtomQuo && q.Kind != ir.AtomRem || axis != nil {
				return
			}
			for _, a := range k.Par {
				if contains(but, a) {
					continue
				}
				coef, rest, _ := q.X.Coef(a)
				if !coef.AtLeast(1) {
					continue
				}
				of, exact := q.D.Exact(coef)
				first, even := rest.Exact(coef)
				n, constant := of.Int()
				shift, known := first.Int()
				if exact && even && constant && known && n > 1 {
					axis, each, before = a, n, (shift%n+n)%n
					return
				}
			}
		})
	})
	return axis, each, before
}
