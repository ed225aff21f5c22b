package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// grainWork is the least number of scalar operations that are worth waking a
// worker for: some 10 µs of portable Go.
const grainWork = 1 << 13

// tile chooses the schedule of each kernel, and with it says what the planner
// must know.
func tile(m *ir.Module) error {
	for _, k := range m.Kernels {
		s := &ir.Schedule{Vec: 1, Align: int64(ir.Align), Over: overwrites(k)}
		if m.Target == ir.Metal {
			s.Threads = 256
		} else {
			s.Grain = max(1, grainWork/pointWork(k))
		}
		k.Schedule = s
	}
	return nil
}

// pointWork estimates the scalar operations of one point of the grid.
func pointWork(k *ir.Kernel) int64 {
	work := int64(1)
	for _, v := range k.Values {
		n := int64(1)
		inside := v.Free
		if v.Kind == ir.ScalarReduce {
			inside = slices.Concat(v.Free, v.Over)
		}
		for _, a := range inside {
			if slices.ContainsFunc(k.Grid(), func(g *ir.Axis) bool { return g.Name == a.Name }) {
				continue
			}
			if e, ok := a.Extent.Max(); ok {
				n *= max(1, min(e, grainWork))
			}
		}
		work = min(work+n, grainWork)
	}
	return work
}

// overwrites lists which written argument may share memory with which read one:
// where every load of the read one is of the element that the same point stores,
// nothing is read later than it is overwritten.
func overwrites(k *ir.Kernel) [][2]int {
	var pairs [][2]int
	for _, s := range k.Stores {
		out := k.Args[s.Arg]
		if len(s.Guard) > 0 {
			continue
		}
		for i, in := range k.Args {
			if in.Write || in.DType.Size() != out.DType.Size() || !in.Len.Equal(out.Len) {
				continue
			}
			ok := true
			for _, v := range k.Values {
				if v.Kind == ir.ScalarLoad && v.Arg == i && (!v.Index.Equal(s.Index) || v.Stage != s.Value.Stage || len(v.Bind) > 0) {
					ok = false
				}
			}
			if ok && !reducedOver(k) {
				pairs = append(pairs, [2]int{s.Arg, i})
			}
		}
	}
	return pairs
}

// reducedOver reports whether the kernel has a loop inside its points: then a
// point may store before it has read all.
func reducedOver(k *ir.Kernel) bool {
	return slices.ContainsFunc(k.Values, func(v *ir.Scalar) bool { return v.Kind == ir.ScalarReduce })
}
