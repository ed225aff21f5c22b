package onnx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// shapes are the operators that move elements, and those that make tensors of a shape.
var shapes = map[string]handler{
	"Shape":           func(n *node) { n.setValue(0, sizesValue(shapeSizes(n))) },
	"Size":            func(n *node) { n.setValue(0, sizesValue(&sizeList{true, []ir.Size{n.typ(0).Elems()}})) },
	"Reshape":         one(reshape),
	"Flatten":         one(flatten),
	"Squeeze":         one(squeeze),
	"Unsqueeze":       one(unsqueeze),
	"Transpose":       one(transpose),
	"Concat":          one(concat),
	"Slice":           one(slice),
	"Split":           split,
	"Expand":          one(expand),
	"Tile":            one(tile),
	"Pad":             one(pad),
	"Constant":        constant,
	"ConstantOfShape": one(constantOfShape),
	"Range":           one(arange),
	"Trilu":           one(trilu),
	"EyeLike":         one(eyeLike),
	"DepthToSpace":    one(depthToSpace),
	"SpaceToDepth":    one(spaceToDepth),
}

// reshape takes a shape with 0 for a size that stays and -1 for the one that follows from
// the others.
func reshape(n *node) mlx.Value {
	x := n.x(0)
	from := x.Type().Shape
	var to []ir.Size
	if n.version < 5 {
		for _, s := range n.attrInts("shape") {
			to = append(to, ir.N(int64(s)))
		}
	} else {
		to = slices.Clone(n.sizes(1, "the shape"))
	}
	open := -1
	rest := x.Type().Elems()
	for i, s := range to {
		switch {
		case s.Is(0) && n.attrInt("allowzero", 0) == 0:
			if i >= len(from) {
				n.fail("size %d of the shape stays, but there is none", i)
			}
			to[i] = from[i]
		case s.Is(-1):
			if open >= 0 {
				n.fail("two sizes of the shape are -1")
			}
			open = i
			continue
		}
	}
	if open >= 0 {
		for i, s := range to {
			if i == open {
				continue
			}
			q, ok := rest.Exact(s)
			if !ok {
				n.fail("%s does not divide the elements of %s", s, x.Type())
			}
			rest = q
		}
		to[open] = rest
	}
	return x.Reshape(to...)
}

func flatten(n *node) mlx.Value {
	x := n.x(0)
	shape := x.Type().Shape
	a := n.attrInt("axis", 1)
	if a < 0 {
		a += len(shape)
	}
	if a < 0 || a > len(shape) {
		n.fail("axis %d is out of range for %s", a, x.Type())
	}
	return x.Reshape(ir.Product(shape[:a]), ir.Product(shape[a:]))
}

// axesOf are those of an attribute, which since opset 13 is input i.
func (n *node) axesOf(i int) []int {
	if n.has(i) {
		return n.ints(i, "the list of axes")
	}
	return n.attrInts("axes")
}

func squeeze(n *node) mlx.Value {
	x := n.x(0)
	shape := x.Type().Shape
	axes := n.axesOf(1)
	if axes == nil {
		for a, s := range shape {
			if s.Is(1) {
				axes = append(axes, a)
			}
		}
	}
	axes = n.axes(axes, len(shape))
	var to []ir.Size
	for a, s := range shape {
		switch {
		case !slices.Contains(axes, a):
			to = append(to, s)
		case !s.Is(1):
			n.fail("axis %d of %s is not of size 1", a, x.Type())
		}
	}
	return x.Reshape(to...)
}

func unsqueeze(n *node) mlx.Value {
	x := n.x(0)
	axes := n.axesOf(1)
	axes = n.axes(axes, x.Type().Rank()+len(axes))
	slices.Sort(axes)
	to := slices.Clone(x.Type().Shape)
	for _, a := range axes {
		to = slices.Insert(to, a, ir.N(1))
	}
	return x.Reshape(to...)
}

func transpose(n *node) mlx.Value {
	x := n.x(0)
	perm := n.attrInts("perm")
	if perm == nil {
		for a := range x.Type().Rank() {
			perm = append([]int{a}, perm...)
		}
	}
	return x.Transpose(perm...)
}

func concat(n *node) mlx.Value {
	xs := make([]mlx.Value, len(n.in))
	for i := range n.in {
		xs[i] = n.x(i)
	}
	return mlx.Concat(n.axis(n.attrInt("axis", 1), xs[0].Type().Rank()), xs...)
}

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

// expand broadcasts both ways: a 1 of the shape leaves the size as it is.
func expand(n *node) mlx.Value {
	x := n.x(0)
	to, err := ir.BroadcastShapes(x.Type().Shape, n.sizes(1, "the shape"))
	if err != nil {
		n.fail("%w", err)
	}
	return x.Broadcast(to...)
}

func tile(n *node) mlx.Value {
	x := n.x(0)
	if n.version < 6 {
		n.unsupported("before opset 6 it is not covered")
	}
	for a, k := range n.sizes(1, "the list of repeats") {
		shape := slices.Clone(x.Type().Shape)
		if k.Is(1) || a >= len(shape) {
			continue
		}
		wide := slices.Insert(slices.Clone(shape), a, ir.N(1))
		all := slices.Insert(slices.Clone(shape), a, k)
		shape[a] = shape[a].Mul(k)
		x = x.Reshape(wide...).Broadcast(all...).Reshape(shape...)
	}
	return x
}

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

// pad has the numbers of all beginnings, then of all ends; negative ones take away.
func pad(n *node) mlx.Value {
	x := n.x(0)
	rank := x.Type().Rank()
	pads := n.attrInts("pads")
	if n.version >= 11 {
		pads = n.ints(1, "the padding")
	}
	var axes []int
	if n.has(3) {
		axes = n.axes(n.ints(3, "the axes of the padding"), rank)
	} else {
		for a := range rank {
			axes = append(axes, a)
		}
	}
	if len(pads) != 2*len(axes) {
		n.fail("%d paddings for %d axes", len(pads), len(axes))
	}
	lo, hi := make([]int, rank), make([]int, rank)
	for i, a := range axes {
		lo[a], hi[a] = pads[i], pads[len(axes)+i]
	}
	x = cut(x, lo, hi)
	switch mode := n.attrString("mode", "constant"); mode {
	case "constant":
		return n.padded(x, lo, hi)
	case "reflect", "edge", "wrap":
		for a := range rank {
			if lo[a] > 0 || hi[a] > 0 {
				x = n.extended(x, a, lo[a], hi[a], mode)
			}
		}
		return x
	default:
		n.fail("there is no mode %q", mode)
	}
	return x
}

// cut takes away what negative paddings say, and makes these 0.
func cut(x mlx.Value, lo, hi []int) mlx.Value {
	spans := make([]mlx.Span, len(lo))
	for a, s := range x.Type().Shape {
		spans[a] = mlx.Range(ir.N(int64(max(0, -lo[a]))), s.Sub(ir.N(int64(max(0, -hi[a])))))
		lo[a], hi[a] = max(0, lo[a]), max(0, hi[a])
	}
	return x.At(spans...)
}

// padded puts one value around x, which since opset 11 is an input and need not be known.
func (n *node) padded(x mlx.Value, lo, hi []int) mlx.Value {
	if slices.Max(append(slices.Concat(lo, hi), 0)) == 0 {
		return x
	}
	switch {
	case n.version < 11:
		return x.Pad(lo, hi, n.attrFloat("value", 0))
	case !n.has(2):
		return x.Pad(lo, hi, 0)
	case n.in[2].data != nil && n.in[2].data.Len() == 1 && exact(n.in[2].data):
		return x.Pad(lo, hi, n.in[2].data.Tensor().Number(0))
	}
	ones := n.b.Ones(ir.Bool, x.Type().Shape...)
	return mlx.Where(ones.Pad(lo, hi, 0), x.Pad(lo, hi, 0), n.x(2).Reshape())
}

// extended continues x along an axis with elements of its own.
func (n *node) extended(x mlx.Value, a, lo, hi int, mode string) mlx.Value {
	size, ok := x.Type().Shape[a].Int()
	if !ok || size == 0 {
		n.fail("mode %s needs an axis of known size, got %s", mode, x.Type())
	}
	index := n.made(ir.I64, lo+int(size)+hi)
	for i := range index.I {
		at := int64(i - lo)
		switch period := 2 * (size - 1); {
		case mode == "edge":
			at = min(max(at, 0), size-1)
		case mode == "wrap":
			at = ((at % size) + size) % size
		case period == 0:
			at = 0
		default: // reflect, without the edge itself
			at = ((at % period) + period) % period
			at = min(at, period-at)
		}
		index.I[i] = at
	}
	return mlx.Take(x, n.fixed("index", index), a)
}
