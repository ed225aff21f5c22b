package ir

import (
	"fmt"
	"slices"
)

// Scatters look, for each element of the result, at all indices along the axis: there are no
// atomics, and the result is the same in each run.

var scatterOps = []*Op{
	scatterOp("scatter", "x with the elements of y in the places that i names along an axis, i and y having x's sizes off it; of several for one place the last counts, and an index out of range names none", exact,
		func(c *calc, axis int, x, i, y *Value) *Value {
			m := y.Type.Shape[axis]
			i, y = c.resize(axis, i, m.Add(N(1)), 1, -1), c.resize(axis, y, m.Add(N(1)), 1, 0) // so that there is one
			hit := c.hits(axis, i, x.Type.Shape[axis])
			order := c.append(x, "iota", IotaAttrs{DType: I32, Shape: hit.Type.Shape, Axis: axis})
			last := c.op("max", ReduceAttrs{Axes: []int{axis}}, c.op("where", nil, hit, order, c.like(order, -1)))
			picked := c.append(x, "gather", GatherAttrs{axis}, y, last)
			return c.op("where", nil, c.op("ge", nil, last, c.like(last, 0)), picked, x)
		}),
	scatterOp("scatter_add", "x with the elements of y added in the places that i names along an axis, i and y having x's sizes off it; an index out of range names none", summed,
		func(c *calc, axis int, x, i, y *Value) *Value {
			hit := c.hits(axis, i, x.Type.Shape[axis])
			z := c.beside(axis, c.wide(Invalid, y), hit.Type.Shape)
			z = c.op("sum", ReduceAttrs{Axes: []int{axis}}, c.op("where", nil, hit, z, c.like(z, 0)))
			return c.cast(x.Type.DType, c.op("add", nil, c.wide(Invalid, x), z))
		}, dtypeOf("scatter_add", 0, floats|ints)),
}

func scatterOp(name, doc string, tol Tolerance, f func(c *calc, axis int, x, i, y *Value) *Value, rules ...Rule) *Op {
	return &Op{
		Name: name, Kind: KindComposite, Operands: []string{"x", "i", "y"}, Attrs: GatherAttrs{}, Doc: doc, Grad: GradExpand, Tolerance: tol,
		Rules: append([]Rule{operands(name, 3),
			{name + "/index", "the indices are integers", dtypeOf(name, 1, ints).Check},
			axisRule(name, func(in *Instr) []int { return []int{in.Attrs.(GatherAttrs).Axis} }),
			{name + "/shape", "the indices have y's sizes, and both have those of x off the axis; x and y are of one dtype", scatterShapes},
			countRule(name, func(in *Instr) int { return in.Attrs.(GatherAttrs).Axis })}, rules...),
		Type: likeArg(0),
		Expand: expand(func(c *calc, in *Instr, v []*Value) *Value {
			t := I32
			if v[1].Type.DType.Size() > t.Size() {
				t = I64
			}
			return f(c, in.Attrs.(GatherAttrs).Axis, v[0], c.cast(t, v[1]), v[2]) // what is beyond t is negative then
		}),
	}
}

func scatterShapes(in *Instr) error {
	x, i, y := in.Args[0].Type, in.Args[1].Type, in.Args[2].Type
	if !EqualShapes(i.Shape, y.Shape) || x.DType != y.DType || x.Rank() != y.Rank() {
		return fmt.Errorf("the indices are %s, for %s in %s", i, y, x)
	}
	for n := range x.Shape {
		if n != in.Attrs.(GatherAttrs).Axis && !x.Shape[n].Equal(y.Shape[n]) {
			return fmt.Errorf("sizes differ off the axis: %s and %s in %s and %s", x.Shape[n], y.Shape[n], x, y)
		}
	}
	return nil
}

// hits are, on a new axis of n behind that of the indices, whether an index is the number of
// the element there.
func (c *calc) hits(axis int, i *Value, n Size) *Value {
	square := slices.Insert(slices.Clone(i.Type.Shape), axis+1, n)
	return c.op("eq", nil, c.beside(axis, i, square), c.append(i, "iota", IotaAttrs{DType: i.Type.DType, Shape: square, Axis: axis + 1}))
}

// beside repeats x along a new axis behind the given one, to a shape.
func (c *calc) beside(axis int, x *Value, shape []Size) *Value {
	one := slices.Insert(slices.Clone(x.Type.Shape), axis+1, N(1))
	return c.op("broadcast", ShapeAttrs{shape}, c.op("reshape", ShapeAttrs{one}, x))
}
