package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// gathers are the operators that read or write elements at indices that are data.
var gathers = map[string]handler{
	"Gather":            one(gather),
	"GatherElements":    one(gatherElements),
	"GatherND":          one(gatherND),
	"Scatter":           one(scatterElements),
	"ScatterElements":   one(scatterElements),
	"ScatterND":         one(scatterND),
	"OneHot":            one(oneHot),
	"ReverseSequence":   one(reverseSequence),
	"CenterCropPad":     one(centerCropPad),
	"Det":               one(det),
	"Compress":          one(compress),
	"NonZero":           nonZero,
	"Unique":            unique,
	"NonMaxSuppression": nonMaxSuppression,
}

// fromStart are indices into an axis of a size, of which negative ones count from its end,
// as ones that count from its start.
func (n *node) fromStart(i mlx.Value, size ir.Size) mlx.Value {
	return mlx.Where(i.LtN(0), i.Add(n.size(size, i.Type().DType)), i)
}

// size is a size in the program.
func (n *node) size(s ir.Size, t ir.DType) mlx.Value { return n.b.Size(s).To(t) }

// count are the numbers from 0 on along an axis of a tensor of sizes that are 1 off it.
func (n *node) count(t ir.DType, rank, axis int, size ir.Size) mlx.Value {
	shape := slices.Repeat([]ir.Size{ir.N(1)}, rank)
	shape[axis] = size
	return n.b.Op("iota", ir.IotaAttrs{DType: t, Shape: shape, Axis: axis})
}

func gather(n *node) mlx.Value {
	x := n.x(0)
	a := n.axis(n.attrInt("axis", 0), x.Type().Rank())
	size := x.Type().Shape[a]
	if l := n.arg(1).sizes; l != nil && l.scalar { // such as the number of a round: a view, if it is within
		spans := make([]mlx.Span, a+1)
		spans[a] = mlx.Pick(l.of[0])
		if n.entry.Try(func() { x.At(spans...) }) == nil {
			return x.At(spans...)
		}
	}
	c := n.arg(1).data
	if c == nil || !c.DType.IsInt() {
		return mlx.Take(x, n.fromStart(n.x(1), size), a)
	}
	at := c.Tensor().I
	switch s, fixed := size.Int(); {
	case fixed && slices.ContainsFunc(at, func(i int64) bool { return i < -s || i >= s }):
		n.fail("an index is out of range for axis %d of %s", a, x.Type())
	case len(c.Shape) == 0 && size.AtLeast(max(at[0]+1, -at[0])): // a view
		spans := make([]mlx.Span, a+1)
		spans[a] = mlx.Pick(ir.N(at[0]))
		return x.At(spans...)
	case len(at) == 0 || slices.Min(at) >= 0:
		return mlx.Take(x, n.x(1), a)
	}
	return mlx.Take(x, n.fromStart(n.x(1), size), a)
}

// gatherElements may take fewer elements than there are off the axis: then the first.
func gatherElements(n *node) mlx.Value {
	x, i := n.x(0), n.x(1)
	a := n.axis(n.attrInt("axis", 0), x.Type().Rank())
	if i.Type().Rank() != x.Type().Rank() {
		n.fail("indices %s for %s", i.Type(), x.Type())
	}
	spans := make([]mlx.Span, x.Type().Rank())
	for k, s := range i.Type().Shape {
		if k != a {
			spans[k] = mlx.To(s)
		}
	}
	return mlx.Gather(x.At(spans...), n.fromStart(i, x.Type().Shape[a]), a)
}

// tuples are the indices that the last axis of i has, into axes of some sizes, as indices
// into these axes made one.
func (n *node) tuples(i mlx.Value, sizes []ir.Size) mlx.Value {
	last := i.Type().Rank() - 1
	var flat mlx.Value
	for k, s := range sizes {
		part := make([]mlx.Span, last+1)
		part[last] = mlx.Pick(ir.N(int64(k)))
		at := n.fromStart(i.At(part...), s)
		if k == 0 {
			flat = at
			continue
		}
		flat = flat.Mul(n.size(s, at.Type().DType)).Add(at)
	}
	return flat
}

// tuple is how many indices a tuple of i has, for x without its batches.
func (n *node) tuple(i, x ir.Type, batch int) int {
	if batch < 0 || i.Rank() <= batch || x.Rank() <= batch {
		n.fail("indices %s for %s with %d axes of batches", i, x, batch)
	}
	k, ok := i.Shape[i.Rank()-1].Int()
	if !ok || k < 1 || k > int64(x.Rank()-batch) {
		n.fail("tuples of %s indices for %s with %d axes of batches", i.Shape[i.Rank()-1], x, batch)
	}
	return int(k)
}

func gatherND(n *node) mlx.Value {
	x, i := n.x(0), n.x(1)
	from, at := x.Type(), i.Type()
	batch := n.attrInt("batch_dims", 0)
	k := n.tuple(at, from, batch)
	places, rest := from.Shape[batch:batch+k], from.Shape[batch+k:]
	flat := n.tuples(i, places)
	shape := slices.Clone(flat.Type().Shape)
	batches, place := ir.Product(from.Shape[:batch]), ir.Product(places)
	if batch > 0 {
		flat = flat.Reshape(batches, ir.Product(shape[batch:]))
		flat = flat.Add(n.count(at.DType, 2, 0, batches).Mul(n.size(place, at.DType)))
	}
	x = x.Reshape(append([]ir.Size{batches.Mul(place)}, rest...)...)
	return mlx.Take(x, flat.Reshape(shape...), 0)
}

// scatterElements may have fewer indices than there are elements off the axis: those that
// are missing name no place.
func scatterElements(n *node) mlx.Value {
	x, i, y := n.x(0), n.x(1), n.x(2)
	shape := x.Type().Shape
	a := n.axis(n.attrInt("axis", 0), len(shape))
	if i.Type().Rank() != len(shape) {
		n.fail("indices %s for %s", i.Type(), x.Type())
	}
	i = n.fromStart(i, shape[a])
	for k, s := range shape {
		if size := i.Type().Shape[k]; k != a && !size.Equal(s) {
			missing := slices.Clone(i.Type().Shape)
			missing[k] = s.Sub(size)
			i = mlx.Concat(k, i, n.b.Full(i.Type().DType, -1, missing...))
			y = mlx.Concat(k, y, n.b.Zeros(y.Type().DType, missing...))
		}
	}
	return n.scatter(x, i, y, a)
}

// scatterND scatters slices, which are rows of a matrix.
func scatterND(n *node) mlx.Value {
	x, i, y := n.x(0), n.x(1), n.x(2)
	t := x.Type()
	k := n.tuple(i.Type(), t, 0)
	flat := n.tuples(i, t.Shape[:k])
	rows, columns, count := ir.Product(t.Shape[:k]), ir.Product(t.Shape[k:]), flat.Type().Elems()
	if count.Is(0) {
		return x
	}
	x, y, flat = x.Reshape(rows, columns), y.Reshape(count, columns), flat.Reshape(count)
	if n.attrString("reduction", "none") != "none" {
		return n.scatter(x, flat.Reshape(count, ir.N(1)).Broadcast(count, columns), y, 0).Reshape(t.Shape...)
	}
	// which update each row has is found once for the row
	last := mlx.Scatter(n.b.Full(ir.I32, -1, rows), flat, n.b.Arange(ir.I32, count), 0)
	return mlx.Where(last.GeN(0).Reshape(rows, ir.N(1)), mlx.Take(y, last, 0), x).Reshape(t.Shape...)
}

// scatter puts y into x at indices along an axis, as the node's reduction says.
func (n *node) scatter(x, i, y mlx.Value, a int) mlx.Value {
	reduction := n.attrString("reduction", "none")
	switch reduction {
	case "none":
		return mlx.Scatter(x, i, y, a)
	case "add":
		return mlx.ScatterAdd(x, i, y, a)
	}
	// as these do, each element looks at all indices
	rank, size := x.Type().Rank(), x.Type().Shape[a]
	wide := func(v mlx.Value, axis int) mlx.Value {
		return v.Reshape(slices.Insert(slices.Clone(v.Type().Shape), axis, ir.N(1))...)
	}
	hit := wide(i, a+1).Eq(n.count(i.Type().DType, rank+1, a+1, size))
	y = wide(y, a+1)
	switch reduction {
	case "mul":
		return x.Mul(mlx.Prod(mlx.Where(hit, y, number(y, 1)), a))
	case "max":
		return mlx.Maximum(x, mlx.Max(mlx.Where(hit, y, wide(x, a)), a))
	case "min":
		return mlx.Minimum(x, mlx.Min(mlx.Where(hit, y, wide(x, a)), a))
	}
	n.fail("there is no reduction %q", reduction)
	return x
}

func oneHot(n *node) mlx.Value {
	i, values := n.x(0), n.x(2)
	if count := n.typ(1).Elems(); !count.Is(1) {
		n.fail("the depth is of %s numbers, want one", count)
	}
	var depth ir.Size
	if n.typ(1).DType.IsFloat() {
		depth = ir.N(int64(n.known(1, "the depth").Number(0)))
	} else {
		depth = n.sizes(1, "the depth")[0]
	}
	rank := i.Type().Rank() + 1
	a := n.axis(n.attrInt("axis", -1), rank)
	if !i.Type().DType.IsInt() {
		i = i.To(ir.I64)
	}
	if i.Type().DType.Class() == ir.Signed {
		i = n.fromStart(i, depth)
	}
	i = i.Reshape(slices.Insert(slices.Clone(i.Type().Shape), a, ir.N(1))...)
	off, on := values.At(mlx.Pick(ir.N(0))), values.At(mlx.Pick(ir.N(1)))
	return mlx.Where(i.Eq(n.count(i.Type().DType, rank, a, depth)), on, off)
}

func reverseSequence(n *node) mlx.Value {
	x, lengths := n.x(0), n.x(1)
	t := x.Type()
	batch, time := n.axis(n.attrInt("batch_axis", 1), t.Rank()), n.axis(n.attrInt("time_axis", 0), t.Rank())
	shape := slices.Repeat([]ir.Size{ir.N(1)}, t.Rank())
	shape[batch] = t.Shape[batch]
	lengths = lengths.Reshape(shape...)
	at := n.count(lengths.Type().DType, t.Rank(), time, t.Shape[time])
	at = mlx.Where(at.Lt(lengths), lengths.SubN(1).Sub(at), at)
	return mlx.Gather(x, at.Broadcast(t.Shape...), time)
}

// centerCropPad cuts axes that are too long, and puts zeros around those that are too short.
func centerCropPad(n *node) mlx.Value {
	x := n.x(0)
	to := n.sizes(1, "the shape")
	axes := n.attrInts("axes")
	if axes == nil {
		for a := range to {
			axes = append(axes, a)
		}
	}
	axes = n.axes(axes, x.Type().Rank())
	if len(axes) != len(to) {
		n.fail("%d sizes for %d axes", len(to), len(axes))
	}
	for i, a := range axes {
		x = n.centred(x, a, to[i])
	}
	return x
}

func (n *node) centred(x mlx.Value, a int, to ir.Size) mlx.Value {
	rank, size := x.Type().Rank(), x.Type().Shape[a]
	more, less := size.Sub(to), to.Sub(size)
	missing, fixed := less.Int()
	switch {
	case more.NonNegative():
		spans := make([]mlx.Span, a+1)
		from := more.Div(ir.N(2))
		spans[a] = mlx.Range(from, from.Add(to))
		return x.At(spans...)
	case fixed:
		lo, hi := make([]int, rank), make([]int, rank)
		lo[a] = int(missing / 2)
		hi[a] = int(missing) - lo[a]
		return x.Pad(lo, hi, 0)
	}
	// only when it runs it is known whether the axis is too long
	shift := div(n.size(size, ir.I32).Sub(n.size(to, ir.I32)), n.b.Number(ir.I32, 2))
	at := n.count(ir.I32, 1, 0, to).Add(shift)
	inside := at.GeN(0).And(at.Lt(n.size(size, ir.I32)))
	shape := slices.Repeat([]ir.Size{ir.N(1)}, rank)
	shape[a] = to
	return mlx.Where(inside.Reshape(shape...), mlx.Take(x, at, a), number(x, 0))
}

// det eliminates column by column, the largest element of each being the pivot.
func det(n *node) mlx.Value {
	x := n.x(0)
	t := x.Type()
	rank := t.Rank()
	if rank < 2 || !t.Shape[rank-1].Equal(t.Shape[rank-2]) {
		n.fail("%s has no square matrices", t)
	}
	size, ok := t.Shape[rank-1].Int()
	if !ok || size > maxDet {
		n.fail("the matrices of %s are not of a known size of at most %d", t, maxDet)
	}
	batch := ir.Product(t.Shape[:rank-2])
	x = x.Reshape(batch, ir.N(size), ir.N(size))
	product := n.b.Ones(t.DType, batch, ir.N(1), ir.N(1))
	one := ir.N(1)
	for m := size; m > 0; m-- {
		column := x.At(mlx.Every, mlx.Every, mlx.To(one))
		at := mlx.ArgMax(mlx.Abs(column), 1).Reshape(batch, one, one)
		row := mlx.Gather(x, at.Broadcast(batch, one, ir.N(m)), 1)
		pivot := row.At(mlx.Every, mlx.Every, mlx.To(one))
		product = product.Mul(mlx.Where(at.EqN(0), pivot, pivot.Neg()))
		if m == 1 {
			break
		}
		// the first row takes the place of that of the pivot
		place := n.count(ir.I32, 3, 1, ir.N(m-1)).AddN(1)
		rest := mlx.Where(place.Eq(at), x.At(mlx.Every, mlx.To(one)), x.At(mlx.Every, mlx.From(one)))
		factor := rest.At(mlx.Every, mlx.Every, mlx.To(one)).Div(mlx.Where(pivot.EqN(0), number(pivot, 1), pivot))
		x = rest.Sub(factor.Mul(row)).At(mlx.Every, mlx.Every, mlx.From(one))
	}
	return product.Reshape(t.Shape[:rank-2]...)
}

// maxDet bounds the matrices of Det, whose columns are eliminated one by one in the program.
const maxDet = 64
