package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// eachSize visits every index, bound and extent of a kernel.
func eachSize(k *ir.Kernel, f func(s ir.Size)) {
	guards := func(gs []ir.Bound) {
		for _, g := range gs {
			f(g.Index)
			f(g.Extent)
		}
	}
	for _, a := range k.Axes() {
		f(a.Extent)
	}
	for _, a := range k.Args {
		f(a.Len)
	}
	for _, v := range k.Values {
		f(v.Index)
		guards(v.Guard)
	}
	for _, s := range k.Stores {
		f(s.Index)
		guards(s.Guard)
	}
}

// reducedAxes are the axes that something is folded over, each once.
func reducedAxes(k *ir.Kernel) []*ir.Axis {
	var axes []*ir.Axis
	for _, v := range k.Values {
		for _, a := range v.Over {
			if !contains(axes, a) {
				axes = append(axes, a)
			}
		}
	}
	return axes
}

func contains(axes []*ir.Axis, a *ir.Axis) bool {
	return slices.ContainsFunc(axes, func(b *ir.Axis) bool { return a.Name == b.Name })
}

// An edit says how a kernel's scalars are made anew. A nil function leaves things
// as they are.
type edit struct {
	size func(s ir.Size) ir.Size          // of indices and guards
	axes func(over []*ir.Axis) []*ir.Axis // that are folded over, or bound

	// scalar gives what stands for v, which has its old number and new operands; nil
	// keeps v.
	scalar func(d *ir.DAG, v ir.Scalar) *ir.Scalar
}

// apply puts every scalar of k through a new DAG, which finds equal ones, and
// drops those that nothing needs.
func (e edit) apply(k *ir.Kernel) {
	d := ir.NewDAG()
	to := map[*ir.Scalar]*ir.Scalar{}
	size := func(s ir.Size) ir.Size {
		if e.size == nil {
			return s
		}
		return e.size(s)
	}
	guards := func(gs []ir.Bound) []ir.Bound {
		var out []ir.Bound
		for _, b := range gs {
			out = append(out, ir.Bound{Index: size(b.Index), Extent: size(b.Extent)})
		}
		return out
	}
	for _, v := range k.Values {
		w := *v
		w.Args = make([]*ir.Scalar, len(v.Args))
		for i, a := range v.Args {
			w.Args[i] = to[a]
		}
		w.Index, w.Guard = size(v.Index), guards(v.Guard)
		if e.axes != nil {
			w.Over, w.Bind = e.axes(v.Over), e.axes(v.Bind)
		}
		if e.scalar != nil {
			to[v] = e.scalar(d, w)
		}
		if to[v] == nil {
			to[v] = d.Add(w)
		}
	}
	for i, s := range k.Stores {
		k.Stores[i] = ir.Store{Arg: s.Arg, Index: size(s.Index), Guard: guards(s.Guard), Value: to[s.Value]}
	}
	if k.Contract != nil {
		k.Contract.Replace(to)
	}
	if k.Stream != nil {
		k.Stream.Replace(to)
	}
	k.Values = d.Values
	prune(k)
}

// prune drops the scalars that no store needs and numbers the rest.
func prune(k *ir.Kernel) {
	need := map[*ir.Scalar]bool{}
	var visit func(v *ir.Scalar)
	visit = func(v *ir.Scalar) {
		if need[v] {
			return
		}
		need[v] = true
		for _, a := range v.Args {
			visit(a)
		}
	}
	for _, s := range k.Stores {
		visit(s.Value)
	}
	k.Values = slices.DeleteFunc(k.Values, func(v *ir.Scalar) bool { return !need[v] })
	for i, v := range k.Values {
		v.ID = i
	}
}

// replaceAxis puts several axes in the place of one, in a list that holds it.
func replaceAxis(axes []*ir.Axis, a *ir.Axis, by ...*ir.Axis) []*ir.Axis {
	i := slices.IndexFunc(axes, func(b *ir.Axis) bool { return b.Name == a.Name })
	if i < 0 {
		return axes
	}
	return slices.Concat(axes[:i], by, axes[i+1:])
}
