package onnx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// resizing are the operators that read between elements.
var resizing = map[string]handler{
	"Resize":     one(resize),
	"Upsample":   one(resize),
	"GridSample": one(gridSample),
	"AffineGrid": one(affineGrid),
	"RoiAlign":   one(roiAlign),
	"MaxRoiPool": one(maxRoiPool),
}

// A stretch is how one axis is resized.
type stretch struct {
	axis     int
	from, to ir.Size
	scale    float64   // 0 if it is only known when the model runs
	lo, hi   mlx.Value // the part of the axis that is resized, of tf_crop_and_resize; or else not Ok
}

// resize is that of axis after axis. Between them elements that are weighed are not rounded.
func resize(n *node) mlx.Value {
	x := n.x(0)
	t := x.Type()
	resized := n.nearest
	if n.attrString("mode", "nearest") != "nearest" {
		x, resized = x.To(between(t.DType)), n.interpolated
	}
	for _, s := range n.stretches(t.Shape) {
		if s.scale != 1 || !s.to.Equal(s.from) || s.lo.Ok() {
			x = resized(x, s)
		}
	}
	if t.DType.IsInt() && x.Type().DType.IsFloat() {
		x = mlx.Round(x)
	}
	return x.To(t.DType)
}

// transformation is how coordinates of the result become ones of what is resized.
func (n *node) transformation() string {
	if n.version < 11 {
		return "asymmetric"
	}
	return n.attrString("coordinate_transformation_mode", "half_pixel")
}

// stretches are those of the axes that the node names.
func (n *node) stretches(shape []ir.Size) []stretch {
	axes := n.attrInts("axes")
	if axes == nil {
		for a := range shape {
			axes = append(axes, a)
		}
	}
	axes = n.axes(axes, len(shape))
	out := make([]stretch, len(axes))
	for i, a := range axes {
		out[i] = stretch{axis: a, from: shape[a]}
	}
	if n.has(3) {
		n.toSizes(out, n.sizes(3, "the sizes"))
	} else {
		n.byScales(out, n.scales())
	}
	if n.transformation() == "tf_crop_and_resize" {
		n.regions(out)
	}
	return out
}

// scales are an input, or, before opset 9, an attribute.
func (n *node) scales() []float64 {
	if n.version < 9 {
		return n.attrFloats("scales")
	}
	i := 2
	if n.version < 11 {
		i = 1
	}
	t := n.known(i, "the list of scales")
	return t.F
}

func (n *node) byScales(out []stretch, scales []float64) {
	if len(scales) != len(out) {
		n.fail("%d scales for %d axes", len(scales), len(out))
	}
	for i, scale := range scales {
		s := &out[i]
		if !(scale > 0) || math.IsInf(scale, 0) {
			n.fail("a scale of %v", scale)
		}
		s.scale = scale
		if from, ok := s.from.Int(); ok {
			if scale*float64(from) > math.MaxInt32 {
				n.fail("axis %d, of size %d, is %v times as long", s.axis, from, scale)
			}
			s.to = ir.N(int64(float32(from) * float32(scale)))
			continue
		}
		over, under, ok := fraction(scale)
		if !ok {
			n.fail("axis %d is not of a known size, and a scale of %v is no fraction of small numbers", s.axis, scale)
		}
		s.to = s.from.Mul(ir.N(over)).Div(ir.N(under))
	}
}

// fraction is a scale as a fraction of small numbers.
func fraction(scale float64) (over, under int64, ok bool) {
	for under = 1; under <= 64; under++ {
		over = int64(math.Round(scale * float64(under)))
		if over > 0 && float32(over)/float32(under) == float32(scale) {
			return over, under, true
		}
	}
	return 0, 0, false
}

// toSizes sets the sizes of the axes. A policy that keeps their ratio takes them as bounds.
func (n *node) toSizes(out []stretch, sizes []ir.Size) {
	if len(sizes) != len(out) {
		n.fail("%d sizes for %d axes", len(sizes), len(out))
	}
	policy := n.attrString("keep_aspect_ratio_policy", "stretch")
	common := 0.0
	for i := range out {
		s := &out[i]
		s.to = sizes[i]
		to, fixed := s.to.Int()
		from, ok := s.from.Int()
		switch {
		case s.to.Equal(s.from):
			s.scale = 1
		case ok && fixed && from > 0:
			s.scale = float64(to) / float64(from)
		case policy != "stretch":
			n.fail("to keep the ratio of the axes their sizes have to be known, and axis %d goes from %s to %s", s.axis, s.from, s.to)
		}
		switch {
		case i == 0:
			common = s.scale
		case policy == "not_larger":
			common = min(common, s.scale)
		default:
			common = max(common, s.scale)
		}
	}
	switch policy {
	case "stretch":
		return
	case "not_larger", "not_smaller":
	default:
		n.fail("there is no keep_aspect_ratio_policy %q", policy)
	}
	for i := range out {
		s := &out[i]
		s.scale = common
		from, ok := s.from.Int()
		if !ok {
			n.fail("to keep the ratio of the axes their sizes have to be known, and axis %d is %s", s.axis, s.from)
		}
		s.to = ir.N(int64(math.Floor(common*float64(from) + 0.5)))
	}
}

// regions sets the parts that tf_crop_and_resize takes: all starts, then all ends, in units
// of the axes.
func (n *node) regions(out []stretch) {
	t := n.typ(1)
	if t.Rank() != 1 || !t.Shape[0].Is(int64(2*len(out))) {
		n.fail("the region is %s, for %d axes", t, len(out))
	}
	at := func(i int) mlx.Value { return n.x(1).At(mlx.Pick(ir.N(int64(i)))).To(ir.F32) }
	var known *ir.Tensor
	if n.in[1].data != nil && t.DType.IsFloat() {
		known = n.known(1, "the region")
	}
	for i := range out {
		if known != nil && known.F[i] == 0 && known.F[len(out)+i] == 1 && out[i].to.Equal(out[i].from) {
			continue // all of an axis that stays
		}
		out[i].lo, out[i].hi = at(i), at(len(out)+i)
	}
}

// points are where the elements of the result are in what is resized, as a vector. outside
// are those that are not within it; it is Ok only if these have a value of their own.
func (n *node) points(s stretch) (at, outside mlx.Value) {
	t := ir.F32
	from, to := n.size(s.from, t), n.size(s.to, t)
	scale := to.Div(from)
	if s.scale != 0 {
		scale = n.b.Number(t, s.scale)
	}
	length := to // before it was made an integer
	if whole, ok := s.from.Int(); ok && s.scale != 0 {
		length = n.b.Number(t, s.scale*float64(whole))
	}
	i := n.b.Arange(t, s.to)
	zero := number(i, 0)
	halfPixel := i.AddN(0.5).Div(scale).SubN(0.5)
	switch mode := n.transformation(); mode {
	case "half_pixel":
		return halfPixel, mlx.Value{}
	case "half_pixel_symmetric":
		offset := from.DivN(2).Mul(number(i, 1).Sub(to.Div(length)))
		return halfPixel.Add(offset), mlx.Value{}
	case "pytorch_half_pixel":
		return mlx.Where(to.GtN(1), halfPixel, zero), mlx.Value{}
	case "asymmetric", "tf_half_pixel_for_nn":
		if mode == "tf_half_pixel_for_nn" { // until opset 13
			i = i.AddN(0.5)
		}
		return i.Div(scale), mlx.Value{}
	case "align_corners":
		return mlx.Where(length.EqN(1), zero, i.Mul(from.SubN(1)).Div(length.SubN(1))), mlx.Value{}
	case "tf_crop_and_resize":
		last := from.SubN(1)
		if !s.lo.Ok() {
			return i, mlx.Value{}
		}
		at := mlx.Where(to.GtN(1),
			s.lo.Mul(last).Add(i.Mul(s.hi.Sub(s.lo)).Mul(last).Div(to.SubN(1))),
			s.lo.Add(s.hi).MulN(0.5).Mul(last))
		return at, at.LtN(0).Or(at.Gt(last))
	default:
		n.fail("there is no coordinate_transformation_mode %q", mode)
	}
	return i, mlx.Value{}
}

// extrapolated is x with the value for outside in its place, along an axis.
func (n *node) extrapolated(x, outside mlx.Value, a int) mlx.Value {
	if !outside.Ok() {
		return x
	}
	return mlx.Where(along(outside, x.Type().Rank(), a), number(x, n.attrFloat("extrapolation_value", 0)), x)
}

// along is a vector as a tensor of a rank that has it along an axis.
func along(v mlx.Value, rank, axis int) mlx.Value {
	shape := slices.Repeat([]ir.Size{ir.N(1)}, rank)
	shape[axis] = v.Type().Shape[0]
	return v.Reshape(shape...)
}

// near is how close to the middle of two elements, or to one, a point counts as there: only
// rounding can have moved it, and that differs between devices.
const near = 1.0 / 4096

// roundings are the nearest modes.
var roundings = map[string]func(at mlx.Value) mlx.Value{
	"floor":              func(at mlx.Value) mlx.Value { return mlx.Floor(at.AddN(near)) },
	"ceil":               func(at mlx.Value) mlx.Value { return mlx.Ceil(at.SubN(near)) },
	"round_prefer_floor": func(at mlx.Value) mlx.Value { return mlx.Ceil(at.SubN(0.5 + near)) },
	"round_prefer_ceil":  func(at mlx.Value) mlx.Value { return mlx.Floor(at.AddN(0.5 + near)) },
}

// nearest takes the element next to each point.
func (n *node) nearest(x mlx.Value, s stretch) mlx.Value {
	mode := n.attrString("nearest_mode", "round_prefer_floor")
	if n.version < 11 { // as ONNX Runtime does; there it is not specified
		mode = "floor"
		if s.scale < 1 {
			mode = "ceil"
		}
	}
	round := roundings[mode]
	if round == nil {
		n.fail("there is no nearest_mode %q", mode)
	}
	if k := int(s.scale); k > 0 && float64(k) == s.scale && n.repeats(mode) {
		return x.Repeat(k, s.axis) // a view
	}
	at, outside := n.points(s)
	return n.extrapolated(mlx.Take(x, round(at).To(ir.I32), s.axis), outside, s.axis)
}

// repeats reports whether a scale that is an integer repeats each element so often.
func (n *node) repeats(mode string) bool {
	switch n.transformation() {
	case "asymmetric":
		return mode == "floor"
	case "half_pixel", "half_pixel_symmetric":
		return mode == "round_prefer_floor" || mode == "round_prefer_ceil"
	}
	return false
}

// maxWide bounds the elements that the program weighs for one, one by one.
const maxWide = 1 << 10

// interpolated weighs the elements around each point.
func (n *node) interpolated(x mlx.Value, s stretch) mlx.Value {
	f := n.filter()
	antialias := n.attrInt("antialias", 0) != 0
	wide := 1.0
	if antialias {
		if s.scale == 0 {
			n.fail("an antialiasing filter is as wide as the scale says, and axis %d goes from %s to %s", s.axis, s.from, s.to)
		}
		if wide = max(1, 1/s.scale); wide > maxWide {
			n.fail("antialiasing weighs %v elements for one, at most %d are possible", wide, maxWide)
		}
	}
	points, outside := n.points(s)
	at, weight := f.around(points, wide)
	exclude := n.attrInt("exclude_outside", 0) != 0
	if exclude {
		inside := at.GeN(0).And(at.Lt(n.size(s.from, ir.F32)))
		weight = mlx.Where(inside, weight, number(weight, 0))
	}
	if exclude || antialias {
		weight = weight.Div(mlx.Sum(weight, 1).At(mlx.Every, mlx.NewAxis))
	}
	t := x.Type()
	at, weight = at.To(ir.I32), weight.To(t.DType)
	taps, _ := at.Type().Shape[1].Int()
	var y mlx.Value
	for k := range int(taps) {
		tap := func(v mlx.Value) mlx.Value { return v.At(mlx.Every, mlx.Pick(mlx.N(k))) }
		part := mlx.Take(x, tap(at), s.axis).Mul(along(tap(weight), t.Rank(), s.axis))
		if k == 0 {
			y = part
		} else {
			y = y.Add(part)
		}
	}
	return n.extrapolated(y, outside, s.axis)
}

// between is the dtype in which elements of a dtype are weighed.
func between(t ir.DType) ir.DType {
	if t == ir.F64 {
		return ir.F64
	}
	return ir.F32
}
