package passes

import (
	"cmp"
	"slices"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes/internal/arena"
)

// schedule puts the steps of each variant into the order with the smallest peak of
// live bytes at the bounds of the dims, and then into as few epochs as go without
// raising it, there and at the least dims.
func schedule(m *ir.Module) error {
	for _, f := range m.Funcs {
		for _, v := range f.Variants {
			scheduleVariant(m, f, v)
		}
	}
	return nil
}

func scheduleVariant(m *ir.Module, f *ir.Func, v *ir.Variant) {
	_, buffers := memoryGraph(v)
	sizes := sizesAt(m, buffers, planPoints(m, f, v, buffers))
	bound, least := sizes[0], sizes[len(sizes)-1]
	var steps []*ir.Step
	epochs := 0
	turns := map[*ir.Step]bool{} // the first steps of each
	for _, straight := range turnsOf(betweenLoops(v)) {
		part := &ir.Variant{Buffers: v.Buffers, Steps: straight}
		g, _ := memoryGraph(part)
		order, _ := arena.Schedule(g, bound)
		epoch := arena.PackEpochs(g, order, [][]int64{bound, least})
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(epoch[a], epoch[b]) })
		for _, k := range order {
			straight[k].Epoch = epochs + epoch[k]
			steps = append(steps, straight[k])
		}
		turns[straight[order[0]]] = onBoth(v.Steps)
		epochs = steps[len(steps)-1].Epoch + 1
	}
	v.Steps = steps
	placeBarriers(v, bound, turns)
}

// betweenLoops is the steps of a variant, cut where loops begin and end: each part is
// ordered for itself.
func betweenLoops(v *ir.Variant) [][]*ir.Step {
	var parts [][]*ir.Step
	first := 0
	for i := 1; i <= len(v.Steps); i++ {
		cut := func(l ir.Loop) bool { return l.First == i || l.End == i }
		if i == len(v.Steps) || slices.ContainsFunc(v.Loops, cut) {
			parts = append(parts, slices.Clone(v.Steps[first:i]))
			first = i
		}
	}
	return parts
}

// placeBarriers names for the first step of each epoch what of its device it waits for: a
// buffer that a step of the epoch before still uses or, if there is none, the end of a turn,
// or memory. turns has the first steps of those.
func placeBarriers(v *ir.Variant, size []int64, turns map[*ir.Step]bool) {
	uses := hazards(v.Steps)
	for i, s := range v.Steps {
		s.Barrier = nil
		if i == 0 || s.Epoch == v.Steps[i-1].Epoch || s.Device != v.Steps[i-1].Device {
			continue
		}
		for j := i; j < len(v.Steps) && v.Steps[j].Epoch == s.Epoch && s.Barrier == nil; j++ {
			for _, h := range uses[j] {
				if v.Steps[h.After].Epoch == v.Steps[i-1].Epoch {
					s.Barrier = &h
					break
				}
			}
		}
		switch {
		case s.Barrier != nil:
		case turns[s]:
			s.Barrier = &ir.Hazard{Kind: ir.Turn, Buffer: written(s), After: i - 1}
		default:
			s.Barrier = reuse(v, i, size)
		}
	}
}

// reuse is why the epoch that starts at step i is one of its own though it needs no
// result of the epoch before: both together would need more memory. It names the
// largest buffer that takes memory in this epoch.
func reuse(v *ir.Variant, i int, size []int64) *ir.Hazard {
	g, buffers := memoryGraph(v)
	h := &ir.Hazard{Kind: ir.Reuse, Buffer: written(v.Steps[i]), After: i - 1}
	most := int64(-1)
	for _, b := range arena.Lifetimes(g, epochs(v)).Blocks {
		if b.First == v.Steps[i].Epoch && size[b.Root] > most {
			h.Buffer, most = buffers[b.Root], size[b.Root]
		}
	}
	return h
}

// epochs is the epoch of each step.
func epochs(v *ir.Variant) []int {
	at := make([]int, len(v.Steps))
	for i, s := range v.Steps {
		at[i] = s.Epoch
	}
	return at
}

// written is the first buffer that a step writes.
func written(s *ir.Step) *ir.Buffer {
	return s.Args[slices.IndexFunc(s.Kernel.Args, func(a ir.KernelArg) bool { return a.Write })]
}
