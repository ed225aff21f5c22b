package passes

import "github.com/mlxc/mlxc/ir"

// place decides where each instruction runs. For target cpu that is the CPU,
// whatever the source asks for; for target metal the GPU unless the source says
// otherwise.
func place(m *ir.Module) error {
	for _, f := range m.Funcs {
		for _, in := range f.Body {
			switch {
			case m.Target != ir.Metal:
				in.Device = ir.OnCPU
			case in.Device == ir.OnAny:
				in.Device = ir.OnGPU
			}
		}
	}
	return nil
}
