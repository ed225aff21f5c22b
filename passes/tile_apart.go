package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// mostApart is the points of an axis up to which each is computed by itself, and mostStores
// the stores that a kernel may have then.
const (
	mostApart  = 4
	mostStores = 8
)

// takeApart gives each point of a short axis stores of its own where guards tell the points
// apart, as those of results that are stacked: what one of them needs is not computed for all,
// what several need is computed once, and vectors take no guards.
func takeApart(k *ir.Kernel) {
	if k.Inner == nil || k.Contract != nil || k.Stream != nil || len(reducedAxes(k)) > 0 || !computes(k) {
		return
	}
	for {
		grid := k.Grid()
		i := slices.IndexFunc(grid, func(a *ir.Axis) bool { return toldApart(k, a) })
		if i < 0 {
			return
		}
		axis := grid[i]
		n, _ := axis.Extent.Int()
		var values []*ir.Scalar
		stores := make([]ir.Store, n*int64(len(k.Stores))) // the last, which may be over what is read, stay behind the others
		for at := range n {
			one := *k
			one.Stores = slices.Clone(k.Stores)
			edit{size: func(s ir.Size) ir.Size { return s.Replace(axis, ir.N(at)) }, scalar: decided(isInside)}.apply(&one)
			values = append(values, one.Values...)
			for i, s := range one.Stores {
				stores[int64(i)*n+at] = s
			}
		}
		k.Values, k.Stores = values, stores
		edit{}.apply(k)
		k.Par, k.Inner = slices.Delete(slices.Clone(grid), i, i+1), nil
		chooseInner(k)
		renameAxes(k)
	}
}

// computes reports that a kernel does more than to choose among what it loads.
func computes(k *ir.Kernel) bool {
	return slices.ContainsFunc(k.Values, func(v *ir.Scalar) bool { return v.Kind == ir.ScalarApply && v.Fn != ir.Select })
}

// toldApart reports that bounds hold for some points of a short axis, whatever the others are.
func toldApart(k *ir.Kernel, a *ir.Axis) bool {
	n, ok := a.Extent.Int()
	if !ok || n < 1 || n > mostApart || n*int64(len(k.Stores)) > mostStores || len(k.Grid()) < 2 {
		return false
	}
	found := false
	for _, v := range k.Values {
		for _, g := range v.Guard {
			if !g.Index.Has(a) {
				continue
			}
			for at := range n {
				if _, known := isInside(ir.Bound{Index: g.Index.Replace(a, ir.N(at)), Extent: g.Extent}); !known {
					return false
				}
			}
			found = true
		}
	}
	return found
}

// isInside is whether a bound on numbers holds.
func isInside(g ir.Bound) (yes, known bool) {
	at, ok := g.Index.Int()
	extent, known := g.Extent.Int()
	return at >= 0 && at < extent, ok && known
}

// decided makes scalars without the bounds that are known.
func decided(holds func(g ir.Bound) (yes, known bool)) func(d *ir.DAG, v ir.Scalar) *ir.Scalar {
	return func(d *ir.DAG, v ir.Scalar) *ir.Scalar {
		if v.Kind == ir.ScalarApply && v.Fn == ir.Select && v.Args[0].Kind == ir.ScalarConst {
			return v.Args[2-v.Args[0].Int]
		}
		if len(v.Guard) == 0 {
			return nil
		}
		var left []ir.Bound
		for _, g := range v.Guard {
			switch yes, known := holds(g); {
			case !known:
				left = append(left, g)
			case !yes:
				return d.Num(v.DType, 0)
			}
		}
		if v.Guard = left; v.Kind == ir.ScalarInside && len(left) == 0 {
			return d.Num(ir.Bool, 1)
		}
		return d.Add(v)
	}
}
