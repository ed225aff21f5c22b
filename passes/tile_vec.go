package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// vecWidth is how many neighbouring points a thread computes together.
const vecWidth = 4

// inVectors reports that neighbours along the last axis of the grid can be loaded
// and stored as vectors: each access is contiguous along it and aligned, or does
// not vary with it.
func inVectors(k *ir.Kernel) bool {
	grid := k.Grid()
	if len(grid) == 0 {
		return false
	}
	axis := grid[len(grid)-1]
	if most([]*ir.Axis{axis}) < vecWidth {
		return false
	}
	for _, v := range k.Values {
		switch {
		case v.Kind == ir.ScalarReduce:
			return false
		case v.Kind != ir.ScalarLoad || !v.Varies(axis):
		case len(v.Guard) > 0 || slices.ContainsFunc(v.Args, func(a *ir.Scalar) bool { return a.Varies(axis) }):
			return false
		case !inVector(k.Args[v.Arg], v.Index, axis):
			return false
		}
	}
	for _, s := range k.Stores {
		if len(s.Guard) > 0 || !inVector(k.Args[s.Arg], s.Index, axis) {
			return false
		}
	}
	return true
}

func inVector(arg ir.KernelArg, index ir.Size, axis *ir.Axis) bool {
	c, rest, ok := index.Coef(axis)
	return arg.DType.Size() <= 4 && ok && c.Is(1) && rest.Multiple(vecWidth)
}
