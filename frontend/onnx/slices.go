package onnx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// sliceBounds are the starts, ends and steps of a slice, whose inputs begin at i; before
// opset 10 they are attributes. They are nil if they are not known.
func (n *node) sliceBounds(i int) (lo, hi []ir.Size, steps []int) {
	if n.version < 10 {
		for k, a := range n.attrInts("starts") {
			lo = append(lo, ir.N(int64(a)))
			hi = append(hi, ir.N(int64(n.attrInts("ends")[k])))
			steps = append(steps, 1)
		}
		return lo, hi, steps
	}
	lo, hi = n.sizes(i, "where the slice begins"), n.sizes(i+1, "where the slice ends")
	steps = slices.Repeat([]int{1}, len(lo))
	if n.has(i + 3) {
		steps = n.ints(i+3, "the steps of the slice")
	}
	if len(hi) != len(lo) || len(steps) != len(lo) {
		n.fail("%d starts, %d ends and %d steps", len(lo), len(hi), len(steps))
	}
	return lo, hi, steps
}

func slice(n *node) mlx.Value {
	x := n.x(0)
	shape := x.Type().Shape
	lo, hi, steps := n.sliceBounds(1)
	axes := n.attrInts("axes")
	if n.version >= 10 && n.has(3) {
		axes = n.ints(3, "the axes of the slice")
	}
	if axes == nil {
		for a := range lo {
			axes = append(axes, a)
		}
	}
	if len(axes) != len(lo) {
		n.fail("%d starts for %d axes", len(lo), len(axes))
	}
	axes = n.axes(axes, len(shape))
	at := ir.SliceAttrs{Start: slices.Repeat([]ir.Size{ir.N(0)}, len(shape)), Step: slices.Repeat([]int{1}, len(shape)), Size: slices.Clone(shape)}
	for i, a := range axes {
		size, step := shape[a], steps[i]
		switch {
		case step == 0:
			n.fail("a step of 0")
		case step < 0: // from the end: what is flipped is sliced forwards
			x = x.Flip(a)
			lo[i], hi[i], step = mirrored(lo[i], size), mirrored(hi[i], size), -step
		}
		from, to := n.within(lo[i], size), n.within(hi[i], size)
		at.Start[a], at.Step[a] = from, step
		count := to.Sub(from).CeilDiv(int64(step))
		if c, ok := to.Sub(from).Int(); ok && c < 0 {
			count = ir.N(0)
		}
		at.Size[a] = count
	}
	return n.b.Op("slice", at, x)
}

// mirrored is an end of a slice with a negative step, counted in the flipped axis.
func mirrored(i, size ir.Size) ir.Size {
	if n, ok := i.Int(); ok && n < 0 {
		return ir.N(-1 - max(n, math.MinInt32)) // from the end: -1 is the first of the flipped axis
	}
	if n, ok := i.Int(); ok && n >= math.MaxInt32 {
		return ir.N(0)
	}
	m := size.Sub(ir.N(1)).Sub(i)
	if n, ok := m.Int(); ok && n < 0 {
		return ir.N(0)
	}
	return m
}

// within brings an end of a slice, which may count from the end of the axis, into it.
func (n *node) within(i, size ir.Size) ir.Size {
	if c, ok := i.Int(); ok {
		switch s, fixed := size.Int(); {
		case c >= math.MaxInt32:
			return size
		case c <= math.MinInt32:
			return ir.N(0)
		case c < 0:
			i = size.Add(i)
			if fixed {
				i = ir.N(max(0, s+c))
			}
		case fixed:
			i = ir.N(min(c, s))
		}
	}
	return i
}

func split(n *node) {
	x := n.x(0)
	shape := x.Type().Shape
	a := n.axis(n.attrInt("axis", 0), len(shape))
	var parts []ir.Size
	switch {
	case n.has(1):
		parts = n.sizes(1, "the sizes of the parts")
	case n.given("split"):
		parts = sizesOf(n.attrInts("split"))
	default:
		count := len(n.out)
		if n.version >= 18 {
			count = n.attrInt("num_outputs", count)
		}
		each := shape[a].CeilDiv(int64(count))
		left := shape[a]
		for range count - 1 {
			parts = append(parts, each)
			left = left.Sub(each)
		}
		parts = append(parts, left)
	}
	if len(parts) < len(n.out) {
		n.fail("%d parts for %d outputs", len(parts), len(n.out))
	}
	from := ir.N(0)
	for i := range n.out {
		spans := make([]mlx.Span, a+1)
		spans[a] = mlx.Range(from, from.Add(parts[i]))
		n.set(i, x.At(spans...))
		from = from.Add(parts[i])
	}
}
