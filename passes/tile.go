package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

const (
	grainWork = 1 << 13 // scalar operations that are worth waking a worker for: some 10 µs of portable Go
	threads   = 256     // of a threadgroup: enough to hide latency, and any device allows it
)

// tile chooses the schedule of each kernel, and with it says what the planner
// must know.
func tile(m *ir.Module) error {
	on := devices(m)
	for _, k := range m.Kernels {
		k.Schedule = &ir.Schedule{Vec: 1, Align: ir.Align, Over: overwrites(k)}
		if on[k] == ir.OnGPU {
			k.Schedule.Threads = threads
		} else {
			k.Schedule.Grain = max(1, grainWork/pointWork(k))
		}
	}
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

// overwrites lists which written argument may share memory with which read one: no
// element is stored that is still to be read. That is so where every load of the
// read one is of the element that the same point stores, by a store that nothing
// else of it depends on.
func overwrites(k *ir.Kernel) [][2]int {
	var pairs [][2]int
	for _, s := range k.Stores {
		out := k.Args[s.Arg]
		for i, in := range k.Args {
			if len(s.Guard) == 0 && !in.Write && in.DType.Size() == out.DType.Size() && in.Len.Equal(out.Len) && readsOnlyThere(k, i, s) {
				pairs = append(pairs, [2]int{s.Arg, i})
			}
		}
	}
	return pairs
}

// readsOnlyThere reports whether all loads of argument arg are of the element that
// s stores, and for s alone: another store of the point may come later.
func readsOnlyThere(k *ir.Kernel, arg int, s ir.Store) bool {
	loads := map[*ir.Scalar]bool{} // scalars that depend on a load of arg
	for _, v := range k.Values {
		if v.Kind == ir.ScalarLoad && v.Arg == arg {
			if !v.Index.Equal(s.Index) || len(v.Bind) > 0 {
				return false
			}
			loads[v] = true
		}
		if slices.ContainsFunc(v.Args, func(a *ir.Scalar) bool { return loads[a] }) {
			loads[v] = true
		}
	}
	for _, other := range k.Stores {
		if other.Arg != s.Arg && loads[other.Value] {
			return false
		}
	}
	return true
}
