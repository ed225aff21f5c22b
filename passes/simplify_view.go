package passes

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Rewritings of views. Which view an instruction is, its attributes tell.

func isView(in *ir.Instr) bool { return in != nil && in.Op.Kind == ir.KindView }

// isStretch reports whether v repeats elements: its shape is given and does not
// have as many as its operand.
func isStretch(v *ir.Value) bool {
	if !isView(v.Instr) {
		return false
	}
	_, ok := v.Instr.Attrs.(ir.ShapeAttrs)
	return ok && !v.Type.Elems().Equal(v.Instr.Args[0].Type.Elems())
}

// viewOfConstant makes a view of one number a constant of its shape.
func viewOfConstant(b *rewriter, in *ir.Instr) *ir.Value {
	if !isView(in) {
		return nil
	}
	x, ok := constant(in.Args[0])
	for _, a := range in.Args {
		y, isConst := constant(a)
		ok = ok && isConst && same(x, y)
	}
	if a, isPad := in.Attrs.(ir.PadAttrs); isPad {
		ok = ok && same(x, a.Value)
	}
	if !ok {
		return nil
	}
	return b.number(in, in.Result().Type, x)
}

// identityView recognises views that leave type and order alone, and drops
// operands of concat that have no elements. A slice of the whole has no room to
// start anywhere but at 0.
func identityView(b *rewriter, in *ir.Instr) *ir.Value {
	if !isView(in) {
		return nil
	}
	switch a := in.Attrs.(type) {
	case ir.PermAttrs:
		if !slices.IsSorted(a.Perm) {
			return nil
		}
	case ir.FlipAttrs:
		if slices.ContainsFunc(a.Axes, func(axis int) bool { return !in.Args[0].Type.Shape[axis].Is(1) }) {
			return nil
		}
	case ir.AxisAttrs:
		some := slices.DeleteFunc(slices.Clone(in.Args), func(v *ir.Value) bool { return v.Type.Shape[a.Axis].Is(0) })
		if len(some) > 0 && len(some) < len(in.Args) {
			return b.again(in, a, some...)
		}
	}
	if len(in.Args) == 1 && in.Result().Type.Equal(in.Args[0].Type) {
		return in.Args[0]
	}
	return nil
}

// plainReshape turns a transposition or a stretch that only moves or adds axes of
// size 1 into a reshape.
func plainReshape(b *rewriter, in *ir.Instr) *ir.Value {
	if !isView(in) || in.Op.Name == "reshape" {
		return nil
	}
	switch a := in.Attrs.(type) {
	case ir.PermAttrs:
		x := in.Args[0].Type
		moved := slices.DeleteFunc(slices.Clone(a.Perm), func(i int) bool { return x.Shape[i].Is(1) })
		if !slices.IsSorted(moved) {
			return nil
		}
	case ir.ShapeAttrs:
		if isStretch(in.Result()) {
			return nil
		}
	default:
		return nil
	}
	return b.op(in, "reshape", ir.ShapeAttrs{Shape: in.Result().Type.Shape}, in.Args[0])
}

// viewOfView makes one view of two of one kind.
func viewOfView(b *rewriter, in *ir.Instr) *ir.Value {
	if !isView(in) {
		return nil
	}
	if a, ok := in.Attrs.(ir.AxisAttrs); ok {
		return concatOfConcat(b, in, a)
	}
	inner := in.Args[0].Instr
	if inner == nil || inner.Op != in.Op {
		return nil
	}
	switch a := in.Attrs.(type) {
	case ir.ShapeAttrs:
		return b.again(in, a, inner.Args...)
	case ir.FlipAttrs:
		var once []int // an axis that is turned twice is as it was
		for axis := range in.Args[0].Type.Rank() {
			if slices.Contains(a.Axes, axis) != slices.Contains(inner.Attrs.(ir.FlipAttrs).Axes, axis) {
				once = append(once, axis)
			}
		}
		return b.again(in, ir.FlipAttrs{Axes: once}, inner.Args...)
	case ir.PermAttrs:
		before := inner.Attrs.(ir.PermAttrs).Perm
		perm := make([]int, len(before))
		for i, p := range a.Perm {
			perm[i] = before[p]
		}
		return b.again(in, ir.PermAttrs{Perm: perm}, inner.Args...)
	case ir.SliceAttrs:
		before := inner.Attrs.(ir.SliceAttrs)
		both := ir.SliceAttrs{Size: a.Size}
		for i, step := range before.Step {
			if step > math.MaxInt32 || a.Step[i] > math.MaxInt32 { // of one element; their product may be no int
				return nil
			}
			both.Start = append(both.Start, before.Start[i].Add(a.Start[i].Mul(ir.N(int64(step)))))
			both.Step = append(both.Step, step*a.Step[i])
		}
		return b.again(in, both, inner.Args...)
	case ir.PadAttrs:
		before := inner.Attrs.(ir.PadAttrs)
		if !same(a.Value, before.Value) {
			return nil
		}
		both := ir.PadAttrs{Value: a.Value}
		for i := range a.Lo {
			both.Lo = append(both.Lo, a.Lo[i]+before.Lo[i])
			both.Hi = append(both.Hi, a.Hi[i]+before.Hi[i])
		}
		return b.again(in, both, inner.Args...)
	}
	return nil
}

// maxConcat bounds the operands of a concat, which each of its readers would have to tell
// apart, and which are buffers of one kernel.
const maxConcat = 16

// concatOfConcat makes one concat of several, and several of one that is too wide.
func concatOfConcat(b *rewriter, in *ir.Instr, axis ir.AxisAttrs) *ir.Value {
	if len(in.Args) > maxConcat {
		var parts []*ir.Value
		for part := range slices.Chunk(in.Args, maxConcat) {
			parts = append(parts, b.op(in, in.Op.Name, axis, part...))
		}
		return b.again(in, axis, parts...)
	}
	var flat []*ir.Value
	for _, v := range in.Args {
		if v.Instr != nil && v.Instr.Op == in.Op && v.Instr.Attrs == any(axis) {
			flat = append(flat, v.Instr.Args...)
		} else {
			flat = append(flat, v)
		}
	}
	if len(flat) == len(in.Args) || len(flat) > maxConcat {
		return nil
	}
	return b.again(in, axis, flat...)
}

// stretchLast computes on the smaller shape where all operands of an elementwise
// op are stretched from it, or constants.
func stretchLast(b *rewriter, in *ir.Instr) *ir.Value {
	if in.Op.Kind != ir.KindElementwise {
		return nil
	}
	var small []ir.Size
	found := false
	for _, v := range in.Args {
		if _, ok := constant(v); ok {
			continue
		}
		if !isStretch(v) || found && !ir.EqualShapes(small, v.Instr.Args[0].Type.Shape) {
			return nil
		}
		small, found = v.Instr.Args[0].Type.Shape, true
	}
	if !found {
		return nil
	}
	args := make([]*ir.Value, len(in.Args))
	for i, v := range in.Args {
		if x, ok := constant(v); ok {
			args[i] = b.number(in, ir.Type{DType: v.Type.DType, Shape: small}, x)
		} else {
			args[i] = v.Instr.Args[0]
		}
	}
	if b.err != nil {
		return nil
	}
	y := b.again(in, in.Attrs, args...)
	if y == nil {
		return nil
	}
	return b.op(in, "broadcast", ir.ShapeAttrs{Shape: in.Result().Type.Shape}, y)
}
