package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// unrollMost is the scalars that the terms of a fold may have to be written out.
const unrollMost = 64

// unroll writes out the fold of a kernel over a small window for each channel: what is
// left is a chain along the channels, whose neighbours vectors take.
func unroll(k *ir.Kernel) {
	fold, lane := channelFold(k)
	if fold == nil || slices.ContainsFunc(factorsOf(fold), func(x *ir.Scalar) bool { return !inLanes(x, lane) }) {
		return
	}
	if slices.ContainsFunc(k.Stores, func(s ir.Store) bool { return slices.ContainsFunc(fold.Over, s.Index.Has) }) {
		return // the loop of the fold stores something as well
	}
	terms, _ := ir.Product(extentsOf(fold.Over)).Int()
	edit{scalar: func(d *ir.DAG, v ir.Scalar) *ir.Scalar {
		if v.ID != fold.ID {
			return nil
		}
		each := varying(v.Args[0], v.Over)
		if terms*int64(len(each)) > unrollMost {
			return nil
		}
		var sum *ir.Scalar
		for n := range terms {
			if x := atPoint(d, each, v.Over, n); sum == nil {
				sum = x
			} else {
				sum = addedTo(d, v.Fn, sum, x)
			}
		}
		return sum
	}}.apply(k)
}

// addedTo is what a fold makes of what it has and one term more.
func addedTo(d *ir.DAG, fn ir.Fn, sum, x *ir.Scalar) *ir.Scalar {
	if fn == ir.Add && x.DType == ir.F32 && x.Kind == ir.ScalarApply && x.Fn == ir.Mul {
		return d.Apply(ir.FMA, x.Args[0], x.Args[1], sum)
	}
	return d.Apply(fn, sum, x)
}

// varying is v and what it is computed from that varies with some of the axes, operands
// first; v itself is the last, also where it does not.
func varying(v *ir.Scalar, axes []*ir.Axis) []*ir.Scalar {
	var order []*ir.Scalar
	seen := map[*ir.Scalar]bool{}
	var visit func(w *ir.Scalar)
	visit = func(w *ir.Scalar) {
		if seen[w] || w != v && !slices.ContainsFunc(axes, w.Varies) {
			return
		}
		seen[w] = true
		for _, a := range w.Args {
			visit(a)
		}
		order = append(order, w)
	}
	visit(v)
	return order
}

// atPoint is the last of some scalars at the nth point of axes, the others being all it
// is computed from that varies with them.
func atPoint(d *ir.DAG, scalars []*ir.Scalar, axes []*ir.Axis, n int64) *ir.Scalar {
	place := func(s ir.Size) ir.Size { return placedAt(s, axes, n) }
	to := map[*ir.Scalar]*ir.Scalar{}
	var last *ir.Scalar
	for _, v := range scalars {
		w := *v
		w.Args = slices.Clone(v.Args)
		for i, a := range w.Args {
			if to[a] != nil {
				w.Args[i] = to[a]
			}
		}
		w.Index, w.Guard = place(v.Index), slices.Clone(v.Guard)
		for i, g := range w.Guard {
			w.Guard[i] = ir.Bound{Index: place(g.Index), Extent: place(g.Extent)}
		}
		if n, known := w.Index.Int(); known && w.Kind == ir.ScalarSize && len(w.Bind) == 0 {
			last = d.Num(w.DType, float64(n))
		} else {
			last = d.Add(w)
		}
		to[v] = last
	}
	return last
}

// placedAt is a size at the nth point of axes.
func placedAt(s ir.Size, axes []*ir.Axis, n int64) ir.Size {
	for _, a := range slices.Backward(axes) {
		extent, _ := a.Extent.Int()
		s, n = s.Replace(a, ir.N(n%extent)), n/extent
	}
	return s
}
