package onnx

import (
	"math"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// Operators that read regions of images.

// A span is where regions begin along an axis of the images, and how long they are: [R, 1].
type span struct {
	from, length mlx.Value
	size         ir.Size // of the axis
}

// roiAlign reads points within the bins of each region.
func roiAlign(n *node) mlx.Value {
	x, image := n.x(0), n.x(2)
	t := x.Type()
	if t.Rank() != 4 {
		n.fail("%s are no images with channels", t)
	}
	if r := n.typ(1); r.Rank() != 2 || !r.Shape[1].Is(4) || !r.DType.IsFloat() {
		n.fail("%s are no regions [x1, y1, x2, y2]", r)
	}
	one := ir.N(1)
	regions := n.typ(1).Shape[0]
	height, width := n.attrInt("output_height", 1), n.attrInt("output_width", 1)
	y, yWeight, yKept, yCount := n.binPoints(n.roiSpan(1, t.Shape[2]), height)
	at, weight, kept, count := n.binPoints(n.roiSpan(0, t.Shape[3]), width)
	// [R, height, width, points along y, points along x]
	rows := func(v mlx.Value) mlx.Value {
		return v.Reshape(regions, ir.N(int64(height)), one, v.Type().Shape[2], one)
	}
	columns := func(v mlx.Value) mlx.Value {
		return v.Reshape(regions, one, ir.N(int64(width)), one, v.Type().Shape[2])
	}
	image = image.To(ir.I32).Reshape(regions, one, one, one, one)
	v := n.elements(x, image, []mlx.Value{rows(y).To(ir.I32), columns(at).To(ir.I32)})
	weights := rows(yWeight).Mul(columns(weight)).At(mlx.Rest, mlx.NewAxis)
	all := rows(yKept).And(columns(kept)).At(mlx.Rest, mlx.NewAxis)
	v = v.To(weights.Type().DType).Mul(weights)
	switch mode := n.attrString("mode", "avg"); mode {
	case "avg":
		v = mlx.Sum(mlx.Where(all, v, number(v, 0)), 3, 4)
		v = v.Div(mlx.MaximumN(yCount.Mul(count), 1).Reshape(regions, one, one, one))
	case "max":
		v = mlx.Max(mlx.Where(all, v, number(v, math.Inf(-1))), 3, 4)
		v = mlx.Where(mlx.IsInf(v), number(v, 0), v) // of no points
	default:
		n.fail("there is no mode %q", mode)
	}
	return v.Transpose(0, 3, 1, 2).To(t.DType)
}

// roiSpan is that of the regions of input 1, [x1, y1, x2, y2], along x or y.
func (n *node) roiSpan(axis int, size ir.Size) span {
	mode, missing := "", "half_pixel"
	if n.version < 16 {
		missing = "output_half_pixel"
	}
	mode = n.attrString("coordinate_transformation_mode", missing)
	if mode != "half_pixel" && mode != "output_half_pixel" {
		n.fail("there is no coordinate_transformation_mode %q", mode)
	}
	regions := n.x(1)
	edge := func(k int) mlx.Value {
		return regions.At(mlx.Every, mlx.Range(ir.N(int64(k)), ir.N(int64(k+1)))).To(between(regions.Type().DType)).MulN(n.attrFloat("spatial_scale", 1))
	}
	from, to := edge(axis), edge(axis+2)
	if mode == "half_pixel" {
		return span{from.SubN(0.5), to.Sub(from), size}
	}
	return span{from, mlx.MaximumN(to.Sub(from), 1), size}
}

// binPoints are the elements around the points of each of some bins of regions, along an
// axis: [R, bins, 2 points]. kept are those that count, and count is how many points a bin
// has, [R, 1].
func (n *node) binPoints(s span, bins int) (at, weight, kept, count mlx.Value) {
	t := s.from.Type().DType
	bin := s.length.DivN(float64(bins))
	most := n.attrInt("sampling_ratio", 0)
	if most < 0 || most > maxPoints {
		n.fail("sampling_ratio is %d, at most %d is possible", most, maxPoints)
	}
	count = n.b.Number(t, float64(most)).Broadcast(s.from.Type().Shape...)
	if most == 0 { // as many as a bin is long
		count = mlx.Ceil(bin)
		most = n.longest(bins)
	}
	wide := func(v mlx.Value) mlx.Value { return v.At(mlx.Every, mlx.Every, mlx.NewAxis) }
	i, k := n.count(t, 3, 1, ir.N(int64(bins))), n.count(t, 3, 2, ir.N(int64(most)))
	points := wide(s.from).Add(i.Mul(wide(bin))).Add(k.AddN(0.5).Mul(wide(bin)).Div(mlx.MaximumN(wide(count), 1)))
	size := n.size(s.size, t)
	within := points.GeN(-1).And(points.Le(size))
	at, weight = triangle.around(mlx.Clip(points, number(size, 0), size.SubN(1)), 1)
	at = mlx.Clip(at, number(size, 0), size.SubN(1))
	weight = mlx.Where(within.At(mlx.Rest, mlx.NewAxis), weight, number(weight, 0))
	kept = k.Lt(wide(count)).At(mlx.Rest, mlx.NewAxis)
	pair := func(v mlx.Value) mlx.Value {
		shape := at.Type().Shape
		return v.Broadcast(shape...).Reshape(shape[0], shape[1], shape[2].Mul(shape[3]))
	}
	return pair(at), pair(weight), pair(kept), count
}

// longest is how many points the largest bin has along an axis, where the regions say it.
func (n *node) longest(bins int) int {
	regions := n.known(1, "how many points a region has, its sampling_ratio being 0,")
	most := 1.0
	for i := range regions.F {
		if i%4 < 2 {
			length := (regions.F[i+2] - regions.F[i]) * n.attrFloat("spatial_scale", 1)
			most = max(most, math.Ceil(length/float64(bins)))
		}
	}
	if !(most <= maxPoints) {
		n.fail("a bin has %v points along an axis, at most %d are possible", most, maxPoints)
	}
	return int(most)
}

// maxPoints bounds the points of a bin along an axis.
const maxPoints = 1 << 10

// maxRoiPool has the largest element of each bin of regions, [image, x1, y1, x2, y2].
func maxRoiPool(n *node) mlx.Value {
	x, regions := n.x(0), n.x(1)
	t := x.Type()
	pooled := n.attrInts("pooled_shape")
	if t.Rank() != 4 || len(pooled) != 2 {
		n.fail("regions of %d axes of %s", len(pooled), t)
	}
	if r := n.typ(1); r.Rank() != 2 || !r.Shape[1].Is(5) {
		n.fail("%s are no regions [image, x1, y1, x2, y2]", r)
	}
	image := regions.At(mlx.Every, mlx.Pick(ir.N(0))).To(ir.I32)
	y := mlx.Take(x, image, 0) // [R, C, H, W]
	y = n.binMax(y, 3, pooled[1], 1)
	y = n.binMax(y, 2, pooled[0], 2)
	return mlx.Where(y.EqN(math.Inf(-1)), number(y, 0), y) // of no elements
}

// binMax folds an axis of y into bins of regions, which input 1 has at column on and two
// further.
func (n *node) binMax(y mlx.Value, a, bins, column int) mlx.Value {
	t := y.Type()
	edge := func(k int) mlx.Value { // rounded away from 0
		v := n.x(1).At(mlx.Every, mlx.Pick(ir.N(int64(k)))).To(ir.F32).MulN(n.attrFloat("spatial_scale", 1))
		return along(mlx.Sign(v).Mul(mlx.Floor(mlx.Abs(v).AddN(0.5))), t.Rank()+1, 0)
	}
	from, to := edge(column), edge(column+2)
	bin := mlx.MaximumN(to.Sub(from).AddN(1), 1).DivN(float64(bins))
	i := n.count(ir.F32, t.Rank()+1, a, ir.N(int64(bins)))
	lo, hi := mlx.Floor(i.Mul(bin)).Add(from), mlx.Ceil(i.AddN(1).Mul(bin)).Add(from)
	at := n.count(ir.F32, t.Rank()+1, a+1, t.Shape[a])
	shape := append(append([]ir.Size{}, t.Shape[:a]...), append([]ir.Size{ir.N(1)}, t.Shape[a:]...)...)
	return mlx.Max(mlx.Where(at.Ge(lo).And(at.Lt(hi)), y.Reshape(shape...), number(y, math.Inf(-1))), a+1)
}
