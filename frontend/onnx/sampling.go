package onnx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// A filter weighs the elements around a point by how far they are from it.
type filter struct {
	reach  float64 // from where on the weight is 0
	weight func(far mlx.Value) mlx.Value
}

// filter is that of the node's mode.
func (n *node) filter() filter {
	switch mode := n.attrString("mode", "linear"); mode {
	case "linear", "bilinear":
		return triangle
	case "cubic", "bicubic":
		return cubic(n.attrFloat("cubic_coeff_a", -0.75))
	default:
		n.fail("there is no mode %q", mode)
	}
	return filter{}
}

var triangle = filter{1, func(far mlx.Value) mlx.Value { return mlx.ReLU(far.Neg().AddN(1)) }}

// cubic is the cubic convolution of Keys, 1981, equation 4.
func cubic(a float64) filter {
	return filter{2, func(x mlx.Value) mlx.Value {
		near := x.MulN(a + 2).SubN(a + 3).Mul(x).Mul(x).AddN(1)
		far := x.SubN(5).Mul(x).AddN(8).Mul(x).SubN(4).MulN(a)
		return mlx.Where(x.LeN(1), near, mlx.Where(x.LtN(2), far, number(x, 0)))
	}}
}

// around are, on a new last axis, the numbers of the elements around points, and their
// weights, with the filter made wide.
func (f filter) around(points mlx.Value, wide float64) (at, weight mlx.Value) {
	t := points.Type()
	each := int64(math.Ceil(f.reach * wide)) // on each side
	points = points.Reshape(append(slices.Clone(t.Shape), ir.N(1))...)
	at = mlx.Floor(points).Add(points.Builder().Arange(t.DType, ir.N(2*each)).SubN(float64(each - 1)))
	far := mlx.Abs(at.Sub(points))
	if wide != 1 {
		far = far.DivN(wide)
	}
	return at, f.weight(far)
}

// elements are those of images [N, C, ...S] in the places that indices along each of S say.
// These, and which image it is, broadcast; the channels are the last axis of the result.
func (n *node) elements(x, image mlx.Value, at []mlx.Value) mlx.Value {
	shape := x.Type().Shape
	for j, i := range at {
		image = image.Mul(n.size(shape[2+j], ir.I32)).Add(i)
	}
	all := shape[0].Mul(ir.Product(shape[2:]))
	return mlx.Take(channelsLast(x).Reshape(all, shape[1]), image, 0)
}

// gridSample reads images at points of a grid [N, ...O, r], whose coordinates are from -1
// to 1, that of the last axis first.
func gridSample(n *node) mlx.Value {
	x, grid := n.x(0), n.x(1)
	t, g := x.Type(), grid.Type()
	r := t.Rank() - 2
	if r < 1 || g.Rank() != t.Rank() || !g.Shape[g.Rank()-1].Is(int64(r)) {
		n.fail("a grid of %s for %s", g, t)
	}
	count := ir.Product(g.Shape[1 : r+1])
	grid = grid.To(between(g.DType)).Reshape(g.Shape[0], count, ir.N(int64(r)))
	nearest := n.attrString("mode", "linear") == "nearest"
	weight, inside := n.b.Number(between(t.DType), 1), n.b.Number(ir.Bool, 1)
	places := make([]mlx.Value, r)
	var axes []int
	for j := range r {
		a := 2 + j // [N, count, k] has k become axis a, with the channels behind them all
		axes = append(axes, a)
		onAxis := func(v mlx.Value, rank int) mlx.Value {
			shape := slices.Repeat([]ir.Size{ir.N(1)}, rank)
			copy(shape, v.Type().Shape[:2])
			shape[a] = v.Type().Shape[2]
			return v.Reshape(shape...)
		}
		size := n.size(t.Shape[a], grid.Type().DType)
		points := n.pixels(grid.At(mlx.Every, mlx.Every, mlx.Pick(mlx.N(r-1-j))), size)
		at := mlx.Round(points).At(mlx.Rest, mlx.NewAxis)
		if !nearest {
			var w mlx.Value
			at, w = n.filter().around(points, 1)
			weight = weight.Mul(onAxis(w.To(weight.Type().DType), r+3))
		}
		at, within := n.bordered(at, size)
		places[j], inside = onAxis(at.To(ir.I32), r+2), inside.And(onAxis(within, r+3))
	}
	y := n.elements(x, n.count(ir.I32, r+2, 0, t.Shape[0]), places)
	y = mlx.Where(inside, y, number(y, 0))
	if nearest {
		y = y.Reshape(t.Shape[0], count, t.Shape[1])
	} else {
		y = mlx.Sum(y.To(weight.Type().DType).Mul(weight), axes...).To(t.DType)
	}
	return y.Transpose(0, 2, 1).Reshape(slices.Concat(t.Shape[:2], g.Shape[1:r+1])...)
}

// pixels are points from -1 to 1 as ones of an axis, whose ends are the centres of the first
// and last element, or their edges.
func (n *node) pixels(points, size mlx.Value) mlx.Value {
	if n.attrInt("align_corners", 0) != 0 {
		return points.AddN(1).DivN(2).Mul(size.SubN(1))
	}
	return points.AddN(1).Mul(size).SubN(1).DivN(2)
}

// ends are those of an axis.
func (n *node) ends(size mlx.Value) (lo, hi mlx.Value) {
	if n.attrInt("align_corners", 0) != 0 {
		return number(size, 0), size.SubN(1)
	}
	return number(size, -0.5), size.SubN(0.5)
}

// bordered brings numbers of elements into an axis as the padding mode says; within are those
// that stand for an element.
func (n *node) bordered(at, size mlx.Value) (in, within mlx.Value) {
	within = mlx.IsNaN(at).Not()
	switch mode := n.attrString("padding_mode", "zeros"); mode {
	case "zeros":
		within = at.GeN(0).And(at.Lt(size))
	case "border":
	case "reflection": // to and fro between the ends
		lo, hi := n.ends(size)
		there := mlx.MaximumN(hi.Sub(lo).MulN(2), 1)
		beyond := mlx.Abs(at.Sub(lo)).Mod(there)
		at = mlx.Minimum(beyond, there.Sub(beyond)).Add(lo)
	default:
		n.fail("there is no padding_mode %q", mode)
	}
	return mlx.Clip(at, number(size, 0), size.SubN(1)), within
}

// affineGrid is, for each matrix, a grid of points that it maps.
func affineGrid(n *node) mlx.Value {
	theta := n.x(0)
	size := n.sizes(1, "the size of the grid")
	r := len(size) - 2
	t := theta.Type()
	if t.Rank() != 3 || r < 1 || !t.Shape[1].Is(int64(r)) || !t.Shape[2].Is(int64(r+1)) {
		n.fail("matrices of %s for a grid of %d axes", t, r)
	}
	out := slices.Concat(t.Shape[:1], size[2:], []ir.Size{ir.N(int64(r))})
	column := func(k int) mlx.Value { // of the matrices
		shape := slices.Repeat([]ir.Size{ir.N(1)}, r+2)
		shape[0], shape[r+1] = out[0], out[r+1]
		return theta.At(mlx.Every, mlx.Every, mlx.Pick(ir.N(int64(k)))).Reshape(shape...)
	}
	y := column(r)
	for k := range r { // x, y, z: from the last axis on
		a := r - k
		at, count := n.count(t.DType, r+2, a, out[a]), n.size(out[a], t.DType)
		if n.attrInt("align_corners", 0) != 0 {
			at = at.MulN(2).Div(mlx.MaximumN(count.SubN(1), 1)).SubN(1)
		} else {
			at = at.MulN(2).AddN(1).Div(count).SubN(1)
		}
		y = y.Add(column(k).Mul(at))
	}
	return y.Broadcast(out...)
}
