package ir

import "slices"

// ScanAttrs are the axis that is walked along, whether an element leaves itself out, and
// whether the walk begins at the end: as ONNX has them for CumSum.
type ScanAttrs struct {
	Axis               int
	Exclusive, Reverse bool
}

// scanBlock is how many elements a scan takes together. A scan of n elements is that of
// the totals of its blocks, of which there are n/scanBlock, and within each block a sum
// of the elements up to each: at most scanBlock terms for each element, so that the cost
// grows with n, and the depth with its logarithm. Every kernel of it runs in parallel,
// and no more roundings add up than log(n)/log(scanBlock) times those of a block.
const scanBlock = 16

var scanOps = []*Op{
	scanOp("cumsum", "the sum of the elements up to each along an axis, itself included unless exclusive; from the end with reverse; accumulated as sum does", "sum", "add", 0),
	scanOp("cumprod", "the product of the elements up to each along an axis, as cumsum; blocks of 16 are multiplied first, and may overflow or vanish", "prod", "mul", 1).sample(SamplePositive),
}

func scanOp(name, doc, fold, join string, identity float64) *Op {
	axis := func(in *Instr) []int { return []int{in.Attrs.(ScanAttrs).Axis} }
	return &Op{
		Name: name, Kind: KindComposite, Operands: []string{"x"}, Attrs: ScanAttrs{}, Doc: doc, Grad: GradExpand, Tolerance: summed,
		Rules: []Rule{operands(name, 1), dtypeOf(name, 0, floats|ints), axisRule(name, axis),
			countRule(name, func(in *Instr) int { return in.Attrs.(ScanAttrs).Axis })},
		Type: likeArg(0),
		Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
			a := in.Attrs.(ScanAttrs)
			s := scan{c, fold, join, identity, a.Reverse}
			return c.cast(x[0].Type.DType, s.along(a.Axis, c.wide(Invalid, x[0]), a.Exclusive, longest(x[0].Type.Shape[a.Axis])))
		}),
	}
}

// A scan writes the expansion of one.
type scan struct {
	*calc
	fold, join string // the reduction, and the op of two elements
	identity   float64
	reverse    bool
}

// along is the scan of an axis that is of size most at most.
func (s scan) along(axis int, x *Value, exclusive bool, most int64) *Value {
	if most <= scanBlock {
		return s.within(axis, x, exclusive)
	}
	shape := x.Type.Shape
	blocks := shape[axis].CeilDiv(scanBlock)
	split := slices.Concat(shape[:axis], []Size{blocks, N(scanBlock)}, shape[axis+1:])
	one := slices.Clone(split)
	one[axis+1] = N(1)

	z := s.resize(axis, x, blocks.Mul(N(scanBlock)), scanBlock-1, s.identity)
	z = s.op("reshape", ShapeAttrs{split}, z)
	total := s.op(s.fold, ReduceAttrs{Axes: []int{axis + 1}}, z)
	before := s.along(axis, total, true, (most+scanBlock-1)/scanBlock)
	z = s.op(s.join, nil, s.within(axis+1, z, exclusive), s.op("reshape", ShapeAttrs{one}, before))
	whole := slices.Clone(shape)
	whole[axis] = blocks.Mul(N(scanBlock))
	return s.resize(axis, s.op("reshape", ShapeAttrs{whole}, z), shape[axis], 0, 0)
}

// within is the scan of a short axis: each element's sum over another axis of it, in
// which those that do not count are the identity.
func (s scan) within(axis int, x *Value, exclusive bool) *Value {
	shape := x.Type.Shape
	square := slices.Insert(slices.Clone(shape), axis, shape[axis])
	one := slices.Insert(slices.Clone(shape), axis, N(1))
	z := s.op("broadcast", ShapeAttrs{square}, s.op("reshape", ShapeAttrs{one}, x))
	at := s.append(x, "iota", IotaAttrs{DType: I32, Shape: square, Axis: axis})
	of := s.append(x, "iota", IotaAttrs{DType: I32, Shape: square, Axis: axis + 1})
	if s.reverse {
		at, of = of, at
	}
	compare := "le"
	if exclusive {
		compare = "lt"
	}
	z = s.op("where", nil, s.op(compare, nil, of, at), z, s.like(z, s.identity))
	return s.op(s.fold, ReduceAttrs{Axes: []int{axis + 1}}, z)
}

// longest is the most elements that an axis has; where nothing bounds it, what i32 can
// count.
func longest(n Size) int64 {
	if most, ok := n.Max(); ok {
		return most
	}
	return 1<<31 - 1
}

// resize makes an axis n long, which is at most more than it is: what is new is a number.
func (c *calc) resize(axis int, x *Value, n Size, more int, number float64) *Value {
	shape := x.Type.Shape
	if n.Equal(shape[axis]) {
		return x
	}
	if more > 0 {
		hi := make([]int, len(shape))
		hi[axis] = more
		x = c.op("pad", PadAttrs{Lo: make([]int, len(shape)), Hi: hi, Value: number}, x)
	}
	cut := SliceAttrs{Start: make([]Size, len(shape)), Step: slices.Repeat([]int{1}, len(shape)), Size: slices.Clone(shape)}
	cut.Size[axis] = n
	return c.op("slice", cut, x)
}
