package ir

import (
	"fmt"
	"slices"
)

// GatherAttrs name the axis of the indices.
type GatherAttrs struct{ Axis int }

var gatherOps = []*Op{
	{
		Name: "take", Kind: KindGather, Operands: []string{"x", "i"}, Attrs: AxisAttrs{}, Grad: GradPending,
		Doc: "the elements of x at the indices i along an axis; an index out of range is clamped, and an axis without elements gives 0",
		Rules: []Rule{operands("take", 2), {"take/index", "the indices are integers", dtypeOf("take", 1, ints).Check},
			axisRule("take", func(in *Instr) []int { return []int{in.Attrs.(AxisAttrs).Axis} }),
			{"take/empty", "the axis is not of size 0", func(in *Instr) error {
				if in.Args[0].Type.Shape[in.Attrs.(AxisAttrs).Axis].Is(0) {
					return fmt.Errorf("axis %d of %s is empty", in.Attrs.(AxisAttrs).Axis, in.Args[0].Type)
				}
				return nil
			}}},
		Type: func(in *Instr) ([]Type, error) {
			x, axis := in.Args[0].Type, in.Attrs.(AxisAttrs).Axis
			s := slices.Concat(x.Shape[:axis], in.Args[1].Type.Shape, x.Shape[axis+1:])
			return typed(x.DType, s)
		},
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			axis, n := in.Attrs.(AxisAttrs).Axis, in.Args[1].Type.Rank()
			return p.nearest(in, axis, at[:axis], p.Arg(in.Args[1], at[axis:axis+n]), at[axis+n:])
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			axis, x, pick := in.Attrs.(AxisAttrs).Axis, args[0], args[1]
			n := len(pick.Shape)
			return env.fill(in.Result().Type, func(out *Tensor, o int, at []int) {
				if x.Shape[axis] == 0 {
					return
				}
				i := clampIndex(pick.I[pick.offset(at[axis:axis+n])], pick.DType, x.Shape[axis])
				from := slices.Concat(at[:axis], []int{i}, at[axis+n:])
				out.copyFrom(o, x, x.offset(from))
			})
		},
	},
	{
		Name: "gather", Kind: KindGather, Operands: []string{"x", "i"}, Attrs: GatherAttrs{}, Grad: GradPending,
		Doc: "the element of x at each index of i along an axis, i having x's sizes off it; an index out of range is clamped, and an axis without elements gives 0",
		Rules: []Rule{operands("gather", 2), {"gather/index", "the indices are integers", dtypeOf("gather", 1, ints).Check},
			axisRule("gather", func(in *Instr) []int { return []int{in.Attrs.(GatherAttrs).Axis} }),
			{"gather/shape", "sizes off the axis are equal, and the axis of x is not of size 0", func(in *Instr) error {
				x, i, axis := in.Args[0].Type, in.Args[1].Type, in.Attrs.(GatherAttrs).Axis
				if x.Rank() != i.Rank() || x.Shape[axis].Is(0) {
					return fmt.Errorf("%s has no elements for %s along axis %d", x, i, axis)
				}
				for n := range x.Shape {
					if n != axis && !x.Shape[n].Equal(i.Shape[n]) {
						return fmt.Errorf("sizes differ off the axis: %s and %s in %s and %s", x.Shape[n], i.Shape[n], x, i)
					}
				}
				return nil
			}}},
		Type: func(in *Instr) ([]Type, error) { return typed(in.Args[0].Type.DType, in.Args[1].Type.Shape) },
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			axis := in.Attrs.(GatherAttrs).Axis
			return p.nearest(in, axis, at[:axis], p.Arg(in.Args[1], at), at[axis+1:])
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			axis, x, pick := in.Attrs.(GatherAttrs).Axis, args[0], args[1]
			return env.fill(in.Result().Type, func(out *Tensor, o int, at []int) {
				if x.Shape[axis] == 0 {
					return
				}
				from := slices.Clone(at)
				from[axis] = clampIndex(pick.I[o], pick.DType, x.Shape[axis])
				out.copyFrom(o, x, x.offset(from))
			})
		},
	},
}

// nearest is the element of the first operand at the index that a scalar has along an axis,
// between what comes before it and after, or the one nearest to that: 0 if the axis has none.
func (p *Puller) nearest(in *Instr, axis int, before []Size, index *Scalar, after []Size) *Scalar {
	x := in.Args[0]
	size := x.Type.Shape[axis]
	last := size.Sub(N(1))
	pull := func() *Scalar {
		return p.Bound(size, p.clamp(index, size), func(i Size) *Scalar {
			return p.Arg(x, slices.Concat(before, []Size{i}, after))
		})
	}
	if proves(in.Facts, last) {
		return pull()
	}
	return p.Guarded([]Bound{{last, size}}, p.Num(x.Type.DType, 0), pull)
}

// clampIndex brings an index of an integer dtype into [0, extent).
func clampIndex(i int64, t DType, extent int) int {
	if t.Class() == Unsigned && i < 0 { // beyond int64
		return extent - 1
	}
	return int(max(0, min(i, int64(extent)-1)))
}

// clamp brings an index of any integer dtype into [0, extent), as i64.
func (p *Puller) clamp(i *Scalar, extent Size) *Scalar {
	last := extent.Sub(N(1))
	if i.DType == U64 { // before it could turn negative
		return p.Cast(I64, p.Apply(Min, i, p.Size(U64, last)))
	}
	i = p.Apply(Max, p.Cast(I64, i), p.Num(I64, 0))
	return p.Apply(Min, i, p.Size(I64, last))
}
