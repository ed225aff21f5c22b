package passes

import (
	"fmt"

	"github.com/mlxc/mlxc/ir"
)

// place decides where each instruction runs. For target cpu that is the CPU,
// whatever the source asks for; for target metal the GPU unless the source says
// otherwise, and what the GPU cannot hold is an error.
func place(m *ir.Module) error {
	var wrong ir.Diagnostics
	for _, f := range m.Bodies() {
		for _, in := range f.Body {
			switch {
			case m.Target != ir.Metal:
				in.Device = ir.OnCPU
			case in.Device == ir.OnAny:
				in.Device = ir.OnGPU
			}
			if v := wide(in); in.Device == ir.OnGPU && v != nil {
				wrong = append(wrong, ir.Diagnostic{
					Pos:  in.Pos,
					Msg:  fmt.Sprintf("%s: the GPU has no f64, and %s is %s", in.Op.Name, v.Name, v.Type),
					Hint: "cast to f32, or leave the GPU out: compile --target cpu, run --device cpu",
				})
			}
		}
	}
	return wrong.Err()
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
