package passes

import (
	"math"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes/internal/arena"
)

const (
	planGoal  = 1.02   // how near to the live bytes a plan must be at each point
	planLimit = 4      // most plans per variant
	planWork  = 400000 // blocks placed in search of a better plan: effort, never time
)

// plan gives every arena buffer of each variant a place, for all dims.
func plan(m *ir.Module) error {
	points := grid(m.Dims)
	for _, f := range m.Funcs {
		for _, v := range f.Variants {
			planVariant(m, v, points)
		}
	}
	return nil
}

func planVariant(m *ir.Module, v *ir.Variant, points [][]int64) {
	v.Plan = &ir.Plan{}
	g, buffers := memoryGraph(v)
	at := make([]int, len(v.Steps))
	for i, s := range v.Steps {
		at[i] = s.Epoch
	}
	sizes := make([][]int64, len(points))
	for i, p := range points {
		sizes[i] = bytesAt(m, buffers, p)
	}
	var stacks []*arena.Stack
	if len(buffers) > 0 {
		life := arena.Lifetimes(g, sizes[0], at)
		for _, b := range life.Blocks {
			v.Plan.Blocks = append(v.Plan.Blocks, &ir.Block{Bytes: buffers[b.Root].Type.Bytes(), First: b.First, Last: b.Last})
		}
		for i, n := range life.Of {
			if n >= 0 {
				v.Plan.Blocks[n].Buffers = append(v.Plan.Blocks[n].Buffers, buffers[i])
			}
		}
		stacks = arena.Stacks(g, at, sizes, planGoal, planLimit, planWork/len(points))
	}
	for _, s := range stacks {
		v.Plan.Stacks = append(v.Plan.Stacks, ir.Stack{Order: s.Order, On: s.On})
	}
	for i, p := range points {
		report := ir.PlanPoint{Dims: p}
		if len(buffers) > 0 {
			report.Arena = math.MaxInt64
			for _, s := range stacks {
				report.Arena = min(report.Arena, s.Eval(sizes[i], make([]int64, len(s.On))))
			}
			report.Live = arena.Lifetimes(g, sizes[i], at).Live()
			report.Bound = arena.ScheduleBound(g, sizes[i])
		}
		v.Plan.Report = append(v.Plan.Report, report)
	}
}
