package passes

import (
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes/internal/arena"
)

const (
	planGoal  = 1.02    // how near to the best found a plan must be at each point
	planLimit = 4       // most stacks per variant
	planWork  = 1 << 28 // pairs of blocks compared in search of better stacks: effort, never time
)

// plan gives every arena buffer of each variant a place, for all dims.
func plan(m *ir.Module) error {
	for _, f := range m.Funcs {
		for _, v := range f.Variants {
			v.Plan = planVariant(m, f, v)
		}
	}
	return nil
}

func planVariant(m *ir.Module, f *ir.Func, v *ir.Variant) *ir.Plan {
	g, buffers := memoryGraph(v)
	at := epochs(v)
	points := planPoints(m, f, v, buffers)
	sizes := sizesAt(m, buffers, points)
	p := &ir.Plan{}
	life := arena.Lifetimes(g, at)
	for _, b := range life.Blocks {
		block := &ir.Block{Bytes: buffers[b.Root].Type.Bytes(), First: b.First, Last: b.Last}
		for _, value := range life.Values(b) {
			block.Buffers = append(block.Buffers, buffers[value])
		}
		p.Blocks = append(p.Blocks, block)
	}
	if len(p.Blocks) > 0 {
		for _, s := range arena.Stacks(g, at, sizes, planGoal, planLimit, planWork) {
			p.Stacks = append(p.Stacks, ir.Stack{Order: s.Order, On: s.On})
		}
	}
	for i, point := range points {
		p.Report = append(p.Report, planPoint(p, g, life, point, sizes[i]))
	}
	return p
}

// planPoint is what a plan takes at a point, where the buffers have the given sizes.
func planPoint(p *ir.Plan, g *arena.Graph, life *arena.Life, point, sizes []int64) ir.PlanPoint {
	l := life.Sized(sizes)
	bytes := make([]int64, len(l.Blocks))
	for n, b := range l.Blocks {
		bytes[n] = b.Size
	}
	_, peak := p.Offsets(bytes)
	return ir.PlanPoint{Dims: point, Arena: peak, Live: l.Live(), Bound: arena.Bound(g, sizes)}
}

// PlanAt is what the plan of a variant takes at some dims, in the order of the
// module's, which need not be among those of its report.
func PlanAt(m *ir.Module, v *ir.Variant, dims []int64) ir.PlanPoint {
	g, buffers := memoryGraph(v)
	return planPoint(v.Plan, g, arena.Lifetimes(g, epochs(v)), dims, sizesAt(m, buffers, [][]int64{dims})[0])
}
