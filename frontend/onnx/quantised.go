package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// quantised are the operators on integers that stand for numbers: q of scale*(q - zero).
var quantised = map[string]handler{
	"QuantizeLinear":        one(quantize),
	"DequantizeLinear":      one(dequantize),
	"DynamicQuantizeLinear": dynamicQuantize,
	"MatMulInteger":         one(matmulInteger),
	"QLinearMatMul":         one(quantisedMatmul),
}

// spread brings the scale or zero point of x to the shape of x: it has one number for all,
// one for each place of an axis, or one for each block along it.
func (n *node) spread(s, x mlx.Value) mlx.Value {
	from, to := s.Type().Shape, x.Type().Shape
	if s.Type().Elems().Is(1) {
		return s.Reshape()
	}
	a, block := n.axis(n.attrInt("axis", min(1, len(to)-1)), len(to)), n.attrInt("block_size", 0)
	switch {
	case len(from) == 1 && block == 0:
		shape := slices.Repeat([]ir.Size{ir.N(1)}, len(to))
		shape[a] = from[0]
		return s.Reshape(shape...)
	case len(from) != len(to):
		n.fail("scales %s do not go with %s", s.Type(), x.Type())
	}
	if block < 1 {
		n.fail("scales %s of %s, without a block_size", s.Type(), x.Type())
	}
	part := make([]mlx.Span, a+1)
	part[a] = mlx.To(to[a])
	return s.Repeat(block, a).At(part...)
}

// quantisedTo rounds numbers, adds the zero point, which may be absent, and converts to an
// integer, which saturates.
func quantisedTo(x, zero mlx.Value, t ir.DType) mlx.Value {
	x = mlx.Round(x)
	if x.Type().DType != ir.F64 {
		x = x.To(ir.F32) // which has the sums with all zero points
	}
	if zero.Ok() {
		x = x.Add(zero.To(x.Type().DType))
	}
	return x.To(t)
}

// dtypeAttr is the dtype that an attribute names, if it does.
func (n *node) dtypeAttr(name string, missing ir.DType) ir.DType {
	if k := n.attrInt(name, 0); k != 0 {
		return dtypeOf(int32(k), nodeName(n.pb)+": "+name)
	}
	return missing
}

func quantize(n *node) mlx.Value {
	x, scale := n.x(0), n.spread(n.x(1), n.x(0))
	t, zero := n.dtypeAttr("output_dtype", ir.U8), mlx.Value{}
	if n.has(2) {
		t, zero = n.typ(2).DType, n.spread(n.x(2), x)
	}
	if !t.IsInt() {
		n.fail("the result is %s, want an integer", t)
	}
	by := n.dtypeAttr("precision", scale.Type().DType)
	return quantisedTo(x.To(by).Div(scale.To(by)), zero, t)
}

// dequantize multiplies in f32 at least, and rounds once.
func dequantize(n *node) mlx.Value {
	x, scale := n.x(0), n.spread(n.x(1), n.x(0))
	t := n.dtypeAttr("output_dtype", scale.Type().DType)
	if x.Type().DType.IsInt() {
		x = x.To(ir.I32)
	}
	if n.has(2) {
		x = x.Sub(n.spread(n.x(2), x).To(x.Type().DType))
	}
	wide := t.Compute()
	return x.To(wide).Mul(scale.To(wide)).To(t)
}

// dynamicQuantize has a scale by which all numbers, and 0, fit.
func dynamicQuantize(n *node) {
	x := n.x(0)
	zero := number(x, 0)
	lo, hi := mlx.Minimum(mlx.Min(x), zero), mlx.Maximum(mlx.Max(x), zero)
	scale := hi.Sub(lo).DivN(255)
	at := quantisedTo(lo.Neg().Div(scale), mlx.Value{}, ir.U8)
	n.set(0, quantisedTo(x.Div(scale), at, ir.U8))
	n.set(1, scale)
	n.set(2, at)
}

// without is input i as i32 without its zero point, input z. A vector of those of rows
// becomes a column.
func (n *node) without(i, z int, rows bool) mlx.Value {
	x := n.x(i).To(ir.I32)
	if !n.has(z) {
		return x
	}
	return x.Sub(perRow(n.x(z), rows).To(ir.I32))
}

func perRow(v mlx.Value, rows bool) mlx.Value {
	switch shape := v.Type().Shape; {
	case v.Type().Elems().Is(1):
		return v.Reshape()
	case rows && len(shape) == 1:
		return v.Reshape(shape[0], ir.N(1))
	}
	return v
}

func matmulInteger(n *node) mlx.Value {
	return matmul(n.without(0, 2, true), n.without(1, 3, false))
}

func quantisedMatmul(n *node) mlx.Value {
	y := matmul(n.without(0, 2, true), n.without(3, 5, false)).To(ir.F32)
	scale := func(i int, rows bool) mlx.Value { return perRow(n.x(i), rows).To(ir.F32) }
	y = y.Mul(scale(1, true).Mul(scale(4, false)).Div(scale(6, false)))
	return quantisedTo(y, perRow(n.x(7), false), n.typ(7).DType)
}
