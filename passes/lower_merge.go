package passes

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// mergeAxes joins neighbouring axes that every index walks as one, of the grid
// and of the folds.
func mergeAxes(k *ir.Kernel) {
	for i := len(k.Par) - 2; i >= 0; i-- {
		if walkedAsOne(k, k.Par[i], k.Par[i+1]) {
			merge(k, k.Par[i], k.Par[i+1])
		}
	}
	for again := true; again; {
		again = false
		for _, v := range k.Values {
			for i := len(v.Over) - 2; i >= 0 && !again; i-- {
				if p, q := v.Over[i], v.Over[i+1]; foldedTogether(k, p, q) && sharedTogether(k, p, q) && walkedAsOne(k, p, q) {
					merge(k, p, q)
					again = true
				}
			}
			if again { // the scalars are new
				break
			}
		}
	}
}

// walkedAsOne reports whether every index that mentions p or q does so by
// p*extent(q) + q.
func walkedAsOne(k *ir.Kernel, p, q *ir.Axis) bool {
	together := true
	check := func(s ir.Size) {
		if !together {
			return
		}
		cp, _, ok1 := s.Coef(p)
		cq, _, ok2 := s.Coef(q)
		together = ok1 && ok2 && cp.Equal(cq.Mul(q.Extent))
	}
	eachSize(k, check)
	return together
}

// foldedTogether reports whether every fold over p or q is over p and then q.
func foldedTogether(k *ir.Kernel, p, q *ir.Axis) bool {
	for _, v := range k.Values {
		if !contains(v.Over, p) && !contains(v.Over, q) {
			continue
		}
		i := slices.IndexFunc(v.Over, func(a *ir.Axis) bool { return a.Name == p.Name })
		if i < 0 || i+1 >= len(v.Over) || v.Over[i+1].Name != q.Name {
			return false
		}
	}
	return true
}

// sharedTogether reports whether p and q are neighbours among the axes that stages
// share, if they are there.
func sharedTogether(k *ir.Kernel, p, q *ir.Axis) bool {
	i, j := position(k.Shared(), p), position(k.Shared(), q)
	return i < 0 && j < 0 || i >= 0 && j == i+1
}

func merge(k *ir.Kernel, p, q *ir.Axis) {
	one := &ir.Axis{Name: p.Name + q.Name, Extent: p.Extent.Mul(q.Extent)}
	pair := func(axes []*ir.Axis) []*ir.Axis { return replaceAxis(replaceAxis(axes, p, one), q) }
	k.Par = pair(k.Par)
	if s := k.Stream; s != nil {
		s.M, s.N = pair(s.M), pair(s.N)
	}
	if shared := pair(k.Shared()); len(shared) > 0 {
		k.Outer, k.Inner = shared[:len(shared)-1], shared[len(shared)-1]
	}
	edit{
		size: func(s ir.Size) ir.Size { return s.Replace(p, ir.Size{}).Replace(q, one.Index()) },
		axes: pair,
	}.apply(k)
}

// renameAxes numbers the axes in their order: i0, i1, … in the grid, r0, r1, … in
// folds, b0, b1, … where an index is bound to a scalar.
func renameAxes(k *ir.Kernel) {
	to := map[string]*ir.Axis{}
	number := func(prefix string, axes []*ir.Axis) {
		n := 0
		for _, a := range axes {
			if to[a.Name] == nil {
				to[a.Name] = &ir.Axis{Name: fmt.Sprint(prefix, n), Extent: a.Extent}
				n++
			}
		}
	}
	number("i", k.Par)
	for i, a := range k.Shared() {
		to[a.Name] = &ir.Axis{Name: fmt.Sprint("i", len(k.Par)+i), Extent: a.Extent}
	}
	number("r", reducedAxes(k))
	number("b", k.Axes()) // what is left
	renamed := func(axes []*ir.Axis) []*ir.Axis {
		var out []*ir.Axis
		for _, a := range axes {
			out = append(out, to[a.Name])
		}
		return out
	}
	k.Par = renamed(k.Par)
	if k.Inner != nil {
		k.Outer, k.Inner = renamed(k.Outer), to[k.Inner.Name]
	}
	edit{
		size: func(s ir.Size) ir.Size {
			return s.Subst(func(a *ir.Atom) (ir.Size, bool) {
				if a.Kind != ir.AtomAxis {
					return ir.Size{}, false
				}
				return to[a.Axis.Name].Index(), true
			})
		},
		axes: renamed,
	}.apply(k)
}
