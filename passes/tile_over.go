package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// overwrites lists which written argument may share memory with which read one: no
// element is stored that is still to be read. That is so where every load of the
// read one is of the element that the same point stores, by a store that nothing
// else of it depends on.
func overwrites(k *ir.Kernel) [][2]int {
	var pairs [][2]int
	for n, s := range k.Stores {
		out := k.Args[s.Arg]
		for i, in := range k.Args {
			if len(s.Guard) == 0 && !in.Write && in.DType.Size() == out.DType.Size() && in.Len.Equal(out.Len) && readsOnlyThere(k, i, n) {
				if pair := [2]int{s.Arg, i}; !slices.Contains(pairs, pair) {
					pairs = append(pairs, pair)
				}
			}
		}
	}
	return pairs
}

// readsOnlyThere reports whether all loads of argument arg are of the element that
// the nth store stores, and for it alone: another store of the point may come later.
func readsOnlyThere(k *ir.Kernel, arg, n int) bool {
	loads := map[*ir.Scalar]bool{} // scalars that depend on a load of arg
	for _, v := range k.Values {
		if v.Kind == ir.ScalarLoad && v.Arg == arg {
			if !v.Index.Equal(k.Stores[n].Index) || len(v.Bind) > 0 {
				return false
			}
			loads[v] = true
		}
		if slices.ContainsFunc(v.Args, func(a *ir.Scalar) bool { return loads[a] }) {
			loads[v] = true
		}
	}
	for i, other := range k.Stores {
		if i != n && loads[other.Value] {
			return false
		}
	}
	return true
}

// sameLane reports that where the threads of a point share its work, each element
// of the argument that is overwritten is read by the thread that overwrites it: the
// loads are dealt to threads along the inner axis, as the store is. What does not
// vary along it all threads read and one stores, whenever it is there.
func sameLane(k *ir.Kernel, pair [2]int) bool {
	if k.Inner == nil {
		return false
	}
	for _, s := range k.Stores {
		if s.Arg == pair[0] && !slices.EqualFunc(k.Loops(s), k.Shared(), sameAxis) {
			return false
		}
	}
	for _, w := range rows(k) {
		if slices.EqualFunc(w.Over, k.Shared(), sameAxis) {
			continue
		}
		if needs(w, func(v *ir.Scalar) bool { return v.Kind == ir.ScalarLoad && v.Arg == pair[1] }) {
			return false
		}
	}
	return true
}

// needs reports whether v is computed from a scalar that f holds of.
func needs(v *ir.Scalar, f func(v *ir.Scalar) bool) bool {
	seen := map[*ir.Scalar]bool{}
	var visit func(v *ir.Scalar) bool
	visit = func(v *ir.Scalar) bool {
		if seen[v] {
			return false
		}
		seen[v] = true
		return f(v) || slices.ContainsFunc(v.Args, visit)
	}
	return visit(v)
}
