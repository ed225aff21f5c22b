package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// grainWork is the scalar operations that are worth waking a worker for: some 10 µs
// of portable Go.
const grainWork = 1 << 13

// tile chooses the schedule of each kernel, and with it says what the planner
// must know.
func tile(m *ir.Module) error {
	makePanels(m)
	splitJoined(m)
	on, planes := devices(m), planesOf(m)
	for _, k := range m.Kernels {
		if on[k] == ir.OnGPU {
			if planes[k] != nil && k.Contract == nil && len(reducedAxes(k)) > 0 && k.Inner == nil {
				writeOutTerms(k)
			}
			k.Schedule = metalSchedule(k)
		} else {
			unroll(k)
			splitUneven(k)
			k.Schedule = cpuSchedule(k)
		}
	}
	shareKernels(m)
	return nil
}

// pointWork estimates the scalar operations of one point of the grid, at the
// bounds of the dims and up to grainWork.
func pointWork(k *ir.Kernel) int64 {
	grid := k.Grid()
	work := int64(1)
	for _, v := range k.Values {
		n := int64(1)
		for _, a := range slices.Concat(v.Free, v.Over) {
			if e, ok := a.Extent.Max(); !contains(grid, a) {
				if !ok {
					e = grainWork
				}
				n = min(n*max(1, e), grainWork)
			}
		}
		work = min(work+n, grainWork)
	}
	return work
}
