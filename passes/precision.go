package passes

import "github.com/mlxc/mlxc/ir"

// precision gives every sum its accumulator: f32 for f16 and bf16, the operand's
// own dtype otherwise. What the source chose stays.
func precision(m *ir.Module) error {
	for _, f := range m.Bodies() {
		for _, in := range f.Body {
			if a, ok := in.Attrs.(ir.Accumulates); ok {
				in.Attrs = a.Accumulate(in.Args[0].Type.DType.Compute())
			}
		}
	}
	return nil
}
