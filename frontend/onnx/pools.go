package onnx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// pools fold what a window sees of each channel, or all of it.
var pools = map[string]handler{
	"MaxPool":     maxPool,
	"AveragePool": one(averagePool),
	"LpPool": one(func(n *node) mlx.Value {
		w := n.poolWindow()
		return n.lp(func(x mlx.Value) mlx.Value { return w.fold(w.pad(x, 0), mlx.Sum) })
	}),
	"MaxUnpool":         one(maxUnpool),
	"GlobalMaxPool":     one(func(n *node) mlx.Value { return n.global(mlx.Max, n.x(0)) }),
	"GlobalAveragePool": one(func(n *node) mlx.Value { return n.global(mlx.Mean, n.x(0)) }),
	"GlobalLpPool": one(func(n *node) mlx.Value {
		return n.lp(func(x mlx.Value) mlx.Value { return n.global(mlx.Sum, x) })
	}),
}

// poolWindow is the window of a pool.
func (n *node) poolWindow() window {
	w := n.window(n.typ(0), n.attrInts("kernel_shape"))
	if n.attrInt("ceil_mode", 0) != 0 {
		w = w.ceil()
	}
	return w
}

// pool is a pool of the op table, of x [N, C, ...S].
func (w window) pool(f func(x mlx.Value, o mlx.PoolOptions) mlx.Value, x mlx.Value, outside float64) mlx.Value {
	o := mlx.PoolOptions{Size: w.size, Stride: w.stride}
	inOp := w.symmetric()
	for a := range w.lo {
		inOp = inOp && w.lo[a] <= w.size[a]/2
	}
	if inOp {
		o.Pad = w.lo
	} else {
		x = w.pad(x, outside)
	}
	return channelsFirst(f(channelsLast(x), o))
}

func maxPool(n *node) {
	x, w := n.x(0), n.poolWindow()
	t := x.Type().DType
	least := lowest(t)
	switch {
	case n.wants(1):
		y, at := w.largest(w.pad(x, least), w.pad(n.places(x.Type().Shape), 0))
		n.set(0, y)
		n.set(1, at)
	case t.IsFloat() && !w.dilated():
		n.set(0, w.pool(mlx.MaxPool, x, least))
	default:
		n.set(0, w.fold(w.pad(x, least), mlx.Max))
	}
}

// lowest is what no element is less than.
func lowest(t ir.DType) float64 {
	switch t.Class() {
	case ir.Signed:
		return -math.Ldexp(1, 8*t.Size()-1)
	case ir.Unsigned:
		return 0
	}
	return math.Inf(-1)
}

// places are the indices of elements in a tensor [N, C, ...S]; with storage_order the
// first of its spatial axes is the fastest.
func (n *node) places(shape []ir.Size) mlx.Value {
	perm := []int{0, 1}
	for a := 2; a < len(shape); a++ {
		perm = append(perm, a)
	}
	if n.attrInt("storage_order", 0) != 0 {
		slices.Reverse(perm[2:])
	}
	stored := make([]ir.Size, len(shape))
	for i, a := range perm {
		stored[i] = shape[a]
	}
	return n.b.Arange(ir.I64, ir.Product(shape)).Reshape(stored...).Transpose(perm...)
}

// largest is the largest of what the window sees of the padded x, the first of equal ones,
// and what index has in its place.
func (w window) largest(x, index mlx.Value) (y, at mlx.Value) {
	for a := len(w.size) - 1; a >= 0; a-- { // from the last, for the first of equal ones
		x, index = w.unfolded(x, a), w.unfolded(index, a)
		shape := slices.Clone(x.Type().Shape)
		i := keep(mlx.ArgMax(x, 3+a), shape, []int{3 + a}, true)
		shape = slices.Delete(shape, 3+a, 4+a)
		x = mlx.Gather(x, i, 3+a).Reshape(shape...)
		index = mlx.Gather(index, i, 3+a).Reshape(shape...)
	}
	return x, index
}

// averagePool is the mean of what a window sees. What is outside of the tensor does not
// count, or counts as zeros as far as the node has padding.
func averagePool(n *node) mlx.Value {
	x, w := n.x(0), n.poolWindow()
	counted := n.window(x.Type(), w.size)
	if n.attrInt("count_include_pad", 0) == 0 {
		counted.lo, counted.hi = make([]int, len(w.lo)), make([]int, len(w.hi))
	}
	rest := w // of the padding, that does not count
	rest.lo, rest.hi = slices.Clone(w.lo), slices.Clone(w.hi)
	for a := range w.size {
		counted.hi[a] = min(counted.hi[a], w.hi[a])
		rest.lo[a] -= counted.lo[a]
		rest.hi[a] -= counted.hi[a]
	}
	y := w.mean(x)
	if slices.Max(rest.lo) == 0 && slices.Max(rest.hi) == 0 {
		return y
	}
	ones := n.b.Ones(x.Type().DType, append([]ir.Size{ir.N(1), ir.N(1)}, x.Type().Shape[2:]...)...)
	return y.Div(rest.mean(counted.pad(ones, 1)))
}

// mean is that of what the window sees, padding being zeros.
func (w window) mean(x mlx.Value) mlx.Value {
	if w.dilated() {
		return w.fold(w.pad(x, 0), mlx.Mean)
	}
	return w.pool(mlx.AvgPool, x, 0)
}

// lp is the norm of order p, given what sums.
func (n *node) lp(sum func(x mlx.Value) mlx.Value) mlx.Value {
	p := float64(n.attrInt("p", 2))
	if n.version < 2 {
		p = n.attrFloat("p", 2)
	}
	x := mlx.Abs(n.x(0))
	switch p {
	case 1:
		return sum(x)
	case 2:
		return mlx.Sqrt(sum(x.Mul(x)))
	}
	return sum(x.PowN(p)).PowN(1 / p)
}

// global folds all spatial axes of [N, C, ...S].
func (n *node) global(f func(x mlx.Value, axes ...int) mlx.Value, x mlx.Value) mlx.Value {
	shape := x.Type().Shape
	var axes []int
	for a := 2; a < len(shape); a++ {
		axes = append(axes, a)
	}
	if len(axes) == 0 {
		n.fail("%s has no spatial axes", x.Type())
	}
	return keep(f(x, axes...), shape, axes, true)
}

// maxUnpool puts elements where a pool has found them. Indices are those of the tensor that
// was pooled; each channel has its own.
func maxUnpool(n *node) mlx.Value {
	x, index := n.x(0), n.x(1)
	w := n.window(x.Type(), n.attrInts("kernel_shape"))
	shape := slices.Clone(x.Type().Shape)
	channels := shape[0].Mul(shape[1])
	from := ir.Product(shape[2:])
	for a := range w.size {
		s := shape[2+a].Sub(ir.N(1)).Mul(ir.N(int64(w.stride[a])))
		shape[2+a] = s.Add(mlx.N(w.size[a] - w.lo[a] - w.hi[a]))
	}
	size := ir.Product(shape[2:])
	base := n.b.Op("iota", ir.IotaAttrs{DType: ir.I64, Shape: []ir.Size{channels, from}}).Mul(n.b.Size(size).To(ir.I64))
	within := index.Reshape(channels, from).Sub(base)
	y := mlx.Scatter(n.b.Zeros(x.Type().DType, channels, size), within, x.Reshape(channels, from), 1).Reshape(shape...)
	if !n.has(2) {
		return y
	}
	to := n.sizes(2, "the shape of the result")
	if len(to) != len(shape) {
		n.fail("a result of %d axes, want %d", len(to), len(shape))
	}
	lo, hi := make([]int, len(to)), make([]int, len(to))
	for a := range to {
		more, ok := to[a].Sub(shape[a]).Int()
		if !ok || more < 0 {
			n.fail("%s does not fit axis %d of the result, %s", y.Type(), a, to[a])
		}
		hi[a] = int(more)
	}
	return y.Pad(lo, hi, 0)
}
