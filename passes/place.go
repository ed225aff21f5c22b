package passes

import (
	"fmt"

	"github.com/mlxc/mlxc/ir"
)

// place decides where each instruction runs. For target cpu that is the CPU,
// whatever the source asks for; for target metal the GPU unless the source says
// otherwise, and to compute there what the GPU cannot hold is an error. A kernel that is
// written by hand is its text on the GPU, and its reference elsewhere.
func place(m *ir.Module) error {
	var wrong ir.Diagnostics
	for _, f := range m.Bodies() {
		for _, in := range f.Body {
			switch {
			case m.Target != ir.Metal:
				in.Device = ir.OnCPU
			case in.Device == ir.OnAny && in.Op.Kind == ir.KindSource:
				in.Device = copiedOn(m, in.Result())
			case in.Device == ir.OnAny:
				in.Device = ir.OnGPU
			}
		}
		chooseText(f)
		for _, in := range f.Body {
			if v := wide(in); in.Device == ir.OnGPU && in.Body == nil && v != nil {
				wrong = append(wrong, ir.Diagnostic{
					Pos:  in.Pos,
					Msg:  fmt.Sprintf("%s: the GPU has no f64, and %s is %s", in.Op.Name, valueName(v), v.Type),
					Hint: "place it with `@cpu`, cast to f32, or leave the GPU out: compile --target cpu, run --device cpu",
				})
			}
		}
	}
	return wrong.Err()
}

// copiedOn is where a value is copied that nothing computes: on the GPU, if there is one
// and it has the dtype.
func copiedOn(m *ir.Module, v *ir.Value) ir.Device {
	if m.Target == ir.Metal {
		return able(ir.OnGPU, v.Type)
	}
	return ir.OnCPU
}

// able is a device, or the CPU if it has not the dtype.
func able(d ir.Device, t ir.Type) ir.Device {
	if t.DType == ir.F64 {
		return ir.OnCPU
	}
	return d
}

// chooseText leaves of each kernel that is written by hand what its device needs.
func chooseText(f *ir.Func) {
	var body []*ir.Instr
	to := map[*ir.Value]*ir.Value{}
	for _, in := range f.Body {
		substitute(in.Args, to)
		a, isKernel := in.Attrs.(ir.KernelAttrs)
		switch {
		case !isKernel:
		case in.Device == ir.OnGPU:
			in.DropReference()
		default:
			for i, v := range in.Results {
				to[v] = in.Args[len(a.Source.In)+i]
			}
			continue
		}
		body = append(body, in)
	}
	if f.Body = body; len(to) > 0 {
		substituteResults(f, to)
	}
	removeDead(f)
}

// wide is an operand or result of f64, nil if there is none.
func wide(in *ir.Instr) *ir.Value {
	for _, values := range [][]*ir.Value{in.Args, in.Results} {
		for _, v := range values {
			if v.Type.DType == ir.F64 {
				return v
			}
		}
	}
	return nil
}
