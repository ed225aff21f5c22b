package passes

import (
	"cmp"
	"slices"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes/internal/arena"
)

// schedule orders the steps of each variant by the smallest serial peak, at the
// bounds of the dims, and then puts them into as few epochs as that peak allows.
func schedule(m *ir.Module) error {
	for _, f := range m.Funcs {
		for _, v := range f.Variants {
			scheduleVariant(m, v)
		}
	}
	return nil
}

func scheduleVariant(m *ir.Module, v *ir.Variant) {
	if len(v.Steps) == 0 {
		return
	}
	g, buffers := memoryGraph(v)
	size := bytesAt(m, buffers, grid(m.Dims)[0])
	order, peak, _ := arena.Schedule(g, size)
	epoch := arena.PackEpochs(g, size, order, peak)
	rank := make([]int, len(order))
	for i, k := range order {
		rank[k] = i
	}
	for k, s := range v.Steps {
		s.Epoch = epoch[k]
	}
	steps := slices.Clone(v.Steps)
	position := map[*ir.Step]int{}
	for k, s := range steps {
		position[s] = rank[k]
	}
	slices.SortStableFunc(v.Steps, func(a, b *ir.Step) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(position[a], position[b]))
	})
	for i, s := range v.Steps {
		s.Barrier = nil
		if i > 0 && s.Epoch != v.Steps[i-1].Epoch {
			s.Barrier = barrier(v.Steps, i)
		}
	}
}

// barrier names the hazard for which the epoch that starts at step i waits for
// those before.
func barrier(steps []*ir.Step, i int) *ir.Hazard {
	for j := i; j < len(steps) && steps[j].Epoch == steps[i].Epoch; j++ {
		for after := i - 1; after >= 0; after-- {
			for n, b := range steps[j].Args {
				for k, other := range steps[after].Args {
					if b != other {
						continue
					}
					wrote, writes := steps[after].Kernel.Args[k].Write, steps[j].Kernel.Args[n].Write
					switch {
					case wrote && writes:
						return &ir.Hazard{Kind: ir.WAW, Buffer: b, After: after}
					case wrote:
						return &ir.Hazard{Kind: ir.RAW, Buffer: b, After: after}
					case writes:
						return &ir.Hazard{Kind: ir.WAR, Buffer: b, After: after}
					}
				}
			}
		}
	}
	return &ir.Hazard{Kind: ir.Reuse, Buffer: steps[i].Args[len(steps[i].Args)-1], After: i - 1}
}
