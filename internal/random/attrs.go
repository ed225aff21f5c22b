package random

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// operand is the type of a further operand of some name, for ops whose operands differ.
func (g *generator) operand(op *ir.Op, name string, x ir.Type) (ir.Type, bool) {
	if x.Rank() == 0 {
		return x, false
	}
	last := x.Shape[x.Rank()-1]
	switch op.Attrs.(type) {
	case ir.MatmulAttrs:
		y := ir.Type{DType: x.DType, Shape: []ir.Size{last, g.size()}}
		if x.Rank() > 2 && g.r.IntN(2) == 0 {
			y.Shape = slices.Concat(x.Shape[:x.Rank()-2], y.Shape)
		}
		return y, true
	case ir.ConvAttrs, ir.ConvTransposeAttrs:
		y := ir.Type{DType: x.DType, Shape: []ir.Size{ir.N(int64(1 + g.r.IntN(3)))}}
		for range x.Rank() - 2 {
			y.Shape = append(y.Shape, ir.N(int64(1+g.r.IntN(3))))
		}
		y.Shape = append(y.Shape, last)
		return y, x.Rank() > 2
	case ir.WinogradAttrs:
		return ir.Type{DType: x.DType, Shape: []ir.Size{ir.N(int64(1 + g.r.IntN(3))), ir.N(3), ir.N(3), last}}, x.Rank() == 4
	case ir.AttentionAttrs:
		return x, true
	case ir.LossAttrs:
		return ir.Type{DType: pick(g.r, []ir.DType{ir.I32, ir.U8, ir.I64}), Shape: x.Shape[:x.Rank()-1]}, true
	case ir.UpdateAttrs:
		y := ir.Type{DType: x.DType, Shape: slices.Clone(x.Shape)}
		if y.Shape[0] = ir.N(1); !x.Shape[0].AtLeast(1) {
			y.Shape[0] = ir.N(0)
		}
		return y, true
	case ir.AxisAttrs:
		return ir.Type{DType: pick(g.r, []ir.DType{ir.I32, ir.U8, ir.I64}), Shape: x.Shape[:g.r.IntN(2)]}, true
	case ir.GatherAttrs:
		if name == "y" {
			return x, true
		}
		return ir.Type{DType: pick(g.r, []ir.DType{ir.I32, ir.U8, ir.I64}), Shape: x.Shape}, true
	}
	return ir.Type{DType: x.DType, Shape: []ir.Size{last}}, true
}

// attrs draws attributes like zero for a first operand of type x.
func (g *generator) attrs(zero any, x ir.Type, args []*ir.Value) (any, bool) {
	r, rank := g.r, x.Rank()
	each := func(n int, f func() int) []int {
		out := make([]int, n)
		for i := range out {
			out[i] = f()
		}
		return out
	}
	upTo := func(n int) func() int { return func() int { return r.IntN(n) } }
	from1 := func(n int) func() int { return func() int { return 1 + r.IntN(n) } }
	switch zero.(type) {
	case nil:
		return nil, true
	case ir.CastAttrs:
		if g.dtypes != nil {
			return ir.CastAttrs{DType: pick(r, g.dtypes)}, true
		}
		return ir.CastAttrs{DType: pick(r, ir.DTypes())}, true
	case ir.ShapeAttrs:
		return ir.ShapeAttrs{Shape: g.shape(x.Shape)}, true
	case ir.PermAttrs:
		return ir.PermAttrs{Perm: r.Perm(rank)}, true
	case ir.SliceAttrs:
		return g.slice(x.Shape), true
	case ir.PadAttrs:
		return ir.PadAttrs{Lo: each(rank, upTo(3)), Hi: each(rank, upTo(3)), Value: float64(r.IntN(2))}, true
	case ir.ReduceAttrs:
		return ir.ReduceAttrs{Axes: r.Perm(rank)[:r.IntN(rank+1)], Keep: r.IntN(2) == 0}, true
	case ir.MatmulAttrs:
		return ir.MatmulAttrs{}, true
	case ir.NormAttrs:
		return ir.NormAttrs{Eps: 0.5}, true
	case ir.GroupNormAttrs:
		return ir.GroupNormAttrs{Groups: 1 + r.IntN(2), Eps: 0.5}, true
	case ir.AttentionAttrs:
		return ir.AttentionAttrs{Scale: 0.5, Causal: r.IntN(2) == 0}, true
	case ir.RopeAttrs:
		return ir.RopeAttrs{Pos: g.size(), Theta: 16, Interleaved: r.IntN(2) == 0, Factor: float64(1 + r.IntN(2))}, true
	case ir.LossAttrs:
		return ir.LossAttrs{}, true
	case ir.FFTAttrs:
		return ir.FFTAttrs{Inverse: r.IntN(2) == 0}, true
	case ir.RandomAttrs:
		return ir.RandomAttrs{Shape: g.typ().Shape}, true
	case ir.QuantizeAttrs:
		return ir.QuantizeAttrs{Format: pick(r, []ir.DType{ir.Q4G32, ir.Q8G32}), Plane: r.IntN(3)}, true
	}
	if rank == 0 {
		return nil, false
	}
	spatial := max(0, rank-2)
	switch zero.(type) {
	case ir.AxisAttrs:
		return ir.AxisAttrs{Axis: r.IntN(rank)}, true
	case ir.UpdateAttrs:
		room := x.Shape[0].Sub(args[1].Type.Shape[0])
		if n, ok := room.Int(); ok && n >= 0 {
			room = ir.N(r.Int64N(n + 1))
		}
		return ir.UpdateAttrs{Start: room}, true
	case ir.IndexAttrs:
		return ir.IndexAttrs{Axis: r.IntN(rank), Keep: r.IntN(2) == 0}, true
	case ir.GatherAttrs:
		return ir.GatherAttrs{Axis: r.IntN(rank)}, true
	case ir.ScanAttrs:
		return ir.ScanAttrs{Axis: r.IntN(rank), Exclusive: r.IntN(2) == 0, Reverse: r.IntN(2) == 0}, true
	case ir.SortAttrs:
		return ir.SortAttrs{Axis: r.IntN(rank), Descending: r.IntN(2) == 0}, true
	case ir.TopKAttrs:
		return ir.TopKAttrs{Axis: r.IntN(rank), K: 1 + r.IntN(2)}, true
	case ir.MergeAttrs:
		n, ok := x.Shape[0].Int()
		return ir.MergeAttrs{Count: 1 + r.IntN(int(max(1, n)))}, ok
	case ir.SoftmaxAttrs:
		return ir.SoftmaxAttrs{Axis: r.IntN(rank)}, true
	case ir.PoolAttrs:
		return ir.PoolAttrs{Size: each(spatial, from1(3)), Stride: each(spatial, from1(2)), Pad: each(spatial, upTo(2))}, true
	case ir.ConvAttrs:
		return ir.ConvAttrs{Stride: each(spatial, from1(2)), Pad: each(spatial, upTo(3)), Dilation: each(spatial, from1(2)), Groups: 1}, true
	case ir.FlipAttrs:
		return ir.FlipAttrs{Axes: r.Perm(rank)[:r.IntN(rank+1)]}, true
	case ir.ConvTransposeAttrs:
		return ir.ConvTransposeAttrs{Stride: each(spatial, from1(3)), Pad: each(spatial, upTo(3)), Dilation: each(spatial, from1(2)), OutPad: each(spatial, upTo(2)), Groups: 1}, true
	case ir.WinogradAttrs:
		return ir.WinogradAttrs{Pad: each(spatial, upTo(3))}, true
	}
	panic(fmt.Sprintf("random: attributes of type %T are not known", zero))
}

// shape is another shape for a reshape or a broadcast.
func (g *generator) shape(s []ir.Size) []ir.Size {
	s = slices.Clone(s)
	switch i := g.r.IntN(len(s) + 1); g.r.IntN(4) {
	case 0: // two axes become one
		if i+1 < len(s) {
			return slices.Concat(s[:i], []ir.Size{s[i].Mul(s[i+1])}, s[i+2:])
		}
	case 1: // one axis becomes two
		if i < len(s) {
			for _, d := range []int64{2, 3} {
				if n, ok := s[i].Exact(ir.N(d)); ok {
					return slices.Concat(s[:i], []ir.Size{ir.N(d), n}, s[i+1:])
				}
			}
		}
	case 2: // all axes, in another order
		g.r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
		return s
	default: // stretched
		for i := range s {
			if s[i].Is(1) {
				s[i] = g.size()
			}
		}
		return append([]ir.Size{g.size()}, s...)
	}
	return append([]ir.Size{ir.N(1)}, s...)
}

func (g *generator) slice(shape []ir.Size) ir.SliceAttrs {
	var a ir.SliceAttrs
	for _, e := range shape {
		start, step, size := ir.Size{}, 1, e
		if n, ok := e.Int(); ok && n > 0 && g.r.IntN(2) == 0 {
			from := g.r.Int64N(n)
			step = 1 + g.r.IntN(2)
			start, size = ir.N(from), ir.N((n-from+int64(step)-1)/int64(step))
		}
		a.Start, a.Step, a.Size = append(a.Start, start), append(a.Step, step), append(a.Size, size)
	}
	return a
}
