package source

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// The forms of views: indices, stacks and arrays.

// keepForm is a reduction that keeps its axes, as a reshape of one that does not.
func keepForm(reshape *ir.Instr) (form, bool) {
	in := reshape.Args[0].Instr
	if in == nil || in.Device != reshape.Device {
		return form{}, false
	}
	kept := *in
	switch a := in.Attrs.(type) {
	case ir.ReduceAttrs:
		a.Keep = true
		kept.Attrs = a
	case ir.IndexAttrs:
		a.Keep = true
		kept.Attrs = a
	default:
		return form{}, false
	}
	types, err := kept.Infer()
	if err != nil || !types[0].Equal(reshape.Result().Type) || types[0].Equal(in.Result().Type) {
		return form{}, false
	}
	f, err := formOf(&kept)
	return f, err == nil
}

// reshapeForm is new axes and an element of an axis as indices, a size as a value, and else a
// shape.
func reshapeForm(in *ir.Instr) (form, error) {
	shape, x := in.Attrs.(ir.ShapeAttrs).Shape, in.Args[0]
	if x.Instr != nil && x.Instr.Op.Name == "slice" && x.Instr.Device == in.Device {
		if n, ok := sizeValue(in, x.Instr); ok {
			return form{text: func([]term) term { return term{text: n + ".to(i32)", binds: primary} }}, nil
		}
		if items, ok := pickItems(x.Instr, shape); ok {
			return index(x.Instr.Args, items), nil
		}
	}
	if items, ok := newAxes(x.Type.Shape, shape); ok {
		return index(in.Args, items), nil
	}
	return method("reshape", in.Args, sizesText(shape))
}

// sizeValue is the size that a value is: element n of 0, 1 ... n.
func sizeValue(reshape, slice *ir.Instr) (string, bool) {
	ramp := slice.Args[0].Instr
	if ramp == nil || ramp.Device != reshape.Device || reshape.Result().Type.Rank() > 0 {
		return "", false
	}
	a, ok := ramp.Attrs.(ir.IotaAttrs)
	at := slice.Attrs.(ir.SliceAttrs)
	if !ok || a.DType != ir.I32 || len(a.Shape) != 1 || !a.Shape[0].Equal(at.Start[0].Add(ir.N(1))) {
		return "", false
	}
	if _, known := at.Start[0].Int(); known {
		return "", false
	}
	return sizeTerm(at.Start[0]).at(primary), true
}

// index is x[items].
func index(args []*ir.Value, items []string) form {
	return form{args: args, text: func(x []term) term {
		return term{text: x[0].at(primary) + "[" + strings.Join(items, ", ") + "]", binds: primary}
	}}
}

// newAxes are the indices that make a shape of another by axes of size 1.
func newAxes(from, to []ir.Size) (items []string, ok bool) {
	if len(to) <= len(from) || len(from) == 0 {
		return nil, false
	}
	i := 0
	for _, n := range to {
		switch {
		case i < len(from) && n.Equal(from[i]) && !(n.Is(1) && len(to)-len(items) > len(from)-i):
			items = append(items, ":")
			i++
		case n.Is(1):
			items = append(items, "none")
		default:
			return nil, false
		}
	}
	return shortened(items), i == len(from)
}

// shortened leaves out axes at the end that are taken whole, or has `...` for several at the
// beginning.
func shortened(items []string) []string {
	for len(items) > 1 && items[len(items)-1] == ":" {
		items = items[:len(items)-1]
	}
	return items
}

// sliceForm is a slice as indices.
func sliceForm(in *ir.Instr) (form, error) {
	items, whole := ranges(in)
	if whole {
		return itself(in.Args[0])
	}
	return index(in.Args, shortened(items)), nil
}

// ranges are the indices of a slice that keeps all axes; whole says that it takes all.
func ranges(in *ir.Instr) (items []string, whole bool) {
	a := in.Attrs.(ir.SliceAttrs)
	whole = true
	for i, n := range in.Args[0].Type.Shape {
		item := rangeText(a.Start[i], a.Size[i], n)
		if a.Step[i] != 1 {
			item = steppedText(a.Start[i], a.Size[i], n, a.Step[i])
		}
		items, whole = append(items, item), whole && item == ":"
	}
	return items, whole
}

// rangeText is the part of an axis of n elements from lo on.
func rangeText(lo, size, n ir.Size) string {
	text := ":"
	if !lo.Is(0) {
		text = sizeText(lo) + text
	}
	if hi := lo.Add(size); !hi.Equal(n) {
		text += sizeText(hi)
	}
	return text
}

// steppedText is every step-th element of an axis of n elements, size of them from lo on.
func steppedText(lo, size, n ir.Size, step int) string {
	hi := n
	if by := int64(step); !n.Sub(lo).CeilDiv(by).Equal(size) {
		hi = lo.Add(size.Sub(ir.N(1)).Mul(ir.N(by))).Add(ir.N(1))
	}
	return fmt.Sprintf("%s:%d", rangeText(lo, hi.Sub(lo), n), step)
}

// pickItems are the indices of a slice whose axes of one element are dropped, to a shape.
func pickItems(slice *ir.Instr, shape []ir.Size) (items []string, ok bool) {
	items, whole := ranges(slice)
	if whole {
		return nil, false
	}
	a := slice.Attrs.(ir.SliceAttrs)
	axes := slice.Args[0].Type.Shape
	dropped := len(axes) - len(shape)
	var left []ir.Size
	for i, n := range axes {
		if dropped > 0 && a.Size[i].Is(1) && !n.Is(1) && a.Step[i] == 1 {
			items[i] = sizeText(a.Start[i])
			dropped--
		} else {
			left = append(left, a.Size[i])
		}
	}
	return shortened(items), dropped == 0 && len(left) < len(axes) && ir.EqualShapes(left, shape)
}

// concatForm is numbers as an array, tensors along a new axis as a stack, and else concat.
func concatForm(in *ir.Instr) (form, error) {
	axis := in.Attrs.(ir.AxisAttrs).Axis
	if text, ok := arrayText(in); ok {
		return call("array", nil, text, in.Result().Type.DType.String())
	}
	args := in.Args
	name := "stack"
	parts := make([]*ir.Value, len(args))
	for i, x := range args {
		if parts[i] = unstacked(in, x, axis); parts[i] == nil || !parts[i].Type.Equal(parts[0].Type) {
			name = "concat"
			break
		}
	}
	if name == "stack" {
		args = parts
	}
	last := in.Result().Type.Rank() - 1
	text := strconv.Itoa(axis)
	if axis == last && last > 0 {
		text = "-1"
	}
	return form{args: args, text: func(x []term) term {
		return called(name, []string{"[" + strings.Join(texts(x), ", ") + "]"}, given(axis != 0, "", text))
	}}, nil
}

// unstacked is the tensor that x is with a new axis; nil if it is none.
func unstacked(stack *ir.Instr, x *ir.Value, axis int) *ir.Value {
	in := x.Instr
	if in == nil || in.Op.Name != "reshape" || in.Device != stack.Device {
		return nil
	}
	of := in.Args[0]
	if of.Type.Rank() == ir.MaxRank || of.Type.Rank()+1 != x.Type.Rank() || axis > of.Type.Rank() ||
		!ir.EqualShapes(slices.Insert(slices.Clone(of.Type.Shape), axis, ir.N(1)), x.Type.Shape) {
		return nil
	}
	return of
}

// arrayText is the list of numbers that a stack of numbers, or of such stacks, is.
func arrayText(in *ir.Instr) (string, bool) {
	if in.Op.Name != "concat" || in.Attrs.(ir.AxisAttrs).Axis != 0 {
		return "", false
	}
	var items []string
	for _, x := range in.Args {
		of := unstacked(in, x, 0)
		if of == nil || of.Instr == nil || of.Instr.Device != in.Device {
			return "", false
		}
		text, ok := "", false
		if n, isNumber := literal(in, of); isNumber && of.Type.DType != ir.Bool {
			text, ok = n.text, true
		} else if of.Type.Rank() > 0 {
			text, ok = arrayText(of.Instr)
		} else if isNumber {
			text, ok = n.text, true
		}
		if !ok {
			return "", false
		}
		items = append(items, text)
	}
	return "[" + strings.Join(items, ", ") + "]", true
}
