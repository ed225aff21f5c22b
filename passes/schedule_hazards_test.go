package passes

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc/ir"
)

// A step that writes a part of its own waits for what those before it waited for, and two
// parts that both overlap a third are not in one epoch with it, though they are apart.
func TestHazardsOfParts(t *testing.T) {
	b := &ir.Buffer{Name: "b", Type: ir.Type{DType: ir.F32, Shape: []ir.Size{ir.N(8)}}, Place: ir.InOutput}
	writes := func(from, to int64) *ir.Step {
		axis := &ir.Axis{Name: "i0", Extent: ir.N(to - from)}
		k := &ir.Kernel{Args: []ir.KernelArg{{Name: "b", DType: ir.F32, Len: ir.N(8), Write: true}}, Par: []*ir.Axis{axis},
			Stores: []ir.Store{{Arg: 0, Index: axis.Index().Add(ir.N(from))}}}
		return &ir.Step{Kernel: k, Args: []*ir.Buffer{b}}
	}
	reads := &ir.Step{Kernel: &ir.Kernel{Args: []ir.KernelArg{{Name: "b", DType: ir.F32, Len: ir.N(8)}}}, Args: []*ir.Buffer{b}}

	for _, c := range []struct {
		name  string
		steps []*ir.Step
		after [][]int // the steps that each waits for
	}{
		{"parts", []*ir.Step{writes(0, 4), writes(4, 8)}, [][]int{nil, nil}},
		{"parts of what was read", []*ir.Step{writes(0, 8), reads, writes(0, 4), writes(4, 8)}, [][]int{nil, {0}, {0, 1}, {0, 1}}},
		{"a part of parts", []*ir.Step{writes(0, 2), writes(6, 8), writes(1, 4), writes(4, 8)}, [][]int{nil, nil, {0, 1}, {0, 1}}},
	} {
		var after [][]int
		for _, waits := range hazards(c.steps) {
			var steps []int
			for _, h := range waits {
				steps = append(steps, h.After)
			}
			after = append(after, steps)
		}
		if diff := cmp.Diff(c.after, after); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}
