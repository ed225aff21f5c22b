package random

import (
	"math/rand/v2"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Place puts instructions on devices: on the CPU what the GPU does not have.
func Place(m *ir.Module, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	wide := func(v *ir.Value) bool { return v.Type.DType == ir.F64 }
	for _, f := range m.Bodies() {
		for _, in := range f.Body {
			in.Device = pick(r, []ir.Device{ir.OnAny, ir.OnCPU, ir.OnGPU})
			if slices.ContainsFunc(in.Args, wide) || slices.ContainsFunc(in.Results, wide) {
				in.Device = ir.OnCPU
			}
		}
	}
}
