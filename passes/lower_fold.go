package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Views are folded into the kernels that read them, with two exceptions.

// maxReads is from how many places at most a view may take its elements. Each
// reader of a folded view tells them apart by guards; a view of more is stored.
const maxReads = 8

// keptViews are the views that would need too many guards.
func keptViews(body []*ir.Instr) map[*ir.Value]bool {
	kept := map[*ir.Value]bool{}
	reads := map[*ir.Value]int{}
	for _, in := range body {
		v := in.Result()
		reads[v] = 1
		if in.Op.Kind != ir.KindView {
			continue
		}
		n := 0
		for _, a := range in.Args {
			n += max(1, reads[a])
		}
		if n > maxReads {
			kept[v] = true
			n = 1
		}
		reads[v] = n
	}
	return kept
}

// foldBetter stores those operands of a contraction or a window op that are views
// whose index, folded, would be divided in the innermost loop: there each element
// is read many times, and it is cheaper to divide once for each.
func (l *lowering) foldBetter(in *ir.Instr) {
	if in.Op.Kind != ir.KindContract && in.Op.Kind != ir.KindWindow {
		return
	}
	folded := func() int {
		k, _ := l.kernel(l.buffers[in.Result()], l.compute(in))
		return divisions(k)
	}
	for _, v := range in.Args {
		if v.Instr == nil || v.Instr.Op.Kind != ir.KindView || l.stored(v) {
			continue
		}
		before := folded()
		if before == 0 {
			return
		}
		buffer := l.buffer(valueName(v), ir.InArena, 0, v.Type)
		l.kept[v], l.buffers[v] = true, buffer
		if folded() < before {
			l.step(buffer, v, valueName(v), l.compute(v.Instr))
			continue
		}
		l.forget(v)
	}
}

// forget takes back that a view is stored.
func (l *lowering) forget(v *ir.Value) {
	b := l.buffers[v]
	delete(l.buffers, v)
	delete(l.kept, v)
	delete(l.names, b.Name)
	l.variant.Buffers = slices.DeleteFunc(l.variant.Buffers, func(o *ir.Buffer) bool { return o == b })
}

// divisions counts the loads that divide an index.
func divisions(k *ir.Kernel) int {
	n := 0
	for _, v := range k.Values {
		if v.Kind == ir.ScalarLoad && divides(v.Index) {
			n++
		}
	}
	return n
}

func divides(s ir.Size) bool {
	found := false
	s.Walk(func(a *ir.Atom) { found = found || a.Kind == ir.AtomQuo || a.Kind == ir.AtomRem })
	return found
}
