package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A need is what a pass asks of the module that it is given. Run fulfils all of
// them by its order; who names passes may not.
type need struct {
	what  string
	holds func(m *ir.Module) bool
}

var (
	graph  = need{"functions with bodies, not kernels", everyFunc(func(f *ir.Func) bool { return len(f.Variants) == 0 })}
	placed = need{"a device for each value, from pass place", everyInstr(func(in *ir.Instr) bool {
		return in.Device != ir.OnAny
	})}
	expanded = need{"composites replaced, by pass expand", everyInstr(func(in *ir.Instr) bool {
		return in.Op.Expand == nil
	})}
	fused = need{"the kernels of stored values, from pass fuse", everyFunc(func(f *ir.Func) bool {
		return !slices.ContainsFunc(f.Kept(), func(v *ir.Value) bool {
			in := v.Instr
			return in != nil && in.Op.Kind != ir.KindSource && in.Kernel == 0
		})
	})}
	lowered = need{"kernels, from pass lower", everyFunc(func(f *ir.Func) bool { return len(f.Variants) > 0 })}
	tiled   = need{"kernels with a schedule, from pass tile", func(m *ir.Module) bool {
		return !slices.ContainsFunc(m.Kernels, func(k *ir.Kernel) bool { return k.Schedule == nil })
	}}
	scheduled = need{"barriers between epochs, from pass schedule", everyVariant(func(v *ir.Variant) bool {
		for i, s := range v.Steps {
			if i > 0 && s.Epoch != v.Steps[i-1].Epoch && s.Device == v.Steps[i-1].Device && s.Barrier == nil {
				return false
			}
		}
		return true
	})}
	unpacked  = need{"a module before pass pack", func(m *ir.Module) bool { return m.Load == nil }}
	unplanned = need{"a module before pass plan, which relies on it", everyVariant(func(v *ir.Variant) bool {
		return v.Plan == nil
	})}
)

func everyFunc(holds func(f *ir.Func) bool) func(m *ir.Module) bool {
	return func(m *ir.Module) bool {
		return !slices.ContainsFunc(m.Funcs, func(f *ir.Func) bool { return !holds(f) })
	}
}

func everyInstr(holds func(in *ir.Instr) bool) func(m *ir.Module) bool {
	return everyFunc(func(f *ir.Func) bool {
		return !slices.ContainsFunc(f.Bodies(), func(g *ir.Func) bool {
			return slices.ContainsFunc(g.Body, func(in *ir.Instr) bool { return !holds(in) })
		})
	})
}

func everyVariant(holds func(v *ir.Variant) bool) func(m *ir.Module) bool {
	return everyFunc(func(f *ir.Func) bool {
		return !slices.ContainsFunc(f.Variants, func(v *ir.Variant) bool { return !holds(v) })
	})
}
