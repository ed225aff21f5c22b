package onnx

import "github.com/mlxc/mlxc/ir"

// bitCast has the bits of its input as another dtype of the same width. Conversions of
// integers to others of their width keep the bits.
func bitCast(n *node) {
	from, to := n.typ(0).DType, n.dtypeAttr("to", ir.Invalid)
	if from.Size() != to.Size() {
		n.fail("%s and %s have different widths", from, to)
	}
	integer := func(t ir.DType) bool { return t.IsInt() || t == ir.Bool }
	switch v := n.arg(0); {
	case from == to:
		n.setValue(0, v)
	case integer(from) && integer(to):
		n.set(0, n.x(0).To(to))
	case v.data != nil:
		n.setValue(0, constantValue(n.pb.Output[0], &Constant{to, v.data.Shape, v.data.Bytes}))
	default:
		n.unsupported("the bits of %s as %s are not covered", from, to)
	}
}
