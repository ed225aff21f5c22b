package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// shareAxes gives the stages of a row one set of variables: where all folds are over
// axes of the extents of axes of the grid with which no fold varies, the axes of the
// grid become those of the folds, and leave the grid. What is folded is then computed
// once for all elements that read it. false: the folds are of another kind, or the
// grid has no such axes.
func shareAxes(k *ir.Kernel) bool {
	folds := slices.DeleteFunc(slices.Clone(k.Values), func(v *ir.Scalar) bool { return v.Kind != ir.ScalarReduce })
	if len(folds) == 0 || len(k.Outer) > 0 || k.Inner != nil {
		return false
	}
	over := folds[0].Over
	if !slices.ContainsFunc(k.Par, func(a *ir.Axis) bool { return !folds[0].Varies(a) }) {
		return false // each point has folds of its own
	}
	free := slices.Clone(k.Par) // with which no fold varies
	for _, v := range folds {
		if !slices.EqualFunc(v.Over, over, sameAxis) {
			return false
		}
		free = slices.DeleteFunc(free, func(a *ir.Axis) bool { return v.Args[0].Varies(a) })
	}
	for _, s := range k.Stores { // what is stored once a row varies with the row
		if slices.ContainsFunc(k.Par, func(a *ir.Axis) bool { return !a.Extent.Is(1) && !s.Index.Has(a) }) {
			free = slices.DeleteFunc(free, s.Index.Has)
		}
	}
	to := map[string]*ir.Axis{} // of the fold, to that of the grid
	var shared []*ir.Axis
	for _, r := range slices.Backward(over) {
		i := -1
		for n, a := range free {
			if a.Extent.Equal(r.Extent) {
				i = n // the last
			}
		}
		if i < 0 {
			return false
		}
		to[r.Name] = free[i]
		shared = append(shared, free[i])
		free = slices.Delete(free, i, i+1)
	}
	slices.SortFunc(shared, func(a, b *ir.Axis) int { return position(k.Par, a) - position(k.Par, b) })
	k.Par = slices.DeleteFunc(slices.Clone(k.Par), func(a *ir.Axis) bool { return contains(shared, a) })
	last := len(shared) - 1
	k.Outer, k.Inner = shared[:last:last], shared[last]
	edit{
		size: func(s ir.Size) ir.Size {
			return s.Subst(func(a *ir.Atom) (ir.Size, bool) {
				if a.Kind != ir.AtomAxis || to[a.Axis.Name] == nil {
					return ir.Size{}, false
				}
				return to[a.Axis.Name].Index(), true
			})
		},
		axes: func(over []*ir.Axis) []*ir.Axis {
			var out []*ir.Axis
			for _, a := range over {
				if to[a.Name] != nil {
					a = to[a.Name]
				}
				out = append(out, a)
			}
			return out
		},
	}.apply(k)
	return true
}

func sameAxis(a, b *ir.Axis) bool { return a.Name == b.Name }

func position(axes []*ir.Axis, a *ir.Axis) int {
	return slices.IndexFunc(axes, func(b *ir.Axis) bool { return sameAxis(a, b) })
}
