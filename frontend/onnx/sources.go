package onnx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

func constant(n *node) {
	name := n.pb.Output[0]
	for _, a := range n.pb.Attribute {
		if a.RefAttrName != "" {
			a = n.attribute(a.Name)
		}
		switch {
		case a.GetT() != nil:
			n.setValue(0, constantValue(name, n.constant(a.T)))
		case a.GetSparseTensor() != nil:
			n.setValue(0, constantValue(name, n.dense(a.SparseTensor)))
		case a.GetName() == "value_float":
			n.setValue(0, constantValue(name, floats([]float32{a.F})))
		case a.GetName() == "value_floats":
			n.setValue(0, constantValue(name, floats(a.Floats, len(a.Floats))))
		case a.GetName() == "value_int":
			n.setValue(0, constantValue(name, integers([]int64{a.I})))
		case a.GetName() == "value_ints":
			n.setValue(0, constantValue(name, integers(a.Ints, len(a.Ints))))
		default:
			n.unsupported("a constant of %s, which mlxc does not have", a.GetName())
		}
	}
}

func floats(xs []float32, shape ...int) *Constant {
	t := ir.NewTensor(ir.F32, shape...)
	for i, x := range xs {
		t.F[i] = float64(x)
	}
	return constantOf(t)
}

func integers(xs []int64, shape ...int) *Constant {
	t := ir.NewTensor(ir.I64, shape...)
	copy(t.I, xs)
	return constantOf(t)
}

func constantOfShape(n *node) mlx.Value {
	shape := n.sizes(0, "the shape")
	if a := n.attribute("value"); a.GetT() != nil {
		c := n.constant(a.T)
		if c.Len() != 1 {
			n.fail("the value has %d elements, want one", c.Len())
		}
		return n.number(&Constant{c.DType, nil, c.Bytes}).Broadcast(shape...)
	}
	return n.b.Zeros(ir.F32, shape...)
}

// arange counts from the first to before the second in steps of the third, which are known
// unless the sequence is 0, 1 ... n - 1 of a size.
func arange(n *node) mlx.Value {
	t := n.typ(0).DType
	if t.IsFloat() {
		lo, hi, step := n.known(0, "the start"), n.known(1, "the end"), n.known(2, "the step")
		count := int64(max(0, math.Ceil((hi.Number(0)-lo.Number(0))/step.Number(0))))
		return n.b.Arange(t, ir.N(count)).MulN(step.Number(0)).AddN(lo.Number(0))
	}
	lo, hi, step := n.sizes(0, "the start")[0], n.sizes(1, "the end")[0], n.int(2, "the step")
	if step == 0 {
		n.fail("a step of 0")
	}
	span := hi.Sub(lo)
	if step < 0 {
		span = lo.Sub(hi)
	}
	count := span.CeilDiv(int64(max(step, -step)))
	if c, ok := count.Int(); ok {
		count = ir.N(max(0, c))
	}
	x := n.b.Arange(t, count)
	if step != 1 {
		x = x.MulN(float64(step))
	}
	if start, ok := lo.Int(); !ok {
		x = x.Add(n.b.Size(lo).To(t))
	} else if start != 0 {
		x = x.AddN(float64(start))
	}
	return x
}

// ramp is a tensor of the last two axes of shape with the indices along one of them.
func (n *node) ramp(shape []ir.Size, axis int) mlx.Value {
	two := slices.Clone(shape[len(shape)-2:])
	return n.b.Op("iota", ir.IotaAttrs{DType: ir.I64, Shape: two, Axis: axis})
}

func trilu(n *node) mlx.Value {
	x := n.x(0)
	shape := x.Type().Shape
	if len(shape) < 2 {
		n.fail("%s has no matrices", x.Type())
	}
	k := n.b.Number(ir.I64, 0)
	if n.has(1) {
		k = n.x(1).Reshape()
	}
	beyond := n.ramp(shape, 1).Sub(n.ramp(shape, 0)) // how far right of the diagonal
	keep := beyond.Ge(k)
	if n.attrInt("upper", 1) == 0 {
		keep = beyond.Le(k)
	}
	return mlx.Where(keep, x, number(x, 0))
}

func eyeLike(n *node) mlx.Value {
	t := n.typ(0)
	if t.Rank() != 2 {
		n.fail("%s is no matrix", t)
	}
	d := t.DType
	if n.given("dtype") {
		d = dtypeOf(int32(n.attrInt("dtype", 0)), nodeName(n.pb)+": the result")
	}
	return n.ramp(t.Shape, 1).Sub(n.ramp(t.Shape, 0)).EqN(float64(n.attrInt("k", 0))).To(d)
}

func depthToSpace(n *node) mlx.Value {
	x, k := n.x(0), n.attrInt("blocksize", 1)
	pattern := "b (y x c) h w -> b c (h y) (w x)"
	if n.attrString("mode", "DCR") == "CRD" {
		pattern = "b (c y x) h w -> b c (h y) (w x)"
	}
	return x.Rearrange(pattern, mlx.Axes{"y": mlx.N(k), "x": mlx.N(k)})
}

func spaceToDepth(n *node) mlx.Value {
	k := n.attrInt("blocksize", 1)
	return n.x(0).Rearrange("b c (h y) (w x) -> b (y x c) h w", mlx.Axes{"y": mlx.N(k), "x": mlx.N(k)})
}
